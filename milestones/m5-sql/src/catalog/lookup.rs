//! What the binder and the planner ask of the catalog, and nothing more: so they can be tested without a database.

use super::{Catalog, Table};
use crate::buffer::Pages;
use crate::error::Result;
use crate::page::FileId;
use std::sync::Arc;

/// What is assumed of a page that cannot be read: rows of 80 bytes.
const ROWS_ON_UNREADABLE_PAGE: usize = 100;

pub trait Lookup {
    fn table(&self, name: &str) -> Option<Arc<Table>>;

    /// Whether a table or an index has this name: they share them.
    fn has(&self, name: &str) -> bool;

    /// How large the table is: its pages, and how many rows are expected in them.
    fn size(&mut self, table: &Table) -> Result<(u64, f64)>;
}

impl Catalog {
    /// The table of this name. After a change of it, it is another object.
    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(name)
    }
}

/// The catalog, with the pages at hand to see how large a table is.
pub struct Lookups<'a> {
    pub catalog: &'a Catalog,
    pub pages: &'a mut Pages,
}

impl Lookup for Lookups<'_> {
    fn table(&self, name: &str) -> Option<Arc<Table>> {
        self.catalog.table(name).cloned()
    }

    fn has(&self, name: &str) -> bool {
        self.catalog.has(name)
    }

    /// The rows are a guess: as many on every page as on the one in the middle. PostgreSQL has ANALYZE count them and
    /// scales the count to the table's present size; one page that is probably in memory is enough to choose between
    /// an index and a scan.
    fn size(&mut self, table: &Table) -> Result<(u64, f64)> {
        let file = FileId::main(table.oid);
        let pages = self.pages.page_count(file)?;
        if pages == 0 {
            return Ok((0, 0.0));
        }
        let on_page = match self.pages.read(file.page(pages / 2)) {
            Ok(sample) => (1..=sample.slot_count()).filter(|slot| sample.item(*slot).is_some()).count(),
            // The statement may not need the page. If it does, it will tell what is wrong.
            Err(_) => ROWS_ON_UNREADABLE_PAGE,
        };
        Ok((u64::from(pages), on_page.max(1) as f64 * f64::from(pages)))
    }
}
