//! Rot: bytes that change while nobody looks.
//!
//! A small database of every stage, once closed in order and once killed, is damaged in one place after another: bits
//! flipped, files cut, pages exchanged, sectors lost, old bytes put back, contents forged under right checksums. Each
//! damaged copy is opened and read. The answer must be the right one, or an error that says where the damage is. A
//! panic, a wrong row without a word, a loop without an end, memory without a bound: each is a failure, and so is a
//! table that cannot be read for the damage in another's files.
//!
//! Two things cannot be noticed in this design, and they are counted under names of their own:
//!
//! - *The end of the log.* Records behind which nothing was made durable look like a write that the power interrupted.
//!   Allowed only where no record that is left, and not the control file, knows better; see `Image::lost_unwitnessed`.
//! - *Old pages*: whole, in their places, only not the newest. A disk that loses a write and says that it did not leaves
//!   this. Only a checksum kept elsewhere could tell. (An old segment of the log or an old control file is noticed,
//!   like other damage, as far as somebody knows better.)
//!
//! And damage may be met by a statement in the middle of its changes. It is that statement's error and nobody else's:
//! `statement` damages the pages of one table in turn while that is changed.
//!
//! Forged contents may make any row wrong; all that is asked there is that nothing panics and everything ends.

mod damage;
mod disk;
mod forge;
mod image;
mod judge;
mod statement;

use anyhow::{Context as _, Result, anyhow};
use fastrand::Rng;

use crate::engine::{STAGES, Stage, stage};
use crate::part::{Context, Outcome, Scale};
use crate::watch::Watch;
use damage::Kind;
use image::{End, Image};
use judge::{Fault, Verdict, judge};
use statement::Scene;

/// Cases that a thread takes at a time.
const CHUNK: usize = 64;

/// At one of so many cases the database is also written to and checked.
const USE_IT: u64 = 5;

/// What a report counts of them.
const FAULTS: [(&str, Fault); 2] = [("panics", Fault::Panic), ("silent wrong answers", Fault::Silent)];

/// In a case's name: not a file was damaged, and then looked at, but a page that a statement meets.
const STATEMENT: &str = "statement";

/// Some cases of one kind.
struct Chunk<'a> {
    image: &'a Image,
    kind: Kind,
    numbers: Vec<u64>,
}

pub fn run(context: &Context) -> Result<Outcome> {
    let (mut images, mut unsound) = (Vec::new(), Outcome::default());
    for stage in STAGES {
        for end in End::ALL {
            match Image::new(*stage, end) {
                Ok(image) => images.push(image),
                Err(error) => {
                    unsound.failures.push(format!("{stage},{}: without any damage: {error}", end.name()));
                }
            }
        }
    }
    if !unsound.failures.is_empty() {
        return Ok(unsound);
    }
    let mut chunks = Vec::new();
    for image in &images {
        for kind in Kind::ALL {
            let numbers = numbers(context.scale, image, kind, context.seed);
            let cut = numbers.chunks(CHUNK).map(|numbers| Chunk { image, kind, numbers: numbers.to_vec() });
            chunks.extend(cut);
        }
    }
    let chunks = context.share(chunks);
    context.bar.set_length(chunks.iter().map(|chunk| chunk.numbers.len() as u64).sum());
    let mut outcome = run_statements(context)?;
    outcome.add(Watch::over(|watch| {
        context.for_each(&chunks, |chunk| {
            let mut outcome = Outcome::default();
            for number in &chunk.numbers {
                let case = name(chunk.image, chunk.kind, *number);
                watch.begin(case.clone());
                try_case(chunk.image, chunk.kind, *number, &mut outcome, &case);
                watch.end();
            }
            context.bar.inc(chunk.numbers.len() as u64);
            Ok(outcome)
        })
    }));
    Ok(outcome)
}

/// Statements that meet a damaged page: each page of a table, as there are few.
fn run_statements(context: &Context) -> Result<Outcome> {
    let scenes = STAGES.iter().map(|stage| scene(*stage)).collect::<Result<Vec<_>>>()?;
    let cases = scenes
        .iter()
        .zip(STAGES)
        .flat_map(|(scene, stage)| (0..scene.count()).map(move |number| (scene, *stage, number)));
    let cases = context.share(cases.collect());
    Ok(context.for_each(&cases, |(scene, stage, number)| Ok(try_statement(scene, *stage, *number))))
}

fn scene(stage: Stage) -> Result<Scene> {
    Scene::new(stage).map_err(|error| anyhow!("{stage}: without any damage: {error}"))
}

fn try_statement(scene: &Scene, stage: Stage, number: u64) -> Outcome {
    let mut outcome = Outcome::default();
    let judged = scene.judge(number);
    for (figure, fault) in FAULTS {
        outcome.count(figure, u64::from(matches!(&judged, Err((found, _)) if *found == fault)));
    }
    outcome.count("corruption cases", 1);
    match judged {
        Ok(refused) => outcome.count("rot: statements refused", u64::from(refused)),
        Err((fault, how)) => outcome
            .failures
            .push(format!("{fault:?}: {how}\n    cargo x crash --replay rot:{stage},{STATEMENT},{number}")),
    }
    outcome
}

/// Does one case again, by the name that a failure was reported with: `rot:m5,clean,bit,1234`.
pub fn replay(spec: &str) -> Result<Outcome> {
    let parts: Vec<&str> = spec.trim_start_matches("rot:").split(',').collect();
    if let [stage_name, STATEMENT, number] = parts.as_slice() {
        let stage = stage(stage_name).with_context(|| format!("no stage {stage_name}"))?;
        return Ok(try_statement(&scene(stage)?, stage, number.parse().context("no number of a case")?));
    }
    let [stage_name, end, kind, number] = parts.as_slice() else {
        return Err(anyhow!("{spec} is no case: say rot:m5,clean,bit,1234"));
    };
    let stage = stage(stage_name).with_context(|| format!("no stage {stage_name}"))?;
    let end = End::ALL.into_iter().find(|known| known.name() == *end).context("no such end")?;
    let kind = Kind::ALL.into_iter().find(|known| known.to_string() == *kind).context("no such damage")?;
    let image = Image::new(stage, end).map_err(|error| anyhow!("{error}"))?;
    let mut outcome = Outcome::default();
    let number = number.parse().context("no number of a case")?;
    let case = name(&image, kind, number);
    try_case(&image, kind, number, &mut outcome, &case);
    Ok(outcome)
}

fn name(image: &Image, kind: Kind, number: u64) -> String {
    format!("rot:{},{},{kind},{number}", image.stage, image.end.name())
}

fn try_case(image: &Image, kind: Kind, number: u64, outcome: &mut Outcome, case: &str) {
    let Some((files, what)) = kind.befall(image, number) else { return };
    let verdict = judge(image, &files, kind, number.is_multiple_of(USE_IT));
    for (figure, fault) in FAULTS {
        outcome.count(figure, u64::from(matches!(&verdict, Verdict::Failure(found, _) if *found == fault)));
    }
    outcome.count("corruption cases", 1);
    match verdict {
        Verdict::Right => outcome.count("rot: right answers", 1),
        Verdict::Refused => outcome.count("rot: refused", 1),
        Verdict::Partly => outcome.count("rot: one table refused, the others right", 1),
        Verdict::Forged => outcome.count("rot: forged rows", 1),
        Verdict::LostTail => outcome.count("rot: ends of the log lost, like torn writes", 1),
        Verdict::StalePage => outcome.count("rot: old pages unnoticed", 1),
        Verdict::Failure(fault, how) => {
            let failure = format!("{fault:?}: {what}: {how}\n    cargo x crash --replay {case}");
            outcome.failures.push(failure);
        }
    }
}

/// Which cases of a kind are tried. A night is enough for one bit of every byte, and for everything else entirely.
fn numbers(scale: Scale, image: &Image, kind: Kind, seed: u64) -> Vec<u64> {
    let all = kind.count(image);
    match (scale, kind) {
        (Scale::Nightly, Kind::Bit) => {
            let mut random = Rng::with_seed(seed);
            (0..all / 8).map(|byte| byte * 8 + random.u64(..8)).collect()
        }
        (Scale::Nightly, _) => (0..all).collect(),
        (Scale::Standard, _) => sample(all, quota(image, kind), seed),
        (Scale::Quick, _) => sample(all, quota(image, kind) / 200 + 1, seed),
    }
}

/// How many cases of a kind a standard run tries: for the second and the last stage most, for those between, which
/// have the same files and the same log, fewer.
fn quota(image: &Image, kind: Kind) -> u64 {
    let standard = match kind {
        Kind::Bit | Kind::Byte => 6000,
        Kind::Cut | Kind::ForgedPage => 3500,
        Kind::Sector | Kind::ForgedRecord => 2500,
        Kind::Pages => 2000,
        Kind::Swap | Kind::StalePage | Kind::Link => 1200,
        Kind::Slack | Kind::ForgedControl => 500,
        Kind::Grow | Kind::Gone | Kind::StaleFile | Kind::Segment => 300,
    };
    let is_end =
        [STAGES.first(), STAGES.last()].into_iter().flatten().any(|s| s.number == image.stage.number);
    let share = if is_end { 80 } else { 20 };
    standard * share / 100
}

/// So many different numbers below `all`, spread evenly, others for each seed.
fn sample(all: u64, quota: u64, seed: u64) -> Vec<u64> {
    if quota >= all {
        return (0..all).collect();
    }
    // Steps of the golden ratio leave gaps of nearly the same size; without a common divisor, no number comes twice.
    let mut step = (all as f64 * 0.618_033_988_75) as u64 | 1;
    while gcd(step, all) != 1 {
        step += 1;
    }
    let start = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) % all;
    (0..quota)
        .map(|index| ((u128::from(start) + u128::from(index) * u128::from(step)) % u128::from(all)) as u64)
        .collect()
}

fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { gcd(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick() {
        let bar = indicatif::ProgressBar::hidden();
        let outcome = run(&Context { scale: Scale::Quick, seed: 1, share: 1, jobs: 2, bar: &bar }).unwrap();
        assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
        let cases = outcome.figures.iter().find(|(name, _)| *name == "corruption cases").unwrap().1;
        assert!(cases > 400, "only {cases} cases");
        let refused = outcome.figures.iter().find(|(name, _)| *name == "rot: statements refused").unwrap().1;
        assert!(refused > 400, "only {refused} statements met the damage");
    }

    #[test]
    fn a_sample_has_each_number_once() {
        for (all, quota) in [(10, 20), (1000, 999), (1 << 20, 5000), (7, 3)] {
            let numbers: std::collections::BTreeSet<u64> = sample(all, quota, 3).into_iter().collect();
            assert_eq!(numbers.len() as u64, quota.min(all));
            assert!(numbers.iter().all(|number| *number < all));
        }
    }
}
