//! The log and the control file: whatever bytes in their files, and recovery that has to make do with them.

use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use m5_sql::database::Database;
use m5_sql::vfs::{File, MemoryVfs, Vfs};
use m5_sql::wal::control::{SLOT_OFFSETS, read_slots};
use m5_sql::wal::record::{LSN_OFFSET, RECORD_HEADER_SIZE};
use m5_sql::wal::segments::Segments;
use m5_sql::wal::{ControlFile, LogReader};

use crate::images::file;
use crate::images::m5::{Files, disk, files};
use crate::record::seal;
use crate::small_disk::SmallDisk;
use crate::sql::{run, small_options};
use crate::{Content, DATABASE, sqlstate};

const SEGMENT: usize = 1 << 16;

/// Bytes of a control slot, its checksum the last four of them.
const SLOT_SIZE: usize = 68;

/// A record that lies somewhere: how it comes there, and what is put right.
#[derive(Arbitrary, Debug)]
struct Piece {
    /// Bytes of eight between this and the piece before.
    gap: u8,
    /// Of 16, 14 have a right checksum and belong where they are.
    honest: u8,
    epoch: u8,
    durable: u8,
    content: Content,
}

impl Piece {
    fn bytes(&self, lsn: u64) -> Vec<u8> {
        let mut bytes = vec![0; RECORD_HEADER_SIZE];
        bytes.extend_from_slice(&self.content.0);
        // What kind it is, and how many blocks it has, is seldom impossible.
        let [kind, blocks] = [0, 1].map(|at| self.content.0.get(at).copied().unwrap_or_default());
        bytes[36] = if kind < 250 { 1 + kind % 3 } else { kind };
        bytes[37] = if blocks < 200 { 0 } else { blocks };
        bytes[32] = self.epoch % 4;
        bytes[16..24].copy_from_slice(&(lsn.saturating_sub(u64::from(self.durable) * 8)).to_le_bytes());
        bytes[LSN_OFFSET..LSN_OFFSET + 8].copy_from_slice(&lsn.to_le_bytes());
        if self.honest % 16 > 1 {
            seal(&mut bytes);
        }
        bytes
    }
}

/// Records and other things one after another in three segments, read to their end.
pub fn log(bytes: &[u8]) -> bool {
    let mut input = Unstructured::new(bytes);
    let Ok((far, durable)) = input.arbitrary::<(bool, u16)>() else { return false };
    let mut all = vec![0; 3 * SEGMENT];
    // Near the end of a segment, so that records are in two.
    let mut at = if far { SEGMENT - 200 } else { 0 };
    let start = (SEGMENT + at) as u64;
    while let Ok(piece) = input.arbitrary::<Piece>() {
        at += usize::from(piece.gap % 4) * 8 * usize::from(piece.gap >= 200);
        let bytes = piece.bytes((SEGMENT + at) as u64);
        let end = at + bytes.len();
        if end > all.len() || input.is_empty() {
            break;
        }
        all[at..end].copy_from_slice(&bytes);
        at = end.next_multiple_of(8);
    }
    let disk = Arc::new(MemoryVfs::new());
    for (number, segment) in (1..).zip(all.chunks(SEGMENT)) {
        let file = disk.create(&format!("wal/{number:016X}")).expect("a new file");
        file.write_at(segment, 0).expect("a file in memory");
        file.write_at(&DATABASE.0.to_le_bytes(), SEGMENT as u64).expect("a file in memory");
    }
    read_log(disk, start, start + u64::from(durable) % 512)
}

/// Reads to the end; whether there was anything.
fn read_log(disk: Arc<dyn Vfs>, start: u64, durable: u64) -> bool {
    let mut segments = Segments::open(disk, DATABASE, SEGMENT as u32).expect("segments");
    let mut reader = LogReader::new(&mut segments, start, durable);
    let mut records = 0;
    loop {
        let before = reader.position();
        match reader.next_record() {
            Ok(Some(record)) => {
                assert!(reader.position() >= before + RECORD_HEADER_SIZE as u64);
                assert_eq!(record.lsn(), before);
                records += 1;
                if let Err(error) = record.check() {
                    sqlstate(error.state().code(), &error);
                }
            }
            Ok(None) => break,
            Err(error) => {
                sqlstate(error.state().code(), &error);
                break;
            }
        }
    }
    match reader.end() {
        Ok(end) => assert_eq!(end.lsn, reader.position()),
        Err(error) => sqlstate(error.state().code(), &error),
    }
    records > 0
}

/// A database that was killed: its files, and where its log has records.
struct Killed {
    files: Files,
    records: Vec<(usize, usize)>,
    end: usize,
    epoch: u32,
}

impl Killed {
    fn new() -> Killed {
        let vfs = Arc::new(MemoryVfs::new());
        let mut database = Database::open(vfs.clone(), small_options()).expect("a new database");
        for statement in [
            "CREATE TABLE t (a integer PRIMARY KEY, b text NOT NULL, c bigint)",
            "INSERT INTO t VALUES (1, 'one', 1), (2, 'two', NULL), (3, 'three', 3)",
            "CREATE INDEX t_c ON t (c)",
            "CHECKPOINT",
            "INSERT INTO t VALUES (4, 'four', 4), (5, 'five', 5)",
            "UPDATE t SET c = 7, b = b || '!' WHERE a > 2",
            "CREATE TABLE u (a text)",
            "INSERT INTO u VALUES ('x'), ('y')",
            "DELETE FROM t WHERE a = 4",
            "VACUUM t",
            "BEGIN",
            "INSERT INTO u VALUES ('never committed')",
        ] {
            run(&mut database, statement).expect("a statement without fault");
        }
        let control = ControlFile::open(&*vfs, DATABASE).expect("a control file").data();
        drop(database);
        let mut segments = Segments::open(vfs.clone(), DATABASE, SEGMENT as u32).expect("segments");
        let mut reader = LogReader::new(&mut segments, control.redo, control.durable);
        let mut records = Vec::new();
        while let Some(record) = reader.next_record().expect("a log without fault") {
            records.push((record.lsn() as usize, record.header.len.get() as usize));
        }
        let end = reader.position() as usize;
        Killed { files: files(&vfs), records, end, epoch: control.epoch }
    }

    /// Writes over the log.
    fn write(files: &mut Files, bytes: &[u8], lsn: usize) {
        for (place, byte) in (lsn..).zip(bytes) {
            if let Some(target) = file(files, &format!("wal/{:016X}", place / SEGMENT))
                .and_then(|segment| segment.get_mut(place % SEGMENT))
            {
                *target = *byte;
            }
        }
    }

    fn read(files: &mut Files, lsn: usize, len: usize) -> Vec<u8> {
        let byte = |place: usize| {
            let segment = file(files, &format!("wal/{:016X}", place / SEGMENT))?;
            segment.get(place % SEGMENT).copied()
        };
        (lsn..lsn + len).map_while(byte).collect()
    }
}

thread_local! {
    static KILLED: Killed = Killed::new();
}

/// Damage of a log.
#[derive(Arbitrary, Debug)]
enum Damage {
    /// Some bytes of a record, and mostly its checksum put right.
    Record { which: u8, at: u16, bytes: [u8; 3], forged: bool },
    /// One more record.
    More { kind: u8, blocks: u8, xid: u16, content: Content },
    /// Bytes anywhere.
    Bytes { at: u16, bytes: [u8; 2] },
    /// A bit of a data file.
    Data { file: u8, at: u16, bit: u8 },
    /// The log ends here, with zeros.
    Cut { at: u16 },
}

/// Recovery of a killed database whose log was damaged: it opens or it does not, and what opens can be used.
pub fn recovery(bytes: &[u8]) -> bool {
    let mut input = Unstructured::new(bytes);
    KILLED.with(|killed| {
        let (mut files, mut end) = (killed.files.clone(), killed.end);
        for _ in 0..8 {
            let Ok(damage) = input.arbitrary::<Damage>() else { break };
            befall(killed, &mut files, &mut end, &damage);
            if input.is_empty() {
                break;
            }
        }
        use_database(disk(&files))
    })
}

fn befall(killed: &Killed, files: &mut Files, end: &mut usize, damage: &Damage) {
    let first = killed.records[0].0;
    match damage {
        Damage::Record { which, at, bytes, forged } => {
            let (lsn, len) = killed.records[usize::from(*which) % killed.records.len()];
            let mut record = Killed::read(files, lsn, len);
            let at = usize::from(*at) % record.len().max(1);
            for (target, byte) in record[at..].iter_mut().zip(bytes) {
                *target = *byte;
            }
            if *forged {
                seal(&mut record);
            }
            Killed::write(files, &record, lsn);
        }
        Damage::More { kind, blocks, xid, content } => {
            let mut record = vec![0; RECORD_HEADER_SIZE];
            record.extend_from_slice(&content.0);
            record[LSN_OFFSET..LSN_OFFSET + 8].copy_from_slice(&(*end as u64).to_le_bytes());
            record[16..24].copy_from_slice(&(first as u64).to_le_bytes());
            record[24..26].copy_from_slice(&xid.to_le_bytes());
            record[32..36].copy_from_slice(&killed.epoch.to_le_bytes());
            (record[36], record[37]) = (1 + kind % 4, blocks % 4);
            seal(&mut record);
            Killed::write(files, &record, *end);
            *end += record.len().next_multiple_of(8);
        }
        Damage::Bytes { at, bytes } => {
            let at = first + usize::from(*at) % (*end - first + 64);
            Killed::write(files, bytes, at);
        }
        Damage::Data { file, at, bit } => {
            let paths: Vec<usize> =
                (0..files.len()).filter(|index| files[*index].0.starts_with("base/")).collect();
            let index = paths[usize::from(*file) % paths.len()];
            let len = files[index].1.len().max(1);
            if let Some(byte) = files[index].1.get_mut(usize::from(*at) * 7 % len) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Damage::Cut { at } => {
            let at = first + usize::from(*at) % (*end - first);
            Killed::write(files, &vec![0; *end - at], at);
        }
    }
}

/// Opens what is on the disk and uses all of it; whether it opened.
fn use_database(disk: Arc<MemoryVfs>) -> bool {
    let disk = Arc::new(SmallDisk(disk));
    let mut database = match Database::open(disk.clone(), small_options()) {
        Ok(database) => database,
        Err(error) => {
            sqlstate(error.state().code(), &error);
            // For reading, as far as that goes. What was refused must not have been changed beyond reading.
            if let Ok(mut database) = Database::salvage(disk, small_options()) {
                read_all(&mut database);
            }
            return false;
        }
    };
    database.check();
    read_all(&mut database);
    for statement in [
        "INSERT INTO t VALUES (100, 'hundred', 100)",
        "UPDATE t SET c = 8 WHERE a = 1",
        "DELETE FROM u WHERE a = 'x'",
        "VACUUM",
        "CREATE TABLE v (a integer PRIMARY KEY)",
    ] {
        let _ = run(&mut database, statement);
    }
    if let Err(error) = database.close() {
        sqlstate(error.state().code(), &error);
    }
    true
}

fn read_all(database: &mut Database) {
    for statement in
        ["SELECT * FROM t", "SELECT a FROM t WHERE c > 2", "SELECT b FROM t WHERE a = 3", "SELECT * FROM u"]
    {
        if let Err(error) = run(database, statement) {
            sqlstate(error.state().code(), &error);
        }
    }
}

/// Two slots, of which some have a right beginning and checksum; at first alone, then with a database around.
pub fn control(bytes: &[u8]) -> bool {
    let Some(slots) = slots(bytes) else { return false };
    let alone = MemoryVfs::new();
    let file = alone.create("control").expect("a new file");
    for (slot, offset) in slots.iter().zip(SLOT_OFFSETS) {
        file.write_at(slot, offset).expect("a file in memory");
    }
    let _ = File::open(&alone, "control").map(|file| read_slots(&file));
    match ControlFile::open(&alone, DATABASE) {
        Err(error) => {
            sqlstate(error.state().code(), &error);
            false
        }
        Ok(mut control) => {
            let data = control.data();
            assert!(control.keep_from() <= data.redo && data.redo <= data.durable);
            if control.write(data).is_ok() {
                assert_eq!(ControlFile::open(&alone, DATABASE).expect("what was written").data(), data);
            }
            true
        }
    }
}

/// The same slots in the directory of a database that was killed.
pub fn control_recovery(bytes: &[u8]) -> bool {
    let Some(slots) = slots(bytes) else { return false };
    KILLED.with(|killed| {
        let mut files = killed.files.clone();
        if let Some(control) = file(&mut files, "control") {
            for (slot, offset) in slots.iter().zip(SLOT_OFFSETS) {
                control[offset as usize..offset as usize + SLOT_SIZE].copy_from_slice(slot);
            }
        }
        use_database(disk(&files))
    })
}

fn slots(bytes: &[u8]) -> Option<[[u8; SLOT_SIZE]; 2]> {
    let (flags, rest) = bytes.split_first()?;
    let mut slots = [[0; SLOT_SIZE]; 2];
    for (number, slot) in slots.iter_mut().enumerate() {
        let from = rest.get(number * SLOT_SIZE..)?;
        let len = from.len().min(SLOT_SIZE);
        slot[..len].copy_from_slice(&from[..len]);
        if flags >> number & 1 == 0 {
            slot[..8].copy_from_slice(b"InoxCtrl");
            slot[SLOT_SIZE - 12..SLOT_SIZE - 4].copy_from_slice(&DATABASE.0.to_le_bytes());
            let crc = crc32c::crc32c(&slot[..SLOT_SIZE - 4]);
            slot[SLOT_SIZE - 4..].copy_from_slice(&crc.to_le_bytes());
        }
    }
    Some(slots)
}

/// Logs of a few records.
pub fn log_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for far in [0, 1] {
        for records in [1_u8, 4, 20] {
            let mut bytes = vec![far, 0, 0];
            for number in 0..records {
                // gap, honest, epoch, durable, and a content.
                bytes.extend_from_slice(&[number, 7, 1, number, number % 90, 0]);
                bytes.extend((0..number % 90).map(|place| place * 3));
            }
            bytes.extend_from_slice(&[0; 8]);
            seeds.push(bytes);
        }
    }
    seeds
}

/// More records, made of what is in those that there are; and damage of each kind.
pub fn recovery_seeds() -> Vec<Vec<u8>> {
    // The variant of an enum of five is the upper half of this times five.
    let variant = |number: u32| number.wrapping_mul(0x3333_3334).to_le_bytes();
    let mut seeds = vec![Vec::new()];
    KILLED.with(|killed| {
        let mut files = killed.files.clone();
        for (lsn, len) in &killed.records {
            let record = Killed::read(&mut files, *lsn, *len);
            let body = &record[RECORD_HEADER_SIZE..];
            let body = &body[..body.len().min(1000)];
            let blocks = if body.len() + RECORD_HEADER_SIZE < record.len() { 0 } else { record[37] };
            let head = [record[36] - 1, blocks, record[24], record[25]];
            seeds.push([&variant(1)[..], &head, &(body.len() as u16).to_le_bytes(), body].concat());
        }
    });
    for number in 0..20_u32 {
        let rest = (0..24_u32).map(|place| (number * 37 + place * 11) as u8);
        seeds.push(variant(number % 5).into_iter().chain(rest).collect());
    }
    seeds
}

/// The slots that a database has, and what they become.
pub fn control_seeds() -> Vec<Vec<u8>> {
    KILLED.with(|killed| {
        let mut files = killed.files.clone();
        let Some(control) = file(&mut files, "control") else { return Vec::new() };
        let slots: Vec<&[u8]> =
            SLOT_OFFSETS.iter().map(|at| &control[*at as usize..*at as usize + SLOT_SIZE]).collect();
        let both = |flags: u8| [&[flags][..], slots[0], slots[1]].concat();
        vec![both(0), both(1), both(2), both(3), [&[0][..], slots[1], slots[0]].concat()]
    })
}
