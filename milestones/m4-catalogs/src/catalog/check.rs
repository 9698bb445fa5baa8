//! Whether the catalogs agree with each other: what a row names must be there, and be said once.

use super::bootstrap::{PG_ATTRDEF, PG_ATTRIBUTE, PG_CLASS, PG_TYPE};
use super::rows::{CatalogRow, scan};
use super::{FIRST_OID, Oid};
use crate::buffer::Pages;
use crate::error::{Error, Result};
use crate::page::{FileId, Tid};
use crate::recovery::Damage;
use crate::transaction::Transaction;
use crate::types::check_name;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Who is told of each problem.
pub type Problems<'a> = &'a mut dyn FnMut(Error);

/// A row of `pg_class`.
pub struct Class {
    pub name: String,
    pub kind: String,
    pub columns: i16,
}

/// What is wrong with the rows about tables. `kinds` are those of relations that there are (`pg_class.relkind`).
/// Answers the relations, for those who know of more that refers to them.
pub fn check_tables(
    pages: &mut Pages,
    transaction: &Transaction,
    kinds: &[&str],
    problem: Problems<'_>,
) -> Result<BTreeMap<Oid, Class>> {
    let classes = classes(pages, transaction, kinds, problem)?;
    let defaults = defaults(pages, transaction, &classes, problem)?;
    attributes(pages, transaction, &classes, defaults, problem)?;
    Ok(classes)
}

/// Calls `visit` with each row of a catalog; what it answers wrong is a problem with that row.
pub(super) fn each(
    pages: &mut Pages,
    transaction: &Transaction,
    catalog: Oid,
    problem: Problems<'_>,
    visit: &mut dyn FnMut(&CatalogRow<'_>) -> Result<(), String>,
) -> Result<()> {
    scan(pages, transaction, catalog, &mut Damage::Refused, &mut |tid, row| {
        if let Err(what) = visit(&row) {
            problem(at(catalog, tid, what));
        }
        Ok(())
    })
}

fn at(catalog: Oid, tid: Tid, what: String) -> Error {
    let page = FileId::main(catalog).page(tid.page);
    Error::corrupted(format_args!("slot {} of {page}", tid.slot), what)
}

/// What a column of a catalog cannot be read as is a problem of that row.
pub(super) fn read<T>(value: Result<T>) -> Result<T, String> {
    value.map_err(|error| error.message().to_string())
}

fn classes(
    pages: &mut Pages,
    transaction: &Transaction,
    kinds: &[&str],
    problem: Problems<'_>,
) -> Result<BTreeMap<Oid, Class>> {
    let mut classes = BTreeMap::new();
    let mut names = HashSet::new();
    each(pages, transaction, PG_CLASS, problem, &mut |row| {
        let (oid, name, kind) = (read(row.oid(0))?, read(row.text(1))?, read(row.text(2))?);
        let class = Class { name: name.to_string(), kind: kind.to_string(), columns: read(row.small(4))? };
        let is_new = classes.insert(oid, class).is_none();
        if !is_new {
            return Err(format!("pg_class has relation {oid} twice"));
        }
        if !names.insert(name.to_string()) {
            return Err(format!("pg_class has the name \"{name}\" twice"));
        }
        read(check_name(name))?;
        if !kinds.contains(&kind) {
            return Err(format!("relation \"{name}\" is of kind \"{kind}\", which there is not"));
        }
        let file = read(row.oid(3))?;
        if file != oid {
            return Err(format!("relation \"{name}\" has number {oid}, but file {file}"));
        }
        Ok(())
    })?;
    Ok(classes)
}

/// The columns that have a default, in order of tables and numbers.
fn defaults(
    pages: &mut Pages,
    transaction: &Transaction,
    classes: &BTreeMap<Oid, Class>,
    problem: Problems<'_>,
) -> Result<HashSet<(Oid, i16)>> {
    let (mut defaults, mut oids) = (HashSet::new(), HashSet::new());
    each(pages, transaction, PG_ATTRDEF, problem, &mut |row| {
        let (oid, table, number) = (read(row.oid(0))?, read(row.oid(1))?, read(row.small(2))?);
        let is_new = defaults.insert((table, number));
        match classes.get(&table) {
            None => return Err(format!("pg_attrdef names table {table}, which is not in pg_class")),
            Some(class) if !(1..=class.columns).contains(&number) => {
                return Err(format!(
                    "table \"{}\" has a default for column {number}, but no such column",
                    class.name
                ));
            }
            Some(class) if !is_new => {
                return Err(format!("table \"{}\" has two defaults for column {number}", class.name));
            }
            Some(_) => {}
        }
        if !oids.insert(oid) || oid < FIRST_OID {
            return Err(format!("pg_attrdef has the number {oid} twice, or it is reserved"));
        }
        Ok(())
    })?;
    Ok(defaults)
}

fn attributes(
    pages: &mut Pages,
    transaction: &Transaction,
    classes: &BTreeMap<Oid, Class>,
    mut defaults: HashSet<(Oid, i16)>,
    problem: Problems<'_>,
) -> Result<()> {
    let mut types = HashSet::new();
    each(pages, transaction, PG_TYPE, problem, &mut |row| {
        let oid = read(row.oid(0))?;
        if types.insert(oid) { Ok(()) } else { Err(format!("pg_type has type {oid} twice")) }
    })?;
    let mut numbers: HashMap<Oid, Vec<i16>> = HashMap::new();
    each(pages, transaction, PG_ATTRIBUTE, problem, &mut |row| {
        let (table, number) = (read(row.oid(0))?, read(row.small(3))?);
        numbers.entry(table).or_default().push(number);
        let (name, data_type) = (read(row.text(1))?, read(row.oid(2))?);
        match classes.get(&table) {
            None => return Err(format!("column \"{name}\" is of table {table}, which is not in pg_class")),
            Some(class) if class.kind != TABLE => {
                return Err(format!("column \"{name}\" is of \"{}\", which is not a table", class.name));
            }
            Some(_) => {}
        }
        if !types.contains(&data_type) {
            return Err(format!("column \"{name}\" has type {data_type}, which is not in pg_type"));
        }
        if read(row.boolean(6))? != defaults.remove(&(table, number)) {
            return Err(format!("column \"{name}\": pg_attribute and pg_attrdef differ about its default"));
        }
        Ok(())
    })?;
    for (oid, class) in classes.iter().filter(|(_, class)| class.kind == TABLE) {
        let mut found = numbers.remove(oid).unwrap_or_default();
        found.sort_unstable();
        if !found.iter().copied().eq(1..=class.columns) {
            let what =
                format!("table \"{}\" has columns {found:?}, expected 1 to {}", class.name, class.columns);
            problem(Error::corrupted("catalog \"pg_attribute\"", what));
        }
    }
    Ok(())
}

/// The kind of a table.
pub(super) const TABLE: &str = "r";
