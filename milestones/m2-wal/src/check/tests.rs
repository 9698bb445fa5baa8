//! A sound table, damaged in one place under a valid checksum: the check names the file, the page and the slot.

use super::Report;
use super::heap::{Bounds, HeapCheck};
use crate::buffer::Pages;
use crate::heap::Heap;
use crate::page::{
    Delta, FileId, HAS_FREE_LINES, LinePointer, PAGE_SIZE, Page, PageId, PageKind, PageMut, PageNo,
};
use crate::testing::{DATABASE, open_pages, transact};
use crate::transaction::Transaction;
use crate::tuple::{Layout, TUPLE_HEADER_SIZE, TupleBuffer, TupleHeader};
use crate::types::{Column, DataType, Schema, Value};
use crate::vfs::{File, MemoryVfs, Vfs};
use std::mem::offset_of;
use std::sync::Arc;

const RELATION: u32 = 16384;
const BOUNDS: Bounds = Bounds { next_xid: 1000, log_end: u64::MAX };

/// Where in a row of [`schema`] its columns are, from the row's start.
const NULLS: usize = TUPLE_HEADER_SIZE;
const ACTIVE: usize = NULLS + 1;
const ENDS: usize = ACTIVE + 1;
const NAME: usize = ENDS + 4;

fn schema() -> Schema {
    let column = |name: &str, data_type, not_null| Column { name: name.to_string(), data_type, not_null };
    Schema::new(vec![
        column("active", DataType::Boolean, true),
        column("name", DataType::Varchar(Some(8)), false),
        column("note", DataType::Text, false),
    ])
    .unwrap()
}

/// A table of two pages and more, all of it on disk.
fn sound() -> Arc<MemoryVfs> {
    let vfs = Arc::new(MemoryVfs::new());
    let mut pages = open_pages(vfs.clone());
    let layout = Layout::new(&schema());
    let mut tuples = TupleBuffer::default();
    for number in 0..30 {
        let note = Value::Text("n".repeat(500 + number));
        tuples.push_row(&layout, &[Value::Boolean(true), Value::Text("abcdefgh".to_string()), note]).unwrap();
    }
    let mut heap = Heap::create(&mut pages, RELATION).unwrap();
    transact(&mut pages, |pages, transaction| {
        heap.insert(pages, transaction, layout.column_count(), &mut tuples, &mut Vec::new()).unwrap();
    });
    pages.checkpoint().unwrap();
    vfs
}

fn id(page: PageNo) -> PageId {
    FileId::main(RELATION).page(page)
}

/// Changes a page on disk, and seals it again.
fn damage(vfs: &MemoryVfs, id: PageId, change: impl FnOnce(&mut Page)) {
    let file = File::open(vfs, &format!("base/{}", id.file)).unwrap();
    let offset = u64::from(id.page) * PAGE_SIZE as u64;
    let mut page = Page::zeroed();
    file.read_exact_at(page.bytes_mut(), offset).unwrap();
    change(&mut page);
    page.seal(DATABASE, id);
    file.write_all_at(page.bytes(), offset).unwrap();
}

fn check(vfs: &Arc<MemoryVfs>, bounds: Bounds) -> Report {
    let mut pages: Pages = open_pages(vfs.clone());
    let (schema, transaction): (Schema, Transaction) = (schema(), Default::default());
    let layout = Layout::new(&schema);
    let mut report = Report::default();
    let table =
        HeapCheck { relation: RELATION, schema: &schema, layout: &layout, transaction: &transaction, bounds };
    table.run(&mut pages, &mut report);
    report
}

fn problems(vfs: &Arc<MemoryVfs>) -> Vec<String> {
    check(vfs, BOUNDS).problems.iter().map(ToString::to_string).collect()
}

/// Writes bytes into the row at slot 2 of page 1.
fn damage_row(offset: usize, bytes: &[u8]) -> Vec<String> {
    let vfs = sound();
    damage(&vfs, id(1), |page| {
        let start = page.line_pointer(2).offset() + offset;
        page.bytes_mut()[start..start + bytes.len()].copy_from_slice(bytes);
    });
    problems(&vfs)
}

#[test]
fn a_sound_table_has_no_problems_and_is_counted() {
    let report = check(&sound(), BOUNDS);
    assert!(report.is_sound(), "{report}");
    assert_eq!((report.counted("relation"), report.counted("row")), (1, 30));
    assert!(report.counted("page") >= 3);
}

#[test]
fn a_row_that_does_not_fit_its_columns_is_named_with_its_slot() {
    let place = "slot 2 of page 1 of file \"base/16384\"";
    let last_end = (NAME as u16 + 9).to_le_bytes();
    for (offset, bytes, what) in [
        (offset_of!(TupleHeader, columns), &[7][..], "7 columns in"),
        (
            offset_of!(TupleHeader, xmin),
            &[0xff, 0xff],
            "inserted by transaction 65535, but the next one is 1000",
        ),
        (offset_of!(TupleHeader, xmin), &[1], "inserted by transaction 1, but"),
        (offset_of!(TupleHeader, xmax), &[1], "and deleted by 1, but"),
        (offset_of!(TupleHeader, next), &[3], "names slot 3 as its next version"),
        (NULLS, &[0b110], "column \"active\" is NULL"),
        (NULLS, &[0b101], "column \"name\" is NULL, but has 8 bytes"),
        (NULLS, &[0b1111], "not NULL in a column after the last one"),
        (ACTIVE, &[2], "column \"active\" is 2, and neither true nor false"),
        (NAME, &[0xff], "column 2 is not UTF-8"),
        (ENDS, &[0xff, 0xff], "column 2 does not lie within the tuple"),
        (ENDS, &last_end, "column \"name\" has 9 characters, at most 8"),
        (ENDS + 2, &last_end, "but its columns end at"),
    ] {
        let problems = damage_row(offset, bytes);
        let all = problems.join("\n");
        assert!(all.contains(&format!("{place}: ")) && all.contains(what), "{what}: {all}");
        assert_eq!(problems.len(), 1, "{all}");
    }
}

#[test]
fn line_pointers_and_items_that_make_no_sense_are_named() {
    let set = |slot: u16, pointer: [u8; 4]| {
        move |page: &mut Page| {
            let start = Page::line_pointer_offset(slot);
            page.bytes_mut()[start..start + 4].copy_from_slice(&pointer);
        }
    };
    let dead = 3_u32 << 15;
    for (pointer, what) in [
        (
            LinePointer::normal(PAGE_SIZE, 0).to_bytes(),
            "slot 3 of page 0 of file \"base/16384\": names no bytes",
        ),
        (dead.to_le_bytes(), "slot 3 of page 0 of file \"base/16384\": is Dead"),
        ([0; 4], "slot 3 of page 0 of file \"base/16384\": is free, but the page says that none is"),
    ] {
        let vfs = sound();
        damage(&vfs, id(0), set(3, pointer));
        assert!(
            problems(&vfs).iter().any(|problem| problem.starts_with(what)),
            "{what}: {:?}",
            problems(&vfs)
        );
    }
    let vfs = sound();
    damage(&vfs, id(0), |page| {
        let first = page.line_pointer(1);
        set(2, LinePointer::normal(first.offset() - 10, 20).to_bytes())(page);
    });
    let all = problems(&vfs).join("\n");
    assert!(all.contains("slot 1 of page 0 of file \"base/16384\": shares bytes with slot 2"), "{all}");
}

#[test]
fn a_page_of_another_kind_flag_or_time_is_named() {
    let vfs = sound();
    damage(&vfs, id(0), |page| {
        let mut delta = Delta::default();
        PageMut::new(page, &mut delta).init(PageKind::BTree, 16);
    });
    assert_eq!(problems(&vfs), ["page 0 of file \"base/16384\": is a BTree page, expected Heap"]);

    let vfs = sound();
    damage(&vfs, id(1), |page| page.bytes_mut()[13] = 0x80);
    let all = problems(&vfs).join("\n");
    assert!(all.contains("page 1 of file \"base/16384\": unknown flags 0x8000"), "{all}");
    assert_eq!(HAS_FREE_LINES, 1);

    let vfs = sound();
    damage(&vfs, id(1), |page| page.set_lsn(2));
    let report = check(&vfs, Bounds { log_end: 1, ..BOUNDS });
    assert!(
        report.to_string().contains("page 1 of file \"base/16384\": has LSN 2, but the log ends at 1"),
        "{report}"
    );

    let vfs = sound();
    damage(&vfs, FileId::free_space_map(RELATION).page(0), |page| {
        let mut delta = Delta::default();
        PageMut::new(page, &mut delta).init(PageKind::FreeSpaceMap, 100);
    });
    let all = problems(&vfs).join("\n");
    assert!(all.contains("page 0 of file \"base/16384_fsm\": 100 bytes of special space"), "{all}");
}

#[test]
fn an_unreadable_page_is_reported_once_and_the_next_ones_are_checked() {
    let vfs = sound();
    vfs.open("base/16384").unwrap().write_at(&[0xee], 5000).unwrap();
    damage(&vfs, id(1), |page| {
        let start = page.line_pointer(2).offset() + ACTIVE;
        page.bytes_mut()[start] = 9;
    });
    let problems = problems(&vfs);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("page 0 of file \"base/16384\": the checksum is"), "{problems:?}");
    assert!(problems[1].starts_with("slot 2 of page 1 of file \"base/16384\""), "{problems:?}");
}

#[test]
fn a_file_that_is_gone_is_reported() {
    let vfs = sound();
    vfs.remove("base/16384_fsm").unwrap();
    assert_eq!(problems(&vfs), ["could not open file \"base/16384_fsm\": entity not found"]);
}
