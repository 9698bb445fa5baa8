//! The conversation: reads commands, has the database carry them out, prints what comes of it.
//!
//! - `place` where the database lies and how it is opened
//! - `input` where lines come from; `gather` makes commands of them
//! - `commands` what can be said; `arguments` and `values` read what follows a command's name
//! - `output` where everything is printed, made safe by `printable`; `table` draws results; `report` prints errors
//! - `session` holds it together; `program` starts it at a terminal: its command line, line editing, `check`
//!
//! Nothing that is typed ends the session, except `\q`.

mod arguments;
mod commands;
mod gather;
mod input;
mod output;
mod place;
mod printable;
#[cfg(not(target_family = "wasm"))]
mod program;
mod report;
mod session;
mod table;
mod values;

pub use commands::run as run_command;
pub use gather::Gatherer;
pub use input::{Input, Terminal, Typed};
pub use output::{Output, complain};
pub use place::Place;
#[cfg(not(target_family = "wasm"))]
pub use program::main;
pub use session::Session;
