//! What has to be done with an engine's files between two runs.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{Advice, fadvise};

/// Removes a file or a directory with all that is in it, if it is there.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.with_context(|| path.display().to_string()),
    }
}

/// Copies a file or a directory, and has the copy on the disk before anything is measured.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    remove(to)?;
    copy_into(from, to)
}

fn copy_into(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        fs::copy(from, to).with_context(|| from.display().to_string())?;
        return Ok(File::open(to)?.sync_all()?);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_into(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Calls `visit` with every file below `path`, or with `path` itself.
fn each_file(path: &Path, visit: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    if !path.is_dir() {
        return if path.exists() { visit(path) } else { Ok(()) };
    }
    for entry in fs::read_dir(path)? {
        each_file(&entry?.path(), visit)?;
    }
    Ok(())
}

/// Bytes of all files.
pub fn size(path: &Path) -> Result<u64> {
    let mut size = 0;
    each_file(path, &mut |file| {
        size += file.metadata()?.len();
        Ok(())
    })?;
    Ok(size)
}

/// Makes the operating system forget what it has read of the files; needs no rights that their owner has not.
pub fn chill(path: &Path) -> Result<()> {
    each_file(path, &mut |file| {
        let file = File::open(file)?;
        file.sync_all()?;
        Ok(fadvise(&file, 0, None, Advice::DontNeed)?)
    })
}

/// Reads all files once, so that the operating system has them in memory.
pub fn warm(path: &Path) -> Result<()> {
    each_file(path, &mut |file| {
        io::copy(&mut File::open(file)?, &mut io::sink())?;
        Ok(())
    })
}
