//! Splitting a full page in two, or starting a new one behind it.
//!
//! A split needs room in the parent for one more separator. PostgreSQL splits the child first and then works its
//! way up, and a crash between the two leaves a split to be finished later. Here the uppermost page that has to
//! give way is split first, in a change of its own that leaves a perfectly good tree; then the descent begins
//! again. So no change ever touches more than five pages, however high the tree is, and none is ever half done.

use super::BTree;
use super::descend::{Direction, Position, Step};
use super::node::{
    CAPACITY, CHILD_SIZE, LEFT_OFFSET, NONE, Node, NodeSpecial, RIGHT_OFFSET, corrupted, inner_item,
    item_space, shortest_separator,
};
use crate::buffer::{PageRef, Pages};
use crate::error::Result;
use crate::page::PageNo;
use crate::transaction::Xid;

/// A split this far from the middle is still good enough, if it gives a shorter separator.
const TOLERANCE: usize = CAPACITY / 16;

/// The root's split and one of a page with a parent and a right sibling need no more new pages than this.
const NEW_PAGES: PageNo = 2;

/// Where a page is cut: items from `slot` on go to the new page on its right, which begins at `separator`.
struct Cut<'a> {
    slot: u16,
    separator: &'a [u8],
    /// An entry that belongs behind all others of the leaf, and becomes the new page's first.
    appended: Option<&'a [u8]>,
}

impl BTree {
    /// Splits a page on the way to where an entry belongs, because the leaf has no room for it. If the entry
    /// belongs behind all others of the leaf, that begins a new leaf and takes the entry with it: the old one
    /// stays full, and nothing moves. Says whether the entry has been stored; if not, look again.
    pub(super) fn make_room(&mut self, pages: &mut Pages, xid: Xid, entry: &[u8]) -> Result<bool> {
        self.last_leaf = None;
        self.reserve(pages, NEW_PAGES)?;
        let position = Position { bytes: entry, after: false };
        let descent = self.descend(pages, position, Direction::Forward)?;
        let leaf = &descent.leaf;
        if leaf.count() > 0 && leaf.is_appended(entry)? {
            let separator = shortest_separator(leaf.item(leaf.count())?, entry);
            let cut = Cut { slot: leaf.count() + 1, separator, appended: Some(entry) };
            return self.split_or_parent(pages, xid, leaf, cut, descent.path.steps());
        }
        let cut = choose_cut(leaf)?;
        self.split_or_parent(pages, xid, leaf, cut, descent.path.steps())?;
        Ok(false)
    }

    /// Cuts the page, if its parent has room for the separator; otherwise the parent, and so on up. Says whether
    /// it was the page itself.
    fn split_or_parent(
        &mut self,
        pages: &mut Pages,
        xid: Xid,
        node: &Node<PageRef>,
        cut: Cut<'_>,
        path: &[Step],
    ) -> Result<bool> {
        let Some((step, above)) = path.split_last() else {
            self.split(pages, xid, node, cut, None)?;
            return Ok(true);
        };
        let parent = self.read_node(pages, step.page, node.level() + 1)?;
        if item_space(CHILD_SIZE + cut.separator.len()) <= parent.free_space() {
            self.split(pages, xid, node, cut, Some(*step))?;
            return Ok(true);
        }
        let parent_cut = choose_cut(&parent)?;
        self.split_or_parent(pages, xid, &parent, parent_cut, above)?;
        Ok(false)
    }

    /// One change: the page, the new one on its right, the sibling behind that, the parent (or a new root), and
    /// the first page, which knows the free pages and the root.
    fn split(
        &mut self,
        pages: &mut Pages,
        xid: Xid,
        node: &Node<PageRef>,
        cut: Cut<'_>,
        parent: Option<Step>,
    ) -> Result<()> {
        let (number, level, right) = (node.number(), node.level(), node.right());
        let mut change = pages.change(xid)?;
        let (new, new_number) = self.allocate(&mut change, NodeSpecial::new(level, number, right))?;
        let mut edit = change.edit(new);
        for slot in cut.slot..=node.count() {
            let item = match level > 0 && slot == cut.slot {
                true => &inner_item(node.child(slot)?, &[]),
                false => node.item(slot)?,
            };
            edit.insert(slot - cut.slot + 1, item)?;
        }
        if let Some(entry) = cut.appended {
            edit.insert(1, entry)?;
        }

        let old = change.open(node.id())?;
        let mut edit = change.edit(old);
        if cut.slot <= node.count() {
            for slot in (cut.slot..=node.count()).rev() {
                edit.remove_ordered(slot)?;
            }
            edit.compact();
        }
        edit.write_special(RIGHT_OFFSET, &new_number.to_le_bytes())?;

        if right != NONE {
            let id = self.page_id(right);
            let sibling = change.open(id)?;
            let found = Node::new(change.page(sibling), id)?.left();
            if found != number {
                return Err(corrupted(id, format_args!("has left sibling {found}, expected {number}")));
            }
            change.edit(sibling).write_special(LEFT_OFFSET, &new_number.to_le_bytes())?;
        }

        let item = inner_item(new_number, cut.separator);
        match parent {
            Some(step) => {
                let parent = change.open(self.page_id(step.page))?;
                change.edit(parent).insert_ordered(step.slot + 1, &item)?;
            }
            None => {
                let (root, root_number) =
                    self.allocate(&mut change, NodeSpecial::new(level + 1, NONE, NONE))?;
                let mut edit = change.edit(root);
                edit.insert(1, &inner_item(number, &[]))?;
                edit.insert(2, &item)?;
                self.edit_meta(&mut change, |meta| {
                    meta.root.set(root_number);
                    meta.level.set(u32::from(level) + 1);
                })?;
            }
        }
        change.finish()?;
        if level == 0 && right == NONE {
            self.last_leaf = Some(new_number);
        }
        Ok(())
    }
}

/// The cut near the middle with the shortest separator.
fn choose_cut(node: &Node<PageRef>) -> Result<Cut<'_>> {
    let mut total = 0;
    for slot in 1..=node.count() {
        total += item_space(node.item(slot)?.len());
    }
    let (mut left, mut best, mut chosen) = (0, (usize::MAX, usize::MAX), None);
    for slot in 2..=node.count() {
        left += item_space(node.item(slot - 1)?.len());
        let distance = left.abs_diff(total - left) / 2;
        let length = match distance <= TOLERANCE {
            true => node.cut_separator(slot)?.len(),
            false => usize::MAX,
        };
        if (length, distance) < best {
            best = (length, distance);
            chosen = Some(slot);
        }
    }
    match chosen {
        Some(slot) => Ok(Cut { slot, separator: node.cut_separator(slot)?, appended: None }),
        None => Err(corrupted(node.id(), format_args!("is full with {} items", node.count()))),
    }
}
