//! A tap on a disk: after each operation that changes the disk, it takes a copy of it.
//!
//! A copy shares its bytes with the disk, so it costs little. Crashing a copy is crashing at that operation, and the
//! workload goes on: one run of it is enough to crash it everywhere.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use m1_storage::vfs::{DirectoryLock, RawFile, SimulatedVfs, Vfs};

#[derive(Clone)]
pub struct Tap {
    disk: SimulatedVfs,
    copies: Arc<Mutex<Vec<SimulatedVfs>>>,
}

impl Tap {
    pub fn new(disk: &SimulatedVfs) -> Tap {
        Tap { disk: disk.clone(), copies: Arc::default() }
    }

    /// The copies since the last call, one for each operation.
    pub fn take(&self) -> Vec<SimulatedVfs> {
        std::mem::take(&mut *self.copies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn after<T>(&self, done: io::Result<T>) -> io::Result<T> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner).push(self.disk.fork());
        done
    }
}

impl Vfs for Tap {
    fn open(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        Ok(Box::new(TappedFile { tap: self.clone(), file: self.disk.open(path)? }))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        let file = self.after(self.disk.create(path))?;
        Ok(Box::new(TappedFile { tap: self.clone(), file }))
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

    fn lock(&self, path: &str) -> io::Result<Box<dyn DirectoryLock>> {
        self.disk.lock(path)
    }

    fn root(&self) -> String {
        self.disk.root()
    }
}

struct TappedFile {
    tap: Tap,
    file: Box<dyn RawFile>,
}

impl RawFile for TappedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.tap.after(self.file.write_at(bytes, offset))
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
