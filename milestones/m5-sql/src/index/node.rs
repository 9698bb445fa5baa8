//! The pages of a B+ tree as bytes: what is on one, and how it is checked and searched.
//!
//! ```text
//! page 0     special: Meta               where the root is, which pages are free
//! leaf       items: key ‖ tid            sorted; special: NodeSpecial
//! inner      items: child ‖ separator    sorted by separator; special: NodeSpecial
//! ```
//!
//! An entry of a leaf ends with the place of its row, six bytes, high byte first, so that entries of equal keys
//! are ordered by place. A separator is a lower bound of everything below its child and greater than everything
//! below the child before. It need not be a whole entry: a split takes the shortest bytes that do (suffix truncation;
//! PostgreSQL cuts off whole columns only), so an inner page has room for hundreds of children. The first child of an
//! inner page takes what is smaller than the second separator; the bytes of its own are not looked at.
//!
//! Everything here was read from a disk. The page's own checks (`Page::verify`) have bounded every item; here it
//! is checked that they mean something.

use crate::error::{Error, Result, SqlState};
use crate::page::{HEADER_SIZE, LINE_POINTER_SIZE, PAGE_SIZE, Page, PageId, PageKind, PageNo, Tid};
use std::ops::Deref;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a row's place at the end of an entry.
pub(super) const TID_SIZE: usize = 6;

/// Bytes of a child's page number at the start of an inner page's item.
pub(super) const CHILD_SIZE: usize = 4;

/// The longest entry. Three of them fit a page, so that a split always helps. The number is PostgreSQL's.
pub(super) const MAX_ENTRY_SIZE: usize = 2704;

/// A tree in which each inner page had just two children would have no more levels over 2³² pages.
pub(super) const MAX_LEVEL: u16 = 31;

/// The page that says where the tree is.
pub(super) const META_PAGE: PageNo = 0;

/// No page: the tree's first page is never anybody's sibling.
pub(super) const NONE: PageNo = 0;

/// Bytes for items and their line pointers on a tree's page.
pub(super) const CAPACITY: usize = PAGE_SIZE - HEADER_SIZE - size_of::<NodeSpecial>();

/// The special space of a leaf or inner page.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct NodeSpecial {
    /// The page before on the same level.
    pub left: U32,
    /// The page after. Of a free page: the next free one.
    pub right: U32,
    /// Levels above the leaves, which are at 0.
    pub level: U16,
    pub flags: U16,
}

/// Where [`NodeSpecial`] has its links.
pub(super) const LEFT_OFFSET: usize = 0;
pub(super) const RIGHT_OFFSET: usize = 4;

/// The page is in no tree but in the list of free pages.
const FREE: u16 = 1;

impl NodeSpecial {
    pub fn new(level: u16, left: PageNo, right: PageNo) -> NodeSpecial {
        NodeSpecial { left: left.into(), right: right.into(), level: level.into(), flags: 0.into() }
    }

    pub fn free(next: PageNo) -> NodeSpecial {
        NodeSpecial { flags: FREE.into(), ..NodeSpecial::new(0, NONE, next) }
    }
}

const MAGIC: u32 = 0x0005_3162; // PostgreSQL's BTREE_MAGIC
const VERSION: u32 = 1;

/// The special space of page 0.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Meta {
    magic: U32,
    version: U32,
    pub root: U32,
    /// The root's level.
    pub level: U32,
    /// The first free page.
    pub free: U32,
    /// No page from this one on was ever in use.
    pub unused: U32,
}

impl Meta {
    pub fn new(root: PageNo, level: u16, unused: PageNo) -> Meta {
        Meta {
            magic: MAGIC.into(),
            version: VERSION.into(),
            root: root.into(),
            level: u32::from(level).into(),
            free: NONE.into(),
            unused: unused.into(),
        }
    }

    pub fn read(page: &Page, id: PageId) -> Result<&Meta> {
        match Meta::ref_from_bytes(page.special()) {
            Ok(meta) if page.kind() == PageKind::BTree && meta.magic.get() == MAGIC => {
                if meta.version.get() != VERSION {
                    return Err(corrupted(id, format_args!("version {} of an index", meta.version)));
                }
                if meta.level.get() > u32::from(MAX_LEVEL) {
                    return Err(corrupted(id, format_args!("an index of {} levels", meta.level)));
                }
                Ok(meta)
            }
            _ => Err(corrupted(id, "is not the first page of an index")),
        }
    }
}

/// A stored byte of an index that cannot be right.
pub(super) fn corrupted(id: PageId, what: impl std::fmt::Display) -> Error {
    Error::new(SqlState::IndexCorrupted, format!("{id}: {what}"))
}

/// A leaf or inner page, held or borrowed, whose special space has been checked.
pub(super) struct Node<P> {
    page: P,
    id: PageId,
    special: NodeSpecial,
    count: u16,
}

impl<P: Deref<Target = Page>> Node<P> {
    /// A page of the tree proper.
    pub fn new(page: P, id: PageId) -> Result<Node<P>> {
        let node = Node::of_any_use(page, id)?;
        if node.special.flags.get() != 0 {
            return Err(corrupted(id, "is a free page, but the index leads to it"));
        }
        Ok(node)
    }

    /// A page of the list of free pages.
    pub fn free(page: P, id: PageId) -> Result<Node<P>> {
        let node = Node::of_any_use(page, id)?;
        if node.special.flags.get() != FREE {
            return Err(corrupted(id, "is in use, but listed as free"));
        }
        Ok(node)
    }

    fn of_any_use(page: P, id: PageId) -> Result<Node<P>> {
        if page.kind() != PageKind::BTree {
            return Err(corrupted(id, format_args!("is a {:?} page, expected one of an index", page.kind())));
        }
        let Ok(special) = NodeSpecial::read_from_bytes(page.special()) else {
            return Err(corrupted(id, "is not a page of a B+ tree"));
        };
        let count = page.slot_count();
        if special.level.get() > MAX_LEVEL || (special.level.get() > 0 && count == 0) {
            return Err(corrupted(id, format_args!("{count} items on level {}", special.level)));
        }
        Ok(Node { page, id, special, count })
    }

    pub fn id(&self) -> PageId {
        self.id
    }

    pub fn number(&self) -> PageNo {
        self.id.page
    }

    pub fn level(&self) -> u16 {
        self.special.level.get()
    }

    pub fn is_leaf(&self) -> bool {
        self.level() == 0
    }

    pub fn left(&self) -> PageNo {
        self.special.left.get()
    }

    pub fn right(&self) -> PageNo {
        self.special.right.get()
    }

    /// Items are numbered from 1 to this.
    pub fn count(&self) -> u16 {
        self.count
    }

    pub fn free_space(&self) -> usize {
        self.page.free_space()
    }

    pub fn item(&self, slot: u16) -> Result<&[u8]> {
        match self.page.item(slot) {
            Some(item) => Ok(item),
            None => Err(corrupted(self.id, format_args!("has no item {slot}"))),
        }
    }

    /// The bytes by which item `slot` is ordered: a leaf's entry, an inner page's separator.
    pub fn sort_bytes(&self, slot: u16) -> Result<&[u8]> {
        if self.is_leaf() { self.item(slot) } else { self.separator(slot) }
    }

    /// A leaf's item taken apart.
    pub fn entry(&self, slot: u16) -> Result<(&[u8], Tid)> {
        match split_entry(self.item(slot)?) {
            Some(parts) if self.is_leaf() => Ok(parts),
            _ => Err(corrupted(self.id, format_args!("item {slot} is not an entry"))),
        }
    }

    pub fn child(&self, slot: u16) -> Result<PageNo> {
        match self.item(slot)?.first_chunk() {
            Some(bytes) if !self.is_leaf() => Ok(PageNo::from_le_bytes(*bytes)),
            _ => Err(corrupted(self.id, format_args!("item {slot} names no child"))),
        }
    }

    pub fn separator(&self, slot: u16) -> Result<&[u8]> {
        match self.item(slot)?.get(CHILD_SIZE..) {
            Some(separator) if !self.is_leaf() => Ok(separator),
            _ => Err(corrupted(self.id, format_args!("item {slot} has no separator"))),
        }
    }

    /// The first item from `first` on for which `is_before` does not hold; one past the last if it holds for
    /// all. The items are sorted, so those for which it holds come first; where that ends is near `target`.
    pub fn partition(&self, first: u16, target: &[u8], is_before: impl Fn(&[u8]) -> bool) -> Result<u16> {
        let (mut low, mut high) = (first, self.count + 1);
        // Each look at an item waits for memory. So the first is where the item would be if keys were spread evenly, and
        // the search goes on from there in growing steps: for numbers that were counted up, it is over at once.
        if let Some(guess) = self.guess(first, target)? {
            let mut step = 1;
            if is_before(self.sort_bytes(guess)?) {
                low = guess + 1;
                while low < high {
                    let probe = low.saturating_add(step - 1).min(high - 1);
                    if !is_before(self.sort_bytes(probe)?) {
                        high = probe;
                        break;
                    }
                    (low, step) = (probe + 1, step.saturating_mul(2));
                }
            } else {
                high = guess;
                while low < high {
                    let probe = high.saturating_sub(step).max(low);
                    if is_before(self.sort_bytes(probe)?) {
                        low = probe + 1;
                        break;
                    }
                    (high, step) = (probe, step.saturating_mul(2));
                }
            }
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(self.sort_bytes(middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Where `target` would be among the items from `first` on if their bytes grew evenly (*interpolation search*).
    fn guess(&self, first: u16, target: &[u8]) -> Result<Option<u16>> {
        if self.count.saturating_sub(first) < 8 {
            return Ok(None);
        }
        let (lowest, highest) = (self.sort_bytes(first)?, self.sort_bytes(self.count)?);
        let common = lowest.iter().zip(highest).take_while(|(low, high)| low == high).count();
        if target.get(..common) != lowest.get(..common) {
            return Ok(None);
        }
        let [low, high, wanted] = [lowest, highest, target].map(|bytes| number_at(bytes, common));
        let (range, offset) = (high.saturating_sub(low), wanted.saturating_sub(low));
        let share = offset as f64 / range.max(1) as f64;
        let last = self.count - first;
        Ok(Some(first + ((share * f64::from(last)) as u16).min(last)))
    }

    /// Where in this leaf an entry is or belongs.
    pub fn entry_slot(&self, entry: &[u8]) -> Result<u16> {
        if self.is_appended(entry)? {
            return Ok(self.count + 1);
        }
        self.partition(1, entry, |other| other < entry)
    }

    /// Whether an entry comes after all others of this leaf.
    pub fn is_appended(&self, entry: &[u8]) -> Result<bool> {
        Ok(self.count == 0 || self.item(self.count)? < entry)
    }

    /// The shortest separator between the items before `slot` and those from `slot` on.
    pub fn cut_separator(&self, slot: u16) -> Result<&[u8]> {
        match self.is_leaf() {
            true => Ok(shortest_separator(self.item(slot - 1)?, self.item(slot)?)),
            false => self.separator(slot),
        }
    }
}

/// The shortest beginning of `right` that is still greater than `left`, which is less than `right`.
pub(super) fn shortest_separator<'r>(left: &[u8], right: &'r [u8]) -> &'r [u8] {
    let common = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    right.get(..common + 1).unwrap_or(right)
}

/// Eight bytes as a number that is ordered as they are.
fn number_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.iter_mut().zip(bytes.get(at..).unwrap_or_default()).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(number)
}

pub(super) fn tid_bytes(tid: Tid) -> [u8; TID_SIZE] {
    let ([a, b, c, d], [e, f]) = (tid.page.to_be_bytes(), tid.slot.to_be_bytes());
    [a, b, c, d, e, f]
}

/// An entry's key and the place of its row; no key is empty.
pub fn split_entry(entry: &[u8]) -> Option<(&[u8], Tid)> {
    let (key, [a, b, c, d, e, f]) = entry.split_last_chunk()?;
    let tid = Tid { page: u32::from_be_bytes([*a, *b, *c, *d]), slot: u16::from_be_bytes([*e, *f]) };
    (!key.is_empty()).then_some((key, tid))
}

/// An item of an inner page.
pub(super) fn inner_item(child: PageNo, separator: &[u8]) -> Vec<u8> {
    [&child.to_le_bytes(), separator].concat()
}

/// What an item takes of a page's [`CAPACITY`].
pub(super) fn item_space(item_len: usize) -> usize {
    item_len + LINE_POINTER_SIZE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Delta, FileId, PageMut};
    use proptest::prelude::*;

    #[test]
    fn a_separator_is_as_short_as_can_be() {
        assert_eq!(shortest_separator(b"Miller", b"Moore"), b"Mo");
        assert_eq!(shortest_separator(b"Moore", b"Moores"), b"Moores");
        assert_eq!(shortest_separator(b"a", b"b"), b"b");
    }

    #[test]
    fn places_sort_as_their_bytes_do() {
        let tids = [(0, 1), (0, 256), (1, 0), (255, 9), (256, 1), (u32::MAX, u16::MAX)];
        let entries: Vec<Vec<u8>> = tids
            .iter()
            .map(|(page, slot)| [&[1][..], &tid_bytes(Tid { page: *page, slot: *slot })].concat())
            .collect();
        assert!(entries.is_sorted());
        for (entry, (page, slot)) in entries.iter().zip(tids) {
            assert_eq!(split_entry(entry), Some((&[1][..], Tid { page, slot })));
        }
        assert_eq!(split_entry(&[0; TID_SIZE]), None);
    }

    proptest! {
        #[test]
        fn a_partition_is_where_a_model_has_it(
            mut items in proptest::collection::vec(proptest::collection::vec(0..4_u8, 1..12), 0..60),
            target in proptest::collection::vec(0..4_u8, 0..12),
            from in 0..60_u16,
        ) {
            items.sort();
            let (mut page, mut delta) = (Page::zeroed(), Delta::default());
            let mut edit = PageMut::new(&mut page, &mut delta);
            edit.init(PageKind::BTree, size_of::<NodeSpecial>());
            edit.write_special(0, NodeSpecial::new(0, NONE, NONE).as_bytes()).unwrap();
            for (slot, item) in (1..).zip(&items) {
                edit.insert(slot, item).unwrap();
            }
            let node = Node::new(Box::new(page), FileId::main(1).page(1)).unwrap();
            let first = 1 + from % (items.len() as u16 + 1);
            let expected = first as usize
                + items[first as usize - 1..].partition_point(|item| *item < target);
            let found = node.partition(first, &target, |item| item < target.as_slice()).unwrap();
            prop_assert_eq!(found as usize, expected);
        }
    }

    #[test]
    fn three_of_the_longest_fit_a_page() {
        assert!(3 * item_space(MAX_ENTRY_SIZE + CHILD_SIZE) <= CAPACITY);
    }
}
