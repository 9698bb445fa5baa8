//! Fetching the rows that an index names, one after another.
//!
//! Neighbours in an index are often neighbours in the heap: in a table that was filled in the order of its key, a range of
//! keys is a few pages. So the page of the last row is held until a row of another page is asked for, and rows are borrowed
//! from it. (PostgreSQL's index scans keep a buffer pinned for the same reason: `heapam_index_fetch_tuple`.)

use super::{Heap, expect_heap, visible_row};
use crate::buffer::{PageRef, Pages};
use crate::error::{Error, Result};
use crate::page::{PageNo, Tid};
use crate::transaction::Transaction;

/// A way to a heap's rows that remembers where it was last.
#[derive(Clone, Debug)]
pub struct HeapFetch {
    heap: Heap,
    /// The page of the last row that was asked for.
    held: Option<(PageNo, PageRef)>,
}

impl HeapFetch {
    pub fn new(heap: Heap) -> HeapFetch {
        HeapFetch { heap, held: None }
    }

    /// The row at `tid`, if there is one that the transaction sees.
    pub fn get(&mut self, pages: &mut Pages, transaction: &Transaction, tid: Tid) -> Result<Option<&[u8]>> {
        if self.held.as_ref().is_none_or(|(number, _)| *number != tid.page) {
            self.release();
            if tid.page >= self.heap.page_count(pages)? {
                return Ok(None);
            }
            self.held = Some((tid.page, pages.read(self.heap.page_id(tid.page))?));
        }
        let Some((number, page)) = &self.held else { return Ok(None) };
        let id = self.heap.page_id(*number);
        expect_heap(page, id)?;
        visible_row(page, id, tid.slot, pages, transaction)
    }

    /// Lets the page go. As long as it is held, whoever changes it has to make a copy.
    pub fn release(&mut self) {
        self.held = None;
    }

    /// Gives an error about the bytes of a row its place.
    pub fn locate(&self, tid: Tid) -> impl FnOnce(Error) -> Error + use<> {
        self.heap.page_id(tid.page).locate(tid.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{open_pages, transact};
    use crate::tuple::{Layout, TupleBuffer};
    use crate::types::{Column, DataType, Schema, Value};
    use crate::vfs::MemoryVfs;
    use std::sync::Arc;

    #[test]
    fn rows_of_one_page_cost_one_read() {
        let mut pages = open_pages(Arc::new(MemoryVfs::new()));
        let column = Column { name: "c".into(), data_type: DataType::Integer, not_null: false };
        let layout = Layout::new(&Schema::new(vec![column]).unwrap());
        let mut heap = Heap::create(&mut pages, 16384).unwrap();
        let (mut tuples, mut tids) = (TupleBuffer::default(), Vec::new());
        (0..1000).for_each(|number| tuples.push_row(&layout, &[Value::Integer(number)]).unwrap());
        transact(&mut pages, |pages, by| heap.insert(pages, by, 1, &mut tuples, &mut tids).unwrap());

        let mut fetch = HeapFetch::new(heap.clone());
        let mut number = |pages: &mut Pages, by: &Transaction, tid| {
            let tuple = fetch.get(pages, by, tid).unwrap()?;
            Some(i32::from_le_bytes(layout.fixed(tuple, 0).unwrap()))
        };
        transact(&mut pages, |pages, by| {
            // Whether the rows' transaction is committed stands on a page, too.
            assert_eq!(number(pages, by, tids[0]), Some(0));
            let before = pages.pool().statistics;
            for (expected, tid) in (0..).zip(&tids) {
                assert_eq!(number(pages, by, *tid), Some(expected));
            }
            assert_eq!(number(pages, by, Tid { page: 1, slot: 1000 }), None, "no such line pointer");
            assert_eq!(number(pages, by, Tid { page: 10_000, slot: 1 }), None, "no such page");
            assert_eq!(number(pages, by, tids[0]), Some(0));
            let after = pages.pool().statistics;
            let asked = (after.hits + after.reads) - (before.hits + before.reads);
            assert_eq!(asked, u64::from(tids[999].page) + 2, "one for each page, and two for going back");
        });
        transact(&mut pages, |pages, by| heap.delete(pages, by, &tids[999..]).unwrap());
        transact(&mut pages, |pages, by| {
            assert_eq!(number(pages, by, tids[999]), None);
            assert_eq!(number(pages, by, tids[998]), Some(998));
        });
    }
}
