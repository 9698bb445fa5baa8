//! A tap on a disk: after each operation that changes the disk, it takes a copy of it.
//!
//! A copy shares its bytes with the disk, so it costs little. Crashing a copy is crashing at that operation, and the
//! workload goes on: one run of it is enough to crash it everywhere.
//!
//! One crash lies not between two operations but within one. Linux copies a write into its cache a page of 4096 bytes at a
//! time, and a process that was killed is ended between two of them (`generic_perform_write` in `mm/filemap.c` looks for
//! a fatal signal). So `kill -9` can leave the first half of a page of ours; milestone 1 loses pages to it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use m1_storage::vfs::{DirectoryLock, RawFile, SimulatedVfs, Vfs};

/// What a write is copied by into the cache of the operating system.
const CACHE_PAGE: u64 = 4096;

/// What is on the disk at one moment.
#[derive(Clone)]
pub struct Image {
    /// After the operation.
    pub disk: SimulatedVfs,
    /// If the operation was a write of several pages of the cache: the disk in the middle of it.
    pub within: Option<SimulatedVfs>,
}

impl Image {
    /// A moment at which nothing is under way.
    pub fn at_rest(disk: &SimulatedVfs) -> Image {
        Image { disk: disk.fork(), within: None }
    }
}

#[derive(Clone)]
pub struct Tap {
    disk: SimulatedVfs,
    copies: Arc<Mutex<Vec<Image>>>,
}

impl Tap {
    pub fn new(disk: &SimulatedVfs) -> Tap {
        Tap { disk: disk.clone(), copies: Arc::default() }
    }

    /// The copies since the last call, one for each operation.
    pub fn take(&self) -> Vec<Image> {
        std::mem::take(&mut *self.copies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn after<T>(&self, done: io::Result<T>) -> io::Result<T> {
        self.push(Image::at_rest(&self.disk));
        done
    }

    fn push(&self, image: Image) {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner).push(image);
    }
}

impl Vfs for Tap {
    fn open(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        Ok(Box::new(TappedFile { tap: self.clone(), path: path.into(), file: self.disk.open(path)? }))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        let file = self.after(self.disk.create(path))?;
        Ok(Box::new(TappedFile { tap: self.clone(), path: path.into(), file }))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.disk.exists(path)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.after(self.disk.remove(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.after(self.disk.rename(from, to))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.disk.list(directory)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.after(self.disk.create_dir(path))
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.after(self.disk.remove_dir(path))
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.after(self.disk.sync_dir(path))
    }

    fn lock(&self) -> io::Result<Box<dyn DirectoryLock>> {
        self.disk.lock()
    }

    fn random(&self) -> io::Result<u64> {
        self.disk.random()
    }

    fn root(&self) -> String {
        self.disk.root()
    }
}

struct TappedFile {
    tap: Tap,
    path: String,
    file: Box<dyn RawFile>,
}

impl TappedFile {
    /// The disk with the first half of a write, cut where a page of the cache ends. A file that has lost its name since it
    /// was opened is left out.
    fn within(&self, bytes: &[u8], offset: u64) -> Option<SimulatedVfs> {
        let end = offset + bytes.len() as u64;
        let cut = (offset + bytes.len() as u64 / 2) / CACHE_PAGE * CACHE_PAGE;
        let cut = if cut > offset { cut } else { offset / CACHE_PAGE * CACHE_PAGE + CACHE_PAGE };
        if cut >= end {
            return None;
        }
        let disk = self.tap.disk.fork();
        disk.open(&self.path)
            .and_then(|file| file.write_at(&bytes[..(cut - offset) as usize], offset))
            .ok()?;
        Some(disk.fork())
    }
}

impl RawFile for TappedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let within = self.within(bytes, offset);
        let done = self.file.write_at(bytes, offset);
        self.tap.push(Image { disk: self.tap.disk.fork(), within });
        done
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.tap.after(self.file.set_len(len))
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.tap.after(self.file.allocate(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.tap.after(self.file.sync_data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_over_two_pages_of_the_cache_is_seen_by_half() {
        let disk = SimulatedVfs::new();
        let tap = Tap::new(&disk);
        let file = tap.create("f").unwrap();
        file.write_at(&[1; 8192], 0).unwrap();
        file.write_at(&[2; 8192], 0).unwrap();
        file.write_at(&[3; 512], 4096).unwrap();
        let images = tap.take();
        let bytes = |disk: &SimulatedVfs| {
            let mut bytes = [0; 8192];
            let read = disk.open("f").unwrap().read_at(&mut bytes, 0).unwrap();
            (read, bytes[0], bytes[4095], bytes[4096])
        };
        let within: Vec<_> = images.iter().map(|image| image.within.as_ref().map(bytes)).collect();
        assert_eq!(within, [None, Some((4096, 1, 1, 0)), Some((8192, 2, 2, 1)), None]);
        assert_eq!(bytes(&images[2].disk), (8192, 2, 2, 2));
    }
}
