//! DISTINCT: passes a row on when it comes for the first time, so a LIMIT above can stop early.

use super::{Input, Operator};
use crate::error::Result;
use crate::execute::batch::Batch;
use crate::execute::context::Context;
use crate::execute::dedup::Dedup;
use crate::execute::vector::Vector;
use crate::types::DataType;

pub struct Distinct<'a> {
    input: Input<'a>,
    input_ended: bool,
    rows: Dedup,
    fresh: Vec<u16>,
}

impl<'a> Distinct<'a> {
    pub fn new(input: Input<'a>, types: &[DataType]) -> Distinct<'a> {
        Distinct { input, input_ended: false, rows: Dedup::new(types.to_vec()), fresh: Vec::new() }
    }
}

impl Operator for Distinct<'_> {
    fn next(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        while !self.input_ended {
            if !self.input.next(context, out)? {
                self.input_ended = true;
                break;
            }
            let columns: Vec<&Vector> = out.columns.iter().collect();
            self.rows.offer(context, &columns, out.rows(), &mut self.fresh)?;
            if !self.fresh.is_empty() {
                out.select(&mut self.fresh);
                return Ok(true);
            }
        }
        self.rows.drain(context, out)
    }

    fn spilled(&self) -> u64 {
        self.rows.spilled()
    }
}
