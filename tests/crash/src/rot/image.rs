//! The small databases that are damaged, byte by byte, and what is known about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use m1_storage::vfs::REPEATABLE;

use super::disk::{Disk, Files};
use crate::engine::{Engine, Refusal, Sizes, Stage};
use crate::model::{Ids, Op, State, Table, TableName};
use Op::*;
use TableName::{A, B};

pub const PAGE: usize = 8192;

const SIZES: Sizes = Sizes { pages: 16, max_wal_size: 1 << 20, segment_size: 1 << 16 };

/// How the database was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Closed in order: nothing to replay.
    Clean,
    /// Killed: the log has to be replayed.
    Killed,
}

impl End {
    pub const ALL: [End; 2] = [End::Clean, End::Killed];

    pub fn name(self) -> &'static str {
        match self {
            End::Clean => "clean",
            End::Killed => "killed",
        }
    }
}

/// A database as bytes.
pub struct Image {
    pub stage: Stage,
    pub end: End,
    pub files: Files,
    /// An older state of the same database, closed in order.
    pub older: Files,
    /// What is committed.
    pub right: State,
    /// What was committed at some time since the last checkpoint: a log that lost its end leads there.
    pub before: Vec<State>,
    /// The table that a file belongs to, its heap or an index; the others belong to all.
    pub owners: BTreeMap<String, TableName>,
    /// The records of the log: where they begin, and their bytes.
    pub records: Vec<Record>,
    /// Where something is, in files that are mostly zeros: the length that counts.
    pub used: BTreeMap<String, usize>,
}

#[derive(Clone, Debug)]
pub struct Record {
    pub lsn: u64,
    pub bytes: Vec<u8>,
}

impl Record {
    /// How far the log was durable when it was made.
    pub fn durable(&self) -> u64 {
        u64_at(&self.bytes, 16).unwrap_or(0)
    }
}

impl Image {
    pub fn new(stage: Stage, end: End) -> Result<Image, Refusal> {
        let mut builder = Builder::new(stage)?;
        let mut owners = BTreeMap::new();
        for (table, op) in [(A, Create(A)), (B, Create(B)), (A, CreateIndex(A))]
            .into_iter()
            .take(2 + usize::from(stage.has_indexes()))
        {
            let known = builder.files();
            builder.apply(&[op])?;
            let new = builder.files().into_keys().filter(|path| !known.contains_key(path));
            owners.extend(new.filter(|path| path.starts_with("base/")).map(|path| (path, table)));
        }
        builder.apply(&[Insert(A, Ids::new(1, 60), 400), Insert(B, Ids::new(1, 40), 300)])?;
        builder.apply(&[Update(A, Ids::new(5, 10), 500), Delete(A, Ids::new(30, 8)), Vacuum(A)])?;
        builder = builder.restart()?;
        let older = builder.files();
        builder.apply(&[Insert(A, Ids::new(100, 12), 450), Update(B, Ids::new(3, 9), 200), Checkpoint])?;
        let mut before = vec![builder.state.clone()];
        let last = [
            Update(A, Ids::new(40, 6), 350),
            Insert(B, Ids::new(60, 9), 900),
            Insert(A, Ids::new(120, 8), 600),
            Delete(B, Ids::new(1, 4)),
        ];
        for op in last {
            builder.apply(&[op])?;
            before.push(builder.state.clone());
        }
        // The last transaction was not committed, so nobody may see it.
        builder.engine.apply(&Begin)?;
        builder.engine.apply(&Insert(A, Ids::new(900, 3), 50))?;
        let files = match end {
            End::Killed => builder.files(),
            End::Clean => builder.close()?,
        };
        let records = records(&files);
        let used = used(&files);
        let right = before.pop().unwrap_or_default();
        Ok(Image { stage, end, files, older, right, before, owners, records, used })
    }

    /// The files under a prefix, in order.
    pub fn paths(&self, prefix: &str) -> Vec<&String> {
        self.files.keys().filter(|path| path.starts_with(prefix)).collect()
    }

    /// Whether the tables that answered are as in a state that a log without its end leads to, all as in the same one, and
    /// no record that is whole, nor the control file, can bear witness that there was more. (Pages that can were refused.)
    pub fn lost_unwitnessed(&self, damaged: &Files, found: &BTreeMap<TableName, Option<&Table>>) -> bool {
        let is_found = |state: &State| found.iter().all(|(name, table)| state.tables.get(name) == *table);
        if self.end == End::Clean || !self.before.iter().any(is_found) {
            return false;
        }
        let log = Log::new(damaged);
        let is_whole = |record: &&Record| log.at(record.lsn, record.bytes.len()) == Some(&record.bytes[..]);
        // What is before the last checkpoint is in the data files and not needed.
        let redo = control_slots(&self.files).map(|slot| slot.redo).max().unwrap_or(0);
        let mut needed = self.records.iter().filter(|record| record.lsn >= redo);
        let Some(broken) = needed.find(|record| !is_whole(record)) else { return false };
        let witnesses = self.records.iter().filter(is_whole).map(Record::durable);
        let durable = witnesses.chain(control_slots(damaged).map(|slot| slot.durable)).max().unwrap_or(0);
        broken.lsn >= durable
    }
}

/// A new database, and what is in it.
pub struct Builder {
    stage: Stage,
    disk: Disk,
    engine: Box<dyn Engine>,
    pub state: State,
}

impl Builder {
    pub fn new(stage: Stage) -> Result<Builder, Refusal> {
        let disk = Disk::new(Files::new(), u64::MAX);
        Ok(Builder { stage, engine: open(stage, &disk)?, disk, state: State::default() })
    }

    /// What is on the disk now.
    pub fn files(&self) -> Files {
        self.disk.files()
    }

    pub fn apply(&mut self, ops: &[Op]) -> Result<(), Refusal> {
        for op in ops {
            self.engine.apply(op)?;
            self.state.apply(op);
        }
        Ok(())
    }

    fn restart(self) -> Result<Builder, Refusal> {
        self.engine.close()?;
        Ok(Builder { engine: open(self.stage, &self.disk)?, ..self })
    }

    pub fn close(self) -> Result<Files, Refusal> {
        self.engine.close()?;
        Ok(self.disk.files())
    }
}

pub fn open(stage: Stage, disk: &Disk) -> Result<Box<dyn Engine>, Refusal> {
    stage.open(Arc::new(disk.clone()), SIZES)
}

/// The log's segments as one array of bytes.
pub struct Log {
    joined: Vec<u8>,
    start: u64,
}

impl Log {
    pub fn new(files: &Files) -> Log {
        let number = |path: &str| u64::from_str_radix(path.strip_prefix("wal/")?, 16).ok();
        let segments: BTreeMap<u64, &[u8]> =
            files.iter().filter_map(|(path, bytes)| Some((number(path)?, &bytes[..]))).collect();
        let size = u64::from(SIZES.segment_size);
        let start = segments.keys().next().copied().unwrap_or(0) * size;
        let mut joined = Vec::new();
        for (number, bytes) in &segments {
            let Some(offset) = (number * size).checked_sub(start).filter(|offset| *offset < 1 << 24) else {
                break;
            };
            joined.resize(offset as usize, 0);
            joined.extend_from_slice(bytes);
        }
        Log { joined, start }
    }

    pub fn at(&self, lsn: u64, len: usize) -> Option<&[u8]> {
        let start = lsn.checked_sub(self.start)? as usize;
        self.joined.get(start..start + len)
    }

    /// The records that are whole.
    fn records(&self) -> Vec<Record> {
        let (mut records, mut offset) = (Vec::new(), 0);
        while let Some(rest) = self.joined.get(offset..) {
            let lsn = self.start + offset as u64;
            let len = u32_at(rest, 0).unwrap_or(0) as usize;
            let whole = (rest.len() >= 40 && len >= 40 && u64_at(rest, 8) == Some(lsn))
                .then(|| rest.get(..len))
                .flatten()
                .filter(|bytes| u32_at(bytes, 4) == Some(record_crc(&bytes[8..])));
            match whole {
                Some(bytes) => {
                    records.push(Record { lsn, bytes: bytes.to_vec() });
                    offset += len.next_multiple_of(8);
                }
                None if rest.is_empty() => break,
                None => offset += 8,
            }
        }
        records
    }
}

/// The checksum of a record's bytes from its position on: they follow the identifier of the database.
pub fn record_crc(covered: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&REPEATABLE.to_le_bytes()), covered)
}

fn records(files: &Files) -> Vec<Record> {
    Log::new(files).records()
}

/// How far into each file there is something worth damaging: all of it, but of the log only what was written.
fn used(files: &Files) -> BTreeMap<String, usize> {
    let length = |path: &str, bytes: &[u8]| match path.starts_with("wal/") {
        // Behind it is the identifier of the database.
        true => bytes[..bytes.len() - size_of_val(&REPEATABLE)]
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| (last + 64).min(bytes.len())),
        false => bytes.len(),
    };
    files.iter().map(|(path, bytes)| (path.clone(), length(path, bytes))).collect()
}

pub struct ControlSlot {
    pub redo: u64,
    pub durable: u64,
}

pub const SLOT_SIZE: usize = 68;
pub const SLOT_OFFSETS: [usize; 2] = [0, 4096];

/// The slots of the control file whose checksums are right.
pub fn control_slots(files: &Files) -> impl Iterator<Item = ControlSlot> {
    let control = files.get("control").cloned().unwrap_or_default();
    SLOT_OFFSETS.into_iter().filter_map(move |offset| {
        let slot = control.get(offset..offset + SLOT_SIZE)?;
        let is_whole = u32_at(slot, SLOT_SIZE - 4)? == crc32c::crc32c(&slot[..SLOT_SIZE - 4]);
        is_whole.then_some(ControlSlot { redo: u64_at(slot, 16)?, durable: u64_at(slot, 24)? })
    })
}

pub fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

pub fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}
