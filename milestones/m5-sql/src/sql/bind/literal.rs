//! Literals: what `42`, `1.5`, `'text'`, `true` and NULL are before anything asks for a type.

use super::super::expr::Expr;
use super::super::position::locate;
use super::super::source_text::SourceText;
use super::coerce::{Exact, Typed};
use super::decimal::Decimal;
use crate::error::{Error, Result, SqlState};
use crate::types::{DataType, Value};
use sqlparser::ast::{Expr as Ast, UnaryOperator, Value as Token, ValueWithSpan};

pub fn bind(token: &ValueWithSpan, text: SourceText<'_>) -> Result<Typed> {
    let typed = match &token.value {
        Token::Number(digits, _) => written(digits).map_err(|error| locate(error, text, token.span))?,
        Token::Boolean(value) => known(Value::Boolean(*value)),
        Token::Null => unknown(Value::Null),
        Token::SingleQuotedString(string)
        | Token::EscapedStringLiteral(string)
        | Token::UnicodeStringLiteral(string) => unknown(Value::Text(checked(string)?)),
        Token::DollarQuotedString(string) => unknown(Value::Text(checked(&string.value)?)),
        Token::Placeholder(name) => {
            if let Some(parameter) = parameter(name, text) {
                return Ok(parameter.at(token.span));
            }
            let error = match name.strip_prefix('$') {
                Some(_) => Error::new(SqlState::UndefinedParameter, format!("there is no parameter {name}")),
                None => {
                    let sign = name.get(..1).unwrap_or_default();
                    Error::new(SqlState::SyntaxError, format!("syntax error at or near \"{sign}\""))
                }
            };
            return Err(locate(error, text, token.span));
        }
        other => return Err(Error::unsupported(format!("literal {other}"))),
    };
    Ok(typed.at(token.span))
}

/// `$1`, if the statement has it.
fn parameter(name: &str, text: SourceText<'_>) -> Option<Typed> {
    let number = name.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1)?;
    let data_type = text.parameters.get(number)?;
    let expr = Expr::Parameter { number, value: Value::Null, data_type: data_type.unwrap_or(DataType::Text) };
    // A statement's decimals were lifted out of it.
    let exact = (*data_type == Some(DataType::DoublePrecision)).then_some(Exact::Later);
    Some(Typed { unknown: data_type.is_none(), exact, ..Typed::known(expr) })
}

/// A number with its sign, and what it was before it became a double.
fn written(digits: &str) -> Result<Typed> {
    let value = number(digits)?;
    let exact = match value {
        Value::Double(_) => Decimal::parse(digits).map(Exact::Written),
        _ => None,
    };
    Ok(Typed { exact, ..known(value) })
}

/// `- operand`, if the operand is a number: both are one literal. So `-2147483648` is an integer, though the digits
/// alone are none.
pub fn negated(mut operand: &Ast, text: SourceText<'_>) -> Option<Result<Typed>> {
    let mut sign = "-";
    loop {
        operand = match operand {
            Ast::Nested(inner) => inner,
            Ast::UnaryOp { op: UnaryOperator::Minus, expr } => {
                sign = if sign.is_empty() { "-" } else { "" };
                expr
            }
            Ast::Value(ValueWithSpan { value: Token::Number(digits, _), span }) => {
                let typed = written(&format!("{sign}{digits}"));
                return Some(typed.map(|typed| typed.at(*span)).map_err(|error| locate(error, text, *span)));
            }
            _ => return None,
        }
    }
}

/// integer if it fits, else bigint. A decimal point, an exponent or more digits than a bigint has make a
/// double precision: PostgreSQL would make it numeric, a type that does not exist here. A sign may come first.
pub fn number(digits: &str) -> Result<Value> {
    if let Ok(number) = digits.parse::<i64>() {
        return Ok(i32::try_from(number).map_or(Value::BigInt(number), Value::Integer));
    }
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Value::Double(number)),
        Ok(_) => Err(Error::new(
            SqlState::NumericValueOutOfRange,
            format!("\"{digits}\" is out of range for type double precision"),
        )),
        Err(_) => Err(Error::new(
            SqlState::SyntaxError,
            format!("trailing junk after numeric literal at or near \"{digits}\""),
        )),
    }
}

/// Text never holds a zero byte.
fn checked(string: &str) -> Result<String> {
    match string.contains('\0') {
        true => Err(Error::new(
            SqlState::CharacterNotInRepertoire,
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        )),
        false => Ok(string.to_string()),
    }
}

fn known(value: Value) -> Typed {
    let data_type = value.data_type().unwrap_or(DataType::Text);
    Typed::known(Expr::Literal { value, data_type })
}

fn unknown(value: Value) -> Typed {
    Typed { unknown: true, ..Typed::known(Expr::Literal { value, data_type: DataType::Text }) }
}
