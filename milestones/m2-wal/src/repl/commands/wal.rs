//! `\wal` and `\control`: the log, and where recovery would begin to read it.

use super::super::arguments::Arguments;
use super::super::output::counted;
use super::super::session::Session;
use super::super::table::Table;
use super::Command;
use crate::buffer::WrittenPages;
use crate::database::Database;
use crate::error::{Error, Result, SqlState};
use crate::page::Page;
use crate::wal::reader::display;
use crate::wal::{Block, BlockForm, Lsn, Record, RecordKind, Step};

pub const COMMANDS: &[Command] = &[
    Command {
        name: "\\wal",
        usage: "[LSN]",
        help: "show the log from the redo pointer on, or from LSN",
        run: wal,
    },
    Command { name: "\\control", usage: "", help: "show the control file", run: control },
];

/// Records that are shown at a time.
const SHOWN: usize = 50;

/// Steps of a change that are shown.
const STEPS: usize = 3;

fn wal(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let from = if arguments.is_empty() { None } else { Some(lsn(arguments)?) };
    arguments.end()?;
    let from = from.unwrap_or(session.database.pages().control().redo);
    let (records, next) = read(&mut session.database, from)?;
    let end = session.database.pages().wal().end();
    if records.is_empty() && from != end {
        let message = format!("no log record begins at {}", display(from));
        return Err(Error::new(SqlState::InvalidParameterValue, message));
    }
    let mut table =
        Table::new(["lsn", "length", "kind", "xid", "epoch", "durable", "page", "form", "bytes", "change"]);
    for record in &records {
        add_record(&mut table, record)?;
    }
    table.print(&mut session.output)?;
    let shown = counted(records.len() as u64, "record");
    writeln!(session.output, "{shown}, {} to {}", display(from), display(next));
    if next < end {
        writeln!(session.output, "The log goes on: \\wal {}", display(next));
    }
    Ok(())
}

/// The records from `from` on, as many as are shown at a time, and where the next one begins.
fn read(database: &mut Database, from: Lsn) -> Result<(Vec<Record>, Lsn)> {
    let mut records: Vec<Record> = Vec::new();
    database.read_log(Some(from), &mut |record| {
        records.push(record.clone());
        Ok(records.len() < SHOWN)
    })?;
    let next = records.last().map_or(from, Record::end);
    Ok((records, next))
}

/// An LSN as it is printed: two halves in hexadecimal.
fn lsn(arguments: &mut Arguments<'_>) -> Result<Lsn> {
    let unexpected = arguments.unexpected();
    let half = |text: &str| u32::from_str_radix(text, 16).ok().map(Lsn::from);
    let word = arguments.word().unwrap_or_default();
    let halves = word.trim_end_matches(';').split_once('/');
    let lsn = halves.and_then(|(high, low)| Some(half(high)? << 32 | half(low)?));
    lsn.ok_or(unexpected)
}

/// A line for each block; the record itself stands in the first.
fn add_record(table: &mut Table, record: &Record) -> Result<()> {
    let header = &record.header;
    let kind = match record.kind {
        RecordKind::Change => "change",
        RecordKind::Commit => "commit",
        RecordKind::Checkpoint => "checkpoint",
    };
    table.cell(&display(record.lsn()));
    table.cell(&header.len.to_string());
    table.cell(kind);
    table.cell(&header.xid.to_string());
    table.cell(&header.epoch.to_string());
    table.cell(&display(header.durable.get()));
    for (index, block) in record.blocks()?.iter().enumerate() {
        if index > 0 {
            table.end_row()?;
            (0..6).for_each(|_| table.cell(""));
        }
        table.cell(&format!("{} page {}", block.id.file, block.id.page));
        table.cell(match block.form {
            BlockForm::Delta => "delta",
            BlockForm::Fresh => "fresh",
            BlockForm::Image => "image",
        });
        table.cell(&block.content.len().to_string());
        table.cell(&describe(block)?);
    }
    if record.kind == RecordKind::Checkpoint {
        table.cell("");
        table.cell("");
        table.cell(&record.payload()?.len().to_string());
        table.cell(&written(record)?);
    }
    table.end_row()
}

/// How many pages of which files a checkpoint knows to be written, in brief.
fn written(record: &Record) -> Result<String> {
    let mut written = WrittenPages::default();
    written.add(record)?;
    let mut words: Vec<String> =
        written.iter().take(STEPS).map(|(file, pages)| format!("{file} has {pages}")).collect();
    let files = written.iter().count();
    if files > STEPS {
        words.push(format!("{} more", files - STEPS));
    }
    Ok(words.join(", "))
}

/// What a block does to its page, in brief.
fn describe(block: &Block<'_>) -> Result<String> {
    if block.form == BlockForm::Image {
        let mut page = Page::zeroed();
        block.apply(&mut page)?;
        return Ok(format!("all but {}..{}", page.lower(), page.upper()));
    }
    let steps = block.steps()?;
    let mut words: Vec<String> = steps.iter().take(STEPS).map(step).collect();
    if steps.len() > STEPS {
        words.push(format!("{} more", steps.len() - STEPS));
    }
    Ok(words.join(", "))
}

fn step(step: &Step<'_>) -> String {
    match step {
        Step::Move { from, to, len } => format!("move {from}..{} to {to}", from + len),
        Step::Write { offset, bytes } => format!("write {offset}..{}", offset + bytes.len()),
    }
}

fn control(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.end()?;
    let pages = session.database.pages();
    let (durable, end) = (pages.wal().durable(), pages.wal().end());
    let now = *pages.control();
    let file = pages.control_file();
    let saved = file.data();
    let mut table = Table::new(["field", "in the file", "by now"]);
    let mut field = |name: &str, saved: String, now: String| {
        let now = if now == saved { "" } else { &now };
        table.row([name, &saved, now])
    };
    let yes = |clean: bool| if clean { "yes" } else { "no" }.to_string();
    field("epoch", saved.epoch.to_string(), now.epoch.to_string())?;
    field("redo pointer", display(saved.redo), display(now.redo))?;
    field("log durable to", display(saved.durable), display(durable))?;
    field("next xid", saved.next_xid.to_string(), now.next_xid.to_string())?;
    field("next relation", saved.next_relation.to_string(), now.next_relation.to_string())?;
    field("segment size", saved.segment_size.to_string(), now.segment_size.to_string())?;
    field("closed in order", yes(saved.clean), yes(now.clean))?;
    table.print(&mut session.output)?;
    let (written, slot) = (counted(file.sequence(), "time"), file.slot_offset());
    let kept = display(file.keep_from());
    writeln!(session.output, "Written {written}, last to the slot at {slot}");
    writeln!(session.output, "The log is kept from {kept} and ends at {}", display(end));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_lsn_is_read_as_it_is_printed() {
        assert_eq!(lsn(&mut Arguments::new("16/B374D848;", 0)).unwrap(), 0x16_b374_d848);
        for text in ["16", "x/1", "1/x", "1/123456789", ""] {
            assert_eq!(lsn(&mut Arguments::new(text, 0)).unwrap_err().state().code(), "42601", "{text}");
        }
    }
}
