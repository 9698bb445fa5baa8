//! The catalogs as rows: what is created is found again, what is rolled back is not.

use super::*;
use crate::testing::{open_pages, transact};
use crate::transaction::CommitLog;
use crate::tuple::TupleBuffer;
use crate::types::{Column, DataType, Value};
use crate::vfs::MemoryVfs;

fn schema() -> Schema {
    let column = |name: &str, data_type, not_null| Column { name: name.to_string(), data_type, not_null };
    Schema::new(vec![
        column("id", DataType::Integer, true),
        column("name", DataType::Varchar(Some(100)), false),
        column("score", DataType::DoublePrecision, false),
    ])
    .unwrap()
}

fn create(catalog: &mut Catalog, pages: &mut Pages, transaction: &Transaction, name: &str) -> Arc<Table> {
    let defaults = vec![None, Some("'nobody'".to_string()), None];
    catalog.create_table(pages, transaction, name, schema(), defaults).unwrap()
}

fn names(catalog: &Catalog) -> Vec<&str> {
    catalog.tables().filter(|table| !table.is_catalog).map(|table| table.name.as_str()).collect()
}

#[test]
fn pg_class_has_a_row_about_pg_class() {
    let mut pages = open_pages(Arc::new(MemoryVfs::new()));
    bootstrap(&mut pages).unwrap();
    let catalog = Catalog::load(&mut pages, &Transaction::default(), &mut Damage::Refused).unwrap();
    let pg_class = catalog.get("pg_class").unwrap();
    assert_eq!((pg_class.oid, pg_class.is_catalog), (1259, true));
    for table in catalog.tables() {
        let known = bootstrap::catalog(table.oid).unwrap();
        assert_eq!((&table.name, &table.schema), (&known.name, &known.schema));
    }
}

#[test]
fn a_committed_table_is_found_after_a_restart() {
    let vfs = Arc::new(MemoryVfs::new());
    let mut pages = open_pages(vfs.clone());
    bootstrap(&mut pages).unwrap();
    let mut catalog = Catalog::load(&mut pages, &Transaction::default(), &mut Damage::Refused).unwrap();
    transact(&mut pages, |pages, transaction| create(&mut catalog, pages, transaction, "t"));
    drop(pages);
    let mut pages = open_pages(vfs);
    let catalog = Catalog::load(&mut pages, &Transaction::default(), &mut Damage::Refused).unwrap();
    let table = catalog.get("t").unwrap();
    assert_eq!((table.oid, &table.schema), (FIRST_OID, &schema()));
    assert_eq!(table.defaults, [None, Some("'nobody'".to_string()), None]);
}

#[test]
fn a_rolled_back_table_is_gone_and_its_files_are_swept() {
    let vfs = Arc::new(MemoryVfs::new());
    let mut pages = open_pages(vfs.clone());
    bootstrap(&mut pages).unwrap();
    let mut catalog = Catalog::load(&mut pages, &Transaction::default(), &mut Damage::Refused).unwrap();
    transact(&mut pages, |pages, transaction| create(&mut catalog, pages, transaction, "stays"));
    let mut transaction = Transaction::default();
    transaction.assign_xid(&mut pages);
    let lost = create(&mut catalog, &mut pages, &transaction, "lost");
    catalog.end_transaction(false);
    catalog.refresh(&mut pages).unwrap();
    assert_eq!(names(&catalog), ["stays"]);
    let orphans = catalog.sweep_orphans(&mut pages).unwrap();
    assert_eq!(orphans, [FileId::main(lost.oid), FileId::free_space_map(lost.oid)]);
    let next = transact(&mut pages, |pages, transaction| create(&mut catalog, pages, transaction, "next"));
    assert!(next.oid > lost.oid, "a number was used twice");
}

#[test]
fn after_a_crash_the_number_of_an_empty_table_is_not_given_out_again() {
    let vfs = Arc::new(MemoryVfs::new());
    let mut pages = open_pages(vfs.clone());
    bootstrap(&mut pages).unwrap();
    let mut catalog = Catalog::load(&mut pages, &Transaction::default(), &mut Damage::Refused).unwrap();
    let first = transact(&mut pages, |pages, transaction| create(&mut catalog, pages, transaction, "first"));
    drop(pages);
    let mut pages = open_pages(vfs);
    let mut catalog = Catalog::load(&mut pages, &Transaction::default(), &mut Damage::Refused).unwrap();
    assert_eq!(catalog.sweep_orphans(&mut pages).unwrap(), []);
    let next = transact(&mut pages, |pages, transaction| create(&mut catalog, pages, transaction, "next"));
    assert!(next.oid > first.oid);
}

#[test]
fn after_a_crash_a_number_that_only_the_log_knows_is_not_given_out_again() {
    let vfs = Arc::new(MemoryVfs::new());
    let mut pages = open_pages(vfs.clone());
    bootstrap(&mut pages).unwrap();
    let mut catalog = Catalog::load(&mut pages, &Transaction::default(), &mut Damage::Refused).unwrap();
    pages.checkpoint().unwrap();
    let saved = pages.control().next_relation;
    let mut transaction = Transaction::default();
    transaction.assign_xid(&mut pages);
    let lost = create(&mut catalog, &mut pages, &transaction, "lost");
    let mut tuples = TupleBuffer::default();
    tuples.push_row(&lost.layout, &[Value::Integer(1), Value::Null, Value::Null]).unwrap();
    Heap::new(lost.oid).insert(&mut pages, &transaction, 3, &mut tuples, &mut Vec::new()).unwrap();
    // Rolled back: its files are gone, and its pages are in the log.
    remove_files(&mut pages, lost.oid).unwrap();
    catalog.end_transaction(false);
    transact(&mut pages, |_, _| ());
    assert_eq!(pages.control_file().data().next_relation, saved, "a checkpoint has saved it");
    drop(pages);
    let mut pages = open_pages(vfs);
    let mut catalog = Catalog::load(&mut pages, &Transaction::default(), &mut Damage::Refused).unwrap();
    assert_eq!(catalog.sweep_orphans(&mut pages).unwrap(), []);
    let next = transact(&mut pages, |pages, transaction| create(&mut catalog, pages, transaction, "next"));
    assert!(next.oid > lost.oid, "a number was used twice");
    assert_eq!(pages.page_count(FileId::main(next.oid)).unwrap(), 0, "replayed into a new table");
}

#[test]
fn a_drop_is_a_transaction_too() {
    let mut pages = open_pages(Arc::new(MemoryVfs::new()));
    bootstrap(&mut pages).unwrap();
    let mut catalog = Catalog::load(&mut pages, &Transaction::default(), &mut Damage::Refused).unwrap();
    transact(&mut pages, |pages, transaction| create(&mut catalog, pages, transaction, "t"));
    catalog.end_transaction(true);

    let mut transaction = Transaction::default();
    transaction.assign_xid(&mut pages);
    transaction.next_command();
    catalog.drop_table(&mut pages, &transaction, "t").unwrap();
    assert!(names(&catalog).is_empty());
    catalog.end_transaction(false);
    catalog.refresh(&mut pages).unwrap();
    assert_eq!(names(&catalog), ["t"]);

    let mut transaction = Transaction::default();
    transaction.assign_xid(&mut pages);
    transaction.next_command();
    catalog.drop_table(&mut pages, &transaction, "t").unwrap();
    CommitLog::commit(&mut pages, transaction.xid()).unwrap();
    let catalog = Catalog::load(&mut pages, &Transaction::default(), &mut Damage::Refused).unwrap();
    assert!(names(&catalog).is_empty());
}
