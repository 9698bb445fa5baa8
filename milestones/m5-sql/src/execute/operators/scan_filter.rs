//! What a scan does with its condition: drops the rows that do not meet it, and counts them.

use crate::error::Result;
use crate::execute::batch::Batch;
use crate::execute::eval::Evaluator;
use crate::sql::expr::Expr;

#[derive(Default)]
pub struct ScanFilter {
    condition: Option<Evaluator>,
    picked: Vec<u16>,
    /// Rows dropped so far.
    pub removed: u64,
}

impl ScanFilter {
    /// `condition` is over the columns that the scan produces.
    pub fn new(condition: Option<&Expr>) -> Result<ScanFilter> {
        Ok(ScanFilter { condition: condition.map(Evaluator::new).transpose()?, ..ScanFilter::default() })
    }

    pub fn is_empty(&self) -> bool {
        self.condition.is_none()
    }

    /// Narrows the batch; false if no row is left of it.
    pub fn narrow(&mut self, batch: &mut Batch) -> Result<bool> {
        let Some(condition) = &mut self.condition else { return Ok(true) };
        condition.select(&batch.columns, batch.rows(), &mut self.picked)?;
        self.removed += (batch.row_count() - self.picked.len()) as u64;
        if self.picked.is_empty() {
            return Ok(false);
        }
        batch.select(&mut self.picked);
        Ok(true)
    }
}
