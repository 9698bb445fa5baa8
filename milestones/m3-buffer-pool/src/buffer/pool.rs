//! The buffer pool's bookkeeping: which page is in which frame, and which frame to give up next.
//!
//! A frame is a place for a page in memory. There are as many as `shared_buffers` allows; to read one more page means
//! to give one up, and the pool gives up the one that was used longest ago (LRU): what was needed lately will probably
//! be needed again. (PostgreSQL approximates this with a clock, because its processes would queue up for one list.)
//!
//! A large scan breaks that rule: it needs every page once. It would push out everything that others use, and then its
//! own pages as well. So scans take turns within a ring of a few frames (PostgreSQL's `BAS_BULKREAD`).
//!
//! Nothing here reads or writes: [`super::Pages`] does, with the log's permission.

use super::PageRef;
use crate::page::{Page, PageId};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// Frames that scans take turns in: 256 KiB, as in PostgreSQL.
const RING_SIZE: usize = 32;

/// No frame: the end of the LRU list.
const NONE: usize = usize::MAX;

pub struct Frame {
    pub id: Option<PageId>,
    pub page: PageRef,
    /// Changed since it was read or written.
    pub dirty: bool,
    /// Read by a scan, and by nobody else since.
    in_ring: bool,
    /// Read before anybody has asked for it.
    pub is_ahead: bool,
    newer: usize,
    older: usize,
}

impl Frame {
    /// Somebody holds the page. A pin is nothing but a second owner.
    pub fn pins(&self) -> usize {
        Arc::strong_count(&self.page) - 1
    }
}

/// What the pool has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Pages that were asked for and in memory.
    pub hits: u64,
    /// Pages that were not, and were read from their files.
    pub reads: u64,
    /// Frames that lost their page: to another one, or because its file was removed.
    pub evictions: u64,
    /// Pages that were written to their files.
    pub writes: u64,
}

/// Invariant: `frames_by_page` has exactly the frames with an `id`; the list from `newest` to `oldest` has exactly
/// all frames.
pub struct Pool {
    frames: Vec<Frame>,
    frames_by_page: FxHashMap<PageId, usize>,
    newest: usize,
    oldest: usize,
    ring: VecDeque<usize>,
    /// A page that was replaced: memory for the next copy, unless a reader holds it.
    spare: Option<PageRef>,
    capacity: usize,
    pub statistics: Statistics,
}

impl Pool {
    pub fn new(capacity: usize) -> Pool {
        Pool {
            frames: Vec::new(),
            frames_by_page: FxHashMap::default(),
            newest: NONE,
            oldest: NONE,
            ring: VecDeque::new(),
            spare: None,
            capacity,
            statistics: Statistics::default(),
        }
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    pub fn frame(&self, number: usize) -> &Frame {
        &self.frames[number]
    }

    pub fn frame_mut(&mut self, number: usize) -> &mut Frame {
        &mut self.frames[number]
    }

    /// The frame of a page, if it is in memory. It counts as used now, unless a scan asks.
    pub fn find(&mut self, id: PageId, sequential: bool) -> Option<usize> {
        // Whoever reads a row after another asks for the page that was asked for last.
        if let Some(newest) = self.frames.get(self.newest)
            && newest.id == Some(id)
            && !newest.in_ring
        {
            self.statistics.hits += 1;
            return Some(self.newest);
        }
        let number = *self.frames_by_page.get(&id)?;
        match std::mem::take(&mut self.frames[number].is_ahead) {
            true => self.statistics.reads += 1,
            false => self.statistics.hits += 1,
        }
        if !sequential {
            self.frames[number].in_ring = false;
            self.touch(number);
        }
        Some(number)
    }

    pub fn contains(&self, id: PageId) -> bool {
        self.frames_by_page.contains_key(&id)
    }

    /// Whether a page is in memory because a scan has read it.
    pub fn is_in_ring(&self, id: PageId) -> bool {
        self.frames_by_page.get(&id).is_some_and(|number| self.frames[*number].in_ring)
    }

    /// How many frames scans take turns in.
    pub fn ring_size(&self) -> usize {
        RING_SIZE.min(self.capacity / 2)
    }

    /// Several frames at once, if no number is there twice.
    pub fn frames_mut<const N: usize>(&mut self, numbers: [usize; N]) -> Option<[&mut Frame; N]> {
        self.frames.get_disjoint_mut(numbers).ok()
    }

    /// The frame to use for the next page: a new one, or the one that was not used for longest and that nobody holds; its
    /// page is still in it. With `may_write` that page may be dirty, and has to be written first; without, frames with
    /// dirty pages are passed over.
    ///
    /// If every frame is in use at this moment, the pool grows beyond its size by one: pins are few and short, and a
    /// statement must not fail because of the order in which it reads.
    pub fn victim(&mut self, sequential: bool, may_write: bool) -> usize {
        if sequential && self.ring.len() >= self.ring_size() {
            while let Some(number) = self.ring.pop_front() {
                let frame = &self.frames[number];
                if frame.in_ring && !frame.dirty && frame.pins() == 0 {
                    return number;
                }
            }
        }
        if self.frames.len() < self.capacity {
            return self.add_frame();
        }
        let mut number = self.oldest;
        while number != NONE {
            let frame = &self.frames[number];
            if frame.pins() == 0 && (may_write || !frame.dirty) {
                return number;
            }
            number = self.frames[number].newer;
        }
        self.add_frame()
    }

    /// A copy of a page, to be edited.
    pub fn copy(&mut self, page: &Page) -> PageRef {
        let mut copy = self.spare.take().unwrap_or_else(|| Arc::new(Page::zeroed()));
        match Arc::get_mut(&mut copy) {
            Some(memory) => memory.bytes_mut().copy_from_slice(page.bytes()),
            None => copy = Arc::new(page.clone()),
        }
        copy
    }

    /// Gives a frame the new state of its page. The old one's memory is used again: row after row is stored in the same
    /// few pages, and each time one of them is copied.
    pub fn replace(&mut self, number: usize, page: PageRef, old: PageRef) {
        let frame = &mut self.frames[number];
        (frame.page, frame.dirty) = (page, true);
        self.spare = Some(old);
    }

    /// Empties a frame.
    pub fn evict(&mut self, number: usize) {
        if let Some(id) = self.frames[number].id.take() {
            self.frames_by_page.remove(&id);
            self.statistics.evictions += 1;
        }
        self.frames[number].dirty = false;
        self.frames[number].is_ahead = false;
    }

    /// Gives an empty frame to a page.
    pub fn install(&mut self, number: usize, id: PageId, sequential: bool) {
        let frame = &mut self.frames[number];
        frame.id = Some(id);
        frame.in_ring = sequential;
        self.frames_by_page.insert(id, number);
        if sequential {
            self.ring.push_back(number);
        }
        self.touch(number);
    }

    /// The dirty frames, in the order of their pages on disk.
    pub fn dirty_frames(&self) -> Vec<usize> {
        let mut dirty: Vec<usize> =
            (0..self.frames.len()).filter(|number| self.frames[*number].dirty).collect();
        dirty.sort_by_key(|number| self.frames[*number].id);
        dirty
    }

    fn add_frame(&mut self) -> usize {
        self.frames.push(Frame {
            id: None,
            page: Arc::new(Page::zeroed()),
            dirty: false,
            in_ring: false,
            is_ahead: false,
            newer: NONE,
            older: NONE,
        });
        let number = self.frames.len() - 1;
        self.link_newest(number);
        number
    }

    /// Moves a frame to the list's newest end.
    fn touch(&mut self, number: usize) {
        if self.newest == number {
            return;
        }
        let (newer, older) = (self.frames[number].newer, self.frames[number].older);
        match newer {
            NONE => self.newest = older,
            _ => self.frames[newer].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            _ => self.frames[older].newer = newer,
        }
        self.link_newest(number);
    }

    fn link_newest(&mut self, number: usize) {
        self.frames[number].newer = NONE;
        self.frames[number].older = self.newest;
        match self.newest {
            NONE => self.oldest = number,
            newest => self.frames[newest].newer = number,
        }
        self.newest = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::FileId;

    fn id(page: u32) -> PageId {
        FileId::main(16384).page(page)
    }

    /// Reads a page as `Pages` does; whether it was in memory.
    fn read(pool: &mut Pool, page: u32, sequential: bool) -> bool {
        if pool.find(id(page), sequential).is_some() {
            return true;
        }
        let number = pool.victim(sequential, true);
        pool.evict(number);
        pool.install(number, id(page), sequential);
        false
    }

    fn pages(pool: &Pool) -> Vec<u32> {
        let mut pages: Vec<u32> =
            pool.frames().iter().filter_map(|frame| frame.id).map(|id| id.page).collect();
        pages.sort_unstable();
        pages
    }

    #[test]
    fn the_page_used_longest_ago_goes_first() {
        let mut pool = Pool::new(3);
        for page in [1, 2, 3, 1] {
            read(&mut pool, page, false);
        }
        read(&mut pool, 4, false);
        assert_eq!(pages(&pool), [1, 3, 4]);
        assert_eq!(pool.statistics.evictions, 1);
    }

    #[test]
    fn a_pinned_page_stays_and_if_all_are_pinned_the_pool_grows() {
        let mut pool = Pool::new(2);
        read(&mut pool, 1, false);
        read(&mut pool, 2, false);
        let pin = pool.frame(0).page.clone();
        read(&mut pool, 3, false);
        assert_eq!(pages(&pool), [1, 3]);
        let _pins: Vec<PageRef> = pool.frames().iter().map(|frame| frame.page.clone()).collect();
        drop(pin);
        read(&mut pool, 4, false);
        assert_eq!(pages(&pool), [1, 3, 4]);
    }

    #[test]
    fn a_large_scan_leaves_the_working_set_alone() {
        let mut pool = Pool::new(100);
        (0..60).for_each(|page| assert!(!read(&mut pool, page, false)));
        (1000..5000).for_each(|page| assert!(!read(&mut pool, page, true)));
        assert!((0..60).all(|page| read(&mut pool, page, false)), "the working set was pushed out");
    }

    #[test]
    fn without_the_ring_a_large_scan_pushes_everything_out() {
        let mut pool = Pool::new(100);
        (0..60).for_each(|page| assert!(!read(&mut pool, page, false)));
        (1000..5000).for_each(|page| assert!(!read(&mut pool, page, false)));
        assert!(!(0..60).any(|page| read(&mut pool, page, false)));
    }
}
