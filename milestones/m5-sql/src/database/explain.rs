//! EXPLAIN: the plan as text; with ANALYZE, after the statement has run and every operator has counted.

use super::Database;
use super::statement::{Sink, send_text};
use crate::error::Result;
use crate::execute::batch::Batch;
use crate::execute::build::{Options, build};
use crate::execute::stats::{NodeStats, Stats};
use crate::sql::explain::{Actual, Buffers, Measured, render};
use crate::sql::plan;
use crate::sql::statement::Explain;

impl Database {
    pub(super) fn explain(&mut self, explain: &Explain, sink: &mut dyn Sink) -> Result<()> {
        let measured = if explain.analyze { Some(self.measure(&explain.statement)?) } else { None };
        send_text(sink, "QUERY PLAN", &render(explain, measured.as_ref()))
    }

    /// Runs the statement, throwing its rows away, and says what every node of its plan did.
    fn measure(&mut self, statement: &plan::Statement) -> Result<Measured> {
        let clock = self.clock.unwrap_or(|| 0.0);
        let start = clock();
        let (changed, nodes) = match statement {
            plan::Statement::Query { plan, .. } => {
                let nodes = self.with_context(Some(Stats::new(&clock)), |context| {
                    let mut operator = build(plan, Options { analyze: true, places: false })?;
                    let mut batch = Batch::default();
                    while operator.next(context, &mut batch)? {}
                    Ok(context.take_nodes())
                })?;
                (0, nodes)
            }
            change => {
                let (tag, nodes) = self.modify(change, Some(Stats::new(&clock)))?;
                (tag.rows(), nodes)
            }
        };
        let execution_ms = clock() - start;
        Ok(Measured {
            nodes: nodes.iter().map(actual).collect(),
            change: Actual { total_ms: execution_ms, rows: changed, loops: 1, ..Actual::default() },
            planning_ms: self.planning_ms,
            execution_ms,
        })
    }
}

fn actual(node: &NodeStats) -> Actual {
    let notes = match node.spilled {
        0 => Vec::new(),
        bytes => vec![format!("Disk: {}kB", bytes.div_ceil(1024))],
    };
    Actual {
        startup_ms: node.startup,
        total_ms: node.total,
        rows: node.rows,
        loops: node.loops,
        removed_by_filter: node.removed,
        buffers: Buffers { hit: node.hits, read: node.reads, dirtied: 0, written: node.writes },
        notes,
    }
}
