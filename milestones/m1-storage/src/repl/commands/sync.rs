//! `sync`: what makes rows durable as long as there is no log.

use super::super::arguments::Arguments;
use super::super::session::Session;
use super::Command;
use crate::error::Result;

pub const COMMANDS: &[Command] =
    &[Command { name: "sync", usage: "", help: "make durable what was done so far", run: sync }];

fn sync(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.end()?;
    session.database.sync()?;
    writeln!(session.output, "SYNC");
    Ok(())
}
