//! How deep a statement may be, checked on its tokens before a tree is built from them.
//!
//! A tree of expressions is built, walked and dropped by recursion, and a statement of a few megabytes can
//! describe one deeper than any stack. Parentheses nest it; so does a chain: `a OR b OR c` is `((a OR b) OR c)`.
//! Parentheses are counted as they open. A chain is bounded by what stands between two commas of one
//! parenthesis: no tree over n tokens is deeper than n. AND, OR, `+` and their kin chain in earnest (generated conditions
//! of thousands of terms), so each opens a new run and counts by itself. Such a chain is deep in the parser's tree
//! only, and that is why the tree comes with its depth: [`Tree`](super::tree::Tree).

use crate::error::{Error, Result, SqlState};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Parentheses, brackets and CASEs open at once.
const MAX_NESTING: usize = 1_000;

/// Tokens between two separators (commas, operators, WHEN, THEN and ELSE) of one parenthesis.
const MAX_RUN: usize = 4_096;

/// Depth of the tree: runs and chains, summed over the parentheses around them. Dropping it takes so much stack.
const MAX_DEPTH: usize = 500_000;

/// Words that begin a statement within a statement, such as EXPLAIN. sqlparser's stack does not grow with these.
const MAX_STATEMENTS: usize = 100;

/// SELECTs in one statement. To the parser each is many times as large as what else takes as few words.
const MAX_QUERIES: usize = 10_000;

/// What is known of one open parenthesis.
#[derive(Default)]
struct Level {
    opened_by_case: bool,
    /// Chained operators since the last comma.
    links: usize,
    /// Tokens since the last separator, and the longest such run since the last comma.
    run: usize,
    longest_run: usize,
    /// DESCs since the last comma: where there is more than one, they are short for DESCRIBE.
    descriptions: usize,
    /// The deepest parenthesis inside, and the deepest item before the last comma.
    inside: usize,
    deepest_item: usize,
}

impl Level {
    fn link(&mut self) {
        self.longest_run = self.longest_run.max(self.run);
        self.run = 0;
        self.links += 1;
    }

    fn depth(&self) -> usize {
        self.deepest_item.max(self.inside + self.links + self.longest_run.max(self.run))
    }

    fn comma(&mut self) {
        *self = Level { opened_by_case: self.opened_by_case, deepest_item: self.depth(), ..Level::default() };
    }
}

/// How deep the tree can be. Refuses the statement if that is too deep.
pub fn check_depth(tokens: &[TokenWithSpan]) -> Result<usize> {
    let mut levels = vec![Level::default()];
    let (mut statements, mut queries) = (0, 0);
    for token in tokens {
        if let Some(level) = levels.last_mut() {
            level.run += 1;
            if level.run > MAX_RUN {
                return Err(too_deep(
                    "A statement may have at most 4096 words between two commas or operators.",
                ));
            }
        }
        match &token.token {
            Token::Whitespace(_) => {
                if let Some(level) = levels.last_mut() {
                    level.run -= 1;
                }
            }
            Token::LParen | Token::LBracket | Token::LBrace => open(&mut levels, false)?,
            Token::RParen | Token::RBracket | Token::RBrace => close(&mut levels)?,
            Token::Comma | Token::SemiColon => {
                if let Some(level) = levels.last_mut() {
                    level.comma();
                }
            }
            Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod | Token::StringConcat => {
                link(&mut levels)?
            }
            Token::Word(word) => match word.keyword {
                Keyword::AND | Keyword::OR | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => {
                    link(&mut levels)?
                }
                Keyword::SELECT => {
                    queries += 1;
                    if queries > MAX_QUERIES {
                        return Err(too_complex("A statement may have at most 10000 SELECTs."));
                    }
                }
                Keyword::EXPLAIN
                | Keyword::DESCRIBE
                | Keyword::PREPARE
                | Keyword::BEGIN
                | Keyword::IF
                | Keyword::WHILE => begin(&mut statements)?,
                Keyword::DESC => {
                    if let Some(level) = levels.last_mut() {
                        begin(&mut level.descriptions)?;
                    }
                }
                Keyword::WHEN | Keyword::THEN | Keyword::ELSE => {
                    if let Some(level) = levels.last_mut().filter(|level| level.opened_by_case) {
                        level.comma();
                    }
                }
                Keyword::CASE => open(&mut levels, true)?,
                Keyword::END if levels.last().is_some_and(|level| level.opened_by_case) => {
                    close(&mut levels)?
                }
                _ => {}
            },
            _ => {}
        }
    }
    while levels.len() > 1 {
        close(&mut levels)?;
    }
    Ok(levels.first().map_or(0, Level::depth))
}

fn link(levels: &mut [Level]) -> Result<()> {
    match levels.last_mut() {
        Some(level) => {
            level.link();
            check(level.depth())
        }
        None => Ok(()),
    }
}

/// Counts a statement that may be within another.
fn begin(statements: &mut usize) -> Result<()> {
    *statements += 1;
    match *statements > MAX_STATEMENTS {
        true => Err(too_deep("Statements may be nested at most 100 deep.")),
        false => Ok(()),
    }
}

fn open(levels: &mut Vec<Level>, opened_by_case: bool) -> Result<()> {
    if levels.len() > MAX_NESTING {
        return Err(too_deep("Parentheses may be nested at most 1000 deep."));
    }
    levels.push(Level { opened_by_case, ..Level::default() });
    Ok(())
}

/// Ends a level; its depth counts in the one around it. A stray closing parenthesis is the parser's to report.
fn close(levels: &mut Vec<Level>) -> Result<()> {
    if levels.len() > 1
        && let Some(closed) = levels.pop()
        && let Some(outer) = levels.last_mut()
    {
        outer.inside = outer.inside.max(closed.depth() + 1);
        check(outer.depth())?;
    }
    Ok(())
}

fn check(depth: usize) -> Result<()> {
    match depth > MAX_DEPTH {
        true => Err(too_deep("A statement's chains of operators may be at most 500000 deep.")),
        false => Ok(()),
    }
}

pub fn too_complex(detail: &str) -> Error {
    Error::new(SqlState::StatementTooComplex, "statement is too complex").with_detail(detail)
}

pub fn too_deep(detail: &str) -> Error {
    Error::new(SqlState::StatementTooComplex, "stack depth limit exceeded").with_detail(detail)
}
