//! The page: 8 KiB that are read, checked, changed and written as one.
//!
//! The layout is PostgreSQL's (`src/include/storage/bufpage.h`):
//!
//! ```text
//! 0        24                lower          upper               special    8192
//! ┌────────┬─────────────────┬──────────────┬───────────────────┬──────────┐
//! │ header │ line pointers → │  free space  │ ← items           │ special  │
//! └────────┴─────────────────┴──────────────┴───────────────────┴──────────┘
//! ```
//!
//! Line pointers grow up, items grow down, and the page is full when they meet. A line pointer never moves,
//! so its number is a lasting name for an item that may move within the page.
//!
//! This file is the page as bytes: header, checksum, and the checks on what comes from disk. `slotted` reads
//! items through line pointers, `edit` is the only way to change a page.

mod edit;
mod slotted;

pub use edit::{Delta, Move, PageMut};
pub use slotted::{HAS_FREE_LINES, ItemFlags, LinePointer};

use crate::directory::DatabaseId;
use crate::error::{Error, Result};
use crc_fast::{CrcAlgorithm, Digest};
use std::fmt;
use std::ops::Range;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

pub const PAGE_SIZE: usize = 8192;

/// Bytes of [`PageHeader`]; line pointers begin here.
pub const HEADER_SIZE: usize = 24;

/// Bytes of one line pointer.
pub const LINE_POINTER_SIZE: usize = 4;

/// The version of this layout, stored in each page.
pub const LAYOUT_VERSION: u8 = 1;

/// A place in the log: the byte position of a record. 0 where no log has been.
pub type Lsn = u64;

/// A page's position in its file, counting from 0.
pub type PageNo = u32;

/// A relation's file: the number of the relation, and which of its forks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    pub relation: u32,
    pub fork: Fork,
}

/// A relation's files, as PostgreSQL has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fork {
    Main,
    /// Where there is room in the main fork.
    FreeSpaceMap,
}

impl FileId {
    pub fn main(relation: u32) -> FileId {
        FileId { relation, fork: Fork::Main }
    }

    pub fn free_space_map(relation: u32) -> FileId {
        FileId { relation, fork: Fork::FreeSpaceMap }
    }

    pub fn page(self, page: PageNo) -> PageId {
        PageId { file: self, page }
    }

    /// Reads a name that [`FileId`]'s `Display` wrote; another that stands for the same number is not ours.
    pub fn parse(name: &str) -> Option<FileId> {
        let id = match name.strip_suffix("_fsm") {
            Some(number) => FileId::free_space_map(number.parse().ok()?),
            None => FileId::main(name.parse().ok()?),
        };
        (id.to_string() == name).then_some(id)
    }
}

/// The file's name in the directory of relations: `16384`, `16384_fsm`.
impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fork {
            Fork::Main => write!(f, "{}", self.relation),
            Fork::FreeSpaceMap => write!(f, "{}_fsm", self.relation),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageId {
    pub file: FileId,
    pub page: PageNo,
}

impl PageId {
    /// Gives an error about the bytes of item `slot` its place: whoever looks at a tuple does not know where it lies.
    pub fn locate(self, slot: u16) -> impl FnOnce(Error) -> Error {
        move |error| error.at(format_args!("slot {slot} of {self}"))
    }
}

impl fmt::Display for PageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {} of file \"base/{}\"", self.page, self.file)
    }
}

/// The place of a tuple (PostgreSQL's TID or ctid): page, and number of the line pointer from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tid {
    pub page: PageNo,
    pub slot: u16,
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.page, self.slot)
    }
}

/// What a page is for; a page read where another kind is expected is damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PageKind {
    /// All zero: a page that was added to a file and never used.
    Empty = 0,
    Heap = 1,
    FreeSpaceMap = 2,
    CommitLog = 3,
    BTree = 4,
}

impl PageKind {
    fn from_byte(byte: u8) -> Option<PageKind> {
        [PageKind::Empty, PageKind::Heap, PageKind::FreeSpaceMap, PageKind::CommitLog, PageKind::BTree]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// The first 24 bytes of every page.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Debug)]
#[repr(C)]
pub struct PageHeader {
    /// The end of the last log record that changed this page (stage 2; zero before).
    pub lsn: U64,
    /// CRC-32C of the page and of where it belongs; see [`Page::compute_checksum`].
    pub checksum: U32,
    pub flags: U16,
    /// End of the line pointers, where free space begins.
    pub lower: U16,
    /// Start of the items, where free space ends.
    pub upper: U16,
    /// Start of the special space, which belongs to the kind of page.
    pub special: U16,
    pub layout_version: u8,
    pub kind: u8,
    pub reserved: U16,
}

/// The 8192 bytes of a page.
///
/// Invariant of every page that [`Page::verify`] has accepted, and that [`PageMut`] keeps:
/// `HEADER_SIZE <= lower <= upper <= special <= PAGE_SIZE`, and each line pointer in use names bytes
/// between `upper` and `special`; or all of the page is zero.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone)]
#[repr(C)]
pub struct Page {
    header: PageHeader,
    body: [u8; PAGE_SIZE - HEADER_SIZE],
}

impl Page {
    /// A page of zeros, as a file that just grew holds them.
    pub fn zeroed() -> Page {
        Page::new_zeroed()
    }

    pub fn header(&self) -> &PageHeader {
        &self.header
    }

    pub fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    /// The raw bytes, for reading a page in from disk or from the log. [`Page::verify`] comes next.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.as_mut_bytes()
    }

    pub fn lsn(&self) -> Lsn {
        self.header.lsn.get()
    }

    /// Not part of a [`Delta`]: the log sets it, and it is the log that knows it.
    pub fn set_lsn(&mut self, lsn: Lsn) {
        self.header.lsn.set(lsn);
    }

    pub fn kind(&self) -> PageKind {
        PageKind::from_byte(self.header.kind).unwrap_or(PageKind::Empty)
    }

    pub fn lower(&self) -> usize {
        usize::from(self.header.lower.get())
    }

    pub fn upper(&self) -> usize {
        usize::from(self.header.upper.get())
    }

    pub fn special_start(&self) -> usize {
        usize::from(self.header.special.get())
    }

    /// The special space at the page's end.
    pub fn special(&self) -> &[u8] {
        self.bytes().get(self.special_start()..).unwrap_or(&[])
    }

    pub fn is_zeroed(&self) -> bool {
        static ZEROS: [u8; PAGE_SIZE] = [0; PAGE_SIZE];
        self.as_bytes() == ZEROS
    }

    /// CRC-32C over the page's place and its bytes without the checksum itself. With the place inside, a
    /// page that lands in the wrong database, file or position is noticed like any other damage.
    pub fn compute_checksum(&self, database: DatabaseId, id: PageId) -> u32 {
        let mut place = [0; 17];
        place[..8].copy_from_slice(&database.0.to_le_bytes());
        place[8..12].copy_from_slice(&id.file.relation.to_le_bytes());
        place[12] = id.file.fork as u8;
        place[13..].copy_from_slice(&id.page.to_le_bytes());
        let bytes = self.bytes();
        // The parameters that this crate calls by the name of RFC 3720 (iSCSI) are CRC-32C's.
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        [&place[..], &bytes[..8], &bytes[12..]].iter().for_each(|part| digest.update(part));
        digest.finalize() as u32
    }

    /// Makes the page ready to be written at `id`.
    pub fn seal(&mut self, database: DatabaseId, id: PageId) {
        if !self.is_zeroed() {
            let checksum = self.compute_checksum(database, id);
            self.header.checksum.set(checksum);
        }
    }

    /// Checks a page that was read from disk at `id`: once, so that nobody has to again.
    pub fn verify(&self, database: DatabaseId, id: PageId) -> Result<()> {
        if self.is_zeroed() {
            return Ok(());
        }
        let (stored, computed) = (self.header.checksum.get(), self.compute_checksum(database, id));
        if stored != computed {
            return Err(Error::corrupted(
                id,
                format_args!("the checksum is {computed:08x}, but the page says {stored:08x}"),
            )
            .with_detail("The page is damaged, misplaced or from another database."));
        }
        self.verify_layout().map_err(|what| Error::corrupted(id, what))
    }

    /// The part of [`Page::verify`] that looks at the structure: a checksum may be right over wrong bytes.
    pub fn verify_layout(&self) -> Result<(), String> {
        if self.header.layout_version != LAYOUT_VERSION {
            return Err(format!("layout version {}, expected {LAYOUT_VERSION}", self.header.layout_version));
        }
        if matches!(PageKind::from_byte(self.header.kind), None | Some(PageKind::Empty)) {
            return Err(format!("unknown page kind {}", self.header.kind));
        }
        let (lower, upper, special) = (self.lower(), self.upper(), self.special_start());
        if lower < HEADER_SIZE || lower > upper || upper > special || special > PAGE_SIZE {
            return Err(format!("impossible bounds: lower {lower}, upper {upper}, special {special}"));
        }
        if !(lower - HEADER_SIZE).is_multiple_of(LINE_POINTER_SIZE) {
            return Err(format!("lower {lower} cuts a line pointer"));
        }
        let mut items = 0;
        for (slot, pointer) in self.line_pointers() {
            if pointer.flags() != ItemFlags::Normal {
                continue;
            }
            let Range { start, end } = pointer.range();
            if start < upper || end > special {
                return Err(format!("line pointer {slot} names bytes {start} to {end}, outside the items"));
            }
            items += pointer.len();
        }
        // Items that overlap could not be moved apart.
        if items > special - upper {
            return Err(format!("items of {items} bytes between {upper} and {special}"));
        }
        Ok(())
    }

    /// The page's kind and the size of its special space, for access methods that know what they expect.
    pub fn expect_kind(&self, id: PageId, kind: PageKind, special_size: usize) -> Result<()> {
        if self.kind() != kind {
            return Err(Error::corrupted(id, format_args!("is a {:?} page, expected {kind:?}", self.kind())));
        }
        let found = self.special().len();
        if found != special_size {
            return Err(Error::corrupted(
                id,
                format_args!("{found} bytes of special space, expected {special_size}"),
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("header", &self.header).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::DATABASE;

    fn id(page: PageNo) -> PageId {
        FileId::main(16384).page(page)
    }

    fn sample() -> Page {
        let mut page = Page::zeroed();
        let mut delta = Delta::default();
        let mut edit = PageMut::new(&mut page, &mut delta);
        edit.init(PageKind::Heap, 0);
        edit.insert(1, b"an item").unwrap();
        page.seal(DATABASE, id(3));
        page
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let page = sample();
        page.verify(DATABASE, id(3)).unwrap();
        for position in 0..PAGE_SIZE * 8 {
            let mut damaged = page.clone();
            damaged.bytes_mut()[position / 8] ^= 1 << (position % 8);
            assert!(damaged.verify(DATABASE, id(3)).is_err(), "bit {position}");
        }
    }

    #[test]
    fn a_page_in_the_wrong_place_is_noticed() {
        let page = sample();
        assert!(page.verify(DATABASE, id(4)).is_err());
        assert!(page.verify(DatabaseId(DATABASE.0 ^ 1), id(3)).is_err());
        assert!(page.verify(DATABASE, FileId::main(16385).page(3)).is_err());
        assert!(page.verify(DATABASE, FileId::free_space_map(16384).page(3)).is_err());
    }

    #[test]
    fn items_that_overlap_are_noticed() {
        let mut page = sample();
        let mut delta = Delta::default();
        PageMut::new(&mut page, &mut delta).insert(2, b"another item").unwrap();
        let first = page.line_pointer(2).to_bytes();
        let at = Page::line_pointer_offset(1);
        page.bytes_mut()[at..at + LINE_POINTER_SIZE].copy_from_slice(&first);
        page.seal(DATABASE, id(3));
        let error = page.verify(DATABASE, id(3)).unwrap_err();
        assert!(error.message().contains("items of 24 bytes"), "{error}");
    }

    #[test]
    fn only_the_name_that_we_write_is_a_file_of_ours() {
        for name in ["0", "16384", "4294967295_fsm"] {
            assert_eq!(FileId::parse(name).unwrap().to_string(), name);
        }
        for name in ["", "+16384", "016384", "16384_FSM", "4294967296", "16384_fsm_fsm", "-1", "1 "] {
            assert_eq!(FileId::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_page_of_zeros_is_an_empty_page() {
        Page::zeroed().verify(DATABASE, id(0)).unwrap();
    }

    #[test]
    fn a_valid_checksum_does_not_excuse_an_impossible_layout() {
        for (lower, upper, special) in [(20, 100, 8192), (200, 100, 8192), (24, 8192, 8000), (26, 100, 8192)]
        {
            let mut page = sample();
            page.header.lower.set(lower);
            page.header.upper.set(upper);
            page.header.special.set(special);
            page.seal(DATABASE, id(3));
            let error = page.verify(DATABASE, id(3)).unwrap_err();
            assert_eq!(error.state().code(), "XX001", "{error}");
        }
    }
}
