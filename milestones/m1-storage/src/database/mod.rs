//! The database: its directory, its tables, and what can be done with their rows.

mod check;
mod inspect;
mod rows;

pub use check::check_directory;

use crate::buffer::{BASE, Pages};
use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::heap::Heap;
use crate::page::{FileId, PageNo};
use crate::tables::{TABLES_FILE, Tables};
use crate::transaction::Transaction;
use crate::tuple::Layout;
use crate::types::Schema;
use crate::vfs::Vfs;
use std::collections::HashMap;
use std::sync::Arc;

/// The format of this stage's data directories.
const FORMAT: &str = "InoxDB m1-storage 3";

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
            directory.mark_complete(&*vfs)?;
        }
        let tables = Tables::load(&*vfs)?;
        let pages = Pages::new(vfs, directory.database());
        Ok(Database {
            tables,
            pages,
            open_tables: HashMap::new(),
            transaction: Transaction,
            _directory: directory,
        })
    }

    pub fn create_table(&mut self, name: &str, schema: Schema) -> Result<()> {
        let mut tables = self.tables.clone();
        let relation = tables.add(name, schema)?;
        // A creation that was interrupted may have left files of this number.
        self.pages.remove_file(FileId::main(relation))?;
        self.pages.remove_file(FileId::free_space_map(relation))?;
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

    /// Makes durable what was done so far.
    pub fn sync(&mut self) -> Result<()> {
        self.pages.checkpoint()
    }

    /// Ends the use of the database; what was done is durable.
    pub fn close(mut self) -> Result<()> {
        self.sync()
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
