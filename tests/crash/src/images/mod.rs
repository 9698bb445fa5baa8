//! Crash images of the real programs: what is there is compared with what their own system calls say should be.
//!
//! A program runs under strace, and each change of a file, each sync and each answer goes into a journal. From it, disks are
//! built that a power cut could have left at any moment, and the same program opens them: everything that had been acknowledged
//! must be there. Nothing of `vfs/simulated` is used, so it is `OsVfs` that is tested, and our idea of what a disk does is
//! written down twice.
//!
//! - `trace`, `journal`: from the lines that strace writes to what happened
//! - `disk`, `fate`: what is durable, what waits, and what a power cut leaves
//! - `recording`, `history`: a process that is recorded, and two in a row
//! - `view`: an image is opened, read and checked

use std::collections::HashSet;

use anyhow::{Context as _, Result, bail};
use inox_tests::stages;

use crate::part::{Context, Outcome, Scale};
use crate::planted;
use crate::processes::syscalls::can_trace;
use history::{History, Kind};

mod disk;
mod fate;
mod history;
mod journal;
mod recording;
mod trace;
mod view;

/// The milestones of the histories, over and over: most are the last one's.
const STAGES: [u32; 10] = [5, 4, 5, 2, 5, 3, 5, 4, 5, 5];

/// Images of one history.
const IMAGES: usize = 250;

/// Histories in which a planted bug has to be found. Few have a failed sync of a page that nothing changes again.
const HISTORIES: u64 = 60;

/// If syncs of the log are lies, it has to show before so many images are looked at.
const AT_ONCE: usize = 10;

pub fn run(context: &Context) -> Result<Outcome> {
    if !can_trace() {
        let skipped = "recorded images: strace is not installed, or not allowed to trace".to_owned();
        return Ok(Outcome { skipped: vec![skipped], ..Outcome::default() });
    }
    let (count, images) = match context.scale {
        Scale::Quick => (2, 40),
        Scale::Standard => (22, IMAGES),
        Scale::Nightly => (220, IMAGES),
    };
    let histories: Vec<History> = (0..count).map(|number| history(number, context)).collect();
    context.bar.inc_length(histories.len() as u64);
    let mut outcome = context.for_each(&histories, |history| {
        let outcome = history.run(&history.setup()?, images);
        context.bar.inc(1);
        outcome
    });
    outcome.add(lie(context.seed)?);
    if context.scale != Scale::Quick {
        outcome.add(planted(context)?);
    }
    Ok(outcome)
}

fn history(number: usize, context: &Context) -> History {
    let kind = if (number / 2).is_multiple_of(2) { Kind::Cut } else { Kind::FailedSync };
    // Of a few, one should be of each kind.
    let number = if context.scale == Scale::Quick { number * 3 } else { number };
    let kind = if context.scale == Scale::Quick && number > 0 { Kind::FailedSync } else { kind };
    let stage = STAGES.get(number % STAGES.len()).copied().unwrap_or(5);
    History { stage, kind, seed: context.seed.wrapping_add(number as u64) }
}

/// The check of the check: a disk that says that the log is durable and forgets it. That must be noticed.
fn lie(seed: u64) -> Result<Outcome> {
    let history = History { stage: 5, kind: Kind::Cut, seed };
    let setup = history.setup()?;
    let recording = history.undisturbed(&setup)?;
    let mut outcome = Outcome::default();
    let (mut looked, mut caught) = (0, false);
    recording.walk(&recording.answers(), &mut HashSet::new(), true, &mut |_, _, image, expected| {
        if !caught && looked < AT_ONCE {
            looked += 1;
            caught = setup.look(&image, expected).is_err();
        }
        Ok(())
    })?;
    if caught {
        outcome.count("recorded images: lies of a disk caught", 1);
    } else {
        outcome.failures.push(format!("a disk lies about the log, and {looked} images say nothing of it"));
    }
    Ok(outcome)
}

/// Programs with bugs, which must be found in their images.
fn planted(context: &Context) -> Result<Outcome> {
    let (mut bugs, site) = planted::bugs()?;
    bugs.retain(|bug| bug.images.is_some());
    let bugs = context.share(bugs);
    context.bar.inc_length(bugs.len() as u64);
    Ok(context.for_each(&bugs, |bug| {
        let (stage, kind) =
            (stages::number(&bug.milestone)?, bug.images.as_deref().unwrap_or_default().parse()?);
        let program = site.program(bug).with_context(|| bug.name.clone())?;
        let mut outcome = Outcome::default();
        let mut histories = (1..=HISTORIES).map(|seed| History { stage, kind, seed });
        // If it cannot even work where nothing is in its way, that is no bug that was found.
        let plain = History { stage, kind, seed: 1 };
        plain.undisturbed(&plain.setup_of(&program)?).with_context(|| bug.name.clone())?;
        let caught = histories.find_map(|history| {
            let found = history.setup_of(&program).and_then(|setup| history.run(&setup, IMAGES));
            found.map_or_else(|error| Some(format!("{error:#}")), |found| found.failures.into_iter().next())
        });
        match caught {
            Some(found) => {
                let found = found.lines().next().unwrap_or_default();
                context.bar.suspend(|| inox_progress::print_line!("  {:<24} {found}", bug.name));
                outcome.count("recorded images: planted bugs caught", 1);
            }
            None => outcome.failures.push(format!("no image shows \"{}\" ({})", bug.title, bug.name)),
        }
        context.bar.inc(1);
        Ok(outcome)
    }))
}

/// One image once more.
pub fn replay(case: &str) -> Result<Result<(), String>> {
    if !can_trace() {
        bail!("strace is not installed, or not allowed to trace");
    }
    let (history, spot) = history::parse(case)?;
    history.replay(&spot)
}
