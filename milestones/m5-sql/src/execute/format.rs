//! Values as psql prints them, appended to a buffer that the caller writes out when it is full.

use super::vector::{Values, Vector};
use crate::error::{Error, Result};
use crate::types::write_double;
use std::fmt;

/// Two decimal digits for every number below 100: half the divisions of a digit at a time.
const DIGIT_PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Appends the value at `index` as text; NULL appends nothing (ask `vector.nulls` to tell it from '').
pub fn append_value(out: &mut Vec<u8>, vector: &Vector, index: usize) -> Result<()> {
    if vector.nulls.is_null(index) {
        return Ok(());
    }
    match &vector.values {
        Values::Boolean(values) => out.push(if values[index] { b't' } else { b'f' }),
        Values::Integer(values) => append_integer(out, values[index]),
        Values::Double(values) => append_double(out, values[index])?,
        Values::Text(texts) => out.extend_from_slice(texts.get(index)),
    }
    Ok(())
}

pub fn append_integer(out: &mut Vec<u8>, number: i64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number.unsigned_abs();
    while rest >= 10 {
        let pair = (rest % 100) as usize * 2;
        rest /= 100;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&DIGIT_PAIRS[pair..pair + 2]);
    }
    if rest > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + rest as u8;
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[start..]);
}

pub fn append_double(out: &mut Vec<u8>, number: f64) -> Result<()> {
    write_double(&mut Sink(out), number).map_err(Error::internal)
}

/// Lets `fmt` write into bytes.
struct Sink<'a>(&'a mut Vec<u8>);

impl fmt::Write for Sink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::vector::Kind;
    use crate::types::Value;
    use proptest::prelude::*;

    #[test]
    fn values_print_as_psql_prints_them() {
        let cases = [
            (Kind::Boolean, Value::Boolean(true), "t"),
            (Kind::Boolean, Value::Boolean(false), "f"),
            (Kind::Integer, Value::BigInt(i64::MIN), "-9223372036854775808"),
            (Kind::Integer, Value::Integer(0), "0"),
            (Kind::Double, Value::Double(1e15), "1e+15"),
            (Kind::Text, Value::Text("naïve".to_string()), "naïve"),
            (Kind::Text, Value::Null, ""),
        ];
        for (kind, value, expected) in cases {
            let mut vector = Vector::new(kind);
            vector.push_value(&value).unwrap();
            let mut out = Vec::new();
            append_value(&mut out, &vector, 0).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    proptest! {
        #[test]
        fn integers_print_as_the_standard_library_prints_them(number: i64, shift in 0u32..64) {
            for number in [number, number >> shift, (number >> shift) / 100 * 100] {
                let mut out = Vec::new();
                append_integer(&mut out, number);
                prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
            }
        }
    }
}
