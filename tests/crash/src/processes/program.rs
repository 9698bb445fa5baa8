//! A milestone's program at work on a directory, and what it says about what is there.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use inox_tests::process::{Ending, PATIENCE, Process};
use inox_tests::stages;

use super::dialect::{Dialect, Places};
use super::model::{State, Unit, difference};

pub struct Program {
    process: Process,
    dialect: Dialect,
    /// How much it had said before it was given something to do.
    before: usize,
}

/// What a program said about its load, and how it ended.
pub struct Ended {
    pub said: String,
    pub ending: Ending,
}

impl Ended {
    /// Whether it was killed, and had not ended by itself before.
    pub fn killed(&self) -> bool {
        self.ending.0.code().is_none()
    }
}

impl Program {
    /// Starts a milestone's program on `data` in the folder `home`; `before` is what runs it, if not we.
    pub fn start(dialect: Dialect, home: &Path, settings: &[&str], before: &[&str]) -> Result<Program> {
        Program::start_other(stages::program(dialect.stage)?, dialect, home, settings, before)
    }

    /// The same with another program that speaks as the milestone's does.
    pub fn start_other(
        program: &Path,
        dialect: Dialect,
        home: &Path,
        settings: &[&str],
        before: &[&str],
    ) -> Result<Program> {
        let program = program.display().to_string();
        let mut words = before.to_vec();
        words.push(&program);
        words.extend(dialect.options());
        words.extend(settings);
        words.push("data");
        let (first, arguments) = words.split_first().unwrap_or((&"", &[]));
        let process = Process::start(Path::new(first), arguments, home, PATIENCE)?;
        process.send(dialect.prologue());
        Ok(Program { process, dialect, before: 0 })
    }

    /// Asks for everything that is there. To be asked once.
    pub fn contents(&mut self) -> Result<(State, Places)> {
        self.process.send(self.dialect.question());
        let mut answer = String::new();
        let answered = self.process.wait_until(|said| {
            answer = String::from_utf8_lossy(said).into_owned();
            self.before = said.len();
            self.dialect.is_answered(&answer)
        })?;
        ensure!(answered, "the program does not open the directory: {answer}");
        self.dialect.contents(&answer)
    }

    /// Asks for everything that is there, which has to be one of the `expected`.
    pub fn verify(&mut self, expected: &[State]) -> Result<(State, Places)> {
        let found = self.contents()?;
        if !expected.contains(&found.0) {
            let differences: Vec<String> = expected.iter().map(|state| difference(state, &found.0)).collect();
            bail!("{}", differences.join("; or, with what was in doubt, "));
        }
        Ok(found)
    }

    /// How much it had said when it had answered the question about everything.
    pub fn said_before(&self) -> usize {
        self.before
    }

    /// Lets it look at every page, row and log record; it must find nothing wrong.
    pub fn check(&self) -> Result<()> {
        self.process.send("\\check\n");
        let mut report = String::new();
        let checked = self.process.wait_until(|said| {
            report = String::from_utf8_lossy(said.get(self.before..).unwrap_or_default()).into_owned();
            report.ends_with('\n') && report.lines().any(|line| line.starts_with("checked "))
        })?;
        ensure!(checked && report.contains(": no problems found"), "its check says: {}", report.trim_end());
        Ok(())
    }

    /// Gives it the statements, and does not wait until they are carried out.
    pub fn load(&self, units: &[Unit]) {
        let statements = units.iter().flat_map(|unit| &unit.statements);
        self.process.send(statements.map(|statement| statement.text.as_str()).collect::<String>());
    }

    pub fn quit(&self) {
        self.process.send("\\q\n");
    }

    /// Waits for so many lines of answers; whether they came before the program ended.
    pub fn wait_for(&self, lines: usize) -> Result<bool> {
        self.process.wait_until(|said| {
            said.get(self.before..).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() >= lines
        })
    }

    /// Kills it, as it is now or after a moment.
    pub fn kill(self, pause: Duration) -> Result<Ended> {
        thread::sleep(pause);
        let (said, ending) = self.process.kill()?;
        Ok(Ended { said: answers(&said, self.before), ending })
    }

    /// Sends the end of input and waits for the end.
    pub fn finish(self) -> Result<Ended> {
        let (said, ending) = self.process.finish()?;
        Ok(Ended { said: answers(&said, self.before), ending })
    }
}

/// What answers statements: what was said before them, and the line about a new directory, do not.
pub fn answers(said: &str, before: usize) -> String {
    let said = said.get(before..).unwrap_or_default().trim_start_matches('\n');
    match said.split_once('\n') {
        Some((line, rest)) if line.starts_with("Created data directory") => rest.to_owned(),
        _ => said.to_owned(),
    }
}
