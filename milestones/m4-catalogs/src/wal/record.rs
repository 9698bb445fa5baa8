//! Log records: what a change of pages looks like in the log.
//!
//! ```text
//! record   header | block … | payload
//! block    file, page, form, length | content
//! ```
//!
//! A block tells how one page came to its new state, in one of three forms:
//!
//! - *delta*: bytes moved within the page and bytes written to it (see [`Delta`]). Needs the page's old state.
//! - *fresh*: a delta that begins with a page of zeros.
//! - *image*: the whole page, without the hole in its middle. The first change of a page after a checkpoint is
//!   logged so, because the page on disk may be torn when replay needs it.
//!
//! There is no form for "insert a tuple" or "split a node": replay copies and moves bytes and knows nothing of
//! tables or trees. PostgreSQL's records are smaller for it being otherwise, and its redo code is one function for
//! each kind of record of each access method.

use super::Lsn;
use super::reader::display;
use crate::directory::DatabaseId;
use crate::error::{Error, Result};
use crate::page::{Delta, FileId, Fork, PAGE_SIZE, Page, PageId};
use crate::transaction::{MAX_XID, Xid};
use crc_fast::{CrcAlgorithm, Digest};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Records begin at multiples of this.
pub const ALIGNMENT: u64 = 8;

/// Pages that one change may touch.
pub const MAX_BLOCKS: usize = 32;

/// The longest record there can be.
pub const MAX_RECORD_SIZE: usize = 512 * 1024;

pub const RECORD_HEADER_SIZE: usize = size_of::<RecordHeader>();

/// Where in the header the record's position stands.
pub const LSN_OFFSET: usize = std::mem::offset_of!(RecordHeader, lsn);

/// The first 40 bytes of a record.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub struct RecordHeader {
    /// Of the whole record, without the padding to the next one.
    pub len: U32,
    /// CRC-32C of everything after this field.
    pub crc: U32,
    /// Where the record belongs. A recycled segment is full of records that once were valid; this tells them
    /// apart.
    pub lsn: U64,
    /// How far the log was durable when this record was made. If the log turns out to be unreadable before that
    /// point, it is not the torn end of an interrupted write: it is damage.
    pub durable: U64,
    /// On whose behalf; 0 for the system's own.
    pub xid: U64,
    /// Which opening of the database wrote this. A power cut that tears one record may leave a later one whole behind it.
    /// If new records end just where that one begins it looks like the next of them; but its epoch is too old.
    pub epoch: U32,
    pub kind: u8,
    pub blocks: u8,
    pub reserved: U16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    /// Pages changed.
    Change = 1,
    /// A transaction committed: its bit in the commit log is the page that changed.
    Commit = 2,
    /// Everything before this record is in the data files. The payload tells which pages that are; if it is too long for
    /// one record, more of the same kind follow.
    Checkpoint = 3,
}

impl RecordKind {
    fn from_byte(byte: u8) -> Option<RecordKind> {
        [RecordKind::Change, RecordKind::Commit, RecordKind::Checkpoint]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BlockForm {
    Delta = 1,
    Fresh = 2,
    Image = 3,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct BlockHeader {
    relation: U32,
    page: U32,
    len: U32,
    fork: u8,
    form: u8,
    reserved: U16,
}

/// A record read from the log and found valid.
#[derive(Clone, Debug)]
pub struct Record {
    pub header: RecordHeader,
    pub kind: RecordKind,
    /// Everything after the header.
    body: Vec<u8>,
}

/// One block of a record.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    pub id: PageId,
    pub form: BlockForm,
    pub content: &'a [u8],
}

/// Starts a record at the end of `buffer`; the blocks follow, then [`finish`].
pub fn begin(buffer: &mut Vec<u8>) -> usize {
    let start = buffer.len();
    buffer.resize(start + RECORD_HEADER_SIZE, 0);
    start
}

/// Adds a page's change as a delta, fresh or not.
pub fn add_delta(buffer: &mut Vec<u8>, id: PageId, page: &Page, delta: &Delta) {
    let form = if delta.is_initialized() { BlockForm::Fresh } else { BlockForm::Delta };
    let start = add_block_header(buffer, id, form);
    buffer.extend_from_slice(&(delta.moves().len() as u16).to_le_bytes());
    for step in delta.moves() {
        for field in [step.from, step.to, step.len] {
            buffer.extend_from_slice(&field.to_le_bytes());
        }
    }
    for range in delta.written() {
        buffer.extend_from_slice(&(range.start as u16).to_le_bytes());
        buffer.extend_from_slice(&(range.len() as u16).to_le_bytes());
        buffer.extend_from_slice(&page.bytes()[range.clone()]);
    }
    finish_block(buffer, start);
}

/// Adds a whole page, without the bytes between `lower` and `upper`.
pub fn add_image(buffer: &mut Vec<u8>, id: PageId, page: &Page) {
    let start = add_block_header(buffer, id, BlockForm::Image);
    buffer.extend_from_slice(&(page.lower() as u16).to_le_bytes());
    buffer.extend_from_slice(&(page.upper() as u16).to_le_bytes());
    buffer.extend_from_slice(&page.bytes()[..page.lower()]);
    buffer.extend_from_slice(&page.bytes()[page.upper()..]);
    finish_block(buffer, start);
}

fn add_block_header(buffer: &mut Vec<u8>, id: PageId, form: BlockForm) -> usize {
    let start = buffer.len();
    let header = BlockHeader {
        relation: id.file.relation.into(),
        page: id.page.into(),
        len: 0.into(),
        fork: id.file.fork as u8,
        form: form as u8,
        reserved: 0.into(),
    };
    buffer.extend_from_slice(header.as_bytes());
    start
}

fn finish_block(buffer: &mut [u8], start: usize) {
    let len = (buffer.len() - start - size_of::<BlockHeader>()) as u32;
    buffer[start + 8..start + 12].copy_from_slice(&len.to_le_bytes());
}

/// Completes the record begun at `start` and pads the buffer to the next record's place.
pub fn finish(
    buffer: &mut Vec<u8>,
    start: usize,
    database: DatabaseId,
    (kind, blocks, xid): (RecordKind, usize, Xid),
    (lsn, durable, epoch): (Lsn, Lsn, u32),
) {
    let len = buffer.len() - start;
    let mut header = RecordHeader {
        len: (len as u32).into(),
        crc: 0.into(),
        lsn: lsn.into(),
        durable: durable.into(),
        xid: xid.into(),
        epoch: epoch.into(),
        kind: kind as u8,
        blocks: blocks as u8,
        reserved: 0.into(),
    };
    buffer[start..start + RECORD_HEADER_SIZE].copy_from_slice(header.as_bytes());
    header.crc = compute_crc(database, &buffer[start + 8..]).into();
    buffer[start + 4..start + 8].copy_from_slice(header.crc.as_bytes());
    buffer.resize(start + len.next_multiple_of(ALIGNMENT as usize), 0);
}

/// CRC-32C over the database's identifier, for which a record needs no room, and the record from `lsn` on.
fn compute_crc(database: DatabaseId, covered: &[u8]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(&database.0.to_le_bytes());
    digest.update(covered);
    digest.finalize() as u32
}

impl RecordHeader {
    /// What can be told from the header alone: it belongs at `lsn`, and its length is possible.
    pub fn is_plausible(&self, lsn: Lsn) -> bool {
        let len = self.len.get() as usize;
        self.lsn.get() == lsn && (RECORD_HEADER_SIZE..=MAX_RECORD_SIZE).contains(&len)
    }
}

impl Record {
    /// A record from its bytes, if they are what was written.
    pub fn parse(database: DatabaseId, bytes: &[u8]) -> Result<Option<Record>> {
        let Ok((header, body)) = RecordHeader::read_from_prefix(bytes) else { return Ok(None) };
        if header.crc.get() != compute_crc(database, &bytes[8..]) {
            return Ok(None);
        }
        let Some(kind) = RecordKind::from_byte(header.kind) else {
            // Somebody did write this. To take it for the end of the log would lose what follows.
            return Err(nonsense(header.lsn.get(), format_args!("is of the unknown kind {}", header.kind)));
        };
        Ok(Some(Record { header, kind, body: body.to_vec() }))
    }

    /// Checks everything that replay relies on: a checksum may be right over wrong numbers.
    pub fn check(&self) -> Result<()> {
        let (xid, durable) = (self.xid(), self.header.durable.get());
        if durable > self.lsn() {
            return Err(nonsense(self.lsn(), "says that the log was durable behind it"));
        }
        if xid > MAX_XID {
            return Err(nonsense(self.lsn(), format_args!("has the impossible transaction number {xid}")));
        }
        for block in self.blocks()? {
            block.check().map_err(|error| nonsense(self.lsn(), error))?;
        }
        Ok(())
    }

    pub fn lsn(&self) -> Lsn {
        self.header.lsn.get()
    }

    /// Where the next record begins; the LSN that this one gives to pages.
    pub fn end(&self) -> Lsn {
        (self.lsn() + u64::from(self.header.len.get())).next_multiple_of(ALIGNMENT)
    }

    pub fn xid(&self) -> Xid {
        self.header.xid.get()
    }

    /// The pages that the record changes.
    pub fn blocks(&self) -> Result<Vec<Block<'_>>> {
        Ok(self.parts()?.0)
    }

    /// What follows the blocks; of use in a checkpoint's record.
    pub fn payload(&self) -> Result<&[u8]> {
        Ok(self.parts()?.1)
    }

    fn parts(&self) -> Result<(Vec<Block<'_>>, &[u8])> {
        let mut rest = self.body.as_slice();
        let mut blocks = Vec::with_capacity(usize::from(self.header.blocks));
        for _ in 0..self.header.blocks {
            let Some((block, after)) = read_block(rest) else {
                return Err(nonsense(self.lsn(), "a block is cut off"));
            };
            blocks.push(block);
            rest = after;
        }
        Ok((blocks, rest))
    }
}

fn nonsense(lsn: Lsn, what: impl std::fmt::Display) -> Error {
    Error::corrupted(format_args!("log record at {}", display(lsn)), what)
}

fn read_block(bytes: &[u8]) -> Option<(Block<'_>, &[u8])> {
    let (header, rest) = BlockHeader::read_from_prefix(bytes).ok()?;
    let (content, rest) = rest.split_at_checked(header.len.get() as usize)?;
    let fork = fork_of_byte(header.fork)?;
    let form = match header.form {
        1 => BlockForm::Delta,
        2 => BlockForm::Fresh,
        3 => BlockForm::Image,
        _ => return None,
    };
    let file = FileId { relation: header.relation.get(), fork };
    Some((Block { id: file.page(header.page.get()), form, content }, rest))
}

/// The fork that the log has as this number.
pub fn fork_of_byte(byte: u8) -> Option<Fork> {
    match byte {
        0 => Some(Fork::Main),
        1 => Some(Fork::FreeSpaceMap),
        _ => None,
    }
}

/// What a delta does, step by step, for those who want to look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    Move { from: usize, to: usize, len: usize },
    Write { offset: usize, bytes: &'a [u8] },
}

impl<'a> Block<'a> {
    /// The steps of a delta; none for an image.
    pub fn steps(&self) -> Result<Vec<Step<'a>>> {
        match self.form {
            BlockForm::Image => Ok(Vec::new()),
            BlockForm::Delta | BlockForm::Fresh => parse_steps(self.content)
                .ok_or_else(|| Error::corrupted(self.id, "a logged delta makes no sense")),
        }
    }

    fn check(&self) -> Result<()> {
        match self.form {
            BlockForm::Image => self.image().map(drop),
            BlockForm::Delta | BlockForm::Fresh => self.steps().map(drop),
        }
    }

    /// Brings `page` to the state after the change. For an image or a fresh page its old state does not matter.
    pub fn apply(&self, page: &mut Page) -> Result<()> {
        if self.form == BlockForm::Image {
            return self.apply_image(page);
        }
        if self.form == BlockForm::Fresh {
            page.bytes_mut().fill(0);
        }
        for step in self.steps()? {
            match step {
                Step::Move { from, to, len } => page.bytes_mut().copy_within(from..from + len, to),
                Step::Write { offset, bytes } => {
                    page.bytes_mut()[offset..offset + bytes.len()].copy_from_slice(bytes);
                }
            }
        }
        Ok(())
    }

    /// The two ends of a page image.
    fn image(&self) -> Result<(&'a [u8], &'a [u8])> {
        let parts = take_u16(self.content).and_then(|(lower, rest)| {
            let (upper, rest) = take_u16(rest)?;
            let (head, tail) = rest.split_at_checked(lower)?;
            (lower <= upper && tail.len() + upper == PAGE_SIZE).then_some((head, tail))
        });
        parts.ok_or_else(|| Error::corrupted(self.id, "a logged page image makes no sense"))
    }

    fn apply_image(&self, page: &mut Page) -> Result<()> {
        let (head, tail) = self.image()?;
        let bytes = page.bytes_mut();
        bytes.fill(0);
        bytes[..head.len()].copy_from_slice(head);
        bytes[PAGE_SIZE - tail.len()..].copy_from_slice(tail);
        Ok(())
    }
}

fn parse_steps(content: &[u8]) -> Option<Vec<Step<'_>>> {
    let (moves, mut rest) = take_u16(content)?;
    let mut steps = Vec::with_capacity(moves.min(content.len()));
    for _ in 0..moves {
        let (from, after) = take_u16(rest)?;
        let (to, after) = take_u16(after)?;
        let (len, after) = take_u16(after)?;
        if from.max(to) + len > PAGE_SIZE {
            return None;
        }
        steps.push(Step::Move { from, to, len });
        rest = after;
    }
    while !rest.is_empty() {
        let (offset, after) = take_u16(rest)?;
        let (len, after) = take_u16(after)?;
        let (bytes, after) = after.split_at_checked(len)?;
        if offset + len > PAGE_SIZE {
            return None;
        }
        steps.push(Step::Write { offset, bytes });
        rest = after;
    }
    Some(steps)
}

fn take_u16(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (value, rest) = bytes.split_first_chunk()?;
    Some((usize::from(u16::from_le_bytes(*value)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{PageKind, PageMut};
    use crate::testing::DATABASE;
    use zerocopy::FromZeros;

    fn record_of_a_change() -> (Page, Page, Vec<u8>) {
        let id = FileId::main(16384).page(7);
        let (mut page, mut delta) = (Page::zeroed(), Delta::default());
        let mut edit = PageMut::new(&mut page, &mut delta);
        edit.init(PageKind::Heap, 0);
        edit.insert(1, b"first").unwrap();
        let old = page.clone();
        delta.clear();
        let mut edit = PageMut::new(&mut page, &mut delta);
        edit.insert_ordered(1, b"second").unwrap();
        let mut buffer = Vec::new();
        let start = begin(&mut buffer);
        add_delta(&mut buffer, id, &page, &delta);
        add_image(&mut buffer, id, &page);
        finish(&mut buffer, start, DATABASE, (RecordKind::Change, 2, 5), (4096, 4000, 1));
        (old, page, buffer)
    }

    #[test]
    fn both_forms_of_a_block_rebuild_the_page() {
        let (old, new, buffer) = record_of_a_change();
        let len = u32::from_le_bytes(buffer[..4].try_into().unwrap()) as usize;
        let record = Record::parse(DATABASE, &buffer[..len]).unwrap().unwrap();
        record.check().unwrap();
        assert_eq!((record.kind, record.xid(), record.lsn()), (RecordKind::Change, 5, 4096));
        assert_eq!(record.end(), 4096 + buffer.len() as u64);
        let blocks = record.blocks().unwrap();
        let mut from_delta = old;
        blocks[0].apply(&mut from_delta).unwrap();
        assert!(from_delta.bytes() == new.bytes());
        let mut from_image = Page::zeroed();
        blocks[1].apply(&mut from_image).unwrap();
        assert!(from_image.bytes() == new.bytes());
    }

    #[test]
    fn a_record_with_any_byte_changed_is_not_a_record() {
        let (_, _, buffer) = record_of_a_change();
        let len = u32::from_le_bytes(buffer[..4].try_into().unwrap()) as usize;
        for position in 4..len {
            let mut damaged = buffer[..len].to_vec();
            damaged[position] ^= 0x40;
            assert!(Record::parse(DATABASE, &damaged).unwrap().is_none(), "byte {position}");
        }
    }

    #[test]
    fn a_record_of_another_database_is_not_a_record() {
        let (_, _, buffer) = record_of_a_change();
        let len = u32::from_le_bytes(buffer[..4].try_into().unwrap()) as usize;
        for bit in 0..64 {
            let other = DatabaseId(DATABASE.0 ^ (1 << bit));
            assert!(Record::parse(other, &buffer[..len]).unwrap().is_none(), "bit {bit}");
        }
    }

    #[test]
    fn forged_blocks_are_errors_not_panics() {
        let id = FileId::main(1).page(0);
        for content in [&[1, 0][..], &[1, 0, 0xff, 0xff, 0, 0, 9, 0], &[0, 0, 0xff, 0x1f, 9, 0, 1], &[0], &[]]
        {
            for form in [BlockForm::Delta, BlockForm::Fresh, BlockForm::Image] {
                let block = Block { id, form, content };
                assert!(block.apply(&mut Page::zeroed()).is_err(), "{form:?} {content:?}");
            }
        }
    }

    /// A record around one block, with a valid checksum over whatever it says.
    fn forged(forge: impl Fn(&mut RecordHeader, &mut BlockHeader)) -> Result<()> {
        let mut block = BlockHeader {
            relation: 16384.into(),
            page: 0.into(),
            len: 2.into(),
            fork: 0,
            form: BlockForm::Delta as u8,
            reserved: 0.into(),
        };
        let mut header = RecordHeader::new_zeroed();
        header.len.set((RECORD_HEADER_SIZE + size_of::<BlockHeader>() + 2) as u32);
        header.lsn.set(4096);
        (header.kind, header.blocks) = (RecordKind::Change as u8, 1);
        forge(&mut header, &mut block);
        let mut bytes = [header.as_bytes(), block.as_bytes(), &[0, 0]].concat();
        let crc = compute_crc(DATABASE, &bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        Record::parse(DATABASE, &bytes)?.expect("the checksum is valid").check()
    }

    #[test]
    fn impossible_numbers_under_a_valid_checksum_are_errors() {
        forged(|_, _| ()).unwrap();
        let forgeries: [fn(&mut RecordHeader, &mut BlockHeader); 10] = [
            |header, _| header.kind = 0,
            |header, _| header.kind = 9,
            |header, _| header.blocks = 255,
            |header, _| header.xid.set(u64::MAX),
            |header, _| header.durable.set(u64::MAX),
            |_, block| block.len.set(3),
            |_, block| block.len.set(u32::MAX),
            |_, block| block.len.set(0),
            |_, block| block.fork = 7,
            |_, block| block.form = 0,
        ];
        for (number, forge) in forgeries.into_iter().enumerate() {
            let error = forged(forge).expect_err(&format!("forgery {number}"));
            assert!(error.message().starts_with("log record at 0/1000: "), "{error}");
            assert_eq!(error.state().code(), "XX001");
        }
    }
}
