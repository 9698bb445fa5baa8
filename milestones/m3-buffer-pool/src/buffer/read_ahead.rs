//! Reading ahead: whoever reads a table from front to back is going to ask for the next pages, too.
//!
//! Each call of the kernel has its price, and for 8 kB it is as high as that of the copy. So a scan that goes through a
//! large table reads sixteen pages with one call, into as many frames of its ring. (PostgreSQL's scans do so since version
//! 17: `read_stream.c`, and `io_combine_limit` with the same 128 kB.)
//!
//! A page that was read ahead is in memory, but nobody has asked for it. It counts as read when somebody does, and if
//! anything is wrong with it, it is as if it had not been read: whoever asks reads it alone and is told.

use super::Pages;
use crate::error::Result;
use crate::page::{PageId, PageNo};
use std::sync::Arc;

/// Pages that one call reads.
const RUN: usize = 16;

impl Pages {
    /// A scan asks for a page that is not in memory: reads it and those behind it, if they can be read at once.
    pub(super) fn read_ahead(&mut self, first: PageId) -> Result<()> {
        if !self.is_run(first)? {
            return Ok(());
        }
        let mut numbers = [0; RUN];
        for (number, id) in numbers.iter_mut().zip(run(first)) {
            *number = self.free_frame(true);
            self.pool.install(*number, id, true);
        }
        let newest = self.newest_lsn();
        let sound = match self.pool.frames_mut(numbers) {
            Some(frames) => {
                let mut pages = frames.map(|frame| Arc::make_mut(&mut frame.page));
                self.written.read_run(&mut self.files, newest, first, &mut pages)
            }
            None => 0,
        };
        let (read, rest) = numbers.split_at(sound);
        read.iter().for_each(|number| self.pool.frame_mut(*number).is_ahead = true);
        rest.iter().for_each(|number| self.pool.evict(*number));
        Ok(())
    }

    /// Whether it is worth it. Not for a query that looks at a page or two: the scan must have come from the page before.
    fn is_run(&mut self, first: PageId) -> Result<bool> {
        let Some(before) = first.page.checked_sub(1) else { return Ok(false) };
        Ok(self.pool.ring_size() >= 2 * RUN
            && self.pool.is_in_ring(first.file.page(before))
            && self.files.has_run(first, RUN as PageNo)?
            && !run(first).any(|id| self.pool.contains(id)))
    }
}

fn run(first: PageId) -> impl Iterator<Item = PageId> {
    (0..RUN as PageNo).map(move |index| first.file.page(first.page + index))
}

#[cfg(test)]
mod tests {
    use crate::buffer::Pages;
    use crate::error::Result;
    use crate::page::{FileId, PAGE_SIZE, PageKind};
    use crate::testing::open_pages;
    use crate::vfs::simulated::{Failure, Fault, Operation, SimulatedVfs};
    use crate::vfs::{MemoryVfs, Vfs};
    use std::sync::Arc;

    const FILE: FileId = FileId { relation: 20000, fork: crate::page::Fork::Main };
    const COUNT: u32 = 300;

    /// A file of 300 pages with an item each, and no page in memory: a pool of 64 frames, just enough to read ahead.
    fn scene(vfs: Arc<dyn Vfs>) -> Pages {
        let mut pages = open_pages(vfs);
        pages.create_file(FILE).unwrap();
        for number in 0..COUNT {
            while pages.files().page_count(FILE).unwrap() <= number {
                pages.extend(FILE).unwrap();
            }
            let mut change = pages.change(3).unwrap();
            let page = change.open(FILE.page(number)).unwrap();
            change.edit(page).init(PageKind::Heap, 0);
            change.edit(page).insert(1, &number.to_le_bytes()).unwrap();
            change.finish().unwrap();
        }
        pages.checkpoint().unwrap();
        pages.set_shared_buffers(64 * PAGE_SIZE).unwrap();
        pages
    }

    /// Reads the page as a scan does, and checks that it is that page.
    fn read(pages: &mut Pages, number: u32) -> Result<()> {
        let page = pages.read_sequentially(FILE.page(number))?;
        assert_eq!(page.item(1), Some(&number.to_le_bytes()[..]));
        Ok(())
    }

    #[test]
    fn a_scan_reads_every_page_once_and_sixteen_at_a_time() {
        let vfs = SimulatedVfs::new();
        let mut pages = scene(Arc::new(vfs.clone()));
        (0..COUNT).for_each(|number| read(&mut pages, number).unwrap());
        let statistics = pages.pool().statistics;
        assert_eq!((statistics.hits, statistics.reads), (0, u64::from(COUNT)));
        // All of the scan's pages are within the ring, and the first is long gone.
        assert_eq!(pages.pool().frames().len(), 32);
        assert!(!pages.pool().contains(FILE.page(0)));
        read(&mut pages, COUNT - 1).unwrap();
        assert_eq!(pages.pool().statistics.hits, 1, "what was asked for before is in memory");
    }

    #[test]
    fn whoever_asks_for_one_page_reads_one_page() {
        let mut pages = scene(Arc::new(MemoryVfs::new()));
        read(&mut pages, 0).unwrap();
        read(&mut pages, 100).unwrap();
        assert_eq!(pages.pool().frames().len(), 2);
        read(&mut pages, 101).unwrap();
        assert_eq!(pages.pool().frames().len(), 2 + 16);
        assert_eq!(pages.pool().statistics.reads, 3);
    }

    #[test]
    fn a_changed_page_in_memory_is_not_read_over() {
        let mut pages = scene(Arc::new(MemoryVfs::new()));
        let mut change = pages.change(4).unwrap();
        let page = change.open(FILE.page(20)).unwrap();
        change.edit(page).insert(2, b"new").unwrap();
        change.finish().unwrap();
        (0..COUNT).for_each(|number| read(&mut pages, number).unwrap());
        assert_eq!(pages.read(FILE.page(20)).unwrap().item(2), Some(&b"new"[..]));
    }

    #[test]
    fn a_damaged_page_is_an_error_when_it_is_its_turn_and_not_before() {
        let vfs = Arc::new(MemoryVfs::new());
        let mut pages = scene(vfs.clone());
        let file = vfs.open(&format!("base/{FILE}")).unwrap();
        file.write_at(b"rot", 107 * PAGE_SIZE as u64 + 5000).unwrap();
        (0..107).for_each(|number| read(&mut pages, number).unwrap());
        let error = read(&mut pages, 107).unwrap_err();
        assert!(error.message().starts_with("page 107 of file \"base/20000\": the checksum is"), "{error}");
        (108..COUNT).for_each(|number| read(&mut pages, number).unwrap());
    }

    #[test]
    fn a_failed_read_fails_whoever_needed_the_page() {
        let vfs = SimulatedVfs::new();
        let mut pages = scene(Arc::new(vfs.clone()));
        let before = vfs.count(Operation::Read);
        (0..COUNT).for_each(|number| read(&mut pages, number).unwrap());
        let reads = vfs.count(Operation::Read) - before;
        assert_eq!(reads, u64::from(COUNT));
        for nth in 1..=reads {
            pages.set_shared_buffers(64 * PAGE_SIZE).unwrap();
            vfs.inject(Fault { on: Some(Operation::Read), nth, failure: Failure::Io, from_then_on: false });
            let failed = (0..COUNT).filter(|number| read(&mut pages, *number).is_err()).count();
            // What fails ahead is read again. Only who asks for a page alone is told, and then goes on.
            assert!(failed <= 1, "read {nth}: {failed} pages failed");
        }
    }
}
