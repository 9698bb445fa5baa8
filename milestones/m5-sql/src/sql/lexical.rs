//! PostgreSQL's rules on tokens that sqlparser does not have: what it refuses, strings that continue, and words that are
//! to be read in a way that the crate does not know.

use super::position::{characters_before, locate};
use crate::error::{Error, Result, SqlState};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Whitespace};

/// Checks the tokens of `text`, and joins `'a'` and `'b'` on two lines to the one string `'ab'` that they are.
pub fn check(tokens: Vec<TokenWithSpan>, text: &str) -> Result<Vec<TokenWithSpan>> {
    check_columns(&tokens, text)?;
    let mut checked: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    // The last string, if nothing but white space followed it, and whether that held the end of a line.
    let mut string: Option<(usize, bool)> = None;
    for token in tokens {
        match &token.token {
            Token::Whitespace(Whitespace::Newline | Whitespace::SingleLineComment { .. }) => {
                string = string.map(|(at, _)| (at, true));
            }
            Token::Whitespace(_) => {}
            Token::SingleQuotedString(more) => {
                let before = string.and_then(|(at, on_new_line)| Some((checked.get_mut(at)?, on_new_line)));
                match before {
                    Some((TokenWithSpan { token: Token::SingleQuotedString(value), .. }, true)) => {
                        value.push_str(more);
                        continue;
                    }
                    Some(_) => {
                        let spelt = format!("'{}'", more.replace('\'', "''"));
                        return Err(at_or_near("syntax error", &spelt, text, token.span.start));
                    }
                    None => string = Some((checked.len(), false)),
                }
            }
            Token::Word(word) if word.quote_style == Some('"') && word.value.is_empty() => {
                let what = "zero-length delimited identifier";
                return Err(at_or_near(what, "\"\"", text, token.span.start));
            }
            Token::Word(word) if word.quote_style.is_none() => {
                if let Some(TokenWithSpan { token: Token::Number(digits, _), span }) = checked.last() {
                    let junk = format!("{digits}{}", word.value);
                    return Err(at_or_near("trailing junk after numeric literal", &junk, text, span.start));
                }
                string = None;
            }
            Token::DoubleEq => {
                let error = Error::new(SqlState::UndefinedFunction, "operator does not exist: ==")
                    .with_hint("Equality is written with one sign: =");
                return Err(locate(error, text, token.span));
            }
            _ => string = None,
        }
        checked.push(token);
    }
    Ok(checked)
}

/// Writes what sqlparser does not read in another way, which means the same and which it reads.
pub fn respell(tokens: Vec<TokenWithSpan>, text: &str) -> Result<Vec<TokenWithSpan>> {
    if !tokens.iter().any(|token| may_be_respelt(&token.token)) {
        return Ok(tokens);
    }
    let mut written: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let after_between = || backwards(&written).next().and_then(keyword) == Some(Keyword::BETWEEN);
        match keyword(&token.token) {
            Some(Keyword::SYMMETRIC) if after_between() => {
                return Err(locate(Error::unsupported("BETWEEN SYMMETRIC"), text, token.span));
            }
            // `BETWEEN ASYMMETRIC` is BETWEEN.
            Some(Keyword::ASYMMETRIC) if after_between() => continue,
            // `trim(BOTH FROM x)` is `trim(BOTH x)`.
            Some(Keyword::FROM) if is_trim(&written) => continue,
            _ => {}
        }
        // `x ISNULL` is `x IS NULL`; `isnull(…)` would be a function.
        if is_isnull(&token.token) && tokens.peek().is_none_or(|next| next.token != Token::LParen) {
            let span = token.span;
            written.push(TokenWithSpan { token: Token::make_keyword("IS"), span });
            written.push(TokenWithSpan { token: Token::make_keyword("NULL"), span });
            continue;
        }
        written.push(token);
    }
    Ok(written)
}

fn may_be_respelt(token: &Token) -> bool {
    is_isnull(token)
        || matches!(keyword(token), Some(Keyword::SYMMETRIC | Keyword::ASYMMETRIC | Keyword::TRIM))
}

/// The tokens before, the last one first, without white space.
fn backwards(written: &[TokenWithSpan]) -> impl Iterator<Item = &Token> {
    written.iter().rev().map(|token| &token.token).filter(|token| !matches!(token, Token::Whitespace(_)))
}

/// The word ISNULL, which sqlparser does not know.
fn is_isnull(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("isnull"))
}

/// Whether the tokens so far end in `trim(`, or in `trim(` with a side.
fn is_trim(written: &[TokenWithSpan]) -> bool {
    let mut before = backwards(written).peekable();
    let side = before.peek().and_then(|token| keyword(token));
    if matches!(side, Some(Keyword::BOTH | Keyword::LEADING | Keyword::TRAILING)) {
        before.next();
    }
    before.next() == Some(&Token::LParen) && before.next().and_then(keyword) == Some(Keyword::TRIM)
}

/// Refuses what other databases write after a column's type. sqlparser takes these words, sees that they are not of
/// PostgreSQL's dialect, and goes on without them: a table would be made whose column does not count by itself.
fn check_columns(tokens: &[TokenWithSpan], text: &str) -> Result<()> {
    let mut depth = 0;
    let mut before = &Token::EOF;
    let mut words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    if words.next().is_none_or(|first| keyword(&first.token) != Some(Keyword::CREATE))
        || !words.by_ref().take(4).any(|word| keyword(&word.token) == Some(Keyword::TABLE))
    {
        return Ok(());
    }
    for TokenWithSpan { token, span } in words {
        match (token, keyword(token)) {
            (Token::LParen, _) => depth += 1,
            (Token::RParen, _) => depth -= 1,
            (
                Token::Word(word),
                Some(
                    Keyword::AUTO_INCREMENT
                    | Keyword::AUTOINCREMENT
                    | Keyword::IDENTITY
                    | Keyword::SRID
                    | Keyword::ASC
                    | Keyword::DESC,
                ),
            ) if depth == 1 => {
                // A column or a constraint may be called so, and `GENERATED … AS IDENTITY` is refused elsewhere.
                let is_name = matches!(before, Token::LParen | Token::Comma)
                    || matches!(keyword(before), Some(Keyword::CONSTRAINT | Keyword::AS));
                if !is_name {
                    return Err(at_or_near("syntax error", &word.value, text, span.start));
                }
            }
            _ => {}
        }
        before = token;
    }
    Ok(())
}

/// The keyword that a token is, unless it stands in quotes.
fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() && word.keyword != Keyword::NoKeyword => {
            Some(word.keyword)
        }
        _ => None,
    }
}

fn at_or_near(what: &str, token: &str, text: &str, at: Location) -> Error {
    let error = Error::new(SqlState::SyntaxError, format!("{what} at or near \"{token}\""));
    match characters_before(text, at) {
        Some(position) => error.with_position(position),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::{Command, parse};

    #[test]
    fn strings_on_two_lines_are_one() {
        let Command::Sql(statement) = parse("SELECT 'it''s' -- and\n  'more'").unwrap() else { panic!() };
        assert_eq!(statement.to_string(), "SELECT 'it''smore'");
        let error = parse("SELECT 'a' 'b'").unwrap_err();
        assert_eq!((error.message(), error.position()), ("syntax error at or near \"'b'\"", Some(11)));
    }

    #[test]
    fn a_number_does_not_run_into_a_name() {
        let error = parse("SELECT 12ab").unwrap_err();
        assert_eq!(error.message(), "trailing junk after numeric literal at or near \"12ab\"");
        assert!(parse("SELECT 12 ab, 1e5, t1.x FROM t1").is_ok());
    }

    #[test]
    fn a_column_does_not_count_by_itself() {
        for (definition, word) in [
            ("id integer AUTO_INCREMENT", "AUTO_INCREMENT"),
            ("id integer PRIMARY KEY autoincrement", "autoincrement"),
            ("a text, id integer identity", "identity"),
            ("id integer PRIMARY KEY DESC", "DESC"),
        ] {
            let error = parse(&format!("CREATE TABLE t ({definition})")).unwrap_err();
            assert_eq!(error.message(), format!("syntax error at or near \"{word}\""));
        }
        assert!(parse("CREATE TABLE t (identity integer, \"asc\" integer, srid integer)").is_ok());
    }

    #[test]
    fn what_sqlparser_does_not_read_is_written_differently() {
        for (text, meaning) in [
            ("SELECT trim(BOTH FROM ' a ')", "SELECT TRIM(BOTH ' a ')"),
            ("SELECT trim( FROM ' a ')", "SELECT TRIM(' a ')"),
            ("SELECT a ISNULL FROM t", "SELECT a IS NULL FROM t"),
            ("SELECT a BETWEEN ASYMMETRIC 1 AND 2 FROM t", "SELECT a BETWEEN 1 AND 2 FROM t"),
        ] {
            let Command::Sql(statement) = parse(text).unwrap() else { panic!() };
            assert_eq!(statement.to_string(), meaning);
        }
        assert_eq!(parse("SELECT 1 BETWEEN SYMMETRIC 2 AND 0").unwrap_err().state().code(), "0A000");
    }

    #[test]
    fn equality_is_one_sign() {
        let error = parse("SELECT a == 1 FROM t").unwrap_err();
        assert_eq!((error.state().code(), error.position()), ("42883", Some(9)));
    }

    #[test]
    fn a_name_has_a_character() {
        let error = parse("CREATE TABLE \"\" (a int)").unwrap_err();
        assert_eq!(error.message(), "zero-length delimited identifier at or near \"\"\"\"");
    }
}
