//! The promise, tried on a disk that loses power: what was committed is there, what was not is not.
//!
//! Random transactions run against a database and against a model of it. At some operation of the disk the power goes,
//! and something of what was not synced survives. After recovery the database must hold exactly what the model says,
//! with one freedom: the transaction whose commit had not answered is there as a whole or not at all. And what a scan
//! of the table finds, the indexes must lead to.

use crate::database::{Database, Sink, Tag, check_directory};
use crate::error::Result;
use crate::execute::batch::Batch;
use crate::testing::small_options;
use crate::types::{DataType, Value};
use crate::vfs::simulated::{Failure, Fault, Operation, SimulatedVfs, Survival};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A row's id, and the length of its text.
type Rows = BTreeMap<i64, i64>;

/// A small source of random numbers: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % below as u64) as usize
    }
}

/// Keeps the rows of an answer, whose columns are integers.
#[derive(Default)]
struct Answer {
    rows: Vec<Vec<i64>>,
}

impl Sink for Answer {
    fn columns(&mut self, _: &[String], _: &[DataType]) -> Result<()> {
        Ok(())
    }

    fn rows(&mut self, batch: &Batch) -> Result<()> {
        batch.rows().try_for_each(|row| {
            let values = batch.columns.iter().map(|column| match column.value(row, DataType::BigInt)? {
                Value::BigInt(number) => Ok(number),
                other => panic!("{other:?} is not a number"),
            });
            self.rows.push(values.collect::<Result<_>>()?);
            Ok(())
        })
    }

    fn notice(&mut self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }
}

fn open(disk: &SimulatedVfs) -> Result<Database> {
    Database::open(Arc::new(disk.clone()), small_options())
}

fn run(db: &mut Database, sql: &str) -> Result<Tag> {
    db.execute(sql, &mut Answer::default())
}

fn query(db: &mut Database, sql: &str) -> Result<Vec<Vec<i64>>> {
    let mut answer = Answer::default();
    db.execute(sql, &mut answer)?;
    Ok(answer.rows)
}

/// What is committed, and what would be if the transaction in progress had committed.
#[derive(Default)]
struct Model {
    committed: Option<Rows>,
    pending: Option<Rows>,
    /// A commit was asked for and has not answered.
    in_doubt: bool,
    next_id: i64,
}

/// One transaction; sometimes a checkpoint or a vacuum, sometimes the table is dropped or made.
fn step(db: &mut Database, model: &mut Model, random: &mut Random) -> Result<()> {
    match random.next(14) {
        0 => return run(db, "CHECKPOINT").map(drop),
        1 => return run(db, "VACUUM").map(drop),
        _ => {}
    }
    run(db, "BEGIN")?;
    for _ in 0..1 + random.next(5) {
        change(db, model, random)?;
    }
    if random.next(4) == 0 {
        run(db, "ROLLBACK")?;
        model.pending = model.committed.clone();
    } else {
        model.in_doubt = true;
        run(db, "COMMIT")?;
        (model.committed, model.in_doubt) = (model.pending.clone(), false);
    }
    Ok(())
}

fn change(db: &mut Database, model: &mut Model, random: &mut Random) -> Result<()> {
    let Some(rows) = &mut model.pending else {
        run(db, "CREATE TABLE t (id bigint PRIMARY KEY, v text, n integer)")?;
        run(db, "CREATE INDEX t_n ON t (n, id)")?;
        model.pending = Some(Rows::new());
        return Ok(());
    };
    let ids: Vec<i64> = rows.keys().copied().collect();
    let length = [5, 300, 2000][random.next(3)];
    let text = "x".repeat(length as usize);
    match random.next(12) {
        0 => {
            run(db, "DROP TABLE t")?;
            model.pending = None;
        }
        1 => {
            run(db, "DROP INDEX t_n")?;
            run(db, "CREATE INDEX t_n ON t (n, id)")?;
        }
        2..=7 => {
            let count = 1 + random.next(12) as i64;
            let values: Vec<String> =
                (0..count).map(|i| format!("({}, '{text}', {length})", model.next_id + i)).collect();
            run(db, &format!("INSERT INTO t VALUES {}", values.join(", ")))?;
            rows.extend((0..count).map(|i| (model.next_id + i, length)));
            model.next_id += count;
        }
        8 | 9 if !ids.is_empty() => {
            let id = ids[random.next(ids.len())];
            run(db, &format!("DELETE FROM t WHERE id = {id}"))?;
            rows.remove(&id);
        }
        _ if !ids.is_empty() => {
            let id = ids[random.next(ids.len())];
            run(db, &format!("UPDATE t SET v = '{text}', n = {length} WHERE id >= {id}"))?;
            rows.range_mut(id..).for_each(|(_, stored)| *stored = length);
        }
        _ => {}
    }
    Ok(())
}

/// The table's rows, found by a scan and checked against what the indexes lead to; `None` if there is no table.
fn read(db: &mut Database, place: &str) -> Option<Rows> {
    let found = match query(db, "SELECT id, length(v), n FROM t") {
        Ok(found) => found,
        Err(error) if error.state().code() == "42P01" => return None,
        Err(error) => panic!("{place}: {error}"),
    };
    let rows: Rows = found.iter().map(|row| (row[0], row[1])).collect();
    assert_eq!(rows.len(), found.len(), "{place}: a row is there twice");
    assert!(found.iter().all(|row| row[1] == row[2]), "{place}: a row is half of one and half of another");
    for (id, length) in &rows {
        for sql in [
            format!("SELECT id, n FROM t WHERE id = {id} LIMIT 10"),
            format!("SELECT id, n FROM t WHERE n = {length} AND id = {id} LIMIT 10"),
        ] {
            assert_eq!(query(db, &sql).unwrap(), [[*id, *length]], "{place}: {sql}");
        }
    }
    let report = db.check();
    assert!(report.is_sound(), "{place}: {report}");
    Some(rows)
}

/// After a crash: the database holds one of the states the model allows, and holds it still after crashing again.
fn check(disk: &SimulatedVfs, model: &mut Model, place: &str) {
    let before = disk.operations();
    let report = check_directory(Arc::new(disk.clone())).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert!(report.is_sound(), "{place}: {report}");
    assert_eq!(disk.operations(), before, "{place}: the check has changed something");
    let mut db = open(disk).unwrap_or_else(|error| panic!("{place}: {error}"));
    let found = read(&mut db, place);
    let allowed = found == model.committed || (model.in_doubt && found == model.pending);
    assert!(allowed, "{place}: found {found:?}, committed {:?}, {}", model.committed, model.in_doubt);
    drop(db);
    disk.power_cut(Survival::None, 1);
    let again = read(&mut open(disk).unwrap(), place);
    assert_eq!(again, found, "{place}: what was decided did not stay so");
    (model.committed, model.pending, model.in_doubt) = (found.clone(), found, false);
}

#[test]
fn committed_rows_survive_power_cuts_anywhere() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let disk = SimulatedVfs::new();
        drop(open(&disk).unwrap());
        disk.power_cut(Survival::None, 0);
        let mut model = Model::default();
        for round in 0..4 {
            let survival = Survival::POLICIES[random.next(Survival::POLICIES.len())];
            let place = format!("seed {seed}, round {round}, {survival}");
            // Sometimes so early that it hits recovery itself.
            let reach = [30, 400][random.next(2)];
            disk.halt_after(disk.operations() + random.next(reach) as u64);
            if let Ok(mut db) = open(&disk) {
                while step(&mut db, &mut model, &mut random).is_ok() {}
            }
            disk.power_cut(survival, seed * 31 + round);
            check(&disk, &mut model, &place);
        }
    }
}

#[test]
fn a_power_cut_while_a_database_is_made_leaves_nothing_or_all_of_it() {
    let disk = SimulatedVfs::new();
    drop(open(&disk).unwrap());
    for operation in 0..=disk.operations() {
        let survival = Survival::POLICIES[operation as usize % Survival::POLICIES.len()];
        let disk = SimulatedVfs::new();
        disk.halt_after(operation);
        let _ = open(&disk);
        disk.power_cut(survival, operation);
        let mut db = open(&disk).unwrap_or_else(|error| panic!("operation {operation}, {survival}: {error}"));
        run(&mut db, "CREATE TABLE t (id integer PRIMARY KEY)").unwrap();
    }
}

#[test]
fn no_file_is_left_of_what_was_rolled_back_or_dropped() {
    let disk = SimulatedVfs::new();
    let mut db = open(&disk).unwrap();
    let files = |db: &mut Database| db.pages().files().list().unwrap();
    let before = files(&mut db);
    for end in ["ROLLBACK", "COMMIT"] {
        for sql in ["BEGIN", "CREATE TABLE t (id integer PRIMARY KEY)", "DROP TABLE t", end] {
            run(&mut db, sql).unwrap();
        }
        assert_eq!(files(&mut db), before, "{end}");
    }
    for sql in ["BEGIN", "CREATE TABLE t (id integer PRIMARY KEY)", "INSERT INTO t VALUES (1)"] {
        run(&mut db, sql).unwrap();
    }
    drop(db);
    disk.kill();
    let mut db = open(&disk).unwrap();
    assert_eq!(files(&mut db), before, "the sweep at the start left something");
}

#[test]
fn an_index_whose_commit_is_in_doubt_is_whole_or_not_there() {
    let disk = SimulatedVfs::new();
    let mut db = open(&disk).unwrap();
    run(&mut db, "CREATE TABLE t (id integer)").unwrap();
    disk.inject(Fault { on: Some(Operation::SyncData), nth: 1, failure: Failure::Io, from_then_on: false });
    run(&mut db, "CREATE INDEX i ON t (id)").unwrap_err();
    run(&mut db, "INSERT INTO t VALUES (1)").unwrap_err();
    drop(db);
    // The process is gone, not the power: the record that could not be synced is in the file.
    disk.kill();
    let mut db = open(&disk).unwrap();
    run(&mut db, "INSERT INTO t VALUES (2)").unwrap();
    assert_eq!(query(&mut db, "SELECT id FROM t WHERE id = 2").unwrap(), [[2]]);
}

#[test]
fn who_only_reads_leaves_the_disk_as_it_was() {
    let disk = SimulatedVfs::new();
    let mut db = open(&disk).unwrap();
    run(&mut db, "CREATE TABLE t (id integer PRIMARY KEY)").unwrap();
    run(&mut db, "INSERT INTO t VALUES (1), (2)").unwrap();
    db.close().unwrap();
    let changes =
        || [Operation::Write, Operation::SetLen, Operation::Remove].map(|change| disk.count(change));
    let before = changes();
    let mut db = open(&disk).unwrap();
    assert_eq!(query(&mut db, "SELECT id FROM t WHERE id = 2").unwrap(), [[2]]);
    db.close().unwrap();
    assert_eq!(changes(), before, "reading has changed something");
    let mut db = open(&disk).unwrap();
    run(&mut db, "INSERT INTO t VALUES (3)").unwrap();
    db.close().unwrap();
    assert_ne!(changes(), before);
}

#[test]
fn a_drop_that_did_not_commit_is_not_done_by_the_next_commit() {
    let disk = SimulatedVfs::new();
    let mut db = open(&disk).unwrap();
    run(&mut db, "CREATE TABLE kept (id integer PRIMARY KEY)").unwrap();
    run(&mut db, "CREATE TABLE other (body text)").unwrap();
    run(&mut db, "BEGIN").unwrap();
    run(&mut db, "DROP TABLE kept").unwrap();
    // So many pages that the commit log's has to be read again.
    for _ in 0..60 {
        run(&mut db, &format!("INSERT INTO other VALUES ('{}')", "x".repeat(4000))).unwrap();
    }
    disk.inject(Fault { on: Some(Operation::Read), nth: 1, failure: Failure::Io, from_then_on: false });
    run(&mut db, "COMMIT").unwrap_err();
    run(&mut db, "INSERT INTO other VALUES ('x')").unwrap();
    run(&mut db, "INSERT INTO kept VALUES (1)").unwrap();
}
