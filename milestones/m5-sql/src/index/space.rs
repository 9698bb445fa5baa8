//! Which pages of the file the tree uses: a list of free ones, and behind them those never used.
//!
//! PostgreSQL lets a deleted page rest until no scan can still be on its way there, and then enters it in a free
//! space map. Here nothing runs beside a change, so a page is free at once, and the list can be threaded through
//! the free pages themselves.

use super::BTree;
use super::node::{META_PAGE, Meta, NONE, Node, NodeSpecial, corrupted};
use crate::buffer::{Change, Pages};
use crate::error::Result;
use crate::page::{PageKind, PageNo};
use zerocopy::IntoBytes;

impl BTree {
    pub(super) fn read_meta(&self, pages: &mut Pages) -> Result<Meta> {
        let id = self.page_id(META_PAGE);
        let page = pages.read(id)?;
        Meta::read(&page, id).copied()
    }

    /// Edits the first page as part of a change.
    pub(super) fn edit_meta(&self, change: &mut Change<'_>, edit: impl FnOnce(&mut Meta)) -> Result<()> {
        let id = self.page_id(META_PAGE);
        let opened = change.open(id)?;
        let mut meta = *Meta::read(change.page(opened), id)?;
        edit(&mut meta);
        change.edit(opened).write_special(0, meta.as_bytes())
    }

    /// Makes sure that a change can take `count` new pages: it cannot make the file longer itself.
    pub(super) fn reserve(&self, pages: &mut Pages, count: PageNo) -> Result<()> {
        let unused = self.read_meta(pages)?.unused.get();
        if unused > pages.page_count(self.file())? {
            return Err(corrupted(
                self.page_id(META_PAGE),
                format_args!("the index has no page {}", unused - 1),
            ));
        }
        pages.extend_to(self.page_id(unused.saturating_add(count).saturating_sub(1)))
    }

    /// Takes a page out of those not in use and makes it one of the tree, without items: its number in the
    /// change, and in the file.
    pub(super) fn allocate(&self, change: &mut Change<'_>, special: NodeSpecial) -> Result<(usize, PageNo)> {
        let meta_id = self.page_id(META_PAGE);
        let meta_page = change.open(meta_id)?;
        let meta = *Meta::read(change.page(meta_page), meta_id)?;
        let (opened, number) = match meta.free.get() {
            NONE => {
                let number = meta.unused.get();
                let id = self.page_id(number);
                let opened = change.open(id)?;
                if change.page(opened).kind() != PageKind::Empty {
                    return Err(corrupted(id, "is in use, but the index's first page says it never was"));
                }
                self.edit_meta(change, |meta| meta.unused.set(number.saturating_add(1)))?;
                (opened, number)
            }
            number => {
                let id = self.page_id(number);
                let opened = change.open(id)?;
                let next = Node::free(change.page(opened), id)?.right();
                self.edit_meta(change, |meta| meta.free.set(next))?;
                (opened, number)
            }
        };
        init(change, opened, special)?;
        Ok((opened, number))
    }

    /// Puts a page that the tree no longer leads to in the list of free ones.
    pub(super) fn release(&self, change: &mut Change<'_>, number: PageNo) -> Result<()> {
        let opened = change.open(self.page_id(number))?;
        let mut next = NONE;
        self.edit_meta(change, |meta| {
            next = meta.free.get();
            meta.free.set(number);
        })?;
        init(change, opened, NodeSpecial::free(next))
    }
}

/// Makes an opened page one of the index, without items.
pub(super) fn init(change: &mut Change<'_>, opened: usize, special: NodeSpecial) -> Result<()> {
    let mut edit = change.edit(opened);
    edit.init(PageKind::BTree, size_of::<NodeSpecial>());
    edit.write_special(0, special.as_bytes())
}
