//! Recovery: what happens when a database is opened.
//!
//! Read the log from the redo pointer to its end, and do again what it says. That is all. Whether the last process
//! ended in order, was killed, or lost power makes no difference but to how much there is to do.
//!
//! An image or a fresh page is applied whatever the page on disk looks like: it may be torn. A delta is applied if
//! the page is older than the record. Either way, doing it twice is the same as doing it once, so a crash during
//! replay needs no thought: the next recovery begins again. (What it has read must be durable before it writes a page:
//! see `open_pages`.)
//!
//! Transactions are not mentioned anywhere here. Those without a commit record have no bit in the commit log, so
//! their rows are there and nobody sees them.
//!
//! Whoever refuses should have changed nothing. So the log is read twice: once to look at everything it says, and once
//! to do it. The restored pages wait in memory as long as there is room, and the control file is written when there is
//! no reason left to refuse, in [`finish`]. What cannot be helped: if the log is longer than memory is large, some
//! restored pages have gone to their files by the time that a later one turns out to be damaged. They are what the log
//! says, as after a crash in recovery.

mod salvage;

pub use salvage::{Damage, complete_directory};

use crate::buffer::{BASE, MAX_GAP, Options, Pages, WrittenPages};
use crate::directory::DatabaseId;
use crate::error::{Error, Result};
use crate::page::{FileId, PageId, PageNo};
use crate::vfs::Vfs;
use crate::wal::reader::display;
use crate::wal::record::MAX_RECORD_SIZE;
use crate::wal::segments::Segments;
use crate::wal::{Block, BlockForm, ControlFile, LogEnd, LogReader, Lsn, Record, RecordKind};
use std::collections::{BTreeSet, HashMap};
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

/// Opens the pages of a database, bringing them to the state that the log describes. Whoever has found nothing wrong
/// with them calls [`finish`].
pub fn open_pages(
    vfs: Arc<dyn Vfs>,
    database: DatabaseId,
    options: Options,
    damage: &mut Damage,
) -> Result<(Pages, RecoveryReport)> {
    vfs.list(BASE).map_err(|error| Error::io("list", BASE, error))?;
    let control_file = match damage.tolerate(ControlFile::open(&*vfs, database))? {
        Some(control_file) => control_file,
        None => salvage::guess_control(&vfs, database, options, damage)?,
    };
    let control = control_file.data();
    if damage.tolerate(Segments::open(vfs.clone(), database, control.segment_size))?.is_none() {
        salvage::do_without_log(&*vfs)?;
    }
    let mut segments = Segments::open(vfs.clone(), database, control.segment_size)?;
    let end = find_end(&mut segments, &control_file, damage)?;
    if !damage.is_noted() {
        segments.make_durable(end.durable, end.lsn)?;
    }
    let replay_from = Segments::open(vfs.clone(), database, control.segment_size)?;

    let mut report = RecoveryReport {
        clean: control.clean,
        redo: control.redo,
        end: end.lsn,
        torn: end.torn,
        ..RecoveryReport::default()
    };
    let mut pages = Pages::new(vfs, options, control_file, segments, end)?;
    if damage.is_noted() {
        pages.accept_lost_log();
    }
    let redo = Redo {
        pages: &mut pages,
        report: &mut report,
        damage,
        known_files: HashMap::new(),
        lost: BTreeSet::new(),
    };
    redo.run(replay_from, end.lsn)?;
    let files = pages.files().list()?;
    pages.written().retain(&files.into_iter().collect());
    salvage::note_missing(&mut pages, damage)?;
    salvage::note_empty_ends(&mut pages, damage)?;
    Ok((pages, report))
}

/// The end of recovery: a checkpoint, so that the next one begins here.
pub fn finish(pages: &mut Pages, report: &RecoveryReport) -> Result<()> {
    if report.records > 0 || !report.clean { pages.checkpoint() } else { Ok(()) }
}

/// Reads through the log once before anything is written: if it is damaged, nothing has been touched.
fn find_end(segments: &mut Segments, control_file: &ControlFile, damage: &mut Damage) -> Result<LogEnd> {
    let control = control_file.data();
    let mut reader = LogReader::new(segments, control.redo, control.durable);
    let mut end = LogEnd { lsn: control.redo, torn: false, epoch: 0, durable: control.redo };
    let found = survey(&mut reader, control_file, &mut end);
    if damage.tolerate(found)?.is_none() {
        damage.note(format!(
            "The log is read up to {} only: what was committed after that place is lost.",
            display(end.lsn)
        ));
    }
    Ok(end)
}

/// Looks at every record and moves `end` along; then, whether the log may end there.
fn survey(reader: &mut LogReader<'_>, control_file: &ControlFile, end: &mut LogEnd) -> Result<()> {
    let (control, newest_epoch) = (control_file.data(), control_file.newest_epoch());
    let mut room = control.redo;
    while let Some(record) = reader.next_record()? {
        record.check()?;
        if record.kind == RecordKind::Checkpoint {
            WrittenPages::default().add(&record)?;
        }
        let epoch = record.header.epoch.get();
        if epoch > newest_epoch {
            return Err(Error::corrupted(
                format_args!("log record at {}", display(record.lsn())),
                format_args!("is of epoch {epoch}, but the control file knows none after {newest_epoch}"),
            ));
        }
        room = record.lsn() + MAX_RECORD_SIZE as u64;
        (end.lsn, end.epoch, end.durable) = (record.end(), epoch, reader.durable());
    }
    reader.check_room(room)?;
    // The last process may have seen the log durable to its end and written nothing after.
    if !control.clean || end.lsn < control.durable {
        *end = reader.end()?;
    }
    Ok(())
}

struct Redo<'a> {
    pages: &'a mut Pages,
    report: &'a mut RecoveryReport,
    damage: &'a mut Damage,
    /// The files that there are, and how many pages each has, or will have when the restored ones are written.
    known_files: HashMap<FileId, Option<PageNo>>,
    /// Pages that could not be restored. A later image of them makes up for it.
    lost: BTreeSet<PageId>,
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
        salvage::spoil(self.pages, &self.lost)
    }

    fn replay(&mut self, record: &Record) -> Result<()> {
        match record.kind {
            RecordKind::Checkpoint => self.pages.written().add(record)?,
            RecordKind::Change | RecordKind::Commit => self.report.records += 1,
        }
        self.report.commits += u64::from(record.kind == RecordKind::Commit);
        let next_xid = &mut self.pages.control().next_xid;
        *next_xid = (*next_xid).max(record.xid() + 1);
        for block in record.blocks()? {
            let result = self.replay_block(record, &block);
            if self.damage.tolerate(result)?.is_none() {
                self.pages.forget(block.id);
                self.lost.insert(block.id);
            }
        }
        Ok(())
    }

    fn replay_block(&mut self, record: &Record, block: &Block<'_>) -> Result<()> {
        let (id, end) = (block.id, record.end());
        // A file that is gone was dropped later, or belonged to a transaction that never committed.
        let Some(pages) = self.known_pages(id.file)? else {
            self.report.skipped += 1;
            return Ok(());
        };
        if id.page.saturating_sub(*pages) >= MAX_GAP {
            let what = format!("the log changes it, but the file has only {pages} pages");
            return Err(Error::corrupted(id, what));
        }
        *pages = (*pages).max(id.page.saturating_add(1));
        if block.form != BlockForm::Delta {
            self.lost.remove(&id);
        } else if self.lost.contains(&id) {
            self.report.skipped += 1;
            return Ok(());
        }
        let page = self.pages.restore(id, block.form != BlockForm::Delta)?;
        if block.form == BlockForm::Delta && page.lsn() >= end {
            self.report.skipped += 1;
            return Ok(());
        }
        block.apply(page)?;
        page.set_lsn(end);
        // Whoever reads the page from memory will not check it again.
        page.verify_layout().map_err(|what| {
            Error::corrupted(id, format_args!("{what} (after the log record at {})", display(record.lsn())))
        })?;
        self.report.applied += 1;
        Ok(())
    }

    fn known_pages(&mut self, file: FileId) -> Result<Option<&mut PageNo>> {
        if !self.known_files.contains_key(&file) {
            let exists = self.pages.files().exists(file)?;
            let pages = if exists { Some(self.pages.files().page_count(file)?) } else { None };
            self.known_files.insert(file, pages);
        }
        Ok(self.known_files.get_mut(&file).and_then(Option::as_mut))
    }
}

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod tests;
