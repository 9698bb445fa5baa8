//! Reading the log back, and knowing where it ends.
//!
//! The log has no end mark: it ends where no valid record follows. After a power cut that is usually in the
//! middle of a record that was being written, and then it is quite all right: nothing after the last sync was ever
//! promised. But if the unreadable place lies *before* a point that is known to have been durable, then it is
//! damage, and to go on from there would silently drop commits that were acknowledged. The two must not be confused
//! in either direction.
//!
//! What is known to have been durable: each record says how far the log was when it was made, and so does the
//! control file. So after an unreadable place the reader looks ahead for records that know better. What stays
//! undetectable is damage in the very last records, about which nothing later can bear witness.

use super::Lsn;
use super::record::{self, ALIGNMENT, LSN_OFFSET, RECORD_HEADER_SIZE, Record, RecordHeader};
use super::segments::Segments;
use crate::error::{Error, Result};
use std::ops::Range;
use zerocopy::FromBytes;

/// The reader holds this much of the log at a time, at least a whole record. It begins with less, since most logs are
/// short.
const WINDOW: usize = 1 << 20;
const FIRST_WINDOW: usize = 1 << 15;

/// Most of the log that lies ahead: as many bytes as are compared at once.
static ZEROS: [u8; 512] = [0; 512];

/// Reads records one after another.
pub struct LogReader<'a> {
    segments: &'a mut Segments,
    window: Vec<u8>,
    window_start: Lsn,
    /// How much to read the next time.
    ahead: usize,
    position: Lsn,
    /// The epoch of the last record; it never falls within a valid log.
    epoch: u32,
    /// The furthest point known to have been durable.
    durable: Lsn,
}

/// How the readable log ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    pub lsn: Lsn,
    /// A record begins at the end and is not whole: the power failed while it was being written.
    pub torn: bool,
    /// The epoch of the last record; 0 if there is none.
    pub epoch: u32,
    /// The log is known to have been durable up to here.
    pub durable: Lsn,
}

impl<'a> LogReader<'a> {
    /// Reads from `start`, which must be the beginning of a record or the log's end. The log is known to have been
    /// durable up to `durable`.
    pub fn new(segments: &'a mut Segments, start: Lsn, durable: Lsn) -> LogReader<'a> {
        let (window, ahead) = (Vec::new(), FIRST_WINDOW);
        LogReader { segments, window, window_start: start, ahead, position: start, epoch: 0, durable }
    }

    pub fn position(&self) -> Lsn {
        self.position
    }

    /// The furthest point that is known, so far, to have been durable.
    pub fn durable(&self) -> Lsn {
        self.durable
    }

    /// The next record, or `None` where no valid one follows; [`LogReader::end`] then says why.
    pub fn next_record(&mut self) -> Result<Option<Record>> {
        let Some(record) = self.record_at(self.position)? else { return Ok(None) };
        if record.header.epoch.get() < self.epoch {
            return Ok(None);
        }
        self.epoch = record.header.epoch.get();
        self.durable = self.durable.max(record.header.durable.get());
        self.position = record.end();
        Ok(Some(record))
    }

    /// After the last record: whether the log may end here.
    pub fn end(&mut self) -> Result<LogEnd> {
        let end = self.position;
        if end < self.durable {
            return Err(damaged(end, self.durable));
        }
        let torn = self.header_at(end)?.is_some_and(|header| header.is_plausible(end));
        for run in self.segments.runs_from(end + ALIGNMENT) {
            let mut from = run.start;
            while let Some(position) = self.next_header(from..run.end)? {
                if let Some(record) = self.record_at(position)?
                    && record.header.epoch.get() >= self.epoch
                    && record.header.durable.get() > end
                {
                    return Err(damaged(end, record.header.durable.get()));
                }
                from = position + ALIGNMENT;
            }
        }
        Ok(LogEnd { lsn: end, torn, epoch: self.epoch, durable: self.durable })
    }

    /// Nothing is written before the longest record would have room. So the log may end in a segment that is there,
    /// but not because the next one is missing.
    pub fn check_room(&self, end: Lsn) -> Result<()> {
        self.segments.check_run(self.position, end)
    }

    /// The first place from which a record can be read, if there is any: for salvage.
    pub fn first_record(&mut self) -> Result<Option<Lsn>> {
        for run in self.segments.runs_from(self.position) {
            let mut from = run.start;
            while let Some(position) = self.next_header(from..run.end)? {
                if let Ok(Some(_)) = self.record_at(position) {
                    return Ok(Some(position));
                }
                from = position + ALIGNMENT;
            }
        }
        Ok(None)
    }

    /// The first place in a range whose bytes say that a record belongs there. Looks at one number in each place, and
    /// only where there is one: there are millions of places, and nearly all are zeros.
    fn next_header(&mut self, range: Range<Lsn>) -> Result<Option<Lsn>> {
        let mut position = range.start;
        while position + RECORD_HEADER_SIZE as u64 <= range.end
            && self.bytes(position, RECORD_HEADER_SIZE)?.len() == RECORD_HEADER_SIZE
        {
            let held = self.window.get((position - self.window_start) as usize..).unwrap_or(&[]);
            let places = (held.len() - RECORD_HEADER_SIZE) / ALIGNMENT as usize + 1;
            let numbers = &held[LSN_OFFSET..][..places * ALIGNMENT as usize];
            for block in numbers.chunks(ZEROS.len()) {
                if *block != ZEROS[..block.len()]
                    && let Some(place) = position_in(block, position)
                {
                    return Ok((place < range.end).then_some(place));
                }
                position += block.len() as u64;
            }
        }
        Ok(None)
    }

    fn header_at(&mut self, lsn: Lsn) -> Result<Option<RecordHeader>> {
        let bytes = self.bytes(lsn, RECORD_HEADER_SIZE)?;
        Ok(RecordHeader::read_from_bytes(bytes).ok())
    }

    fn record_at(&mut self, lsn: Lsn) -> Result<Option<Record>> {
        let Some(header) = self.header_at(lsn)?.filter(|header| header.is_plausible(lsn)) else {
            return Ok(None);
        };
        let database = self.segments.database();
        Record::parse(database, self.bytes(lsn, header.len.get() as usize)?)
    }

    /// `len` bytes of the log at `lsn`; fewer at its very end.
    fn bytes(&mut self, lsn: Lsn, len: usize) -> Result<&[u8]> {
        debug_assert!(len <= record::MAX_RECORD_SIZE);
        let held = lsn >= self.window_start
            && lsn.saturating_add(len as u64) <= self.window_start + self.window.len() as u64;
        if !held {
            let written = self.segments.prepared_end().saturating_sub(lsn);
            self.window.resize(written.min(self.ahead.max(len) as u64) as usize, 0);
            self.ahead = (self.ahead * 2).min(WINDOW);
            let read = self.segments.read(&mut self.window, lsn)?;
            self.window.truncate(read);
            self.window_start = lsn;
        }
        let start = (lsn - self.window_start) as usize;
        let end = (start + len).min(self.window.len());
        Ok(&self.window[start.min(end)..end])
    }
}

/// The first of the numbers that is the position of its own place; the first place is at `start`.
fn position_in(numbers: &[u8], start: Lsn) -> Option<Lsn> {
    let (numbers, _) = numbers.as_chunks::<{ ALIGNMENT as usize }>();
    let mut places = (start..).step_by(ALIGNMENT as usize).zip(numbers);
    places.find(|(place, number)| u64::from_le_bytes(**number) == *place).map(|(place, _)| place)
}

fn damaged(end: Lsn, durable: Lsn) -> Error {
    Error::corrupted(
        format_args!("log record at {}", display(end)),
        format_args!("unreadable, but the log was durable up to {}", display(durable)),
    )
    .with_detail(
        "This is damage, not the end of an interrupted write: transactions that were committed after this place would \
         be lost.",
    )
}

/// An LSN as PostgreSQL writes it: two halves in hexadecimal.
pub fn display(lsn: Lsn) -> String {
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::super::{RecordKind, Wal};
    use super::*;
    use crate::testing::DATABASE;
    use crate::vfs::{MemoryVfs, Vfs};
    use std::sync::Arc;

    const SIZE: u32 = 1 << 16;
    const START: Lsn = SIZE as Lsn;

    struct Log {
        vfs: Arc<MemoryVfs>,
        starts: Vec<Lsn>,
    }

    /// A log of ten records with a payload each, every second one followed by a sync.
    fn write_log(payload: usize) -> Log {
        let vfs = Arc::new(MemoryVfs::new());
        let mut wal = Wal::new(Segments::create(vfs.clone(), DATABASE, SIZE).unwrap(), START, 1);
        let mut starts = Vec::new();
        for i in 0..10 {
            starts.push(wal.end());
            wal.reserve(1).unwrap();
            let fill = |buffer: &mut Vec<u8>| {
                buffer.resize(buffer.len() + payload, 7);
                0
            };
            let end = wal.append(RecordKind::Change, i, fill).unwrap();
            if i % 2 == 1 {
                wal.flush(end).unwrap();
            }
        }
        starts.push(wal.end());
        Log { vfs, starts }
    }

    fn read(log: &Log) -> Result<(Vec<u64>, LogEnd)> {
        let mut segments = Segments::open(log.vfs.clone(), DATABASE, SIZE)?;
        let mut reader = LogReader::new(&mut segments, START, START);
        let mut xids = Vec::new();
        while let Some(record) = reader.next_record()? {
            xids.push(record.xid());
        }
        Ok((xids, reader.end()?))
    }

    fn spoil(log: &Log, lsn: Lsn) {
        let path = format!("wal/{:016X}", lsn / u64::from(SIZE));
        log.vfs.open(&path).unwrap().write_at(&[0xee], lsn % u64::from(SIZE)).unwrap();
    }

    #[test]
    fn records_come_back_in_order_across_segments() {
        for payload in [0, 100, 30_000] {
            let log = write_log(payload);
            let (xids, end) = read(&log).unwrap();
            assert_eq!(xids, (0..10).collect::<Vec<u64>>());
            assert_eq!(end, LogEnd { lsn: log.starts[10], torn: false, epoch: 1, durable: log.starts[8] });
        }
    }

    #[test]
    fn a_torn_last_record_is_the_end_of_the_log() {
        let log = write_log(100);
        spoil(&log, log.starts[9] + 60);
        let (xids, end) = read(&log).unwrap();
        assert_eq!(xids.len(), 9);
        assert_eq!(end, LogEnd { lsn: log.starts[9], torn: true, epoch: 1, durable: log.starts[8] });
    }

    #[test]
    fn an_unreadable_record_before_a_durable_point_is_damage() {
        // Record 9 was made when the log was durable up to the end of record 7.
        for spoiled in 0..8 {
            let log = write_log(30_000);
            spoil(&log, log.starts[spoiled] + 60);
            let error = read(&log).unwrap_err();
            assert_eq!(error.state().code(), "XX001", "record {spoiled}: {error}");
        }
    }

    #[test]
    fn records_of_an_earlier_epoch_do_not_continue_the_log() {
        let log = write_log(0);
        // The log was cut after record 3, and a later run wrote one record of the same length over record 4.
        let mut wal = Wal::new(Segments::open(log.vfs.clone(), DATABASE, SIZE).unwrap(), log.starts[4], 2);
        wal.reserve(1).unwrap();
        let end = wal.append(RecordKind::Change, 99, |_| 0).unwrap();
        wal.flush(end).unwrap();
        assert_eq!(end, log.starts[5]);
        let (xids, end) = read(&log).unwrap();
        assert_eq!(xids, [0, 1, 2, 3, 99]);
        assert_eq!(end, LogEnd { lsn: log.starts[5], torn: true, epoch: 2, durable: log.starts[4] });
    }

    #[test]
    fn a_missing_segment_before_a_durable_point_is_damage_however_much_follows() {
        let last = write_log(30_000).starts[10] / u64::from(SIZE);
        for missing in 1..last {
            let log = write_log(30_000);
            log.vfs.remove(&format!("wal/{missing:016X}")).unwrap();
            let error = read(&log).unwrap_err();
            assert!(error.message().contains("but the log was durable up to"), "segment {missing}: {error}");
        }
    }

    #[test]
    fn two_segments_that_were_swapped_are_damage() {
        let log = write_log(30_000);
        for (from, to) in [("1", "x"), ("2", "1"), ("x", "2")] {
            log.vfs.rename(&format!("wal/{from:0>16}"), &format!("wal/{to:0>16}")).unwrap();
        }
        assert_eq!(read(&log).unwrap_err().state().code(), "XX001");
    }

    #[test]
    fn a_segment_of_another_length_is_an_error_that_names_it() {
        for len in [0, 1, 40_000, 65_536, 65_543, 65_545, 1 << 20] {
            let log = write_log(30_000);
            log.vfs.open("wal/0000000000000002").unwrap().set_len(len).unwrap();
            let error = read(&log).unwrap_err();
            let expected = format!("file \"wal/0000000000000002\": {len} bytes long, expected 65544");
            assert_eq!((error.message(), error.state().code()), (expected.as_str(), "XX001"));
        }
    }

    #[test]
    fn a_position_beyond_all_logs_reads_nothing() {
        let log = write_log(100);
        let mut segments = Segments::open(log.vfs.clone(), DATABASE, SIZE).unwrap();
        for position in [0, super::super::MAX_LSN, u64::MAX - 7, u64::MAX] {
            assert!(LogReader::new(&mut segments, position, 0).next_record().unwrap().is_none());
        }
    }
}
