//! The program: opens the directory that the command line names, and holds a conversation about it.
//!
//! A page in a browser does not have it: no command line, no terminal, no files.

mod check;
mod completion;
mod options;
mod terminal;
mod usage;

use super::answer::Format;
use super::commands;
use super::input::Input;
use super::output::{Output, complain};
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
    /// A script was stopped: by an error, as `ON_ERROR_STOP` asks, or by Ctrl-C.
    Stopped = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}

pub fn main() -> ExitCode {
    let (options, actions) = match Options::parse() {
        Ok(parsed) => parsed,
        Err(told) => return usage::print(&told).unwrap_or_else(|error| fail(&error, Status::Failure)),
    };
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
    complain(&format!("inoxdb: {}", report::render(error, "", Verbosity::Default)));
    status.into()
}

/// The directory that the command line names; it is made if it does not exist. Or a simulated disk.
fn place(options: &Options) -> Result<Place> {
    let settings = options.settings();
    if let Some(seed) = options.simulate {
        complain(&format!("Using a simulated disk (seed {seed}): nothing is kept after the end\n"));
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
        complain(&format!("Created data directory \"{}\"\n", directory.display()));
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
        [] => terminal::open(&database.interrupt()).map_err(standard_input)?,
        _ => Input::standard(&database.interrupt()),
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
        Ok(act(&mut session, actions, &mut input))
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
    for setting in &options.settings {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        commands::run(session, &format!("\\pset {name} '{}'", value.replace('\'', "''")), true)?;
    }
    session.quiet = false;
    for variable in &options.variables {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        commands::run(session, &format!("\\set {name} '{}'", value.replace('\'', "''")), true)?;
    }
    if options.quiet {
        session.set_variable("QUIET", "on")?;
    }
    if options.echo_all {
        session.set_variable("ECHO", "all")?;
    }
    watch_for_interrupts(session)
}

/// Ctrl-C ends what is going on. Without a person who could go on, the second one ends the program: what is committed is
/// safe, as always.
fn watch_for_interrupts(session: &Session) -> Result<()> {
    let (interrupt, interactive) = (session.database.interrupt(), session.interactive);
    let watched = ctrlc::set_handler(move || {
        if interrupt.swap(true, Ordering::Relaxed) && !interactive {
            std::process::exit(Status::Stopped as i32);
        }
    });
    watched.map_err(|error| Error::internal(format!("could not watch for Ctrl-C: {error}")))
}

/// Carries out what `-c` and `-f` ask for; the last one's status. Both read standard input: the one its data, the other
/// its statements, if it is called `-`.
fn act(session: &mut Session, actions: &[Action], standard_input: &mut Input) -> Status {
    let mut status = Status::Success;
    for action in actions {
        (session.end, session.failed) = (None, false);
        status = match action {
            Action::Command(text) => {
                session.argument(text, standard_input);
                if session.failed || session.is_interrupted() { Status::Failure } else { Status::Success }
            }
            Action::File(path) => {
                let read = if path == "-" {
                    session.read_script(path, standard_input)
                } else {
                    session.script(path)
                };
                match read {
                    Ok(()) => script_status(session),
                    Err(error) => {
                        session.output.complain(&format!("inoxdb: error: {error}\n"));
                        Status::Failure
                    }
                }
            }
        };
        if status != Status::Success && session.variables.is_on("ON_ERROR_STOP") || session.is_interrupted() {
            break;
        }
    }
    status
}

fn script_status(session: &Session) -> Status {
    match session.end {
        Some(End::Stopped | End::Interrupted) => Status::Stopped,
        Some(End::Quit) | None => Status::Success,
    }
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
        let act = |session: &mut Session, actions: &[Action]| act(session, actions, &mut Input::text(""));
        assert_eq!(act(&mut session, &[command("select 1/0"), command("\\echo")]), Status::Success);
        assert_eq!(act(&mut session, &[command("\\echo"), command("\\foo")]), Status::Failure);
        assert_eq!(act(&mut session, &[Action::File("/does/not/exist".to_string())]), Status::Failure);
        session.variables.set("ON_ERROR_STOP", "1");
        assert_eq!(act(&mut session, &[command("select 1/0"), command("\\echo")]), Status::Failure);
    }
}
