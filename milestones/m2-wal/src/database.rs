//! The database: its directory, its tables, and what can be done with their rows.

use crate::buffer::{BASE, Options, PageRef, Pages};
use crate::directory::DataDirectory;
use crate::error::{Error, Result, SqlState};
use crate::heap::{Heap, VacuumReport};
use crate::page::{FileId, PageNo, Tid};
use crate::recovery::{self, RecoveryReport};
use crate::tables::{TABLES_FILE, Tables};
use crate::transaction::{CommitLog, Transaction};
use crate::tuple::{Layout, TupleBuffer};
use crate::types::{Schema, Value};
use crate::vfs::Vfs;
use crate::wal::control::CONTROL_FILE;
use crate::wal::segments::WAL_DIR;
use crate::wal::{LogReader, Lsn, Record};
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

/// Whether commands belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// No: each is its own transaction.
    None,
    Open,
    /// Yes, but one has failed: only the end of the block is accepted, and it will be a rollback.
    Failed,
}

/// How a transaction block ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Committed,
    RolledBack,
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

    /// Opens a transaction block.
    pub fn begin(&mut self) -> Result<()> {
        if self.block != Block::None {
            return Err(Error::new(
                SqlState::ActiveSqlTransaction,
                "there is already a transaction in progress",
            ));
        }
        self.block = Block::Open;
        Ok(())
    }

    /// Ends the block. If a command in it has failed, it is rolled back instead.
    pub fn commit(&mut self) -> Result<Outcome> {
        match std::mem::replace(&mut self.block, Block::None) {
            Block::None => Err(no_transaction()),
            Block::Open => self.commit_transaction().map(|()| Outcome::Committed),
            Block::Failed => {
                self.transaction = Transaction::default();
                Ok(Outcome::RolledBack)
            }
        }
    }

    /// Ends the block as if none of its commands had been.
    pub fn rollback(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.block, Block::None) {
            Block::None => Err(no_transaction()),
            Block::Open | Block::Failed => {
                self.transaction = Transaction::default();
                Ok(())
            }
        }
    }

    /// Whether a transaction block is open, and whether it has failed.
    pub fn block(&self) -> (bool, bool) {
        (self.block != Block::None, self.block == Block::Failed)
    }

    fn commit_transaction(&mut self) -> Result<()> {
        let transaction = std::mem::take(&mut self.transaction);
        match transaction.xid() {
            // It has changed nothing: there is nothing to commit, and no log to wait for.
            0 => Ok(()),
            xid => CommitLog::commit(&mut self.pages, xid),
        }
    }

    /// Runs one command in the block, or in a transaction of its own.
    fn command<T>(&mut self, run: impl FnOnce(&mut Database) -> Result<T>) -> Result<T> {
        if self.block == Block::Failed {
            return Err(Error::new(
                SqlState::InFailedSqlTransaction,
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        self.transaction.next_command();
        match (run(self), self.block) {
            (Ok(answer), Block::None) => self.commit_transaction().map(|()| answer),
            (Ok(answer), _) => Ok(answer),
            (Err(error), Block::None) => {
                self.transaction = Transaction::default();
                Err(error)
            }
            (Err(error), _) => {
                self.block = Block::Failed;
                Err(error)
            }
        }
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
        let mut list = Vec::new();
        for (name, table) in self.tables.iter() {
            let pages = self.pages.page_count(FileId::main(table.relation))?;
            list.push((name.to_string(), table.schema.clone(), pages));
        }
        Ok(list)
    }

    pub fn schema(&self, name: &str) -> Result<&Schema> {
        Ok(&self.tables.get(name)?.schema)
    }

    /// Stores rows; their places, in the same order.
    pub fn insert(&mut self, name: &str, rows: Vec<Vec<Value>>) -> Result<Vec<Tid>> {
        self.command(|db| {
            let table = open(&db.tables, &mut db.open_tables, name)?;
            let mut tuples = encode(table, name, rows)?;
            let mut tids = Vec::new();
            let columns = table.layout.column_count();
            db.transaction.assign_xid(&mut db.pages);
            table.heap.insert(&mut db.pages, &db.transaction, columns, &mut tuples, &mut tids)?;
            Ok(tids)
        })
    }

    /// The row at `tid`, if there is one.
    pub fn get(&mut self, name: &str, tid: Tid) -> Result<Option<Vec<Value>>> {
        self.command(|db| {
            let table = open(&db.tables, &mut db.open_tables, name)?;
            let found = table.heap.get(&mut db.pages, &db.transaction, tid)?;
            found.map(|tuple| table.layout.row(tuple.bytes())).transpose()
        })
    }

    /// Calls `visit` with each row and its place.
    pub fn scan(&mut self, name: &str, visit: &mut dyn FnMut(Tid, Vec<Value>) -> Result<()>) -> Result<()> {
        self.command(|db| {
            let table = open(&db.tables, &mut db.open_tables, name)?;
            let mut scan = table.heap.scan(&mut db.pages)?;
            let mut visible = Vec::new();
            while let Some((number, page)) = scan.next_page(&mut db.pages, &db.transaction, &mut visible)? {
                for slot in &visible {
                    let tuple = page.item(*slot).unwrap_or(&[]);
                    visit(Tid { page: number, slot: *slot }, table.layout.row(tuple)?)?;
                }
            }
            Ok(())
        })
    }

    /// Replaces the row at `tid`: the new version's place, or `None` if there is no such row.
    pub fn update(&mut self, name: &str, tid: Tid, row: Vec<Value>) -> Result<Option<Tid>> {
        self.command(|db| {
            let table = open(&db.tables, &mut db.open_tables, name)?;
            if table.heap.get(&mut db.pages, &db.transaction, tid)?.is_none() {
                return Ok(None);
            }
            let mut tuples = encode(table, name, vec![row])?;
            let mut tids = Vec::new();
            let columns = table.layout.column_count();
            db.transaction.assign_xid(&mut db.pages);
            table.heap.insert(&mut db.pages, &db.transaction, columns, &mut tuples, &mut tids)?;
            table.heap.delete(&mut db.pages, &db.transaction, &[tid])?;
            Ok(tids.pop())
        })
    }

    /// Marks the row at `tid` as deleted; whether there was one.
    pub fn delete(&mut self, name: &str, tid: Tid) -> Result<bool> {
        self.command(|db| {
            let table = open(&db.tables, &mut db.open_tables, name)?;
            if table.heap.get(&mut db.pages, &db.transaction, tid)?.is_none() {
                return Ok(false);
            }
            db.transaction.assign_xid(&mut db.pages);
            table.heap.delete(&mut db.pages, &db.transaction, &[tid])?;
            Ok(true)
        })
    }

    /// Takes away the garbage that updates and deletes have left.
    pub fn vacuum(&mut self, name: &str) -> Result<VacuumReport> {
        if self.block != Block::None {
            return Err(Error::new(
                SqlState::ActiveSqlTransaction,
                "VACUUM cannot run inside a transaction block",
            ));
        }
        let table = open(&self.tables, &mut self.open_tables, name)?;
        let mut report = VacuumReport::default();
        let mut garbage = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            garbage.clear();
            next = table.heap.find_garbage(
                &mut self.pages,
                &self.transaction,
                from,
                &mut garbage,
                &mut report,
            )?;
            table.heap.remove_garbage(&mut self.pages, &self.transaction, &garbage, &mut report)?;
        }
        Ok(report)
    }

    /// Brings the data files up to date, so that recovery would begin here.
    pub fn checkpoint(&mut self) -> Result<()> {
        self.pages.checkpoint()
    }

    /// Ends the use of the database in order. A block that is still open is rolled back.
    pub fn close(mut self) -> Result<()> {
        self.pages.shut_down()
    }

    /// Calls `visit` with the log's records from `from` on (or from the redo pointer), for inspection, for as long as
    /// it answers true.
    pub fn read_log(
        &mut self,
        from: Option<Lsn>,
        visit: &mut dyn FnMut(&Record) -> Result<bool>,
    ) -> Result<()> {
        let end = self.pages.wal().end();
        self.pages.wal().flush(end)?;
        let from = from.unwrap_or(self.pages.control().redo);
        let mut reader = LogReader::new(self.pages.wal().segments(), from, from);
        while reader.position() < end {
            match reader.next_record()? {
                Some(record) if visit(&record)? => {}
                _ => break,
            }
        }
        Ok(())
    }

    /// The pages below, for inspection.
    pub fn pages(&mut self) -> &mut Pages {
        &mut self.pages
    }

    /// A page of a table, and of how many, for inspection.
    pub fn read_page(&mut self, name: &str, page: PageNo) -> Result<PageRef> {
        let table = open(&self.tables, &mut self.open_tables, name)?;
        let file = FileId::main(table.relation);
        let count = self.pages.page_count(file)?;
        if page >= count {
            return Err(Error::new(
                SqlState::InvalidParameterValue,
                format!("page {page} does not exist: \"{name}\" has {count} pages"),
            ));
        }
        self.pages.read(file.page(page))
    }

    /// How a table's rows are laid out in bytes, for inspection.
    pub fn layout(&mut self, name: &str) -> Result<&Layout> {
        Ok(&open(&self.tables, &mut self.open_tables, name)?.layout)
    }
}

fn no_transaction() -> Error {
    Error::new(SqlState::NoActiveSqlTransaction, "there is no transaction in progress")
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

fn encode(table: &OpenTable, name: &str, rows: Vec<Vec<Value>>) -> Result<TupleBuffer> {
    let mut tuples = TupleBuffer::default();
    for mut row in rows {
        table.schema.coerce_row(name, &mut row)?;
        tuples.push_row(&table.layout, &row)?;
    }
    Ok(tuples)
}
