//! PostgreSQL's rules on tokens that sqlparser does not have: what it refuses, and strings that continue.

use super::position::characters_before;
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
            _ => string = None,
        }
        checked.push(token);
    }
    Ok(checked)
}

/// Refuses what other databases write after a column's type. sqlparser takes these words, sees that they are not of
/// PostgreSQL's dialect, and goes on without them: a table would be made whose column does not count by itself.
fn check_columns(tokens: &[TokenWithSpan], text: &str) -> Result<()> {
    let mut depth = 0;
    let mut before = &Token::EOF;
    let mut words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    if !words.next().is_some_and(|first| keyword(&first.token) == Some(Keyword::CREATE))
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
    fn a_name_has_a_character() {
        let error = parse("CREATE TABLE \"\" (a int)").unwrap_err();
        assert_eq!(error.message(), "zero-length delimited identifier at or near \"\"\"\"");
    }
}
