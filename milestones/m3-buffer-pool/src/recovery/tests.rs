//! The promise, tried on a disk that loses power: what was committed is there, what was not is not.
//!
//! Random commands run against a database and against a model of it. At some operation of the disk the power goes,
//! and something of what was not synced survives. After recovery the database must hold exactly what the model says,
//! with one freedom: the transaction whose commit had not answered is there as a whole or not at all.

use crate::database::{Database, check_directory};
use crate::error::Result;
use crate::page::Tid;
use crate::testing::small_options;
use crate::types::{Column, DataType, Schema, Value};
use crate::vfs::simulated::{SimulatedVfs, Survival};
use std::collections::BTreeMap;
use std::sync::Arc;

type Rows = BTreeMap<i32, usize>;

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

/// As little memory and as short a log as possible, so that pages are written out and segments used again all the
/// time.
fn open(disk: &SimulatedVfs) -> Result<Database> {
    Database::open(Arc::new(disk.clone()), small_options())
}

fn row(id: i32, length: usize) -> Vec<Value> {
    vec![Value::Integer(id), Value::Text("x".repeat(length))]
}

/// What is committed, and what would be if the transaction in progress had committed.
#[derive(Default)]
struct Model {
    committed: Rows,
    pending: Rows,
    /// A commit was asked for and has not answered.
    in_doubt: bool,
    next_id: i32,
}

impl Model {
    fn commit(&mut self) {
        self.committed = self.pending.clone();
        self.in_doubt = false;
    }
}

fn setup(db: &mut Database) -> Result<()> {
    let column = |name: &str, data_type| Column { name: name.into(), data_type, not_null: false };
    db.create_table("t", Schema::new(vec![column("id", DataType::Integer), column("v", DataType::Text)])?)
}

/// One transaction: some commands, then a commit or a rollback; sometimes a checkpoint or a vacuum.
fn step(db: &mut Database, model: &mut Model, random: &mut Random) -> Result<()> {
    match random.next(12) {
        0 => return db.checkpoint(),
        1 => return db.vacuum("t").map(drop),
        _ => {}
    }
    db.begin()?;
    for _ in 0..1 + random.next(6) {
        change(db, model, random)?;
    }
    if random.next(4) == 0 {
        db.rollback()?;
        model.pending = model.committed.clone();
    } else {
        model.in_doubt = true;
        db.commit()?;
        model.commit();
    }
    Ok(())
}

fn change(db: &mut Database, model: &mut Model, random: &mut Random) -> Result<()> {
    let places = read(db)?;
    assert_eq!(rows_of(&places), model.pending, "a transaction does not see what it did");
    let ids: Vec<i32> = places.keys().copied().collect();
    let length = [5, 300, 2500][random.next(3)];
    if ids.is_empty() || random.next(3) > 0 {
        let count = 1 + random.next(8);
        let ids: Vec<i32> = (0..count as i32).map(|i| model.next_id + i).collect();
        model.next_id += count as i32;
        db.insert("t", ids.iter().map(|id| row(*id, length)).collect())?;
        model.pending.extend(ids.into_iter().map(|id| (id, length)));
    } else {
        let id = ids[random.next(ids.len())];
        let (tid, _) = places[&id];
        if random.next(2) == 0 {
            assert!(db.delete("t", tid)?);
            model.pending.remove(&id);
        } else {
            assert!(db.update("t", tid, row(id, length))?.is_some());
            model.pending.insert(id, length);
        }
    }
    Ok(())
}

fn read(db: &mut Database) -> Result<BTreeMap<i32, (Tid, usize)>> {
    let mut rows = BTreeMap::new();
    db.scan("t", &mut |tid, row| {
        let (Value::Integer(id), Value::Text(text)) = (&row[0], &row[1]) else { panic!("{row:?}") };
        assert!(rows.insert(*id, (tid, text.len())).is_none(), "row {id} is there twice");
        Ok(())
    })?;
    Ok(rows)
}

fn rows_of(places: &BTreeMap<i32, (Tid, usize)>) -> Rows {
    places.iter().map(|(id, (_, length))| (*id, *length)).collect()
}

/// After a crash: the database holds one of the states the model allows, and holds it still after crashing again.
fn check(disk: &SimulatedVfs, model: &mut Model, place: &str) {
    let before = disk.operations();
    let report = check_directory(Arc::new(disk.clone())).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert!(report.is_sound(), "{place}: {report}");
    assert_eq!(disk.operations(), before, "{place}: the check has changed something");
    let mut db = open(disk).unwrap_or_else(|error| panic!("{place}: {error}"));
    let found = rows_of(&read(&mut db).unwrap_or_else(|error| panic!("{place}: {error}")));
    let allowed = found == model.committed || (model.in_doubt && found == model.pending);
    assert!(allowed, "{place}: found {found:?}, committed {:?}, {}", model.committed, model.in_doubt);
    let report = db.check();
    assert!(report.is_sound(), "{place}: {report}");
    drop(db);
    disk.power_cut(Survival::None, 1);
    let again = rows_of(&read(&mut open(disk).unwrap()).unwrap());
    assert_eq!(again, found, "{place}: what was decided did not stay so");
    (model.committed, model.pending, model.in_doubt) = (found.clone(), found, false);
}

#[test]
fn committed_rows_survive_power_cuts_anywhere() {
    for seed in 0..150 {
        let mut random = Random(seed);
        let disk = SimulatedVfs::new();
        setup(&mut open(&disk).unwrap()).unwrap();
        disk.power_cut(Survival::None, 0);
        let mut model = Model::default();
        for round in 0..4 {
            let survival = Survival::POLICIES[random.next(Survival::POLICIES.len())];
            let place = format!("seed {seed}, round {round}, {survival}");
            // Sometimes so early that it hits recovery itself.
            let reach = [30, 300][random.next(2)];
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
        for (number, survival) in Survival::POLICIES.into_iter().enumerate() {
            let disk = SimulatedVfs::new();
            disk.halt_after(operation);
            let _ = open(&disk);
            disk.power_cut(survival, number as u64);
            let mut db =
                open(&disk).unwrap_or_else(|error| panic!("operation {operation}, {survival}: {error}"));
            setup(&mut db).unwrap();
        }
    }
}

#[test]
fn a_full_disk_fails_the_statement_and_nothing_else() {
    let disk = SimulatedVfs::new();
    let mut db = open(&disk).unwrap();
    setup(&mut db).unwrap();
    disk.set_capacity(Some(1 << 20));
    let (mut stored, mut refused) = (0, None);
    while refused.is_none() && stored < 10_000 {
        match db.insert("t", vec![row(stored, 2500)]) {
            Ok(_) => stored += 1,
            Err(error) => refused = Some(error),
        }
    }
    let error = refused.expect("the disk was never full");
    assert_eq!(error.state().code(), "53100", "{error}");
    assert_eq!(read(&mut db).unwrap().len() as i32, stored, "reading goes on");
    disk.set_capacity(None);
    db.insert("t", vec![row(stored, 10)]).unwrap();
    drop(db);
    disk.power_cut(Survival::None, 0);
    assert_eq!(read(&mut open(&disk).unwrap()).unwrap().len() as i32, stored + 1);
}

#[test]
fn where_nothing_can_be_written_reading_goes_on() {
    use crate::vfs::simulated::{Failure, Fault};
    let disk = SimulatedVfs::new();
    let mut db = open(&disk).unwrap();
    setup(&mut db).unwrap();
    db.insert("t", (0..40).map(|id| row(id, 2500)).collect()).unwrap();
    db.begin().unwrap();
    disk.inject(Fault { on: None, nth: 1, failure: Failure::NoSpace, from_then_on: true });
    let refused = (40..200).find_map(|id| db.insert("t", vec![row(id, 2500)]).err());
    assert_eq!(refused.expect("everything fits into memory").state().code(), "53100");
    db.rollback().unwrap();
    assert_eq!(read(&mut db).unwrap().len(), 40);
    drop(db);
    assert_eq!(read(&mut open(&disk.fork()).unwrap()).unwrap().len(), 40);
}

#[test]
fn a_change_that_cannot_open_all_of_its_pages_has_not_begun() {
    use crate::vfs::simulated::{Failure, Fault, Operation};
    let sound = SimulatedVfs::new();
    let mut db = open(&sound).unwrap();
    setup(&mut db).unwrap();
    db.insert("t", (0..40).map(|id| row(id, 2500)).collect()).unwrap();
    for (id, (tid, _)) in read(&mut db).unwrap() {
        assert!(id % 2 == 0 || db.delete("t", tid).unwrap());
    }
    db.close().unwrap();
    for nth in 1.. {
        let disk = sound.fork();
        let mut db = open(&disk).unwrap();
        disk.inject(Fault { on: Some(Operation::Read), nth, failure: Failure::Io, from_then_on: false });
        let done = db.vacuum("t").and_then(|_| db.insert("t", (40..60).map(|id| row(id, 2500)).collect()));
        disk.clear_faults();
        db.insert("t", vec![row(100, 10)]).unwrap_or_else(|error| panic!("after read {nth}: {error}"));
        assert_eq!(read(&mut db).unwrap().len(), if done.is_ok() { 41 } else { 21 }, "read {nth}");
        if done.is_ok() {
            return;
        }
    }
}

#[test]
fn who_only_reads_leaves_the_disk_as_it_was() {
    use crate::vfs::simulated::Operation;
    let disk = SimulatedVfs::new();
    let mut db = open(&disk).unwrap();
    setup(&mut db).unwrap();
    db.insert("t", (0..40).map(|id| row(id, 2500)).collect()).unwrap();
    db.close().unwrap();
    let changes =
        || [Operation::Write, Operation::SetLen, Operation::Remove].map(|change| disk.count(change));
    let before = changes();
    let mut db = open(&disk).unwrap();
    assert_eq!(read(&mut db).unwrap().len(), 40);
    db.close().unwrap();
    assert_eq!(changes(), before, "reading has changed something");
    let mut db = open(&disk).unwrap();
    db.insert("t", vec![row(40, 10)]).unwrap();
    db.close().unwrap();
    assert_ne!(changes(), before);
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_recovery() {
    use crate::vfs::simulated::{Failure, Fault, Operation};
    let disk = SimulatedVfs::new();
    let mut db = open(&disk).unwrap();
    setup(&mut db).unwrap();
    db.insert("t", vec![row(1, 10)]).unwrap();
    disk.inject(Fault { on: Some(Operation::SyncData), nth: 1, failure: Failure::Io, from_then_on: false });
    assert_eq!(db.insert("t", vec![row(2, 10)]).unwrap_err().state().code(), "58030");
    assert!(db.insert("t", vec![row(3, 10)]).is_err(), "a retried sync would report success over nothing");
    assert!(read(&mut db).is_ok(), "reading goes on");
    drop(db);
    disk.power_cut(Survival::All, 0);
    let found = rows_of(&read(&mut open(&disk).unwrap()).unwrap());
    assert!(found.contains_key(&1) && !found.contains_key(&3), "{found:?}");
}
