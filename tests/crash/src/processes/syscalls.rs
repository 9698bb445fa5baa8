//! A kill at every system call that touches a file, and errors that a disk reports there.
//!
//! strace stops a program at the N-th call of a kind. What is killed there has made all calls before this one, so the
//! kinds together leave every state that a kill can leave. The session begins with an empty folder and ends with the
//! database closed.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use tempfile::TempDir;

use super::dialect::Dialect;
use super::load::{self, Fresh, Writer};
use super::model::{Change, Fate, State, Unit, fates, possible};
use super::program::{Ended, Program};
use crate::part::{Context, Outcome, Scale};

/// The calls that change files, make them durable, or answer.
const CALLS: &str = "openat,pwrite64,write,fdatasync,fsync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,\
                     fallocate,mkdir,mkdirat";

/// The calls that report an error to the program, the errors, and what the program has to say of each. A call that was
/// interrupted is made again, and nobody hears of it.
const FAILING: [&str; 2] = ["pwrite64", "fdatasync"];
const ERRORS: [(&str, Option<&str>); 3] =
    [("EIO", Some("Input/output error")), ("ENOSPC", Some("No space left on device")), ("EINTR", None)];

const SETTINGS: [&str; 4] = ["--segment-size", "64kB", "--max-wal-size", "256kB"];

#[derive(Clone, Debug)]
struct Case {
    stage: u32,
    call: String,
    /// From 1.
    number: u64,
    /// An error that the call reports, with what the program has to say of it; without one, the program is killed.
    error: Option<(&'static str, Option<&'static str>)>,
}

pub fn run(context: &Context) -> Result<Outcome> {
    if !can_trace() {
        let skipped =
            "kills at every system call: strace is not installed, or not allowed to trace".to_owned();
        return Ok(Outcome { skipped: vec![skipped], ..Outcome::default() });
    }
    let stages = if context.scale == Scale::Quick { [5].as_slice() } else { &[2, 3, 4, 5] };
    let (mut kills, mut errors) = (Vec::new(), Vec::new());
    for stage in stages {
        for (call, count) in calls(*stage)? {
            let cases = |error| {
                let call = call.clone();
                (1..=count).map(move |number| Case { stage: *stage, call: call.clone(), number, error })
            };
            kills.extend(cases(None));
            if FAILING.contains(&call.as_str()) {
                errors.extend(ERRORS.into_iter().flat_map(|error| cases(Some(error))));
            }
        }
    }
    let mut random = Rng::with_seed(context.seed);
    random.shuffle(&mut kills);
    random.shuffle(&mut errors);
    let mut outcome = Outcome::default();
    outcome.count("syscall kill points", kills.len() as u64);
    // A case takes a tenth of a second. What is left out today has its turn with another seed.
    let (most_kills, most_errors) = match context.scale {
        Scale::Quick => (6, 3),
        Scale::Standard => (240, 60),
        Scale::Nightly => (usize::MAX, usize::MAX),
    };
    kills.truncate(most_kills);
    errors.truncate(most_errors);
    let cases: Vec<Case> = kills.into_iter().chain(errors).collect();
    context.bar.inc_length(cases.len() as u64);
    outcome.add(context.for_each(&cases, |case| {
        context.bar.inc(1);
        case.run()
    }));
    Ok(outcome)
}

pub fn can_trace() -> bool {
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-e",
        "trace=fsync",
        "-e",
        "inject=fsync:error=EIO:when=1",
        "-o",
        "/dev/null",
        "true",
    ]);
    strace.stdout(Stdio::null()).stderr(Stdio::null());
    strace.status().is_ok_and(|status| status.success())
}

/// How many calls of each kind the whole session makes.
fn calls(stage: u32) -> Result<BTreeMap<String, u64>> {
    let home = tempfile::tempdir()?;
    let calls = format!("trace={CALLS}");
    let units = load::everything(Dialect { stage });
    let ended = session(stage, &home, &units, &["strace", "-f", "-qq", "-o", "trace", "-e", &calls])?;
    ensure!(ended.ending.0.success(), "m{stage}, traced: {}: {}", ended.ending, ended.said);
    let done = fates(&units, &ended.said, true)?.iter().all(|fate| *fate == Fate::Acknowledged);
    ensure!(done, "m{stage}, traced, did not answer everything: {}", ended.said);
    let trace = fs::read_to_string(home.path().join("trace")).context("strace has written nothing")?;
    let mut counts = BTreeMap::new();
    for line in trace.lines().filter(|line| !line.contains("resumed>")) {
        // `1234 openat(AT_FDCWD, …`
        if let Some((call, _)) = line.split_once('(')
            && let Some(call) = call.split_whitespace().last()
        {
            *counts.entry(call.to_owned()).or_default() += 1;
        }
    }
    Ok(counts)
}

/// Lets a traced program carry out the session in an empty folder.
fn session(stage: u32, home: &TempDir, units: &[Unit], strace: &[&str]) -> Result<Ended> {
    let program = Program::start(Dialect { stage }, home.path(), &SETTINGS, strace)?;
    program.load(units);
    program.finish()
}

impl Case {
    fn run(&self) -> Result<Outcome> {
        let home = tempfile::tempdir()?;
        let mut outcome = Outcome::default();
        match self.inject(&home) {
            Ok(true) if self.error.is_some() => outcome.count("syscall errors", 1),
            Ok(true) => {
                outcome.count("syscall kills", 1);
                outcome.count("kills", 1);
            }
            // The session made one call less this time.
            Ok(false) => {}
            Err(error) => {
                let Case { stage, call, number, .. } = self;
                let what = self.error.map_or("kill", |(name, _)| name);
                let home = home.keep();
                outcome.failures.push(format!(
                    "syscalls m{stage}, {what} at {call} {number}: {error:#} ({})",
                    home.display()
                ));
            }
        }
        Ok(outcome)
    }

    /// Whether the call was made, and so the case was one.
    fn inject(&self, home: &TempDir) -> Result<bool> {
        let units = load::everything(Dialect { stage: self.stage });
        let Case { call, number, .. } = self;
        let what = match self.error {
            Some((name, _)) => format!("inject={call}:error={name}:when={number}"),
            None => format!("inject={call}:signal=KILL:when={number}"),
        };
        let trace = format!("trace={call}");
        let strace = ["strace", "-f", "-qq", "-o", "trace", "-e", &trace, "-e", &what];
        let ended = session(self.stage, home, &units, &strace)?;
        let heard_of = self.error.is_some_and(|(_, words)| words.is_some());
        let fates = fates(&units, &ended.said, !heard_of)?;
        let injected = match self.error {
            None => ended.killed(),
            Some((_, words)) => {
                self.judge(&ended, &fates, words)?;
                fs::read_to_string(home.path().join("trace"))?.contains("(INJECTED)")
            }
        };
        let expected = possible(&State::new(), &units, &fates);
        go_on(self.stage, home, &expected)?;
        Ok(injected)
    }

    /// Whether the program took the error as it should: a clear word, if anything failed, and no panic.
    fn judge(&self, ended: &Ended, fates: &[Fate], words: Option<&str>) -> Result<()> {
        let Ended { said, ending } = ended;
        ensure!(ending.0.code().is_some() && !said.contains("panicked"), "{ending}: {said}");
        let failed = !ending.0.success() || fates.iter().any(|fate| *fate != Fate::Acknowledged);
        match words {
            Some(words) => ensure!(!failed || said.contains(words), "without {words}, {ending}: {said}"),
            None => ensure!(!failed, "a call that was interrupted was not made again: {ending}: {said}"),
        }
        Ok(())
    }
}

/// What is there must be one of the `expected` states, stay so, and work must go on.
fn go_on(stage: u32, home: &TempDir, expected: &[State]) -> Result<()> {
    let dialect = Dialect { stage };
    let mut program = Program::start(dialect, home.path(), &SETTINGS, &[])?;
    let (mut state, places) = program.verify(expected)?;
    let mut fresh = Fresh { id: 1000, version: 1000 };
    let mut writer = Writer::new(dialect, state.clone(), places, &mut fresh);
    if !state.contains_key(&0) {
        writer.change(0, Change::Create);
    }
    writer.insert(0, 2);
    writer.other("CHECKPOINT", "CHECKPOINT");
    let units = writer.finish();
    units.iter().for_each(|unit| unit.apply(&mut state));
    program.load(&units);
    let ended = program.finish()?;
    let done = fates(&units, &ended.said, true)?.iter().all(|fate| *fate == Fate::Acknowledged);
    ensure!(done && ended.ending.0.success(), "afterwards, {}: {}", ended.ending, ended.said);
    let mut program = Program::start(dialect, home.path(), &SETTINGS, &[])?;
    program.verify(&[state]).context("after going on")?;
    Ok(())
}
