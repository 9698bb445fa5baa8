//! Whether two engines gave the same answer: a wrong one must not win.
//!
//! Answers are compared as they were printed, after what is a matter of taste was made equal: `t`, `true` and `1`, and
//! the digits of a mean after the fourth. Nothing in the data has a comma or a quote in it.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail};
use rustc_hash::FxHasher;

/// Which order of the rows is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    AsGiven,
    /// Rising in the column of this number; any, where that is equal.
    By(usize),
    Any,
}

/// An answer in short. Equal answers have equal digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    rows: u64,
    hash: u64,
}

/// Reads an answer that was printed as CSV without headings.
pub fn digest(path: &Path, order: Order) -> Result<Digest> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let (mut digest, mut line) = (Digest { rows: 0, hash: 0 }, Vec::new());
    let mut last = i64::MIN;
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(digest);
        }
        let row = line.trim_ascii_end();
        if let Order::By(column) = order {
            let key =
                field(row, column).with_context(|| format!("row {} has no such column", digest.rows))?;
            if key < last {
                bail!("row {} of the answer is out of order", digest.rows);
            }
            last = key;
        }
        let hash = hash(row);
        digest.rows += 1;
        digest.hash = match order {
            Order::AsGiven => digest.hash.rotate_left(1) ^ hash,
            Order::By(_) | Order::Any => digest.hash.wrapping_add(hash),
        };
    }
}

fn field(row: &[u8], column: usize) -> Option<i64> {
    std::str::from_utf8(row.split(|byte| *byte == b',').nth(column)?).ok()?.parse().ok()
}

fn hash(row: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    for field in row.split(|byte| *byte == b',') {
        // SQLite quotes what has a space in it.
        let field = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field);
        match field {
            b"t" | b"true" => b"1"[..].hash(&mut hasher),
            b"f" | b"false" => b"0"[..].hash(&mut hasher),
            field if field.contains(&b'.') => rounded(field).hash(&mut hasher),
            field => field.hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// A number with a point, to the fourth digit after it; anything else as it is.
fn rounded(field: &[u8]) -> Vec<u8> {
    let number = std::str::from_utf8(field).ok().and_then(|text| text.parse::<f64>().ok());
    number.map_or_else(|| field.to_vec(), |number| format!("{number:.4}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, order: Order) -> Result<Digest> {
        let path = tempfile::NamedTempFile::new()?.into_temp_path();
        std::fs::write(&path, text)?;
        digest(&path, order)
    }

    #[test]
    fn what_is_a_matter_of_taste_is_equal_and_nothing_else() {
        let digest = |text, order| of(text, order).unwrap();
        use Order::*;
        assert_eq!(digest("a b,t,2.50001\n", AsGiven), digest("\"a b\",1,2.5000099999\r\n", AsGiven));
        assert_ne!(digest("1,t\n2,t\n", AsGiven), digest("2,t\n1,t\n", AsGiven));
        assert_eq!(digest("1,t\n2,t\n", Any), digest("2,t\n1,t\n", Any));
        assert_ne!(digest("1,t\n2,t\n", Any), digest("2,t\n1,f\n", Any));
        assert_eq!(digest("a,1\nb,1\n", By(1)), digest("b,1\na,1\n", By(1)));
        assert!(of("a,2\nb,1\n", By(1)).is_err());
        assert!(of("a\n", By(1)).is_err());
    }
}
