//! Vacuum: taking away the rows that nobody can see any more.
//!
//! It goes in rounds of two steps, [`Heap::find_garbage`] and [`Heap::remove_garbage`], because between them
//! somebody else may have to forget the places first: an index that still named one would, once the place is used
//! again, lead to a stranger. Only when the second step is through is a place free.

use super::{Heap, expect_heap, room};
use crate::buffer::Pages;
use crate::error::Result;
use crate::page::{PageNo, Tid};
use crate::transaction::Transaction;
use crate::tuple::TupleHeader;

/// How many places one round collects before it removes them; bounds the memory of a vacuum.
pub const ROUND: usize = 100_000;

/// What a vacuum has seen and done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VacuumReport {
    pub pages: u64,
    /// Rows that stay.
    pub live: u64,
    /// Rows that were taken away.
    pub removed: u64,
}

impl Heap {
    /// Collects the places of garbage from page `from` on, about `ROUND` of them, and brings the free space map
    /// up to date for the pages without any. Answers the page to go on from; `None` at the table's end.
    ///
    /// `transaction` must be the only one there is: what it does not see, nobody ever will.
    pub fn find_garbage(
        &mut self,
        pages: &mut Pages,
        transaction: &Transaction,
        from: PageNo,
        garbage: &mut Vec<Tid>,
        report: &mut VacuumReport,
    ) -> Result<Option<PageNo>> {
        let end = self.page_count(pages)?;
        for number in from..end {
            if garbage.len() >= ROUND {
                return Ok(Some(number));
            }
            let id = self.page_id(number);
            let page = pages.read_sequentially(id)?;
            expect_heap(&page, id)?;
            let before = garbage.len();
            for slot in 1..=page.slot_count() {
                let Some(bytes) = page.item(slot) else { continue };
                let header = TupleHeader::read(bytes).map_err(id.locate(slot))?;
                if transaction.sees(pages, header)? {
                    report.live += 1;
                } else {
                    garbage.push(Tid { page: number, slot });
                }
            }
            report.pages += 1;
            if garbage.len() == before {
                self.correct_room(pages, transaction, number, room(&page))?;
            }
        }
        Ok(None)
    }

    /// Frees the collected places and moves what stays together; one change for each page.
    pub fn remove_garbage(
        &mut self,
        pages: &mut Pages,
        transaction: &Transaction,
        garbage: &[Tid],
        report: &mut VacuumReport,
    ) -> Result<()> {
        for group in garbage.chunk_by(|a, b| a.page == b.page) {
            let mut change = pages.change(transaction.xid())?;
            let number = self.open_page(&mut change, group[0].page)?;
            let mut edit = change.edit(number);
            for tid in group {
                edit.release(tid.slot)?;
            }
            edit.compact();
            let room = room(&edit);
            self.note_room(&mut change, group[0].page, room)?;
            change.finish()?;
            report.removed += group.len() as u64;
        }
        self.reset_search();
        Ok(())
    }
}
