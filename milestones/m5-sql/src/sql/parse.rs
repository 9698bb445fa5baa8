//! Text to tree: sqlparser with PostgreSQL's dialect, PostgreSQL's error messages, and a limit on depth.
//!
//! The tokens are looked at before the tree is built (`super::limits`), so that no text, however generated,
//! can overflow the stack.

use super::escapes::{self, LexicalError};
use super::length;
use super::lexical;
use super::limits;
use super::position::characters_before;
use super::tree::{Tree, with_room};
use crate::error::{Error, Result, SqlState};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

/// Levels that sqlparser's recursive descent may take: several for each parenthesis that [`limits`] lets pass.
/// sqlparser's own stack grows with them (its feature `recursive-protection`).
const RECURSION_LIMIT: usize = 16_384;

/// One parsed statement.
#[derive(Debug)]
pub enum Command {
    /// No statement: white space, comments, a lone semicolon.
    Empty,
    /// CHECKPOINT, which sqlparser does not know.
    Checkpoint,
    Sql(Tree),
}

/// Parses the text of one statement; a semicolon may end it.
pub fn parse(text: &str) -> Result<Command> {
    length::check(text)?;
    let tokens = escapes::tokenize(text).map_err(|error| match error {
        LexicalError::Escape(error) => error,
        LexicalError::Tokenizer(error) => lexical_error(text, &error.message, error.location),
    })?;
    let mut words =
        tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::SemiColon));
    match (words.next(), words.next()) {
        (None, _) => return Ok(Command::Empty),
        (Some(only), None) if is_checkpoint(&only.token) => return Ok(Command::Checkpoint),
        _ => {}
    }
    let depth = limits::check_depth(&tokens)?;
    let tokens = lexical::respell(lexical::check(tokens, text)?, text)?;
    with_room(depth, || parse_tokens(tokens, text, depth))
}

fn parse_tokens(tokens: Vec<TokenWithSpan>, text: &str, depth: usize) -> Result<Command> {
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(tokens);
    let statement = parser.parse_statement().map_err(|error| syntax_error(text, error))?;
    let mut more = false;
    while parser.consume_token(&Token::SemiColon) {
        more = true;
    }
    match parser.peek_token_ref() {
        TokenWithSpan { token: Token::EOF, .. } => Ok(Command::Sql(Tree::new(statement, depth))),
        _ if more => Err(Error::new(
            SqlState::SyntaxError,
            "cannot insert multiple commands into a prepared statement",
        )),
        next => Err(near(text, next.span.start)),
    }
}

fn is_checkpoint(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("checkpoint"))
}

/// sqlparser says `Expected: …, found: … at Line: 1, Column: 5`; PostgreSQL names the token and its place.
fn syntax_error(text: &str, error: ParserError) -> Error {
    let message = match error {
        ParserError::RecursionLimitExceeded => {
            return limits::too_deep("The statement is nested too deeply.");
        }
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
    };
    match location(&message) {
        Some(location) => near(text, location),
        None if message.contains("found: EOF") => end_of_input(text),
        None => Error::new(SqlState::SyntaxError, format!("syntax error: {message}")),
    }
}

/// Reads the `Line: l, Column: c` that ends sqlparser's messages.
fn location(message: &str) -> Option<Location> {
    let (_, place) = message.rsplit_once("at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some(Location { line: line.parse().ok()?, column: column.trim().parse().ok()? })
}

/// The error at the token that starts at `location`, spelt as the statement spells it.
fn near(text: &str, location: Location) -> Error {
    let Some(position) = characters_before(text, location) else { return end_of_input(text) };
    let at = text.char_indices().nth(position).map_or(text.len(), |(at, _)| at);
    let rest = &text[at..];
    let token = escapes::tokenize(rest)
        .ok()
        .and_then(|tokens| tokens.into_iter().next())
        .and_then(|token| characters_before(rest, token.span.end))
        .and_then(|end| rest.char_indices().nth(end).map(|(end, _)| &rest[..end]))
        .unwrap_or(rest);
    match token.is_empty() {
        true => end_of_input(text),
        false => Error::new(SqlState::SyntaxError, format!("syntax error at or near \"{token}\""))
            .with_position(position),
    }
}

fn end_of_input(text: &str) -> Error {
    Error::new(SqlState::SyntaxError, "syntax error at end of input").with_position(text.chars().count())
}

/// What the tokenizer cannot read: a string, a comment or a quoted name without its end.
fn lexical_error(text: &str, message: &str, location: Location) -> Error {
    let position = characters_before(text, location).unwrap_or(0);
    let at = text.char_indices().nth(position).map_or(text.len(), |(at, _)| at);
    let what = match message {
        message if message.contains("comment") => "unterminated /* comment",
        message if message.contains("close delimiter") => "unterminated quoted identifier",
        message if message.to_ascii_lowercase().contains("dollar") => "unterminated dollar-quoted string",
        message if message.contains("string literal") => "unterminated quoted string",
        _ => {
            return Error::new(SqlState::SyntaxError, format!("syntax error: {message}"))
                .with_position(position);
        }
    };
    let message = format!("{what} at or near \"{}\"", &text[at..]);
    Error::new(SqlState::SyntaxError, message).with_position(position)
}

/// The words a statement begins with, in capitals: what to call it when it is not supported.
pub fn statement_name(text: &str) -> String {
    let tokens = escapes::tokenize(text).unwrap_or_default();
    let words = tokens.iter().filter_map(|token| match &token.token {
        Token::Word(word) => Some(word),
        _ => None,
    });
    let mut name = String::new();
    for word in words {
        let modifier = matches!(
            word.keyword,
            Keyword::OR | Keyword::REPLACE | Keyword::TEMP | Keyword::TEMPORARY | Keyword::UNIQUE
        );
        if name.is_empty() {
            name = word.value.to_ascii_uppercase();
            if !matches!(word.keyword, Keyword::CREATE | Keyword::ALTER | Keyword::DROP) {
                break;
            }
        } else if !modifier {
            name = format!("{name} {}", word.value.to_ascii_uppercase());
            break;
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> (String, Option<usize>) {
        let error = parse(text).unwrap_err();
        assert_eq!(error.state().code(), "42601", "{text}: {error}");
        (error.to_string(), error.position())
    }

    #[test]
    fn syntax_errors_read_as_postgresql_writes_them() {
        for (text, message, position) in [
            ("SELEC 1", "syntax error at or near \"SELEC\"", 0),
            ("SELECT * FORM t", "syntax error at or near \"t\"", 14),
            ("SELECT 1 FROM", "syntax error at end of input", 13),
            ("SELECT (1", "syntax error at end of input", 9),
            ("INSERT INTO t VALUES (1,", "syntax error at end of input", 24),
            ("CREATE TABLE t (a int,)", "syntax error at or near \")\"", 22),
            ("SELECT 'ä'\n AND 'x' 5", "syntax error at or near \"5\"", 20),
            ("SELECT 'abc", "unterminated quoted string at or near \"'abc\"", 7),
            ("SELECT * FROM t WHERE )", "syntax error at or near \")\"", 22),
        ] {
            assert_eq!(error(text), (message.to_string(), Some(position)), "{text}");
        }
    }

    #[test]
    fn one_statement_at_a_time() {
        assert!(matches!(parse("SELECT 1;").unwrap(), Command::Sql(_)));
        assert!(matches!(parse(" -- nothing\n ;").unwrap(), Command::Empty));
        assert!(matches!(parse("checkpoint;").unwrap(), Command::Checkpoint));
        assert!(parse("SELECT 1; SELECT 2").is_err());
    }

    #[test]
    fn five_hundred_parentheses_parse_and_a_million_are_refused() {
        let nested = |count: usize| format!("SELECT 1 WHERE {}true{}", "(".repeat(count), ")".repeat(count));
        assert!(parse(&nested(500)).is_ok());
        let error = parse(&nested(1_000_000)).unwrap_err();
        assert_eq!(error.state().code(), "54001");
        assert_eq!(parse(&"(".repeat(1_000_000)).unwrap_err().state().code(), "54001");
    }

    #[test]
    fn long_chains_parse_and_longer_ones_are_refused() {
        let chain = |count: usize| format!("SELECT 1 WHERE {}true", "a = 1 OR ".repeat(count));
        // Where it fails, the tree is not to be printed: that is done by recursion.
        let parse = |text: &str| parse(text).map(drop);
        assert!(parse(&chain(100_000)).is_ok());
        let longer = format!("SELECT {}1", "1 + ".repeat(600_000));
        assert_eq!(parse(&longer).unwrap_err().state().code(), "54001");
        for link in ["1 + ", "1::int - ", "a || ", "2 * ", "a AND ", "CASE WHEN a THEN b ELSE c END % "] {
            assert!(parse(&format!("SELECT {}1", link.repeat(50_000))).is_ok(), "{link}");
            // Half a tree is dropped by the parser.
            let unfinished = parse(&format!("SELECT {}", link.repeat(50_000))).unwrap_err();
            assert_eq!(unfinished.state().code(), "42601", "{link}");
        }
        let branches = "WHEN a = 1 THEN b ".repeat(50_000);
        assert!(parse(&format!("SELECT CASE {branches} END")).is_ok());
        for deep in ["NOT ", "- ", "1 + (", "CASE WHEN ", "abs(", "1 IS NULL ", "x[", "SELECT 1 UNION "] {
            let text = format!("SELECT {}", deep.repeat(20_000));
            assert_eq!(parse(&text).unwrap_err().state().code(), "54001", "{deep}");
        }
    }

    #[test]
    fn statements_within_statements_are_refused_before_the_stack_ends() {
        for deep in [
            "EXPLAIN ",
            "EXPLAIN (COSTS, ANALYZE) ",
            "DESCRIBE ",
            "DESC ",
            "PREPARE x AS ",
            "IF true THEN ",
            "WHILE true BEGIN SELECT 1; ",
        ] {
            let text = format!("{}SELECT 1", deep.repeat(1_000));
            assert_eq!(parse(&text).unwrap_err().state().code(), "54001", "{deep}");
        }
        assert!(parse(&format!("SELECT 1 ORDER BY {}1", "1 DESC, ".repeat(1_000))).is_ok());
    }

    #[test]
    fn many_rows_are_not_deep() {
        assert!(parse(&format!("INSERT INTO t VALUES {}(1)", "(1, 'x', -2), ".repeat(20_000))).is_ok());
    }

    #[test]
    fn statements_are_named_by_their_first_words() {
        assert_eq!(statement_name("create or replace view v as select 1"), "CREATE VIEW");
        assert_eq!(statement_name("truncate t"), "TRUNCATE");
    }
}
