//! The write-ahead log: what happened, written down before it is done.
//!
//! Two rules make everything in this stage work:
//!
//! 1. *Log before data.* Before a changed page is written to its file, the log is durable up to that page's LSN.
//!    So whatever is half done in the data files after a crash, the log tells how to do all of it.
//! 2. *Log before answer.* Before a COMMIT is acknowledged, the log is durable up to its commit record.
//!
//! Everything else can wait: changed pages stay in memory until a checkpoint or until memory is short.
//!
//! `record` is what the log consists of, `segments` the files it is in, `reader` reads it back, `control` says
//! where to begin reading. This file is the log as it is written: records collect in a buffer; [`Wal::flush`]
//! writes and syncs the buffer, once for all that is in it.

pub mod control;
pub mod reader;
pub mod record;
pub mod segments;

pub use crate::page::Lsn;
pub use control::{ControlData, ControlFile};
pub use reader::{LogEnd, LogReader};
pub use record::{Block, BlockForm, Record, RecordKind, Step};

use crate::error::{Error, Result, SqlState};
use crate::transaction::Xid;
use segments::Segments;

/// The default size of a segment, PostgreSQL's.
pub const SEGMENT_SIZE: u32 = 16 << 20;

/// The buffer is written out (not synced) when it has grown so far.
const WRITE_SIZE: usize = 1 << 20;

/// No log gets so long: positions up to here can be calculated with, without fear of an overflow.
pub const MAX_LSN: Lsn = 1 << 62;

/// Segment sizes that make sense: powers of two from 64 KiB to 1 GiB.
pub fn is_segment_size(size: u32) -> bool {
    size.is_power_of_two() && (1 << 16..=1 << 30).contains(&size)
}

/// The log, open for writing.
///
/// Invariant: `durable <= written <= end`; the buffer holds the bytes from `written` to `end`.
pub struct Wal {
    segments: Segments,
    epoch: u32,
    buffer: Vec<u8>,
    written: Lsn,
    durable: Lsn,
    /// Why nothing more is promised: a write or a sync has failed, and what is durable is no longer known.
    failed: Option<(SqlState, String)>,
}

impl Wal {
    /// Goes on writing at `end`, where the valid log ends.
    pub fn new(mut segments: Segments, end: Lsn, epoch: u32) -> Wal {
        segments.go_on_at(end);
        Wal { segments, epoch, buffer: Vec::new(), written: end, durable: end, failed: None }
    }

    /// Where the next record will begin.
    pub fn end(&self) -> Lsn {
        self.written + self.buffer.len() as u64
    }

    pub fn durable(&self) -> Lsn {
        self.durable
    }

    pub fn segments(&mut self) -> &mut Segments {
        &mut self.segments
    }

    /// Makes sure that so many of the longest possible records have room, so that a full disk is noticed now, before
    /// any page has changed.
    pub fn reserve(&mut self, records: usize) -> Result<()> {
        self.check()?;
        self.segments.prepare_until(self.end() + (records * record::MAX_RECORD_SIZE) as u64)
    }

    /// Adds a record whose blocks and payload `fill` writes, answering how many blocks. The position after the
    /// record is its LSN for the pages it changes. Whoever comes here has reserved room, so a failure of the log is no
    /// reason to refuse. The next one will hear of it, at the latest who waits for a commit.
    pub fn append(
        &mut self,
        kind: RecordKind,
        xid: Xid,
        fill: impl FnOnce(&mut Vec<u8>) -> usize,
    ) -> Result<Lsn> {
        let lsn = self.end();
        let start = record::begin(&mut self.buffer);
        let blocks = fill(&mut self.buffer);
        if self.buffer.len() - start > record::MAX_RECORD_SIZE || blocks > record::MAX_BLOCKS {
            self.buffer.truncate(start);
            return Err(Error::new(
                SqlState::ProgramLimitExceeded,
                "a change is too large for one log record",
            ));
        }
        let database = self.segments.database();
        let (what, place) = ((kind, blocks, xid), (lsn, self.durable, self.epoch));
        record::finish(&mut self.buffer, start, database, what, place);
        if self.buffer.len() >= WRITE_SIZE && self.failed.is_none() {
            // It is remembered if that fails.
            let _ = self.write();
        }
        Ok(self.end())
    }

    /// Makes the log durable up to `lsn`, at least. Nothing to do if it is already.
    pub fn flush(&mut self, lsn: Lsn) -> Result<()> {
        if lsn <= self.durable {
            return Ok(());
        }
        self.check()?;
        self.write()?;
        if let Err(error) = self.segments.sync() {
            self.fail(&error);
            return Err(error);
        }
        self.durable = self.written;
        Ok(())
    }

    /// No more is to be written: memory and log may differ, and only recovery can tell by what.
    pub fn fail(&mut self, cause: &Error) {
        self.failed.get_or_insert((cause.state(), cause.to_string()));
    }

    fn write(&mut self) -> Result<()> {
        if let Err(error) = self.segments.write(&self.buffer, self.written) {
            self.fail(&error);
            return Err(error);
        }
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    pub fn check(&self) -> Result<()> {
        let Some((state, cause)) = &self.failed else { return Ok(()) };
        // Of a log that was removed, nothing is safe.
        let hint = if *state == SqlState::UndefinedFile {
            "Restore the files from a copy."
        } else {
            "What was committed before is safe. Open the database again to recover."
        };
        let message = "the database is read-only: a write has failed";
        Err(Error::new(*state, message).with_detail(cause.clone()).with_hint(hint))
    }
}
