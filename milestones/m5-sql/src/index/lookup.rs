//! Whether entries are in the index, asked many times over.

use super::BTree;
use super::descend::{Direction, Position};
use super::node::Node;
use crate::buffer::{PageRef, Pages};
use crate::error::Result;

/// Look-ups of whole entries. If they are asked for in order, most are on the leaf of the one before: no way down.
pub struct Lookup<'a> {
    tree: &'a BTree,
    leaf: Option<Node<PageRef>>,
}

impl<'a> Lookup<'a> {
    pub fn new(tree: &'a BTree) -> Lookup<'a> {
        Lookup { tree, leaf: None }
    }

    /// Whether the index has this entry: a key, and the place of its row.
    pub fn contains(&mut self, pages: &mut Pages, entry: &[u8]) -> Result<bool> {
        if let Some(leaf) = &self.leaf
            && leaf.count() > 0
            && leaf.item(1)? <= entry
            && entry <= leaf.item(leaf.count())?
        {
            return has(leaf, entry);
        }
        let position = Position { bytes: entry, after: false };
        let descent = self.tree.descend(pages, position, Direction::Forward)?;
        has(self.leaf.insert(descent.leaf), entry)
    }
}

fn has(leaf: &Node<PageRef>, entry: &[u8]) -> Result<bool> {
    let slot = leaf.partition(1, entry, |other| other < entry)?;
    Ok(slot <= leaf.count() && leaf.item(slot)? == entry)
}
