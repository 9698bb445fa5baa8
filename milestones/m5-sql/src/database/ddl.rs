//! CREATE and DROP: the catalogs change, files come, and go when the transaction has ended.

use super::Database;
use super::statement::Sink;
use crate::catalog::{Index, Table};
use crate::error::{Error, Result, SqlState};
use crate::execute::index_build::build_index;
use crate::sql::statement::{CreateIndex, CreateTable, DropIndex, DropTable};
use std::sync::Arc;

impl Database {
    pub(super) fn create_table(&mut self, create: CreateTable) -> Result<()> {
        self.transaction.assign_xid(&mut self.pages);
        let defaults =
            create.defaults.into_iter().map(|default| default.map(|default| default.text)).collect();
        let (pages, transaction) = (&mut self.pages, &self.transaction);
        let table = self.catalog.create_table(pages, transaction, &create.name, create.schema, defaults)?;
        self.ddl.created.push(table.oid);
        for constraint in create.constraints {
            let index = Index {
                oid: 0,
                table: table.oid,
                columns: constraint.columns,
                unique: true,
                primary: constraint.primary,
                constraint: Some(constraint.name.clone()),
                name: constraint.name,
            };
            self.new_index(&table, index)?;
        }
        Ok(())
    }

    pub(super) fn drop_tables(&mut self, drop: DropTable, sink: &mut dyn Sink) -> Result<()> {
        for notice in &drop.notices {
            sink.notice("NOTICE", notice)?;
        }
        self.transaction.assign_xid(&mut self.pages);
        for table in &drop.tables {
            let dropped = self.catalog.drop_table(&mut self.pages, &self.transaction, &table.name)?;
            self.writers.remove(&dropped.oid);
            self.ddl.dropped.push(dropped.oid);
            self.ddl.dropped.extend(dropped.indexes.iter().map(|index| index.oid));
        }
        Ok(())
    }

    pub(super) fn create_index(&mut self, create: CreateIndex, sink: &mut dyn Sink) -> Result<()> {
        if create.if_not_exists && self.catalog.has(&create.name) {
            return sink.notice("NOTICE", &format!("relation \"{}\" already exists, skipping", create.name));
        }
        self.transaction.assign_xid(&mut self.pages);
        let index = Index {
            oid: 0,
            name: create.name,
            table: create.table.oid,
            columns: create.columns,
            unique: create.unique,
            primary: false,
            constraint: None,
        };
        let (table, index) = self.new_index(&create.table, index)?;
        let maintenance_work_mem = self.settings.maintenance_work_mem;
        self.with_context(None, |context| {
            context.work_mem = maintenance_work_mem;
            build_index(context, &table, &index)
        })
    }

    pub(super) fn drop_indexes(&mut self, drop: &DropIndex, sink: &mut dyn Sink) -> Result<()> {
        for notice in &drop.notices {
            sink.notice("NOTICE", notice)?;
        }
        self.transaction.assign_xid(&mut self.pages);
        for name in &drop.names {
            if self.catalog.index(name).is_none() {
                if self.catalog.get(name).is_ok() {
                    return Err(Error::new(SqlState::WrongObjectType, format!("\"{name}\" is not an index"))
                        .with_hint("Use DROP TABLE to remove a table."));
                }
                if drop.if_exists {
                    sink.notice("NOTICE", &format!("index \"{name}\" does not exist, skipping"))?;
                    continue;
                }
            }
            let index = self.catalog.drop_index(&mut self.pages, &self.transaction, name)?;
            self.writers.remove(&index.table);
            self.ddl.dropped.push(index.oid);
        }
        Ok(())
    }

    fn new_index(&mut self, table: &Arc<Table>, index: Index) -> Result<(Arc<Table>, Arc<Index>)> {
        let (pages, transaction) = (&mut self.pages, &self.transaction);
        let (table, index) = self.catalog.create_index(pages, transaction, &table.name, index)?;
        self.ddl.created.push(index.oid);
        self.writers.remove(&table.oid);
        Ok((table, index))
    }
}
