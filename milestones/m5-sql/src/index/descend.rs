//! The way from the root down to a leaf.

use super::BTree;
use super::node::{MAX_LEVEL, META_PAGE, Meta, Node, corrupted};
use crate::buffer::{PageRef, Pages};
use crate::error::Result;
use crate::page::PageNo;

/// A place between entries: before the first one that is not less than `bytes`, or, `after` it, behind all that
/// begin with `bytes`. As `bytes` may be the first columns of a key, this is all that bounds of ranges need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position<'a> {
    pub bytes: &'a [u8],
    pub after: bool,
}

impl Position<'_> {
    /// Whether these bytes, an entry's or a separator's, are before this position.
    pub fn is_behind(&self, bytes: &[u8]) -> bool {
        bytes < self.bytes || (self.after && bytes.starts_with(self.bytes))
    }
}

/// Which way the reader is going to walk from the position it looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
}

/// One page on the way down, and the item taken there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    pub page: PageNo,
    pub slot: u16,
}

/// The inner pages from the root to just above the leaf. On the stack: a look-up allocates nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Path {
    steps: [Step; MAX_LEVEL as usize],
    len: usize,
}

impl Path {
    pub fn steps(&self) -> &[Step] {
        self.steps.get(..self.len).unwrap_or(&[])
    }

    fn push(&mut self, step: Step) {
        if let Some(next) = self.steps.get_mut(self.len) {
            *next = step;
            self.len += 1;
        }
    }
}

/// Where a descent ended.
pub(super) struct Descent {
    pub leaf: Node<PageRef>,
    pub path: Path,
    /// The inner page and the item whose separator ends the leaf's range, on the side of the direction: nothing
    /// less than it is to the right, or nothing from it on is to the left. `None` at the end of the tree.
    pub limit: Limit,
}

/// An inner page and the number of an item there, whose separator counts.
pub(super) type Limit = Option<(Node<PageRef>, u16)>;

impl Descent {
    pub fn limit(&self) -> Result<Option<&[u8]>> {
        match &self.limit {
            Some((node, slot)) => node.separator(*slot).map(Some),
            None => Ok(None),
        }
    }
}

impl BTree {
    /// Goes down to the leaf where, in this direction, the first entry from `position` on is if there is one in
    /// its range. It always goes by the root's page number in page 0, which is one more page to look at and
    /// nothing to keep up to date. Each step must lead one level down, so it ends, whatever is on the pages.
    pub(super) fn descend(
        &self,
        pages: &mut Pages,
        position: Position<'_>,
        direction: Direction,
    ) -> Result<Descent> {
        let id = self.page_id(META_PAGE);
        let meta_page = pages.read(id)?;
        let meta = Meta::read(&meta_page, id)?;
        let (mut number, mut level) = (meta.root.get(), meta.level.get() as u16);
        let (mut path, mut limit) = (Path::default(), None);
        loop {
            let node = self.read_node(pages, number, level)?;
            if level == 0 {
                return Ok(Descent { leaf: node, path, limit });
            }
            // The first child's separator does not count.
            let next = node.partition(2, position.bytes, |separator| {
                position.is_behind(separator)
                    || (direction == Direction::Forward && separator == position.bytes)
            })?;
            let slot = next - 1;
            path.push(Step { page: number, slot });
            (number, level) = (node.child(slot)?, level - 1);
            match direction {
                Direction::Forward if slot < node.count() => limit = Some((node, slot + 1)),
                Direction::Backward if slot > 1 => limit = Some((node, slot)),
                _ => {}
            }
        }
    }

    /// A page that must be on this level of the tree.
    pub(super) fn read_node(&self, pages: &mut Pages, number: PageNo, level: u16) -> Result<Node<PageRef>> {
        let id = self.page_id(number);
        let node = Node::new(pages.read(id)?, id)?;
        if node.level() != level {
            return Err(corrupted(id, format_args!("is on level {}, expected {level}", node.level())));
        }
        Ok(node)
    }
}
