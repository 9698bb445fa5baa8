//! The conversation: reads commands, has the database carry them out, prints what comes of it.
//!
//! - `options` the command line; `check` checks a directory instead of opening it
//! - `place` where the database lies and how it is opened
//! - `input` where lines come from; `gather` makes commands of them
//! - `commands` what can be said; `arguments` and `values` read what follows a command's name
//! - `output` where everything is printed; `table` draws results; `report` prints errors
//!
//! Nothing that is typed ends the session, except `\q`.

mod arguments;
mod check;
mod commands;
mod gather;
mod input;
mod options;
mod output;
mod place;
mod report;
mod session;
mod table;
mod values;

pub use commands::run as run_command;
pub use gather::Gatherer;
pub use output::Output;
pub use place::Place;
pub use session::{Session, main};
