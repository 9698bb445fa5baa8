//! Fuzzing: whatever bytes, wherever a milestone takes some in.
//!
//! The targets are functions of `inox-fuzz`. Here is who calls them: each case is a seed that was changed in a few places,
//! and follows from the target and its number alone, so that it can be done again. Nothing here learns from what
//! happened before; that is what `cargo fuzz` is for (`tests/fuzz/fuzz`), and what it finds becomes a seed.
//!
//! A panic is a failure, and so is memory without a bound, and a case that does not end. How many cases got past the
//! first check of what they are about is counted: a target that is never entered proves nothing.

mod mutate;

use std::cell::RefCell;
use std::fmt::{self, Write as _};

use anyhow::{Result, anyhow};
use inox_fuzz::{TARGETS, Target};

use crate::crashes::guarded;
use crate::part::{Context, Outcome, Scale};
use crate::watch::Watch;
use mutate::Mutator;

/// Cases that a thread takes at a time.
const CHUNK: u64 = 500;

/// What a case may allocate at one time.
const MAX_MEMORY: u64 = 128 << 20;

/// Numbers of cases with one seed of the run.
const NUMBERS: u32 = 40;

/// One case, as it stands after `--replay`.
#[derive(Clone, Copy)]
struct Case {
    target: &'static Target,
    number: u64,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "fuzz:{},{}", self.target.name, self.number)
    }
}

/// Some cases of a target, with what makes their inputs.
struct Chunk<'a> {
    mutator: &'a Mutator,
    target: &'static Target,
    first: u64,
    count: u64,
}

pub fn run(context: &Context) -> Result<Outcome> {
    let executions = match context.scale {
        Scale::Quick => 100_000,
        Scale::Standard => 5_000_000,
        Scale::Nightly => 1_000_000_000,
    };
    let mutators: Vec<(&'static Target, Mutator)> =
        TARGETS.iter().map(|target| (target, Mutator::new(target))).collect();
    let total: u64 = TARGETS.iter().map(|target| target.share).sum();
    let mut chunks = Vec::new();
    for (target, mutator) in &mutators {
        let count = (executions * target.share).div_ceil(total);
        let start = context.seed.wrapping_sub(1) << NUMBERS;
        // The slow ones come in small portions, or one thread would be at work when all others are through.
        let portion = if target.share < 20_000 { CHUNK / 20 } else { CHUNK };
        for first in (0..count).step_by(portion as usize) {
            let count = portion.min(count - first);
            chunks.push(Chunk { mutator, target, first: start + first, count });
        }
    }
    let chunks = context.share(chunks);
    context.bar.set_length(chunks.iter().map(|chunk| chunk.count).sum());
    Ok(Watch::over(|watch| {
        context.for_each(&chunks, |chunk| {
            let (mut outcome, mut through) = (Outcome::default(), 0);
            for number in chunk.first..chunk.first + chunk.count {
                let case = Case { target: chunk.target, number };
                watch.begin(case);
                match try_case(chunk.mutator, case) {
                    Ok(is_through) => through += u64::from(is_through),
                    Err(what) => outcome.failures.push(what),
                }
                watch.end();
            }
            outcome.count("fuzz executions", chunk.count);
            outcome.count(chunk.target.tried, chunk.count);
            outcome.count(chunk.target.through, through);
            context.bar.inc(chunk.count);
            Ok(outcome)
        })
    }))
}

/// Does one case again, by the name that a failure was reported with: `page,1234`.
pub fn replay(spec: &str) -> Result<Result<(), String>> {
    let case = spec.split_once(',').and_then(|(target, number)| {
        Some(Case { target: inox_fuzz::target(target)?, number: number.parse().ok()? })
    });
    let case = case.ok_or_else(|| anyhow!("{spec} is no case: say fuzz:page,1234"))?;
    let mutator = Mutator::new(case.target);
    let mut input = Vec::new();
    mutator.input(case.number, &mut input);
    inox_progress::print_line!("{}", show(&input, case.target.is_text));
    Ok(try_case(&mutator, case).map(drop))
}

/// The bytes of an input: as text, if they are.
fn show(input: &[u8], is_text: bool) -> String {
    match std::str::from_utf8(input) {
        Ok(text) if is_text => format!("{text:?}"),
        _ => input.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
    }
}

thread_local! {
    /// The input of each case, one after another.
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Whether the case got past the first check; or what is wrong.
fn try_case(mutator: &Mutator, case: Case) -> Result<bool, String> {
    INPUT.with_borrow_mut(|input| {
        mutator.input(case.number, input);
        let mut result = Ok(false);
        let memory = allocation_counter::measure(|| {
            result = guarded(|| Ok((case.target.run)(input)));
        });
        if memory.bytes_max > MAX_MEMORY {
            result = Err(format!("{} bytes allocated", memory.bytes_max));
        }
        result.map_err(|what| format!("{}: {what}\n    cargo x crash --replay {case}", case.target.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick() {
        let bar = indicatif::ProgressBar::hidden();
        let outcome = run(&Context { scale: Scale::Quick, seed: 1, share: 1, jobs: 2, bar: &bar }).unwrap();
        assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
        let figure = |name| outcome.figures.iter().find(|(known, _)| *known == name).map_or(0, |(_, n)| *n);
        assert!(figure("fuzz executions") >= 100_000);
        for target in TARGETS {
            let (tried, through) = (figure(target.tried), figure(target.through));
            assert!(through * 10 > tried, "{}: {through} of {tried} get through", target.name);
        }
    }

    #[test]
    fn an_input_follows_from_its_number() {
        for target in TARGETS {
            let (one, other) = (Mutator::new(target), Mutator::new(target));
            for number in [0, 1, 1000, 1 << 41] {
                let (mut first, mut second) = (Vec::new(), vec![1]);
                one.input(number, &mut first);
                other.input(number, &mut second);
                assert_eq!(first, second);
            }
        }
    }
}
