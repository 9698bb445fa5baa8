//! `\buffers`: what is in the pool.

use super::super::arguments::Arguments;
use super::super::output::counted;
use super::super::session::Session;
use super::super::table::Table;
use super::Command;
use crate::buffer::{Frame, Pool};
use crate::error::Result;

pub const COMMANDS: &[Command] =
    &[Command { name: "\\buffers", usage: "[TABLE]", help: "show the pages in memory", run: buffers }];

/// Frames that are shown.
const SHOWN: usize = 50;

fn buffers(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let only = if arguments.is_empty() { None } else { Some(arguments.name()?) };
    arguments.end()?;
    let relation = only.map(|name| session.database.relation(&name)).transpose()?;
    let pool = session.database.pages().pool();
    let is_wanted = |frame: &Frame| {
        frame.id.is_some_and(|id| relation.is_none_or(|relation| id.file.relation == relation))
    };
    let wanted = || pool.frames().iter().enumerate().filter(|(_, frame)| is_wanted(frame));
    let mut frames = Table::new(["frame", "page", "dirty", "pins"]);
    for (number, frame) in wanted().take(SHOWN) {
        frames.cell(&number.to_string());
        frames.cell(&frame.id.map_or(String::new(), |id| format!("{} page {}", id.file, id.page)));
        frames.cell(if frame.dirty { "dirty" } else { "" });
        frames.cell(&frame.pins().to_string());
        frames.end_row()?;
    }
    let hidden = wanted().count().saturating_sub(SHOWN);
    summary(pool)?.print(&mut session.output)?;
    frames.print(&mut session.output)?;
    if hidden > 0 {
        writeln!(session.output, "and {} more", counted(hidden as u64, "page"));
    }
    Ok(())
}

/// What the pool holds, and what it has done since it has this size.
fn summary(pool: &Pool) -> Result<Table> {
    let count = |is_counted: fn(&Frame) -> bool| {
        pool.frames().iter().filter(|frame| is_counted(frame)).count().to_string()
    };
    let statistics = &pool.statistics;
    let asked = statistics.hits + statistics.reads;
    let ratio = if asked == 0 {
        String::new()
    } else {
        format!("{:.1} %", statistics.hits as f64 * 100.0 / asked as f64)
    };
    let mut table = Table::new([
        "frames",
        "used",
        "dirty",
        "pinned",
        "hits",
        "reads",
        "hit ratio",
        "evictions",
        "writes",
    ]);
    table.row([
        pool.capacity().to_string(),
        count(|frame| frame.id.is_some()),
        count(|frame| frame.dirty),
        count(|frame| frame.pins() > 0),
        statistics.hits.to_string(),
        statistics.reads.to_string(),
        ratio,
        statistics.evictions.to_string(),
        statistics.writes.to_string(),
    ])?;
    Ok(table)
}
