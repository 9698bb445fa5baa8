//! Pages: whatever bytes as one, and edits of one.
//!
//! `page` begins with bytes that nobody ever wrote as a page. `page_edits` begins with an empty page and knows, from a
//! plain list of items, what must be on it after each step.

use arbitrary::{Arbitrary, Unstructured};
use m5_sql::check::{self, Report};
use m5_sql::page::{
    Delta, FileId, HEADER_SIZE, ItemFlags, LINE_POINTER_SIZE, PAGE_SIZE, Page, PageId, PageKind, PageMut,
};
use m5_sql::tuple::TupleHeader;
use m5_sql::wal::record::{self, Record, RecordKind};

use crate::DATABASE;
use crate::pages::{compact, unpack};

const KINDS: [PageKind; 4] = [PageKind::Heap, PageKind::FreeSpaceMap, PageKind::CommitLog, PageKind::BTree];

fn id() -> PageId {
    FileId::main(16384).page(7)
}

/// Edits of four bytes each, their number first, then a page.
pub fn page(bytes: &[u8]) -> bool {
    let Some((count, rest)) = bytes.split_first() else { return false };
    let (edits, rest) = rest.split_at(rest.len().min(usize::from(count % 16) * 4));
    let mut page = unpack(rest);
    page.seal(DATABASE, id());
    if page.verify(DATABASE, id()).is_err() {
        return false;
    }
    look(&page);
    edit(page.clone(), edits);
    !page.is_zeroed()
}

/// All that can be asked of a page.
fn look(page: &Page) {
    for slot in 0..=page.slot_count() + 1 {
        if let Some(item) = page.item(slot) {
            assert_eq!(item.len(), page.line_pointer(slot).len());
            let _ = TupleHeader::read(item);
        }
    }
    assert!(page.room_for_item() <= page.free_space() && page.free_space() < PAGE_SIZE);
    assert!(page.free_slot() >= 1);
    let _ = (page.special(), page.lsn(), page.kind());
    for kind in KINDS {
        let mut report = Report::default();
        check::page::check(page, id(), kind, 1 << 20, &mut report);
        assert!(report.problems.iter().all(|problem| problem.message().contains("page 7 of file")));
    }
}

/// Edits keep what `verify` promises, whatever the page was; and the delta tells all that they did.
fn edit(mut page: Page, edits: &[u8]) {
    if page.kind() == PageKind::Empty {
        PageMut::new(&mut page, &mut Delta::default()).init(PageKind::Heap, 0);
    }
    let (old, mut delta) = (page.clone(), Delta::default());
    for step in edits.chunks_exact(4) {
        let [action, slot, len, byte] = [step[0], step[1], step[2], step[3]];
        let slot = u16::from(slot);
        let item = vec![byte; 1 + usize::from(len) * 4];
        let mut edit = PageMut::new(&mut page, &mut delta);
        // A refusal is an answer; the delta must then know of nothing.
        let _ = match action % 8 {
            0 => edit.insert(edit.free_slot(), &item),
            1 => edit.insert(slot, &item),
            2 => edit.insert_ordered(slot, &item),
            3 => edit.remove_ordered(slot),
            4 => edit.release(slot),
            5 => edit.write_item(slot, usize::from(len), &[byte; 9]),
            6 => edit.write_special(usize::from(len), &[byte; 5]),
            _ => {
                edit.compact();
                Ok(())
            }
        };
        page.verify_layout().unwrap_or_else(|what| panic!("{what} after {step:?}"));
    }
    assert_replays(old, &delta, &page, (RecordKind::Change, 7, 4096));
}

/// A change in the log, as a delta and as an image, makes the new page of the old one.
fn assert_replays(old: Page, delta: &Delta, new: &Page, (kind, xid, lsn): (RecordKind, u64, u64)) {
    let mut log = Vec::new();
    let start = record::begin(&mut log);
    record::add_delta(&mut log, id(), new, delta);
    record::add_image(&mut log, id(), new);
    record::finish(&mut log, start, DATABASE, (kind, 2, xid), (lsn, lsn, 3));
    let len = log.first_chunk().map_or(0, |len| u32::from_le_bytes(*len)) as usize;
    let record = Record::parse(DATABASE, &log[..len]).expect("a record").expect("its checksum is right");
    record.check().expect("what was written makes sense");
    assert_eq!((record.kind, record.xid(), record.lsn()), (kind, xid, lsn));
    let blocks = record.blocks().expect("two blocks");
    let mut from_delta = old;
    blocks[0].apply(&mut from_delta).expect("a delta");
    assert!(from_delta.bytes() == new.bytes(), "the delta does not tell all that was done");
    let mut from_image = Page::zeroed();
    blocks[1].apply(&mut from_image).expect("an image");
    let hole = new.lower()..new.upper();
    assert!(from_image.bytes()[..hole.start] == new.bytes()[..hole.start]);
    assert!(from_image.bytes()[hole.end..] == new.bytes()[hole.end..]);
}

#[derive(Arbitrary, Debug)]
enum Edit {
    Insert(Item),
    InsertAt(u8, Item),
    InsertOrdered(u8, Item),
    RemoveOrdered(u8),
    Release(u8),
    Write { slot: u8, offset: u8, byte: u8 },
    Compact,
}

#[derive(Arbitrary, Debug)]
struct Item {
    len: u16,
    byte: u8,
}

impl Item {
    fn bytes(&self) -> Vec<u8> {
        vec![self.byte; 1 + usize::from(self.len) % if self.byte.is_multiple_of(4) { PAGE_SIZE } else { 300 }]
    }
}

/// What is on a page, and how far down its items reach.
struct Model {
    items: Vec<Option<Vec<u8>>>,
    upper: usize,
    special: usize,
}

impl Model {
    fn room(&self) -> usize {
        self.upper - HEADER_SIZE - self.items.len() * LINE_POINTER_SIZE
    }

    fn place(&mut self, item: &[u8], extra: usize) -> bool {
        let fits = item.len() + extra <= self.room();
        if fits {
            self.upper -= item.len();
        }
        fits
    }

    fn in_range(&self, slot: u16) -> bool {
        (1..=self.items.len()).contains(&usize::from(slot))
    }

    /// Whether the step can be done; then it is.
    fn apply(&mut self, edit: &Edit) -> bool {
        match edit {
            Edit::Insert(item) => {
                let free = self.items.iter().position(Option::is_none);
                self.insert(free.unwrap_or(self.items.len()) as u16 + 1, item.bytes())
            }
            Edit::InsertAt(slot, item) => self.insert(u16::from(*slot), item.bytes()),
            Edit::InsertOrdered(slot, item) => {
                let (index, item) = (usize::from(*slot).wrapping_sub(1), item.bytes());
                let done = index <= self.items.len() && self.place(&item, LINE_POINTER_SIZE);
                if done {
                    self.items.insert(index, Some(item));
                }
                done
            }
            Edit::RemoveOrdered(slot) => {
                let done = self.in_range(u16::from(*slot));
                if done {
                    self.items.remove(usize::from(*slot) - 1);
                }
                done
            }
            Edit::Release(slot) => {
                let done = self.in_range(u16::from(*slot));
                if done {
                    self.items[usize::from(*slot) - 1] = None;
                }
                done
            }
            Edit::Write { slot, offset, byte } => {
                let item = self.items.get_mut(usize::from(*slot).wrapping_sub(1)).and_then(Option::as_mut);
                let target = item.and_then(|item| item.get_mut(usize::from(*offset)));
                target.map(|target| *target = *byte).is_some()
            }
            Edit::Compact => {
                while self.items.last().is_some_and(Option::is_none) {
                    self.items.pop();
                }
                self.upper = self.special - self.items.iter().flatten().map(Vec::len).sum::<usize>();
                true
            }
        }
    }

    fn insert(&mut self, slot: u16, item: Vec<u8>) -> bool {
        let index = usize::from(slot).wrapping_sub(1);
        let extra = if index == self.items.len() { LINE_POINTER_SIZE } else { 0 };
        let is_free = index == self.items.len() || matches!(self.items.get(index), Some(None));
        let done = is_free && self.place(&item, extra);
        if done {
            self.items.resize(self.items.len().max(index + 1), None);
            self.items[index] = Some(item);
        }
        done
    }
}

fn apply(page: &mut PageMut<'_>, edit: &Edit) -> bool {
    let done = match edit {
        Edit::Insert(item) => page.insert(page.free_slot(), &item.bytes()),
        Edit::InsertAt(slot, item) => page.insert(u16::from(*slot), &item.bytes()),
        Edit::InsertOrdered(slot, item) => page.insert_ordered(u16::from(*slot), &item.bytes()),
        Edit::RemoveOrdered(slot) => page.remove_ordered(u16::from(*slot)),
        Edit::Release(slot) => page.release(u16::from(*slot)),
        Edit::Write { slot, offset, byte } => {
            page.write_item(u16::from(*slot), usize::from(*offset), &[*byte])
        }
        Edit::Compact => {
            page.compact();
            Ok(())
        }
    };
    done.is_ok()
}

/// Edits of an empty page against a list of items.
pub fn page_edits(bytes: &[u8]) -> bool {
    let mut input = Unstructured::new(bytes);
    let Ok((special, xid, lsn)) = input.arbitrary::<(u16, u32, u32)>() else { return false };
    let special = usize::from(special) % 1024;
    let (mut page, mut delta) = (Page::zeroed(), Delta::default());
    PageMut::new(&mut page, &mut delta).init(PageKind::Heap, special);
    let special = PAGE_SIZE - special;
    let mut model = Model { items: Vec::new(), upper: special, special };
    let (mut old, mut steps) = (Page::zeroed(), 0);
    while !input.is_empty() && steps < 200 {
        let Ok(edit) = input.arbitrary::<Edit>() else { break };
        let expected = model.apply(&edit);
        let done = apply(&mut PageMut::new(&mut page, &mut delta), &edit);
        assert_eq!(done, expected, "{edit:?}");
        compare(&page, &model);
        steps += 1;
        // As if the change had been finished: the next delta begins here.
        if steps % 16 == 0 {
            assert_replays(old, &delta, &page, (RecordKind::Change, 3, 8));
            (old, delta) = (page.clone(), Delta::default());
        }
    }
    let kind = if xid % 2 == 0 { RecordKind::Change } else { RecordKind::Commit };
    assert_replays(old, &delta, &page, (kind, u64::from(xid), u64::from(lsn)));
    page.seal(DATABASE, id());
    page.verify(DATABASE, id()).expect("a page that was only edited");
    steps > 1
}

fn compare(page: &Page, model: &Model) {
    assert_eq!(usize::from(page.slot_count()), model.items.len());
    assert_eq!(page.free_space(), model.room());
    for (slot, item) in (1..).zip(&model.items) {
        assert_eq!(page.item(slot), item.as_deref(), "item {slot}");
        let flags = if item.is_some() { ItemFlags::Normal } else { ItemFlags::Unused };
        assert_eq!(page.line_pointer(slot).flags(), flags);
    }
}

/// A few pages of each kind, and edits of them.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (kind, special) in KINDS.into_iter().zip([0, PAGE_SIZE - HEADER_SIZE, PAGE_SIZE - HEADER_SIZE, 12]) {
        for items in [0, 1, 3, 12] {
            let (mut page, mut delta) = (Page::zeroed(), Delta::default());
            let mut edit = PageMut::new(&mut page, &mut delta);
            edit.init(kind, special);
            for number in 0..items {
                // A page without room takes none.
                let _ = edit.insert(edit.free_slot(), &vec![number as u8; 24 + 5 * number]);
            }
            if items > 1 {
                let _ = edit.release(2);
            }
            if items > 3 {
                edit.compact();
            }
            let edits = [0, 3, 9, 7, 2, 1, 4, 8, 4, 1, 0, 0, 7, 0, 0, 0, 5, 1, 1, 1, 3, 1, 0, 0];
            seeds.push([&[6][..], &edits, &compact(&page)].concat());
        }
    }
    seeds
}
