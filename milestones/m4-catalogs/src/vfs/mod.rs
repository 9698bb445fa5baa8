//! The seam between the engine and the world: every byte the database keeps goes through here.
//!
//! SQLite calls the idea a VFS, and for the same reason: an engine that names no operating system can run on
//! a real disk ([`OsVfs`]), in memory ([`MemoryVfs`]), on a disk that loses its power on purpose
//! ([`SimulatedVfs`]), and over any of them without changing it ([`OverlayVfs`]).
//!
//! Two traits are the seam. [`Vfs`] is a directory tree with relative paths such as `base/16384`;
//! [`RawFile`] is one open file. Both may fail, and a transfer may be short, as on any system. [`File`] is what
//! the engine holds: it finishes short transfers, retries interrupted ones, and names the file in each error.
//!
//! What is below the root cannot lead out of it, and is what it should be: no symbolic link is followed, and what is not
//! a regular file does not open.
//!
//! What is durable, and when: bytes written are durable after [`File::sync_data`]; a file's name, its removal
//! and its renaming are durable after [`Vfs::sync_dir`] of the directory. Nothing else is promised.

mod memory;
// A page in a browser has no files: there a database lies in memory, or on the simulated disk.
#[cfg(not(target_family = "wasm"))]
mod os;
mod overlay;
pub mod simulated;

pub use memory::MemoryVfs;
#[cfg(not(target_family = "wasm"))]
pub use os::OsVfs;
pub use overlay::OverlayVfs;
pub use simulated::SimulatedVfs;

use crate::error::{Error, Result};
use std::io::{self, IoSliceMut};
use std::sync::Arc;

/// What [`Vfs::random`] answers in memory and on the simulated disk, so that a session or a failure can be repeated to
/// the last byte.
pub const REPEATABLE: u64 = 0x1ec0_2d5e_0f1d_ea11;

/// A directory tree. Paths are relative to its root and use `/`.
pub trait Vfs: Send + Sync {
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &str) -> io::Result<Box<dyn RawFile>>;
    /// Makes a new, empty file; an error if the name is taken.
    fn create(&self, path: &str) -> io::Result<Box<dyn RawFile>>;
    fn exists(&self, path: &str) -> io::Result<bool>;
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Gives a file a new name, replacing the file that had it, in one step.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// The names in a directory, sorted; `""` is the root.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;
    /// Makes a directory if there is none.
    fn create_dir(&self, path: &str) -> io::Result<()>;
    /// Removes a directory with nothing in it.
    fn remove_dir(&self, path: &str) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &str) -> io::Result<()>;
    /// Takes the root's lock, until the guard is dropped or the process ends in any way.
    /// `WouldBlock` if another process has it.
    fn lock(&self) -> io::Result<Box<dyn DirectoryLock>>;
    /// A number that nothing else has, to tell databases apart: see [`DatabaseId`](crate::directory::DatabaseId).
    fn random(&self) -> io::Result<u64>;
    /// What to call the root in a message to the user.
    fn root(&self) -> String;
    /// How many files may be open at a time.
    fn file_limit(&self) -> usize {
        usize::MAX
    }
    /// The root's permissions, if other users have any: they can read what is in it, and keep it locked.
    fn open_to_others(&self) -> Option<u32> {
        None
    }
}

/// Holds a lock; dropping it gives the lock back.
pub trait DirectoryLock: Send {}

/// One open file. Offsets are in bytes from its start.
#[allow(clippy::len_without_is_empty)]
pub trait RawFile: Send + Sync {
    /// Reads up to `buffer.len()` bytes; fewer than asked for does not mean the end, zero does.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Reads into several buffers as if they were one. Where the system has no call for that, it is as many calls.
    fn read_vectored_at(&self, buffers: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        for buffer in buffers {
            match self.read_at(buffer, offset + done as u64) {
                Err(error) if done == 0 => return Err(error),
                Ok(read) if read == buffer.len() => done += read,
                read => return Ok(done + read.unwrap_or(0)),
            }
        }
        Ok(done)
    }
    /// Writes up to `bytes.len()` bytes, growing the file if need be.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    fn len(&self) -> io::Result<u64>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes the file at least `len` bytes long, with disk space behind every new (zero) byte.
    fn allocate(&self, len: u64) -> io::Result<()>;
    /// Makes durable what was written, and the length; not the name. An error if no name leads to the file any more:
    /// then nobody will ever find what is in it.
    fn sync_data(&self) -> io::Result<()>;
}

/// An open file as the engine uses it: whole transfers, errors that name the path.
#[derive(Clone)]
pub struct File {
    path: Arc<str>,
    raw: Arc<dyn RawFile>,
}

impl File {
    pub fn open(vfs: &dyn Vfs, path: &str) -> Result<File> {
        let raw = vfs.open(path).map_err(|error| Error::io("open", path, error))?;
        Ok(File { path: path.into(), raw: raw.into() })
    }

    pub fn create(vfs: &dyn Vfs, path: &str) -> Result<File> {
        let raw = vfs.create(path).map_err(|error| Error::io("create", path, error))?;
        Ok(File { path: path.into(), raw: raw.into() })
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reads until `buffer` is full or the file ends; the number of bytes read.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.raw.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", &self.path, error)),
            }
        }
        Ok(done)
    }

    /// Reads exactly `buffer.len()` bytes; an error if the file ends before.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let read = self.read_at(buffer, offset)?;
        if read < buffer.len() {
            let wanted = buffer.len();
            return Err(Error::corrupted(
                format_args!("file \"{}\"", self.path),
                format_args!("read {read} of {wanted} bytes at offset {offset}: the file ends too early"),
            ));
        }
        Ok(())
    }

    /// Reads into several buffers, perhaps not to their end; the number of bytes read.
    pub fn read_vectored_at(&self, buffers: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        self.raw.read_vectored_at(buffers, offset).map_err(|error| Error::io("read", &self.path, error))
    }

    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match self.raw.write_at(&bytes[done..], offset + done as u64) {
                Ok(0) => return Err(Error::io("write", &self.path, io::ErrorKind::WriteZero.into())),
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("write", &self.path, error)),
            }
        }
        Ok(())
    }

    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> Result<u64> {
        self.raw.len().map_err(|error| Error::io("stat", &self.path, error))
    }

    pub fn set_len(&self, len: u64) -> Result<()> {
        self.raw.set_len(len).map_err(|error| Error::io("truncate", &self.path, error))
    }

    pub fn allocate(&self, len: u64) -> Result<()> {
        self.raw.allocate(len).map_err(|error| Error::io("extend", &self.path, error))
    }

    pub fn sync_data(&self) -> Result<()> {
        self.raw.sync_data().map_err(|error| Error::io("fsync", &self.path, error))
    }
}

/// Reads a whole small file; an error if it is longer than `limit` bytes.
pub fn read_file(vfs: &dyn Vfs, path: &str, limit: u64) -> Result<Vec<u8>> {
    let file = File::open(vfs, path)?;
    let len = file.len()?;
    if len > limit {
        return Err(Error::corrupted(
            format_args!("file \"{path}\""),
            format_args!("{len} bytes long, expected at most {limit}"),
        ));
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Replaces a small file so that, whatever happens, either the old or the new content is there:
/// write beside, sync, rename over, sync the directory.
pub fn replace_file(vfs: &dyn Vfs, path: &str, content: &[u8]) -> Result<()> {
    let beside = format!("{path}.new");
    if vfs.exists(&beside).map_err(|error| Error::io("stat", &beside, error))? {
        vfs.remove(&beside).map_err(|error| Error::io("remove", &beside, error))?;
    }
    let file = File::create(vfs, &beside)?;
    file.write_all_at(content, 0)?;
    file.sync_data()?;
    vfs.rename(&beside, path).map_err(|error| Error::io("rename", &beside, error))?;
    sync_dir(vfs, path.rsplit_once('/').map_or("", |(directory, _)| directory))
}

pub fn sync_dir(vfs: &dyn Vfs, directory: &str) -> Result<()> {
    vfs.sync_dir(directory).map_err(|error| Error::io("fsync", format_args!("{directory}/"), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(vfs: &dyn Vfs) {
        let bytes: Vec<u8> = (0..10_000).map(|position| (position % 251) as u8).collect();
        let file = File::create(vfs, "f").unwrap();
        file.write_all_at(&bytes, 0).unwrap();
        for (offset, expected) in [(0, 9_000), (1_234, 8_766), (9_999, 1), (10_000, 0), (20_000, 0)] {
            let mut buffers = [vec![0; 4_000], vec![0; 1_000], vec![0; 4_000]];
            let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
            assert_eq!(file.read_vectored_at(&mut slices, offset as u64).unwrap(), expected);
            assert_eq!(buffers.concat()[..expected], bytes[offset.min(10_000)..][..expected]);
        }
    }

    #[test]
    fn several_buffers_are_read_as_if_they_were_one() {
        check(&MemoryVfs::new());
        check(&SimulatedVfs::new());
        check(&OsVfs::new(tempfile::tempdir().unwrap().path()).unwrap());
    }
}
