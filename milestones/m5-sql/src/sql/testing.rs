//! What the tests of this layer share: a catalog in a map, and shortcuts from text to what it is bound to.

use super::expr::Expr;
use super::plan::{self, Node};
use super::statement::Statement;
use super::{bind, parse};
use crate::catalog::{Index, Lookup, Table};
use crate::error::{Error, Result};
use crate::tuple::Layout;
use crate::types::{Column, DataType, Schema};
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Default)]
pub struct Catalog {
    tables: HashMap<String, Arc<Table>>,
    sizes: HashMap<String, (u64, f64)>,
}

impl Lookup for Catalog {
    fn table(&self, name: &str) -> Option<Arc<Table>> {
        self.tables.get(name).cloned()
    }

    fn has(&self, name: &str) -> bool {
        let is_index = |table: &Arc<Table>| table.indexes.iter().any(|index| index.name == name);
        self.tables.contains_key(name) || self.tables.values().any(is_index)
    }

    fn size(&mut self, table: &Table) -> Result<(u64, f64)> {
        Ok(self.sizes.get(&table.name).copied().unwrap_or((1, 3.0)))
    }
}

impl Catalog {
    /// Runs a CREATE TABLE or CREATE INDEX on the map.
    pub fn create(&mut self, text: &str) {
        match statement(text, self).unwrap() {
            Statement::CreateTable(create) => {
                let oid = 16384 + self.tables.len() as u32;
                let indexes = create.constraints.iter().map(|constraint| {
                    Arc::new(Index {
                        oid: 0,
                        name: constraint.name.clone(),
                        table: oid,
                        columns: constraint.columns.clone(),
                        unique: true,
                        primary: constraint.primary,
                        constraint: Some(constraint.name.clone()),
                    })
                });
                let table = Table {
                    oid,
                    name: create.name.clone(),
                    indexes: indexes.collect(),
                    layout: Layout::new(&create.schema),
                    schema: create.schema,
                    defaults: create.defaults.into_iter().map(|d| d.map(|d| d.text)).collect(),
                    is_catalog: false,
                };
                self.tables.insert(create.name, Arc::new(table));
            }
            Statement::CreateIndex(create) => {
                let mut table = (*create.table).clone();
                let (name, columns) = (create.name, create.columns);
                let index = Index {
                    oid: 0,
                    name,
                    table: table.oid,
                    columns,
                    unique: create.unique,
                    primary: false,
                    constraint: None,
                };
                table.indexes.push(Arc::new(index));
                self.tables.insert(table.name.clone(), Arc::new(table));
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn resize(&mut self, table: &str, pages: u64, rows: f64) {
        self.sizes.insert(table.to_string(), (pages, rows));
    }
}

/// employees (the demo's table), numbers (one column of each type), a table with a name to quote, a catalog.
pub fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.create(
        "CREATE TABLE employees (id integer PRIMARY KEY, name varchar(100) NOT NULL, department varchar(50),
         salary integer, active boolean DEFAULT true)",
    );
    catalog.create(
        "CREATE TABLE numbers (small smallint, whole int DEFAULT 7, big bigint, real double precision,
         word text DEFAULT 'none', flag bool)",
    );
    catalog.create("CREATE TABLE \"Odd Name\" (\"Id\" int, \"order\" text)");
    let column = |name: &str| Column { name: name.to_string(), data_type: DataType::Text, not_null: true };
    let schema = Schema::new(vec![column("relname")]).unwrap();
    let pg_class = Table {
        oid: 1259,
        name: "pg_class".to_string(),
        layout: Layout::new(&schema),
        schema,
        defaults: vec![None],
        indexes: Vec::new(),
        is_catalog: true,
    };
    catalog.tables.insert("pg_class".to_string(), Arc::new(pg_class));
    catalog
}

pub fn statement(text: &str, catalog: &mut Catalog) -> Result<Statement> {
    bind(&parse(text)?, text, catalog)
}

/// The error that a statement over [`catalog`] ends in.
pub fn error(text: &str) -> Error {
    match statement(text, &mut catalog()) {
        Ok(statement) => panic!("{text}: {statement:?}"),
        Err(error) => error,
    }
}

/// The plan and the column names of a query.
pub fn planned(text: &str, catalog: &mut Catalog) -> (Node, Vec<String>) {
    match statement(text, catalog).unwrap_or_else(|error| panic!("{text}: {error}")) {
        Statement::Plan(plan::Statement::Query { plan, names }) => (plan, names),
        other => panic!("{other:?}"),
    }
}

/// A constant expression, as the binder leaves it.
pub fn expression(text: &str) -> Expr {
    super::bind::expression(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// EXPLAIN's lines for a statement.
pub fn explained(text: &str, catalog: &mut Catalog) -> Vec<String> {
    match statement(&format!("EXPLAIN {text}"), catalog).unwrap_or_else(|error| panic!("{text}: {error}")) {
        Statement::Explain(explain) => super::explain::render(&explain, None),
        other => panic!("{other:?}"),
    }
}
