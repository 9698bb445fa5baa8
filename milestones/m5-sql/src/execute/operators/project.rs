//! The select list: computes new columns from the input's.

use super::{Input, Operator};
use crate::error::{Error, Result};
use crate::execute::batch::Batch;
use crate::execute::context::Context;
use crate::execute::eval::Evaluator;
use crate::execute::vector::{Kind, Vector};
use crate::sql::expr::Expr;

pub struct Project<'a> {
    input: Input<'a>,
    expressions: Vec<Evaluator>,
    /// `(to, from)`: output columns that are an input column nobody else needs afterwards. They change places
    /// with the output's old buffers instead of being copied.
    swaps: Vec<(usize, usize)>,
    rows: Batch,
}

impl<'a> Project<'a> {
    pub fn new(input: Input<'a>, expressions: &[Expr]) -> Result<Project<'a>> {
        let expressions = expressions.iter().map(Evaluator::new).collect::<Result<Vec<_>>>()?;
        let mut swaps: Vec<(usize, usize)> = Vec::new();
        for (to, expression) in expressions.iter().enumerate() {
            if let Some(from) = expression.column()
                && !swaps.iter().any(|&(_, taken)| taken == from)
            {
                swaps.push((to, from));
            }
        }
        Ok(Project { input, expressions, swaps, rows: Batch::default() })
    }
}

impl Operator for Project<'_> {
    fn next(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        let Project { input, expressions, swaps, rows } = self;
        if !input.next(context, rows)? {
            return Ok(false);
        }
        out.columns.resize_with(expressions.len(), || Vector::new(Kind::Integer));
        let mut swapped = swaps.iter().peekable();
        for (to, expression) in expressions.iter_mut().enumerate() {
            if swapped.next_if(|swap| swap.0 == to).is_some() {
                continue;
            }
            let result = expression.evaluate(&rows.columns, rows.rows())?;
            out.columns[to].restart(result.kind(), rows.rows().bound());
            out.columns[to].copy_rows(result, rows.rows())?;
        }
        for &(to, from) in swaps.iter() {
            let column = rows.columns.get_mut(from).ok_or_else(|| {
                Error::internal(format!("an expression refers to column {from} of its input"))
            })?;
            std::mem::swap(column, &mut out.columns[to]);
        }
        out.take_shape(rows);
        Ok(true)
    }

    fn expect(&mut self, rows: u64) {
        self.input.expect(rows);
    }
}
