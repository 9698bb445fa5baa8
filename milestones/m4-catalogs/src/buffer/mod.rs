//! How everybody above reaches pages: read one, or change some.
//!
//! The interface is the same in every stage, and it is narrow on purpose:
//!
//! - [`Pages::read`] gives a page to look at, for as long as the [`PageRef`] is held.
//! - [`Pages::change`] opens a [`Change`]: pages are opened in it, edited through `PageMut`, and the change is
//!   finished. Until then nothing has happened; afterwards all of it has.
//!
//! In this stage, pages that were read stay in memory as long as there is room: see `pool`. A finished change becomes
//! one record in the log, and the changed pages stay as dirty frames. They go to their files when their frames are needed
//! or at a checkpoint, and never before the log is durable up to their LSN.

mod change;
mod files;
mod pool;
mod read_ahead;
mod written;

pub use change::Change;
pub use files::{BASE, Files};
pub use pool::{Frame, Pool, Statistics};
pub use written::{WrittenPages, newer_than_log};

use crate::directory::DatabaseId;
use crate::error::{Error, Result};
use crate::page::{FileId, PAGE_SIZE, Page, PageId, PageNo};
use crate::transaction::Xid;
use crate::vfs::Vfs;
use crate::wal::segments::Segments;
use crate::wal::{self, ControlData, ControlFile, LogEnd, Lsn, RecordKind, Wal};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// A page held for reading. It does not change while it is held: a writer makes a new copy of it.
pub type PageRef = Arc<Page>;

/// No page is ever written so far beyond the end of its file: files grow by a few pages at a time, and only the commit
/// log may have to skip some. A number that says otherwise is wrong, whatever it is a checksum of.
pub const MAX_GAP: PageNo = 1 << 14;

/// What can be set when a database is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Memory for pages, in bytes.
    pub shared_buffers: usize,
    /// A checkpoint is made when the log has grown by this much since the last one.
    pub max_wal_size: u64,
    /// The size of the log's segments; fixed when the database is made.
    pub segment_size: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options { shared_buffers: 128 << 20, max_wal_size: 64 << 20, segment_size: wal::SEGMENT_SIZE }
    }
}

/// The pages of all relations, and the log of their changes.
///
/// Invariant: a page in the data files is no newer than the durable log (log before data).
pub struct Pages {
    files: Files,
    wal: Wal,
    control_file: ControlFile,
    /// What the next checkpoint will write into the control file.
    control: ControlData,
    pool: Pool,
    written: WrittenPages,
    /// Part of the log may be lost, and is made do without: pages may be newer than what is left of it.
    log_is_lost: bool,
    /// Then the files that are longer than what is in them, and where that ends.
    ends: BTreeMap<FileId, PageNo>,
    /// A page could not be written when its frame was needed for another.
    unwritten: bool,
    options: Options,
}

impl Pages {
    /// Makes the log and the control file of a new database.
    pub fn create(vfs: &Arc<dyn Vfs>, database: DatabaseId, options: Options) -> Result<()> {
        vfs.create_dir(BASE).map_err(|error| Error::io("create", BASE, error))?;
        Segments::create(vfs.clone(), database, options.segment_size)?;
        ControlFile::create(&**vfs, database, options.segment_size)?;
        Ok(())
    }

    /// The pages as the data files have them, with a log that goes on at `end` in a new epoch. Recovery comes
    /// first: see `crate::recovery`. Nothing is written yet: somebody may still find a reason to refuse.
    pub fn new(
        vfs: Arc<dyn Vfs>,
        options: Options,
        control_file: ControlFile,
        segments: Segments,
        end: LogEnd,
    ) -> Result<Pages> {
        let mut control = control_file.data();
        // If the newer slot of the control file was lost, the log knows a later epoch.
        control.epoch = control.epoch.max(end.epoch).saturating_add(1);
        control.clean = false;
        let wal = Wal::new(segments, end.lsn, control.epoch);
        let pool = Pool::new(frame_count(options.shared_buffers));
        Ok(Pages {
            files: Files::new(vfs, control.database),
            wal,
            control_file,
            control,
            pool,
            written: WrittenPages::default(),
            log_is_lost: false,
            ends: BTreeMap::new(),
            unwritten: false,
            options,
        })
    }

    /// A page to look at, checked.
    pub fn read(&mut self, id: PageId) -> Result<PageRef> {
        let frame = self.load(id, false)?;
        Ok(self.pool.frame(frame).page.clone())
    }

    /// A page to look at by somebody who reads a whole table and will not come back soon. If the table is large, its
    /// pages take turns in a few frames, and are read ahead.
    pub fn read_sequentially(&mut self, id: PageId) -> Result<PageRef> {
        let is_large = self.files.page_count(id.file)? as usize > self.pool.capacity() / 4;
        if is_large && !self.pool.contains(id) {
            self.read_ahead(id)?;
        }
        let frame = self.load(id, is_large)?;
        Ok(self.pool.frame(frame).page.clone())
    }

    /// Begins a change on behalf of transaction `xid`.
    pub fn change(&mut self, xid: Xid) -> Result<Change<'_>> {
        self.begin_epoch()?;
        self.make_room()?;
        self.wal.reserve(1)?;
        Ok(Change::new(self, xid))
    }

    /// How many pages of a file there are to look at. The log says how many were written, and is believed: a file that lost
    /// some is read up to where the first is missing, and one that somebody made longer is not read to its end. One page
    /// more is looked at if the file has it. It must be empty, and is not if the log has lost what it knew.
    pub fn page_count(&mut self, file: FileId) -> Result<PageNo> {
        let (there, written) = (self.files.page_count(file)?, self.written.of(file));
        let last = if self.log_is_lost {
            self.ends.get(&file).copied().unwrap_or(there)
        } else {
            written.saturating_add(1)
        };
        Ok(there.min(last).max(written))
    }

    /// Adds empty pages to those that were written, at least one: a crash may have left some at the file's end, otherwise
    /// the file grows. So many that one change can enter them in a free space map.
    pub fn extend(&mut self, file: FileId) -> Result<Range<PageNo>> {
        self.check_length(file)?;
        let (there, start) = (self.files.page_count(file)?, self.written.of(file));
        let end = if there > start { there } else { self.files.extend(file)?.end };
        Ok(start..end.min(start.saturating_add(MAX_GAP)))
    }

    /// Makes a file long enough to have the page.
    pub fn extend_to(&mut self, id: PageId) -> Result<()> {
        while self.files.page_count(id.file)? <= id.page {
            self.check_length(id.file)?;
            self.files.extend(id.file)?;
        }
        Ok(())
    }

    /// A file that has lost pages gets no new ones in their place.
    fn check_length(&mut self, file: FileId) -> Result<()> {
        self.wal.check()?;
        let known = self.files.page_count(file)?;
        self.written.check_length(file.page(known), known)
    }

    pub fn create_file(&mut self, file: FileId) -> Result<()> {
        self.wal.check()?;
        self.begin_epoch()?;
        self.written.forget(file);
        self.files.create(file)
    }

    pub fn remove_file(&mut self, file: FileId) -> Result<()> {
        self.wal.check()?;
        self.written.forget(file);
        for frame in 0..self.pool.frames().len() {
            if self.pool.frame(frame).id.is_some_and(|id| id.file == file) {
                self.pool.evict(frame);
            }
        }
        self.files.remove(file)
    }

    pub fn files(&mut self) -> &mut Files {
        &mut self.files
    }

    /// Which pages must be there, whatever the files say.
    pub fn written(&mut self) -> &mut WrittenPages {
        &mut self.written
    }

    pub fn wal(&mut self) -> &mut Wal {
        &mut self.wal
    }

    /// The counters and pointers that the next checkpoint will save.
    pub fn control(&mut self) -> &mut ControlData {
        &mut self.control
    }

    /// The control file, which has what the last checkpoint saved.
    pub fn control_file(&self) -> &ControlFile {
        &self.control_file
    }

    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Changes the memory for pages. What is in memory is written out and forgotten.
    pub fn set_shared_buffers(&mut self, bytes: usize) -> Result<()> {
        self.write_dirty()?;
        self.pool = Pool::new(frame_count(bytes));
        self.options.shared_buffers = bytes;
        Ok(())
    }

    /// Makes do with what is left of the log.
    pub fn accept_lost_log(&mut self) {
        self.log_is_lost = true;
    }

    /// Of this file, no more than so many pages are looked at, now that the log cannot say how many there are.
    pub fn set_end(&mut self, file: FileId, pages: PageNo) {
        self.ends.insert(file, pages);
    }

    /// Reads a page past the pool: as its file has it.
    pub fn read_from_file(&mut self, id: PageId, page: &mut Page) -> Result<()> {
        let newest = self.newest_lsn();
        self.written.read(&mut self.files, newest, id, page)
    }

    /// No page in the files is newer.
    fn newest_lsn(&self) -> Lsn {
        if self.log_is_lost { Lsn::MAX } else { self.wal.end() }
    }

    /// A page that replay brings to a logged state. With `fresh`, its old state does not matter and is not read; it
    /// may be torn, or not be there yet.
    pub fn restore(&mut self, id: PageId, fresh: bool) -> Result<&mut Page> {
        self.check_unwritten()?;
        self.written.mark(id);
        // A file that lost its new length in a power cut gets it back: whoever reads asks how long the file is.
        while fresh && id.page >= self.files.page_count(id.file)? {
            self.files.extend(id.file)?;
        }
        let frame = if fresh && !self.pool.contains(id) {
            let frame = self.free_frame(false);
            *Arc::make_mut(&mut self.pool.frame_mut(frame).page) = Page::zeroed();
            self.pool.install(frame, id, false);
            frame
        } else {
            self.load(id, false)?
        };
        let frame = self.pool.frame_mut(frame);
        frame.dirty = true;
        Ok(Arc::make_mut(&mut frame.page))
    }

    /// The frame with a page, read into it if need be.
    fn load(&mut self, id: PageId, sequential: bool) -> Result<usize> {
        if let Some(frame) = self.pool.find(id, sequential) {
            return Ok(frame);
        }
        let frame = self.free_frame(sequential);
        self.pool.statistics.reads += 1;
        let newest = self.newest_lsn();
        let page = Arc::make_mut(&mut self.pool.frame_mut(frame).page);
        self.written.read(&mut self.files, newest, id, page)?;
        self.pool.install(frame, id, sequential);
        Ok(frame)
    }

    /// An empty frame; the page that was in it is safe in its file.
    ///
    /// A page that cannot be written stays, and the frame of one that need not be is taken: on a full disk, reading goes
    /// on. Whoever wants to change something will be told.
    fn free_frame(&mut self, sequential: bool) -> usize {
        let mut frame = self.pool.victim(sequential, self.wal.check().is_ok());
        if self.write_frame(frame).is_err() {
            self.unwritten = true;
            frame = self.pool.victim(sequential, false);
        }
        self.pool.evict(frame);
        frame
    }

    /// Writes a frame's page to its file, if it has changed.
    fn write_frame(&mut self, number: usize) -> Result<()> {
        let frame = self.pool.frame_mut(number);
        let Some(id) = frame.id.filter(|_| frame.dirty) else { return Ok(()) };
        self.wal.check()?;
        // Log before data: this line is what makes it safe to give up a dirty page.
        self.wal.flush(frame.page.lsn())?;
        self.files.write(id, Arc::make_mut(&mut frame.page))?;
        frame.dirty = false;
        self.pool.statistics.writes += 1;
        Ok(())
    }

    /// Forgets what replay made of a page.
    pub fn forget(&mut self, id: PageId) {
        if let Some(frame) = self.pool.find(id, true) {
            self.pool.evict(frame);
        }
    }

    /// Makes everything durable in the data files, so that replay need not go further back than here.
    pub fn checkpoint(&mut self) -> Result<()> {
        self.write_checkpoint(false)
    }

    /// The last checkpoint of an orderly end: the next start will find nothing to replay. Whoever has only read leaves
    /// the end before as it is.
    pub fn shut_down(&mut self) -> Result<()> {
        if !self.has_begun() && self.control_file.is_in_order() {
            Ok(())
        } else {
            self.write_checkpoint(true)
        }
    }

    /// Before the first record of this epoch the epoch must be durable: no two openings may share one. From then on the
    /// database counts as not closed in order, so it comes before whatever only the next start can settle.
    fn begin_epoch(&mut self) -> Result<()> {
        if self.has_begun() {
            return Ok(());
        }
        self.wal.segments().sweep()?;
        self.control_file.write(self.control)
    }

    /// Whether this epoch may have a record.
    fn has_begun(&self) -> bool {
        self.control_file.data().epoch == self.control.epoch
    }

    fn write_checkpoint(&mut self, clean: bool) -> Result<()> {
        self.begin_epoch()?;
        let written = self.written.pieces();
        self.wal.reserve(written.len())?;
        self.write_dirty()?;
        self.files.sync()?;
        let redo = self.log_checkpoint(&written)?;
        self.wal.flush(self.wal.end())?;
        self.control.redo = redo;
        self.control.durable = self.wal.durable();
        self.control_file.write(ControlData { clean, ..self.control })?;
        // Only now that the control file is durable does nobody need the old segments.
        let (keep_from, end) = (self.control_file.keep_from(), self.wal.end());
        self.wal.segments().recycle(keep_from, end)
    }

    /// Says in the log which pages the data files have; answers where it says so.
    fn log_checkpoint(&mut self, written: &[Vec<u8>]) -> Result<Lsn> {
        let redo = self.wal.end();
        for piece in written {
            self.wal.append(RecordKind::Checkpoint, 0, |buffer| {
                buffer.extend_from_slice(piece);
                0
            })?;
        }
        Ok(redo)
    }

    /// An error if there is a page that could not be written, and still cannot be: memory is bounded only if pages leave
    /// it as others come.
    fn check_unwritten(&mut self) -> Result<()> {
        if self.unwritten {
            self.wal.check()?;
            self.write_dirty()?;
            self.unwritten = false;
        }
        Ok(())
    }

    /// Between changes: keeps the log within its bounds. A transaction in progress does not matter, its rows are
    /// invisible in the data files, too.
    fn make_room(&mut self) -> Result<()> {
        self.check_unwritten()?;
        if self.wal.end() - self.control.redo >= self.options.max_wal_size {
            self.checkpoint()
        } else {
            Ok(())
        }
    }

    /// Writes every changed page to its file.
    fn write_dirty(&mut self) -> Result<()> {
        // The log goes first in one piece, for all of them.
        let dirty = self.pool.dirty_frames();
        let newest = dirty.iter().map(|frame| self.pool.frame(*frame).page.lsn()).max().unwrap_or(0);
        self.wal.flush(newest)?;
        for frame in dirty {
            self.write_frame(frame)?;
        }
        Ok(())
    }
}

/// Frames for so much memory. Four are enough to work with; the settings ask for 16, as in PostgreSQL.
fn frame_count(bytes: usize) -> usize {
    (bytes / PAGE_SIZE).max(4)
}

#[cfg(test)]
mod written_tests;
