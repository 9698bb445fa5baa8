//! One crash once more, by the line that its failure printed.

use anyhow::{Context, Result, bail};
use fastrand::Rng;

use super::{Fate, Point, Setup, follow_up_seed, history, history_setup, walk_script};
use crate::engine::{STAGES, stage};
use crate::workload::scripted;

/// Replays a crash; tells what becomes of the disk at each step.
pub fn replay(line: &str) -> Result<Result<(), String>> {
    let parts: Vec<&str> = line.split(',').collect();
    let (name, workload, point, crashes) = match parts.as_slice() {
        [name, workload, point, crashes @ ..] if matches!(crashes.len(), 1 | 3) => {
            (name, workload, point, crashes)
        }
        _ => bail!("{line:?} is no crash: say m5,split,137,coin:1 or m5,split,137,coin:1,12,none:0"),
    };
    let stage = stage(name).with_context(|| {
        let names: Vec<String> = STAGES.iter().map(ToString::to_string).collect();
        format!("there is no stage {name}, only {}", names.join(", "))
    })?;
    let crash = Crash {
        point: point.parse().context("the point is a number")?,
        fate: fate(crashes[0])?,
        second: match crashes {
            [_, number, second] => {
                Some((number.parse().context("the recovery's point is a number")?, fate(second)?))
            }
            _ => None,
        },
    };
    if let Some(history) = workload.strip_prefix("random:") {
        let (seed, round) = history.split_once(':').context("a history is random:SEED:ROUND")?;
        return replay_history(stage, seed.parse()?, round.parse()?, &crash);
    }
    let workload = scripted(stage).into_iter().find(|script| script.name == *workload);
    let workload = workload.with_context(|| format!("{stage} has no script {}", parts[1]))?;
    let setup = Setup { stage, sizes: workload.sizes };
    let mut outcome = None;
    walk_script(setup, &workload, &mut |point| crash.at(setup, &point, &mut outcome)).or_else(ended)?;
    outcome.with_context(|| format!("the script has no point {}", crash.point))
}

struct Crash {
    point: u64,
    fate: Fate,
    second: Option<(usize, Fate)>,
}

fn fate(text: &str) -> Result<Fate> {
    text.parse().map_err(anyhow::Error::msg)
}

fn replay_history(
    stage: crate::engine::Stage,
    seed: u64,
    round: u64,
    crash: &Crash,
) -> Result<Result<(), String>> {
    let mut random = Rng::with_seed(seed);
    let setup = history_setup(stage, &mut random);
    let mut outcome = None;
    history(setup, seed, &mut random, &mut |at, point| {
        if at == round { crash.at(setup, &point, &mut outcome) } else { Ok(()) }
    })
    .or_else(ended)?;
    outcome.with_context(|| format!("round {round} has no point {}", crash.point))
}

/// What ends a walk once the point has been tried.
const DONE: &str = "done";

fn ended<T: Default>(why: String) -> Result<T> {
    if why == DONE { Ok(T::default()) } else { bail!("without any crash: {why}") }
}

impl Crash {
    /// Crashes, if this is the point.
    fn at(
        &self,
        setup: Setup,
        point: &Point,
        outcome: &mut Option<Result<(), String>>,
    ) -> Result<(), String> {
        if point.number != self.point {
            return Ok(());
        }
        *outcome = Some(self.befall(setup, point));
        Err(DONE.into())
    }

    fn befall(&self, setup: Setup, point: &Point) -> Result<(), String> {
        inox_progress::complain!("{}", self.fate.told(point.image));
        let disk = self.fate.befall(point.image);
        let Some((number, second)) = self.second else {
            return setup.examine(&disk, point.oracle, follow_up_seed(point.number, self.fate)).map(drop);
        };
        let images = setup.recovery_points(&disk)?;
        let image = images.get(number).ok_or_else(|| format!("the recovery has {} points", images.len()))?;
        inox_progress::complain!("at operation {number} of the recovery, {}", second.told(image));
        let disk = second.befall(image);
        setup.examine(&disk, point.oracle, follow_up_seed(number as u64, second)).map(drop)
    }
}
