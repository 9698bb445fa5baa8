//! SQL against a model: statements that are made of any bytes, and a list of rows that knows their answers.
//!
//! - `expr` is what conditions and values are made of; `errors` what may go wrong in them
//! - `table` is the list of rows; `query` what is asked of it

mod errors;
mod expr;
mod query;
mod table;

use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use m5_sql::database::{Database, Tag};
use m5_sql::vfs::MemoryVfs;

use crate::images::m5::{Files, disk, files};
use crate::sql::{run, small_options};
use errors::Errors;
use query::{Grouped, Query};
use table::{Change, Key, State};

/// Statements of one case.
const MAX_STEPS: usize = 40;

/// A table that has more rows than this is not copied once more: it would double with each such step.
const MAX_COPIED: usize = 1000;

/// A statement of this length may be too deep.
const LONG: usize = 500;

#[derive(Arbitrary, Debug)]
enum Step {
    Change(Change),
    Again(Change),
    Query(Query),
    Grouped(Grouped),
    Begin,
    Commit,
    Rollback,
    CreateIndex(Key),
    DropIndex(Key),
    Vacuum,
    Checkpoint,
    /// Closed in order, or not at all.
    Reopen {
        killed: bool,
    },
    Settings(bool),
}

fn base() -> Files {
    let vfs = disk(&[]);
    Database::open(vfs.clone(), small_options()).and_then(Database::close).expect("a new database");
    files(&vfs)
}

thread_local! {
    static BASE: Files = base();
}

/// A database and what should be in it.
struct Pair {
    vfs: Arc<MemoryVfs>,
    database: Database,
    state: State,
    /// What a rollback returns to.
    saved: Option<State>,
    failed: bool,
}

/// The case cannot go on: whether an error comes depends on what SQL leaves open, and with it all that follows.
struct Undecided;

/// Statements one after another, each with the answer that it should have.
pub fn model(bytes: &[u8]) -> bool {
    let mut input = Unstructured::new(bytes);
    let Ok(key) = input.arbitrary::<table::Declared>() else { return false };
    let mut pair = Pair::new(key);
    let mut steps = 0;
    while steps < MAX_STEPS && !input.is_empty() {
        let Ok(step) = input.arbitrary::<Step>() else { break };
        steps += 1;
        pair = match step {
            Step::Reopen { killed } => pair.reopen(killed),
            step => match pair.step(step) {
                Ok(()) => pair,
                Err(Undecided) => return true,
            },
        };
    }
    let problems = pair.database.check().problems;
    assert!(problems.is_empty(), "{problems:?}");
    steps > 2
}

impl Pair {
    fn new(key: table::Declared) -> Pair {
        let vfs = BASE.with(|base| disk(base));
        let mut database = Database::open(vfs.clone(), small_options()).expect("a new database");
        run(&mut database, &State::create(key)).expect("a new table");
        Pair { vfs, database, state: State::new(key), saved: None, failed: false }
    }

    fn step(&mut self, step: Step) -> Result<(), Undecided> {
        match step {
            Step::Change(Change::Copy(..)) | Step::Again(Change::Copy(..)) if self.is_large() => {}
            Step::Change(change) | Step::Again(change) => self.change(&change)?,
            Step::Query(query) => {
                let (sql, mut errors) = (query.to_string(), Errors::default());
                let expected = query.answer(&self.state.rows, &mut errors);
                if let Some(found) = self.ask(&sql, &errors)? {
                    query.compare(&expected, &found).unwrap_or_else(|what| self.fail(&sql, &what));
                }
            }
            Step::Grouped(query) => {
                let (sql, mut errors) = (query.to_string(), Errors::default());
                let expected = query.answer(&self.state.rows, &mut errors);
                if let Some(found) = self.ask(&sql, &errors)? {
                    query::compare_groups(expected, found).unwrap_or_else(|what| self.fail(&sql, &what));
                }
            }
            Step::Begin => {
                // Within a block, this is a warning.
                if self.expect_done("BEGIN", !self.failed) && self.saved.is_none() {
                    self.saved = Some(self.state.clone());
                }
            }
            Step::Commit => {
                self.expect_done("COMMIT", true);
                if let Some(saved) = self.saved.take().filter(|_| self.failed) {
                    self.state = saved;
                }
                self.failed = false;
            }
            Step::Rollback => {
                self.expect_done("ROLLBACK", true);
                if let Some(saved) = self.saved.take() {
                    self.state = saved;
                }
                self.failed = false;
            }
            Step::CreateIndex(key) => self.create_index(key)?,
            Step::DropIndex(key) => {
                let is_there = self.state.indexes.contains(&key);
                if self.expect_done(&format!("DROP INDEX {}", key.name()), is_there && !self.failed) {
                    self.state.indexes.retain(|known| *known != key);
                }
            }
            Step::Vacuum | Step::Checkpoint if self.saved.is_some() => {}
            Step::Vacuum => drop(self.expect_done("VACUUM t", true)),
            Step::Checkpoint => drop(self.expect_done("CHECKPOINT", true)),
            Step::Reopen { .. } => {}
            Step::Settings(small) => {
                let value = if small { "64kB" } else { "4MB" };
                self.expect_done(&format!("SET work_mem = '{value}'"), !self.failed);
            }
        }
        Ok(())
    }

    fn is_large(&self) -> bool {
        self.state.rows.len() > MAX_COPIED
    }

    fn fail(&self, sql: &str, what: &str) -> ! {
        panic!("{sql}: {what}; the rows: {:?}, indexes: {:?}", self.state.rows, self.state.indexes)
    }

    /// A statement that must succeed, or must not; then an open block has failed.
    fn expect_done(&mut self, sql: &str, expected: bool) -> bool {
        match run(&mut self.database, sql) {
            Ok(_) if expected => {}
            Err(error) if !expected => {
                crate::sqlstate(error.state().code(), &error);
                self.failed |= self.saved.is_some();
            }
            Ok(_) => self.fail(sql, "an error should have come"),
            Err(error) => self.fail(sql, &format!("{} {error}", error.state().code())),
        }
        expected
    }

    /// What becomes of a statement: its tag and rows, or nothing after an error that is right.
    fn carry_out(&mut self, sql: &str, errors: &Errors) -> Result<Option<(Tag, query::Rows)>, Undecided> {
        match run(&mut self.database, sql) {
            Ok(_) if self.failed => self.fail(sql, "the block has failed"),
            Ok(_) if errors.is_certain => Err(Undecided),
            // Some operands are written once and bound twice, and so on within them.
            Err(error) if error.state().code() == "54001" && sql.len() > LONG => Err(Undecided),
            Ok((tag, answer)) => Ok(Some((tag, answer.rows))),
            Err(error) => {
                let state = error.state().code();
                let is_right = if self.failed { state == "25P02" } else { errors.allows(state) };
                if !is_right {
                    self.fail(sql, &format!("{state} {error}; expected {errors:?}"));
                }
                self.failed |= self.saved.is_some();
                Ok(None)
            }
        }
    }

    fn ask(&mut self, sql: &str, errors: &Errors) -> Result<Option<query::Rows>, Undecided> {
        Ok(self.carry_out(sql, errors)?.map(|(_, rows)| rows))
    }

    fn change(&mut self, change: &Change) -> Result<(), Undecided> {
        let (sql, mut errors) = (change.to_string(), Errors::default());
        let (next, count) = self.state.after(change, &mut errors);
        let Some((tag, _)) = self.carry_out(&sql, &errors)? else { return Ok(()) };
        if tag.rows() != count {
            self.fail(&sql, &format!("{tag}, expected {count} rows"));
        }
        self.state.rows = next;
        let all = "SELECT a, b, c, s, d FROM t";
        let found = self.ask(all, &Errors::default())?.unwrap_or_default();
        if let Err(what) = query::compare_all(&self.state.rows, found) {
            self.fail(&sql, &what);
        }
        Ok(())
    }

    fn create_index(&mut self, key: Key) -> Result<(), Undecided> {
        let mut errors = Errors::default();
        if self.state.indexes.contains(&key) {
            errors.hard::<()>("42P07");
        } else if self.state.has_duplicates(key) {
            errors.hard::<()>("23505");
        }
        match self.carry_out(&key.create(), &errors) {
            Ok(Some(_)) => self.state.indexes.push(key),
            Ok(None) => {}
            Err(Undecided) => self.fail(&key.create(), "an error should have come"),
        }
        Ok(())
    }

    fn reopen(self, killed: bool) -> Pair {
        let Pair { vfs, database, state, saved, .. } = self;
        if killed {
            drop(database);
        } else {
            database.close().expect("a database without fault");
        }
        let database = Database::open(vfs.clone(), small_options()).expect("a database without fault");
        Pair { vfs, database, state: saved.unwrap_or(state), saved: None, failed: false }
    }
}

/// Statements of all kinds.
pub fn seeds() -> Vec<Vec<u8>> {
    crate::noise(120, 200)
}

#[cfg(test)]
mod tests {
    use super::expr::{Condition, Number};
    use super::{Change, MAX_COPIED, Pair, Step, table};

    #[test]
    fn a_table_that_is_copied_again_and_again_stays_small() {
        let mut pair = Pair::new(table::Declared::Plain);
        let fill = Change::Fill { from: 0, count: 39, step: 1 };
        assert!(pair.step(Step::Change(fill)).is_ok());
        let copy = Change::Copy(Number::Null, Condition::Known(Some(true)));
        for _ in 0..super::MAX_STEPS {
            assert!(pair.step(Step::Again(copy.clone())).is_ok());
        }
        let rows = pair.state.rows.len();
        assert!(rows > MAX_COPIED && rows <= 2 * MAX_COPIED, "{rows} rows");
    }
}
