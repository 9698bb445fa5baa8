//! Building an index from entries in order: bottom up, each page filled once.
//!
//! CREATE INDEX sorts first and then comes here. On each level there is one page being filled, in memory; when it
//! is full it is written, and the level above gets its separator and number. So the leaves lie in the file in the
//! order of their keys, 90 % full, and the work is that of copying (PostgreSQL: `nbtsort.c`).

use super::insert::APPEND_RESERVE;
use super::node::{CAPACITY, NONE, NodeSpecial, inner_item, item_space, shortest_separator, split_entry};
use super::space::init;
use super::{BTree, FIRST_ROOT};
use crate::buffer::Pages;
use crate::error::{Error, Result};
use crate::page::{PageNo, Tid};
use crate::transaction::Xid;

/// Two items on each page, however long, or the tree would not get narrower towards the root.
const MIN_ITEMS: usize = 2;

/// An index being built.
pub struct Builder {
    tree: BTree,
    xid: Xid,
    /// The page being filled on each level, from the leaves up.
    levels: Vec<Level>,
    next_page: PageNo,
    /// The last entry.
    previous: Vec<u8>,
}

/// The page being filled.
struct Level {
    page: PageNo,
    left: PageNo,
    items: Vec<u8>,
    ends: Vec<usize>,
    space: usize,
}

impl Level {
    fn new(page: PageNo) -> Level {
        Level { page, left: NONE, items: Vec::new(), ends: Vec::new(), space: 0 }
    }

    fn has_room(&self, item: &[u8]) -> bool {
        self.ends.len() < MIN_ITEMS || self.space + item_space(item.len()) <= CAPACITY - APPEND_RESERVE
    }

    fn push(&mut self, item: &[u8]) {
        self.items.extend_from_slice(item);
        self.ends.push(self.items.len());
        self.space += item_space(item.len());
    }

    fn start(&mut self, page: PageNo) {
        self.left = std::mem::replace(&mut self.page, page);
        self.items.clear();
        self.ends.clear();
        self.space = 0;
    }
}

impl BTree {
    /// Begins to fill this index, which must be new.
    pub fn build(&self, pages: &mut Pages, xid: Xid) -> Result<Builder> {
        let meta = self.read_meta(pages)?;
        if meta.unused.get() != FIRST_ROOT + 1 || self.read_node(pages, FIRST_ROOT, 0)?.count() > 0 {
            return Err(Error::internal(format!("index \"{}\" is not new", self.name)));
        }
        Ok(Builder {
            tree: self.clone(),
            xid,
            levels: vec![Level::new(FIRST_ROOT)],
            next_page: FIRST_ROOT + 1,
            previous: Vec::new(),
        })
    }
}

impl Builder {
    /// Adds the next entry, key and place. Answers the place of the entry before if it has the same key, for
    /// the caller to know what to think of it.
    pub fn push(&mut self, pages: &mut Pages, entry: &[u8]) -> Result<Option<Tid>> {
        self.tree.check_size(entry)?;
        if entry <= self.previous.as_slice() {
            return Err(Error::internal("the entries of an index to be built are not in order"));
        }
        let Some((key, _)) = split_entry(entry) else {
            return Err(Error::internal("an index entry without a key"));
        };
        let same = split_entry(&self.previous).filter(|(before, _)| *before == key).map(|(_, tid)| tid);
        self.add(pages, entry)?;
        self.previous.clear();
        self.previous.extend_from_slice(entry);
        Ok(same)
    }

    /// Writes what is still in memory, and makes the tree the index's.
    pub fn finish(mut self, pages: &mut Pages) -> Result<()> {
        for level in 0..self.levels.len() {
            self.write(pages, level, NONE)?;
        }
        let top = self.levels.len() - 1;
        let (root, next_page) = (self.levels[top].page, self.next_page);
        let mut change = pages.change(self.xid)?;
        self.tree.edit_meta(&mut change, |meta| {
            meta.root.set(root);
            meta.level.set(top as u32);
            meta.unused.set(next_page);
        })?;
        change.finish()
    }

    /// Adds an entry to the leaf being filled. Where that begins a new page, the page is an item of the level
    /// above, and so on.
    fn add(&mut self, pages: &mut Pages, entry: &[u8]) -> Result<()> {
        if self.levels[0].has_room(entry) {
            self.levels[0].push(entry);
            return Ok(());
        }
        let separator = shortest_separator(&self.previous, entry).to_vec();
        let mut page = self.next(pages, 0)?;
        self.levels[0].push(entry);
        for level in 1.. {
            let item = inner_item(page, &separator);
            if self.levels[level].has_room(&item) {
                self.levels[level].push(&item);
                break;
            }
            let child = page;
            page = self.next(pages, level)?;
            self.levels[level].push(&inner_item(child, &[]));
        }
        Ok(())
    }

    /// Writes the full page of a level and begins the next one; its number. Then there is a level above.
    fn next(&mut self, pages: &mut Pages, level: usize) -> Result<PageNo> {
        let page = self.take_page();
        self.write(pages, level, page)?;
        let first = self.levels[level].page;
        self.levels[level].start(page);
        if level + 1 == self.levels.len() {
            let mut above = Level::new(self.take_page());
            above.push(&inner_item(first, &[]));
            self.levels.push(above);
        }
        Ok(page)
    }

    fn take_page(&mut self) -> PageNo {
        self.next_page += 1;
        self.next_page - 1
    }

    fn write(&mut self, pages: &mut Pages, level: usize, right: PageNo) -> Result<()> {
        let Level { page, left, items, ends, .. } = &self.levels[level];
        pages.extend_to(self.tree.page_id(*page))?;
        // The pages of a file are written in order, but one above the leaves is full later than those taken after it. It
        // is written twice, once without anything. (PostgreSQL fills such holes with zeros.)
        for hole in pages.written().of(self.tree.file())..*page {
            let mut change = pages.change(self.xid)?;
            let opened = change.open(self.tree.page_id(hole))?;
            init(&mut change, opened, NodeSpecial::free(NONE))?;
            change.finish()?;
        }
        let mut change = pages.change(self.xid)?;
        let opened = change.open(self.tree.page_id(*page))?;
        init(&mut change, opened, NodeSpecial::new(level as u16, *left, right))?;
        let mut edit = change.edit(opened);
        let mut start = 0;
        for (end, slot) in ends.iter().zip(1..) {
            edit.insert(slot, &items[start..*end])?;
            start = *end;
        }
        change.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Index, key_of};
    use super::*;
    use crate::transaction::FROZEN_XID;

    #[test]
    fn a_built_index_is_a_good_one_and_takes_more() {
        for (count, width) in [(0, 4), (1, 4), (3, 2000), (20_000, 4), (400, 2600)] {
            let mut index = Index::new();
            let mut builder = index.tree.build(&mut index.pages, FROZEN_XID).unwrap();
            let entry = |number: u32| [key_of(number * 2, width), vec![0, 0, 0, 1, 0, 1]].concat();
            for number in 0..count {
                assert_eq!(builder.push(&mut index.pages, &entry(number)).unwrap(), None);
            }
            builder.finish(&mut index.pages).unwrap();
            assert_eq!(index.check().len(), count as usize);
            for number in 0..count.min(500) {
                index.insert(&[(key_of(number * 2 + 1, width), Tid { page: 2, slot: 2 })]);
            }
            assert_eq!(index.check().len(), (count + count.min(500)) as usize);
        }
    }

    #[test]
    fn equal_keys_are_reported_and_disorder_is_refused() {
        let mut index = Index::new();
        let mut builder = index.tree.build(&mut index.pages, FROZEN_XID).unwrap();
        let pages = &mut index.pages;
        assert_eq!(builder.push(pages, &[1, 5, 0, 0, 0, 1, 0, 1]).unwrap(), None);
        assert_eq!(builder.push(pages, &[1, 5, 0, 0, 0, 1, 0, 2]).unwrap(), Some(Tid { page: 1, slot: 1 }));
        assert_eq!(builder.push(pages, &[1, 5, 0, 0, 0, 1, 0, 2]).unwrap_err().state().code(), "XX000");
    }

    #[test]
    fn pages_are_packed_and_only_a_new_index_is_built() {
        let mut index = Index::new();
        let mut builder = index.tree.build(&mut index.pages, FROZEN_XID).unwrap();
        for number in 0..100_000u32 {
            builder.push(&mut index.pages, &[key_of(number, 4), vec![0, 0, 0, 1, 0, 1]].concat()).unwrap();
        }
        builder.finish(&mut index.pages).unwrap();
        // 15 bytes an entry with its line pointer.
        let leaves = 100_000 * 15 / (CAPACITY - APPEND_RESERVE) as u32;
        let used = index.tree.read_meta(&mut index.pages).unwrap().unused.get();
        assert!(used < leaves + leaves / 50, "{used} pages");
        let again = index.tree.build(&mut index.pages, FROZEN_XID).map(drop);
        assert_eq!(again.unwrap_err().state().code(), "XX000");
    }
}
