//! Rows as bytes, for sorting and for temporary files.
//!
//! Column after column: a byte that says whether there is a value, then the value; a text with its length
//! before it. Such bytes never outlive the query, so nothing here needs a version or a checksum.

use super::vector::{Values, Vector};
use crate::error::{Error, Result, SqlState};

pub fn append_row<'v>(out: &mut Vec<u8>, columns: impl IntoIterator<Item = &'v Vector>, row: usize) {
    for column in columns {
        if column.nulls.is_null(row) {
            out.push(0);
            continue;
        }
        out.push(1);
        match &column.values {
            Values::Boolean(values) => out.push(u8::from(values[row])),
            Values::Integer(values) => out.extend_from_slice(&values[row].to_le_bytes()),
            Values::Double(values) => out.extend_from_slice(&values[row].to_le_bytes()),
            Values::Text(texts) => {
                let text = texts.get(row);
                out.extend_from_slice(&(text.len() as u32).to_le_bytes());
                out.extend_from_slice(text);
            }
        }
    }
}

/// Appends the row in `bytes` to columns of the kinds it was made from.
pub fn push_row(mut bytes: &[u8], columns: &mut [Vector]) -> Result<()> {
    for column in columns {
        let [is_value] = take(&mut bytes)?;
        if is_value == 0 {
            column.push_null();
            continue;
        }
        match &mut column.values {
            Values::Boolean(values) => values.push(take::<1>(&mut bytes)? != [0]),
            Values::Integer(values) => values.push(i64::from_le_bytes(take(&mut bytes)?)),
            Values::Double(values) => values.push(f64::from_le_bytes(take(&mut bytes)?)),
            Values::Text(texts) => {
                let len = u32::from_le_bytes(take(&mut bytes)?) as usize;
                let (text, rest) = bytes.split_at_checked(len).ok_or_else(damaged)?;
                texts.push(text);
                bytes = rest;
            }
        }
    }
    Ok(())
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>().ok_or_else(damaged)?;
    *bytes = rest;
    Ok(*taken)
}

/// What was read back is not what was written.
pub fn damaged() -> Error {
    Error::new(SqlState::DataCorrupted, "temporary file: a row ends before its last column")
}
