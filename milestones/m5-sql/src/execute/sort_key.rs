//! Sort keys as bytes that compare with one `memcmp` as the rows shall be ordered.
//!
//! Each key begins with a byte that puts NULL before or after all values; then comes the value, big end first,
//! with its sign turned so that negative numbers come first. DESC inverts the value's bytes.

use super::hash::canonical_bits;
use super::vector::{Values, Vector};
use crate::types::DataType;

const VALUE: u8 = 1;

/// How one key of a sort is ordered.
#[derive(Clone, Copy, Debug)]
pub struct KeyOrder {
    pub data_type: DataType,
    pub descending: bool,
    pub nulls_first: bool,
}

pub fn append_key(out: &mut Vec<u8>, order: KeyOrder, vector: &Vector, row: usize) {
    if vector.nulls.is_null(row) {
        out.push(if order.nulls_first { VALUE - 1 } else { VALUE + 1 });
        return;
    }
    out.push(VALUE);
    let start = out.len();
    match &vector.values {
        Values::Boolean(values) => out.push(u8::from(values[row])),
        Values::Integer(values) => append_integer(out, order.data_type, values[row]),
        Values::Double(values) => {
            let bits = canonical_bits(values[row]);
            let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
            out.extend_from_slice(&ordered.to_be_bytes());
        }
        Values::Text(texts) => append_text(out, texts.get(row)),
    }
    if order.descending {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// In as many bytes as the type has, so that short keys fit one comparison.
fn append_integer(out: &mut Vec<u8>, data_type: DataType, value: i64) {
    match data_type {
        DataType::SmallInt => out.extend_from_slice(&(value as i16 ^ i16::MIN).to_be_bytes()),
        DataType::Integer => out.extend_from_slice(&(value as i32 ^ i32::MIN).to_be_bytes()),
        _ => out.extend_from_slice(&(value ^ i64::MIN).to_be_bytes()),
    }
}

/// Ends with two zeros; a zero within the text is followed by 0xFF, so that no text's bytes begin another's.
fn append_text(out: &mut Vec<u8>, text: &[u8]) {
    for (number, part) in text.split(|&byte| byte == 0).enumerate() {
        if number > 0 {
            out.extend_from_slice(&[0, 0xFF]);
        }
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&[0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::eval::compare_doubles;
    use crate::execute::vector::Kind;
    use crate::types::Value;
    use proptest::prelude::*;
    use std::cmp::Ordering;

    fn key(value: Value, order: KeyOrder) -> Vec<u8> {
        let mut vector = Vector::new(Kind::of(order.data_type));
        vector.push_value(&value).unwrap();
        let mut key = Vec::new();
        append_key(&mut key, order, &vector, 0);
        key
    }

    fn check(left: Value, right: Value, data_type: DataType, expected: Ordering) {
        for descending in [false, true] {
            let order = KeyOrder { data_type, descending, nulls_first: false };
            let found = key(left.clone(), order).cmp(&key(right.clone(), order));
            assert_eq!(found, if descending { expected.reverse() } else { expected }, "{left:?} {right:?}");
        }
    }

    proptest! {
        #[test]
        fn keys_compare_as_values_do(
            a: i64, b: i64, x in any::<f64>(), y in any::<f64>(), s in "[\0-\u{3}a]{0,4}", t in "[\0-\u{3}a]{0,4}",
        ) {
            check(Value::BigInt(a), Value::BigInt(b), DataType::BigInt, a.cmp(&b));
            let (c, d) = (a as i32, b as i16 as i32);
            check(Value::Integer(c), Value::Integer(d), DataType::Integer, c.cmp(&d));
            check(Value::Double(x), Value::Double(y), DataType::DoublePrecision, compare_doubles(x, y));
            check(Value::Text(s.clone()), Value::Text(t.clone()), DataType::Text, s.as_bytes().cmp(t.as_bytes()));
        }
    }

    #[test]
    fn nulls_stand_where_they_are_told_to() {
        for descending in [false, true] {
            for (nulls_first, expected) in [(true, Ordering::Less), (false, Ordering::Greater)] {
                let order = KeyOrder { data_type: DataType::BigInt, descending, nulls_first };
                for value in [i64::MIN, 0, i64::MAX] {
                    assert_eq!(key(Value::Null, order).cmp(&key(Value::BigInt(value), order)), expected);
                }
            }
        }
    }
}
