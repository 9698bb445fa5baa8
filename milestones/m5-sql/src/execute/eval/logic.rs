//! AND, OR, NOT and IS NULL in three-valued logic.
//!
//! AND and OR are the same idea with true and false exchanged: one *decisive* value (false for AND, true for OR)
//! settles a row whatever the other operands say. Each operand is evaluated only for the rows that are still
//! undecided. That is both the short way and the safe one.

use super::{Evaluate, Node};
use crate::error::Result;
use crate::execute::batch::{Rows, subtract};
use crate::execute::vector::{Kind, Values, Vector, wrong_kind};

/// A chain `a AND b AND …` or `a OR b OR …`, as long as it may be.
pub struct Logic {
    decisive: bool,
    operands: Vec<Node>,
    out: Vector,
    undecided: Vec<u16>,
    scratch: Vec<u16>,
    chosen: Vec<bool>,
}

impl Logic {
    pub fn new(is_and: bool, operands: Vec<Node>) -> Logic {
        Logic {
            decisive: !is_and,
            operands,
            out: Vector::new(Kind::Boolean),
            undecided: Vec::new(),
            scratch: Vec::new(),
            chosen: Vec::new(),
        }
    }

    /// Each operand narrows what the one before it left.
    fn select_all(&mut self, columns: &[Vector], rows: Rows<'_>, picked: &mut Vec<u16>) -> Result<()> {
        let Some((first, others)) = self.operands.split_first_mut() else {
            rows.write_to(picked);
            return Ok(());
        };
        first.select(columns, rows, picked)?;
        for operand in others {
            if picked.is_empty() {
                break;
            }
            operand.select(columns, Rows::Picked(picked), &mut self.scratch)?;
            std::mem::swap(picked, &mut self.scratch);
        }
        Ok(())
    }

    /// Each operand is asked for the rows that none before it has chosen.
    fn select_any(&mut self, columns: &[Vector], rows: Rows<'_>, picked: &mut Vec<u16>) -> Result<()> {
        self.chosen.clear();
        self.chosen.resize(rows.bound(), false);
        rows.write_to(&mut self.undecided);
        for operand in &mut self.operands {
            if self.undecided.is_empty() {
                break;
            }
            operand.select(columns, Rows::Picked(&self.undecided), &mut self.scratch)?;
            self.scratch.iter().for_each(|&row| self.chosen[usize::from(row)] = true);
            subtract(&mut self.undecided, &self.scratch);
        }
        rows.pick(picked, |row| self.chosen[row]);
        Ok(())
    }
}

impl Evaluate for Logic {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let Logic { decisive, operands, out, undecided, .. } = self;
        out.restart(Kind::Boolean, rows.bound());
        let Vector { values: Values::Boolean(results), nulls } = &mut *out else { return Err(wrong_kind()) };
        results.fill(!*decisive);
        rows.write_to(undecided);
        for operand in operands {
            if undecided.is_empty() {
                break;
            }
            let vector = operand.evaluate(columns, Rows::Picked(undecided))?;
            let values = vector.booleans()?;
            undecided.retain(|&row| {
                let row = usize::from(row);
                if vector.nulls.is_null(row) {
                    nulls.set(row);
                    return true;
                }
                if values[row] == *decisive {
                    results[row] = *decisive;
                    nulls.unset(row);
                    return false;
                }
                true
            });
        }
        Ok(out)
    }

    fn select(&mut self, columns: &[Vector], rows: Rows<'_>, picked: &mut Vec<u16>) -> Result<()> {
        if self.decisive {
            self.select_any(columns, rows, picked)
        } else {
            self.select_all(columns, rows, picked)
        }
    }
}

pub struct Not {
    operand: Node,
    out: Vector,
}

impl Not {
    pub fn new(operand: Node) -> Not {
        Not { operand, out: Vector::new(Kind::Boolean) }
    }
}

impl Evaluate for Not {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let operand = self.operand.evaluate(columns, rows)?;
        let values = operand.booleans()?;
        self.out.restart(Kind::Boolean, rows.bound());
        let Values::Boolean(out) = &mut self.out.values else { return Err(wrong_kind()) };
        rows.for_each(|row| out[row] = !values[row]);
        self.out.nulls.copy_from(&operand.nulls);
        Ok(&self.out)
    }
}

pub struct IsNull {
    operand: Node,
    negated: bool,
    out: Vector,
}

impl IsNull {
    pub fn new(operand: Node, negated: bool) -> IsNull {
        IsNull { operand, negated, out: Vector::new(Kind::Boolean) }
    }
}

impl Evaluate for IsNull {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let operand = self.operand.evaluate(columns, rows)?;
        self.out.restart(Kind::Boolean, rows.bound());
        let Values::Boolean(out) = &mut self.out.values else { return Err(wrong_kind()) };
        rows.for_each(|row| out[row] = operand.nulls.is_null(row) != self.negated);
        Ok(&self.out)
    }
}
