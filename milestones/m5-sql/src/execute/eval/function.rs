//! Functions that answer a number: rounding, and the length of a text.

use super::{Evaluate, Node};
use crate::error::{Error, Result};
use crate::execute::batch::Rows;
use crate::execute::vector::{Kind, Values, Vector, wrong_kind};
use crate::sql::expr::Function;

/// What a function of double precision does to one value.
pub fn rounding_of(function: Function) -> Result<fn(f64) -> f64> {
    match function {
        Function::Abs => Ok(f64::abs),
        Function::Round => Ok(f64::round_ties_even),
        Function::Floor => Ok(f64::floor),
        Function::Ceiling => Ok(f64::ceil),
        other => Err(Error::internal(format!("{other:?} is not a function of double precision"))),
    }
}

pub struct DoubleFunction {
    operand: Node,
    apply: fn(f64) -> f64,
    out: Vector,
}

impl DoubleFunction {
    pub fn new(operand: Node, apply: fn(f64) -> f64) -> DoubleFunction {
        DoubleFunction { operand, apply, out: Vector::new(Kind::Double) }
    }
}

impl Evaluate for DoubleFunction {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let operand = self.operand.evaluate(columns, rows)?;
        let values = operand.doubles()?;
        self.out.restart(Kind::Double, rows.bound());
        self.out.nulls.copy_from(&operand.nulls);
        let Values::Double(out) = &mut self.out.values else { return Err(wrong_kind()) };
        rows.for_each(|row| out[row] = (self.apply)(values[row]));
        Ok(&self.out)
    }
}

/// How a function measures a text.
pub fn measure_of(function: Function) -> fn(&[u8]) -> usize {
    match function {
        Function::Length => count_chars,
        _ => <[u8]>::len,
    }
}

/// The characters of a UTF-8 text: its bytes that do not continue one.
fn count_chars(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

/// `length` and `octet_length`.
pub struct Measure {
    operand: Node,
    measure: fn(&[u8]) -> usize,
    out: Vector,
}

impl Measure {
    pub fn new(operand: Node, measure: fn(&[u8]) -> usize) -> Measure {
        Measure { operand, measure, out: Vector::new(Kind::Integer) }
    }
}

impl Evaluate for Measure {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let operand = self.operand.evaluate(columns, rows)?;
        let texts = operand.texts()?;
        self.out.restart(Kind::Integer, rows.bound());
        self.out.nulls.copy_from(&operand.nulls);
        let Values::Integer(out) = &mut self.out.values else { return Err(wrong_kind()) };
        let not_null = |row| !operand.nulls.is_null(row);
        rows.for_each(|row| out[row] = if not_null(row) { (self.measure)(texts.get(row)) as i64 } else { 0 });
        Ok(&self.out)
    }
}
