//! Which operation fails, and how.

use std::fmt;
use std::str::FromStr;

use m1_storage::vfs::SimulatedVfs;
use m1_storage::vfs::simulated::{Failure, Fault, Operation};

const NAMES: [(Failure, &str); 4] = [
    (Failure::Io, "eio"),
    (Failure::NoSpace, "enospc"),
    (Failure::Short, "short"),
    (Failure::Interrupted, "eintr"),
];

/// So many harmless failures happen in one run.
const BATCH: usize = 16;

/// A failure: the `nth` of those operations that can fail so, or that one and all later ones. Reads as `eio,37,once`
/// or `eio,37,on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    pub failure: Failure,
    pub nth: u64,
    pub from_then_on: bool,
}

impl Case {
    /// All failures of what lies between two states of a disk.
    pub fn all(before: &SimulatedVfs, after: &SimulatedVfs) -> Vec<Case> {
        let mut cases = Vec::new();
        for (failure, _) in NAMES {
            let concerned = Operation::ALL.into_iter().filter(|operation| failure.concerns(*operation));
            let count: u64 =
                concerned.map(|operation| after.count(operation) - before.count(operation)).sum();
            for nth in 1..=count {
                cases.extend([false, true].map(|from_then_on| Case { failure, nth, from_then_on }));
            }
        }
        cases
    }

    /// The same, in the portions in which they are tried. What nobody should notice can happen many times in a run.
    pub fn batches(cases: &[Case]) -> Vec<Vec<Case>> {
        let (single, many): (Vec<Case>, Vec<Case>) =
            cases.iter().partition(|case| case.from_then_on || !case.is_harmless());
        let mut batches: Vec<Vec<Case>> = single.into_iter().map(|case| vec![case]).collect();
        for cases in many.chunk_by(|one, other| one.failure == other.failure) {
            // Neighbours apart: two short transfers in a row are one that is shorter.
            let count = cases.len().div_ceil(BATCH);
            batches
                .extend((0..count).map(|first| cases.iter().skip(first).step_by(count).copied().collect()));
        }
        batches
    }

    pub fn fault(self) -> Fault {
        let Case { failure, nth, from_then_on } = self;
        Fault { on: None, nth, failure, from_then_on }
    }

    /// Only makes work for whoever transfers bytes: nobody else should notice.
    pub fn is_harmless(self) -> bool {
        matches!(self.failure, Failure::Short | Failure::Interrupted)
    }

    /// The SQLSTATE of an error that comes of it.
    pub fn code(self) -> &'static str {
        if self.failure == Failure::NoSpace { "53100" } else { "58030" }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = NAMES.iter().find(|(failure, _)| *failure == self.failure).map_or("", |(_, name)| name);
        write!(f, "{name},{},{}", self.nth, if self.from_then_on { "on" } else { "once" })
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Case, String> {
        let wrong = || format!("{text} is no failure: say eio,37,once or enospc,37,on");
        let parts: Vec<&str> = text.split(',').collect();
        let [name, nth, times] = parts.as_slice() else { return Err(wrong()) };
        let (failure, _) = NAMES.into_iter().find(|(_, known)| known == name).ok_or_else(wrong)?;
        let from_then_on = match *times {
            "once" => false,
            "on" => true,
            _ => return Err(wrong()),
        };
        Ok(Case { failure, nth: nth.parse().map_err(|_| wrong())?, from_then_on })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_reads_back() {
        for (failure, _) in NAMES {
            for (nth, from_then_on) in [(1, true), (387, false)] {
                let case = Case { failure, nth, from_then_on };
                assert_eq!(case.to_string().parse(), Ok(case));
            }
        }
        for wrong in ["", "eio", "eio,x,on", "eio,1,twice", "exdev,1,on", "eio,1,on,2"] {
            assert!(wrong.parse::<Case>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_kind_that_means_nothing_for_an_operation_is_not_a_case() {
        let disk = SimulatedVfs::new();
        let before = disk.fork();
        let file = m1_storage::vfs::File::create(&disk, "f").unwrap();
        file.write_all_at(b"x", 0).unwrap();
        file.sync_data().unwrap();
        let cases = Case::all(&before, &disk);
        let count = |failure| cases.iter().filter(|case| case.failure == failure).count();
        assert_eq!(NAMES.map(|(failure, _)| count(failure)), [6, 6, 2, 2]);
    }
}
