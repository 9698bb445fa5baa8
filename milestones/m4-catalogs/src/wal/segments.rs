//! The log's files: `wal/0000000000000001` and so on, all of one size.
//!
//! To the rest of the log, they are one endless array of bytes; a position in it is an LSN. Segment `n` holds
//! the bytes from `n × size` on. A record may begin in one segment and end in the next.
//!
//! Behind these bytes, a segment says which database it belongs to. The records' checksums tell that, too, but to them a
//! record of another database is like a torn one: the log would seem to end there. (PostgreSQL has its system identifier
//! at the start of a segment, and counts it in its positions; at the end it is in nobody's way.)
//!
//! A segment is filled with zeros and made durable, name included, before it is used: a later sync of the log then
//! has only bytes to write and no metadata, and there is no moment at which the disk could turn out to be full.
//! One segment more than needed is always kept ready, for the same reason. Segments that a checkpoint has made
//! superfluous are renamed to be the next ones; their old records stay in them, which is why a record says where
//! it belongs.

use super::{Lsn, MAX_LSN};
use crate::directory::{DatabaseId, FORMAT_FILE};
use crate::error::{Error, Result};
use crate::vfs::{self, File, Vfs};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

pub const WAL_DIR: &str = "wal";

/// What the name of a segment ends with while it is being filled.
const BESIDE: &str = ".new";

/// The same of the file that says that the segment's name may not be durable.
const DOUBT: &str = ".unsynced";

/// Bytes of the identifier behind a segment's part of the log.
const OWNER_SIZE: u64 = size_of::<DatabaseId>() as u64;

/// So much of the log is copied at a time.
const COPY_SIZE: usize = 1 << 18;

/// Old segments to keep for reuse, whatever the log's size.
const MAX_SPARE: u64 = 4;

pub struct Segments {
    vfs: Arc<dyn Vfs>,
    database: DatabaseId,
    size: u32,
    /// The segments that exist, from the oldest that is kept to the newest that is prepared.
    numbers: BTreeSet<u64>,
    /// The numbers of segments whose names may not be durable: see [`Segments::name`].
    doubtful: BTreeSet<u64>,
    /// The segment that was written last, and the one that was read last. The log may have thousands of segments, and a
    /// process far fewer open files; the log is written and read in order, so one of each is enough.
    writing: Option<Writing>,
    reading: Option<(u64, File)>,
}

/// The only segment with bytes that no sync has made durable: it is synced before another takes its place.
struct Writing {
    number: u64,
    file: File,
    unsynced: bool,
}

impl Writing {
    fn sync(&mut self) -> Result<()> {
        if self.unsynced {
            self.file.sync_data()?;
            self.unsynced = false;
        }
        Ok(())
    }
}

impl Segments {
    fn new(vfs: Arc<dyn Vfs>, database: DatabaseId, size: u32) -> Segments {
        let (numbers, doubtful) = (BTreeSet::new(), BTreeSet::new());
        Segments { vfs, database, size, numbers, doubtful, writing: None, reading: None }
    }

    pub fn create(vfs: Arc<dyn Vfs>, database: DatabaseId, size: u32) -> Result<Segments> {
        vfs.create_dir(WAL_DIR).map_err(|error| Error::io("create", WAL_DIR, error))?;
        vfs::sync_dir(&*vfs, "")?;
        let mut segments = Segments::new(vfs, database, size);
        segments.prepare(1)?;
        Ok(segments)
    }

    /// The segments that there are. Files with other names, even if they stand for the same number, are none.
    pub fn open(vfs: Arc<dyn Vfs>, database: DatabaseId, size: u32) -> Result<Segments> {
        let names = vfs.list(WAL_DIR).map_err(|error| Error::io("list", WAL_DIR, error))?;
        let numbers = names.iter().filter_map(|name| parse_name(name));
        let possible = 1..=MAX_LSN / u64::from(size);
        let numbers = numbers.filter(|number| possible.contains(number)).collect();
        let doubtful = names.iter().filter_map(|name| parse_name(name.strip_suffix(DOUBT)?)).collect();
        Ok(Segments { numbers, doubtful, ..Segments::new(vfs, database, size) })
    }

    /// Whose log this is.
    pub fn database(&self) -> DatabaseId {
        self.database
    }

    /// The size of the segments in a directory, as most of them have it: for salvage, when the control file is lost.
    pub fn guess_size(vfs: &dyn Vfs) -> Result<Option<u32>> {
        let names = vfs.list(WAL_DIR).map_err(|error| Error::io("list", WAL_DIR, error))?;
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for number in names.iter().filter_map(|name| parse_name(name)) {
            let len = File::open(vfs, &path(number)).and_then(|file| file.len()).unwrap_or(0);
            let size = len.checked_sub(OWNER_SIZE).and_then(|size| u32::try_from(size).ok());
            if let Some(size) = size.filter(|size| super::is_segment_size(*size)) {
                *counts.entry(size).or_default() += 1;
            }
        }
        Ok(counts.into_iter().max_by_key(|(_, count)| *count).map(|(size, _)| size))
    }

    /// Removes new segments that were not finished, and doubts about segments that are in use.
    pub fn sweep(&self) -> Result<()> {
        for name in self.vfs.list(WAL_DIR).map_err(|error| Error::io("list", WAL_DIR, error))? {
            let doubted = name.strip_suffix(DOUBT).and_then(parse_name);
            let is_settled = doubted.is_some_and(|number| self.numbers.contains(&number));
            if name.ends_with(BESIDE) && is_unfinished(&name) || is_settled {
                let path = format!("{WAL_DIR}/{name}");
                self.vfs.remove(&path).map_err(|error| Error::io("remove", &path, error))?;
            }
        }
        Ok(())
    }

    /// The bytes from `start` on for which there are segments.
    pub fn runs_from(&self, start: Lsn) -> Vec<Range<Lsn>> {
        let size = u64::from(self.size);
        self.numbers
            .range(start / size..)
            .map(|number| start.max(number * size)..(number + 1) * size)
            .collect()
    }

    /// Checks that there is a segment for each byte from `start` to `end`.
    pub fn check_run(&self, start: Lsn, end: Lsn) -> Result<()> {
        let size = u64::from(self.size);
        match (start / size..=end / size).find(|number| !self.numbers.contains(number)) {
            None => Ok(()),
            Some(missing) => Err(Error::corrupted(format_args!("file \"{}\"", path(missing)), "is missing")),
        }
    }

    /// Writing will go on at `end`. Recycling that a power cut interrupted may have left segments behind a gap, or ones
    /// whose names are in doubt; and one that nobody has read yet may be somebody else's. They are forgotten, and replaced
    /// when their turn comes. What has records in it was durable before it had.
    pub fn go_on_at(&mut self, end: Lsn) {
        let first_unused = end.div_ceil(u64::from(self.size));
        let mut first_missing = end / u64::from(self.size);
        while self.numbers.contains(&first_missing)
            && (first_missing < first_unused || self.is_usable(first_missing))
        {
            first_missing += 1;
        }
        self.numbers.split_off(&first_missing);
        self.reading = None;
    }

    fn is_usable(&self, number: u64) -> bool {
        !self.doubtful.contains(&number) && self.check_file(number).is_ok()
    }

    /// The position after the last prepared byte: the log can grow so far without a new segment.
    pub fn prepared_end(&self) -> Lsn {
        self.numbers.last().map_or(0, |number| (number + 1) * u64::from(self.size))
    }

    /// The numbers of the segments that exist, in order.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.numbers.iter().copied()
    }

    /// Whether a segment can be opened, has its length, and is of this database.
    pub fn check_file(&self, number: u64) -> Result<()> {
        self.open_checked(number).map(drop)
    }

    /// Makes sure that every byte before `end` has a segment, and that one more segment is ready.
    pub fn prepare_until(&mut self, end: Lsn) -> Result<()> {
        while self.prepared_end() < end + u64::from(self.size) {
            let next = self.numbers.last().map_or(1, |number| number + 1);
            self.prepare(next)?;
        }
        Ok(())
    }

    /// Writes bytes at a position, across segments if need be.
    pub fn write(&mut self, mut bytes: &[u8], mut lsn: Lsn) -> Result<()> {
        while !bytes.is_empty() {
            let (number, offset, room) = self.locate(lsn);
            let (here, rest) = bytes.split_at(bytes.len().min(room));
            let segment = self.writing(number)?;
            segment.unsynced = true;
            segment.file.write_all_at(here, offset)?;
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
            if !self.numbers.contains(&number) {
                break;
            }
            let want = room.min(buffer.len() - done);
            let read = self.reading(number)?.read_at(&mut buffer[done..done + want], offset)?;
            done += read;
            lsn += read as u64;
            if read < want {
                break;
            }
        }
        Ok(done)
    }

    /// A process that was killed may have left records that only the cache of the operating system knows. Nothing must
    /// be built on them before they are durable: a power cut would take them away from under pages and answers that rely
    /// on them.
    ///
    /// A sync is not enough. If one has failed, the cache holds the records and takes them for written, so the next sync
    /// would report success without them. They are written again.
    pub fn make_durable(&mut self, from: Lsn, to: Lsn) -> Result<()> {
        vfs::sync_dir(&*self.vfs, WAL_DIR)?;
        let mut buffer = vec![0; to.saturating_sub(from).min(COPY_SIZE as u64) as usize];
        let mut position = from;
        while position < to {
            let wanted = (to - position).min(buffer.len() as u64) as usize;
            let read = self.read(&mut buffer[..wanted], position)?;
            if read < wanted {
                return Err(Error::internal("the log became shorter while it was read"));
            }
            self.write(&buffer[..read], position)?;
            position += read as u64;
        }
        self.sync()
    }

    /// Makes durable what was written.
    pub fn sync(&mut self) -> Result<()> {
        self.writing.as_mut().map_or(Ok(()), Writing::sync)
    }

    /// Gives up the segments before `keep_from`: a few become the next ones, the others go.
    pub fn recycle(&mut self, keep_from: Lsn, end: Lsn) -> Result<()> {
        let first_kept = keep_from / u64::from(self.size);
        let current = end / u64::from(self.size);
        let mut removed = false;
        self.reading = None;
        while let Some(old) = self.numbers.first().copied().filter(|old| *old < first_kept) {
            self.numbers.remove(&old);
            let newest = self.numbers.last().copied().unwrap_or(current);
            // One that was damaged is not worth keeping.
            if newest < current + MAX_SPARE && self.check_file(old).is_ok() {
                // Durable before the next one: a power cut must not keep that one and lose this, which would leave a
                // gap in the log's way.
                self.name(&path(old), newest + 1)?;
                self.numbers.insert(newest + 1);
            } else {
                self.vfs.remove(&path(old)).map_err(|error| Error::io("remove", path(old), error))?;
                removed = true;
            }
        }
        if removed {
            vfs::sync_dir(&*self.vfs, WAL_DIR)?;
        }
        Ok(())
    }

    /// A new segment: filled beside, made durable, and only then given its name.
    fn prepare(&mut self, number: u64) -> Result<()> {
        let beside = format!("{}{BESIDE}", path(number));
        if self.vfs.exists(&beside).map_err(|error| Error::io("stat", &beside, error))? {
            self.vfs.remove(&beside).map_err(|error| Error::io("remove", &beside, error))?;
        }
        let file = File::create(&*self.vfs, &beside)?;
        if let Err(error) = self.fill(&file) {
            // The disk is full: do not keep what was taken of it.
            let _ = self.vfs.remove(&beside);
            return Err(error);
        }
        file.sync_data()?;
        self.name(&beside, number)?;
        self.numbers.insert(number);
        Ok(())
    }

    fn fill(&self, file: &File) -> Result<()> {
        let zeros = vec![0; (self.size as usize).min(1 << 20)];
        for offset in (0..u64::from(self.size)).step_by(zeros.len()) {
            file.write_all_at(&zeros, offset)?;
        }
        file.write_all_at(&self.database.0.to_le_bytes(), u64::from(self.size))
    }

    /// Gives a file the name of a segment, and makes the name durable.
    ///
    /// If that fails, nothing will make it durable but another renaming, and yet everybody sees it: also a process that
    /// opens the database after this one was killed. So there is a file beside it as long as the name is in doubt. That
    /// one need not be durable: after a power cut only durable names are left.
    fn name(&mut self, from: &str, number: u64) -> Result<()> {
        let doubt = format!("{}{DOUBT}", path(number));
        match self.vfs.create(&doubt) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Error::io("create", &doubt, error));
            }
            _ => {}
        }
        self.vfs.rename(from, &path(number)).map_err(|error| Error::io("rename", from, error))?;
        vfs::sync_dir(&*self.vfs, WAL_DIR)?;
        self.doubtful.remove(&number);
        // Nobody is hurt by a doubt without reason.
        let _ = self.vfs.remove(&doubt);
        Ok(())
    }

    /// The segment to write to. The one before is synced through the handle that wrote it: a failure of the kernel to
    /// write it out is reported to those who have the file open, and to others only perhaps.
    fn writing(&mut self, number: u64) -> Result<&mut Writing> {
        if self.writing.as_ref().is_none_or(|writing| writing.number != number) {
            self.sync()?;
            self.writing = Some(Writing { number, file: self.open_file(number)?, unsynced: false });
        }
        self.writing.as_mut().ok_or_else(vanished)
    }

    fn reading(&mut self, number: u64) -> Result<&File> {
        if self.reading.as_ref().is_none_or(|(open, _)| *open != number) {
            self.reading = Some((number, self.open_checked(number)?));
        }
        self.reading.as_ref().map(|(_, file)| file).ok_or_else(vanished)
    }

    fn open_file(&self, number: u64) -> Result<File> {
        let (file, expected) = (File::open(&*self.vfs, &path(number))?, u64::from(self.size) + OWNER_SIZE);
        match file.len()? {
            len if len == expected => Ok(file),
            len => Err(Error::corrupted(
                format_args!("file \"{}\"", path(number)),
                format_args!("{len} bytes long, expected {expected}"),
            )),
        }
    }

    /// Opens a segment that may be another database's: whoever reads the log comes by here before it is written to.
    fn open_checked(&self, number: u64) -> Result<File> {
        let file = self.open_file(number)?;
        let mut owner = [0; OWNER_SIZE as usize];
        file.read_exact_at(&mut owner, u64::from(self.size))?;
        let (owner, database) = (DatabaseId(u64::from_le_bytes(owner)), self.database);
        if owner != database {
            return Err(Error::corrupted(
                format_args!("file \"{}\"", file.path()),
                format_args!("belongs to database {owner}, but file \"{FORMAT_FILE}\" says {database}"),
            ));
        }
        Ok(file)
    }

    /// The segment of a position, the offset in it, and the bytes from there to its end.
    fn locate(&self, lsn: Lsn) -> (u64, u64, usize) {
        let size = u64::from(self.size);
        let offset = lsn % size;
        (lsn / size, offset, (size - offset) as usize)
    }
}

fn vanished() -> Error {
    Error::internal("an open segment vanished")
}

pub fn path(number: u64) -> String {
    format!("{WAL_DIR}/{number:016X}")
}

/// Whether this belongs to a segment that was still being made when its maker ended.
pub fn is_unfinished(name: &str) -> bool {
    [BESIDE, DOUBT]
        .iter()
        .any(|ending| name.strip_suffix(ending).is_some_and(|name| parse_name(name).is_some()))
}

fn parse_name(name: &str) -> Option<u64> {
    let number = u64::from_str_radix(name, 16).ok()?;
    (name == format!("{number:016X}")).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::DATABASE;
    use crate::vfs::MemoryVfs;
    use crate::vfs::simulated::{Failure, Fault, Operation, SimulatedVfs, Survival};

    const SIZE: u32 = 1 << 16;

    fn numbers(segments: &Segments) -> Vec<u64> {
        segments.numbers().collect()
    }

    #[test]
    fn only_names_that_we_write_are_segments() {
        let vfs = Arc::new(MemoryVfs::new());
        Segments::create(vfs.clone(), DATABASE, SIZE).unwrap().prepare(0xab).unwrap();
        let strange =
            ["00000000000000ab", "+0000000000000AC", "FFFFFFFFFFFFFFFF", "0000000000000000", "x", "1"];
        for name in strange.map(str::to_string).into_iter().chain((0..300).map(|i| format!("stray{i}"))) {
            vfs.create(&format!("wal/{name}")).unwrap();
        }
        assert_eq!(numbers(&Segments::open(vfs, DATABASE, SIZE).unwrap()), [1, 0xab]);
    }

    #[test]
    fn a_segment_of_another_database_is_an_error_that_names_it() {
        let vfs = Arc::new(MemoryVfs::new());
        let start = Lsn::from(SIZE);
        Segments::create(vfs.clone(), DATABASE, SIZE).unwrap().prepare(2).unwrap();
        let mut other = Segments::open(vfs, DatabaseId(DATABASE.0 + 1), SIZE).unwrap();
        let error = other.read(&mut [0], start).unwrap_err();
        assert!(
            error.message().starts_with("file \"wal/0000000000000001\": belongs to database "),
            "{error}"
        );
        // One that is only kept ready is replaced.
        other.go_on_at(start + 8);
        assert_eq!(numbers(&other), [1]);
        other.prepare(2).unwrap();
        other.check_file(2).unwrap();
    }

    #[test]
    fn the_log_goes_on_in_front_of_a_gap() {
        let vfs = Arc::new(MemoryVfs::new());
        let mut segments = Segments::create(vfs.clone(), DATABASE, SIZE).unwrap();
        for number in [2, 3, 5, 9] {
            segments.prepare(number).unwrap();
        }
        segments.go_on_at(2 * u64::from(SIZE) + 8);
        assert_eq!(numbers(&segments), [1, 2, 3]);
        segments.prepare_until(6 * u64::from(SIZE)).unwrap();
        assert_eq!(numbers(&segments), [1, 2, 3, 4, 5, 6]);
        let bytes = vec![7; 3 * SIZE as usize];
        segments.write(&bytes, 3 * u64::from(SIZE)).unwrap();
        let start = u64::from(SIZE) * 6 + 8;
        assert_eq!(segments.runs_from(start), vec![start..u64::from(SIZE) * 7; 1]);
    }

    #[test]
    fn unfinished_segments_are_swept_and_nothing_else() {
        let vfs = Arc::new(MemoryVfs::new());
        let segments = Segments::create(vfs.clone(), DATABASE, SIZE).unwrap();
        for name in ["0000000000000002.new", "notes.new"] {
            vfs.create(&format!("wal/{name}")).unwrap();
        }
        segments.sweep().unwrap();
        assert_eq!(vfs.list(WAL_DIR).unwrap(), ["0000000000000001", "notes.new"]);
    }

    #[test]
    fn a_name_that_a_failed_sync_has_lost_is_not_relied_on() {
        let size = Lsn::from(SIZE);
        for recycled in [false, true] {
            let disk = SimulatedVfs::new();
            let mut segments = Segments::create(Arc::new(disk.clone()), DATABASE, SIZE).unwrap();
            segments.prepare_until(size * 3).unwrap();
            disk.inject(Fault {
                on: Some(Operation::SyncDir),
                nth: 1,
                failure: Failure::Io,
                from_then_on: true,
            });
            match recycled {
                true => segments.recycle(size * 2, size * 2 + 8).unwrap_err(),
                false => segments.prepare_until(size * 4).unwrap_err(),
            };
            drop(segments);
            // The disk works again, and the cache shows the name to the next process.
            let disk = disk.fork();
            let mut segments = Segments::open(Arc::new(disk.clone()), DATABASE, SIZE).unwrap();
            assert!(numbers(&segments).contains(&4));
            segments.go_on_at(size * 2 + 8);
            assert!(!numbers(&segments).contains(&4));
            segments.prepare_until(size * 4).unwrap();
            segments.sweep().unwrap();
            disk.power_cut(Survival::None, 0);
            let segments = Segments::open(Arc::new(disk), DATABASE, SIZE).unwrap();
            assert!(numbers(&segments).contains(&4), "recycled: {recycled}");
        }
    }

    #[test]
    fn records_that_a_failed_sync_has_lost_are_written_again() {
        let disk = SimulatedVfs::new();
        let mut segments = Segments::create(Arc::new(disk.clone()), DATABASE, SIZE).unwrap();
        segments.prepare_until(Lsn::from(SIZE) * 2).unwrap();
        let (start, bytes) = (Lsn::from(SIZE) + 8, vec![7; SIZE as usize + 5000]);
        segments.write(&bytes, start).unwrap();
        let fault =
            Fault { on: Some(Operation::SyncData), nth: 1, failure: Failure::Io, from_then_on: false };
        disk.inject(fault);
        let end = start + bytes.len() as Lsn;
        segments.sync().unwrap_err();
        segments.sync().expect("as on ext4, the next sync knows of nothing");
        let lost = disk.fork();
        lost.power_cut(Survival::None, 0);
        let mut read = vec![0; bytes.len()];
        Segments::open(Arc::new(lost), DATABASE, SIZE).unwrap().read(&mut read, start).unwrap();
        assert_ne!(read, bytes);
        Segments::open(Arc::new(disk.clone()), DATABASE, SIZE).unwrap().make_durable(start, end).unwrap();
        disk.power_cut(Survival::None, 0);
        Segments::open(Arc::new(disk), DATABASE, SIZE).unwrap().read(&mut read, start).unwrap();
        assert_eq!(read, bytes);
    }

    #[test]
    fn a_power_cut_while_segments_are_recycled_leaves_no_gap() {
        let sound = SimulatedVfs::new();
        let mut segments = Segments::create(Arc::new(sound.clone()), DATABASE, SIZE).unwrap();
        segments.prepare_until(Lsn::from(SIZE) * 6).unwrap();
        let recycle = |disk: &SimulatedVfs| {
            if let Ok(mut segments) = Segments::open(Arc::new(disk.clone()), DATABASE, SIZE) {
                let _ = segments.recycle(Lsn::from(SIZE) * 5, Lsn::from(SIZE) * 5 + 100);
            }
        };
        let disk = sound.fork();
        recycle(&disk);
        assert_eq!(disk.list(WAL_DIR).unwrap().len(), 5);
        for stop in 0..=disk.operations() - sound.operations() {
            for seed in 0..64 {
                let disk = sound.fork();
                disk.halt_after(disk.operations() + stop);
                recycle(&disk);
                disk.power_cut(Survival::Coin, seed);
                let segments = Segments::open(Arc::new(disk), DATABASE, SIZE).unwrap();
                let kept: Vec<u64> = segments.numbers().filter(|number| *number >= 5).collect();
                assert!(kept.iter().copied().eq(5..5 + kept.len() as u64), "{stop}, seed {seed}: {kept:?}");
            }
        }
    }
}
