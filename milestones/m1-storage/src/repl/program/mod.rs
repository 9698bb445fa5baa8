//! The program: opens the directory that the command line names, and holds a conversation about it.
//!
//! A page in a browser does not have it: no command line, no terminal, no files.

mod check;
mod options;
mod terminal;
mod usage;

use super::output::{Output, complain};
use super::place::Place;
use super::report::{self, Verbosity};
use super::session::Session;
use crate::error::{Error, Result};
use crate::vfs::OsVfs;
use clap::Parser;
use options::{Command, Options};
use std::process::ExitCode;
use std::sync::Arc;

/// The exit status when there is no database to speak with, as psql's when there is no server.
const NO_DATABASE: u8 = 2;

pub fn main() -> ExitCode {
    let ended = match Options::try_parse() {
        Ok(Options { command: Some(Command::Check { directory }), .. }) => return check::run(&directory),
        Ok(options) => converse(&options),
        Err(told) => usage::print(&told),
    };
    ended.unwrap_or_else(|error| {
        complain(&report::render(&error, "", Verbosity::Default));
        ExitCode::from(NO_DATABASE)
    })
}

fn converse(options: &Options) -> Result<ExitCode> {
    let database = place(options)?.open()?;
    let standard_input = |error| Error::io("read", "standard input", error);
    let mut input = terminal::open().map_err(standard_input)?;
    let mut session = Session::new(database, Output::standard(), input.is_terminal());
    session.echo = options.echo_all;
    session.greet();
    let read = session.run(&mut input).map_err(standard_input);
    session.part();
    // Whoever waits for the answer need not wait for the disk.
    let printed = session.output.finish().map_err(|error| Error::io("write", "standard output", error));
    let closed = session.database.close();
    read.and(closed).and(printed)?;
    Ok(ExitCode::SUCCESS)
}

/// The directory that the command line names; it is made if it does not exist.
fn place(options: &Options) -> Result<Place> {
    let directory = &options.directory;
    let is_new = !directory.exists();
    let vfs = OsVfs::new(directory)?;
    if is_new {
        complain(&format!("Created data directory \"{}\"\n", directory.display()));
    }
    Ok(Place::new(Arc::new(vfs)))
}
