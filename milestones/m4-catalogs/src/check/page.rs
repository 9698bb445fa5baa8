//! What must hold on every page, beyond what [`Page::verify`] has checked when it was read.
//!
//! - No two items share a byte, and none is empty.
//! - A line pointer is free or names an item; nothing makes the other kinds yet.
//! - If one is free the page says so ([`HAS_FREE_LINES`]), else an insert would not look for it.
//! - What has no meaning is zero, so that it can be given one some day.
//! - The page is not newer than the log.

use super::Report;
use crate::error::Error;
use crate::page::{
    HAS_FREE_LINES, HEADER_SIZE, ItemFlags, LinePointer, Lsn, PAGE_SIZE, Page, PageId, PageKind,
};

/// Looks at a page that was read from `id`, where pages of `kind` belong; whether it can be looked at further.
pub fn check(page: &Page, id: PageId, kind: PageKind, log_end: Lsn, report: &mut Report) -> bool {
    report.count("page", 1);
    if page.kind() == PageKind::Empty {
        return false;
    }
    if let Err(error) = page.expect_kind(id, kind, special_size(page, kind)) {
        report.problem(error);
        return false;
    }
    let header = page.header();
    if page.lsn() > log_end {
        let what = format!("has LSN {}, but the log ends at {log_end}", page.lsn());
        report.problem(Error::corrupted(id, what));
    }
    if header.flags.get() & !HAS_FREE_LINES != 0 || header.reserved.get() != 0 {
        let what = format!("unknown flags {:#06x}, {:#06x}", header.flags, header.reserved);
        report.problem(Error::corrupted(id, what));
    }
    items(page, id, report);
    true
}

/// Maps and logs are all special space, heap pages have none; an index looks at its own.
fn special_size(page: &Page, kind: PageKind) -> usize {
    match kind {
        PageKind::Heap | PageKind::Empty => 0,
        PageKind::FreeSpaceMap | PageKind::CommitLog => PAGE_SIZE - HEADER_SIZE,
        PageKind::BTree => page.special().len(),
    }
}

fn items(page: &Page, id: PageId, report: &mut Report) {
    let mut items = Vec::new();
    for slot in 1..=page.slot_count() {
        let pointer = page.line_pointer(slot);
        match pointer.flags() {
            ItemFlags::Normal if pointer.is_empty() => {
                report.problem(at(slot, id, "names no bytes"));
            }
            ItemFlags::Normal => items.push((pointer.offset(), pointer.len(), slot)),
            ItemFlags::Unused if page.header().flags.get() & HAS_FREE_LINES == 0 => {
                report.problem(at(slot, id, "is free, but the page says that none is"));
            }
            ItemFlags::Unused if pointer != LinePointer::UNUSED => {
                report.problem(at(slot, id, "is free, but names bytes"));
            }
            ItemFlags::Unused => {}
            flags => report.problem(at(slot, id, format_args!("is {flags:?}, which nothing makes"))),
        }
    }
    items.sort_unstable();
    for pair in items.windows(2) {
        if let [(start, len, slot), (next, _, other)] = pair
            && start + len > *next
        {
            report.problem(at(*other, id, format_args!("shares bytes with slot {slot}")));
        }
    }
}

/// A problem with one line pointer, or with what it names.
pub fn at(slot: u16, id: PageId, what: impl std::fmt::Display) -> Error {
    Error::corrupted(format_args!("slot {slot} of {id}"), what)
}
