//! One case once more: what a failure printed says which.

use anyhow::Result;

use crate::{crashes, failures, rot};
#[cfg(feature = "whole")]
use crate::{fuzz, images};

/// What becomes of it: all is well, or what is wrong.
pub fn replay(case: &str) -> Result<Result<(), String>> {
    match case.split_once(':') {
        Some(("rot", _)) => Ok(match rot::replay(case)?.failures.first() {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }),
        Some(("io", _)) => failures::replay(case),
        #[cfg(feature = "whole")]
        Some(("fuzz", case)) => fuzz::replay(case),
        #[cfg(feature = "whole")]
        Some(("images", case)) => images::replay(case),
        _ => crashes::replay(case),
    }
}
