//! Looking at an index, and holding it and its table against each other.
//!
//! - The tree is a tree: see `index::check`.
//! - Each of its entries leads to a stored row that has the entry's key. Whether somebody sees that row does not matter:
//!   an index keeps the entries of dead rows until vacuum has taken both away.
//! - For each row that somebody sees, there is its entry.
//! - No two rows that somebody sees have one key of a unique index, unless it has a NULL.
//!
//! The table is in no order that the index knows, and the other way round. Both comparisons therefore go in batches:
//! entries in the index's order are sorted by place before the table is asked, and rows in the table's order by key
//! before the index is. So pages are met in order within a batch, and memory stays bounded for a table of any size.

use super::Report;
use super::heap::{Bounds, every_page};
use super::page::at;
use crate::buffer::{PageRef, Pages};
use crate::catalog::{Index, Table};
use crate::error::{Error, Result, SqlState};
use crate::index::{BTree, Entries, Lookup, key};
use crate::page::{FileId, PageId, PageKind, PageNo, Tid};
use crate::transaction::Transaction;
use crate::tuple::TupleHeader;
use std::ops::Range;

/// Entries that are compared at a time; the longest take 2.7 kB each.
const BATCH: usize = 16_384;

/// An index to look at.
pub struct IndexCheck<'a> {
    pub table: &'a Table,
    pub index: &'a Index,
    pub transaction: &'a Transaction,
    pub bounds: Bounds,
}

impl IndexCheck<'_> {
    pub fn run(&self, pages: &mut Pages, report: &mut Report) {
        report.begin_part();
        report.count("index", 1);
        let file = FileId::main(self.index.oid);
        every_page(pages, file, PageKind::BTree, self.bounds, report, |_, _, _, _| {});
        let tree = BTree::new(self.index.oid, &self.index.name);
        let mut batch = Batch::default();
        let problems = tree.check(pages, &mut |pages, key, tid| {
            batch.push(key, tid);
            if batch.places.len() == BATCH {
                self.compare_with_rows(pages, &mut batch, report);
            }
        });
        self.compare_with_rows(pages, &mut batch, report);
        problems.into_iter().for_each(|problem| report.problem(problem));
        self.compare_with_entries(pages, &tree, report);
    }

    /// Asks the table for the rows of a batch of entries, and empties it.
    fn compare_with_rows(&self, pages: &mut Pages, batch: &mut Batch, report: &mut Report) {
        let Some(count) = report.ok(pages.page_count(FileId::main(self.table.oid))) else { return };
        let mut order: Vec<usize> = (0..batch.places.len()).collect();
        order.sort_unstable_by_key(|number| batch.places[*number].tid);
        let mut row_key = Vec::new();
        let mut held: Option<(PageNo, Option<PageRef>)> = None;
        for number in order {
            let tid = batch.places[number].tid;
            let page = match held.take() {
                Some((page, read)) if page == tid.page => read,
                // One that cannot be read was reported when the table was looked at.
                _ if tid.page < count => pages.read_sequentially(self.row_page(tid)).ok(),
                _ => {
                    report.problem(self.wrong(tid, "leads there, but the file ends before"));
                    continue;
                }
            };
            if let Some(page) = &page {
                match page.item(tid.slot) {
                    None => report.problem(self.wrong(tid, "leads there, but there is no row")),
                    Some(row) => {
                        let unique =
                            self.compare_key(pages, row, tid, batch.key(number), &mut row_key, report);
                        batch.places[number].must_be_unique = unique;
                    }
                }
            }
            held = Some((tid.page, page));
        }
        if self.index.unique {
            batch.each_equal_pair(&mut |first, second| {
                let what =
                    format!("is the key of that row and of slot {} of page {}", first.slot, first.page);
                report.problem(self.wrong(second, what));
            });
        }
        batch.clear();
    }

    /// Whether the row has the entry's key; if it counts for uniqueness, the answer is true.
    fn compare_key(
        &self,
        pages: &mut Pages,
        row: &[u8],
        tid: Tid,
        entry_key: &[u8],
        row_key: &mut Vec<u8>,
        report: &mut Report,
    ) -> bool {
        row_key.clear();
        // A row that cannot be read was reported when the table was looked at.
        let Ok(has_null) = key::push_tuple(row_key, &self.table.layout, row, &self.index.columns) else {
            return false;
        };
        if row_key != entry_key {
            report.problem(self.wrong(tid, "leads there, but the row has another key"));
            return false;
        }
        self.index.unique && !has_null && self.sees(pages, row).unwrap_or(false)
    }

    /// Asks the index for the entries of all rows that somebody sees.
    fn compare_with_entries(&self, pages: &mut Pages, tree: &BTree, report: &mut Report) {
        let file = FileId::main(self.table.oid);
        let Some(count) = report.ok(pages.page_count(file)) else { return };
        let Some(there) = report.ok(pages.files().page_count(file)) else { return };
        let mut entries = Entries::default();
        for number in 0..count.min(there) {
            let id = file.page(number);
            // What cannot be read was reported when the table was looked at.
            let Ok(page) = pages.read_sequentially(id) else { continue };
            if page.kind() != PageKind::Heap {
                continue;
            }
            for slot in 1..=page.slot_count() {
                if let Some(row) = page.item(slot)
                    && self.sees(pages, row).unwrap_or(false)
                {
                    let tid = Tid { page: number, slot };
                    let _ = entries.push_tuple(&self.table.layout, row, &self.index.columns, tid);
                }
            }
            if entries.len() >= BATCH {
                self.look_up(pages, tree, &mut entries, report);
            }
        }
        self.look_up(pages, tree, &mut entries, report);
    }

    fn look_up(&self, pages: &mut Pages, tree: &BTree, entries: &mut Entries, report: &mut Report) {
        entries.sort();
        let mut lookup = Lookup::new(tree);
        for number in 0..entries.len() {
            if report.ok(lookup.contains(pages, entries.entry(number))) == Some(false) {
                report.problem(self.wrong(entries.tid(number), "does not lead to that row"));
            }
        }
        entries.clear();
    }

    fn sees(&self, pages: &mut Pages, row: &[u8]) -> Result<bool> {
        self.transaction.sees(pages, TupleHeader::read(row)?)
    }

    fn row_page(&self, tid: Tid) -> PageId {
        FileId::main(self.table.oid).page(tid.page)
    }

    /// A problem between the index and the row at `tid`.
    fn wrong(&self, tid: Tid, what: impl std::fmt::Display) -> Error {
        let (index, page) = (&self.index.name, self.row_page(tid));
        let message = at(tid.slot, page, format_args!("index \"{index}\" {what}")).message().to_string();
        Error::new(SqlState::IndexCorrupted, message)
    }
}

/// Entries in the index's order.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    places: Vec<Place>,
    /// The last entry of the batches before that must be unique.
    last: Option<(Vec<u8>, Tid)>,
}

struct Place {
    tid: Tid,
    key: Range<usize>,
    /// Somebody sees the row, and its key has no NULL.
    must_be_unique: bool,
}

impl Batch {
    fn push(&mut self, key: &[u8], tid: Tid) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.places.push(Place { tid, key: start..self.bytes.len(), must_be_unique: false });
    }

    fn key(&self, number: usize) -> &[u8] {
        &self.bytes[self.places[number].key.clone()]
    }

    /// Calls `visit` with the places of neighbours of one key that must be unique, across batches too.
    fn each_equal_pair(&mut self, visit: &mut dyn FnMut(Tid, Tid)) {
        for number in 0..self.places.len() {
            if !self.places[number].must_be_unique {
                continue;
            }
            let (key, tid) = (&self.bytes[self.places[number].key.clone()], self.places[number].tid);
            match &mut self.last {
                Some((known, first)) if known == key => visit(*first, tid),
                Some((known, first)) => {
                    known.clear();
                    known.extend_from_slice(key);
                    *first = tid;
                }
                None => self.last = Some((key.to_vec(), tid)),
            }
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }
}
