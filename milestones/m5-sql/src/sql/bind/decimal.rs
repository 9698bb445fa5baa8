//! A number as it is written, exactly: what `1.5` and `9223372036854775808` are until something needs them as double
//! precision.
//!
//! PostgreSQL makes such a literal numeric. Without that type it ends as a double, which has 53 bits: too few to tell
//! `9223372036854775808` from the largest bigint. So comparing it with integers and storing it as one must come first.

use crate::types::Value;
use std::cmp::Ordering;

/// ± 0.d₁d₂d₃… × 10^point. Neither the first digit nor the last is a zero, so zero has no digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    /// Reads digits with an optional sign, point and exponent; `None` if it is anything else.
    pub fn parse(text: &str) -> Option<Decimal> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let written = [whole, fraction].concat();
        if written.is_empty() || !written.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let significant = written.trim_start_matches('0');
        let leading = written.len() - significant.len();
        let digits = significant.trim_end_matches('0').to_string();
        // Without digits it is zero, wherever the point is.
        let point = match digits.is_empty() {
            true => 0,
            false => i64::try_from(whole.len()).ok()?.checked_sub(i64::try_from(leading).ok()?)?,
        };
        let point = point.checked_add(if digits.is_empty() { 0 } else { exponent })?;
        Some(Decimal { negative: negative && !digits.is_empty(), digits, point })
    }

    pub fn is_whole(&self) -> bool {
        self.point >= 0 && self.digits.len() as u64 <= self.point.unsigned_abs()
    }

    /// The integer part, without the sign; what no bigint comes near to is [`BEYOND`].
    fn magnitude(&self) -> i128 {
        match usize::try_from(self.point) {
            Err(_) => 0,
            Ok(point) if point > 30 => BEYOND,
            Ok(point) => {
                let digits = self.digits.bytes().chain(std::iter::repeat(b'0')).take(point);
                digits.fold(0, |value, digit| value * 10 + i128::from(digit - b'0'))
            }
        }
    }

    /// The largest integer that is not greater.
    pub fn floor(&self) -> i128 {
        match self.negative {
            true => -self.magnitude() - i128::from(!self.is_whole()),
            false => self.magnitude(),
        }
    }

    /// The nearest integer; a half goes away from zero, as numeric's does. `None` if it is no bigint.
    pub fn round(&self) -> Option<i64> {
        let next = usize::try_from(self.point).ok().and_then(|point| self.digits.as_bytes().get(point));
        let nearest = self.magnitude() + i128::from(next.is_some_and(|digit| *digit >= b'5'));
        i64::try_from(if self.negative { -nearest } else { nearest }).ok()
    }

    /// The integer literal of the same value: integer if it fits, else bigint.
    pub fn as_integer(&self) -> Option<Value> {
        let value = self.round().filter(|_| self.is_whole())?;
        Some(i32::try_from(value).map_or(Value::BigInt(value), Value::Integer))
    }
}

/// Beyond any bigint, and so is twice as much.
const BEYOND: i128 = i128::MAX / 4;

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        let magnitudes = || {
            let zeros = (!self.digits.is_empty()).cmp(&!other.digits.is_empty());
            zeros.then(self.point.cmp(&other.point)).then_with(|| self.digits.cmp(&other.digits))
        };
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => magnitudes(),
            (true, true) => magnitudes().reverse(),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn integers_around_a_decimal() {
        for (text, floor, round) in [
            ("0", 0, Some(0)),
            ("-0.0", 0, Some(0)),
            ("1.5", 1, Some(2)),
            ("2.5", 2, Some(3)),
            ("-2.5", -3, Some(-3)),
            ("-0.5", -1, Some(-1)),
            ("0.05", 0, Some(0)),
            ("0.5e1", 5, Some(5)),
            ("125e-1", 12, Some(13)),
            (".5", 0, Some(1)),
            ("7.", 7, Some(7)),
            ("007.10", 7, Some(7)),
            ("1e3", 1000, Some(1000)),
            ("9223372036854775807.4", i128::from(i64::MAX), Some(i64::MAX)),
            ("9223372036854775807.5", i128::from(i64::MAX), None),
            ("-9223372036854775808", i128::from(i64::MIN), Some(i64::MIN)),
            ("-9223372036854775809", i128::from(i64::MIN) - 1, None),
            ("1e-400", 0, Some(0)),
            ("1e400", BEYOND, None),
            ("-1e400", -BEYOND, None),
            ("0e999", 0, Some(0)),
        ] {
            let number = decimal(text);
            assert_eq!((number.floor(), number.round()), (floor, round), "{text}");
        }
        for text in ["", "-", ".", "e5", "1e", "1e5.5", "1 2", "NaN", "0x1", "1_0", "--1"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn whole_decimals_are_integers() {
        assert_eq!(decimal("2.000").as_integer(), Some(Value::Integer(2)));
        assert_eq!(decimal("9007199254740993.0").as_integer(), Some(Value::BigInt(9_007_199_254_740_993)));
        assert_eq!(decimal("-9223372036854775808").as_integer(), Some(Value::BigInt(i64::MIN)));
        assert_eq!(decimal("9223372036854775808").as_integer(), None);
        assert_eq!(decimal("2.5").as_integer(), None);
    }

    #[test]
    fn decimals_are_ordered() {
        let ascending = [
            "-1e400",
            "-9223372036854775809",
            "-2",
            "-1.51",
            "-1.5",
            "-0.001",
            "0",
            "1e-400",
            "0.01",
            "0.1",
            "1",
            "1.05",
            "1.5",
            "2",
            "10",
            "9223372036854775808",
            "9223372036854775808.1",
            "9223372036854775809",
        ];
        for (at, left) in ascending.iter().enumerate() {
            for (other, right) in ascending.iter().enumerate() {
                assert_eq!(decimal(left).cmp(&decimal(right)), at.cmp(&other), "{left} {right}");
            }
        }
        assert_eq!(decimal("1.50"), decimal("15e-1"));
    }
}
