//! `x IN (a, b, …)`: TRUE if one is equal; else NULL if `x` or one of them is NULL; else FALSE.

use super::compare::compare_values;
use super::{Evaluate, Node};
use crate::error::Result;
use crate::execute::batch::Rows;
use crate::execute::hash::{BuildMixer, canonical_bits};
use crate::execute::vector::{Kind, Values, Vector, wrong_kind};
use std::collections::HashSet;

/// A list of constants: one look into a hash set for each row, however long the list is.
pub struct InConstants {
    operand: Node,
    members: Members,
    has_null: bool,
    negated: bool,
    out: Vector,
}

enum Members {
    Boolean([bool; 2]),
    Integer(HashSet<i64, BuildMixer>),
    /// The bits of the canonical value: equal doubles have equal bits.
    Double(HashSet<u64, BuildMixer>),
    Text(HashSet<Vec<u8>, BuildMixer>),
}

impl Members {
    fn new(kind: Kind) -> Members {
        match kind {
            Kind::Boolean => Members::Boolean([false; 2]),
            Kind::Integer => Members::Integer(HashSet::default()),
            Kind::Double => Members::Double(HashSet::default()),
            Kind::Text => Members::Text(HashSet::default()),
        }
    }

    fn add_first_of(&mut self, vector: &Vector) -> Result<()> {
        match (self, &vector.values) {
            (Members::Boolean(set), Values::Boolean(values)) => set[usize::from(values[0])] = true,
            (Members::Integer(set), Values::Integer(values)) => drop(set.insert(values[0])),
            (Members::Double(set), Values::Double(values)) => drop(set.insert(canonical_bits(values[0]))),
            (Members::Text(set), Values::Text(texts)) => drop(set.insert(texts.get(0).to_vec())),
            _ => return Err(wrong_kind()),
        }
        Ok(())
    }
}

impl InConstants {
    pub fn new(operand: Node, items: &[Node], negated: bool) -> Result<InConstants> {
        let constants = || items.iter().filter_map(|item| item.constant());
        let kind = constants().next().map_or(Kind::Integer, Vector::kind);
        let mut members = Members::new(kind);
        let mut has_null = false;
        for constant in constants() {
            if constant.nulls.is_null(0) {
                has_null = true;
            } else {
                members.add_first_of(constant)?;
            }
        }
        Ok(InConstants { operand, members, has_null, negated, out: Vector::new(Kind::Boolean) })
    }
}

impl Evaluate for InConstants {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let operand = self.operand.evaluate(columns, rows)?;
        self.out.restart(Kind::Boolean, rows.bound());
        self.out.nulls.copy_from(&operand.nulls);
        let Values::Boolean(out) = &mut self.out.values else { return Err(wrong_kind()) };
        match (&self.members, &operand.values) {
            (Members::Boolean(set), Values::Boolean(values)) => {
                rows.for_each(|row| out[row] = set[usize::from(values[row])]);
            }
            (Members::Integer(set), Values::Integer(values)) => {
                rows.for_each(|row| out[row] = set.contains(&values[row]));
            }
            (Members::Double(set), Values::Double(values)) => {
                rows.for_each(|row| out[row] = set.contains(&canonical_bits(values[row])));
            }
            (Members::Text(set), Values::Text(texts)) => {
                rows.for_each(|row| out[row] = set.contains(texts.get(row)));
            }
            _ => return Err(wrong_kind()),
        }
        let (has_null, negated, nulls) = (self.has_null, self.negated, &mut self.out.nulls);
        if has_null || negated {
            rows.for_each(|row| {
                if has_null && !out[row] {
                    nulls.set(row);
                }
                out[row] ^= negated;
            });
        }
        Ok(&self.out)
    }
}

/// A list with items that change from row to row: each is evaluated for the rows that none before it equals.
pub struct InList {
    operand: Node,
    items: Vec<Node>,
    negated: bool,
    undecided: Vec<u16>,
    out: Vector,
}

impl InList {
    pub fn new(operand: Node, items: Vec<Node>, negated: bool) -> InList {
        InList { operand, items, negated, undecided: Vec::new(), out: Vector::new(Kind::Boolean) }
    }
}

impl Evaluate for InList {
    fn evaluate<'a>(&'a mut self, columns: &'a [Vector], rows: Rows<'_>) -> Result<&'a Vector> {
        let InList { operand, items, negated, undecided, out } = self;
        let operand = operand.evaluate(columns, rows)?;
        out.restart(Kind::Boolean, rows.bound());
        out.nulls.copy_from(&operand.nulls);
        let Vector { values: Values::Boolean(results), nulls } = &mut *out else { return Err(wrong_kind()) };
        results.fill(*negated);
        rows.pick(undecided, |row| !operand.nulls.is_null(row));
        for item in items {
            if undecided.is_empty() {
                break;
            }
            let values = item.evaluate(columns, Rows::Picked(undecided))?;
            let mut failure = None;
            undecided.retain(|&row| {
                let row = usize::from(row);
                if values.nulls.is_null(row) {
                    nulls.set(row);
                    return true;
                }
                match compare_values(operand, row, values, row) {
                    Ok(order) if order.is_eq() => {
                        results[row] = !*negated;
                        nulls.unset(row);
                        false
                    }
                    Ok(_) => true,
                    Err(error) => {
                        failure = Some(error);
                        true
                    }
                }
            });
            if let Some(error) = failure {
                return Err(error);
            }
        }
        Ok(out)
    }
}
