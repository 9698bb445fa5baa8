//! From one type to another: what PostgreSQL converts silently, what it converts on assignment, and what only
//! a cast converts.
//!
//! A quoted string or NULL has no type until its surroundings give it one. PostgreSQL calls that type
//! *unknown*; here it is a flag beside the expression, and no unknown leaves the binder.

use super::super::expr::Expr;
use super::super::position::locate;
use super::super::source_text::SourceText;
use super::decimal::Decimal;
use super::exact;
use crate::error::{Error, Result, SqlState};
use crate::types::{Column, DataType, Value};
use sqlparser::tokenizer::Span;

/// An expression on its way through the binder.
#[derive(Clone, Debug)]
pub struct Typed {
    pub expr: Expr,
    /// A literal that takes the type its surroundings ask for.
    pub unknown: bool,
    /// Set for a double precision literal that is still what was written.
    pub exact: Option<Exact>,
    /// Where it starts in the statement, if that is known.
    pub span: Span,
}

/// What a double precision literal was when it was written.
#[derive(Clone, Debug)]
pub enum Exact {
    Written(Decimal),
    /// A parameter: each execution brings another.
    Later,
}

impl Typed {
    pub fn known(expr: Expr) -> Typed {
        Typed { expr, unknown: false, exact: None, span: Span::empty() }
    }

    pub fn at(self, span: Span) -> Typed {
        Typed { span, ..self }
    }

    pub fn data_type(&self) -> DataType {
        self.expr.data_type()
    }

    /// The type's name for a message.
    pub fn type_name(&self) -> String {
        match self.unknown {
            true => "unknown".to_string(),
            false => type_name(self.data_type()),
        }
    }
}

/// The name without the length: operators and functions do not care about lengths.
pub fn type_name(data_type: DataType) -> String {
    match data_type {
        DataType::Varchar(_) => "character varying".to_string(),
        other => other.to_string(),
    }
}

/// How wide a number type is: a narrower one converts silently to a wider one.
fn rank(data_type: DataType) -> Option<u8> {
    match data_type {
        DataType::SmallInt => Some(1),
        DataType::Integer => Some(2),
        DataType::BigInt => Some(3),
        DataType::DoublePrecision => Some(4),
        _ => None,
    }
}

/// The type that values of both types convert to silently.
pub fn wider(left: DataType, right: DataType) -> Option<DataType> {
    match (rank(left), rank(right)) {
        _ if left == right => Some(left),
        (Some(l), Some(r)) => Some(if l >= r { left } else { right }),
        _ if left.is_text() && right.is_text() => Some(DataType::Text),
        _ => None,
    }
}

/// The type that all `items` convert to: text if none has a type. `Err` names the first two that clash.
///
/// A length stays only if all have the same; a literal without a type has none.
pub fn common_type<'t>(
    items: impl Iterator<Item = &'t Typed> + Clone,
) -> Result<DataType, (DataType, DataType)> {
    let mut common: Option<DataType> = None;
    for item in items.clone().filter(|item| !item.unknown) {
        let this = item.data_type();
        common = Some(match common {
            None => this,
            Some(so_far) if so_far != this && so_far.is_text() && this.is_text() => without_length(so_far),
            Some(so_far) => wider(so_far, this).ok_or((so_far, this))?,
        });
    }
    let common = common.unwrap_or(DataType::Text);
    Ok(if items.clone().any(|item| item.unknown) { without_length(common) } else { common })
}

fn without_length(data_type: DataType) -> DataType {
    match data_type {
        DataType::Varchar(_) => DataType::Varchar(None),
        other => other,
    }
}

/// Converts to a type that [`wider`] or [`common_type`] chose, or gives an unknown literal its type.
pub fn convert(text: SourceText<'_>, item: Typed, to: DataType) -> Result<Expr> {
    match item.unknown {
        true => literal(text, item, to),
        false => Ok(cast(item.expr, to)),
    }
}

/// Gives an unknown literal its type.
fn literal(text: SourceText<'_>, item: Typed, to: DataType) -> Result<Expr> {
    let value = match item.expr {
        Expr::Literal { value, .. } => value,
        parameter @ Expr::Parameter { .. } => return Ok(parameter.retyped(to)),
        _ => return Err(Error::internal("only a literal can be of unknown type")),
    };
    let value = value.coerce_to(to).map_err(|error| match error.state() {
        // The length is checked after the literal has been read, and PostgreSQL no longer knows the place.
        SqlState::StringDataRightTruncation => error,
        _ => locate(error, text, item.span),
    })?;
    Ok(Expr::Literal { value, data_type: to })
}

/// A silent conversion. Text and varchar are the same bytes: between them there is nothing to do.
fn cast(expr: Expr, to: DataType) -> Expr {
    let from = expr.data_type();
    if from == to || (from.is_text() && matches!(to, DataType::Text | DataType::Varchar(None))) {
        return expr;
    }
    match expr {
        Expr::Literal { value, .. } if rank(from) < rank(to) || value.is_null() => {
            // Widening a number cannot fail.
            Expr::Literal { value: value.coerce_to(to).unwrap_or_default(), data_type: to }
        }
        parameter @ Expr::Parameter { .. } if rank(from) < rank(to) => parameter.retyped(to),
        expr => Expr::Cast { operand: Box::new(expr), to, explicit: false },
    }
}

/// Brings both sides of a comparison to one type. A literal goes to the type of the other side if its value
/// exists there, so that an index on that side can be used.
///
/// Not for a decimal literal beside an integer: [`exact`] is.
pub fn unify(text: SourceText<'_>, left: Typed, right: Typed) -> Option<Result<(Expr, Expr)>> {
    let to = match (left.unknown, right.unknown) {
        (true, false) => right.data_type(),
        (false, true) => left.data_type(),
        (true, true) => DataType::Text,
        (false, false) => wider(left.data_type(), right.data_type())?,
    };
    // A literal compared with varchar(3) may be longer than 3 characters; it is then just not equal.
    let to = if to.is_text() { DataType::Text } else { to };
    let (left_type, right_type) = (left.data_type(), right.data_type());
    let (left, right) = (narrow(left, right_type), narrow(right, left_type));
    let narrowed = to.is_integer() && left.data_type() == right.data_type();
    let to = if narrowed { left.data_type() } else { to };
    Some(convert(text, left, to).and_then(|left| Ok((left, convert(text, right, to)?))))
}

/// An integer literal as a narrower integer type, if it fits. A parameter is expected to fit.
fn narrow(item: Typed, to: DataType) -> Typed {
    let from = item.data_type();
    if item.unknown || !from.is_integer() || !to.is_integer() || rank(to) >= rank(from) {
        return item;
    }
    match &item.expr {
        Expr::Literal { value, .. } => match value.clone().coerce_to(to) {
            Ok(value) => Typed { expr: Expr::Literal { value, data_type: to }, ..item },
            Err(_) => item,
        },
        Expr::Parameter { .. } => Typed { expr: item.expr.retyped(to), ..item },
        _ => item,
    }
}

/// Converts to the type of the column that the value is stored in.
pub fn assign(text: SourceText<'_>, item: Typed, column: &Column) -> Result<Expr> {
    let (from, to) = (item.data_type(), column.data_type);
    if item.unknown {
        return literal(text, item, to);
    }
    if from == to {
        return Ok(item.expr);
    }
    if let (Some(number), true) = (&item.exact, to.is_integer()) {
        return exact::to_integer(number, to);
    }
    let allowed = to.is_text() || (from.is_numeric() && to.is_numeric());
    if !allowed {
        let message = format!(
            "column \"{}\" is of type {} but expression is of type {}",
            column.name,
            type_name(to),
            type_name(from)
        );
        let error = Error::new(SqlState::DatatypeMismatch, message)
            .with_hint("You will need to rewrite or cast the expression.");
        return Err(locate(error, text, item.span));
    }
    convert_literal(item.expr, to, false)
}

/// `CAST(item AS to)`.
pub fn cast_explicitly(text: SourceText<'_>, item: Typed, to: DataType) -> Result<Expr> {
    let from = item.data_type();
    if item.unknown {
        return match item.expr {
            // An explicit cast to varchar(n) cuts a string that is too long.
            Expr::Literal { value: value @ Value::Text(_), .. } if to.is_text() => cut(value, to),
            expr => literal(text, Typed { expr, ..item }, to),
        };
    }
    let allowed = from == to
        || from.is_text()
        || to.is_text()
        || (from.is_numeric() && to.is_numeric())
        || matches!(
            (from, to),
            (DataType::Boolean, DataType::Integer) | (DataType::Integer, DataType::Boolean)
        );
    if !allowed {
        let message = format!("cannot cast type {} to {}", type_name(from), type_name(to));
        return Err(locate(Error::new(SqlState::CannotCoerce, message), text, item.span));
    }
    match to {
        _ if from == to => Ok(item.expr),
        _ if to.is_integer()
            && let Some(number) = &item.exact =>
        {
            exact::to_integer(number, to)
        }
        DataType::Varchar(Some(_)) => Ok(Expr::Cast { operand: Box::new(item.expr), to, explicit: true }),
        _ if from.is_numeric() && to.is_numeric() => convert_literal(item.expr, to, true),
        _ => Ok(Expr::Cast { operand: Box::new(item.expr), to, explicit: true }),
    }
}

fn cut(value: Value, to: DataType) -> Result<Expr> {
    let value = match (value, to) {
        (Value::Text(mut text), DataType::Varchar(Some(limit))) => {
            if let Some((end, _)) = text.char_indices().nth(limit as usize) {
                text.truncate(end);
            }
            Value::Text(text)
        }
        (value, _) => value,
    };
    Ok(Expr::Literal { value, data_type: to })
}

/// Converts a literal at once, anything else when it runs.
fn convert_literal(expr: Expr, to: DataType, explicit: bool) -> Result<Expr> {
    match expr {
        // PostgreSQL's casts write `true`; psql's `t` is the output function's.
        Expr::Literal { value: Value::Boolean(value), .. } if to.is_text() => {
            Ok(Expr::Literal { value: Value::Text(value.to_string()).coerce_to(to)?, data_type: to })
        }
        Expr::Literal { value, .. } => Ok(Expr::Literal { value: value.coerce_to(to)?, data_type: to }),
        parameter @ Expr::Parameter { .. } => Ok(parameter.retyped(to)),
        expr => Ok(Expr::Cast { operand: Box::new(expr), to, explicit }),
    }
}
