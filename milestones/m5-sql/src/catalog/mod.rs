//! The catalogs: tables about tables.
//!
//! Which tables there are, their columns, their types: these are facts like any others, and a database is good at
//! keeping facts. So they are rows of tables, `pg_class`, `pg_attribute` and their kin, in heaps like every other's. They
//! are read by the same scan, changed by the same insert and delete, and logged and rolled back with them: CREATE TABLE is
//! a transaction because INSERT is one.
//!
//! `pg_class` has a row about `pg_class`. To read that row one must know where it is, so a few facts are not looked
//! up but known: `bootstrap` has them, and writes the first rows. `rows` turns rows into [`Table`]s and back.
//!
//! This file is the memory of what was read. It is kept in step with the rows by whoever changes them, and read anew
//! after a rollback.

mod bootstrap;
mod check;
mod check_indexes;
mod indexes;
mod lookup;
mod rows;

pub use bootstrap::create as bootstrap;
pub use check_indexes::check;
pub use indexes::Index;
pub use lookup::{Lookup, Lookups};

use crate::buffer::Pages;
use crate::error::{Error, Result, SqlState};
use crate::heap::Heap;
use crate::page::FileId;
use crate::recovery::Damage;
use crate::transaction::Transaction;
use crate::tuple::Layout;
use crate::types::{Schema, check_name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of a thing that the catalogs know: a table, a type. A table's is also the number of its files.
pub type Oid = u32;

/// Numbers from here on are given to what users create (PostgreSQL's `FirstNormalObjectId`).
pub const FIRST_OID: Oid = 16384;

/// A table as the catalogs describe it.
#[derive(Clone, Debug)]
pub struct Table {
    pub oid: Oid,
    pub name: String,
    pub schema: Schema,
    pub layout: Layout,
    /// For each column its default as text (`pg_attrdef.adbin`), if it has one.
    pub defaults: Vec<Option<String>>,
    pub indexes: Vec<Arc<Index>>,
    /// `pg_class` and its kin: anybody may read them, and only CREATE and DROP change them.
    pub is_catalog: bool,
}

impl Table {
    /// An error for a catalog: CREATE and DROP of other tables are all that changes it.
    pub fn check_changeable(&self) -> Result<()> {
        if self.is_catalog {
            return Err(Error::new(
                SqlState::InsufficientPrivilege,
                format!("permission denied: \"{}\" is a system catalog", self.name),
            ));
        }
        Ok(())
    }
}

/// The tables there are, by name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    tables: BTreeMap<String, Arc<Table>>,
    /// Something was created or dropped that is not committed yet.
    changed: bool,
    /// What was created or dropped was rolled back, and is to be forgotten by reading the rows anew.
    stale: bool,
}

impl Catalog {
    /// Reads the catalogs as the transaction sees them. If damage is only noted, tables may be missing.
    pub fn load(pages: &mut Pages, transaction: &Transaction, damage: &mut Damage) -> Result<Catalog> {
        let mut catalog = Catalog::default();
        let mut indexes = indexes::read(pages, transaction, damage)?;
        for mut table in rows::read_tables(pages, transaction, damage)? {
            for index in indexes.remove(&table.oid).unwrap_or_default() {
                if damage.tolerate(indexes::check_columns(&index, &table))?.is_some() {
                    table.indexes.push(index);
                }
            }
            catalog.tables.insert(table.name.clone(), Arc::new(table));
        }
        Ok(catalog)
    }

    pub fn get(&self, name: &str) -> Result<&Arc<Table>> {
        self.tables.get(name).ok_or_else(|| {
            Error::new(SqlState::UndefinedTable, format!("relation \"{name}\" does not exist"))
        })
    }

    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values()
    }

    /// Whether a table or an index has this name.
    pub fn has(&self, name: &str) -> bool {
        self.tables.contains_key(name) || self.index(name).is_some()
    }

    /// Creates a table: its files, then its rows in the catalogs. Its files are there at once; if the transaction does
    /// not commit they are removed, or swept away at the next start.
    pub fn create_table(
        &mut self,
        pages: &mut Pages,
        transaction: &Transaction,
        name: &str,
        schema: Schema,
        defaults: Vec<Option<String>>,
    ) -> Result<Arc<Table>> {
        self.check_new_name(name)?;
        let oid = next_oid(pages)?;
        Heap::create(pages, oid)?;
        let layout = Layout::new(&schema);
        let table = Arc::new(Table {
            oid,
            name: name.to_string(),
            schema,
            layout,
            defaults,
            indexes: Vec::new(),
            is_catalog: false,
        });
        rows::insert_table(pages, transaction, &table)?;
        self.tables.insert(name.to_string(), table.clone());
        self.changed = true;
        Ok(table)
    }

    /// Takes a table out of the catalogs. Its files go when the transaction has committed.
    pub fn drop_table(
        &mut self,
        pages: &mut Pages,
        transaction: &Transaction,
        name: &str,
    ) -> Result<Arc<Table>> {
        let table = self
            .get(name)
            .map_err(|_| Error::new(SqlState::UndefinedTable, format!("table \"{name}\" does not exist")))?;
        table.check_changeable()?;
        let table = table.clone();
        rows::delete_table(pages, transaction, table.oid)?;
        for index in &table.indexes {
            indexes::delete(pages, transaction, index.oid)?;
        }
        self.tables.remove(name);
        self.changed = true;
        Ok(table)
    }

    /// The transaction ended. What it did to the catalogs stays, or it has to be forgotten: see [`Catalog::refresh`].
    /// To end a transaction must not fail, and reading may.
    pub fn end_transaction(&mut self, committed: bool) {
        self.stale |= self.changed && !committed;
        self.changed = false;
    }

    /// To be called before anything is looked up in a new transaction.
    pub fn refresh(&mut self, pages: &mut Pages) -> Result<()> {
        if self.stale {
            *self = Catalog::load(pages, &Transaction::default(), &mut Damage::Refused)?;
        }
        Ok(())
    }

    /// Removes the files that no table owns: of transactions that created a table and did not commit, and of tables
    /// whose DROP committed just before the crash.
    pub fn sweep_orphans(&self, pages: &mut Pages) -> Result<Vec<FileId>> {
        let indexes = self.tables.values().flat_map(|table| &table.indexes).map(|index| index.oid);
        let owned: std::collections::HashSet<Oid> =
            self.tables.values().map(|table| table.oid).chain(indexes).collect();
        let mut files = pages.files().list()?;
        files.retain(|file| file.relation >= FIRST_OID);
        // The log does not tell of every number that was given out: an empty table's files are in no record.
        let next = &mut pages.control().next_relation;
        *next = files.iter().map(|file| file.relation.saturating_add(1)).fold(*next, u32::max);
        // One that cannot be removed, as it is no file perhaps, hurts nobody: its number is never given out.
        files.retain(|file| !owned.contains(&file.relation) && pages.remove_file(*file).is_ok());
        Ok(files)
    }

    fn check_new_name(&self, name: &str) -> Result<()> {
        check_name(name)?;
        if self.has(name) {
            return Err(Error::new(SqlState::DuplicateTable, format!("relation \"{name}\" already exists")));
        }
        if name.starts_with("pg_") {
            return Err(Error::new(SqlState::ReservedName, format!("unacceptable table name \"{name}\""))
                .with_detail("The prefix \"pg_\" is reserved for system catalogs."));
        }
        Ok(())
    }
}

/// The number of a new relation. The next checkpoint saves how far they are given out; after a crash, the log and the
/// files that are there tell the rest.
///
/// All that matters is that no old log record can be replayed into a new file. A record that names the number is either
/// before the redo pointer, and then the checkpoint has saved a greater number; or replay meets it, whether the file is
/// still there or not. What neither knows of was in no durable record: if it is given again, there is nothing to replay.
fn next_oid(pages: &mut Pages) -> Result<Oid> {
    let next = &mut pages.control().next_relation;
    let oid = (*next).max(FIRST_OID);
    *next = oid
        .checked_add(1)
        .ok_or_else(|| Error::new(SqlState::ProgramLimitExceeded, "the numbers for relations are used up"))?;
    Ok(oid)
}

/// Removes the files of a table that was dropped, or whose creation was rolled back.
pub fn remove_files(pages: &mut Pages, oid: Oid) -> Result<()> {
    pages.remove_file(FileId::main(oid))?;
    pages.remove_file(FileId::free_space_map(oid))
}

#[cfg(test)]
mod tests;
