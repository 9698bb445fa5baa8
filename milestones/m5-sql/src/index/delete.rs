//! Removing the entries of rows that vacuum is about to take away.

use super::BTree;
use super::descend::{Direction, Position};
use super::node::{LEFT_OFFSET, META_PAGE, NONE, Node, RIGHT_OFFSET, corrupted};
use crate::buffer::{Change, PageRef, Pages};
use crate::error::Result;
use crate::page::{PageId, PageNo, Tid};
use crate::transaction::Xid;

/// A leaf is unlinked together with at most this many ancestors that have no other child; so the change stays
/// within 26 pages. Beyond that, which takes keys that fill a third of a page each, it stays, empty.
const MAX_UNLINKED: usize = 8;

impl BTree {
    /// Removes the entries that lead to these places, which are sorted; how many there were. Reads every leaf
    /// once, from left to right. A leaf that loses entries is one change; one that loses all is unlinked.
    pub fn bulk_delete(&mut self, pages: &mut Pages, xid: Xid, dead: &[Tid]) -> Result<u64> {
        let first = Position { bytes: &[], after: false };
        let mut leaf = self.descend(pages, first, Direction::Forward)?.leaf;
        let (mut left, mut removed, mut slots) = (NONE, 0, Vec::new());
        // No file has more leaves than pages: whatever the links say, the walk ends.
        for _ in 0..self.page_count(pages)? {
            if leaf.left() != left {
                return Err(corrupted(
                    leaf.id(),
                    format_args!("has left sibling {}, expected {left}", leaf.left()),
                ));
            }
            slots.clear();
            for slot in 1..=leaf.count() {
                if dead.binary_search(&leaf.entry(slot)?.1).is_ok() {
                    slots.push(slot);
                }
            }
            let (number, right) = (leaf.number(), leaf.right());
            removed += slots.len() as u64;
            let all = !slots.is_empty() && slots.len() == usize::from(leaf.count());
            if !(all && self.unlink(pages, xid, &leaf)?) {
                self.remove_slots(pages, xid, leaf.id(), &slots)?;
                left = number;
            }
            if right == NONE {
                return Ok(removed);
            }
            leaf = self.read_node(pages, right, 0)?;
        }
        Err(corrupted(self.page_id(META_PAGE), "the leaves of this index have no end"))
    }

    fn remove_slots(&self, pages: &mut Pages, xid: Xid, leaf: PageId, slots: &[u16]) -> Result<()> {
        if slots.is_empty() {
            return Ok(());
        }
        let mut change = pages.change(xid)?;
        let opened = change.open(leaf)?;
        let mut edit = change.edit(opened);
        for slot in slots.iter().rev() {
            edit.remove_ordered(*slot)?;
        }
        edit.compact();
        change.finish()
    }

    /// Takes a leaf out of the tree, with the ancestors that lead nowhere else, and frees them. Its range goes to
    /// a neighbour: the one before, or if the parent has none before, the one after. Says whether it was done.
    fn unlink(&mut self, pages: &mut Pages, xid: Xid, leaf: &Node<PageRef>) -> Result<bool> {
        if leaf.left() == NONE && leaf.right() == NONE {
            return Ok(false);
        }
        let position = Position { bytes: leaf.item(1)?, after: false };
        let descent = self.descend(pages, position, Direction::Forward)?;
        if descent.leaf.number() != leaf.number() {
            return Err(corrupted(leaf.id(), "the way down to its first entry leads elsewhere"));
        }
        let mut unlinked = vec![(leaf.number(), leaf.left(), leaf.right())];
        for (step, level) in descent.path.steps().iter().rev().zip(1..) {
            let parent = self.read_node(pages, step.page, level)?;
            if parent.count() > 1 {
                let mut change = pages.change(xid)?;
                let opened = change.open(parent.id())?;
                change.edit(opened).remove_ordered(step.slot)?;
                change.edit(opened).compact();
                for (number, left, right) in unlinked {
                    self.link(&mut change, number, left, right)?;
                    self.release(&mut change, number)?;
                }
                change.finish()?;
                self.last_leaf = None;
                return Ok(true);
            }
            if unlinked.len() == MAX_UNLINKED {
                return Ok(false);
            }
            unlinked.push((parent.number(), parent.left(), parent.right()));
        }
        Err(corrupted(leaf.id(), "has siblings, but its ancestors have no other child"))
    }

    /// Makes the siblings of page `number` siblings of each other.
    fn link(&self, change: &mut Change<'_>, number: PageNo, left: PageNo, right: PageNo) -> Result<()> {
        for (sibling, offset, other) in [(left, RIGHT_OFFSET, right), (right, LEFT_OFFSET, left)] {
            if sibling == NONE {
                continue;
            }
            let id = self.page_id(sibling);
            let opened = change.open(id)?;
            let node = Node::new(change.page(opened), id)?;
            let back = if sibling == left { node.right() } else { node.left() };
            if back != number {
                return Err(corrupted(id, format_args!("has sibling {back}, expected {number}")));
            }
            change.edit(opened).write_special(offset, &other.to_le_bytes())?;
        }
        Ok(())
    }
}
