//! Expressions, evaluated for a batch of rows at a time.
//!
//! [`Evaluator::new`] turns a bound expression into a tree of small evaluators, one per operation, each with a
//! vector of its own for its results: after the first batch nothing is allocated. Each evaluates its operands
//! for the rows that it is asked for, then runs one tight loop over them.
//!
//! *Which* rows are asked for is what makes `x <> 0 AND 1 / x > 1` safe: AND asks its second operand only for
//! the rows that the first has not decided, and CASE evaluates each result only for the rows that take it.

mod arithmetic;
mod automaton;
mod case;
mod cast;
mod compare;
mod compile;
mod function;
mod in_list;
mod like;
mod logic;
mod pattern;
mod text;

pub use arithmetic::double_overflow;
pub use compare::{compare_doubles, compare_values};

use super::batch::Rows;
use super::vector::{Kind, Vector};
use crate::error::Result;
use crate::sql::expr::Expr;
use crate::types::Value;

/// One operation of an expression.
trait Evaluate {
    /// A vector that holds the results at the positions `rows`; what it holds elsewhere has no meaning.
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector>;

    /// Writes to `picked` the rows where the result is true (neither false nor NULL).
    fn select(&mut self, columns: &[Vector], rows: Rows<'_>, picked: &mut Vec<u16>) -> Result<()> {
        pick_true(self.evaluate(columns, rows)?, rows, picked)
    }

    /// The value, at position 0, if it is the same for all rows.
    fn constant(&self) -> Option<&Vector> {
        None
    }
}

type Node = Box<dyn Evaluate>;

fn pick_true(vector: &Vector, rows: Rows<'_>, picked: &mut Vec<u16>) -> Result<()> {
    let values = vector.booleans()?;
    if vector.nulls.any() {
        rows.pick(picked, |row| values[row] && !vector.nulls.is_null(row));
    } else {
        rows.pick(picked, |row| values[row]);
    }
    Ok(())
}

/// An expression, ready to be evaluated over batches.
pub struct Evaluator {
    root: Node,
    column: Option<usize>,
}

impl Evaluator {
    pub fn new(expr: &Expr) -> Result<Evaluator> {
        let column = match expr {
            Expr::Column { index, .. } => Some(*index),
            _ => None,
        };
        Ok(Evaluator { root: compile::compile(expr)?, column })
    }

    /// The input column that this expression merely repeats.
    pub fn column(&self) -> Option<usize> {
        self.column
    }

    /// The results at the positions `rows`, over the input's `columns`.
    pub fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        self.root.evaluate(columns, rows)
    }

    /// The rows for which a boolean expression is true.
    pub fn select(&mut self, columns: &[Vector], rows: Rows<'_>, picked: &mut Vec<u16>) -> Result<()> {
        self.root.select(columns, rows, picked)
    }
}

/// The value of an expression that refers to no column: a bound of an index scan, a default.
pub fn constant(expr: &Expr) -> Result<Value> {
    match expr {
        Expr::Literal { value, .. } | Expr::Parameter { value, .. } => Ok(value.clone()),
        _ => Evaluator::new(expr)?.evaluate(&[], Rows::First(1))?.value(0, expr.data_type()),
    }
}

/// An input column.
struct Column(usize);

impl Evaluate for Column {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], _: Rows<'_>) -> Result<&'a Vector> {
        columns.get(self.0).ok_or_else(|| {
            crate::error::Error::internal(format!("an expression refers to column {} of its input", self.0))
        })
    }
}

/// The same value for every row.
struct Constant(Vector);

impl Constant {
    fn new(value: &Value, kind: Kind) -> Result<Constant> {
        let mut vector = Vector::new(kind);
        vector.push_value(value)?;
        Ok(Constant(vector))
    }
}

impl Evaluate for Constant {
    fn evaluate<'a>(&'a mut self, _: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        self.0.repeat_first(rows.bound());
        Ok(&self.0)
    }

    fn constant(&self) -> Option<&Vector> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests;
