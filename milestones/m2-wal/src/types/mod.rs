//! What a column may hold: data types, values, and the list of columns that a table has.

mod value;

pub use value::{Value, write_double};

use crate::error::{Error, Result, SqlState};
use std::fmt;

/// PostgreSQL's limit on the length of a name, in bytes (`NAMEDATALEN - 1`).
pub const MAX_NAME_LEN: usize = 63;

/// PostgreSQL's limit on the columns of a table (`MaxHeapAttributeNumber`).
pub const MAX_COLUMNS: usize = 1600;

/// PostgreSQL's limit on `n` in `varchar(n)` (`MaxAttrSize`).
pub const MAX_VARCHAR: u32 = 10_485_760;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    Boolean,
    SmallInt,
    Integer,
    BigInt,
    DoublePrecision,
    Text,
    /// `varchar(n)`: at most `n` characters (not bytes). `None` is `varchar` without a limit.
    Varchar(Option<u32>),
}

impl DataType {
    /// The bytes a value takes in a tuple, or `None` where that differs from value to value.
    pub fn fixed_width(self) -> Option<usize> {
        match self {
            DataType::Boolean => Some(1),
            DataType::SmallInt => Some(2),
            DataType::Integer => Some(4),
            DataType::BigInt | DataType::DoublePrecision => Some(8),
            DataType::Text | DataType::Varchar(_) => None,
        }
    }

    pub fn is_text(self) -> bool {
        matches!(self, DataType::Text | DataType::Varchar(_))
    }

    pub fn is_numeric(self) -> bool {
        self.is_integer() || self == DataType::DoublePrecision
    }

    pub fn is_integer(self) -> bool {
        matches!(self, DataType::SmallInt | DataType::Integer | DataType::BigInt)
    }

    /// Reads a type as SQL writes it: `integer`, `varchar(100)`, `double precision`.
    pub fn parse(text: &str) -> Result<DataType> {
        let lower = text.trim_matches(is_space).to_ascii_lowercase();
        let (name, argument) = match lower.split_once('(') {
            None => (lower.as_str(), None),
            Some((name, rest)) => {
                (name.trim_end_matches(is_space), Some(rest.trim_end_matches(')').trim_matches(is_space)))
            }
        };
        let plain = |data_type| match argument {
            None => Ok(data_type),
            Some(_) => Err(Error::new(
                SqlState::SyntaxError,
                format!("type modifier is not allowed for type \"{name}\""),
            )),
        };
        match name.split_ascii_whitespace().collect::<Vec<_>>().join(" ").as_str() {
            "boolean" | "bool" => plain(DataType::Boolean),
            "smallint" | "int2" => plain(DataType::SmallInt),
            "integer" | "int" | "int4" => plain(DataType::Integer),
            "bigint" | "int8" => plain(DataType::BigInt),
            "double precision" | "float8" | "float" => plain(DataType::DoublePrecision),
            "text" => plain(DataType::Text),
            "varchar" | "character varying" => match argument {
                None => Ok(DataType::Varchar(None)),
                Some(length) => DataType::varchar(length.parse().unwrap_or(0)),
            },
            _ => Err(Error::new(SqlState::UndefinedObject, format!("type \"{name}\" does not exist"))),
        }
    }

    /// `varchar(n)` with PostgreSQL's check of `n`.
    pub fn varchar(length: u64) -> Result<DataType> {
        match u32::try_from(length) {
            Ok(0) => {
                Err(Error::new(SqlState::InvalidParameterValue, "length for type varchar must be at least 1"))
            }
            Ok(n) if n <= MAX_VARCHAR => Ok(DataType::Varchar(Some(n))),
            _ => Err(Error::new(
                SqlState::InvalidParameterValue,
                format!("length for type varchar cannot exceed {MAX_VARCHAR}"),
            )),
        }
    }
}

/// The name as PostgreSQL's `format_type` writes it: it can be parsed again.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataType::Boolean => f.write_str("boolean"),
            DataType::SmallInt => f.write_str("smallint"),
            DataType::Integer => f.write_str("integer"),
            DataType::BigInt => f.write_str("bigint"),
            DataType::DoublePrecision => f.write_str("double precision"),
            DataType::Text => f.write_str("text"),
            DataType::Varchar(None) => f.write_str("character varying"),
            DataType::Varchar(Some(n)) => write!(f, "character varying({n})"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub data_type: DataType,
    pub not_null: bool,
}

/// The columns of a table in the order they were declared.
///
/// Invariant: 1 to [`MAX_COLUMNS`] columns, names distinct and of 1 to [`MAX_NAME_LEN`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    columns: Vec<Column>,
}

impl Schema {
    pub fn new(columns: Vec<Column>) -> Result<Schema> {
        if columns.is_empty() {
            return Err(Error::new(
                SqlState::InvalidTableDefinition,
                "a table must have at least one column",
            ));
        }
        if columns.len() > MAX_COLUMNS {
            return Err(Error::new(
                SqlState::TooManyColumns,
                format!("tables can have at most {MAX_COLUMNS} columns"),
            ));
        }
        let mut seen = std::collections::HashSet::new();
        for column in &columns {
            check_name(&column.name)?;
            if !seen.insert(column.name.as_str()) {
                return Err(Error::new(
                    SqlState::DuplicateColumn,
                    format!("column \"{}\" specified more than once", column.name),
                ));
            }
        }
        Ok(Schema { columns })
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The position of the column called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Converts a row to the columns' types and checks what the columns promise: lengths and NOT NULL.
    pub fn coerce_row(&self, relation: &str, row: &mut [Value]) -> Result<()> {
        if row.len() != self.columns.len() {
            return Err(Error::new(
                SqlState::SyntaxError,
                format!(
                    "relation \"{relation}\" has {} columns, but the row has {}",
                    self.columns.len(),
                    row.len()
                ),
            ));
        }
        for (value, column) in row.iter_mut().zip(&self.columns) {
            *value = std::mem::take(value).coerce_to(column.data_type)?;
            if column.not_null && value.is_null() {
                return Err(Error::new(
                    SqlState::NotNullViolation,
                    format!(
                        "null value in column \"{}\" of relation \"{relation}\" violates not-null constraint",
                        column.name
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// White space around a value (PostgreSQL's `isspace`). In UTF-8 only ASCII has any: a no-break space is a letter.
pub fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// Checks the name of a table or a column before it is stored.
///
/// PostgreSQL truncates a long name with a notice; refusing it surprises nobody.
pub fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::new(SqlState::SyntaxError, "zero-length name"));
    }
    if name.len() > MAX_NAME_LEN {
        return Err(Error::new(
            SqlState::NameTooLong,
            format!("name \"{name}\" is too long: {} bytes, at most {MAX_NAME_LEN}", name.len()),
        ));
    }
    if name.contains(char::is_control) {
        return Err(Error::new(
            SqlState::CharacterNotInRepertoire,
            format!("name {name:?} contains a control character"),
        ));
    }
    Ok(())
}
