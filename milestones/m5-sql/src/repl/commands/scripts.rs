//! Reading scripts, and printing from them.

use super::super::arguments::Arguments;
use super::super::session::Session;
use super::Command;
use crate::error::{Error, Result, SqlState};
use std::path::Path;

pub const COMMANDS: &[Command] = &[
    Command { name: "\\i", usage: "FILE", help: "carry out the commands in a file", run: include },
    Command {
        name: "\\ir",
        usage: "FILE",
        help: "as \\i, beside the script that says so",
        run: include_relative,
    },
    Command { name: "\\echo", usage: "[-n] [TEXT …]", help: "print", run: echo },
    Command { name: "\\qecho", usage: "[-n] [TEXT …]", help: "print (as \\echo)", run: echo },
    Command {
        name: "\\g",
        usage: "",
        help: "carry out the statement so far, as a semicolon does",
        run: done_by_session,
    },
    Command { name: "\\r", usage: "", help: "forget the statement so far", run: reset },
];

/// The session has done it: it is the one who knows the statement.
fn done_by_session(_: &mut Session, _: &mut Arguments<'_>) -> Result<()> {
    Ok(())
}

fn reset(session: &mut Session, _: &mut Arguments<'_>) -> Result<()> {
    if !session.quiet {
        writeln!(session.output, "Query buffer reset (cleared).");
    }
    Ok(())
}

fn include(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let path = file(arguments, "\\i")?;
    session.include(&path)
}

fn include_relative(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let path = file(arguments, "\\ir")?;
    let beside = session.current_script().and_then(|script| script.parent());
    let path = beside.unwrap_or(Path::new("")).join(path);
    session.include(&path.to_string_lossy())
}

fn file(arguments: &mut Arguments<'_>, command: &str) -> Result<String> {
    arguments
        .word()
        .ok_or_else(|| Error::new(SqlState::SyntaxError, format!("{command}: missing required argument")))
}

fn echo(session: &mut Session, arguments: &mut Arguments<'_>) -> Result<()> {
    let mut words = Vec::new();
    while let Some(word) = arguments.word() {
        words.push(word);
    }
    let same_line = words.first().is_some_and(|word| word == "-n");
    write!(session.output, "{}", words[usize::from(same_line)..].join(" "));
    if !same_line {
        writeln!(session.output);
    }
    Ok(())
}
