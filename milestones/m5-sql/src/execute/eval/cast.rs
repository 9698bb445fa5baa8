//! Conversions between types, with PostgreSQL's errors.

use super::arithmetic::{out_of_range, range_of};
use super::{Evaluate, Node};
use crate::error::{Error, Result, SqlState};
use crate::execute::batch::Rows;
use crate::execute::format::{append_double, append_integer};
use crate::execute::vector::{Kind, Values, Vector, utf8, wrong_kind};
use crate::types::{DataType, Value};

pub struct Cast {
    operand: Node,
    from: DataType,
    to: DataType,
    explicit: bool,
    out: Vector,
}

impl Cast {
    pub fn new(operand: Node, from: DataType, to: DataType, explicit: bool) -> Cast {
        Cast { operand, from, to, explicit, out: Vector::new(Kind::of(to)) }
    }

    /// True where every value of `from` already is a value of `to` as it travels in vectors.
    pub fn is_needless(from: DataType, to: DataType) -> bool {
        match to {
            _ if from == to => true,
            DataType::Text | DataType::Varchar(None) => from.is_text(),
            DataType::BigInt => from.is_integer(),
            DataType::Integer => from == DataType::SmallInt,
            _ => false,
        }
    }
}

impl Evaluate for Cast {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let operand = self.operand.evaluate(columns, rows)?;
        let (from, to) = (self.from, self.to);
        self.out.restart(Kind::of(to), rows.bound());
        self.out.nulls.copy_from(&operand.nulls);
        let not_null = |row: usize| !operand.nulls.is_null(row);
        match (&operand.values, &mut self.out.values) {
            (Values::Integer(values), Values::Integer(out)) => narrow(to, rows, values, out, not_null)?,
            (Values::Integer(values), Values::Double(out)) => {
                rows.for_each(|row| out[row] = values[row] as f64);
            }
            (Values::Double(values), Values::Integer(out)) => round(to, rows, values, out, not_null)?,
            (Values::Boolean(values), Values::Integer(out)) => {
                rows.for_each(|row| out[row] = i64::from(values[row]));
            }
            (Values::Integer(values), Values::Boolean(out)) => {
                rows.for_each(|row| out[row] = values[row] != 0)
            }
            (Values::Text(_), Values::Text(_)) => {
                let explicit = self.explicit;
                rewrite(&mut self.out, rows, not_null, |bytes, row| {
                    bytes.extend_from_slice(fit(operand.texts()?.get(row), to, explicit)?);
                    Ok(())
                })?;
            }
            (values, Values::Text(_)) => {
                let (explicit, mut scratch) = (self.explicit, Vec::new());
                rewrite(&mut self.out, rows, not_null, |bytes, row| {
                    scratch.clear();
                    write_text(&mut scratch, values, row)?;
                    bytes.extend_from_slice(fit(&scratch, to, explicit)?);
                    Ok(())
                })?;
            }
            (Values::Text(texts), _) => {
                let out = &mut self.out;
                rows.try_for_each(|row| match not_null(row) {
                    true => parse(texts.get(row), to, out, row),
                    false => Ok(()),
                })?;
            }
            _ => {
                return Err(Error::new(
                    SqlState::DatatypeMismatch,
                    format!("cannot cast type {from} to {to}"),
                ));
            }
        }
        Ok(&self.out)
    }
}

/// Writes a text for each row that is not NULL.
pub fn rewrite(
    out: &mut Vector,
    rows: Rows<'_>,
    not_null: impl Fn(usize) -> bool,
    mut write: impl FnMut(&mut Vec<u8>, usize) -> Result<()>,
) -> Result<()> {
    let Values::Text(texts) = &mut out.values else { return Err(wrong_kind()) };
    rows.try_for_each(|row| match not_null(row) {
        true => texts.write(row, |bytes| write(bytes, row)),
        false => Ok(()),
    })
}

fn narrow(
    to: DataType,
    rows: Rows<'_>,
    values: &[i64],
    out: &mut [i64],
    not_null: impl Fn(usize) -> bool,
) -> Result<()> {
    let range = range_of(to);
    rows.try_for_each(|row| {
        out[row] = values[row];
        if range.contains(&values[row]) || !not_null(row) { Ok(()) } else { Err(out_of_range(to)) }
    })
}

/// To the nearest integer, halves to even; NaN and infinity are out of range.
fn round(
    to: DataType,
    rows: Rows<'_>,
    values: &[f64],
    out: &mut [i64],
    not_null: impl Fn(usize) -> bool,
) -> Result<()> {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    let range = range_of(to);
    rows.try_for_each(|row| {
        let rounded = values[row].round_ties_even();
        out[row] = rounded as i64;
        let fits = (-TWO_TO_63..TWO_TO_63).contains(&rounded) && range.contains(&out[row]);
        if fits || !not_null(row) { Ok(()) } else { Err(out_of_range(to)) }
    })
}

/// As a cast to text writes it, which for booleans is not as psql prints it.
fn write_text(out: &mut Vec<u8>, values: &Values, row: usize) -> Result<()> {
    match values {
        Values::Boolean(values) => out.extend_from_slice(if values[row] { b"true" } else { b"false" }),
        Values::Integer(values) => append_integer(out, values[row]),
        Values::Double(values) => append_double(out, values[row])?,
        Values::Text(texts) => out.extend_from_slice(texts.get(row)),
    }
    Ok(())
}

fn parse(text: &[u8], to: DataType, out: &mut Vector, row: usize) -> Result<()> {
    match (Value::parse(utf8(text)?, to)?, &mut out.values) {
        (Value::Boolean(value), Values::Boolean(out)) => out[row] = value,
        (Value::SmallInt(value), Values::Integer(out)) => out[row] = i64::from(value),
        (Value::Integer(value), Values::Integer(out)) => out[row] = i64::from(value),
        (Value::BigInt(value), Values::Integer(out)) => out[row] = value,
        (Value::Double(value), Values::Double(out)) => out[row] = value,
        _ => return Err(wrong_kind()),
    }
    Ok(())
}

/// The text as a value of `to`: `varchar(n)` cuts when the user wrote the cast, and in an assignment lets only
/// spaces go.
fn fit(text: &[u8], to: DataType, explicit: bool) -> Result<&[u8]> {
    let DataType::Varchar(Some(limit)) = to else { return Ok(text) };
    if text.len() <= limit as usize {
        return Ok(text);
    }
    let Some((cut, _)) = utf8(text)?.char_indices().nth(limit as usize) else { return Ok(text) };
    let (kept, lost) = text.split_at(cut);
    if explicit || lost.iter().all(|&byte| byte == b' ') {
        return Ok(kept);
    }
    Err(Error::new(
        SqlState::StringDataRightTruncation,
        format!("value too long for type character varying({limit})"),
    ))
}
