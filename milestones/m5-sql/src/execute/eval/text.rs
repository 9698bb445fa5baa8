//! `||` and the functions that answer a text.

use super::cast::rewrite;
use super::{Evaluate, Node};
use crate::error::{Error, Result, SqlState};
use crate::execute::batch::Rows;
use crate::execute::texts::{MAX_TEXT, too_long};
use crate::execute::vector::{Kind, Vector, utf8};
use crate::sql::expr::Function;
use crate::sql::like_escape;

/// A chain `a || b || …`, each result written once; NULL if any part is.
pub struct Concat {
    operands: Vec<Node>,
    out: Vector,
}

impl Concat {
    pub fn new(operands: Vec<Node>) -> Concat {
        Concat { operands, out: Vector::new(Kind::Text) }
    }
}

impl Evaluate for Concat {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let Concat { operands, out } = self;
        let mut parts = Vec::with_capacity(operands.len());
        for operand in operands {
            // In a long chain, a constant must not take as much memory as a column: it is at 0 for every row.
            let is_constant = operand.constant().is_some();
            let part = operand.evaluate(columns, if is_constant { Rows::First(1) } else { rows })?;
            parts.push((part, part.texts()?, is_constant));
        }
        out.restart(Kind::Text, rows.bound());
        let at = |row, is_constant| if is_constant { 0 } else { row };
        let is_null =
            |row: usize| parts.iter().any(|(part, _, constant)| part.nulls.is_null(at(row, *constant)));
        rows.for_each(|row| {
            if is_null(row) {
                out.nulls.set(row);
            }
        });
        let not_null = |row: usize| !is_null(row);
        rewrite(out, rows, not_null, |bytes, row| {
            let end = bytes.len() + MAX_TEXT;
            for (_, text, is_constant) in &parts {
                if bytes.len() > end {
                    return Err(too_long());
                }
                bytes.extend_from_slice(text.get(at(row, *is_constant)));
            }
            Ok(())
        })?;
        Ok(out)
    }
}

/// A function of a text and perhaps more, NULL if any argument is.
pub struct TextFunction {
    function: Function,
    arguments: Vec<Node>,
    out: Vector,
}

impl TextFunction {
    pub fn new(function: Function, arguments: Vec<Node>) -> Result<TextFunction> {
        let fits = match function {
            Function::Lower | Function::Upper => arguments.len() == 1,
            Function::Trim | Function::TrimStart | Function::TrimEnd => arguments.len() == 1,
            Function::Substring => matches!(arguments.len(), 2 | 3),
            Function::LikeEscape => arguments.len() == 2,
            Function::Replace => arguments.len() == 3,
            _ => false,
        };
        if !fits {
            return Err(Error::internal(format!("{function:?} does not take {} arguments", arguments.len())));
        }
        Ok(TextFunction { function, arguments, out: Vector::new(Kind::Text) })
    }
}

impl Evaluate for TextFunction {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let TextFunction { function, arguments, out } = self;
        let mut inputs = Vec::with_capacity(arguments.len());
        for argument in arguments {
            inputs.push(argument.evaluate(columns, rows)?);
        }
        out.restart(Kind::Text, rows.bound());
        inputs.iter().for_each(|input| out.nulls.add(&input.nulls));
        let not_null = |row: usize| inputs.iter().all(|input| !input.nulls.is_null(row));
        let [text, others @ ..] = inputs.as_slice() else {
            return Err(Error::internal("a text function has no argument"));
        };
        let texts = text.texts()?;
        let function = *function;
        match others {
            [] => rewrite(out, rows, not_null, |bytes, row| rewrite_one(function, texts.get(row), bytes)),
            [escape] if function == Function::LikeEscape => {
                let escapes = escape.texts()?;
                rewrite(out, rows, not_null, |bytes, row| {
                    let pattern = like_escape::rewrite(utf8(texts.get(row))?, utf8(escapes.get(row))?)?;
                    bytes.extend_from_slice(pattern.as_bytes());
                    Ok(())
                })
            }
            [from, to] if function == Function::Replace => {
                let (from, to) = (from.texts()?, to.texts()?);
                rewrite(out, rows, not_null, |bytes, row| {
                    replace(texts.get(row), from.get(row), to.get(row), bytes)
                })
            }
            [from, count @ ..] => {
                let from = from.integers()?;
                let count = count.first().map(|count| count.integers()).transpose()?;
                rewrite(out, rows, not_null, |bytes, row| {
                    bytes.extend_from_slice(substring(
                        texts.get(row),
                        from[row],
                        count.map(|count| count[row]),
                    )?);
                    Ok(())
                })
            }
        }?;
        Ok(out)
    }
}

fn rewrite_one(function: Function, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match function {
        Function::Lower => fold_case(text, out, lower_char)?,
        Function::Upper => fold_case(text, out, upper_char)?,
        Function::TrimStart => out.extend_from_slice(trim_start(text)),
        Function::TrimEnd => out.extend_from_slice(trim_end(text)),
        _ => out.extend_from_slice(trim_end(trim_start(text))),
    }
    Ok(())
}

/// Only spaces, not all white space: that is what SQL trims.
fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| byte != b' ').unwrap_or(text.len());
    &text[start..]
}

fn trim_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    &text[..end]
}

/// Lower-case letters, one for one: `ß` and the like, whose other case is longer, stay as they are.
pub fn lower_char(c: char) -> char {
    only(c.to_lowercase(), c)
}

fn upper_char(c: char) -> char {
    only(c.to_uppercase(), c)
}

fn only(mut mapped: impl Iterator<Item = char>, otherwise: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(c), None) => c,
        _ => otherwise,
    }
}

pub fn fold_case(text: &[u8], out: &mut Vec<u8>, fold: fn(char) -> char) -> Result<()> {
    for c in utf8(text)?.chars() {
        out.extend_from_slice(fold(c).encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(())
}

/// The characters from `from` (the first is 1) on, `count` of them. The window may begin before the text.
fn substring(text: &[u8], from: i64, count: Option<i64>) -> Result<&[u8]> {
    if count.is_some_and(|count| count < 0) {
        return Err(Error::new(SqlState::SubstringError, "negative substring length not allowed"));
    }
    let end = count.map_or(i64::MAX, |count| from.saturating_add(count));
    let text = utf8(text)?;
    let skipped = usize::try_from(from.max(1) - 1).unwrap_or(usize::MAX);
    let kept = usize::try_from(end.saturating_sub(from.max(1))).unwrap_or(0);
    let start = text.char_indices().nth(skipped).map_or(text.len(), |(at, _)| at);
    let rest = &text[start..];
    let len = rest.char_indices().nth(kept).map_or(rest.len(), |(at, _)| at);
    Ok(&rest.as_bytes()[..len])
}

fn replace(text: &[u8], from: &[u8], to: &[u8], out: &mut Vec<u8>) -> Result<()> {
    if from.is_empty() {
        out.extend_from_slice(text);
        return Ok(());
    }
    let end = out.len() + MAX_TEXT;
    let mut done = 0;
    for at in memchr::memmem::find_iter(text, from) {
        out.extend_from_slice(&text[done..at]);
        out.extend_from_slice(to);
        done = at + from.len();
        if out.len() > end {
            return Err(too_long());
        }
    }
    out.extend_from_slice(&text[done..]);
    Ok(())
}
