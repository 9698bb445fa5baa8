//! The report that closes a run: what was tried, in figures, what failed, and whether it was as much as promised.

use std::fmt;

use crate::part::{Outcome, PARTS, Part, Scale};

/// How much a run has to try: the name of a figure, and how much of it in a standard run and in a nightly one.
const BAR: &[(&str, u64, u64)] = &[
    ("crash images", 200_000, 2_000_000),
    ("crash points", 1_000, 1_000),
    ("recovery points", 1_000, 10_000),
    ("seeds", 500, 10_000),
    ("io failures", 95_000, 95_000),
    ("planted bugs", 14, 14),
    ("planted bugs caught", 14, 14),
    ("kills", 500, 20_000),
    ("recorded images", 5_000, 50_000),
    ("corruption cases", 100_000, 10_000_000),
    ("fuzz executions", 5_000_000, 1_000_000_000),
];

/// What must never happen, however much is tried.
const NEVER: &[&str] = &["panics", "silent wrong answers"];

pub struct Report {
    scale: Scale,
    /// Only one case of so many was tried.
    share: u64,
    parts: usize,
    total: Outcome,
}

impl Report {
    pub fn new(scale: Scale, share: u64) -> Report {
        Report { scale, share, parts: 0, total: Outcome::default() }
    }

    pub fn add(&mut self, part: &Part, outcome: Outcome) {
        self.parts += 1;
        self.total.add(outcome);
        self.total.failures.iter_mut().for_each(|failure| {
            if !failure.starts_with('[') {
                *failure = format!("[{}] {failure}", part.name);
            }
        });
    }

    fn figure(&self, name: &str) -> u64 {
        self.total.figures.iter().find(|(known, _)| *known == name).map_or(0, |(_, figure)| *figure)
    }

    /// Those that the bar asks for come first, then the others by name.
    fn figures(&self) -> Vec<(&'static str, u64)> {
        let asked = BAR.iter().map(|(name, ..)| *name).chain(NEVER.iter().copied());
        let place = |name| asked.clone().position(|known| known == name).unwrap_or(usize::MAX);
        let mut figures = self.total.figures.clone();
        figures.sort_by_key(|(name, _)| (place(*name), *name));
        figures
    }

    /// What was tried less often than it has to be; asked of whole runs only.
    fn shortfalls(&self) -> Vec<String> {
        if self.scale == Scale::Quick || self.share > 1 || self.parts < PARTS.len() {
            return Vec::new();
        }
        let wanted = BAR.iter().map(|(name, standard, nightly)| match self.scale {
            Scale::Nightly => (*name, *nightly),
            Scale::Standard | Scale::Quick => (*name, *standard),
        });
        // What this machine does not allow is said, and not held against the run.
        let is_skipped = |name: &str| self.total.skipped.iter().any(|skipped| skipped.starts_with(name));
        let short = wanted.filter(|(name, wanted)| self.figure(name) < *wanted && !is_skipped(name));
        short.map(|(name, wanted)| format!("{name}: {} of at least {wanted}", self.figure(name))).collect()
    }

    pub fn is_good(&self) -> bool {
        self.total.failures.is_empty()
            && NEVER.iter().all(|name| self.figure(name) == 0)
            && self.figure("planted bugs") == self.figure("planted bugs caught")
            && self.shortfalls().is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for failure in &self.total.failures {
            writeln!(f, "\nFAILURE {failure}")?;
        }
        writeln!(f)?;
        for shortfall in self.shortfalls() {
            writeln!(f, "TOO LITTLE {shortfall}")?;
        }
        for skipped in &self.total.skipped {
            writeln!(f, "skipped: {skipped}")?;
        }
        for (name, figure) in self.figures() {
            writeln!(f, "{name}: {figure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(scale: Scale) -> Report {
        let mut report = Report::new(scale, 1);
        for part in PARTS {
            report.add(part, Outcome::default());
        }
        for (name, standard, _) in BAR {
            report.total.count(name, *standard);
        }
        report
    }

    #[test]
    fn a_run_that_tries_enough_and_finds_nothing_is_good() {
        assert!(full(Scale::Standard).is_good());
        assert!(!full(Scale::Nightly).is_good());
    }

    #[test]
    fn what_was_skipped_does_not_fall_short() {
        let mut report = Report::new(Scale::Standard, 1);
        for part in PARTS {
            report.add(part, Outcome::default());
        }
        for (name, standard, _) in BAR.iter().filter(|(name, ..)| *name != "recorded images") {
            report.total.count(name, *standard);
        }
        assert!(!report.is_good());
        report.total.skipped.push("recorded images: strace is not installed".into());
        assert!(report.is_good());
    }

    #[test]
    fn what_was_promised_is_printed_first_and_everything_in_order() {
        let mut report = Report::new(Scale::Quick, 1);
        for name in ["rot: right answers", "panics", "crashes: more", "seeds", "crash images"] {
            report.total.count(name, 7);
        }
        let expected = "\ncrash images: 7\nseeds: 7\npanics: 7\ncrashes: more: 7\nrot: right answers: 7\n";
        assert_eq!(report.to_string(), expected);
    }

    #[test]
    fn one_of_anything_that_must_not_be_spoils_it() {
        for name in NEVER {
            let mut report = full(Scale::Standard);
            report.total.count(name, 1);
            assert!(!report.is_good(), "{name}");
        }
        let mut report = full(Scale::Standard);
        report.total.count("planted bugs", 1);
        assert!(!report.is_good(), "a planted bug was not caught");
        let mut report = full(Scale::Standard);
        report.total.failures.push("something".into());
        assert!(!report.is_good());
    }
}
