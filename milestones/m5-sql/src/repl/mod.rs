//! The conversation, in psql's manner: reads statements and backslash commands, has the database carry them out,
//! prints what comes of it.
//!
//! - `options` the command line; `input` where lines come from; `splitter` makes statements of them
//! - `variables` psql's variables; `commands` what begins with a backslash; `arguments` what follows its name
//! - `output` where everything is printed; `answer` and `table` print results; `report` prints errors
//! - `place` is where the database lies; `check` checks a directory instead of opening it
//! - `session` holds it together, `program` starts it
//!
//! Nothing that is typed ends the session, except `\q`.

mod answer;
mod arguments;
mod check;
mod commands;
mod copy_lines;
mod input;
mod options;
mod output;
mod place;
mod program;
mod report;
mod session;
mod splitter;
mod table;
mod variables;

pub use program::main;
pub use session::Session;
pub use splitter::{Piece, Splitter};
pub use variables::Variables;
