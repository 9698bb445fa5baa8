//! Damaged pages under valid checksums: whatever is on them, no panic and no end of waiting.

use super::*;
use crate::page::Page;

/// Everything one can do to an index, on one whose page `page` was replaced. Errors are welcome, panics not.
fn use_damaged(page: PageNo, damage: impl Fn(&mut Page)) -> Vec<Error> {
    let mut index = Index::new();
    index.insert(
        &(0..400).map(|i| (key_of(i * 2, if i % 5 == 0 { 900 } else { 12 }), tid(i))).collect::<Vec<_>>(),
    );
    index.delete(&mut (150..200).map(tid).collect::<Vec<_>>());
    let id = index.tree.page_id(page);
    let mut bytes = (*index.pages.read(id).unwrap()).clone();
    damage(&mut bytes);
    // Out of memory with it, so that it is read again.
    index.pages.set_shared_buffers(0).unwrap();
    index.pages.files().write(id, &mut bytes).unwrap();

    let Index { pages, tree } = &mut index;
    let problems = tree.check(pages, &mut |_, _, _| {});
    let mut errors = Vec::new();
    for direction in [Direction::Forward, Direction::Backward] {
        let mut cursor = tree.scan(Bound::Unbounded, Bound::Unbounded, direction);
        let mut tids = Vec::new();
        loop {
            match cursor.next_batch(pages, &mut tids) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => break errors.push(error),
            }
        }
    }
    for i in 0..400 {
        errors.extend(tree.find(pages, &key_of(i, 12), &mut Vec::new()).err());
    }
    errors.extend(tree.bulk_delete(pages, FROZEN_XID, &(0..100).map(tid).collect::<Vec<_>>()).err());
    for i in 0..200 {
        let mut entries = Entries::default();
        entries.push_key(&key_of(i * 7 + 1, 700), false, tid(1000 + i));
        errors.extend(tree.insert_many(pages, FROZEN_XID, &mut entries, None).err());
    }
    // Damage that shows in the middle of a change leaves the database read-only: 58030.
    for error in problems.iter().chain(&errors) {
        assert!(["XX000", "XX001", "XX002", "58030"].contains(&error.state().code()), "{error}");
    }
    problems
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn damage_under_a_valid_checksum_never_panics_or_loops(
        page in 0..16u32,
        places in proptest::collection::vec((12..8192usize, any::<u8>()), 1..4),
    ) {
        use_damaged(page, |bytes| places.iter().for_each(|(at, value)| bytes.bytes_mut()[*at] = *value));
    }

    #[test]
    fn neither_does_damage_to_the_special_space(
        page in 0..16u32, at in 8168..8192usize, value in 0..20u8,
    ) {
        use_damaged(page, |bytes| bytes.bytes_mut()[at] = value);
    }
}

#[test]
fn check_finds_a_cycle_and_a_wrong_order() {
    let swap = |page: &mut Page| {
        let (a, b) = (page.line_pointer(2).to_bytes(), page.line_pointer(3).to_bytes());
        let at = Page::line_pointer_offset(2);
        page.bytes_mut()[at..at + 4].copy_from_slice(&b);
        page.bytes_mut()[at + 4..at + 8].copy_from_slice(&a);
    };
    assert!(use_damaged(4, swap).iter().any(|error| error.message().contains("page 4 ")));
    let cycle = |page: &mut Page| {
        let at = page.special_start() + node::RIGHT_OFFSET;
        page.bytes_mut()[at..at + 4].copy_from_slice(&4u32.to_le_bytes());
    };
    assert!(use_damaged(4, cycle).iter().any(|error| error.message().contains("right sibling 4")));
    assert!(use_damaged(4, |_| ()).is_empty());
}

#[test]
fn links_to_anywhere_end_in_an_error_or_in_an_answer() {
    let set = |page: &mut Page, at: usize, value: PageNo| {
        if let Some(bytes) = page.bytes_mut().get_mut(at..at + 4) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
    };
    for number in 0..7 {
        for value in [0, 1, 2, number, number + 1, 4_000_000_000, PageNo::MAX] {
            // Root, level, free and unused pages in page 0; siblings, level and flags elsewhere.
            for at in if number == 0 { 8..24 } else { 0..12 }.step_by(4) {
                use_damaged(number, |page| set(page, page.special_start() + at, value));
            }
            // The child that an inner page's item begins with, or the beginning of a key.
            for slot in [1, 2] {
                use_damaged(number, |page| set(page, page.line_pointer(slot).offset(), value));
            }
        }
    }
}

#[test]
fn free_pages_in_a_circle_are_an_error() {
    let mut index = Index::new();
    index.insert(&(0..400).map(|i| (key_of(i, 900), tid(i))).collect::<Vec<_>>());
    index.delete(&mut (0..300).map(tid).collect::<Vec<_>>());
    let free = index.tree.read_meta(&mut index.pages).unwrap().free.get();
    assert_ne!(free, NONE);
    let id = index.tree.page_id(free);
    let mut page = (*index.pages.read(id).unwrap()).clone();
    let at = page.special_start() + node::RIGHT_OFFSET;
    page.bytes_mut()[at..at + 4].copy_from_slice(&free.to_le_bytes());
    index.pages.set_shared_buffers(0).unwrap();
    index.pages.files().write(id, &mut page).unwrap();
    let Index { pages, tree } = &mut index;
    let problems = tree.check(pages, &mut |_, _, _| {});
    assert!(problems.iter().any(|error| error.message().contains("is reached more than once")));
    let mut errors = Vec::new();
    for i in 0..200 {
        let mut entries = Entries::default();
        entries.push_key(&key_of(i, 900), false, tid(1000 + i));
        errors.extend(tree.insert_many(pages, FROZEN_XID, &mut entries, None).err());
    }
    let named = format!("{id}: is in use, but listed as free");
    assert!(errors.iter().any(|error| error.message() == named), "{errors:?}");
}
