//! A bound query before it is planned: what is asked, not yet how to find it.

use super::bind::Exact;
use super::expr::{Aggregate, Expr};
use super::plan::SortKey;
use crate::catalog::Table;
use crate::types::DataType;
use sqlparser::tokenizer::Span;
use std::sync::Arc;

/// The clauses of a SELECT, in the order in which they take effect.
#[derive(Clone, Debug)]
pub struct Query {
    pub source: Source,
    /// Over the source's columns.
    pub filter: Option<Expr>,
    pub grouping: Option<Grouping>,
    /// Over the source's columns or, of a grouped query, over the grouping's columns.
    pub outputs: Vec<Expr>,
    pub names: Vec<String>,
    /// For INSERT, which gives the outputs other types.
    pub origins: Vec<Origin>,
    pub distinct: bool,
    /// Over the same columns as `outputs`.
    pub order_by: Vec<SortKey>,
    pub limit: Option<u64>,
    pub offset: u64,
}

/// What the text says of an output.
#[derive(Clone, Debug)]
pub struct Origin {
    /// A literal that nothing gave a type, and that is text if nobody wants it otherwise.
    pub unknown: bool,
    /// A literal with more digits than its double.
    pub exact: Option<Exact>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Source {
    /// No FROM: one row without columns.
    Nothing,
    Table(Arc<Table>),
    /// `VALUES (…), (…)`
    Values {
        rows: Vec<Vec<Expr>>,
        types: Vec<DataType>,
    },
}

/// GROUP BY and the aggregates. Produces the group's columns, then the aggregates.
#[derive(Clone, Debug, Default)]
pub struct Grouping {
    /// Over the source's columns.
    pub group_by: Vec<Expr>,
    pub aggregates: Vec<Aggregate>,
    /// Over the grouping's columns.
    pub having: Option<Expr>,
}

impl Query {
    pub fn types(&self) -> Vec<DataType> {
        self.outputs.iter().map(Expr::data_type).collect()
    }
}
