//! Hashing values for grouping, and for sets of constants.
//!
//! The input is the user's own data in their own process, so the hash is chosen for speed: multiply two words to
//! 128 bits and fold the halves together (the core of wyhash).

use super::batch::Rows;
use super::nulls::Nulls;
use super::vector::{Values, Vector};
use std::hash::{BuildHasherDefault, Hasher};

const K0: u64 = 0x9E37_79B9_7F4A_7C15;
const K1: u64 = 0xD6E8_FEB8_6659_FD93;

/// What stands for NULL, which groups with NULL.
const NULL_HASH: u64 = 0xA5A5_5A5A_0F0F_F0F0;

#[inline]
pub fn mix(a: u64, b: u64) -> u64 {
    let wide = u128::from(a ^ K0) * u128::from(b ^ K1);
    wide as u64 ^ (wide >> 64) as u64
}

/// Equal doubles have equal bits: one zero, one NaN.
#[inline]
pub fn canonical_bits(value: f64) -> u64 {
    if value.is_nan() {
        return f64::NAN.to_bits();
    }
    (value + 0.0).to_bits()
}

#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks();
    let hash = words.iter().fold(bytes.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    if rest.is_empty() { hash } else { mix(hash, last_word(bytes)) }
}

/// The last bytes of at least one, up to eight of them; some twice, which saves looking at each.
#[inline]
fn last_word(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.last_chunk() {
        return u64::from_le_bytes(*word);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    let at = |index: usize| u64::from(bytes[index]);
    at(0) | at(bytes.len() / 2) << 8 | at(bytes.len() - 1) << 16
}

/// Writes the hash of each row's values to `hashes`, at the row's position.
pub fn hash_rows(columns: &[&Vector], rows: Rows<'_>, hashes: &mut Vec<u64>) {
    hashes.clear();
    hashes.resize(rows.bound(), 0);
    for column in columns {
        let nulls = &column.nulls;
        match &column.values {
            Values::Boolean(values) => add(rows, nulls, hashes, |row| u64::from(values[row])),
            Values::Integer(values) => add(rows, nulls, hashes, |row| values[row] as u64),
            Values::Double(values) => add(rows, nulls, hashes, |row| canonical_bits(values[row])),
            Values::Text(texts) => add(rows, nulls, hashes, |row| hash_bytes(texts.get(row))),
        }
    }
}

#[inline]
fn add(rows: Rows<'_>, nulls: &Nulls, hashes: &mut [u64], hash: impl Fn(usize) -> u64) {
    if nulls.any() {
        rows.for_each(|row| {
            let value = if nulls.is_null(row) { NULL_HASH } else { hash(row) };
            hashes[row] = mix(hashes[row], value);
        });
    } else {
        rows.for_each(|row| hashes[row] = mix(hashes[row], hash(row)));
    }
}

/// The same for the standard library's sets.
#[derive(Default)]
pub struct Mixer(u64);

pub type BuildMixer = BuildHasherDefault<Mixer>;

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = mix(self.0, hash_bytes(bytes));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mix(self.0, word);
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_byte_and_the_length_count() {
        let mut hashes = HashSet::new();
        for len in 0..40 {
            let zeros = vec![0; len];
            assert!(hashes.insert(hash_bytes(&zeros)), "{len} zeros");
            for position in 0..len {
                let mut bytes = zeros.clone();
                bytes[position] = 1;
                assert!(hashes.insert(hash_bytes(&bytes)), "{len} bytes, a one at {position}");
            }
        }
    }
}
