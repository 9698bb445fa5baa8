//! Temporary files: what sorts and hash tables spill to. They are in the data directory, beside the relations, are
//! never synced, and what a crash leaves of them is swept away at the next start. Their names are numbers. What has another
//! name, or is no file, is not ours: it stays, and is in nobody's way.

use crate::error::{Error, Result};
use crate::execute::context::{TempFile, TempFiles};
use crate::vfs::{File, Vfs};
use std::sync::Arc;

pub const TEMP_DIR: &str = "temp";

/// Makes the temporary files of one statement.
pub struct VfsTempFiles {
    vfs: Arc<dyn Vfs>,
    next: u32,
}

impl VfsTempFiles {
    pub fn new(vfs: Arc<dyn Vfs>) -> VfsTempFiles {
        VfsTempFiles { vfs, next: 0 }
    }
}

impl TempFiles for VfsTempFiles {
    fn create(&mut self) -> Result<Box<dyn TempFile>> {
        if self.next == 0 {
            self.vfs.create_dir(TEMP_DIR).map_err(|error| Error::io("create", TEMP_DIR, error))?;
        }
        loop {
            self.next += 1;
            let path = format!("{TEMP_DIR}/{}", self.next);
            let is_taken = self.vfs.exists(&path).map_err(|error| Error::io("stat", &path, error))?;
            if !is_taken {
                let file = File::create(&*self.vfs, &path)?;
                return Ok(Box::new(VfsTempFile { vfs: self.vfs.clone(), path, file, len: 0 }));
            }
        }
    }
}

struct VfsTempFile {
    vfs: Arc<dyn Vfs>,
    path: String,
    file: File,
    len: u64,
}

impl TempFile for VfsTempFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all_at(bytes, self.len)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

impl Drop for VfsTempFile {
    fn drop(&mut self) {
        // Nobody is there to hear of a failure; the next start sweeps.
        let _ = self.vfs.remove(&self.path);
    }
}

/// Removes what an earlier process left behind, if it can be removed. No database depends on it.
pub fn sweep(vfs: &dyn Vfs) {
    for name in vfs.list(TEMP_DIR).unwrap_or_default() {
        if name.parse::<u32>().is_ok_and(|number| number.to_string() == name) {
            let _ = vfs.remove(&format!("{TEMP_DIR}/{name}"));
        }
    }
}
