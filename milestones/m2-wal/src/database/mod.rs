//! The database: its directory, its tables, and what can be done with their rows.

mod block;
mod inspect;
mod rows;

pub use block::Outcome;

use crate::buffer::{BASE, Options, Pages};
use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::heap::Heap;
use crate::page::{FileId, PageNo};
use crate::recovery::{self, RecoveryReport};
use crate::tables::{TABLES_FILE, Tables};
use crate::transaction::{CommitLog, Transaction};
use crate::tuple::Layout;
use crate::types::Schema;
use crate::vfs::Vfs;
use crate::wal::control::CONTROL_FILE;
use crate::wal::segments::WAL_DIR;
use block::Block;
use std::collections::HashMap;
use std::sync::Arc;

/// The format of this stage's data directories.
const FORMAT: &str = "InoxDB m2-wal 1";

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
            Pages::create(&vfs, options)?;
            Tables::empty().save(&*vfs)?;
            directory.mark_complete(&*vfs, FORMAT)?;
        }
        let tables = Tables::load(&*vfs)?;
        let (mut pages, recovery) = recovery::open_pages(vfs, options)?;
        tables.sweep_orphans(pages.files())?;
        CommitLog::create_if_missing(&mut pages)?;
        Ok(Database {
            pages,
            tables,
            open_tables: HashMap::new(),
            transaction: Transaction::default(),
            block: Block::None,
            recovery,
            _directory: directory,
        })
    }

    /// What recovery had to do when the database was opened.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }

    /// Not part of any transaction: the table is there at once, and a rollback does not take it away.
    pub fn create_table(&mut self, name: &str, schema: Schema) -> Result<()> {
        self.command(|db| {
            let mut tables = db.tables.clone();
            let relation = tables.add(name, schema)?;
            Heap::create(&mut db.pages, relation)?;
            tables.save(&**db.pages.files().vfs())?;
            db.tables = tables;
            Ok(())
        })
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
        self.pages.checkpoint()
    }

    /// Ends the use of the database in order. A block that is still open is rolled back.
    pub fn close(mut self) -> Result<()> {
        self.pages.shut_down()
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
