//! Indexes as the catalogs describe them: a row of `pg_class` with `relkind` "i", a row of `pg_index` that says which
//! columns, and for a PRIMARY KEY or UNIQUE constraint a row of `pg_constraint` that it backs.

use super::bootstrap::{PG_CLASS, PG_CONSTRAINT, PG_INDEX};
use super::rows::{attribute_number, delete as delete_rows, insert, oid_value, scan, text};
use super::{Catalog, Oid, Table};
use crate::buffer::Pages;
use crate::error::{Error, Result, SqlState};
use crate::index::BTree;
use crate::recovery::Damage;
use crate::transaction::Transaction;
use crate::types::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// An index as the catalogs describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Also the number of its file.
    pub oid: Oid,
    pub name: String,
    pub table: Oid,
    /// Positions of the key columns in the table's schema.
    pub columns: Vec<usize>,
    pub unique: bool,
    pub primary: bool,
    /// The constraint that the index backs, if it does.
    pub constraint: Option<String>,
}

impl Index {
    /// Whether new values in these columns can make a key that another row has.
    pub fn is_unique_over(&self, columns: &[usize]) -> bool {
        self.unique && self.columns.iter().any(|column| columns.contains(column))
    }
}

impl Catalog {
    /// The index called `name`, and its table.
    pub fn index(&self, name: &str) -> Option<(&Arc<Table>, &Arc<Index>)> {
        let indexes =
            self.tables.values().flat_map(|table| table.indexes.iter().map(move |index| (table, index)));
        indexes.into_iter().find(|(_, index)| index.name == name)
    }

    /// Creates an empty index: its file, then its rows. `index.oid` is given out here. Answers the table with its new
    /// index.
    pub fn create_index(
        &mut self,
        pages: &mut Pages,
        transaction: &Transaction,
        table: &str,
        mut index: Index,
    ) -> Result<(Arc<Table>, Arc<Index>)> {
        self.check_new_name(&index.name)?;
        let mut changed = Table::clone(self.get(table)?);
        changed.check_changeable()?;
        index.oid = super::next_oid(pages)?;
        BTree::create(pages, transaction.xid(), index.oid, &index.name)?;
        write(pages, transaction, &index)?;
        let index = Arc::new(index);
        changed.indexes.push(index.clone());
        Ok((self.replace(changed), index))
    }

    /// Takes an index out of the catalogs. Its file goes when the transaction has committed.
    pub fn drop_index(
        &mut self,
        pages: &mut Pages,
        transaction: &Transaction,
        name: &str,
    ) -> Result<Arc<Index>> {
        let Some((table, index)) = self.index(name) else {
            return Err(Error::new(SqlState::UndefinedObject, format!("index \"{name}\" does not exist")));
        };
        if let Some(constraint) = &index.constraint {
            let table = &table.name;
            return Err(Error::new(
                SqlState::DependentObjectsStillExist,
                format!(
                    "cannot drop index {name} because constraint {constraint} on table {table} requires it"
                ),
            ));
        }
        let (index, mut changed) = (index.clone(), Table::clone(table));
        delete(pages, transaction, index.oid)?;
        changed.indexes.retain(|kept| kept.oid != index.oid);
        self.replace(changed);
        Ok(index)
    }

    fn replace(&mut self, table: Table) -> Arc<Table> {
        let table = Arc::new(table);
        self.tables.insert(table.name.clone(), table.clone());
        self.changed = true;
        table
    }
}

/// Every index that the transaction sees, by table; a primary key first, then in the order they were created.
pub(super) fn read(
    pages: &mut Pages,
    transaction: &Transaction,
    damage: &mut Damage,
) -> Result<HashMap<Oid, Vec<Arc<Index>>>> {
    let mut names = HashMap::new();
    scan(pages, transaction, PG_CLASS, damage, &mut |_, row| {
        if row.text(2)? == "i" {
            names.insert(row.oid(0)?, row.text(1)?.to_string());
        }
        Ok(())
    })?;
    let mut constraints = HashMap::new();
    scan(pages, transaction, PG_CONSTRAINT, damage, &mut |_, row| {
        constraints.insert(row.oid(4)?, row.text(1)?.to_string());
        Ok(())
    })?;
    let mut indexes: HashMap<Oid, Vec<Arc<Index>>> = HashMap::new();
    scan(pages, transaction, PG_INDEX, damage, &mut |_, row| {
        let (oid, table) = (row.oid(0)?, row.oid(1)?);
        let Some(name) = names.remove(&oid) else {
            return Err(row.damaged(format_args!("index {oid} is not in pg_class")));
        };
        let columns = row.text(5)?.split(' ').map(|number| number.parse::<usize>().ok()?.checked_sub(1));
        let Some(columns) = columns.collect() else {
            return Err(row.damaged(format_args!("the columns of index \"{name}\" make no sense")));
        };
        let (unique, primary) = (row.boolean(3)?, row.boolean(4)?);
        let constraint = constraints.remove(&oid);
        let index = Index { oid, name, table, columns, unique, primary, constraint };
        indexes.entry(table).or_default().push(Arc::new(index));
        Ok(())
    })?;
    for list in indexes.values_mut() {
        list.sort_by_key(|index| (!index.primary, index.oid));
    }
    Ok(indexes)
}

/// The key columns of an index must be columns of its table.
pub(super) fn check_columns(index: &Index, table: &Table) -> Result<()> {
    let count = table.schema.columns().len();
    match index.columns.iter().find(|column| **column >= count) {
        None => Ok(()),
        Some(column) => Err(Error::corrupted(
            "catalog \"pg_index\"",
            format_args!("index \"{}\" is on column {} of {count}", index.name, column + 1),
        )),
    }
}

fn write(pages: &mut Pages, transaction: &Transaction, index: &Index) -> Result<()> {
    let (oid, table) = (oid_value(index.oid), oid_value(index.table));
    let count = attribute_number(index.columns.len());
    let class = vec![oid.clone(), text(&index.name), text("i"), oid.clone(), count.clone()];
    insert(pages, transaction, PG_CLASS, vec![class])?;
    let numbers: Vec<String> = index.columns.iter().map(|column| (column + 1).to_string()).collect();
    let (unique, primary) = (Value::Boolean(index.unique), Value::Boolean(index.primary));
    let row = vec![oid.clone(), table.clone(), count, unique, primary, text(&numbers.join(" "))];
    insert(pages, transaction, PG_INDEX, vec![row])?;
    if let Some(name) = &index.constraint {
        let kind = if index.primary { "p" } else { "u" };
        let columns = format!("{{{}}}", numbers.join(","));
        let own_oid = oid_value(super::next_oid(pages)?);
        let row = vec![own_oid, text(name), table, text(kind), oid, text(&columns)];
        insert(pages, transaction, PG_CONSTRAINT, vec![row])?;
    }
    Ok(())
}

/// Deletes every row about an index.
pub(super) fn delete(pages: &mut Pages, transaction: &Transaction, oid: Oid) -> Result<()> {
    for (catalog, column) in [(PG_CLASS, 0), (PG_INDEX, 0), (PG_CONSTRAINT, 4)] {
        delete_rows(pages, transaction, catalog, column, oid)?;
    }
    Ok(())
}
