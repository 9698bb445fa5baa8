//! The words of EXPLAIN: a node's first line, and the properties below it.

use super::super::bind::name::quote;
use super::super::expr::{Aggregate, BinaryOp, Expr};
use super::super::plan::{KeyRange, Node, Operator, SortKey};
use super::deparse::{self, Deparse};
use super::{Buffers, is_column};
use crate::catalog::{Index, Table};
use std::fmt::Write;

/// What the node is called, and what it works on.
pub fn title(node: &Node) -> String {
    match &node.operator {
        Operator::SeqScan { table, .. } => format!("Seq Scan on {}", quote(&table.name)),
        Operator::IndexScan { table, index, backward, .. } => {
            let direction = if *backward { " Backward" } else { "" };
            format!("Index Scan{direction} using {} on {}", quote(&index.name), quote(&table.name))
        }
        Operator::Values { rows } if rows.len() <= 1 => "Result".to_string(),
        Operator::Values { .. } => "Values Scan on \"*VALUES*\"".to_string(),
        Operator::Filter { .. } => "Filter".to_string(),
        Operator::Project { .. } => "Project".to_string(),
        Operator::Sort { .. } => "Sort".to_string(),
        Operator::Limit { .. } => "Limit".to_string(),
        Operator::Aggregate { group_by, .. } if group_by.is_empty() => "Aggregate".to_string(),
        Operator::Aggregate { .. } | Operator::Distinct { .. } => "HashAggregate".to_string(),
    }
}

/// Everything but the filter, which may come from other nodes, too.
pub fn properties(node: &Node) -> Vec<String> {
    match &node.operator {
        Operator::IndexScan { table, index, range, .. } => index_condition(table, index, range)
            .map(|condition| format!("Index Cond: {condition}"))
            .into_iter()
            .collect(),
        Operator::Sort { input, keys, .. } => {
            let names = deparse::columns(input);
            let keys: Vec<String> = keys.iter().map(|key| sort_key(key, &names)).collect();
            vec![format!("Sort Key: {}", keys.join(", "))]
        }
        Operator::Aggregate { input, group_by, .. } if !group_by.is_empty() => {
            let names = deparse::columns(input);
            let deparse = Deparse::new(&names);
            let keys: Vec<String> = group_by.iter().map(|expr| deparse.expression(expr)).collect();
            vec![format!("Group Key: {}", keys.join(", "))]
        }
        Operator::Distinct { input } => vec![format!("Group Key: {}", deparse::columns(input).join(", "))],
        // No row at all: the condition was false before anything ran.
        Operator::Values { rows } if rows.is_empty() => vec!["One-Time Filter: false".to_string()],
        _ => Vec::new(),
    }
}

fn sort_key(key: &SortKey, names: &[String]) -> String {
    let mut text = Deparse::new(names).expression(&key.expression);
    if !is_column(&key.expression) {
        text = format!("({text})");
    }
    text.push_str(if key.descending { " DESC" } else { "" });
    match (key.nulls_first, key.descending) {
        (true, false) => text.push_str(" NULLS FIRST"),
        (false, true) => text.push_str(" NULLS LAST"),
        _ => {}
    }
    text
}

/// The range as the conditions it came from; `None` for the whole index.
fn index_condition(table: &Table, index: &Index, range: &KeyRange) -> Option<String> {
    use BinaryOp::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    let lower = range
        .lower
        .as_ref()
        .map(|bound| (if bound.inclusive { GreaterOrEqual } else { Greater }, &bound.value));
    let upper =
        range.upper.as_ref().map(|bound| (if bound.inclusive { LessOrEqual } else { Less }, &bound.value));
    let prefix = range.prefix.iter().map(|value| (Equal, value)).enumerate();
    let bounds = lower.into_iter().chain(upper).map(|bound| (range.prefix.len(), bound));
    let names: Vec<String> =
        table.schema.columns().iter().map(|column| quote(&column.name).into_owned()).collect();
    let conditions: Vec<String> = prefix
        .chain(bounds)
        .filter_map(|(key, (op, value))| {
            let position = *index.columns.get(key)?;
            let data_type = table.schema.columns().get(position)?.data_type;
            let column = Box::new(Expr::column(position, data_type));
            let condition = Expr::Binary { op, left: column, right: Box::new(value.clone()) };
            Some(Deparse::new(&names).expression(&condition))
        })
        .collect();
    match conditions.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("({})", several.join(" AND "))),
    }
}

/// `Buffers: shared hit=1 read=2`; nothing if no page was touched.
pub fn buffers(buffers: Buffers) -> Option<String> {
    let Buffers { hit, read, dirtied, written } = buffers;
    let mut line = "Buffers: shared".to_string();
    let start = line.len();
    for (name, count) in [("hit", hit), ("read", read), ("dirtied", dirtied), ("written", written)] {
        if count > 0 {
            let _ = write!(line, " {name}={count}");
        }
    }
    (line.len() > start).then_some(line)
}

/// `count(DISTINCT x)`
pub fn aggregate(aggregate: &Aggregate, deparse: &Deparse<'_>) -> String {
    let distinct = if aggregate.distinct { "DISTINCT " } else { "" };
    let argument = match &aggregate.argument {
        Some(argument) => deparse.operand(argument),
        None => "*".to_string(),
    };
    format!("{}({distinct}{argument})", deparse::aggregate_name(aggregate.function))
}
