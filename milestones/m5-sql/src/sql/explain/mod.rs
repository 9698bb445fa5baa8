//! EXPLAIN: a plan as the text that PostgreSQL would print for it.
//!
//! PostgreSQL's nodes filter and compute their output themselves; here Filter and Project are nodes of their
//! own. They are not shown: the node below them speaks for them, with their estimate and their figures.

pub mod deparse;
mod text;

use super::expr::Expr;
use super::plan::{Node, Operator, Statement};
use super::planner::cost;
use super::statement::Explain;
use deparse::Deparse;
use std::fmt::Write;

/// What EXPLAIN ANALYZE measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// One for each node of the plan, in pre-order: a node before its input. Of INSERT, UPDATE and DELETE, the
    /// nodes of `source`.
    pub nodes: Vec<Actual>,
    /// The change itself, if the statement changes rows.
    pub change: Actual,
    pub planning_ms: f64,
    pub execution_ms: f64,
}

/// What one node did. Times and buffers include the nodes below it.
#[derive(Clone, Debug, Default)]
pub struct Actual {
    pub startup_ms: f64,
    pub total_ms: f64,
    pub rows: u64,
    /// 0 if the node never ran.
    pub loops: u64,
    /// Rows that a scan read and its own filter dropped.
    pub removed_by_filter: u64,
    pub buffers: Buffers,
    /// Further lines, such as `Disk: 2048kB` of a sort that has spilled.
    pub notes: Vec<String>,
}

/// Pages found in shared buffers, read from files, changed, and written out to make room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffers {
    pub hit: u64,
    pub read: u64,
    pub dirtied: u64,
    pub written: u64,
}

/// The lines that EXPLAIN answers. `measured` is there if the statement was run.
pub fn render(explain: &Explain, measured: Option<&Measured>) -> Vec<String> {
    let mut printer = Printer { explain, measured, lines: Vec::new() };
    match &explain.statement {
        Statement::Query { plan, .. } => printer.node(plan, 0, 0),
        Statement::Insert(insert) => printer.change("Insert", &insert.table.name, &insert.source),
        Statement::Update(update) => printer.change("Update", &update.table.name, &update.source),
        Statement::Delete(delete) => printer.change("Delete", &delete.table.name, &delete.source),
    }
    if let (true, Some(measured)) = (explain.summary, measured) {
        printer.lines.push(format!("Planning Time: {:.3} ms", measured.planning_ms));
        if explain.analyze {
            printer.lines.push(format!("Execution Time: {:.3} ms", measured.execution_ms));
        }
    }
    printer.lines
}

struct Printer<'a> {
    explain: &'a Explain,
    measured: Option<&'a Measured>,
    lines: Vec<String>,
}

impl<'a> Printer<'a> {
    fn change(&mut self, verb: &str, table: &str, source: &Node) {
        let mut line = format!("{verb} on {}", super::bind::name::quote(table));
        if self.explain.costs {
            let cost = source.estimate.cost;
            let _ = write!(line, "  (cost={:.2}..{cost:.2} rows=0 width=0)", cost::startup(source));
        }
        let actual = self.measured.map(|measured| &measured.change);
        self.figures(&mut line, actual);
        self.lines.push(line);
        self.details(0, actual);
        self.node(source, 0, 1);
    }

    /// `node` is number `number` of the plan and shown `depth` levels below the first line.
    fn node(&mut self, node: &Node, number: usize, depth: usize) {
        let (mut shown, mut shown_number) = (node, number);
        let mut conditions = Vec::new();
        let mut removed = 0;
        while let Operator::Filter { input, .. } | Operator::Project { input, .. } = &shown.operator {
            if let Operator::Filter { predicate, .. } = &shown.operator {
                let names = deparse::own_columns(input);
                conditions.push(Deparse::new(&names).expression(predicate));
                removed += self.rows(shown_number + 1).saturating_sub(self.rows(shown_number));
            }
            (shown, shown_number) = (input, shown_number + 1);
        }
        let mut line = match depth {
            0 => String::new(),
            depth => format!("{}->  ", " ".repeat(6 * (depth - 1) + 2)),
        };
        line.push_str(&text::title(shown));
        if self.explain.costs {
            let width: u32 = node.types.iter().map(|&of| cost::width(of)).sum();
            let estimate = node.estimate;
            let _ = write!(
                line,
                "  (cost={:.2}..{:.2} rows={:.0} width={width})",
                cost::startup(node),
                estimate.cost,
                estimate.rows
            );
        }
        let actual = self.actual(number);
        self.figures(&mut line, actual);
        self.lines.push(line);
        for property in text::properties(shown) {
            self.property(depth, &property);
        }
        self.conditions(shown, conditions, depth);
        removed += self.actual(shown_number).map_or(0, |actual| actual.removed_by_filter);
        if removed > 0 {
            self.property(depth, &format!("Rows Removed by Filter: {removed}"));
        }
        self.details(depth, self.actual(shown_number));
        if let Some(input) = shown.input() {
            self.node(input, shown_number + 1, depth + 1);
        }
    }

    /// The scan's own filter, and those of the Filter nodes above it.
    fn conditions(&mut self, shown: &Node, mut conditions: Vec<String>, depth: usize) {
        if let Operator::SeqScan { filter: Some(filter), .. }
        | Operator::IndexScan { filter: Some(filter), .. } = &shown.operator
        {
            let names = deparse::columns(shown);
            conditions.push(Deparse::new(&names).expression(filter));
        }
        let label = match &shown.operator {
            // Without a table below, the condition is the same for every row and checked once.
            Operator::Values { rows } if rows.len() <= 1 => "One-Time Filter",
            _ => "Filter",
        };
        for condition in conditions {
            self.property(depth, &format!("{label}: {condition}"));
        }
    }

    fn actual(&self, number: usize) -> Option<&'a Actual> {
        self.measured.and_then(|measured| measured.nodes.get(number))
    }

    fn rows(&self, number: usize) -> u64 {
        self.actual(number).map_or(0, |actual| actual.rows)
    }

    fn figures(&self, line: &mut String, actual: Option<&Actual>) {
        let Some(actual) = actual else { return };
        let _ = match (actual.loops, self.explain.timing) {
            (0, _) => write!(line, " (never executed)"),
            (loops, true) => write!(
                line,
                " (actual time={:.3}..{:.3} rows={} loops={loops})",
                actual.startup_ms, actual.total_ms, actual.rows
            ),
            (loops, false) => write!(line, " (actual rows={} loops={loops})", actual.rows),
        };
    }

    /// The lines that only EXPLAIN ANALYZE has.
    fn details(&mut self, depth: usize, actual: Option<&Actual>) {
        let Some(actual) = actual else { return };
        for note in &actual.notes {
            self.property(depth, note);
        }
        if let (true, Some(line)) = (self.explain.buffers, text::buffers(actual.buffers)) {
            self.property(depth, &line);
        }
    }

    fn property(&mut self, depth: usize, text: &str) {
        self.lines.push(format!("{}{text}", " ".repeat(6 * depth + 2)));
    }
}

/// Whether an expression is one column, which needs no parentheses around it.
fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Column { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Statement as Bound;
    use crate::sql::testing::{catalog, statement};

    fn rendered(text: &str, measured: &Measured) -> Vec<String> {
        match statement(text, &mut catalog()).unwrap() {
            Bound::Explain(explain) => render(&explain, Some(measured)),
            other => panic!("{other:?}"),
        }
    }

    fn actual(rows: u64, total_ms: f64) -> Actual {
        Actual { rows, total_ms, loops: 1, ..Actual::default() }
    }

    #[test]
    fn figures_stand_beside_the_estimates() {
        let scan = Actual {
            removed_by_filter: 2,
            buffers: Buffers { hit: 1, read: 2, ..Buffers::default() },
            ..actual(1, 0.02)
        };
        let sort =
            Actual { notes: vec!["Sort Method: quicksort  Memory: 25kB".to_string()], ..actual(1, 0.03) };
        // Project, Sort, SeqScan: the projection is shown as the sort.
        let nodes = vec![actual(1, 0.04), sort, scan];
        let measured = Measured { nodes, planning_ms: 0.5, execution_ms: 1.0, ..Measured::default() };
        assert_eq!(
            rendered(
                "EXPLAIN (ANALYZE, BUFFERS, COSTS off) SELECT name || '!' FROM employees WHERE active ORDER BY id",
                &measured
            ),
            [
                "Sort (actual time=0.000..0.040 rows=1 loops=1)",
                "  Sort Key: id",
                "  Sort Method: quicksort  Memory: 25kB",
                "  ->  Seq Scan on employees (actual time=0.000..0.020 rows=1 loops=1)",
                "        Filter: active",
                "        Rows Removed by Filter: 2",
                "        Buffers: shared hit=1 read=2",
                "Planning Time: 0.500 ms",
                "Execution Time: 1.000 ms",
            ]
        );
    }

    #[test]
    fn rows_that_having_drops_are_counted() {
        let nodes = vec![actual(1, 0.0), actual(1, 0.0), actual(4, 0.0)];
        let lines = rendered(
            "EXPLAIN (ANALYZE, TIMING off, SUMMARY off) SELECT department FROM employees GROUP BY department \
             HAVING count(*) > 1",
            &Measured { nodes, ..Measured::default() },
        );
        assert!(lines[0].ends_with("(actual rows=1 loops=1)"), "{lines:?}");
        assert_eq!(lines[3], "  Rows Removed by Filter: 3");
        assert!(lines[4].contains("->  Seq Scan"));
        assert!(!lines[4].contains("actual"), "a node without figures shows none");
    }

    #[test]
    fn a_node_that_never_ran_says_so() {
        let measured = Measured { nodes: vec![Actual::default()], ..Measured::default() };
        assert_eq!(
            rendered("EXPLAIN (ANALYZE, COSTS off, SUMMARY off) SELECT * FROM employees", &measured),
            ["Seq Scan on employees (never executed)"]
        );
    }
}
