//! Looking at the files' ends: for pages that must be there, in a database that does not open, and for pages that must
//! not, in one that does.

use super::Report;
use crate::buffer::{BASE, Files, MAX_GAP, Pages, WrittenPages, newer_than_log};
use crate::directory::DatabaseId;
use crate::error::Result;
use crate::page::Page;
use crate::vfs::Vfs;
use crate::wal::segments::Segments;
use crate::wal::{ControlFile, LogReader, Lsn, RecordKind};
use std::sync::Arc;

/// Looks at every page that the last checkpoint knew of, if its record can be read. What was written later may be in the
/// log alone.
pub fn check_files(vfs: &Arc<dyn Vfs>, database: DatabaseId, report: &mut Report) {
    // What keeps the record from being read is reported by those who look at the log.
    let Ok(written) = at_last_checkpoint(vfs, database) else { return };
    let mut files = Files::new(vfs.clone(), database);
    let mut page = Page::zeroed();
    for (file, count) in written.iter() {
        report.begin_part();
        // A file that is not there may have been dropped since.
        let Ok(there) = files.page_count(file) else { continue };
        // The first page that the file is too short for says it for all.
        for number in 0..count.min(there.saturating_add(1)) {
            report.ok(written.read(&mut files, Lsn::MAX, file.page(number), &mut page));
        }
    }
}

/// Reports pages that are newer than the log's end, in the files as the crash left them. It has to run before replay, which
/// overwrites a page with its image from the log without reading the old one. It skips pages that it cannot read: the log
/// may repair them.
pub fn check_newer(vfs: &Arc<dyn Vfs>, database: DatabaseId, log_end: Lsn, report: &mut Report) {
    let mut files = Files::new(vfs.clone(), database);
    let mut page = Page::zeroed();
    for file in files.list().unwrap_or_default() {
        report.begin_part();
        let (count, mut empty) = (files.page_count(file).unwrap_or(0), 0);
        for id in (0..count).map(|number| file.page(number)) {
            let is_read = files.read(id, &mut page).is_ok();
            if is_read && page.lsn() > log_end {
                report.problem(newer_than_log(id, page.lsn(), log_end));
            }
            empty = if is_read && page.is_zeroed() { empty + 1 } else { 0 };
            if empty > MAX_GAP {
                break;
            }
        }
    }
}

/// Looks at the pages behind those that were written: they must be empty. A crash may leave some; a file with very many
/// was made so long by somebody else, and is not read to its end.
pub fn check_unwritten(pages: &mut Pages, report: &mut Report) {
    let Some(files) = report.ok(pages.files().list()) else { return };
    for file in files {
        report.begin_part();
        // What cannot be opened is reported by those who look for it.
        let Ok(there) = pages.files().page_count(file) else { continue };
        let written = pages.written().of(file);
        let end = there.min(written.saturating_add(MAX_GAP));
        if end < there {
            report.note(format!(
                "file \"{BASE}/{file}\": has {there} pages, but the log knows of {written} written"
            ));
        }
        // The first of them was looked at with the others.
        for number in written.saturating_add(1)..end {
            if report.ok(pages.read_sequentially(file.page(number))).is_none() {
                break;
            }
        }
    }
}

fn at_last_checkpoint(vfs: &Arc<dyn Vfs>, database: DatabaseId) -> Result<WrittenPages> {
    let control = ControlFile::open(&**vfs, database)?.data();
    let mut segments = Segments::open(vfs.clone(), database, control.segment_size)?;
    let mut reader = LogReader::new(&mut segments, control.redo, control.redo);
    let mut written = WrittenPages::default();
    while let Some(record) = reader.next_record()?
        && record.kind == RecordKind::Checkpoint
    {
        written.add(&record)?;
    }
    Ok(written)
}
