//! Spelling, by a list: a word that is not in `book/words.txt` is new or wrong, and somebody has to say which.
//!
//! The list has every word of the book's prose, and was held against a dictionary when it was made. Code is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::directives::{chapters, find};

const LIST: &str = "book/words.txt";

/// A line for each word that the list does not have.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(root.join(LIST)).with_context(|| format!("there is no {LIST}"))?;
    let known: BTreeSet<&str> = text.lines().collect();
    let mut problems = Vec::new();
    for (path, text) in chapters(&root.join("book/src"))? {
        for word in words(&text) {
            if !known.contains(&word[..]) {
                problems.push(format!("book/src/{path}: \"{word}\" is not in {LIST}: is it spelt right?"));
            }
        }
    }
    Ok(problems)
}

/// Writes the list anew, with every word that there is; how many are new.
pub fn accept(root: &Path) -> Result<usize> {
    let path = root.join(LIST);
    let old = fs::read_to_string(&path).unwrap_or_default();
    let known: BTreeSet<&str> = old.lines().collect();
    let mut all = BTreeSet::new();
    for (_, text) in chapters(&root.join("book/src"))? {
        all.extend(words(&text));
    }
    let new = all.iter().filter(|word| !known.contains(&word[..])).count();
    let list: String = all.into_iter().map(|word| word + "\n").collect();
    fs::write(&path, list).with_context(|| format!("cannot write {LIST}"))?;
    Ok(new)
}

/// The words of a chapter's prose, in small letters: no code, no addresses, nothing with a digit or an underscore in it.
fn words(text: &str) -> BTreeSet<String> {
    let mut prose = String::with_capacity(text.len());
    let mut at = 0;
    for place in find(text) {
        prose.push_str(&text[at..place.start]);
        at = place.end;
    }
    prose.push_str(&text[at..]);
    let mut in_block = false;
    let mut words = BTreeSet::new();
    for line in prose.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block && !line.starts_with("    ") {
            // What is between backticks is code: every second piece.
            for piece in line.split('`').step_by(2) {
                words.extend(piece.split_whitespace().filter(|word| is_plain(word)).flat_map(parts));
            }
        }
    }
    words
}

/// Not a path, an address, a tag, or a name of the program's.
fn is_plain(word: &str) -> bool {
    !word.contains(['/', '_', '<', '>', '=', '{', '@', '\\']) && !word.contains(|c: char| c.is_ascii_digit())
}

/// What is joined by dashes is several words; an apostrophe belongs to its word.
fn parts(word: &str) -> impl Iterator<Item = String> {
    let letters = |c: char| !c.is_alphabetic() && c != '\'';
    let parts = word.split(letters).map(|part| part.trim_matches('\'').to_lowercase());
    parts.filter(|part| part.chars().count() > 1).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_taken_and_code_is_not() {
        let text = "The *log's* end, `fsync`, re-read (twice) at src/wal/mod.rs, 24 kB.\n\n    cargo xyz\n\n```rust\nlet qqq = 1;\n```\n{{#item m1 page/mod.rs Pgae}}\n";
        let found: Vec<String> = words(text).into_iter().collect();
        assert_eq!(found, ["at", "end", "kb", "log's", "re", "read", "the", "twice"]);
    }
}
