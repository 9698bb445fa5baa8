//! Places in a statement's text: sqlparser counts lines and columns, PostgreSQL counts characters.

use super::escapes::tokenize;
use crate::error::Error;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

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
    let tokens = tokenize(text).unwrap_or_default();
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
    let tokens = tokenize(text).unwrap_or_default();
    let before = tokens.iter().rev().filter(|token| token.span.start < operand.start);
    let mut before = before.skip_while(|token| is_white(&token.token) || token.token == Token::LParen);
    before.next().filter(|token| token.token == *sign).map_or_else(Span::empty, |token| token.span)
}

/// Where a query first names `column` from `from` on, outside of what `is_aggregate` says are calls of aggregates; or
/// the `*` there that stands for it, too. A bound expression does not say where its columns were written.
pub fn column_from(text: &str, column: &str, from: Span, is_aggregate: impl Fn(&str) -> bool) -> Span {
    if from == Span::empty() {
        return from;
    }
    let mut tokens = tokenize(text).unwrap_or_default();
    tokens.retain(|token| !is_white(&token.token) && token.span.start >= from.start);
    let kind = |index: usize| tokens.get(index).map_or(&Token::EOF, |token| &token.token);
    if *kind(0) == Token::Mul || (*kind(1) == Token::Period && *kind(2) == Token::Mul) {
        return from;
    }
    // How many parentheses are open since the name of an aggregate.
    let mut aggregate = 0;
    for (index, TokenWithSpan { token, span }) in tokens.iter().enumerate() {
        match token {
            Token::LParen if aggregate > 0 => aggregate += 1,
            Token::RParen if aggregate > 0 => aggregate -= 1,
            Token::LParen if index > 0 => {
                if let Token::Word(word) = kind(index - 1)
                    && is_aggregate(&word.value.to_ascii_lowercase())
                {
                    aggregate = 1;
                }
            }
            Token::Word(word) if aggregate == 0 && *kind(index + 1) != Token::Period => {
                let is_column = match word.quote_style {
                    Some(_) => word.value == column,
                    None => word.value.to_ascii_lowercase() == column,
                };
                if is_column && *kind(index + 1) != Token::LParen {
                    let is_qualified = index >= 2 && *kind(index - 1) == Token::Period;
                    let table = index.checked_sub(2).and_then(|table| tokens.get(table));
                    return table.filter(|_| is_qualified).map_or(*span, |table| table.span);
                }
            }
            _ => {}
        }
    }
    Span::empty()
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
    fn columns_are_found_where_no_aggregate_reads_them() {
        for (text, expected) in [
            ("sum(a) + a", 10),
            ("upper(t.a)", 7),
            ("a.b + \"A\" + A", 13),
            ("*", 1),
            ("t.*", 1),
            ("max(b)", 0),
        ] {
            let from = Location { line: 1, column: 1 };
            let from = Span { start: from, end: from };
            let found = column_from(text, "a", from, |name| matches!(name, "sum" | "max"));
            assert_eq!(found.start.column, expected, "{text}");
        }
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
