//! The plan: the tree of operators that a statement becomes, and what each of them needs to know.
//!
//! A plan is data. `sql::planner` makes it, `sql::explain` prints it, `execute` runs it.

use super::expr::{Aggregate, Expr};
use crate::catalog::{Index, Table};
use crate::types::{DataType, Value};
use std::sync::Arc;

/// A planned statement that reads or changes rows.
#[derive(Clone, Debug)]
pub enum Statement {
    /// A query: the rows to send, under these column names.
    Query {
        plan: Node,
        names: Vec<String>,
    },
    Insert(Insert),
    Update(Update),
    Delete(Delete),
}

/// An operator and, below it, the operators that feed it.
#[derive(Clone, Debug)]
pub struct Node {
    pub operator: Operator,
    /// The types of the columns it produces.
    pub types: Vec<DataType>,
    /// What the planner expects, from the table's size and simple statistics; EXPLAIN prints it.
    pub estimate: Estimate,
}

impl Node {
    /// The node that feeds this one.
    pub fn input(&self) -> Option<&Node> {
        match &self.operator {
            Operator::SeqScan { .. } | Operator::IndexScan { .. } | Operator::Values { .. } => None,
            Operator::Filter { input, .. }
            | Operator::Project { input, .. }
            | Operator::Sort { input, .. }
            | Operator::Limit { input, .. }
            | Operator::Aggregate { input, .. }
            | Operator::Distinct { input } => Some(input),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    pub rows: f64,
    /// In units of one sequentially read page, as PostgreSQL counts.
    pub cost: f64,
}

#[derive(Clone, Debug)]
pub enum Operator {
    /// Every visible row of the table; produces `columns` (positions in the table's schema), in that order.
    SeqScan {
        table: Arc<Table>,
        columns: Vec<usize>,
        filter: Option<Expr>,
    },
    /// The visible rows whose key lies in `range`, in key order; `filter` is what the range does not decide.
    IndexScan {
        table: Arc<Table>,
        index: Arc<Index>,
        range: KeyRange,
        backward: bool,
        columns: Vec<usize>,
        filter: Option<Expr>,
    },
    /// Rows written out in the statement. The expressions refer to no column. `SELECT 1` is one such row.
    Values {
        rows: Vec<Vec<Expr>>,
    },
    Filter {
        input: Box<Node>,
        predicate: Expr,
    },
    Project {
        input: Box<Node>,
        expressions: Vec<Expr>,
    },
    /// Sorts; with `limit`, keeps only the first `limit` rows (a buffer of a few times as many, not a full sort).
    Sort {
        input: Box<Node>,
        keys: Vec<SortKey>,
        limit: Option<u64>,
    },
    Limit {
        input: Box<Node>,
        limit: Option<u64>,
        offset: u64,
    },
    /// One row for each distinct value of `group_by`: the group columns, then the aggregates. Without
    /// `group_by`, exactly one row.
    Aggregate {
        input: Box<Node>,
        group_by: Vec<Expr>,
        aggregates: Vec<Aggregate>,
    },
    /// Each distinct row once.
    Distinct {
        input: Box<Node>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    pub expression: Expr,
    pub descending: bool,
    pub nulls_first: bool,
}

/// Which keys an index scan visits: those that begin with `prefix` (one constant for each leading key
/// column, compared with `=`) and whose next key column, if bounded, lies between `lower` and `upper`.
/// The expressions refer to no column; one that is NULL makes the scan empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyRange {
    pub prefix: Vec<Expr>,
    pub lower: Option<Bound>,
    pub upper: Option<Bound>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub value: Expr,
    pub inclusive: bool,
}

/// `INSERT INTO table …`: `source` produces one value for each column of the table, of its type, in order
/// (defaults filled in, casts applied).
#[derive(Clone, Debug)]
pub struct Insert {
    pub table: Arc<Table>,
    pub source: Node,
}

/// Where the values of `INSERT INTO table (…) VALUES (…), …` go, whatever the values are.
#[derive(Clone, Debug)]
pub struct RowTarget {
    pub table: Arc<Table>,
    /// The types of the table's columns.
    pub types: Vec<DataType>,
    /// For each value of a row, the column it is for.
    pub positions: Vec<usize>,
    /// For each column that gets no value, its position and the constant that it holds instead.
    pub defaults: Vec<(usize, Value)>,
}

/// `COPY table (…) FROM STDIN`: rows that come from outside.
#[derive(Clone, Debug)]
pub struct CopyFrom {
    pub table: Arc<Table>,
    /// The types of the table's columns.
    pub types: Vec<DataType>,
    /// For each column of the data, the column it is for.
    pub positions: Vec<usize>,
    /// For each column that gets no value, its position and its default.
    pub defaults: Vec<(usize, Expr)>,
    pub format: CopyFormat,
}

/// How rows are written down outside; the bytes are ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyFormat {
    /// Comma-separated values; otherwise PostgreSQL's text format.
    pub csv: bool,
    pub delimiter: u8,
    /// What stands for NULL.
    pub null: String,
    /// Whether the first line has the columns' names.
    pub header: bool,
    pub quote: u8,
    /// Before a quote within quotes.
    pub escape: u8,
}

/// `UPDATE table …`: `source` scans the table and produces all its columns; each assignment is evaluated over
/// that row.
#[derive(Clone, Debug)]
pub struct Update {
    pub table: Arc<Table>,
    pub source: Node,
    /// Column position in the table, new value.
    pub assignments: Vec<(usize, Expr)>,
}

/// `DELETE FROM table …`: `source` scans the table; its columns do not matter, its rows' places do.
#[derive(Clone, Debug)]
pub struct Delete {
    pub table: Arc<Table>,
    pub source: Node,
}
