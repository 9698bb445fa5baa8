//! A directory and what is below it, reached by paths: where there are no handles for it, that is on Windows.
//!
//! This protects less than `handles.rs`. A directory that is renamed or replaced while it is open is not noticed, nor is a
//! file that is removed; links are followed; the permissions are those that Windows gives; and the lock is a file, which a
//! mere look leaves behind and which can be removed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

const LOCK_FILE: &str = "inoxdb.lock";

pub struct Tree {
    root: PathBuf,
}

/// The lock file, which the system unlocks with the handle.
pub type Lock = File;

pub fn create_root(root: &Path) -> io::Result<()> {
    fs::create_dir(root)
}

impl Tree {
    pub fn open(root: &Path) -> io::Result<Tree> {
        fs::read_dir(root)?;
        Ok(Tree { root: root.into() })
    }

    /// The first write will tell.
    pub fn check_writable(&self) -> io::Result<()> {
        Ok(())
    }

    /// There are no permissions of this kind.
    pub fn mode(&self) -> io::Result<u32> {
        Ok(0)
    }

    pub fn close_to_others(&self) -> io::Result<()> {
        Ok(())
    }

    pub fn open_file(&self, path: &str, writable: bool) -> io::Result<File> {
        OpenOptions::new().read(true).write(writable).open(self.root.join(path))
    }

    pub fn create_file(&self, path: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(self.root.join(path))
    }

    pub fn exists(&self, path: &str) -> io::Result<bool> {
        self.root.join(path).try_exists()
    }

    pub fn remove_file(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    /// The lock file is nobody's business.
    pub fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join(directory))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != LOCK_FILE {
                names.push(name);
            }
        }
        Ok(names)
    }

    pub fn create_dir(&self, path: &str) -> io::Result<()> {
        fs::create_dir(self.root.join(path))
    }

    pub fn remove_dir(&self, path: &str) -> io::Result<()> {
        fs::remove_dir(self.root.join(path))
    }

    /// NTFS keeps the order of its names in its own journal.
    pub fn sync_dir(&self, _path: &str) -> io::Result<()> {
        Ok(())
    }

    pub fn lock(&self) -> io::Result<Lock> {
        let path = self.root.join(LOCK_FILE);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

pub fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}

pub fn allocate(file: &File, len: u64) -> io::Result<()> {
    file.set_len(len)
}

/// The system has no such limit that could be met.
pub fn file_limit() -> usize {
    usize::MAX
}

pub fn has_name(_file: &File) -> io::Result<bool> {
    Ok(true)
}
