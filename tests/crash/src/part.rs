//! What the parts of a run have in common: how much they do, how they do it side by side, and what they answer.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;
use indicatif::ProgressBar;

use crate::{crashes, failures, planted, rot};
#[cfg(feature = "whole")]
use crate::{fuzz, images, processes};

/// A part of a run.
pub struct Part {
    pub name: &'static str,
    pub about: &'static str,
    pub run: fn(&Context) -> Result<Outcome>,
}

pub const PARTS: &[Part] = &[
    Part { name: "crashes", about: "power cuts and kills at every operation of the disk", run: crashes::run },
    Part { name: "failures", about: "every operation of the disk fails", run: failures::run },
    Part { name: "rot", about: "damaged files", run: rot::run },
    #[cfg(feature = "whole")]
    Part { name: "fuzz", about: "whatever bytes, wherever some come in", run: fuzz::run },
    #[cfg(feature = "whole")]
    Part { name: "processes", about: "the real programs on a real disk, killed", run: processes::run },
    #[cfg(feature = "whole")]
    Part { name: "images", about: "disks that the real programs' own calls lead to", run: images::run },
    Part { name: "planted", about: "bugs that were put in, to be found", run: planted::run },
];

/// The part with that name.
pub fn part(name: &str) -> Result<&'static Part, String> {
    PARTS.iter().find(|part| part.name == name).ok_or_else(|| {
        let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        format!("there is no part {name}, only {}", names.join(", "))
    })
}

/// After so many failures a part stops looking for more.
const MAX_FAILURES: usize = 20;

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A few of everything, in seconds: for unit tests, and for trying a change.
    Quick,
    /// What every change has to pass, in minutes.
    Standard,
    /// As much as a night allows.
    Nightly,
}

/// What a part needs to know to run.
pub struct Context<'a> {
    pub scale: Scale,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Only each case of so many has its turn; the seed decides which, so that the next run has others.
    pub share: u64,
    /// How many threads to use.
    pub jobs: usize,
    /// To be moved on with each case done; the part sets its length.
    pub bar: &'a ProgressBar,
}

/// What a part found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was counted, by the name it has in the report; the same name from several parts is added up.
    pub figures: Vec<(&'static str, u64)>,
    /// Each failure in one line that says what is wrong and how to see it again.
    pub failures: Vec<String>,
    /// What was left out, and why, for the report.
    pub skipped: Vec<String>,
}

impl Outcome {
    pub fn count(&mut self, name: &'static str, number: u64) {
        match self.figures.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += number,
            None => self.figures.push((name, number)),
        }
    }

    pub fn add(&mut self, other: Outcome) {
        for (name, number) in other.figures {
            self.count(name, number);
        }
        self.failures.extend(other.failures);
        self.skipped.extend(other.skipped);
    }
}

impl Context<'_> {
    /// Those of the cases that have their turn.
    pub fn share<T>(&self, cases: Vec<T>) -> Vec<T> {
        let turn = self.seed % self.share;
        (0..).zip(cases).filter(|(number, _)| number % self.share == turn).map(|(_, case)| case).collect()
    }

    /// Does `work` for each of the items, on several threads; the outcomes together. Stops early once there are
    /// failures enough.
    pub fn for_each<T: Sync>(&self, items: &[T], work: impl Fn(&T) -> Result<Outcome> + Sync) -> Outcome {
        let (next, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
        let total = Mutex::new(Outcome::default());
        let worker = || {
            while !enough.load(Ordering::Relaxed) {
                let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                let outcome = work(item).unwrap_or_else(|error| Outcome {
                    failures: vec![format!("{error:#}")],
                    ..Outcome::default()
                });
                let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                total.add(outcome);
                if total.failures.len() >= MAX_FAILURES {
                    enough.store(true, Ordering::Relaxed);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(worker);
            }
        });
        total.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
