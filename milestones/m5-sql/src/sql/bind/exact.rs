//! Decimal literals beside integers, where a double would not do: `b >= 9223372036854775808` is true of no bigint, though
//! the largest one and this number are the same double.
//!
//! A comparison becomes one of integers, which an index can serve, too: `n < 2.5` is `n <= 2`.

use super::super::expr::{BinaryOp, Expr};
use super::super::source_text::SourceText;
use super::coerce::{Exact, Typed};
use super::decimal::Decimal;
use super::operator::{self, join, literal};
use crate::error::{Error, Result, SqlState};
use crate::types::{DataType, Value};

/// Whether a comparison of the two must not make doubles of them.
pub fn applies(left: &Typed, right: &Typed) -> bool {
    match (&left.exact, &right.exact) {
        (Some(_), Some(_)) => true,
        (Some(_), None) => is_integer(right),
        (None, Some(_)) => is_integer(left),
        (None, None) => false,
    }
}

fn is_integer(side: &Typed) -> bool {
    !side.unknown && side.data_type().is_integer()
}

/// `left op right`, to which [`applies`] applies.
pub fn compare(text: SourceText<'_>, op: BinaryOp, left: Typed, right: Typed) -> Result<Expr> {
    match (&left.exact, &right.exact) {
        (Some(Exact::Written(left)), Some(Exact::Written(right))) => {
            let order = Value::Integer(left.cmp(right) as i32);
            Ok(join(op, literal(order), literal(Value::Integer(0))))
        }
        (None, Some(Exact::Written(number))) => with_integer(text, op, left, number),
        (Some(Exact::Written(number)), None) => with_integer(text, op.mirrored(), right, number),
        _ => Err(later()),
    }
}

fn with_integer(text: SourceText<'_>, op: BinaryOp, side: Typed, number: &Decimal) -> Result<Expr> {
    use BinaryOp::*;
    let compare = |op, value| operator::compare(text, op, &[], side, Typed::known(literal(value)));
    if let Some(value) = number.as_integer() {
        return compare(op, value);
    }
    let floor = number.floor();
    let is_below_all = floor < i128::from(i64::MIN);
    let floor = Value::BigInt(i64::try_from(floor).unwrap_or(i64::MAX));
    let lowest = Value::BigInt(i64::MIN);
    match op {
        Less | LessOrEqual if !is_below_all => compare(LessOrEqual, floor),
        Greater | GreaterOrEqual if !is_below_all => compare(Greater, floor),
        // True or, of NULL, NULL.
        Greater | GreaterOrEqual | NotEqual => compare(GreaterOrEqual, lowest),
        // Never true.
        IsDistinctFrom | IsNotDistinctFrom => Ok(join(op, compare(Less, lowest)?, Expr::boolean(true))),
        _ => compare(Less, lowest),
    }
}

/// A list that an integer is looked for in: its decimals as integers, without those that no integer equals, unless
/// there is nothing else.
pub fn integers(operand: &Typed, items: Vec<Typed>) -> Result<Vec<Typed>> {
    if !is_integer(operand) || items.iter().all(|item| item.exact.is_none()) || items.iter().any(is_double) {
        return Ok(items);
    }
    let (mut integers, mut never) = (Vec::with_capacity(items.len()), None);
    for item in items {
        // Beside a decimal, a string is one, too.
        let read = match &item.expr {
            Expr::Literal { value: Value::Text(text), .. } if item.unknown => Decimal::parse(text.trim()),
            _ => None,
        };
        let number = match &item.exact {
            Some(Exact::Written(number)) => Some(number),
            Some(Exact::Later) => return Err(later()),
            None => read.as_ref(),
        };
        match number.map(Decimal::as_integer) {
            None => integers.push(item),
            Some(Some(value)) => integers.push(Typed::known(literal(value)).at(item.span)),
            Some(None) => never = Some(item),
        }
    }
    if integers.is_empty() {
        integers.extend(never);
    }
    Ok(integers)
}

/// The literal as an integer: rounded, or out of range.
pub fn to_integer(number: &Exact, to: DataType) -> Result<Expr> {
    let Exact::Written(number) = number else { return Err(later()) };
    let value = match number.round() {
        Some(value) => Value::BigInt(value).coerce_to(to)?,
        None => return Err(Error::new(SqlState::NumericValueOutOfRange, format!("{to} out of range"))),
    };
    Ok(Expr::Literal { value, data_type: to })
}

/// Items of one result: where no true double is among them, what is below all integers is so as a double, too. The
/// nearest double may be the lowest bigint.
pub fn among_integers(items: Vec<Typed>) -> Vec<Typed> {
    const LOWEST: f64 = -9_223_372_036_854_775_808.0;
    if items.iter().any(is_double) {
        return items;
    }
    let lowered = |item: Typed| match (&item.exact, &item.expr) {
        (Some(Exact::Written(number)), Expr::Literal { value: Value::Double(LOWEST), .. })
            if number.as_integer().is_none() =>
        {
            Typed { expr: literal(Value::Double(LOWEST.next_down())), ..item }
        }
        _ => item,
    };
    items.into_iter().map(lowered).collect()
}

fn is_double(item: &Typed) -> bool {
    !item.unknown && item.exact.is_none() && item.data_type() == DataType::DoublePrecision
}

/// A plan for all decimals in its place would be another one for each.
fn later() -> Error {
    Error::unsupported("a decimal parameter beside an integer")
}
