//! Looking at the files in `base`: whose they are and, if the database cannot be opened, the pages in them.

use super::Report;
use crate::buffer::{BASE, Files};
use crate::directory::DatabaseId;
use crate::error::{Error, Result};
use crate::page::{FileId, Page};
use crate::vfs::Vfs;
use std::sync::Arc;

/// Reports the files that nobody owns.
pub fn check_owners(vfs: &dyn Vfs, is_owned: impl Fn(FileId) -> bool, report: &mut Report) {
    report.begin_part();
    let Some(names) = report.ok(list(vfs)) else { return };
    for name in names {
        match FileId::parse(&name) {
            Some(file) => {
                if !is_owned(file) {
                    report.problem(misplaced(&name, "belongs to no relation"));
                }
            }
            None => report.problem(misplaced(&name, "is not a relation's")),
        }
    }
}

/// So many empty pages in a row are the end of what is in a file, however long it is: no growth is so large.
const MAX_EMPTY: u32 = 1 << 14;

/// Looks at every page of every file as it lies on disk. All that can be done for a database that does not open.
pub fn check_pages(vfs: &Arc<dyn Vfs>, database: DatabaseId, report: &mut Report) {
    let Some(names) = report.ok(list(&**vfs)) else { return };
    let mut files = Files::new(vfs.clone(), database);
    let mut page = Page::zeroed();
    for file in names.iter().filter_map(|name| FileId::parse(name)) {
        report.begin_part();
        report.count("file", 1);
        let Some(count) = report.ok(files.page_count(file)) else { continue };
        let mut empty = 0;
        for number in 0..count {
            if empty == MAX_EMPTY {
                break;
            }
            report.count("page", 1);
            let read = report.ok(files.read(file.page(number), &mut page));
            empty = if read.is_some() && page.is_zeroed() { empty + 1 } else { 0 };
        }
    }
}

fn list(vfs: &dyn Vfs) -> Result<Vec<String>> {
    vfs.list(BASE).map_err(|error| Error::io("list", BASE, error))
}

fn misplaced(name: &str, what: &str) -> Error {
    Error::corrupted(format_args!("file \"{BASE}/{name}\""), what)
}
