//! COPY: many rows from outside, in one statement.

use super::Database;
use super::statement::{Sink, Tag};
use crate::error::Result;
use crate::execute::batch::Batch;
use crate::execute::copy_rows::CopyRows;
use crate::execute::{eval, modify};
use crate::sql::plan::CopyFrom;

impl Database {
    /// Stores the rows that the client sends. If one is wrong, none is there.
    pub(super) fn copy_from(&mut self, copy: &CopyFrom, sink: &mut dyn Sink) -> Result<Tag> {
        let defaults = copy.defaults.iter().map(|(position, value)| Ok((*position, eval::constant(value)?)));
        let defaults = defaults.collect::<Result<_>>()?;
        let mut source = sink.copy_in()?;
        let mut rows = CopyRows::new(copy, defaults, &mut *source);
        let (tag, ()) = self.change(&copy.table, None, |context, writer| {
            let (mut batch, mut stored) = (Batch::default(), 0);
            while rows.next(&mut batch)? {
                stored += modify::insert_rows(context, std::slice::from_ref(&batch), writer)
                    .map_err(|error| rows.at_row(error, writer.failed_row()))?;
            }
            Ok((Tag::Copy(stored), ()))
        })?;
        Ok(tag)
    }
}

#[cfg(test)]
mod tests;
