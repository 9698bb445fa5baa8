//! A few images of recorded programs, and a lie that must be noticed.

use indicatif::ProgressBar;
use inox_crash::images;
use inox_crash::part::{Context, Outcome, Scale};

fn figure(outcome: &Outcome, name: &str) -> u64 {
    outcome.figures.iter().find(|(known, _)| *known == name).map_or(0, |(_, number)| *number)
}

#[test]
fn what_was_acknowledged_is_in_every_image() {
    let context = Context { scale: Scale::Quick, seed: 1, share: 1, jobs: 2, bar: &ProgressBar::hidden() };
    let outcome = images::run(&context).unwrap();
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    if outcome.skipped.is_empty() {
        assert!(figure(&outcome, "recorded images") >= 60, "{outcome:?}");
        assert_eq!(figure(&outcome, "recorded images: failed syncs"), 1, "{outcome:?}");
        assert_eq!(figure(&outcome, "recorded images: lies of a disk caught"), 1, "{outcome:?}");
    }
}
