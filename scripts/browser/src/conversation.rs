//! A conversation in turns.

use std::collections::VecDeque;
use std::io::{self, Write};

/// A milestone's session, between two turns.
pub trait Conversation {
    /// Carries out what was typed: lines. False when the conversation has ended.
    fn turn(&mut self, typed: &str) -> bool;
    /// Ends the program, in order or at once, unless it has ended; and starts it again on the same disk. False if it
    /// does not start.
    fn restart(&mut self, in_order: bool) -> bool;
}

/// What a page sends for Ctrl-C, as a line of its own: the end-of-text character that a terminal would send.
const ABANDON: &str = "\u{3}";

/// The lines of a turn.
pub struct Lines(VecDeque<String>);

/// What a person did at a prompt.
pub enum Typed {
    Line(String),
    Abandoned,
    /// Nothing: the turn is over.
    Nothing,
}

impl Lines {
    pub fn new(text: &str) -> Lines {
        Lines(text.lines().map(str::to_owned).collect())
    }

    /// The next one. A terminal would have shown prompt and line, so they are printed; when there is no line the prompt
    /// stays, for the page to type behind it.
    pub fn next(&mut self, prompt: &str) -> Typed {
        show(prompt);
        match self.0.pop_front() {
            None => Typed::Nothing,
            Some(line) if line == ABANDON => {
                show("^C\n");
                Typed::Abandoned
            }
            Some(line) => {
                show(&format!("{line}\n"));
                Typed::Line(line)
            }
        }
    }
}

/// A page's standard output does not fail.
fn show(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
