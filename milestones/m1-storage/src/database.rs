//! The database: its directory, its tables, and what can be done with their rows.

use crate::buffer::{BASE, PageRef, Pages};
use crate::directory::DataDirectory;
use crate::error::{Error, Result, SqlState};
use crate::heap::{Heap, VacuumReport};
use crate::page::{FileId, PageNo, Tid};
use crate::tables::{TABLES_FILE, Tables};
use crate::transaction::Transaction;
use crate::tuple::{Layout, TupleBuffer};
use crate::types::{Schema, Value};
use crate::vfs::Vfs;
use std::collections::HashMap;
use std::sync::Arc;

/// The format of this stage's data directories.
const FORMAT: &str = "InoxDB m1-storage 1";

/// What this stage keeps in a data directory.
const OWN_NAMES: &[&str] = &[BASE, TABLES_FILE];

/// An open database. One owner uses it; there are no threads inside and nothing global.
///
/// What the last [`Database::sync`] acknowledged, and was not rewritten since, survives anything. What came
/// later may be lost in a crash, and a page that was being written then may be damaged: never silently, its
/// checksum tells.
pub struct Database {
    pages: Pages,
    tables: Tables,
    open_tables: HashMap<String, OpenTable>,
    transaction: Transaction,
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
    pub fn open(vfs: Arc<dyn Vfs>) -> Result<Database> {
        let mut directory = DataDirectory::open(&*vfs, FORMAT, OWN_NAMES)?;
        if directory.is_new() {
            vfs.create_dir(BASE).map_err(|error| Error::io("create", BASE, error))?;
            Tables::empty().save(&*vfs)?;
            directory.mark_complete(&*vfs, FORMAT)?;
        }
        Ok(Database {
            tables: Tables::load(&*vfs)?,
            pages: Pages::new(vfs),
            open_tables: HashMap::new(),
            transaction: Transaction,
            _directory: directory,
        })
    }

    pub fn create_table(&mut self, name: &str, schema: Schema) -> Result<()> {
        let mut tables = self.tables.clone();
        let relation = tables.add(name, schema)?;
        Heap::create(&mut self.pages, relation)?;
        tables.save(&**self.pages.files().vfs())?;
        self.tables = tables;
        Ok(())
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
        let table = open(&self.tables, &mut self.open_tables, name)?;
        let mut tuples = encode(table, name, rows)?;
        let mut tids = Vec::new();
        let columns = table.layout.column_count();
        table.heap.insert(&mut self.pages, &self.transaction, columns, &mut tuples, &mut tids)?;
        Ok(tids)
    }

    /// The row at `tid`, if there is one.
    pub fn get(&mut self, name: &str, tid: Tid) -> Result<Option<Vec<Value>>> {
        let table = open(&self.tables, &mut self.open_tables, name)?;
        let found = table.heap.get(&mut self.pages, &self.transaction, tid)?;
        found.map(|tuple| table.layout.row(tuple.bytes())).transpose()
    }

    /// Calls `visit` with each row and its place.
    pub fn scan(&mut self, name: &str, visit: &mut dyn FnMut(Tid, Vec<Value>) -> Result<()>) -> Result<()> {
        let table = open(&self.tables, &mut self.open_tables, name)?;
        let mut scan = table.heap.scan(&mut self.pages)?;
        let mut visible = Vec::new();
        while let Some((number, page)) = scan.next_page(&mut self.pages, &self.transaction, &mut visible)? {
            for slot in &visible {
                let tuple = page.item(*slot).unwrap_or(&[]);
                visit(Tid { page: number, slot: *slot }, table.layout.row(tuple)?)?;
            }
        }
        Ok(())
    }

    /// Replaces the row at `tid`: the new version's place, or `None` if there is no such row.
    pub fn update(&mut self, name: &str, tid: Tid, row: Vec<Value>) -> Result<Option<Tid>> {
        let table = open(&self.tables, &mut self.open_tables, name)?;
        if table.heap.get(&mut self.pages, &self.transaction, tid)?.is_none() {
            return Ok(None);
        }
        let mut tuples = encode(table, name, vec![row])?;
        let mut tids = Vec::new();
        let columns = table.layout.column_count();
        table.heap.insert(&mut self.pages, &self.transaction, columns, &mut tuples, &mut tids)?;
        table.heap.delete(&mut self.pages, &self.transaction, &[tid])?;
        Ok(tids.pop())
    }

    /// Marks the row at `tid` as deleted; whether there was one.
    pub fn delete(&mut self, name: &str, tid: Tid) -> Result<bool> {
        let table = open(&self.tables, &mut self.open_tables, name)?;
        if table.heap.get(&mut self.pages, &self.transaction, tid)?.is_none() {
            return Ok(false);
        }
        table.heap.delete(&mut self.pages, &self.transaction, &[tid])?;
        Ok(true)
    }

    /// Takes away the garbage that updates and deletes have left.
    pub fn vacuum(&mut self, name: &str) -> Result<VacuumReport> {
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

    /// Makes durable what was done so far.
    pub fn sync(&mut self) -> Result<()> {
        self.pages.checkpoint()
    }

    /// Ends the use of the database; what was done is durable.
    pub fn close(mut self) -> Result<()> {
        self.sync()
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
