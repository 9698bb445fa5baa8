//! Where the database lies, and how it is opened there.

use super::options::Options;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::vfs::{OsVfs, Vfs};
use std::sync::Arc;

pub struct Place {
    vfs: Arc<dyn Vfs>,
}

impl Place {
    /// The directory that the command line names; it is made if it does not exist.
    pub fn new(options: &Options) -> Result<Place> {
        let directory = &options.directory;
        let is_new = !directory.exists();
        let vfs = OsVfs::new(directory).map_err(|error| Error::io("create", directory.display(), error))?;
        if is_new {
            eprintln!("Created data directory \"{}\"", directory.display());
        }
        Ok(Place { vfs: Arc::new(vfs) })
    }

    #[cfg(test)]
    pub fn memory() -> Place {
        Place { vfs: Arc::new(crate::vfs::MemoryVfs::new()) }
    }

    pub fn open(&self) -> Result<Database> {
        Database::open(self.vfs.clone())
    }
}
