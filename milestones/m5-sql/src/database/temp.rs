//! Temporary files: what sorts and hash tables spill to. They are in the data directory, beside the relations, are
//! never synced, and what a crash leaves of them is swept away at the next start. Their names are numbers. What has another
//! name, or is no file, is not ours: it stays, and is in nobody's way.
//!
//! A sort may write hundreds of runs, and a process may have far fewer open files. So all temporary files of a statement
//! are blocks of one file on disk; a file that is dropped gives its blocks to the next. PostgreSQL keeps the runs of a sort
//! so (`src/backend/utils/sort/logtape.c`).

use crate::error::{Error, Result};
use crate::execute::context::{TempFile, TempFiles};
use crate::vfs::{File, Vfs};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

pub const TEMP_DIR: &str = "temp";

/// Bytes in a block. What a file does not use of its last one is a hole, which takes no space on disk.
const BLOCK: u64 = 256 << 10;

/// Makes the temporary files of one statement.
pub struct VfsTempFiles {
    vfs: Arc<dyn Vfs>,
    space: Option<Rc<Space>>,
}

impl VfsTempFiles {
    pub fn new(vfs: Arc<dyn Vfs>) -> VfsTempFiles {
        VfsTempFiles { vfs, space: None }
    }
}

impl TempFiles for VfsTempFiles {
    fn create(&mut self) -> Result<Box<dyn TempFile>> {
        let space = match &self.space {
            Some(space) => space.clone(),
            None => self.space.insert(Rc::new(Space::create(self.vfs.clone())?)).clone(),
        };
        Ok(Box::new(VfsTempFile { space, blocks: Vec::new(), len: 0 }))
    }
}

/// The file on disk. It is removed when nothing uses it any more.
struct Space {
    vfs: Arc<dyn Vfs>,
    path: String,
    file: File,
    blocks: RefCell<Blocks>,
}

#[derive(Default)]
struct Blocks {
    /// Blocks from here on were never used.
    end: u64,
    /// Blocks that were used and are not any more.
    free: Vec<u64>,
}

impl Space {
    fn create(vfs: Arc<dyn Vfs>) -> Result<Space> {
        vfs.create_dir(TEMP_DIR).map_err(|error| Error::io("create", TEMP_DIR, error))?;
        let mut number = 1;
        loop {
            let path = format!("{TEMP_DIR}/{number}");
            if !vfs.exists(&path).map_err(|error| Error::io("stat", &path, error))? {
                let file = File::create(&*vfs, &path)?;
                return Ok(Space { vfs, path, file, blocks: RefCell::default() });
            }
            number += 1;
        }
    }

    fn take_block(&self) -> u64 {
        let mut blocks = self.blocks.borrow_mut();
        blocks.free.pop().unwrap_or_else(|| {
            blocks.end += 1;
            blocks.end - 1
        })
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // If that fails, the next start sweeps.
        let _ = self.vfs.remove(&self.path);
    }
}

struct VfsTempFile {
    space: Rc<Space>,
    /// Where the file's bytes are: those from `n × BLOCK` on in block `blocks[n]` of the space.
    blocks: Vec<u64>,
    len: u64,
}

impl VfsTempFile {
    /// Where in the space the bytes from `offset` on are, and how many of them in one piece.
    fn locate(&self, offset: u64) -> Result<(u64, usize)> {
        let block = usize::try_from(offset / BLOCK).ok().and_then(|number| self.blocks.get(number));
        let block = block.ok_or_else(|| Error::internal("a temporary file is read past its end"))?;
        let within = offset % BLOCK;
        Ok((block * BLOCK + within, (BLOCK - within) as usize))
    }
}

impl TempFile for VfsTempFile {
    fn append(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.len == self.blocks.len() as u64 * BLOCK {
                self.blocks.push(self.space.take_block());
            }
            let (place, room) = self.locate(self.len)?;
            let (here, rest) = bytes.split_at(bytes.len().min(room));
            self.space.file.write_all_at(here, place)?;
            self.len += here.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    fn read_at(&mut self, mut buffer: &mut [u8], mut offset: u64) -> Result<()> {
        while !buffer.is_empty() {
            let (place, room) = self.locate(offset)?;
            let (here, rest) = buffer.split_at_mut(buffer.len().min(room));
            self.space.file.read_exact_at(here, place)?;
            offset += here.len() as u64;
            buffer = rest;
        }
        Ok(())
    }
}

impl Drop for VfsTempFile {
    fn drop(&mut self) {
        self.space.blocks.borrow_mut().free.append(&mut self.blocks);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::MemoryVfs;

    #[test]
    fn a_hundred_files_are_one_on_disk_and_its_blocks_are_used_again() {
        let vfs = Arc::new(MemoryVfs::new());
        let mut files = VfsTempFiles::new(vfs.clone());
        let text = |number: usize| vec![number as u8; 700_000 + number];
        for _ in 0..3 {
            let mut open: Vec<_> = (0..100).map(|_| files.create().unwrap()).collect();
            for (number, file) in open.iter_mut().enumerate() {
                // Pieces that blocks are no multiple of, the files in turns.
                text(number).chunks(33_333).for_each(|piece| file.append(piece).unwrap());
            }
            for (number, file) in open.iter_mut().enumerate() {
                let mut read = vec![0; 700_000 + number - 5];
                file.read_at(&mut read, 5).unwrap();
                assert_eq!(read, text(number)[5..]);
            }
            assert_eq!(vfs.list(TEMP_DIR).unwrap(), ["1"]);
            assert_eq!(vfs.open("temp/1").unwrap().len().unwrap().div_ceil(BLOCK), 300);
        }
        drop(files);
        assert!(vfs.list(TEMP_DIR).unwrap().is_empty());
    }
}
