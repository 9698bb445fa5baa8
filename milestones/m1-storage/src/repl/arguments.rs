//! What follows a command's name, read word by word.

use crate::error::{Error, Result, SqlState};
use crate::types::is_space;
use std::str::FromStr;

/// A reader of one command. Each complaint says where it was.
pub struct Arguments<'a> {
    pub(super) text: &'a str,
    /// Bytes of `text` that are read.
    pub(super) at: usize,
}

impl<'a> Arguments<'a> {
    /// A reader of `text` from byte `at` on, where the command's name ends.
    pub fn new(text: &'a str, at: usize) -> Arguments<'a> {
        Arguments { text, at }
    }

    /// What is left, without the spaces and the semicolon around it.
    pub fn rest(&self) -> &'a str {
        self.text[self.at..].trim_matches(is_space).trim_end_matches(';').trim_end_matches(is_space)
    }

    pub fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// Nothing may follow.
    pub fn end(&self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The name of a table or a column: lower case unless quoted, as in SQL.
    pub fn name(&mut self) -> Result<String> {
        self.skip_spaces();
        if self.rest().starts_with('"') {
            return self.quoted('"');
        }
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !is_letter(c) && c != '$').unwrap_or(rest.len());
        if !rest.starts_with(|c: char| is_letter(c) && !c.is_ascii_digit()) {
            return Err(self.unexpected());
        }
        self.at += end;
        Ok(rest[..end].to_ascii_lowercase())
    }

    /// Everything up to the next space: a file's name, a setting. Quotes keep spaces together.
    pub fn word(&mut self) -> Option<String> {
        self.skip_spaces();
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        if rest.starts_with('\'')
            && let Ok(word) = self.quoted('\'')
        {
            return Some(word);
        }
        let end = rest.find(is_space).unwrap_or(rest.len());
        self.at += end;
        Some(rest[..end].to_string())
    }

    pub fn number<N: FromStr>(&mut self) -> Result<N> {
        self.skip_spaces();
        let start = self.at;
        let rest = &self.text[start..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.unexpected());
        }
        self.at += end;
        rest[..end].parse().map_err(|_| {
            let message = format!("number {} is out of range", &rest[..end]);
            self.error_at(start, SqlState::NumericValueOutOfRange, message)
        })
    }

    /// Text between two `quote`s, in which a doubled one stands for itself.
    pub(super) fn quoted(&mut self, quote: char) -> Result<String> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.text[start..].char_indices().skip(1).peekable();
        while let Some((offset, character)) = characters.next() {
            if character != quote {
                text.push(character);
            } else if characters.next_if(|(_, next)| *next == quote).is_some() {
                text.push(quote);
            } else {
                self.at = start + offset + quote.len_utf8();
                return Ok(text);
            }
        }
        let what = if quote == '"' { "identifier" } else { "string" };
        let message = format!("unterminated quoted {what} at or near \"{}\"", &self.text[start..]);
        Err(self.error_at(start, SqlState::SyntaxError, message))
    }

    pub(super) fn skip_spaces(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(is_space).len();
    }

    /// PostgreSQL's complaint about what comes next.
    pub fn unexpected(&self) -> Error {
        let rest = self.rest();
        let start = self.text.len() - self.text[self.at..].trim_start_matches(is_space).len();
        let word_end = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
        let len = word_end.max(rest.chars().next().map_or(0, char::len_utf8));
        let message = match &rest[..len] {
            "" => "syntax error at end of input".to_string(),
            word => format!("syntax error at or near \"{word}\""),
        };
        self.error_at(start, SqlState::SyntaxError, message)
    }

    pub(super) fn error_at(&self, offset: usize, state: SqlState, message: String) -> Error {
        Error::new(state, message).with_position(self.position(offset))
    }

    pub(super) fn position(&self, offset: usize) -> usize {
        self.text[..offset].chars().count()
    }
}

/// What words are made of. As in PostgreSQL, that is everything beyond ASCII, spaces too.
pub fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_unless_quoted() {
        let mut arguments = Arguments::new(r#"Employees "Mixed ""Case""" über_1"#, 0);
        assert_eq!(arguments.name().unwrap(), "employees");
        assert_eq!(arguments.name().unwrap(), "Mixed \"Case\"");
        assert_eq!(arguments.name().unwrap(), "über_1");
        assert_eq!(arguments.name().unwrap_err().message(), "syntax error at end of input");
    }

    #[test]
    fn beyond_ascii_everything_is_a_letter_and_keeps_its_case() {
        let mut arguments = Arguments::new("\t\u{c4}B\u{a0}\u{20ac}1 next\u{3000}word", 0);
        assert_eq!(arguments.name().unwrap(), "\u{c4}b\u{a0}\u{20ac}1");
        assert_eq!(arguments.word().unwrap(), "next\u{3000}word");
    }

    #[test]
    fn words_end_at_spaces_that_are_not_quoted() {
        let mut arguments = Arguments::new("  plain 'two words' end", 0);
        assert_eq!(arguments.word().unwrap(), "plain");
        assert_eq!(arguments.word().unwrap(), "two words");
        assert_eq!(arguments.word().unwrap(), "end");
        assert_eq!(arguments.word(), None);
    }

    #[test]
    fn what_was_not_expected_is_named() {
        for (text, near, position) in [("t 5x", "5x", 2), ("t (", "(", 2), ("t '", "'", 2)] {
            let mut arguments = Arguments::new(text, 0);
            arguments.name().unwrap();
            let error = arguments.end().unwrap_err();
            assert_eq!(error.message(), format!("syntax error at or near \"{near}\""));
            assert_eq!(error.position(), Some(position));
        }
    }

    #[test]
    fn numbers_have_limits() {
        assert_eq!(Arguments::new(" 65535;", 0).number::<u16>().unwrap(), 65535);
        assert_eq!(Arguments::new("65536", 0).number::<u16>().unwrap_err().state().code(), "22003");
        assert_eq!(Arguments::new("-1", 0).number::<u16>().unwrap_err().state().code(), "42601");
    }
}
