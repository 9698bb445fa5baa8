//! The operators that a plan is made of: each takes batches from the one below it and makes batches of its own.

pub mod accumulator;
pub mod aggregate;
pub mod cutoff;
pub mod distinct;
pub mod filter;
pub mod index_scan;
pub mod limit;
pub mod project;
mod scan_filter;
pub mod seq_scan;
pub mod sort;
pub mod values;

use super::batch::Batch;
use super::context::Context;
use crate::error::Result;
use cutoff::Cutoff;

pub trait Operator {
    /// Fills `out`, whatever was in it, with the next rows (at least one); false when there are no more.
    ///
    /// The batch is the caller's: an operator that only drops rows hands it on to the operator below, one that
    /// makes columns writes over the buffers in it. After false, the operator is not asked again.
    fn next(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool>;

    /// Nobody will look at more rows than these: a scan need not run ahead of them. Said before the first is asked for, by
    /// LIMIT, and passed on by whoever gives one row for each.
    fn expect(&mut self, _rows: u64) {}

    /// Nobody will look at rows behind this: a scan may leave them out. Said by ORDER BY … LIMIT, each time it knows better;
    /// not passed on by whoever computes something of the rows, since it might be an error.
    fn cut(&mut self, _cutoff: Cutoff) {}

    /// Bytes written to temporary files so far.
    fn spilled(&self) -> u64 {
        0
    }

    /// Rows that its own filter has dropped so far.
    fn removed(&self) -> u64 {
        0
    }
}

/// An operator that another one takes its rows from.
pub type Input<'a> = Box<dyn Operator + 'a>;

#[cfg(test)]
mod tests;
