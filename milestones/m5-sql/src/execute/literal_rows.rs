//! From the literals of `VALUES (…), (…)` straight into columns, as the binder would have brought them there.
//!
//! This is the short way of an INSERT; the long one goes through the parser, the binder and [`super::operators::values`].
//! Both must come to the same values: whatever is not certain here takes the long way, and so does every error.

use super::batch::{BATCH_ROWS, BATCH_TEXT, Batch};
use super::vector::{Values, Vector};
use crate::sql::bind::number;
use crate::sql::literals::{Literal, Next, Reader};
use crate::sql::plan::RowTarget;
use crate::types::{DataType, Value};

/// Rows in batches that are used again for the next statement.
#[derive(Default)]
pub struct LiteralRows {
    batches: Vec<Batch>,
    used: usize,
    /// A string without its doubled quotes.
    unquoted: String,
}

impl LiteralRows {
    /// Reads all rows behind VALUES. `None` if one of them needs the long way; then nothing is to be stored.
    pub fn read(&mut self, text: &str, target: &RowTarget) -> Option<()> {
        self.used = 0;
        let mut reader = Reader::new(text);
        reader.begin()?;
        loop {
            let batch = next_batch(&mut self.batches, &mut self.used, target);
            let (mut rows, mut more) = (0, true);
            while more
                && rows < BATCH_ROWS
                && batch.columns.iter().all(|column| column.text_bytes() < BATCH_TEXT)
            {
                read_row(&mut reader, batch, target, &mut self.unquoted)?;
                rows += 1;
                more = reader.next_row()?;
            }
            batch.set_len(rows);
            if !more {
                return Some(());
            }
        }
    }

    /// What was read.
    pub fn batches(&self) -> &[Batch] {
        &self.batches[..self.used]
    }

    /// Gives memory back that only a very long statement needs.
    pub fn shrink(&mut self) {
        self.batches.truncate(1);
        self.used = self.used.min(1);
    }
}

fn next_batch<'b>(batches: &'b mut Vec<Batch>, used: &mut usize, target: &RowTarget) -> &'b mut Batch {
    if batches.len() == *used {
        batches.push(Batch::default());
    }
    let batch = &mut batches[*used];
    batch.reset(&target.types);
    *used += 1;
    batch
}

fn read_row(
    reader: &mut Reader<'_>,
    batch: &mut Batch,
    target: &RowTarget,
    unquoted: &mut String,
) -> Option<()> {
    let (last, before) = target.positions.split_last()?;
    for position in before {
        push(reader, Next::Value, batch, target, *position, unquoted)?;
    }
    push(reader, Next::EndOfRow, batch, target, *last, unquoted)?;
    for (position, value) in &target.defaults {
        batch.columns[*position].push_value(value).ok()?;
    }
    Some(())
}

/// Reads a value that `expected` must follow.
fn push(
    reader: &mut Reader<'_>,
    expected: Next,
    batch: &mut Batch,
    target: &RowTarget,
    position: usize,
    unquoted: &mut String,
) -> Option<()> {
    let (literal, next) = reader.literal()?;
    if next != expected {
        return None;
    }
    let (column, data_type) = (batch.columns.get_mut(position)?, *target.types.get(position)?);
    match (literal, &mut column.values) {
        (Literal::Integer(value), Values::Integer(values)) if fits(value, data_type) => values.push(value),
        (Literal::Boolean(value), Values::Boolean(values)) => values.push(value),
        (Literal::String(text), Values::Text(texts))
            if is_short(text, data_type) && texts.has_room(text.len()) =>
        {
            texts.push(text.as_bytes());
        }
        (Literal::Null, _) => column.push_null(),
        (literal, _) => return convert(literal, data_type, column, unquoted),
    }
    Some(())
}

pub fn fits(value: i64, data_type: DataType) -> bool {
    match data_type {
        DataType::SmallInt => i16::try_from(value).is_ok(),
        DataType::Integer => i32::try_from(value).is_ok(),
        _ => true,
    }
}

/// Whether the text is within the column's limit; one with fewer bytes has fewer characters.
pub fn is_short(text: &str, data_type: DataType) -> bool {
    match data_type {
        DataType::Varchar(Some(limit)) => text.len() <= limit as usize,
        _ => true,
    }
}

/// What is not of the column's kind already, by the conversions that the binder uses.
fn convert(
    literal: Literal<'_>,
    data_type: DataType,
    column: &mut Vector,
    unquoted: &mut String,
) -> Option<()> {
    let is_number = !matches!(data_type, DataType::Boolean);
    let value = match literal {
        Literal::Integer(value) if is_number => Value::BigInt(value),
        Literal::Number { negative, digits } if is_number => match (number(digits).ok()?, negative) {
            // As a double it would lose digits that an integer has.
            (Value::Double(_), _) if data_type.is_integer() => return None,
            (value, false) => value,
            (Value::Double(value), true) if digits.contains(['.', 'e', 'E']) => Value::Double(-value),
            // So many digits: the lowest bigint is one of these.
            (_, true) => return None,
        },
        Literal::Boolean(value) if data_type.is_text() => Value::Text(value.to_string()),
        Literal::String(text) => Value::Text(text.to_owned()),
        Literal::Quoted(text) => {
            unquoted.clear();
            text.split("''").enumerate().for_each(|(number, part)| {
                if number > 0 {
                    unquoted.push('\'');
                }
                unquoted.push_str(part);
            });
            Value::Text(unquoted.clone())
        }
        _ => return None,
    };
    column.push_value(&value.coerce_to(data_type).ok()?).ok()
}
