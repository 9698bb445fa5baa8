//! What is asked of the table, and whether the answer is right.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use arbitrary::Arbitrary;
use m5_sql::types::Value;

use super::errors::Errors;
use super::expr::{Column, Condition, Number, Row};
use super::table::try_constants;

pub type Rows = Vec<Vec<Value>>;

/// `SELECT … WHERE … ORDER BY … LIMIT … OFFSET`
#[derive(Arbitrary, Debug)]
pub struct Query {
    distinct: bool,
    output: Option<Number>,
    condition: Option<Condition>,
    order: Option<Order>,
    then: Option<Order>,
    limit: Option<u8>,
    offset: Option<u8>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Order {
    column: Column,
    descending: bool,
    /// NULLS FIRST or LAST, if it is said.
    nulls_first: Option<bool>,
}

impl Order {
    fn nulls_first(self) -> bool {
        self.nulls_first.unwrap_or(self.descending)
    }

    fn compare(self, one: &Option<i64>, other: &Option<i64>) -> Ordering {
        match (one, other) {
            (Some(one), Some(other)) if self.descending => other.cmp(one),
            (Some(one), Some(other)) => one.cmp(other),
            (None, None) => Ordering::Equal,
            (None, _) if self.nulls_first() => Ordering::Less,
            (None, _) => Ordering::Greater,
            (_, None) if self.nulls_first() => Ordering::Greater,
            (_, None) => Ordering::Less,
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nulls = match self.nulls_first {
            None => "",
            Some(true) => " NULLS FIRST",
            Some(false) => " NULLS LAST",
        };
        write!(f, "{}{}{nulls}", self.column.name(), if self.descending { " DESC" } else { "" })
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        write!(f, "SELECT {distinct}a, b, c")?;
        if let Some(output) = &self.output {
            write!(f, ", {output} AS x")?;
        }
        f.write_str(" FROM t")?;
        if let Some(condition) = &self.condition {
            write!(f, " WHERE {condition}")?;
        }
        match (&self.order, &self.then) {
            (Some(order), Some(then)) => write!(f, " ORDER BY {order}, {then}")?,
            (Some(order), None) => write!(f, " ORDER BY {order}")?,
            (None, _) => {}
        }
        if let Some(limit) = self.limit {
            write!(f, " LIMIT {}", limit % 32)?;
        }
        if let Some(offset) = self.offset {
            write!(f, " OFFSET {}", offset % 16)?;
        }
        Ok(())
    }
}

type Numbers = Vec<Option<i64>>;

/// All rows that a query is about, in its order.
pub struct Expected {
    rows: Vec<Numbers>,
    skipped: usize,
    taken: usize,
}

impl Query {
    pub fn answer(&self, table: &[Row], errors: &mut Errors) -> Expected {
        try_constants(errors, |errors| {
            let row = Row::default();
            self.condition.iter().for_each(|condition| {
                condition.holds(&row, errors);
            });
            self.output.iter().for_each(|output| {
                output.value(&row, errors);
            });
        });
        let mut rows = Vec::new();
        for row in table {
            if self.condition.as_ref().is_none_or(|condition| condition.holds(row, errors) == Some(true)) {
                let mut numbers = row.numbers.to_vec();
                numbers.extend(self.output.as_ref().map(|output| output.value(row, errors)));
                rows.push(numbers);
            }
        }
        rows.sort_by(|one, other| self.compare_rows(one, other).then_with(|| one.cmp(other)));
        if self.distinct {
            rows.dedup();
        }
        let skipped = self.offset.map_or(0, |offset| usize::from(offset % 16)).min(rows.len());
        let left = rows.len() - skipped;
        let taken = self.limit.map_or(left, |limit| usize::from(limit % 32).min(left));
        Expected { rows, skipped, taken }
    }

    fn compare_rows(&self, one: &Numbers, other: &Numbers) -> Ordering {
        let orders = self.order.iter().chain(self.then.iter().filter(|_| self.order.is_some()));
        orders.fold(Ordering::Equal, |known, order| {
            let column = order.column as usize;
            known.then_with(|| order.compare(&one[column], &other[column]))
        })
    }

    /// The right rows in the right order; which of equal ones come first is left open.
    pub fn compare(&self, expected: &Expected, found: &Rows) -> Result<(), String> {
        let Expected { rows, skipped, taken } = expected;
        let found: Vec<Numbers> = found.iter().map(|row| row.iter().map(number).collect()).collect();
        let window = &rows[*skipped..skipped + taken];
        let same_order = found.len() == window.len()
            && found.iter().zip(window).all(|(one, other)| self.compare_rows(one, other).is_eq());
        let mut left = rows.clone();
        let all_there = found.iter().all(|row| match left.iter().position(|known| known == row) {
            Some(at) => {
                left.swap_remove(at);
                true
            }
            None => false,
        });
        match same_order && all_there {
            true => Ok(()),
            false => Err(format!("{found:?}, expected {window:?} or some of {rows:?}")),
        }
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Null => None,
        Value::SmallInt(number) => Some(i64::from(*number)),
        Value::Integer(number) => Some(i64::from(*number)),
        Value::BigInt(number) => Some(*number),
        other => panic!("{other:?} is no integer"),
    }
}

/// The whole table, in any order.
pub fn compare_all(expected: &[Row], found: Rows) -> Result<(), String> {
    let mut found: Vec<Row> = found
        .into_iter()
        .map(|row| Row {
            numbers: [number(&row[0]), number(&row[1]), number(&row[2])],
            text: match &row[3] {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            },
            truth: match row[4] {
                Value::Boolean(truth) => Some(truth),
                _ => None,
            },
        })
        .collect();
    let mut expected = expected.to_vec();
    found.sort();
    expected.sort();
    if found == expected { Ok(()) } else { Err(format!("now the rows are {found:?}, expected {expected:?}")) }
}

/// `SELECT …, aggregates … GROUP BY … HAVING`
#[derive(Arbitrary, Debug)]
pub struct Grouped {
    by: Option<Column>,
    of: Number,
    condition: Option<Condition>,
    more_than: Option<u8>,
}

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = &self.of;
        let by = self.by.map(Column::name);
        write!(f, "SELECT {}, count(*), count({of}), ", by.unwrap_or("NULL::integer"))?;
        write!(f, "sum({of}), min({of}), max({of}), avg({of}), count(DISTINCT {of}) FROM t")?;
        if let Some(condition) = &self.condition {
            write!(f, " WHERE {condition}")?;
        }
        if let Some(by) = by {
            write!(f, " GROUP BY {by}")?;
        }
        if let Some(more) = self.more_than {
            write!(f, " HAVING count(*) > {}", more % 4)?;
        }
        Ok(())
    }
}

impl Grouped {
    pub fn answer(&self, table: &[Row], errors: &mut Errors) -> Rows {
        try_constants(errors, |errors| {
            let row = Row::default();
            self.condition.iter().for_each(|condition| {
                condition.holds(&row, errors);
            });
            self.of.value(&row, errors);
        });
        let mut groups: BTreeMap<Option<i64>, Vec<Option<i64>>> = BTreeMap::new();
        if self.by.is_none() {
            groups.insert(None, Vec::new());
        }
        for row in table {
            if self.condition.as_ref().is_none_or(|condition| condition.holds(row, errors) == Some(true)) {
                let by = self.by.and_then(|by| row.numbers[by as usize]);
                groups.entry(by).or_default().push(self.of.value(row, errors));
            }
        }
        let wanted = |count: usize| self.more_than.is_none_or(|more| count > usize::from(more % 4));
        let all = groups.into_iter().filter(|(_, values)| wanted(values.len()));
        all.map(|(by, values)| aggregates(by, &values, errors)).collect()
    }
}

fn aggregates(by: Option<i64>, values: &[Option<i64>], errors: &mut Errors) -> Vec<Value> {
    let integer = |number: Option<i64>| number.map_or(Value::Null, Value::BigInt);
    let known: Vec<i64> = values.iter().flatten().copied().collect();
    let sum: i128 = known.iter().copied().map(i128::from).sum();
    // On the way to a sum that fits there may be one that does not.
    let positive: i128 = known.iter().copied().filter(|n| *n > 0).map(i128::from).sum();
    let negative: i128 = known.iter().copied().filter(|n| *n < 0).map(i128::from).sum();
    if [positive, negative].iter().any(|sum| i64::try_from(*sum).is_err()) {
        errors.hard::<()>("22003");
    }
    let mut different = known.clone();
    different.sort_unstable();
    different.dedup();
    vec![
        integer(by),
        Value::BigInt(values.len() as i64),
        Value::BigInt(known.len() as i64),
        if known.is_empty() { Value::Null } else { integer(i64::try_from(sum).ok()) },
        integer(known.iter().min().copied()),
        integer(known.iter().max().copied()),
        if known.is_empty() { Value::Null } else { Value::Double(sum as f64 / known.len() as f64) },
        Value::BigInt(different.len() as i64),
    ]
}

/// Groups in any order; an average need not be right to the last digit.
pub fn compare_groups(mut expected: Rows, mut found: Rows) -> Result<(), String> {
    for rows in [&mut expected, &mut found] {
        rows.sort_by_key(|row| number(&row[0]));
    }
    let alike = |one: &Value, other: &Value| match (one, other) {
        (Value::Double(one), Value::Double(other)) => (one - other).abs() <= 1e-9 * one.abs().max(1.0),
        (Value::Double(_), _) | (_, Value::Double(_)) => false,
        _ => number(one) == number(other),
    };
    let same = expected.len() == found.len()
        && expected
            .iter()
            .zip(&found)
            .all(|(one, other)| one.iter().zip(other).all(|(one, other)| alike(one, other)));
    if same { Ok(()) } else { Err(format!("{found:?}, expected {expected:?}")) }
}
