//! Rows written out in the statement: `VALUES (…), (…)`, and the one row of `SELECT 1`.

use super::Operator;
use crate::error::{Error, Result};
use crate::execute::batch::{BATCH_ROWS, BATCH_TEXT, Batch, Rows};
use crate::execute::context::Context;
use crate::execute::eval::Evaluator;
use crate::execute::vector::Vector;
use crate::sql::expr::Expr;
use crate::types::DataType;

pub struct ValuesRows<'a> {
    rows: &'a [Vec<Expr>],
    types: &'a [DataType],
}

impl<'a> ValuesRows<'a> {
    pub fn new(rows: &'a [Vec<Expr>], types: &'a [DataType]) -> ValuesRows<'a> {
        ValuesRows { rows, types }
    }
}

impl Operator for ValuesRows<'_> {
    fn next(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        context.check_interrupt()?;
        out.reset(self.types);
        let mut len = 0;
        let mut text = 0;
        while len < BATCH_ROWS
            && text < BATCH_TEXT
            && let Some((row, rest)) = self.rows.split_first()
        {
            if row.len() != self.types.len() {
                return Err(Error::internal("a VALUES row has another number of columns than its plan"));
            }
            for (column, expr) in out.columns.iter_mut().zip(row) {
                let before = column.text_bytes();
                push(column, expr)?;
                text += column.text_bytes() - before;
            }
            self.rows = rest;
            len += 1;
        }
        out.set_len(len);
        Ok(len > 0)
    }
}

/// Most are literals, which go straight into the column.
fn push(column: &mut Vector, expr: &Expr) -> Result<()> {
    match expr {
        Expr::Literal { value, .. } | Expr::Parameter { value, .. } => column.push_value(value),
        _ => column.push_from(Evaluator::new(expr)?.evaluate(&[], Rows::First(1))?, 0),
    }
}
