//! A statement with parameters: planned once, carried out with other constants each time.
//!
//! PostgreSQL calls this plan a *generic plan* (`plancache.c`): it is right for any values because it was made without
//! knowing them. Here that is also literally so: whoever decides something by the value of a literal, such as constant
//! folding, does not look into a parameter.

use super::expr::{BinaryOp, Expr};
use super::plan::{KeyRange, Node, Operator, Statement};
use crate::catalog::Table;
use crate::error::{Error, Result, SqlState};
use crate::types::{DataType, Value};
use std::sync::Arc;

impl Expr {
    /// A parameter, as one of another type: its values will be converted.
    pub fn retyped(self, to: DataType) -> Expr {
        match self {
            Expr::Parameter { number, value, .. } => Expr::Parameter { number, value, data_type: to },
            other => other,
        }
    }

    /// Whether every parameter in it stands beside something that changes from row to row. Then nothing was computed
    /// early when the statement had literals in their places, and the plan with parameters is the plan with literals.
    fn keeps_parameters_apart(&self) -> bool {
        match self {
            Expr::Parameter { .. } => true,
            _ if self.has_parameter() && self.is_constant() => false,
            Expr::Chain { first, rest } if begins_with_parameter(first, rest) => false,
            _ => {
                let mut apart = true;
                self.for_each_child(&mut |child| apart &= child.keeps_parameters_apart());
                apart
            }
        }
    }

    fn has_parameter(&self) -> bool {
        let mut found = matches!(self, Expr::Parameter { .. });
        self.for_each_child(&mut |child| found |= child.has_parameter());
        found
    }

    fn set_parameters(&mut self, values: &[Value]) -> Result<()> {
        match self {
            Expr::Parameter { number, value, data_type } => {
                *value = match values.get(*number) {
                    Some(given) => given.clone().coerce_to(*data_type)?,
                    None => {
                        let message = format!("there is no parameter ${}", *number + 1);
                        return Err(Error::new(SqlState::UndefinedParameter, message));
                    }
                };
                Ok(())
            }
            Expr::Column { .. } | Expr::Literal { .. } => Ok(()),
            _ => {
                let mut result = Ok(());
                self.for_each_child_mut(&mut |child| {
                    if result.is_ok() {
                        result = child.set_parameters(values);
                    }
                });
                result
            }
        }
    }
}

/// Whether a literal in a parameter's place would be computed with the constant beside it.
fn begins_with_parameter(first: &Expr, rest: &[(BinaryOp, Expr)]) -> bool {
    let constant = |expr: &Expr| expr.is_constant();
    let has_parameter = |expr: &Expr| expr.has_parameter();
    rest.first().is_some_and(|(_, second)| {
        constant(first) && constant(second) && (has_parameter(first) || has_parameter(second))
    })
}

impl Statement {
    /// Gives all parameters their values. An error says that one has no value of its type; then the statement must not
    /// be run.
    pub fn set_parameters(&mut self, values: &[Value]) -> Result<()> {
        self.each_expression(&mut |expr| expr.set_parameters(values))
    }

    /// Whether this is also the plan of the statement that has literals in place of the parameters.
    pub fn is_generic(&mut self) -> bool {
        let mut generic = true;
        let visited = self.each_expression(&mut |expr| {
            generic &= expr.keeps_parameters_apart();
            Ok(())
        });
        generic && visited.is_ok() && !self.sorts_by_constants()
    }

    /// Whether a sort key is the same for all rows, which the planner leaves out if it is a literal.
    fn sorts_by_constants(&self) -> bool {
        fn of_node(node: &Node) -> bool {
            let here = matches!(&node.operator, Operator::Sort { keys, .. }
                if keys.iter().any(|key| key.expression.is_constant()));
            here || node.input().is_some_and(of_node)
        }
        of_node(self.source())
    }

    /// The tables that it reads and changes, so far as its plan comes to them.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        let filled = match self {
            Statement::Insert(insert) => Some(&insert.table),
            _ => None,
        };
        filled.into_iter().chain(self.source().table())
    }

    fn source(&self) -> &Node {
        match self {
            Statement::Query { plan, .. } => plan,
            Statement::Insert(insert) => &insert.source,
            Statement::Update(update) => &update.source,
            Statement::Delete(delete) => &delete.source,
        }
    }

    fn each_expression(&mut self, visit: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
        match self {
            Statement::Query { plan, .. } => plan.each_expression(visit),
            Statement::Insert(insert) => insert.source.each_expression(visit),
            Statement::Update(update) => {
                update.assignments.iter_mut().try_for_each(|(_, value)| visit(value))?;
                update.source.each_expression(visit)
            }
            Statement::Delete(delete) => delete.source.each_expression(visit),
        }
    }
}

impl Node {
    fn table(&self) -> Option<&Arc<Table>> {
        match &self.operator {
            Operator::SeqScan { table, .. } | Operator::IndexScan { table, .. } => Some(table),
            _ => self.input()?.table(),
        }
    }

    /// Calls `visit` with every expression of this node and of all below it.
    fn each_expression(&mut self, visit: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
        match &mut self.operator {
            Operator::SeqScan { filter, .. } => filter.iter_mut().try_for_each(visit),
            Operator::IndexScan { range, filter, .. } => {
                range.each_expression(visit)?;
                filter.iter_mut().try_for_each(visit)
            }
            Operator::Values { rows } => rows.iter_mut().flatten().try_for_each(visit),
            Operator::Filter { input, predicate } => {
                visit(predicate)?;
                input.each_expression(visit)
            }
            Operator::Project { input, expressions } => {
                expressions.iter_mut().try_for_each(&mut *visit)?;
                input.each_expression(visit)
            }
            Operator::Sort { input, keys, .. } => {
                keys.iter_mut().try_for_each(|key| visit(&mut key.expression))?;
                input.each_expression(visit)
            }
            Operator::Limit { input, .. } | Operator::Distinct { input } => input.each_expression(visit),
            Operator::Aggregate { input, group_by, aggregates } => {
                group_by.iter_mut().try_for_each(&mut *visit)?;
                let mut arguments = aggregates.iter_mut().filter_map(|aggregate| aggregate.argument.as_mut());
                arguments.try_for_each(&mut *visit)?;
                input.each_expression(visit)
            }
        }
    }
}

impl KeyRange {
    fn each_expression(&mut self, visit: &mut dyn FnMut(&mut Expr) -> Result<()>) -> Result<()> {
        self.prefix.iter_mut().try_for_each(&mut *visit)?;
        let bounds = self.lower.iter_mut().chain(&mut self.upper);
        bounds.map(|bound| &mut bound.value).try_for_each(visit)
    }
}
