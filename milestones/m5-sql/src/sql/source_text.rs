//! A statement's text on its way through the binder, and what is known of its parameters.

use crate::types::DataType;
use std::ops::Deref;

/// What a statement was parsed from: errors point into it.
#[derive(Clone, Copy)]
pub struct SourceText<'a> {
    pub text: &'a str,
    /// The types of `$1`, `$2`, …; `None` for one that takes the type its surroundings ask for, as a string does.
    pub parameters: &'a [Option<DataType>],
}

impl<'a> From<&'a str> for SourceText<'a> {
    /// A statement without parameters.
    fn from(text: &'a str) -> SourceText<'a> {
        SourceText { text, parameters: &[] }
    }
}

impl<'a> From<&'a String> for SourceText<'a> {
    fn from(text: &'a String) -> SourceText<'a> {
        SourceText::from(text.as_str())
    }
}

impl Deref for SourceText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.text
    }
}
