//! A batch: up to 1,024 rows on their way from one operator to the next, column by column.
//!
//! A filter does not move rows: it writes a *selection*, the positions of the rows that stay. Whoever reads a
//! batch goes through [`Batch::rows`].

use super::vector::{Kind, Vector};
use crate::page::Tid;
use crate::types::DataType;

/// Rows in a full batch: a column of integers fills 8 KiB, so a few columns stay in the L1 cache.
pub const BATCH_ROWS: usize = 1024;

/// A producer ends a batch early once its texts take this much, which bounds the memory of a batch.
pub const BATCH_TEXT: usize = 1 << 20;

/// How many rows a scan fetches at a time: all that a batch takes, unless it is known that few will do. Then it begins with
/// those; whoever asks again has dropped some, and gets twice as many.
#[derive(Clone, Copy, Debug)]
pub struct BatchSize(usize);

impl BatchSize {
    pub const FULL: BatchSize = BatchSize(BATCH_ROWS);

    /// Begins with `rows`, if a batch has room for more.
    pub fn expecting(rows: u64) -> BatchSize {
        BatchSize(usize::try_from(rows).unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS))
    }

    /// The size of the next batch.
    pub fn take(&mut self) -> usize {
        let size = self.0;
        self.0 = (size * 2).min(BATCH_ROWS);
        size
    }
}

/// The positions of the rows that count, in ascending order.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// The first so many.
    First(usize),
    Picked(&'a [u16]),
}

impl Rows<'_> {
    pub fn len(self) -> usize {
        match self {
            Rows::First(len) => len,
            Rows::Picked(picks) => picks.len(),
        }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// One more than the last position: how long a vector of results must be.
    pub fn bound(self) -> usize {
        match self {
            Rows::First(len) => len,
            Rows::Picked(picks) => picks.last().map_or(0, |&last| usize::from(last) + 1),
        }
    }

    #[inline]
    pub fn for_each(self, mut visit: impl FnMut(usize)) {
        match self {
            Rows::First(len) => (0..len).for_each(visit),
            Rows::Picked(picks) => picks.iter().for_each(|&row| visit(usize::from(row))),
        }
    }

    #[inline]
    pub fn try_for_each<E>(self, mut visit: impl FnMut(usize) -> Result<(), E>) -> Result<(), E> {
        match self {
            Rows::First(len) => (0..len).try_for_each(visit),
            Rows::Picked(picks) => picks.iter().try_for_each(|&row| visit(usize::from(row))),
        }
    }

    /// Writes to `picked` the rows that `keep` accepts. The loop has no branch that depends on the data.
    #[inline]
    pub fn pick(self, picked: &mut Vec<u16>, keep: impl Fn(usize) -> bool) {
        picked.clear();
        picked.resize(self.len(), 0);
        let mut kept = 0;
        self.for_each(|row| {
            picked[kept] = row as u16;
            kept += usize::from(keep(row));
        });
        picked.truncate(kept);
    }

    /// Writes all of them to `picked`.
    pub fn write_to(self, picked: &mut Vec<u16>) {
        picked.clear();
        match self {
            Rows::First(len) => picked.extend((0..len).map(|row| row as u16)),
            Rows::Picked(picks) => picked.extend_from_slice(picks),
        }
    }
}

/// Takes the rows in `gone` out of `rows`; both ascend, and `gone` is a part of `rows`.
pub fn subtract(rows: &mut Vec<u16>, gone: &[u16]) {
    let mut gone = gone.iter().peekable();
    rows.retain(|row| gone.next_if_eq(&row).is_none());
}

/// Rows as columns.
///
/// Invariant: every column, and `places` unless it is empty, holds a value for each row of `rows()`; the
/// selection ascends and stays below `len`.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub columns: Vec<Vector>,
    /// Where each row is stored, if it comes from a table and whoever asked wants to change it.
    pub places: Vec<Tid>,
    len: usize,
    is_selected: bool,
    selection: Vec<u16>,
}

impl Batch {
    /// Empties the batch for rows of these types; the buffers stay where the kinds match.
    pub fn reset(&mut self, types: &[DataType]) {
        self.columns.resize_with(types.len(), || Vector::new(Kind::Integer));
        for (column, data_type) in self.columns.iter_mut().zip(types) {
            column.clear(Kind::of(*data_type));
        }
        self.places.clear();
        self.set_len(0);
    }

    /// Declares that the columns now hold `len` rows, all of them selected.
    pub fn set_len(&mut self, len: usize) {
        self.len = len;
        self.is_selected = false;
    }

    /// The rows that are in the columns, selected or not.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.row_count() == 0
    }

    /// The rows that count.
    pub fn rows(&self) -> Rows<'_> {
        if self.is_selected { Rows::Picked(&self.selection) } else { Rows::First(self.len) }
    }

    pub fn row_count(&self) -> usize {
        self.rows().len()
    }

    /// Narrows the batch to the rows in `picked`, which is left with an old buffer to reuse.
    pub fn select(&mut self, picked: &mut Vec<u16>) {
        if !self.is_selected && picked.len() == self.len {
            return;
        }
        std::mem::swap(&mut self.selection, picked);
        self.is_selected = true;
    }

    /// Drops the first `count` rows.
    pub fn skip(&mut self, count: usize) {
        self.make_selection();
        self.selection.drain(..count.min(self.selection.len()));
    }

    /// Keeps the first `count` rows.
    pub fn truncate(&mut self, count: usize) {
        self.make_selection();
        self.selection.truncate(count);
    }

    fn make_selection(&mut self) {
        if !self.is_selected {
            Rows::First(self.len).write_to(&mut self.selection);
            self.is_selected = true;
        }
    }

    /// Takes over which rows of `other` count and where they are stored, but not its columns.
    pub fn take_shape(&mut self, other: &mut Batch) {
        self.len = other.len;
        self.is_selected = other.is_selected;
        std::mem::swap(&mut self.selection, &mut other.selection);
        std::mem::swap(&mut self.places, &mut other.places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(batch: &Batch) -> Vec<usize> {
        let mut rows = Vec::new();
        batch.rows().for_each(|row| rows.push(row));
        rows
    }

    #[test]
    fn selections_narrow_and_never_move_rows() {
        let mut batch = Batch::default();
        batch.set_len(10);
        batch.select(&mut vec![1, 3, 5, 7]);
        assert_eq!(rows(&batch), [1, 3, 5, 7]);
        batch.skip(1);
        batch.truncate(2);
        assert_eq!(rows(&batch), [3, 5]);
        assert_eq!((batch.len(), batch.row_count(), batch.rows().bound()), (10, 2, 6));
        batch.skip(100);
        assert!(batch.is_empty());
    }

    #[test]
    fn picking_from_picked_rows_keeps_positions() {
        let mut picked = Vec::new();
        Rows::Picked(&[2, 4, 9]).pick(&mut picked, |row| row != 4);
        assert_eq!(picked, [2, 9]);
        Rows::First(3).pick(&mut picked, |_| true);
        assert_eq!(picked, [0, 1, 2]);
    }

    #[test]
    fn subtracting_removes_exactly_the_given_rows() {
        let mut rows = vec![0, 2, 3, 8];
        subtract(&mut rows, &[2, 8]);
        assert_eq!(rows, [0, 3]);
    }
}
