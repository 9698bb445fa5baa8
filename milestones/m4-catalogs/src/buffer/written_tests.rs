//! Pages that are missing or all zeros are noticed, each by its name, and only those that must be there.

use super::*;
use crate::error::Error;
use crate::heap::Heap;
use crate::testing::{DATABASE, open_pages, transact};
use crate::transaction::{COMMIT_LOG, CommitLog, Transaction};
use crate::tuple::{Layout, TupleBuffer};
use crate::types::{Column, DataType, Schema, Value};
use crate::vfs::MemoryVfs;
use crate::vfs::simulated::{SimulatedVfs, Survival};
use crate::wal::record::{self, Record};

const PAGE: u64 = crate::page::PAGE_SIZE as u64;
const TABLE: u32 = 16384;
const OTHER: u32 = 16385;

fn insert(pages: &mut Pages, relation: u32, count: usize) -> Result<()> {
    let column = Column { name: "c".into(), data_type: DataType::Text, not_null: false };
    let layout = Layout::new(&Schema::new(vec![column])?);
    let mut tuples = TupleBuffer::default();
    for _ in 0..count {
        tuples.push_row(&layout, &[Value::Text("x".repeat(700))])?;
    }
    transact(pages, |pages, transaction| {
        Heap::new(relation).insert(pages, transaction, 1, &mut tuples, &mut Vec::new())
    })
}

fn count(pages: &mut Pages, relation: u32) -> Result<usize> {
    let (transaction, mut visible, mut rows) = (Transaction::default(), Vec::new(), 0);
    let mut scan = Heap::new(relation).scan(pages)?;
    while scan.next_page(pages, &transaction, &mut visible)?.is_some() {
        rows += visible.len();
    }
    Ok(rows)
}

/// Two tables of a hundred rows in ten pages each, all in the files; and ten more rows of the other one in the log, if
/// the database was not closed in order.
fn tables(vfs: Arc<dyn Vfs>, clean: bool) {
    let mut pages = open_pages(vfs);
    for relation in [TABLE, OTHER] {
        Heap::create(&mut pages, relation).unwrap();
        insert(&mut pages, relation, 100).unwrap();
    }
    pages.checkpoint().unwrap();
    insert(&mut pages, OTHER, 10).unwrap();
    if clean {
        pages.shut_down().unwrap();
    }
}

type Spoil = fn(&dyn crate::vfs::RawFile, u64);

/// What happens to a file of so many bytes, and what is said of its last page.
const DAMAGES: [(&str, Spoil); 4] = [
    ("is missing: the file has only", |file, _| file.set_len(0).unwrap()),
    ("is missing: the file has only", |file, len| file.set_len(len - PAGE).unwrap()),
    ("is missing: the file has only", |file, len| file.set_len(len - 100).unwrap()),
    ("is all zeros, but the log knows", |file, len| {
        file.write_at(&[0; PAGE as usize], len - PAGE).unwrap();
    }),
];

/// Damages a file, cut to the pages that are in use, and opens the pages again.
fn damaged(file: FileId, clean: bool, spoil: Spoil) -> Pages {
    let vfs = MemoryVfs::new();
    tables(Arc::new(vfs.clone()), clean);
    let written = open_pages(Arc::new(vfs.clone())).written().of(file);
    assert!(written > 0);
    drop(vfs);
    let vfs = MemoryVfs::new();
    tables(Arc::new(vfs.clone()), clean);
    let raw = vfs.open(&format!("{BASE}/{file}")).unwrap();
    let len = u64::from(written) * PAGE;
    raw.set_len(len).unwrap();
    spoil(&*raw, len);
    open_pages(Arc::new(vfs))
}

fn assert_names(error: &Error, file: FileId, what: &str) {
    assert_eq!(error.state().code(), "XX001", "{error}");
    let message = error.message();
    assert!(
        message.starts_with("page ") && message.contains(&format!("file \"{BASE}/{file}\"")),
        "{message}"
    );
    assert!(message.contains(what), "{message}");
}

#[test]
fn a_table_that_lost_a_page_is_not_a_shorter_one() {
    for clean in [true, false] {
        for (what, spoil) in DAMAGES {
            let file = FileId::main(TABLE);
            let mut pages = damaged(file, clean, spoil);
            assert_names(&count(&mut pages, TABLE).unwrap_err(), file, what);
            assert_eq!(count(&mut pages, OTHER).unwrap(), 110);
            if what.starts_with("is missing") {
                assert_names(&pages.extend(file).unwrap_err(), file, what);
            }
            insert(&mut pages, OTHER, 5).unwrap();
            pages.shut_down().unwrap();
        }
    }
}

#[test]
fn a_free_space_map_that_lost_its_page_is_only_missed_when_it_is_used() {
    for clean in [true, false] {
        for (what, spoil) in DAMAGES {
            let file = FileId::free_space_map(TABLE);
            let mut pages = damaged(file, clean, spoil);
            assert_eq!(count(&mut pages, TABLE).unwrap(), 100);
            assert_names(&insert(&mut pages, TABLE, 1).unwrap_err(), file, what);
            insert(&mut pages, OTHER, 5).unwrap();
        }
    }
}

#[test]
fn a_commit_log_that_lost_a_page_does_not_hide_rows_and_an_image_in_the_log_heals_it() {
    for (what, spoil) in DAMAGES {
        let mut pages = damaged(COMMIT_LOG, true, spoil);
        assert_names(&count(&mut pages, TABLE).unwrap_err(), COMMIT_LOG, what);
        let mut pages = damaged(COMMIT_LOG, false, spoil);
        assert_eq!(count(&mut pages, TABLE).unwrap() + count(&mut pages, OTHER).unwrap(), 210);
    }
}

#[test]
fn growth_that_a_power_cut_took_away_is_nothing_that_is_missing() {
    for survival in Survival::POLICIES {
        let disk = SimulatedVfs::new();
        tables(Arc::new(disk.clone()), false);
        disk.power_cut(survival, 7);
        let mut pages = open_pages(Arc::new(disk));
        assert_eq!((count(&mut pages, TABLE).unwrap(), count(&mut pages, OTHER).unwrap()), (100, 110));
        // Nobody has heard of these.
        pages.create_file(FileId::main(20_000)).unwrap();
        pages.files().extend(FileId::main(20_000)).unwrap();
        assert_eq!(count(&mut pages, 20_000).unwrap(), 0);
    }
}

/// Every page that must be there is in its file, and not all zeros.
fn assert_written(vfs: &MemoryVfs, pages: &mut Pages, file: FileId, at_least: PageNo) {
    pages.checkpoint().unwrap();
    let written = pages.written().of(file);
    assert!(written >= at_least, "{written}");
    let (mut files, mut page) = (Files::new(Arc::new(vfs.clone()), DATABASE), Page::zeroed());
    for number in 0..written {
        files.read(file.page(number), &mut page).unwrap();
        assert!(!page.is_zeroed(), "page {number} of {written} is all zeros");
    }
}

#[test]
fn empty_pages_that_a_crash_left_behind_are_used_first() {
    let vfs = MemoryVfs::new();
    tables(Arc::new(vfs.clone()), true);
    let file = FileId::main(TABLE);
    let mut files = Files::new(Arc::new(vfs.clone()), DATABASE);
    for _ in 0..5 {
        files.extend(file).unwrap();
    }
    let left = files.page_count(file).unwrap();
    let mut pages = open_pages(Arc::new(vfs.clone()));
    insert(&mut pages, TABLE, 300).unwrap();
    assert_eq!(count(&mut pages, TABLE).unwrap(), 400);
    assert_written(&vfs, &mut pages, file, left + 10);
}

#[test]
fn a_file_of_far_too_many_empty_pages_is_used_from_its_beginning() {
    let vfs = MemoryVfs::new();
    tables(Arc::new(vfs.clone()), true);
    let file = FileId::main(TABLE);
    vfs.open(&format!("{BASE}/{file}")).unwrap().set_len(u64::from(MAX_GAP + 100) * PAGE).unwrap();
    let mut pages = open_pages(Arc::new(vfs.clone()));
    let written = pages.written().of(file);
    assert_eq!(pages.extend(file).unwrap(), written..written + MAX_GAP);
    insert(&mut pages, TABLE, 300).unwrap();
    assert!(pages.written().of(file) < 50);
}

#[test]
fn a_page_of_the_commit_log_without_a_commit_is_written_all_the_same() {
    let vfs = MemoryVfs::new();
    let mut pages = open_pages(Arc::new(vfs.clone()));
    pages.control().next_xid += 200_000;
    transact(&mut pages, |_, _| ());
    let last = pages.control().next_xid - 1;
    assert_written(&vfs, &mut pages, COMMIT_LOG, 4);
    assert!(CommitLog::is_committed(&mut pages, last).unwrap());
    assert!(!CommitLog::is_committed(&mut pages, last - 100_000).unwrap());
}

#[test]
fn a_file_that_begins_anew_has_lost_nothing() {
    let vfs = MemoryVfs::new();
    tables(Arc::new(vfs.clone()), true);
    let mut pages = open_pages(Arc::new(vfs.clone()));
    for file in [FileId::main(TABLE), FileId::free_space_map(TABLE)] {
        pages.remove_file(file).unwrap();
    }
    Heap::create(&mut pages, TABLE).unwrap();
    assert_eq!(count(&mut pages, TABLE).unwrap(), 0);
    pages.remove_file(FileId::main(OTHER)).unwrap();
    drop(pages);
    let mut pages = open_pages(Arc::new(vfs));
    assert_eq!(pages.written().of(FileId::main(OTHER)), 0, "its file is gone");
}

#[test]
fn more_files_than_one_record_has_room_for_are_known_after_a_crash() {
    let vfs = MemoryVfs::new();
    tables(Arc::new(vfs.clone()), true);
    let mut pages = open_pages(Arc::new(vfs.clone()));
    let known = pages.written().clone();
    for relation in 100_000..190_000 {
        pages.written().mark(FileId::main(relation).page(6));
    }
    let all = pages.written().clone();
    let pieces = all.pieces();
    assert!(pieces.len() == 3 && pieces.iter().all(|piece| piece.len() < record::MAX_RECORD_SIZE));
    pages.checkpoint().unwrap();
    let redo = pages.control().redo;
    let (mut read, mut records) = (WrittenPages::default(), 0);
    let mut reader = wal::LogReader::new(pages.wal.segments(), redo, redo);
    while let Some(record) = reader.next_record().unwrap() {
        read.add(&record).unwrap();
        records += 1;
    }
    assert!(read == all && records == 3, "{records} records");
    drop(pages);
    // Nobody has the files of these relations.
    assert!(*open_pages(Arc::new(vfs)).written() == known);
}

#[test]
fn a_checkpoint_record_that_makes_no_sense_is_an_error() {
    let parse = |payload: &[u8]| {
        let mut buffer = Vec::new();
        let start = record::begin(&mut buffer);
        buffer.extend_from_slice(payload);
        let len = buffer.len();
        record::finish(&mut buffer, start, DATABASE, (RecordKind::Checkpoint, 0, 0), (4096, 4096, 1));
        WrittenPages::default().add(&Record::parse(DATABASE, &buffer[..len]).unwrap().unwrap())
    };
    parse(&[]).unwrap();
    parse(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0]).unwrap();
    for payload in [&[0; 11][..], &[0; 13], &[1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0]] {
        let error = parse(payload).unwrap_err();
        assert!(error.message().starts_with("log record at 0/1000: "), "{error}");
        assert_eq!(error.state().code(), "XX001");
    }
}

#[test]
fn a_page_from_another_log_is_noticed_unless_the_log_is_lost() {
    let vfs = MemoryVfs::new();
    tables(Arc::new(vfs.clone()), true);
    let mut pages = open_pages(Arc::new(vfs.clone()));
    let end = crate::wal::reader::display(pages.wal().end());
    let (id, mut page) = (FileId::main(TABLE).page(3), Page::zeroed());
    let mut files = Files::new(Arc::new(vfs.clone()), DATABASE);
    files.read(id, &mut page).unwrap();
    page.set_lsn(7 << 32);
    files.write(id, &mut page).unwrap();
    let error = count(&mut pages, TABLE).unwrap_err();
    assert_names(&error, id.file, "has LSN 7/0, from behind the log's end");
    assert!(error.detail().unwrap().starts_with(&format!("The log ends at {end}. ")), "{error:?}");
    assert_eq!(count(&mut pages, OTHER).unwrap(), 110);
    pages.accept_lost_log();
    assert_eq!(count(&mut pages, TABLE).unwrap(), 100);
}

#[test]
fn what_is_behind_the_written_pages_is_not_read_and_must_be_empty() {
    let (vfs, file) = (MemoryVfs::new(), FileId::main(TABLE));
    tables(Arc::new(vfs.clone()), true);
    let raw = vfs.open(&format!("{BASE}/{file}")).unwrap();
    raw.set_len(1000 * PAGE).unwrap();
    let mut pages = open_pages(Arc::new(vfs.clone()));
    let written = pages.written().of(file);
    assert_eq!((pages.page_count(file).unwrap(), count(&mut pages, TABLE).unwrap()), (written + 1, 100));
    insert(&mut pages, TABLE, 100).unwrap();
    assert_eq!((raw.len().unwrap(), count(&mut pages, TABLE).unwrap()), (1000 * PAGE, 200));
    let next = file.page(pages.written().of(file));
    let mut page = crate::page::Page::zeroed();
    pages.shut_down().unwrap();
    pages.files().read(file.page(0), &mut page).unwrap();
    drop(pages);
    page.seal(DATABASE, next);
    raw.write_at(page.bytes(), u64::from(next.page) * PAGE).unwrap();
    let mut pages = open_pages(Arc::new(vfs));
    assert_names(&count(&mut pages, TABLE).unwrap_err(), file, "is not empty, but the log does not know");
    assert_names(
        &insert(&mut pages, TABLE, 100).unwrap_err(),
        file,
        "is not empty, but the log does not know",
    );
}
