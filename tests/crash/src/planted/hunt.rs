//! The hunt for one failure, as the program `hunt` does it: built with a bug, or to see that there is none.

use std::ops::Range;

use anyhow::{Context as _, Result, bail};
use indicatif::ProgressBar;

use super::bug::CaughtBy;
use super::site::Hunted;
use crate::engine::{Stage, stage};
use crate::part::{Context, Outcome, Scale};
use crate::workload::{Workload, scripted};
use crate::{crashes, failures, rot};

/// Threads for the parts that use several.
const JOBS: usize = 2;

/// Where to look, and how long.
#[derive(Clone, Debug)]
pub struct Hunt {
    pub where_to: CaughtBy,
    /// How hard to try.
    pub effort: Effort,
    /// Decides what is left to chance; the first is 1.
    pub seed: u64,
    /// Crash images to try at most.
    pub limit: u64,
}

/// How much a hunt tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    Little,
    Much,
}

impl Effort {
    pub const ALL: [Effort; 2] = [Effort::Little, Effort::Much];

    /// Draws for each policy of a power cut.
    fn draws(self) -> u64 {
        match self {
            Effort::Little => 1,
            Effort::Much => 32,
        }
    }

    /// How much the parts do that cannot be given a script.
    fn scale(self) -> Scale {
        match self {
            Effort::Little => Scale::Quick,
            Effort::Much => Scale::Standard,
        }
    }
}

/// How to crash a script.
type Crash = fn(Stage, &Workload, Range<u64>, u64) -> Outcome;

impl Hunt {
    pub fn arguments(&self, milestone: &str) -> Vec<String> {
        let CaughtBy { part, script } = &self.where_to;
        vec![
            milestone.into(),
            part.clone(),
            script.clone(),
            format!("{:?}", self.effort),
            self.seed.to_string(),
            self.limit.to_string(),
        ]
    }

    /// The milestone and the hunt, from what [`Hunt::arguments`] made.
    fn parse(arguments: &[String]) -> Result<(&str, Hunt)> {
        let [milestone, part, script, effort, seed, limit] = arguments else {
            bail!("usage: hunt MILESTONE PART SCRIPT EFFORT SEED LIMIT");
        };
        let where_to = CaughtBy { part: part.clone(), script: script.clone() };
        let effort = Effort::ALL.into_iter().find(|known| format!("{known:?}") == *effort);
        let effort = effort.context("the effort is Little or Much")?;
        Ok((milestone, Hunt { where_to, effort, seed: seed.parse()?, limit: limit.parse()? }))
    }

    fn run(&self, milestone: &str) -> Result<Hunted> {
        let bar = ProgressBar::hidden();
        let context =
            Context { scale: self.effort.scale(), seed: self.seed, share: 1, jobs: JOBS, bar: &bar };
        let (unit, outcome) = match self.where_to.part.as_str() {
            "crashes" => ("crash images", self.crash(milestone, crashes::hunt)?),
            "recoveries" => ("crash images", self.crash(milestone, crashes::hunt_in_recovery)?),
            "failures" => {
                let (stage, workload) = self.script(milestone)?;
                // Not a sample: a script is short.
                let context = Context { scale: Scale::Standard, ..context };
                ("io failures", failures::hunt(stage, &workload, &context)?)
            }
            "rot" => ("corruption cases", rot::run(&context)?),
            other => bail!("nothing is found by {other:?}"),
        };
        let tried = outcome.figures.iter().find(|(name, _)| *name == unit).map_or(0, |(_, figure)| *figure);
        Ok(Hunted { tried, found: outcome.failures.into_iter().next() })
    }

    fn crash(&self, milestone: &str, hunt: Crash) -> Result<Outcome> {
        let (stage, workload) = self.script(milestone)?;
        let (draws, before) = (self.effort.draws(), self.seed.saturating_sub(1));
        Ok(hunt(stage, &workload, before * draws..(before + 1) * draws, self.limit))
    }

    fn script(&self, milestone: &str) -> Result<(Stage, Workload)> {
        let stage = stage(milestone).with_context(|| format!("built without {milestone}"))?;
        let script = &self.where_to.script;
        let workload = scripted(stage).into_iter().find(|known| known.name == script);
        Ok((stage, workload.with_context(|| format!("{milestone} has no script {script:?}"))?))
    }
}

/// Hunts as the arguments say, and prints what came of it.
pub fn main(arguments: &[String]) -> Result<()> {
    // A panic is caught and told like any other failure.
    std::panic::set_hook(Box::new(|_| {}));
    let (milestone, hunt) = Hunt::parse(arguments)?;
    inox_progress::print_text!("{}", hunt.run(milestone)?);
    Ok(())
}
