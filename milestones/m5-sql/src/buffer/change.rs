//! A change of some pages: all of it happens, or none.

use super::{Frame, PageRef, Pages};
use crate::error::{Error, Result, SqlState};
use crate::page::{Delta, PAGE_SIZE, Page, PageId, PageMut};
use crate::transaction::Xid;
use crate::wal::record;
use crate::wal::{Lsn, RecordKind};
use std::sync::Arc;

/// Pages being changed together; finished, they are one record in the log.
///
/// Dropped before it is finished, it has not happened, if no page was edited yet. If one was, memory no longer is
/// what the log says, and the only way back is recovery: the log is marked as failed. (PostgreSQL calls the time
/// between the first edit and the record a critical section, and panics.) So: open all pages, check everything, then
/// edit.
pub struct Change<'a> {
    pages: &'a mut Pages,
    xid: Xid,
    changed: Vec<ChangedPage>,
}

struct ChangedPage {
    id: PageId,
    frame: usize,
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
        self.frame_mut(frame).changing = true;
        self.changed.push(ChangedPage { id, frame, delta: Delta::default() });
        Ok(self.changed.len() - 1)
    }

    /// Reads a page that the change does not touch.
    pub fn read(&mut self, id: PageId) -> Result<PageRef> {
        self.pages.read(id)
    }

    pub fn page(&self, number: usize) -> &Page {
        &self.pages.pool.frame(self.changed[number].frame).page
    }

    pub fn edit(&mut self, number: usize) -> PageMut<'_> {
        let ChangedPage { frame, delta, .. } = &mut self.changed[number];
        // Whoever else holds the page is a reader: it keeps the old state, and the frame gets a copy.
        PageMut::new(Arc::make_mut(&mut self.pages.pool.frame_mut(*frame).page), delta)
    }

    pub fn finish(self) -> Result<()> {
        self.finish_as(RecordKind::Change)?;
        Ok(())
    }

    /// Finishes the change with a record of this kind; the position after it. Nothing edited, nothing logged.
    pub fn finish_as(mut self, kind: RecordKind) -> Result<Lsn> {
        let (redo, pool) = (self.pages.control.redo, &self.pages.pool);
        let edited = || self.changed.iter().filter(|changed| !changed.delta.is_empty());
        if edited().next().is_none() {
            return Ok(self.pages.wal.end());
        }
        let lsn = self.pages.wal.append(kind, self.xid, |buffer| {
            edited().map(|changed| log_page(buffer, changed, &pool.frame(changed.frame).page, redo)).count()
        })?;
        for changed in std::mem::take(&mut self.changed) {
            let frame = self.frame_mut(changed.frame);
            frame.changing = false;
            if !changed.delta.is_empty() {
                frame.dirty = true;
                Arc::make_mut(&mut frame.page).set_lsn(lsn);
            }
            if changed.delta.is_initialized() {
                self.pages.written.mark(changed.id);
            }
        }
        Ok(lsn)
    }

    fn frame_mut(&mut self, number: usize) -> &mut Frame {
        self.pages.pool.frame_mut(number)
    }
}

/// Adds a page's change to a record: as an image if it is the page's first since the redo pointer, since then a
/// write of the page that a power cut tears cannot hurt.
fn log_page(buffer: &mut Vec<u8>, changed: &ChangedPage, page: &Page, redo: Lsn) {
    let ChangedPage { id, delta, .. } = changed;
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

fn unfinished() -> Error {
    Error::new(SqlState::IoError, "A change of pages was begun and not finished.")
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        for changed in std::mem::take(&mut self.changed) {
            let frame = self.frame_mut(changed.frame);
            frame.changing = false;
            if !changed.delta.is_empty() {
                self.pages.wal.fail(&unfinished());
                if !self.pages.pool.frame(changed.frame).dirty {
                    // The file still has the page as it was.
                    self.pages.pool.evict(changed.frame);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::page::{FileId, PageKind};
    use crate::testing::open_pages;
    use crate::vfs::MemoryVfs;
    use std::sync::Arc;

    #[test]
    fn a_change_given_up_half_way_ends_the_writing_and_hides_nothing() {
        let mut pages = open_pages(Arc::new(MemoryVfs::new()));
        let file = FileId::main(20000);
        pages.create_file(file).unwrap();
        let id = file.page(pages.extend(file).unwrap().start);
        let mut change = pages.change(3).unwrap();
        let page = change.open(id).unwrap();
        change.edit(page).init(PageKind::Heap, 0);
        change.edit(page).insert(1, b"finished").unwrap();
        change.finish().unwrap();
        // Only memory has it, and somebody stops in the middle of changing it.
        let mut change = pages.change(4).unwrap();
        let page = change.open(id).unwrap();
        change.edit(page).insert(2, b"not finished").unwrap();
        drop(change);
        assert!(pages.change(5).is_err(), "what memory holds is no longer what the log says");
        assert_eq!(pages.read(id).unwrap().item(1), Some(&b"finished"[..]));
    }
}
