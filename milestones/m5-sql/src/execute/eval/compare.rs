//! `=`, `<`, `IS DISTINCT FROM` and their kin.
//!
//! Text compares byte by byte (PostgreSQL's "C" collation). Double precision is totally ordered as PostgreSQL
//! orders it: NaN equals NaN and is greater than every number.

use super::{Evaluate, Node};
use crate::error::Result;
use crate::execute::batch::Rows;
use crate::execute::nulls::Nulls;
use crate::execute::vector::{Kind, Values, Vector, wrong_kind};
use crate::sql::expr::BinaryOp;
use std::cmp::Ordering;

#[inline]
pub fn compare_doubles(left: f64, right: f64) -> Ordering {
    match left.partial_cmp(&right) {
        Some(ordering) => ordering,
        None => left.is_nan().cmp(&right.is_nan()),
    }
}

/// For `=` and `<>`: texts of different lengths are told apart without looking at them.
#[inline]
fn same_or_not(left: &[u8], right: &[u8]) -> Ordering {
    if left == right { Ordering::Equal } else { Ordering::Less }
}

fn only_equality(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Equal | NotEqual | IsDistinctFrom | IsNotDistinctFrom)
}

/// A loop over rows that wants to know how the operands compare at each.
///
/// `run` is compiled once for each way of getting the ordering, so that the loop inside is over plain slices.
trait Loop {
    fn run(self, order: impl Fn(usize) -> Ordering);
}

/// Sets a boolean for each row.
struct Mark<'a> {
    op: BinaryOp,
    rows: Rows<'a>,
    out: &'a mut [bool],
}

impl Loop for Mark<'_> {
    fn run(self, order: impl Fn(usize) -> Ordering) {
        let Mark { op, rows, out } = self;
        match op {
            BinaryOp::NotEqual | BinaryOp::IsDistinctFrom => {
                rows.for_each(|row| out[row] = order(row).is_ne())
            }
            BinaryOp::Less => rows.for_each(|row| out[row] = order(row).is_lt()),
            BinaryOp::LessOrEqual => rows.for_each(|row| out[row] = order(row).is_le()),
            BinaryOp::Greater => rows.for_each(|row| out[row] = order(row).is_gt()),
            BinaryOp::GreaterOrEqual => rows.for_each(|row| out[row] = order(row).is_ge()),
            _ => rows.for_each(|row| out[row] = order(row).is_eq()),
        }
    }
}

/// Picks the rows where the comparison holds and no operand is NULL.
struct Pick<'a> {
    op: BinaryOp,
    rows: Rows<'a>,
    nulls: &'a Nulls,
    picked: &'a mut Vec<u16>,
}

impl Pick<'_> {
    fn pick(self, test: impl Fn(usize) -> bool) {
        let nulls = self.nulls;
        if nulls.any() {
            self.rows.pick(self.picked, |row| test(row) && !nulls.is_null(row));
        } else {
            self.rows.pick(self.picked, test);
        }
    }
}

impl Loop for Pick<'_> {
    fn run(self, order: impl Fn(usize) -> Ordering) {
        match self.op {
            BinaryOp::NotEqual => self.pick(|row| order(row).is_ne()),
            BinaryOp::Less => self.pick(|row| order(row).is_lt()),
            BinaryOp::LessOrEqual => self.pick(|row| order(row).is_le()),
            BinaryOp::Greater => self.pick(|row| order(row).is_gt()),
            BinaryOp::GreaterOrEqual => self.pick(|row| order(row).is_ge()),
            _ => self.pick(|row| order(row).is_eq()),
        }
    }
}

fn over_vectors(op: BinaryOp, left: &Vector, right: &Vector, work: impl Loop) -> Result<()> {
    match (&left.values, &right.values) {
        (Values::Boolean(a), Values::Boolean(b)) => work.run(|row| a[row].cmp(&b[row])),
        (Values::Integer(a), Values::Integer(b)) => work.run(|row| a[row].cmp(&b[row])),
        (Values::Double(a), Values::Double(b)) => work.run(|row| compare_doubles(a[row], b[row])),
        (Values::Text(a), Values::Text(b)) if only_equality(op) => {
            work.run(|row| same_or_not(a.get(row), b.get(row)));
        }
        (Values::Text(a), Values::Text(b)) => work.run(|row| a.get(row).cmp(b.get(row))),
        _ => return Err(wrong_kind()),
    }
    Ok(())
}

fn over_constant(op: BinaryOp, left: &Vector, right: &Scalar, work: impl Loop) -> Result<()> {
    match (&left.values, right) {
        (Values::Boolean(a), Scalar::Boolean(b)) => work.run(|row| a[row].cmp(b)),
        (Values::Integer(a), Scalar::Integer(b)) => work.run(|row| a[row].cmp(b)),
        (Values::Double(a), Scalar::Double(b)) => work.run(|row| compare_doubles(a[row], *b)),
        (Values::Text(a), Scalar::Text(b)) if only_equality(op) => {
            work.run(|row| same_or_not(a.get(row), b));
        }
        (Values::Text(a), Scalar::Text(b)) => work.run(|row| a.get(row).cmp(b.as_slice())),
        _ => return Err(wrong_kind()),
    }
    Ok(())
}

/// How the values of one vector compare at two positions, neither NULL.
pub fn compare_values(left: &Vector, at: usize, right: &Vector, other: usize) -> Result<Ordering> {
    Ok(match (&left.values, &right.values) {
        (Values::Boolean(a), Values::Boolean(b)) => a[at].cmp(&b[other]),
        (Values::Integer(a), Values::Integer(b)) => a[at].cmp(&b[other]),
        (Values::Double(a), Values::Double(b)) => compare_doubles(a[at], b[other]),
        (Values::Text(a), Values::Text(b)) => a.get(at).cmp(b.get(other)),
        _ => return Err(wrong_kind()),
    })
}

/// Two operands that both change from row to row.
pub struct Compare {
    op: BinaryOp,
    left: Node,
    right: Node,
    out: Vector,
}

impl Compare {
    pub fn new(op: BinaryOp, left: Node, right: Node) -> Compare {
        Compare { op, left, right, out: Vector::new(Kind::Boolean) }
    }
}

impl Evaluate for Compare {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let left = self.left.evaluate(columns, rows)?;
        let right = self.right.evaluate(columns, rows)?;
        self.out.restart(Kind::Boolean, rows.bound());
        let Values::Boolean(out) = &mut self.out.values else { return Err(wrong_kind()) };
        over_vectors(self.op, left, right, Mark { op: self.op, rows, out })?;
        let null_differs = self.op == BinaryOp::IsDistinctFrom;
        if !null_differs && self.op != BinaryOp::IsNotDistinctFrom {
            self.out.nulls.copy_from(&left.nulls);
            self.out.nulls.add(&right.nulls);
        } else if left.nulls.any() || right.nulls.any() {
            rows.for_each(|row| match (left.nulls.is_null(row), right.nulls.is_null(row)) {
                (false, false) => {}
                (a, b) => out[row] = (a != b) == null_differs,
            });
        }
        Ok(&self.out)
    }
}

/// A value that is not NULL.
pub enum Scalar {
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Text(Vec<u8>),
}

impl Scalar {
    pub fn first_of(vector: &Vector) -> Scalar {
        match &vector.values {
            Values::Boolean(values) => Scalar::Boolean(values[0]),
            Values::Integer(values) => Scalar::Integer(values[0]),
            Values::Double(values) => Scalar::Double(values[0]),
            Values::Text(texts) => Scalar::Text(texts.get(0).to_vec()),
        }
    }
}

/// The commonest predicate: something against a constant that is not NULL.
pub struct CompareConstant {
    op: BinaryOp,
    operand: Node,
    constant: Scalar,
    out: Vector,
}

impl CompareConstant {
    pub fn new(op: BinaryOp, operand: Node, constant: &Node) -> Result<CompareConstant> {
        let constant = Scalar::first_of(constant.constant().ok_or_else(wrong_kind)?);
        Ok(CompareConstant { op, operand, constant, out: Vector::new(Kind::Boolean) })
    }
}

impl Evaluate for CompareConstant {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let operand = self.operand.evaluate(columns, rows)?;
        self.out.restart(Kind::Boolean, rows.bound());
        let Values::Boolean(out) = &mut self.out.values else { return Err(wrong_kind()) };
        over_constant(self.op, operand, &self.constant, Mark { op: self.op, rows, out })?;
        match self.op {
            BinaryOp::IsDistinctFrom | BinaryOp::IsNotDistinctFrom if operand.nulls.any() => {
                let null_differs = self.op == BinaryOp::IsDistinctFrom;
                rows.for_each(|row| {
                    if operand.nulls.is_null(row) {
                        out[row] = null_differs;
                    }
                });
            }
            BinaryOp::IsDistinctFrom | BinaryOp::IsNotDistinctFrom => {}
            _ => self.out.nulls.copy_from(&operand.nulls),
        }
        Ok(&self.out)
    }

    fn select(&mut self, columns: &[Vector], rows: Rows<'_>, picked: &mut Vec<u16>) -> Result<()> {
        if self.op == BinaryOp::IsDistinctFrom {
            return super::pick_true(self.evaluate(columns, rows)?, rows, picked);
        }
        let operand = self.operand.evaluate(columns, rows)?;
        let work = Pick { op: self.op, rows, nulls: &operand.nulls, picked };
        over_constant(self.op, operand, &self.constant, work)
    }
}
