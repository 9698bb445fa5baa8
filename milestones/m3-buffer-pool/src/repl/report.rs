//! Errors as psql prints them, on standard error.

use super::printable::printable;
use super::table::width;
use crate::error::Error;
use std::fmt::Write;

/// How much of an error is told (`\set VERBOSITY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    #[default]
    Default,
    /// The message alone, in one line.
    Terse,
    /// With the SQLSTATE.
    Verbose,
    /// Nothing but the SQLSTATE.
    SqlState,
}

impl Verbosity {
    pub fn parse(name: &str) -> Option<Verbosity> {
        Some(match name.to_ascii_lowercase().as_str() {
            "default" => Verbosity::Default,
            "terse" => Verbosity::Terse,
            "verbose" => Verbosity::Verbose,
            "sqlstate" => Verbosity::SqlState,
            _ => return None,
        })
    }
}

/// The error's text. `statement` is what it happened in, for errors that name a position there.
pub fn render(error: &Error, statement: &str, verbosity: Verbosity) -> String {
    let code = error.state().code();
    let mut text = match verbosity {
        Verbosity::SqlState => return format!("ERROR:  {code}\n"),
        Verbosity::Verbose => format!("ERROR:  {code}: {}", error.message()),
        Verbosity::Default | Verbosity::Terse => format!("ERROR:  {}", error.message()),
    };
    let terse = verbosity == Verbosity::Terse;
    if let (Some(position), true) = (error.position(), terse) {
        let _ = write!(text, " at character {}", position + 1);
    }
    text.push('\n');
    if terse {
        return text;
    }
    if let Some(position) = error.position() {
        text.push_str(&excerpt(statement, position));
    }
    if let Some(detail) = error.detail() {
        let _ = writeln!(text, "DETAIL:  {detail}");
    }
    if let Some(hint) = error.hint() {
        let _ = writeln!(text, "HINT:  {hint}");
    }
    text
}

/// What the user should know of a directory that others may read, too.
pub fn open_to_others(directory: &str, mode: u32) -> String {
    format!(
        "WARNING:  data directory \"{directory}\" has permissions {mode:04o}: other users can read it, or keep it locked\n\
         HINT:  Permissions should be u=rwx (0700).\n"
    )
}

/// Columns of the line that are shown; the rest is cut to "...".
const DISPLAY_SIZE: usize = 60;

/// Columns kept visible to the right of the position, where the line is cut.
const MIN_RIGHT_CUT: usize = 10;

/// The line of `statement` that holds the character at `position`, and a caret below that character
/// (libpq's `reportErrorPosition`).
fn excerpt(statement: &str, position: usize) -> String {
    let at = statement.char_indices().nth(position).map_or(statement.len(), |(at, _)| at);
    let (before, after) = statement.split_at(at);
    let number = before.matches('\n').count() + 1;
    let before = before.rsplit('\n').next().unwrap_or_default();
    let after = after.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    // What is written out takes more columns, which the caret has to know.
    let shown = |text: &str| printable(&text.replace('\t', " "));
    let (mut left, mut right) = (shown(before), shown(after));

    if width(&left) + width(&right) > DISPLAY_SIZE {
        // Cut at the right if the position is near the line's start, else at the left, else both.
        if width(&left) + MIN_RIGHT_CUT <= DISPLAY_SIZE {
            right = format!("{}...", prefix(&right, DISPLAY_SIZE - width(&left)));
        } else {
            if width(&right) > MIN_RIGHT_CUT {
                right = format!("{}...", prefix(&right, MIN_RIGHT_CUT));
            }
            let room = DISPLAY_SIZE.saturating_sub(width(&right).min(MIN_RIGHT_CUT));
            left = format!("...{}", suffix(&left, room));
        }
    }
    let head = format!("LINE {number}: ");
    let indent = head.len() + width(&left);
    format!("{head}{left}{right}\n{:indent$}^\n", "")
}

/// As much of the start of `text` as fits `columns`.
fn prefix(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, character)| {
        used += width(character.encode_utf8(&mut [0; 4]));
        used > columns
    });
    end.map_or(text, |(end, _)| &text[..end])
}

/// As much of the end of `text` as fits `columns`.
fn suffix(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let start = text.char_indices().rev().find(|(_, character)| {
        used += width(character.encode_utf8(&mut [0; 4]));
        used > columns
    });
    start.map_or(text, |(start, character)| &text[start + character.len_utf8()..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SqlState;

    fn division() -> Error {
        Error::new(SqlState::DivisionByZero, "division by zero")
    }

    #[test]
    fn verbosity_is_psqls() {
        let error = division().with_detail("one").with_hint("two").with_position(7);
        let shown = |verbosity| render(&error, "SELECT 1/0", verbosity);
        assert_eq!(
            shown(Verbosity::Default),
            "ERROR:  division by zero\nLINE 1: SELECT 1/0\n               ^\nDETAIL:  one\nHINT:  two\n"
        );
        assert!(shown(Verbosity::Verbose).starts_with("ERROR:  22012: division by zero\nLINE 1"));
        assert_eq!(shown(Verbosity::Terse), "ERROR:  division by zero at character 8\n");
        assert_eq!(shown(Verbosity::SqlState), "ERROR:  22012\n");
    }

    #[test]
    fn the_caret_is_below_the_character_in_its_line() {
        assert_eq!(excerpt("select\n  é日x", 11), "LINE 2:   é日x\n             ^\n");
        assert_eq!(excerpt("select 1", 8), "LINE 1: select 1\n                ^\n");
        assert_eq!(excerpt("a", 99), "LINE 1: a\n         ^\n");
        assert_eq!(excerpt("a\u{202e}\x07 b", 4), "LINE 1: a\\u202E\\x07 b\n                    ^\n");
    }

    #[test]
    fn a_long_line_is_cut_around_the_position() {
        let long = format!("{}X{}", "a".repeat(200), "b".repeat(200));
        let shown = excerpt(&long, 200);
        assert!(shown.starts_with("LINE 1: ...aaaa"), "{shown}");
        let (line, caret) = shown.split_once('\n').unwrap();
        assert_eq!(line.find('X'), caret.find('^'));
        assert!(line.ends_with("bbb..."));
    }
}
