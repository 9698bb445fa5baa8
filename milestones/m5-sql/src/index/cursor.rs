//! Reading a range of an index, a leaf at a time, in either direction.
//!
//! Between two leaves anything may happen to the tree: an UPDATE that finds its rows through an index adds
//! entries to that index. So a cursor keeps no page, but the last entry it gave, and goes on from there. It looks
//! at the sibling first, and takes it if the sibling says it is one; otherwise it comes down from the root again.
//! The links save time; what is in the range, and where it ends, is decided by the separators and entries alone.

use super::BTree;
use super::descend::{Descent, Direction, Position};
use super::node::{NONE, Node, corrupted};
use crate::buffer::{PageRef, Pages};
use crate::error::Result;
use crate::page::{PageId, PageNo, Tid};
use std::ops::{Bound, Range};

/// A range being read.
///
/// Invariant: what has not been given yet is between `lower` and `upper`.
#[derive(Clone, Debug)]
pub struct Cursor {
    tree: BTree,
    direction: Direction,
    lower: OwnedPosition,
    upper: OwnedPosition,
    /// The last leaf and its sibling in the cursor's direction, when it was read.
    link: Option<(PageNo, PageNo)>,
    done: bool,
}

#[derive(Clone, Debug, Default)]
struct OwnedPosition {
    bytes: Vec<u8>,
    after: bool,
}

impl OwnedPosition {
    fn set(&mut self, bytes: &[u8], after: bool) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.after = after;
    }

    fn get(&self) -> Position<'_> {
        Position { bytes: &self.bytes, after: self.after }
    }
}

/// The entries of one leaf that are in the range; the page is held as long as this is.
pub struct LeafRange {
    leaf: Node<PageRef>,
    slots: Range<u16>,
    direction: Direction,
}

impl LeafRange {
    /// The entries in the cursor's direction: keys, and the places of their rows.
    pub fn entries(&self) -> impl Iterator<Item = Result<(&[u8], Tid)>> {
        let Range { start, end } = self.slots;
        (0..end - start).map(move |passed| match self.direction {
            Direction::Forward => self.leaf.entry(start + passed),
            Direction::Backward => self.leaf.entry(end - 1 - passed),
        })
    }
}

impl BTree {
    /// A cursor over the entries between two bounds. A bound is a whole key or its first columns, and then
    /// stands for all keys that begin with them: from `Included(7)` on means from the first key whose first
    /// column is 7, from `Excluded(7)` on means behind the last of them.
    pub fn scan(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>, direction: Direction) -> Cursor {
        let mut cursor = Cursor {
            tree: self.clone(),
            direction,
            lower: OwnedPosition::default(),
            upper: OwnedPosition::default(),
            link: None,
            done: false,
        };
        cursor.restart(lower, upper);
        cursor
    }
}

impl Cursor {
    /// Begins anew with other bounds, keeping its memory.
    pub fn restart(&mut self, lower: Bound<&[u8]>, upper: Bound<&[u8]>) {
        match lower {
            Bound::Included(key) => self.lower.set(key, false),
            Bound::Excluded(key) => self.lower.set(key, true),
            Bound::Unbounded => self.lower.set(&[], false),
        }
        match upper {
            Bound::Included(key) => self.upper.set(key, true),
            Bound::Excluded(key) => self.upper.set(key, false),
            // Every entry begins with nothing.
            Bound::Unbounded => self.upper.set(&[], true),
        }
        (self.link, self.done) = (None, false);
    }

    /// The places of the next leaf's entries; they replace what is in `tids`. `false` at the end of the range.
    pub fn next_batch(&mut self, pages: &mut Pages, tids: &mut Vec<Tid>) -> Result<bool> {
        tids.clear();
        let Some(range) = self.next_range(pages)? else { return Ok(false) };
        for entry in range.entries() {
            tids.push(entry?.1);
        }
        Ok(true)
    }

    /// The next leaf's entries, keys and all, where they are; `None` at the end of the range.
    pub fn next_range(&mut self, pages: &mut Pages) -> Result<Option<LeafRange>> {
        if let Some(leaf) = self.sibling(pages)
            && let Some(range) = self.take(leaf)?
        {
            return Ok(Some(range));
        }
        while !self.done {
            let start = match self.direction {
                Direction::Forward => self.lower.get(),
                Direction::Backward => self.upper.get(),
            };
            let Descent { leaf, limit, .. } = self.tree.descend(pages, start, self.direction)?;
            let id = leaf.id();
            if let Some(range) = self.take(leaf)? {
                return Ok(Some(range));
            }
            match &limit {
                Some((node, slot)) if !self.done => self.go_on_from(node.separator(*slot)?, id)?,
                _ => self.done = true,
            }
        }
        Ok(None)
    }

    /// The sibling that the last leaf had, if the sibling agrees.
    fn sibling(&mut self, pages: &mut Pages) -> Option<Node<PageRef>> {
        let (last, number) = self.link.take()?;
        if self.done || number == NONE {
            return None;
        }
        let node = self.tree.read_node(pages, number, 0).ok()?;
        let back = if self.direction == Direction::Forward { node.left() } else { node.right() };
        (back == last).then_some(node)
    }

    /// The part of a leaf that is in the range, if any; what is left of the range then begins behind it. Done, if
    /// the leaf has entries beyond the range.
    fn take(&mut self, leaf: Node<PageRef>) -> Result<Option<LeafRange>> {
        let start = leaf.partition(1, self.lower.get().bytes, |entry| self.lower.get().is_behind(entry))?;
        let end = leaf.partition(start, self.upper.get().bytes, |entry| self.upper.get().is_behind(entry))?;
        let forward = self.direction == Direction::Forward;
        self.done = if forward { end <= leaf.count() } else { start > 1 };
        if start == end {
            return Ok(None);
        }
        let (near, sibling) = if forward { (end - 1, leaf.right()) } else { (start, leaf.left()) };
        let last = leaf.item(near)?;
        // Entries out of order could lead back to where the range has been.
        if self.lower.get().is_behind(last) || !self.upper.get().is_behind(last) {
            return Err(corrupted(leaf.id(), format_args!("item {near} is not in order")));
        }
        if forward {
            self.lower.set(last, true);
        } else {
            self.upper.set(last, false);
        }
        self.link = Some((leaf.number(), sibling));
        Ok(Some(LeafRange { leaf, slots: start..end, direction: self.direction }))
    }

    /// Leaves out what is before this separator, in the cursor's direction: the leaf there had nothing more.
    fn go_on_from(&mut self, separator: &[u8], leaf: PageId) -> Result<()> {
        let forward = self.direction == Direction::Forward;
        let (near, far) =
            if forward { (&mut self.lower, &self.upper) } else { (&mut self.upper, &self.lower) };
        let goes_on = match forward {
            true => !near.get().is_behind(separator) && separator != near.bytes,
            false => near.get().is_behind(separator),
        };
        if !goes_on {
            return Err(corrupted(leaf, "the separators that lead to it are not in order"));
        }
        // Nothing is left in the range if the separator is beyond its far end.
        self.done = if forward { !far.get().is_behind(separator) } else { far.get().is_behind(separator) };
        near.set(separator, false);
        Ok(())
    }
}
