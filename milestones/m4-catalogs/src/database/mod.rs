//! The database: its directory, its tables, and what can be done with their rows.

mod block;
mod check;
mod inspect;
mod rows;

pub use block::Outcome;
pub use check::check_directory;

use crate::buffer::{BASE, Options, Pages};
use crate::catalog::{self, Catalog, Oid, Table};
use crate::directory::{DataDirectory, DatabaseId};
use crate::error::{Error, Result, SqlState};
use crate::heap::Heap;
use crate::page::{FileId, PageNo};
use crate::recovery::{self, Damage, RecoveryReport};
use crate::transaction::{CommitLog, Transaction};
use crate::types::Schema;
use crate::vfs::{OverlayVfs, Vfs};
use crate::wal::control::CONTROL_FILE;
use crate::wal::segments::WAL_DIR;
use block::Block;
use std::collections::HashMap;
use std::sync::Arc;

/// The format of this stage's data directories.
const FORMAT: &str = "InoxDB m4-catalogs 3";

/// What this stage keeps in a data directory.
const OWN_NAMES: &[&str] = &[BASE, WAL_DIR, CONTROL_FILE];

/// An open database. One owner uses it; there are no threads inside and nothing global.
///
/// Each command is a transaction of its own, unless [`Database::begin`] has opened a block; then all commands until
/// [`Database::commit`] are one. What a commit has acknowledged survives anything; what was not committed is not
/// there.
pub struct Database {
    pages: Pages,
    catalog: Catalog,
    /// The heaps of the tables that are used, with what they remember.
    heaps: HashMap<Oid, Heap>,
    ddl: Ddl,
    transaction: Transaction,
    block: Block,
    recovery: RecoveryReport,
    swept: Vec<FileId>,
    /// What was found to be damaged, if the database was opened in spite of it; then it is for reading only.
    damage: Damage,
    _directory: DataDirectory,
}

/// The tables that the transaction has created and dropped: whose files go when it ends.
#[derive(Default)]
struct Ddl {
    created: Vec<Oid>,
    dropped: Vec<Oid>,
}

impl Database {
    /// Opens the database in `vfs`, making an empty one if there is none.
    pub fn open(vfs: Arc<dyn Vfs>, options: Options) -> Result<Database> {
        let mut directory = DataDirectory::open(&*vfs, FORMAT, OWN_NAMES)?;
        if directory.is_new() {
            Pages::create(&vfs, directory.database(), options)?;
            create_catalogs(&vfs, directory.database(), options)?;
            directory.mark_complete(&*vfs)?;
        }
        Database::open_with(vfs, options, directory, Damage::Refused)
    }

    /// Opens a database for reading only, however damaged it is, as far as it can be read: see
    /// [`Database::damage`]. Nothing in `vfs` is changed.
    pub fn salvage(vfs: Arc<dyn Vfs>, options: Options) -> Result<Database> {
        let vfs: Arc<dyn Vfs> = Arc::new(OverlayVfs::new(vfs));
        let mut damage = Damage::Noted(Vec::new());
        recovery::complete_directory(&*vfs, FORMAT, OWN_NAMES, &mut damage)?;
        let directory = DataDirectory::open(&*vfs, FORMAT, OWN_NAMES)?;
        Database::open_with(vfs, options, directory, damage)
    }

    fn open_with(
        vfs: Arc<dyn Vfs>,
        options: Options,
        directory: DataDirectory,
        mut damage: Damage,
    ) -> Result<Database> {
        damage.tolerate(CommitLog::check(&*vfs))?;
        let (mut pages, recovery) = recovery::open_pages(vfs, directory.database(), options, &mut damage)?;
        let catalog = Catalog::load(&mut pages, &Transaction::default(), &mut damage)?;
        let mut swept = Vec::new();
        if !damage.is_noted() {
            recovery::finish(&mut pages, &recovery)?;
            swept = catalog.sweep_orphans(&mut pages)?;
        }
        Ok(Database {
            pages,
            catalog,
            heaps: HashMap::new(),
            ddl: Ddl::default(),
            transaction: Transaction::default(),
            block: Block::None,
            recovery,
            swept,
            damage,
            _directory: directory,
        })
    }

    /// What recovery had to do when the database was opened.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }

    /// The files that no table owned when the database was opened, and that were removed.
    pub fn swept(&self) -> &[FileId] {
        &self.swept
    }

    /// What was found to be damaged, if the database was opened by [`Database::salvage`].
    pub fn damage(&self) -> &Damage {
        &self.damage
    }

    /// Whoever is about to change something asks here first.
    fn check_writable(&self, command: &str) -> Result<()> {
        if self.damage.is_noted() {
            return Err(Error::new(
                SqlState::ReadOnlySqlTransaction,
                format!("cannot execute {command} in a read-only transaction"),
            ));
        }
        Ok(())
    }

    pub fn create_table(&mut self, name: &str, schema: Schema) -> Result<()> {
        self.command(|db| {
            db.check_writable("CREATE TABLE")?;
            db.transaction.assign_xid(&mut db.pages);
            let defaults = vec![None; schema.columns().len()];
            let table = db.catalog.create_table(&mut db.pages, &db.transaction, name, schema, defaults)?;
            db.ddl.created.push(table.oid);
            Ok(())
        })
    }

    pub fn drop_table(&mut self, name: &str) -> Result<()> {
        self.command(|db| {
            db.check_writable("DROP TABLE")?;
            db.transaction.assign_xid(&mut db.pages);
            let table = db.catalog.drop_table(&mut db.pages, &db.transaction, name)?;
            db.ddl.dropped.push(table.oid);
            Ok(())
        })
    }

    /// The names of the tables, their columns, and their sizes in pages.
    pub fn tables(&mut self) -> Result<Vec<(String, Schema, PageNo)>> {
        self.check_block()?;
        let mut list = Vec::new();
        self.catalog.refresh(&mut self.pages)?;
        for table in self.catalog.tables().filter(|table| !table.is_catalog) {
            let pages = self.pages.page_count(FileId::main(table.oid))?;
            list.push((table.name.clone(), table.schema.clone(), pages));
        }
        Ok(list)
    }

    pub fn schema(&mut self, name: &str) -> Result<&Schema> {
        Ok(&self.catalog()?.get(name)?.schema)
    }

    /// Brings the data files up to date, so that recovery would begin here.
    pub fn checkpoint(&mut self) -> Result<()> {
        self.check_block()?;
        self.check_writable("CHECKPOINT")?;
        self.pages.checkpoint()
    }

    /// Ends the use of the database in order. A block that is still open is rolled back.
    pub fn close(mut self) -> Result<()> {
        if self.damage.is_noted() { Ok(()) } else { self.pages.shut_down() }
    }
}

/// The catalogs of a new database, durable before the database is declared complete.
fn create_catalogs(vfs: &Arc<dyn Vfs>, database: DatabaseId, options: Options) -> Result<()> {
    CommitLog::create(vfs, database)?;
    let (mut pages, _) = recovery::open_pages(vfs.clone(), database, options, &mut Damage::Refused)?;
    catalog::bootstrap(&mut pages)?;
    pages.shut_down()
}

/// A table and its heap, by name.
fn open<'a>(
    catalog: &Catalog,
    heaps: &'a mut HashMap<Oid, Heap>,
    name: &str,
) -> Result<(Arc<Table>, &'a mut Heap)> {
    let table = catalog.get(name)?.clone();
    let heap = heaps.entry(table.oid).or_insert_with(|| Heap::new(table.oid));
    Ok((table, heap))
}

/// The same, to change its rows.
fn open_for_change<'a>(
    catalog: &Catalog,
    heaps: &'a mut HashMap<Oid, Heap>,
    name: &str,
) -> Result<(Arc<Table>, &'a mut Heap)> {
    let (table, heap) = open(catalog, heaps, name)?;
    table.check_changeable()?;
    Ok((table, heap))
}
