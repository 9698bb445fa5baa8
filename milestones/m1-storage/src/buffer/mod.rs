//! How everybody above reaches pages: read one, or change some.
//!
//! The interface is the same in every stage, and it is narrow on purpose:
//!
//! - [`Pages::read`] gives a page to look at, for as long as the [`PageRef`] is held.
//! - [`Pages::change`] opens a [`Change`]: pages are opened in it, edited through `PageMut`, and the change is
//!   finished. Until then nothing has happened; afterwards all of it has.
//!
//! In this stage, a read goes to the file and a finished change goes to the file. That is slow, and a crash in
//! the middle of a change of two pages leaves one of them: stages 2 and 3 are about that. Nor does anything say how
//! long a file should be: one whose end was cut off is taken for one that never grew so far.

mod files;

pub use files::{BASE, Files};

use crate::directory::DatabaseId;
use crate::error::Result;
use crate::page::{Delta, FileId, Page, PageId, PageMut, PageNo};
use crate::transaction::Xid;
use crate::vfs::Vfs;
use std::ops::Range;
use std::sync::Arc;

/// A page held for reading. It does not change while it is held: a writer makes a new copy of it.
pub type PageRef = Arc<Page>;

/// The pages of all relations.
pub struct Pages {
    files: Files,
}

impl Pages {
    pub fn new(vfs: Arc<dyn Vfs>, database: DatabaseId) -> Pages {
        Pages { files: Files::new(vfs, database) }
    }

    /// A page to look at, checked.
    pub fn read(&mut self, id: PageId) -> Result<PageRef> {
        let mut page = Page::zeroed();
        self.files.read(id, &mut page)?;
        Ok(Arc::new(page))
    }

    /// A page to look at by somebody who reads a whole table and will not come back soon.
    pub fn read_sequentially(&mut self, id: PageId) -> Result<PageRef> {
        self.read(id)
    }

    /// Begins a change on behalf of transaction `xid`.
    pub fn change(&mut self, _xid: Xid) -> Result<Change<'_>> {
        Ok(Change { pages: self, changed: Vec::new() })
    }

    pub fn page_count(&mut self, file: FileId) -> Result<PageNo> {
        self.files.page_count(file)
    }

    /// Adds empty pages to a file: at least one.
    pub fn extend(&mut self, file: FileId) -> Result<Range<PageNo>> {
        self.files.extend(file)
    }

    /// Makes a file long enough to have the page.
    pub fn extend_to(&mut self, id: PageId) -> Result<()> {
        while self.files.page_count(id.file)? <= id.page {
            self.files.extend(id.file)?;
        }
        Ok(())
    }

    pub fn create_file(&mut self, file: FileId) -> Result<()> {
        self.files.create(file)
    }

    pub fn remove_file(&mut self, file: FileId) -> Result<()> {
        self.files.remove(file)
    }

    pub fn files(&mut self) -> &mut Files {
        &mut self.files
    }

    /// Makes every finished change durable.
    pub fn checkpoint(&mut self) -> Result<()> {
        self.files.sync()
    }
}

/// Pages being changed together. A change edits copies; dropped before it is finished, it has not happened.
pub struct Change<'a> {
    pages: &'a mut Pages,
    changed: Vec<ChangedPage>,
}

struct ChangedPage {
    id: PageId,
    page: Page,
    delta: Delta,
}

impl Change<'_> {
    /// Opens a page in the change; the number to call it by. To open a page twice gives the same number.
    pub fn open(&mut self, id: PageId) -> Result<usize> {
        if let Some(known) = self.changed.iter().position(|changed| changed.id == id) {
            return Ok(known);
        }
        let mut page = Page::zeroed();
        self.pages.files.read(id, &mut page)?;
        self.changed.push(ChangedPage { id, page, delta: Delta::default() });
        Ok(self.changed.len() - 1)
    }

    pub fn page(&self, number: usize) -> &Page {
        &self.changed[number].page
    }

    pub fn edit(&mut self, number: usize) -> PageMut<'_> {
        let ChangedPage { page, delta, .. } = &mut self.changed[number];
        PageMut::new(page, delta)
    }

    pub fn finish(self) -> Result<()> {
        for mut changed in self.changed {
            if changed.delta.is_empty() {
                continue;
            }
            self.pages.files.write(changed.id, &mut changed.page)?;
        }
        Ok(())
    }
}
