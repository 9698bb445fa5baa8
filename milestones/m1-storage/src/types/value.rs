//! One value of a column, and its way from text and back to text.

use super::{DataType, is_space};
use crate::error::{Error, Result, SqlState};
use std::fmt;

/// A value on its own: a literal, a default, a cell for the REPL. Rows of many values travel as bytes.
#[derive(Clone, Debug, Default)]
pub enum Value {
    #[default]
    Null,
    Boolean(bool),
    SmallInt(i16),
    Integer(i32),
    BigInt(i64),
    Double(f64),
    Text(String),
}

/// Two values are the same if they are stored as the same bytes, so NaN is the same as itself, and 0 isn't -0. (SQL's
/// `=` takes 0 and -0 for equal. It asks another question, and the type answers it.)
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Boolean(this), Value::Boolean(other)) => this == other,
            (Value::SmallInt(this), Value::SmallInt(other)) => this == other,
            (Value::Integer(this), Value::Integer(other)) => this == other,
            (Value::BigInt(this), Value::BigInt(other)) => this == other,
            (Value::Double(this), Value::Double(other)) => this.to_bits() == other.to_bits(),
            (Value::Text(this), Value::Text(other)) => this == other,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Value {
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The type a literal has before any column claims it; `None` for NULL.
    pub fn data_type(&self) -> Option<DataType> {
        Some(match self {
            Value::Null => return None,
            Value::Boolean(_) => DataType::Boolean,
            Value::SmallInt(_) => DataType::SmallInt,
            Value::Integer(_) => DataType::Integer,
            Value::BigInt(_) => DataType::BigInt,
            Value::Double(_) => DataType::DoublePrecision,
            Value::Text(_) => DataType::Text,
        })
    }

    /// Converts to a column's type as PostgreSQL's assignment casts do, with PostgreSQL's errors.
    pub fn coerce_to(self, data_type: DataType) -> Result<Value> {
        match (self, data_type) {
            (Value::Null, _) => Ok(Value::Null),
            (Value::Text(text), DataType::Varchar(Some(limit))) => fit_varchar(text, limit).map(Value::Text),
            (Value::Text(text), DataType::Text | DataType::Varchar(None)) => Ok(Value::Text(text)),
            (value @ Value::Boolean(_), DataType::Boolean) => Ok(value),
            (value, DataType::SmallInt | DataType::Integer | DataType::BigInt) if value.is_number() => {
                value.to_integer(data_type)
            }
            (value, DataType::DoublePrecision) if value.is_number() => value.as_f64().map(Value::Double),
            (Value::Boolean(value), DataType::Text | DataType::Varchar(_)) => {
                Value::Text(value.to_string()).coerce_to(data_type)
            }
            (value, DataType::Text | DataType::Varchar(_)) => {
                Value::Text(value.to_string()).coerce_to(data_type)
            }
            (Value::Text(text), _) => Value::parse(&text, data_type),
            (value, _) => Err(Error::new(
                SqlState::DatatypeMismatch,
                format!("value {value} cannot be stored as type {data_type}"),
            )),
        }
    }

    /// Reads a value of `data_type` from text, as PostgreSQL's input functions do.
    pub fn parse(text: &str, data_type: DataType) -> Result<Value> {
        let trimmed = text.trim_matches(is_space);
        let invalid = || {
            Error::new(
                SqlState::InvalidTextRepresentation,
                format!("invalid input syntax for type {}: \"{text}\"", bare_name(data_type)),
            )
        };
        match data_type {
            DataType::Text => Ok(Value::Text(text.to_string())),
            DataType::Varchar(None) => Ok(Value::Text(text.to_string())),
            DataType::Varchar(Some(limit)) => fit_varchar(text.to_string(), limit).map(Value::Text),
            DataType::Boolean => parse_boolean(trimmed).map(Value::Boolean).ok_or_else(invalid),
            DataType::SmallInt | DataType::Integer | DataType::BigInt => match trimmed.parse::<i64>() {
                Ok(number) => {
                    Value::BigInt(number).to_integer(data_type).map_err(|_| out_of_range(text, data_type))
                }
                Err(error) => match error.kind() {
                    std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => {
                        Err(out_of_range(text, data_type))
                    }
                    _ => Err(invalid()),
                },
            },
            DataType::DoublePrecision => {
                let number: f64 = trimmed.parse().map_err(|_| invalid())?;
                let overflows = number.is_infinite() && !trimmed.to_ascii_lowercase().contains("inf");
                let mantissa = trimmed.split(['e', 'E']).next().unwrap_or_default();
                let underflows = number == 0.0 && mantissa.contains(|digit| matches!(digit, '1'..='9'));
                if overflows || underflows {
                    return Err(out_of_range(text, data_type));
                }
                Ok(Value::Double(number))
            }
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Value::SmallInt(_) | Value::Integer(_) | Value::BigInt(_) | Value::Double(_))
    }

    fn as_f64(&self) -> Result<f64> {
        match *self {
            Value::SmallInt(n) => Ok(f64::from(n)),
            Value::Integer(n) => Ok(f64::from(n)),
            Value::BigInt(n) => Ok(n as f64),
            Value::Double(n) => Ok(n),
            _ => Err(Error::internal(format!("{self} is not a number"))),
        }
    }

    fn to_integer(&self, data_type: DataType) -> Result<Value> {
        let range_error =
            || Error::new(SqlState::NumericValueOutOfRange, format!("{} out of range", bare_name(data_type)));
        let wide: i64 = match *self {
            Value::SmallInt(n) => i64::from(n),
            Value::Integer(n) => i64::from(n),
            Value::BigInt(n) => n,
            Value::Double(n) => {
                // PostgreSQL rounds half to even here (rint); the bounds are exact powers of two.
                let rounded = n.round_ties_even();
                if !(-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&rounded) {
                    return Err(range_error());
                }
                rounded as i64
            }
            _ => return Err(Error::internal(format!("{self} is not a number"))),
        };
        match data_type {
            DataType::SmallInt => i16::try_from(wide).map(Value::SmallInt).map_err(|_| range_error()),
            DataType::Integer => i32::try_from(wide).map(Value::Integer).map_err(|_| range_error()),
            _ => Ok(Value::BigInt(wide)),
        }
    }
}

/// The value as psql prints it; NULL prints as nothing.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Boolean(true) => f.write_str("t"),
            Value::Boolean(false) => f.write_str("f"),
            Value::SmallInt(n) => write!(f, "{n}"),
            Value::Integer(n) => write!(f, "{n}"),
            Value::BigInt(n) => write!(f, "{n}"),
            Value::Double(n) => write_double(f, *n),
            Value::Text(text) => f.write_str(text),
        }
    }
}

/// Shortest digits that read back the same, in the shape that PostgreSQL's `float8out` gives them:
/// an exponent below 1e-4 and from 1e15 on.
pub fn write_double(f: &mut impl fmt::Write, number: f64) -> fmt::Result {
    if number.is_nan() {
        return f.write_str("NaN");
    }
    if number.is_infinite() {
        return f.write_str(if number > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e15).contains(&magnitude) {
        let text = format!("{number:e}");
        if let Some((digits, exponent)) = text.split_once('e') {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(rest) => ('-', rest),
                None => ('+', exponent),
            };
            return write!(f, "{digits}e{sign}{exponent:0>2}");
        }
    }
    write!(f, "{number}")
}

/// PostgreSQL's rule for `varchar(n)`: too long is an error, unless all that is too much is spaces.
fn fit_varchar(mut text: String, limit: u32) -> Result<String> {
    let limit = limit as usize;
    if text.len() <= limit {
        return Ok(text);
    }
    let Some((cut, _)) = text.char_indices().nth(limit) else { return Ok(text) };
    if text[cut..].bytes().any(|byte| byte != b' ') {
        return Err(Error::new(
            SqlState::StringDataRightTruncation,
            format!("value too long for type character varying({limit})"),
        ));
    }
    text.truncate(cut);
    Ok(text)
}

fn parse_boolean(text: &str) -> Option<bool> {
    // Any unambiguous prefix of true, false, yes, no, on, off; or 1, 0 (PostgreSQL's boolin).
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "" | "o" => None,
        "1" | "on" => Some(true),
        "0" | "of" | "off" => Some(false),
        word if "true".starts_with(word) || "yes".starts_with(word) => Some(true),
        word if "false".starts_with(word) || "no".starts_with(word) => Some(false),
        _ => None,
    }
}

fn out_of_range(text: &str, data_type: DataType) -> Error {
    let message = match data_type {
        DataType::DoublePrecision => format!("\"{text}\" is out of range for type double precision"),
        _ => format!("value \"{text}\" is out of range for type {}", bare_name(data_type)),
    };
    Error::new(SqlState::NumericValueOutOfRange, message)
}

fn bare_name(data_type: DataType) -> String {
    match data_type {
        DataType::Varchar(_) => "character varying".to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.to_string())
    }

    #[test]
    fn doubles_print_as_postgresql_prints_them() {
        // Each right-hand side was printed by PostgreSQL 15: SELECT x::double precision.
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e300, "1e+300"),
            (f64::INFINITY, "Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Value::Double(number).to_string(), expected);
        }
    }

    #[test]
    fn varchar_counts_characters_and_forgives_trailing_spaces() {
        let three = DataType::Varchar(Some(3));
        assert_eq!(text("äöü").coerce_to(three).unwrap(), text("äöü"));
        assert_eq!(text("abc   ").coerce_to(three).unwrap(), text("abc"));
        let error = text("abcd").coerce_to(three).unwrap_err();
        assert_eq!(error.state().code(), "22001");
    }

    #[test]
    fn integers_out_of_range_are_refused_not_wrapped() {
        assert_eq!(Value::BigInt(32768).coerce_to(DataType::SmallInt).unwrap_err().state().code(), "22003");
        assert_eq!(
            Value::parse("99999999999999999999", DataType::BigInt).unwrap_err().state().code(),
            "22003"
        );
        assert_eq!(Value::parse("1e309", DataType::DoublePrecision).unwrap_err().state().code(), "22003");
        assert_eq!(Value::parse("1e-400", DataType::DoublePrecision).unwrap_err().state().code(), "22003");
        assert_eq!(Value::parse("0e-400", DataType::DoublePrecision).unwrap(), Value::Double(0.0));
        assert_eq!(Value::parse("1x", DataType::Integer).unwrap_err().state().code(), "22P02");
        assert_eq!(Value::Double(2.5).coerce_to(DataType::Integer).unwrap(), Value::Integer(2));
        assert_eq!(Value::Double(3.5).coerce_to(DataType::Integer).unwrap(), Value::Integer(4));
    }

    #[test]
    fn booleans_read_every_spelling_postgresql_reads() {
        for yes in ["t", "tr", "true", "TRUE", "y", "yes", "on", "1"] {
            assert_eq!(Value::parse(yes, DataType::Boolean).unwrap(), Value::Boolean(true), "{yes}");
        }
        for no in ["f", "fal", "n", "no", "of", "off", "0"] {
            assert_eq!(Value::parse(no, DataType::Boolean).unwrap(), Value::Boolean(false), "{no}");
        }
        assert!(Value::parse("o", DataType::Boolean).is_err());
    }

    #[test]
    fn only_ascii_has_white_space() {
        for (data_type, digits) in
            [(DataType::Boolean, "1"), (DataType::Integer, "1"), (DataType::DoublePrecision, "1.5")]
        {
            let plain = Value::parse(digits, data_type).unwrap();
            assert_eq!(Value::parse(&format!(" \t\n\x0b\x0c\r{digits} \x0b"), data_type).unwrap(), plain);
            for space in ['\u{85}', '\u{a0}', '\u{2003}', '\u{3000}'] {
                for text in [format!("{space}{digits}"), format!("{digits}{space}")] {
                    assert_eq!(
                        Value::parse(&text, data_type).unwrap_err().state().code(),
                        "22P02",
                        "{text:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_value_is_the_same_as_itself_and_as_nothing_else() {
        let double = |text| Value::parse(text, DataType::DoublePrecision).unwrap();
        assert_eq!(double("NaN"), double("nan"));
        assert_ne!(double("0"), double("-0"));
        assert_ne!(Value::Integer(1), Value::BigInt(1));
    }
}
