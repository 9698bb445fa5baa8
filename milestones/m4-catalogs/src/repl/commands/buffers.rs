//! `set shared_buffers` and `\buffers`: the pool's size, and what is in it.

use super::super::arguments::Arguments;
use super::super::output::counted;
use super::super::session::Session;
use super::super::sizes;
use super::super::table::Table;
use super::Command;
use crate::buffer::{Frame, Pool};
use crate::error::{Error, Result, SqlState};
use crate::page::PAGE_SIZE;

pub const COMMANDS: &[Command] = &[
    Command { name: "set", usage: "shared_buffers SIZE", help: "how much memory pages may take", run: set },
    Command { name: "\\buffers", usage: "[TABLE]", help: "show the pages in memory", run: buffers },
];

/// Frames that are shown.
const SHOWN: usize = 50;

/// PostgreSQL's bounds on `shared_buffers`, in pages.
const MIN_PAGES: u64 = 16;
const MAX_PAGES: u64 = (1 << 30) - 1;

/// `shared_buffers` in bytes: whole pages, and a number alone counts pages, as in PostgreSQL.
pub fn shared_buffers(text: &str) -> Result<usize> {
    let bytes = sizes::parse("shared_buffers", text, PAGE_SIZE as u64)?;
    let pages = bytes / PAGE_SIZE as u64;
    if !(MIN_PAGES..=MAX_PAGES).contains(&pages) {
        return Err(Error::new(
            SqlState::InvalidParameterValue,
            format!(
                "{pages} 8kB is outside the valid range for parameter \"shared_buffers\" \
                 ({MIN_PAGES} .. {MAX_PAGES})"
            ),
        ));
    }
    usize::try_from(pages * PAGE_SIZE as u64)
        .map_err(|_| Error::new(SqlState::InvalidParameterValue, "shared_buffers exceeds the address space"))
}

fn set(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let parameter = arguments.name()?;
    if parameter != "shared_buffers" {
        let message = format!("unrecognized configuration parameter \"{parameter}\"");
        return Err(Error::new(SqlState::UndefinedObject, message));
    }
    if !arguments.symbol('=') {
        arguments.keyword("to");
    }
    let size = arguments.rest();
    let unquoted = size.strip_prefix('\'').and_then(|size| size.strip_suffix('\'')).unwrap_or(size);
    if unquoted.is_empty() {
        return Err(arguments.unexpected());
    }
    session.database.pages().set_shared_buffers(shared_buffers(unquoted)?)?;
    writeln!(session.output, "SET");
    Ok(())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_checked_as_postgresql_checks_it() {
        assert_eq!(shared_buffers("16").unwrap(), 128 << 10);
        assert_eq!(shared_buffers("16MB").unwrap(), 16 << 20);
        assert_eq!(shared_buffers("200kB").unwrap(), 25 * PAGE_SIZE);
        assert_eq!(
            shared_buffers("64kB").unwrap_err().message(),
            "8 8kB is outside the valid range for parameter \"shared_buffers\" (16 .. 1073741823)"
        );
    }
}
