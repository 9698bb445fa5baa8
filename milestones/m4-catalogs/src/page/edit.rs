//! The only way to change a page: mutators that also note what they touched.
//!
//! A finished change must be told to the log (stage 2), and the log wants to know as little as possible:
//! not 8192 bytes, but the few that are new. Finding them afterwards by comparing would cost a copy of each
//! page; instead, each mutator notes its bytes as it writes them, in a [`Delta`]. Nobody who edits a page has to
//! know that a log exists.
//!
//! PostgreSQL's generic WAL (`src/backend/access/transam/generic_xlog.c`) compares; InnoDB's mini-transactions
//! note, as we do.

use super::slotted::{HAS_FREE_LINES, ItemFlags, LinePointer};
use super::{HEADER_SIZE, LAYOUT_VERSION, LINE_POINTER_SIZE, PAGE_SIZE, Page, PageKind};
use crate::error::{Error, Result};
use std::ops::Range;
use zerocopy::FromZeros;

/// Ranges no further apart than this are noted as one: each costs four bytes of a log record, and a step of its own
/// whenever the record is made or replayed.
const MERGE_GAP: usize = 8;

/// So many ranges are looked through faster than they are searched.
const FEW: usize = 4;

/// Whether two ranges overlap or nearly touch.
fn is_near(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start <= b.end + MERGE_GAP && b.start <= a.end + MERGE_GAP
}

/// Bytes moved within a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    pub from: u16,
    pub to: u16,
    pub len: u16,
}

/// How a page came from its old content to its new.
///
/// Invariant: take the old page (zeros, if `initialized`), do the `moves` in order, then copy the new page's
/// bytes of each range in `written`: that gives the new page. In other words, a byte outside `written` is what
/// the moves alone would have put there. `written` is sorted and its ranges do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    initialized: bool,
    moves: Vec<Move>,
    written: Vec<Range<usize>>,
}

impl Delta {
    pub fn is_empty(&self) -> bool {
        !self.initialized && self.moves.is_empty() && self.written.is_empty()
    }

    /// The page was made new: its old content does not matter.
    pub fn is_initialized(&self) -> bool {
        self.initialized
    }

    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    pub fn written(&self) -> &[Range<usize>] {
        &self.written
    }

    /// Forgets everything, keeping its memory for the next change.
    pub fn clear(&mut self) {
        self.initialized = false;
        self.moves.clear();
        self.written.clear();
    }

    fn note_written(&mut self, mut range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        // Row after row is written where the one before ends: then one of a few ranges grows.
        if self.written.len() <= FEW
            && let Some(at) = self.written.iter().position(|known| is_near(known, &range))
        {
            let known = &self.written[at];
            let grown = known.start.min(range.start)..known.end.max(range.end);
            if self.written.get(at + 1).is_none_or(|next| !is_near(&grown, next)) {
                self.written[at] = grown;
                return;
            }
        }
        // The ranges that `range` overlaps or nearly touches become one with it.
        let first = self.written.partition_point(|known| known.end + MERGE_GAP < range.start);
        let last =
            self.written[first..].partition_point(|known| known.start <= range.end + MERGE_GAP) + first;
        if let [known, ..] = &self.written[first..last] {
            range.start = range.start.min(known.start);
            range.end = range.end.max(self.written[last - 1].end);
        }
        match last - first {
            1 => self.written[first] = range,
            _ => drop(self.written.splice(first..last, [range])),
        }
    }

    /// Bytes that were written before they moved are new at their new place, too.
    fn note_moved(&mut self, from: usize, to: usize, len: usize) {
        let carried: Vec<Range<usize>> = self
            .written
            .iter()
            .map(|known| known.start.max(from)..known.end.min(from + len))
            .filter(|part| part.start < part.end)
            .map(|part| part.start - from + to..part.end - from + to)
            .collect();
        self.moves.push(Move { from: from as u16, to: to as u16, len: len as u16 });
        for range in carried {
            self.note_written(range);
        }
    }
}

/// A page being changed.
///
/// Each mutator checks first and writes after: an error leaves the page as it was.
pub struct PageMut<'a> {
    page: &'a mut Page,
    delta: &'a mut Delta,
}

impl std::ops::Deref for PageMut<'_> {
    type Target = Page;

    fn deref(&self) -> &Page {
        self.page
    }
}

impl<'a> PageMut<'a> {
    pub fn new(page: &'a mut Page, delta: &'a mut Delta) -> PageMut<'a> {
        PageMut { page, delta }
    }

    /// Makes the page an empty one of this kind, with `special_size` bytes of special space.
    pub fn init(&mut self, kind: PageKind, special_size: usize) {
        let lsn = self.page.header.lsn;
        self.page.zero();
        self.page.header.lsn = lsn;
        self.delta.clear();
        self.delta.initialized = true;
        let special = (PAGE_SIZE - special_size) as u16;
        self.page.header.layout_version = LAYOUT_VERSION;
        self.page.header.kind = kind as u8;
        self.page.header.special.set(special);
        self.page.header.lower.set(HEADER_SIZE as u16);
        self.page.header.upper.set(special);
        self.delta.note_written(12..HEADER_SIZE);
    }

    /// Overwrites bytes at `offset`. Inside an item or the special space; the header has its own mutators.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<()> {
        let range = offset..offset + bytes.len();
        match self.page.bytes_mut().get_mut(range.clone()) {
            Some(target) if offset >= HEADER_SIZE => target.copy_from_slice(bytes),
            _ => return Err(Error::internal(format!("write of bytes {range:?} of a page"))),
        }
        self.delta.note_written(range);
        Ok(())
    }

    /// Overwrites bytes at `offset` within the special space.
    pub fn write_special(&mut self, offset: usize, bytes: &[u8]) -> Result<()> {
        self.write(self.page.special_start() + offset, bytes)
    }

    /// Overwrites bytes at `offset` within item `slot`.
    pub fn write_item(&mut self, slot: u16, offset: usize, bytes: &[u8]) -> Result<()> {
        let pointer = self.page.line_pointer(slot);
        if pointer.flags() != ItemFlags::Normal || offset + bytes.len() > pointer.len() {
            return Err(Error::internal(format!("write past item {slot} of a page")));
        }
        self.write(pointer.offset() + offset, bytes)
    }

    fn set_flags(&mut self, flags: u16) {
        self.page.header.flags.set(flags);
        self.delta.note_written(12..14);
    }

    /// Stores an item under line pointer `slot`: an unused one, or the next new one.
    pub fn insert(&mut self, slot: u16, item: &[u8]) -> Result<()> {
        let new_pointer = slot == self.page.slot_count() + 1;
        if !new_pointer && (slot == 0 || slot > self.page.slot_count()) {
            return Err(Error::internal(format!("line pointer {slot} out of sequence")));
        }
        if !new_pointer && self.page.line_pointer(slot).flags() != ItemFlags::Unused {
            return Err(Error::internal(format!("line pointer {slot} is in use")));
        }
        let pointer = self.place(item, if new_pointer { LINE_POINTER_SIZE } else { 0 })?;
        if new_pointer {
            self.set_lower(self.page.lower() + LINE_POINTER_SIZE);
        }
        self.set_line_pointer(slot, pointer);
        Ok(())
    }

    /// Stores an item between line pointers: those from `slot` on move up by one. For pages that keep their
    /// items in order.
    pub fn insert_ordered(&mut self, slot: u16, item: &[u8]) -> Result<()> {
        let count = self.page.slot_count();
        if slot == 0 || slot > count + 1 {
            return Err(Error::internal(format!("line pointer {slot} out of sequence")));
        }
        let pointer = self.place(item, LINE_POINTER_SIZE)?;
        let (start, end) = (Page::line_pointer_offset(slot), self.page.lower());
        self.set_lower(end + LINE_POINTER_SIZE);
        self.shift(start, start + LINE_POINTER_SIZE, end - start);
        self.set_line_pointer(slot, pointer);
        Ok(())
    }

    /// Removes an item and its line pointer: those after it move down by one. Its bytes stay until
    /// [`PageMut::compact`].
    pub fn remove_ordered(&mut self, slot: u16) -> Result<()> {
        if slot == 0 || slot > self.page.slot_count() {
            return Err(Error::internal(format!("no line pointer {slot} to remove")));
        }
        let (start, end) = (Page::line_pointer_offset(slot + 1), self.page.lower());
        self.shift(start, start - LINE_POINTER_SIZE, end - start);
        self.set_lower(end - LINE_POINTER_SIZE);
        Ok(())
    }

    /// Frees line pointer `slot`. The item's bytes stay until [`PageMut::compact`].
    pub fn release(&mut self, slot: u16) -> Result<()> {
        if slot == 0 || slot > self.page.slot_count() {
            return Err(Error::internal(format!("no line pointer {slot} to release")));
        }
        self.set_line_pointer(slot, LinePointer::UNUSED);
        self.set_flags(self.page.header.flags.get() | HAS_FREE_LINES);
        Ok(())
    }

    /// Moves the items together at the page's end, so that all free space is in one piece, and drops unused
    /// line pointers at the end of the directory. No line pointer changes its number.
    pub fn compact(&mut self) {
        let mut count = self.page.slot_count();
        while count > 0 && self.page.line_pointer(count).flags() == ItemFlags::Unused {
            count -= 1;
        }
        self.set_lower(HEADER_SIZE + usize::from(count) * LINE_POINTER_SIZE);
        let mut items: Vec<(u16, LinePointer)> = (1..=count)
            .map(|slot| (slot, self.page.line_pointer(slot)))
            .filter(|(_, pointer)| pointer.flags() == ItemFlags::Normal)
            .collect();
        // From the highest item down, each moves up: it can only cover bytes that were already moved.
        items.sort_by_key(|(_, pointer)| std::cmp::Reverse(pointer.offset()));
        let mut end = self.page.special_start();
        for (slot, pointer) in items {
            end -= pointer.len();
            if pointer.offset() != end {
                self.shift(pointer.offset(), end, pointer.len());
                self.set_line_pointer(slot, LinePointer::normal(end, pointer.len()));
            }
        }
        self.set_upper(end);
        if (1..=count).all(|slot| self.page.line_pointer(slot).flags() != ItemFlags::Unused) {
            self.set_flags(self.page.header.flags.get() & !HAS_FREE_LINES);
        }
    }

    /// Puts an item's bytes below the others, if there is room for them and `extra` more.
    fn place(&mut self, item: &[u8], extra: usize) -> Result<LinePointer> {
        if item.len() + extra > self.page.free_space() {
            return Err(Error::internal(format!("an item of {} bytes does not fit the page", item.len())));
        }
        let offset = self.page.upper() - item.len();
        self.set_upper(offset);
        self.write(offset, item)?;
        Ok(LinePointer::normal(offset, item.len()))
    }

    fn shift(&mut self, from: usize, to: usize, len: usize) {
        if len > 0 && from != to {
            self.page.bytes_mut().copy_within(from..from + len, to);
            self.delta.note_moved(from, to, len);
        }
    }

    fn set_line_pointer(&mut self, slot: u16, pointer: LinePointer) {
        let start = Page::line_pointer_offset(slot);
        self.page.bytes_mut()[start..start + LINE_POINTER_SIZE].copy_from_slice(&pointer.to_bytes());
        self.delta.note_written(start..start + LINE_POINTER_SIZE);
    }

    fn set_lower(&mut self, lower: usize) {
        self.page.header.lower.set(lower as u16);
        self.delta.note_written(14..16);
    }

    fn set_upper(&mut self, upper: usize) {
        self.page.header.upper.set(upper as u16);
        self.delta.note_written(16..18);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What redo will do with a delta, written as plainly as can be.
    fn replay(old: &Page, delta: &Delta, new: &Page) -> Page {
        let mut page = if delta.is_initialized() { Page::zeroed() } else { old.clone() };
        for step in delta.moves() {
            let from = usize::from(step.from);
            page.bytes_mut().copy_within(from..from + usize::from(step.len), usize::from(step.to));
        }
        for range in delta.written() {
            page.bytes_mut()[range.clone()].copy_from_slice(&new.bytes()[range.clone()]);
        }
        page
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(Vec<u8>),
        InsertOrdered(u16, Vec<u8>),
        RemoveOrdered(u16),
        Release(u16),
        WriteItem(u16, u8),
        Compact,
        Init,
    }

    fn step() -> impl Strategy<Value = Step> {
        let item = || proptest::collection::vec(any::<u8>(), 1..400);
        prop_oneof![
            6 => item().prop_map(Step::Insert),
            4 => (1..20u16, item()).prop_map(|(slot, item)| Step::InsertOrdered(slot, item)),
            2 => (1..20u16).prop_map(Step::RemoveOrdered),
            3 => (1..20u16).prop_map(Step::Release),
            2 => (1..20u16, any::<u8>()).prop_map(|(slot, byte)| Step::WriteItem(slot, byte)),
            2 => Just(Step::Compact),
            1 => Just(Step::Init),
        ]
    }

    fn apply(edit: &mut PageMut<'_>, step: &Step) {
        // A step that does not fit the page is refused and must change nothing; the replay proves it.
        let _ = match step {
            Step::Insert(item) => edit.insert(edit.free_slot(), item),
            Step::InsertOrdered(slot, item) => edit.insert_ordered(*slot, item),
            Step::RemoveOrdered(slot) => edit.remove_ordered(*slot),
            Step::Release(slot) => edit.release(*slot),
            Step::WriteItem(slot, byte) => edit.write_item(*slot, 0, &[*byte]),
            Step::Compact => {
                edit.compact();
                Ok(())
            }
            Step::Init => {
                edit.init(PageKind::Heap, 16);
                Ok(())
            }
        };
    }

    proptest! {
        #[test]
        fn a_delta_rebuilds_the_page(
            before in proptest::collection::vec(step(), 0..30),
            during in proptest::collection::vec(step(), 1..30),
        ) {
            let (mut page, mut delta) = (Page::zeroed(), Delta::default());
            let mut edit = PageMut::new(&mut page, &mut delta);
            edit.init(PageKind::Heap, 0);
            before.iter().for_each(|step| apply(&mut edit, step));

            let old = page.clone();
            delta.clear();
            let mut edit = PageMut::new(&mut page, &mut delta);
            during.iter().for_each(|step| apply(&mut edit, step));

            prop_assert!(replay(&old, &delta, &page).bytes() == page.bytes());
            page.seal(crate::testing::DATABASE, crate::page::FileId::main(1).page(0));
            prop_assert!(page.verify(crate::testing::DATABASE, crate::page::FileId::main(1).page(0)).is_ok());
        }

        #[test]
        fn compacting_keeps_every_item_under_its_number(steps in proptest::collection::vec(step(), 0..40)) {
            let (mut page, mut delta) = (Page::zeroed(), Delta::default());
            let mut edit = PageMut::new(&mut page, &mut delta);
            edit.init(PageKind::Heap, 0);
            steps.iter().for_each(|step| apply(&mut edit, step));
            let items = |page: &Page| -> Vec<Option<Vec<u8>>> {
                (1..=60).map(|slot| page.item(slot).map(<[u8]>::to_vec)).collect()
            };
            let before = items(&edit);
            edit.compact();
            prop_assert_eq!(before, items(&edit));
            let used: usize = (1..=edit.slot_count()).filter_map(|slot| edit.item(slot)).map(<[u8]>::len).sum();
            prop_assert_eq!(edit.upper() + used, edit.special_start());
        }
    }

    #[test]
    fn a_page_filled_by_one_change_is_two_ranges() {
        let (mut page, mut delta) = (Page::zeroed(), Delta::default());
        let mut edit = PageMut::new(&mut page, &mut delta);
        edit.init(PageKind::Heap, 0);
        while edit.room_for_item() >= 100 {
            edit.insert(edit.free_slot(), &[7; 100]).unwrap();
        }
        assert_eq!(delta.written().len(), 2, "{delta:?}");
    }
}
