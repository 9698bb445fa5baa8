//! Keys as bytes that compare like the values they stand for.
//!
//! The tree knows nothing of types: it compares keys with `memcmp`. So the order of the values has to be in the
//! bytes, and that is decided here, once for each key instead of at each comparison:
//!
//! ```text
//! integer 7          01 80 00 00 07           sign bit flipped, high byte first
//! integer -1         01 7f ff ff ff
//! text 'ab'          01 61 62 00 00           ended by two zeros, which sort before all that could follow
//! text 'a\0'         01 61 00 ff 00 00        a zero within is told apart from the end
//! NULL               02                       after every value, as in PostgreSQL
//! (7, 'ab')          01 80 00 00 07 01 61 62 00 00
//! ```
//!
//! No key of an index is a prefix of another one of the same index: each column says itself where it ends.
//! Therefore the columns of a key may simply follow one another, the place of the row may follow the key, and
//! the encoding of the first columns alone is a prefix of all the keys that agree on them.
//!
//! PostgreSQL keeps values as they are and calls a comparison function of their type; its "abbreviated keys"
//! are the first eight bytes of this idea. Text compares by its bytes: PostgreSQL's collation "C".

use crate::error::{Error, Result, SqlState};
use crate::page::Tid;
use crate::tuple::Layout;
use crate::types::{DataType, Value};

/// Comes before a column that has a value.
pub const NOT_NULL: u8 = 1;
/// Stands for a column that has none.
const NULL: u8 = 2;

/// A zero byte within a text is followed by this, the end of the text is not.
const ESCAPED_ZERO: u8 = 0xff;

pub fn push_null(key: &mut Vec<u8>) {
    key.push(NULL);
}

pub fn push_bool(key: &mut Vec<u8>, value: bool) {
    key.extend_from_slice(&[NOT_NULL, u8::from(value)]);
}

pub fn push_i16(key: &mut Vec<u8>, value: i16) {
    key.push(NOT_NULL);
    key.extend_from_slice(&(value ^ i16::MIN).to_be_bytes());
}

pub fn push_i32(key: &mut Vec<u8>, value: i32) {
    key.push(NOT_NULL);
    key.extend_from_slice(&i32_bytes(value));
}

/// Bytes that compare as the numbers do.
pub fn i32_bytes(value: i32) -> [u8; 4] {
    (value ^ i32::MIN).to_be_bytes()
}

pub fn push_i64(key: &mut Vec<u8>, value: i64) {
    key.push(NOT_NULL);
    key.extend_from_slice(&(value ^ i64::MIN).to_be_bytes());
}

/// As PostgreSQL orders them: -0 equals 0, all NaN are equal and greater than every number.
pub fn push_f64(key: &mut Vec<u8>, value: f64) {
    let bits = match value {
        _ if value.is_nan() => f64::NAN.to_bits() & !SIGN,
        0.0 => 0,
        _ => value.to_bits(),
    };
    // The greater the magnitude of a negative number, the smaller it is.
    let ordered = if bits & SIGN != 0 { !bits } else { bits | SIGN };
    key.push(NOT_NULL);
    key.extend_from_slice(&ordered.to_be_bytes());
}

const SIGN: u64 = 1 << 63;

pub fn push_text(key: &mut Vec<u8>, text: &[u8]) {
    key.push(NOT_NULL);
    let mut pieces = text.split(|byte| *byte == 0);
    key.extend_from_slice(pieces.next().unwrap_or_default());
    for piece in pieces {
        key.extend_from_slice(&[0, ESCAPED_ZERO]);
        key.extend_from_slice(piece);
    }
    key.extend_from_slice(&[0, 0]);
}

/// Adds the next column of a key, of type `data_type`.
pub fn push_value(key: &mut Vec<u8>, data_type: DataType, value: &Value) -> Result<()> {
    let mismatch = || Error::internal(format!("value {value} is not of the key's type {data_type}"));
    let integer = match value {
        Value::SmallInt(value) => Some(i64::from(*value)),
        Value::Integer(value) => Some(i64::from(*value)),
        Value::BigInt(value) => Some(*value),
        _ => None,
    };
    match (data_type, value, integer) {
        (_, Value::Null, _) => push_null(key),
        (DataType::Boolean, Value::Boolean(value), _) => push_bool(key, *value),
        (DataType::SmallInt, _, Some(value)) => push_i16(key, value.try_into().map_err(|_| mismatch())?),
        (DataType::Integer, _, Some(value)) => push_i32(key, value.try_into().map_err(|_| mismatch())?),
        (DataType::BigInt, _, Some(value)) => push_i64(key, value),
        (DataType::DoublePrecision, Value::Double(value), _) => push_f64(key, *value),
        (DataType::Text | DataType::Varchar(_), Value::Text(value), _) => push_text(key, value.as_bytes()),
        _ => return Err(mismatch()),
    }
    Ok(())
}

/// Ends an entry: the place of the row behind its key.
pub fn push_tid(key: &mut Vec<u8>, tid: Tid) {
    key.extend_from_slice(&super::node::tid_bytes(tid));
}

/// Adds the key of a stored row: `columns` of it, in the index's order. Says whether one of them is NULL.
pub fn push_tuple(key: &mut Vec<u8>, layout: &Layout, tuple: &[u8], columns: &[usize]) -> Result<bool> {
    let mut has_null = false;
    for column in columns.iter().copied() {
        if layout.is_null(tuple, column) {
            push_null(key);
            has_null = true;
            continue;
        }
        match layout.data_type(column) {
            DataType::Boolean => push_bool(key, layout.fixed::<1>(tuple, column)? != [0]),
            DataType::SmallInt => push_i16(key, i16::from_le_bytes(layout.fixed(tuple, column)?)),
            DataType::Integer => push_i32(key, i32::from_le_bytes(layout.fixed(tuple, column)?)),
            DataType::BigInt => push_i64(key, i64::from_le_bytes(layout.fixed(tuple, column)?)),
            DataType::DoublePrecision => push_f64(key, f64::from_le_bytes(layout.fixed(tuple, column)?)),
            DataType::Text | DataType::Varchar(_) => push_text(key, layout.variable(tuple, column)?),
        }
    }
    Ok(has_null)
}

/// The values a key was made of; an error if it is not a key of these types.
pub fn decode(types: &[DataType], key: &[u8]) -> Result<Vec<Value>> {
    let mut rest = key;
    let values: Option<Vec<Value>> =
        types.iter().map(|data_type| take_value(*data_type, &mut rest)).collect();
    match values {
        Some(values) if rest.is_empty() => Ok(values),
        _ => Err(Error::new(SqlState::IndexCorrupted, format!("impossible index key {key:02x?}"))),
    }
}

fn take_value(data_type: DataType, rest: &mut &[u8]) -> Option<Value> {
    match take::<1>(rest)? {
        [NULL] => return Some(Value::Null),
        [NOT_NULL] => {}
        _ => return None,
    }
    Some(match data_type {
        DataType::Boolean => match take(rest)? {
            [0] => Value::Boolean(false),
            [1] => Value::Boolean(true),
            _ => return None,
        },
        DataType::SmallInt => Value::SmallInt(i16::from_be_bytes(take(rest)?) ^ i16::MIN),
        DataType::Integer => Value::Integer(i32::from_be_bytes(take(rest)?) ^ i32::MIN),
        DataType::BigInt => Value::BigInt(i64::from_be_bytes(take(rest)?) ^ i64::MIN),
        DataType::DoublePrecision => {
            let ordered = u64::from_be_bytes(take(rest)?);
            let bits = if ordered & SIGN != 0 { ordered & !SIGN } else { !ordered };
            Value::Double(f64::from_bits(bits))
        }
        DataType::Text | DataType::Varchar(_) => Value::Text(take_text(rest)?),
    })
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let zero = rest.iter().position(|byte| *byte == 0)?;
        text.extend_from_slice(&rest[..zero]);
        *rest = &rest[zero + 1..];
        match take(rest)? {
            [0] => return String::from_utf8(text).ok(),
            [ESCAPED_ZERO] => text.push(0),
            _ => return None,
        }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuple::TupleBuffer;
    use crate::types::{Column, Schema};
    use proptest::prelude::*;
    use std::cmp::Ordering;

    const TYPES: [DataType; 4] =
        [DataType::Text, DataType::DoublePrecision, DataType::SmallInt, DataType::Boolean];

    /// How PostgreSQL compares two values of a column.
    fn compare(a: &Value, b: &Value) -> Ordering {
        match (a, b) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => Ordering::Greater,
            (_, Value::Null) => Ordering::Less,
            (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
            (Value::SmallInt(a), Value::SmallInt(b)) => a.cmp(b),
            (Value::Double(a), Value::Double(b)) => {
                a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
            }
            (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            _ => unreachable!("values of one column have one type"),
        }
    }

    fn encode(row: &[Value]) -> Vec<u8> {
        let mut key = Vec::new();
        for (value, data_type) in row.iter().zip(TYPES) {
            push_value(&mut key, data_type, value).unwrap();
        }
        key
    }

    fn double() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>(),
            prop::sample::select(vec![0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        ]
    }

    fn row() -> impl Strategy<Value = Vec<Value>> {
        let text = prop_oneof!["[a\0\u{1}é]{0,3}", ".{0,10}"].prop_map(Value::Text);
        let null = || Just(Value::Null);
        (
            prop_oneof![4 => text, 1 => null()],
            prop_oneof![4 => double().prop_map(Value::Double), 1 => null()],
            prop_oneof![4 => any::<i16>().prop_map(Value::SmallInt), 1 => null()],
            prop_oneof![4 => any::<bool>().prop_map(Value::Boolean), 1 => null()],
        )
            .prop_map(|(a, b, c, d)| vec![a, b, c, d])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn bytes_compare_as_values_do(a in row(), b in row()) {
            let expected = a.iter().zip(&b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne());
            prop_assert_eq!(encode(&a).cmp(&encode(&b)), expected.unwrap_or(Ordering::Equal));
        }

        #[test]
        fn a_key_gives_its_values_back_and_the_stored_row_gives_the_same_key(row in row()) {
            let key = encode(&row);
            for (found, put) in decode(&TYPES, &key).unwrap().iter().zip(&row) {
                prop_assert_eq!(compare(found, put), Ordering::Equal);
            }
            let column = |(i, data_type)| Column { name: format!("c{i}"), data_type, not_null: false };
            let layout = Layout::new(&Schema::new(TYPES.into_iter().enumerate().map(column).collect()).unwrap());
            let mut tuples = TupleBuffer::default();
            tuples.push_row(&layout, &row).unwrap();
            let mut from_tuple = Vec::new();
            let has_null = push_tuple(&mut from_tuple, &layout, tuples.tuple(0), &[0, 1, 2, 3]).unwrap();
            prop_assert_eq!(from_tuple, key);
            prop_assert_eq!(has_null, row.contains(&Value::Null));
        }

        #[test]
        fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(0..4u8, 0..40)) {
            let _ = decode(&TYPES, &bytes);
        }
    }

    #[test]
    fn integers_of_every_width_keep_their_order_and_need_their_width() {
        for (data_type, width) in [(DataType::SmallInt, 2), (DataType::Integer, 4), (DataType::BigInt, 8)] {
            let keys: Vec<Vec<u8>> = [i16::MIN, -256, -1, 0, 1, 255, 256, i16::MAX]
                .into_iter()
                .map(|number| {
                    let mut key = Vec::new();
                    push_value(&mut key, data_type, &Value::SmallInt(number)).unwrap();
                    key
                })
                .collect();
            assert!(keys.is_sorted_by(|a, b| a < b));
            assert!(keys.iter().all(|key| key.len() == 1 + width));
        }
        let too_big = push_value(&mut Vec::new(), DataType::SmallInt, &Value::Integer(40_000));
        assert_eq!(too_big.unwrap_err().state().code(), "XX000");
    }
}
