//! The operating system's files, below one directory.

#[cfg_attr(unix, path = "handles.rs")]
#[cfg_attr(not(unix), path = "paths.rs")]
mod tree;

use super::{DirectoryLock, RawFile, Vfs};
use crate::error::{Error, Result, SqlState};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tree::Tree;

/// With fewer open files than this, a database would fail in the middle of its work.
const NEEDED_FILES: usize = 32;

pub struct OsVfs {
    tree: Tree,
    /// What the user calls the directory. It is opened once; afterwards this is only for messages.
    root: PathBuf,
    read_only: bool,
}

impl OsVfs {
    /// Uses `root` as the database's directory, making it (and its parents) if it does not exist. One that is made here
    /// or is empty belongs to its owner alone, as with PostgreSQL's `initdb`.
    pub fn new(root: impl Into<PathBuf>) -> Result<OsVfs> {
        let root = root.into();
        check_file_limit(&root)?;
        if !root.exists() {
            create_root(&root).map_err(|error| Error::io("create", root.display(), error))?;
        }
        let open = |error| Error::io("open", root.display(), error);
        let tree = Tree::open(&root).map_err(open)?;
        tree.check_writable().map_err(open)?;
        if tree.list("").map_err(open)?.is_empty() {
            // Where this is not allowed, the user is warned: see `open_to_others`.
            let _ = tree.close_to_others();
        }
        Ok(OsVfs { tree, root, read_only: false })
    }

    /// Looks at the files in `root`, which must exist. Nothing can be written through this, and nothing is.
    pub fn read_only(root: impl Into<PathBuf>) -> Result<OsVfs> {
        let root = root.into();
        check_file_limit(&root)?;
        let tree = Tree::open(&root).map_err(|error| Error::io("open", root.display(), error))?;
        Ok(OsVfs { tree, root, read_only: true })
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.read_only { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }
}

/// Before anything is made, and before an open that fails could be taken for damage.
fn check_file_limit(root: &Path) -> Result<()> {
    let limit = tree::file_limit();
    if limit >= NEEDED_FILES {
        return Ok(());
    }
    let message = format!(
        "cannot open data directory \"{}\": only {limit} files may be open at a time, {NEEDED_FILES} are needed",
        root.display()
    );
    Err(Error::new(SqlState::InsufficientResources, message).with_hint("Raise the limit (`ulimit -n`)."))
}

fn create_root(root: &Path) -> io::Result<()> {
    let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        fs::create_dir_all(parent)?;
    }
    tree::create_root(root)?;
    Tree::open(parent.unwrap_or(Path::new(".")))?.sync_dir("")
}

impl Vfs for OsVfs {
    fn open(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        let file = self.tree.open_file(path, !self.read_only)?;
        Ok(Box::new(OsFile { file }))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        self.check_writable()?;
        let file = self.tree.create_file(path)?;
        Ok(Box::new(OsFile { file }))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.tree.exists(path)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.check_writable()?;
        self.tree.remove_file(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.check_writable()?;
        self.tree.rename(from, to)
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut names = self.tree.list(directory)?;
        names.sort();
        Ok(names)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.check_writable()?;
        match self.tree.create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.check_writable()?;
        self.tree.remove_dir(path)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.tree.sync_dir(path)
    }

    fn lock(&self) -> io::Result<Box<dyn DirectoryLock>> {
        Ok(Box::new(OsLock { _handle: self.tree.lock()? }))
    }

    fn random(&self) -> io::Result<u64> {
        Ok(getrandom::u64()?)
    }

    fn root(&self) -> String {
        self.root.display().to_string()
    }

    fn file_limit(&self) -> usize {
        tree::file_limit()
    }

    fn open_to_others(&self) -> Option<u32> {
        self.tree.mode().ok().filter(|mode| mode & 0o077 != 0)
    }
}

/// The kernel drops the lock with this handle, also when the process is killed.
struct OsLock {
    _handle: tree::Lock,
}

impl DirectoryLock for OsLock {}

struct OsFile {
    file: fs::File,
}

impl RawFile for OsFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        tree::read_at(&self.file, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        tree::write_at(&self.file, bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        if self.len()? < len { tree::allocate(&self.file, len) } else { Ok(()) }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()?;
        if tree::has_name(&self.file)? {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::NotFound, "it was removed while it was open"))
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
