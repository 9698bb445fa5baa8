//! WHERE and HAVING: keeps the rows for which a predicate is true, without moving them.

use super::{Input, Operator};
use crate::error::Result;
use crate::execute::batch::Batch;
use crate::execute::context::Context;
use crate::execute::eval::Evaluator;
use crate::sql::expr::Expr;

pub struct Filter<'a> {
    input: Input<'a>,
    predicate: Evaluator,
    picked: Vec<u16>,
}

impl<'a> Filter<'a> {
    pub fn new(input: Input<'a>, predicate: &Expr) -> Result<Filter<'a>> {
        Ok(Filter { input, predicate: Evaluator::new(predicate)?, picked: Vec::new() })
    }
}

impl Operator for Filter<'_> {
    fn next(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        while self.input.next(context, out)? {
            self.predicate.select(&out.columns, out.rows(), &mut self.picked)?;
            if !self.picked.is_empty() {
                out.select(&mut self.picked);
                return Ok(true);
            }
        }
        Ok(false)
    }
}
