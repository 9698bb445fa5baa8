//! The tree against the simplest model of it: a sorted set of entries.

mod damage;

use super::*;
use crate::testing::open_pages;
use crate::transaction::FROZEN_XID;
use crate::vfs::MemoryVfs;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::ops::Bound;

type Entry = (Vec<u8>, Tid);

pub(super) struct Index {
    pub pages: Pages,
    pub tree: BTree,
}

impl Index {
    pub fn new() -> Index {
        let mut pages = open_pages(Arc::new(MemoryVfs::new()));
        let tree = BTree::create(&mut pages, FROZEN_XID, 16385, "t_pkey").unwrap();
        Index { pages, tree }
    }

    pub fn insert(&mut self, new: &[Entry]) {
        let mut entries = Entries::default();
        new.iter().for_each(|(key, tid)| entries.push_key(key, false, *tid));
        let conflict = self.tree.insert_many(&mut self.pages, FROZEN_XID, &mut entries, None).unwrap();
        assert_eq!(conflict, None);
    }

    fn insert_unique(&mut self, key: &[u8], has_null: bool, tid: Tid, dead: &[Tid]) -> Option<Conflict> {
        let mut entries = Entries::default();
        entries.push_key(key, has_null, tid);
        let mut is_live = |_: &mut Pages, tid: Tid| Ok(!dead.contains(&tid));
        self.tree.insert_many(&mut self.pages, FROZEN_XID, &mut entries, Some(&mut is_live)).unwrap()
    }

    fn delete(&mut self, dead: &mut [Tid]) -> u64 {
        dead.sort();
        self.tree.bulk_delete(&mut self.pages, FROZEN_XID, dead).unwrap()
    }

    fn scan(&mut self, lower: Bound<&[u8]>, upper: Bound<&[u8]>, direction: Direction) -> Vec<Entry> {
        let mut cursor = self.tree.scan(lower, upper, direction);
        let mut found = Vec::new();
        while let Some(range) = cursor.next_range(&mut self.pages).unwrap() {
            found.extend(range.entries().map(Result::unwrap).map(|(key, tid)| (key.to_vec(), tid)));
        }
        found
    }

    /// Checks the whole tree; its entries.
    pub fn check(&mut self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let problems = self.tree.check(&mut self.pages, &mut |_, key, tid| entries.push((key.to_vec(), tid)));
        assert!(problems.is_empty(), "{problems:?}");
        let written = self.pages.written().of(self.tree.file());
        assert_eq!(written, self.used_pages(), "pages are taken in order, and written when they are");
        entries
    }

    fn used_pages(&mut self) -> PageNo {
        self.tree.read_meta(&mut self.pages).unwrap().unused.get()
    }
}

/// Keys of one width, equal except for their last four bytes.
pub(super) fn key_of(number: u32, width: usize) -> Vec<u8> {
    [vec![7; width - 4], number.to_be_bytes().to_vec()].concat()
}

fn tid(number: u32) -> Tid {
    Tid { page: number / 100, slot: (number % 100) as u16 + 1 }
}

/// A key of two columns; some are long, many are equal.
fn row_key(first: i32, second: usize) -> Vec<u8> {
    let mut key = Vec::new();
    key::push_i32(&mut key, first);
    key::push_text(&mut key, &vec![b'x'; second]);
    key
}

fn prefix(first: i32) -> Vec<u8> {
    let mut key = Vec::new();
    key::push_i32(&mut key, first);
    key
}

#[derive(Clone, Debug)]
enum Step {
    /// Rows with keys like this, and as many.
    Insert(Vec<(i32, usize)>),
    /// An ascending or descending run from a number on.
    Run(i32, i32, bool),
    /// Rows whose first column is in the range.
    Delete(i32, i32),
    DeleteEveryNth(usize),
    Range(i32, i32),
    /// The index is opened anew.
    Reopen,
}

fn step(longest: usize) -> impl Strategy<Value = Step> {
    let second = prop_oneof![4 => 0..20usize, 1 => 0..longest];
    prop_oneof![
        6 => proptest::collection::vec((-50..50i32, second), 1..120).prop_map(Step::Insert),
        2 => (-50..50i32, 1..500i32, any::<bool>()).prop_map(|(a, b, up)| Step::Run(a, b, up)),
        1 => (-60..60i32, 0..60i32).prop_map(|(from, count)| Step::Delete(from, from + count)),
        1 => (1..4usize).prop_map(Step::DeleteEveryNth),
        3 => (-60..60i32, -1..30i32).prop_map(|(from, count)| Step::Range(from, from + count)),
        1 => Just(Step::Reopen),
    ]
}

fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (mut index, mut model, mut rows) = (Index::new(), BTreeSet::<Entry>::new(), 0..);
    for step in steps {
        match step {
            Step::Insert(keys) => {
                let new: Vec<Entry> = keys
                    .iter()
                    .zip(&mut rows)
                    .map(|((first, second), row)| (row_key(*first, *second), tid(row)))
                    .collect();
                index.insert(&new);
                model.extend(new);
            }
            Step::Run(from, count, up) => {
                for number in 0..count {
                    let number = if up { from + number } else { from - number };
                    let new = (row_key(number, 3), tid(rows.next().unwrap_or(0)));
                    index.insert(std::slice::from_ref(&new));
                    model.insert(new);
                }
            }
            Step::Delete(from, to) => {
                let (from, to) = (prefix(from), prefix(to));
                let mut dead: Vec<Tid> =
                    model.iter().filter(|(key, _)| *key >= from && *key < to).map(|(_, tid)| *tid).collect();
                prop_assert_eq!(index.delete(&mut dead), dead.len() as u64);
                model.retain(|(key, _)| *key < from || *key >= to);
            }
            Step::DeleteEveryNth(n) => {
                let mut dead: Vec<Tid> = model.iter().step_by(n).map(|(_, tid)| *tid).collect();
                prop_assert_eq!(index.delete(&mut dead), dead.len() as u64);
                model.retain(|(_, tid)| dead.binary_search(tid).is_err());
            }
            Step::Range(from, to) => {
                let (low, high) = (prefix(from), prefix(to));
                let above = |key: &[u8], after: bool| {
                    !key.starts_with(&low) && key > &low[..] || (!after && key.starts_with(&low))
                };
                let below = |key: &[u8], after: bool| key < &high[..] || (after && key.starts_with(&high));
                for (lower, upper) in [(false, false), (false, true), (true, false), (true, true)] {
                    let expected: Vec<Entry> = model
                        .iter()
                        .filter(|(key, _)| above(key, lower) && below(key, upper))
                        .cloned()
                        .collect();
                    let low_bound = if lower { Bound::Excluded(&low[..]) } else { Bound::Included(&low[..]) };
                    let high_bound =
                        if upper { Bound::Included(&high[..]) } else { Bound::Excluded(&high[..]) };
                    prop_assert_eq!(&index.scan(low_bound, high_bound, Direction::Forward), &expected);
                    let mut backward = index.scan(low_bound, high_bound, Direction::Backward);
                    backward.reverse();
                    prop_assert_eq!(backward, expected);
                }
            }
            Step::Reopen => index.tree = BTree::new(16385, "t_pkey"),
        }
        prop_assert!(index.check().iter().eq(model.iter()));
    }
    let keys: BTreeSet<&Vec<u8>> = model.iter().map(|(key, _)| key).collect();
    for key in keys.into_iter().step_by(7) {
        let mut tids = Vec::new();
        index.tree.find(&mut index.pages, key, &mut tids).unwrap();
        prop_assert!(model.iter().filter(|(other, _)| other == key).map(|(_, tid)| *tid).eq(tids));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn the_index_holds_what_the_model_holds(steps in proptest::collection::vec(step(60), 1..40)) {
        run(steps)?;
    }

    #[test]
    fn long_keys_too(steps in proptest::collection::vec(step(2680), 1..30)) {
        run(steps)?;
    }
}

#[test]
fn every_order_of_insertion_gives_the_same_entries() {
    const COUNT: u32 = 6_000;
    // 7919 is prime and no factor of COUNT: each number comes once.
    let orders: [fn(u32) -> u32; 3] = [|i| i, |i| COUNT - 1 - i, |i| (i * 7919) % COUNT];
    for order in orders {
        for batch in [1, 1000] {
            let mut index = Index::new();
            let all: Vec<Entry> = (0..COUNT).map(order).map(|i| (key_of(i, 6), tid(i))).collect();
            all.chunks(batch).for_each(|part| index.insert(part));
            let mut expected = all.clone();
            expected.sort();
            assert!(index.check() == expected);
            let mut backward = index.scan(Bound::Unbounded, Bound::Unbounded, Direction::Backward);
            backward.reverse();
            assert!(backward == expected);
        }
    }
}

#[test]
fn ascending_keys_fill_their_leaves() {
    for batch in [1, 777] {
        let mut index = Index::new();
        let all: Vec<Entry> = (0..30_000).map(|i| (key_of(i, 5), tid(i))).collect();
        all.chunks(batch).for_each(|part| index.insert(part));
        let leaves = 30_000 * 15 / (node::CAPACITY - insert::APPEND_RESERVE) as u32;
        let used = index.used_pages();
        assert!(used < leaves + leaves / 50 + 5, "{used} pages, {leaves} leaves");
    }
}

#[test]
fn a_queue_does_not_grow() {
    let mut index = Index::new();
    let mut most = 0;
    for round in 0..40u32 {
        let numbers = round * 5000..(round + 1) * 5000;
        index.insert(&numbers.clone().map(|i| (key_of(i, 5), tid(i))).collect::<Vec<_>>());
        if round > 0 {
            let mut dead: Vec<Tid> = numbers.map(|i| tid(i - 5000)).collect();
            assert_eq!(index.delete(&mut dead), 5000);
        }
        if round == 4 {
            most = index.used_pages();
        }
    }
    assert_eq!(index.check().len(), 5000);
    assert!(index.used_pages() <= most + 1, "{} pages, were {most}", index.used_pages());
}

#[test]
fn emptied_and_filled_again_it_reuses_its_pages() {
    let mut index = Index::new();
    for width in [5, 1500, 2690] {
        let mut used = 0;
        for round in 0..3 {
            let all: Vec<Entry> = (0..600).map(|i| (key_of(i * 37 % 600, width), tid(i))).collect();
            all.chunks(50).for_each(|part| index.insert(part));
            if round == 0 {
                used = index.used_pages();
            }
            assert!(index.used_pages() <= used + 12, "{} pages, were {used}", index.used_pages());
            assert_eq!(index.delete(&mut all.iter().map(|(_, tid)| *tid).collect::<Vec<_>>()), 600);
            assert!(index.check().is_empty());
        }
    }
}

#[test]
fn a_unique_key_conflicts_with_live_rows_only_and_null_with_nothing() {
    let mut index = Index::new();
    let key = prefix(7);
    assert_eq!(index.insert_unique(&key, false, tid(1), &[]), None);
    let conflict = Conflict { new: tid(2), existing: tid(1) };
    assert_eq!(index.insert_unique(&key, false, tid(2), &[]), Some(conflict));
    // Dead versions of the row, over several leaves, and among them one that lives.
    let versions: Vec<Tid> = (2..3000).map(tid).collect();
    index.insert(&versions.iter().map(|tid| (key.clone(), *tid)).collect::<Vec<_>>());
    let mut dead = [vec![tid(1)], versions].concat();
    assert_eq!(index.insert_unique(&key, false, tid(5000), &dead), None);
    let living = dead.remove(2000);
    dead.push(tid(5000));
    let found = index.insert_unique(&key, false, tid(0), &dead);
    assert_eq!(found, Some(Conflict { new: tid(0), existing: living }));

    let mut null = Vec::new();
    key::push_null(&mut null);
    assert_eq!(index.insert_unique(&null, true, tid(6000), &[]), None);
    assert_eq!(index.insert_unique(&null, true, tid(6001), &[]), None);
    index.check();
}

#[test]
fn two_rows_of_one_statement_conflict_too() {
    let mut index = Index::new();
    let mut entries = Entries::default();
    for (value, row) in [(5, 1), (3, 2), (5, 3)] {
        let mut key = Vec::new();
        key::push_i32(&mut key, value);
        entries.push_key(&key, false, tid(row));
    }
    let mut is_live = |_: &mut Pages, _: Tid| Ok(true);
    let conflict =
        index.tree.insert_many(&mut index.pages, FROZEN_XID, &mut entries, Some(&mut is_live)).unwrap();
    assert_eq!(conflict, Some(Conflict { new: tid(3), existing: tid(1) }));
}

#[test]
fn a_scan_is_not_confused_by_what_its_own_statement_adds_and_removes() {
    for direction in [Direction::Forward, Direction::Backward] {
        let mut index = Index::new();
        let rows: Vec<Entry> = (0..10_000).map(|i| (key_of(i * 2, 8), tid(i))).collect();
        index.insert(&rows);
        let mut cursor = index.tree.scan(Bound::Unbounded, Bound::Unbounded, direction);
        let (mut batch, mut found, mut added) = (Vec::new(), Vec::new(), 20_000);
        while cursor.next_batch(&mut index.pages, &mut batch).unwrap() {
            found.extend(batch.iter().filter(|tid| tid.page < 100).copied());
            // New versions all over the tree, so that leaves split before and behind the cursor; and sometimes
            // some that are behind the cursor go.
            let new: Vec<Entry> = (0..300).map(|i| (key_of(i * 66 + 1, 8), tid(added + i))).collect();
            index.insert(&new);
            added += 300;
            if added % 900 == 0 {
                index.delete(&mut batch.clone());
            }
        }
        if direction == Direction::Backward {
            found.reverse();
        }
        assert!(found.iter().eq(rows.iter().map(|(_, tid)| tid)));
        index.check();
    }
}

#[test]
fn a_key_too_long_is_refused_in_postgresqls_words() {
    let mut index = Index::new();
    let mut entries = Entries::default();
    entries.push_key(&[1; 2699], false, tid(1));
    let error = index.tree.insert_many(&mut index.pages, FROZEN_XID, &mut entries, None).unwrap_err();
    assert_eq!(error.state().code(), "54000");
    assert_eq!(
        error.message(),
        "index row size 2705 exceeds btree version 4 maximum 2704 for index \"t_pkey\""
    );
    index.insert(&[(vec![1; 2698], tid(1))]);
}
