//! Sort keys as bytes that compare with one `memcmp` as the rows shall be ordered: the keys of an index, with NULL
//! first where that is asked for, and the value's bytes inverted for DESC.

use super::sort_buffer::prefix_of;
use super::vector::{Values, Vector};
use crate::index::key;
use crate::types::DataType;

/// Sorts before the byte that begins every value.
const NULL_FIRST: u8 = 0;

/// How one key of a sort is ordered.
#[derive(Clone, Copy, Debug)]
pub struct KeyOrder {
    pub data_type: DataType,
    pub descending: bool,
    pub nulls_first: bool,
}

pub fn append_key(out: &mut Vec<u8>, order: KeyOrder, vector: &Vector, row: usize) {
    if vector.nulls.is_null(row) {
        match order.nulls_first {
            true => out.push(NULL_FIRST),
            false => key::push_null(out),
        }
        return;
    }
    let value = out.len() + 1;
    match (&vector.values, order.data_type) {
        (Values::Boolean(values), _) => key::push_bool(out, values[row]),
        // In as many bytes as the type has, so that short keys fit one comparison.
        (Values::Integer(values), DataType::SmallInt) => key::push_i16(out, values[row] as i16),
        (Values::Integer(values), DataType::Integer) => key::push_i32(out, values[row] as i32),
        (Values::Integer(values), _) => key::push_i64(out, values[row]),
        (Values::Double(values), _) => key::push_f64(out, values[row]),
        (Values::Text(texts), _) => key::push_text(out, texts.get(row)),
    }
    if order.descending {
        out[value..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// The first eight bytes of a row's key as a number: see [`prefix_of`]. `scratch` is overwritten.
#[inline]
pub fn key_prefix(order: KeyOrder, vector: &Vector, row: usize, scratch: &mut Vec<u8>) -> u64 {
    match (&vector.values, order.data_type) {
        // The commonest key takes five bytes, which need not be written down to be compared.
        (Values::Integer(values), DataType::Integer) if !vector.nulls.any() => {
            let [a, b, c, d] = key::i32_bytes(values[row] as i32);
            let inverted = if order.descending { u64::from(u32::MAX) << 24 } else { 0 };
            u64::from_be_bytes([key::NOT_NULL, a, b, c, d, 0, 0, 0]) ^ inverted
        }
        _ => {
            scratch.clear();
            append_key(scratch, order, vector, row);
            prefix_of(scratch)
        }
    }
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
        assert_eq!(key_prefix(order, &vector, 0, &mut Vec::new()), prefix_of(&key));
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
