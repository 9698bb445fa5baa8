//! Texts of one column: their bytes in one arena, so that a batch of them costs no allocation each.

use crate::error::{Error, Result, SqlState};
use std::ops::Range;

/// A text that an expression makes may be this long. (A stored row fits a page, so only `||`, `replace` and
/// their like come near it.)
pub const MAX_TEXT: usize = 1 << 20;

/// All texts of one vector together.
const MAX_ARENA: usize = 256 << 20;

/// Texts: one arena of bytes and, for each position, which bytes of it are the text.
///
/// Spans may be written in any order and may share bytes, so a constant is stored once for all rows.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    bytes: Vec<u8>,
    spans: Vec<(u32, u32)>,
}

impl Texts {
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The bytes that all texts take together.
    pub fn arena_len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub fn get(&self, index: usize) -> &[u8] {
        let (start, end) = self.spans[index];
        &self.bytes[start as usize..end as usize]
    }

    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text);
        self.spans.push((start, self.bytes.len() as u32));
    }

    /// Adds bytes in which several texts lie, for [`Texts::push_span`]; where in the arena they begin.
    pub fn push_arena(&mut self, bytes: &[u8]) -> usize {
        self.bytes.extend_from_slice(bytes);
        self.bytes.len() - bytes.len()
    }

    /// Adds a text that lies in the arena already.
    #[inline]
    pub fn push_span(&mut self, span: Range<usize>) {
        self.spans.push((span.start as u32, span.end as u32));
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }

    /// Empties the arena and makes `len` empty texts.
    pub fn restart(&mut self, len: usize) {
        self.clear();
        self.spans.resize(len, (0, 0));
    }

    /// Writes the text at `index` through `write`, which appends it to the bytes it is handed.
    #[inline]
    pub fn write(&mut self, index: usize, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        let start = self.bytes.len();
        write(&mut self.bytes)?;
        if self.bytes.len() - start > MAX_TEXT || self.bytes.len() > MAX_ARENA {
            return Err(too_long());
        }
        self.spans[index] = (start as u32, self.bytes.len() as u32);
        Ok(())
    }

    pub fn set(&mut self, index: usize, text: &[u8]) -> Result<()> {
        if !self.has_room(text.len()) {
            return Err(too_long());
        }
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text);
        self.spans[index] = (start, self.bytes.len() as u32);
        Ok(())
    }

    /// Gives `index` the same bytes as `other`, without a copy.
    pub fn share(&mut self, index: usize, other: usize) {
        self.spans[index] = self.spans[other];
    }

    /// Whether two positions are the same bytes of the arena, not just equal ones.
    pub fn share_bytes(&self, index: usize, other: usize) -> bool {
        self.spans[index] == self.spans[other]
    }

    pub fn repeat_first(&mut self, len: usize) {
        if let Some(&first) = self.spans.first()
            && self.spans.len() < len
        {
            self.spans.resize(len, first);
        }
    }

    pub fn truncate(&mut self, len: usize) {
        self.spans.truncate(len);
    }

    pub fn has_room(&self, bytes: usize) -> bool {
        self.bytes.len() + bytes <= MAX_ARENA
    }
}

/// What an expression answers that would write a text longer than [`MAX_TEXT`].
pub fn too_long() -> Error {
    Error::new(SqlState::ProgramLimitExceeded, "requested length too large")
        .with_detail(format!("A text may be {MAX_TEXT} bytes long, all texts of a batch {MAX_ARENA}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_grows_beyond_the_limit_is_an_error() {
        let mut texts = Texts::default();
        texts.restart(1);
        let grow = |bytes: &mut Vec<u8>| {
            bytes.resize(MAX_TEXT + 1, b'x');
            Ok(())
        };
        assert_eq!(texts.write(0, grow).unwrap_err().state().code(), "54000");
    }
}
