//! One failure: what the database does about it, and what is there afterwards.

use std::sync::Arc;

use m1_storage::vfs::SimulatedVfs;
use m1_storage::vfs::simulated::{Failure, Survival};

use super::case::Case;
use super::piece::Piece;
use crate::crashes::guarded;
use crate::engine::{Engine, Refusal};
use crate::model::{Ids, Op, Oracle, State, TableName};

/// What is done about the disk that a failure leaves.
#[derive(Clone, Copy)]
enum End {
    /// The process is killed, the database opened again and used; then the power goes.
    Kill,
    /// The power goes at once, and takes everything that is not durable; the database is opened again and used.
    Cut,
    /// The process is killed, and the power goes in the recovery after it; then the same.
    CutInRecovery,
}

impl End {
    const ALL: [End; 3] = [End::Kill, End::Cut, End::CutInRecovery];
}

/// Runs a piece with failures in it that nobody should notice.
pub fn judge_harmless(piece: &Piece, cases: &[Case]) -> Result<(), String> {
    guarded(|| {
        let disk = piece.disk();
        cases.iter().for_each(|case| disk.inject(case.fault()));
        piece.run(&disk)
    })
}

/// At so many points of a recovery the power is cut, unless it is at all of them.
const FEW_POINTS: usize = 4;

/// Which ends follow a failure.
#[derive(Clone, Copy, Debug)]
pub enum Ends {
    All,
    /// One, in turn; after a failed sync, which has lost something, nearly all.
    InTurn(u64),
}

impl Ends {
    /// The ends, and how many points of a recovery to cut the power at.
    fn after(self, refused: Option<&Refusal>) -> (&'static [End], usize) {
        let has_lost = refused.is_some_and(|error| error.message.contains("fsync"));
        match self {
            Ends::All => (&End::ALL, usize::MAX),
            Ends::InTurn(turn) if has_lost && turn.is_multiple_of(4) => (&End::ALL, FEW_POINTS),
            Ends::InTurn(_) if has_lost => (&End::ALL[..2], 0),
            Ends::InTurn(turn) => (&End::ALL[turn as usize % 2..][..1], 0),
        }
    }
}

/// Runs a piece with a failure in it, and then into its ends.
pub fn judge(piece: &Piece, case: Case, ends: Ends) -> Result<(), String> {
    guarded(|| {
        let mut run = Run { piece, case, disk: piece.disk(), oracle: piece.oracle.clone(), refused: None };
        run.go()?;
        let (ends, points) = ends.after(run.refused.as_ref());
        ends.iter().try_for_each(|end| {
            let befallen = end.befall(&run, points);
            befallen.map_err(|what| format!("{}: {what}", end.story()))
        })
    })
}

impl End {
    fn story(self) -> &'static str {
        match self {
            End::Kill => "after kill -9",
            End::Cut => "after a power cut",
            End::CutInRecovery => "after kill -9 and a power cut in the recovery",
        }
    }

    fn befall(self, run: &Run, points: usize) -> Result<(), String> {
        let (setup, seed) = (run.piece.setup, run.case.nth);
        let disk = run.disk.fork();
        match self {
            End::Kill => setup.examine(&disk, &run.oracle, seed).map(drop),
            End::Cut => {
                disk.power_cut(Survival::None, 0);
                setup.look(&disk, &run.oracle, seed)
            }
            End::CutInRecovery => {
                let images = setup.recovery_points(&disk)?;
                let step = images.len().div_ceil(points).max(1);
                images.iter().skip(seed as usize % step).step_by(step).try_for_each(|image| {
                    image.disk.power_cut(Survival::None, 0);
                    setup.look(&image.disk, &run.oracle, seed)
                })
            }
        }
    }
}

/// The process that meets the failure.
struct Run<'a> {
    piece: &'a Piece,
    case: Case,
    disk: SimulatedVfs,
    oracle: Oracle,
    /// The first error, if there was one.
    refused: Option<Refusal>,
}

/// An operation that failed.
struct Failed {
    op: Op,
    /// Where there is still a process that goes on.
    engine: Option<Box<dyn Engine>>,
}

impl Run<'_> {
    /// Runs, until the process has done what can be done; what must be on the disk then is known.
    fn go(&mut self) -> Result<(), String> {
        self.disk.inject(self.case.fault());
        if let Some(failed) = self.work()? {
            self.go_on(failed)?;
        }
        self.disk.clear_faults();
        Ok(())
    }

    /// Carries out the piece, up to the first operation that fails.
    fn work(&mut self) -> Result<Option<Failed>, String> {
        let mut engine = match self.open()? {
            Some(engine) => engine,
            None => return Ok(Some(Failed { op: Op::Restart, engine: None })),
        };
        for op in &self.piece.ops {
            self.oracle.begin(op);
            let done = if *op == Op::Restart {
                let closed = self.close(engine)?;
                match if closed { self.open()? } else { None } {
                    Some(open) => engine = open,
                    None => return Ok(Some(Failed { op: *op, engine: None })),
                }
                Ok(())
            } else {
                engine.apply(op)
            };
            if let Err(error) = done {
                self.refuse(error, op)?;
                return Ok(Some(Failed { op: *op, engine: Some(engine) }));
            }
            self.oracle.succeed(op);
        }
        match engine.read() {
            Ok(found) => self.expect(&found)?,
            Err(error) => {
                self.refuse(error, &"reading")?;
                self.oracle.begin(&Op::Checkpoint);
                return Ok(Some(Failed { op: Op::Checkpoint, engine: Some(engine) }));
            }
        }
        let closed = self.close(engine)?;
        Ok((!closed).then_some(Failed { op: Op::Restart, engine: None }))
    }

    fn open(&mut self) -> Result<Option<Box<dyn Engine>>, String> {
        match self.piece.setup.stage.open(Arc::new(self.disk.clone()), self.piece.setup.sizes) {
            Ok(engine) => Ok(Some(engine)),
            Err(error) => self.refuse(error, &"opening").map(|()| None),
        }
    }

    fn close(&mut self, engine: Box<dyn Engine>) -> Result<bool, String> {
        match engine.close() {
            Ok(()) => Ok(true),
            Err(error) => self.refuse(error, &"closing").map(|()| false),
        }
    }

    /// An error has come up: it must be one of the failure, and the first must say where it was.
    fn refuse(&mut self, error: Refusal, what: &dyn std::fmt::Display) -> Result<(), String> {
        let fits = match &self.refused {
            None => error.code == self.case.code() && error.message.contains("file \""),
            // Nothing was half done because a page could not be read: with that one error it is over.
            Some(first) if first.message.contains("could not read") && !self.case.from_then_on => false,
            // What follows from it: no more is written, or it fails again.
            Some(_) => error.code == self.case.code() || error.code == "58030",
        };
        if !fits {
            return Err(format!("{what}: this is no answer to {}: {error}", self.case));
        }
        self.refused.get_or_insert(error);
        Ok(())
    }

    /// After a failure: what can be read is right, ROLLBACK works, and whatever else is tried works or is refused.
    fn go_on(&mut self, failed: Failed) -> Result<(), String> {
        let was_in_block = self.oracle.in_block() && failed.op != Op::Commit;
        self.oracle.fail();
        if let Some(mut engine) = failed.engine {
            if was_in_block {
                engine.apply(&Op::Rollback).map_err(|error| format!("ROLLBACK after it: {error}"))?;
            }
            // Everything fails, or everything that takes room: a full disk can still be read.
            if self.case.from_then_on {
                self.read(&mut *engine, self.case.failure == Failure::Io)?;
                self.use_it(&mut *engine)?;
                self.read(&mut *engine, self.case.failure == Failure::Io)?;
                self.disk.clear_faults();
            }
            self.read(&mut *engine, false)?;
            self.use_it(&mut *engine)?;
            self.read(&mut *engine, false)?;
            if self.case.nth.is_multiple_of(3) {
                self.close(engine)?;
            }
        }
        Ok(())
    }

    fn read(&mut self, engine: &mut dyn Engine, may_fail: bool) -> Result<(), String> {
        match engine.read() {
            Ok(found) => self.expect(&found),
            Err(error) if may_fail => self.refuse(error, &"reading"),
            Err(error) => Err(format!("reading after it: {error}")),
        }
    }

    fn expect(&self, found: &State) -> Result<(), String> {
        match self.oracle.in_block() {
            true if found == self.oracle.seen() => Ok(()),
            true => Err(found.difference(self.oracle.seen())),
            false => self.oracle.judge(found).map_err(|what| format!("before any end: {what}")),
        }
    }

    /// Writes, makes a checkpoint, and writes again, or is told that this is not possible.
    fn use_it(&mut self, engine: &mut dyn Engine) -> Result<(), String> {
        for first in [2_000_000, 2_000_010] {
            let Ok(found) = engine.read() else { return Ok(()) };
            let op = match found.tables.get(&TableName::A) {
                None => Op::Create(TableName::A),
                Some(table) => {
                    let free = table.rows.last_key_value().map_or(first, |(id, _)| first.max(id + 1));
                    Op::Insert(TableName::A, Ids::new(free, 2), 300)
                }
            };
            self.try_to(engine, found, &op)?;
            let Ok(found) = engine.read() else { return Ok(()) };
            self.try_to(engine, found, &Op::Checkpoint)?;
        }
        Ok(())
    }

    /// Whoever goes on writing has settled what was in doubt: what it shows is what counts. Whoever is read-only has not,
    /// and has done nothing of what it refused. Any other error leaves both open.
    fn try_to(&mut self, engine: &mut dyn Engine, found: State, op: &Op) -> Result<(), String> {
        let mut oracle = self.oracle.clone();
        oracle.judge(&found).map_err(|what| format!("before {op}: {what}"))?;
        oracle.settle(found);
        oracle.begin(op);
        match engine.apply(op) {
            Ok(()) => {
                oracle.succeed(op);
                self.oracle = oracle;
            }
            Err(error) => {
                let is_refused = error.message.contains("read-only");
                self.refuse(error, op)?;
                if !is_refused {
                    oracle.fail();
                    self.oracle.or(oracle);
                }
            }
        }
        Ok(())
    }
}
