//! A page of a tree, taken apart for whoever looks at it (PostgreSQL's `bt_metap` and `bt_page_items`).

use super::key;
use super::node::{Meta, Node};
use crate::error::Result;
use crate::page::{Page, PageId, PageNo, Tid};
use crate::types::{DataType, Value};

/// What a page of an index's file is.
#[derive(Debug)]
pub enum TreePage {
    /// The first page. Free pages are a list that begins at `free`; those from `unused` on were never in use.
    Meta { root: PageNo, level: u32, free: PageNo, unused: PageNo },
    /// A leaf, at level 0, or an inner page.
    Node { level: u16, left: PageNo, right: PageNo, items: Vec<TreeItem> },
    /// In the list of free pages.
    Free { next: PageNo },
}

/// An item of a leaf or an inner page.
#[derive(Debug)]
pub struct TreeItem {
    /// The number of its line pointer.
    pub slot: u16,
    pub bytes: Vec<u8>,
    /// The key, unless a split has cut it to what tells two pages apart.
    pub key: Option<Vec<Value>>,
    pub leads_to: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Row(Tid),
    Page(PageNo),
}

/// Takes a page apart; `types` are those of the index's columns.
pub fn inspect(page: &Page, id: PageId, types: &[DataType]) -> Result<TreePage> {
    if id.page == super::META_PAGE {
        let meta = Meta::read(page, id)?;
        let (root, level) = (meta.root.get(), meta.level.get());
        return Ok(TreePage::Meta { root, level, free: meta.free.get(), unused: meta.unused.get() });
    }
    if let Ok(node) = Node::free(page, id) {
        return Ok(TreePage::Free { next: node.right() });
    }
    let node = Node::new(page, id)?;
    let mut items = Vec::with_capacity(usize::from(node.count()));
    for slot in 1..=node.count() {
        let (key, leads_to) = if node.is_leaf() {
            let (key, tid) = node.entry(slot)?;
            (key, Target::Row(tid))
        } else {
            (node.separator(slot)?, Target::Page(node.child(slot)?))
        };
        let key = key::decode(types, key).ok();
        items.push(TreeItem { slot, bytes: node.item(slot)?.to_vec(), key, leads_to });
    }
    Ok(TreePage::Node { level: node.level(), left: node.left(), right: node.right(), items })
}
