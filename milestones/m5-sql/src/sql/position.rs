//! Places in a statement's text: sqlparser counts lines and columns, PostgreSQL counts characters.

use crate::error::Error;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token, Tokenizer};

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

/// Where the operator between two operands stands: the tree does not say it, so an error looks through the tokens.
///
/// `signs` are its spellings. Between the beginnings of the operands it is the last one that is in no deeper
/// parentheses than the others, and that is not the sign of the right operand itself (`a - -b`).
pub fn sign_between(text: &str, signs: &[&str], left: Span, right: Span) -> Span {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location().unwrap_or_default();
    let mut found = Span::empty();
    let (mut depth, mut least) = (0, i32::MAX);
    // The token before, if it is one that changes where the operator begins.
    let (mut before, mut before_span) = (Token::EOF, Span::empty());
    for token in tokens {
        let is_inside = left != Span::empty() && (left.start..right.start).contains(&token.span.start);
        if !is_inside || is_white(&token.token) {
            continue;
        }
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            Token::Word(word) if word.keyword == Keyword::CASE => depth += 1,
            Token::Word(word) if word.keyword == Keyword::END => depth -= 1,
            _ => {}
        }
        let spelt = token.token.to_string();
        let is_sign = signs.iter().any(|sign| sign.eq_ignore_ascii_case(&spelt));
        let is_prefix = signs.iter().any(|sign| sign.eq_ignore_ascii_case(&before.to_string()));
        if is_sign && !is_prefix && depth <= least {
            least = depth;
            // `NOT LIKE` begins with its NOT.
            let negated = matches!(&before, Token::Word(word) if word.keyword == Keyword::NOT);
            found = if negated { before_span } else { token.span };
        }
        (before, before_span) = (token.token, token.span);
    }
    found
}

/// Where the sign before an operand stands, with nothing but white space and parentheses between them.
pub fn sign_before(text: &str, sign: &Token, operand: Span) -> Span {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location().unwrap_or_default();
    let before = tokens.iter().rev().filter(|token| token.span.start < operand.start);
    let mut before = before.skip_while(|token| is_white(&token.token) || token.token == Token::LParen);
    before.next().filter(|token| token.token == *sign).map_or_else(Span::empty, |token| token.span)
}

fn is_white(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_))
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

    #[test]
    fn operators_are_found_between_their_operands() {
        let at = |column| {
            let location = Location { line: 1, column };
            Span { start: location, end: location }
        };
        for (text, signs, left, right, expected) in [
            ("a + b", ["+", "+"], 1, 5, 3),
            ("a - b - c", ["-", "-"], 1, 9, 7),
            ("a - - c", ["-", "-"], 1, 7, 3),
            ("(a + b) + (c)", ["+", "+"], 2, 12, 9),
            ("case a = b when c then d end = e", ["=", "="], 6, 32, 30),
            ("a NOT like b", ["LIKE", "~~"], 1, 12, 3),
        ] {
            assert_eq!(sign_between(text, &signs, at(left), at(right)).start.column, expected, "{text}");
        }
        assert_eq!(sign_before("1 + - (a)", &Token::Minus, at(8)).start.column, 5);
        assert_eq!(sign_between("a + b", &["+"], Span::empty(), at(5)), Span::empty());
    }
}
