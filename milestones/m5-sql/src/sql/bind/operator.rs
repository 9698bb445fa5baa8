//! Which operator an operator sign means for the types of its operands, and the type of its result.

use super::super::expr::{BinaryOp, Expr, UnaryOp};
use super::super::source_text::SourceText;
use super::coerce::{Typed, convert, unify, wider};
use crate::error::{Error, Result, SqlState};
use crate::types::{DataType, Value};
use sqlparser::ast::BinaryOperator;

/// The operators that exist here.
pub fn binary_op(op: &BinaryOperator) -> Result<BinaryOp> {
    Ok(match op {
        BinaryOperator::And => BinaryOp::And,
        BinaryOperator::Or => BinaryOp::Or,
        BinaryOperator::Eq => BinaryOp::Equal,
        BinaryOperator::NotEq => BinaryOp::NotEqual,
        BinaryOperator::Lt => BinaryOp::Less,
        BinaryOperator::LtEq => BinaryOp::LessOrEqual,
        BinaryOperator::Gt => BinaryOp::Greater,
        BinaryOperator::GtEq => BinaryOp::GreaterOrEqual,
        BinaryOperator::Plus => BinaryOp::Add,
        BinaryOperator::Minus => BinaryOp::Subtract,
        BinaryOperator::Multiply => BinaryOp::Multiply,
        BinaryOperator::Divide => BinaryOp::Divide,
        BinaryOperator::Modulo => BinaryOp::Modulo,
        BinaryOperator::StringConcat => BinaryOp::Concat,
        other => return Err(Error::unsupported(format!("operator {other}"))),
    })
}

/// `left op right`, for every operator but AND and OR.
pub fn binary(text: SourceText<'_>, op: BinaryOp, left: Typed, right: Typed) -> Result<Expr> {
    match op {
        BinaryOp::Concat => concat(text, left, right),
        op if op.is_comparison() => compare(text, op, left, right),
        _ => arithmetic(text, op, left, right),
    }
}

pub fn compare(text: SourceText<'_>, op: BinaryOp, left: Typed, right: Typed) -> Result<Expr> {
    let names = (left.type_name(), right.type_name());
    let symbol = match op {
        // PostgreSQL defines both by the operator for equality.
        BinaryOp::IsDistinctFrom | BinaryOp::IsNotDistinctFrom => "=",
        op => op.symbol(),
    };
    match unify(text, left, right) {
        Some(sides) => sides.map(|(left, right)| join(op, left, right)),
        None => Err(undefined(symbol, &names.0, &names.1)),
    }
}

fn arithmetic(text: SourceText<'_>, op: BinaryOp, left: Typed, right: Typed) -> Result<Expr> {
    let names = (left.type_name(), right.type_name());
    let to = match (left.unknown, right.unknown) {
        (true, true) => return Err(ambiguous(op.symbol(), &names.0, &names.1)),
        (true, false) => Some(right.data_type()),
        (false, true) => Some(left.data_type()),
        (false, false) => wider(left.data_type(), right.data_type()),
    };
    match to {
        Some(to) if to.is_integer() || (to == DataType::DoublePrecision && op != BinaryOp::Modulo) => {
            Ok(join(op, convert(text, left, to)?, convert(text, right, to)?))
        }
        _ => Err(undefined(op.symbol(), &names.0, &names.1)),
    }
}

/// `||`: one side must be text, the other may be anything that has a text form.
fn concat(text: SourceText<'_>, left: Typed, right: Typed) -> Result<Expr> {
    let is_text = |side: &Typed| side.unknown || side.data_type().is_text();
    if !is_text(&left) && !is_text(&right) {
        return Err(undefined("||", &left.type_name(), &right.type_name()));
    }
    let as_text = |side: Typed| match is_text(&side) {
        true => convert(text, side, DataType::Text),
        false => Ok(Expr::Cast { operand: Box::new(side.expr), to: DataType::Text, explicit: false }),
    };
    Ok(join(BinaryOp::Concat, as_text(left)?, as_text(right)?))
}

/// `- operand`. A number with its sign is one literal.
pub fn negate(operand: Typed) -> Result<Typed> {
    let span = operand.span;
    let negated = |value| Ok(Typed::known(literal(value)).at(span));
    match &operand.expr {
        Expr::Literal { value: Value::Integer(n), .. } if *n != i32::MIN => {
            return negated(Value::Integer(-n));
        }
        Expr::Literal { value: Value::BigInt(n), .. } if *n != i64::MIN => return negated(Value::BigInt(-n)),
        Expr::Literal { value: Value::Double(n), .. } => return negated(Value::Double(-n)),
        _ => {}
    }
    match operand.data_type() {
        _ if operand.unknown => Err(ambiguous_unary("-")),
        data_type if data_type.is_numeric() => {
            let expr = Expr::Unary { op: UnaryOp::Negate, operand: Box::new(operand.expr) };
            Ok(Typed::known(expr).at(span))
        }
        _ => Err(undefined_unary("-", &operand.type_name())),
    }
}

/// `+ operand`
pub fn plus(operand: Typed) -> Result<Typed> {
    match operand.data_type() {
        _ if operand.unknown => Err(ambiguous_unary("+")),
        data_type if data_type.is_numeric() => Ok(operand),
        _ => Err(undefined_unary("+", &operand.type_name())),
    }
}

pub fn literal(value: Value) -> Expr {
    let data_type = value.data_type().unwrap_or(DataType::Text);
    Expr::Literal { value, data_type }
}

pub fn join(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary { op, left: Box::new(left), right: Box::new(right) }
}

const NO_MATCH: &str =
    "No operator matches the given name and argument types. You might need to add explicit type casts.";
const NO_BEST: &str =
    "Could not choose a best candidate operator. You might need to add explicit type casts.";

pub fn undefined(symbol: &str, left: &str, right: &str) -> Error {
    Error::new(SqlState::UndefinedFunction, format!("operator does not exist: {left} {symbol} {right}"))
        .with_hint(NO_MATCH)
}

fn undefined_unary(symbol: &str, operand: &str) -> Error {
    Error::new(SqlState::UndefinedFunction, format!("operator does not exist: {symbol} {operand}")).with_hint(
        "No operator matches the given name and argument type. You might need to add an explicit type cast.",
    )
}

fn ambiguous(symbol: &str, left: &str, right: &str) -> Error {
    Error::new(SqlState::AmbiguousFunction, format!("operator is not unique: {left} {symbol} {right}"))
        .with_hint(NO_BEST)
}

fn ambiguous_unary(symbol: &str) -> Error {
    Error::new(SqlState::AmbiguousFunction, format!("operator is not unique: {symbol} unknown"))
        .with_hint(NO_BEST)
}
