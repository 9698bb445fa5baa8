//! How to get at a table's rows: read it all, or the part that an index leads to.
//!
//! Each index is matched against the conjuncts of the condition: `=` on its leading columns makes the prefix,
//! bounds on the next column make the range, and what is left is a filter. An index is also worth reading for
//! its order. The cheapest path wins, a sort that it saves and a LIMIT that ends it early taken into account.

use super::super::expr::{BinaryOp, Expr};
use super::super::plan::{Bound, KeyRange, SortKey};
use super::cost;
use crate::catalog::{Index, Table};
use crate::types::DataType;
use std::sync::Arc;

/// What a scan is asked for.
pub struct Request<'r> {
    pub table: &'r Table,
    pub pages: u64,
    pub rows: f64,
    /// All must hold.
    pub conjuncts: Vec<Expr>,
    /// The order in which the rows are wanted, over the table's columns.
    pub order: &'r [SortKey],
    /// Rows that are wanted of those in that order.
    pub limit: Option<u64>,
}

/// A way to read the table.
pub struct Path {
    /// `None` is the table from its first page to its last.
    pub index: Option<IndexPath>,
    /// What the path does not decide.
    pub filter: Vec<Expr>,
    pub rows: f64,
    pub cost: f64,
    /// True if the rows come in the order asked for.
    pub ordered: bool,
}

pub struct IndexPath {
    pub index: Arc<Index>,
    pub range: KeyRange,
    pub backward: bool,
}

/// The cheapest path.
pub fn choose(request: Request<'_>) -> Path {
    let rows = cost::clamp_rows(request.rows * selectivity(&request, &request.conjuncts));
    let seq_cost = cost::seq_scan(request.pages, request.rows, operators(&request.conjuncts));
    let mut best = (total(&request, seq_cost, rows, request.order.is_empty()), None);
    for index in &request.table.indexes {
        let Some(found) = matches(&request, index) else { continue };
        let total = total(&request, found.cost, rows, found.ordered);
        if total < best.0 {
            best = (total, Some(found));
        }
    }
    match best.1 {
        Some(found) => {
            let used = |position: &usize| found.used.contains(position);
            let filter = request.conjuncts.into_iter().enumerate();
            let filter =
                filter.filter(|(position, _)| !used(position)).map(|(_, conjunct)| conjunct).collect();
            let index = Some(IndexPath { index: found.index, range: found.range, backward: found.backward });
            Path { index, filter, rows, cost: found.cost, ordered: found.ordered }
        }
        None => Path {
            index: None,
            filter: request.conjuncts,
            rows,
            cost: seq_cost,
            ordered: request.order.is_empty(),
        },
    }
}

/// The cost until the wanted rows are there, in the wanted order.
fn total(request: &Request<'_>, cost: f64, rows: f64, ordered: bool) -> f64 {
    match (ordered, request.limit) {
        (true, Some(limit)) => cost * (limit as f64 / rows).min(1.0),
        (true, None) => cost,
        (false, limit) => cost + cost::sort(rows, limit),
    }
}

/// A path by one index.
struct Match {
    index: Arc<Index>,
    range: KeyRange,
    backward: bool,
    /// The conjuncts that the range decides.
    used: Vec<usize>,
    cost: f64,
    ordered: bool,
}

/// The path that `index` offers, if it narrows the rows or orders them.
fn matches(request: &Request<'_>, index: &Arc<Index>) -> Option<Match> {
    let mut used = Vec::new();
    let mut range = KeyRange::default();
    for &column in &index.columns {
        let data_type = request.table.schema.columns().get(column)?.data_type;
        let find = |ops: &[BinaryOp], used: &[usize]| {
            let mut conjuncts = request.conjuncts.iter().enumerate();
            conjuncts.find_map(|(position, conjunct)| {
                let (op, value) = comparison(conjunct, column, data_type)?;
                (ops.contains(&op) && !used.contains(&position)).then_some((position, op, value))
            })
        };
        if let Some((position, _, value)) = find(&[BinaryOp::Equal], &used) {
            used.push(position);
            range.prefix.push(value);
            continue;
        }
        if let Some((position, op, value)) = find(&[BinaryOp::Greater, BinaryOp::GreaterOrEqual], &used) {
            used.push(position);
            range.lower = Some(Bound { value, inclusive: op == BinaryOp::GreaterOrEqual });
        }
        if let Some((position, op, value)) = find(&[BinaryOp::Less, BinaryOp::LessOrEqual], &used) {
            used.push(position);
            range.upper = Some(Bound { value, inclusive: op == BinaryOp::LessOrEqual });
        }
        break;
    }
    let direction = direction(request, index, range.prefix.len());
    if used.is_empty() && direction.is_none() {
        return None;
    }
    let selectivity = match index.unique && range.prefix.len() == index.columns.len() {
        true => 1.0 / request.rows.max(1.0),
        false => {
            let used = used.iter().filter_map(|&position| request.conjuncts.get(position));
            selectivity(request, used)
        }
    };
    let columns = request.table.schema.columns();
    let widths = index.columns.iter().filter_map(|&column| columns.get(column));
    let unused = request.conjuncts.iter().enumerate().filter(|(position, _)| !used.contains(position));
    let cost = cost::IndexScan {
        table_pages: request.pages,
        table_rows: request.rows,
        selectivity,
        key_width: widths.map(|column| f64::from(cost::width(column.data_type))).sum(),
        index_operators: used.len() as f64,
        filter_operators: unused.map(|(_, conjunct)| cost::operators(conjunct)).sum(),
    };
    Some(Match {
        index: Arc::clone(index),
        range,
        backward: direction == Some(true),
        used,
        cost: cost.cost(),
        ordered: direction.is_some() || request.order.is_empty(),
    })
}

/// `column op constant`, whichever side the column is on; the constant is given the column's type.
///
/// A constant of another type would have put a cast on the column, and then there is no match: the index is
/// in the order of the column's own type.
fn comparison(conjunct: &Expr, column: usize, data_type: DataType) -> Option<(BinaryOp, Expr)> {
    let Expr::Binary { op, left, right } = conjunct else { return None };
    let is_column = |side: &Expr| matches!(side, Expr::Column { index, .. } if *index == column);
    let (op, value) = match (is_column(left), is_column(right)) {
        (true, false) => (*op, right),
        (false, true) => (mirrored(*op)?, left),
        _ => return None,
    };
    let of = value.data_type();
    if !value.is_constant() || !(of == data_type || (of.is_text() && data_type.is_text())) {
        return None;
    }
    Some((
        op,
        match &**value {
            Expr::Literal { value, .. } => Expr::Literal { value: value.clone(), data_type },
            other => other.clone(),
        },
    ))
}

fn mirrored(op: BinaryOp) -> Option<BinaryOp> {
    Some(match op {
        BinaryOp::Equal => BinaryOp::Equal,
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessOrEqual => BinaryOp::GreaterOrEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterOrEqual => BinaryOp::LessOrEqual,
        _ => return None,
    })
}

/// Whether the index yields the order asked for: `Some(false)` forward, `Some(true)` backward.
///
/// Keys are in ascending order with NULL last. Columns that `=` fixes have one value and order nothing.
fn direction(request: &Request<'_>, index: &Index, fixed: usize) -> Option<bool> {
    let columns = request.table.schema.columns();
    let mut keys = index.columns.iter();
    let mut direction = None;
    let mut ordered_by_all = false;
    for key in request.order {
        let Expr::Column { index: column, .. } = key.expression else { return None };
        if index.columns.get(..fixed)?.contains(&column) {
            continue;
        }
        if ordered_by_all {
            break;
        }
        let next =
            keys.find(|&&position| !index.columns.get(..fixed).is_some_and(|f| f.contains(&position)))?;
        let nulls_agree = key.nulls_first == key.descending || columns.get(column)?.not_null;
        if *next != column || !nulls_agree || direction.is_some_and(|backward| backward != key.descending) {
            return None;
        }
        direction = Some(key.descending);
        // Rows that differ in a unique key are in order; whatever follows has no ties to break.
        ordered_by_all = index.unique
            && index.columns.iter().all(|&column| columns.get(column).is_some_and(|column| column.not_null))
            && keys.as_slice().is_empty();
    }
    match (direction, request.order.is_empty()) {
        (_, true) => None,
        (None, false) => Some(false),
        (direction, false) => direction,
    }
}

fn operators(conjuncts: &[Expr]) -> f64 {
    conjuncts.iter().map(cost::operators).sum()
}

/// The fraction of the rows for which all conjuncts hold. Two bounds on one column are one condition.
fn selectivity<'e>(request: &Request<'_>, conjuncts: impl IntoIterator<Item = &'e Expr>) -> f64 {
    let mut bounded: Vec<(usize, bool, bool)> = Vec::new();
    let mut selectivity = 1.0;
    for conjunct in conjuncts {
        match bound_of(conjunct) {
            Some((column, lower)) => match bounded.iter_mut().find(|(known, ..)| *known == column) {
                Some((_, has_lower, has_upper)) => {
                    *has_lower |= lower;
                    *has_upper |= !lower;
                }
                None => bounded.push((column, lower, !lower)),
            },
            None => selectivity *= cost::selectivity(conjunct, request.table, request.rows),
        }
    }
    for (_, lower, upper) in bounded {
        selectivity *= if lower && upper { cost::BOTH_BOUNDS } else { 1.0 / 3.0 };
    }
    selectivity
}

/// The column that a conjunct bounds, and whether from below.
fn bound_of(conjunct: &Expr) -> Option<(usize, bool)> {
    let Expr::Binary { op, left, right } = conjunct else { return None };
    let (column, op) = match (&**left, &**right) {
        (Expr::Column { index, .. }, value) if value.is_constant() => (*index, *op),
        (value, Expr::Column { index, .. }) if value.is_constant() => (*index, mirrored(*op)?),
        _ => return None,
    };
    match op {
        BinaryOp::Greater | BinaryOp::GreaterOrEqual => Some((column, true)),
        BinaryOp::Less | BinaryOp::LessOrEqual => Some((column, false)),
        _ => None,
    }
}
