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
pub fn hash_bytes(mut bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64;
    while let Some((word, rest)) = bytes.split_first_chunk::<8>() {
        hash = mix(hash, u64::from_le_bytes(*word));
        bytes = rest;
    }
    let mut tail = [0; 8];
    tail[..bytes.len()].copy_from_slice(bytes);
    mix(hash, u64::from_le_bytes(tail))
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
