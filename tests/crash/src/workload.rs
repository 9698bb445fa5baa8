//! What the databases do while they are crashed: short scripts, each for one thing that could go wrong, and long
//! random histories.

use fastrand::Rng;

use crate::engine::{Sizes, Stage};
use crate::model::{Ids, Op, Oracle, State, TableName};
use Op::*;
use TableName::{A, B};

/// A script, and how much room the database has for it.
#[derive(Clone, Debug)]
pub struct Workload {
    pub name: &'static str,
    pub ops: Vec<Op>,
    pub sizes: Sizes,
    /// Begins on an empty disk, so that the making of the database is part of it.
    pub from_nothing: bool,
}

fn ids(first: i64, count: i64) -> Ids {
    Ids::new(first, count)
}

/// The scripts for a stage.
pub fn scripted(stage: Stage) -> Vec<Workload> {
    let mut list = vec![
        script(
            "insert",
            vec![Create(A), Insert(A, ids(1, 1), 20), Insert(A, ids(2, 3), 900), Insert(A, ids(9, 1), 8)],
        ),
        script(
            "update",
            vec![Create(A), Insert(A, ids(1, 6), 40), Update(A, ids(2, 3), 700), Update(A, ids(1, 9), 41)],
        ),
        script(
            "delete",
            vec![Create(A), Insert(A, ids(1, 8), 500), Delete(A, ids(3, 2)), Delete(A, ids(1, 9))],
        ),
        script("rollback", rollback()),
        script("block", block()),
        script("big", big()),
        script("checkpoint", checkpoint()),
        script("segments", segments()),
        recycling(),
        script("stale", stale()),
        script("vacuum", vacuum()),
        script(
            "restart",
            vec![Create(A), Insert(A, ids(1, 5), 300), Restart, Insert(A, ids(6, 5), 300), Restart, Restart],
        ),
        Workload { from_nothing: true, ..script("creation", vec![Create(A), Insert(A, ids(1, 2), 10)]) },
    ];
    if stage.has_catalogs() {
        list.push(script("tables", tables()));
    }
    if stage.has_indexes() {
        list.push(script("split", split()));
        list.push(script("indexes", indexes()));
        list.push(script("index-vacuum", index_vacuum()));
    }
    list
}

fn script(name: &'static str, ops: Vec<Op>) -> Workload {
    Workload { name, ops, sizes: Sizes::SMALLEST, from_nothing: false }
}

/// What was rolled back leaves rows that nobody may ever see, also not under the number of a later transaction.
fn rollback() -> Vec<Op> {
    let mut ops = vec![Create(A), Insert(A, ids(1, 3), 100), Begin];
    ops.extend([Insert(A, ids(10, 4), 1500), Update(A, ids(1, 2), 150), Delete(A, ids(3, 1)), Rollback]);
    ops.extend([Insert(A, ids(4, 1), 30), Begin, Delete(A, ids(1, 9)), Rollback, Update(A, ids(1, 1), 60)]);
    ops
}

fn block() -> Vec<Op> {
    let mut ops = vec![Create(A), Create(B), Begin];
    ops.extend([Insert(A, ids(1, 4), 200), Insert(B, ids(1, 2), 3000), Update(A, ids(2, 2), 2500), Commit]);
    ops.extend([Begin, Delete(A, ids(1, 1)), Insert(A, ids(5, 2), 50), Update(B, ids(1, 1), 10), Commit]);
    ops
}

/// A transaction larger than the memory and than a segment of the log.
fn big() -> Vec<Op> {
    let mut ops = vec![Create(A), Insert(A, ids(1, 2), 100), Begin];
    ops.extend((0..4).map(|part| Insert(A, ids(10 + part * 20, 20), 1800)));
    ops.extend([Update(A, ids(5, 30), 1700), Commit, Insert(A, ids(200, 1), 5)]);
    ops
}

fn checkpoint() -> Vec<Op> {
    let mut ops = vec![Create(A), Insert(A, ids(1, 10), 1000), Checkpoint, Update(A, ids(1, 3), 90)];
    ops.extend([Begin, Insert(A, ids(20, 2), 400), Checkpoint, Insert(A, ids(30, 2), 400), Rollback]);
    ops.extend([Checkpoint, Checkpoint, Delete(A, ids(4, 2)), Insert(A, ids(40, 1), 1000)]);
    ops
}

/// Enough log for several segments, and for checkpoints that use them again.
fn segments() -> Vec<Op> {
    let mut ops = vec![Create(A)];
    for round in 0..6 {
        ops.push(Insert(A, ids(1 + round * 20, 16), 1900));
        ops.push(Delete(A, ids(1 + round * 20, 15)));
        if round % 2 == 1 {
            ops.push(Vacuum(A));
        }
    }
    ops.push(Insert(A, ids(500, 1), 10));
    ops
}

/// Enough log to use segments again. The smallest ones never are: room for the longest record, which is always kept
/// ready, is eight of them, and no more than four are spared.
fn recycling() -> Workload {
    let mut ops = vec![Create(A)];
    for round in 0..7 {
        ops.push(Insert(A, ids(1 + round * 60, 60), 1900));
        ops.push(Delete(A, ids(1 + round * 60, 59)));
        ops.push(Vacuum(A));
    }
    let sizes = Sizes { pages: 64, max_wal_size: 1 << 18, segment_size: 1 << 18 };
    Workload { sizes, ..script("recycling", ops) }
}

/// Many short records that become durable together. A power cut that loses the first and keeps others leaves records
/// behind the log's end which must never count again, wherever the next ones happen to end. The other table is for those
/// (see [`follow_up`]): its page is empty, so its image does not cover everything that was left.
fn stale() -> Vec<Op> {
    let mut ops = vec![Create(A), Create(B)];
    for round in 0..16 {
        ops.push(Begin);
        ops.extend((0..24).map(|row| Insert(A, ids(1 + round * 24 + row, 1), 4 + (round % 4) as i32 * 8)));
        ops.push(Commit);
    }
    ops
}

fn vacuum() -> Vec<Op> {
    let mut ops = vec![Create(A), Insert(A, ids(1, 40), 300), Delete(A, ids(5, 30)), Vacuum(A)];
    ops.extend([Insert(A, ids(50, 20), 350), Begin, Insert(A, ids(90, 5), 200), Rollback, Vacuum(A)]);
    ops.extend([Update(A, ids(50, 10), 90), Vacuum(A), Insert(A, ids(100, 3), 1000)]);
    ops
}

/// Tables that come and go, in transactions that end one way or the other.
fn tables() -> Vec<Op> {
    let mut ops =
        vec![Create(A), Insert(A, ids(1, 4), 100), Create(B), Drop(A), Create(A), Insert(A, ids(7, 2), 700)];
    ops.extend([Begin, Drop(B), Create(B), Insert(B, ids(1, 3), 60), Rollback]);
    ops.extend([Begin, Drop(A), Create(A), Insert(A, ids(1, 1), 50), Drop(B), Commit]);
    ops.extend([Begin, Create(B), Insert(B, ids(1, 20), 1500), Commit, Checkpoint, Drop(B), Checkpoint]);
    ops
}

/// Long keys fill a node with a few entries: leaves split, then the root, then the level below a new root.
fn split() -> Vec<Op> {
    let mut ops = vec![Create(A), CreateIndex(A)];
    ops.extend((0..9).map(|part| Insert(A, ids(1 + (part * 7 % 9) * 10, 5), 1600)));
    ops.extend([Insert(A, ids(200, 380), 3), Update(A, ids(1, 30), 1500), Delete(A, ids(200, 100))]);
    ops
}

fn indexes() -> Vec<Op> {
    let mut ops = vec![Create(A), Insert(A, ids(1, 30), 500), CreateIndex(A), Update(A, ids(5, 4), 600)];
    ops.extend([DropIndex(A), CreateIndex(A), Begin, DropIndex(A), Insert(A, ids(50, 2), 300), Rollback]);
    ops.extend([Begin, DropIndex(A), CreateIndex(A), Insert(A, ids(60, 2), 310), Commit, Drop(A)]);
    ops
}

/// Vacuum takes entries out of the index before their rows' places can be used again.
fn index_vacuum() -> Vec<Op> {
    let mut ops =
        vec![Create(A), CreateIndex(A), Insert(A, ids(1, 40), 700), Delete(A, ids(1, 30)), Vacuum(A)];
    ops.extend([
        Insert(A, ids(100, 25), 650),
        Update(A, ids(100, 10), 80),
        Vacuum(A),
        Insert(A, ids(200, 8), 700),
    ]);
    ops
}

/// The next operation of a random history.
pub fn random_op(random: &mut Rng, stage: Stage, oracle: &Oracle) -> Op {
    let name = if random.u8(..4) == 0 { B } else { A };
    let Some(table) = oracle.seen().tables.get(&name) else {
        let allowed = !oracle.in_block() || stage.has_catalogs();
        return if allowed { Create(name) } else { Commit };
    };
    let last = table.rows.last_key_value().map_or(0, |(id, _)| *id);
    let size = random.choice([5, 90, 700, 2400]).unwrap_or(5);
    let some = |random: &mut Rng| ids(random.i64(0..=last), random.i64(1..12));
    match random.u8(..24) {
        0 if !oracle.in_block() => Checkpoint,
        1 if !oracle.in_block() => Vacuum(name),
        2 if !oracle.in_block() => Restart,
        3 if stage.has_catalogs() => Drop(name),
        4 if stage.has_indexes() => {
            if table.indexed {
                DropIndex(name)
            } else {
                CreateIndex(name)
            }
        }
        5..=8 => match oracle.in_block() {
            false => Begin,
            true if random.bool() => Rollback,
            true => Commit,
        },
        9..=11 => Delete(name, some(random)),
        12..=15 => Update(name, some(random), size),
        _ => Insert(name, ids(last + 1, random.i64(1..12)), size),
    }
}

/// What somebody does after a recovery, before the next crash: a transaction, and whether it was committed.
///
/// The uncommitted ones come in many lengths and are followed by a checkpoint, which makes the log durable just behind
/// them. If an old record follows there that the recovery should have cut off, this is how it shows.
pub fn follow_up(random: &mut Rng, found: &State) -> (Vec<Op>, bool) {
    let first = 1_000_000;
    let sizes: Vec<i32> = (0..random.usize(1..4)).map(|_| random.i32(1..40) * 8).collect();
    let table = if found.tables.get(&B).is_some_and(|table| table.rows.is_empty()) { B } else { A };
    let rows = sizes.iter().enumerate().map(|(n, size)| Insert(table, ids(first + n as i64, 1), *size));
    let mut ops = if found.tables.contains_key(&table) { Vec::new() } else { vec![Create(table)] };
    match random.u8(..5) {
        0 => (Vec::new(), true),
        1 => {
            ops.extend(rows);
            (ops, true)
        }
        // A table that is made counts in every case: the first milestones make tables outside transactions.
        how => {
            ops.push(Begin);
            ops.extend(rows);
            ops.extend((how > 2).then_some(Checkpoint));
            (ops, false)
        }
    }
}
