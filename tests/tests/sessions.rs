//! Every session on every stage that understands it.
//!
//! A session's transcript on its own stage is a snapshot. The later stages must answer the same, unless the
//! session says `#! differs`; then there is a snapshot of that stage too.
//!
//! `INOX_BIN=/path/to/program INOX_STAGE=m2` plays the sessions of that stage, inherited ones included, to
//! another program and holds its answers against our snapshots. `INOX_STAGE` alone plays just that stage of
//! ours.

use std::collections::HashMap;
use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use inox_tests::process::PATIENCE;
use inox_tests::session::Session;
use inox_tests::stages;
use inox_tests::verdict::{snapshot, stored};
use libtest_mimic::{Arguments, Failed, Trial};
use similar::TextDiff;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match trials() {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn trials() -> Result<Vec<Trial>> {
    let sessions = Session::read_all(&stages::here().join("sessions"))?;
    let only = env::var("INOX_STAGE").ok().map(|stage| stages::number(&stage)).transpose()?;
    if let Some(program) = env::var_os("INOX_BIN") {
        let stage = only.context("INOX_BIN needs INOX_STAGE: which stage is the program at? (m1, m2, …)")?;
        let program = Arc::new(PathBuf::from(program).canonicalize().context("INOX_BIN")?);
        return Ok(foreign_trials(sessions, stage, &program));
    }
    let names = stages::all()?;
    let transcripts = Arc::new(Transcripts::default());
    let mut trials = Vec::new();
    for session in sessions.into_iter().map(Arc::new) {
        for (&stage, dir) in &names {
            if !session.speaks_to(stage) || only.is_some_and(|only| only != stage) {
                continue;
            }
            let (session, transcripts) = (Arc::clone(&session), Arc::clone(&transcripts));
            let name =
                format!("{} on {}", session.name, dir.file_name().unwrap_or_default().to_string_lossy());
            trials.push(Trial::test(name, move || own_trial(&session, stage, &transcripts).map_err(failed)));
        }
    }
    Ok(trials)
}

/// One of our stages: held against a snapshot if it has one, and else against the stage that has.
fn own_trial(session: &Session, stage: u32, transcripts: &Transcripts) -> Result<()> {
    let transcript = transcripts.of(session, stage)?;
    let told_by = session.told_by(stage);
    if told_by != stage {
        return same(&transcripts.of(session, told_by)?, &transcript, &format!("m{told_by}"));
    }
    if stage > session.stage {
        let before = transcripts.of(session, session.told_by(stage - 1))?;
        ensure!(before != transcript, "the session says that m{stage} differs, but it does not");
    }
    let mut settings = insta::Settings::clone_current();
    let snapshot = snapshot(session, stage);
    let name = snapshot.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    settings.set_snapshot_path(snapshot.parent().context("a snapshot lies in a folder")?);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, transcript));
    Ok(())
}

/// Somebody else's program at `stage`: held against our snapshots, which are never changed by it.
fn foreign_trials(sessions: Vec<Session>, stage: u32, program: &Arc<PathBuf>) -> Vec<Trial> {
    let spoken = sessions.into_iter().filter(|session| session.speaks_to(stage));
    let trials = spoken.map(|session| {
        let program = Arc::clone(program);
        Trial::test(session.name.clone(), move || {
            let told_by = session.told_by(stage);
            stored(&snapshot(&session, told_by))
                .and_then(|expected| {
                    same(&expected, &session.play(&program, PATIENCE)?, &format!("m{told_by}'s snapshot"))
                })
                .map_err(failed)
        })
    });
    trials.collect()
}

/// Our programs' transcripts, each made once however many stages are held against it.
#[derive(Default)]
struct Transcripts(Mutex<HashMap<(String, u32), Transcript>>);

type Transcript = Arc<OnceLock<Result<String>>>;

impl Transcripts {
    fn of(&self, session: &Session, stage: u32) -> Result<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::clone(all.entry((session.name.clone(), stage)).or_default());
        drop(all);
        match cell.get_or_init(|| session.play(stages::program(stage)?, PATIENCE)) {
            Ok(transcript) => Ok(transcript.clone()),
            Err(error) => bail!("{error:#}"),
        }
    }
}

fn same(expected: &str, transcript: &str, of: &str) -> Result<()> {
    let (expected, transcript) = (expected.trim_end(), transcript.trim_end());
    if expected != transcript {
        let diff = TextDiff::from_lines(expected, transcript);
        let mut unified = diff.unified_diff();
        unified.missing_newline_hint(false).header(of, "this program");
        bail!("the transcript differs\n{unified}");
    }
    Ok(())
}

fn failed(error: anyhow::Error) -> Failed {
    format!("{error:#}").into()
}
