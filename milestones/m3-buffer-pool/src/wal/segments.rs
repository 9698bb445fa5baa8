//! The log's files: `wal/0000000000000001` and so on, all of one size.
//!
//! To the rest of the log, they are one endless array of bytes; a position in it is an LSN. Segment `n` holds
//! the bytes from `n × size` on. A record may begin in one segment and end in the next.
//!
//! A segment is filled with zeros and made durable, name included, before it is used: a later sync of the log then
//! has only bytes to write and no metadata, and there is no moment at which the disk could turn out to be full.
//! One segment more than needed is always kept ready, for the same reason. Segments that a checkpoint has made
//! superfluous are renamed to be the next ones; their old records stay in them, which is why a record says where
//! it belongs.

use super::Lsn;
use crate::error::{Error, Result};
use crate::vfs::{self, File, Vfs};
use std::collections::BTreeMap;
use std::sync::Arc;

pub const WAL_DIR: &str = "wal";

/// Old segments to keep for reuse, whatever the log's size.
const MAX_SPARE: u64 = 4;

pub struct Segments {
    vfs: Arc<dyn Vfs>,
    size: u32,
    /// The segments that exist, from the oldest that is kept to the newest that is prepared.
    files: BTreeMap<u64, Option<File>>,
}

impl Segments {
    pub fn create(vfs: Arc<dyn Vfs>, size: u32) -> Result<Segments> {
        vfs.create_dir(WAL_DIR).map_err(|error| Error::io("create", WAL_DIR, error))?;
        vfs::sync_dir(&*vfs, "")?;
        let mut segments = Segments { vfs, size, files: BTreeMap::new() };
        segments.prepare(1)?;
        Ok(segments)
    }

    pub fn open(vfs: Arc<dyn Vfs>, size: u32) -> Result<Segments> {
        let names = vfs.list(WAL_DIR).map_err(|error| Error::io("list", WAL_DIR, error))?;
        let mut files = BTreeMap::new();
        for name in names {
            match parse_name(&name) {
                Some(number) => drop(files.insert(number, None)),
                None if name.ends_with(".new") => {
                    let path = format!("{WAL_DIR}/{name}");
                    vfs.remove(&path).map_err(|error| Error::io("remove", &path, error))?;
                }
                None => {}
            }
        }
        Ok(Segments { vfs, size, files })
    }

    /// The position after the last prepared byte: the log can grow so far without a new segment.
    pub fn prepared_end(&self) -> Lsn {
        self.files.last_key_value().map_or(0, |(number, _)| (number + 1) * u64::from(self.size))
    }

    /// Makes sure that every byte before `end` has a segment, and that one more segment is ready.
    pub fn prepare_until(&mut self, end: Lsn) -> Result<()> {
        while self.prepared_end() < end + u64::from(self.size) {
            let next = self.files.last_key_value().map_or(1, |(number, _)| number + 1);
            self.prepare(next)?;
        }
        Ok(())
    }

    /// Writes bytes at a position, across segments if need be.
    pub fn write(&mut self, mut bytes: &[u8], mut lsn: Lsn) -> Result<()> {
        while !bytes.is_empty() {
            let (number, offset, room) = self.locate(lsn);
            let (here, rest) = bytes.split_at(bytes.len().min(room));
            self.file(number)?.write_all_at(here, offset)?;
            lsn += here.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    /// Reads up to `buffer.len()` bytes at a position; fewer where there is no further segment.
    pub fn read(&mut self, buffer: &mut [u8], mut lsn: Lsn) -> Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            let (number, offset, room) = self.locate(lsn);
            if !self.files.contains_key(&number) {
                break;
            }
            let want = room.min(buffer.len() - done);
            let read = self.file(number)?.read_at(&mut buffer[done..done + want], offset)?;
            done += read;
            lsn += read as u64;
            if read < want {
                break;
            }
        }
        Ok(done)
    }

    /// Makes the bytes from `from` to `to` durable.
    pub fn sync(&mut self, from: Lsn, to: Lsn) -> Result<()> {
        let size = u64::from(self.size);
        for number in from / size..=to.saturating_sub(1) / size {
            self.file(number)?.sync_data()?;
        }
        Ok(())
    }

    /// Gives up the segments before `keep_from`: a few become the next ones, the others go.
    pub fn recycle(&mut self, keep_from: Lsn, end: Lsn) -> Result<()> {
        let first_kept = keep_from / u64::from(self.size);
        let current = end / u64::from(self.size);
        let mut changed = false;
        while let Some((&old, _)) = self.files.first_key_value() {
            if old >= first_kept {
                break;
            }
            self.files.remove(&old);
            let newest = self.files.last_key_value().map_or(current, |(number, _)| *number);
            if newest < current + MAX_SPARE {
                let (from, to) = (path(old), path(newest + 1));
                self.vfs.rename(&from, &to).map_err(|error| Error::io("rename", &from, error))?;
                self.files.insert(newest + 1, None);
            } else {
                self.vfs.remove(&path(old)).map_err(|error| Error::io("remove", path(old), error))?;
            }
            changed = true;
        }
        if changed {
            vfs::sync_dir(&*self.vfs, WAL_DIR)?;
        }
        Ok(())
    }

    /// A new segment: filled beside, made durable, and only then given its name.
    fn prepare(&mut self, number: u64) -> Result<()> {
        let beside = format!("{}.new", path(number));
        if self.vfs.exists(&beside).map_err(|error| Error::io("stat", &beside, error))? {
            self.vfs.remove(&beside).map_err(|error| Error::io("remove", &beside, error))?;
        }
        let file = File::create(&*self.vfs, &beside)?;
        let zeros = vec![0; (self.size as usize).min(1 << 20)];
        for offset in (0..u64::from(self.size)).step_by(zeros.len()) {
            if let Err(error) = file.write_all_at(&zeros, offset) {
                // The disk is full: do not keep what was taken of it.
                let _ = self.vfs.remove(&beside);
                return Err(error);
            }
        }
        file.sync_data()?;
        self.vfs.rename(&beside, &path(number)).map_err(|error| Error::io("rename", &beside, error))?;
        vfs::sync_dir(&*self.vfs, WAL_DIR)?;
        self.files.insert(number, None);
        Ok(())
    }

    fn file(&mut self, number: u64) -> Result<&File> {
        let entry = self.files.entry(number).or_insert(None);
        match entry {
            Some(file) => Ok(file),
            None => Ok(entry.insert(File::open(&*self.vfs, &path(number))?)),
        }
    }

    /// The segment of a position, the offset in it, and the bytes from there to its end.
    fn locate(&self, lsn: Lsn) -> (u64, u64, usize) {
        let size = u64::from(self.size);
        let offset = lsn % size;
        (lsn / size, offset, (size - offset) as usize)
    }
}

fn path(number: u64) -> String {
    format!("{WAL_DIR}/{number:016X}")
}

fn parse_name(name: &str) -> Option<u64> {
    (name.len() == 16).then(|| u64::from_str_radix(name, 16).ok()).flatten()
}
