//! What a check has found, and how much it has looked at.

use crate::error::{Error, Result};
use std::fmt;

/// Problems of one part that are listed: a damaged page may make hundreds, and should not hide other tables'.
const LISTED_OF_PART: usize = 20;

/// Problems that are listed in all.
const LISTED: usize = 1000;

/// The outcome of a check.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong, each with its place: file, page, slot.
    pub problems: Vec<Error>,
    /// How many more problems there were than are listed.
    pub omitted: u64,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
    /// What was looked at, and how much of it.
    counts: Vec<(&'static str, u64)>,
    /// How many problems were listed when the present part began.
    part: usize,
}

impl Report {
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// What follows is about something else, a table for example.
    pub fn begin_part(&mut self) {
        self.part = self.problems.len();
    }

    /// Lists a problem, unless it is listed already: a page that cannot be read is met more than once.
    pub fn problem(&mut self, problem: Error) {
        let has_room = self.problems.len() < LISTED && self.problems.len() - self.part < LISTED_OF_PART;
        if !has_room {
            self.omitted += 1;
        } else if !self.problems.iter().any(|known| known.message() == problem.message()) {
            self.problems.push(problem);
        }
    }

    /// The value, or none and a problem.
    pub fn ok<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.problem(error)).ok()
    }

    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Counts what was looked at. Things are listed in the order in which they are first counted.
    pub fn count(&mut self, thing: &'static str, number: u64) {
        match self.counts.iter_mut().find(|(known, _)| *known == thing) {
            Some((_, total)) => *total += number,
            None => self.counts.push((thing, number)),
        }
    }

    /// How much of a thing was looked at.
    pub fn counted(&self, thing: &str) -> u64 {
        self.counts.iter().find(|(known, _)| *known == thing).map_or(0, |(_, number)| *number)
    }
}

/// The report as lines: the notes, the problems, and the sum.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        if self.omitted > 0 {
            writeln!(f, "and {} more", self.omitted)?;
        }
        f.write_str("checked ")?;
        for (index, (thing, number)) in self.counts.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { "" })?;
            counted(f, *number, thing)?;
        }
        f.write_str(if self.counts.is_empty() { "nothing: " } else { ": " })?;
        match self.problems.len() as u64 + self.omitted {
            0 => f.write_str("no problems found"),
            number => counted(f, number, "problem").and_then(|()| f.write_str(" found")),
        }
    }
}

/// `1 page`, `2 pages`, `3 indexes`.
fn counted(f: &mut fmt::Formatter<'_>, number: u64, thing: &str) -> fmt::Result {
    let ending = match number {
        1 => "",
        _ if thing.ends_with('x') => "es",
        _ => "s",
    };
    write!(f, "{number} {thing}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_with_many_problems_leaves_room_for_the_others() {
        let mut report = Report::default();
        for number in 0..100 {
            report.problem(Error::corrupted(format_args!("slot {number}"), "bad"));
        }
        report.begin_part();
        report.problem(Error::corrupted("another table", "bad"));
        report.count("page", 1);
        assert_eq!((report.problems.len(), report.omitted), (LISTED_OF_PART + 1, 80));
        let text = report.to_string();
        assert!(
            text.ends_with("another table: bad\nand 80 more\nchecked 1 page: 101 problems found"),
            "{text}"
        );
    }

    #[test]
    fn what_is_met_twice_is_one_problem() {
        let mut report = Report::default();
        for _ in 0..2 {
            report.problem(Error::corrupted("page 3", "unreadable"));
        }
        report.count("page", 2);
        report.count("index", 2);
        report.count("page", 3);
        assert_eq!(report.to_string(), "page 3: unreadable\nchecked 5 pages, 2 indexes: 1 problem found");
    }
}
