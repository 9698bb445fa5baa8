//! Which operator an operator sign means for the types of its operands, and the type of its result.

use super::super::expr::{BinaryOp, Expr, UnaryOp};
use super::super::position::{locate, sign_before, sign_between};
use super::super::source_text::SourceText;
use super::coerce::{Typed, convert, unify, wider};
use super::exact;
use crate::error::{Error, Result, SqlState};
use crate::types::{DataType, Value};
use sqlparser::ast::BinaryOperator;
use sqlparser::tokenizer::{Span, Token};

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
        op if op.is_comparison() => compare(text, op, &[op.symbol()], left, right),
        _ => arithmetic(text, op, left, right),
    }
}

/// `signs` are the words or signs that an error points at; for `CASE a WHEN b` it is WHEN.
pub fn compare(
    text: SourceText<'_>,
    op: BinaryOp,
    signs: &[&str],
    left: Typed,
    right: Typed,
) -> Result<Expr> {
    if exact::applies(&left, &right) {
        return exact::compare(text, op, left, right);
    }
    let names = (left.type_name(), right.type_name());
    let spans = (left.span, right.span);
    let symbol = match op {
        // PostgreSQL defines both by the operator for equality.
        BinaryOp::IsDistinctFrom | BinaryOp::IsNotDistinctFrom => "=",
        op => op.symbol(),
    };
    match unify(text, left, right) {
        Some(sides) => sides.map(|(left, right)| join(op, left, right)),
        None => {
            let place = sign_between(&text, signs, spans.0, spans.1);
            Err(undefined(symbol, &names.0, &names.1, text, place))
        }
    }
}

fn arithmetic(text: SourceText<'_>, op: BinaryOp, left: Typed, right: Typed) -> Result<Expr> {
    let names = (left.type_name(), right.type_name());
    let spans = (left.span, right.span);
    let place = || sign_between(&text, &[op.symbol()], spans.0, spans.1);
    let to = match (left.unknown, right.unknown) {
        (true, true) => {
            return Err(locate(ambiguous(op.symbol(), &names.0, &names.1), text, place()));
        }
        (true, false) => Some(right.data_type()),
        (false, true) => Some(left.data_type()),
        (false, false) => wider(left.data_type(), right.data_type()),
    };
    match to {
        Some(to) if to.is_integer() || (to == DataType::DoublePrecision && op != BinaryOp::Modulo) => {
            Ok(Expr::link(op, convert(text, left, to)?, convert(text, right, to)?))
        }
        _ => Err(undefined(op.symbol(), &names.0, &names.1, text, place())),
    }
}

/// `||`: one side must be text, the other may be anything that has a text form.
fn concat(text: SourceText<'_>, left: Typed, right: Typed) -> Result<Expr> {
    let is_text = |side: &Typed| side.unknown || side.data_type().is_text();
    if !is_text(&left) && !is_text(&right) {
        let place = sign_between(&text, &["||"], left.span, right.span);
        return Err(undefined("||", &left.type_name(), &right.type_name(), text, place));
    }
    let as_text = |side: Typed| match is_text(&side) {
        true => convert(text, side, DataType::Text),
        false => Ok(Expr::Cast { operand: Box::new(side.expr), to: DataType::Text, explicit: false }),
    };
    Ok(Expr::link(BinaryOp::Concat, as_text(left)?, as_text(right)?))
}

/// `- operand`. A number with its sign is one literal.
pub fn negate(text: SourceText<'_>, operand: Typed) -> Result<Typed> {
    let span = operand.span;
    let at_sign = |error| locate(error, text, sign_before(&text, &Token::Minus, span));
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
        _ if operand.unknown => Err(at_sign(ambiguous_unary("-"))),
        data_type if data_type.is_numeric() => {
            let expr = Expr::Unary { op: UnaryOp::Negate, operand: Box::new(operand.expr) };
            Ok(Typed::known(expr).at(span))
        }
        _ => Err(at_sign(undefined_unary("-", &operand.type_name()))),
    }
}

/// `+ operand`
pub fn plus(text: SourceText<'_>, operand: Typed) -> Result<Typed> {
    let span = operand.span;
    let at_sign = |error| locate(error, text, sign_before(&text, &Token::Plus, span));
    match operand.data_type() {
        // Of the operators that a string could be for, double precision's is the preferred one.
        _ if operand.unknown => {
            convert(text, operand, DataType::DoublePrecision).map(|expr| Typed::known(expr).at(span))
        }
        data_type if data_type.is_numeric() => Ok(operand),
        _ => Err(at_sign(undefined_unary("+", &operand.type_name()))),
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

/// There is no operator `symbol` for these types; `place` is where it stands.
pub fn undefined(symbol: &str, left: &str, right: &str, text: SourceText<'_>, place: Span) -> Error {
    let message = format!("operator does not exist: {left} {symbol} {right}");
    locate(Error::new(SqlState::UndefinedFunction, message).with_hint(NO_MATCH), text, place)
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
