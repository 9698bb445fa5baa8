//! Failures: an operation of the disk does not work.
//!
//! In every script (see `piece` for how they are cut), every operation fails once, and it and all later ones fail: the
//! device gives up (EIO), there is no room (ENOSPC), a transfer is short, a signal comes first (EINTR). Opening, recovery
//! and closing are part of it. A failed sync has lost what it should have made durable, as on Linux: the cache still
//! shows it, and the next sync says that all is well.
//!
//! - Short and interrupted transfers are nobody's business but that of whoever transfers.
//! - Any other failure is an error that says what and where, or nobody noticed for a good reason.
//! - A statement that failed has not happened. A COMMIT that failed is in doubt until the database is opened again, and
//!   then settled for good.
//! - What can be read is right, and ROLLBACK works, also on a full disk. To go on writing works, or it is refused.
//! - Afterwards, the process is killed, or the power goes, or both: what was acknowledged is there, and work goes on.

mod case;
mod judge;
mod piece;

use anyhow::{Context as _, Result, anyhow};

use crate::engine::{STAGES, Stage, stage};
use crate::part::{Context, Outcome, Scale};
use crate::workload::{Workload, scripted};
use case::Case;
use judge::{Ends, judge, judge_harmless};
use piece::Piece;

/// Cases that a thread takes at a time.
const CHUNK: usize = 32;

/// In a quick run, one of so many cases is tried.
const QUICK: usize = 397;

/// Some cases of a piece, in batches that are each one run of it.
type Chunk<'a> = (&'a Piece, Vec<Vec<Case>>);

pub fn run(context: &Context) -> Result<Outcome> {
    let mut pieces = Vec::new();
    for stage in STAGES {
        for workload in scripted(*stage) {
            pieces.extend(cut(*stage, &workload)?);
        }
    }
    fail(&pieces, context)
}

/// The same with a single script.
pub fn hunt(stage: Stage, workload: &Workload, context: &Context) -> Result<Outcome> {
    fail(&cut(stage, workload)?, context)
}

fn cut(stage: Stage, workload: &Workload) -> Result<Vec<Piece>> {
    Piece::cut(stage, workload).map_err(|what| anyhow!("io:{stage},{}: {what}", workload.name))
}

fn fail(pieces: &[Piece], context: &Context) -> Result<Outcome> {
    let chunks = context.share(plan(pieces, context)?);
    let batches = chunks.iter().flat_map(|(_, batches)| batches);
    context.bar.set_length(batches.map(|batch| batch.len() as u64).sum());
    Ok(context.for_each(&chunks, |(piece, batches)| {
        let mut outcome = Outcome::default();
        for batch in batches {
            outcome.count("io failures", batch.len() as u64);
            for (case, what) in failures(piece, batch, context) {
                outcome.count("panics", u64::from(what.contains("panic: ")));
                outcome.failures.push(format!("{what}\n    cargo x crash --replay {},{case}", piece.name()));
            }
            context.bar.inc(batch.len() as u64);
        }
        Ok(outcome)
    }))
}

/// All cases of all pieces, or those of a quick run.
fn plan<'a>(pieces: &'a [Piece], context: &Context) -> Result<Vec<Chunk<'a>>> {
    let mut chunks = Vec::new();
    let mut number = context.seed as usize;
    for piece in pieces {
        let mut cases = piece.cases().map_err(|what| anyhow!("{}: {what}", piece.name()))?;
        cases.retain(|_| {
            number += 1;
            context.scale != Scale::Quick || number.is_multiple_of(QUICK)
        });
        let batches = Case::batches(&cases);
        chunks.extend(batches.chunks(CHUNK).map(|batches| (piece, batches.to_vec())));
    }
    Ok(chunks)
}

/// Those of the cases that end badly, and how.
fn failures(piece: &Piece, batch: &[Case], context: &Context) -> Vec<(Case, String)> {
    if batch.len() > 1 {
        let Err(together) = judge_harmless(piece, batch) else { return Vec::new() };
        let mut alone: Vec<_> = batch.iter().flat_map(|case| failures(piece, &[*case], context)).collect();
        if alone.is_empty() {
            alone.extend(batch.first().map(|case| (*case, format!("{together} (with others of its kind)"))));
        }
        return alone;
    }
    let judged =
        |case: &Case| judge_alone(piece, *case, ends(*case, context)).err().map(|what| (*case, what));
    batch.iter().filter_map(judged).collect()
}

fn judge_alone(piece: &Piece, case: Case, ends: Ends) -> Result<(), String> {
    if case.is_harmless() { judge_harmless(piece, &[case]) } else { judge(piece, case, ends) }
}

/// What follows a failure: in a night all of it, otherwise one thing in turn.
fn ends(case: Case, context: &Context) -> Ends {
    match context.scale {
        Scale::Nightly => Ends::All,
        _ => Ends::InTurn(case.nth + context.seed + u64::from(case.from_then_on)),
    }
}

/// Does one case again, by the name that a failure was reported with, with all that can follow:
/// `io:m2,segments:3,eio,37,on`.
pub fn replay(spec: &str) -> Result<Result<(), String>> {
    let parts: Vec<&str> = spec.trim_start_matches("io:").splitn(3, ',').collect();
    let [stage_name, place, case] = parts.as_slice() else {
        return Err(anyhow!("{spec} is no case: say io:m2,segments:3,eio,37,on"));
    };
    let stage = stage(stage_name).with_context(|| format!("no stage {stage_name}"))?;
    let (script, number) = place.split_once(':').context("the script's piece is missing")?;
    let workload = scripted(stage).into_iter().find(|known| known.name == script);
    let workload = workload.with_context(|| format!("{stage} has no script {script}"))?;
    let pieces = cut(stage, &workload)?;
    let number: usize = number.parse().context("a piece has a number")?;
    let piece = pieces.get(number).with_context(|| format!("{script} has {} pieces", pieces.len()))?;
    let case: Case = case.parse().map_err(|what| anyhow!("{what}"))?;
    Ok(judge_alone(piece, case, Ends::All))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick() {
        let bar = indicatif::ProgressBar::hidden();
        let outcome = run(&Context { scale: Scale::Quick, seed: 1, share: 1, jobs: 2, bar: &bar }).unwrap();
        assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
        let cases = outcome.figures.iter().find(|(name, _)| *name == "io failures").unwrap().1;
        assert!(cases > 200, "only {cases} cases");
    }
}
