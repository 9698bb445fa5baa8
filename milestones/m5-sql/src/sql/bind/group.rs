//! Grouped queries: after GROUP BY, an expression may read the group's columns and the aggregates, nothing else.
//!
//! The clauses are bound as if there were no grouping, with aggregates as columns beyond the table's
//! ([`AGGREGATES`]). [`Groups::regroup`] then rewrites each expression to read the grouping's output.

use super::super::expr::{BinaryOp, Expr};
use super::super::position::{column_from, locate};
use super::super::source_text::SourceText;
use super::expr::AGGREGATES;
use super::function::aggregate_function;
use super::scope::Scope;
use crate::error::{Error, Result, SqlState};
use sqlparser::tokenizer::Span;

pub struct Groups<'a> {
    text: SourceText<'a>,
    scope: Option<&'a Scope>,
    group_by: Vec<Expr>,
}

impl<'a> Groups<'a> {
    /// `outputs` are all expressions that will be regrouped.
    pub fn new<'e>(
        text: SourceText<'a>,
        scope: Option<&'a Scope>,
        group_by: Vec<Expr>,
        outputs: impl Iterator<Item = &'e Expr>,
    ) -> Groups<'a> {
        let mut distinct: Vec<Expr> = Vec::with_capacity(group_by.len());
        for expr in group_by {
            if !distinct.contains(&expr) {
                distinct.push(expr);
            }
        }
        let mut groups = Groups { text, scope, group_by: distinct };
        if groups.hold_primary_key() {
            outputs.for_each(|output| groups.add_dependent(output));
        }
        groups
    }

    /// Grouped by its primary key, a table has one row in each group, and all its columns are determined.
    fn hold_primary_key(&self) -> bool {
        let primary = self.scope.and_then(|scope| scope.table.indexes.iter().find(|index| index.primary));
        let is_grouped = |&column: &usize| {
            self.group_by.iter().any(|expr| matches!(expr, Expr::Column { index, .. } if *index == column))
        };
        primary.is_some_and(|primary| primary.columns.iter().all(is_grouped))
    }

    /// Adds the columns that an expression reads outside of group expressions.
    fn add_dependent(&mut self, expr: &Expr) {
        if self.group_by.contains(expr) {
            return;
        }
        match expr {
            Expr::Column { index, .. } if *index >= AGGREGATES => {}
            Expr::Column { .. } => self.group_by.push(expr.clone()),
            _ => expr.for_each_child(&mut |child| self.add_dependent(child)),
        }
    }

    /// Rewrites an expression over the table to one over the grouping's columns. It begins at `from`, if that is known.
    pub fn regroup(&self, expr: &mut Expr, from: Span) -> Result<()> {
        if let Some(index) = self.group_by.iter().position(|group| group == expr) {
            *expr = Expr::column(index, expr.data_type());
            return Ok(());
        }
        match expr {
            Expr::Column { index, .. } if *index >= AGGREGATES => {
                *index = *index - AGGREGATES + self.group_by.len();
                Ok(())
            }
            Expr::Column { index, .. } => Err(self.not_grouped(*index, from)),
            Expr::Chain { first, rest } if let Some((index, len)) = self.beginning(first, rest) => {
                **first = Expr::column(index, first.data_type());
                rest.drain(..len);
                rest.iter_mut().try_for_each(|(_, operand)| self.regroup(operand, from))
            }
            _ => {
                let mut result = Ok(());
                expr.for_each_child_mut(&mut |child| {
                    if result.is_ok() {
                        result = self.regroup(child, from);
                    }
                });
                result
            }
        }
    }

    /// The longest group that a chain begins with: `a + b` of `a + b + 1`. Its number, and how many links it has.
    fn beginning(&self, first: &Expr, rest: &[(BinaryOp, Expr)]) -> Option<(usize, usize)> {
        let groups = self.group_by.iter().enumerate().filter_map(|(index, group)| match group {
            Expr::Chain { first: same, rest: beginning }
                if **same == *first && rest.starts_with(beginning) =>
            {
                Some((index, beginning.len()))
            }
            _ => None,
        });
        groups.max_by_key(|(_, len)| *len)
    }

    pub fn into_group_by(self) -> Vec<Expr> {
        self.group_by
    }

    fn not_grouped(&self, index: usize, from: Span) -> Error {
        let column = self.scope.and_then(|scope| {
            let column = scope.table.schema.columns().get(index)?;
            Some((scope.alias.as_str(), column.name.as_str()))
        });
        let (table, column) = column.unwrap_or_default();
        let message = format!(
            "column \"{table}.{column}\" must appear in the GROUP BY clause or be used in an aggregate function"
        );
        let place = column_from(&self.text, column, from, |name| aggregate_function(name).is_some());
        locate(Error::new(SqlState::GroupingError, message), self.text, place)
    }
}
