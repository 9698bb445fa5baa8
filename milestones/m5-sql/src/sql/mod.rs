//! From SQL text to a plan.
//!
//! ```text
//!   text ──parse──▶ Command          sqlparser's tree, guarded against depth
//!        ──bind───▶ Statement        names resolved, types known, clauses checked
//!             └─planner─▶ plan       which index, in which order, at what cost
//!                          └─explain▶ the plan as text
//! ```
//!
//! [`bind()`] runs the planner itself: what comes out is ready to run.

pub mod bind;
pub mod encoding;
mod escapes;
pub mod explain;
pub mod expr;
mod length;
mod lexical;
pub mod lift;
pub mod like_escape;
mod limits;
pub mod literals;
pub mod logical;
pub mod parameters;
pub mod parse;
pub mod plan;
pub mod planner;
pub mod position;
pub mod source_text;
pub mod statement;
#[cfg(test)]
mod testing;
pub mod tree;
mod walk;

pub use bind::bind;
pub use parse::{Command, parse};
pub use statement::Statement;
