//! The scan at the bottom of a plan: which columns it reads, by which path, and what is left as its filter.

use super::super::expr::Expr;
use super::super::logical::{Grouping, Query};
use super::super::plan::{Estimate, Node, Operator, SortKey};
use super::path::{self, IndexPath, Request};
use super::{conjuncts, rejoin};
use crate::catalog::{Lookup, Table};
use crate::error::Result;
use crate::types::DataType;
use std::sync::Arc;

/// A scan, and whether its rows come in the order that was asked for.
pub struct Scanned {
    pub node: Node,
    pub ordered: bool,
}

impl Scanned {
    pub fn unordered(node: Node) -> Scanned {
        Scanned { node, ordered: false }
    }
}

/// The scan below an ungrouped query. The query's expressions are rewritten to the scan's columns.
pub fn of_query(table: &Arc<Table>, query: &mut Query, lookup: &mut dyn Lookup) -> Result<Scanned> {
    let mut columns = Columns::of(table);
    // Outputs first: if they are plain columns, the scan produces them as they are.
    query.outputs.iter().for_each(|output| columns.add(output));
    query.order_by.iter().for_each(|key| columns.add(&key.expression));
    // DISTINCT loses the order of its input.
    let order: &[SortKey] = if query.distinct { &[] } else { &query.order_by };
    let limit = match query.distinct {
        true => None,
        false => query.limit.map(|limit| limit.saturating_add(query.offset)),
    };
    let filter = query.filter.take();
    let scanned = scan(table, filter, order, limit, &mut columns, true, lookup)?;
    query.outputs.iter_mut().for_each(|output| columns.rewrite(output));
    query.order_by.iter_mut().for_each(|key| columns.rewrite(&mut key.expression));
    Ok(scanned)
}

/// The scan below a GROUP BY or an aggregate, whose expressions are rewritten to the scan's columns.
pub fn of_grouping(
    table: &Arc<Table>,
    filter: Option<Expr>,
    grouping: &mut Grouping,
    lookup: &mut dyn Lookup,
) -> Result<Node> {
    let mut columns = Columns::of(table);
    grouping.group_by.iter().for_each(|group| columns.add(group));
    let arguments = grouping.aggregates.iter().filter_map(|aggregate| aggregate.argument.as_ref());
    arguments.for_each(|argument| columns.add(argument));
    let scanned = scan(table, filter, &[], None, &mut columns, true, lookup)?;
    grouping.group_by.iter_mut().for_each(|group| columns.rewrite(group));
    let arguments = grouping.aggregates.iter_mut().filter_map(|aggregate| aggregate.argument.as_mut());
    arguments.for_each(|argument| columns.rewrite(argument));
    Ok(scanned.node)
}

/// The scan below UPDATE (all columns, in the table's order) or DELETE (what its filter reads).
pub fn of_change(
    table: &Arc<Table>,
    filter: Option<Expr>,
    all_columns: bool,
    lookup: &mut dyn Lookup,
) -> Result<Node> {
    let mut columns = Columns::of(table);
    if all_columns {
        (0..table.schema.columns().len()).for_each(|column| columns.add_position(column));
    }
    Ok(scan(table, filter, &[], None, &mut columns, false, lookup)?.node)
}

/// `may_be_empty`: a condition that never holds may take the place of the scan.
fn scan(
    table: &Arc<Table>,
    filter: Option<Expr>,
    order: &[SortKey],
    limit: Option<u64>,
    columns: &mut Columns,
    may_be_empty: bool,
    lookup: &mut dyn Lookup,
) -> Result<Scanned> {
    let conjuncts = conjuncts(filter);
    if may_be_empty && conjuncts.iter().any(|conjunct| matches!(conjunct, Expr::Literal { .. })) {
        // FALSE or NULL: no row passes.
        let node = super::values(Vec::new(), columns.types(table));
        return Ok(Scanned { node, ordered: true });
    }
    let (pages, rows) = lookup.size(table)?;
    let path = path::choose(Request { table, pages, rows, conjuncts, order, limit });
    path.filter.iter().for_each(|conjunct| columns.add(conjunct));
    let mut filter = rejoin(path.filter);
    filter.iter_mut().for_each(|filter| columns.rewrite(filter));
    let types = columns.types(table);
    let table = Arc::clone(table);
    let produced = columns.produced.clone();
    let operator = match path.index {
        None => Operator::SeqScan { table, columns: produced, filter },
        Some(IndexPath { index, range, backward }) => {
            Operator::IndexScan { table, index, range, backward, columns: produced, filter }
        }
    };
    let estimate = Estimate { rows: path.rows, cost: path.cost };
    let ordered = path.ordered && !order.is_empty();
    Ok(Scanned { node: Node { operator, types, estimate }, ordered })
}

/// The columns that a scan produces: positions in the table, each once, in the order they were asked for.
struct Columns {
    produced: Vec<usize>,
    /// For each column of the table, its place among the produced ones.
    places: Vec<Option<usize>>,
}

impl Columns {
    fn of(table: &Table) -> Columns {
        Columns { produced: Vec::new(), places: vec![None; table.schema.columns().len()] }
    }

    fn add(&mut self, expr: &Expr) {
        expr.for_each_column(&mut |column| self.add_position(column));
    }

    fn add_position(&mut self, column: usize) {
        if let Some(place @ None) = self.places.get_mut(column) {
            *place = Some(self.produced.len());
            self.produced.push(column);
        }
    }

    fn rewrite(&self, expr: &mut Expr) {
        expr.map_columns(&|column| self.places.get(column).copied().flatten().unwrap_or(column));
    }

    fn types(&self, table: &Table) -> Vec<DataType> {
        let columns = table.schema.columns();
        self.produced
            .iter()
            .filter_map(|&column| columns.get(column))
            .map(|column| column.data_type)
            .collect()
    }
}
