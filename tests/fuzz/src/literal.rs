//! Values as text: in, out, and in again.

use m5_sql::types::{DataType, Value};

use crate::sqlstate;
use crate::tuple::{TYPES, compare};

/// A text as a value of every type, and as the name of a type.
pub fn literal(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut was_read = false;
    for data_type in TYPES {
        match Value::parse(text, data_type) {
            Ok(value) => {
                was_read |= !data_type.is_text();
                assert_reads_back(&value, data_type);
                convert(&value);
            }
            Err(error) => sqlstate(error.state().code(), &error),
        }
    }
    match DataType::parse(text) {
        Ok(data_type) => {
            was_read = true;
            let again = DataType::parse(&data_type.to_string());
            assert_eq!(again.expect("a type's name"), data_type);
        }
        Err(error) => sqlstate(error.state().code(), &error),
    }
    was_read
}

fn assert_reads_back(value: &Value, data_type: DataType) {
    let text = value.to_string();
    let again = Value::parse(&text, data_type)
        .unwrap_or_else(|error| panic!("{value:?} is written as {text:?}, which is refused: {error}"));
    assert!(compare(value, &again).is_eq(), "{value:?} is written as {text:?}, which is read as {again:?}");
    let signs = match (value, &again) {
        (Value::Double(one), Value::Double(other)) => (one.is_sign_negative(), other.is_sign_negative()),
        _ => (true, true),
    };
    assert!(signs.0 == signs.1 || text == "NaN", "{value:?} loses its sign as {text:?}");
}

/// To every type: an error or a value that is of that type and fits it.
fn convert(value: &Value) {
    for target in TYPES {
        match value.clone().coerce_to(target) {
            Ok(converted) => assert_reads_back(&converted, target),
            Err(error) => sqlstate(error.state().code(), &error),
        }
    }
}

/// What is read, and what is nearly read.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "0",
        "-1",
        "+7",
        "32767",
        "-32768",
        "2147483648",
        "-2147483648",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "1e10",
        "1E-5",
        ".5",
        "5.",
        "-0",
        "-0.0",
        "NaN",
        "-nan",
        "Infinity",
        "-inf",
        "1e309",
        "1e-400",
        "4.9e-324",
        "1.7976931348623157e308",
        "123456789012345678",
        "999999999999999.9",
        "1e15",
        "0.0001",
        "2.5",
        "3.5",
        " 42 ",
        "\t7\n",
        "true",
        "off",
        "YES",
        "n",
        "tru",
        "varchar(20)",
        "character varying (1)",
        "double  precision",
        "integer",
        "int8",
        "varchar(10485761)",
        "varchar(0)",
        "text(5)",
        "\u{a0}1",
        "１２",
        "0x1F",
        "1_000",
        "infinit",
        "1e",
        "--1",
        "+-1",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
