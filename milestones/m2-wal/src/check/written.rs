//! Looking for the pages that must be there, in the files of a database that does not open.

use super::Report;
use crate::buffer::{Files, WrittenPages};
use crate::error::Result;
use crate::page::Page;
use crate::vfs::Vfs;
use crate::wal::segments::Segments;
use crate::wal::{ControlFile, LogReader, Lsn, RecordKind};
use std::sync::Arc;

/// Looks at every page that the last checkpoint knew of, if its record can be read. What was written later may be in the
/// log alone.
pub fn check_files(vfs: &Arc<dyn Vfs>, report: &mut Report) {
    // What keeps the record from being read is reported by those who look at the log.
    let Ok(written) = at_last_checkpoint(vfs) else { return };
    let mut files = Files::new(vfs.clone());
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

fn at_last_checkpoint(vfs: &Arc<dyn Vfs>) -> Result<WrittenPages> {
    let control = ControlFile::open(&**vfs)?.data();
    let mut segments = Segments::open(vfs.clone(), control.segment_size)?;
    let mut reader = LogReader::new(&mut segments, control.redo, control.redo);
    let mut written = WrittenPages::default();
    while let Some(record) = reader.next_record()?
        && record.kind == RecordKind::Checkpoint
    {
        written.add(&record)?;
    }
    Ok(written)
}
