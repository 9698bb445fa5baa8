//! A disk in memory on which there is not much room: a forged log record may want a file to be as long as it likes, and that
//! is no more memory than the disk has.

use std::io;
use std::sync::Arc;

use m5_sql::vfs::{DirectoryLock, MemoryVfs, RawFile, Vfs};

/// No file of these tests is meant to become so long.
const MAX_FILE: u64 = 8 << 20;

pub struct SmallDisk(pub Arc<MemoryVfs>);

struct SmallFile(Box<dyn RawFile>);

impl Vfs for SmallDisk {
    fn open(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        Ok(Box::new(SmallFile(self.0.open(path)?)))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        Ok(Box::new(SmallFile(self.0.create(path)?)))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.0.exists(path)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.0.remove(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.0.list(directory)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.0.create_dir(path)
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.0.remove_dir(path)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.0.sync_dir(path)
    }

    fn lock(&self) -> io::Result<Box<dyn DirectoryLock>> {
        self.0.lock()
    }

    fn random(&self) -> io::Result<u64> {
        self.0.random()
    }

    fn root(&self) -> String {
        self.0.root()
    }
}

fn check_room(len: u64) -> io::Result<()> {
    if len > MAX_FILE { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

impl RawFile for SmallFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        check_room(offset.saturating_add(bytes.len() as u64))?;
        self.0.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        check_room(len)?;
        self.0.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        check_room(len)?;
        self.0.allocate(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
