//! Where the columns of a table are in its tuples, and the way from values to bytes and back.

use super::{MAX_TUPLE_SIZE, TUPLE_HEADER_SIZE, TupleHeader};
use crate::error::{Error, Result, SqlState};
use crate::transaction::Xid;
use crate::types::{DataType, Schema, Value};
use std::ops::Range;
use zerocopy::IntoBytes;

/// Bytes of one entry of the table of ends.
const END_SIZE: usize = 2;

/// The places of a table's columns, worked out once for each table.
#[derive(Clone, Debug)]
pub struct Layout {
    columns: Vec<Place>,
    /// Where the table of ends begins, after the columns of fixed width.
    ends_start: usize,
    /// Where the bytes of the variable columns begin.
    variable_start: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    data_type: DataType,
    position: Position,
}

#[derive(Clone, Copy, Debug)]
enum Position {
    /// The offset from the tuple's start.
    Fixed(usize),
    /// The how-manieth variable column.
    Variable(usize),
}

impl Layout {
    pub fn new(schema: &Schema) -> Layout {
        let mut offset = TUPLE_HEADER_SIZE + schema.columns().len().div_ceil(8);
        let mut variable = 0;
        let mut columns = Vec::with_capacity(schema.columns().len());
        for column in schema.columns() {
            let position = match column.data_type.fixed_width() {
                Some(width) => {
                    offset += width;
                    Position::Fixed(offset - width)
                }
                None => {
                    variable += 1;
                    Position::Variable(variable - 1)
                }
            };
            columns.push(Place { data_type: column.data_type, position });
        }
        Layout { columns, ends_start: offset, variable_start: offset + variable * END_SIZE }
    }

    pub fn column_count(&self) -> usize {
        self.columns.len()
    }

    pub fn data_type(&self, column: usize) -> DataType {
        self.columns[column].data_type
    }

    /// The length of a tuple whose variable columns are all empty; none is shorter.
    pub fn min_size(&self) -> usize {
        self.variable_start
    }

    /// Checks that a stored tuple belongs to this layout. After this, [`Layout::fixed`] finds its bytes.
    #[inline]
    pub fn check(&self, tuple: &[u8]) -> Result<()> {
        let columns = usize::from(TupleHeader::read(tuple)?.columns.get());
        if columns != self.columns.len() || tuple.len() < self.variable_start {
            return Err(self.unfit(columns, tuple.len()));
        }
        Ok(())
    }

    #[cold]
    fn unfit(&self, columns: usize, len: usize) -> Error {
        let (expected, least) = (self.columns.len(), self.variable_start);
        Error::corrupted(
            "tuple",
            format_args!(
                "{columns} columns in {len} bytes, expected {expected} columns in at least {least} bytes"
            ),
        )
    }

    #[inline]
    pub fn is_null(&self, tuple: &[u8], column: usize) -> bool {
        let byte = tuple.get(TUPLE_HEADER_SIZE + column / 8).copied().unwrap_or(0);
        byte >> (column % 8) & 1 == 0
    }

    /// The bytes of a column of fixed width; meaningless if it is NULL.
    #[inline]
    pub fn fixed<const N: usize>(&self, tuple: &[u8], column: usize) -> Result<[u8; N]> {
        match self.columns[column].position {
            Position::Fixed(offset) => match tuple.get(offset..).and_then(|rest| rest.first_chunk()) {
                Some(bytes) => Ok(*bytes),
                None => Err(damaged(column, "is cut off")),
            },
            Position::Variable(_) => Err(mistaken(column, "has no fixed width")),
        }
    }

    /// Where a column of fixed width is in each tuple; `None` for a variable one.
    pub fn fixed_offset(&self, column: usize) -> Option<usize> {
        match self.columns[column].position {
            Position::Fixed(offset) => Some(offset),
            Position::Variable(_) => None,
        }
    }

    /// The bytes of a variable column; empty if it is NULL.
    pub fn variable<'t>(&self, tuple: &'t [u8], column: usize) -> Result<&'t [u8]> {
        self.variable_range(tuple, column).map(|range| &tuple[range])
    }

    /// Where in the tuple a variable column is.
    #[inline]
    pub fn variable_range(&self, tuple: &[u8], column: usize) -> Result<Range<usize>> {
        let Position::Variable(ordinal) = self.columns[column].position else {
            return Err(mistaken(column, "is not variable"));
        };
        let number = |bytes: [u8; END_SIZE]| usize::from(u16::from_le_bytes(bytes));
        let ends = tuple.get(self.ends_start..).unwrap_or(&[]);
        // It begins where the one before it ends, and that stands just before its own end.
        let bounds = match ordinal.checked_sub(1) {
            None => ends.first_chunk().map(|end| (self.variable_start, number(*end))),
            Some(before) => {
                let pair = ends.get(before * END_SIZE..).and_then(|rest| rest.first_chunk());
                pair.map(|[a, b, c, d]| (number([*a, *b]), number([*c, *d])))
            }
        };
        match bounds {
            Some((start, end)) if self.variable_start <= start && start <= end && end <= tuple.len() => {
                Ok(start..end)
            }
            _ => Err(damaged(column, "does not lie within the tuple")),
        }
    }

    /// A text column, checked to be UTF-8.
    pub fn text<'t>(&self, tuple: &'t [u8], column: usize) -> Result<&'t str> {
        std::str::from_utf8(self.variable(tuple, column)?).map_err(|_| damaged(column, "is not UTF-8"))
    }

    /// One column as a value of its own.
    pub fn value(&self, tuple: &[u8], column: usize) -> Result<Value> {
        if self.is_null(tuple, column) {
            return Ok(Value::Null);
        }
        Ok(match self.columns[column].data_type {
            DataType::Boolean => Value::Boolean(self.fixed::<1>(tuple, column)? != [0]),
            DataType::SmallInt => Value::SmallInt(i16::from_le_bytes(self.fixed(tuple, column)?)),
            DataType::Integer => Value::Integer(i32::from_le_bytes(self.fixed(tuple, column)?)),
            DataType::BigInt => Value::BigInt(i64::from_le_bytes(self.fixed(tuple, column)?)),
            DataType::DoublePrecision => Value::Double(f64::from_le_bytes(self.fixed(tuple, column)?)),
            DataType::Text | DataType::Varchar(_) => Value::Text(self.text(tuple, column)?.to_string()),
        })
    }

    /// The whole row as values.
    pub fn row(&self, tuple: &[u8]) -> Result<Vec<Value>> {
        self.check(tuple)?;
        (0..self.columns.len()).map(|column| self.value(tuple, column)).collect()
    }
}

// Errors are made out of the way of the loops that read columns.

#[cold]
fn damaged(column: usize, what: &str) -> Error {
    Error::corrupted("tuple", format_args!("column {} {what}", column + 1))
}

#[cold]
fn mistaken(column: usize, what: &str) -> Error {
    Error::internal(format_args!("column {} {what}", column + 1))
}

/// Tuples on their way to the heap, end to end in one buffer that is used again and again.
///
/// A row is begun, given its columns in order, and finished; its header is stamped when it is stored.
#[derive(Clone, Debug, Default)]
pub struct TupleBuffer {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Where the row being written begins.
    start: usize,
    column: usize,
}

impl TupleBuffer {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.start = 0;
        self.column = 0;
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of all tuples together.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a tuple that is one already.
    pub fn push_tuple(&mut self, tuple: &[u8]) {
        self.bytes.extend_from_slice(tuple);
        self.ends.push(self.bytes.len());
    }

    pub fn tuple(&self, index: usize) -> &[u8] {
        &self.bytes[self.range(index)]
    }

    /// Writes the inserting transaction into every tuple's header.
    pub fn stamp(&mut self, xid: Xid, cid: u32, columns: usize) {
        let header = TupleHeader::inserted(xid, cid, columns);
        for index in 0..self.len() {
            let start = self.range(index).start;
            self.bytes[start..start + TUPLE_HEADER_SIZE].copy_from_slice(header.as_bytes());
        }
    }

    pub fn begin(&mut self, layout: &Layout) {
        self.start = self.ends.last().copied().unwrap_or(0);
        self.column = 0;
        self.bytes.truncate(self.start);
        self.bytes.resize(self.start + layout.variable_start, 0);
    }

    /// The next column is NULL.
    pub fn push_null(&mut self, layout: &Layout) {
        if let Position::Variable(ordinal) = layout.columns[self.column].position {
            self.set_end(layout, ordinal);
        }
        self.column += 1;
    }

    /// The next column, of fixed width: its bytes, little-endian.
    pub fn push_fixed<const N: usize>(&mut self, layout: &Layout, bytes: [u8; N]) {
        if let Position::Fixed(offset) = layout.columns[self.column].position {
            let start = self.start + offset;
            self.bytes[start..start + N].copy_from_slice(&bytes);
            self.set_not_null();
        }
        self.column += 1;
    }

    /// The next column, of variable width.
    pub fn push_variable(&mut self, layout: &Layout, bytes: &[u8]) {
        if let Position::Variable(ordinal) = layout.columns[self.column].position {
            self.bytes.extend_from_slice(bytes);
            self.set_end(layout, ordinal);
            self.set_not_null();
        }
        self.column += 1;
    }

    /// Ends the row; an error if no page could hold it, and then the row is not in the buffer.
    pub fn finish(&mut self) -> Result<()> {
        let size = self.bytes.len() - self.start;
        if size > MAX_TUPLE_SIZE {
            self.bytes.truncate(self.start);
            return Err(Error::new(
                SqlState::ProgramLimitExceeded,
                format!("row is too big: size {size}, maximum size {MAX_TUPLE_SIZE}"),
            ));
        }
        self.ends.push(self.bytes.len());
        Ok(())
    }

    /// Adds a row of values that [`Schema::coerce_row`] has accepted.
    pub fn push_row(&mut self, layout: &Layout, row: &[Value]) -> Result<()> {
        if row.len() != layout.column_count() {
            return Err(Error::internal("a row does not have the columns of its table"));
        }
        self.begin(layout);
        for value in row {
            match value {
                Value::Null => self.push_null(layout),
                Value::Boolean(value) => self.push_fixed(layout, [u8::from(*value)]),
                Value::SmallInt(value) => self.push_fixed(layout, value.to_le_bytes()),
                Value::Integer(value) => self.push_fixed(layout, value.to_le_bytes()),
                Value::BigInt(value) => self.push_fixed(layout, value.to_le_bytes()),
                Value::Double(value) => self.push_fixed(layout, value.to_le_bytes()),
                Value::Text(value) => self.push_variable(layout, value.as_bytes()),
            }
        }
        self.finish()
    }

    fn range(&self, index: usize) -> Range<usize> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        start..self.ends[index]
    }

    fn set_not_null(&mut self) {
        self.bytes[self.start + TUPLE_HEADER_SIZE + self.column / 8] |= 1 << (self.column % 8);
    }

    /// Ends of a row too long for any page may be cut here; [`TupleBuffer::finish`] refuses that row.
    fn set_end(&mut self, layout: &Layout, ordinal: usize) {
        let end = (self.bytes.len() - self.start) as u16;
        let at = self.start + layout.ends_start + ordinal * END_SIZE;
        self.bytes[at..at + END_SIZE].copy_from_slice(&end.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Column;
    use proptest::prelude::*;

    fn schema(types: &[DataType]) -> Schema {
        let column = |(i, data_type): (usize, &DataType)| Column {
            name: format!("c{i}"),
            data_type: *data_type,
            not_null: false,
        };
        Schema::new(types.iter().enumerate().map(column).collect()).unwrap()
    }

    fn typed_value() -> impl Strategy<Value = (DataType, Value)> {
        prop_oneof![
            any::<bool>().prop_map(|v| (DataType::Boolean, Value::Boolean(v))),
            any::<i16>().prop_map(|v| (DataType::SmallInt, Value::SmallInt(v))),
            any::<i32>().prop_map(|v| (DataType::Integer, Value::Integer(v))),
            any::<i64>().prop_map(|v| (DataType::BigInt, Value::BigInt(v))),
            (-1e300..1e300).prop_map(|v| (DataType::DoublePrecision, Value::Double(v))),
            ".{0,40}".prop_map(|v| (DataType::Text, Value::Text(v))),
        ]
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            columns in proptest::collection::vec((typed_value(), any::<bool>()), 1..30),
        ) {
            let types: Vec<DataType> = columns.iter().map(|((data_type, _), _)| *data_type).collect();
            let row: Vec<Value> = columns
                .into_iter()
                .map(|((_, value), null)| if null { Value::Null } else { value })
                .collect();
            let layout = Layout::new(&schema(&types));
            let mut buffer = TupleBuffer::default();
            buffer.push_row(&layout, &row).unwrap();
            buffer.push_row(&layout, &row).unwrap();
            buffer.stamp(7, 1, layout.column_count());
            prop_assert_eq!(layout.row(buffer.tuple(0)).unwrap(), row.clone());
            prop_assert_eq!(layout.row(buffer.tuple(1)).unwrap(), row);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let layout = Layout::new(&schema(&[DataType::Integer, DataType::Text, DataType::Boolean, DataType::Text]));
            let _ = layout.row(&bytes);
        }
    }

    #[test]
    fn a_row_of_the_demo_table_has_no_padding() {
        let types = [DataType::Integer, DataType::Text, DataType::Text, DataType::Integer, DataType::Boolean];
        let layout = Layout::new(&schema(&types));
        // Header 24, null bits 1, fixed 4 + 4 + 1, two ends of 2.
        assert_eq!(layout.min_size(), 24 + 1 + 9 + 4);
    }

    #[test]
    fn a_row_too_long_for_a_page_is_refused_and_leaves_no_trace() {
        let layout = Layout::new(&schema(&[DataType::Text]));
        let mut buffer = TupleBuffer::default();
        let long = Value::Text("x".repeat(70_000));
        assert_eq!(buffer.push_row(&layout, &[long]).unwrap_err().state().code(), "54000");
        buffer.push_row(&layout, &[Value::Text("short".into())]).unwrap();
        buffer.stamp(1, 0, 1);
        assert_eq!(buffer.len(), 1);
        assert_eq!(layout.row(buffer.tuple(0)).unwrap(), [Value::Text("short".into())]);
    }
}
