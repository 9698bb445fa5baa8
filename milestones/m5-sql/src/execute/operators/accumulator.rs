//! What an aggregate function keeps for each group, and how a batch of rows changes it.

use crate::error::{Error, Result, SqlState};
use crate::execute::batch::Rows;
use crate::execute::eval::{compare_values, double_overflow};
use crate::execute::vector::{Kind, Values, Vector, wrong_kind};
use crate::sql::expr::{Aggregate, AggregateFunction};

/// One aggregate function's state for every group, at the group's number.
pub struct Accumulator {
    function: AggregateFunction,
    state: State,
}

enum State {
    Count(Vec<i64>),
    /// Sum and count. 128 bits cannot overflow, so whether a sum fits bigint does not depend on the rows' order.
    Integers(Vec<(i128, i64)>),
    Doubles(Vec<(f64, i64)>),
    /// The least or greatest value so far; NULL before the first.
    Extreme(Vector),
    TextExtreme(TextExtreme),
    Boolean(Vec<Option<bool>>),
}

/// Texts change in length, so each group has a buffer of its own.
#[derive(Default)]
struct TextExtreme {
    texts: Vec<Option<Vec<u8>>>,
    bytes: usize,
}

/// The group of each row, at the row's position; `None` where all rows are of group 0.
pub type Groups<'a> = Option<&'a [u32]>;

/// Calls `visit` with the row and its group for every row where `column` is not NULL.
#[inline]
fn each(column: &Vector, rows: Rows<'_>, groups: Groups<'_>, mut visit: impl FnMut(usize, usize)) {
    let nulls = &column.nulls;
    match (groups, nulls.any()) {
        (None, false) => rows.for_each(|row| visit(row, 0)),
        (Some(groups), false) => rows.for_each(|row| visit(row, groups[row] as usize)),
        (groups, true) => rows.for_each(|row| {
            if !nulls.is_null(row) {
                visit(row, groups.map_or(0, |groups| groups[row] as usize));
            }
        }),
    }
}

impl Accumulator {
    pub fn new(aggregate: &Aggregate) -> Accumulator {
        let kind = aggregate.argument.as_ref().map(|argument| Kind::of(argument.data_type()));
        let state = match (aggregate.function, kind) {
            (AggregateFunction::Count, _) => State::Count(Vec::new()),
            (AggregateFunction::Sum | AggregateFunction::Avg, Some(Kind::Double)) => {
                State::Doubles(Vec::new())
            }
            (AggregateFunction::Sum | AggregateFunction::Avg, _) => State::Integers(Vec::new()),
            (AggregateFunction::Min | AggregateFunction::Max, Some(Kind::Text)) => {
                State::TextExtreme(TextExtreme::default())
            }
            (AggregateFunction::Min | AggregateFunction::Max, kind) => {
                State::Extreme(Vector::new(kind.unwrap_or(Kind::Integer)))
            }
            (AggregateFunction::BoolAnd | AggregateFunction::BoolOr, _) => State::Boolean(Vec::new()),
        };
        Accumulator { function: aggregate.function, state }
    }

    /// Makes room for groups up to number `groups - 1`.
    pub fn grow(&mut self, groups: usize) {
        match &mut self.state {
            State::Count(counts) => counts.resize(groups, 0),
            State::Integers(sums) => sums.resize(groups, (0, 0)),
            State::Doubles(sums) => sums.resize(groups, (0.0, 0)),
            State::Extreme(values) => (values.len()..groups).for_each(|_| values.push_null()),
            State::TextExtreme(extreme) => extreme.texts.resize(groups, None),
            State::Boolean(values) => values.resize(groups, None),
        }
    }

    pub fn clear(&mut self) {
        match &mut self.state {
            State::Count(counts) => counts.clear(),
            State::Integers(sums) => sums.clear(),
            State::Doubles(sums) => sums.clear(),
            State::Extreme(values) => values.clear(values.kind()),
            State::TextExtreme(extreme) => *extreme = TextExtreme::default(),
            State::Boolean(values) => values.clear(),
        }
    }

    pub fn bytes(&self) -> usize {
        match &self.state {
            State::Count(counts) => counts.len() * size_of::<i64>(),
            State::Integers(sums) => sums.len() * size_of::<(i128, i64)>(),
            State::Doubles(sums) => sums.len() * size_of::<(f64, i64)>(),
            State::Extreme(values) => values.bytes(),
            State::TextExtreme(extreme) => extreme.bytes + extreme.texts.len() * size_of::<Option<Vec<u8>>>(),
            State::Boolean(values) => values.len(),
        }
    }

    /// Takes the rows into account; `column` is the argument, `None` for `count(*)`.
    pub fn update(&mut self, column: Option<&Vector>, rows: Rows<'_>, groups: Groups<'_>) -> Result<()> {
        let Some(column) = column else { return self.count_rows(rows, groups) };
        let least = self.function == AggregateFunction::Min;
        match (&mut self.state, &column.values) {
            (State::Count(counts), _) => each(column, rows, groups, |_, group| counts[group] += 1),
            (State::Integers(sums), Values::Integer(values)) => each(column, rows, groups, |row, group| {
                sums[group].0 += i128::from(values[row]);
                sums[group].1 += 1;
            }),
            (State::Doubles(sums), Values::Double(values)) => {
                return add_doubles(sums, values, column, rows, groups);
            }
            (State::Extreme(best), _) => return improve(best, column, rows, groups, least),
            (State::TextExtreme(best), Values::Text(texts)) => each(column, rows, groups, |row, group| {
                best.offer(group, texts.get(row), least);
            }),
            (State::Boolean(results), Values::Boolean(values)) => {
                let decisive = self.function == AggregateFunction::BoolOr;
                each(column, rows, groups, |row, group| {
                    let value = values[row];
                    results[group] =
                        Some(if value == decisive { value } else { results[group].unwrap_or(value) });
                });
            }
            _ => return Err(wrong_kind()),
        }
        Ok(())
    }

    fn count_rows(&mut self, rows: Rows<'_>, groups: Groups<'_>) -> Result<()> {
        let State::Count(counts) = &mut self.state else { return Err(wrong_kind()) };
        match groups {
            None => counts[0] += rows.len() as i64,
            Some(groups) => rows.for_each(|row| counts[groups[row] as usize] += 1),
        }
        Ok(())
    }

    /// Appends the group's result to `out`.
    pub fn finish(&self, group: usize, out: &mut Vector) -> Result<()> {
        let average = self.function == AggregateFunction::Avg;
        match (&self.state, &mut out.values) {
            (State::Count(counts), Values::Integer(out)) => out.push(counts[group]),
            (State::Integers(sums), _) if sums[group].1 == 0 => out.push_null(),
            (State::Doubles(sums), _) if sums[group].1 == 0 => out.push_null(),
            (State::Integers(sums), Values::Double(out)) if average => {
                out.push(sums[group].0 as f64 / sums[group].1 as f64);
            }
            (State::Integers(sums), Values::Integer(out)) => out.push(
                i64::try_from(sums[group].0)
                    .map_err(|_| Error::new(SqlState::NumericValueOutOfRange, "bigint out of range"))?,
            ),
            (State::Doubles(sums), Values::Double(out)) => {
                out.push(if average { sums[group].0 / sums[group].1 as f64 } else { sums[group].0 });
            }
            (State::Extreme(values), _) => out.push_from(values, group)?,
            (State::TextExtreme(extreme), Values::Text(out)) if extreme.texts[group].is_some() => {
                out.push(extreme.texts[group].as_deref().unwrap_or_default());
            }
            (State::TextExtreme(_), _) => out.push_null(),
            (State::Boolean(values), Values::Boolean(out)) if values[group].is_some() => {
                out.push(values[group] == Some(true));
            }
            (State::Boolean(_), _) => out.push_null(),
            _ => return Err(wrong_kind()),
        }
        Ok(())
    }
}

impl TextExtreme {
    fn offer(&mut self, group: usize, text: &[u8], least: bool) {
        match &mut self.texts[group] {
            Some(best) if (text < best.as_slice()) != least || text == best.as_slice() => {}
            Some(best) => {
                self.bytes += text.len().saturating_sub(best.capacity());
                best.clear();
                best.extend_from_slice(text);
            }
            none => {
                self.bytes += text.len();
                *none = Some(text.to_vec());
            }
        }
    }
}

/// PostgreSQL's rule: a sum may only become infinite by adding infinity.
fn add_doubles(
    sums: &mut [(f64, i64)],
    values: &[f64],
    column: &Vector,
    rows: Rows<'_>,
    groups: Groups<'_>,
) -> Result<()> {
    let mut overflows = false;
    each(column, rows, groups, |row, group| {
        let (sum, count) = &mut sums[group];
        let result = *sum + values[row];
        overflows |= result.is_infinite() && !sum.is_infinite() && !values[row].is_infinite();
        *sum = result;
        *count += 1;
    });
    if overflows { Err(double_overflow()) } else { Ok(()) }
}

fn improve(
    best: &mut Vector,
    column: &Vector,
    rows: Rows<'_>,
    groups: Groups<'_>,
    least: bool,
) -> Result<()> {
    rows.try_for_each(|row| {
        if column.nulls.is_null(row) {
            return Ok(());
        }
        let group = groups.map_or(0, |groups| groups[row] as usize);
        let better = best.nulls.is_null(group) || {
            let order = compare_values(column, row, best, group)?;
            if least { order.is_lt() } else { order.is_gt() }
        };
        if better { best.copy_value(group, column, row) } else { Ok(()) }
    })
}
