//! ORDER BY: sorts in memory up to `work_mem`, beyond it in runs on disk that are merged.
//!
//! With a limit, only rows that may still be among the first so many are kept: whenever twice as many have
//! gathered, the later half is thrown away, and from then on a row that is not before the last one kept is not
//! even copied. A scan right below is told, so that it does not read the rest of such a row.

use super::cutoff::Cutoff;
use super::{Input, Operator};
use crate::error::Result;
use crate::execute::batch::{BATCH_ROWS, BATCH_TEXT, Batch};
use crate::execute::context::Context;
use crate::execute::eval::Evaluator;
use crate::execute::merge::{Merge, write_run};
use crate::execute::row::{append_row, push_row};
use crate::execute::sort_buffer::{SortBuffer, prefix_of};
use crate::execute::sort_key::{KeyOrder, append_key};
use crate::execute::spill::RecordReader;
use crate::sql::plan::SortKey;
use crate::types::DataType;

pub struct Sort<'a> {
    input: Input<'a>,
    keys: Vec<(Evaluator, KeyOrder)>,
    types: &'a [DataType],
    /// Rows still to be answered.
    left: u64,
    buffer: SortBuffer,
    runs: Vec<RecordReader>,
    sorted: Option<Sorted>,
    spilled: u64,
}

/// Where the sorted rows come from.
enum Sorted {
    /// From the buffer; the number is of the next row.
    Memory(usize),
    Runs(Merge),
}

impl<'a> Sort<'a> {
    /// `types` are those of the input's columns, which are the output's.
    pub fn new(
        input: Input<'a>,
        keys: &[SortKey],
        limit: Option<u64>,
        types: &'a [DataType],
    ) -> Result<Sort<'a>> {
        let keys = keys.iter().map(|key| {
            let data_type = key.expression.data_type();
            let order = KeyOrder { data_type, descending: key.descending, nulls_first: key.nulls_first };
            Ok((Evaluator::new(&key.expression)?, order))
        });
        Ok(Sort {
            input,
            keys: keys.collect::<Result<_>>()?,
            types,
            left: limit.unwrap_or(u64::MAX),
            buffer: SortBuffer::default(),
            runs: Vec::new(),
            sorted: None,
            spilled: 0,
        })
    }

    fn sort_input(&mut self, context: &mut Context<'_>) -> Result<Sorted> {
        let keep = usize::try_from(self.left).unwrap_or(usize::MAX);
        let mut batch = Batch::default();
        let mut cutoff = None;
        while keep > 0 && self.input.next(context, &mut batch)? {
            self.push_batch(&batch, cutoff.as_deref())?;
            if self.buffer.len() >= keep.saturating_mul(2).max(keep.saturating_add(BATCH_ROWS))
                || (self.buffer.bytes() > context.work_mem && self.buffer.len() > keep)
            {
                cutoff = self.buffer.keep_first(keep);
                self.cut_input(cutoff.as_deref());
            }
            if self.buffer.bytes() > context.work_mem {
                self.spill(context)?;
            }
        }
        if self.runs.is_empty() {
            self.buffer.sort();
            return Ok(Sorted::Memory(0));
        }
        self.spill(context)?;
        self.buffer = SortBuffer::default();
        Ok(Sorted::Runs(Merge::new(context, std::mem::take(&mut self.runs))?))
    }

    /// Tells whoever reads the rows which of them have no chance, if their first key is a column as it was read.
    fn cut_input(&mut self, cutoff: Option<&[u8]>) {
        if let (Some(cutoff), Some((key, order))) = (cutoff, self.keys.first())
            && let Some(column) = key.column()
        {
            self.input.cut(Cutoff { column, order: *order, prefix: prefix_of(cutoff) });
        }
    }

    fn push_batch(&mut self, batch: &Batch, cutoff: Option<&[u8]>) -> Result<()> {
        let rows = batch.rows();
        let mut keys = Vec::with_capacity(self.keys.len());
        for (key, order) in &mut self.keys {
            keys.push((key.evaluate(&batch.columns, rows)?, *order));
        }
        let mut record = Vec::new();
        let last_prefix = cutoff.map(prefix_of);
        rows.for_each(|row| {
            record.clear();
            for &(vector, order) in &keys {
                append_key(&mut record, order, vector, row);
                // Most rows are out of the question after the first key, by one comparison of numbers.
                if last_prefix.is_some_and(|last| prefix_of(&record) > last) {
                    return;
                }
            }
            let key_len = record.len();
            if cutoff.is_none_or(|cutoff| record.as_slice() < cutoff) {
                append_row(&mut record, &batch.columns, row);
                self.buffer.push(&record, key_len);
            }
        });
        Ok(())
    }

    fn spill(&mut self, context: &mut Context<'_>) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.buffer.sort();
        let run = write_run(context, &self.buffer)?;
        self.spilled += run.bytes();
        self.runs.push(run.finish()?);
        self.buffer.clear();
        Ok(())
    }
}

impl Operator for Sort<'_> {
    fn next(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        let mut sorted = match self.sorted.take() {
            Some(sorted) => sorted,
            None => self.sort_input(context)?,
        };
        context.check_interrupt()?;
        out.reset(self.types);
        let (mut len, mut bytes) = (0, 0);
        while len < BATCH_ROWS && bytes < BATCH_TEXT && self.left > 0 {
            let row = match &sorted {
                Sorted::Memory(position) => self.buffer.row(*position),
                Sorted::Runs(merge) => merge.row()?,
            };
            let Some(row) = row else { break };
            bytes += row.len();
            push_row(row, &mut out.columns)?;
            match &mut sorted {
                Sorted::Memory(position) => *position += 1,
                Sorted::Runs(merge) => merge.advance()?,
            }
            len += 1;
            self.left -= 1;
        }
        out.set_len(len);
        self.sorted = Some(sorted);
        Ok(len > 0)
    }

    fn spilled(&self) -> u64 {
        self.spilled
    }
}
