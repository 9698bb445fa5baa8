//! A vector: up to a batch of values of one column, laid out for loops instead of for rows.
//!
//! While a query runs there are only four kinds of value: every integer type travels as `i64`, both text types
//! as bytes. The static type of an expression still decides what overflows and how a value prints.

use super::nulls::Nulls;
use super::texts::{Texts, too_long};
use crate::error::{Error, Result, SqlState};
use crate::types::{DataType, Value};

/// How values of a type are held while a query runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Boolean,
    Integer,
    Double,
    Text,
}

impl Kind {
    pub fn of(data_type: DataType) -> Kind {
        match data_type {
            DataType::Boolean => Kind::Boolean,
            DataType::SmallInt | DataType::Integer | DataType::BigInt => Kind::Integer,
            DataType::DoublePrecision => Kind::Double,
            DataType::Text | DataType::Varchar(_) => Kind::Text,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Values {
    Boolean(Vec<bool>),
    Integer(Vec<i64>),
    Double(Vec<f64>),
    Text(Texts),
}

/// Values of one kind, some of them perhaps NULL.
///
/// At a NULL position stands a value all the same (of no meaning), so that loops need not branch.
#[derive(Clone, Debug)]
pub struct Vector {
    pub values: Values,
    pub nulls: Nulls,
}

impl Vector {
    pub fn new(kind: Kind) -> Vector {
        let values = match kind {
            Kind::Boolean => Values::Boolean(Vec::new()),
            Kind::Integer => Values::Integer(Vec::new()),
            Kind::Double => Values::Double(Vec::new()),
            Kind::Text => Values::Text(Texts::default()),
        };
        Vector { values, nulls: Nulls::default() }
    }

    pub fn kind(&self) -> Kind {
        match self.values {
            Values::Boolean(_) => Kind::Boolean,
            Values::Integer(_) => Kind::Integer,
            Values::Double(_) => Kind::Double,
            Values::Text(_) => Kind::Text,
        }
    }

    pub fn len(&self) -> usize {
        match &self.values {
            Values::Boolean(values) => values.len(),
            Values::Integer(values) => values.len(),
            Values::Double(values) => values.len(),
            Values::Text(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory its values take, near enough to hold against `work_mem`.
    pub fn bytes(&self) -> usize {
        match &self.values {
            Values::Boolean(values) => values.len(),
            Values::Integer(values) => values.len() * 8,
            Values::Double(values) => values.len() * 8,
            Values::Text(texts) => texts.arena_len() + texts.len() * 8,
        }
    }

    /// The bytes of its texts; 0 for the other kinds.
    pub fn text_bytes(&self) -> usize {
        match &self.values {
            Values::Text(texts) => texts.arena_len(),
            _ => 0,
        }
    }

    /// Empties it for values of `kind`, keeping the memory if it held the same kind.
    pub fn clear(&mut self, kind: Kind) {
        self.restart(kind, 0);
    }

    /// Prepares it for results at the positions below `len`: no NULLs, values to be overwritten.
    pub fn restart(&mut self, kind: Kind, len: usize) {
        if self.kind() != kind {
            *self = Vector::new(kind);
        }
        self.nulls.clear();
        match &mut self.values {
            Values::Boolean(values) => values.resize(len, false),
            Values::Integer(values) => values.resize(len, 0),
            Values::Double(values) => values.resize(len, 0.0),
            Values::Text(texts) => texts.restart(len),
        }
    }

    pub fn push_null(&mut self) {
        self.nulls.set(self.len());
        match &mut self.values {
            Values::Boolean(values) => values.push(false),
            Values::Integer(values) => values.push(0),
            Values::Double(values) => values.push(0.0),
            Values::Text(texts) => texts.push(b""),
        }
    }

    pub fn push_value(&mut self, value: &Value) -> Result<()> {
        match (&mut self.values, value) {
            (_, Value::Null) => self.push_null(),
            (Values::Boolean(values), Value::Boolean(value)) => values.push(*value),
            (Values::Integer(values), Value::SmallInt(value)) => values.push(i64::from(*value)),
            (Values::Integer(values), Value::Integer(value)) => values.push(i64::from(*value)),
            (Values::Integer(values), Value::BigInt(value)) => values.push(*value),
            (Values::Double(values), Value::Double(value)) => values.push(*value),
            (Values::Text(texts), Value::Text(text)) if texts.has_room(text.len()) => {
                texts.push(text.as_bytes());
            }
            (Values::Text(_), Value::Text(_)) => return Err(too_long()),
            _ => return Err(wrong_kind()),
        }
        Ok(())
    }

    /// Appends the value at `index` of `other`.
    pub fn push_from(&mut self, other: &Vector, index: usize) -> Result<()> {
        if other.nulls.is_null(index) {
            self.push_null();
            return Ok(());
        }
        match (&mut self.values, &other.values) {
            (Values::Boolean(to), Values::Boolean(from)) => to.push(from[index]),
            (Values::Integer(to), Values::Integer(from)) => to.push(from[index]),
            (Values::Double(to), Values::Double(from)) => to.push(from[index]),
            (Values::Text(to), Values::Text(from)) => to.push(from.get(index)),
            _ => return Err(wrong_kind()),
        }
        Ok(())
    }

    /// Overwrites the value at `index` with `other`'s value at `from`.
    pub fn copy_value(&mut self, index: usize, other: &Vector, from: usize) -> Result<()> {
        if other.nulls.is_null(from) {
            self.nulls.set(index);
            return Ok(());
        }
        self.nulls.unset(index);
        match (&mut self.values, &other.values) {
            (Values::Boolean(to), Values::Boolean(source)) => to[index] = source[from],
            (Values::Integer(to), Values::Integer(source)) => to[index] = source[from],
            (Values::Double(to), Values::Double(source)) => to[index] = source[from],
            (Values::Text(to), Values::Text(source)) => to.set(index, source.get(from))?,
            _ => return Err(wrong_kind()),
        }
        Ok(())
    }

    /// Copies `other`'s values at `rows` to the same positions here.
    pub fn copy_rows(&mut self, other: &Vector, rows: super::batch::Rows<'_>) -> Result<()> {
        let mut last: Option<usize> = None;
        rows.try_for_each(|row| {
            if let (Values::Text(to), Values::Text(from), Some(last)) =
                (&mut self.values, &other.values, last)
                && from.share_bytes(row, last)
                && !other.nulls.is_null(row)
                && !other.nulls.is_null(last)
            {
                to.share(row, last);
                self.nulls.unset(row);
                return Ok(());
            }
            last = Some(row);
            self.copy_value(row, other, row)
        })
    }

    /// Copies `other`'s value at 0 to the positions `rows`.
    pub fn fill_rows(&mut self, other: &Vector, rows: super::batch::Rows<'_>) -> Result<()> {
        let mut last = None;
        rows.try_for_each(|row| match (&mut self.values, last) {
            (Values::Text(to), Some(last)) if !other.nulls.is_null(0) => {
                to.share(row, last);
                self.nulls.unset(row);
                Ok(())
            }
            _ => {
                last = Some(row);
                self.copy_value(row, other, 0)
            }
        })
    }

    /// Repeats the value at 0 until there are `len`.
    pub fn repeat_first(&mut self, len: usize) {
        fn repeat<T: Copy>(values: &mut Vec<T>, len: usize) {
            if let Some(&first) = values.first()
                && values.len() < len
            {
                values.resize(len, first);
            }
        }
        let (old, is_null) = (self.len(), self.nulls.is_null(0));
        match &mut self.values {
            Values::Boolean(values) => repeat(values, len),
            Values::Integer(values) => repeat(values, len),
            Values::Double(values) => repeat(values, len),
            Values::Text(texts) => texts.repeat_first(len),
        }
        if is_null {
            (old..len).for_each(|index| self.nulls.set(index));
        }
    }

    /// Forgets all but the value at 0.
    pub fn truncate_to_first(&mut self) {
        match &mut self.values {
            Values::Boolean(values) => values.truncate(1),
            Values::Integer(values) => values.truncate(1),
            Values::Double(values) => values.truncate(1),
            Values::Text(texts) => texts.truncate(1),
        }
        let is_null = self.nulls.is_null(0);
        self.nulls.clear();
        if is_null {
            self.nulls.set(0);
        }
    }

    /// The value at `index` on its own, as a value of `data_type`.
    pub fn value(&self, index: usize, data_type: DataType) -> Result<Value> {
        if self.nulls.is_null(index) {
            return Ok(Value::Null);
        }
        Ok(match &self.values {
            Values::Boolean(values) => Value::Boolean(values[index]),
            Values::Double(values) => Value::Double(values[index]),
            Values::Text(texts) => Value::Text(utf8(texts.get(index))?.to_string()),
            Values::Integer(values) => match data_type {
                DataType::SmallInt => Value::SmallInt(values[index] as i16),
                DataType::Integer => Value::Integer(values[index] as i32),
                _ => Value::BigInt(values[index]),
            },
        })
    }

    pub fn booleans(&self) -> Result<&[bool]> {
        match &self.values {
            Values::Boolean(values) => Ok(values),
            _ => Err(wrong_kind()),
        }
    }

    pub fn integers(&self) -> Result<&[i64]> {
        match &self.values {
            Values::Integer(values) => Ok(values),
            _ => Err(wrong_kind()),
        }
    }

    pub fn doubles(&self) -> Result<&[f64]> {
        match &self.values {
            Values::Double(values) => Ok(values),
            _ => Err(wrong_kind()),
        }
    }

    pub fn texts(&self) -> Result<&Texts> {
        match &self.values {
            Values::Text(texts) => Ok(texts),
            _ => Err(wrong_kind()),
        }
    }
}

/// A text's bytes as characters; stored bytes are checked when they are used as such.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| {
        Error::new(SqlState::CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\"")
    })
}

/// The binder gave an expression a type that its operands do not have.
pub fn wrong_kind() -> Error {
    Error::internal("a vector holds values of another kind than its expression's type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::batch::Rows;

    fn texts(words: &[Option<&str>]) -> Vector {
        let mut vector = Vector::new(Kind::Text);
        for word in words {
            match word {
                Some(word) => vector.push_value(&Value::Text(word.to_string())).unwrap(),
                None => vector.push_null(),
            }
        }
        vector
    }

    #[test]
    fn the_null_bitmap_appears_with_the_first_null() {
        let mut vector = texts(&[Some("a")]);
        assert!(!vector.nulls.any());
        vector.push_null();
        assert!(vector.nulls.any() && vector.nulls.is_null(1) && !vector.nulls.is_null(0));
        assert!(!vector.nulls.is_null(1000));
    }

    #[test]
    fn copying_rows_that_share_bytes_copies_the_bytes_once() {
        let mut constant = texts(&[Some("constant")]);
        constant.repeat_first(1000);
        let mut copy = Vector::new(Kind::Text);
        copy.restart(Kind::Text, 1000);
        copy.copy_rows(&constant, Rows::First(1000)).unwrap();
        assert_eq!(copy.text_bytes(), 8);
        assert_eq!(copy.texts().unwrap().get(999), b"constant");
    }

    #[test]
    fn copying_keeps_nulls_where_they_are() {
        let source = texts(&[Some("x"), None, Some("x"), None]);
        let mut copy = Vector::new(Kind::Text);
        copy.restart(Kind::Text, 4);
        copy.copy_rows(&source, Rows::Picked(&[1, 2])).unwrap();
        assert!(copy.nulls.is_null(1) && !copy.nulls.is_null(2));
        assert_eq!(copy.texts().unwrap().get(2), b"x");
    }
}
