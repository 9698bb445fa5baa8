//! From lines to commands.
//!
//! A command is one line, or goes on as long as a parenthesis or a quote is open, or after a comma. What was read
//! is never read again: each line is looked at once, however long the command becomes.

use super::input::{MAX_LINE, decode};
use crate::error::{Error, Result, SqlState};

#[derive(Default)]
pub struct Gatherer {
    text: Vec<u8>,
    /// Parentheses that are open.
    depth: usize,
    /// The quote that is open.
    quote: Option<u8>,
    /// Whether the last thing was a comma.
    comma: bool,
}

impl Gatherer {
    /// Adds a line. True when a command is complete, which [`Gatherer::take`] then gives.
    pub fn add(&mut self, line: &[u8]) -> bool {
        if !self.text.is_empty() {
            self.text.push(b'\n');
        }
        let inspection = self.text.is_empty() && line.trim_ascii_start().starts_with(b"\\");
        let len = if inspection { line.len() } else { self.look(line) };
        // More than this is refused when it is complete; it need not be kept.
        if self.text.len() <= MAX_LINE {
            self.text.extend_from_slice(&line[..len]);
        }
        self.depth == 0 && self.quote.is_none() && !self.comma
    }

    /// The complete command.
    pub fn take(&mut self) -> Result<String> {
        let Gatherer { text, .. } = std::mem::take(self);
        if text.len() > MAX_LINE {
            return Err(Error::new(
                SqlState::ProgramLimitExceeded,
                format!("command is longer than {MAX_LINE} bytes"),
            ));
        }
        decode(&text).map(str::to_string)
    }

    /// Forgets what was begun.
    pub fn clear(&mut self) {
        *self = Gatherer::default();
    }

    /// What is still open, as psql's prompts show it.
    pub fn open(&self) -> &'static str {
        match self.quote {
            Some(b'\'') => "'",
            Some(_) => "\"",
            None if self.depth > 0 => "(",
            None if self.comma => "-",
            None => "",
        }
    }

    /// Follows quotes and parentheses through a line; how much of it comes before a comment.
    fn look(&mut self, line: &[u8]) -> usize {
        for (at, byte) in line.iter().enumerate() {
            if self.quote.is_none() && line[at..].starts_with(b"--") {
                return at;
            }
            if !byte.is_ascii_whitespace() {
                self.comma = *byte == b',' && self.quote.is_none();
            }
            match (self.quote, byte) {
                (Some(open), byte) if open == *byte => self.quote = None,
                (Some(_), _) => {}
                (None, b'\'' | b'"') => self.quote = Some(*byte),
                (None, b'(') => self.depth += 1,
                (None, b')') => self.depth = self.depth.saturating_sub(1),
                (None, _) => {}
            }
        }
        line.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(lines: &[&str]) -> Vec<String> {
        let mut gatherer = Gatherer::default();
        let mut commands = Vec::new();
        for line in lines {
            if gatherer.add(line.as_bytes()) {
                commands.push(gatherer.take().unwrap());
            }
        }
        commands
    }

    #[test]
    fn a_command_goes_on_while_something_is_open() {
        let lines =
            ["insert t (1,", " 'it''s (', ", "-- a comment", "2), (3,", "4)", "tables -- all", "\\page t 0"];
        assert_eq!(commands(&lines), ["insert t (1,\n 'it''s (', \n\n2), (3,\n4)", "tables ", "\\page t 0"]);
    }

    #[test]
    fn a_comma_promises_more() {
        assert_eq!(
            commands(&["insert t (1), -- one", "", "(2)", "tables"]),
            ["insert t (1), \n\n(2)", "tables"]
        );
    }

    #[test]
    fn a_quote_holds_line_feeds_and_dashes() {
        assert_eq!(commands(&["get 'a", "--b'"]), ["get 'a\n--b'"]);
        assert_eq!(commands(&["\\echo it's"]), ["\\echo it's"]);
    }

    #[test]
    fn it_knows_what_is_open() {
        let mut gatherer = Gatherer::default();
        gatherer.add(b"insert t (");
        assert_eq!(gatherer.open(), "(");
        gatherer.add(b"'");
        assert_eq!(gatherer.open(), "'");
        gatherer.clear();
        assert_eq!(gatherer.open(), "");
    }

    #[test]
    fn bytes_that_are_not_text_are_an_error_of_their_command_alone() {
        let mut gatherer = Gatherer::default();
        assert!(gatherer.add(b"get \xff"));
        let error = gatherer.take().unwrap_err();
        assert_eq!(error.message(), "invalid byte sequence for encoding \"UTF8\": 0xff");
        assert!(gatherer.add(b"tables"));
        assert_eq!(gatherer.take().unwrap(), "tables");
    }
}
