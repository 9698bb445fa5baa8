//! `+ - * / %` and negation, with PostgreSQL's errors.
//!
//! Integers of every type are computed as `i64`; the static type says which results are out of range. Whether
//! anything went wrong is gathered over the whole loop without a branch, and only then looked for: a value at a
//! NULL position has no meaning and must not raise an error.

use super::{Evaluate, Node};
use crate::error::{Error, Result, SqlState};
use crate::execute::batch::Rows;
use crate::execute::nulls::Nulls;
use crate::execute::vector::{Kind, Values, Vector, wrong_kind};
use crate::sql::expr::BinaryOp;
use crate::types::DataType;
use std::ops::RangeInclusive;

/// The values of an integer type.
pub fn range_of(data_type: DataType) -> RangeInclusive<i64> {
    match data_type {
        DataType::SmallInt => i64::from(i16::MIN)..=i64::from(i16::MAX),
        DataType::Integer => i64::from(i32::MIN)..=i64::from(i32::MAX),
        _ => i64::MIN..=i64::MAX,
    }
}

pub fn out_of_range(data_type: DataType) -> Error {
    Error::new(SqlState::NumericValueOutOfRange, format!("{data_type} out of range"))
}

fn division_by_zero() -> Error {
    Error::new(SqlState::DivisionByZero, "division by zero")
}

pub fn double_overflow() -> Error {
    Error::new(SqlState::NumericValueOutOfRange, "value out of range: overflow")
}

fn double_underflow() -> Error {
    Error::new(SqlState::NumericValueOutOfRange, "value out of range: underflow")
}

/// `first op operand op operand …`, from left to right.
pub struct Arithmetic {
    first: Node,
    links: Vec<(BinaryOp, Node)>,
    data_type: DataType,
    out: Vector,
    /// What was computed before the last operator.
    before: Vector,
}

impl Arithmetic {
    pub fn new(first: Node, links: Vec<(BinaryOp, Node)>, data_type: DataType) -> Arithmetic {
        let empty = || Vector::new(Kind::of(data_type));
        Arithmetic { first, links, data_type, out: empty(), before: empty() }
    }
}

impl Evaluate for Arithmetic {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let Arithmetic { first, links, data_type, out, before } = self;
        let left = first.evaluate(columns, rows)?;
        let Some(((op, operand), others)) = links.split_first_mut() else { return Ok(left) };
        compute(*op, *data_type, rows, left, value_of(operand, columns, rows)?, out)?;
        for (op, operand) in others {
            std::mem::swap(out, before);
            compute(*op, *data_type, rows, before, value_of(operand, columns, rows)?, out)?;
        }
        Ok(out)
    }
}

/// An operand's values, and whether it is the one at 0 for all rows: in a long chain, a constant must not take as much
/// memory as a column.
fn value_of<'a>(operand: &'a mut Node, columns: &'a [Vector], rows: Rows<'_>) -> Result<(&'a Vector, bool)> {
    let is_constant = operand.constant().is_some();
    Ok((operand.evaluate(columns, if is_constant { Rows::First(1) } else { rows })?, is_constant))
}

/// One operator; the value of a constant stands at 0.
fn compute(
    op: BinaryOp,
    data_type: DataType,
    rows: Rows<'_>,
    left: &Vector,
    (right, is_constant): (&Vector, bool),
    out: &mut Vector,
) -> Result<()> {
    out.restart(Kind::of(data_type), rows.bound());
    out.nulls.copy_from(&left.nulls);
    match is_constant {
        true if right.nulls.is_null(0) => rows.for_each(|row| out.nulls.set(row)),
        true => {}
        false => out.nulls.add(&right.nulls),
    }
    let nulls = &out.nulls;
    match (&left.values, &right.values, &mut out.values) {
        (Values::Integer(a), Values::Integer(b), Values::Integer(out)) if is_constant => {
            integers(op, data_type, rows, a, |_| b[0], out, nulls)
        }
        (Values::Integer(a), Values::Integer(b), Values::Integer(out)) => {
            integers(op, data_type, rows, a, |row| b[row], out, nulls)
        }
        (Values::Double(a), Values::Double(b), Values::Double(out)) if is_constant => {
            doubles(op, rows, a, |_| b[0], out, nulls)
        }
        (Values::Double(a), Values::Double(b), Values::Double(out)) => {
            doubles(op, rows, a, |row| b[row], out, nulls)
        }
        _ => Err(wrong_kind()),
    }
}

fn integers(
    op: BinaryOp,
    data_type: DataType,
    rows: Rows<'_>,
    a: &[i64],
    b: impl Fn(usize) -> i64,
    out: &mut [i64],
    nulls: &Nulls,
) -> Result<()> {
    let range = range_of(data_type);
    match op {
        BinaryOp::Add => {
            checked(data_type, rows, out, nulls, |row| in_range(&range, a[row].overflowing_add(b(row))))
        }
        BinaryOp::Subtract => {
            checked(data_type, rows, out, nulls, |row| in_range(&range, a[row].overflowing_sub(b(row))))
        }
        BinaryOp::Multiply => {
            checked(data_type, rows, out, nulls, |row| in_range(&range, a[row].overflowing_mul(b(row))))
        }
        BinaryOp::Divide => {
            refuse_zero(rows, &b, nulls)?;
            checked(data_type, rows, out, nulls, |row| match b(row) {
                0 => (0, false),
                divisor => in_range(&range, a[row].overflowing_div(divisor)),
            })
        }
        BinaryOp::Modulo => {
            refuse_zero(rows, &b, nulls)?;
            checked(data_type, rows, out, nulls, |row| match b(row) {
                0 => (0, false),
                divisor => (a[row].wrapping_rem(divisor), false),
            })
        }
        _ => Err(Error::internal(format!("{} is not an operator of integers", op.symbol()))),
    }
}

fn in_range(range: &RangeInclusive<i64>, (result, overflows): (i64, bool)) -> (i64, bool) {
    (result, overflows | !range.contains(&result))
}

fn refuse_zero(rows: Rows<'_>, divisor: impl Fn(usize) -> i64, nulls: &Nulls) -> Result<()> {
    rows.try_for_each(|row| match divisor(row) {
        0 if !nulls.is_null(row) => Err(division_by_zero()),
        _ => Ok(()),
    })
}

/// Stores what `compute` answers; its second answer says that the result is out of range.
#[inline]
fn checked(
    data_type: DataType,
    rows: Rows<'_>,
    out: &mut [i64],
    nulls: &Nulls,
    compute: impl Fn(usize) -> (i64, bool),
) -> Result<()> {
    let mut suspicious = false;
    rows.for_each(|row| {
        let (result, overflows) = compute(row);
        out[row] = result;
        suspicious |= overflows;
    });
    if !suspicious {
        return Ok(());
    }
    rows.try_for_each(|row| match compute(row).1 && !nulls.is_null(row) {
        true => Err(out_of_range(data_type)),
        false => Ok(()),
    })
}

/// PostgreSQL's rules (`float8_mul` and its kin): infinity may only come of infinity, zero only of zero.
fn doubles(
    op: BinaryOp,
    rows: Rows<'_>,
    a: &[f64],
    b: impl Fn(usize) -> f64,
    out: &mut [f64],
    nulls: &Nulls,
) -> Result<()> {
    match op {
        BinaryOp::Add => rows.for_each(|row| out[row] = a[row] + b(row)),
        BinaryOp::Subtract => rows.for_each(|row| out[row] = a[row] - b(row)),
        BinaryOp::Multiply => rows.for_each(|row| out[row] = a[row] * b(row)),
        BinaryOp::Divide => rows.for_each(|row| out[row] = a[row] / b(row)),
        _ => return Err(Error::internal(format!("{} is not an operator of double precision", op.symbol()))),
    }
    rows.try_for_each(|row| {
        let (left, right, result) = (a[row], b(row), out[row]);
        let division = op == BinaryOp::Divide;
        if !(result.is_infinite() || result == 0.0 || (division && right == 0.0)) || nulls.is_null(row) {
            return Ok(());
        }
        if division && right == 0.0 && !left.is_nan() {
            return Err(division_by_zero());
        }
        if result.is_infinite() && !left.is_infinite() && (division || !right.is_infinite()) {
            return Err(double_overflow());
        }
        let underflows = match op {
            BinaryOp::Multiply => left != 0.0 && right != 0.0,
            BinaryOp::Divide => left != 0.0 && !right.is_infinite(),
            _ => false,
        };
        if result == 0.0 && underflows {
            return Err(double_underflow());
        }
        Ok(())
    })
}

/// `-x`, and for integers also `abs(x)`.
pub struct Negate {
    operand: Node,
    data_type: DataType,
    only_negative: bool,
    out: Vector,
}

impl Negate {
    pub fn new(operand: Node, data_type: DataType) -> Negate {
        Negate { operand, data_type, only_negative: false, out: Vector::new(Kind::of(data_type)) }
    }

    pub fn if_negative(operand: Node, data_type: DataType) -> Negate {
        Negate { only_negative: true, ..Negate::new(operand, data_type) }
    }
}

impl Evaluate for Negate {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let operand = self.operand.evaluate(columns, rows)?;
        self.out.restart(Kind::of(self.data_type), rows.bound());
        self.out.nulls.copy_from(&operand.nulls);
        let nulls = &self.out.nulls;
        match (&operand.values, &mut self.out.values) {
            (Values::Integer(values), Values::Integer(out)) => {
                let (range, only_negative) = (range_of(self.data_type), self.only_negative);
                checked(self.data_type, rows, out, nulls, |row| match values[row] {
                    value if only_negative && value >= 0 => (value, false),
                    value => in_range(&range, value.overflowing_neg()),
                })?;
            }
            (Values::Double(values), Values::Double(out)) => rows.for_each(|row| out[row] = -values[row]),
            _ => return Err(wrong_kind()),
        }
        Ok(&self.out)
    }
}
