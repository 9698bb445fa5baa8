//! The operating system's files, below one directory.

use super::{DirectoryLock, RawFile, Vfs};
use fs4::fs_std::FileExt as _;
use std::fs;
#[cfg(target_os = "linux")]
use std::io::IoSliceMut;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

pub struct OsVfs {
    root: PathBuf,
    read_only: bool,
}

impl OsVfs {
    /// Uses `root` as the database's directory, making it (and its parents) if it does not exist.
    pub fn new(root: impl Into<PathBuf>) -> io::Result<OsVfs> {
        let root = root.into();
        if !root.exists() {
            fs::create_dir_all(&root)?;
            if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                sync_directory(parent)?;
            }
        }
        Ok(OsVfs { root, read_only: false })
    }

    /// Looks at the files in `root`, which must exist. Nothing can be written through this, and nothing is: not even
    /// the lock leaves a trace.
    pub fn read_only(root: impl Into<PathBuf>) -> io::Result<OsVfs> {
        let root = root.into();
        fs::read_dir(&root)?;
        Ok(OsVfs { root, read_only: true })
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.read_only { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }

    fn resolve(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

impl Vfs for OsVfs {
    fn open(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        let file = fs::OpenOptions::new().read(true).write(!self.read_only).open(self.resolve(path))?;
        // A directory opens for reading like a file.
        if self.read_only && file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Box::new(OsFile { file }))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        self.check_writable()?;
        let file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(self.resolve(path))?;
        Ok(Box::new(OsFile { file }))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.resolve(path).try_exists()
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.check_writable()?;
        fs::remove_file(self.resolve(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.check_writable()?;
        fs::rename(self.resolve(from), self.resolve(to))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.resolve(directory))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.check_writable()?;
        match fs::create_dir(self.resolve(path)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.check_writable()?;
        fs::remove_dir(self.resolve(path))
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        sync_directory(&self.resolve(path))
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn DirectoryLock>> {
        let path = self.resolve(path);
        let mut options = fs::OpenOptions::new();
        options.read(true);
        if !self.read_only {
            options.write(true).create(true).truncate(false);
        }
        let mut file = match options.open(path) {
            // Nobody holds a lock that nobody has made.
            Err(error) if self.read_only && error.kind() == io::ErrorKind::NotFound => {
                return Ok(Box::new(OsLock { _file: None }));
            }
            opened => opened?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        if !self.read_only {
            // The number is for people who wonder which process it is; the lock itself is the kernel's.
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())?;
        }
        Ok(Box::new(OsLock { _file: Some(file) }))
    }

    fn root(&self) -> String {
        self.root.display().to_string()
    }
}

/// The kernel drops the lock with the file's last handle, also when the process is killed.
struct OsLock {
    _file: Option<fs::File>,
}

impl DirectoryLock for OsLock {}

struct OsFile {
    file: fs::File,
}

impl RawFile for OsFile {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset)
    }

    #[cfg(target_os = "linux")]
    fn read_vectored_at(&self, buffers: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::preadv(&self.file, buffers, offset)?)
    }

    #[cfg(unix)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(&self.file, bytes, offset)
    }

    #[cfg(windows)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_write(&self.file, bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        if self.len()? < len { self.file.allocate(len) } else { Ok(()) }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// Windows has no handle for this: NTFS keeps the order of its names in its own journal.
#[cfg(windows)]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}
