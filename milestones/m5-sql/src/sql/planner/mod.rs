//! The planner: from what is asked to the operators that answer it.
//!
//! ```text
//!   Project ← Limit ← Sort ← [Filter(HAVING) ← Aggregate] ← scan(WHERE)
//!   Limit ← Sort ← Distinct ← Project ← …                            with DISTINCT
//! ```
//!
//! One table, so one real choice: how to scan it ([`path`]). A scan reads only the columns that somebody above
//! needs; its filter and all expressions above count the columns it produces, not the table's.

pub mod cost;
pub mod fold;
pub mod path;
mod scan;
#[cfg(test)]
mod tests;

use super::expr::{BinaryOp, Expr};
use super::logical::{Grouping, Query, Source};
use super::plan::{Estimate, Node, Operator, SortKey, Statement};
use crate::catalog::{Lookup, Table};
use crate::error::{Error, Result};
use crate::types::DataType;
use std::sync::Arc;

/// Plans a query as a statement of its own.
pub fn query(query: Query, lookup: &mut dyn Lookup) -> Result<Statement> {
    let mut query = query;
    let names = std::mem::take(&mut query.names);
    Ok(Statement::Query { plan: plan(query, lookup)?, names })
}

/// Plans a query; the node produces its outputs.
pub fn plan(mut query: Query, lookup: &mut dyn Lookup) -> Result<Node> {
    fold_all(&mut query);
    match query.grouping.take() {
        Some(grouping) => {
            let grouped = group(&mut query, grouping, lookup)?;
            let order = std::mem::take(&mut query.order_by);
            Ok(finish(grouped, false, order, query))
        }
        None => {
            let source = std::mem::replace(&mut query.source, Source::Nothing);
            let input = match source {
                Source::Table(table) => scan::of_query(&table, &mut query, lookup)?,
                Source::Values { rows, types } => scan::Scanned::unordered(values(rows, types)),
                Source::Nothing => {
                    let row = values(vec![Vec::new()], Vec::new());
                    scan::Scanned::unordered(filtered(row, query.filter.take()))
                }
            };
            let order = std::mem::take(&mut query.order_by);
            Ok(finish(input.node, input.ordered, order, query))
        }
    }
}

/// The rows that UPDATE or DELETE changes: always a scan, with all the table's columns if they are asked for.
pub fn changing(
    table: &Arc<Table>,
    filter: Option<Expr>,
    all_columns: bool,
    lookup: &mut dyn Lookup,
) -> Result<Node> {
    scan::of_change(table, filter.map(fold::folded), all_columns, lookup)
}

fn fold_all(query: &mut Query) {
    query.filter.iter_mut().for_each(fold::fold);
    query.outputs.iter_mut().for_each(fold::fold);
    query.order_by.iter_mut().for_each(|key| fold::fold(&mut key.expression));
    if let Some(grouping) = &mut query.grouping {
        grouping.group_by.iter_mut().for_each(fold::fold);
        grouping
            .aggregates
            .iter_mut()
            .filter_map(|aggregate| aggregate.argument.as_mut())
            .for_each(fold::fold);
        grouping.having.iter_mut().for_each(fold::fold);
    }
    // A constant key puts nothing in order.
    query.order_by.retain(|key| !matches!(key.expression, Expr::Literal { .. }));
}

/// The scan, the groups over it, and HAVING.
fn group(query: &mut Query, mut grouping: Grouping, lookup: &mut dyn Lookup) -> Result<Node> {
    let source = std::mem::replace(&mut query.source, Source::Nothing);
    let input = match source {
        Source::Table(table) => scan::of_grouping(&table, query.filter.take(), &mut grouping, lookup)?,
        Source::Nothing => filtered(values(vec![Vec::new()], Vec::new()), query.filter.take()),
        Source::Values { .. } => return Err(Error::internal("VALUES cannot be grouped")),
    };
    let Grouping { group_by, aggregates, having } = grouping;
    let mut types: Vec<DataType> = group_by.iter().map(Expr::data_type).collect();
    types.extend(aggregates.iter().map(|aggregate| aggregate.data_type));
    let rows = match group_by.as_slice() {
        [] => 1.0,
        columns => cost::groups(input.estimate.rows, columns.len()),
    };
    let computed = (group_by.len() + aggregates.len()) as f64;
    let cost =
        input.estimate.cost + input.estimate.rows * computed * cost::CPU_OPERATOR + rows * cost::CPU_TUPLE;
    let operator = Operator::Aggregate { input: Box::new(input), group_by, aggregates };
    Ok(filtered(Node { operator, types, estimate: Estimate { rows, cost } }, having))
}

/// Sort, limit and output over the rows that were found.
fn finish(input: Node, ordered: bool, order_by: Vec<SortKey>, query: Query) -> Node {
    let Query { outputs, distinct, limit, offset, .. } = query;
    let kept = limit.map(|limit| limit.saturating_add(offset));
    if !distinct {
        let sorted = if ordered { input } else { sort(input, order_by, kept) };
        return project(limited(sorted, limit, offset), outputs);
    }
    // ORDER BY repeats outputs, so after DISTINCT the keys are found among them.
    let over_outputs = |mut key: SortKey| {
        let index = outputs.iter().position(|output| *output == key.expression);
        key.expression = Expr::column(index.unwrap_or(0), key.expression.data_type());
        key
    };
    let order_by = order_by.into_iter().map(over_outputs).collect();
    let node = distinct_rows(project(input, outputs));
    limited(sort(node, order_by, kept), limit, offset)
}

pub fn values(rows: Vec<Vec<Expr>>, types: Vec<DataType>) -> Node {
    let count = rows.len() as f64;
    let cost = count * cost::CPU_TUPLE;
    Node { operator: Operator::Values { rows }, types, estimate: Estimate { rows: count, cost } }
}

/// `input`'s rows as `expressions` over them; nothing to do if those are its columns as they are.
pub fn project(input: Node, expressions: Vec<Expr>) -> Node {
    let same = expressions.len() == input.types.len()
        && expressions
            .iter()
            .enumerate()
            .all(|(position, expr)| matches!(expr, Expr::Column { index, .. } if *index == position));
    if same {
        return input;
    }
    let types = expressions.iter().map(Expr::data_type).collect();
    let operators: f64 = expressions.iter().map(cost::operators).sum();
    let Estimate { rows, cost } = input.estimate;
    let estimate = Estimate { rows, cost: cost + rows * operators * cost::CPU_OPERATOR };
    Node { operator: Operator::Project { input: Box::new(input), expressions }, types, estimate }
}

/// Drops rows that were already produced; a condition that is always true drops none.
fn filtered(input: Node, predicate: Option<Expr>) -> Node {
    let Some(predicate) = predicate.filter(|predicate| *predicate != Expr::boolean(true)) else {
        return input;
    };
    let Estimate { rows, cost } = input.estimate;
    let estimate = Estimate {
        rows: cost::clamp_rows(rows * 0.5),
        cost: cost + rows * cost::operators(&predicate) * cost::CPU_OPERATOR,
    };
    Node {
        types: input.types.clone(),
        operator: Operator::Filter { input: Box::new(input), predicate },
        estimate,
    }
}

fn sort(input: Node, keys: Vec<SortKey>, limit: Option<u64>) -> Node {
    if keys.is_empty() {
        return input;
    }
    let Estimate { rows, cost } = input.estimate;
    let kept = limit.map_or(rows, |limit| rows.min(limit as f64).max(1.0));
    let estimate = Estimate { rows: kept, cost: cost + cost::sort(rows, limit) };
    Node {
        types: input.types.clone(),
        operator: Operator::Sort { input: Box::new(input), keys, limit },
        estimate,
    }
}

fn limited(input: Node, limit: Option<u64>, offset: u64) -> Node {
    if limit.is_none() && offset == 0 {
        return input;
    }
    let Estimate { rows, cost } = input.estimate;
    let skipped = rows.min(offset as f64);
    let kept = limit.map_or(rows - skipped, |limit| (rows - skipped).min(limit as f64));
    let startup = cost::startup(&input);
    let fraction = ((skipped + kept) / rows.max(1.0)).min(1.0);
    let estimate = Estimate { rows: kept.max(1.0), cost: startup + (cost - startup) * fraction };
    let types = input.types.clone();
    Node { operator: Operator::Limit { input: Box::new(input), limit, offset }, types, estimate }
}

fn distinct_rows(input: Node) -> Node {
    let rows = cost::groups(input.estimate.rows, input.types.len());
    let cost = input.estimate.cost
        + input.estimate.rows * input.types.len() as f64 * cost::CPU_OPERATOR
        + rows * cost::CPU_TUPLE;
    let types = input.types.clone();
    Node { operator: Operator::Distinct { input: Box::new(input) }, types, estimate: Estimate { rows, cost } }
}

/// The conjuncts of a condition, without those that always hold.
fn conjuncts(filter: Option<Expr>) -> Vec<Expr> {
    let mut conjuncts = filter.map(Expr::into_conjuncts).unwrap_or_default();
    conjuncts.retain(|conjunct| *conjunct != Expr::boolean(true));
    conjuncts
}

fn rejoin(conjuncts: Vec<Expr>) -> Option<Expr> {
    Expr::combine(BinaryOp::And, conjuncts)
}
