//! Whether the parts of the database agree: every tree is a tree, and its entries and the table's rows lead to each
//! other.

use super::Database;
use crate::catalog::{Index, Table};
use crate::error::{Error, Result, SqlState};
use crate::heap::Heap;
use crate::index::{BTree, key};
use crate::page::Tid;
use std::collections::HashSet;

impl Database {
    /// Looks at every index and says what is wrong, and where. Holds a table's places in memory.
    pub fn check(&mut self) -> Vec<Error> {
        let mut problems = Vec::new();
        let tables: Vec<_> = self.catalog.tables().cloned().collect();
        for table in tables {
            for index in &table.indexes {
                if let Err(error) = self.check_index(&table, index, &mut problems) {
                    problems.push(error);
                }
            }
        }
        problems
    }

    fn check_index(&mut self, table: &Table, index: &Index, problems: &mut Vec<Error>) -> Result<()> {
        let Database { pages, transaction, .. } = self;
        let mut entries = HashSet::new();
        let tree = BTree::new(index.oid, &index.name);
        problems.extend(tree.check(pages, &mut |key, tid| {
            entries.insert((key.to_vec(), tid));
        }));
        let mut scan = Heap::new(table.oid).scan(pages)?;
        let (mut visible, mut key) = (Vec::new(), Vec::new());
        while let Some((number, page)) = scan.next_page(pages, transaction, &mut visible)? {
            for slot in &visible {
                let tid = Tid { page: number, slot: *slot };
                key.clear();
                let tuple = page.item(*slot).unwrap_or(&[]);
                key::push_tuple(&mut key, &table.layout, tuple, &index.columns)?;
                if !entries.contains(&(std::mem::take(&mut key), tid)) {
                    problems.push(Error::new(
                        SqlState::IndexCorrupted,
                        format!("index \"{}\" does not lead to row {tid} of \"{}\"", index.name, table.name),
                    ));
                }
            }
        }
        Ok(())
    }
}
