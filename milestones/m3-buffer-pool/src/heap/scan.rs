//! Reading a table from front to back.

use super::{Heap, expect_heap};
use crate::buffer::{PageRef, Pages};
use crate::error::{Error, Result};
use crate::page::{PageNo, Tid};
use crate::transaction::Transaction;
use crate::tuple::TupleHeader;

/// A scan in progress. It ends where the table ended when it began, so that a statement that adds rows while it
/// scans does not chase its own tail.
#[derive(Clone, Debug)]
pub struct HeapScan {
    heap: Heap,
    next: PageNo,
    end: PageNo,
}

impl Heap {
    pub fn scan(&self, pages: &mut Pages) -> Result<HeapScan> {
        Ok(HeapScan { heap: self.clone(), next: 0, end: self.page_count(pages)? })
    }
}

impl HeapScan {
    /// Gives an error about the bytes of a row its place.
    pub fn locate(&self, tid: Tid) -> impl FnOnce(Error) -> Error {
        self.heap.page_id(tid.page).locate(tid.slot)
    }

    /// The next page with rows that the transaction sees. Their line pointers' numbers replace what is in
    /// `visible`; the page is held by whoever holds the answer, so the rows need not be copied.
    pub fn next_page(
        &mut self,
        pages: &mut Pages,
        transaction: &Transaction,
        visible: &mut Vec<u16>,
    ) -> Result<Option<(PageNo, PageRef)>> {
        while self.next < self.end {
            let number = self.next;
            self.next += 1;
            let id = self.heap.page_id(number);
            let page = pages.read_sequentially(id)?;
            expect_heap(&page, id)?;
            visible.clear();
            for (slot, pointer) in page.line_pointers() {
                let Some(row) = page.item_at(pointer) else { continue };
                let header = TupleHeader::read(row).map_err(id.locate(slot))?;
                if transaction.sees(pages, header)? {
                    visible.push(slot);
                }
            }
            if !visible.is_empty() {
                return Ok(Some((number, page)));
            }
        }
        Ok(None)
    }
}
