//! Which pages must be there: a page that was written once is never again missing, nor all zeros.
//!
//! A file does not know how long it should be. One that was cut off looks like one that never grew so far, and a page
//! that has become all zeros like one that was added and not used yet. So the log keeps account: for each file, how many
//! pages at its beginning have ever been initialised. That one number is enough, because
//!
//! - the pages of a file are initialised in order: the heap takes the first page that has room, its free space map and
//!   the commit log grow with what they are about, an index takes its unused pages one after another;
//! - a page that was initialised has a header for good, and no file gets shorter.
//!
//! The numbers rise with the changes that initialise pages, at replay too, and every checkpoint writes down all of them
//! in its record, where replay begins. So they are known from the first read on, after an orderly end as after a crash.
//! Pages behind a file's number may be there or not: growth that a power cut took away was never promised to anybody.

use super::Files;
use crate::error::{Error, Result};
use crate::page::{FileId, Lsn, Page, PageId, PageNo};
use crate::wal::Record;
use crate::wal::reader::display;
use crate::wal::record::{MAX_RECORD_SIZE, RECORD_HEADER_SIZE, fork_of_byte};
use std::collections::{BTreeMap, HashSet};
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Entries that fit one record.
const MAX_ENTRIES: usize = (MAX_RECORD_SIZE - RECORD_HEADER_SIZE) / size_of::<Entry>();

/// For each file with any, how many pages at its beginning have been initialised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenPages {
    marks: BTreeMap<FileId, PageNo>,
}

/// A file's number in a checkpoint's record.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct Entry {
    relation: U32,
    pages: U32,
    fork: u8,
    reserved: [u8; 3],
}

impl WrittenPages {
    /// How many pages of the file must be there.
    pub fn of(&self, file: FileId) -> PageNo {
        self.marks.get(&file).copied().unwrap_or(0)
    }

    pub fn iter(&self) -> impl Iterator<Item = (FileId, PageNo)> {
        self.marks.iter().map(|(file, pages)| (*file, *pages))
    }

    /// The page was initialised, and so were all before it.
    pub fn mark(&mut self, id: PageId) {
        self.raise(id.file, id.page.saturating_add(1));
    }

    /// The file is gone, or begins anew.
    pub fn forget(&mut self, file: FileId) {
        self.marks.remove(&file);
    }

    /// Forgets the files that are not among these: they were dropped since.
    pub fn retain(&mut self, files: &HashSet<FileId>) {
        self.marks.retain(|file, _| files.contains(file));
    }

    /// No more than so many pages are asked for: for salvage, which has noted that the others are missing.
    pub fn limit(&mut self, file: FileId, pages: PageNo) {
        if let Some(known) = self.marks.get_mut(&file) {
            *known = (*known).min(pages);
        }
    }

    /// Reads a page from its file and holds it against what the log knows of it. A page in its file is no newer than the
    /// log (log before data), so one from behind the log's end tells that the log was longer. (Only as long as the log has
    /// not grown past it again.)
    pub fn read(&self, files: &mut Files, log_end: Lsn, id: PageId, page: &mut Page) -> Result<()> {
        self.check_length(id, files.page_count(id.file)?)?;
        files.read(id, page)?;
        self.check(log_end, id, page)
    }

    /// Reads pages that follow one another in their file; how many of them there is nothing to be said against.
    pub fn read_run(&self, files: &mut Files, log_end: Lsn, first: PageId, pages: &mut [&mut Page]) -> usize {
        let read = files.read_run(first, pages).unwrap_or(0);
        let is_sound = |(number, page): &(PageNo, &&mut Page)| {
            let id = first.file.page(*number);
            page.verify(files.database(), id).is_ok() && self.check(log_end, id, page).is_ok()
        };
        (first.page..).zip(&pages[..read]).take_while(is_sound).count()
    }

    fn check(&self, log_end: Lsn, id: PageId, page: &Page) -> Result<()> {
        let is_written = id.page < self.of(id.file);
        if is_written && page.is_zeroed() {
            return Err(Error::corrupted(id, "is all zeros, but the log knows that it was written"));
        }
        if page.lsn() > log_end {
            return Err(newer_than_log(id, page.lsn(), log_end));
        }
        // Where the log is lost (then no page is too new for it), nobody knows.
        if !is_written && log_end < Lsn::MAX && !page.is_zeroed() {
            return Err(Error::corrupted(id, "is not empty, but the log does not know that it was written"));
        }
        Ok(())
    }

    /// An error if the page was written, and its file with so many pages is too short to have it.
    pub fn check_length(&self, id: PageId, pages: PageNo) -> Result<()> {
        let written = self.of(id.file);
        if (pages..written).contains(&id.page) {
            let what = format!(
                "is missing: the file has only {pages} pages, but the log knows of {written} written"
            );
            return Err(Error::corrupted(id, what));
        }
        Ok(())
    }

    /// Everything, in pieces for one record each; at least one.
    pub fn pieces(&self) -> Vec<Vec<u8>> {
        let entries: Vec<Entry> = self.iter().map(|(file, pages)| Entry::new(file, pages)).collect();
        if entries.is_empty() {
            return vec![Vec::new()];
        }
        entries.chunks(MAX_ENTRIES).map(|piece| piece.as_bytes().to_vec()).collect()
    }

    /// Adds what the record of a checkpoint says.
    pub fn add(&mut self, record: &Record) -> Result<()> {
        let nonsense = |what: &str| {
            Error::corrupted(format_args!("log record at {}", display(record.lsn())), format_args!("{what}"))
        };
        let entries = <[Entry]>::ref_from_bytes(record.payload()?)
            .map_err(|_| nonsense("the list of files is cut off"))?;
        for entry in entries {
            let fork = fork_of_byte(entry.fork).ok_or_else(|| nonsense("lists a file of an unknown fork"))?;
            self.raise(FileId { relation: entry.relation.get(), fork }, entry.pages.get());
        }
        Ok(())
    }

    fn raise(&mut self, file: FileId, pages: PageNo) {
        let known = self.marks.entry(file).or_default();
        *known = (*known).max(pages);
    }
}

/// A page that the log cannot have led to.
pub fn newer_than_log(id: PageId, lsn: Lsn, log_end: Lsn) -> Error {
    Error::corrupted(id, format_args!("has LSN {}, from behind the log's end", display(lsn))).with_detail(format!(
        "The log ends at {}. It has lost its end, or is an older copy: transactions that were committed are missing.",
        display(log_end)
    ))
}

impl Entry {
    fn new(file: FileId, pages: PageNo) -> Entry {
        Entry { relation: file.relation.into(), pages: pages.into(), fork: file.fork as u8, reserved: [0; 3] }
    }
}
