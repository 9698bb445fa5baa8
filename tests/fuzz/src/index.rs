//! The B+ tree: whatever bytes on its pages, and whatever keys against a sorted map.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use m5_sql::buffer::Pages;
use m5_sql::error::Error;
use m5_sql::index::{BTree, Direction, Entries, Lookup};
use m5_sql::page::{FileId, PAGE_SIZE, Page, Tid};
use m5_sql::recovery::{self, Damage};
use m5_sql::transaction::{CommitLog, FROZEN_XID};
use m5_sql::vfs::{MemoryVfs, Vfs};

use crate::images::file;
use crate::images::m5::{Files, disk, files};
use crate::sql::small_options;
use crate::{DATABASE, sqlstate};

const RELATION: u32 = 16385;

/// What a walk over a tree of a few pages may find at most, whatever is on them.
const MANY: usize = 100_000;

fn open(vfs: Arc<dyn Vfs>) -> Pages {
    let opened = recovery::open_pages(vfs, DATABASE, small_options(), &mut Damage::Refused);
    opened.expect("a directory without fault").0
}

fn tree() -> BTree {
    BTree::new(RELATION, "t_key")
}

fn tid(number: u32) -> Tid {
    Tid { page: number / 100, slot: (number % 100) as u16 + 1 }
}

fn key(number: u32, width: usize) -> Vec<u8> {
    [vec![7; width], number.to_be_bytes().to_vec()].concat()
}

fn insert(pages: &mut Pages, tree: &mut BTree, new: &[(Vec<u8>, Tid)]) -> Result<(), Error> {
    let mut entries = Entries::default();
    new.iter().for_each(|(key, tid)| entries.push_key(key, false, *tid));
    tree.insert_many(pages, FROZEN_XID, &mut entries, None).map(drop)
}

/// Directories with nothing in them, and with an index of three levels and some free pages.
struct Bases {
    empty: Files,
    full: Files,
}

impl Bases {
    fn new() -> Bases {
        let vfs = Arc::new(MemoryVfs::new());
        let (as_vfs, options) = (vfs.clone() as Arc<dyn Vfs>, small_options());
        Pages::create(&as_vfs, DATABASE, options).expect("a new directory");
        CommitLog::create(&as_vfs, DATABASE).expect("a new commit log");
        let mut pages = open(vfs.clone());
        let mut tree = BTree::create(&mut pages, FROZEN_XID, RELATION, "t_key").expect("a new index");
        pages.shut_down().expect("memory");
        let empty = files(&vfs);
        let new: Vec<_> = (0..120).map(|n| (key(n * 2, if n % 3 == 0 { 1200 } else { 8 }), tid(n))).collect();
        insert(&mut pages, &mut tree, &new).expect("new entries");
        let dead: Vec<Tid> = (40..60).map(tid).collect();
        tree.bulk_delete(&mut pages, FROZEN_XID, &dead).expect("entries to delete");
        pages.shut_down().expect("memory");
        Bases { empty, full: files(&vfs) }
    }
}

thread_local! {
    static BASES: Bases = Bases::new();
}

/// Bytes written over a page of the index, which has a right checksum afterwards.
#[derive(Arbitrary, Debug)]
struct Spoiled {
    page: u8,
    place: Place,
    bytes: [u8; 2],
}

#[derive(Arbitrary, Debug)]
enum Place {
    /// Bounds, and then line pointers.
    Head(u8),
    /// The special space: links, level.
    Tail(u8),
    /// An item's first bytes: the child, in an inner page.
    Item(u8, u8),
    Anywhere(u16),
}

impl Spoiled {
    fn befall(&self, bytes: &mut [u8]) {
        let count = bytes.len() / PAGE_SIZE;
        let number = usize::from(self.page) % count;
        let mut page = Page::zeroed();
        page.bytes_mut().copy_from_slice(&bytes[number * PAGE_SIZE..(number + 1) * PAGE_SIZE]);
        let at = match self.place {
            Place::Head(at) => 12 + usize::from(at),
            Place::Tail(at) => PAGE_SIZE - 1 - usize::from(at % 24),
            Place::Item(slot, at) => {
                page.line_pointer(1 + u16::from(slot) % page.slot_count().max(1)).offset()
                    + usize::from(at % 16)
            }
            Place::Anywhere(at) => usize::from(at) % PAGE_SIZE,
        };
        // A line pointer that was spoiled before may lead beyond the page.
        let targets = page.bytes_mut().get_mut(at..).unwrap_or_default();
        targets.iter_mut().zip(self.bytes).for_each(|(target, byte)| *target = byte);
        page.seal(DATABASE, FileId::main(RELATION).page(number as u32));
        bytes[number * PAGE_SIZE..(number + 1) * PAGE_SIZE].copy_from_slice(page.bytes());
    }
}

/// An index some of whose pages are not as they were, in every use.
pub fn node(bytes: &[u8]) -> bool {
    let mut input = Unstructured::new(bytes);
    BASES.with(|bases| {
        let mut files = bases.full.clone();
        let Some(index) = file(&mut files, &format!("base/{RELATION}")) else { return false };
        for _ in 0..6 {
            let Ok(spoiled) = input.arbitrary::<Spoiled>() else { break };
            spoiled.befall(index);
            if input.is_empty() {
                break;
            }
        }
        let (mut pages, mut tree) = (open(disk(&files)), tree());
        let problems = tree.check(&mut pages, &mut |_, _, _| {});
        let reads = read(&mut pages, &tree);
        for error in &problems {
            sqlstate(error.state().code(), error);
        }
        if problems.is_empty() {
            assert!(reads, "a check finds nothing wrong with an index that cannot be read");
        }
        write(&mut pages, &mut tree);
        reads
    })
}

/// Whether every read is answered.
fn read(pages: &mut Pages, tree: &BTree) -> bool {
    let mut well = true;
    let mut note = |error: Error| {
        sqlstate(error.state().code(), &error);
        well = false;
    };
    let (low, high) = (key(20, 8), key(180, 1200));
    for direction in [Direction::Forward, Direction::Backward] {
        for bounds in [
            (Bound::Unbounded, Bound::Unbounded),
            (Bound::Included(&low[..]), Bound::Excluded(&high[..])),
            (Bound::Excluded(&high[..]), Bound::Included(&low[..])),
        ] {
            let (mut cursor, mut tids, mut found) = (tree.scan(bounds.0, bounds.1, direction), Vec::new(), 0);
            loop {
                match cursor.next_batch(pages, &mut tids) {
                    Ok(true) => found += tids.len(),
                    Ok(false) => break,
                    Err(error) => break note(error),
                }
                assert!(found < MANY, "a range has no end");
            }
        }
    }
    let mut lookup = Lookup::new(tree);
    for number in (0..240).step_by(7) {
        let (width, mut found) = (if number % 6 == 0 { 1200 } else { 8 }, Vec::new());
        tree.find(pages, &key(number, width), &mut found).unwrap_or_else(&mut note);
        assert!(found.len() < MANY, "a key has places without end");
        lookup
            .contains(pages, &[key(number, width), vec![0, 0, 0, 0, 0, 1]].concat())
            .map_or_else(&mut note, drop);
    }
    tree.find(pages, &[7, 7], &mut Vec::new()).unwrap_or_else(&mut note);
    tree.height(pages).map_or_else(&mut note, drop);
    well
}

fn write(pages: &mut Pages, tree: &mut BTree) {
    for number in 0..24 {
        let width = [3, 700, 1200, 8][number as usize % 4];
        if let Err(error) = insert(pages, tree, &[(key(number * 11 + 1, width), tid(500 + number))]) {
            sqlstate(error.state().code(), &error);
        }
    }
    let dead: Vec<Tid> = (0..100).map(tid).collect();
    if let Err(error) = tree.bulk_delete(pages, FROZEN_XID, &dead) {
        sqlstate(error.state().code(), &error);
    }
}

#[derive(Arbitrary, Debug)]
enum Step {
    Insert(Vec<(Width, u16)>),
    /// Keys that ascend, or descend.
    Run(Width, u16, u8, bool),
    Delete {
        every: u8,
        from: u8,
    },
    Range {
        low: Option<(Width, u16)>,
        high: Option<(Width, u16)>,
        excluded: (bool, bool),
        backward: bool,
    },
    Find(Width, u16),
    Reopen,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Width {
    Short,
    Middle,
    Long,
}

impl Width {
    /// No key is the beginning of another: the width comes first.
    fn key(self, number: u16) -> Vec<u8> {
        let (mark, width) = match self {
            Width::Short => (1, 2),
            Width::Middle => (2, 90),
            Width::Long => (3, 2600),
        };
        [vec![mark], vec![mark; width], (number % 512).to_be_bytes().to_vec()].concat()
    }
}

type Model = BTreeMap<(Vec<u8>, Tid), ()>;

/// Whatever is inserted, deleted and looked for, against a sorted map.
pub fn index(bytes: &[u8]) -> bool {
    let mut input = Unstructured::new(bytes);
    BASES.with(|bases| {
        let vfs = disk(&bases.empty);
        let (mut pages, mut tree, mut model, mut rows) = (open(vfs.clone()), tree(), Model::new(), 0..3000);
        for _ in 0..40 {
            let Ok(step) = input.arbitrary::<Step>() else { break };
            if let Step::Reopen = step {
                pages.shut_down().expect("memory");
                (pages, tree) = (open(vfs.clone()), self::tree());
            }
            apply(&mut pages, &mut tree, &mut model, &mut rows, &step);
            if input.is_empty() {
                break;
            }
        }
        let mut entries = Vec::new();
        let problems = tree.check(&mut pages, &mut |_, key, tid| entries.push((key.to_vec(), tid)));
        assert!(problems.is_empty(), "{problems:?}");
        assert!(entries.iter().eq(model.keys()), "not the entries that there should be");
        !model.is_empty()
    })
}

fn apply(
    pages: &mut Pages,
    tree: &mut BTree,
    model: &mut Model,
    rows: &mut impl Iterator<Item = u32>,
    step: &Step,
) {
    match step {
        Step::Insert(keys) => {
            let new = keys.iter().map(|(width, number)| width.key(*number)).zip(rows.map(tid));
            add(pages, tree, model, new.collect());
        }
        Step::Run(width, from, count, up) => {
            for step in 0..u16::from(count % 64) {
                let number = if *up { from.wrapping_add(step) } else { from.wrapping_sub(step) };
                add(
                    pages,
                    tree,
                    model,
                    rows.next().map(|row| (width.key(number), tid(row))).into_iter().collect(),
                );
            }
        }
        Step::Delete { every, from } => {
            let every = usize::from(every % 7) + 1;
            let mut dead: Vec<Tid> =
                model.keys().skip(usize::from(*from)).step_by(every).map(|(_, tid)| *tid).collect();
            dead.sort();
            let removed = tree.bulk_delete(pages, FROZEN_XID, &dead).expect("entries to delete");
            model.retain(|(_, tid), ()| dead.binary_search(tid).is_err());
            assert_eq!(removed, dead.len() as u64);
        }
        Step::Range { low, high, excluded, backward } => {
            range(pages, tree, model, (*low, excluded.0), (*high, excluded.1), *backward);
        }
        Step::Find(width, number) => {
            let (key, mut found) = (width.key(*number), Vec::new());
            tree.find(pages, &key, &mut found).expect("an index without fault");
            assert!(found.iter().eq(model.keys().filter(|entry| entry.0 == key).map(|(_, tid)| tid)));
        }
        Step::Reopen => {}
    }
}

fn add(pages: &mut Pages, tree: &mut BTree, model: &mut Model, new: Vec<(Vec<u8>, Tid)>) {
    insert(pages, tree, &new).expect("new entries");
    model.extend(new.into_iter().map(|entry| (entry, ())));
}

type End = (Option<(Width, u16)>, bool);

fn range(pages: &mut Pages, tree: &BTree, model: &Model, low: End, high: End, backward: bool) {
    let (low_key, high_key) = (low.0.map(|(w, n)| w.key(n)), high.0.map(|(w, n)| w.key(n)));
    fn bound(key: &Option<Vec<u8>>, excluded: bool) -> Bound<&[u8]> {
        match key {
            None => Bound::Unbounded,
            Some(key) if excluded => Bound::Excluded(key),
            Some(key) => Bound::Included(key),
        }
    }
    let direction = if backward { Direction::Backward } else { Direction::Forward };
    let mut cursor = tree.scan(bound(&low_key, low.1), bound(&high_key, high.1), direction);
    let mut found = Vec::new();
    while let Some(range) = cursor.next_range(pages).expect("an index without fault") {
        found.extend(
            range.entries().map(|entry| entry.map(|(key, tid)| (key.to_vec(), tid)).expect("an entry")),
        );
    }
    let is_in = |key: &Vec<u8>| {
        low_key.as_ref().is_none_or(|low_key| if low.1 { key > low_key } else { key >= low_key })
            && high_key.as_ref().is_none_or(|high_key| if high.1 { key < high_key } else { key <= high_key })
    };
    let mut expected: Vec<_> = model.keys().filter(|(key, _)| is_in(key)).cloned().collect();
    if backward {
        expected.reverse();
    }
    assert!(found == expected, "{} entries in a range that has {}", found.len(), expected.len());
}

/// Damage of one or two pages; none at first.
pub fn node_seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![Vec::new()];
    for page in 0..30_u8 {
        for place in 0..4_u32 {
            let place_bytes = (place << 30).to_le_bytes();
            seeds.push([&[page][..], &place_bytes, &[page * 3, 2, page, 0]].concat());
        }
    }
    seeds
}

/// Some of each step.
pub fn index_seeds() -> Vec<Vec<u8>> {
    crate::noise(40, 400)
}
