//! What ORDER BY … LIMIT tells the scan below it: which rows it has no use for any more.
//!
//! Once as many rows are kept as were asked for, a later row matters only if its key comes before the last of theirs. Nearly
//! none does. The sort alone can only throw such a row away when all its columns have been read; the scan can look at the
//! one column of the key and leave the others where they are.

use crate::error::Result;
use crate::execute::batch::Batch;
use crate::execute::decode::Decoder;
use crate::execute::sort_key::{KeyOrder, key_prefix};
use crate::page::Page;

/// Rows whose key begins with more than `prefix` come behind all that are kept.
#[derive(Clone, Copy, Debug)]
pub struct Cutoff {
    /// The column that is the first key.
    pub column: usize,
    pub order: KeyOrder,
    /// The first bytes of the last key that is kept.
    pub prefix: u64,
}

/// Reads that column alone.
pub struct EarlyLook {
    pub cutoff: Cutoff,
    decoder: Decoder,
    keys: Batch,
    key: Vec<u8>,
    picked: Vec<u16>,
}

impl EarlyLook {
    /// `decoder` reads all columns of the scan.
    pub fn new(cutoff: Cutoff, decoder: &Decoder) -> EarlyLook {
        let decoder = decoder.only(cutoff.column);
        EarlyLook { cutoff, decoder, keys: Batch::default(), key: Vec::new(), picked: Vec::new() }
    }

    /// Of the tuples behind the line pointers `slots`, those that may still count.
    pub fn pick(&mut self, page: &Page, slots: &[u16]) -> Result<&[u16]> {
        let EarlyLook { cutoff, decoder, keys, key, picked } = self;
        keys.reset(decoder.types());
        decoder.append(page, slots, keys)?;
        picked.clear();
        picked.extend(slots.iter().enumerate().filter_map(|(row, &slot)| {
            // What follows of a longer key can only make it greater.
            (key_prefix(cutoff.order, &keys.columns[0], row, key) <= cutoff.prefix).then_some(slot)
        }));
        Ok(picked)
    }
}
