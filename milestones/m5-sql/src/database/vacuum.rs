//! VACUUM: first the indexes forget the rows that nobody can see, then the heap gives their places back.

use super::Database;
use crate::catalog::Table;
use crate::error::{Error, Result, SqlState};
use crate::execute::table_writer::TableWriter;
use crate::heap::VacuumReport;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Database {
    /// Vacuums one table, or all of them. Not in a block: its own transaction must be the only one.
    pub(super) fn vacuum(&mut self, table: Option<Arc<Table>>) -> Result<VacuumReport> {
        if self.block().0 {
            return Err(Error::new(
                SqlState::ActiveSqlTransaction,
                "VACUUM cannot run inside a transaction block",
            ));
        }
        let tables = match table {
            Some(table) => vec![table],
            None => self.catalog.tables().cloned().collect(),
        };
        let mut report = VacuumReport::default();
        for table in tables {
            let mut writer = TableWriter::new(table.clone());
            self.vacuum_table(&mut writer, &mut report)?;
            self.writers.remove(&table.oid);
        }
        Ok(report)
    }

    fn vacuum_table(&mut self, writer: &mut TableWriter, report: &mut VacuumReport) -> Result<()> {
        let Database { pages, transaction, interrupt, .. } = self;
        let mut garbage = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            if interrupt.load(Ordering::Relaxed) {
                return Err(Error::new(SqlState::QueryCanceled, "canceling statement due to user request"));
            }
            garbage.clear();
            next = writer.heap().find_garbage(pages, transaction, from, &mut garbage, report)?;
            if !garbage.is_empty() {
                for tree in writer.trees() {
                    tree.bulk_delete(pages, transaction.xid(), &garbage)?;
                }
                writer.heap().remove_garbage(pages, transaction, &garbage, report)?;
            }
        }
        Ok(())
    }
}
