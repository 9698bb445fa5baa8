//! The program: opens the directory that the command line names, and holds a conversation about it.
//!
//! A page in a browser does not have it: no command line, no terminal, no files.

mod check;
mod options;
mod terminal;

use super::answer::Format;
use super::commands;
use super::input::Input;
use super::output::Output;
use super::place::Place;
use super::report::{self, Verbosity};
use super::session::{End, Session};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::vfs::OsVfs;
use options::{Action, Options, Task};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// psql's exit statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Success = 0,
    /// A command of `-c` failed, or a file could not be read.
    Failure = 1,
    /// There is no database to speak with.
    NoDatabase = 2,
    /// A script was stopped by an error, as `ON_ERROR_STOP` asks.
    Stopped = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}

pub fn main() -> ExitCode {
    let (options, actions) = Options::parse();
    if let Some(Task::Check { directory }) = &options.task {
        return check::run(directory);
    }
    let (place, database) = match place(&options).and_then(|place| place.open().map(|db| (place, db))) {
        Ok(opened) => opened,
        Err(error) => return fail(&error, Status::NoDatabase),
    };
    match converse(place, database, &options, &actions) {
        Ok(status) => status.into(),
        Err(error) => fail(&error, Status::Failure),
    }
}

fn fail(error: &Error, status: Status) -> ExitCode {
    eprint!("inoxdb: {}", report::render(error, "", Verbosity::Default));
    status.into()
}

/// The directory that the command line names; it is made if it does not exist. Or a simulated disk.
fn place(options: &Options) -> Result<Place> {
    let settings = options.settings();
    if let Some(seed) = options.simulate {
        eprintln!("Using a simulated disk (seed {seed}): nothing is kept after the end");
        return Ok(Place::simulated(seed, settings));
    }
    let directory = &options.directory;
    if options.salvage {
        let vfs = OsVfs::read_only(directory)?;
        return Ok(Place::salvaged(Arc::new(vfs), settings).quietly(options.quiet));
    }
    let is_new = !directory.exists();
    let vfs = OsVfs::new(directory)?;
    if is_new && !options.quiet {
        eprintln!("Created data directory \"{}\"", directory.display());
    }
    Ok(Place::new(Arc::new(vfs), settings).quietly(options.quiet))
}

/// The clock that EXPLAIN ANALYZE reads.
fn milliseconds_since_start() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1000.0
}

fn converse(place: Place, mut database: Database, options: &Options, actions: &[Action]) -> Result<Status> {
    let standard_input = |error| Error::io("read", "standard input", error);
    let mut input = match actions {
        [] => terminal::open().map_err(standard_input)?,
        _ => Input::text(""),
    };
    database.set_clock(milliseconds_since_start);
    let mut session = Session::new(place, database, Output::standard(), input.is_terminal());
    apply(&mut session, options)?;
    let status = if actions.is_empty() {
        session.greet();
        let read = session.run(&mut input).map_err(standard_input);
        session.part();
        read.map(|()| script_status(&session))
    } else {
        Ok(act(&mut session, actions))
    };
    // Whoever waits for the answer need not wait for the disk.
    let printed = session.output.finish().map_err(|error| Error::io("write", "standard output", error));
    let closed = session.database.close();
    closed.and(printed).and(status)
}

/// Takes over what the command line sets.
fn apply(session: &mut Session, options: &Options) -> Result<()> {
    session.quiet = true;
    session.style.tuples_only = options.tuples_only;
    if options.csv {
        session.style.format = Format::Csv;
    }
    for (command, list) in [("\\set", &options.variables), ("\\pset", &options.settings)] {
        for setting in list {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            commands::run(session, &format!("{command} {name} '{}'", value.replace('\'', "''")), true)?;
        }
    }
    (session.quiet, session.echo) = (options.quiet, options.echo_all);
    if session.interactive {
        let interrupt = session.database.interrupt();
        let raised = ctrlc::set_handler(move || interrupt.store(true, Ordering::Relaxed));
        raised.map_err(|error| Error::internal(format!("could not watch for Ctrl-C: {error}")))?;
    }
    Ok(())
}

/// Carries out what `-c` and `-f` ask for; the last one's status.
fn act(session: &mut Session, actions: &[Action]) -> Status {
    let mut status = Status::Success;
    for action in actions {
        (session.end, session.failed) = (None, false);
        status = match action {
            Action::Command(text) => {
                let read = session.run(&mut Input::argument(text));
                if read.is_err() || session.failed { Status::Failure } else { Status::Success }
            }
            Action::File(path) => match session.script(path, path == "-") {
                Ok(()) => script_status(session),
                Err(error) => {
                    session.complain(&format!("inoxdb: error: {error}\n"));
                    Status::Failure
                }
            },
        };
        if status != Status::Success && session.variables.is_on("ON_ERROR_STOP") {
            break;
        }
    }
    status
}

fn script_status(session: &Session) -> Status {
    if session.end == Some(End::Stopped) { Status::Stopped } else { Status::Success }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repl::output::tests::Screen;

    #[test]
    fn a_failed_command_of_the_command_line_is_its_status() {
        let place = Place::memory();
        let database = place.open().unwrap();
        let mut session = Session::new(place, database, Screen::default().output(), false);
        let command = |text: &str| Action::Command(text.to_string());
        assert_eq!(act(&mut session, &[command("select 1/0"), command("\\echo")]), Status::Success);
        assert_eq!(act(&mut session, &[command("\\echo"), command("\\foo")]), Status::Failure);
        assert_eq!(act(&mut session, &[Action::File("/does/not/exist".to_string())]), Status::Failure);
        session.variables.set("ON_ERROR_STOP", "1");
        assert_eq!(act(&mut session, &[command("select 1/0"), command("\\echo")]), Status::Failure);
    }
}
