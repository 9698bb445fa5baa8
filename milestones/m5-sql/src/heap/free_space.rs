//! The free space map: for each page of the heap one byte, its free space in units of 32 bytes.
//!
//! An insert needs a page with room, and reading the table to find one would be absurd. The map is a file
//! beside the heap's (PostgreSQL's `_fsm` fork), 8168 entries to a page. PostgreSQL arranges them as a tree of
//! maxima; ours is a plain list, read from where the last search ended, which costs about a microsecond for
//! 64 MB of table.
//!
//! The entries are hints, brought up to date when a page is full and by vacuum, not by each insert or delete. One
//! that promises too much is noticed when the page is looked at, and corrected then. One that promises too little
//! wastes space until the next vacuum.

use super::{Heap, room};
use crate::buffer::{Change, Pages};
use crate::error::Result;
use crate::page::{FileId, HEADER_SIZE, PAGE_SIZE, PageId, PageKind, PageNo};
use crate::transaction::Transaction;

/// Entries on one page of the map: all of it after the header is special space.
const ENTRIES: usize = PAGE_SIZE - HEADER_SIZE;

/// What one unit of an entry stands for.
const UNIT: usize = 32;

impl Heap {
    /// A page that can take an item of `needed` bytes; a new one if no old one can.
    pub(super) fn page_with_room(
        &mut self,
        pages: &mut Pages,
        transaction: &Transaction,
        needed: usize,
    ) -> Result<PageNo> {
        loop {
            let candidate = match self.target {
                Some(target) => target,
                None => match self.search(pages, needed)? {
                    Some(found) => found,
                    None => self.extend(pages, transaction)?,
                },
            };
            let room = room(&*pages.read(self.page_id(candidate))?);
            if room >= needed {
                self.target = Some(candidate);
                return Ok(candidate);
            }
            // The map was out of date, or the page is just full now.
            self.target = None;
            let entry = entry_for(room).min(wanted(needed) - 1);
            let mut change = pages.change(transaction.xid())?;
            self.write_entries(&mut change, candidate, &[entry])?;
            change.finish()?;
        }
    }

    /// Writes down how much room a heap page has.
    pub(super) fn note_room(&self, change: &mut Change<'_>, page: PageNo, room: usize) -> Result<()> {
        self.write_entries(change, page, &[entry_for(room)])
    }

    /// Adds pages to the heap and enters all of them in the map; the first of them.
    fn extend(&mut self, pages: &mut Pages, transaction: &Transaction) -> Result<PageNo> {
        let added = pages.extend(FileId::main(self.relation))?;
        let last = added.end - 1;
        let last_map_page = self.map_page(last).0;
        pages.extend_to(last_map_page)?;
        let mut change = pages.change(transaction.xid())?;
        let mut page = added.start;
        while page < added.end {
            let on_this_map_page = (ENTRIES - self.map_page(page).1).min((added.end - page) as usize);
            self.write_entries(&mut change, page, &vec![u8::MAX; on_this_map_page])?;
            page += on_this_map_page as PageNo;
        }
        change.finish()?;
        self.search_from = self.search_from.min(added.start);
        Ok(added.start)
    }

    /// Looks for an entry that promises `needed` bytes, from where the last search ended.
    fn search(&mut self, pages: &mut Pages, needed: usize) -> Result<Option<PageNo>> {
        let wanted = wanted(needed);
        let map_pages = pages.page_count(FileId::free_space_map(self.relation))?;
        let heap_pages = self.page_count(pages)?;
        while self.search_from < heap_pages {
            let (id, first) = self.map_page(self.search_from);
            if id.page >= map_pages {
                break;
            }
            let map = pages.read(id)?;
            if map.kind() != PageKind::Empty {
                map.expect_kind(id, PageKind::FreeSpaceMap, ENTRIES)?;
                let entries = map.special().get(first..).unwrap_or(&[]);
                if let Some(ahead) = entries.iter().position(|entry| *entry >= wanted) {
                    self.search_from += ahead as PageNo;
                    return Ok((self.search_from < heap_pages).then_some(self.search_from));
                }
            }
            self.search_from += (ENTRIES - first) as PageNo;
        }
        Ok(None)
    }

    /// Brings the entry of a page up to date that nothing else changes: only if it is wrong.
    pub(super) fn correct_room(
        &self,
        pages: &mut Pages,
        transaction: &Transaction,
        page: PageNo,
        room: usize,
    ) -> Result<()> {
        let (id, index) = self.map_page(page);
        pages.extend_to(id)?;
        if pages.read(id)?.special().get(index) == Some(&entry_for(room)) {
            return Ok(());
        }
        let mut change = pages.change(transaction.xid())?;
        self.note_room(&mut change, page, room)?;
        change.finish()
    }

    /// Forgets where to look for room: somebody made some.
    pub(super) fn reset_search(&mut self) {
        self.target = None;
        self.search_from = 0;
    }

    fn write_entries(&self, change: &mut Change<'_>, page: PageNo, entries: &[u8]) -> Result<()> {
        let (id, first) = self.map_page(page);
        let number = change.open(id)?;
        match change.page(number).kind() {
            PageKind::Empty => change.edit(number).init(PageKind::FreeSpaceMap, ENTRIES),
            _ => change.page(number).expect_kind(id, PageKind::FreeSpaceMap, ENTRIES)?,
        }
        change.edit(number).write_special(first, entries)
    }

    /// The map page that has a heap page's entry, and which of its entries that is.
    fn map_page(&self, page: PageNo) -> (PageId, usize) {
        let entry = page as usize;
        let map_page = (entry / ENTRIES) as PageNo;
        (FileId::free_space_map(self.relation).page(map_page), entry % ENTRIES)
    }
}

/// The entry that surely has room for an item of `needed` bytes (at least one).
fn wanted(needed: usize) -> u8 {
    needed.div_ceil(UNIT).clamp(1, usize::from(u8::MAX)) as u8
}

/// Rounded down: the map may promise too little, so that few searches end in vain.
fn entry_for(room: usize) -> u8 {
    (room / UNIT).min(usize::from(u8::MAX)) as u8
}
