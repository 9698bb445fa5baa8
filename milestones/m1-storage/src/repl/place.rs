//! Where the database lies, and how it is opened there.

use super::output::complain;
use super::report;
use crate::database::Database;
use crate::error::Result;
use crate::vfs::{MemoryVfs, Vfs};
use std::sync::Arc;

#[derive(Clone)]
pub struct Place {
    vfs: Arc<dyn Vfs>,
}

impl Place {
    pub fn new(vfs: Arc<dyn Vfs>) -> Place {
        Place { vfs }
    }

    /// In memory: gone when nobody has it open.
    pub fn memory() -> Place {
        Place::new(Arc::new(MemoryVfs::new()))
    }

    pub fn open(&self) -> Result<Database> {
        let database = Database::open(self.vfs.clone())?;
        if let Some(mode) = self.vfs.open_to_others() {
            complain(&report::open_to_others(&self.vfs.root(), mode));
        }
        Ok(database)
    }
}
