//! Entries on their way into an index: end to end in one buffer that is used again and again.

use super::key;
use super::node::{TID_SIZE, tid_bytes};
use crate::error::Result;
use crate::page::Tid;
use crate::tuple::Layout;

/// A batch of entries, each a key and, as its last bytes, the place of the row.
///
/// The place is part of what is sorted: so entries of equal keys have an order, too, and no two are the same
/// (PostgreSQL does this since version 12).
#[derive(Clone, Debug, Default)]
pub struct Entries {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// The entry's first eight bytes, as a number: most comparisons need no more.
    prefix: u64,
    start: usize,
    len: u32,
    tid: Tid,
    has_null: bool,
}

impl Entries {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds the entry of a stored row; `columns` are the index's.
    pub fn push_tuple(&mut self, layout: &Layout, tuple: &[u8], columns: &[usize], tid: Tid) -> Result<()> {
        let start = self.bytes.len();
        match key::push_tuple(&mut self.bytes, layout, tuple, columns) {
            Ok(has_null) => {
                self.finish(start, has_null, tid);
                Ok(())
            }
            Err(error) => {
                self.bytes.truncate(start);
                Err(error)
            }
        }
    }

    /// Adds an entry whose key is encoded already; `has_null` says whether one of its columns is NULL.
    pub fn push_key(&mut self, key: &[u8], has_null: bool, tid: Tid) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.finish(start, has_null, tid);
    }

    fn finish(&mut self, start: usize, has_null: bool, tid: Tid) {
        self.bytes.extend_from_slice(&tid_bytes(tid));
        let entry = &self.bytes[start..];
        let mut prefix = [0; 8];
        let known = entry.len().min(8);
        prefix[..known].copy_from_slice(&entry[..known]);
        let (prefix, len) = (u64::from_be_bytes(prefix), entry.len() as u32);
        self.places.push(Place { prefix, start, len, tid, has_null });
    }

    /// Puts the entries in order; costs one look at each if they already are.
    pub fn sort(&mut self) {
        let Entries { bytes, places } = self;
        let of = |place: &Place| &bytes[place.start..place.start + place.len as usize];
        let compare = |a: &Place, b: &Place| a.prefix.cmp(&b.prefix).then_with(|| of(a).cmp(of(b)));
        if !places.is_sorted_by(|a, b| compare(a, b).is_le()) {
            places.sort_unstable_by(compare);
        }
    }

    /// Key and place together, as they are stored and compared.
    pub fn entry(&self, index: usize) -> &[u8] {
        let place = &self.places[index];
        &self.bytes[place.start..place.start + place.len as usize]
    }

    pub fn key(&self, index: usize) -> &[u8] {
        let entry = self.entry(index);
        &entry[..entry.len() - TID_SIZE]
    }

    pub fn tid(&self, index: usize) -> Tid {
        self.places[index].tid
    }

    pub fn has_null(&self, index: usize) -> bool {
        self.places[index].has_null
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Column, DataType, Schema};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorting_orders_by_key_and_then_by_place(
            rows in proptest::collection::vec((proptest::collection::vec(0..3u8, 1..12), 0..3u32), 0..60),
        ) {
            let mut entries = Entries::default();
            // A key must not be the beginning of another: end each with what occurs in none.
            let ended = |key: &[u8]| [key, &[9]].concat();
            for (key, page) in &rows {
                entries.push_key(&ended(key), false, Tid { page: *page, slot: 1 });
            }
            entries.sort();
            let sorted: Vec<(Vec<u8>, u32)> =
                (0..entries.len()).map(|i| (entries.key(i).to_vec(), entries.tid(i).page)).collect();
            let mut expected: Vec<_> = rows.iter().map(|(key, page)| (ended(key), *page)).collect();
            expected.sort();
            prop_assert_eq!(sorted, expected);
        }
    }

    #[test]
    fn an_entry_that_cannot_be_encoded_leaves_no_trace() {
        let column = Column { name: "n".to_string(), data_type: DataType::Integer, not_null: false };
        let layout = Layout::new(&Schema::new(vec![column]).unwrap());
        let mut entries = Entries::default();
        let tid = Tid { page: 7, slot: 3 };
        // A header, a bit that says that the column is not NULL, and no column.
        let cut_off = [[0; 24].as_slice(), &[0xff]].concat();
        entries.push_tuple(&layout, &cut_off, &[0], tid).unwrap_err();
        assert!(entries.is_empty());
        entries.push_key(b"key", true, tid);
        assert_eq!((entries.len(), entries.key(0), entries.tid(0)), (1, &b"key"[..], tid));
        assert!(entries.has_null(0));
    }
}
