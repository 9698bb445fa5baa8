//! The patterns of LIKE and ILIKE.
//!
//! A pattern is cut at its `%` into pieces of literal bytes and `_`. The first piece must stand at the start of
//! the text, the last at its end, and each piece between them may be taken where it first occurs: a later
//! occurrence never helps. So there is nothing to backtrack to, where the textbook's recursion is exponential.
//!
//! A piece that nearly matches everywhere could still cost its length at each place of the text. When a search begins
//! to repeat itself like that, [`Automaton`] takes over, and reads each byte of the text once.

use super::automaton::Automaton;
use super::text::lower_char;
use crate::error::{Error, Result, SqlState};
use crate::execute::vector::utf8;
use memchr::memmem::Finder;

/// How many bytes a search may compare for each byte of text and pattern before the automaton takes over.
const PATIENCE: usize = 4;

/// Any characters, as many as the gap says, and literal bytes behind them.
#[derive(Clone, Debug)]
pub struct Run {
    pub gap: usize,
    pub literal: Vec<u8>,
}

/// What a pattern says between two `%`.
#[derive(Clone, Debug, Default)]
struct Piece {
    runs: Vec<Run>,
    /// Characters that must follow the last literal.
    trailing: usize,
    /// Bytes and `_` in all.
    len: usize,
    /// Finds the first literal. Only a piece in the middle has to look for it.
    finder: Option<Finder<'static>>,
    automaton: Option<Box<Automaton>>,
}

impl Piece {
    fn push_any(&mut self) {
        self.trailing += 1;
        self.len += 1;
    }

    fn push(&mut self, character: &str) {
        self.len += character.len();
        match self.runs.last_mut() {
            Some(run) if self.trailing == 0 => run.literal.extend_from_slice(character.as_bytes()),
            _ => {
                let gap = std::mem::take(&mut self.trailing);
                self.runs.push(Run { gap, literal: character.as_bytes().to_vec() });
            }
        }
    }

    /// Where a match that begins at the start of `text` ends.
    fn match_here(&self, text: &[u8], steps: &mut usize) -> Option<usize> {
        let end = match_runs(&self.runs, text, steps)?;
        Some(end + skip(&text[end..], self.trailing, steps)?)
    }

    /// Where the first match in `text` ends. The `_` at both ends of a piece only say how many characters there must
    /// be, so the search is for what lies between them.
    fn find(&mut self, text: &[u8], steps: &mut usize) -> Option<usize> {
        let mut end = 0;
        if let Some(first) = self.runs.first() {
            end = skip(text, first.gap, steps)?;
            end += self.find_literals(&text[end..], steps)?;
        }
        Some(end + skip(&text[end..], self.trailing, steps)?)
    }

    fn find_literals(&mut self, text: &[u8], steps: &mut usize) -> Option<usize> {
        let (first, others) = self.runs.split_first()?;
        let finder = self.finder.get_or_insert_with(|| Finder::new(&first.literal).into_owned());
        let begun = *steps;
        let mut at = 0;
        loop {
            let found = finder.find(&text[at..]);
            *steps += found.map_or(text.len() - at, |found| found + first.literal.len());
            at += found?;
            let end = at + first.literal.len();
            if let Some(len) = match_runs(others, &text[end..], steps) {
                return Some(end + len);
            }
            at += char_len(&text[at..])?;
            if *steps - begun > PATIENCE * (at + self.len) {
                let automaton = self.automaton.get_or_insert_with(|| Box::new(Automaton::new(&self.runs)));
                return Some(at + automaton.find(&text[at..], steps)?);
            }
        }
    }

    /// Whether `text` ends with a match.
    fn matches_end(&self, text: &[u8], steps: &mut usize) -> bool {
        let (mut rest, mut gap) = (text, self.trailing);
        for run in self.runs.iter().rev() {
            *steps += run.literal.len();
            let before = skip_back(rest, gap, steps).and_then(|rest| rest.strip_suffix(&run.literal[..]));
            let Some(before) = before else { return false };
            (rest, gap) = (before, run.gap);
        }
        skip_back(rest, gap, steps).is_some()
    }
}

/// A pattern in pieces.
#[derive(Clone, Debug, Default)]
pub struct Pattern {
    /// The whole pattern, if it has no `%`; else what stands before the first.
    first: Piece,
    middle: Vec<Piece>,
    /// What stands after the last `%`.
    last: Option<Piece>,
    /// Whether it ends with a backslash that escapes nothing.
    is_unfinished: bool,
    /// The work of the last match: bytes that were compared or passed.
    steps: usize,
}

impl Pattern {
    pub fn compile(pattern: &[u8], ignore_case: bool) -> Result<Pattern> {
        let (mut pieces, mut piece, mut is_unfinished) = (Vec::new(), Piece::default(), false);
        let mut chars = utf8(pattern)?.chars();
        while let Some(c) = chars.next() {
            let literal = match c {
                '%' => {
                    pieces.push(std::mem::take(&mut piece));
                    continue;
                }
                '_' => {
                    piece.push_any();
                    continue;
                }
                '\\' => chars.next(),
                c => Some(c),
            };
            match literal {
                Some(c) if ignore_case => piece.push(lower_char(c).encode_utf8(&mut [0; 4])),
                Some(c) => piece.push(c.encode_utf8(&mut [0; 4])),
                None => is_unfinished = true,
            }
        }
        let mut pieces = pieces.into_iter();
        let (first, last) = match pieces.next() {
            Some(first) => (first, Some(piece)),
            None => (piece, None),
        };
        Ok(Pattern {
            first,
            middle: pieces.filter(|piece| piece.len > 0).collect(),
            last,
            is_unfinished,
            steps: 0,
        })
    }

    pub fn matches(&mut self, text: &[u8]) -> Result<bool> {
        self.steps = 0;
        let steps = &mut self.steps;
        let Some(start) = self.first.match_here(text, steps) else { return Ok(false) };
        let mut rest = &text[start..];
        let Some(last) = &mut self.last else {
            return if self.is_unfinished { unfinished(!rest.is_empty()) } else { Ok(rest.is_empty()) };
        };
        for piece in &mut self.middle {
            match piece.find(rest, steps) {
                Some(end) => rest = &rest[end..],
                None => return Ok(false),
            }
        }
        if self.is_unfinished {
            let end = last.find(rest, steps);
            let is_reached = end.is_some_and(|end| end < rest.len() || last.runs.is_empty());
            return unfinished(is_reached && !rest.is_empty());
        }
        Ok(last.matches_end(rest, steps))
    }
}

/// A pattern that lacks its last character matches nothing. As in PostgreSQL that is an error only for a text of which
/// more is left when the matching comes to the end of the pattern.
fn unfinished(is_reached: bool) -> Result<bool> {
    if !is_reached {
        return Ok(false);
    }
    Err(Error::new(SqlState::InvalidEscapeSequence, "LIKE pattern must not end with escape character"))
}

/// Where a match of `runs` that begins at the start of `text` ends.
fn match_runs(runs: &[Run], text: &[u8], steps: &mut usize) -> Option<usize> {
    let mut at = 0;
    for run in runs {
        at += skip(&text[at..], run.gap, steps)?;
        *steps += run.literal.len();
        if !text[at..].starts_with(&run.literal) {
            return None;
        }
        at += run.literal.len();
    }
    Some(at)
}

/// The bytes of the first `count` characters of `text`, if it has as many.
#[inline]
fn skip(text: &[u8], count: usize, steps: &mut usize) -> Option<usize> {
    let mut at = 0;
    for _ in 0..count {
        at += char_len(&text[at..])?;
    }
    *steps += at;
    Some(at)
}

/// The text without its last `count` characters, if it has as many.
#[inline]
fn skip_back<'t>(text: &'t [u8], count: usize, steps: &mut usize) -> Option<&'t [u8]> {
    let mut rest = text;
    for _ in 0..count {
        // Over its continuation bytes to the byte that begins the character.
        let start = rest.iter().rposition(|&byte| !is_continuation(byte))?;
        rest = &rest[..start];
    }
    *steps += text.len() - rest.len();
    Some(rest)
}

/// The length of the character that `text` begins with.
fn char_len(text: &[u8]) -> Option<usize> {
    let (_, rest) = text.split_first()?;
    Some(1 + rest.iter().take_while(|&&byte| is_continuation(byte)).count())
}

/// Whether a byte goes on with a character that began before it.
pub fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
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

    fn matches(pattern: &str, text: &str) -> Result<bool> {
        Pattern::compile(pattern.as_bytes(), false)?.matches(text.as_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn patterns_match_what_the_definition_matches(text in "[abä%]{0,8}", pattern in "([abä_%]|\\\\[%_a]){0,7}") {
            let (chars, letters): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
            prop_assert_eq!(matches(&pattern, &text).unwrap(), naive(&chars, &letters));
        }

        /// Long enough for searches to lose their patience, and for an automaton of several words.
        #[test]
        fn long_pieces_match_where_they_are(
            text in "[aä]{0,300}",
            (piece, end) in ("[aä]([a_]{0,4}|[aä_]{60,140})a", prop::sample::select(vec!["", "%", "%a", "b%"])),
        ) {
            let found = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).find_map(|at| {
                let mut expected = piece.chars();
                let mut chars = text[at..].chars();
                expected.all(|e| chars.next().is_some_and(|c| e == '_' || e == c)).then_some(chars)
            });
            let expected = match end {
                "" => (0..=text.len()).rev().filter(|at| text.is_char_boundary(*at)).any(|at| {
                    text[at..].chars().count() == piece.chars().count()
                        && text[at..].chars().zip(piece.chars()).all(|(c, e)| e == '_' || e == c)
                }),
                "%" => found.is_some(),
                "%a" => found.is_some_and(|rest| rest.as_str().ends_with('a')),
                _ => false,
            };
            prop_assert_eq!(matches(&format!("%{piece}{end}"), &text).unwrap(), expected);
        }
    }

    /// Patterns made to be searched for in vain, each with a text made for it.
    fn hostile() -> Vec<(String, String)> {
        let text = "a".repeat(8000);
        let mut hostile = Vec::new();
        for k in [10, 100, 1000, 4000] {
            let any = "_".repeat(k);
            for pattern in [
                format!("%{any}b%"),
                format!("%b{any}%"),
                format!("%a{any}b%"),
                format!("%{}b%", "a".repeat(k)),
                format!("%{}b%", "a_".repeat(k)),
                format!("%{}_b%", "a".repeat(k)),
                format!("%a{}%b%", "_a".repeat(k / 2)),
                format!("{}%b", "%a".repeat(k)),
                format!("{}%", "%a_b".repeat(k)),
                format!("%{}%b", "_%".repeat(k)),
                format!("%{any}b"),
                format!("{any}%{any}b{any}%"),
            ] {
                hostile.push((pattern.replace('a', "ä"), "ä".repeat(4000)));
                hostile.push((pattern, text.clone()));
            }
        }
        hostile
    }

    #[test]
    fn no_pattern_costs_more_than_reading_text_and_pattern() {
        for (pattern, text) in hostile() {
            let mut compiled = Pattern::compile(pattern.as_bytes(), false).unwrap();
            assert!(!compiled.matches(text.as_bytes()).unwrap());
            let (longest, read) = (pattern.len().min(text.len()), pattern.len() + text.len());
            let allowed = (2 * PATIENCE + longest / 64) * read;
            let shown: String = pattern.chars().take(20).collect();
            assert!(compiled.steps <= allowed, "{shown}…: {} steps for {read} bytes", compiled.steps);
            if !pattern.trim_matches(['%', '_']).contains('_') {
                assert!(
                    compiled.steps <= 2 * PATIENCE * read,
                    "{shown}…: {} steps for {read}",
                    compiled.steps
                );
            }
        }
    }

    /// Each answer is PostgreSQL 15's.
    #[test]
    fn an_escape_character_at_the_end_is_an_error_where_it_is_reached() {
        for (text, pattern, expected) in [
            ("a", "\\", None),
            ("", "\\", Some(false)),
            ("b", "a\\", Some(false)),
            ("a", "a\\", Some(false)),
            ("ab", "a\\", None),
            ("", "%\\", Some(false)),
            ("a", "%\\", None),
            ("a", "%_\\", None),
            ("", "%_\\", Some(false)),
            ("a", "%b\\", Some(false)),
            ("ab", "%b\\", Some(false)),
            ("abc", "%b\\", None),
            ("abb", "%b\\", None),
            ("ab", "a%b%\\", Some(false)),
            ("a\\", "a\\\\", Some(true)),
        ] {
            let answer = matches(pattern, text);
            match expected {
                Some(expected) => assert_eq!(answer.unwrap(), expected, "{text} LIKE {pattern}"),
                None => {
                    let message = "LIKE pattern must not end with escape character";
                    assert_eq!(answer.unwrap_err().message(), message, "{text} LIKE {pattern}");
                }
            }
        }
    }
}
