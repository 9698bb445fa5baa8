//! What can be done with the rows of a table, named by their places.

use super::block::Block;
use super::{Database, OpenTable, open};
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
            let table = open(&db.tables, &mut db.open_tables, name)?;
            let mut tuples = encode(table, name, rows)?;
            let mut tids = Vec::new();
            let columns = table.layout.column_count();
            db.transaction.assign_xid(&mut db.pages);
            table.heap.insert(&mut db.pages, &db.transaction, columns, &mut tuples, &mut tids)?;
            Ok(tids)
        })
    }

    /// The row at `tid`, if there is one.
    pub fn get(&mut self, name: &str, tid: Tid) -> Result<Option<Vec<Value>>> {
        self.command(|db| {
            let table = open(&db.tables, &mut db.open_tables, name)?;
            let found = table.heap.get(&mut db.pages, &db.transaction, tid)?;
            found.map(|tuple| table.layout.row(tuple.bytes()).map_err(tuple.locate())).transpose()
        })
    }

    /// Calls `visit` with each row and its place.
    pub fn scan(&mut self, name: &str, visit: &mut dyn FnMut(Tid, Vec<Value>) -> Result<()>) -> Result<()> {
        self.command(|db| {
            let table = open(&db.tables, &mut db.open_tables, name)?;
            let mut scan = table.heap.scan(&mut db.pages)?;
            let mut visible = Vec::new();
            while let Some((number, page)) = scan.next_page(&mut db.pages, &db.transaction, &mut visible)? {
                for slot in &visible {
                    let tuple = page.item(*slot).unwrap_or(&[]);
                    let tid = Tid { page: number, slot: *slot };
                    visit(tid, table.layout.row(tuple).map_err(scan.locate(tid))?)?;
                }
            }
            Ok(())
        })
    }

    /// Replaces the row at `tid`: the new version's place, or `None` if there is no such row.
    pub fn update(&mut self, name: &str, tid: Tid, row: Vec<Value>) -> Result<Option<Tid>> {
        self.command(|db| {
            db.check_writable("UPDATE")?;
            let table = open(&db.tables, &mut db.open_tables, name)?;
            if table.heap.get(&mut db.pages, &db.transaction, tid)?.is_none() {
                return Ok(None);
            }
            let mut tuples = encode(table, name, vec![row])?;
            let mut tids = Vec::new();
            let columns = table.layout.column_count();
            db.transaction.assign_xid(&mut db.pages);
            table.heap.insert(&mut db.pages, &db.transaction, columns, &mut tuples, &mut tids)?;
            table.heap.delete(&mut db.pages, &db.transaction, &[tid])?;
            Ok(tids.pop())
        })
    }

    /// Marks the row at `tid` as deleted; whether there was one.
    pub fn delete(&mut self, name: &str, tid: Tid) -> Result<bool> {
        self.command(|db| {
            db.check_writable("DELETE")?;
            let table = open(&db.tables, &mut db.open_tables, name)?;
            if table.heap.get(&mut db.pages, &db.transaction, tid)?.is_none() {
                return Ok(false);
            }
            db.transaction.assign_xid(&mut db.pages);
            table.heap.delete(&mut db.pages, &db.transaction, &[tid])?;
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
        let table = open(&self.tables, &mut self.open_tables, name)?;
        let mut report = VacuumReport::default();
        let mut garbage = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            garbage.clear();
            next = table.heap.find_garbage(
                &mut self.pages,
                &self.transaction,
                from,
                &mut garbage,
                &mut report,
            )?;
            table.heap.remove_garbage(&mut self.pages, &self.transaction, &garbage, &mut report)?;
        }
        Ok(report)
    }
}

fn encode(table: &OpenTable, name: &str, rows: Vec<Vec<Value>>) -> Result<TupleBuffer> {
    let mut tuples = TupleBuffer::default();
    for mut row in rows {
        table.schema.coerce_row(name, &mut row)?;
        tuples.push_row(&table.layout, &row)?;
    }
    Ok(tuples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::FileId;
    use crate::testing::small_options;
    use crate::transaction::FROZEN_XID;
    use crate::types::{Column, DataType, Schema};
    use crate::vfs::MemoryVfs;
    use std::sync::Arc;

    /// Where in a tuple's header the number of its columns stands.
    const COLUMNS_OFFSET: usize = 22;

    #[test]
    fn an_error_about_a_damaged_row_says_where_it_lies() {
        let mut db = Database::open(Arc::new(MemoryVfs::new()), small_options()).unwrap();
        let column = Column { name: "n".into(), data_type: DataType::Integer, not_null: true };
        db.create_table("t", Schema::new(vec![column]).unwrap()).unwrap();
        let tids = db.insert("t", (0..3).map(|n| vec![Value::Integer(n)]).collect()).unwrap();
        let mut change = db.pages.change(FROZEN_XID).unwrap();
        let page = change.open(FileId::main(16384).page(0)).unwrap();
        change.edit(page).write_item(tids[1].slot, COLUMNS_OFFSET, &[9]).unwrap();
        change.finish().unwrap();
        for error in [db.get("t", tids[1]).unwrap_err(), db.scan("t", &mut |_, _| Ok(())).unwrap_err()] {
            assert!(
                error.message().starts_with("slot 2 of page 0 of file \"base/16384\": tuple: 9 columns"),
                "{error}"
            );
        }
        assert_eq!(db.get("t", tids[2]).unwrap(), Some(vec![Value::Integer(2)]));
    }
}
