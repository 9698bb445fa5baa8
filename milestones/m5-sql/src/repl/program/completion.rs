//! The Tab key: completes SQL's words, the names of tables and columns, and commands that begin with a backslash.

use super::super::commands;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Cmd, ConditionalEventHandler, Context, Event, EventContext, Helper, RepeatCount};

/// The words of the statements that there are.
const KEYWORDS: &str = "\
    ALL ANALYZE AND AS ASC BEGIN BETWEEN BIGINT BOOLEAN BUFFERS BY CASE CAST CHECKPOINT COMMIT COPY CREATE CSV \
    DATE DEFAULT DELETE DELIMITER DESC DISTINCT DOUBLE DROP ELSE END ESCAPE EXISTS EXPLAIN FALSE FIRST FORMAT \
    FROM GROUP HAVING HEADER IF ILIKE IN INDEX INSERT INTEGER INTO IS KEY LAST LIKE LIMIT NOT NULL NULLS \
    NUMERIC OFFSET ON OR ORDER PRECISION PRIMARY QUOTE REAL ROLLBACK SELECT SET SHOW SMALLINT STDIN TABLE TEXT \
    THEN TIMESTAMP TRUE UNIQUE UPDATE VACUUM VALUES VARCHAR WHEN WHERE WITH";

/// What a word may be completed to.
#[derive(Default)]
pub struct Completion {
    /// The names of tables and columns, as SQL spells them.
    pub names: Vec<String>,
}

impl Completion {
    /// Where the word before the cursor begins, and what it may become.
    fn candidates(&self, before: &str) -> (usize, Vec<String>) {
        let start = word_start(before);
        let word = &before[start..];
        if word.starts_with('\\') {
            let names = commands::names().filter(|name| name.starts_with(word));
            return (start, sorted(names.map(str::to_string)));
        }
        let begins =
            |name: &&str| name.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
        // As psql does it: keywords in the case in which they were begun.
        let is_lower = word.starts_with(|c: char| c.is_ascii_lowercase());
        let keywords = KEYWORDS.split_whitespace().filter(begins);
        let keywords =
            keywords.map(|word| if is_lower { word.to_ascii_lowercase() } else { word.to_string() });
        let names = self.names.iter().map(String::as_str).filter(begins).map(str::to_string);
        (start, sorted(keywords.chain(names)))
    }
}

fn sorted(candidates: impl Iterator<Item = String>) -> Vec<String> {
    let mut candidates: Vec<String> = candidates.collect();
    candidates.sort_unstable();
    candidates.dedup();
    candidates
}

/// Where the word that ends at the cursor begins.
fn word_start(before: &str) -> usize {
    let ends_word = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '"' | '\\' | '?'));
    before.char_indices().rev().find(|(_, c)| ends_word(*c)).map_or(0, |(at, c)| at + c.len_utf8())
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(&line[..at]))
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}

/// The key where there is nothing to complete: behind a space, at the start of a line, in a string. There it is what it is
/// in a text that is pasted.
pub struct Tab;

impl ConditionalEventHandler for Tab {
    fn handle(&self, _: &Event, times: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let before = &context.line()[..context.pos()];
        let in_string = before.matches('\'').count() % 2 == 1;
        let is_alone = word_start(before) == before.len();
        (in_string || is_alone).then(|| Cmd::Insert(times, "\t".to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_names_and_commands_are_completed() {
        let completion = Completion { names: ["employees", "\"Odd\"", "salary"].map(String::from).to_vec() };
        for (before, start, expected) in [
            ("sel", 0, vec!["select"]),
            ("SEL", 0, vec!["SELECT"]),
            ("select sa", 7, vec!["salary"]),
            ("select (SA", 8, vec!["salary"]),
            ("select * from emp", 14, vec!["employees"]),
            ("select \"O", 7, vec!["\"Odd\""]),
            ("insert in", 7, vec!["in", "index", "insert", "integer", "into"]),
            ("\\timi", 0, vec!["\\timing"]),
            ("\\d emp", 3, vec!["employees"]),
            ("select xyz", 7, vec![]),
        ] {
            assert_eq!(
                completion.candidates(before),
                (start, expected.iter().map(|s| s.to_string()).collect())
            );
        }
    }
}
