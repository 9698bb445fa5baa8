//! Looking at the log, the control file and the commit log.
//!
//! The log is read from the older slot's redo pointer on, because that is what is kept: should the newer slot be lost,
//! the next start begins there. A log may end in the middle of a record, and one slot of the control file may be torn:
//! both are what a power cut leaves. They are noted, and they are no problems.

use super::heap::{Bounds, every_page};
use super::{Report, written};
use crate::buffer::Pages;
use crate::directory::DatabaseId;
use crate::error::{Error, Result};
use crate::page::{PageId, PageKind};
use crate::transaction::{COMMIT_LOG, CommitLog, FIRST_XID};
use crate::vfs::{File, Vfs};
use crate::wal::control::{CONTROL_FILE, SLOT_OFFSETS, SavedControl, read_slots};
use crate::wal::reader::display;
use crate::wal::segments::{self, Segments, WAL_DIR};
use crate::wal::{ControlData, LogReader, Lsn, Record};
use std::sync::Arc;

/// Looks at the control file and the log as they lie on disk, before anybody recovers. Answers how many segments there
/// are. What keeps the database from opening at all is left to whoever tries to open it.
pub fn check_files(vfs: &Arc<dyn Vfs>, database: DatabaseId, report: &mut Report) -> u64 {
    let Ok(slots) = File::open(&**vfs, CONTROL_FILE).and_then(|file| read_slots(&file)) else { return 0 };
    for (slot, offset) in slots.iter().zip(SLOT_OFFSETS) {
        if slot.is_none() {
            report.note(format!("file \"{CONTROL_FILE}\": the slot at {offset} is not whole"));
        }
    }
    let Some((older, newer)) = in_order(slots) else { return 0 };
    control(older, newer, report);
    let Some(mut segments) = report.ok(Segments::open(vfs.clone(), database, newer.segment_size)) else {
        return 0;
    };
    foreign_files(&**vfs, &segments, report);
    let first = older.redo.min(newer.redo);
    let count = check_segments(&mut segments, first, newer, report);
    match read_all(&mut segments, first, newer, report) {
        Ok((log_end, records)) if !newer.clean => {
            let (redo, end) = (display(newer.redo), display(log_end));
            let records = if records == 1 { "1 record".to_string() } else { format!("{records} records") };
            report.note(format!("not closed in order: the log is replayed from {redo} to {end}, {records}"));
            written::check_newer(vfs, database, log_end, report);
        }
        Ok(_) => {}
        Err(error) => report.problem(error),
    }
    count
}

/// Looks at the same in an open database. The log may not be torn here: recovery has cut that off. A slot of the control
/// file may, until the next write replaces it.
pub fn check_open(pages: &mut Pages, bounds: Bounds, report: &mut Report) {
    commit_log(pages, bounds, report);
    report.begin_part();
    if let Some(slots) = report.ok(open_slots(pages)) {
        for (slot, offset) in slots.iter().zip(SLOT_OFFSETS) {
            if slot.is_none() {
                report.note(format!("file \"{CONTROL_FILE}\": the slot at {offset} is not whole"));
            }
        }
        let known = pages.control_file().data();
        if let Some((older, newer)) = in_order(slots) {
            control(older, newer, report);
            if newer != known {
                report.problem(in_control("is not what was written last"));
            }
        }
        let (first, durable) = (pages.control_file().keep_from(), pages.wal().durable());
        let segments = pages.wal().segments();
        let count = check_segments(segments, first, ControlData { durable, ..known }, report);
        report.count("log segment", count);
        if let Err(error) = read_until(segments, first, durable, report) {
            report.problem(error);
        }
    }
}

fn open_slots(pages: &mut Pages) -> Result<[Option<SavedControl>; 2]> {
    read_slots(&File::open(&**pages.files().vfs(), CONTROL_FILE)?)
}

/// What the slots say, older first; twice the same if only one is whole.
fn in_order(slots: [Option<SavedControl>; 2]) -> Option<(ControlData, ControlData)> {
    let mut whole: Vec<SavedControl> = slots.into_iter().flatten().collect();
    whole.sort_by_key(|slot| slot.sequence);
    Some((whole.first()?.data, whole.last()?.data))
}

/// From one checkpoint to the next everything in the control file rises or stays.
fn control(older: ControlData, newer: ControlData, report: &mut Report) {
    for (name, before, after) in [
        ("epoch", u64::from(older.epoch), u64::from(newer.epoch)),
        ("redo pointer", older.redo, newer.redo),
        ("durable end of the log", older.durable, newer.durable),
        ("next transaction", older.next_xid, newer.next_xid),
        ("next relation", u64::from(older.next_relation), u64::from(newer.next_relation)),
    ] {
        if before > after {
            report.problem(in_control(format_args!("the {name} is {after}, but {before} in the older slot")));
        }
    }
    if newer.redo > newer.durable {
        let (redo, durable) = (display(newer.redo), display(newer.durable));
        report
            .problem(in_control(format_args!("redo pointer {redo}, but the log is durable up to {durable}")));
    }
    if newer.next_xid < FIRST_XID {
        report.problem(in_control(format_args!("the next transaction is {}", newer.next_xid)));
    }
}

/// Every segment from the first that is needed to the last must be there and have its size.
fn check_segments(segments: &mut Segments, from: Lsn, control: ControlData, report: &mut Report) -> u64 {
    let size = u64::from(control.segment_size);
    let numbers: Vec<u64> = segments.numbers().collect();
    let mut expected = from / size;
    for number in numbers.iter().copied() {
        // What is before was given up, and would be gone if its removal had been synced.
        if number > expected {
            report.problem(in_segment(expected, "is missing"));
        }
        expected = expected.max(number + 1);
        report.ok(segments.check_file(number));
    }
    if expected * size < control.durable {
        report.problem(in_segment(expected, "is missing"));
    }
    numbers.len() as u64
}

fn foreign_files(vfs: &dyn Vfs, segments: &Segments, report: &mut Report) {
    let known: Vec<String> = segments.numbers().map(segments::path).collect();
    for name in vfs.list(WAL_DIR).unwrap_or_default() {
        let path = format!("{WAL_DIR}/{name}");
        if !known.contains(&path) && !segments::is_unfinished(&name) {
            report.problem(Error::corrupted(format_args!("file \"{path}\""), "is not a segment of the log"));
        }
    }
}

/// Reads the log to its end, which must be one it may have. Answers where that is, and how many records are replayed.
fn read_all(
    segments: &mut Segments,
    from: Lsn,
    control: ControlData,
    report: &mut Report,
) -> Result<(Lsn, u64)> {
    let mut reader = LogReader::new(segments, from, control.durable);
    let (mut replayed, mut begins_at_redo) = (0, from == control.redo);
    while let Some(record) = reader.next_record()? {
        check_record(&record, report);
        replayed += u64::from(record.lsn() >= control.redo);
        begins_at_redo |= record.end() == control.redo;
    }
    let end = reader.position();
    if !(control.clean && end >= control.durable) && reader.end()?.torn {
        report.note(format!("the log ends at {}, in the middle of a record", display(end)));
    }
    if !begins_at_redo {
        let redo = display(control.redo);
        report.problem(in_control(format_args!("no log record begins at the redo pointer {redo}")));
    }
    Ok((end, replayed))
}

/// Reads the log as far as it is durable: so far, nothing may be unreadable.
fn read_until(segments: &mut Segments, from: Lsn, durable: Lsn, report: &mut Report) -> Result<()> {
    let mut reader = LogReader::new(segments, from, durable);
    while reader.position() < durable {
        match reader.next_record()? {
            Some(record) => check_record(&record, report),
            None => return reader.end().map(drop),
        }
    }
    Ok(())
}

fn check_record(record: &Record, report: &mut Report) {
    report.ok(record.blocks());
}

/// Looks at the commit log: it says nothing about transactions that have not begun.
fn commit_log(pages: &mut Pages, bounds: Bounds, report: &mut Report) {
    report.begin_part();
    report.count("relation", 1);
    every_page(pages, COMMIT_LOG, PageKind::CommitLog, bounds, report, |_, id: PageId, page, report| {
        if let Some(last) = CommitLog::last_committed(page, id.page)
            && last >= bounds.next_xid
        {
            let what = format!(
                "says that transaction {last} has committed, but the next one is {}",
                bounds.next_xid
            );
            report.problem(Error::corrupted(id, what));
        }
    });
}

fn in_control(what: impl std::fmt::Display) -> Error {
    Error::corrupted(format_args!("file \"{CONTROL_FILE}\""), what)
}

fn in_segment(number: u64, what: impl std::fmt::Display) -> Error {
    Error::corrupted(format_args!("file \"{}\"", segments::path(number)), what)
}
