//! The prompts that the book's transcripts show are those of the programs: every session is typed at a real terminal.
//!
//! The terminal is a dumb one, on which a program shows its prompt once and reads the line as it comes.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use inox_tests::process::PATIENCE;
use inox_tests::session::{LAST_WITH_SMALL_COMMANDS, Session, Step};
use inox_tests::stages;
use inox_tests::transcript;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use regex::bytes::Regex;

/// Longer lines do not fit into a terminal's own buffer.
const MAX_LINE: usize = 4000;

/// A program at a terminal, and what it has shown since the last line was typed.
struct Teletype {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    shown: Vec<u8>,
    prompt: Regex,
    _master: Box<dyn MasterPty + Send>,
}

impl Teletype {
    fn start(program: &Path, arguments: &[String], dir: &Path) -> Result<Teletype> {
        let pair = native_pty_system().openpty(PtySize::default())?;
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.arg("data");
        command.cwd(dir);
        command.env("TERM", "dumb");
        command.env("HOME", dir);
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader()?;
        let keyboard = pair.master.take_writer()?;
        let (sender, bytes) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let prompt = Regex::new(r#"(?:^|\n)(inox['"(\-$*]?[*!]?> |>> )$"#)?;
        Ok(Teletype { child, keyboard, bytes, shown: Vec::new(), prompt, _master: pair.master })
    }

    /// Waits for the prompt behind which the next line is typed.
    fn prompt(&mut self) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.prompt.captures(&self.shown) {
                return Ok(String::from_utf8_lossy(&found[1]).into_owned());
            }
            match self.bytes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.shown.extend(bytes),
                Err(_) => bail!("no prompt comes behind {:?}", String::from_utf8_lossy(&self.shown)),
            }
        }
    }

    /// Types a line; the terminal repeats it, so that what was shown before is over.
    fn line(&mut self, line: &str) -> Result<()> {
        self.shown.clear();
        self.keyboard.write_all(format!("{line}\n").as_bytes())?;
        self.keyboard.flush()?;
        let deadline = Instant::now() + PATIENCE;
        while !self.shown.contains(&b'\n') {
            let wait = deadline.saturating_duration_since(Instant::now());
            self.shown.extend(self.bytes.recv_timeout(wait).context("the terminal does not repeat a line")?);
        }
        let end = self.shown.iter().position(|byte| *byte == b'\n').unwrap_or_default();
        self.shown.drain(..end);
        Ok(())
    }

    fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends the input.
    fn end(mut self) -> Result<()> {
        self.prompt()?;
        self.keyboard.write_all(b"\x04")?;
        self.keyboard.flush()?;
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.child.kill()?;
                bail!("the program does not end");
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// Whether a session can be typed at a terminal and goes on as it does through a pipe.
fn can_be_typed(session: &Session) -> bool {
    let is_simulated =
        |step: &Step| matches!(step, Step::Arguments(given) if given[0].starts_with("--simulate"));
    let is_simulated = session.steps().first().is_some_and(is_simulated);
    // On a real disk a crash ends the program before all is typed.
    let goes_on = |line: &str| line.trim() != "\\q" && (is_simulated || line.trim() != "\\crash");
    session.steps().iter().enumerate().all(|(number, step)| match step {
        Step::Type(lines) => lines.lines().all(|line| line.len() < MAX_LINE && goes_on(line)),
        Step::Arguments(_) => number == 0,
        Step::Copy(_) | Step::Restart | Step::Kill => true,
    })
}

/// The prompts of a program, line by line that is typed.
fn prompts(session: &Session, program: &Path) -> Result<Vec<(String, String)>> {
    let folder = tempfile::tempdir()?;
    let (mut arguments, mut seen) = (Vec::new(), Vec::new());
    let mut program_at_work: Option<Teletype> = None;
    for step in session.steps() {
        match step {
            Step::Arguments(given) => {
                arguments.clone_from(given);
                continue;
            }
            Step::Copy(file) => {
                let sessions = stages::here().join("sessions").join(&session.name);
                std::fs::copy(sessions.with_file_name(file), folder.path().join(file)).context("copy")?;
                continue;
            }
            Step::Type(_) | Step::Restart | Step::Kill => {}
        }
        let mut teletype = match program_at_work.take() {
            Some(teletype) => teletype,
            None => Teletype::start(program, &arguments, folder.path())?,
        };
        match step {
            Step::Type(lines) => {
                for line in lines.lines().filter(|line| !line.trim().is_empty()) {
                    let prompt = teletype.prompt().with_context(|| format!("before {line:?}"))?;
                    teletype.line(line)?;
                    seen.push((prompt, transcript::repeated(line).trim_end().to_owned()));
                }
                program_at_work = Some(teletype);
            }
            Step::Restart => teletype.end()?,
            _ => {
                teletype.prompt()?;
                teletype.kill()?;
            }
        }
    }
    if let Some(teletype) = program_at_work {
        teletype.kill()?;
    }
    Ok(seen)
}

#[test]
fn a_transcript_has_the_prompts_of_a_terminal() {
    let sessions = Session::read_all(&stages::here().join("sessions")).unwrap();
    let mut played = 0;
    for session in sessions.iter().filter(|session| can_be_typed(session)) {
        let read = |folder: &str, ending: &str| {
            std::fs::read_to_string(stages::here().join(format!("{folder}/{}.{ending}", session.name)))
                .unwrap()
        };
        let (typed, snapshot) = (read("sessions", "session"), read("snapshots", "snap"));
        let answers = snapshot.splitn(3, "---\n").nth(2).unwrap();
        let lines = transcript::lines(&typed, answers, session.stage > LAST_WITH_SMALL_COMMANDS);
        let told = lines.into_iter().filter_map(|line| Some((line.prompt?, line.text.trim_end().to_owned())));
        let seen = prompts(session, stages::program(session.stage).unwrap());
        let seen = seen.unwrap_or_else(|error| panic!("{}: {error:#}", session.name));
        assert_eq!(told.collect::<Vec<_>>(), seen, "{}", session.name);
        played += 1;
    }
    assert!(played > 40, "{played}");
}
