//! Crashes on the simulated disk: every operation of every script, and random histories; each with many outcomes.

mod hunt;
mod image;
mod replay;
mod walk;

use crate::tap::Image;
use anyhow::Result;
use fastrand::Rng;

pub use hunt::{hunt, hunt_in_recovery};
pub use image::guarded;
pub use image::{Fate, Setup};
pub use replay::replay;
pub use walk::{Point, new_database, walk_script};

use crate::engine::{STAGES, Sizes, Stage};
use crate::model::Oracle;
use crate::part::{Context, Outcome, Scale};
use crate::workload::{Workload, scripted};
use walk::{Walk, walk_randomly};

/// Into how many cases a script is cut, so that several threads can work on it.
const SHARDS: u64 = 8;

/// How a random history goes: crashes in a row on the same disk, and operations between two.
const ROUNDS: u64 = 3;
const OPERATIONS: usize = 20;

/// What is tried at each point.
#[derive(Clone, Copy)]
struct Effort {
    /// Draws for each policy and size of a sector.
    draws: u64,
    /// At one of so many points, every operation of a recovery is a point, too.
    recoveries: u64,
    /// Random histories, and one of how many of their points is tried.
    histories: u64,
    sample: u64,
}

impl Effort {
    fn new(scale: Scale) -> Effort {
        match scale {
            Scale::Quick => Effort { draws: 1, recoveries: 40, histories: 8, sample: 20 },
            Scale::Standard => Effort { draws: 1, recoveries: 12, histories: 500, sample: 2 },
            Scale::Nightly => Effort { draws: 8, recoveries: 1, histories: 10_000, sample: 2 },
        }
    }
}

/// Where a crash happens, to tell and to replay it: `m5,split,137,coin:1`, and with a second crash at operation 12 of
/// the recovery, `m5,split,137,coin:1,12,none:0`. A random history has its seed and round in place of the script's
/// name: `m5,random:42:1,…`.
#[derive(Clone)]
struct Place {
    stage: Stage,
    workload: String,
}

enum Case<'a> {
    Script(Stage, &'a Workload, u64),
    History(Stage, u64),
}

/// All crashes of a run.
pub fn run(context: &Context) -> Result<Outcome> {
    let effort = Effort::new(context.scale);
    let scripts: Vec<(Stage, Workload)> = STAGES
        .iter()
        .flat_map(|stage| scripted(*stage).into_iter().map(|workload| (*stage, workload)))
        .collect();
    let mut cases = Vec::new();
    for (stage, workload) in &scripts {
        cases.extend((0..SHARDS).map(|shard| Case::Script(*stage, workload, shard)));
    }
    let histories = context.seed..context.seed + effort.histories;
    cases.extend(histories.zip(STAGES.iter().cycle()).map(|(seed, stage)| Case::History(*stage, seed)));
    let cases = context.share(cases);
    context.bar.set_length(cases.len() as u64);
    Ok(context.for_each(&cases, |case| {
        let outcome = match case {
            Case::Script(stage, workload, shard) => {
                crash_script(*stage, workload, *shard, effort, context.seed)
            }
            Case::History(stage, seed) => crash_history(*stage, *seed, effort),
        };
        context.bar.inc(1);
        Ok(outcome)
    }))
}

/// Crashes a script at each of its points (those of a shard), in every way.
fn crash_script(stage: Stage, workload: &Workload, shard: u64, effort: Effort, seed: u64) -> Outcome {
    let mut crashes = Crashes {
        setup: Setup { stage, sizes: workload.sizes },
        place: Place { stage, workload: workload.name.into() },
        outcome: Outcome::default(),
    };
    let walked = walk_script(crashes.setup, workload, &mut |point| {
        if point.number % SHARDS != shard {
            return Ok(());
        }
        crashes.outcome.count("crash points", 1);
        let fates = Fate::all(point.image, 0..effort.draws);
        for fate in &fates {
            crashes.crash(&point, *fate);
        }
        if (point.number / SHARDS + seed).is_multiple_of(effort.recoveries) {
            let fate = fates[mix(point.number, seed) as usize % fates.len()];
            crashes.crash_recovery(&point, fate, seed);
        }
        Ok(())
    });
    crashes.finish(walked.map(drop))
}

/// A random history with some crashes in it, and crashed besides at some of its points.
fn crash_history(stage: Stage, seed: u64, effort: Effort) -> Outcome {
    let mut random = Rng::with_seed(seed);
    let setup = history_setup(stage, &mut random);
    let mut crashes =
        Crashes { setup, place: Place { stage, workload: String::new() }, outcome: Outcome::default() };
    crashes.outcome.count("seeds", 1);
    let walked = history(setup, seed, &mut random, &mut |round, point| {
        crashes.place.workload = format!("random:{seed}:{round}");
        if mix(point.number, seed).is_multiple_of(effort.sample) {
            let fates = Fate::all(point.image, 0..2);
            crashes.crash(&point, fates[mix(seed, point.number) as usize % fates.len()]);
        }
        Ok(())
    });
    crashes.finish(walked)
}

/// Small or not so small sizes, by chance.
fn history_setup(stage: Stage, random: &mut Rng) -> Setup {
    let mut sizes = Sizes::SMALLEST;
    sizes.pages = random.choice([4, 4, 16, 64]).unwrap_or(4);
    sizes.max_wal_size = random.choice([1 << 16, 1 << 17, 1 << 19]).unwrap_or(1 << 17);
    Setup { stage, sizes }
}

/// Goes through a history: in each round random operations, then a crash, after which the next round goes on.
fn history(
    setup: Setup,
    seed: u64,
    random: &mut Rng,
    visit: &mut dyn FnMut(u64, Point) -> Result<(), String>,
) -> Result<(), String> {
    let mut disk = new_database(setup)?;
    let mut oracle = Oracle::new(setup.stage.has_catalogs());
    for round in 0..ROUNDS {
        // The crash that ends the round comes at a point drawn from those seen so far, each as likely as any other.
        let mut crash: Option<(Image, Oracle)> = None;
        let mut seen = 0;
        let mut lottery = Rng::with_seed(seed ^ round);
        let visit_and_draw = &mut |point: Point| {
            seen += 1;
            if lottery.u64(..seen) == 0 {
                crash = Some((point.image.clone(), point.oracle.clone()));
            }
            visit(round, point)
        };
        let mut walk = Walk::new(setup, disk, oracle, 0, visit_and_draw);
        walk_randomly(&mut walk, random, OPERATIONS)?;
        let Some((image, before)) = crash else { return Ok(()) };
        let fates = Fate::all(&image, 0..4);
        let fate = fates[random.usize(..fates.len())];
        disk = fate.befall(&image);
        let found = setup.examine(&disk.fork(), &before, seed)?;
        oracle = before.clone();
        oracle.settle(found);
        if fate.is_kill() {
            // What a commit in doubt has written is in the cache. The next process has not answered anybody before it is
            // open, and if the power goes until then, the doubt is decided anew.
            oracle.or(before);
        }
    }
    Ok(())
}

/// Crashes of one workload, and what came of them.
struct Crashes {
    setup: Setup,
    place: Place,
    outcome: Outcome,
}

impl Crashes {
    fn crash(&mut self, point: &Point, fate: Fate) {
        self.outcome.count("crash images", 1);
        let disk = fate.befall(point.image);
        let examined = self.setup.examine(&disk, point.oracle, follow_up_seed(point.number, fate));
        if let Err(what) = examined {
            self.fail(&format!("{},{fate}", point.number), &what);
        }
    }

    /// Crashes once, and then again at each operation of the recovery.
    fn crash_recovery(&mut self, point: &Point, fate: Fate, seed: u64) {
        let place = format!("{},{fate}", point.number);
        let images = match self.setup.recovery_points(&fate.befall(point.image)) {
            Ok(images) => images,
            Err(what) => return self.fail(&place, &what),
        };
        for (number, image) in images.iter().enumerate() {
            self.outcome.count("recovery points", 1);
            self.outcome.count("crash images", 1);
            let fates = Fate::all(image, 0..1);
            let second = fates[mix(number as u64, seed) as usize % fates.len()];
            let disk = second.befall(image);
            let examined = self.setup.examine(&disk, point.oracle, follow_up_seed(number as u64, second));
            if let Err(what) = examined {
                self.fail(&format!("{place},{number},{second}"), &what);
            }
        }
    }

    fn fail(&mut self, point: &str, what: &str) {
        let Place { stage, workload } = &self.place;
        self.outcome.failures.push(format!("{what}\n    cargo x crash --replay {stage},{workload},{point}"));
    }

    fn finish(mut self, walked: Result<(), String>) -> Outcome {
        if let Err(what) = walked {
            let Place { stage, workload } = &self.place;
            self.outcome.failures.push(format!("{stage},{workload}: without any crash: {what}"));
        }
        self.outcome
    }
}

/// What is done after a recovery follows from where the crash was, so that it can be replayed.
fn follow_up_seed(point: u64, fate: Fate) -> u64 {
    let draw = match fate {
        Fate::Kill => 1 << 32,
        Fate::KillWithin => 1 << 33,
        Fate::Cut(policy, seed) => (policy as u64) << 16 | seed,
    };
    mix(point, draw)
}

/// Two numbers into one that looks like chance.
fn mix(one: u64, other: u64) -> u64 {
    Rng::with_seed(one.rotate_left(32) ^ other).u64(..)
}
