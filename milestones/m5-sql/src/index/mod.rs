//! The B+ tree: the index behind PRIMARY KEY, UNIQUE and CREATE INDEX.
//!
//! ```text
//!                         ┌───────────────┐
//! level 2 (root)          │ −∞    Mo      │                  inner pages: separators and children
//!                         └──┬─────┬──────┘
//!                  ┌─────────┘     └────────┐
//!             ┌────▼─────┐             ┌────▼─────┐
//! level 1     │ −∞   D   │ ◄─────────► │ −∞   S   │           siblings are linked, both ways
//!             └─┬────┬───┘             └─┬────┬───┘
//!          ┌────▼┐ ┌─▼────┐       ┌──────▼─┐ ┌▼─────┐
//! level 0  │Adams│◄►│Dole│ ◄───► │ Moore  │◄►│Smith│         leaves: keys, each with the place of its row
//! ```
//!
//! The model is PostgreSQL's nbtree (`src/backend/access/nbtree/README`): Lehman and Yao's tree, in which a page
//! also knows the upper end of its range, so that somebody who arrives just after a split finds their way by
//! going right. With one writer and no reader beside it, nobody ever arrives just after a split. So there are no
//! such "high keys" here, no locks, no half-dead pages: a page split or unlinked is one [change](crate::buffer)
//! of all the pages concerned, and a crash leaves either none of it or all of it.
//!
//! An index knows nothing of transactions. It leads to every version of a row that is still in the heap, whether
//! somebody sees it or not; a rollback leaves entries that lead to rows nobody sees. The reader asks the heap.
//! Only vacuum removes entries: before it frees the rows' places, never after.
//!
//! - `key` makes bytes of values, such that comparing is `memcmp`; `entries` collects them.
//! - `node` is one page; `descend` finds the way to a leaf; `space` knows which pages are free.
//! - `insert` and `split` add entries, `delete` removes them, `build` packs a new index from sorted entries.
//! - `cursor` reads ranges both ways; `check` looks at everything; `inspect` takes a page apart for `\page`.

mod build;
mod check;
mod cursor;
mod delete;
mod descend;
mod entries;
mod insert;
mod inspect;
pub mod key;
mod lookup;
mod node;
mod space;
mod split;

pub use build::Builder;
pub use cursor::{Cursor, LeafRange};
pub use descend::Direction;
pub use entries::Entries;
pub use insert::{Conflict, IsLive};
pub use inspect::{Target, TreeItem, TreePage, inspect};
pub use lookup::Lookup;
pub use node::split_entry;

use crate::buffer::Pages;
use crate::error::{Error, Result, SqlState};
use crate::page::{FileId, PageId, PageKind, PageNo, Tid};
use crate::transaction::Xid;
use descend::Position;
use node::{MAX_ENTRY_SIZE, META_PAGE, Meta, NONE, NodeSpecial};
use std::sync::Arc;
use zerocopy::IntoBytes;

/// The root of an empty index, a leaf.
const FIRST_ROOT: PageNo = 1;

/// An index. What it holds is in its pages; here is only where the last entry went.
#[derive(Clone, Debug)]
pub struct BTree {
    relation: u32,
    /// For messages.
    name: Arc<str>,
    /// Was the last leaf of all when it was last looked at. Keys that ascend all go there.
    last_leaf: Option<PageNo>,
}

impl BTree {
    pub fn new(relation: u32, name: &str) -> BTree {
        BTree { relation, name: name.into(), last_leaf: None }
    }

    /// Makes the file of a new index, and in it a tree of one empty leaf.
    pub fn create(pages: &mut Pages, xid: Xid, relation: u32, name: &str) -> Result<BTree> {
        let tree = BTree::new(relation, name);
        pages.create_file(tree.file())?;
        pages.extend_to(tree.page_id(FIRST_ROOT))?;
        let mut change = pages.change(xid)?;
        let meta = change.open(tree.page_id(META_PAGE))?;
        let mut edit = change.edit(meta);
        edit.init(PageKind::BTree, size_of::<Meta>());
        edit.write_special(0, Meta::new(FIRST_ROOT, 0, FIRST_ROOT + 1).as_bytes())?;
        let root = change.open(tree.page_id(FIRST_ROOT))?;
        space::init(&mut change, root, NodeSpecial::new(0, NONE, NONE))?;
        change.finish()?;
        Ok(tree)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn page_count(&self, pages: &mut Pages) -> Result<PageNo> {
        pages.page_count(self.file())
    }

    /// How many pages a look-up visits above the leaf.
    pub fn height(&self, pages: &mut Pages) -> Result<u32> {
        Ok(self.read_meta(pages)?.level.get())
    }

    /// Adds the places of all entries whose keys begin with `key`: a whole key, or its first columns.
    pub fn find(&self, pages: &mut Pages, key: &[u8], tids: &mut Vec<Tid>) -> Result<()> {
        let mut descent = self.descend(pages, Position { bytes: key, after: false }, Direction::Forward)?;
        let mut slot = descent.leaf.partition(1, key, |entry| entry < key)?;
        loop {
            while slot <= descent.leaf.count() {
                if !descent.leaf.item(slot)?.starts_with(key) {
                    return Ok(());
                }
                tids.push(descent.leaf.entry(slot)?.1);
                slot += 1;
            }
            // The next leaf holds nothing less than this separator.
            let next = match descent.limit()? {
                Some(separator) if separator.starts_with(key) => {
                    self.descend(pages, Position { bytes: separator, after: false }, Direction::Forward)?
                }
                _ => return Ok(()),
            };
            let (limit, next_limit) = (descent.limit()?, next.limit()?);
            if next_limit.is_some() && next_limit <= limit {
                return Err(node::corrupted(
                    next.leaf.id(),
                    "the separators that lead to it are not in order",
                ));
            }
            (descent, slot) = (next, 1);
        }
    }

    fn file(&self) -> FileId {
        FileId::main(self.relation)
    }

    fn page_id(&self, page: PageNo) -> PageId {
        self.file().page(page)
    }

    fn check_size(&self, entry: &[u8]) -> Result<()> {
        if entry.len() <= MAX_ENTRY_SIZE {
            return Ok(());
        }
        Err(Error::new(
            SqlState::ProgramLimitExceeded,
            format!(
                "index row size {} exceeds btree version 4 maximum {MAX_ENTRY_SIZE} for index \"{}\"",
                entry.len(),
                self.name
            ),
        )
        .with_hint("Values larger than 1/3 of a buffer page cannot be indexed."))
    }
}

#[cfg(test)]
mod tests;
