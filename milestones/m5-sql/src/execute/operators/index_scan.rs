//! Reads a table through an index: the entries of a range, in key order, and the row behind each.
//!
//! The index knows nothing of visibility, so every entry costs a look into the heap. One leaf's entries are taken at a
//! time; what the statement itself adds to the index meanwhile does no harm, its rows are not visible to it.

use super::Operator;
use super::scan_filter::ScanFilter;
use crate::catalog::{Index, Table};
use crate::error::Result;
use crate::execute::batch::{BATCH_TEXT, Batch, BatchSize};
use crate::execute::context::Context;
use crate::execute::decode::Decoder;
use crate::execute::eval;
use crate::heap::{Heap, HeapFetch};
use crate::index::{BTree, Cursor, Direction, key};
use crate::page::Tid;
use crate::sql::expr::Expr;
use crate::sql::plan::{Bound, KeyRange};
use crate::types::DataType;
use std::ops;

pub struct IndexScan {
    heap: HeapFetch,
    /// `None` if the range is empty whatever is in the index: a bound is NULL.
    cursor: Option<Cursor>,
    decoder: Decoder,
    filter: ScanFilter,
    with_places: bool,
    size: BatchSize,
    /// The entries of the leaf in hand, and how many of them are done with.
    tids: Vec<Tid>,
    done: usize,
}

impl IndexScan {
    /// `columns` are positions in the table's schema, in the order of the output; `filter` is over the output.
    pub fn new(
        table: &Table,
        (index, range, direction): (&Index, &KeyRange, Direction),
        columns: &[usize],
        filter: Option<&Expr>,
        with_places: bool,
    ) -> Result<IndexScan> {
        let types: Vec<DataType> =
            index.columns.iter().map(|column| table.layout.data_type(*column)).collect();
        let tree = BTree::new(index.oid, &index.name);
        let cursor = key_bounds(range, &types)?
            .map(|(lower, upper)| tree.scan(as_slice(&lower), as_slice(&upper), direction));
        Ok(IndexScan {
            heap: HeapFetch::new(Heap::new(table.oid)),
            cursor,
            decoder: Decoder::new(&table.schema, columns),
            filter: ScanFilter::new(filter)?,
            with_places,
            size: BatchSize::FULL,
            tids: Vec::new(),
            done: 0,
        })
    }

    /// Fills the batch with the next visible rows; false at the end of the range.
    fn fill(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        out.reset(self.decoder.types());
        let (size, mut rows, mut bytes) = (self.size.take(), 0, 0);
        while rows < size && bytes < BATCH_TEXT {
            let Some(tid) = self.next_tid(context)? else { break };
            let locate = self.heap.locate(tid);
            let Some(tuple) = self.heap.get(context.pages, context.transaction, tid)? else { continue };
            self.decoder.append_tuple(tuple, out).map_err(locate)?;
            if self.with_places {
                out.places.push(tid);
            }
            rows += 1;
            bytes += tuple.len();
        }
        // Whoever asked may be about to change these rows.
        self.heap.release();
        out.set_len(rows);
        Ok(rows > 0)
    }

    fn next_tid(&mut self, context: &mut Context<'_>) -> Result<Option<Tid>> {
        let Some(cursor) = &mut self.cursor else { return Ok(None) };
        while self.done == self.tids.len() {
            context.check_interrupt()?;
            self.done = 0;
            if !cursor.next_batch(context.pages, &mut self.tids)? {
                return Ok(None);
            }
        }
        self.done += 1;
        Ok(Some(self.tids[self.done - 1]))
    }
}

impl Operator for IndexScan {
    fn next(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        loop {
            if !self.fill(context, out)? {
                return Ok(false);
            }
            if self.filter.narrow(out)? {
                return Ok(true);
            }
        }
    }

    fn expect(&mut self, rows: u64) {
        self.size = BatchSize::expecting(rows);
    }

    fn removed(&self) -> u64 {
        self.filter.removed
    }
}

type KeyBound = ops::Bound<Vec<u8>>;

/// The range in bytes; `None` if a constant in it is NULL, which no comparison is true of.
fn key_bounds(range: &KeyRange, types: &[DataType]) -> Result<Option<(KeyBound, KeyBound)>> {
    let mut prefix = Vec::new();
    for (constant, data_type) in range.prefix.iter().zip(types) {
        let value = eval::constant(constant)?;
        if value.is_null() {
            return Ok(None);
        }
        key::push_value(&mut prefix, *data_type, &value)?;
    }
    let next_type = types.get(range.prefix.len()).copied();
    let end = |bound: &Option<Bound>| -> Result<Option<KeyBound>> {
        let (Some(bound), Some(data_type)) = (bound, next_type) else {
            return Ok(Some(ops::Bound::Included(prefix.clone())));
        };
        let value = eval::constant(&bound.value)?;
        if value.is_null() {
            return Ok(None);
        }
        let mut bytes = prefix.clone();
        key::push_value(&mut bytes, data_type, &value)?;
        Ok(Some(if bound.inclusive { ops::Bound::Included(bytes) } else { ops::Bound::Excluded(bytes) }))
    };
    let (Some(lower), Some(mut upper)) = (end(&range.lower)?, end(&range.upper)?) else { return Ok(None) };
    if range.upper.is_none() && range.lower.is_some() {
        // `x > 5` is not true of NULL, and NULLs are the last keys.
        let mut nulls = prefix.clone();
        key::push_null(&mut nulls);
        upper = ops::Bound::Excluded(nulls);
    }
    Ok(Some((lower, upper)))
}

fn as_slice(bound: &KeyBound) -> ops::Bound<&[u8]> {
    match bound {
        ops::Bound::Included(bytes) => ops::Bound::Included(bytes),
        ops::Bound::Excluded(bytes) => ops::Bound::Excluded(bytes),
        ops::Bound::Unbounded => ops::Bound::Unbounded,
    }
}
