//! A history: two processes in a row on one disk, both recorded. Either the power goes under the first, or one of its syncs
//! fails; the second one recovers and goes on. Images are taken from both.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail, ensure};
use fastrand::Rng;
use inox_tests::stages;

use super::disk::{Disk, is_segment};
use super::fate::Fate;
use super::journal::{Event, SyncCall, Synced};
use super::recording::{Recording, Script};
use super::view::{self, Setup};
use crate::part::Outcome;
use crate::processes::dialect::{Dialect, Places};
use crate::processes::load::{self, Fresh};
use crate::processes::model::{State, Unit};

/// How many statements and blocks a random script has.
const UNITS: usize = 50;

/// Of the images, so many of each hundred are the first process's.
const OF_FIRST: usize = 40;

/// How the first process comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is closed in order; the second one finds what a power cut at some moment before has left.
    Cut,
    /// A sync fails, and it has to refuse. The second one finds what the cache of the operating system shows.
    FailedSync,
}

#[derive(Clone, Copy, Debug)]
pub struct History {
    pub stage: u32,
    pub kind: Kind,
    pub seed: u64,
}

/// One image: of the first process (1) or of the second (2), after so many of its events.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    process: usize,
    point: usize,
    fate: Fate,
}

impl History {
    /// The milestone's program.
    pub fn setup(&self) -> Result<Setup> {
        self.setup_of(stages::program(self.stage)?)
    }

    /// Another program in its place. Little memory and little log, so that a short script passes many checkpoints; with larger
    /// segments some are used again.
    pub fn setup_of(&self, program: &std::path::Path) -> Result<Setup> {
        let settings: &[&str] = match (self.stage, self.seed % 3) {
            (2, 0) => &["--segment-size", "256kB", "--max-wal-size", "256kB", "--dirty-pages", "4"],
            (2, _) => &["--segment-size", "64kB", "--max-wal-size", "64kB", "--dirty-pages", "4"],
            (_, 0) => &["--segment-size", "256kB", "--max-wal-size", "256kB", "--shared-buffers", "16"],
            _ => &["--segment-size", "64kB", "--max-wal-size", "64kB", "--shared-buffers", "16"],
        };
        Ok(Setup { program: program.to_owned(), dialect: Dialect { stage: self.stage }, settings })
    }

    /// Looks at so many images.
    pub fn run(&self, setup: &Setup, count: usize) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let recordings = match self.record(setup) {
            Ok(recordings) => recordings,
            Err(error) => {
                outcome.failures.push(format!("{self}: {error:#}"));
                return Ok(outcome);
            }
        };
        let mut random = Rng::with_seed(self.seed);
        let of_first = count * OF_FIRST / 100;
        for (process, count, recording) in
            [(1, of_first, &recordings.0), (2, count - of_first, &recordings.1)]
        {
            outcome.count("recorded images: sync points", recording.sync_points());
            let (mut seen, mut looked) = (HashSet::new(), 0);
            // Some will be the same: those are drawn again, though not for ever.
            for _ in 0..4 {
                let spots = recording.draw(count, &mut random);
                recording.walk(&spots, &mut seen, false, &mut |point, fate, image, expected| {
                    if looked == count || !outcome.failures.is_empty() {
                        return Ok(());
                    }
                    looked += 1;
                    outcome.count("recorded images", 1);
                    if let Err(error) = setup.look(&image, expected) {
                        let spot = Spot { process, point, fate };
                        outcome.failures.push(self.failure(&spot, &error));
                    }
                    Ok(())
                })?;
            }
        }
        if self.kind == Kind::FailedSync {
            outcome.count("recorded images: failed syncs", 1);
        }
        Ok(outcome)
    }

    fn failure(&self, spot: &Spot, error: &anyhow::Error) -> String {
        format!("{error:#}\n    cargo x crash --replay images:{self},{spot}")
    }

    /// Looks at one image again.
    pub fn replay(&self, spot: &Spot) -> Result<Result<(), String>> {
        let setup = self.setup()?;
        let recordings = self.record(&setup)?;
        let recording = if spot.process == 1 { &recordings.0 } else { &recordings.1 };
        let mut judged = Ok(());
        let spots = [(spot.point, spot.fate)];
        recording.walk(&spots, &mut HashSet::new(), false, &mut |_, _, image, expected| {
            if spot.process == 2 && self.kind == Kind::FailedSync {
                inox_progress::print_text!(
                    "The first process:\n{}The second:\n",
                    recordings.0.tell(recordings.0.from + 1)
                );
            }
            inox_progress::print_text!("{}", recording.tell(spot.point));
            let home = view::folder()?;
            judged = setup.look(&image, expected).map(drop).map_err(|error| format!("{error:#}"));
            if judged.is_err() {
                view::write(&image, home.path())?;
                inox_progress::print_line!("The image is in {}.", home.keep().display());
            }
            Ok(())
        })?;
        Ok(judged)
    }

    /// Both processes.
    fn record(&self, setup: &Setup) -> Result<(Recording, Recording)> {
        let mut random = Rng::with_seed(self.seed ^ 0x696d_6167);
        let first = self.undisturbed(setup)?;
        match self.kind {
            Kind::Cut => {
                let second = self.after_cut(setup, &first, &mut random)?;
                Ok((first, second))
            }
            Kind::FailedSync => self.after_failure(setup, &first, &mut random),
        }
    }

    /// The first process where nothing is in its way: it has to do everything that it is told.
    pub fn undisturbed(&self, setup: &Setup) -> Result<Recording> {
        let first = self.first_in(setup, &view::folder()?, None)?;
        ensure!(first.succeeded && first.is_acknowledged()?, "undisturbed, it says: {}", first.said);
        Ok(first)
    }

    fn first_in(
        &self,
        setup: &Setup,
        home: &tempfile::TempDir,
        fails: Option<&SyncCall>,
    ) -> Result<Recording> {
        let mut units = |_| match self.seed % 2 {
            0 if setup.dialect.is_sql() => self.anything(setup.dialect, (State::new(), Places::new()), 1),
            _ => load::everything(setup.dialect),
        };
        let script = Script { base: vec![State::new()], asks: false, fails, units: &mut units };
        Recording::new(setup, home.path(), Disk::default(), script).context("the first process")
    }

    fn anything(&self, dialect: Dialect, found: (State, Places), first: u64) -> Vec<Unit> {
        let mut fresh = Fresh { id: first, version: first };
        load::anything(dialect, found, &mut fresh, &mut Rng::with_seed(self.seed ^ first), UNITS)
    }

    fn second(
        &self,
        setup: &Setup,
        home: &tempfile::TempDir,
        start: Disk,
        base: Vec<State>,
    ) -> Result<Recording> {
        let mut units = |found| self.anything(setup.dialect, found, 10_000);
        let script = Script { base, asks: true, fails: None, units: &mut units };
        let second = Recording::new(setup, home.path(), start, script).context("the second process")?;
        ensure!(second.succeeded && second.is_acknowledged()?, "the second process says: {}", second.said);
        Ok(second)
    }

    fn after_cut(&self, setup: &Setup, first: &Recording, random: &mut Rng) -> Result<Recording> {
        let spots = first.draw(1, random);
        let mut second = None;
        first.walk(&spots, &mut HashSet::new(), false, &mut |_, _, image, expected| {
            let home = view::folder()?;
            view::write(&image, home.path())?;
            second = Some(self.second(setup, &home, Disk::new(&image), expected.to_vec())?);
            Ok(())
        })?;
        second.context("the first process has done nothing")
    }

    fn after_failure(
        &self,
        setup: &Setup,
        undisturbed: &Recording,
        random: &mut Rng,
    ) -> Result<(Recording, Recording)> {
        let sync = pick(undisturbed, random)?;
        let home = view::folder()?;
        let mut first = self.first_in(setup, &home, Some(&sync))?;
        let failed = first.find(|_, event, _| matches!(event, Event::Sync { failed: true, .. }));
        first.from = failed.with_context(|| format!("{} {} was not made", sync.call, sync.number))?;
        let told = first.said.contains("Input/output error") && !first.said.contains("panicked");
        let refused = !first.succeeded || !first.is_acknowledged()?;
        ensure!(told || !refused, "after {} {} has failed, it says: {}", sync.call, sync.number, first.said);
        let of_log =
            first.find(|number, event, disk| number == first.from && is_of_log(event, disk)).is_some();
        ensure!(refused || !of_log, "a sync of the log failed ({}), and it does not refuse", sync.number);
        let second = self.second(setup, &home, first.end.clone(), first.expected()?);
        let second = second.with_context(|| format!("after {} {} has failed", sync.call, sync.number))?;
        Ok((first, second))
    }
}

fn is_of_log(event: &Event, disk: &Disk) -> bool {
    matches!(event, Event::Sync { node: Synced::File(file), .. } if disk.path(*file).is_some_and(is_segment))
}

/// A sync that is to fail: mostly one of the log, often one of the data, sometimes any.
fn pick(recording: &Recording, random: &mut Rng) -> Result<SyncCall> {
    let wanted = random.u8(0..4);
    let mut syncs = Vec::new();
    recording.find(|number, event, disk| {
        let fits = match (wanted, event) {
            (0 | 1, event) => is_of_log(event, disk),
            (2, Event::Sync { node: Synced::File(file), .. }) => {
                disk.path(*file).is_some_and(|path| path.contains("/base/"))
            }
            (_, event) => matches!(event, Event::Sync { .. }),
        };
        if fits {
            syncs.extend(recording.syncs.iter().find(|sync| sync.event == number));
        }
        false
    });
    random.choice(syncs).cloned().context("nothing is synced")
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Kind::Cut => "cut",
            Kind::FailedSync => "failed-sync",
        })
    }
}

impl FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Kind> {
        let known = [Kind::Cut, Kind::FailedSync].into_iter().find(|kind| kind.to_string() == name);
        known.with_context(|| format!("{name} is no kind of history: say cut or failed-sync"))
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "m{},{},{}", self.stage, self.kind, self.seed)
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{},{},{}", self.process, self.point, self.fate)
    }
}

/// Reads what stands after `--replay images:`.
pub fn parse(case: &str) -> Result<(History, Spot)> {
    let parts: Vec<&str> = case.split(',').collect();
    let [stage, kind, seed, process, point, fate] = parts.as_slice() else {
        bail!("{case} is no image: say m5,cut,1,2,345,coin:3");
    };
    let history = History { stage: stages::number(stage)?, kind: kind.parse()?, seed: seed.parse()? };
    Ok((history, Spot { process: process.parse()?, point: point.parse()?, fate: Fate::from_str(fate)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_can_be_had_again_by_what_a_failure_says() {
        for case in ["m5,cut,17,1,345,coin:3", "m2,failed-sync,1,2,7,nothing"] {
            let (history, spot) = parse(case).unwrap();
            assert_eq!(format!("{history},{spot}"), case);
        }
        assert!(parse("m5,cut,17").is_err() && parse("m5,other,1,1,1,last").is_err());
    }
}
