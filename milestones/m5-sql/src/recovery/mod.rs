//! Recovery: what happens when a database is opened.
//!
//! Read the log from the redo pointer to its end, and do again what it says. That is all. Whether the last process
//! ended in order, was killed, or lost power makes no difference but to how much there is to do.
//!
//! An image or a fresh page is applied whatever the page on disk looks like: it may be torn. A delta is applied if
//! the page is older than the record. Either way, doing it twice is the same as doing it once, so a crash during
//! recovery needs no thought: the next recovery begins again.
//!
//! Transactions are not mentioned anywhere here. Those without a commit record have no bit in the commit log, so
//! their rows are there and nobody sees them.

use crate::buffer::{Options, Pages};
use crate::error::{Error, Result};
use crate::page::FileId;
use crate::vfs::Vfs;
use crate::wal::segments::Segments;
use crate::wal::{BlockForm, ControlFile, LogEnd, LogReader, Lsn, Record, RecordKind};
use std::collections::HashMap;
use std::sync::Arc;

/// What recovery found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// The database had been closed in order.
    pub clean: bool,
    pub redo: Lsn,
    pub end: Lsn,
    /// The log ended in the middle of a record.
    pub torn: bool,
    pub records: u64,
    pub commits: u64,
    /// Changes that were applied to pages, and those that the page already had.
    pub applied: u64,
    pub skipped: u64,
}

/// Opens the pages of a database, bringing them to the state that the log describes.
pub fn open_pages(vfs: Arc<dyn Vfs>, options: Options) -> Result<(Pages, RecoveryReport)> {
    let control_file = ControlFile::open(&*vfs)?;
    let control = control_file.data();
    let mut segments = Segments::open(vfs.clone(), control.segment_size)?;
    let end = find_end(&mut segments, control.redo, control.durable, control.clean)?;
    let replay_from = Segments::open(vfs.clone(), control.segment_size)?;

    let mut report = RecoveryReport {
        clean: control.clean,
        redo: control.redo,
        end: end.lsn,
        torn: end.torn,
        ..RecoveryReport::default()
    };
    let mut pages = Pages::new(vfs, options, control_file, segments, end.lsn)?;
    Redo { pages: &mut pages, report: &mut report, known_files: HashMap::new() }.run(replay_from, end.lsn)?;
    if report.records > 0 || !report.clean {
        pages.checkpoint()?;
    }
    Ok((pages, report))
}

/// Reads through the log once before anything is written: if it is damaged, nothing has been touched.
fn find_end(segments: &mut Segments, redo: Lsn, durable: Lsn, clean: bool) -> Result<LogEnd> {
    let mut reader = LogReader::new(segments, redo, durable);
    while reader.next_record()?.is_some() {}
    if clean && reader.position() >= durable {
        // The last process saw the log durable to its end and wrote nothing after.
        return Ok(LogEnd { lsn: reader.position(), torn: false });
    }
    reader.end()
}

struct Redo<'a> {
    pages: &'a mut Pages,
    report: &'a mut RecoveryReport,
    known_files: HashMap<FileId, bool>,
}

impl Redo<'_> {
    fn run(mut self, mut segments: Segments, end: Lsn) -> Result<()> {
        let redo = self.report.redo;
        let mut reader = LogReader::new(&mut segments, redo, redo);
        while reader.position() < end {
            let Some(record) = reader.next_record()? else {
                return Err(Error::internal("the log ended earlier than a moment ago"));
            };
            self.replay(&record)?;
        }
        Ok(())
    }

    fn replay(&mut self, record: &Record) -> Result<()> {
        if record.kind != RecordKind::Checkpoint {
            self.report.records += 1;
        }
        self.report.commits += u64::from(record.kind == RecordKind::Commit);
        let next_xid = &mut self.pages.control().next_xid;
        *next_xid = (*next_xid).max(record.xid() + 1);
        for block in record.blocks()? {
            // Nor may a new relation ever get a number that the log knows.
            let next_relation = &mut self.pages.control().next_relation;
            *next_relation = (*next_relation).max(block.id.file.relation.saturating_add(1));
            // A file that is gone was dropped later, or belonged to a transaction that never committed.
            if !self.file_exists(block.id.file)? {
                self.report.skipped += 1;
                continue;
            }
            let page = self.pages.restore(block.id, block.form != BlockForm::Delta)?;
            if block.form == BlockForm::Delta && page.lsn() >= record.end() {
                self.report.skipped += 1;
                continue;
            }
            block.apply(page)?;
            page.set_lsn(record.end());
            self.report.applied += 1;
        }
        Ok(())
    }

    fn file_exists(&mut self, file: FileId) -> Result<bool> {
        if let Some(known) = self.known_files.get(&file) {
            return Ok(*known);
        }
        let exists = self.pages.files().exists(file)?;
        self.known_files.insert(file, exists);
        Ok(exists)
    }
}

#[cfg(test)]
mod tests;
