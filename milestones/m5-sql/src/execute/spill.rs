//! Rows in temporary files: what a sort or a hash table does with what does not fit `work_mem`.

use super::batch::{BATCH_ROWS, BATCH_TEXT, Batch};
use super::context::{Context, TempFile};
use super::hash::mix;
use super::row::{append_row, damaged, push_row};
use super::vector::Vector;
use crate::error::Result;
use crate::types::DataType;

/// Written and read in pieces of about this size.
pub const BUFFER: usize = 32 << 10;

/// A file of records, being written. A record is a length and so many bytes.
pub struct RecordWriter {
    file: Box<dyn TempFile>,
    buffer: Vec<u8>,
    flushed: u64,
}

impl RecordWriter {
    pub fn new(context: &mut Context<'_>) -> Result<RecordWriter> {
        Ok(RecordWriter { file: context.temp_files.create()?, buffer: Vec::new(), flushed: 0 })
    }

    /// Adds a record of the bytes that `write` appends.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 4]);
        write(&mut self.buffer);
        let len = (self.buffer.len() - start - 4) as u32;
        self.buffer[start..start + 4].copy_from_slice(&len.to_le_bytes());
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.file.append(&self.buffer)?;
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    pub fn finish(mut self) -> Result<RecordReader> {
        self.flush()?;
        Ok(RecordReader { file: self.file, len: self.flushed, read: 0, buffer: Vec::new(), at: 0, end: 0 })
    }

    pub fn bytes(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }
}

/// A file of records, being read from its start.
pub struct RecordReader {
    file: Box<dyn TempFile>,
    len: u64,
    /// How much of the file has been in `buffer`.
    read: u64,
    buffer: Vec<u8>,
    /// The current record.
    at: usize,
    end: usize,
}

impl RecordReader {
    /// Goes to the next record; false at the end.
    pub fn advance(&mut self) -> Result<bool> {
        self.at = self.end;
        if !self.fill(4)? {
            return Ok(false);
        }
        let header = self.buffer[self.at..].first_chunk().ok_or_else(damaged)?;
        let len = u32::from_le_bytes(*header) as usize;
        if !self.fill(4 + len)? {
            return Err(damaged());
        }
        self.end = self.at + 4 + len;
        self.at += 4;
        Ok(true)
    }

    /// The record that `advance` went to.
    pub fn record(&self) -> &[u8] {
        &self.buffer[self.at..self.end]
    }

    /// Sees to it that `want` bytes from `at` on are in the buffer; false if the file has no more.
    fn fill(&mut self, want: usize) -> Result<bool> {
        let have = self.buffer.len() - self.at;
        if have >= want {
            return Ok(true);
        }
        let left = self.len - self.read;
        let more = left.min((want - have).max(BUFFER) as u64) as usize;
        if have + more < want {
            return Ok(false);
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.resize(have + more, 0);
        self.file.read_at(&mut self.buffer[have..], self.read)?;
        self.read += more as u64;
        Ok(true)
    }

    /// Fills `batch` with the next rows; false at the end.
    pub fn read_batch(&mut self, types: &[DataType], batch: &mut Batch) -> Result<bool> {
        batch.reset(types);
        let (mut rows, mut bytes) = (0, 0);
        while rows < BATCH_ROWS && bytes < BATCH_TEXT && self.advance()? {
            push_row(self.record(), &mut batch.columns)?;
            rows += 1;
            bytes += self.record().len();
        }
        batch.set_len(rows);
        Ok(rows > 0)
    }
}

const PARTITIONS: usize = 16;

/// Rows thrown out of a full hash table, divided by hash so that each part will fit better than the whole.
pub struct Partitions {
    files: Vec<Option<RecordWriter>>,
    /// How often these rows have been divided before: each time by other bits.
    level: u64,
}

impl Partitions {
    pub fn new(level: u64) -> Partitions {
        Partitions { files: (0..PARTITIONS).map(|_| None).collect(), level }
    }

    pub fn append(
        &mut self,
        context: &mut Context<'_>,
        columns: &[&Vector],
        row: usize,
        hash: u64,
    ) -> Result<()> {
        let number = (mix(hash, self.level) % PARTITIONS as u64) as usize;
        let file = match &mut self.files[number] {
            Some(file) => file,
            none => none.insert(RecordWriter::new(context)?),
        };
        file.append(|buffer| append_row(buffer, columns.iter().copied(), row))
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().flatten().map(RecordWriter::bytes).sum()
    }

    /// The parts that hold rows.
    pub fn finish(self) -> Result<Vec<Partition>> {
        let level = self.level + 1;
        let finish = |file: RecordWriter| Ok(Partition { rows: file.finish()?, level });
        self.files.into_iter().flatten().map(finish).collect()
    }
}

/// Some of the rows, to be worked on by themselves.
pub struct Partition {
    pub rows: RecordReader,
    pub level: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::test_support::Surroundings;

    #[test]
    fn records_of_any_size_come_back_in_order() {
        let mut surroundings = Surroundings::default();
        let mut context = surroundings.context();
        let mut writer = RecordWriter::new(&mut context).unwrap();
        let sizes = [0, 1, BUFFER - 4, BUFFER, 3 * BUFFER + 7, 5, 0];
        for (number, size) in sizes.into_iter().enumerate() {
            writer.append(|buffer| buffer.resize(buffer.len() + size, number as u8)).unwrap();
        }
        let mut reader = writer.finish().unwrap();
        for (number, size) in sizes.into_iter().enumerate() {
            assert!(reader.advance().unwrap());
            assert_eq!(reader.record(), vec![number as u8; size]);
        }
        assert!(!reader.advance().unwrap());
        assert!(!reader.advance().unwrap());
    }
}
