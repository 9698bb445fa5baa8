//! A hash table that numbers distinct rows: the heart of GROUP BY and DISTINCT.
//!
//! The distinct rows are kept column by column in the order they came, so row `n` of the key columns is group
//! `n`. The table proper is an array of group numbers, probed linearly. A batch is hashed a column at a time;
//! then each row is looked up and compared with at most a few candidates.

use super::batch::Rows;
use super::hash::canonical_bits;
use super::vector::{Kind, Values, Vector};
use crate::error::Result;

/// In place of a group's number: there is no such group, and the table takes no more.
pub const ABSENT: u32 = u32::MAX;

pub struct GroupTable {
    keys: Vec<Vector>,
    hashes: Vec<u64>,
    /// Group number + 1, or 0 where free. The length is a power of two and more than twice the groups.
    slots: Vec<u32>,
}

impl GroupTable {
    pub fn new(kinds: impl IntoIterator<Item = Kind>) -> GroupTable {
        let keys = kinds.into_iter().map(Vector::new).collect();
        GroupTable { keys, hashes: Vec::new(), slots: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The distinct rows, in the order they came.
    pub fn keys(&self) -> &[Vector] {
        &self.keys
    }

    pub fn bytes(&self) -> usize {
        let keys: usize = self.keys.iter().map(Vector::bytes).sum();
        keys + self.hashes.len() * 8 + self.slots.len() * 4
    }

    pub fn clear(&mut self) {
        for key in &mut self.keys {
            *key = Vector::new(key.kind());
        }
        self.hashes.clear();
        self.slots = Vec::new();
    }

    /// Writes each row's group to `groups` at the row's position. A row like none before it founds a group or,
    /// if the table is `full`, gets [`ABSENT`].
    pub fn number(
        &mut self,
        columns: &[&Vector],
        rows: Rows<'_>,
        hashes: &[u64],
        full: bool,
        groups: &mut Vec<u32>,
    ) -> Result<()> {
        groups.clear();
        groups.resize(rows.bound(), ABSENT);
        self.make_room(if full { 0 } else { rows.len() });
        self.number_known(columns, rows, hashes, groups);
        rows.try_for_each(|row| {
            if groups[row] != ABSENT {
                return Ok(());
            }
            let hash = hashes[row];
            groups[row] = match self.find(hash, |group| self.is_equal(columns, row, group)) {
                Ok(group) => group,
                Err(_) if full => ABSENT,
                Err(slot) => {
                    let group = self.hashes.len() as u32;
                    for (key, column) in self.keys.iter_mut().zip(columns) {
                        key.push_from(column, row)?;
                    }
                    self.hashes.push(hash);
                    self.slots[slot] = group + 1;
                    group
                }
            };
            Ok(())
        })
    }

    /// Nearly all rows are of groups that are known from the batches before, and mostly the key is one column without NULL.
    /// Then what is compared, and how, is found out once and not for each row. Leaves other rows as they are.
    fn number_known(&self, columns: &[&Vector], rows: Rows<'_>, hashes: &[u64], groups: &mut [u32]) {
        let ([key], [column]) = (self.keys.as_slice(), columns) else { return };
        if key.nulls.any() || column.nulls.any() || self.hashes.is_empty() {
            return;
        }
        match (&key.values, &column.values) {
            (Values::Integer(known), Values::Integer(values)) => rows.for_each(|row| {
                groups[row] = self.find(hashes[row], |group| known[group] == values[row]).unwrap_or(ABSENT);
            }),
            (Values::Text(known), Values::Text(texts)) => rows.for_each(|row| {
                let text = texts.get(row);
                groups[row] = self.find(hashes[row], |group| known.get(group) == text).unwrap_or(ABSENT);
            }),
            _ => {}
        }
    }

    /// The group with this hash that `is_equal` accepts, or else the slot where it would be entered.
    #[inline]
    fn find(&self, hash: u64, is_equal: impl Fn(usize) -> bool) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let Some(group) = self.slots[slot].checked_sub(1) else { return Err(slot) };
            if self.hashes[group as usize] == hash && is_equal(group as usize) {
                return Ok(group);
            }
            slot = (slot + 1) & mask;
        }
    }

    #[inline]
    fn is_equal(&self, columns: &[&Vector], row: usize, group: usize) -> bool {
        self.keys.iter().zip(columns).all(|(key, column)| {
            match (key.nulls.is_null(group), column.nulls.is_null(row)) {
                (false, false) => {}
                (left, right) => return left == right,
            }
            match (&key.values, &column.values) {
                (Values::Boolean(a), Values::Boolean(b)) => a[group] == b[row],
                (Values::Integer(a), Values::Integer(b)) => a[group] == b[row],
                (Values::Double(a), Values::Double(b)) => canonical_bits(a[group]) == canonical_bits(b[row]),
                (Values::Text(a), Values::Text(b)) => a.get(group) == b.get(row),
                _ => false,
            }
        })
    }

    fn make_room(&mut self, more: usize) {
        let want = ((self.len() + more) * 2 + 1).next_power_of_two();
        if want <= self.slots.len() {
            return;
        }
        self.slots.clear();
        self.slots.resize(want, 0);
        for (group, &hash) in self.hashes.iter().enumerate() {
            let mut slot = hash as usize & (want - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (want - 1);
            }
            self.slots[slot] = group as u32 + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::hash::hash_rows;
    use crate::types::Value;

    fn doubles(values: &[Option<f64>]) -> Vector {
        let mut vector = Vector::new(Kind::Double);
        for value in values {
            vector.push_value(&value.map_or(Value::Null, Value::Double)).unwrap();
        }
        vector
    }

    #[test]
    fn equal_rows_share_a_number_null_and_nan_included() {
        let column =
            doubles(&[Some(1.0), None, Some(f64::NAN), Some(-0.0), None, Some(0.0), Some(-f64::NAN)]);
        let mut table = GroupTable::new([Kind::Double]);
        let (mut hashes, mut groups) = (Vec::new(), Vec::new());
        hash_rows(&[&column], Rows::First(7), &mut hashes);
        table.number(&[&column], Rows::First(7), &hashes, false, &mut groups).unwrap();
        assert_eq!(groups, [0, 1, 2, 3, 1, 3, 2]);
    }

    #[test]
    fn a_full_table_knows_its_groups_and_takes_no_more() {
        let column = doubles(&[Some(1.0), Some(2.0)]);
        let mut table = GroupTable::new([Kind::Double]);
        let (mut hashes, mut groups) = (Vec::new(), Vec::new());
        hash_rows(&[&column], Rows::First(2), &mut hashes);
        table.number(&[&column], Rows::First(1), &hashes, false, &mut groups).unwrap();
        table.number(&[&column], Rows::First(2), &hashes, true, &mut groups).unwrap();
        assert_eq!((groups, table.len()), (vec![0, ABSENT], 1));
    }

    #[test]
    fn known_groups_are_found_again_and_new_ones_founded_beside_them() {
        for (kind, value) in [
            (Kind::Integer, (|number| Value::BigInt(number)) as fn(i64) -> Value),
            (Kind::Text, |number| Value::Text(format!("text {number}"))),
            (Kind::Boolean, |number| Value::Boolean(number % 2 == 0)),
        ] {
            let vector = |numbers: &[Option<i64>]| {
                let mut vector = Vector::new(kind);
                let values = numbers.iter().map(|number| number.map_or(Value::Null, value));
                values.for_each(|value| vector.push_value(&value).unwrap());
                vector
            };
            let mut table = GroupTable::new([kind]);
            let (mut hashes, mut groups) = (Vec::new(), Vec::new());
            let mut number = |column: &Vector, rows, full| {
                hash_rows(&[column], rows, &mut hashes);
                table.number(&[column], rows, &hashes, full, &mut groups).unwrap();
                groups.clone()
            };
            assert_eq!(number(&vector(&[Some(0), Some(1), Some(0)]), Rows::First(3), false), [0, 1, 0]);
            let second = vector(&[Some(5), Some(1), Some(6), Some(0)]);
            // Of booleans there are no more than two.
            let (five, six) = if kind == Kind::Boolean { (1, 0) } else { (2, ABSENT) };
            assert_eq!(number(&second, Rows::Picked(&[0, 1]), false), [five, 1]);
            assert_eq!(number(&second, Rows::First(4), true), [five, 1, six, 0]);
            let third = number(&vector(&[Some(1), None, Some(0), None]), Rows::First(4), false);
            assert_eq!((third[0], third[1] == third[3], third[2]), (1, true, 0));
        }
    }
}
