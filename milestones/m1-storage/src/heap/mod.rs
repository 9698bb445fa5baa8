//! The heap: a table's rows in its pages, in no order.
//!
//! A row is stored wherever there is room and keeps its place ([`Tid`]) for life. An update does not overwrite:
//! it stores the new version and marks the old one as deleted. A delete only marks. What nobody can see any
//! more is garbage until [`vacuum`](Heap::find_garbage) takes it away; that is the price for never having to undo.
//!
//! - `free_space` remembers which pages have room.
//! - `scan` reads the table page by page.
//! - `vacuum` reclaims garbage.
//!
//! The heap does not know where pages live, what is logged, or who sees which row: it asks
//! [`Pages`] and [`Transaction`].

mod free_space;
mod scan;
mod vacuum;

pub use scan::HeapScan;
pub use vacuum::VacuumReport;

use crate::buffer::{Change, PageRef, Pages};
use crate::error::{Error, Result};
use crate::page::{
    FileId, HAS_FREE_LINES, HEADER_SIZE, LINE_POINTER_SIZE, PAGE_SIZE, Page, PageId, PageKind, PageNo, Tid,
};
use crate::transaction::Transaction;
use crate::tuple::{TupleBuffer, TupleHeader, XMAX_OFFSET};

/// A table's heap. The rows are in its pages; here is only where to try next.
#[derive(Clone, Debug)]
pub struct Heap {
    relation: u32,
    /// The page that took the last row, and will probably take the next (PostgreSQL's `rd_targblock`).
    target: Option<PageNo>,
    /// No page before this one has room, so far as we know.
    search_from: PageNo,
}

/// A row found by its place: the page is held as long as this is.
#[derive(Clone, Debug)]
pub struct FoundTuple {
    page: PageRef,
    id: PageId,
    slot: u16,
}

impl FoundTuple {
    pub fn bytes(&self) -> &[u8] {
        self.page.item(self.slot).unwrap_or(&[])
    }

    /// Gives an error about the bytes their place.
    pub fn locate(&self) -> impl FnOnce(Error) -> Error {
        self.id.locate(self.slot)
    }
}

impl Heap {
    pub fn new(relation: u32) -> Heap {
        Heap { relation, target: None, search_from: 0 }
    }

    /// Makes the files of a new heap.
    pub fn create(pages: &mut Pages, relation: u32) -> Result<Heap> {
        pages.create_file(FileId::main(relation))?;
        pages.create_file(FileId::free_space_map(relation))?;
        Ok(Heap::new(relation))
    }

    pub fn page_count(&self, pages: &mut Pages) -> Result<PageNo> {
        pages.page_count(FileId::main(self.relation))
    }

    fn page_id(&self, page: PageNo) -> PageId {
        FileId::main(self.relation).page(page)
    }

    /// Stores rows; their places are added to `tids` in the same order. As many rows as fit a page are one
    /// change of it.
    pub fn insert(
        &mut self,
        pages: &mut Pages,
        transaction: &Transaction,
        columns: usize,
        tuples: &mut TupleBuffer,
        tids: &mut Vec<Tid>,
    ) -> Result<()> {
        tuples.stamp(transaction.xid(), transaction.cid(), columns);
        let mut next = 0;
        while next < tuples.len() {
            let needed = tuples.tuple(next).len();
            let target = self.page_with_room(pages, transaction, needed)?;
            let mut change = pages.change(transaction.xid())?;
            let page = self.open_page(&mut change, target)?;
            let stored = fill(&mut change, page, target, tuples, next, tids)?;
            if next + stored < tuples.len() {
                // This page is done with: the map should know before somebody looks for room again.
                let room = change.page(page).room_for_item();
                self.note_room(&mut change, target, room)?;
                self.target = None;
            }
            change.finish()?;
            next += stored;
        }
        Ok(())
    }

    /// The row at `tid`, if there is one that the transaction sees.
    pub fn get(&self, pages: &mut Pages, transaction: &Transaction, tid: Tid) -> Result<Option<FoundTuple>> {
        if tid.page >= self.page_count(pages)? {
            return Ok(None);
        }
        let id = self.page_id(tid.page);
        let page = pages.read(id)?;
        expect_heap(&page, id)?;
        let is_visible = visible_row(&page, id, tid.slot, pages, transaction)?.is_some();
        Ok(is_visible.then_some(FoundTuple { page, id, slot: tid.slot }))
    }

    /// Marks rows as deleted. The caller has seen each of them in this transaction and names none twice; rows of
    /// the same page should follow one another, they are one change.
    pub fn delete(&mut self, pages: &mut Pages, transaction: &Transaction, tids: &[Tid]) -> Result<()> {
        let deletion = TupleHeader::deletion(transaction.xid(), transaction.cid());
        for group in tids.chunk_by(|a, b| a.page == b.page) {
            let mut change = pages.change(transaction.xid())?;
            let page = self.open_page(&mut change, group[0].page)?;
            for tid in group {
                change.edit(page).write_item(tid.slot, XMAX_OFFSET, &deletion)?;
            }
            change.finish()?;
        }
        Ok(())
    }

    /// Opens a page of this heap in a change, making it a heap page if it is still empty.
    fn open_page(&self, change: &mut Change<'_>, page: PageNo) -> Result<usize> {
        let id = self.page_id(page);
        let number = change.open(id)?;
        match change.page(number).kind() {
            PageKind::Empty => change.edit(number).init(PageKind::Heap, 0),
            _ => change.page(number).expect_kind(id, PageKind::Heap, 0)?,
        }
        Ok(number)
    }
}

/// Stores rows from `first` on for as long as they fit the page; how many that were.
fn fill(
    change: &mut Change<'_>,
    number: usize,
    page: PageNo,
    tuples: &TupleBuffer,
    first: usize,
    tids: &mut Vec<Tid>,
) -> Result<usize> {
    let mut edit = change.edit(number);
    let mut next = first;
    while next < tuples.len() && room(&edit) >= tuples.tuple(next).len() {
        let slot = edit.free_slot();
        edit.insert(slot, tuples.tuple(next))?;
        tids.push(Tid { page, slot });
        next += 1;
    }
    Ok(next - first)
}

/// The longest tuple the page can take; one that takes over a free line pointer needs no new one.
fn room(page: &Page) -> usize {
    if page.kind() == PageKind::Empty {
        PAGE_SIZE - HEADER_SIZE - LINE_POINTER_SIZE
    } else if page.header().flags.get() & HAS_FREE_LINES != 0 && page.free_slot() <= page.slot_count() {
        page.free_space()
    } else {
        page.room_for_item()
    }
}

/// A page of the heap's file is a heap page, or still empty.
fn expect_heap(page: &PageRef, id: PageId) -> Result<()> {
    match page.kind() {
        PageKind::Heap | PageKind::Empty => Ok(()),
        kind => Err(Error::corrupted(id, format_args!("is a {kind:?} page, expected a heap page"))),
    }
}

/// The row behind a line pointer, if there is one that the transaction sees.
fn visible_row<'p>(
    page: &'p Page,
    id: PageId,
    slot: u16,
    pages: &mut Pages,
    transaction: &Transaction,
) -> Result<Option<&'p [u8]>> {
    let Some(row) = page.item(slot) else { return Ok(None) };
    let header = TupleHeader::read(row).map_err(id.locate(slot))?;
    Ok(transaction.sees(pages, header)?.then_some(row))
}

#[cfg(test)]
mod tests;
