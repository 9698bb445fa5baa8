//! The relations' files: `base/16384` and its kin, read and written a page at a time.
//!
//! This is the only place that turns a page number into a file offset, and the only one that checks pages on
//! their way in and seals them on their way out.

use crate::directory::DatabaseId;
use crate::error::{Error, Result, SqlState};
use crate::page::{FileId, PAGE_SIZE, Page, PageId, PageNo};
use crate::vfs::{self, File, Vfs};
use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSliceMut;
use std::ops::Range;
use std::sync::Arc;

/// The directory of the relations' files.
pub const BASE: &str = "base";

/// Open files at a time: a database has more tables than a process may have files.
const MAX_OPEN_FILES: usize = 200;

/// Of the files that the process may have, so many are left to the rest of it.
const FILES_FOR_OTHERS: usize = 24;

/// A file grows by an eighth of its size, within these bounds, so that the file system has to find space (and
/// may refuse to) once for many pages.
const MAX_GROWTH: u32 = 128;

pub struct Files {
    vfs: Arc<dyn Vfs>,
    database: DatabaseId,
    open: BTreeMap<FileId, OpenFile>,
    max_open: usize,
    /// Written since they were last synced.
    unsynced: BTreeSet<FileId>,
    /// A sync has failed, and what it was to make durable may be gone: see [`Files::sync`].
    failed: bool,
}

struct OpenFile {
    file: File,
    pages: PageNo,
    /// Pages that were added here and that nobody has asked for since: zeros, which need not be read.
    fresh: Range<PageNo>,
}

impl OpenFile {
    fn new(file: File, pages: PageNo) -> OpenFile {
        OpenFile { file, pages, fresh: 0..0 }
    }

    /// Whether the page is as it was added. It is not for long: whoever asks is going to use it.
    fn take_fresh(&mut self, page: PageNo) -> bool {
        let is_fresh = self.fresh.contains(&page);
        if is_fresh {
            self.fresh.start = page + 1;
        }
        is_fresh
    }
}

impl Files {
    pub fn new(vfs: Arc<dyn Vfs>, database: DatabaseId) -> Files {
        let max_open = vfs.file_limit().saturating_sub(FILES_FOR_OTHERS).clamp(1, MAX_OPEN_FILES);
        Files { vfs, database, open: BTreeMap::new(), max_open, unsynced: BTreeSet::new(), failed: false }
    }

    pub fn vfs(&self) -> &Arc<dyn Vfs> {
        &self.vfs
    }

    /// Whose pages these are.
    pub fn database(&self) -> DatabaseId {
        self.database
    }

    /// Makes a new, empty file and its name durable.
    pub fn create(&mut self, id: FileId) -> Result<()> {
        let file = File::create(&*self.vfs, &path(id))?;
        vfs::sync_dir(&*self.vfs, BASE)?;
        self.remember(id, OpenFile::new(file, 0))
    }

    pub fn exists(&self, id: FileId) -> Result<bool> {
        self.vfs.exists(&path(id)).map_err(|error| Error::io("stat", path(id), error))
    }

    /// Removes a file; that it was already gone is no error.
    pub fn remove(&mut self, id: FileId) -> Result<()> {
        self.open.remove(&id);
        self.unsynced.remove(&id);
        match self.vfs.remove(&path(id)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", path(id), error))
            }
            _ => Ok(()),
        }
    }

    /// Every relation file in the directory.
    pub fn list(&self) -> Result<Vec<FileId>> {
        let names = self.vfs.list(BASE).map_err(|error| Error::io("list", BASE, error))?;
        Ok(names.iter().filter_map(|name| FileId::parse(name)).collect())
    }

    pub fn page_count(&mut self, id: FileId) -> Result<PageNo> {
        Ok(self.file(id)?.pages)
    }

    /// Adds at least one page of zeros to a file, with disk space behind it; the range of new pages.
    pub fn extend(&mut self, id: FileId) -> Result<Range<PageNo>> {
        let open = self.file(id)?;
        let start = open.pages;
        let Some(end) = start.checked_add((start / 8).clamp(1, MAX_GROWTH)) else {
            return Err(Error::new(
                SqlState::ProgramLimitExceeded,
                format!("cannot extend file \"{}\" beyond {start} pages", path(id)),
            ));
        };
        open.file.allocate(u64::from(end) * PAGE_SIZE as u64)?;
        open.pages = end;
        open.fresh = start..end;
        self.unsynced.insert(id);
        Ok(start..end)
    }

    /// Reads a page and checks it. One past the end of the file is an error: nobody should ask for it.
    pub fn read(&mut self, id: PageId, page: &mut Page) -> Result<()> {
        let open = self.file(id.file)?;
        if id.page >= open.pages {
            return Err(Error::corrupted(id, format_args!("the file has only {} pages", open.pages)));
        }
        if open.take_fresh(id.page) {
            *page = Page::zeroed();
            return Ok(());
        }
        open.file.read_exact_at(page.bytes_mut(), offset(id))?;
        page.verify(self.database, id)
    }

    /// Whether so many pages from `first` on can be read from the file.
    pub fn has_run(&mut self, first: PageId, count: PageNo) -> Result<bool> {
        let open = self.file(first.file)?;
        let end = first.page.saturating_add(count);
        Ok(end <= open.pages
            && (open.fresh.is_empty() || end <= open.fresh.start || open.fresh.end <= first.page))
    }

    /// Reads pages that follow one another, with one call; how many of them came. They are not checked.
    pub fn read_run(&mut self, first: PageId, pages: &mut [&mut Page]) -> Result<usize> {
        let mut buffers: Vec<_> = pages.iter_mut().map(|page| IoSliceMut::new(page.bytes_mut())).collect();
        Ok(self.file(first.file)?.file.read_vectored_at(&mut buffers, offset(first))? / PAGE_SIZE)
    }

    /// Seals a page and writes it; beyond the end of the file, the file grows.
    pub fn write(&mut self, id: PageId, page: &mut Page) -> Result<()> {
        page.seal(self.database, id);
        let open = self.file(id.file)?;
        open.take_fresh(id.page);
        open.file.write_all_at(page.bytes(), offset(id))?;
        open.pages = open.pages.max(id.page + 1);
        self.unsynced.insert(id.file);
        Ok(())
    }

    /// Makes durable what was written so far.
    ///
    /// A failed sync is final. The kernel may have dropped the pages it could not write and would report success
    /// the next time, over nothing (PostgreSQL learned this in 2018, "fsyncgate"). So there is no next time.
    pub fn sync(&mut self) -> Result<()> {
        while let Some(id) = self.unsynced.first().copied() {
            if self.failed {
                return Err(Error::new(SqlState::IoError, "an earlier sync of the data files has failed")
                    .with_hint(
                        "Reading goes on. Open the database again to continue from what is durable.",
                    ));
            }
            if let Err(error) = self.file(id)?.file.sync_data() {
                self.failed = true;
                return Err(error);
            }
            self.unsynced.remove(&id);
        }
        Ok(())
    }

    fn file(&mut self, id: FileId) -> Result<&mut OpenFile> {
        if !self.open.contains_key(&id) {
            let file = File::open(&*self.vfs, &path(id))?;
            let len = file.len()?;
            // A file that ends within a page: the power failed while it grew. The part is no page yet.
            let pages = PageNo::try_from(len / PAGE_SIZE as u64)
                .map_err(|_| Error::corrupted(format_args!("file \"{}\"", path(id)), "is too long"))?;
            self.remember(id, OpenFile::new(file, pages))?;
        }
        self.open.get_mut(&id).ok_or_else(|| Error::internal("an open file vanished"))
    }

    fn remember(&mut self, id: FileId, open: OpenFile) -> Result<()> {
        if self.open.len() >= self.max_open {
            // What was written is synced first: the kernel reports a failed write to those who had the file open then, and
            // to others only perhaps. Once that has failed, reading still goes on.
            if !self.failed {
                self.sync()?;
            }
            // It is rare, and opening again is cheap: not worth an order of last use.
            self.open.clear();
        }
        self.open.insert(id, open);
        Ok(())
    }
}

fn path(id: FileId) -> String {
    format!("{BASE}/{id}")
}

fn offset(id: PageId) -> u64 {
    u64::from(id.page) * PAGE_SIZE as u64
}
