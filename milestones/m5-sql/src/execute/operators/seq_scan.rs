//! Reads a table from front to back.
//!
//! It works on the page where it lies: the heap says which line pointers have rows that the transaction sees,
//! and the columns asked for are copied out of them into the batch. A page is held only while it is worked on.

use super::Operator;
use super::cutoff::{Cutoff, EarlyLook};
use super::scan_filter::ScanFilter;
use crate::buffer::PageRef;
use crate::error::Result;
use crate::execute::batch::{BATCH_TEXT, Batch, BatchSize};
use crate::execute::context::Context;
use crate::execute::decode::Decoder;
use crate::heap::{Heap, HeapScan};
use crate::page::{PageNo, Tid};
use crate::sql::expr::Expr;
use crate::types::Schema;

pub struct SeqScan {
    heap: Heap,
    scan: Option<HeapScan>,
    decoder: Decoder,
    filter: ScanFilter,
    with_places: bool,
    size: BatchSize,
    early_look: Option<EarlyLook>,
    /// The page that did not fit the last batch to its end.
    held: Option<(PageNo, PageRef)>,
    /// Its line pointers with visible rows, and how many of them are done with.
    visible: Vec<u16>,
    done: usize,
}

impl SeqScan {
    /// `columns` are positions in the schema, in the order of the output; `filter` is over the output.
    pub fn new(
        heap: Heap,
        schema: &Schema,
        columns: &[usize],
        filter: Option<&Expr>,
        with_places: bool,
    ) -> Result<SeqScan> {
        Ok(SeqScan {
            heap,
            scan: None,
            decoder: Decoder::new(schema, columns),
            filter: ScanFilter::new(filter)?,
            with_places,
            size: BatchSize::FULL,
            early_look: None,
            held: None,
            visible: Vec::new(),
            done: 0,
        })
    }

    /// Fills the batch with the next visible rows; false at the end of the table.
    fn fill(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        out.reset(self.decoder.types());
        let (size, mut rows, mut bytes) = (self.size.take(), 0, 0);
        while rows < size && bytes < BATCH_TEXT && self.hold_page(context)? {
            let Some((number, page)) = &self.held else { break };
            let rest = &self.visible[self.done..];
            let slots = &rest[..rest.len().min(size - rows)];
            let read = match &mut self.early_look {
                None => self.decoder.append(page, slots, out).map(|read| (slots, read)),
                Some(look) => look
                    .pick(page, slots)
                    .and_then(|slots| Ok((slots, self.decoder.append(page, slots, out)?))),
            };
            let (slots_read, bytes_read) =
                read.map_err(|error| match (&self.scan, self.decoder.damaged(page, slots)) {
                    (Some(scan), Some(slot)) => scan.locate(Tid { page: *number, slot })(error),
                    _ => error,
                })?;
            if self.with_places {
                out.places.extend(slots_read.iter().map(|&slot| Tid { page: *number, slot }));
            }
            rows += slots_read.len();
            bytes += bytes_read;
            self.done += slots.len();
        }
        out.set_len(rows);
        Ok(rows > 0)
    }

    /// Sees to it that the page in hand has rows left; false at the end of the table.
    fn hold_page(&mut self, context: &mut Context<'_>) -> Result<bool> {
        if self.held.is_some() && self.done < self.visible.len() {
            return Ok(true);
        }
        context.check_interrupt()?;
        let scan = match &mut self.scan {
            Some(scan) => scan,
            none => none.insert(self.heap.scan(context.pages)?),
        };
        self.done = 0;
        self.held = None;
        self.held = scan.next_page(context.pages, context.transaction, &mut self.visible)?;
        Ok(self.held.is_some())
    }
}

impl Operator for SeqScan {
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

    fn cut(&mut self, cutoff: Cutoff) {
        // Every row must meet the condition, which might be an error for one that is left out.
        if self.filter.is_empty() {
            match &mut self.early_look {
                Some(look) => look.cutoff = cutoff,
                none => *none = Some(EarlyLook::new(cutoff, &self.decoder)),
            }
        }
    }

    fn removed(&self) -> u64 {
        self.filter.removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::batch::BATCH_ROWS;
    use crate::execute::test_support::{Surroundings, collect};
    use crate::sql::expr::BinaryOp;
    use crate::testing::transact;
    use crate::tuple::{Layout, TupleBuffer};
    use crate::types::{Column, DataType, Value};

    const TYPES: [DataType; 3] = [DataType::Integer, DataType::Varchar(Some(2000)), DataType::Boolean];

    fn schema() -> Schema {
        let column = |(number, data_type)| Column { name: format!("c{number}"), data_type, not_null: false };
        Schema::new(TYPES.into_iter().enumerate().map(column).collect()).unwrap()
    }

    fn row(number: i32) -> Vec<Value> {
        let flag = if number % 3 == 0 { Value::Null } else { Value::Boolean(number % 2 == 0) };
        vec![Value::Integer(number), Value::Text("x".repeat(number as usize % 1500)), flag]
    }

    /// A table of 3,000 rows of up to 1,500 bytes, the first 100 of them deleted.
    fn table(surroundings: &mut Surroundings) -> Heap {
        let layout = Layout::new(&schema());
        let mut tuples = TupleBuffer::default();
        (0..3000).for_each(|number| tuples.push_row(&layout, &row(number)).unwrap());
        let pages = &mut surroundings.pages;
        let mut heap = Heap::create(pages, 16384).unwrap();
        let mut tids = Vec::new();
        transact(pages, |pages, by| heap.insert(pages, by, 3, &mut tuples, &mut tids).unwrap());
        transact(pages, |pages, by| heap.delete(pages, by, &tids[..100]).unwrap());
        heap
    }

    #[test]
    fn a_scan_answers_every_visible_row_in_bounded_batches() {
        let mut surroundings = Surroundings::default();
        let heap = table(&mut surroundings);
        let mut scan = SeqScan::new(heap, &schema(), &[2, 1, 0], None, false).unwrap();
        let types = [TYPES[2], TYPES[1], TYPES[0]];
        let mut found = collect(&mut scan, &mut surroundings.context(), &types).unwrap();
        found.iter_mut().for_each(|row| row.reverse());
        assert_eq!(found, (100..3000).map(row).collect::<Vec<_>>());
        let heap = Heap::new(16384);
        let mut scan = SeqScan::new(heap, &schema(), &[1], None, false).unwrap();
        let mut batch = Batch::default();
        while scan.next(&mut surroundings.context(), &mut batch).unwrap() {
            assert!(batch.len() <= BATCH_ROWS && batch.columns[0].text_bytes() < BATCH_TEXT + 8192);
        }
    }

    #[test]
    fn a_filter_leaves_rows_with_their_places() {
        let mut surroundings = Surroundings::default();
        let heap = table(&mut surroundings);
        let at_least = Expr::Binary {
            op: BinaryOp::GreaterOrEqual,
            left: Box::new(Expr::Column { index: 0, data_type: TYPES[0] }),
            right: Box::new(Expr::Literal { value: Value::Integer(2990), data_type: TYPES[0] }),
        };
        let mut scan = SeqScan::new(heap.clone(), &schema(), &[0], Some(&at_least), true).unwrap();
        let mut batch = Batch::default();
        let mut context = surroundings.context();
        assert!(scan.next(&mut context, &mut batch).unwrap());
        assert_eq!(batch.row_count(), 10);
        let layout = Layout::new(&schema());
        batch.rows().for_each(|position| {
            let tuple =
                heap.get(context.pages, context.transaction, batch.places[position]).unwrap().unwrap();
            let number = batch.columns[0].value(position, TYPES[0]).unwrap();
            assert_eq!(layout.value(tuple.bytes(), 0).unwrap(), number);
        });
        assert!(!scan.next(&mut context, &mut batch).unwrap());
    }

    #[test]
    fn a_table_without_rows_answers_none_even_when_no_column_is_asked_for() {
        let mut surroundings = Surroundings::default();
        let heap = Heap::create(&mut surroundings.pages, 16385).unwrap();
        let mut scan = SeqScan::new(heap, &schema(), &[], None, false).unwrap();
        assert!(!scan.next(&mut surroundings.context(), &mut Batch::default()).unwrap());
        let heap = table(&mut surroundings);
        let mut scan = SeqScan::new(heap, &schema(), &[], None, false).unwrap();
        assert_eq!(collect(&mut scan, &mut surroundings.context(), &[]).unwrap().len(), 2900);
    }
}
