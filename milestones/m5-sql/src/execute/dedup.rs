//! Lets each distinct row pass once, in bounded memory: for DISTINCT, and for `count(DISTINCT x)`.
//!
//! While the table of known rows fits `work_mem`, a row is judged at once. After that the table only recognises:
//! rows that it does not know go to partitions on disk, which are judged one by one at the end, each with an
//! empty table (and divided again if need be). A partition always gets further, since each table that fills
//! settles its own rows.

use super::batch::{Batch, Rows};
use super::context::Context;
use super::group_table::{ABSENT, GroupTable};
use super::hash::hash_rows;
use super::spill::{Partition, Partitions, RecordReader};
use super::vector::{Kind, Vector};
use crate::error::Result;
use crate::types::DataType;

pub struct Dedup {
    types: Vec<DataType>,
    table: GroupTable,
    spill: Option<Partitions>,
    /// The partition being judged.
    current: Option<RecordReader>,
    level: u64,
    waiting: Vec<Partition>,
    spilled: u64,
    hashes: Vec<u64>,
    groups: Vec<u32>,
}

impl Dedup {
    pub fn new(types: Vec<DataType>) -> Dedup {
        Dedup {
            table: GroupTable::new(types.iter().map(|data_type| Kind::of(*data_type))),
            types,
            spill: None,
            current: None,
            level: 0,
            waiting: Vec::new(),
            spilled: 0,
            hashes: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Writes to `fresh` those of `rows` that are seen for the first time and can be told so now.
    pub fn offer(
        &mut self,
        context: &mut Context<'_>,
        columns: &[&Vector],
        rows: Rows<'_>,
        fresh: &mut Vec<u16>,
    ) -> Result<()> {
        let Dedup { table, spill, hashes, groups, level, .. } = self;
        hash_rows(columns, rows, hashes);
        let mut next = table.len() as u32;
        table.number(columns, rows, hashes, spill.is_some(), groups)?;
        fresh.clear();
        rows.try_for_each(|row| {
            if groups[row] == next {
                next += 1;
                fresh.push(row as u16);
            } else if let (ABSENT, Some(spill)) = (groups[row], &mut *spill) {
                spill.append(context, columns, row, hashes[row])?;
            }
            Ok(())
        })?;
        if spill.is_none() && table.bytes() > context.work_mem {
            *spill = Some(Partitions::new(*level));
        }
        Ok(())
    }

    /// After the last `offer`: fills `batch` with distinct rows that had to wait; false when there are no more.
    pub fn drain(&mut self, context: &mut Context<'_>, batch: &mut Batch) -> Result<bool> {
        let mut fresh = Vec::new();
        loop {
            context.check_interrupt()?;
            let Some(mut current) = self.current.take() else {
                if !self.open_next()? {
                    return Ok(false);
                }
                continue;
            };
            if !current.read_batch(&self.types, batch)? {
                continue;
            }
            self.current = Some(current);
            let columns: Vec<&Vector> = batch.columns.iter().collect();
            self.offer(context, &columns, batch.rows(), &mut fresh)?;
            if !fresh.is_empty() {
                batch.select(&mut fresh);
                return Ok(true);
            }
        }
    }

    /// Forgets the rows judged so far and turns to the next partition.
    fn open_next(&mut self) -> Result<bool> {
        if let Some(spill) = self.spill.take() {
            self.spilled += spill.bytes();
            self.waiting.extend(spill.finish()?);
        }
        self.table.clear();
        let Some(partition) = self.waiting.pop() else { return Ok(false) };
        self.level = partition.level;
        self.current = Some(partition.rows);
        Ok(true)
    }

    pub fn spilled(&self) -> u64 {
        self.spilled + self.spill.as_ref().map_or(0, Partitions::bytes)
    }
}
