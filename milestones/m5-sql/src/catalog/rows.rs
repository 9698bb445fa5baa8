//! Tables as rows of the catalogs, and back.

use super::bootstrap::{self, PG_ATTRDEF, PG_ATTRIBUTE, PG_CLASS, PG_TYPE};
use super::{FIRST_OID, Oid, Table};
use crate::buffer::Pages;
use crate::error::{Error, Result};
use crate::heap::Heap;
use crate::page::{FileId, Tid};
use crate::recovery::Damage;
use crate::transaction::Transaction;
use crate::tuple::{Layout, TupleBuffer};
use crate::types::{Column, DataType, Schema, Value};
use std::collections::HashMap;

/// PostgreSQL's numbers for types, their names and their lengths (-1: it varies).
const TYPES: &[(Oid, &str, i16, DataType)] = &[
    (16, "bool", 1, DataType::Boolean),
    (20, "int8", 8, DataType::BigInt),
    (21, "int2", 2, DataType::SmallInt),
    (23, "int4", 4, DataType::Integer),
    (25, "text", -1, DataType::Text),
    (701, "float8", 8, DataType::DoublePrecision),
    (1043, "varchar", -1, DataType::Varchar(None)),
];

/// What PostgreSQL adds to `n` when it stores `varchar(n)` as a type modifier: the size of a length word.
const TYPMOD_OFFSET: i32 = 4;

pub fn insert_types(pages: &mut Pages, transaction: &Transaction) -> Result<()> {
    let types =
        TYPES.iter().map(|(oid, name, len, _)| vec![oid_value(*oid), text(name), Value::SmallInt(*len)]);
    insert(pages, transaction, PG_TYPE, types.collect())
}

/// Enters a table into the catalogs.
pub fn insert_table(pages: &mut Pages, transaction: &Transaction, table: &Table) -> Result<()> {
    let columns = table.schema.columns();
    let oid = oid_value(table.oid);
    let class = vec![oid.clone(), text(&table.name), text("r"), oid.clone(), attribute_number(columns.len())];
    insert(pages, transaction, PG_CLASS, vec![class])?;
    let attributes = columns.iter().enumerate().map(|(index, column)| {
        let (type_oid, modifier) = type_to_catalog(column.data_type);
        vec![
            oid.clone(),
            text(&column.name),
            oid_value(type_oid),
            attribute_number(index + 1),
            Value::Integer(modifier),
            Value::Boolean(column.not_null),
            Value::Boolean(table.defaults[index].is_some()),
        ]
    });
    insert(pages, transaction, PG_ATTRIBUTE, attributes.collect())?;
    let mut defaults = Vec::new();
    for (index, default) in table.defaults.iter().enumerate() {
        if let Some(default) = default {
            let default_oid = oid_value(super::next_oid(pages)?);
            defaults.push(vec![default_oid, oid.clone(), attribute_number(index + 1), text(default)]);
        }
    }
    insert(pages, transaction, PG_ATTRDEF, defaults)
}

/// Deletes every row about a table.
pub fn delete_table(pages: &mut Pages, transaction: &Transaction, oid: Oid) -> Result<()> {
    for (catalog, column) in [(PG_CLASS, 0), (PG_ATTRIBUTE, 0), (PG_ATTRDEF, 1)] {
        delete(pages, transaction, catalog, column, oid)?;
    }
    Ok(())
}

/// Every table that the transaction sees.
pub fn read_tables(pages: &mut Pages, transaction: &Transaction, damage: &mut Damage) -> Result<Vec<Table>> {
    let mut attributes = read_attributes(pages, transaction, damage)?;
    let mut defaults = read_defaults(pages, transaction, damage)?;
    let mut tables = Vec::new();
    scan(pages, transaction, PG_CLASS, damage, &mut |_, row| {
        let oid = row.oid(0)?;
        if row.text(2)? != "r" {
            return Ok(());
        }
        let name = row.text(1)?.to_string();
        let mut columns = attributes.remove(&oid).unwrap_or_default();
        columns.sort_by_key(|(number, _)| *number);
        let is_complete = columns.iter().map(|(number, _)| *number).eq(1..=row.small(4)?);
        if !is_complete {
            return Err(
                row.damaged(format_args!("the columns of table \"{name}\" are not all in pg_attribute"))
            );
        }
        let schema = Schema::new(columns.into_iter().map(|(_, column)| column).collect())?;
        let by_number = defaults.remove(&oid).unwrap_or_default();
        let defaults =
            (1..=schema.columns().len() as i16).map(|number| by_number.get(&number).cloned()).collect();
        let layout = Layout::new(&schema);
        let indexes = Vec::new();
        tables.push(Table { oid, name, schema, layout, defaults, indexes, is_catalog: oid < FIRST_OID });
        Ok(())
    })?;
    Ok(tables)
}

fn read_attributes(
    pages: &mut Pages,
    transaction: &Transaction,
    damage: &mut Damage,
) -> Result<HashMap<Oid, Vec<(i16, Column)>>> {
    let mut attributes: HashMap<Oid, Vec<(i16, Column)>> = HashMap::new();
    scan(pages, transaction, PG_ATTRIBUTE, damage, &mut |_, row| {
        let (type_oid, modifier) = (row.oid(2)?, row.integer(4)?);
        let data_type = type_from_catalog(type_oid, modifier).ok_or_else(|| {
            row.damaged(format_args!("there is no type {type_oid} with modifier {modifier}"))
        })?;
        let column = Column { name: row.text(1)?.to_string(), data_type, not_null: row.boolean(5)? };
        attributes.entry(row.oid(0)?).or_default().push((row.small(3)?, column));
        Ok(())
    })?;
    Ok(attributes)
}

fn read_defaults(
    pages: &mut Pages,
    transaction: &Transaction,
    damage: &mut Damage,
) -> Result<HashMap<Oid, HashMap<i16, String>>> {
    let mut defaults: HashMap<Oid, HashMap<i16, String>> = HashMap::new();
    scan(pages, transaction, PG_ATTRDEF, damage, &mut |_, row| {
        defaults.entry(row.oid(1)?).or_default().insert(row.small(2)?, row.text(3)?.to_string());
        Ok(())
    })?;
    Ok(defaults)
}

/// A row of a catalog, whose columns have the types that `bootstrap` says.
pub(super) struct CatalogRow<'a> {
    catalog: &'a Table,
    tuple: &'a [u8],
    tid: Tid,
}

impl CatalogRow<'_> {
    pub fn oid(&self, column: usize) -> Result<Oid> {
        let number = i64::from_le_bytes(self.fixed(column)?);
        Oid::try_from(number).map_err(|_| self.damaged(format_args!("{number} is not an oid")))
    }

    pub fn small(&self, column: usize) -> Result<i16> {
        Ok(i16::from_le_bytes(self.fixed(column)?))
    }

    pub fn integer(&self, column: usize) -> Result<i32> {
        Ok(i32::from_le_bytes(self.fixed(column)?))
    }

    pub fn boolean(&self, column: usize) -> Result<bool> {
        Ok(self.fixed::<1>(column)? != [0])
    }

    pub fn text(&self, column: usize) -> Result<&str> {
        self.catalog.layout.text(self.tuple, column).map_err(self.locate())
    }

    fn fixed<const N: usize>(&self, column: usize) -> Result<[u8; N]> {
        self.catalog.layout.fixed(self.tuple, column).map_err(self.locate())
    }

    fn locate(&self) -> impl FnOnce(Error) -> Error + use<> {
        FileId::main(self.catalog.oid).page(self.tid.page).locate(self.tid.slot)
    }

    pub fn damaged(&self, what: std::fmt::Arguments<'_>) -> Error {
        Error::corrupted(format_args!("catalog \"{}\"", self.catalog.name), what)
    }
}

/// Calls `visit` with each row of a catalog that the transaction sees. Damage that is only noted costs the page or the
/// row where it is.
pub(super) fn scan(
    pages: &mut Pages,
    transaction: &Transaction,
    oid: Oid,
    damage: &mut Damage,
    visit: &mut dyn FnMut(Tid, CatalogRow<'_>) -> Result<()>,
) -> Result<()> {
    let catalog = bootstrap::catalog(oid)?;
    let Some(mut scan) = damage.tolerate(Heap::new(oid).scan(pages))? else { return Ok(()) };
    let mut visible = Vec::new();
    loop {
        // After an error, the scan goes on with the page behind it.
        let next = scan.next_page(pages, transaction, &mut visible);
        let Some(next) = damage.tolerate(next)? else { continue };
        let Some((number, page)) = next else { return Ok(()) };
        for slot in &visible {
            let tuple = page.item(*slot).unwrap_or(&[]);
            let tid = Tid { page: number, slot: *slot };
            let row = CatalogRow { catalog: &catalog, tuple, tid };
            let checked = catalog.layout.check(tuple).map_err(row.locate());
            damage.tolerate(checked.and_then(|()| visit(tid, row)))?;
        }
    }
}

pub(super) fn insert(
    pages: &mut Pages,
    transaction: &Transaction,
    oid: Oid,
    rows: Vec<Vec<Value>>,
) -> Result<()> {
    let catalog = bootstrap::catalog(oid)?;
    let mut tuples = TupleBuffer::default();
    for row in &rows {
        tuples.push_row(&catalog.layout, row)?;
    }
    let columns = catalog.layout.column_count();
    Heap::new(oid).insert(pages, transaction, columns, &mut tuples, &mut Vec::new())
}

/// Deletes the rows whose `column` is `oid`.
pub(super) fn delete(
    pages: &mut Pages,
    transaction: &Transaction,
    catalog: Oid,
    column: usize,
    oid: Oid,
) -> Result<()> {
    let mut tids = Vec::new();
    scan(pages, transaction, catalog, &mut Damage::Refused, &mut |tid, row| {
        if row.oid(column)? == oid {
            tids.push(tid);
        }
        Ok(())
    })?;
    Heap::new(catalog).delete(pages, transaction, &tids)
}

pub(super) fn text(value: &str) -> Value {
    Value::Text(value.to_string())
}

pub(super) fn oid_value(oid: Oid) -> Value {
    Value::BigInt(i64::from(oid))
}

/// Columns are counted from 1, and there are at most 1600.
pub(super) fn attribute_number(number: usize) -> Value {
    Value::SmallInt(number as i16)
}

fn type_to_catalog(data_type: DataType) -> (Oid, i32) {
    let (plain, modifier) = match data_type {
        DataType::Varchar(Some(limit)) => (DataType::Varchar(None), limit as i32 + TYPMOD_OFFSET),
        other => (other, -1),
    };
    let oid = TYPES.iter().find(|(.., known)| *known == plain).map_or(0, |(oid, ..)| *oid);
    (oid, modifier)
}

fn type_from_catalog(oid: Oid, modifier: i32) -> Option<DataType> {
    let plain = TYPES.iter().find(|(known, ..)| *known == oid).map(|(.., data_type)| *data_type)?;
    match (plain, modifier) {
        (_, -1) => Some(plain),
        (DataType::Varchar(_), _) => {
            let limit = u64::try_from(modifier.checked_sub(TYPMOD_OFFSET)?).ok()?;
            DataType::varchar(limit).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_back_from_the_catalog_and_no_others() {
        for data_type in [DataType::Integer, DataType::Varchar(None), DataType::Varchar(Some(100))] {
            let (oid, modifier) = type_to_catalog(data_type);
            assert_eq!(type_from_catalog(oid, modifier), Some(data_type));
        }
        for modifier in [i32::MIN, -2, 0, 4] {
            assert_eq!(type_from_catalog(1043, modifier), None, "{modifier}");
        }
        assert_eq!((type_from_catalog(23, 5), type_from_catalog(1, -1)), (None, None));
    }
}
