//! Looking at a table: every page of its two files, and every row.
//!
//! The free space map is a hint. It may promise too much or too little, and after a crash it may know of pages that the
//! table does not have. What it must be is readable.

use super::{Report, page, tuple};
use crate::buffer::Pages;
use crate::page::{FileId, Lsn, Page, PageId, PageKind};
use crate::transaction::{Transaction, Xid};
use crate::tuple::{Layout, TupleHeader};
use crate::types::Schema;

/// What no page and no row may be beyond.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The number of the next transaction.
    pub next_xid: Xid,
    /// Where the log ends; 0 if there is none.
    pub log_end: Lsn,
}

/// A table to look at.
pub struct HeapCheck<'a> {
    pub relation: u32,
    pub schema: &'a Schema,
    pub layout: &'a Layout,
    pub transaction: &'a Transaction,
    pub bounds: Bounds,
}

impl HeapCheck<'_> {
    pub fn run(&self, pages: &mut Pages, report: &mut Report) {
        report.begin_part();
        report.count("relation", 1);
        let mut rows = 0;
        let bounds = self.bounds;
        every_page(
            pages,
            FileId::main(self.relation),
            PageKind::Heap,
            bounds,
            report,
            |pages, id, page, report| {
                for slot in 1..=page.slot_count() {
                    if let Some(bytes) = page.item(slot) {
                        rows += u64::from(self.row(pages, id, slot, bytes, report));
                    }
                }
            },
        );
        report.count("row", rows);
        let map = FileId::free_space_map(self.relation);
        every_page(pages, map, PageKind::FreeSpaceMap, bounds, report, |_, _, _, _| {});
    }

    /// Looks at one stored row; whether somebody sees it.
    fn row(&self, pages: &mut Pages, id: PageId, slot: u16, bytes: &[u8], report: &mut Report) -> bool {
        let header = match TupleHeader::read(bytes) {
            Ok(header) => *header,
            Err(error) => {
                report.problem(page::at(slot, id, error));
                return false;
            }
        };
        let sound = tuple::check_header(&header, self.transaction, self.bounds.next_xid)
            .and_then(|()| tuple::check_columns(bytes, self.schema, self.layout));
        if let Err(what) = sound {
            report.problem(page::at(slot, id, what));
        }
        report.ok(self.transaction.sees(pages, &header)).unwrap_or(false)
    }
}

/// Calls `visit` with each page of a file that is sound and not empty.
pub(super) fn every_page(
    pages: &mut Pages,
    file: FileId,
    kind: PageKind,
    bounds: Bounds,
    report: &mut Report,
    mut visit: impl FnMut(&mut Pages, PageId, &Page, &mut Report),
) {
    report.count("page", 0);
    let Some(count) = report.ok(pages.page_count(file)) else { return };
    let Some(there) = report.ok(pages.files().page_count(file)) else { return };
    // If the file is too short, the first page that is missing says it for all.
    for number in 0..count.min(there.saturating_add(1)) {
        let id = file.page(number);
        if let Some(page) = report.ok(pages.read_sequentially(id))
            && page::check(&page, id, kind, bounds.log_end, report)
        {
            visit(pages, id, &page, report);
        }
    }
}
