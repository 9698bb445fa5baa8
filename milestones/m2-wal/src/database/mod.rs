//! The database: its directory, its tables, and what can be done with their rows.

mod block;
mod check;
mod inspect;
mod rows;

pub use block::Outcome;
pub use check::check_directory;

use crate::buffer::{BASE, Options, Pages};
use crate::directory::DataDirectory;
use crate::error::{Error, Result, SqlState};
use crate::heap::Heap;
use crate::page::{FileId, PageNo};
use crate::recovery::{self, Damage, RecoveryReport};
use crate::tables::{TABLES_FILE, Tables};
use crate::transaction::{CommitLog, Transaction};
use crate::tuple::Layout;
use crate::types::Schema;
use crate::vfs::{OverlayVfs, Vfs};
use crate::wal::control::CONTROL_FILE;
use crate::wal::segments::WAL_DIR;
use block::Block;
use std::collections::HashMap;
use std::sync::Arc;

/// The format of this stage's data directories.
const FORMAT: &str = "InoxDB m2-wal 3";

/// What this stage keeps in a data directory.
const OWN_NAMES: &[&str] = &[BASE, TABLES_FILE, WAL_DIR, CONTROL_FILE];

/// An open database. One owner uses it; there are no threads inside and nothing global.
///
/// Each command is a transaction of its own, unless [`Database::begin`] has opened a block; then all commands until
/// [`Database::commit`] are one. What a commit has acknowledged survives anything; what was not committed is not
/// there.
pub struct Database {
    pages: Pages,
    tables: Tables,
    open_tables: HashMap<String, OpenTable>,
    transaction: Transaction,
    block: Block,
    recovery: RecoveryReport,
    /// What was found to be damaged, if the database was opened in spite of it; then it is for reading only.
    damage: Damage,
    _directory: DataDirectory,
}

/// What is worked out once for each table that is used.
struct OpenTable {
    relation: u32,
    schema: Schema,
    layout: Layout,
    heap: Heap,
}

impl Database {
    /// Opens the database in `vfs`, making an empty one if there is none.
    pub fn open(vfs: Arc<dyn Vfs>, options: Options) -> Result<Database> {
        let mut directory = DataDirectory::open(&*vfs, FORMAT, OWN_NAMES)?;
        if directory.is_new() {
            Pages::create(&vfs, directory.database(), options)?;
            CommitLog::create(&vfs, directory.database())?;
            Tables::empty().save(&*vfs)?;
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
        let tables = Tables::load(&*vfs)?;
        damage.tolerate(CommitLog::check(&*vfs))?;
        let (mut pages, recovery) = recovery::open_pages(vfs, directory.database(), options, &mut damage)?;
        if !damage.is_noted() {
            if !recovery.clean {
                // The last process may have been told that its list of tables is not durable, though it can be read.
                tables.save(&**pages.files().vfs())?;
            }
            recovery::finish(&mut pages, &recovery)?;
        }
        Ok(Database {
            pages,
            tables,
            open_tables: HashMap::new(),
            transaction: Transaction::default(),
            block: Block::None,
            recovery,
            damage,
            _directory: directory,
        })
    }

    /// What recovery had to do when the database was opened.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
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

    /// Not part of any transaction: the table is there at once, and a rollback does not take it away.
    pub fn create_table(&mut self, name: &str, schema: Schema) -> Result<()> {
        self.command(|db| {
            db.check_writable("CREATE TABLE")?;
            let mut tables = db.tables.clone();
            let relation = tables.add(name, schema)?;
            // A creation that was interrupted may have left files of this number. The log does not know it: no page of
            // theirs is written before the list of tables has it, and never gives it out again.
            db.pages.remove_file(FileId::main(relation))?;
            db.pages.remove_file(FileId::free_space_map(relation))?;
            Heap::create(&mut db.pages, relation)?;
            db.replace_tables(tables)
        })
    }

    /// If the new list cannot be made durable it may be there all the same, and so would the table, sooner or later. So
    /// the old one is put back; if that fails, too, only the next start will tell.
    fn replace_tables(&mut self, tables: Tables) -> Result<()> {
        let vfs = self.pages.files().vfs().clone();
        if let Err(error) = tables.save(&*vfs) {
            if self.tables.save(&*vfs).is_err() {
                self.pages.wal().fail(&error);
            }
            return Err(error);
        }
        self.tables = tables;
        Ok(())
    }

    /// The names of the tables, their columns, and their sizes in pages.
    pub fn tables(&mut self) -> Result<Vec<(String, Schema, PageNo)>> {
        self.check_block()?;
        let mut list = Vec::new();
        for (name, table) in self.tables.iter() {
            let pages = self.pages.page_count(FileId::main(table.relation))?;
            list.push((name.to_string(), table.schema.clone(), pages));
        }
        Ok(list)
    }

    pub fn schema(&self, name: &str) -> Result<&Schema> {
        self.check_block()?;
        Ok(&self.tables.get(name)?.schema)
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

fn open<'a>(
    tables: &Tables,
    open_tables: &'a mut HashMap<String, OpenTable>,
    name: &str,
) -> Result<&'a mut OpenTable> {
    if !open_tables.contains_key(name) {
        let entry = tables.get(name)?;
        let table = OpenTable {
            relation: entry.relation,
            schema: entry.schema.clone(),
            layout: Layout::new(&entry.schema),
            heap: Heap::new(entry.relation),
        };
        open_tables.insert(name.to_string(), table);
    }
    open_tables.get_mut(name).ok_or_else(|| Error::internal("an open table vanished"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::small_options;
    use crate::types::{Column, DataType, Value};
    use crate::vfs::SimulatedVfs;
    use crate::vfs::simulated::{Failure, Fault, Operation, Survival};

    fn open(disk: &SimulatedVfs) -> Database {
        Database::open(Arc::new(disk.clone()), small_options()).unwrap()
    }

    fn create(db: &mut Database, name: &str) -> Result<()> {
        let column = Column { name: "n".to_string(), data_type: DataType::Integer, not_null: true };
        db.create_table(name, Schema::new(vec![column])?)
    }

    /// Of the syncs of directories that a CREATE TABLE needs, the third is that of the list of tables.
    fn fail_the_list(disk: &SimulatedVfs) {
        disk.inject(Fault {
            on: Some(Operation::SyncDir),
            nth: 3,
            failure: Failure::Io,
            from_then_on: false,
        });
    }

    #[test]
    fn a_table_that_could_not_be_made_does_not_come_later() {
        let disk = SimulatedVfs::new();
        let mut db = open(&disk);
        fail_the_list(&disk);
        assert_eq!(create(&mut db, "t").unwrap_err().state().code(), "58030");
        create(&mut db, "other").unwrap();
        drop(db);
        disk.kill();
        let names: Vec<String> = open(&disk).tables().unwrap().into_iter().map(|table| table.0).collect();
        assert_eq!(names, ["other"]);
    }

    #[test]
    fn a_table_that_only_the_cache_knows_is_made_durable_before_it_is_used() {
        let disk = SimulatedVfs::new();
        let mut db = open(&disk);
        fail_the_list(&disk);
        // The old list cannot be put back either.
        disk.inject(Fault { on: Some(Operation::Rename), nth: 2, failure: Failure::Io, from_then_on: true });
        create(&mut db, "t").unwrap_err();
        let error = create(&mut db, "other").unwrap_err();
        assert!(error.message().contains("read-only"), "{error}");
        assert!(error.detail().unwrap().contains("could not fsync file"), "{error:?}");
        drop(db);
        let disk = disk.fork();
        let mut db = open(&disk);
        db.insert("t", vec![vec![Value::Integer(1)]]).unwrap();
        drop(db);
        disk.power_cut(Survival::None, 0);
        let mut rows = 0;
        let count = &mut |_, _| {
            rows += 1;
            Ok(())
        };
        open(&disk).scan("t", count).unwrap();
        assert_eq!(rows, 1);
    }
}
