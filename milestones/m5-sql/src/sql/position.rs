//! Places in a statement's text: sqlparser counts lines and columns, PostgreSQL counts characters.

use crate::error::Error;
use sqlparser::tokenizer::{Location, Span};

/// The characters before `location`. sqlparser counts lines and columns from 1, and 0 means "nowhere".
pub fn characters_before(text: &str, location: Location) -> Option<usize> {
    if location.line == 0 || location.column == 0 {
        return None;
    }
    let line_start: usize =
        text.split_inclusive('\n').take(location.line as usize - 1).map(|line| line.chars().count()).sum();
    Some(line_start + location.column as usize - 1)
}

/// Adds the place where `span` starts, if it is known.
pub fn locate(error: Error, text: impl std::ops::Deref<Target = str>, span: Span) -> Error {
    match characters_before(&text, span.start) {
        Some(position) => error.with_position(position),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_become_characters() {
        let text = "SELECT 'ä',\n  x";
        assert_eq!(characters_before(text, Location { line: 1, column: 8 }), Some(7));
        assert_eq!(characters_before(text, Location { line: 2, column: 3 }), Some(14));
        assert_eq!(characters_before(text, Location { line: 0, column: 0 }), None);
    }
}
