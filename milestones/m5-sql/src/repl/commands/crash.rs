//! `\crash`: how a database ends when nobody asks it.

use super::super::arguments::Arguments;
use super::super::output::counted;
use super::super::place::summary;
use super::super::session::Session;
use super::Command;
use crate::error::Result;

pub const COMMANDS: &[Command] = &[Command {
    name: "\\crash",
    usage: "",
    help: "end as by kill -9; with --simulate, cut the power and recover",
    run: crash,
}];

/// The exit status of a process that was killed, as a shell tells it: 128 and the number of the signal.
const KILLED: i32 = 128 + 9;

fn crash(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.end()?;
    let wal = session.database.pages().wal();
    let not_durable = wal.end() - wal.durable();
    let Some(report) = session.place.power_cut() else {
        // Nothing is closed, nothing is written. What was printed is not the database's to lose.
        session.output.flush();
        std::process::exit(KILLED);
    };
    writeln!(session.output, "{report}");
    if not_durable > 0 {
        writeln!(session.output, "  not durable yet: the last {} of the log", counted(not_durable, "byte"));
    }
    let interrupt = session.database.interrupt();
    session.database = session.place.reopen()?;
    session.database.set_interrupt(interrupt);
    let recovery = session.database.recovery();
    writeln!(session.output, "{}", summary(recovery));
    if recovery.records > 0 {
        let applied = counted(recovery.applied, "page change");
        writeln!(session.output, "  {applied} done again, {} found done", recovery.skipped);
    }
    Ok(())
}
