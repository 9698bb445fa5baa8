//! From a plan to a tree of operators.

use super::operators::aggregate::HashAggregate;
use super::operators::distinct::Distinct;
use super::operators::filter::Filter;
use super::operators::index_scan::IndexScan;
use super::operators::limit::Limit;
use super::operators::project::Project;
use super::operators::seq_scan::SeqScan;
use super::operators::sort::Sort;
use super::operators::values::ValuesRows;
use super::operators::{Input, Operator};
use super::stats::Counted;
use crate::error::Result;
use crate::heap::Heap;
use crate::index::Direction;
use crate::sql::plan;

#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Each node counts what it does, for EXPLAIN ANALYZE.
    pub analyze: bool,
    /// The rows come with their places, for UPDATE and DELETE.
    pub places: bool,
}

/// Builds the operators for `node` and all below it. For the counters, nodes are numbered in pre-order.
pub fn build<'p>(node: &'p plan::Node, options: Options) -> Result<Input<'p>> {
    Builder { options, next_number: 0 }.node(node)
}

struct Builder {
    options: Options,
    next_number: usize,
}

impl Builder {
    fn node<'p>(&mut self, node: &'p plan::Node) -> Result<Input<'p>> {
        let number = self.next_number;
        self.next_number += 1;
        let operator = self.operator(node)?;
        Ok(if self.options.analyze { Box::new(Counted { inner: operator, number }) } else { operator })
    }

    fn operator<'p>(&mut self, node: &'p plan::Node) -> Result<Input<'p>> {
        use plan::Operator::*;
        Ok(match &node.operator {
            SeqScan { table, columns, filter } => {
                let (heap, places) = (Heap::new(table.oid), self.options.places);
                boxed(self::SeqScan::new(heap, &table.schema, columns, filter.as_ref(), places)?)
            }
            IndexScan { table, index, range, backward, columns, filter } => {
                let direction = if *backward { Direction::Backward } else { Direction::Forward };
                let (entries, filter) = ((&**index, range, direction), filter.as_ref());
                boxed(self::IndexScan::new(table, entries, columns, filter, self.options.places)?)
            }
            Values { rows } => boxed(ValuesRows::new(rows, &node.types)),
            Filter { input, predicate } => boxed(self::Filter::new(self.node(input)?, predicate)?),
            Project { input, expressions } => boxed(self::Project::new(self.node(input)?, expressions)?),
            Sort { input, keys, limit } => {
                boxed(self::Sort::new(self.node(input)?, keys, *limit, &input.types)?)
            }
            Limit { input, limit, offset } => boxed(self::Limit::new(self.node(input)?, *limit, *offset)),
            Aggregate { input, group_by, aggregates } => {
                boxed(HashAggregate::new(self.node(input)?, group_by, aggregates, &node.types)?)
            }
            Distinct { input } => boxed(self::Distinct::new(self.node(input)?, &input.types)),
        })
    }
}

fn boxed<'p>(operator: impl Operator + 'p) -> Input<'p> {
    Box::new(operator)
}
