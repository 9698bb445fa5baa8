//! From tuples on a page to columns of a batch: column by column, and only the columns asked for.

use super::batch::Batch;
use super::nulls::Nulls;
use super::vector::{Values, Vector, wrong_kind};
use crate::error::Result;
use crate::page::Page;
use crate::tuple::Layout;
use crate::types::{DataType, Schema};

/// Reads chosen columns of a table's tuples.
pub struct Decoder {
    layout: Layout,
    columns: Vec<usize>,
    types: Vec<DataType>,
    /// Where the tuples that are being read are on their page: start and end.
    places: Vec<(usize, usize)>,
}

impl Decoder {
    pub fn new(schema: &Schema, columns: &[usize]) -> Decoder {
        let layout = Layout::new(schema);
        let types = columns.iter().map(|&column| layout.data_type(column)).collect();
        Decoder { layout, columns: columns.to_vec(), types, places: Vec::new() }
    }

    /// Reads one of the columns alone.
    pub fn only(&self, column: usize) -> Decoder {
        let (layout, columns) = (self.layout.clone(), vec![self.columns[column]]);
        Decoder { layout, columns, types: vec![self.types[column]], places: Vec::new() }
    }

    /// The types of the columns it reads.
    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    /// Appends the tuples behind the line pointers `slots` to the batch's columns. Answers the bytes they take,
    /// which bound what the texts among them take.
    pub fn append(&mut self, page: &Page, slots: &[u16], batch: &mut Batch) -> Result<usize> {
        let Decoder { layout, columns, types, places } = self;
        places.clear();
        let mut bytes = 0;
        for &slot in slots {
            let tuple = page.item(slot).unwrap_or(&[]);
            layout.check(tuple)?;
            let start = page.line_pointer(slot).offset();
            places.push((start, start + tuple.len()));
            bytes += tuple.len();
        }
        let tuples = places.iter().map(|&(start, end)| &page.bytes()[start..end]);
        let lowest = places.iter().map(|(start, _)| *start).min().unwrap_or_default();
        let highest = places.iter().map(|(_, end)| *end).max().unwrap_or_default();
        for ((vector, &column), data_type) in batch.columns.iter_mut().zip(columns.iter()).zip(types) {
            match &mut vector.values {
                // Nearly all of the page: it is copied at once, which is faster than text by text.
                Values::Text(out) if highest - lowest <= bytes + bytes / 4 => {
                    let base = out.push_arena(&page.bytes()[lowest..highest]);
                    for (tuple, (start, _)) in tuples.clone().zip(places.iter()) {
                        if layout.is_null(tuple, column) {
                            vector.nulls.set(out.len());
                        }
                        let text = layout.variable_range(tuple, column)?;
                        let at = base + start - lowest;
                        out.push_span(at + text.start..at + text.end);
                    }
                }
                _ => append_column(layout, column, *data_type, tuples.clone(), vector)?,
            }
        }
        Ok(bytes)
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
            append_column(&self.layout, column, *data_type, std::iter::once(tuple), vector)?;
        }
        Ok(())
    }
}

fn append_column<'t>(
    layout: &Layout,
    column: usize,
    data_type: DataType,
    tuples: impl Iterator<Item = &'t [u8]>,
    vector: &mut Vector,
) -> Result<()> {
    let Vector { values, nulls } = vector;
    match (values, data_type) {
        (Values::Boolean(out), _) => {
            append_fixed(layout, column, tuples, out, nulls, |[byte]: [u8; 1]| byte != 0)
        }
        (Values::Integer(out), DataType::SmallInt) => {
            append_fixed(layout, column, tuples, out, nulls, |bytes| i64::from(i16::from_le_bytes(bytes)))
        }
        (Values::Integer(out), DataType::Integer) => {
            append_fixed(layout, column, tuples, out, nulls, |bytes| i64::from(i32::from_le_bytes(bytes)))
        }
        (Values::Integer(out), DataType::BigInt) => {
            append_fixed(layout, column, tuples, out, nulls, i64::from_le_bytes)
        }
        (Values::Double(out), _) => append_fixed(layout, column, tuples, out, nulls, f64::from_le_bytes),
        (Values::Text(out), _) => {
            for tuple in tuples {
                if layout.is_null(tuple, column) {
                    nulls.set(out.len());
                }
                out.push(layout.variable(tuple, column)?);
            }
            Ok(())
        }
        _ => Err(wrong_kind()),
    }
}

/// A NULL keeps its room in the tuple, so it is read like any value and then marked.
fn append_fixed<'t, const N: usize, T>(
    layout: &Layout,
    column: usize,
    tuples: impl Iterator<Item = &'t [u8]>,
    out: &mut Vec<T>,
    nulls: &mut Nulls,
    read: impl Fn([u8; N]) -> T,
) -> Result<()> {
    for tuple in tuples {
        if layout.is_null(tuple, column) {
            nulls.set(out.len());
        }
        out.push(read(layout.fixed(tuple, column)?));
    }
    Ok(())
}
