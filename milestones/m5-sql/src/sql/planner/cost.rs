//! What a plan is expected to cost, in PostgreSQL's units: one page read sequentially is 1.
//!
//! There are no statistics about values, only the table's pages and rows; so selectivities are the defaults
//! that PostgreSQL falls back on before ANALYZE has run (`selfuncs.h`), but for LIKE, where PostgreSQL looks at the pattern.

use super::super::expr::{BinaryOp, Expr, UnaryOp};
use super::super::plan::{Estimate, Node, Operator};
use crate::catalog::Table;
use crate::types::{DataType, Value};

pub const SEQ_PAGE: f64 = 1.0;
pub const RANDOM_PAGE: f64 = 4.0;
pub const CPU_TUPLE: f64 = 0.01;
pub const CPU_INDEX_TUPLE: f64 = 0.005;
pub const CPU_OPERATOR: f64 = 0.0025;

const EQUAL: f64 = 0.005;
const RANGE: f64 = 1.0 / 3.0;
/// A lower and an upper bound on one column.
pub const BOTH_BOUNDS: f64 = 0.005;
const IS_NULL: f64 = 0.005;
const MATCH: f64 = 0.01;
/// Distinct values of a column that nothing is known of.
const DISTINCT_VALUES: f64 = 200.0;
/// Levels of a B+ tree that are descended, and what each costs.
const DESCENT: f64 = 50.0 * CPU_OPERATOR;

/// A count of rows as estimates show it: whole, and at least one.
pub fn clamp_rows(rows: f64) -> f64 {
    rows.round_ties_even().max(1.0)
}

/// The operators and functions evaluated for one row.
pub fn operators(expr: &Expr) -> f64 {
    let own = match expr {
        Expr::Column { .. } | Expr::Literal { .. } | Expr::Parameter { .. } => 0.0,
        Expr::IsNull { .. } | Expr::Case { .. } => 0.0,
        Expr::Unary { op: UnaryOp::Not, .. } => 0.0,
        Expr::Binary { op: BinaryOp::And | BinaryOp::Or, .. } => 0.0,
        Expr::Chain { rest, .. } => rest.len() as f64,
        // On average, half of the list is looked at.
        Expr::InList { list, .. } => list.len() as f64 * 0.5,
        _ => 1.0,
    };
    let mut count = own;
    expr.for_each_child(&mut |child| count += operators(child));
    count
}

/// The fraction of the table's `rows` for which the condition holds.
pub fn selectivity(condition: &Expr, table: &Table, rows: f64) -> f64 {
    use BinaryOp::*;
    match condition {
        Expr::Literal { value: Value::Boolean(true), .. } => 1.0,
        Expr::Literal { .. } => 0.0,
        Expr::Column { .. } => 0.5,
        Expr::Unary { op: UnaryOp::Not, operand } => 1.0 - selectivity(operand, table, rows),
        Expr::Binary { op: And, left, right } => {
            selectivity(left, table, rows) * selectivity(right, table, rows)
        }
        Expr::Binary { op: Or, left, right } => {
            let (left, right) = (selectivity(left, table, rows), selectivity(right, table, rows));
            left + right - left * right
        }
        Expr::Binary { op: Equal | IsNotDistinctFrom, left, right } => equality(left, right, table, rows),
        Expr::Binary { op: NotEqual | IsDistinctFrom, left, right } => {
            1.0 - equality(left, right, table, rows)
        }
        Expr::Binary { op: Less | LessOrEqual | Greater | GreaterOrEqual, .. } => RANGE,
        Expr::InList { operand, list, negated } => {
            let each = list.iter().map(|item| equality(operand, item, table, rows)).sum::<f64>().min(1.0);
            if *negated { 1.0 - each } else { each }
        }
        Expr::IsNull { negated: false, .. } => IS_NULL,
        Expr::IsNull { negated: true, .. } => 1.0 - IS_NULL,
        Expr::Like { negated: false, .. } => MATCH,
        Expr::Like { negated: true, .. } => 1.0 - MATCH,
        _ => 0.5,
    }
}

fn equality(left: &Expr, right: &Expr, table: &Table, rows: f64) -> f64 {
    let unique = [left, right].iter().any(|side| match side {
        Expr::Column { index: column, .. } => {
            table.indexes.iter().any(|index| index.unique && index.columns == [*column])
        }
        _ => false,
    });
    match unique {
        true => 1.0 / rows.max(1.0),
        false => EQUAL,
    }
}

/// Reading the whole table and checking `filter_operators` for each row.
pub fn seq_scan(pages: u64, rows: f64, filter_operators: f64) -> f64 {
    pages as f64 * SEQ_PAGE + rows * (CPU_TUPLE + filter_operators * CPU_OPERATOR)
}

/// What the cost of an index scan depends on.
pub struct IndexScan {
    pub table_pages: u64,
    pub table_rows: f64,
    /// The fraction of the keys that lie in the range.
    pub selectivity: f64,
    pub key_width: f64,
    /// Operators in the index condition and in the filter.
    pub index_operators: f64,
    pub filter_operators: f64,
}

impl IndexScan {
    /// Reads the keys in the range, and for each the heap page it points to: pages at random, but no page
    /// twice (Mackert and Lohman's formula, for a cache that holds the table).
    pub fn cost(&self) -> f64 {
        let keys = clamp_rows(self.table_rows * self.selectivity);
        let index_pages = (self.table_rows * (self.key_width + 20.0) / 7_000.0).ceil().max(1.0);
        let leaves = (index_pages * self.selectivity).ceil().max(1.0);
        let height = index_pages.log2() / 8.0;
        let descent = self.table_rows.max(2.0).log2().ceil() * CPU_OPERATOR + (height.ceil() + 1.0) * DESCENT;
        let table_pages = (self.table_pages as f64).max(1.0);
        let heap_pages =
            (2.0 * table_pages * keys / (2.0 * table_pages + keys)).min(table_pages).ceil().max(1.0);
        descent
            + leaves * RANDOM_PAGE
            + heap_pages * RANDOM_PAGE
            + keys * (CPU_INDEX_TUPLE + self.index_operators * CPU_OPERATOR)
            + keys * (CPU_TUPLE + self.filter_operators * CPU_OPERATOR)
    }
}

/// Sorting `rows`, of which only `limit` are asked for.
pub fn sort(rows: f64, limit: Option<u64>) -> f64 {
    let rows = rows.max(2.0);
    let compared = match limit {
        Some(limit) if (limit as f64) < rows / 2.0 => (2.0 * limit as f64).max(2.0).log2(),
        _ => rows.log2(),
    };
    2.0 * CPU_OPERATOR * rows * compared + CPU_OPERATOR * rows
}

/// Groups expected when `rows` are grouped by so many columns.
pub fn groups(rows: f64, columns: usize) -> f64 {
    let columns = i32::try_from(columns).unwrap_or(i32::MAX);
    clamp_rows(DISTINCT_VALUES.powi(columns).min(rows))
}

/// What is spent before a node produces its first row.
pub fn startup(node: &Node) -> f64 {
    let Estimate { rows, cost } = node.estimate;
    match &node.operator {
        Operator::SeqScan { .. } | Operator::Values { .. } => 0.0,
        Operator::IndexScan { .. } => DESCENT + CPU_OPERATOR,
        Operator::Filter { input, .. } | Operator::Project { input, .. } => startup(input),
        Operator::Sort { .. } => cost - CPU_OPERATOR * rows,
        Operator::Aggregate { .. } | Operator::Distinct { .. } => cost - CPU_TUPLE * rows,
        Operator::Limit { input, offset, .. } => {
            let skipped = (*offset as f64 / input.estimate.rows.max(1.0)).min(1.0);
            startup(input) + (input.estimate.cost - startup(input)) * skipped
        }
    }
}

/// The average bytes of a value, as PostgreSQL guesses them (`get_typavgwidth`).
pub fn width(data_type: DataType) -> u32 {
    match data_type {
        DataType::Boolean => 1,
        DataType::SmallInt => 2,
        DataType::Integer => 4,
        DataType::BigInt | DataType::DoublePrecision => 8,
        DataType::Text | DataType::Varchar(None) => 32,
        DataType::Varchar(Some(limit)) => match limit.saturating_mul(4).saturating_add(4) {
            bytes @ 0..=32 => bytes,
            bytes @ 33..1_000 => 32 + (bytes - 32) / 2,
            _ => 516,
        },
    }
}
