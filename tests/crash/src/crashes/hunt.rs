//! Looking for one failure: a script crashed everywhere, until something is wrong or enough was tried.

use std::ops::Range;

use m1_storage::vfs::simulated::Survival;

use super::{Crashes, Fate, Place, Point, Setup, walk_script};
use crate::engine::Stage;
use crate::part::Outcome;
use crate::workload::Workload;

/// What ends a walk that need not go on.
const ENOUGH: &str = "enough";

/// Crashes a script at each of its points in turn, with these draws for each policy, up to the first failure or the
/// `limit`-th image.
pub fn hunt(stage: Stage, workload: &Workload, draws: Range<u64>, limit: u64) -> Outcome {
    search(stage, workload, &mut |crashes, point| {
        Fate::all(point.image, draws.clone()).into_iter().try_for_each(|fate| {
            crashes.crash(point, fate);
            crashes.go_on(limit)
        })
    })
}

/// The same with two crashes: at each point of the script, and then at each operation of the recovery.
pub fn hunt_in_recovery(stage: Stage, workload: &Workload, draws: Range<u64>, limit: u64) -> Outcome {
    search(stage, workload, &mut |crashes, point| {
        draws.clone().try_for_each(|seed| {
            for fate in [Fate::Kill, Fate::Cut(Survival::Coin, seed)] {
                crashes.crash_recovery(point, fate, seed);
                crashes.go_on(limit)?;
            }
            Ok(())
        })
    })
}

fn search(
    stage: Stage,
    workload: &Workload,
    attack: &mut dyn FnMut(&mut Crashes, &Point) -> Result<(), String>,
) -> Outcome {
    let setup = Setup { stage, sizes: workload.sizes };
    let place = Place { stage, workload: workload.name.into() };
    let mut crashes = Crashes { setup, place, outcome: Outcome::default() };
    match walk_script(setup, workload, &mut |point| attack(&mut crashes, &point)) {
        Err(why) if why == ENOUGH => crashes.outcome,
        walked => crashes.finish(walked.map(drop)),
    }
}

impl Crashes {
    /// An error if there is no reason to.
    fn go_on(&self, limit: u64) -> Result<(), String> {
        let images = self.outcome.figures.iter().find(|(name, _)| *name == "crash images");
        let enough = images.is_some_and(|(_, images)| *images >= limit);
        if enough || !self.outcome.failures.is_empty() { Err(ENOUGH.into()) } else { Ok(()) }
    }
}
