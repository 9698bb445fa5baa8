//! A look inside, for those who want to see how it is done.

use super::Database;
use crate::buffer::{PageRef, Pages};
use crate::catalog::{Index, Oid};
use crate::error::{Error, Result, SqlState};
use crate::page::{FileId, PageNo};
use crate::tuple::Layout;
use crate::types::{DataType, Schema};
use crate::wal::{LogReader, Lsn, Record};
use std::sync::Arc;

impl Database {
    /// Calls `visit` with the log's records from `from` on (or from the redo pointer), for inspection, for as long as
    /// it answers true.
    pub fn read_log(
        &mut self,
        from: Option<Lsn>,
        visit: &mut dyn FnMut(&Record) -> Result<bool>,
    ) -> Result<()> {
        let end = self.pages.wal().end();
        self.pages.wal().flush(end)?;
        let from = from.unwrap_or(self.pages.control().redo);
        let mut reader = LogReader::new(self.pages.wal().segments(), from, from);
        while reader.position() < end {
            match reader.next_record()? {
                Some(record) if visit(&record)? => {}
                _ => break,
            }
        }
        Ok(())
    }

    /// The pages below, for inspection.
    pub fn pages(&mut self) -> &mut Pages {
        &mut self.pages
    }

    /// A page of a table, and of how many, for inspection.
    pub fn read_page(&mut self, name: &str, page: PageNo) -> Result<PageRef> {
        let file = FileId::main(self.relation(name)?);
        let count = self.pages.page_count(file)?;
        if page >= count {
            return Err(Error::new(
                SqlState::InvalidParameterValue,
                format!("page {page} of \"{name}\" does not exist"),
            )
            .with_detail(format!("Pages, counted from 0: {count}.")));
        }
        self.pages.read(file.page(page))
    }

    /// The number of a table's or an index's files, for inspection.
    pub fn relation(&mut self, name: &str) -> Result<Oid> {
        if let Some((index, _)) = self.index(name)? {
            return Ok(index.oid);
        }
        Ok(self.catalog.get(name)?.oid)
    }

    /// An index and the types of its columns, if there is one of that name.
    pub fn index(&mut self, name: &str) -> Result<Option<(Arc<Index>, Vec<DataType>)>> {
        self.catalog.refresh(&mut self.pages)?;
        Ok(self.catalog.index(name).map(|(table, index)| {
            let columns = table.schema.columns();
            (Arc::clone(index), index.columns.iter().map(|column| columns[*column].data_type).collect())
        }))
    }

    pub fn schema(&mut self, name: &str) -> Result<&Schema> {
        self.catalog.refresh(&mut self.pages)?;
        Ok(&self.catalog.get(name)?.schema)
    }

    /// How a table's rows are laid out in bytes, for inspection.
    pub fn layout(&mut self, name: &str) -> Result<&Layout> {
        self.catalog.refresh(&mut self.pages)?;
        Ok(&self.catalog.get(name)?.layout)
    }
}
