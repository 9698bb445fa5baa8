//! One conversation, from the first prompt to the last.

use super::commands;
use super::gather::Gatherer;
use super::input::{Input, Line};
use super::output::Output;
use super::place::Place;
use super::report::{self, Verbosity};
use super::table::Table;
use crate::database::Database;
use crate::error::{Error, Result, SqlState};
use crate::types::is_space;
use std::time::{Duration, Instant};

/// How deep scripts may call scripts.
const MAX_NESTING: usize = 16;

pub struct Session {
    /// Where to find the database again after a crash.
    pub place: Place,
    pub database: Database,
    pub output: Output,
    /// Whether a person sits at a terminal.
    interactive: bool,
    pub timing: bool,
    pub verbosity: Verbosity,
    pub echo: bool,
    /// Set by `\q`: ends the script it stands in, or the session.
    pub done: bool,
    /// Whether what was printed last wants a blank line after it.
    spaced: bool,
    /// The scripts that are being read, one inside the other.
    nesting: usize,
}

impl Session {
    pub fn new(place: Place, database: Database, output: Output, interactive: bool) -> Session {
        Session {
            place,
            database,
            output,
            interactive,
            timing: interactive,
            verbosity: Verbosity::Default,
            echo: false,
            done: false,
            spaced: false,
            nesting: 0,
        }
    }

    /// Carries out what `input` says, to its end or to `\q`.
    pub fn run(&mut self, input: &mut Input) -> std::io::Result<()> {
        self.go_on(&mut Gatherer::default(), input)
    }

    /// The same, where a command may have been begun before.
    pub fn go_on(&mut self, gatherer: &mut Gatherer, input: &mut Input) -> std::io::Result<()> {
        while !self.done && !self.output.is_closed() {
            if input.may_wait() {
                self.output.flush();
            }
            match input.next(&format!("inox{}{}> ", gatherer.open(), self.block_mark()))? {
                Line::Text(line) => {
                    if self.echo && !line.is_empty() {
                        // The line feed was not the whole end of the line, where it has two characters.
                        self.output.text(line.strip_suffix(b"\r").unwrap_or(line));
                        self.output.bytes(b"\n");
                    }
                    if gatherer.add(line) {
                        self.answer(gatherer.take(), input);
                    }
                }
                Line::TooLong => {
                    gatherer.clear();
                    let error = Error::new(SqlState::ProgramLimitExceeded, "line is too long");
                    self.report(&error, "", input);
                }
                Line::Abandoned => gatherer.clear(),
                Line::End => {
                    // Of what a script leaves open, it hears what is missing; whoever presses Ctrl-D knows.
                    if !gatherer.open().is_empty() && !input.is_terminal() {
                        self.answer(gatherer.take(), input);
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads commands from a file.
    pub fn include(&mut self, path: &str) -> Result<()> {
        if self.nesting == MAX_NESTING {
            return Err(Error::new(SqlState::StatementTooComplex, "scripts are nested too deeply"));
        }
        let failed = |error| Error::io("read", path, error);
        let mut input = Input::file(path).map_err(failed)?;
        self.nesting += 1;
        let read = self.run(&mut input).map_err(failed);
        self.nesting -= 1;
        // In a script, \q ends that script, as in psql.
        self.done = false;
        read
    }

    /// Prints a table as the answer.
    pub fn show(&mut self, table: Table) -> Result<()> {
        self.spaced = true;
        table.print_counted(&mut self.output)
    }

    fn answer(&mut self, command: Result<String>, input: &mut Input) {
        let text = command.as_deref().unwrap_or_default();
        if command.is_ok() && text.trim_matches(is_space).is_empty() {
            return;
        }
        input.remember(text);
        let start = Instant::now();
        let result = match &command {
            Ok(text) => commands::run(self, text),
            Err(_) => Ok(()),
        };
        if let Err(error) = command.as_ref().and(result.as_ref()) {
            self.report(error, text, input);
        }
        let is_inspection = text.trim_matches(is_space).starts_with('\\');
        if result.is_err() && !is_inspection {
            self.database.fail_block();
        }
        if self.timing && !is_inspection {
            writeln!(self.output, "Time: {}", milliseconds(start.elapsed()));
        }
        if std::mem::take(&mut self.spaced) || self.interactive && self.nesting == 0 && !self.done {
            writeln!(self.output);
        }
        // An answer is heard before the next command is carried out: if the end comes then, only that one is in doubt.
        self.output.flush();
    }

    /// Errors go to standard error.
    fn report(&mut self, error: &Error, text: &str, input: &Input) {
        let place = input.place().map(|(name, line)| format!("inox:{name}:{line}: ")).unwrap_or_default();
        let report = report::render(error, text, self.verbosity);
        self.output.complain(&format!("{place}{report}"));
    }

    /// As in psql's prompt: `*` in a transaction block, `!` in one that has failed.
    fn block_mark(&self) -> &'static str {
        match self.database.block() {
            (_, true) => "!",
            (true, false) => "*",
            (false, false) => "",
        }
    }

    pub fn greet(&mut self) {
        if self.interactive {
            writeln!(
                self.output,
                "InoxDB v{}, {}\n",
                env!("CARGO_PKG_VERSION"),
                milestone(env!("CARGO_PKG_NAME"))
            );
            writeln!(self.output, "Type \\h for help, \\q to quit\n");
        }
    }

    pub fn part(&mut self) {
        if self.interactive {
            writeln!(self.output, "Goodbye!");
        }
    }
}

/// What the package's name says: `m1-storage` is "milestone 1: storage".
fn milestone(package: &str) -> String {
    match package.strip_prefix('m').and_then(|name| name.split_once('-')) {
        Some((number, name)) => format!("milestone {number}: {}", name.replace('-', " ")),
        None => package.to_string(),
    }
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

    /// What a session prints on standard output.
    fn transcript(script: &str) -> String {
        let screen = Screen::default();
        let place = Place::memory();
        let database = place.open().unwrap();
        let mut session = Session::new(place, database, screen.output(), false);
        session.run(&mut Input::text(script)).unwrap();
        session.output.finish().unwrap();
        screen.text()
    }

    #[test]
    fn rows_live_through_insert_update_delete_and_vacuum() {
        let text = transcript(
            "CREATE people (id integer not null, name varchar(20));\n\
             insert people (1, 'Ada'), (2, 'it''s')\n\
             update people (0,1) (1, null)\n\
             delete people (0,2)\n\
             scan people\n\
             get people (0,2)\n\
             vacuum people\n",
        );
        assert_eq!(
            text,
            "CREATE TABLE\n\
             INSERT 2 at (0,1) to (0,2)\n\
             UPDATE 1 at (0,3)\n\
             DELETE 1\n\
             ┌───────┬────┬──────┐\n\
             │ ctid  │ id │ name │\n\
             ├───────┼────┼──────┤\n\
             │ (0,3) │ 1  │      │\n\
             └───────┴────┴──────┘\n\
             (1 row)\n\
             \n\
             ┌──────┬────┬──────┐\n\
             │ ctid │ id │ name │\n\
             ├──────┼────┼──────┤\n\
             └──────┴────┴──────┘\n\
             (0 rows)\n\
             \n\
             VACUUM: 2 rows removed, 1 left in 1 page\n"
        );
    }

    #[test]
    fn a_typo_ends_nothing() {
        let text = transcript(
            "creat t (a int)\n\\foo\ncreate t (a\n int)\ninsert t ('x')\ninsert t (1)\n\\q\ninsert t (2)\n",
        );
        assert_eq!(text, "CREATE TABLE\nINSERT 1 at (0,1)\n");
    }

    #[test]
    fn a_script_that_calls_itself_comes_to_an_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("loop");
        std::fs::write(&path, format!("insert t (1)\n\\i '{}'\n", path.display())).unwrap();
        let text = transcript(&format!("create t (a int)\n\\i '{}'\n", path.display()));
        assert_eq!(text.matches("INSERT 1").count(), MAX_NESTING);
    }

    #[test]
    fn times_are_short() {
        let shown = [12_400, 8_000, 3_499, 420, 5].map(|micros| milliseconds(Duration::from_micros(micros)));
        assert_eq!(shown, ["12ms", "8ms", "3ms", "0.42ms", "0.01ms"]);
        assert_eq!(milestone("m3-buffer-pool"), "milestone 3: buffer pool");
    }
}
