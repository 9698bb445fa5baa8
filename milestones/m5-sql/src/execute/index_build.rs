//! CREATE INDEX: reads the table, sorts the keys, packs the tree.
//!
//! Inserting the entries one by one would visit a random leaf for each. Sorted, every page of the index is written once,
//! front to back, and is as full as it should be. The sort is the one of ORDER BY, with the same limit on memory.

use super::context::Context;
use super::merge::{Merge, write_run};
use super::sort_buffer::SortBuffer;
use super::spill::RecordReader;
use super::table_writer::describe_key;
use crate::catalog::{Index, Table};
use crate::error::{Error, Result, SqlState};
use crate::heap::Heap;
use crate::index::{BTree, Builder, key, split_entry};
use crate::page::Tid;
use crate::types::{DataType, Value};

/// Fills a new index with the rows of its table that the transaction sees, which is all that anybody will.
pub fn build_index(context: &mut Context<'_>, table: &Table, index: &Index) -> Result<()> {
    let heap = Heap::new(table.oid);
    let mut sorter = Sorter { buffer: SortBuffer::default(), runs: Vec::new() };
    let mut scan = heap.scan(context.pages)?;
    let (mut visible, mut entry) = (Vec::new(), Vec::new());
    while let Some((number, page)) = scan.next_page(context.pages, context.transaction, &mut visible)? {
        context.check_interrupt()?;
        for slot in &visible {
            let tuple = page.item(*slot).unwrap_or(&[]);
            let tid = Tid { page: number, slot: *slot };
            table.layout.check(tuple).map_err(scan.locate(tid))?;
            entry.clear();
            key::push_tuple(&mut entry, &table.layout, tuple, &index.columns).map_err(scan.locate(tid))?;
            key::push_tid(&mut entry, tid);
            sorter.push(context, &entry)?;
        }
    }
    let tree = BTree::new(index.oid, &index.name);
    let builder = tree.build(context.pages, context.transaction.xid())?;
    sorter.finish(context, Target { table, index, heap, builder })
}

struct Sorter {
    buffer: SortBuffer,
    runs: Vec<RecordReader>,
}

impl Sorter {
    /// All of the entry is the key of the sort: the row has been left where it is.
    fn push(&mut self, context: &mut Context<'_>, entry: &[u8]) -> Result<()> {
        self.buffer.push(entry, entry.len());
        if self.buffer.bytes() > context.work_mem { self.spill(context) } else { Ok(()) }
    }

    fn spill(&mut self, context: &mut Context<'_>) -> Result<()> {
        self.buffer.sort();
        self.runs.push(write_run(context, &self.buffer)?.finish()?);
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self, context: &mut Context<'_>, mut target: Target<'_>) -> Result<()> {
        if self.runs.is_empty() {
            self.buffer.sort();
            for (entry, _) in self.buffer.records() {
                target.push(context, entry)?;
            }
        } else {
            self.spill(context)?;
            let mut merge = Merge::new(context, self.runs)?;
            while let Some((entry, _)) = merge.record()? {
                target.push(context, entry)?;
                merge.advance()?;
            }
        }
        target.builder.finish(context.pages)
    }
}

struct Target<'a> {
    table: &'a Table,
    index: &'a Index,
    heap: Heap,
    builder: Builder,
}

impl Target<'_> {
    fn push(&mut self, context: &mut Context<'_>, entry: &[u8]) -> Result<()> {
        let same = self.builder.push(context.pages, entry)?;
        if same.is_none() || !self.index.unique {
            return Ok(());
        }
        let Some((key, tid)) = split_entry(entry) else {
            return Err(Error::internal("an index entry without a key"));
        };
        let columns = self.index.columns.iter();
        let types: Vec<DataType> = columns.map(|column| self.table.layout.data_type(*column)).collect();
        if key::decode(&types, key)?.contains(&Value::Null) {
            return Ok(());
        }
        let found = self.heap.get(context.pages, context.transaction, tid)?;
        let tuple = found.as_ref().map_or(&[][..], |found| found.bytes());
        let (names, values) = describe_key(self.table, self.index, tuple);
        Err(Error::new(
            SqlState::UniqueViolation,
            format!("could not create unique index \"{}\"", self.index.name),
        )
        .with_detail(format!("Key ({names})=({values}) is duplicated.")))
    }
}
