//! What the tests of this layer share: answers that can be compared.

use super::{Database, Sink, Tag};
use crate::error::{Error, Result};
use crate::execute::batch::Batch;
use crate::types::{DataType, Value};

/// A sink that keeps everything.
#[derive(Default)]
pub struct Rows {
    pub names: Vec<String>,
    types: Vec<DataType>,
    pub rows: Vec<Vec<Value>>,
}

impl Sink for Rows {
    fn columns(&mut self, names: &[String], types: &[DataType]) -> Result<()> {
        self.names = names.to_vec();
        self.types = types.to_vec();
        Ok(())
    }

    fn rows(&mut self, batch: &Batch) -> Result<()> {
        batch.rows().try_for_each(|row| {
            let values = batch.columns.iter().zip(&self.types).map(|(column, of)| column.value(row, *of));
            self.rows.push(values.collect::<Result<_>>()?);
            Ok(())
        })
    }

    fn notice(&mut self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }
}

pub fn run(db: &mut Database, sql: &str) -> Result<Tag> {
    db.execute(sql, &mut Rows::default())
}

/// All that a client is told.
pub fn told(answer: Result<Tag>) -> String {
    let parts = |error: Error| {
        let (detail, hint, position) = (error.detail(), error.hint(), error.position());
        format!("{}: {} ({detail:?}, {hint:?}, {position:?})", error.state().code(), error.message())
    };
    answer.map_or_else(parts, |tag| tag.to_string())
}
