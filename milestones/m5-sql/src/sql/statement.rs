//! A bound statement: what the database is asked to do, with every name looked up and every type known.

use super::expr::Expr;
use super::plan;
use crate::catalog::Table;
use crate::types::Schema;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub enum Statement {
    Empty,
    /// Reads or changes rows.
    Plan(plan::Statement),
    Explain(Explain),
    CopyFrom(plan::CopyFrom),
    CreateTable(CreateTable),
    DropTable(DropTable),
    CreateIndex(CreateIndex),
    DropIndex(DropIndex),
    /// `CREATE … IF NOT EXISTS` of what exists: only the notice is left of it.
    Skip {
        tag: &'static str,
        notice: String,
    },
    Begin,
    Commit,
    Rollback,
    Checkpoint,
    /// One table, or all of them.
    Vacuum {
        table: Option<Arc<Table>>,
    },
    Set {
        name: String,
        value: SetValue,
    },
    Show {
        name: String,
    },
}

#[derive(Clone, Debug)]
pub struct Explain {
    /// Runs the statement and shows what happened.
    pub analyze: bool,
    pub buffers: bool,
    pub costs: bool,
    pub timing: bool,
    /// Planning and execution time below the plan.
    pub summary: bool,
    pub statement: plan::Statement,
}

#[derive(Clone, Debug)]
pub struct CreateTable {
    pub name: String,
    pub if_not_exists: bool,
    pub schema: Schema,
    /// One for each column.
    pub defaults: Vec<Option<ColumnDefault>>,
    /// The primary key first, then the unique constraints in the order they were declared.
    pub constraints: Vec<Constraint>,
}

/// A column's DEFAULT.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefault {
    /// As the catalog keeps it: SQL that parses and binds again.
    pub text: String,
    /// Already of the column's type.
    pub expression: Expr,
}

/// PRIMARY KEY or UNIQUE: an index of the same name backs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    pub name: String,
    /// Positions in the table's schema.
    pub columns: Vec<usize>,
    pub primary: bool,
}

#[derive(Clone, Debug)]
pub struct DropTable {
    pub tables: Vec<Arc<Table>>,
    /// What IF EXISTS passed over.
    pub notices: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct CreateIndex {
    pub name: String,
    pub table: Arc<Table>,
    /// Positions in the table's schema.
    pub columns: Vec<usize>,
    pub unique: bool,
    pub if_not_exists: bool,
}

/// The catalog's lookup finds tables only, so whether the indexes exist is for the database to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropIndex {
    pub names: Vec<String>,
    pub if_exists: bool,
    /// What IF EXISTS passed over already.
    pub notices: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetValue {
    Default,
    Text(String),
}
