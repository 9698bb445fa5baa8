//! `kill -9` at random moments: in a load, while opening, while closing.
//!
//! A chain of kills goes over one directory. The process that shows what the last kill has left is the one that gets
//! the next load, so each round costs one start.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use tempfile::TempDir;

use super::dialect::Dialect;
use super::load::{self, Fresh};
use super::model::{Fate, State, fates, possible};
use super::program::{Ended, Program};
use crate::part::{Context, Outcome, Scale};

/// The milestones of the chains, over and over: most kills go to the last one.
const STAGES: [u32; 10] = [5, 4, 5, 2, 5, 3, 5, 4, 5, 5];

pub fn run(context: &Context) -> Outcome {
    let (chains, kills) = match context.scale {
        Scale::Quick => (4, [3, 3, 2, 2].as_slice()),
        Scale::Standard => (20, [25].as_slice()),
        Scale::Nightly => (800, [25].as_slice()),
    };
    let stages = if context.scale == Scale::Quick { &[5, 4, 3, 2] } else { STAGES.as_slice() };
    let chains: Vec<(u32, u64, u64)> = stages
        .iter()
        .cycle()
        .zip(kills.iter().cycle())
        .zip(0..chains)
        .map(|((stage, kills), number)| (*stage, context.seed.wrapping_add(number), *kills))
        .collect();
    context.bar.inc_length(chains.iter().map(|(_, _, kills)| kills).sum());
    context.for_each(&chains, |(stage, seed, kills)| {
        let outcome = chain(*stage, *seed, *kills);
        context.bar.inc(*kills);
        outcome
    })
}

/// So many kills of one milestone's program on one directory; the same seed asks for the same moments, as near as the
/// machine repeats itself.
pub fn chain(stage: u32, seed: u64, kills: u64) -> Result<Outcome> {
    let mut chain = Chain::new(stage, seed)?;
    let mut outcome = Outcome::default();
    // A process that ended by itself before its kill does not count, and happens only now and then.
    for round in 1..=kills * 4 {
        if chain.kills == kills {
            break;
        }
        if let Err(error) = chain.round() {
            let home = chain.home.keep();
            let failure =
                format!("kills m{stage}, seed {seed}, round {round}: {error:#} ({})", home.display());
            outcome.failures.push(failure);
            break;
        }
    }
    outcome.count("kills", chain.kills);
    Ok(outcome)
}

struct Chain {
    dialect: Dialect,
    random: Rng,
    home: TempDir,
    settings: &'static [&'static str],
    /// One of these is there.
    expected: Vec<State>,
    fresh: Fresh,
    kills: u64,
}

impl Chain {
    fn new(stage: u32, seed: u64) -> Result<Chain> {
        let mut random = Rng::with_seed(seed);
        Ok(Chain {
            dialect: Dialect { stage },
            settings: settings(stage, &mut random),
            random,
            home: tempfile::tempdir()?,
            expected: vec![State::new()],
            fresh: Fresh::default(),
            kills: 0,
        })
    }

    fn round(&mut self) -> Result<()> {
        let mut program = Program::start(self.dialect, self.home.path(), self.settings, &[])?;
        if self.random.u32(0..6) == 0 {
            let pause = Duration::from_micros(self.random.u64(0..12_000));
            let ended = program.kill(pause).context("killed while opening")?;
            return self.count(&ended);
        }
        let found = program.verify(&self.expected)?;
        let base = found.0.clone();
        let size = self.random.usize(5..50);
        let units = load::anything(self.dialect, found, &mut self.fresh, &mut self.random, size);
        let answers = units.iter().map(|unit| unit.statements.len()).sum();
        let closing = self.random.u32(0..5) == 0;
        program.load(&units);
        if closing {
            program.quit();
        }
        let answers = if closing { answers } else { self.random.usize(0..answers) };
        ensure!(program.wait_for(answers)?, "the program ended by itself");
        // A statement takes about a third of a millisecond, closing takes two.
        let pause = Duration::from_micros(self.random.u64(0..if closing { 4000 } else { 1500 }));
        let ended = program.kill(pause)?;
        self.count(&ended)?;
        let fates = fates(&units, &ended.said, true)?;
        let finished = fates.iter().all(|fate| *fate == Fate::Acknowledged);
        ensure!(finished || ended.killed(), "it ended by itself with {}: {}", ended.ending, ended.said);
        self.expected = possible(&base, &units, &fates);
        Ok(())
    }

    fn count(&mut self, ended: &Ended) -> Result<()> {
        ensure!(ended.killed() || ended.ending.0.success(), "{}: {}", ended.ending, ended.said);
        self.kills += u64::from(ended.killed());
        Ok(())
    }
}

/// Mostly so little memory and log that checkpoints, evictions and recycling never end; sometimes what everybody has.
fn settings(stage: u32, random: &mut Rng) -> &'static [&'static str] {
    match random.u32(0..6) {
        0 => &[],
        1 => &["--segment-size", "64kB", "--max-wal-size", "1MB"],
        _ if stage == 2 => &["--segment-size", "64kB", "--max-wal-size", "256kB", "--dirty-pages", "4"],
        _ => &["--segment-size", "64kB", "--max-wal-size", "256kB", "--shared-buffers", "16"],
    }
}
