//! What the tables must hold: a model that follows the statements, and the states that are right after an end.
//!
//! A row is an id and a version. Each change writes a version of its own, so a row says which statement it is from;
//! its text is computed from both and shows whether the row is whole.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

pub const TABLES: [&str; 3] = ["apples", "pears", "plums"];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The version of each row, by id.
    pub rows: BTreeMap<u64, u64>,
    /// Whether there is an index by version.
    pub indexed: bool,
}

/// The tables that exist, by their number in [`TABLES`].
pub type State = BTreeMap<usize, Table>;

/// Something that a statement does to one table. Ids are from the first to the last, both included.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Create,
    Drop,
    CreateIndex,
    DropIndex,
    Insert { first: u64, last: u64, version: u64 },
    Update { first: u64, last: u64, version: u64 },
    Delete { first: u64, last: u64 },
}

#[derive(Clone, Debug)]
pub struct Statement {
    pub text: String,
    /// What the answer is, or how it begins.
    pub answer: String,
    pub change: Option<(usize, Change)>,
}

/// Statements that belong together: all of them happen or none.
#[derive(Clone, Debug)]
pub struct Unit {
    pub statements: Vec<Statement>,
    pub commits: bool,
}

/// What became of a unit, as far as the program said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Acknowledged,
    Failed,
    /// It was not answered, or not to its end.
    Open,
}

/// The text that belongs to a row: now short, now long, so that pages fill unevenly.
pub fn body(id: u64, version: u64) -> String {
    format!("{id}{}", tail(version))
}

pub fn tail(version: u64) -> String {
    let length = if version.is_multiple_of(11) { 700 } else { version * 37 % 150 };
    format!(":{version}:{}", "x".repeat(length as usize))
}

/// Makes a change; how many rows it touched.
pub fn change(state: &mut State, table: usize, change: Change) -> usize {
    match change {
        Change::Create => drop(state.insert(table, Table::default())),
        Change::Drop => drop(state.remove(&table)),
        _ => {}
    }
    let Some(Table { rows, indexed }) = state.get_mut(&table) else { return 0 };
    match change {
        Change::Create | Change::Drop => 0,
        Change::CreateIndex | Change::DropIndex => {
            *indexed = matches!(change, Change::CreateIndex);
            0
        }
        Change::Insert { first, last, version } => {
            rows.extend((first..=last).map(|id| (id, version)));
            (first..=last).count()
        }
        Change::Update { first, last, version } => {
            rows.range_mut(first..=last).map(|(_, old)| *old = version).count()
        }
        Change::Delete { first, last } => {
            let before = rows.len();
            rows.retain(|id, _| !(first..=last).contains(id));
            before - rows.len()
        }
    }
}

impl Unit {
    pub fn apply(&self, state: &mut State) {
        for (table, done) in self.changes() {
            change(state, table, done);
        }
    }

    fn after(&self, state: &State) -> State {
        let mut after = state.clone();
        self.apply(&mut after);
        after
    }

    fn only_creates(&self) -> bool {
        self.changes().all(|(_, change)| matches!(change, Change::Create))
    }

    fn changes(&self) -> impl Iterator<Item = (usize, Change)> {
        self.statements.iter().filter(|_| self.commits).filter_map(|statement| statement.change)
    }

    /// Follows the answers, one line for each statement. A `strict` reader takes no answer but the right one; another
    /// one knows that something is failing.
    fn fate<'a>(&self, lines: &mut impl Iterator<Item = &'a str>, strict: bool) -> Result<Fate> {
        let mut fate = Fate::Acknowledged;
        for Statement { text, answer, .. } in &self.statements {
            let Some(line) = lines.next() else { return Ok(Fate::Open) };
            let more = line.strip_prefix(answer.as_str());
            let right = more.is_some_and(|more| more.is_empty() || more.starts_with([' ', ':']));
            if strict && !right {
                let text: String = text.trim_end().chars().take(60).collect();
                bail!("{text} was answered {line} instead of {answer}");
            }
            if !right && (line.contains("ERROR:") || line == "ROLLBACK") {
                fate = Fate::Failed;
            }
        }
        Ok(fate)
    }
}

/// What became of each of the units, judged by what the program said.
pub fn fates(units: &[Unit], said: &str, strict: bool) -> Result<Vec<Fate>> {
    let whole = said.rfind('\n').and_then(|end| said.get(..end)).unwrap_or_default();
    let mut lines = whole.lines();
    units.iter().map(|unit| unit.fate(&mut lines, strict)).collect()
}

/// The states that are right after the end: what was acknowledged, and that with what is in doubt.
///
/// In doubt is the first unit that failed or was not answered; if a later one was acknowledged, then the program knew
/// that the first had not happened, and it must not. A program that has refused a unit may go on with the next, if the log
/// itself has not failed: so the unit that was not answered is in doubt beside the one that failed, and so is a CREATE
/// where tables are listed in a file beside the log.
pub fn possible(base: &State, units: &[Unit], fates: &[Fate]) -> Vec<State> {
    let (mut state, mut doubtful) = (base.clone(), Vec::new());
    for (unit, fate) in units.iter().zip(fates).filter(|(unit, _)| unit.changes().next().is_some()) {
        if *fate == Fate::Acknowledged {
            unit.apply(&mut state);
            doubtful = doubtful.iter().filter_map(|other| still_doubtful(other, unit)).collect();
        } else if doubtful.is_empty() || *fate == Fate::Open || unit.only_creates() {
            let others: Vec<State> =
                [&state].into_iter().chain(&doubtful).map(|other| unit.after(other)).collect();
            others.into_iter().for_each(|other| push_new(&mut doubtful, other));
        }
        if *fate == Fate::Open {
            break;
        }
    }
    [state].into_iter().chain(doubtful).collect()
}

fn push_new(states: &mut Vec<State>, state: State) {
    if !states.contains(&state) {
        states.push(state);
    }
}

/// The state with the unit in doubt, after another one was acknowledged that does not decide the doubt.
///
/// After the log has failed, a statement that finds nothing to change still succeeds; and a table can be created where
/// tables are listed in a file beside the log.
fn still_doubtful(before: &State, unit: &Unit) -> Option<State> {
    let after = unit.after(before);
    (after == *before || unit.only_creates()).then_some(after)
}

/// Where `found` differs from what was acknowledged.
pub fn difference(expected: &State, found: &State) -> String {
    for (number, name) in TABLES.iter().enumerate() {
        match (expected.get(&number), found.get(&number)) {
            (None, None) => {}
            (Some(_), None) => return format!("{name} is gone"),
            (None, Some(_)) => return format!("{name} is there"),
            (Some(expected), Some(found)) if expected.indexed != found.indexed => {
                return format!("{name} has an index: {} instead of {}", found.indexed, expected.indexed);
            }
            (Some(Table { rows: expected, .. }), Some(Table { rows: found, .. })) => {
                let wrong = expected.keys().chain(found.keys()).find(|id| expected.get(id) != found.get(id));
                if let Some(id) = wrong {
                    let (was, is) = (expected.get(id), found.get(id));
                    return format!("row {id} of {name} has version {is:?} instead of {was:?}");
                }
            }
        }
    }
    "nothing differs".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(text: &str, change: Option<Change>) -> Statement {
        let change = change.map(|change| (0, change));
        Statement { text: text.to_owned(), answer: text.to_owned(), change }
    }

    fn insert(id: u64) -> Statement {
        statement(&format!("INSERT {id}"), Some(Change::Insert { first: id, last: id, version: id }))
    }

    fn single(statement: Statement) -> Unit {
        Unit { statements: vec![statement], commits: true }
    }

    fn ids(states: &[State]) -> Vec<Vec<u64>> {
        let ids = |state: &State| state.get(&0).unwrap().rows.keys().copied().collect();
        states.iter().map(ids).collect()
    }

    #[test]
    fn a_block_without_its_last_answer_is_in_doubt_as_a_whole() {
        let block = [statement("BEGIN", None), insert(2), insert(3), statement("COMMIT", None)];
        let units = [
            single(statement("CREATE", Some(Change::Create))),
            single(insert(1)),
            Unit { statements: block.to_vec(), commits: true },
            single(insert(4)),
        ];
        let said = "CREATE\nINSERT 1\nBEGIN\nINSERT 2\nINSERT 3\nCOMMIT";
        let fates = fates(&units, said, true).unwrap();
        assert_eq!(fates, [Fate::Acknowledged, Fate::Acknowledged, Fate::Open, Fate::Open]);
        assert_eq!(ids(&possible(&State::new(), &units, &fates)), [vec![1], vec![1, 2, 3]]);
    }

    #[test]
    fn what_failed_must_not_be_there_once_something_else_was_acknowledged() {
        let base = State::from([(0, Table::default())]);
        let units = [single(insert(1)), single(insert(2))];
        assert!(fates(&units, "ERROR:  no\n", true).is_err());
        let first = fates(&units, "ERROR:  no\n", false).unwrap();
        assert_eq!(ids(&possible(&base, &units, &first)), [vec![], vec![1], vec![2], vec![1, 2]]);
        let both = fates(&units, "ERROR:  no\nINSERT 2\n", false).unwrap();
        assert_eq!(ids(&possible(&base, &units, &both)), [vec![2]]);
    }

    #[test]
    fn what_is_on_its_way_is_in_doubt_beside_what_failed() {
        let create = |table| {
            let done = Some((table, Change::Create));
            single(Statement { text: String::new(), answer: "CREATE TABLE".to_owned(), change: done })
        };
        let units = [create(0), create(1), single(insert(3))];
        let names = |fates: &[Fate]| -> Vec<Vec<usize>> {
            possible(&State::new(), &units, fates)
                .iter()
                .map(|state| state.keys().copied().collect())
                .collect()
        };
        let open = names(&[Fate::Failed, Fate::Open, Fate::Open]);
        assert_eq!(open, [vec![], vec![0], vec![1], vec![0, 1]]);
        let base = State::from([(0, Table::default())]);
        let inserts = [single(insert(1)), single(insert(2)), single(insert(3))];
        let after = |fates: &[Fate]| ids(&possible(&base, &inserts, fates));
        assert_eq!(after(&[Fate::Failed, Fate::Open, Fate::Open]), [vec![], vec![1], vec![2], vec![1, 2]]);
        // Of what was refused, only the first may have happened.
        assert_eq!(after(&[Fate::Failed, Fate::Failed, Fate::Failed]), [vec![], vec![1]]);
    }

    #[test]
    fn a_block_that_was_rolled_back_leaves_nothing_in_doubt() {
        let units = [Unit { statements: vec![statement("BEGIN", None), insert(1)], commits: false }];
        let base = State::from([(0, Table::default())]);
        assert_eq!(ids(&possible(&base, &units, &[Fate::Open])), [Vec::<u64>::new()]);
    }
}
