//! Rows waiting to be sorted: their bytes in blocks, and one small entry for each that is moved in their place.
//!
//! An entry carries the first sixteen bytes of its key, so most comparisons do not touch the row; and a key that fits them
//! and has no row behind it, as in CREATE INDEX, is nowhere else. Blocks never grow once they are there; filling the buffer
//! copies nothing twice.

use std::cmp::Ordering;

const BLOCK: usize = 256 << 10;

/// Bytes of a key that its entry carries.
const HEAD: usize = 16;

/// A row: `key_len` bytes of key, then the row itself. Of equal keys, the entry with the lesser `block` and `start` came
/// first.
#[derive(Clone, Copy)]
struct Entry {
    /// The beginning of the key, zeros behind it.
    head: [u8; HEAD],
    block: u32,
    start: u32,
    key_len: u32,
    row_len: u32,
}

impl Entry {
    /// Nothing of it lies in a block.
    fn is_whole(&self) -> bool {
        self.key_len as usize <= HEAD && self.row_len == 0
    }
}

#[derive(Default)]
pub struct SortBuffer {
    blocks: Vec<Vec<u8>>,
    entries: Vec<Entry>,
    bytes: usize,
}

impl SortBuffer {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.bytes + self.entries.len() * size_of::<Entry>()
    }

    pub fn clear(&mut self) {
        self.blocks.clear();
        self.entries.clear();
        self.bytes = 0;
    }

    /// Adds a record: a key of `key_len` bytes and the row after it.
    pub fn push(&mut self, record: &[u8], key_len: usize) {
        let mut entry = Entry {
            head: beginning_of(&record[..key_len]),
            block: 0,
            start: self.entries.len() as u32,
            key_len: key_len as u32,
            row_len: (record.len() - key_len) as u32,
        };
        if entry.is_whole() {
            self.entries.push(entry);
            return;
        }
        let has_room = |block: &Vec<u8>| block.capacity() - block.len() >= record.len();
        if !self.blocks.last().is_some_and(has_room) {
            // The first block is small, for the many sorts of a handful of rows.
            let size = if self.blocks.is_empty() { BLOCK / 64 } else { BLOCK };
            self.blocks.push(Vec::with_capacity(size.max(record.len())));
        }
        entry.block = (self.blocks.len() - 1) as u32;
        if let Some(bytes) = self.blocks.last_mut() {
            entry.start = bytes.len() as u32;
            self.entries.push(entry);
            bytes.extend_from_slice(record);
            self.bytes += record.len();
        }
    }

    /// Orders the rows by key; rows with equal keys stay in the order they came.
    pub fn sort(&mut self) {
        let SortBuffer { blocks, entries, .. } = self;
        entries.sort_unstable_by(|a, b| compare(blocks, a, b));
    }

    /// Throws away all but the `count` rows that come first, and answers the key of the last of them: later rows
    /// matter only if their keys are less.
    pub fn keep_first(&mut self, count: usize) -> Option<Vec<u8>> {
        if count == 0 || self.entries.len() < count {
            return None;
        }
        let mut kept = std::mem::take(self);
        let (_, last, _) = kept.entries.select_nth_unstable_by(count - 1, |a, b| compare(&kept.blocks, a, b));
        let last = key_of(&kept.blocks, last).to_vec();
        kept.entries.truncate(count);
        kept.entries.sort_unstable_by_key(|entry| (entry.block, entry.start));
        for entry in &kept.entries {
            self.push(record_of(&kept.blocks, entry), entry.key_len as usize);
        }
        Some(last)
    }

    /// The row at `position`.
    pub fn row(&self, position: usize) -> Option<&[u8]> {
        let entry = self.entries.get(position)?;
        record_of(&self.blocks, entry).get(entry.key_len as usize..)
    }

    /// Keys and rows, in their present order.
    pub fn records(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|entry| record_of(&self.blocks, entry).split_at(entry.key_len as usize))
    }
}

/// The first eight bytes of a key as a number that compares like them.
#[inline]
pub fn prefix_of(key: &[u8]) -> u64 {
    u64::from_be_bytes(beginning_of(key))
}

/// The first bytes of a key, zeros behind it if it is shorter.
#[inline]
fn beginning_of<const N: usize>(key: &[u8]) -> [u8; N] {
    let mut beginning = [0; N];
    let len = key.len().min(N);
    beginning[..len].copy_from_slice(&key[..len]);
    beginning
}

/// Mostly one comparison of numbers, whatever the bytes stand for.
#[inline]
fn compare(blocks: &[Vec<u8>], a: &Entry, b: &Entry) -> Ordering {
    match u128::from_be_bytes(a.head).cmp(&u128::from_be_bytes(b.head)) {
        Ordering::Equal => compare_rest(blocks, a, b),
        order => order,
    }
}

fn compare_rest(blocks: &[Vec<u8>], a: &Entry, b: &Entry) -> Ordering {
    let keys = match a.key_len as usize > HEAD || b.key_len as usize > HEAD {
        true => key_of(blocks, a).cmp(key_of(blocks, b)),
        false => a.key_len.cmp(&b.key_len),
    };
    keys.then_with(|| (a.block, a.start).cmp(&(b.block, b.start)))
}

fn record_of<'b>(blocks: &'b [Vec<u8>], entry: &'b Entry) -> &'b [u8] {
    if entry.is_whole() {
        return &entry.head[..entry.key_len as usize];
    }
    let start = entry.start as usize;
    &blocks[entry.block as usize][start..start + (entry.key_len + entry.row_len) as usize]
}

fn key_of<'b>(blocks: &'b [Vec<u8>], entry: &'b Entry) -> &'b [u8] {
    &record_of(blocks, entry)[..entry.key_len as usize]
}
