//! One case once more: what a failure printed says which.

use anyhow::Result;

use crate::crashes;

/// What becomes of it: all is well, or what is wrong.
pub fn replay(case: &str) -> Result<Result<(), String>> {
    crashes::replay(case)
}
