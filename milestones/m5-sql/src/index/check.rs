//! Looking at every page of an index: is it what it should be?
//!
//! What must hold, and is checked here:
//!
//! - from the root, every page of the tree is reached exactly once, a level lower at each step;
//! - the items of a page are in order, and within the separators that lead to the page;
//! - the siblings of each level are linked in the same order, both ways;
//! - every other page of the file is in the list of free pages once, or was never used.

use super::BTree;
use super::node::{META_PAGE, Meta, NONE, Node, corrupted};
use crate::buffer::{PageRef, Pages};
use crate::error::{Error, Result};
use crate::page::{PageId, PageKind, PageNo, Tid};

/// Enough to see what is wrong; a damaged inner page can make thousands.
const MAX_PROBLEMS: usize = 100;

/// Who is shown each entry: its key, and the place of its row.
pub type Visitor<'a> = &'a mut dyn FnMut(&mut Pages, &[u8], Tid);

impl BTree {
    /// What is wrong with the index, each with its place; nothing, if it is sound. Calls `visit` with each entry
    /// that can be reached, in order, for the caller to compare with the heap.
    pub fn check(&self, pages: &mut Pages, visit: Visitor<'_>) -> Vec<Error> {
        let mut check =
            Check { tree: self, pages, seen: Vec::new(), last: Vec::new(), problems: Vec::new(), visit };
        if let Err(error) = check.run() {
            check.problems.push(error);
        }
        check.problems
    }
}

struct Check<'a> {
    tree: &'a BTree,
    pages: &'a mut Pages,
    /// The pages of the file that have been come across.
    seen: Vec<bool>,
    /// The page last seen on each level, and its right sibling.
    last: Vec<(PageNo, PageNo)>,
    problems: Vec<Error>,
    visit: Visitor<'a>,
}

/// A page to look at: its level, and the range its items must be in.
struct Visit {
    page: PageNo,
    level: u16,
    from: Vec<u8>,
    to: Option<Vec<u8>>,
}

impl Check<'_> {
    fn run(&mut self) -> Result<()> {
        let meta = self.tree.read_meta(self.pages)?;
        // Those that the file has; of others that should be there, whoever looked at the file has told.
        let file = self.tree.file();
        let count = self.pages.files().page_count(file)?.min(self.pages.page_count(file)?);
        self.seen = vec![false; count as usize];
        self.see(META_PAGE);
        self.last = vec![(NONE, NONE); meta.level.get() as usize + 1];
        self.tree_from(&meta);
        for (page, right) in self.last.clone() {
            if right != NONE {
                self.report(page, format_args!("is the last of its level, but has right sibling {right}"));
            }
        }
        self.free_list(&meta);
        // A damaged page hides those below it: they would all be reported.
        if self.problems.is_empty() {
            self.others(&meta, count);
        }
        Ok(())
    }

    /// Goes through the tree from left to right. The pages still to look at are those right of the way down.
    fn tree_from(&mut self, meta: &Meta) {
        let root =
            Visit { page: meta.root.get(), level: meta.level.get() as u16, from: Vec::new(), to: None };
        let mut stack = vec![root];
        while let Some(visit) = stack.pop() {
            if self.problems.len() >= MAX_PROBLEMS {
                return;
            }
            let below = stack.len();
            if let Err(error) = self.node(&visit, &mut stack) {
                self.problems.push(error);
            }
            stack[below..].reverse();
        }
    }

    fn node(&mut self, visit: &Visit, stack: &mut Vec<Visit>) -> Result<()> {
        if !self.see(visit.page) {
            return Ok(());
        }
        let node = self.tree.read_node(self.pages, visit.page, visit.level)?;
        self.links(&node);
        let first = if node.is_leaf() { 1 } else { 2 };
        for slot in first..=node.count() {
            let bytes = node.sort_bytes(slot)?;
            if slot > first && node.sort_bytes(slot - 1)? >= bytes {
                self.report(visit.page, format_args!("items {} and {slot} are not in order", slot - 1));
            }
            if bytes < visit.from.as_slice() || visit.to.as_ref().is_some_and(|to| bytes >= to.as_slice()) {
                self.report(visit.page, format_args!("item {slot} is outside the page's separators"));
            }
        }
        for slot in 1..=node.count() {
            if node.is_leaf() {
                let (key, tid) = node.entry(slot)?;
                (self.visit)(self.pages, key, tid);
                continue;
            }
            let from = if slot == 1 { visit.from.clone() } else { node.separator(slot)?.to_vec() };
            let to = match slot == node.count() {
                true => visit.to.clone(),
                false => Some(node.separator(slot + 1)?.to_vec()),
            };
            stack.push(Visit { page: node.child(slot)?, level: visit.level - 1, from, to });
        }
        Ok(())
    }

    fn links(&mut self, node: &Node<PageRef>) {
        let Some(last) = self.last.get_mut(usize::from(node.level())) else { return };
        let (left, right) = std::mem::replace(last, (node.number(), node.right()));
        if node.left() != left {
            self.report(node.number(), format_args!("has left sibling {}, expected {left}", node.left()));
        }
        if left != NONE && right != node.number() {
            self.report(left, format_args!("has right sibling {right}, expected {}", node.number()));
        }
    }

    fn free_list(&mut self, meta: &Meta) {
        let mut next = meta.free.get();
        while next != NONE && self.see(next) {
            let id = self.id(next);
            match self.pages.read(id).and_then(|page| Node::free(page, id)) {
                Ok(node) => next = node.right(),
                Err(error) => return self.problems.push(error),
            }
        }
    }

    /// The pages that are neither in the tree nor free.
    fn others(&mut self, meta: &Meta, count: PageNo) {
        let unused = meta.unused.get();
        for number in 0..count {
            let seen = self.seen.get(number as usize).copied().unwrap_or(false);
            match (seen, number < unused) {
                (true, true) => {}
                (true, false) => self.report(number, "is in use, but the first page says it never was"),
                (false, true) => self.report(number, "is neither in the tree nor free"),
                (false, false) => match self.pages.read(self.id(number)) {
                    Ok(page) if page.kind() == PageKind::Empty => {}
                    Ok(_) => self.report(number, "was never used, but is not empty"),
                    Err(error) => self.problems.push(error),
                },
            }
            if self.problems.len() >= MAX_PROBLEMS {
                return;
            }
        }
    }

    /// Marks a page as come across; `false`, and a problem, if it was before or is not in the file.
    fn see(&mut self, page: PageNo) -> bool {
        match self.seen.get_mut(page as usize) {
            Some(seen) if !*seen => {
                *seen = true;
                return true;
            }
            Some(_) => self.report(page, "is reached more than once"),
            None => self.report(page, "is reached, but the file ends before it"),
        }
        false
    }

    fn id(&self, page: PageNo) -> PageId {
        self.tree.page_id(page)
    }

    fn report(&mut self, page: PageNo, what: impl std::fmt::Display) {
        let problem = corrupted(self.id(page), what);
        self.problems.push(problem);
    }
}
