//! What must be known before anything can be looked up: where the catalogs are, and their own columns.
//!
//! PostgreSQL generates this from the headers in `src/include/catalog`; numbers and names are the same here, for the
//! columns that we use. Numbers of the type `oid` are stored as `bigint`, single characters as `text`.

use super::{Oid, Table, rows};
use crate::buffer::Pages;
use crate::error::Result;
use crate::heap::Heap;
use crate::transaction::{CommitLog, Transaction};
use crate::tuple::Layout;
use crate::types::{Column, DataType, Schema};

pub const PG_TYPE: Oid = 1247;
pub const PG_ATTRIBUTE: Oid = 1249;
pub const PG_CLASS: Oid = 1259;
pub const PG_ATTRDEF: Oid = 2604;
pub const PG_CONSTRAINT: Oid = 2606;
pub const PG_INDEX: Oid = 2610;

const OID: DataType = DataType::BigInt;
const NAME: DataType = DataType::Varchar(Some(63));
const CHAR: DataType = DataType::Varchar(Some(1));

type CatalogColumn = (&'static str, DataType);

const CATALOGS: &[(Oid, &str, &[CatalogColumn])] = &[
    (
        PG_CLASS,
        "pg_class",
        &[
            ("oid", OID),
            ("relname", NAME),
            ("relkind", CHAR),
            ("relfilenode", OID),
            ("relnatts", DataType::SmallInt),
        ],
    ),
    (
        PG_ATTRIBUTE,
        "pg_attribute",
        &[
            ("attrelid", OID),
            ("attname", NAME),
            ("atttypid", OID),
            ("attnum", DataType::SmallInt),
            ("atttypmod", DataType::Integer),
            ("attnotnull", DataType::Boolean),
            ("atthasdef", DataType::Boolean),
        ],
    ),
    (PG_TYPE, "pg_type", &[("oid", OID), ("typname", NAME), ("typlen", DataType::SmallInt)]),
    (
        PG_ATTRDEF,
        "pg_attrdef",
        &[("oid", OID), ("adrelid", OID), ("adnum", DataType::SmallInt), ("adbin", DataType::Text)],
    ),
    (
        PG_CONSTRAINT,
        "pg_constraint",
        &[
            ("oid", OID),
            ("conname", NAME),
            ("conrelid", OID),
            ("contype", CHAR),
            ("conindid", OID),
            ("conkey", DataType::Text),
        ],
    ),
    (
        PG_INDEX,
        "pg_index",
        &[
            ("indexrelid", OID),
            ("indrelid", OID),
            ("indnatts", DataType::SmallInt),
            ("indisunique", DataType::Boolean),
            ("indisprimary", DataType::Boolean),
            ("indkey", DataType::Text),
        ],
    ),
];

/// A catalog that is read before any catalog can be read.
pub fn catalog(oid: Oid) -> Result<Table> {
    let (oid, name, columns) = CATALOGS
        .iter()
        .find(|(known, ..)| *known == oid)
        .ok_or_else(|| crate::error::Error::internal(format!("{oid} is not a catalog")))?;
    let columns = columns
        .iter()
        .map(|(name, data_type)| Column { name: name.to_string(), data_type: *data_type, not_null: true })
        .collect();
    let schema = Schema::new(columns)?;
    Ok(Table {
        oid: *oid,
        name: name.to_string(),
        layout: Layout::new(&schema),
        defaults: vec![None; schema.columns().len()],
        schema,
        indexes: Vec::new(),
        is_catalog: true,
    })
}

/// Makes the catalogs of a new database, with rows about themselves in them. All of it commits as one transaction.
pub fn create(pages: &mut Pages) -> Result<()> {
    let mut transaction = Transaction::default();
    transaction.assign_xid(pages);
    for (oid, ..) in CATALOGS {
        Heap::create(pages, *oid)?;
    }
    rows::insert_types(pages, &transaction)?;
    for (oid, ..) in CATALOGS {
        rows::insert_table(pages, &transaction, &catalog(*oid)?)?;
    }
    CommitLog::commit(pages, transaction.xid())
}
