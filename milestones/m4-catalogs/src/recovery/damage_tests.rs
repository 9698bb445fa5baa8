//! Directories that are damaged: refused without a trace, and salvaged as far as they can be read.

use crate::buffer::{BASE, Files, Options};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::page::{Delta, FileId, Page, PageId, PageKind, PageMut};
use crate::testing::DATABASE;
use crate::transaction::FROZEN_XID;
use crate::types::{Column, DataType, Schema, Value};
use crate::vfs::{self, MemoryVfs, Vfs};
use crate::wal::record::{self, RecordKind};
use crate::wal::segments::{Segments, WAL_DIR};
use crate::wal::{ControlFile, LogReader, Lsn};
use std::sync::Arc;

const SEGMENT: u64 = 1 << 16;

fn create(db: &mut Database) -> Result<()> {
    let column = |name: &str, data_type| Column { name: name.into(), data_type, not_null: false };
    db.create_table("t", Schema::new(vec![column("id", DataType::Integer), column("v", DataType::Text)])?)
}

fn insert(db: &mut Database, id: i32) -> Result<()> {
    db.insert("t", vec![vec![Value::Integer(id), Value::Text("x".repeat(500))]]).map(drop)
}

fn vacuum(db: &mut Database) -> Result<()> {
    db.vacuum("t").map(drop)
}

fn read(db: &mut Database) -> Result<Vec<i32>> {
    let mut ids = Vec::new();
    db.scan("t", &mut |_, row| {
        let Value::Integer(id) = row[0] else { panic!("{row:?}") };
        ids.push(id);
        Ok(())
    })?;
    ids.sort_unstable();
    Ok(ids)
}

/// Room for all pages, and a log so long that a checkpoint comes only when it is asked for.
fn options() -> Options {
    Options { max_wal_size: 1 << 30, segment_size: SEGMENT as u32, ..Options::default() }
}

/// Every file and its bytes, but for the lock.
fn content(vfs: &MemoryVfs) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for directory in ["", BASE, WAL_DIR] {
        for name in vfs.list(directory).unwrap() {
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            if let Ok(bytes) = vfs::read_file(vfs, &path, u64::MAX) {
                found.push((path, bytes));
            }
        }
    }
    found
}

/// A table `t` with a hundred rows before a checkpoint and a hundred after, each a transaction of its own, left as by
/// a crash; and where the log went on after the checkpoint.
fn crashed() -> (MemoryVfs, Vec<Lsn>) {
    let vfs = MemoryVfs::new();
    let mut db = Database::open(Arc::new(vfs.clone()), options()).unwrap();
    create(&mut db).unwrap();
    (0..100).for_each(|id| insert(&mut db, id).unwrap());
    db.checkpoint().unwrap();
    let mut ends = Vec::new();
    for id in 100..200 {
        insert(&mut db, id).unwrap();
        ends.push(db.pages().wal().end());
    }
    (vfs, ends)
}

fn refused(vfs: &MemoryVfs) -> Error {
    let before = content(vfs);
    let error = Database::open(Arc::new(vfs.clone()), options()).err().expect("it was opened");
    assert!(content(vfs) == before, "{error}: something was written");
    error
}

fn salvaged(vfs: &MemoryVfs) -> (Database, String) {
    let before = content(vfs);
    let db = Database::salvage(Arc::new(vfs.clone()), options()).unwrap();
    assert!(content(vfs) == before, "salvage has written something");
    let notes = db.damage().notes().join("\n");
    (db, notes)
}

fn spoil(vfs: &MemoryVfs, lsn: Lsn) {
    let segment = vfs.open(&format!("wal/{:016X}", lsn / SEGMENT)).unwrap();
    segment.write_at(&[0xee; 8], lsn % SEGMENT).unwrap();
}

fn all() -> Vec<i32> {
    (0..200).collect()
}

#[test]
fn a_log_damaged_in_the_middle_is_refused_and_salvaged_up_to_there() {
    let (vfs, ends) = crashed();
    spoil(&vfs, ends[49] + 48);
    let error = refused(&vfs);
    assert!(error.message().contains("but the log was durable up to"), "{error}");
    let (mut db, notes) = salvaged(&vfs);
    assert_eq!(read(&mut db).unwrap(), (0..150).collect::<Vec<i32>>());
    assert!(notes.contains("durable up to") && notes.contains("The log is read up to"), "{notes}");
}

#[test]
fn without_a_control_file_the_log_is_read_from_its_oldest_record() {
    let (vfs, _) = crashed();
    vfs.open("control").unwrap().set_len(40).unwrap();
    assert!(refused(&vfs).message().contains("neither slot"));
    let (mut db, notes) = salvaged(&vfs);
    assert_eq!(read(&mut db).unwrap(), all());
    assert!(notes.contains("Replay begins at"), "{notes}");
}

#[test]
fn without_a_log_the_data_files_are_read_as_they_are() {
    let (vfs, _) = crashed();
    for name in vfs.list(WAL_DIR).unwrap() {
        vfs.remove(&format!("wal/{name}")).unwrap();
    }
    refused(&vfs);
    let (mut db, _) = salvaged(&vfs);
    assert!(read(&mut db).unwrap().len() >= 100);
    drop(db);
    vfs.remove("control").unwrap();
    refused(&vfs);
    let (mut db, notes) = salvaged(&vfs);
    assert!(read(&mut db).unwrap().len() >= 100);
    assert!(notes.contains("read as they are"), "{notes}");
}

#[test]
fn every_segment_that_is_missing_short_or_long_is_refused_or_not_needed() {
    let (clean, ends) = crashed();
    let needed = ControlFile::open(&clean, DATABASE).unwrap().data().redo / SEGMENT..=ends[99] / SEGMENT;
    drop(clean);
    for name in crashed().0.list(WAL_DIR).unwrap() {
        let (number, path) = (u64::from_str_radix(&name, 16).unwrap(), format!("wal/{name}"));
        for len in [None, Some(0), Some(1000), Some(SEGMENT + 1)] {
            let (vfs, _) = crashed();
            match len {
                None => vfs.remove(&path).unwrap(),
                Some(len) => vfs.open(&path).unwrap().set_len(len).unwrap(),
            }
            if needed.contains(&number) {
                refused(&vfs);
                salvaged(&vfs);
            } else if let Ok(mut db) = Database::open(Arc::new(vfs), options()) {
                assert_eq!(read(&mut db).unwrap(), all());
            }
        }
    }
}

#[test]
fn every_refusal_leaves_the_directory_as_it_was() {
    type Spoil = fn(&MemoryVfs);
    let damages: [(&str, &str, Spoil); 8] = [
        ("inoxdb.format", "has format", |vfs| put(vfs, "inoxdb.format", b"Other")),
        ("inoxdb.format", "has lost its file", |vfs| vfs.remove("inoxdb.format").unwrap()),
        ("tables", "file \"tables\"", |vfs| put(vfs, "tables", &[0xff])),
        ("tables", "file \"tables\"", |vfs| vfs.remove("tables").unwrap()),
        ("base/1", "file \"base/1\"", |vfs| vfs.remove("base/1").unwrap()),
        ("control", "file \"control\"", |vfs| vfs.remove("control").unwrap()),
        ("control", "file \"control\"", |vfs| vfs.open("control").unwrap().set_len(0).unwrap()),
        ("base/1259", "file \"base/1259\"", |vfs| put(vfs, "base/1259", &[0xff; 8192])),
    ];
    for (path, place, damage) in damages {
        let (vfs, _) = crashed();
        // Not every stage keeps its tables in the same place.
        if vfs.exists(path).unwrap() {
            damage(&vfs);
            let error = refused(&vfs);
            assert!(error.message().contains(place), "{place}: {error}");
        }
    }
}

fn put(vfs: &MemoryVfs, path: &str, bytes: &[u8]) {
    vfs.open(path).unwrap().write_at(bytes, 0).unwrap();
}

/// Puts a record behind the log's end, with a valid checksum whatever it says.
fn append(vfs: &MemoryVfs, end: Lsn, (xid, epoch): (u64, u32), fill: impl FnOnce(&mut Vec<u8>) -> usize) {
    let mut buffer = Vec::new();
    let start = record::begin(&mut buffer);
    let blocks = fill(&mut buffer);
    record::finish(&mut buffer, start, DATABASE, (RecordKind::Change, blocks, xid), (end, end, epoch));
    Segments::open(Arc::new(vfs.clone()), DATABASE, SEGMENT as u32).unwrap().write(&buffer, end).unwrap();
}

fn epoch(vfs: &MemoryVfs) -> u32 {
    ControlFile::open(vfs, DATABASE).unwrap().data().epoch
}

fn page_of(kind: PageKind) -> (Page, Delta) {
    let (mut page, mut delta) = (Page::zeroed(), Delta::default());
    PageMut::new(&mut page, &mut delta).init(kind, 0);
    (page, delta)
}

#[test]
fn a_page_far_beyond_its_file_is_not_written() {
    for number in [20_000, 4_000_000_000, u32::MAX] {
        let (vfs, ends) = crashed();
        let (page, delta) = page_of(PageKind::Heap);
        let id = FileId::main(16384).page(number);
        append(&vfs, ends[99], (9, epoch(&vfs)), |buffer| {
            record::add_delta(buffer, id, &page, &delta);
            1
        });
        let error = refused(&vfs);
        assert!(
            error.message().starts_with(&format!("{id}: the log changes it, but the file has only")),
            "{error}"
        );
        let (mut db, notes) = salvaged(&vfs);
        assert!(notes.contains(&id.to_string()), "{notes}");
        assert_eq!(read(&mut db).unwrap(), all());
    }
}

#[test]
fn a_record_that_makes_a_page_impossible_is_refused_and_spoils_that_page_only() {
    let (vfs, ends) = crashed();
    let id = FileId::main(16384).page(0);
    append(&vfs, ends[99], (9, epoch(&vfs)), |buffer| {
        let mut page = page_of(PageKind::Heap).0;
        // `lower`, `upper` and `special` far apart from each other, in an image that is whole.
        page.bytes_mut()[14..20].copy_from_slice(&[0xf0, 0x1f, 0xf1, 0x1f, 0xf0, 0x00]);
        record::add_image(buffer, id, &page);
        1
    });
    let error = refused(&vfs);
    assert!(error.message().starts_with(&format!("{id}: impossible bounds")), "{error}");
    let (mut db, notes) = salvaged(&vfs);
    assert!(notes.contains(&id.to_string()), "{notes}");
    assert!(read(&mut db).unwrap_err().message().starts_with(&id.to_string()));
}

#[test]
fn a_delta_for_a_damaged_page_is_refused_and_an_image_heals_it() {
    let damaged = |vfs: &MemoryVfs, id: PageId| {
        vfs.open(&format!("base/{}", id.file))
            .unwrap()
            .write_at(&[0xee; 100], u64::from(id.page) * 8192)
            .unwrap();
    };
    let (vfs, ends) = crashed();
    let id = FileId::main(16384).page(0);
    damaged(&vfs, id);
    // The log does not touch it: that is for whoever reads it.
    let (mut db, notes) = salvaged(&vfs);
    assert_eq!(notes, "");
    assert!(read(&mut db).is_err());
    drop(db);
    let (mut page, mut delta) = page_of(PageKind::Heap);
    delta.clear();
    PageMut::new(&mut page, &mut delta).insert(1, b"item").unwrap();
    append(&vfs, ends[99], (9, epoch(&vfs)), |buffer| {
        record::add_delta(buffer, id, &page, &delta);
        1
    });
    let error = refused(&vfs);
    assert!(error.message().starts_with(&format!("{id}: the checksum is")), "{error}");
    let (_, notes) = salvaged(&vfs);
    assert!(notes.contains(&id.to_string()), "{notes}");
    append(&vfs, ends[99], (9, epoch(&vfs)), |buffer| {
        record::add_image(buffer, id, &page);
        1
    });
    Database::open(Arc::new(vfs), options()).unwrap();
}

#[test]
fn what_is_left_of_a_file_that_was_cut_off_can_be_salvaged() {
    let cut = |path: &str, pages: u64| {
        let (vfs, _) = crashed();
        Database::open(Arc::new(vfs.clone()), options()).unwrap().close().unwrap();
        vfs.open(path).unwrap().set_len(pages * 8192).unwrap();
        vfs
    };
    let vfs = cut("base/16384", 3);
    let missing = "page 3 of file \"base/16384\": is missing: the file has only 3 pages";
    let error = read(&mut Database::open(Arc::new(vfs.clone()), options()).unwrap()).unwrap_err();
    assert!(error.message().starts_with(missing), "{error}");
    let (mut db, notes) = salvaged(&vfs);
    assert!(notes.starts_with(missing), "{notes}");
    let found = read(&mut db).unwrap();
    assert!(found.len() > 30 && found == all()[..found.len()], "{found:?}");

    // Without its commit log, nobody knows which rows count.
    let vfs = cut("base/1", 0);
    let (mut db, notes) = salvaged(&vfs);
    assert!(notes.contains("page 0 of file \"base/1\": is missing"), "{notes}");
    assert!(read(&mut db).is_err());
}

#[test]
fn transaction_numbers_and_epochs_that_cannot_be_are_refused() {
    for (xid, jump) in [(u64::MAX, 0), (u64::MAX - 1, 0), (9, 1000), (9, u32::MAX - 100)] {
        let (vfs, ends) = crashed();
        append(&vfs, ends[99], (xid, epoch(&vfs) + jump), |_| 0);
        let error = refused(&vfs);
        assert!(error.message().starts_with("log record at"), "{error}");
    }
}

#[test]
fn a_transaction_number_far_beyond_the_commit_log_makes_no_file_grow() {
    let (vfs, ends) = crashed();
    append(&vfs, ends[99], (1 << 45, epoch(&vfs)), |_| 0);
    let mut db = Database::open(Arc::new(vfs.clone()), options()).unwrap();
    assert_eq!(read(&mut db).unwrap(), all());
    let error = insert(&mut db, 1).unwrap_err();
    assert!(error.message().starts_with("file \"base/1\": has 1 pages"), "{error}");
    assert!(vfs.open("base/1").unwrap().len().unwrap() < 1 << 20);
}

#[test]
fn a_commit_log_or_free_space_map_of_another_kind_is_an_error() {
    for (path, write) in [("base/1", false), ("base/16384_fsm", true)] {
        for (kind, special) in
            [(PageKind::BTree, 8168), (PageKind::CommitLog, 16), (PageKind::FreeSpaceMap, 16)]
        {
            let (vfs, _) = crashed();
            Database::open(Arc::new(vfs.clone()), options()).unwrap().close().unwrap();
            let id = FileId::parse(path.strip_prefix("base/").unwrap()).unwrap().page(0);
            let (mut page, mut delta) = (Page::zeroed(), Delta::default());
            PageMut::new(&mut page, &mut delta).init(kind, special);
            Files::new(Arc::new(vfs.clone()), DATABASE).write(id, &mut page).unwrap();
            // Where tables are looked up in tables, a damaged commit log shows as soon as that.
            let opened = Database::open(Arc::new(vfs), options());
            let used = opened.and_then(|mut db| match write {
                false => read(&mut db).map(drop),
                true => vacuum(&mut db).and_then(|()| (0..100).try_for_each(|id| insert(&mut db, id))),
            });
            let error = used.unwrap_err();
            assert_eq!(error.state().code(), "XX001", "{path} {kind:?}: {error}");
            assert!(error.message().contains(path), "{error}");
        }
    }
}

#[test]
fn opening_a_database_that_is_in_order_writes_nothing_until_something_changes() {
    let (vfs, _) = crashed();
    Database::open(Arc::new(vfs.clone()), options()).unwrap().close().unwrap();
    let before = content(&vfs);
    let mut db = Database::open(Arc::new(vfs.clone()), options()).unwrap();
    assert_eq!(read(&mut db).unwrap(), all());
    assert!(content(&vfs) == before);
    insert(&mut db, 200).unwrap();
    assert_eq!(epoch(&vfs), db.pages().control().epoch, "no record without its epoch being durable");
    let (end, mut segments) =
        (db.pages().wal().end(), Segments::open(Arc::new(vfs.clone()), DATABASE, SEGMENT as u32).unwrap());
    let mut reader = LogReader::new(&mut segments, db.pages().control().redo, 0);
    while reader.next_record().unwrap().is_some() {}
    assert_eq!(reader.position(), end);
}

#[test]
fn a_lost_newer_slot_does_not_make_an_epoch_come_twice() {
    let (vfs, _) = crashed();
    let control = ControlFile::open(&vfs, DATABASE).unwrap();
    vfs.open("control").unwrap().write_at(&[0xee], control.slot_offset() + 20).unwrap();
    let known = control.data().epoch;
    let mut db = Database::open(Arc::new(vfs), options()).unwrap();
    assert!(db.pages().control().epoch > known);
    assert_eq!(read(&mut db).unwrap(), all());
    assert!(db.pages().control().next_xid > FROZEN_XID);
}

#[test]
fn whoever_salvages_cannot_write() {
    let (vfs, _) = crashed();
    let (mut db, notes) = salvaged(&vfs);
    assert_eq!(notes, "");
    let tid = crate::page::Tid { page: 0, slot: 1 };
    let row = vec![Value::Integer(1), Value::Null];
    let schema = db.schema("t").unwrap().clone();
    let errors = [
        (db.insert("t", vec![row.clone()]).err(), "INSERT"),
        (db.update("t", tid, row).err(), "UPDATE"),
        (db.delete("t", tid).err(), "DELETE"),
        (db.create_table("u", schema).err(), "CREATE TABLE"),
        (db.vacuum("t").err(), "VACUUM"),
        (db.checkpoint().err(), "CHECKPOINT"),
    ];
    for (error, command) in errors {
        let error = error.expect(command);
        assert_eq!(error.state().code(), "25006");
        assert_eq!(error.message(), format!("cannot execute {command} in a read-only transaction"));
    }
    assert_eq!(read(&mut db).unwrap(), all());
    let before = content(&vfs);
    db.close().unwrap();
    assert!(content(&vfs) == before);
}
