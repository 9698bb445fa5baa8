//! Looking behind the buffer pool: what is in memory hides what is in the file.

use super::Report;
use crate::buffer::Pages;
use crate::page::{Page, PageId};

/// Reads the pages that are in memory and have not changed from their files once more. (Of one that has changed, the
/// file's version does not matter: it is going to be overwritten, and the log can make it anew.)
pub fn check(pages: &mut Pages, report: &mut Report) {
    report.begin_part();
    let clean = pages.pool().frames().iter().filter(|frame| !frame.dirty);
    let ids: Vec<PageId> = clean.filter_map(|frame| frame.id).collect();
    let mut page = Page::zeroed();
    for id in ids {
        report.ok(pages.read_from_file(id, &mut page));
    }
}
