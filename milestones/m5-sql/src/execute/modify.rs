//! INSERT, UPDATE and DELETE: a plan finds or makes the rows, a [`TableWriter`] stores or deletes them.

use super::batch::Batch;
use super::build::{Options, build};
use super::context::Context;
use super::eval::Evaluator;
use super::spill::{RecordReader, RecordWriter};
use super::table_writer::TableWriter;
use super::vector::Vector;
use crate::error::Result;
use crate::sql::plan::{Delete, Insert, Update};

/// Stores what the source produces; how many rows that was.
pub fn insert(context: &mut Context<'_>, insert: &Insert, writer: &mut TableWriter) -> Result<u64> {
    let mut source = build(&insert.source, Options { analyze: context.stats.is_some(), places: false })?;
    let mut batch = Batch::default();
    let mut stored = 0;
    while source.next(context, &mut batch)? {
        stored += store_batch(context, &batch, writer)?;
    }
    Ok(stored)
}

/// Stores rows that were read already; how many they were.
pub fn insert_rows(context: &mut Context<'_>, batches: &[Batch], writer: &mut TableWriter) -> Result<u64> {
    let mut stored = 0;
    for batch in batches {
        context.check_interrupt()?;
        stored += store_batch(context, batch, writer)?;
    }
    Ok(stored)
}

fn store_batch(context: &mut Context<'_>, batch: &Batch, writer: &mut TableWriter) -> Result<u64> {
    let columns: Vec<&Vector> = batch.columns.iter().collect();
    let pushed = writer.push_rows(&columns, batch.rows());
    // Rows go one by one: what is wrong with one before the first that cannot be pushed is to be reported first.
    let stored = writer.store(context.pages, context.transaction)?;
    pushed.map(|()| stored)
}

/// Deletes the rows that the source finds; how many they were.
pub fn delete(context: &mut Context<'_>, delete: &Delete, writer: &mut TableWriter) -> Result<u64> {
    let mut source = build(&delete.source, Options { analyze: context.stats.is_some(), places: true })?;
    let mut batch = Batch::default();
    let (mut places, mut deleted) = (Vec::new(), 0);
    while source.next(context, &mut batch)? {
        pick_places(&batch, &mut places);
        writer.delete(context.pages, context.transaction, &places)?;
        deleted += places.len() as u64;
    }
    Ok(deleted)
}

/// Deletes the old versions of the rows that the source finds and stores new ones; how many they were.
///
/// If a column of a unique index gets new values, all old versions go before the first new one is stored: so
/// `SET id = id + 1` succeeds whatever the order of the rows, as the SQL standard has it. (PostgreSQL checks row by row
/// and refuses, unless the constraint is deferrable.) The new versions wait in memory and, beyond `work_mem`, in a
/// temporary file.
pub fn update(context: &mut Context<'_>, update: &Update, writer: &mut TableWriter) -> Result<u64> {
    let mut source = build(&update.source, Options { analyze: context.stats.is_some(), places: true })?;
    let mut assignments = Vec::new();
    for (column, value) in &update.assignments {
        assignments.push((*column, Evaluator::new(value)?));
    }
    let assigned: Vec<usize> = update.assignments.iter().map(|(column, _)| *column).collect();
    let must_wait = update.table.indexes.iter().any(|index| index.is_unique_over(&assigned));

    let mut batch = Batch::default();
    let mut waiting_room = WaitingRoom::default();
    let (mut places, mut updated) = (Vec::new(), 0);
    while source.next(context, &mut batch)? {
        let mut columns: Vec<&Vector> = batch.columns.iter().collect();
        for (column, value) in &mut assignments {
            columns[*column] = value.evaluate(&batch.columns, batch.rows())?;
        }
        writer.push_rows(&columns, batch.rows())?;
        pick_places(&batch, &mut places);
        writer.delete(context.pages, context.transaction, &places)?;
        updated += places.len() as u64;
        if must_wait {
            waiting_room.take(context, writer)?;
        } else {
            writer.store_versions(context.pages, context.transaction, &assigned)?;
        }
    }
    waiting_room.store_all(context, writer)?;
    Ok(updated)
}

fn pick_places(batch: &Batch, places: &mut Vec<crate::page::Tid>) {
    places.clear();
    batch.rows().for_each(|row| places.push(batch.places[row]));
}

/// New versions of rows that cannot be stored yet.
#[derive(Default)]
struct WaitingRoom {
    file: Option<RecordWriter>,
}

impl WaitingRoom {
    /// Leaves the writer's rows where they are, or moves them to the file once they are many.
    fn take(&mut self, context: &mut Context<'_>, writer: &mut TableWriter) -> Result<()> {
        if writer.waiting_bytes() <= context.work_mem {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(RecordWriter::new(context)?),
        };
        for tuple in writer.waiting() {
            file.append(|bytes| bytes.extend_from_slice(tuple))?;
        }
        writer.discard();
        Ok(())
    }

    fn store_all(self, context: &mut Context<'_>, writer: &mut TableWriter) -> Result<()> {
        writer.store(context.pages, context.transaction)?;
        let Some(file) = self.file else { return Ok(()) };
        let mut file: RecordReader = file.finish()?;
        let mut bytes = 0;
        while file.advance()? {
            bytes += file.record().len();
            writer.push_tuple(file.record());
            if bytes >= context.work_mem {
                context.check_interrupt()?;
                writer.store(context.pages, context.transaction)?;
                bytes = 0;
            }
        }
        writer.store(context.pages, context.transaction)?;
        Ok(())
    }
}
