//! The bytes of one file, in chunks that versions of the file share.
//!
//! A simulated file exists several times over: as the process sees it, as it is on the platters, and as each
//! pending write left it. A chunk is copied only when it is written while another version still holds it, so
//! cloning a 16 MiB file costs no more than its chunk pointers, and often (the list is shared too) just one.

use std::io;
use std::sync::Arc;

/// The page of the page cache: what the kernel reads, dirties and writes back as a whole.
pub(super) const CHUNK: usize = 4096;

pub(super) type Chunk = [u8; CHUNK];

/// Bounds what one write far behind the end may allocate: the list of chunks is dense up to the last one.
const MAX_LEN: u64 = 64 << 30;

/// Invariant: every byte at or behind `len` that a chunk holds is zero, so growing shows zeros.
#[derive(Clone, Default)]
pub(super) struct Content {
    /// `None`, and everything behind the list's end, is a chunk of zeros.
    chunks: Arc<Vec<Option<Arc<Chunk>>>>,
    len: u64,
}

impl Content {
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Copies what there is at `offset` into `buffer`; the number of bytes, zero at the end.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let rest = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(rest);
        for piece in pieces(offset, wanted) {
            let target = &mut buffer[piece.done..piece.done + piece.len];
            match self.chunk(piece.chunk) {
                Some(chunk) => target.copy_from_slice(&chunk[piece.start..piece.start + piece.len]),
                None => target.fill(0),
            }
        }
        wanted
    }

    /// Writes all of `bytes`, growing the file if need be.
    pub fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let end = checked_end(offset, bytes.len())?;
        for piece in pieces(offset, bytes.len()) {
            let chunk = self.chunk_mut(piece.chunk);
            chunk[piece.start..piece.start + piece.len]
                .copy_from_slice(&bytes[piece.done..piece.done + piece.len]);
        }
        self.grow(end);
        Ok(())
    }

    /// Cuts the file off at `len`, or grows it with zeros.
    pub fn set_len(&mut self, len: u64) -> io::Result<()> {
        checked_end(len, 0)?;
        let whole = len.div_ceil(CHUNK as u64) as usize;
        if self.chunks.len() > whole {
            Arc::make_mut(&mut self.chunks).truncate(whole);
        }
        self.len = len;
        self.clear_tail();
        Ok(())
    }

    /// Restores the invariant after [`Content::put_chunk`], for the last chunk.
    pub fn clear_tail(&mut self) {
        let (last, tail) = ((self.len / CHUNK as u64) as usize, (self.len % CHUNK as u64) as usize);
        if self.chunk(last).is_some_and(|chunk| chunk[tail..].iter().any(|&byte| byte != 0)) {
            self.chunk_mut(last)[tail..].fill(0);
        }
    }

    pub fn grow(&mut self, len: u64) {
        self.len = self.len.max(len);
    }

    /// The chunks that hold `len` bytes at `offset`, shared: what the kernel would write back for them.
    pub fn images(&self, offset: u64, len: usize) -> Arc<[Arc<Chunk>]> {
        pieces(offset, len)
            .map(|piece| self.chunk(piece.chunk).cloned().unwrap_or_else(|| Arc::new([0; CHUNK])))
            .collect()
    }

    pub fn chunk(&self, index: usize) -> Option<&Arc<Chunk>> {
        self.chunks.get(index)?.as_ref()
    }

    /// Replaces a whole chunk; the caller grows the file to where its bytes count.
    pub fn put_chunk(&mut self, index: usize, chunk: Arc<Chunk>) {
        *self.slot(index) = Some(chunk);
    }

    pub fn chunk_mut(&mut self, index: usize) -> &mut Chunk {
        Arc::make_mut(self.slot(index).get_or_insert_with(|| Arc::new([0; CHUNK])))
    }

    fn slot(&mut self, index: usize) -> &mut Option<Arc<Chunk>> {
        let chunks = Arc::make_mut(&mut self.chunks);
        if chunks.len() <= index {
            chunks.resize(index + 1, None);
        }
        &mut chunks[index]
    }
}

/// The end of `len` bytes at `offset`, if a file may reach that far.
pub(super) fn checked_end(offset: u64, len: usize) -> io::Result<u64> {
    let end = offset.checked_add(len as u64).filter(|&end| end <= MAX_LEN);
    end.ok_or_else(|| io::ErrorKind::FileTooLarge.into())
}

/// The part of a transfer that lies in one chunk.
struct Piece {
    chunk: usize,
    /// Where in the chunk.
    start: usize,
    len: usize,
    /// How many bytes of the transfer come before.
    done: usize,
}

fn pieces(offset: u64, len: usize) -> impl Iterator<Item = Piece> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let position = offset + done as u64;
        let start = (position % CHUNK as u64) as usize;
        let piece = Piece {
            chunk: (position / CHUNK as u64) as usize,
            start,
            len: (len - done).min(CHUNK - start),
            done,
        };
        done += piece.len;
        (piece.len > 0).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &Content, offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0xee; len];
        let n = content.read(&mut bytes, offset);
        bytes.truncate(n);
        bytes
    }

    #[test]
    fn writes_cross_chunks_and_leave_holes_of_zeros() {
        let mut content = Content::default();
        content.write(&[7; 10_000], 3_000).unwrap();
        assert_eq!(content.len(), 13_000);
        assert_eq!(read(&content, 0, 20_000), [vec![0; 3_000], vec![7; 10_000]].concat());
        assert_eq!(read(&content, 13_000, 10), []);
        assert_eq!(read(&content, u64::MAX, 10), []);
    }

    #[test]
    fn what_was_cut_off_does_not_come_back() {
        let mut content = Content::default();
        content.write(&[7; 10_000], 0).unwrap();
        content.set_len(5_000).unwrap();
        content.set_len(10_000).unwrap();
        assert_eq!(read(&content, 0, 10_000), [vec![7; 5_000], vec![0; 5_000]].concat());
    }

    #[test]
    fn a_clone_keeps_what_it_had() {
        let mut content = Content::default();
        content.write(&[1; 8192], 0).unwrap();
        let before = content.clone();
        content.write(&[2; 1], 0).unwrap();
        assert_eq!((read(&before, 0, 1), read(&content, 0, 1)), (vec![1], vec![2]));
        assert!(Arc::ptr_eq(before.chunk(1).unwrap(), content.chunk(1).unwrap()));
    }

    #[test]
    fn a_file_cannot_be_longer_than_the_simulation_bears() {
        let mut content = Content::default();
        assert_eq!(content.write(&[1], u64::MAX).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(content.set_len(MAX_LEN + 1).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
