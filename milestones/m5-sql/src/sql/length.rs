//! How long a statement may be, asked before there are tokens of it.
//!
//! sqlparser makes all tokens of a statement and then a tree of them. Both are many times as large as the text: a token
//! takes a hundred bytes, also one that is a space, and an expression several hundred. A statement of some ten
//! megabytes could take all the memory there is. A long literal or comment is no trouble, it is one token. So words are
//! counted, not bytes, and nothing is understood of them but where they end.
//!
//! PostgreSQL allows 1 GB and makes no tokens of spaces.

use super::limits::too_complex;
use crate::error::Result;

/// Words, numbers, literals and signs of one statement.
const MAX_WORDS: usize = 2_000_000;

/// So many spaces take as much memory as a word and the expression that it becomes.
const SPACES_PER_WORD: usize = 4;

/// Refuses the statement if its tokens and its tree could be too large.
pub fn check(text: &str) -> Result<()> {
    let bytes = text.as_bytes();
    // A text with fewer bytes has fewer words.
    if bytes.len() < MAX_WORDS {
        return Ok(());
    }
    let (mut at, mut weight) = (0, 0);
    while at < bytes.len() {
        weight += if bytes[at].is_ascii_whitespace() { 1 } else { SPACES_PER_WORD };
        if weight > MAX_WORDS * SPACES_PER_WORD {
            return Err(too_complex("A statement may have at most 2000000 words; four spaces count as one."));
        }
        at = end_of_word(bytes, at);
    }
    Ok(())
}

/// Where the word, literal, comment or sign that begins at `at` ends.
pub fn end_of_word(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let len = match rest {
        [b'\'', literal @ ..] => Some(1 + end_of_string(literal, follows_escape_prefix(&bytes[..at]))),
        [b'"', name @ ..] => name.iter().position(|byte| *byte == b'"').map(|end| end + 2),
        [b'-', b'-', ..] => rest.iter().position(|byte| *byte == b'\n'),
        [b'/', b'*', ..] => Some(end_of_comment(rest)),
        [b'$', ..] => match dollar_delimiter(rest) {
            Some(delimiter) => find(&rest[delimiter.len()..], delimiter).map(|end| end + 2 * delimiter.len()),
            None => Some(1),
        },
        [first, ..] if is_name_byte(*first) => rest.iter().position(|byte| !is_name_byte(*byte)),
        _ => Some(1),
    };
    // What has no end goes on to the end of the text; it is the tokenizer's to complain.
    len.map_or(bytes.len(), |len| (at + len).min(bytes.len()))
}

/// Behind the quote that ends a string; a doubled quote does not, nor one behind a backslash in `E'…'`.
fn end_of_string(literal: &[u8], escapes: bool) -> usize {
    let mut at = 0;
    while at < literal.len() {
        at += match literal[at..] {
            [b'\'', b'\'', ..] => 2,
            [b'\'', ..] => return at + 1,
            [b'\\', ..] if escapes => 2,
            _ => 1,
        };
    }
    at
}

fn follows_escape_prefix(before: &[u8]) -> bool {
    match before {
        [.., before, b'e' | b'E'] => !is_name_byte(*before),
        [b'e' | b'E'] => true,
        _ => false,
    }
}

/// Comments nest.
fn end_of_comment(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        at += match rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                2
            }
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
    }
    at
}

/// `$tag$`, if a dollar sign begins one.
fn dollar_delimiter(rest: &[u8]) -> Option<&[u8]> {
    let is_tag_byte = |byte: &u8| is_name_byte(*byte) && *byte != b'$';
    let len = rest[1..].iter().position(|byte| !is_tag_byte(byte))?;
    (rest[1 + len] == b'$' && !rest[1].is_ascii_digit()).then(|| &rest[..len + 2])
}

fn find(bytes: &[u8], delimiter: &[u8]) -> Option<usize> {
    bytes.windows(delimiter.len()).position(|window| window == delimiter)
}

pub fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlparser::dialect::PostgreSqlDialect;
    use sqlparser::tokenizer::Tokenizer;

    fn words(text: &str) -> usize {
        let (mut at, mut words) = (0, 0);
        while at < text.len() {
            at = end_of_word(text.as_bytes(), at);
            words += 1;
        }
        words
    }

    #[test]
    fn there_are_at_least_as_many_words_as_tokens() {
        for text in [
            "SELECT 'it''s; x' || E'a\\'b c' , \"x y\"\"z\" FROM t WHERE a>=1.5",
            "SELECT $$ a b $$ || $x$ c $$ d $x$, $1, a$b, 1e5",
            "SELECT 1 -- two three\n + /* four /* five */ six */ 7",
            "SELECT e'\\\\' 'x' , te'\\' , U&'\\0041' , x'1F', ä+ö",
            "'",
            "\"a",
            "$x$ a b",
            "/* a",
            "--",
            "$",
            "a'b'",
            "E'\\'",
        ] {
            let tokens =
                Tokenizer::new(&PostgreSqlDialect {}, text).tokenize().map_or(0, |tokens| tokens.len());
            assert!(words(text) >= tokens, "{} words, but {tokens} tokens: {text}", words(text));
        }
    }

    #[test]
    fn long_literals_are_one_word_and_long_lists_are_refused() {
        let long = "x y, ".repeat(10_000_000);
        for text in
            [format!("SELECT '{long}'"), format!("SELECT $${long}$$"), format!("SELECT /* {long} */ 1")]
        {
            check(&text).unwrap();
        }
        for text in
            [format!("SELECT {long}"), format!("SELECT 1{}", " ".repeat(20_000_000)), "(".repeat(5_000_000)]
        {
            assert_eq!(check(&text).unwrap_err().state().code(), "54001");
        }
        check(&format!("INSERT INTO t VALUES {}(1)", "(1, 'x', -2), ".repeat(100_000))).unwrap();
    }
}
