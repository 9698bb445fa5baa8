//! `set shared_buffers`: the pool's size.

use super::super::arguments::Arguments;
use super::super::session::Session;
use super::Command;
use crate::error::{Error, Result, SqlState};
use crate::sizes::shared_buffers;

pub const COMMANDS: &[Command] = &[Command {
    name: "set",
    usage: "shared_buffers SIZE",
    help: "how much memory pages may take",
    run: set,
}];

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
