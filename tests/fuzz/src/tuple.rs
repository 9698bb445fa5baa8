//! Tuples: whatever bytes as a row, and whatever row as bytes.

use std::cmp::Ordering;

use arbitrary::{Arbitrary, Result, Unstructured};
use m5_sql::check;
use m5_sql::index::key;
use m5_sql::tuple::{Layout, TupleBuffer, TupleHeader};
use m5_sql::types::{Column, DataType, Schema, Value};

/// Every type of a column.
pub const TYPES: [DataType; 9] = [
    DataType::Boolean,
    DataType::SmallInt,
    DataType::Integer,
    DataType::BigInt,
    DataType::DoublePrecision,
    DataType::Text,
    DataType::Varchar(None),
    DataType::Varchar(Some(1)),
    DataType::Varchar(Some(20)),
];

/// Columns of a table: one byte says how many, each of the next one is a column.
fn schema(input: &mut Unstructured<'_>) -> Result<Schema> {
    let count = 1 + usize::from(u8::arbitrary(input)?) % 40;
    let columns = (0..count).map(|number| {
        let byte = u8::arbitrary(input)?;
        let data_type = TYPES[usize::from(byte) % TYPES.len()];
        Ok(Column { name: format!("c{number}"), data_type, not_null: byte >= 128 })
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Schema::new(columns).map_err(|_| arbitrary::Error::IncorrectFormat)
}

/// Columns, and then a tuple of them; its header names as many columns as there are, in most cases.
pub fn tuple(bytes: &[u8]) -> bool {
    let mut input = Unstructured::new(bytes);
    let (Ok(schema), Ok(header)) = (schema(&mut input), u8::arbitrary(&mut input)) else { return false };
    let (layout, mut tuple) = (Layout::new(&schema), input.take_rest().to_vec());
    if header % 8 != 0 && tuple.len() >= 24 {
        tuple[22..24].copy_from_slice(&(layout.column_count() as u16).to_le_bytes());
    }
    let _ = TupleHeader::read(&tuple);
    let mut scratch = Vec::new();
    for column in 0..layout.column_count() {
        let _ = (layout.value(&tuple, column), layout.variable(&tuple, column), layout.text(&tuple, column));
        scratch.clear();
        let _ = key::push_tuple(&mut scratch, &layout, &tuple, &[column]);
    }
    let sound = check::tuple::check_columns(&tuple, &schema, &layout);
    let Ok(row) = layout.row(&tuple) else {
        assert!(sound.is_err(), "a check finds nothing wrong with a row that cannot be read");
        return layout.check(&tuple).is_ok();
    };
    // What was read can be written, and is the same when it is read again.
    if row.iter().all(|value| !matches!(value, Value::Text(text) if text.len() > 200)) {
        assert_same(&round_trip(&layout, &row), &row);
    }
    true
}

fn round_trip(layout: &Layout, row: &[Value]) -> Vec<Value> {
    let mut buffer = TupleBuffer::default();
    buffer.push_row(layout, row).expect("a row that is not too big");
    buffer.stamp(3, 0, layout.column_count());
    layout.row(buffer.tuple(0)).expect("what was written")
}

/// A value of a type; some of those at which something changes come often.
fn value(input: &mut Unstructured<'_>, data_type: DataType) -> Result<Value> {
    let choice = u8::arbitrary(input)?;
    if choice < 40 {
        return Ok(Value::Null);
    }
    let edge = choice < 120;
    Ok(match data_type {
        DataType::Boolean => Value::Boolean(choice.is_multiple_of(2)),
        DataType::SmallInt if edge => Value::SmallInt(*input.choose(&[i16::MIN, -1, 0, 1, i16::MAX])?),
        DataType::SmallInt => Value::SmallInt(input.arbitrary()?),
        DataType::Integer if edge => Value::Integer(*input.choose(&[i32::MIN, -1, 0, 1, i32::MAX])?),
        DataType::Integer => Value::Integer(input.arbitrary()?),
        DataType::BigInt if edge => Value::BigInt(*input.choose(&[i64::MIN, -1, 0, 1, i64::MAX])?),
        DataType::BigInt => Value::BigInt(input.arbitrary()?),
        DataType::DoublePrecision if edge => Value::Double(*input.choose(&[
            f64::NAN,
            -f64::NAN,
            f64::NEG_INFINITY,
            f64::MIN,
            -0.0,
            0.0,
            5e-324,
            f64::MAX,
            f64::INFINITY,
        ])?),
        DataType::DoublePrecision => Value::Double(input.arbitrary()?),
        DataType::Text | DataType::Varchar(_) if edge => Value::Text(
            (*input.choose(&["", "\0", "\0\0", "\0\u{ff}", "a", "a\0", "ä", "\u{10ffff}"])?).into(),
        ),
        DataType::Text | DataType::Varchar(_) => {
            let limit = match data_type {
                DataType::Varchar(Some(limit)) => limit as usize,
                _ => usize::MAX,
            };
            Value::Text(input.arbitrary::<String>()?.chars().take(limit).collect())
        }
    })
}

/// Two rows of the same columns: as tuples and back, as keys and back, and in the same order.
pub fn row(bytes: &[u8]) -> bool {
    let mut input = Unstructured::new(bytes);
    let Ok(schema) = schema(&mut input) else { return false };
    let layout = Layout::new(&schema);
    let types: Vec<DataType> = schema.columns().iter().map(|column| column.data_type).collect();
    let mut rows = Vec::new();
    for _ in 0..2 {
        let row = types.iter().map(|data_type| value(&mut input, *data_type)).collect::<Result<Vec<_>>>();
        let Ok(row) = row else { return false };
        rows.push(row);
    }
    let mut buffer = TupleBuffer::default();
    if rows.iter().any(|row| buffer.push_row(&layout, row).is_err()) {
        // Only a row that no page could hold is refused.
        let longest = rows.iter().flatten().filter_map(|value| match value {
            Value::Text(text) => Some(text.len()),
            _ => None,
        });
        assert!(longest.sum::<usize>() + 2 * layout.min_size() > 8000);
        return false;
    }
    buffer.stamp(9, 4, layout.column_count());
    let all: Vec<usize> = (0..types.len()).collect();
    let mut keys = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        assert_same(&layout.row(buffer.tuple(number)).expect("what was written"), row);
        let mut written = Vec::new();
        for (value, data_type) in row.iter().zip(&types) {
            key::push_value(&mut written, *data_type, value).expect("a value of the key's type");
        }
        let mut read = Vec::new();
        let has_null = key::push_tuple(&mut read, &layout, buffer.tuple(number), &all).expect("a tuple");
        assert_eq!(has_null, row.contains(&Value::Null));
        assert_eq!(written, read, "a value has another key than its tuple");
        assert_alike(&key::decode(&types, &written).expect("a key"), row);
        keys.push(written);
    }
    let order = rows[0].iter().zip(&rows[1]).map(|(one, other)| compare(one, other));
    let order = order.fold(Ordering::Equal, Ordering::then);
    assert_eq!(keys[0].cmp(&keys[1]), order, "{rows:?}");
    true
}

/// Equal to the bit, as far as the type has bits.
fn assert_same(found: &[Value], expected: &[Value]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        match (found, expected) {
            (Value::Double(found), Value::Double(expected)) => {
                assert_eq!(found.to_bits(), expected.to_bits());
            }
            _ => assert_eq!(found, expected),
        }
    }
}

/// Equal as SQL sees it.
fn assert_alike(found: &[Value], expected: &[Value]) {
    let alike = found.iter().zip(expected).all(|(found, expected)| compare(found, expected).is_eq());
    assert!(alike && found.len() == expected.len(), "{found:?}, expected {expected:?}");
}

/// PostgreSQL's order of an index: NULL last, NaN after all numbers, text by its bytes.
pub fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (Value::Boolean(one), Value::Boolean(other)) => one.cmp(other),
        (Value::SmallInt(one), Value::SmallInt(other)) => one.cmp(other),
        (Value::Integer(one), Value::Integer(other)) => one.cmp(other),
        (Value::BigInt(one), Value::BigInt(other)) => one.cmp(other),
        (Value::Double(one), Value::Double(other)) => {
            one.partial_cmp(other).unwrap_or_else(|| one.is_nan().cmp(&other.is_nan()))
        }
        (Value::Text(one), Value::Text(other)) => one.as_bytes().cmp(other.as_bytes()),
        _ => panic!("{one:?} and {other:?} are not of one type"),
    }
}

/// Rows of some types, as they are stored.
pub fn seeds() -> Vec<Vec<u8>> {
    let rows: [&[(u8, Value)]; 4] = [
        &[(2, Value::Integer(7)), (5, Value::Text("Moore".into()))],
        &[(0, Value::Boolean(true)), (4, Value::Double(0.5)), (1, Value::Null), (5, Value::Null)],
        &[(5, Value::Text(String::new())), (8, Value::Text("ä\0ü".into())), (3, Value::BigInt(-1))],
        &[(1, Value::SmallInt(300))],
    ];
    let mut seeds = Vec::new();
    for row in rows {
        let column = |(number, (code, _)): (usize, &(u8, Value))| Column {
            name: format!("c{number}"),
            data_type: TYPES[usize::from(*code)],
            not_null: false,
        };
        let Ok(schema) = Schema::new(row.iter().enumerate().map(column).collect()) else { continue };
        let (layout, mut buffer) = (Layout::new(&schema), TupleBuffer::default());
        let values: Vec<Value> = row.iter().map(|(_, value)| value.clone()).collect();
        if buffer.push_row(&layout, &values).is_ok() {
            buffer.stamp(3, 0, layout.column_count());
            let head = std::iter::once(row.len() as u8 - 1).chain(row.iter().map(|(code, _)| *code));
            seeds.push(head.chain([1]).chain(buffer.tuple(0).iter().copied()).collect());
        }
    }
    seeds
}
