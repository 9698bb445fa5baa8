//! The real programs, really killed.
//!
//! A model follows what a program acknowledged, and what the one unit in doubt would have done: a statement, or a whole
//! transaction block. After the end the program is started again, and each row it shows must be the model's.
//!
//! - [`random`]: `kill -9` at random moments, under load
//! - [`syscalls`]: a kill, or an error, at each system call that a session makes
//! - [`power`]: file systems that lose what was not synced
//! - `model`, `dialect`, `load`, `program`: what must be there, how it is said, what is done, who does it

use anyhow::Result;

use crate::part::{Context, Outcome};

pub(crate) mod dialect;
pub(crate) mod load;
pub(crate) mod model;
pub mod power;
pub(crate) mod program;
pub mod random;
pub mod syscalls;

pub fn run(context: &Context) -> Result<Outcome> {
    let mut outcome = random::run(context);
    outcome.add(syscalls::run(context)?);
    outcome.add(power::run(context)?);
    Ok(outcome)
}
