//! `\check`: is everything as it should be?

use super::super::arguments::Arguments;
use super::super::session::Session;
use super::Command;
use crate::error::Result;

pub const COMMANDS: &[Command] = &[Command {
    name: "\\check",
    usage: "",
    help: "look at everything that is stored, and say what is wrong",
    run: check,
}];

fn check(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    arguments.end()?;
    writeln!(session.output, "{}", session.database.check());
    Ok(())
}
