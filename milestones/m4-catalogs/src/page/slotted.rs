//! Line pointers: the directory at the front of a page that says where its items are.
//!
//! Everything outside the page names an item by the number of its line pointer (from 1, as in PostgreSQL),
//! never by its offset. So an item can move within the page without anybody outside noticing.

use super::{HEADER_SIZE, LINE_POINTER_SIZE, PAGE_SIZE, Page};
use std::ops::Range;

/// A flag of the page: some line pointers may be unused (PostgreSQL's `PD_HAS_FREE_LINES`). Without it, an
/// insert need not look for one.
pub const HAS_FREE_LINES: u16 = 1;

/// What a line pointer is in use for (PostgreSQL's `LP_*`, `src/include/storage/itemid.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemFlags {
    /// Free to be used again.
    Unused,
    /// Names an item.
    Normal,
    /// Names another line pointer of the page, in its offset.
    Redirect,
    /// Its item is gone, but somebody (an index) may still name it.
    Dead,
}

/// Where an item is: 15 bits of offset, 2 of flags, 15 of length, in four bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LinePointer(u32);

impl LinePointer {
    pub const UNUSED: LinePointer = LinePointer(0);

    /// `offset` and `len` are within a page, so they fit their 15 bits.
    pub fn normal(offset: usize, len: usize) -> LinePointer {
        debug_assert!(offset <= PAGE_SIZE && len <= PAGE_SIZE);
        LinePointer(offset as u32 | 1 << 15 | (len as u32) << 17)
    }

    pub fn offset(self) -> usize {
        (self.0 & 0x7fff) as usize
    }

    pub fn len(self) -> usize {
        (self.0 >> 17) as usize
    }

    /// The bytes of the page that it names.
    pub fn range(self) -> Range<usize> {
        self.offset()..self.offset() + self.len()
    }

    /// An item of no bytes; access methods store none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub fn flags(self) -> ItemFlags {
        match self.0 >> 15 & 3 {
            0 => ItemFlags::Unused,
            1 => ItemFlags::Normal,
            2 => ItemFlags::Redirect,
            _ => ItemFlags::Dead,
        }
    }

    pub fn to_bytes(self) -> [u8; LINE_POINTER_SIZE] {
        self.0.to_le_bytes()
    }
}

impl Page {
    /// How many line pointers the page has; they are numbered from 1.
    pub fn slot_count(&self) -> u16 {
        (self.lower().saturating_sub(HEADER_SIZE) / LINE_POINTER_SIZE) as u16
    }

    /// Where in the page line pointer `slot` is.
    pub fn line_pointer_offset(slot: u16) -> usize {
        HEADER_SIZE + usize::from(slot - 1) * LINE_POINTER_SIZE
    }

    /// Line pointer `slot`, or an unused one where the page has none of that number.
    #[inline]
    pub fn line_pointer(&self, slot: u16) -> LinePointer {
        if slot == 0 || slot > self.slot_count() {
            return LinePointer::UNUSED;
        }
        let start = Page::line_pointer_offset(slot);
        match self.bytes().get(start..).and_then(|rest| rest.first_chunk()) {
            Some(bytes) => LinePointer(u32::from_le_bytes(*bytes)),
            None => LinePointer::UNUSED,
        }
    }

    /// All line pointers, with their numbers.
    #[inline]
    pub fn line_pointers(&self) -> impl Iterator<Item = (u16, LinePointer)> + '_ {
        let directory = self.bytes().get(HEADER_SIZE..self.lower()).unwrap_or(&[]);
        let pointers = directory.as_chunks().0.iter();
        (1..).zip(pointers.map(|bytes| LinePointer(u32::from_le_bytes(*bytes))))
    }

    /// The bytes of item `slot`, if the line pointer names any.
    #[inline]
    pub fn item(&self, slot: u16) -> Option<&[u8]> {
        self.item_at(self.line_pointer(slot))
    }

    /// The bytes that a line pointer names.
    #[inline]
    pub fn item_at(&self, pointer: LinePointer) -> Option<&[u8]> {
        match pointer.flags() {
            ItemFlags::Normal => self.bytes().get(pointer.range()),
            _ => None,
        }
    }

    /// Free bytes between line pointers and items.
    pub fn free_space(&self) -> usize {
        self.upper().saturating_sub(self.lower())
    }

    /// The longest item that still fits together with a new line pointer.
    pub fn room_for_item(&self) -> usize {
        self.free_space().saturating_sub(LINE_POINTER_SIZE)
    }

    /// A line pointer that can be used again, else the number of the next new one.
    pub fn free_slot(&self) -> u16 {
        let next = self.slot_count() + 1;
        if self.header().flags.get() & HAS_FREE_LINES == 0 {
            return next;
        }
        (1..next).find(|slot| self.line_pointer(*slot).flags() == ItemFlags::Unused).unwrap_or(next)
    }
}
