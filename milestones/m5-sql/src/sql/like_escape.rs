//! ESCAPE, the last part of LIKE.
//!
//! LIKE has one escape character, the backslash. ESCAPE names another by writing the pattern anew.

use crate::error::{Error, Result, SqlState};

/// Writes the pattern so that a backslash escapes what `escape` escaped, and nothing else (PostgreSQL's `like_escape`).
/// An empty `escape` escapes nothing.
pub fn rewrite(pattern: &str, escape: &str) -> Result<String> {
    let escape = character(escape)?;
    if escape == Some('\\') {
        return Ok(pattern.to_string());
    }
    let mut written = String::with_capacity(pattern.len());
    let mut is_escaped = false;
    for character in pattern.chars() {
        let escapes = !is_escaped && Some(character) == escape;
        match character {
            _ if escapes => written.push('\\'),
            '\\' if !is_escaped => written.push_str("\\\\"),
            _ => written.push(character),
        }
        is_escaped = escapes;
    }
    Ok(written)
}

/// The character that ESCAPE names, if it names one.
pub fn character(escape: &str) -> Result<Option<char>> {
    let mut characters = escape.chars();
    match (characters.next(), characters.next()) {
        (first, None) => Ok(first),
        _ => Err(Error::new(SqlState::InvalidEscapeSequence, "invalid escape string")
            .with_hint("Escape string must be empty or one character.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each right-hand side was written by PostgreSQL 15: SELECT like_escape(pattern, escape).
    #[test]
    fn escape_is_written_with_backslashes() {
        for (pattern, escape, expected) in [
            ("a\\b%", "", "a\\\\b%"),
            ("a\\%", "\\", "a\\%"),
            ("a!%b!!c!", "!", "a\\%b\\!c\\"),
            ("a\\!\\b", "!", "a\\\\\\\\b"),
            ("aé%é", "é", "a\\%\\"),
            ("a%%b", "%", "a\\%b"),
        ] {
            assert_eq!(rewrite(pattern, escape).unwrap(), expected, "{pattern} {escape}");
        }
        let error = rewrite("a", "ab").unwrap_err();
        assert_eq!((error.state().code(), error.message()), ("22025", "invalid escape string"));
    }
}
