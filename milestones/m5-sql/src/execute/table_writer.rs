//! Storing rows: into the heap, and an entry for each of them into each index.
//!
//! Rows come a batch at a time and go down a batch at a time: as many tuples as fit a page are one change of it, and the
//! entries of an index are sorted first, so that those of one leaf are one change of that leaf.

use super::batch::Rows;
use super::vector::{Values, Vector, wrong_kind};
use crate::buffer::Pages;
use crate::catalog::{Index, Table};
use crate::error::{Error, Result, SqlState};
use crate::heap::Heap;
use crate::index::key::push_tuple;
use crate::index::{BTree, Conflict, Entries};
use crate::page::Tid;
use crate::transaction::Transaction;
use crate::tuple::{Layout, TupleBuffer};
use crate::types::{DataType, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// A table open for writing, with what its heap and indexes remember from statement to statement.
pub struct TableWriter {
    table: Arc<Table>,
    heap: Heap,
    trees: Vec<BTree>,
    tuples: TupleBuffer,
    tids: Vec<Tid>,
    entries: Entries,
    /// Which of the waiting rows the last error was about.
    failed_row: Option<usize>,
}

impl TableWriter {
    pub fn new(table: Arc<Table>) -> TableWriter {
        let trees = table.indexes.iter().map(|index| BTree::new(index.oid, &index.name)).collect();
        TableWriter {
            heap: Heap::new(table.oid),
            trees,
            table,
            tuples: TupleBuffer::default(),
            tids: Vec::new(),
            entries: Entries::default(),
            failed_row: None,
        }
    }

    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    pub fn heap(&mut self) -> &mut Heap {
        &mut self.heap
    }

    pub fn trees(&mut self) -> &mut [BTree] {
        &mut self.trees
    }

    /// Adds rows, given as one vector for each column of the table, to those that are waiting.
    pub fn push_rows(&mut self, columns: &[&Vector], rows: Rows<'_>) -> Result<()> {
        let TableWriter { table, tuples, .. } = self;
        rows.try_for_each(|row| {
            let nulls = columns.iter().zip(table.schema.columns());
            if let Some((_, column)) =
                nulls.into_iter().find(|(vector, column)| column.not_null && vector.nulls.is_null(row))
            {
                return Err(null_violation(table, &column.name, columns, row));
            }
            tuples.begin(&table.layout);
            for (column, vector) in columns.iter().enumerate() {
                push_value(tuples, &table.layout, column, vector, row)?;
            }
            tuples.finish()
        })
    }

    /// Adds a row that is a tuple already, of this table.
    pub fn push_tuple(&mut self, tuple: &[u8]) {
        self.tuples.push_tuple(tuple);
    }

    /// The rows that are waiting, as tuples.
    pub fn waiting(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.tuples.len()).map(|index| self.tuples.tuple(index))
    }

    pub fn waiting_bytes(&self) -> usize {
        self.tuples.bytes()
    }

    /// After an error of storing rows: the number of the row, among those that were waiting, that could not be stored.
    pub fn failed_row(&self) -> Option<usize> {
        self.failed_row
    }

    pub fn discard(&mut self) {
        self.tuples.clear();
    }

    /// Stores the rows that are waiting; how many they were.
    pub fn store(&mut self, pages: &mut Pages, transaction: &Transaction) -> Result<u64> {
        self.store_checked(pages, transaction, |index| index.unique)
    }

    /// The same for new versions of rows that have other values in the columns `changed` only, and whose old versions
    /// are deleted. A unique key without any of these is still the key of the same row, and of no other.
    pub fn store_versions(
        &mut self,
        pages: &mut Pages,
        transaction: &Transaction,
        changed: &[usize],
    ) -> Result<u64> {
        self.store_checked(pages, transaction, |index| index.is_unique_over(changed))
    }

    /// `is_checked` says of which indexes the keys may be in use already.
    fn store_checked(
        &mut self,
        pages: &mut Pages,
        transaction: &Transaction,
        is_checked: impl Fn(&Index) -> bool,
    ) -> Result<u64> {
        let TableWriter { table, heap, trees, tuples, tids, entries, failed_row } = self;
        tids.clear();
        *failed_row = None;
        let stored = heap.insert(pages, transaction, table.layout.column_count(), tuples, tids);
        stored.inspect_err(|_| *failed_row = Some(tids.len()))?;
        for (index, tree) in table.indexes.iter().zip(trees) {
            entries.clear();
            for (number, tid) in tids.iter().enumerate() {
                let pushed = entries.push_tuple(&table.layout, tuples.tuple(number), &index.columns, *tid);
                pushed.inspect_err(|_| *failed_row = Some(number))?;
            }
            let inserted = insert_entries(pages, transaction, (heap, tree), entries, is_checked(index));
            let conflict = inserted.inspect_err(|_| {
                let oversized = tree.oversized(entries);
                *failed_row = oversized.and_then(|tid| tids.iter().position(|stored| *stored == tid));
            })?;
            if conflict.is_some() {
                let (row, error) = self.first_violation(pages, transaction, is_checked)?;
                self.failed_row = Some(row);
                return Err(error);
            }
        }
        let stored = tuples.len() as u64;
        tuples.clear();
        Ok(stored)
    }

    /// The first row whose key is taken, and the error about its first such index: the one there would be if rows were
    /// stored one by one. Entries go in index by index and sorted, so another one may have been in the way.
    fn first_violation(
        &self,
        pages: &mut Pages,
        transaction: &Transaction,
        is_checked: impl Fn(&Index) -> bool,
    ) -> Result<(usize, Error)> {
        let TableWriter { table, heap, trees, tuples, tids, .. } = self;
        let after = transaction.after_this_command();
        let new: FxHashMap<Tid, usize> = tids.iter().enumerate().map(|(row, tid)| (*tid, row)).collect();
        let mut before: FxHashSet<(u32, Vec<u8>)> = FxHashSet::default();
        let (mut key, mut found) = (Vec::new(), Vec::new());
        for row in 0..tids.len() {
            for (index, tree) in table.indexes.iter().zip(trees).filter(|(index, _)| is_checked(index)) {
                key.clear();
                let has_null = push_tuple(&mut key, &table.layout, tuples.tuple(row), &index.columns)?;
                if has_null {
                    continue;
                }
                found.clear();
                tree.find(pages, &key, &mut found)?;
                let mut is_taken = !before.insert((index.oid, key.clone()));
                for tid in found.iter().filter(|tid| !new.contains_key(tid)) {
                    is_taken |= heap.get(pages, &after, *tid)?.is_some();
                }
                if is_taken {
                    return Ok((row, unique_violation(table, index, tuples.tuple(row))));
                }
            }
        }
        Err(Error::internal("a key was taken, and is not"))
    }

    /// Marks rows as deleted. Their index entries stay until vacuum.
    pub fn delete(&mut self, pages: &mut Pages, transaction: &Transaction, tids: &[Tid]) -> Result<()> {
        self.heap.delete(pages, transaction, tids)
    }
}

/// Adds the rows to an index; the first key that is taken, if one is.
fn insert_entries(
    pages: &mut Pages,
    transaction: &Transaction,
    (heap, tree): (&Heap, &mut BTree),
    entries: &mut Entries,
    is_checked: bool,
) -> Result<Option<Conflict>> {
    // A row counts if the next command would see it: also one that this very command has stored.
    let after = transaction.after_this_command();
    let mut is_live = |pages: &mut Pages, tid| Ok(heap.get(pages, &after, tid)?.is_some());
    let unique: Option<&mut crate::index::IsLive<'_>> = if is_checked { Some(&mut is_live) } else { None };
    tree.insert_many(pages, transaction.xid(), entries, unique)
}

/// Two rows with the key of `tuple`, in an index that allows one.
pub fn unique_violation(table: &Table, index: &Index, tuple: &[u8]) -> Error {
    let (names, values) = describe_key(table, index, tuple);
    Error::new(
        SqlState::UniqueViolation,
        format!("duplicate key value violates unique constraint \"{}\"", index.name),
    )
    .with_detail(format!("Key ({names})=({values}) already exists."))
}

/// The columns of an index and a row's values in them, as errors name them.
pub fn describe_key(table: &Table, index: &Index, tuple: &[u8]) -> (String, String) {
    let names: Vec<&str> =
        index.columns.iter().map(|column| table.schema.columns()[*column].name.as_str()).collect();
    let value = |column: &usize| match table.layout.value(tuple, *column) {
        Ok(Value::Null) => "null".to_string(),
        Ok(value) => value.to_string(),
        Err(_) => "?".to_string(),
    };
    let values: Vec<String> = index.columns.iter().map(value).collect();
    (names.join(", "), values.join(", "))
}

pub fn null_violation(table: &Table, column: &str, columns: &[&Vector], row: usize) -> Error {
    let values: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(number, vector)| match vector.value(row, table.layout.data_type(number)) {
            Ok(Value::Null) | Err(_) => "null".to_string(),
            Ok(value) => value.to_string(),
        })
        .collect();
    Error::new(
        SqlState::NotNullViolation,
        format!(
            "null value in column \"{column}\" of relation \"{}\" violates not-null constraint",
            table.name
        ),
    )
    .with_detail(format!("Failing row contains ({}).", values.join(", ")))
}

fn push_value(
    tuples: &mut TupleBuffer,
    layout: &Layout,
    column: usize,
    vector: &Vector,
    row: usize,
) -> Result<()> {
    if vector.nulls.is_null(row) {
        tuples.push_null(layout);
        return Ok(());
    }
    match (&vector.values, layout.data_type(column)) {
        (Values::Boolean(values), DataType::Boolean) => tuples.push_fixed(layout, [u8::from(values[row])]),
        (Values::Integer(values), DataType::SmallInt) => {
            tuples.push_fixed(layout, (values[row] as i16).to_le_bytes());
        }
        (Values::Integer(values), DataType::Integer) => {
            tuples.push_fixed(layout, (values[row] as i32).to_le_bytes());
        }
        (Values::Integer(values), DataType::BigInt) => tuples.push_fixed(layout, values[row].to_le_bytes()),
        (Values::Double(values), DataType::DoublePrecision) => {
            tuples.push_fixed(layout, values[row].to_le_bytes());
        }
        (Values::Text(texts), DataType::Text | DataType::Varchar(_)) => {
            tuples.push_variable(layout, texts.get(row));
        }
        _ => return Err(wrong_kind()),
    }
    Ok(())
}
