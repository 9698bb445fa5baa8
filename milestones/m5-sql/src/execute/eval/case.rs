//! CASE, COALESCE, NULLIF, GREATEST and LEAST: results put together from several operands.

use super::compare::compare_values;
use super::{Evaluate, Node};
use crate::error::Result;
use crate::execute::batch::{Rows, subtract};
use crate::execute::vector::{Kind, Vector};

/// Each condition is evaluated for the rows that no condition before it took, each result only for the rows
/// that take it.
pub struct Case {
    branches: Vec<(Node, Node)>,
    otherwise: Node,
    kind: Kind,
    out: Vector,
    undecided: Vec<u16>,
    taken: Vec<u16>,
}

impl Case {
    pub fn new(branches: Vec<(Node, Node)>, otherwise: Node, kind: Kind) -> Case {
        let (undecided, taken) = (Vec::new(), Vec::new());
        Case { branches, otherwise, kind, out: Vector::new(kind), undecided, taken }
    }
}

impl Evaluate for Case {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let Case { branches, otherwise, kind, out, undecided, taken } = self;
        out.restart(*kind, rows.bound());
        rows.write_to(undecided);
        for (condition, result) in branches {
            if undecided.is_empty() {
                return Ok(out);
            }
            condition.select(columns, Rows::Picked(undecided), taken)?;
            if !taken.is_empty() {
                let taken_rows = Rows::Picked(taken);
                match result.constant() {
                    Some(value) => out.fill_rows(value, taken_rows)?,
                    None => out.copy_rows(result.evaluate(columns, taken_rows)?, taken_rows)?,
                }
                subtract(undecided, taken);
            }
        }
        if !undecided.is_empty() {
            let rest = Rows::Picked(undecided);
            out.copy_rows(otherwise.evaluate(columns, rest)?, rest)?;
        }
        Ok(out)
    }
}

/// The first operand that is not NULL; the later ones are evaluated only where the earlier ones are NULL.
pub struct Coalesce {
    operands: Vec<Node>,
    kind: Kind,
    out: Vector,
    undecided: Vec<u16>,
}

impl Coalesce {
    pub fn new(operands: Vec<Node>, kind: Kind) -> Coalesce {
        Coalesce { operands, kind, out: Vector::new(kind), undecided: Vec::new() }
    }
}

impl Evaluate for Coalesce {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let Coalesce { operands, kind, out, undecided } = self;
        out.restart(*kind, rows.bound());
        rows.write_to(undecided);
        for operand in operands {
            if undecided.is_empty() {
                break;
            }
            let rest = Rows::Picked(undecided);
            let values = operand.evaluate(columns, rest)?;
            out.copy_rows(values, rest)?;
            undecided.retain(|&row| values.nulls.is_null(usize::from(row)));
        }
        Ok(out)
    }
}

/// NULL where both are equal, else the first.
pub struct NullIf {
    left: Node,
    right: Node,
    out: Vector,
}

impl NullIf {
    pub fn new(left: Node, right: Node) -> NullIf {
        NullIf { left, right, out: Vector::new(Kind::Integer) }
    }
}

impl Evaluate for NullIf {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let left = self.left.evaluate(columns, rows)?;
        let right = self.right.evaluate(columns, rows)?;
        let out = &mut self.out;
        out.restart(left.kind(), rows.bound());
        out.copy_rows(left, rows)?;
        rows.try_for_each(|row| {
            if !left.nulls.is_null(row)
                && !right.nulls.is_null(row)
                && compare_values(left, row, right, row)?.is_eq()
            {
                out.nulls.set(row);
            }
            Ok(())
        })?;
        Ok(out)
    }
}

/// GREATEST or LEAST: NULL operands do not count.
pub struct Extreme {
    operands: Vec<Node>,
    kind: Kind,
    greatest: bool,
    out: Vector,
}

impl Extreme {
    pub fn new(operands: Vec<Node>, kind: Kind, greatest: bool) -> Extreme {
        Extreme { operands, kind, greatest, out: Vector::new(kind) }
    }
}

impl Evaluate for Extreme {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let Extreme { operands, kind, greatest, out } = self;
        out.restart(*kind, rows.bound());
        rows.for_each(|row| out.nulls.set(row));
        for operand in operands {
            let values = operand.evaluate(columns, rows)?;
            rows.try_for_each(|row| {
                if values.nulls.is_null(row) {
                    return Ok(());
                }
                let better = out.nulls.is_null(row) || {
                    let order = compare_values(values, row, out, row)?;
                    if *greatest { order.is_gt() } else { order.is_lt() }
                };
                if better { out.copy_value(row, values, row) } else { Ok(()) }
            })?;
        }
        Ok(out)
    }
}
