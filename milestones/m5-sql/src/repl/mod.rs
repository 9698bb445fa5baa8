//! The conversation, in psql's manner: reads statements and backslash commands, has the database carry them out,
//! prints what comes of it.
//!
//! - `place` where the database lies and how it is opened
//! - `input` where lines come from; `splitter` makes statements of them
//! - `variables` psql's variables, `specials` those that the session obeys
//! - `commands` what begins with a backslash; `arguments` what follows its name
//! - `query` sends them, one by one or several as one; `interrupt` is Ctrl-C
//! - `output` where everything is printed, made safe by `printable`; `redirect` where one result may go instead
//! - `answer` and `table` print results; `report` prints errors
//! - `session` holds it together, `person` is for those who type
//! - `program` starts it at a terminal: its command line, line editing, `check`
//!
//! Nothing that is typed ends the session, except `\q`.

mod answer;
mod arguments;
mod commands;
mod copy_lines;
mod input;
mod interrupt;
mod output;
mod person;
mod place;
mod printable;
#[cfg(not(target_family = "wasm"))]
mod program;
mod query;
mod redirect;
mod report;
mod session;
mod specials;
mod splitter;
mod table;
mod variables;

pub use input::{Input, Terminal, Typed};
pub use output::{Output, complain};
pub use place::Place;
#[cfg(not(target_family = "wasm"))]
pub use program::main;
pub use session::Session;
pub use splitter::{Piece, Splitter};
pub use variables::Variables;
