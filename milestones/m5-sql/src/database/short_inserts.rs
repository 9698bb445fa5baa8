//! The short way of `INSERT … VALUES`: the same statement with other constants is not parsed again.
//!
//! The text of such a statement up to VALUES says which table and which columns; what follows are rows. So the first
//! statement with a beginning goes the long way (parser, binder, planner), and what the beginning meant is remembered.
//! The next one needs no more than its rows read ([`LiteralRows`]). This is what PREPARE is for in PostgreSQL, whose
//! clients say which statements are alike; here it is seen by the text.
//!
//! Whether a beginning still means the same is seen by the table: the catalog has another [`Table`] object after every
//! change of one. Whatever is unusual, errors included, takes the long way from its start.

use super::Database;
use super::statement::Tag;
use crate::catalog::{Catalog, Lookup};
use crate::error::Result;
use crate::execute::literal_rows::LiteralRows;
use crate::execute::modify;
use crate::sql::bind::literal_target;
use crate::sql::plan::RowTarget;
use crate::sql::{Command, literals};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Beginnings that are remembered. When there are more, all are forgotten: that is rare, and each is learnt again at
/// once.
const MAX_BEGINNINGS: usize = 256;

/// Longer beginnings are not remembered.
const MAX_LENGTH: usize = 4096;

/// A statement that is longer may take memory that is not kept for the next one.
const USUAL_LENGTH: usize = 1 << 20;

#[derive(Default)]
pub(super) struct ShortInserts {
    targets: FxHashMap<Box<str>, Arc<RowTarget>>,
    rows: LiteralRows,
}

impl ShortInserts {
    /// Remembers what the beginning of a statement means, which has just been bound.
    pub(super) fn learn(&mut self, command: &Command, text: &str, lookup: &mut dyn Lookup) -> Result<()> {
        let Some((beginning, _)) = literals::split(text) else { return Ok(()) };
        if beginning.len() > MAX_LENGTH {
            return Ok(());
        }
        if let Some(target) = literal_target(command, text, lookup)? {
            if self.targets.len() >= MAX_BEGINNINGS {
                self.targets.clear();
            }
            self.targets.insert(beginning.into(), Arc::new(target));
        }
        Ok(())
    }

    /// Reads the rows of a statement, if its beginning is known and still means the same.
    fn read(&mut self, text: &str, catalog: &Catalog) -> Option<Arc<RowTarget>> {
        let (beginning, rows) = literals::split(text)?;
        let target = self.targets.get(beginning)?;
        let current = catalog.table(&target.table.name)?;
        if !Arc::ptr_eq(current, &target.table) {
            return None;
        }
        self.rows.read(rows, target)?;
        Some(target.clone())
    }
}

impl Database {
    /// Carries out an INSERT the short way; `None`, if it has to go the long way.
    pub(super) fn insert_literals(&mut self, text: &str) -> Option<Result<Tag>> {
        self.check_block().ok()?;
        self.check_writable("INSERT").ok()?;
        self.catalog.refresh(&mut self.pages).ok()?;
        let target = self.short_inserts.read(text, &self.catalog)?;
        // The rows are taken out while the database is at work with them.
        let mut rows = std::mem::take(&mut self.short_inserts.rows);
        let stored = self.command(|db| {
            let (tag, ()) = db.change(&target.table, None, |context, writer| {
                let stored = modify::insert_rows(context, rows.batches(), writer)?;
                Ok((Tag::Insert(stored), ()))
            })?;
            Ok(tag)
        });
        if text.len() > USUAL_LENGTH {
            rows.shrink();
        }
        self.short_inserts.rows = rows;
        Some(stored)
    }
}

#[cfg(test)]
mod tests;
