//! A directory and what is below it, reached through handles: for Unix.
//!
//! A path is looked up anew at each use, and by then it may lead elsewhere: somebody has renamed the data directory, or put
//! a symbolic link in the place of `temp`. A handle goes on meaning the directory that it was opened on. So the root is
//! opened once, and everything below is opened, renamed and removed relative to a handle (`openat` and its kin). No
//! symbolic link is followed on the way. The root's own name may be one: that is the user's choice.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, Access, AtFlags, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

/// Files and directories are for their owner alone.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const DIRECTORY_MODE: Mode = Mode::RWXU;

/// To open a pipe may wait for ever, to open a terminal may make it ours: not with these.
const FILE_FLAGS: OFlags =
    OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// To open a directory, whose name may be a symbolic link.
const ROOT_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

pub struct Tree {
    root: OwnedFd,
}

/// A handle on the directory that nothing else uses.
pub type Lock = OwnedFd;

/// Makes a directory for the owner alone.
pub fn create_root(root: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(root)
}

impl Tree {
    pub fn open(root: &Path) -> io::Result<Tree> {
        Ok(Tree { root: fs::open(root, ROOT_FLAGS, Mode::empty())? })
    }

    /// On a disk that is read-only, the directory is the first to say so, and not one of its files.
    pub fn check_writable(&self) -> io::Result<()> {
        Ok(fs::accessat(&self.root, ".", Access::WRITE_OK, AtFlags::empty())?)
    }

    /// The permissions of the root.
    pub fn mode(&self) -> io::Result<u32> {
        Ok(File::from(self.root.try_clone()?).metadata()?.permissions().mode() & 0o7777)
    }

    pub fn close_to_others(&self) -> io::Result<()> {
        if self.mode()? & 0o077 != 0 {
            fs::fchmod(&self.root, DIRECTORY_MODE)?;
        }
        Ok(())
    }

    pub fn open_file(&self, path: &str, writable: bool) -> io::Result<File> {
        self.file(path, if writable { OFlags::RDWR } else { OFlags::RDONLY })
    }

    pub fn create_file(&self, path: &str) -> io::Result<File> {
        self.file(path, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    /// A device, a pipe or a directory opens like a file. It is none.
    fn file(&self, path: &str, flags: OFlags) -> io::Result<File> {
        let file = self.at(path, |directory, name| open(directory, name, flags | FILE_FLAGS))?;
        check_regular(FileType::from_raw_mode(fs::fstat(&file)?.st_mode))?;
        Ok(file.into())
    }

    pub fn exists(&self, path: &str) -> io::Result<bool> {
        match self.at(path, kind) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub fn remove_file(&self, path: &str) -> io::Result<()> {
        self.at(path, |directory, name| {
            check_regular(kind(directory, name)?)?;
            Ok(fs::unlinkat(directory, name, AtFlags::empty())?)
        })
    }

    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.at(from, |old_directory, old| {
            self.at(to, |directory, new| Ok(fs::renameat(old_directory, old, directory, new)?))
        })
    }

    pub fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::new(self.directory(directory)?)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    pub fn create_dir(&self, path: &str) -> io::Result<()> {
        self.at(path, |directory, name| Ok(fs::mkdirat(directory, name, DIRECTORY_MODE)?))
    }

    pub fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.at(path, |directory, name| Ok(fs::unlinkat(directory, name, AtFlags::REMOVEDIR)?))
    }

    pub fn sync_dir(&self, path: &str) -> io::Result<()> {
        Ok(fs::fsync(self.directory(path)?)?)
    }

    /// Locks the directory itself. A lock file could be removed, and then two processes would each lock their own.
    pub fn lock(&self) -> io::Result<Lock> {
        let handle = self.directory("")?;
        fs::flock(&handle, FlockOperation::NonBlockingLockExclusive)?;
        Ok(handle)
    }

    /// Calls `act` with the last name of a path, and a handle on the directory that it is in.
    fn at<T>(&self, path: &str, act: impl FnOnce(BorrowedFd<'_>, &str) -> io::Result<T>) -> io::Result<T> {
        match path.rsplit_once('/') {
            Some((directory, name)) => act(self.directory(directory)?.as_fd(), name),
            None => act(self.root.as_fd(), path),
        }
    }

    /// A new handle on a directory; `""` is the root.
    fn directory(&self, path: &str) -> io::Result<OwnedFd> {
        let mut handle = open(self.root.as_fd(), ".", ROOT_FLAGS)?;
        for name in path.split_terminator('/') {
            handle = open(handle.as_fd(), name, ROOT_FLAGS | OFlags::NOFOLLOW)?;
        }
        Ok(handle)
    }
}

fn open(directory: BorrowedFd<'_>, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let opened = retry_on_intr(|| fs::openat(directory, name, flags, FILE_MODE));
    opened.map_err(|error| match error {
        // The systems differ in what they call a link that is not followed, or a socket.
        Errno::LOOP | Errno::MLINK | Errno::NOTDIR | Errno::NXIO | Errno::OPNOTSUPP => {
            kind(directory, name).and_then(check_regular).err().unwrap_or(error.into())
        }
        _ => error.into(),
    })
}

/// What a name stands for.
fn kind(directory: BorrowedFd<'_>, name: &str) -> io::Result<FileType> {
    let stat = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

fn check_regular(kind: FileType) -> io::Result<()> {
    let what = match kind {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => return Err(Errno::ISDIR.into()),
        FileType::Symlink => "it is a symbolic link, which is not followed",
        FileType::Fifo => "it is a pipe, not a regular file",
        FileType::Socket => "it is a socket, not a regular file",
        _ => "it is not a regular file",
    };
    Err(io::Error::other(what))
}

pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    FileExt::read_at(file, buffer, offset)
}

pub fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    FileExt::write_at(file, bytes, offset)
}

/// Makes a file longer, with disk space for all of it.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_vendor = "apple"))]
pub fn allocate(file: &File, len: u64) -> io::Result<()> {
    Ok(fs::fallocate(file, fs::FallocateFlags::empty(), 0, len)?)
}

/// The other systems have no call for that.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_vendor = "apple")))]
pub fn allocate(file: &File, len: u64) -> io::Result<()> {
    file.set_len(len)
}

/// How many files this process may have open at a time.
pub fn file_limit() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// Whether a name still leads to the file.
pub fn has_name(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.nlink() > 0)
}
