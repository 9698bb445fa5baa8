//! Commands about transactions. Their answers are psql's.

use super::super::arguments::Arguments;
use super::super::session::Session;
use super::Command;
use crate::database::Outcome;
use crate::error::{Error, Result, SqlState};

pub const COMMANDS: &[Command] = &[
    Command { name: "begin", usage: "", help: "the commands from here on belong together", run: begin },
    Command { name: "commit", usage: "", help: "make durable what they did, all of it", run: commit },
    Command { name: "rollback", usage: "", help: "forget what they did", run: rollback },
    Command {
        name: "checkpoint",
        usage: "",
        help: "write all changed pages, so that recovery begins here",
        run: checkpoint,
    },
];

fn begin(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.end()?;
    let result = session.database.begin();
    unless_needless(session, result)?;
    writeln!(session.output, "BEGIN");
    Ok(())
}

fn commit(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.end()?;
    let result = session.database.commit();
    let tag = match unless_needless(session, result)? {
        Some(Outcome::RolledBack) => "ROLLBACK",
        Some(Outcome::Committed) | None => "COMMIT",
    };
    writeln!(session.output, "{tag}");
    Ok(())
}

fn rollback(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.end()?;
    let result = session.database.rollback();
    unless_needless(session, result)?;
    writeln!(session.output, "ROLLBACK");
    Ok(())
}

fn checkpoint(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.end()?;
    session.database.checkpoint()?;
    writeln!(session.output, "CHECKPOINT");
    Ok(())
}

/// A block begun twice, or ended without a beginning, is worth a warning only, as in PostgreSQL.
fn unless_needless<T>(session: &mut Session, result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_needless(&error) => {
            session.output.complain(&format!("WARNING:  {error}\n"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn is_needless(error: &Error) -> bool {
    matches!(error.state(), SqlState::ActiveSqlTransaction | SqlState::NoActiveSqlTransaction)
}
