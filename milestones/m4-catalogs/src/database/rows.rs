//! What can be done with the rows of a table, named by their places.

use super::block::Block;
use super::{Database, open, open_for_change};
use crate::catalog::Table;
use crate::error::{Error, Result, SqlState};
use crate::heap::VacuumReport;
use crate::page::Tid;
use crate::tuple::TupleBuffer;
use crate::types::Value;

impl Database {
    /// Stores rows; their places, in the same order.
    pub fn insert(&mut self, name: &str, rows: Vec<Vec<Value>>) -> Result<Vec<Tid>> {
        self.command(|db| {
            db.check_writable("INSERT")?;
            let (table, heap) = open_for_change(&db.catalog, &mut db.heaps, name)?;
            let mut tuples = encode(&table, name, rows)?;
            let mut tids = Vec::new();
            let columns = table.layout.column_count();
            db.transaction.assign_xid(&mut db.pages);
            heap.insert(&mut db.pages, &db.transaction, columns, &mut tuples, &mut tids)?;
            Ok(tids)
        })
    }

    /// The row at `tid`, if there is one.
    pub fn get(&mut self, name: &str, tid: Tid) -> Result<Option<Vec<Value>>> {
        self.command(|db| {
            let (table, heap) = open(&db.catalog, &mut db.heaps, name)?;
            let found = heap.get(&mut db.pages, &db.transaction, tid)?;
            found.map(|tuple| table.layout.row(tuple.bytes())).transpose()
        })
    }

    /// Calls `visit` with each row and its place.
    pub fn scan(&mut self, name: &str, visit: &mut dyn FnMut(Tid, Vec<Value>) -> Result<()>) -> Result<()> {
        self.command(|db| {
            let (table, heap) = open(&db.catalog, &mut db.heaps, name)?;
            let mut scan = heap.scan(&mut db.pages)?;
            let mut visible = Vec::new();
            while let Some((number, page)) = scan.next_page(&mut db.pages, &db.transaction, &mut visible)? {
                for slot in &visible {
                    let tuple = page.item(*slot).unwrap_or(&[]);
                    visit(Tid { page: number, slot: *slot }, table.layout.row(tuple)?)?;
                }
            }
            Ok(())
        })
    }

    /// Replaces the row at `tid`: the new version's place, or `None` if there is no such row.
    pub fn update(&mut self, name: &str, tid: Tid, row: Vec<Value>) -> Result<Option<Tid>> {
        self.command(|db| {
            db.check_writable("UPDATE")?;
            let (table, heap) = open_for_change(&db.catalog, &mut db.heaps, name)?;
            if heap.get(&mut db.pages, &db.transaction, tid)?.is_none() {
                return Ok(None);
            }
            let mut tuples = encode(&table, name, vec![row])?;
            let mut tids = Vec::new();
            let columns = table.layout.column_count();
            db.transaction.assign_xid(&mut db.pages);
            heap.insert(&mut db.pages, &db.transaction, columns, &mut tuples, &mut tids)?;
            heap.delete(&mut db.pages, &db.transaction, &[tid])?;
            Ok(tids.pop())
        })
    }

    /// Marks the row at `tid` as deleted; whether there was one.
    pub fn delete(&mut self, name: &str, tid: Tid) -> Result<bool> {
        self.command(|db| {
            db.check_writable("DELETE")?;
            let (_, heap) = open_for_change(&db.catalog, &mut db.heaps, name)?;
            if heap.get(&mut db.pages, &db.transaction, tid)?.is_none() {
                return Ok(false);
            }
            db.transaction.assign_xid(&mut db.pages);
            heap.delete(&mut db.pages, &db.transaction, &[tid])?;
            Ok(true)
        })
    }

    /// Takes away the garbage that updates and deletes have left.
    pub fn vacuum(&mut self, name: &str) -> Result<VacuumReport> {
        self.check_block()?;
        self.check_writable("VACUUM")?;
        if self.block != Block::None {
            return Err(Error::new(
                SqlState::ActiveSqlTransaction,
                "VACUUM cannot run inside a transaction block",
            ));
        }
        self.catalog.refresh(&mut self.pages)?;
        let (_, heap) = open(&self.catalog, &mut self.heaps, name)?;
        let mut report = VacuumReport::default();
        let mut garbage = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            garbage.clear();
            next = heap.find_garbage(&mut self.pages, &self.transaction, from, &mut garbage, &mut report)?;
            heap.remove_garbage(&mut self.pages, &self.transaction, &garbage, &mut report)?;
        }
        Ok(report)
    }
}

fn encode(table: &Table, name: &str, rows: Vec<Vec<Value>>) -> Result<TupleBuffer> {
    let mut tuples = TupleBuffer::default();
    for mut row in rows {
        table.schema.coerce_row(name, &mut row)?;
        tuples.push_row(&table.layout, &row)?;
    }
    Ok(tuples)
}
