//! GROUP BY and ORDER BY: both may name an output of the query, or count to it, instead of an expression.

use super::super::expr::Expr;
use super::super::plan::SortKey;
use super::super::position::{locate, sign_before};
use super::expr::{Binder, start_of};
use super::name;
use super::select::Outputs;
use crate::error::{Error, Result, SqlState};
use crate::types::Value;
use sqlparser::ast::{self, GroupByExpr, OrderBy, OrderByExpr, OrderByKind, OrderBySort, UnaryOperator};
use sqlparser::tokenizer::Token;

/// GROUP BY: a column of the table, else an output's name or position, else an expression over the table.
pub fn group_by(binder: &mut Binder<'_>, group_by: &GroupByExpr, outputs: &Outputs) -> Result<Vec<Expr>> {
    let expressions = match group_by {
        GroupByExpr::Expressions(expressions, modifiers) if modifiers.is_empty() => expressions,
        GroupByExpr::Expressions(..) => {
            return Err(Error::unsupported("a grouping set (GROUPING SETS, CUBE, ROLLUP)"));
        }
        GroupByExpr::All(_) => return Err(Error::unsupported("GROUP BY ALL")),
    };
    binder.enter("GROUP BY", false);
    let mut groups = Vec::with_capacity(expressions.len());
    for expr in expressions.iter().map(bare) {
        let is_column = |ident: &ast::Ident| {
            binder.scope.is_some_and(|scope| scope.table.schema.position(&name::fold(ident)).is_some())
        };
        let group = match (position(binder, expr, "GROUP BY", outputs)?, expr) {
            (Some(output), _) => output,
            (None, ast::Expr::Identifier(ident)) if !is_column(ident) => {
                match named(binder, ident, outputs, "GROUP BY")? {
                    Some(output) => output,
                    None => binder.bind(expr)?.expr,
                }
            }
            _ => binder.bind(expr)?.expr,
        };
        if reads_aggregate(&group) {
            let message = "aggregate functions are not allowed in GROUP BY";
            return Err(Error::new(SqlState::GroupingError, message));
        }
        groups.push(group);
    }
    Ok(groups)
}

fn reads_aggregate(expr: &Expr) -> bool {
    let mut found = false;
    expr.for_each_column(&mut |index| found |= index >= super::expr::AGGREGATES);
    found
}

/// ORDER BY: an output's name or position, else an expression over the table.
pub fn sort_keys(
    binder: &mut Binder<'_>,
    order_by: Option<&OrderBy>,
    outputs: &Outputs,
    distinct: bool,
) -> Result<Vec<SortKey>> {
    let items: &[OrderByExpr] = match order_by.map(|order_by| (&order_by.kind, &order_by.interpolate)) {
        None => &[],
        Some((OrderByKind::Expressions(items), None)) => items,
        Some(_) => return Err(Error::unsupported("ORDER BY ALL")),
    };
    let mut keys: Vec<SortKey> = Vec::with_capacity(items.len());
    for OrderByExpr { expr, options, with_fill } in items {
        if with_fill.is_some() {
            return Err(Error::unsupported("WITH FILL"));
        }
        let expr = bare(expr);
        let by_name = match expr {
            ast::Expr::Identifier(ident) => named(binder, ident, outputs, "ORDER BY")?,
            _ => position(binder, expr, "ORDER BY", outputs)?,
        };
        let expression = match by_name {
            Some(output) => output,
            None => binder.bind(expr)?.expr,
        };
        if distinct && !outputs.expressions.contains(&expression) {
            let message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
            let error = Error::new(SqlState::InvalidColumnReference, message);
            return Err(locate(error, binder.text, start_of(expr)));
        }
        let descending = match &options.sort {
            None | Some(OrderBySort::Asc) => false,
            Some(OrderBySort::Desc) => true,
            Some(OrderBySort::Using(_)) => return Err(Error::unsupported("ORDER BY … USING")),
        };
        let nulls_first = options.nulls_first.unwrap_or(descending);
        // A key that came before decides; the same one again cannot.
        if !keys.iter().any(|key| key.expression == expression) {
            keys.push(SortKey { expression, descending, nulls_first });
        }
    }
    Ok(keys)
}

/// Parentheses around an item say nothing: `(1)` is a position, too.
fn bare(mut expr: &ast::Expr) -> &ast::Expr {
    while let ast::Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// The output called `ident`. Several of that name must be the same expression.
fn named(binder: &Binder<'_>, ident: &ast::Ident, outputs: &Outputs, clause: &str) -> Result<Option<Expr>> {
    let name = name::fold(ident);
    let mut found = None;
    for (expr, _) in outputs.expressions.iter().zip(&outputs.names).filter(|(_, output)| **output == name) {
        match found {
            Some(before) if before != expr => {
                let message = format!("{clause} \"{name}\" is ambiguous");
                return Err(locate(Error::new(SqlState::AmbiguousColumn, message), binder.text, ident.span));
            }
            _ => found = Some(expr),
        }
    }
    Ok(found.cloned())
}

/// The output at the position that `expr` is, if it is a number. A minus before it belongs to it.
fn position(binder: &Binder<'_>, expr: &ast::Expr, clause: &str, outputs: &Outputs) -> Result<Option<Expr>> {
    let (value, sign) = match expr {
        ast::Expr::Value(value) => (value, None),
        ast::Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match &**expr {
            ast::Expr::Value(value) if matches!(value.value, ast::Value::Number(..)) => {
                (value, Some(sign_before(&binder.text, &Token::Minus, value.span)))
            }
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let at = |error| locate(error, binder.text, sign.unwrap_or(value.span));
    let position = match super::literal::bind(value, binder.text)?.expr {
        Expr::Literal { value: Value::Integer(position), .. } => position,
        _ => return Err(at(Error::new(SqlState::SyntaxError, format!("non-integer constant in {clause}")))),
    };
    let position = if sign.is_some() { -position } else { position };
    let index = usize::try_from(position).ok().and_then(|position| position.checked_sub(1));
    match index.and_then(|index| outputs.expressions.get(index)) {
        Some(output) => Ok(Some(output.clone())),
        None => {
            let message = format!("{clause} position {position} is not in select list");
            Err(at(Error::new(SqlState::InvalidColumnReference, message)))
        }
    }
}
