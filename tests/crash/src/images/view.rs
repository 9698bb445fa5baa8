//! An image as the real program finds it: written to a folder in memory, opened, read and checked.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::disk::Image;
use crate::processes::dialect::{Dialect, Places};
use crate::processes::model::State;
use crate::processes::program::Program;

/// A program, and how much room it gets.
#[derive(Clone, Debug)]
pub struct Setup {
    pub program: PathBuf,
    pub dialect: Dialect,
    pub settings: &'static [&'static str],
}

impl Setup {
    pub fn start(&self, home: &Path, before: &[&str]) -> Result<Program> {
        Program::start_other(&self.program, self.dialect, home, self.settings, before)
    }

    /// Opens an image, which must hold one of the `expected` states and be sound.
    pub fn look(&self, image: &Image, expected: &[State]) -> Result<(State, Places)> {
        let home = folder()?;
        write(image, home.path())?;
        let mut program = self.start(home.path(), &[])?;
        let found = program.verify(expected)?;
        program.check()?;
        Ok(found)
    }
}

/// A folder in memory where there is such a thing: what is looked at need not survive us.
pub fn folder() -> Result<TempDir> {
    Ok(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?)
}

/// Writes the files of an image below a folder.
pub fn write(image: &Image, home: &Path) -> Result<()> {
    for (path, bytes) in image {
        let path = home.join(path);
        match bytes {
            None => fs::create_dir(&path),
            Some(bytes) => write_file(&path, bytes),
        }
        .with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The log's segments are zeros for the most part; a file with holes reads the same and is written faster.
fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    const PIECE: usize = 1 << 14;
    let mut file = fs::File::create(path)?;
    file.set_len(bytes.len() as u64)?;
    for (number, piece) in bytes.chunks(PIECE).enumerate() {
        if piece.iter().any(|byte| *byte != 0) {
            file.seek(SeekFrom::Start((number * PIECE) as u64))?;
            file.write_all(piece)?;
        }
    }
    Ok(())
}

/// The files below a folder must be those of the image: otherwise the journal has missed something.
pub fn compare(image: &Image, home: &Path, folder: &str) -> Result<()> {
    let mut found = Image::new();
    if home.join(folder).exists() {
        read(home, folder, &mut found)?;
    }
    for path in image.keys().chain(found.keys()) {
        ensure!(image.get(path) == found.get(path), "the journal does not lead to what is in {path}");
    }
    Ok(())
}

fn read(home: &Path, path: &str, image: &mut Image) -> Result<()> {
    let place = home.join(path);
    if place.is_dir() {
        image.insert(path.to_owned(), None);
        for entry in fs::read_dir(&place)? {
            read(home, &format!("{path}/{}", entry?.file_name().to_string_lossy()), image)?;
        }
    } else {
        image.insert(path.to_owned(), Some(fs::read(&place)?));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_written_as_it_is() {
        let mut bytes = vec![0; 100_000];
        bytes[70_000] = 1;
        let files = [("d", None), ("d/e", None), ("d/f", Some(bytes)), ("d/g", Some(Vec::new()))];
        let image: Image = files.into_iter().map(|(path, bytes)| (path.to_owned(), bytes)).collect();
        let home = folder().unwrap();
        write(&image, home.path()).unwrap();
        compare(&image, home.path(), "d").unwrap();
        fs::write(home.path().join("d/g"), "x").unwrap();
        assert!(compare(&image, home.path(), "d").is_err());
    }
}
