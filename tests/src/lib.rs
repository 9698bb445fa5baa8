//! Black-box tests: what a reader types into a milestone's real program, and what it answers.
//!
//! - [`session`]: a session file, played to a program through a pipe, becomes a transcript
//! - [`stages`]: the milestones and their programs, built once
//! - [`transcript`]: what a person would see who types a session at a terminal
//! - [`first_word`]: a program that has to say something at once
//! - [`database`]: the last milestone's program, given SQL
//! - [`process`]: a program at work behind pipes, with a limit to our patience
//! - [`kill`]: a load, `kill -9` at a random moment, and what must be there afterwards
//! - [`verdict`]: what a reader's own program keeps of its promises
//! - [`terminal`]: a program in a pseudo-terminal, and its screen
//!
//! See `tests/README.md` for how sessions are written and how to run them against a program of your own.

#![forbid(unsafe_code)]

pub mod database;
pub mod first_word;
pub mod kill;
pub mod process;
pub mod session;
pub mod stages;
pub mod terminal;
pub mod transcript;
pub mod verdict;
