//! The columns in sight of an expression.

use super::super::expr::Expr;
use super::super::position::locate;
use super::super::source_text::SourceText;
use super::coerce::Typed;
use super::name::{check_schema, fold, refuse_reserved};
use crate::catalog::Table;
use crate::error::{Error, Result, SqlState};
use sqlparser::ast::Ident;
use std::sync::Arc;

/// One table of a FROM clause, under the name the statement gives it.
#[derive(Clone, Debug)]
pub struct Scope {
    pub table: Arc<Table>,
    pub alias: String,
}

impl Scope {
    /// The table's column at `index`.
    pub fn column(&self, index: usize) -> Result<Expr> {
        match self.table.schema.columns().get(index) {
            Some(column) => Ok(Expr::column(index, column.data_type)),
            None => Err(Error::internal(format!("table \"{}\" has no column {index}", self.table.name))),
        }
    }
}

/// `name`, not qualified.
pub fn resolve(scope: Option<&Scope>, ident: &Ident, text: SourceText<'_>) -> Result<Typed> {
    refuse_reserved(ident, text)?;
    let name = fold(ident);
    let Some(scope) = scope else {
        return Err(missing(&format!("\"{name}\""), ident, text));
    };
    match scope.table.schema.position(&name) {
        Some(index) => Ok(Typed::known(scope.column(index)?).at(ident.span)),
        None if name == scope.alias => Err(Error::unsupported("a reference to a whole row")),
        None => Err(missing(&format!("\"{name}\""), ident, text)),
    }
}

/// `table.name` or `schema.table.name`.
pub fn resolve_qualified(scope: Option<&Scope>, idents: &[Ident], text: SourceText<'_>) -> Result<Typed> {
    let (table, column) = match idents {
        [table, column] => (table, column),
        [schema, table, column] => {
            check_schema(schema, text)?;
            (table, column)
        }
        _ => return Err(Error::unsupported("a column name of more than three parts")),
    };
    let scope = check_table(scope, table, text)?;
    let name = fold(column);
    match scope.table.schema.position(&name) {
        Some(index) => Ok(Typed::known(scope.column(index)?).at(table.span)),
        None => Err(missing(&format!("{}.{name}", scope.alias), table, text)),
    }
}

/// The scope, if `table` is what it is called.
pub fn check_table<'s>(scope: Option<&'s Scope>, table: &Ident, text: SourceText<'_>) -> Result<&'s Scope> {
    let name = fold(table);
    let error = match scope {
        Some(scope) if scope.alias == name => return Ok(scope),
        Some(scope) if scope.table.name == name => Error::new(
            SqlState::UndefinedTable,
            format!("invalid reference to FROM-clause entry for table \"{name}\""),
        )
        .with_hint(format!("Perhaps you meant to reference the table alias \"{}\".", scope.alias)),
        _ => Error::new(SqlState::UndefinedTable, format!("missing FROM-clause entry for table \"{name}\"")),
    };
    Err(locate(error, text, table.span))
}

fn missing(column: &str, ident: &Ident, text: SourceText<'_>) -> Error {
    let error = Error::new(SqlState::UndefinedColumn, format!("column {column} does not exist"));
    locate(error, text, ident.span)
}
