//! The heap against the simplest model of it: a map from places to rows.

use super::*;
use crate::testing::{open_pages, transact};
use crate::tuple::Layout;
use crate::types::{Column, DataType, Schema, Value};
use crate::vfs::{MemoryVfs, Vfs};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

struct Table {
    pages: Pages,
    heap: Heap,
    layout: Layout,
}

impl Table {
    fn new(vfs: Arc<MemoryVfs>) -> Table {
        let mut pages = open_pages(vfs);
        let column = Column { name: "c".into(), data_type: DataType::Text, not_null: false };
        let layout = Layout::new(&Schema::new(vec![column]).unwrap());
        let heap = Heap::create(&mut pages, 16384).unwrap();
        Table { pages, heap, layout }
    }

    fn insert(&mut self, lengths: &[usize]) -> Vec<Tid> {
        let mut tuples = TupleBuffer::default();
        for length in lengths {
            tuples.push_row(&self.layout, &[text(*length)]).unwrap();
        }
        let mut tids = Vec::new();
        transact(&mut self.pages, |pages, transaction| {
            self.heap.insert(pages, transaction, 1, &mut tuples, &mut tids).unwrap();
        });
        tids
    }

    fn scan(&mut self) -> BTreeMap<Tid, Value> {
        let (mut visible, mut rows) = (Vec::new(), BTreeMap::new());
        transact(&mut self.pages, |pages, transaction| {
            let mut scan = self.heap.scan(pages).unwrap();
            while let Some((page, bytes)) = scan.next_page(pages, transaction, &mut visible).unwrap() {
                for slot in &visible {
                    let row = self.layout.row(bytes.item(*slot).unwrap()).unwrap();
                    rows.insert(Tid { page, slot: *slot }, row[0].clone());
                }
            }
        });
        rows
    }

    fn get(&mut self, tid: Tid) -> Result<Option<Value>> {
        transact(&mut self.pages, |pages, transaction| {
            let found = self.heap.get(pages, transaction, tid)?;
            Ok(found.map(|tuple| self.layout.value(tuple.bytes(), 0).unwrap()))
        })
    }

    fn delete(&mut self, tids: &[Tid]) {
        transact(&mut self.pages, |pages, transaction| {
            self.heap.delete(pages, transaction, tids).unwrap();
        });
    }

    fn vacuum(&mut self) -> VacuumReport {
        let (mut report, mut next) = (VacuumReport::default(), Some(0));
        transact(&mut self.pages, |pages, transaction| {
            while let Some(from) = next {
                let mut garbage = Vec::new();
                next = self.heap.find_garbage(pages, transaction, from, &mut garbage, &mut report).unwrap();
                self.heap.remove_garbage(pages, transaction, &garbage, &mut report).unwrap();
            }
        });
        report
    }

    fn page_count(&mut self) -> PageNo {
        self.heap.page_count(&mut self.pages).unwrap()
    }
}

fn text(length: usize) -> Value {
    Value::Text("x".repeat(length))
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<usize>),
    Delete(prop::sample::Index),
    Vacuum,
    /// The heap is opened anew: it has forgotten where it last found room.
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => proptest::collection::vec(prop_oneof![0..200usize, 0..8000usize], 1..20).prop_map(Step::Insert),
        5 => any::<prop::sample::Index>().prop_map(Step::Delete),
        1 => Just(Step::Vacuum),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_heap_holds_what_the_model_holds(steps in proptest::collection::vec(step(), 1..40)) {
        let (mut table, mut model) = (Table::new(Arc::default()), BTreeMap::new());
        for step in steps {
            match step {
                Step::Insert(lengths) => {
                    for (tid, length) in table.insert(&lengths).into_iter().zip(&lengths) {
                        prop_assert!(model.insert(tid, text(*length)).is_none(), "{tid} was in use");
                    }
                }
                Step::Delete(index) if !model.is_empty() => {
                    let tid = *index.get(&model.keys().copied().collect::<Vec<_>>());
                    table.delete(&[tid]);
                    model.remove(&tid);
                }
                Step::Delete(_) => {}
                Step::Vacuum => prop_assert_eq!(table.vacuum().live, model.len() as u64),
                Step::Reopen => table.heap = Heap::new(16384),
            }
            prop_assert_eq!(&table.scan(), &model);
        }
        for (tid, value) in &model {
            prop_assert_eq!(&table.get(*tid).unwrap(), &Some(value.clone()));
        }
    }
}

#[test]
fn a_delete_only_marks_and_vacuum_makes_the_room_usable() {
    let mut table = Table::new(Arc::default());
    let tids = table.insert(&[1000; 70]);
    let pages = table.page_count();
    table.delete(&tids);
    assert!(table.scan().is_empty());
    assert_eq!(table.vacuum().removed, 70);
    table.insert(&[1000; 70]);
    assert_eq!(table.page_count(), pages, "the table grew although it had room");
}

#[test]
fn reopening_does_not_cost_a_page_each_time() {
    let mut table = Table::new(Arc::default());
    for _ in 0..100 {
        table.insert(&[10]);
        table.heap = Heap::new(16384);
    }
    assert_eq!(table.page_count(), 1);
}

#[test]
fn the_longest_row_fits_and_nothing_loops() {
    let mut table = Table::new(Arc::default());
    // Header 24, null bits 1, one end of 2.
    let longest = crate::tuple::MAX_TUPLE_SIZE - 27;
    let tids = table.insert(&[longest, longest, longest]);
    assert_eq!(tids.iter().map(|tid| tid.page).collect::<Vec<_>>(), [0, 1, 2]);
    table.delete(&tids[1..2]);
    table.vacuum();
    assert_eq!(table.insert(&[longest]), [tids[1]]);
}

#[test]
fn a_damaged_page_is_reported_with_its_place() {
    let vfs = Arc::new(MemoryVfs::new());
    let mut table = Table::new(vfs.clone());
    table.insert(&[3000; 6]);
    table.pages.checkpoint().unwrap();
    let file = vfs.open("base/16384").unwrap();
    file.write_at(b"?", 8192 + 5000).unwrap();
    table.pages = open_pages(vfs);
    let error = table.get(Tid { page: 1, slot: 1 }).unwrap_err();
    assert_eq!(error.state().code(), "XX001");
    assert!(error.message().starts_with("page 1 of file \"base/16384\": the checksum is"), "{error}");
    assert!(table.get(Tid { page: 0, slot: 1 }).unwrap().is_some(), "the other pages stay readable");
}

#[test]
fn an_error_about_a_damaged_row_says_where_it_lies() {
    let mut table = Table::new(Arc::new(MemoryVfs::new()));
    table.insert(&[10]);
    let tid = Tid { page: 0, slot: 2 };
    transact(&mut table.pages, |pages, transaction| {
        let mut change = pages.change(transaction.xid()).unwrap();
        let page = change.open(FileId::main(16384).page(tid.page)).unwrap();
        change.edit(page).insert(tid.slot, b"no header").unwrap();
        change.finish().unwrap();
        let place = "slot 2 of page 0 of file \"base/16384\": tuple: ";
        let expect =
            |error: Error| assert_eq!(error.message(), format!("{place}9 bytes are too few for a header"));
        expect(table.heap.get(pages, transaction, tid).unwrap_err());
        expect(table.heap.scan(pages).unwrap().next_page(pages, transaction, &mut Vec::new()).unwrap_err());
        let (mut garbage, mut report) = (Vec::new(), VacuumReport::default());
        expect(table.heap.find_garbage(pages, transaction, 0, &mut garbage, &mut report).unwrap_err());
    });
}

#[test]
fn a_map_page_that_is_none_is_noticed_before_anything_is_edited() {
    let mut table = Table::new(Arc::new(MemoryVfs::new()));
    let tids = table.insert(&[3000, 3000]);
    transact(&mut table.pages, |pages, transaction| {
        let map = FileId::free_space_map(16384).page(0);
        let mut change = pages.change(transaction.xid()).unwrap();
        let page = change.open(map).unwrap();
        change.edit(page).init(PageKind::Heap, 0);
        change.finish().unwrap();
        let mut report = VacuumReport::default();
        let error = table.heap.remove_garbage(pages, transaction, &tids, &mut report).unwrap_err();
        assert!(error.message().starts_with("page 0 of file \"base/16384_fsm\""), "{error}");
    });
    assert_eq!(table.scan().len(), 2, "nothing was done by halves");
}
