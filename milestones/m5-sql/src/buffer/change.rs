//! A change of some pages: all of it happens, or none.

use super::{PageRef, Pages};
use crate::error::Result;
use crate::page::{Delta, PAGE_SIZE, Page, PageId, PageMut};
use crate::transaction::Xid;
use crate::wal::record;
use crate::wal::{Lsn, RecordKind};
use std::sync::Arc;

/// Pages being changed together; finished, they are one record in the log.
///
/// A change edits copies, and they become the pages when it is finished. Dropped before, it has not happened, so an error
/// may come at any time: a page that cannot be opened, an item that does not fit. (PostgreSQL edits the pages themselves.
/// It calls the time between the first edit and the record a critical section, and an error in it a PANIC.)
pub struct Change<'a> {
    pages: &'a mut Pages,
    xid: Xid,
    changed: Vec<ChangedPage>,
}

struct ChangedPage {
    id: PageId,
    frame: usize,
    /// What the frame has, and keeps as long as it is pinned.
    pin: PageRef,
    /// The same, until the first edit makes a copy.
    page: PageRef,
    delta: Delta,
}

impl<'a> Change<'a> {
    pub(super) fn new(pages: &'a mut Pages, xid: Xid) -> Change<'a> {
        Change { pages, xid, changed: Vec::new() }
    }

    /// Opens a page in the change; the number to call it by. To open a page twice gives the same number.
    pub fn open(&mut self, id: PageId) -> Result<usize> {
        if let Some(known) = self.changed.iter().position(|changed| changed.id == id) {
            return Ok(known);
        }
        let frame = self.pages.load(id, false)?;
        let pin = self.pages.pool.frame(frame).page.clone();
        self.changed.push(ChangedPage { id, frame, page: pin.clone(), pin, delta: Delta::default() });
        Ok(self.changed.len() - 1)
    }

    pub fn page(&self, number: usize) -> &Page {
        &self.changed[number].page
    }

    pub fn edit(&mut self, number: usize) -> PageMut<'_> {
        let ChangedPage { page, delta, .. } = &mut self.changed[number];
        if delta.is_empty() {
            *page = self.pages.pool.copy(page);
        }
        PageMut::new(Arc::make_mut(page), delta)
    }

    pub fn finish(self) -> Result<()> {
        self.finish_as(RecordKind::Change)?;
        Ok(())
    }

    /// Finishes the change with a record of this kind; the position after it. Nothing edited, nothing logged.
    pub fn finish_as(self, kind: RecordKind) -> Result<Lsn> {
        let redo = self.pages.control.redo;
        let edited = || self.changed.iter().filter(|changed| !changed.delta.is_empty());
        if edited().next().is_none() {
            return Ok(self.pages.wal.end());
        }
        let lsn = self.pages.wal.append(kind, self.xid, |buffer| {
            edited().map(|changed| log_page(buffer, changed, redo)).count()
        })?;
        for ChangedPage { id, frame, pin, mut page, delta } in self.changed {
            if delta.is_initialized() {
                self.pages.written.mark(id);
            }
            if !delta.is_empty() {
                Arc::make_mut(&mut page).set_lsn(lsn);
                self.pages.pool.replace(frame, page, pin);
            }
        }
        Ok(lsn)
    }
}

/// Adds a page's change to a record: as an image if it is the page's first since the redo pointer, since then a
/// write of the page that a power cut tears cannot hurt.
fn log_page(buffer: &mut Vec<u8>, changed: &ChangedPage, redo: Lsn) {
    let ChangedPage { id, page, delta, .. } = changed;
    if page.lsn() <= redo && !delta.is_initialized() {
        record::add_image(buffer, *id, page);
        return;
    }
    let start = buffer.len();
    record::add_delta(buffer, *id, page, delta);
    if buffer.len() - start > PAGE_SIZE {
        buffer.truncate(start);
        record::add_image(buffer, *id, page);
    }
}

#[cfg(test)]
mod tests {
    use crate::buffer::Pages;
    use crate::page::{FileId, PageId, PageKind};
    use crate::testing::open_pages;
    use crate::vfs::MemoryVfs;
    use std::sync::Arc;

    /// So many heap pages, each with an item.
    fn pages_with_items(count: u32) -> (Pages, Vec<PageId>) {
        let mut pages = open_pages(Arc::new(MemoryVfs::new()));
        let file = FileId::main(20000);
        pages.create_file(file).unwrap();
        pages.extend_to(file.page(count - 1)).unwrap();
        let ids: Vec<PageId> = (0..count).map(|page| file.page(page)).collect();
        for id in &ids {
            let mut change = pages.change(3).unwrap();
            let page = change.open(*id).unwrap();
            change.edit(page).init(PageKind::Heap, 0);
            change.edit(page).insert(1, b"finished").unwrap();
            change.finish().unwrap();
        }
        (pages, ids)
    }

    #[test]
    fn a_change_given_up_half_way_has_not_happened() {
        let (mut pages, ids) = pages_with_items(1);
        // Only memory has the page, and somebody stops in the middle of changing it.
        let mut change = pages.change(4).unwrap();
        let page = change.open(ids[0]).unwrap();
        change.edit(page).insert(2, b"not finished").unwrap();
        drop(change);
        let page = pages.read(ids[0]).unwrap();
        assert_eq!((page.item(1), page.slot_count()), (Some(&b"finished"[..]), 1));
        let mut change = pages.change(5).unwrap();
        let page = change.open(ids[0]).unwrap();
        change.edit(page).insert(2, b"the next").unwrap();
        change.finish().unwrap();
        assert_eq!(pages.read(ids[0]).unwrap().item(2), Some(&b"the next"[..]));
    }

    #[test]
    fn a_change_may_be_of_more_pages_than_memory_has_room_for() {
        let (mut pages, ids) = pages_with_items(12);
        let mut change = pages.change(4).unwrap();
        for id in &ids {
            let page = change.open(*id).unwrap();
            change.edit(page).insert(2, b"more").unwrap();
        }
        change.finish().unwrap();
        for id in ids {
            assert_eq!(pages.read(id).unwrap().item(2), Some(&b"more"[..]), "{id}");
        }
    }
}
