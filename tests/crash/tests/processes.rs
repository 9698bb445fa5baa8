//! A few of everything that is done to the real programs.

use indicatif::ProgressBar;
use inox_crash::part::{Context, Outcome, Scale};
use inox_crash::processes;

fn figure(outcome: &Outcome, name: &str) -> u64 {
    outcome.figures.iter().find(|(known, _)| *known == name).map_or(0, |(_, number)| *number)
}

#[test]
fn what_was_acknowledged_survives_the_real_programs() {
    let context = Context { scale: Scale::Quick, seed: 1, share: 1, jobs: 2, bar: &ProgressBar::hidden() };
    let outcome = processes::run(&context).unwrap();
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    let skipped = |part: &str| outcome.skipped.iter().any(|skipped| skipped.contains(part));
    assert!(figure(&outcome, "kills") >= 10, "{outcome:?}");
    assert!(figure(&outcome, "syscall kills") >= 4 || skipped("system call"), "{outcome:?}");
    assert!(figure(&outcome, "syscall errors") >= 2 || skipped("system call"), "{outcome:?}");
    assert!(figure(&outcome, "power cuts") == 1 || skipped("power cuts"), "{outcome:?}");
}
