//! Counters for EXPLAIN ANALYZE: how many rows each node of the plan produced, and how long it took.
//!
//! Nodes are numbered in pre-order (a node before its input). A tree built without `analyze` has no counting
//! operators in it at all, so plain queries pay nothing.

use super::batch::Batch;
use super::context::Context;
use super::operators::Operator;
use super::operators::cutoff::Cutoff;
use crate::error::Result;

/// What one node did. Times include the nodes below it, as PostgreSQL shows them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeStats {
    pub rows: u64,
    pub batches: u64,
    /// Milliseconds until the first batch (or the end, if there was none), and until the last.
    pub startup: f64,
    pub total: f64,
    /// 1 once the node has run, 0 if it was never asked.
    pub loops: u64,
    /// Bytes written to temporary files.
    pub spilled: u64,
    /// Rows that a scan found and its filter dropped.
    pub removed: u64,
    /// Pages found in memory, read, and written to make room; the nodes below included.
    pub hits: u64,
    pub reads: u64,
    pub writes: u64,
}

/// The counters of a query. `clock` answers milliseconds; the engine itself knows no clock.
pub struct Stats<'a> {
    clock: &'a dyn Fn() -> f64,
    nodes: Vec<NodeStats>,
}

impl<'a> Stats<'a> {
    pub fn new(clock: &'a dyn Fn() -> f64) -> Stats<'a> {
        Stats { clock, nodes: Vec::new() }
    }

    /// One for each node of the plan, in pre-order.
    pub fn into_nodes(self) -> Vec<NodeStats> {
        self.nodes
    }

    fn node(&mut self, number: usize) -> &mut NodeStats {
        if self.nodes.len() <= number {
            self.nodes.resize_with(number + 1, NodeStats::default);
        }
        &mut self.nodes[number]
    }
}

/// An operator that passes on what `inner` produces, and counts.
pub struct Counted<'a> {
    pub inner: Box<dyn Operator + 'a>,
    pub number: usize,
}

impl Operator for Counted<'_> {
    fn next(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        let start = context.stats.as_ref().map_or(0.0, |stats| (stats.clock)());
        let before = context.pages.pool().statistics;
        let more = self.inner.next(context, out)?;
        let after = context.pages.pool().statistics;
        if let Some(stats) = &mut context.stats {
            let elapsed = (stats.clock)() - start;
            let (spilled, removed) = (self.inner.spilled(), self.inner.removed());
            let node = stats.node(self.number);
            if node.loops == 0 {
                node.startup = elapsed;
            }
            node.loops = 1;
            node.total += elapsed;
            (node.spilled, node.removed) = (spilled, removed);
            node.hits += after.hits - before.hits;
            node.reads += after.reads - before.reads;
            node.writes += after.writes - before.writes;
            if more {
                node.rows += out.row_count() as u64;
                node.batches += 1;
            }
        }
        Ok(more)
    }

    fn expect(&mut self, rows: u64) {
        self.inner.expect(rows);
    }

    fn cut(&mut self, cutoff: Cutoff) {
        self.inner.cut(cutoff);
    }

    fn spilled(&self) -> u64 {
        self.inner.spilled()
    }
}
