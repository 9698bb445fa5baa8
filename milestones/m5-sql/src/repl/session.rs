//! One conversation, from the first prompt to the last.

use super::answer::Style;
use super::commands;
use super::input::{Input, Line, decode};
use super::interrupt::{canceled, is_canceled};
use super::output::Output;
use super::place::Place;
use super::redirect::Redirect;
use super::report::{self, Verbosity};
use super::specials::Echo;
use super::splitter::{Piece, Splitter};
use super::table::Table;
use super::variables::Variables;
use crate::database::Database;
use crate::error::{Error, Result, SqlState};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How deep scripts may call scripts.
const MAX_NESTING: usize = 16;

/// Why no more input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `\q`: ends the script it stands in, or the session.
    Quit,
    /// An error, with `ON_ERROR_STOP`: ends everything.
    Stopped,
    /// Ctrl-C, which ends everything but a person's session.
    Interrupted,
}

pub struct Session {
    pub place: Place,
    pub database: Database,
    pub output: Output,
    pub style: Style,
    pub variables: Variables,
    pub timing: bool,
    pub quiet: bool,
    pub end: Option<End>,
    /// Whether a person sits at a terminal.
    pub interactive: bool,
    /// Whether every line of a script is printed as it is read.
    pub echo: bool,
    /// What else is printed of it.
    pub repeats: Echo,
    pub autocommit: bool,
    /// Where the result of the next statement goes, if not to the screen.
    pub redirect: Option<Redirect>,
    /// The statement that was carried out last, for `\g`.
    pub(super) last: Vec<u8>,
    /// Whether the tables may be others than they were at the last prompt.
    pub(super) names_changed: bool,
    /// Set by Ctrl-C.
    interrupt: Arc<AtomicBool>,
    /// Whether what was printed last wants a blank line after it.
    pub(super) spaced: bool,
    /// Whether the last statement or command failed.
    pub failed: bool,
    /// Whether what is being typed began with a blank, and is to be forgotten.
    private: bool,
    /// The statement in which a command failed, if it was one that carries out a statement.
    pub failed_statement: Option<String>,
    /// The scripts that are being read, one inside the other.
    scripts: Vec<PathBuf>,
}

impl Session {
    pub fn new(place: Place, database: Database, mut output: Output, interactive: bool) -> Session {
        let interrupt = database.interrupt();
        output.stop_at(interrupt.clone());
        Session {
            place,
            database,
            output,
            style: Style::default(),
            variables: Variables::default(),
            timing: interactive,
            quiet: false,
            end: None,
            interactive,
            echo: false,
            repeats: Echo::Nothing,
            autocommit: true,
            redirect: None,
            last: Vec::new(),
            names_changed: true,
            interrupt,
            spaced: false,
            failed: false,
            private: false,
            failed_statement: None,
            scripts: Vec::new(),
        }
    }

    /// Carries out what `input` says, to its end or to what ends it.
    pub fn run(&mut self, input: &mut Input) -> io::Result<()> {
        self.go_on(&mut Splitter::default(), input)
    }

    /// The same, where a statement may have been begun before.
    pub fn go_on(&mut self, splitter: &mut Splitter, input: &mut Input) -> io::Result<()> {
        while self.goes_on() {
            if input.may_wait() {
                self.output.flush();
            }
            if input.is_terminal() {
                // At a prompt, Ctrl-C is a key like others.
                self.interrupt.store(false, Ordering::Relaxed);
                if std::mem::take(&mut self.names_changed) {
                    input.offer(self.names());
                }
            }
            let echo = self.echo && !input.is_terminal();
            let line = match input.next(&format!("inox{}{}> ", splitter.unfinished(), self.block_mark())) {
                Err(error) if is_canceled(&error) => {
                    self.end = Some(End::Interrupted);
                    break;
                }
                line => line?,
            };
            match line {
                Line::Text(line) => {
                    if echo && (!line.is_empty() || splitter.is_quoted()) {
                        // The line feed was not the whole end of the line, where it has two characters.
                        self.output.text(line.strip_suffix(b"\r").unwrap_or(line));
                        self.output.bytes(b"\n");
                    }
                    if !splitter.is_pending() {
                        self.private = line.first().is_some_and(u8::is_ascii_whitespace);
                    }
                    if self.interactive && self.scripts.is_empty() && self.assist(line, splitter) {
                        continue;
                    }
                    splitter.add_line(line);
                }
                Line::TooLong => {
                    splitter.clear();
                    self.report(&too_long(), "", input);
                }
                Line::Abandoned => splitter.clear(),
                Line::End => {
                    // What a person left unfinished was not meant.
                    if !input.is_terminal() {
                        splitter.end();
                        self.answer(splitter, input);
                    }
                    break;
                }
            }
            self.answer(splitter, input);
        }
        Ok(())
    }

    /// Reads a script, to the end that `\q` or its last line makes.
    pub fn include(&mut self, path: &str) -> Result<()> {
        if self.scripts.len() == MAX_NESTING {
            return Err(Error::new(SqlState::StatementTooComplex, "scripts are nested too deeply"));
        }
        self.script(path)?;
        // An error stops the script, not whoever sits at the terminal.
        let stopped = matches!(self.end, Some(End::Stopped | End::Interrupted))
            && self.interactive
            && self.scripts.is_empty();
        if self.end == Some(End::Quit) || stopped {
            self.end = None;
        }
        Ok(())
    }

    /// Reads a script.
    pub fn script(&mut self, path: &str) -> Result<()> {
        let mut input = Input::file(path, &self.interrupt).map_err(|error| unreadable(path, error))?;
        self.read_script(path, &mut input)
    }

    /// Reads what is at `path`, or standard input as if it were there.
    pub fn read_script(&mut self, path: &str, input: &mut Input) -> Result<()> {
        self.scripts.push(PathBuf::from(path));
        let read = self.run(input).map_err(|error| unreadable(path, error));
        self.scripts.pop();
        read
    }

    /// The script that is being read.
    pub fn current_script(&self) -> Option<&PathBuf> {
        self.scripts.last()
    }

    /// Prints a table as the answer.
    pub fn show(&mut self, table: Table) -> Result<()> {
        self.spaced = true;
        table.print_counted(&mut self.output)?;
        if self.output.take_stopped() { Err(canceled()) } else { Ok(()) }
    }

    /// Whether Ctrl-C was pressed since the last prompt.
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    fn goes_on(&self) -> bool {
        self.end.is_none() && !self.output.is_closed()
    }

    /// Carries out all that is complete.
    fn answer(&mut self, splitter: &mut Splitter, input: &mut Input) {
        while self.goes_on() {
            if self.is_interrupted() {
                return self.abandon(splitter, input);
            }
            if self.interactive {
                // A person sees what is done while the next statement is carried out.
                self.output.flush();
            }
            match splitter.next(&self.variables) {
                None => return,
                Some(Piece::TooLong) => self.report(&too_long(), "", input),
                Some(Piece::Statement(text)) => self.statement(text, false, input),
                Some(Piece::Statements(text)) => self.statement(text, true, input),
                Some(Piece::Command(text)) => match decode(text).map(str::to_string) {
                    Ok(text) => self.command(&text, splitter, input),
                    Err(error) => self.report(&error, "", input),
                },
            }
        }
    }

    /// Ctrl-C: a person goes on at the prompt, without what was typed ahead; everything else ends.
    fn abandon(&mut self, splitter: &mut Splitter, input: &mut Input) {
        if input.is_terminal() {
            splitter.clear();
            input.forget();
        } else {
            self.end = Some(End::Interrupted);
        }
    }

    pub(super) fn command(&mut self, text: &str, splitter: &mut Splitter, input: &mut Input) {
        let name = text.split_ascii_whitespace().next();
        let is_send = name == Some("\\g");
        if !is_send {
            self.remember(text, input);
        }
        self.failed = false;
        if let Err(error) = commands::run(self, text, false) {
            match self.failed_statement.take() {
                Some(statement) => self.report(&error, &statement, input),
                None => self.report_command(&error, input),
            }
            splitter.skip_line();
        } else if is_send {
            return self.send(splitter, input);
        } else if name == Some("\\r") {
            splitter.reset();
        }
        if !splitter.is_pending() {
            self.space();
        }
    }

    /// Keeps it in the history. The splitter takes blanks away, so the history itself cannot tell what is private.
    pub(super) fn remember(&self, text: &str, input: &mut Input) {
        if !self.private {
            input.remember(text);
        }
    }

    /// As in psql's prompt: `*` in a transaction block, `!` in one that has failed.
    fn block_mark(&self) -> &'static str {
        match self.database.block() {
            (_, true) => "!",
            (true, false) => "*",
            (false, false) => "",
        }
    }

    /// The blank line after an answer: a table has one, and a person at a terminal gets one always.
    pub(super) fn space(&mut self) {
        let at_terminal = self.interactive && self.scripts.is_empty() && self.end.is_none();
        self.spaced |= at_terminal;
        self.space_results();
    }

    pub(super) fn space_results(&mut self) {
        if std::mem::take(&mut self.spaced) {
            writeln!(self.output);
        }
    }

    /// Reports the error of a command that is no statement.
    fn report_command(&mut self, error: &Error, input: &Input) {
        self.failed = true;
        let place = self.place(input);
        let mark = if place.is_empty() { "" } else { "error: " };
        let hint = error.hint().map(|hint| format!("\n{hint}")).unwrap_or_default();
        self.output.complain(&format!("{place}{mark}{error}{hint}\n"));
        self.stop_if_asked();
    }

    /// Reports a statement's error.
    pub(super) fn report(&mut self, error: &Error, text: &str, input: &Input) {
        if self.output.is_closed() {
            return;
        }
        self.failed = true;
        let verbosity = self.variables.get("VERBOSITY").and_then(Verbosity::parse).unwrap_or_default();
        let report = format!("{}{}", self.place(input), report::render(error, text, verbosity));
        self.output.complain(&report);
        self.stop_if_asked();
    }

    /// Where a script's error is, before its message.
    fn place(&self, input: &Input) -> String {
        input.place().map(|(name, line)| format!("inoxdb:{name}:{line}: ")).unwrap_or_default()
    }

    fn stop_if_asked(&mut self) {
        let reading_script = !self.interactive || !self.scripts.is_empty();
        if reading_script && self.variables.is_on("ON_ERROR_STOP") {
            self.end = Some(End::Stopped);
        }
    }

    pub fn greet(&mut self) {
        if self.interactive && !self.quiet {
            let version = env!("CARGO_PKG_VERSION");
            writeln!(self.output, "InoxDB v{version} (PostgreSQL-inspired database)\n");
            writeln!(self.output, "Type \\h for help, \\q to quit\n");
        }
    }

    pub fn part(&mut self) {
        if self.interactive && !self.quiet {
            writeln!(self.output, "Goodbye!");
        }
    }
}

fn unreadable(path: &str, error: io::Error) -> Error {
    let error = match error.kind() {
        io::ErrorKind::NotFound => "No such file or directory".to_string(),
        _ => error.to_string(),
    };
    Error::new(SqlState::UndefinedFile, format!("{path}: {error}"))
}

pub fn too_long() -> Error {
    Error::new(SqlState::ProgramLimitExceeded, "statement is too long: more than 1 GB")
}

/// A duration as people read it: whole milliseconds, and of less than one two decimals.
pub fn milliseconds(time: Duration) -> String {
    let milliseconds = (time.as_secs_f64() * 1000.0).max(0.01);
    if milliseconds < 1.0 { format!("{milliseconds:.2}ms") } else { format!("{milliseconds:.0}ms") }
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::Screen;
    use super::*;

    /// What a session prints on standard output, and how it ends.
    fn transcript(script: &str) -> (String, Option<End>) {
        let screen = Screen::default();
        let place = Place::memory();
        let database = place.open().unwrap();
        let mut session = Session::new(place, database, screen.output(), false);
        session.run(&mut Input::text(script)).unwrap();
        session.output.finish().unwrap();
        (screen.text(), session.end)
    }

    #[test]
    fn a_script_goes_on_after_an_error_unless_it_is_told_not_to() {
        let script = "\\echo a\nselect 1/0;\n\\foo\n\\echo b\n";
        assert_eq!(transcript(script), ("a\nb\n".to_string(), None));
        let stopping = format!("\\set ON_ERROR_STOP on\n{script}");
        assert_eq!(transcript(&stopping), ("a\n".to_string(), Some(End::Stopped)));
    }

    #[test]
    fn quitting_a_script_ends_that_script_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("inner"), "\\echo inner\n\\q\n\\echo never\n").unwrap();
        std::fs::write(path("outer"), "\\ir inner\n\\echo outer\n").unwrap();
        let (text, _) = transcript(&format!("\\i '{}'\n\\echo end\n", path("outer").display()));
        assert_eq!(text, "inner\nouter\nend\n");
    }

    #[test]
    fn a_script_that_calls_itself_comes_to_an_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("loop");
        std::fs::write(&path, "\\echo again\n\\ir loop\n").unwrap();
        let (text, _) = transcript(&format!("\\i '{}'\n", path.display()));
        assert_eq!(text.lines().count(), MAX_NESTING);
    }

    #[test]
    fn times_are_short() {
        let shown = [12_400, 8_000, 3_499, 420, 5].map(|micros| milliseconds(Duration::from_micros(micros)));
        assert_eq!(shown, ["12ms", "8ms", "3ms", "0.42ms", "0.01ms"]);
    }
}
