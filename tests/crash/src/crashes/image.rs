//! One crash: what is left on the disk is opened, looked at, used, crashed again, and looked at again.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::Arc;

use fastrand::Rng;
use m1_storage::vfs::SimulatedVfs;
use m1_storage::vfs::simulated::Survival;

use crate::engine::{Engine, Sizes, Stage};
use crate::model::{Op, Oracle, State};
use crate::tap::{Image, Tap};
use crate::workload::follow_up;

/// How a process or its machine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// `kill -9`: the cache of the operating system survives.
    Kill,
    /// The same in the middle of a write.
    KillWithin,
    /// The power goes; the seed is the draw, and whether sectors have 512 or 4096 bytes.
    Cut(Survival, u64),
}

impl Fate {
    /// The ends to try at a point: the kill, and each policy with these draws for each size of a sector. Where nothing was
    /// pending there is nothing to draw.
    pub fn all(image: &Image, draws: Range<u64>) -> Vec<Fate> {
        let mut fates = vec![Fate::Kill];
        fates.extend(image.within.is_some().then_some(Fate::KillWithin));
        let left = image.disk.fork().power_cut(Survival::None, 0);
        if left.files.is_empty() && left.lost_names.is_empty() {
            return fates;
        }
        fates.extend([Fate::Cut(Survival::None, 0), Fate::Cut(Survival::All, 0)]);
        for policy in Survival::POLICIES {
            match policy {
                Survival::None | Survival::All => {}
                Survival::OnlyLast => fates.push(Fate::Cut(policy, 0)),
                _ => fates.extend((2 * draws.start..2 * draws.end).map(|seed| Fate::Cut(policy, seed))),
            }
        }
        fates
    }

    /// Whether the cache of the operating system survives.
    pub fn is_kill(self) -> bool {
        matches!(self, Fate::Kill | Fate::KillWithin)
    }

    /// The disk after it.
    pub fn befall(self, image: &Image) -> SimulatedVfs {
        match (self, &image.within) {
            (Fate::KillWithin, Some(disk)) => disk.fork(),
            (Fate::Kill | Fate::KillWithin, _) => image.disk.fork(),
            (Fate::Cut(policy, seed), _) => {
                let disk = image.disk.fork();
                disk.power_cut(policy, seed);
                disk
            }
        }
    }

    /// What it left, in words.
    pub fn told(self, image: &Image) -> String {
        match self {
            Fate::Kill => "kill -9".into(),
            Fate::KillWithin => "kill -9 in the middle of a write".into(),
            Fate::Cut(policy, seed) => image.disk.fork().power_cut(policy, seed).to_string(),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Fate::Kill => write!(f, "kill"),
            Fate::KillWithin => write!(f, "kill-within"),
            Fate::Cut(policy, seed) => write!(f, "{policy}:{seed}"),
        }
    }
}

impl FromStr for Fate {
    type Err = String;

    fn from_str(text: &str) -> Result<Fate, String> {
        if let Some(kill) = [Fate::Kill, Fate::KillWithin].into_iter().find(|kill| kill.to_string() == text) {
            return Ok(kill);
        }
        let (policy, seed) =
            text.split_once(':').ok_or_else(|| format!("{text} is no fate: say kill or coin:3"))?;
        let seed = seed.parse().map_err(|_| format!("{seed} is no seed"))?;
        Ok(Fate::Cut(policy.parse()?, seed))
    }
}

/// A stage with its sizes, ready to be opened on any disk.
#[derive(Clone, Copy)]
pub struct Setup {
    pub stage: Stage,
    pub sizes: Sizes,
}

impl Setup {
    /// Recovers, reads and checks; the database and what is in it.
    fn recover(self, disk: &SimulatedVfs) -> Result<(Box<dyn Engine>, State), String> {
        let opened = self.stage.open(Arc::new(disk.clone()), self.sizes);
        let mut engine = opened.map_err(|error| format!("cannot be opened: {error}"))?;
        let found = engine.read().map_err(|error| format!("cannot be read: {error}"))?;
        let problems = engine.check();
        match problems.first() {
            Some(problem) if problems.len() == 1 => Err(format!("the check finds a problem: {problem}")),
            Some(problem) => Err(format!("the check finds {} problems: {problem}", problems.len())),
            None => Ok((engine, found)),
        }
    }

    /// Looks at what a crash left: the state must be right by the oracle, and stay so after going on and crashing
    /// once more. What is done in between follows from `seed`.
    pub fn examine(self, disk: &SimulatedVfs, oracle: &Oracle, seed: u64) -> Result<State, String> {
        guarded(|| {
            let mut random = Rng::with_seed(seed);
            let (found, expected) = self.use_again(disk, oracle, &mut random)?;
            let policy =
                random.choice([Survival::None, Survival::None, Survival::Coin, Survival::TornPrefix]);
            disk.power_cut(policy.unwrap_or(Survival::None), random.u64(..));
            let (_, again) = self.recover(disk).map_err(|error| format!("after a second crash: {error}"))?;
            if again != expected {
                return Err(format!("what was decided did not stay so: {}", again.difference(&expected)));
            }
            Ok(found)
        })
    }

    /// The same without another crash.
    pub fn look(self, disk: &SimulatedVfs, oracle: &Oracle, seed: u64) -> Result<(), String> {
        guarded(|| self.use_again(disk, oracle, &mut Rng::with_seed(seed)).map(drop))
    }

    /// What was found, which must be right, and what must be there after going on.
    fn use_again(
        self,
        disk: &SimulatedVfs,
        oracle: &Oracle,
        random: &mut Rng,
    ) -> Result<(State, State), String> {
        let (mut engine, found) = self.recover(disk)?;
        oracle.judge(&found)?;
        let expected = go_on(&mut *engine, &found, random)?;
        Ok((found, expected))
    }

    /// Recovers on a tapped disk: a copy after each operation of the recovery.
    pub fn recovery_points(self, disk: &SimulatedVfs) -> Result<Vec<Image>, String> {
        let tap = Tap::new(disk);
        guarded(|| match self.stage.open(Arc::new(tap.clone()), self.sizes) {
            Ok(_) => Ok(tap.take()),
            Err(error) => Err(format!("cannot be opened: {error}")),
        })
    }
}

/// Does what somebody does after a recovery; what must be there after another crash.
fn go_on(engine: &mut dyn Engine, found: &State, random: &mut Rng) -> Result<State, String> {
    let (ops, committed) = follow_up(random, found);
    let mut expected = found.clone();
    for op in &ops {
        engine.apply(op).map_err(|error| format!("cannot go on with {op}: {error}"))?;
        if committed || matches!(op, Op::Create(_)) {
            expected.apply(op);
        }
    }
    Ok(expected)
}

/// A panic is a failure like any other.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!(
            "panic: {}",
            text.or_else(|| panic.downcast_ref().copied()).unwrap_or("of an unknown kind")
        ))
    })
}
