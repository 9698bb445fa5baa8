//! Statements and what they are bound to; the messages were checked against PostgreSQL 15.

mod depth;
mod queries;
mod statements;

use crate::sql::testing::error;

/// Code, message and the character it points to, counted from 1 as PostgreSQL does.
pub fn fails(text: &str) -> String {
    let error = error(text);
    let at = error.position().map_or(String::new(), |position| format!(" @{}", position + 1));
    format!("{}: {}{at}", error.state().code(), error.message())
}

pub fn assert_fails(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(fails(text), *expected, "{text}");
    }
}
