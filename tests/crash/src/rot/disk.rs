//! A disk of plain bytes that is cheap to copy, and that does not let anybody work for ever or fill the memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use m1_storage::vfs::{DirectoryLock, REPEATABLE, RawFile, Vfs};

/// Files by their paths. Copies share the bytes until they are written to.
pub type Files = BTreeMap<String, Arc<Vec<u8>>>;

/// No file of these tests is meant to become so long.
const MAX_FILE: u64 = 32 << 20;

#[derive(Clone, Default)]
pub struct Disk {
    files: Arc<Mutex<Files>>,
    /// Operations so far, and how many there may be.
    operations: Arc<AtomicU64>,
    limit: u64,
}

impl Disk {
    pub fn new(files: Files, limit: u64) -> Disk {
        Disk { files: Arc::new(Mutex::new(files)), operations: Arc::default(), limit }
    }

    /// What is on it now.
    pub fn files(&self) -> Files {
        self.lock_files().clone()
    }

    /// Flips the bits of a byte, behind everybody's back.
    pub fn flip(&self, path: &str, offset: usize) {
        if let Some(byte) =
            self.lock_files().get_mut(path).and_then(|file| Arc::make_mut(file).get_mut(offset))
        {
            *byte = !*byte;
        }
    }

    /// Somebody did not come to an end.
    pub fn is_exhausted(&self) -> bool {
        self.operations.load(Ordering::Relaxed) > self.limit
    }

    fn lock_files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation.
    fn work(&self) -> io::Result<MutexGuard<'_, Files>> {
        if self.operations.fetch_add(1, Ordering::Relaxed) >= self.limit {
            return Err(io::Error::other("too many operations"));
        }
        Ok(self.lock_files())
    }

    fn file(&self, path: &str) -> Box<dyn RawFile> {
        Box::new(OpenFile { disk: self.clone(), path: path.into() })
    }
}

impl Vfs for Disk {
    fn open(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        match self.work()?.contains_key(path) {
            true => Ok(self.file(path)),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        let mut files = self.work()?;
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        files.insert(path.into(), Arc::default());
        Ok(self.file(path))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        Ok(self.work()?.contains_key(path))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.work()?.remove(path).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.work()?;
        let bytes = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.into(), bytes);
        Ok(())
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let files = self.work()?;
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let below = files.keys().filter_map(|path| path.strip_prefix(prefix.as_str())?.split('/').next());
        Ok(below.map(String::from).collect::<BTreeSet<_>>().into_iter().collect())
    }

    fn create_dir(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn remove_dir(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _: &str) -> io::Result<()> {
        self.work().map(drop)
    }

    fn lock(&self) -> io::Result<Box<dyn DirectoryLock>> {
        struct Lock;
        impl DirectoryLock for Lock {}
        Ok(Box::new(Lock))
    }

    fn random(&self) -> io::Result<u64> {
        Ok(REPEATABLE)
    }

    fn root(&self) -> String {
        "(rotten)".into()
    }
}

/// A file is found by its name each time, which does for an engine that closes what it renames.
struct OpenFile {
    disk: Disk,
    path: String,
}

impl OpenFile {
    fn edit<T>(&self, edit: impl FnOnce(&mut Vec<u8>) -> io::Result<T>) -> io::Result<T> {
        let mut files = self.disk.work()?;
        edit(Arc::make_mut(files.get_mut(&self.path).ok_or(io::ErrorKind::NotFound)?))
    }
}

impl RawFile for OpenFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let files = self.disk.work()?;
        let bytes = files.get(&self.path).ok_or(io::ErrorKind::NotFound)?;
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, source: &[u8], offset: u64) -> io::Result<usize> {
        self.edit(|bytes| {
            let end = room(offset.saturating_add(source.len() as u64))?;
            bytes.resize(bytes.len().max(end), 0);
            bytes[end - source.len()..end].copy_from_slice(source);
            Ok(source.len())
        })
    }

    fn len(&self) -> io::Result<u64> {
        let files = self.disk.work()?;
        Ok(files.get(&self.path).ok_or(io::ErrorKind::NotFound)?.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.edit(|bytes| {
            let _: () = bytes.resize(room(len)?, 0);
            Ok(())
        })
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.edit(|bytes| {
            let _: () = bytes.resize(bytes.len().max(room(len)?), 0);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.work().map(drop)
    }
}

fn room(len: u64) -> io::Result<usize> {
    if len > MAX_FILE { Err(io::ErrorKind::StorageFull.into()) } else { Ok(len as usize) }
}
