//! Adding entries, many at a time.
//!
//! The entries of a statement come sorted, and those that belong on one leaf go there in one change: a thousand
//! new rows with ascending keys cost three page changes, not a thousand. Nothing else makes as much of a
//! difference to what an index costs an INSERT.

use super::descend::{Direction, Position};
use super::node::{NONE, Node, TID_SIZE, corrupted, item_space};
use super::{BTree, Entries};
use crate::buffer::{PageRef, Pages};
use crate::error::Result;
use crate::page::{PAGE_SIZE, PageNo, Tid};
use crate::transaction::Xid;

/// Whether a row that has the same key counts: somebody sees it, or it was added by the running transaction and
/// not deleted. The heap knows.
pub type IsLive<'a> = dyn FnMut(&mut Pages, Tid) -> Result<bool> + 'a;

/// Two rows with a key that should be unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The row that was to be added.
    pub new: Tid,
    /// The row that has its key.
    pub existing: Tid,
}

/// Entries that ascend leave this much of each leaf free, for updates of the rows they lead to (PostgreSQL's
/// fillfactor of 90).
pub(super) const APPEND_RESERVE: usize = PAGE_SIZE / 10;

/// The leaf where an entry belongs.
struct Target {
    leaf: Node<PageRef>,
    /// The leaf's range ends before this; `None` for the last leaf.
    end: Option<Vec<u8>>,
}

impl BTree {
    /// Adds entries, putting them in order first. With `unique`, the first one found whose key another row has
    /// is reported, and neither it nor those after it are added; keys with a NULL have no equal. Those before it
    /// stay: the statement has failed, and they lead to rows that nobody will see.
    pub fn insert_many(
        &mut self,
        pages: &mut Pages,
        xid: Xid,
        entries: &mut Entries,
        mut unique: Option<&mut IsLive<'_>>,
    ) -> Result<Option<Conflict>> {
        entries.sort();
        for index in 0..entries.len() {
            self.check_size(entries.entry(index))?;
        }
        let mut next = 0;
        while next < entries.len() {
            let target = self.target(pages, entries.entry(next))?;
            let fitting = count_fitting(&target, entries, next)?;
            if let Some(is_live) = &mut unique {
                for index in next..next + fitting.max(1) {
                    if let Some(conflict) = self.conflict(pages, &target.leaf, entries, index, is_live)? {
                        return Ok(Some(conflict));
                    }
                }
            }
            next += match fitting {
                0 => usize::from(self.make_room(pages, xid, entries.entry(next))?),
                _ => {
                    self.fill(pages, xid, &target, entries, next..next + fitting)?;
                    fitting
                }
            };
        }
        Ok(None)
    }

    /// The first row whose entry is too large for an index.
    pub fn oversized(&self, entries: &Entries) -> Option<Tid> {
        let mut all = 0..entries.len();
        all.find(|index| self.check_size(entries.entry(*index)).is_err()).map(|index| entries.tid(index))
    }

    /// The leaf where an entry belongs: the last one, if that is as plain as it is for ascending keys.
    fn target(&mut self, pages: &mut Pages, entry: &[u8]) -> Result<Target> {
        if let Some(leaf) = self.last_leaf.and_then(|number| self.as_last_leaf(pages, number))
            && leaf.count() > 0
            && leaf.item(1)? < entry
        {
            return Ok(Target { leaf, end: None });
        }
        self.last_leaf = None;
        let position = Position { bytes: entry, after: false };
        let descent = self.descend(pages, position, Direction::Forward)?;
        let end = descent.limit()?.map(<[u8]>::to_vec);
        Ok(Target { leaf: descent.leaf, end })
    }

    /// The page, if it is the last leaf. Much may have happened since it was one.
    fn as_last_leaf(&self, pages: &mut Pages, number: PageNo) -> Option<Node<PageRef>> {
        let node = self.read_node(pages, number, 0).ok()?;
        (node.right() == NONE).then_some(node)
    }

    /// Whether a row that counts has the key of entry `index`, which belongs on this leaf.
    fn conflict(
        &self,
        pages: &mut Pages,
        leaf: &Node<PageRef>,
        entries: &Entries,
        index: usize,
        is_live: &mut IsLive<'_>,
    ) -> Result<Option<Conflict>> {
        if entries.has_null(index) {
            return Ok(None);
        }
        let (key, new) = (entries.key(index), entries.tid(index));
        if index > 0 && entries.key(index - 1) == key {
            let existing = entries.tid(index - 1);
            if is_live(pages, existing)? {
                return Ok(Some(Conflict { new, existing }));
            }
        }
        if !may_have_key(leaf, entries.entry(index))? {
            return Ok(None);
        }
        let mut tids = Vec::new();
        self.find(pages, key, &mut tids)?;
        for existing in tids {
            if existing != new && is_live(pages, existing)? {
                return Ok(Some(Conflict { new, existing }));
            }
        }
        Ok(None)
    }

    /// Stores entries that belong on this leaf and fit there: one change.
    fn fill(
        &mut self,
        pages: &mut Pages,
        xid: Xid,
        target: &Target,
        entries: &Entries,
        range: std::ops::Range<usize>,
    ) -> Result<()> {
        let (id, is_last) = (target.leaf.id(), target.leaf.right() == NONE);
        let mut change = pages.change(xid)?;
        let opened = change.open(id)?;
        for index in range {
            let entry = entries.entry(index);
            let leaf = Node::new(change.page(opened), id)?;
            let slot = leaf.entry_slot(entry)?;
            if slot <= leaf.count() && leaf.item(slot)? == entry {
                return Err(corrupted(id, format_args!("has an entry for {} already", entries.tid(index))));
            }
            change.edit(opened).insert_ordered(slot, entry)?;
        }
        change.finish()?;
        if is_last {
            self.last_leaf = Some(id.page);
        }
        Ok(())
    }
}

/// How many entries from `next` on belong on the leaf and fit there.
fn count_fitting(target: &Target, entries: &Entries, next: usize) -> Result<usize> {
    let leaf = &target.leaf;
    let mut room = leaf.free_space();
    if leaf.right() == NONE && leaf.count() > 0 && leaf.is_appended(entries.entry(next))? {
        room = room.saturating_sub(APPEND_RESERVE);
    }
    let mut fitting = 0;
    for index in next..entries.len() {
        let entry = entries.entry(index);
        if target.end.as_ref().is_some_and(|end| entry >= end.as_slice()) || room < item_space(entry.len()) {
            break;
        }
        room -= item_space(entry.len());
        fitting += 1;
    }
    Ok(fitting)
}

/// Whether an entry of the same key can be in the tree. Equal keys are side by side, so the neighbours know,
/// unless the entry's place is at the end of a leaf that has a sibling there.
fn may_have_key(leaf: &Node<PageRef>, entry: &[u8]) -> Result<bool> {
    let key = &entry[..entry.len() - TID_SIZE];
    let slot = leaf.entry_slot(entry)?;
    let before = if slot > 1 { leaf.item(slot - 1)?.starts_with(key) } else { leaf.left() != NONE };
    let after = if slot <= leaf.count() { leaf.item(slot)?.starts_with(key) } else { leaf.right() != NONE };
    Ok(before || after)
}
