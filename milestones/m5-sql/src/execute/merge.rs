//! Merges sorted runs from temporary files.
//!
//! The runs stand in a binary heap, the one with the least key on top; taking a row is one step down the heap.
//! Equal keys come in the order of their runs, so a sort that spills is as stable as one that does not.

use super::context::Context;
use super::row::damaged;
use super::sort_buffer::SortBuffer;
use super::spill::{BUFFER, RecordReader, RecordWriter};
use crate::error::Result;
use std::cmp::Ordering;

/// Writes the buffer's rows, already in order, as a run.
pub fn write_run(context: &mut Context<'_>, buffer: &SortBuffer) -> Result<RecordWriter> {
    let mut run = RecordWriter::new(context)?;
    for (key, row) in buffer.records() {
        append(&mut run, key, row)?;
    }
    Ok(run)
}

fn append(run: &mut RecordWriter, key: &[u8], row: &[u8]) -> Result<()> {
    run.append(|bytes| {
        bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(row);
    })
}

pub struct Merge {
    /// Each run stands at a record; a run at its end is dropped.
    heap: Vec<Run>,
}

struct Run {
    reader: RecordReader,
    number: usize,
}

impl Run {
    /// Key and row of the current record.
    fn split(&self) -> Result<(&[u8], &[u8])> {
        let (len, rest) = self.reader.record().split_first_chunk().ok_or_else(damaged)?;
        rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or_else(damaged)
    }

    fn compare(&self, other: &Run) -> Result<Ordering> {
        Ok(self.split()?.0.cmp(other.split()?.0).then(self.number.cmp(&other.number)))
    }
}

impl Merge {
    /// Merges down to one reading buffer for each run in `work_mem`, in several passes if there are many runs.
    pub fn new(context: &mut Context<'_>, mut runs: Vec<RecordReader>) -> Result<Merge> {
        let fan_in = (context.work_mem / (2 * BUFFER)).clamp(2, 256);
        while runs.len() > fan_in {
            let mut longer = Vec::new();
            let mut rest = runs.into_iter();
            loop {
                let some: Vec<RecordReader> = rest.by_ref().take(fan_in).collect();
                if some.is_empty() {
                    break;
                }
                longer.push(Merge::of(some)?.into_run(context)?);
            }
            runs = longer;
        }
        Merge::of(runs)
    }

    fn of(runs: Vec<RecordReader>) -> Result<Merge> {
        let mut merge = Merge { heap: Vec::with_capacity(runs.len()) };
        for (number, mut reader) in runs.into_iter().enumerate() {
            if reader.advance()? {
                merge.heap.push(Run { reader, number });
            }
        }
        for position in (0..merge.heap.len() / 2).rev() {
            merge.sift_down(position)?;
        }
        Ok(merge)
    }

    fn into_run(mut self, context: &mut Context<'_>) -> Result<RecordReader> {
        let mut run = RecordWriter::new(context)?;
        while let Some(top) = self.heap.first() {
            context.check_interrupt()?;
            let (key, row) = top.split()?;
            append(&mut run, key, row)?;
            self.advance()?;
        }
        run.finish()
    }

    /// Key and row of the record that is next in order.
    pub fn record(&self) -> Result<Option<(&[u8], &[u8])>> {
        self.heap.first().map(Run::split).transpose()
    }

    /// The row that is next in order.
    pub fn row(&self) -> Result<Option<&[u8]>> {
        self.heap.first().map(|top| Ok(top.split()?.1)).transpose()
    }

    /// Goes past that row.
    pub fn advance(&mut self) -> Result<()> {
        let Some(top) = self.heap.first_mut() else { return Ok(()) };
        if !top.reader.advance()? {
            self.heap.swap_remove(0);
        }
        self.sift_down(0)
    }

    fn sift_down(&mut self, mut position: usize) -> Result<()> {
        loop {
            let mut least = position;
            for child in [2 * position + 1, 2 * position + 2] {
                if child < self.heap.len() && self.heap[child].compare(&self.heap[least])?.is_lt() {
                    least = child;
                }
            }
            if least == position {
                return Ok(());
            }
            self.heap.swap(position, least);
            position = least;
        }
    }
}
