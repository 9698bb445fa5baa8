//! From tuples on a page to columns of a batch: column by column, and only the columns asked for.

use super::batch::Batch;
use super::vector::{Values, Vector, wrong_kind};
use crate::error::Result;
use crate::page::Page;
use crate::tuple::{Layout, TUPLE_HEADER_SIZE};
use crate::types::{DataType, Schema};

/// Reads chosen columns of a table's tuples.
pub struct Decoder {
    layout: Layout,
    columns: Vec<usize>,
    types: Vec<DataType>,
    /// The bytes of a tuple that say which columns are not NULL, and in each of them the bits of the columns to read.
    present: Vec<(usize, u8)>,
}

/// A tuple, and where on its page it begins.
type Placed<'p> = (usize, &'p [u8]);

impl Decoder {
    pub fn new(schema: &Schema, columns: &[usize]) -> Decoder {
        let layout = Layout::new(schema);
        let types = columns.iter().map(|&column| layout.data_type(column)).collect();
        Decoder { layout, columns: columns.to_vec(), types, present: presence_bits(columns) }
    }

    /// Reads one of the columns alone.
    pub fn only(&self, column: usize) -> Decoder {
        let (layout, columns) = (self.layout.clone(), vec![self.columns[column]]);
        let present = presence_bits(&columns);
        Decoder { layout, columns, types: vec![self.types[column]], present }
    }

    /// The types of the columns it reads.
    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    /// Appends the tuples behind the line pointers `slots` to the batch's columns. Answers the bytes they take,
    /// which bound what the texts among them take.
    pub fn append(&self, page: &Page, slots: &[u16], batch: &mut Batch) -> Result<usize> {
        let layout = &self.layout;
        // Where the tuples are and whether they are sound is found out once for all columns, and so is what nearly always
        // holds: that none of them has a NULL.
        let mut tuples: Vec<Placed<'_>> = Vec::with_capacity(slots.len());
        let mut bytes = 0;
        for &slot in slots {
            let pointer = page.line_pointer(slot);
            let tuple = page.item_at(pointer).unwrap_or(&[]);
            layout.check(tuple)?;
            bytes += tuple.len();
            tuples.push((pointer.offset(), tuple));
        }
        let is_complete = self.is_complete(&tuples);
        let items = page.upper()..page.special_start();
        for ((vector, &column), &data_type) in batch.columns.iter_mut().zip(&self.columns).zip(&self.types) {
            if !is_complete {
                mark_nulls(layout, column, &tuples, vector);
            }
            match &mut vector.values {
                // Nearly all of the page: it is copied at once, which is faster than text by text.
                Values::Text(out) if items.len() <= bytes + bytes / 4 => {
                    let base = out.push_arena(&page.bytes()[items.clone()]);
                    for (start, tuple) in &tuples {
                        let text = layout.variable_range(tuple, column)?;
                        let at = base + start - items.start;
                        out.push_span(at + text.start..at + text.end);
                    }
                }
                _ => append_column(layout, column, data_type, &tuples, vector)?,
            }
        }
        Ok(bytes)
    }

    /// Whether none of the columns is NULL in any of the tuples. The loop over them has no branch that depends on the data.
    fn is_complete(&self, tuples: &[Placed<'_>]) -> bool {
        self.present.iter().all(|&(byte, bits)| {
            let found = |(_, tuple): &Placed<'_>| tuple.get(byte).copied().unwrap_or(0);
            tuples.iter().fold(bits, |all, tuple| all & found(tuple)) == bits
        })
    }

    /// The line pointer of a tuple that cannot be read, after [`Decoder::append`] has failed.
    pub fn damaged(&self, page: &Page, slots: &[u16]) -> Option<u16> {
        let is_damaged = |tuple: &[u8]| {
            let mut columns = self.columns.iter();
            self.layout.check(tuple).is_err()
                || columns.any(|column| self.layout.value(tuple, *column).is_err())
        };
        slots.iter().copied().find(|slot| is_damaged(page.item(*slot).unwrap_or(&[])))
    }

    /// Appends one tuple, wherever it is.
    pub fn append_tuple(&self, tuple: &[u8], batch: &mut Batch) -> Result<()> {
        self.layout.check(tuple)?;
        for ((vector, &column), data_type) in batch.columns.iter_mut().zip(&self.columns).zip(&self.types) {
            let tuples = [(0, tuple)];
            mark_nulls(&self.layout, column, &tuples, vector);
            append_column(&self.layout, column, *data_type, &tuples, vector)?;
        }
        Ok(())
    }
}

fn presence_bits(columns: &[usize]) -> Vec<(usize, u8)> {
    let mut bytes: Vec<(usize, u8)> = Vec::new();
    for column in columns {
        let (byte, bit) = (TUPLE_HEADER_SIZE + column / 8, 1 << (column % 8));
        match bytes.iter_mut().find(|(known, _)| *known == byte) {
            Some((_, bits)) => *bits |= bit,
            None => bytes.push((byte, bit)),
        }
    }
    bytes
}

/// Marks which of the values that are about to be added are NULL.
fn mark_nulls(layout: &Layout, column: usize, tuples: &[Placed<'_>], vector: &mut Vector) {
    let first = vector.len();
    for (index, (_, tuple)) in (first..).zip(tuples) {
        if layout.is_null(tuple, column) {
            vector.nulls.set(index);
        }
    }
}

fn append_column(
    layout: &Layout,
    column: usize,
    data_type: DataType,
    tuples: &[Placed<'_>],
    vector: &mut Vector,
) -> Result<()> {
    match (&mut vector.values, data_type) {
        (Values::Boolean(out), _) => append_fixed(layout, column, tuples, out, |[byte]: [u8; 1]| byte != 0),
        (Values::Integer(out), DataType::SmallInt) => {
            append_fixed(layout, column, tuples, out, |bytes| i64::from(i16::from_le_bytes(bytes)))
        }
        (Values::Integer(out), DataType::Integer) => {
            append_fixed(layout, column, tuples, out, |bytes| i64::from(i32::from_le_bytes(bytes)))
        }
        (Values::Integer(out), DataType::BigInt) => {
            append_fixed(layout, column, tuples, out, i64::from_le_bytes)
        }
        (Values::Double(out), _) => append_fixed(layout, column, tuples, out, f64::from_le_bytes),
        (Values::Text(out), _) => {
            for (_, tuple) in tuples {
                out.push(layout.variable(tuple, column)?);
            }
            Ok(())
        }
        _ => Err(wrong_kind()),
    }
}

/// A NULL keeps its room in the tuple, so it is read like any value.
#[inline]
fn append_fixed<const N: usize, T>(
    layout: &Layout,
    column: usize,
    tuples: &[Placed<'_>],
    out: &mut Vec<T>,
    read: impl Fn([u8; N]) -> T,
) -> Result<()> {
    out.reserve(tuples.len());
    for (_, tuple) in tuples {
        out.push(read(layout.fixed(tuple, column)?));
    }
    Ok(())
}
