//! Commands about the session itself.

use super::super::arguments::Arguments;
use super::super::report::Verbosity;
use super::super::session::Session;
use super::{Command, help};
use crate::error::{Error, Result, SqlState};

pub const COMMANDS: &[Command] = &[
    Command { name: "\\timing", usage: "[on|off]", help: "show how long commands take", run: timing },
    Command { name: "\\i", usage: "FILE", help: "read commands from a file", run: include },
    Command {
        name: "\\set",
        usage: "VERBOSITY LEVEL",
        help: "how much errors tell: default, terse, verbose, sqlstate",
        run: set,
    },
    Command { name: "\\h", usage: "", help: "show this help", run: show_help },
    Command { name: "\\q", usage: "", help: "quit", run: quit },
];

fn timing(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    session.timing = match arguments.rest().to_ascii_lowercase().as_str() {
        "" => !session.timing,
        "on" => true,
        "off" => false,
        _ => return Err(arguments.unexpected()),
    };
    writeln!(session.output, "Timing is {}.", if session.timing { "on" } else { "off" });
    Ok(())
}

fn include(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let Some(path) = arguments.word() else {
        return Err(Error::new(SqlState::SyntaxError, "\\i: missing required argument"));
    };
    arguments.end()?;
    session.include(&path)
}

fn set(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let known = arguments.keyword("verbosity");
    let verbosity = Verbosity::parse(arguments.rest()).filter(|_| known);
    session.verbosity = verbosity.ok_or_else(|| arguments.unexpected())?;
    Ok(())
}

fn show_help(session: &mut Session, _: &mut Arguments<'_>) -> Result<()> {
    write!(session.output, "{}", help());
    Ok(())
}

fn quit(session: &mut Session, _: &mut Arguments<'_>) -> Result<()> {
    session.done = true;
    Ok(())
}
