//! Whether the catalogs agree about indexes, and about the constraints that they back.

use super::Oid;
use super::bootstrap::{PG_CONSTRAINT, PG_INDEX};
use super::check::{Class, Problems, TABLE, check_tables, each, read};
use crate::buffer::Pages;
use crate::error::{Error, Result};
use crate::transaction::Transaction;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The kind of an index.
const INDEX: &str = "i";

/// What a row of `pg_index` says that a constraint has to agree with.
struct Indexed {
    table: Oid,
    unique: bool,
    primary: bool,
    columns: String,
}

/// What is wrong with the rows of the catalogs.
pub fn check(pages: &mut Pages, transaction: &Transaction, problem: Problems<'_>) -> Result<()> {
    let classes = check_tables(pages, transaction, &[TABLE, INDEX], problem)?;
    let indexes = indexes(pages, transaction, &classes, problem)?;
    for (oid, class) in
        classes.iter().filter(|(oid, class)| class.kind == INDEX && !indexes.contains_key(oid))
    {
        let what = format!("index \"{}\" ({oid}) is not in pg_index", class.name);
        problem(Error::corrupted("catalog \"pg_class\"", what));
    }
    constraints(pages, transaction, &indexes, problem)
}

fn indexes(
    pages: &mut Pages,
    transaction: &Transaction,
    classes: &BTreeMap<Oid, Class>,
    problem: Problems<'_>,
) -> Result<HashMap<Oid, Indexed>> {
    let (mut indexes, mut primary_keys) = (HashMap::new(), HashSet::new());
    each(pages, transaction, PG_INDEX, problem, &mut |row| {
        let (oid, table, count) = (read(row.oid(0))?, read(row.oid(1))?, read(row.small(2))?);
        let (unique, primary) = (read(row.boolean(3))?, read(row.boolean(4))?);
        let columns = read(row.text(5))?.to_string();
        let numbers: Vec<Option<i16>> = columns.split(' ').map(|number| number.parse().ok()).collect();
        if indexes.insert(oid, Indexed { table, unique, primary, columns }).is_some() {
            return Err(format!("pg_index has index {oid} twice"));
        }
        let Some(class) = classes.get(&oid).filter(|class| class.kind == INDEX) else {
            return Err(format!("index {oid} is not in pg_class"));
        };
        let name = &class.name;
        let Some(owner) = classes.get(&table).filter(|owner| owner.kind == TABLE) else {
            return Err(format!("index \"{name}\" is of table {table}, which is not in pg_class"));
        };
        let is_column =
            |number: &Option<i16>| number.is_some_and(|number| (1..=owner.columns).contains(&number));
        if !numbers.iter().all(is_column) {
            return Err(format!("index \"{name}\" has columns that table \"{}\" does not have", owner.name));
        }
        if numbers.len() != usize::try_from(count).unwrap_or(0) || count != class.columns {
            return Err(format!("index \"{name}\": the catalogs differ about the number of its columns"));
        }
        if primary && !(unique && primary_keys.insert(table)) {
            return Err(format!("index \"{name}\" cannot be the primary key of \"{}\"", owner.name));
        }
        Ok(())
    })?;
    Ok(indexes)
}

fn constraints(
    pages: &mut Pages,
    transaction: &Transaction,
    indexes: &HashMap<Oid, Indexed>,
    problem: Problems<'_>,
) -> Result<()> {
    let mut backed = HashSet::new();
    each(pages, transaction, PG_CONSTRAINT, problem, &mut |row| {
        let (name, table, kind) = (read(row.text(1))?, read(row.oid(2))?, read(row.text(3))?);
        let (oid, columns) = (read(row.oid(4))?, read(row.text(5))?);
        let Some(index) = indexes.get(&oid) else {
            return Err(format!("constraint \"{name}\" names index {oid}, which is not in pg_index"));
        };
        let expected = if index.primary { "p" } else { "u" };
        let expected_columns = format!("{{{}}}", index.columns.replace(' ', ","));
        let agrees = table == index.table && kind == expected && columns == expected_columns && index.unique;
        if !agrees || !backed.insert(oid) {
            return Err(format!("constraint \"{name}\" and index {oid} do not agree"));
        }
        Ok(())
    })?;
    for (oid, _) in indexes.iter().filter(|(oid, index)| index.primary && !backed.contains(oid)) {
        let what = format!("the primary key {oid} is not in pg_constraint");
        problem(Error::corrupted("catalog \"pg_index\"", what));
    }
    Ok(())
}
