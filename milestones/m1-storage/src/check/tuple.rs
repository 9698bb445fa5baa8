//! What must hold of every stored row, whether anybody sees it or not.

use crate::error::Result;
use crate::transaction::{FROZEN_XID, Transaction, Xid};
use crate::tuple::{Layout, TUPLE_HEADER_SIZE, TupleHeader};
use crate::types::{DataType, Schema, Value};

/// Looks at the row's header: who made it and who deleted it, as far as that can be.
pub fn check_header(header: &TupleHeader, transaction: &Transaction, next_xid: Xid) -> Result<(), String> {
    let (xmin, xmax, cid) = (header.xmin.get(), header.xmax.get(), header.cid.get());
    let is_known = |xid| (FROZEN_XID..next_xid).contains(&xid);
    if !is_known(xmin) {
        return Err(format!("inserted by transaction {xmin}, but the next one is {next_xid}"));
    }
    if xmax != 0 && (!is_known(xmax) || xmax < xmin) {
        return Err(format!(
            "inserted by transaction {xmin} and deleted by {xmax}, but the next one is {next_xid}"
        ));
    }
    let last = if xmax == 0 { xmin } else { xmax };
    if last == transaction.xid() && cid > transaction.cid() {
        return Err(format!(
            "command {cid} of transaction {last}, which is at command {}",
            transaction.cid()
        ));
    }
    if header.next.get() != 0 {
        return Err(format!("names slot {} as its next version, which nothing does", header.next));
    }
    Ok(())
}

/// Looks at every byte behind the header.
pub fn check_columns(tuple: &[u8], schema: &Schema, layout: &Layout) -> Result<(), String> {
    let message = |error: crate::error::Error| error.message().to_string();
    layout.check(tuple).map_err(message)?;
    let mut expected_len = layout.min_size();
    for (index, column) in schema.columns().iter().enumerate() {
        let is_null = layout.is_null(tuple, index);
        if is_null && column.not_null {
            return Err(format!("column \"{}\" is NULL", column.name));
        }
        if column.data_type.is_text() {
            let len = layout.variable(tuple, index).map_err(message)?.len();
            if is_null && len > 0 {
                return Err(format!("column \"{}\" is NULL, but has {len} bytes", column.name));
            }
            expected_len += len;
        }
        let value = layout.value(tuple, index).map_err(message)?;
        if let Some(what) = out_of_domain(&value, column.data_type, || layout.fixed(tuple, index)) {
            return Err(format!("column \"{}\" {what}", column.name));
        }
    }
    if tuple.len() != expected_len {
        return Err(format!("{} bytes, but its columns end at {expected_len}", tuple.len()));
    }
    spare_null_bits(tuple, schema.columns().len())
}

/// What a value of its type cannot be, although its bytes can be read.
fn out_of_domain(
    value: &Value,
    data_type: DataType,
    byte: impl FnOnce() -> Result<[u8; 1]>,
) -> Option<String> {
    match (data_type, value) {
        (DataType::Boolean, Value::Boolean(_)) => match byte() {
            Ok([0 | 1]) => None,
            Ok([byte]) => Some(format!("is {byte}, and neither true nor false")),
            Err(error) => Some(error.message().to_string()),
        },
        (DataType::Varchar(Some(limit)), Value::Text(text)) => {
            // Counting characters is only needed where there are enough bytes for too many.
            let len = if text.len() > limit as usize { text.chars().count() } else { 0 };
            (len > limit as usize).then(|| format!("has {len} characters, at most {limit}"))
        }
        _ => None,
    }
}

/// The last byte of the null bits has some for columns that there are not.
fn spare_null_bits(tuple: &[u8], columns: usize) -> Result<(), String> {
    let last = tuple.get(TUPLE_HEADER_SIZE + columns / 8).copied().unwrap_or(0);
    if !columns.is_multiple_of(8) && last >> (columns % 8) != 0 {
        return Err(format!("not NULL in a column after the last one, which is column {columns}"));
    }
    Ok(())
}
