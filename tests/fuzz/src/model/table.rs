//! A table as a list of rows, and what changes it.

use std::collections::HashSet;
use std::fmt;

use arbitrary::Arbitrary;

use super::errors::Errors;
use super::expr::{Column, Condition, Number, Row, Text, Word};

/// What the first column was declared as.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    Plain,
    NotNull,
    Unique,
    PrimaryKey,
}

/// An index that comes and goes.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    B,
    SAndA,
    UniqueB,
    UniqueCAndS,
}

impl Key {
    pub fn name(self) -> &'static str {
        ["t_b", "t_s_a", "t_unique_b", "t_unique_c_s"][self as usize]
    }

    pub fn create(self) -> String {
        let unique = if self.is_unique() { "UNIQUE " } else { "" };
        let columns = ["b", "s, a", "b", "c, s"][self as usize];
        format!("CREATE {unique}INDEX {} ON t ({columns})", self.name())
    }

    fn is_unique(self) -> bool {
        matches!(self, Key::UniqueB | Key::UniqueCAndS)
    }

    /// The row's key in a unique index, unless it has a NULL.
    fn of(self, row: &Row) -> Option<(i64, String)> {
        match self {
            Key::B | Key::SAndA => None,
            Key::UniqueB => Some((row.numbers[1]?, String::new())),
            Key::UniqueCAndS => Some((row.numbers[2]?, row.text.clone()?)),
        }
    }
}

#[derive(Clone, Debug)]
pub struct State {
    declared: Declared,
    pub rows: Vec<Row>,
    pub indexes: Vec<Key>,
}

/// What a column is set to.
#[derive(Arbitrary, Clone, Debug)]
pub enum Assignment {
    Number(Column, Number),
    Text(Option<Text>),
    Truth(Condition),
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Change {
    Insert(Vec<Values>),
    /// Rows with ascending keys, so that there are some.
    Fill {
        from: i8,
        count: u8,
        step: u8,
    },
    /// Every row once more, a little different.
    Copy(Number, Condition),
    Update(Assignment, Condition),
    UpdateTwo(Assignment, Assignment),
    Delete(Condition),
}

/// One row of an INSERT.
#[derive(Arbitrary, Clone, Debug)]
pub struct Values {
    a: Option<i8>,
    b: Option<i16>,
    big_b: bool,
    c: Option<i32>,
    s: Option<Word>,
    d: Option<bool>,
}

impl Values {
    /// What is written; the second number may be one that its column cannot hold.
    fn numbers(&self) -> [Option<i64>; 3] {
        let b = self.b.map(|b| i64::from(b) / if self.big_b { 1 } else { 1000 });
        [
            self.a.map(i64::from),
            b.map(|b| if self.big_b && b > 32000 { b * 2 } else { b }),
            self.c.map(i64::from),
        ]
    }

    fn row(&self) -> Row {
        Row { numbers: self.numbers(), text: self.s.map(|word| word.text().into()), truth: self.d }
    }
}

fn or_null(value: Option<impl fmt::Display>) -> String {
    value.map_or("NULL".into(), |value| value.to_string())
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.numbers().map(or_null);
        write!(f, "({a}, {b}, {c}, {}, {})", or_null(self.s), or_null(self.d))
    }
}

impl Assignment {
    fn apply(&self, old: &Row, new: &mut Row, errors: &mut Errors) {
        match self {
            Assignment::Number(column, number) => {
                let value = number.value(old, errors);
                let fits = value.is_none_or(|value| column.width().holds(i128::from(value)));
                new.numbers[*column as usize] = if fits { value } else { errors.hard("22003") };
            }
            Assignment::Text(text) => new.text = text.as_ref().and_then(|text| text.value(old)),
            Assignment::Truth(condition) => new.truth = condition.holds(old, errors),
        }
    }

    /// What is set, and to what.
    fn parts(&self) -> (&'static str, String) {
        match self {
            Assignment::Number(column, number) => (column.name(), number.to_string()),
            Assignment::Text(text) => ("s", or_null(text.as_ref())),
            Assignment::Truth(condition) => ("d", condition.to_string()),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Insert(rows) if rows.is_empty() => f.write_str("INSERT INTO t VALUES (1, 2)"),
            Change::Insert(rows) => {
                let rows: Vec<String> = rows.iter().map(Values::to_string).collect();
                write!(f, "INSERT INTO t VALUES {}", rows.join(", "))
            }
            Change::Fill { .. } => {
                let rows: Vec<String> =
                    self.filling().map(|row| format!("({}, 'row')", or_null(row.numbers[0]))).collect();
                write!(f, "INSERT INTO t (a, s) VALUES {}", rows.join(", "))
            }
            Change::Copy(number, condition) => {
                write!(f, "INSERT INTO t SELECT {number}, b, c, s || '+', d FROM t WHERE {condition}")
            }
            Change::Update(assignment, condition) => {
                let (column, value) = assignment.parts();
                write!(f, "UPDATE t SET {column} = {value} WHERE {condition}")
            }
            Change::UpdateTwo(one, other) => {
                let ((first, value), (second, other)) = (one.parts(), other.parts());
                match first == second {
                    true => write!(f, "UPDATE t SET {first} = {value}"),
                    false => write!(f, "UPDATE t SET {first} = {value}, {second} = {other}"),
                }
            }
            Change::Delete(condition) => write!(f, "DELETE FROM t WHERE {condition}"),
        }
    }
}

impl Change {
    fn filling(&self) -> impl Iterator<Item = Row> {
        let (from, count, step) = match self {
            Change::Fill { from, count, step } => (*from, *count, *step),
            _ => (0, 0, 0),
        };
        (0..=i64::from(count % 40)).map(move |number| {
            let a = i64::from(from) + number * i64::from(step % 4);
            Row { numbers: [Some(a), None, None], text: Some("row".into()), truth: None }
        })
    }
}

impl State {
    pub fn new(declared: Declared) -> State {
        State { declared, rows: Vec::new(), indexes: Vec::new() }
    }

    pub fn create(declared: Declared) -> String {
        let declared = ["", "NOT NULL", "UNIQUE", "PRIMARY KEY"][declared as usize];
        format!("CREATE TABLE t (a integer {declared}, b smallint, c bigint, s text, d boolean)")
    }

    /// The rows after a change, and how many it is about.
    pub fn after(&self, change: &Change, errors: &mut Errors) -> (Vec<Row>, u64) {
        let (mut next, mut count) = (self.rows.clone(), 0);
        let constants = Row::default();
        match change {
            Change::Insert(rows) => {
                next.extend(rows.iter().map(Values::row));
                count = rows.len();
                if rows.is_empty() {
                    // A row of two columns: the others are NULL.
                    next.push(Row { numbers: [Some(1), Some(2), None], ..Row::default() });
                    count = 1;
                }
                if rows.iter().any(|row| row.numbers()[1].is_some_and(|b| i16::try_from(b).is_err())) {
                    errors.hard::<()>("22003");
                }
            }
            Change::Fill { .. } => {
                let rows: Vec<Row> = change.filling().collect();
                count = rows.len();
                next.extend(rows);
            }
            Change::Copy(number, condition) => {
                try_constants(errors, |errors| {
                    number.value(&constants, errors);
                    condition.holds(&constants, errors);
                });
                for row in &self.rows {
                    if condition.holds(row, errors) == Some(true) {
                        let mut new = row.clone();
                        Assignment::Number(Column::A, number.clone()).apply(row, &mut new, errors);
                        new.text = row.text.as_ref().map(|text| format!("{text}+"));
                        next.push(new);
                        count += 1;
                    }
                }
            }
            Change::Update(assignment, condition) => {
                count = self.update(&mut next, &[assignment], condition, errors);
            }
            Change::UpdateTwo(one, other) => {
                let both = [one, other];
                let different = if one.parts().0 == other.parts().0 { &both[..1] } else { &both[..] };
                count = self.update(&mut next, different, &Condition::Known(Some(true)), errors);
            }
            Change::Delete(condition) => {
                try_constants(errors, |errors| {
                    condition.holds(&constants, errors);
                });
                next.retain(|row| condition.holds(row, errors) != Some(true));
                count = self.rows.len() - next.len();
            }
        }
        self.check(&next, count > 0, errors);
        (next, count as u64)
    }

    fn update(
        &self,
        next: &mut [Row],
        assignments: &[&Assignment],
        condition: &Condition,
        errors: &mut Errors,
    ) -> usize {
        let constants = Row::default();
        try_constants(errors, |errors| {
            condition.holds(&constants, errors);
            assignments.iter().for_each(|one| one.apply(&constants, &mut constants.clone(), errors));
        });
        let mut count = 0;
        for (row, new) in self.rows.iter().zip(next) {
            if condition.holds(row, errors) == Some(true) {
                assignments.iter().for_each(|assignment| assignment.apply(row, new, errors));
                count += 1;
            }
        }
        count
    }

    /// What the table promises of its rows.
    fn check(&self, next: &[Row], changed: bool, errors: &mut Errors) {
        let not_null = matches!(self.declared, Declared::NotNull | Declared::PrimaryKey);
        if not_null && next.iter().any(|row| row.numbers[0].is_none()) {
            errors.hard::<()>("23502");
        }
        let unique = matches!(self.declared, Declared::Unique | Declared::PrimaryKey);
        let first = |row: &Row| Some((row.numbers[0]?, String::new()));
        let keys = self.indexes.iter().any(|key| duplicates(next, |row| key.of(row)));
        if changed && (unique && duplicates(next, first) || keys) {
            errors.hard::<()>("23505");
        }
    }

    pub fn has_duplicates(&self, key: Key) -> bool {
        duplicates(&self.rows, |row| key.of(row))
    }
}

fn duplicates(rows: &[Row], key: impl Fn(&Row) -> Option<(i64, String)>) -> bool {
    let mut seen = HashSet::new();
    rows.iter().filter_map(key).any(|key| !seen.insert(key))
}

/// What depends on no row may be calculated beforehand, even if there is none, or in a branch that is never taken.
pub fn try_constants(errors: &mut Errors, calculate: impl FnOnce(&mut Errors)) {
    let mut found = Errors::default();
    calculate(&mut found);
    errors.soft(found);
}
