//! GROUP BY: a hash table of groups, and for each group the state of each aggregate function.
//!
//! When the groups outgrow `work_mem`, the table takes no more of them: rows of known groups go on being
//! added up, rows of other groups go to partitions on disk. Once the groups in memory are answered, each
//! partition gets its turn with an empty table. (PostgreSQL's hash aggregation does the same since version 13.)

use super::accumulator::Accumulator;
use super::{Input, Operator};
use crate::error::Result;
use crate::execute::batch::{BATCH_ROWS, BATCH_TEXT, Batch, Rows};
use crate::execute::context::Context;
use crate::execute::dedup::Dedup;
use crate::execute::eval::Evaluator;
use crate::execute::group_table::{ABSENT, GroupTable};
use crate::execute::hash::hash_rows;
use crate::execute::spill::{Partition, Partitions};
use crate::execute::vector::{Kind, Values, Vector};
use crate::sql::expr::{Aggregate, Expr};
use crate::types::DataType;

pub struct HashAggregate<'a> {
    input: Input<'a>,
    /// The group columns, then the arguments of the aggregates.
    expressions: Vec<Evaluator>,
    types: &'a [DataType],
    rows: Batch,
    groups: GroupsInMemory,
    waiting: Vec<Partition>,
    /// The next group to be answered; `None` before the input has been read.
    next_group: Option<usize>,
    spilled: u64,
}

impl<'a> HashAggregate<'a> {
    /// `types` are those of the output: the group columns and the aggregates.
    pub fn new(
        input: Input<'a>,
        group_by: &[Expr],
        aggregates: &[Aggregate],
        types: &'a [DataType],
    ) -> Result<HashAggregate<'a>> {
        let arguments = aggregates.iter().filter_map(|aggregate| aggregate.argument.as_ref());
        let work: Vec<&Expr> = group_by.iter().chain(arguments).collect();
        Ok(HashAggregate {
            input,
            expressions: work.iter().map(|expr| Evaluator::new(expr)).collect::<Result<_>>()?,
            types,
            rows: Batch::default(),
            groups: GroupsInMemory::new(
                group_by,
                aggregates,
                work.iter().map(|expr| expr.data_type()).collect(),
            ),
            waiting: Vec::new(),
            next_group: None,
            spilled: 0,
        })
    }

    fn read_input(&mut self, context: &mut Context<'_>) -> Result<()> {
        while self.input.next(context, &mut self.rows)? {
            let rows = self.rows.rows();
            let mut columns = Vec::with_capacity(self.expressions.len());
            for expression in &mut self.expressions {
                columns.push(expression.evaluate(&self.rows.columns, rows)?);
            }
            self.groups.absorb(context, &columns, rows)?;
        }
        self.groups.settle(context, &mut self.rows)
    }

    /// Replaces the groups in memory, all answered, by those of the next partition; false if there is none.
    fn read_partition(&mut self, context: &mut Context<'_>) -> Result<bool> {
        if let Some(spill) = self.groups.spill.take() {
            self.spilled += spill.bytes();
            self.waiting.extend(spill.finish()?);
        }
        let Some(mut partition) = self.waiting.pop() else { return Ok(false) };
        self.groups.clear(partition.level);
        while partition.rows.read_batch(&self.groups.work_types, &mut self.rows)? {
            context.check_interrupt()?;
            let columns: Vec<&Vector> = self.rows.columns.iter().collect();
            self.groups.absorb(context, &columns, self.rows.rows())?;
        }
        self.groups.settle(context, &mut self.rows)?;
        Ok(true)
    }
}

impl Operator for HashAggregate<'_> {
    fn next(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        let mut group = match self.next_group {
            Some(group) => group,
            None => {
                self.read_input(context)?;
                0
            }
        };
        while group == self.groups.len() {
            if !self.read_partition(context)? {
                self.next_group = Some(group);
                return Ok(false);
            }
            group = 0;
        }
        context.check_interrupt()?;
        self.next_group = Some(group + self.groups.write(group, self.types, out)?);
        Ok(true)
    }

    fn spilled(&self) -> u64 {
        self.spilled + self.groups.spilled()
    }
}

/// The groups that are being added up, and where the rows of all others go.
struct GroupsInMemory {
    /// `None` without GROUP BY: then there is one group, rows or not.
    table: Option<GroupTable>,
    key_count: usize,
    slots: Vec<Slot>,
    /// The types of the group columns and the arguments: what a spilled row consists of.
    work_types: Vec<DataType>,
    spill: Option<Partitions>,
    level: u64,
    hashes: Vec<u64>,
    numbers: Vec<u32>,
    known: Vec<u16>,
}

/// One aggregate of the query.
struct Slot {
    accumulator: Accumulator,
    /// Which work column is its argument.
    argument: Option<usize>,
    distinct: Option<DistinctValues>,
}

/// For `f(DISTINCT x)`: the pairs of group and value that have been counted.
struct DistinctValues {
    pairs: Dedup,
    /// The group of each row as a vector, to stand beside the values.
    groups: Vector,
    not_null: Vec<u16>,
    fresh: Vec<u16>,
}

impl GroupsInMemory {
    fn new(group_by: &[Expr], aggregates: &[Aggregate], work_types: Vec<DataType>) -> GroupsInMemory {
        let mut next_argument = group_by.len();
        let slots = aggregates.iter().map(|aggregate| {
            let argument = aggregate.argument.as_ref().map(|_| next_argument);
            next_argument += usize::from(argument.is_some());
            let data_type = aggregate.argument.as_ref().map(Expr::data_type);
            Slot {
                accumulator: Accumulator::new(aggregate),
                argument,
                distinct: data_type.filter(|_| aggregate.distinct).map(DistinctValues::new),
            }
        });
        let kinds = group_by.iter().map(|expr| Kind::of(expr.data_type()));
        let mut groups = GroupsInMemory {
            slots: slots.collect(),
            table: (!group_by.is_empty()).then(|| GroupTable::new(kinds)),
            key_count: group_by.len(),
            work_types,
            spill: None,
            level: 0,
            hashes: Vec::new(),
            numbers: Vec::new(),
            known: Vec::new(),
        };
        groups.grow();
        groups
    }

    fn len(&self) -> usize {
        self.table.as_ref().map_or(1, GroupTable::len)
    }

    fn clear(&mut self, level: u64) {
        self.level = level;
        if let Some(table) = &mut self.table {
            table.clear();
        }
        for slot in &mut self.slots {
            slot.accumulator.clear();
        }
        self.grow();
    }

    fn grow(&mut self) {
        let len = self.len();
        self.slots.iter_mut().for_each(|slot| slot.accumulator.grow(len));
    }

    /// Adds rows up, or throws them out.
    fn absorb(&mut self, context: &mut Context<'_>, columns: &[&Vector], rows: Rows<'_>) -> Result<()> {
        let Some(table) = &mut self.table else {
            return update(&mut self.slots, context, columns, rows, None);
        };
        let keys = &columns[..self.key_count];
        hash_rows(keys, rows, &mut self.hashes);
        table.number(keys, rows, &self.hashes, self.spill.is_some(), &mut self.numbers)?;
        self.grow();
        let numbers = self.numbers.as_slice();
        let Some(spill) = &mut self.spill else {
            update(&mut self.slots, context, columns, rows, Some(numbers))?;
            return self.watch_memory(context);
        };
        rows.pick(&mut self.known, |row| numbers[row] != ABSENT);
        update(&mut self.slots, context, columns, Rows::Picked(&self.known), Some(numbers))?;
        rows.try_for_each(|row| match numbers[row] {
            ABSENT => spill.append(context, columns, row, self.hashes[row]),
            _ => Ok(()),
        })
    }

    fn watch_memory(&mut self, context: &Context<'_>) -> Result<()> {
        let states: usize = self.slots.iter().map(|slot| slot.accumulator.bytes()).sum();
        if states + self.table.as_ref().map_or(0, GroupTable::bytes) > context.work_mem {
            self.spill = Some(Partitions::new(self.level));
        }
        Ok(())
    }

    /// After the last rows: adds up the distinct values that had to wait on disk. `scratch` is overwritten.
    fn settle(&mut self, context: &mut Context<'_>, scratch: &mut Batch) -> Result<()> {
        for slot in &mut self.slots {
            let Some(distinct) = &mut slot.distinct else { continue };
            while distinct.pairs.drain(context, scratch)? {
                let [groups, values] = scratch.columns.as_slice() else { continue };
                self.numbers.clear();
                self.numbers.extend(groups.integers()?.iter().map(|&group| group as u32));
                slot.accumulator.update(Some(values), scratch.rows(), Some(&self.numbers))?;
            }
        }
        Ok(())
    }

    /// Writes the results of the groups from `first` on; answers how many fitted.
    fn write(&self, first: usize, types: &[DataType], out: &mut Batch) -> Result<usize> {
        out.reset(types);
        let (keys, results) = out.columns.split_at_mut(self.key_count);
        let mut written = 0;
        for group in (first..self.len()).take(BATCH_ROWS) {
            for (to, from) in keys.iter_mut().zip(self.table.iter().flat_map(GroupTable::keys)) {
                to.push_from(from, group)?;
            }
            for (to, slot) in results.iter_mut().zip(&self.slots) {
                slot.accumulator.finish(group, to)?;
            }
            written += 1;
            let columns = keys.iter().chain(results.iter());
            if columns.map(Vector::text_bytes).sum::<usize>() >= BATCH_TEXT {
                break;
            }
        }
        out.set_len(written);
        Ok(written)
    }

    fn spilled(&self) -> u64 {
        let distinct = self.slots.iter().filter_map(|slot| slot.distinct.as_ref());
        self.spill.as_ref().map_or(0, Partitions::bytes)
            + distinct.map(|values| values.pairs.spilled()).sum::<u64>()
    }
}

fn update(
    slots: &mut [Slot],
    context: &mut Context<'_>,
    columns: &[&Vector],
    rows: Rows<'_>,
    groups: Option<&[u32]>,
) -> Result<()> {
    for slot in slots {
        let column = slot.argument.and_then(|argument| columns.get(argument).copied());
        match (&mut slot.distinct, column) {
            (Some(distinct), Some(values)) => {
                let fresh = distinct.offer(context, values, rows, groups)?;
                slot.accumulator.update(column, fresh, groups)?;
            }
            _ => slot.accumulator.update(column, rows, groups)?,
        }
    }
    Ok(())
}

impl DistinctValues {
    fn new(data_type: DataType) -> DistinctValues {
        DistinctValues {
            pairs: Dedup::new(vec![DataType::BigInt, data_type]),
            groups: Vector::new(Kind::Integer),
            not_null: Vec::new(),
            fresh: Vec::new(),
        }
    }

    /// The rows whose value is new to their group.
    fn offer(
        &mut self,
        context: &mut Context<'_>,
        values: &Vector,
        rows: Rows<'_>,
        groups: Option<&[u32]>,
    ) -> Result<Rows<'_>> {
        rows.pick(&mut self.not_null, |row| !values.nulls.is_null(row));
        let rows = Rows::Picked(&self.not_null);
        self.groups.restart(Kind::Integer, rows.bound());
        if let Values::Integer(numbers) = &mut self.groups.values {
            rows.for_each(|row| numbers[row] = groups.map_or(0, |groups| i64::from(groups[row])));
        }
        self.pairs.offer(context, &[&self.groups, values], rows, &mut self.fresh)?;
        Ok(Rows::Picked(&self.fresh))
    }
}
