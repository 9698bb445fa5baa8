//! Files that are read from below and written nowhere.
//!
//! [`OverlayVfs`] lies on another [`Vfs`] as tracing paper lies on a drawing: whoever uses it sees the files below,
//! may write, make, remove, rename and cut them, and sees all of that; below, nothing changes. So a database that
//! must be left alone can be opened like any other, recovery included, by somebody who only wants to look.
//!
//! What is written is kept in memory, in blocks; what is not written is not. A block of zeros where there is nothing
//! below is not kept either, so a log segment that is made ready costs nothing before something is in it.
//!
//! The lock is taken below, so a process that has the files open is respected.

use super::{DirectoryLock, RawFile, Vfs};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes that are kept together. A page, so that writing one is one block.
const BLOCK: usize = 8192;

#[derive(Clone)]
pub struct OverlayVfs {
    below: Arc<dyn Vfs>,
    names: Arc<Mutex<BTreeMap<String, Entry>>>,
}

/// What a name means, where that may differ from what it means below.
enum Entry {
    File(Arc<Node>),
    Directory,
    Removed,
}

/// One file. Its name may change; where it comes from does not, because nothing changes below.
struct Node {
    /// The path of the file below that shows where nothing was written.
    below: Option<String>,
    content: Mutex<Content>,
}

/// Invariant: what a block holds at or behind `len` is zero, and `shown <= len`; so growing shows zeros.
#[derive(Default)]
struct Content {
    len: u64,
    /// How much of the file below still shows: less than its length once the file was cut.
    shown: u64,
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
}

impl OverlayVfs {
    pub fn new(below: Arc<dyn Vfs>) -> OverlayVfs {
        OverlayVfs { below, names: Arc::default() }
    }

    /// Bytes of memory that hold what was written.
    pub fn memory(&self) -> usize {
        let blocks = |entry: &Entry| match entry {
            Entry::File(node) => node.content().blocks.len(),
            Entry::Directory | Entry::Removed => 0,
        };
        self.names().values().map(blocks).sum::<usize>() * BLOCK
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file that a name means, opened below if it shows from there.
    fn file(&self, names: &mut BTreeMap<String, Entry>, path: &str) -> io::Result<OverlayFile> {
        let node = match names.get(path) {
            Some(Entry::File(node)) => node.clone(),
            Some(Entry::Directory) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(Entry::Removed) => return Err(io::ErrorKind::NotFound.into()),
            None => {
                let below = self.below.open(path)?;
                let len = below.len()?;
                let content = Content { len, shown: len, ..Content::default() };
                let node = Arc::new(Node { below: Some(path.to_string()), content: Mutex::new(content) });
                names.insert(path.to_string(), Entry::File(node.clone()));
                return Ok(OverlayFile { node, below: Some(below) });
            }
        };
        let below = node.below.as_deref().map(|path| self.below.open(path)).transpose()?;
        Ok(OverlayFile { node, below })
    }

    /// Takes a name away; one that is known below must be remembered as removed.
    fn forget(&self, names: &mut BTreeMap<String, Entry>, path: &str) -> io::Result<()> {
        match self.below.exists(path)? {
            true => names.insert(path.to_string(), Entry::Removed),
            false => names.remove(path),
        };
        Ok(())
    }
}

impl Vfs for OverlayVfs {
    fn open(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        Ok(Box::new(self.file(&mut self.names(), path)?))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        if self.exists(path)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let node = Arc::new(Node { below: None, content: Mutex::default() });
        self.names().insert(path.to_string(), Entry::File(node.clone()));
        Ok(Box::new(OverlayFile { node, below: None }))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        match self.names().get(path) {
            Some(Entry::File(_) | Entry::Directory) => Ok(true),
            Some(Entry::Removed) => Ok(false),
            None => self.below.exists(path),
        }
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut names = self.names();
        // Fails where there is no such file, or where it is a directory.
        self.file(&mut names, path)?;
        self.forget(&mut names, path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut names = self.names();
        let file = self.file(&mut names, from)?;
        self.forget(&mut names, from)?;
        names.insert(to.to_string(), Entry::File(file.node));
        Ok(())
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let names = self.names();
        let mut list: BTreeSet<String> = match self.below.list(directory) {
            Ok(list) => list.into_iter().collect(),
            Err(_) if matches!(names.get(directory), Some(Entry::Directory)) => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        for (path, entry) in names.iter() {
            let inside = match directory {
                "" => Some(path.as_str()),
                _ => path.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/')),
            };
            match (inside, entry) {
                // Not in this directory, or further down.
                (None, _) => {}
                (Some(name), _) if name.contains('/') => {}
                (Some(name), Entry::Removed) => drop(list.remove(name)),
                (Some(name), Entry::File(_) | Entry::Directory) => drop(list.insert(name.to_string())),
            }
        }
        Ok(list.into_iter().collect())
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        if !self.exists(path)? {
            self.names().insert(path.to_string(), Entry::Directory);
        }
        Ok(())
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        if !self.list(path)?.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        self.forget(&mut self.names(), path)
    }

    /// There is nothing to make durable.
    fn sync_dir(&self, _path: &str) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self) -> io::Result<Box<dyn DirectoryLock>> {
        self.below.lock()
    }

    fn random(&self) -> io::Result<u64> {
        self.below.random()
    }

    fn root(&self) -> String {
        self.below.root()
    }

    fn file_limit(&self) -> usize {
        self.below.file_limit()
    }
}

impl Node {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open file: what was written, and a handle on what shows from below.
struct OverlayFile {
    node: Arc<Node>,
    below: Option<Box<dyn RawFile>>,
}

impl OverlayFile {
    /// A copy of the block that begins at `start`, as it shows from below.
    fn block_below(&self, start: u64, shown: u64) -> io::Result<Box<[u8; BLOCK]>> {
        let mut block = Box::new([0; BLOCK]);
        let wanted = usize::try_from(shown.saturating_sub(start)).unwrap_or(BLOCK).min(BLOCK);
        let mut done = 0;
        while let Some(below) = &self.below
            && done < wanted
        {
            match below.read_at(&mut block[done..wanted], start + done as u64)? {
                0 => break,
                n => done += n,
            }
        }
        Ok(block)
    }
}

impl RawFile for OverlayFile {
    /// One kind of bytes at a time, so the transfer is short where what was written meets what was not.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = self.node.content();
        let rest = usize::try_from(content.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut wanted = buffer.len().min(rest);
        let (number, within) = (offset / BLOCK as u64, (offset % BLOCK as u64) as usize);
        match content.blocks.range(number..).next() {
            Some((written, block)) if *written == number => {
                wanted = wanted.min(BLOCK - within);
                buffer[..wanted].copy_from_slice(&block[within..within + wanted]);
                return Ok(wanted);
            }
            Some((written, _)) => {
                let ahead = usize::try_from(written * BLOCK as u64 - offset).unwrap_or(usize::MAX);
                wanted = wanted.min(ahead);
            }
            None => {}
        }
        match &self.below {
            Some(below) if offset < content.shown => {
                let shown = usize::try_from(content.shown - offset).unwrap_or(usize::MAX);
                below.read_at(&mut buffer[..wanted.min(shown)], offset)
            }
            _ => {
                buffer[..wanted].fill(0);
                Ok(wanted)
            }
        }
    }

    /// One block at a time, so the transfer is short where the next one begins.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut content = self.node.content();
        let (number, within) = (offset / BLOCK as u64, (offset % BLOCK as u64) as usize);
        let bytes = &bytes[..bytes.len().min(BLOCK - within)];
        let end = offset.checked_add(bytes.len() as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        let start = offset - within as u64;
        let shown = content.shown;
        let is_hole = start >= shown && !content.blocks.contains_key(&number);
        if !(is_hole && bytes.iter().all(|byte| *byte == 0)) {
            let block = match content.blocks.entry(number) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(new) => {
                    new.insert(self.block_below(start, shown)?)
                }
            };
            block[within..within + bytes.len()].copy_from_slice(bytes);
        }
        content.len = content.len.max(end);
        Ok(bytes.len())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.node.content().len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut content = self.node.content();
        if len < content.len {
            content.shown = content.shown.min(len);
            drop(content.blocks.split_off(&len.div_ceil(BLOCK as u64)));
            if let Some(block) = content.blocks.get_mut(&(len / BLOCK as u64)) {
                block[(len % BLOCK as u64) as usize..].fill(0);
            }
        }
        content.len = len;
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        if self.len()? < len { self.set_len(len) } else { Ok(()) }
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::{File, MemoryVfs, read_file, replace_file};
    use proptest::prelude::*;

    const LEN: usize = 3 * BLOCK + 100;

    fn write(vfs: &dyn Vfs, path: &str, bytes: &[u8]) {
        File::create(vfs, path).unwrap().write_all_at(bytes, 0).unwrap();
    }

    fn all(vfs: &dyn Vfs) -> Vec<(String, Vec<u8>)> {
        let names = vfs.list("").unwrap();
        names.into_iter().map(|name| (name.clone(), read_file(vfs, &name, u64::MAX).unwrap())).collect()
    }

    /// Two files of bytes that are not zero.
    fn sample() -> MemoryVfs {
        let vfs = MemoryVfs::new();
        for (path, factor) in [("a", 3), ("b", 7)] {
            write(&vfs, path, &(0..LEN).map(|i| (i * factor % 255) as u8 + 1).collect::<Vec<u8>>());
        }
        vfs
    }

    #[derive(Clone, Debug)]
    enum Step {
        Write(usize, usize, usize, u8),
        SetLen(usize, usize),
        Allocate(usize, usize),
        Create(usize),
        Remove(usize),
        Rename(usize, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let (file, place) = (|| 0..3usize, || 0..LEN * 2);
        prop_oneof![
            6 => (file(), place(), 0..2 * BLOCK, 0..3u8).prop_map(|(f, at, len, byte)| Step::Write(f, at, len, byte)),
            3 => (file(), place()).prop_map(|(f, len)| Step::SetLen(f, len)),
            1 => (file(), place()).prop_map(|(f, len)| Step::Allocate(f, len)),
            1 => file().prop_map(Step::Create),
            1 => file().prop_map(Step::Remove),
            2 => (file(), file()).prop_map(|(from, to)| Step::Rename(from, to)),
        ]
    }

    /// Does the step; whether it worked.
    fn apply(vfs: &dyn Vfs, step: &Step) -> bool {
        let name = |number: usize| ["a", "b", "c"][number];
        let file = |number| File::open(vfs, name(number));
        match *step {
            Step::Write(f, at, len, byte) => {
                file(f).is_ok_and(|file| file.write_all_at(&vec![byte; len], at as u64).is_ok())
            }
            Step::SetLen(f, len) => file(f).is_ok_and(|file| file.set_len(len as u64).is_ok()),
            Step::Allocate(f, len) => file(f).is_ok_and(|file| file.allocate(len as u64).is_ok()),
            Step::Create(f) => vfs.create(name(f)).is_ok(),
            Step::Remove(f) => vfs.remove(name(f)).is_ok(),
            Step::Rename(from, to) => vfs.rename(name(from), name(to)).is_ok(),
        }
    }

    proptest! {
        #[test]
        fn it_behaves_like_the_files_below_and_leaves_them_alone(steps in proptest::collection::vec(step(), 1..25)) {
            let (below, model) = (sample(), sample());
            let overlay = OverlayVfs::new(Arc::new(below.clone()));
            for step in &steps {
                prop_assert_eq!(apply(&overlay, step), apply(&model, step));
                prop_assert!(all(&overlay) == all(&model), "{:?}", step);
            }
            prop_assert!(all(&below) == all(&sample()));
        }
    }

    #[test]
    fn a_handle_sees_what_another_writes_and_outlives_the_name() {
        let overlay = OverlayVfs::new(Arc::new(sample()));
        let (first, second) = (File::open(&overlay, "a").unwrap(), File::open(&overlay, "a").unwrap());
        first.write_all_at(b"new", 10).unwrap();
        overlay.rename("a", "c").unwrap();
        overlay.remove("c").unwrap();
        let mut bytes = [0; 3];
        second.read_exact_at(&mut bytes, 10).unwrap();
        assert_eq!(&bytes, b"new");
        assert_eq!(overlay.list("").unwrap(), ["b"]);
        assert!(!overlay.exists("a").unwrap() && overlay.open("a").is_err());
    }

    #[test]
    fn directories_list_what_is_below_and_what_is_new() {
        let below = MemoryVfs::new();
        write(&below, "base/1", b"one");
        let overlay = OverlayVfs::new(Arc::new(below));
        overlay.create_dir("wal").unwrap();
        replace_file(&overlay, "base/2", b"two").unwrap();
        assert_eq!(overlay.list("base").unwrap(), ["1", "2"]);
        overlay.remove("base/1").unwrap();
        assert_eq!(overlay.list("base").unwrap(), ["2"]);
        assert_eq!(overlay.list("").unwrap(), ["base", "wal"]);
        assert!(overlay.list("wal").unwrap().is_empty());
    }

    #[test]
    fn memory_is_taken_by_what_is_written_and_is_not_zero() {
        let overlay = OverlayVfs::new(Arc::new(sample()));
        let segment = File::create(&overlay, "segment").unwrap();
        segment.write_all_at(&vec![0; 1 << 20], 0).unwrap();
        File::open(&overlay, "a").unwrap().read_at(&mut [0; LEN], 0).unwrap();
        assert_eq!((overlay.memory(), segment.len().unwrap()), (0, 1 << 20));
        segment.write_all_at(b"x", 500_000).unwrap();
        assert_eq!(overlay.memory(), BLOCK);
    }

    #[test]
    fn the_lock_is_the_one_below() {
        let below = sample();
        let overlay = OverlayVfs::new(Arc::new(below.clone()));
        let held = below.lock().unwrap();
        assert_eq!(overlay.lock().err().unwrap().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        let _held = overlay.lock().unwrap();
        assert!(below.lock().is_err());
    }
}
