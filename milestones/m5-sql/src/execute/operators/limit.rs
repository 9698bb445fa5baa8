//! LIMIT and OFFSET: stops asking once it has enough.

use super::{Input, Operator};
use crate::error::Result;
use crate::execute::batch::Batch;
use crate::execute::context::Context;

pub struct Limit<'a> {
    input: Input<'a>,
    /// Rows still to be passed on.
    left: u64,
    /// Rows still to be dropped.
    offset: u64,
}

impl<'a> Limit<'a> {
    pub fn new(mut input: Input<'a>, limit: Option<u64>, offset: u64) -> Limit<'a> {
        if let Some(limit) = limit {
            input.expect(limit.saturating_add(offset));
        }
        Limit { input, left: limit.unwrap_or(u64::MAX), offset }
    }
}

impl Operator for Limit<'_> {
    fn next(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        while self.left > 0 && self.input.next(context, out)? {
            let rows = out.row_count() as u64;
            if rows <= self.offset {
                self.offset -= rows;
                continue;
            }
            if self.offset > 0 {
                out.skip(self.offset as usize);
                self.offset = 0;
            }
            if out.row_count() as u64 > self.left {
                out.truncate(self.left as usize);
            }
            self.left -= out.row_count() as u64;
            return Ok(true);
        }
        Ok(false)
    }
}
