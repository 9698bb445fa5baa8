//! LIMIT, OFFSET and FETCH FIRST: counts of rows.

use super::super::expr::Expr;
use super::super::planner::fold;
use super::super::position::locate;
use super::super::source_text::SourceText;
use super::coerce::assign;
use super::expr::Binder;
use crate::error::{Error, Result, SqlState};
use crate::types::{Column, DataType, Value};
use sqlparser::ast::{self, LimitClause, Spanned};

/// Both counts: constants, known before the query runs.
pub fn limits(query: &ast::Query, text: SourceText<'_>) -> Result<(Option<u64>, u64)> {
    let (mut limit, offset) = match &query.limit_clause {
        None => (None, None),
        Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
            (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
        }
        Some(_) => {
            return Err(Error::new(SqlState::SyntaxError, "LIMIT #,# syntax is not supported")
                .with_hint("Use separate LIMIT and OFFSET clauses."));
        }
    };
    let one = ast::Expr::value(ast::Value::Number("1".to_string(), false));
    if let Some(fetch) = &query.fetch {
        if fetch.with_ties || fetch.percent {
            return Err(Error::unsupported("FETCH … WITH TIES"));
        }
        if limit.is_some() {
            return Err(Error::new(SqlState::SyntaxError, "multiple LIMIT clauses not allowed"));
        }
        limit = Some(fetch.quantity.as_ref().unwrap_or(&one));
    }
    let limit = limit.map(|limit| row_count(limit, "LIMIT", text)).transpose()?.flatten();
    let offset = offset.map(|offset| row_count(offset, "OFFSET", text)).transpose()?.flatten();
    Ok((limit, offset.unwrap_or(0)))
}

/// A count of rows; NULL (and `LIMIT ALL`) is no limit.
fn row_count(expr: &ast::Expr, clause: &'static str, text: SourceText<'_>) -> Result<Option<u64>> {
    let column = Column { name: clause.to_string(), data_type: DataType::BigInt, not_null: false };
    if let ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) = expr {
        let message = format!("argument of {clause} must not contain variables");
        return Err(locate(Error::new(SqlState::InvalidColumnReference, message), text, expr.span()));
    }
    let typed = Binder::new(text, None, clause).bind(expr)?;
    let (is_unknown, type_name, span) = (typed.unknown, typed.type_name(), typed.span);
    if !is_unknown && !typed.data_type().is_numeric() {
        let message = format!("argument of {clause} must be type bigint, not type {type_name}");
        return Err(locate(Error::new(SqlState::DatatypeMismatch, message), text, span));
    }
    let mut count = assign(text, typed, &column)?;
    fold::fold(&mut count);
    match count {
        Expr::Literal { value: Value::Null, .. } => Ok(None),
        Expr::Literal { value: Value::BigInt(count), .. } => match u64::try_from(count) {
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(Error::new(
                match clause {
                    "LIMIT" => SqlState::InvalidRowCountInLimitClause,
                    _ => SqlState::InvalidRowCountInResultOffsetClause,
                },
                format!("{clause} must not be negative"),
            )),
        },
        _ => Err(Error::unsupported(format!("{clause} with anything but a constant"))),
    }
}
