//! LIKE and ILIKE.
//!
//! A pattern is cut at its `%` into pieces of literal bytes and `_`. The first piece must stand at the start of
//! the text, the last at its end, and each piece between them may be taken where it first occurs: a later
//! occurrence never helps. So there is nothing to backtrack to, and a hostile pattern costs at most text ×
//! pattern steps, where the textbook's recursion is exponential.

use super::text::{fold_case, lower_char};
use super::{Evaluate, Node};
use crate::error::{Error, Result, SqlState};
use crate::execute::batch::Rows;
use crate::execute::vector::{Kind, Values, Vector, utf8, wrong_kind};

pub struct Like {
    text: Node,
    pattern: Node,
    escape: char,
    ignore_case: bool,
    negated: bool,
    compiled: Pattern,
    /// The pattern that `compiled` was made from; a pattern is compiled again only when it changes.
    source: Option<Vec<u8>>,
    folded: Vec<u8>,
    out: Vector,
}

impl Like {
    pub fn new(text: Node, pattern: Node, escape: char, ignore_case: bool, negated: bool) -> Like {
        Like {
            text,
            pattern,
            escape,
            ignore_case,
            negated,
            compiled: Pattern::default(),
            source: None,
            folded: Vec::new(),
            out: Vector::new(Kind::Boolean),
        }
    }
}

impl Evaluate for Like {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let Like { text, pattern, compiled, source, folded, out, .. } = self;
        let text = text.evaluate(columns, rows)?;
        let pattern = pattern.evaluate(columns, rows)?;
        let (texts, patterns) = (text.texts()?, pattern.texts()?);
        out.restart(Kind::Boolean, rows.bound());
        out.nulls.copy_from(&text.nulls);
        out.nulls.add(&pattern.nulls);
        let Vector { values: Values::Boolean(results), nulls } = &mut *out else { return Err(wrong_kind()) };
        rows.try_for_each(|row| {
            if nulls.is_null(row) {
                return Ok(());
            }
            let pattern = patterns.get(row);
            if source.as_deref() != Some(pattern) {
                *compiled = Pattern::compile(pattern, self.escape, self.ignore_case)?;
                *source = Some(pattern.to_vec());
            }
            let mut subject = texts.get(row);
            if self.ignore_case {
                folded.clear();
                fold_case(subject, folded, lower_char)?;
                subject = folded;
            }
            results[row] = compiled.matches(subject) != self.negated;
            Ok(())
        })?;
        Ok(out)
    }
}

/// What a pattern says between two `%`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Piece {
    /// Literal bytes, with one `_` between each and the next.
    literals: Vec<Vec<u8>>,
}

impl Piece {
    fn is_empty(&self) -> bool {
        self.literals.iter().all(Vec::is_empty) && self.literals.len() <= 1
    }

    /// Where a match that begins at the start of `text` ends.
    fn match_here(&self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        for (number, literal) in self.literals.iter().enumerate() {
            if number > 0 {
                at += char_len(text.get(at..)?)?;
            }
            if !text.get(at..)?.starts_with(literal) {
                return None;
            }
            at += literal.len();
        }
        Some(at)
    }

    /// Where the first match in `text` ends.
    fn find(&self, text: &[u8]) -> Option<usize> {
        let first = self.literals.first()?;
        if self.literals.len() == 1 {
            return find(text, first).map(|at| at + first.len());
        }
        let mut start = 0;
        loop {
            start += find(&text[start..], first)?;
            if let Some(len) = self.match_here(&text[start..]) {
                return Some(start + len);
            }
            start += char_len(&text[start..])?;
        }
    }

    /// Whether `text` ends with a match.
    fn matches_end(&self, text: &[u8]) -> bool {
        let mut end = text.len();
        for (number, literal) in self.literals.iter().enumerate().rev() {
            if !text[..end].ends_with(literal) {
                return false;
            }
            end -= literal.len();
            if number > 0 {
                // Step back over one character: over its continuation bytes to the byte that begins it.
                let Some(start) = text[..end].iter().rposition(|&byte| byte & 0xC0 != 0x80) else {
                    return false;
                };
                end = start;
            }
        }
        true
    }
}

/// A pattern in pieces.
#[derive(Clone, Debug, Default)]
struct Pattern {
    /// The whole pattern, if it has no `%`; else what stands before the first.
    first: Piece,
    middle: Vec<Piece>,
    /// What stands after the last `%`.
    last: Option<Piece>,
}

impl Pattern {
    fn compile(pattern: &[u8], escape: char, ignore_case: bool) -> Result<Pattern> {
        let mut pieces = vec![Piece { literals: vec![Vec::new()] }];
        let mut chars = utf8(pattern)?.chars();
        while let Some(c) = chars.next() {
            let literal = match c {
                c if c == escape => chars.next().ok_or_else(|| {
                    Error::new(
                        SqlState::InvalidEscapeSequence,
                        "LIKE pattern must not end with escape character",
                    )
                })?,
                '%' => {
                    pieces.push(Piece { literals: vec![Vec::new()] });
                    continue;
                }
                '_' => {
                    if let Some(piece) = pieces.last_mut() {
                        piece.literals.push(Vec::new());
                    }
                    continue;
                }
                c => c,
            };
            let literal = if ignore_case { lower_char(literal) } else { literal };
            if let Some(bytes) = pieces.last_mut().and_then(|piece| piece.literals.last_mut()) {
                bytes.extend_from_slice(literal.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        let last = if pieces.len() > 1 { pieces.pop() } else { None };
        let mut pieces = pieces.into_iter();
        let first = pieces.next().unwrap_or_default();
        Ok(Pattern { first, middle: pieces.filter(|piece| !piece.is_empty()).collect(), last })
    }

    fn matches(&self, text: &[u8]) -> bool {
        let Some(start) = self.first.match_here(text) else { return false };
        let Some(last) = &self.last else { return start == text.len() };
        let mut rest = &text[start..];
        for piece in &self.middle {
            match piece.find(rest) {
                Some(end) => rest = &rest[end..],
                None => return false,
            }
        }
        last.matches_end(rest)
    }
}

/// The length of the character that `text` begins with.
fn char_len(text: &[u8]) -> Option<usize> {
    let (_, rest) = text.split_first()?;
    Some(1 + rest.iter().take_while(|&&byte| byte & 0xC0 == 0x80).count())
}

/// Where `needle` first occurs: look for its first byte, then compare.
pub fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    let Some((&first, others)) = needle.split_first() else { return Some(0) };
    let mut start = 0;
    loop {
        start += text.get(start..)?.iter().position(|&byte| byte == first)?;
        if text[start + 1..].starts_with(others) {
            return Some(start);
        }
        start += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, by recursion over characters.
    fn naive(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|skip| naive(&text[skip..], rest)),
            ['_', rest @ ..] => !text.is_empty() && naive(&text[1..], rest),
            ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && naive(&text[1..], rest),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn patterns_match_what_the_definition_matches(text in "[abä%]{0,8}", pattern in "([abä_%]|\\\\[%_a]){0,7}") {
            let compiled = Pattern::compile(pattern.as_bytes(), '\\', false).unwrap();
            let (chars, letters): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
            prop_assert_eq!(compiled.matches(text.as_bytes()), naive(&chars, &letters));
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern = "%a".repeat(2000) + "%b";
        let text = "a".repeat(8000);
        let compiled = Pattern::compile(pattern.as_bytes(), '\\', false).unwrap();
        assert!(!compiled.matches(text.as_bytes()));
        assert!(compiled.matches((text + "b").as_bytes()));
    }

    #[test]
    fn a_pattern_may_not_end_with_the_escape_character() {
        let error = Pattern::compile(b"abc\\", '\\', false).unwrap_err();
        assert_eq!(error.message(), "LIKE pattern must not end with escape character");
        assert!(Pattern::compile(b"abc\\", '!', false).unwrap().matches(b"abc\\"));
    }
}
