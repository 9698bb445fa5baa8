//! Scripts cut into pieces.
//!
//! To fail the last operation of a long script means to run all of it, and so for each operation before. Most of that
//! time goes into what went well. So a script is cut: what comes before a piece is done once, and a case begins with a
//! copy of the disk. Each piece opens the database, carries out a few operations and closes it; the first begins where
//! the script does, the others after an orderly end or, in turn, after a kill, so that there is something to recover.
//! The last has nothing to do but to recover from a kill at the script's end.

use std::sync::Arc;

use m1_storage::vfs::SimulatedVfs;
use m1_storage::vfs::simulated::Survival;

use super::case::Case;
use crate::crashes::{Setup, guarded, new_database};
use crate::engine::{Engine, Refusal, Stage};
use crate::model::{Op, Oracle};
use crate::workload::Workload;

/// A piece is as long as it must be for so many operations of the disk, and ends outside of transaction blocks.
const LENGTH: u64 = 350;

/// Some operations of a script, and the disk on which they begin.
pub struct Piece {
    pub setup: Setup,
    pub script: &'static str,
    /// Counted from 0 within the script.
    pub number: usize,
    pub ops: Vec<Op>,
    /// What is in the database when the piece begins.
    pub oracle: Oracle,
    disk: SimulatedVfs,
}

impl Piece {
    /// All pieces of a script.
    pub fn cut(stage: Stage, workload: &Workload) -> Result<Vec<Piece>, String> {
        let setup = Setup { stage, sizes: workload.sizes };
        let disk = if workload.from_nothing { SimulatedVfs::new() } else { new_database(setup)? };
        let oracle = Oracle::new(stage.has_catalogs());
        let first = Piece { setup, script: workload.name, number: 0, ops: Vec::new(), oracle, disk };
        guarded(|| first.cut_all(&workload.ops)).map_err(|what| format!("without any failure: {what}"))
    }

    fn cut_all(mut self, ops: &[Op]) -> Result<Vec<Piece>, String> {
        let mut pieces = Vec::new();
        let mut disk = self.disk();
        let mut start = disk.count_all();
        let mut oracle = self.oracle.clone();
        let mut engine = self.open(&disk)?;
        for (number, op) in ops.iter().enumerate() {
            engine = self.step(engine, op, &disk, &mut oracle)?;
            self.ops.push(*op);
            let is_last = number + 1 == ops.len();
            if is_last || disk.count_all() - start >= LENGTH && !oracle.in_block() {
                if !is_last && pieces.len() % 2 == 0 {
                    engine.close().map_err(told)?;
                    disk.power_cut(Survival::None, 0);
                }
                let next = Piece {
                    ops: Vec::new(),
                    number: pieces.len() + 1,
                    oracle: oracle.clone(),
                    disk: disk.fork(),
                    ..self
                };
                disk = next.disk();
                start = disk.count_all();
                pieces.push(std::mem::replace(&mut self, next));
                engine = self.open(&disk)?;
            }
        }
        pieces.push(self);
        Ok(pieces)
    }

    /// Everything that can fail in it.
    pub fn cases(&self) -> Result<Vec<Case>, String> {
        Ok(Case::all(&self.disk, &self.rehearse()?))
    }

    /// As replays name it.
    pub fn name(&self) -> String {
        format!("io:{},{}:{}", self.setup.stage, self.script, self.number)
    }

    /// A disk to run the piece on.
    pub fn disk(&self) -> SimulatedVfs {
        self.disk.fork()
    }

    /// Runs it without any failure; the disk afterwards, which has counted.
    fn rehearse(&self) -> Result<SimulatedVfs, String> {
        let disk = self.disk();
        guarded(|| self.run(&disk))?;
        Ok(disk)
    }

    /// Runs it, from opening to closing. Nothing may go wrong.
    pub fn run(&self, disk: &SimulatedVfs) -> Result<(), String> {
        let (mut engine, mut oracle) = (self.open(disk)?, self.oracle.clone());
        for op in &self.ops {
            engine = self.step(engine, op, disk, &mut oracle)?;
        }
        let found = engine.read().map_err(told)?;
        if found != *oracle.seen() {
            return Err(found.difference(oracle.seen()));
        }
        engine.close().map_err(told)
    }

    /// Carries out an operation, which must succeed.
    fn step(
        &self,
        mut engine: Box<dyn Engine>,
        op: &Op,
        disk: &SimulatedVfs,
        oracle: &mut Oracle,
    ) -> Result<Box<dyn Engine>, String> {
        oracle.begin(op);
        if *op == Op::Restart {
            engine.close().map_err(told)?;
            engine = self.open(disk)?;
        } else {
            engine.apply(op).map_err(|error| format!("{op}: {error}"))?;
        }
        oracle.succeed(op);
        Ok(engine)
    }

    fn open(&self, disk: &SimulatedVfs) -> Result<Box<dyn Engine>, String> {
        self.setup.stage.open(Arc::new(disk.clone()), self.setup.sizes).map_err(told)
    }
}

fn told(error: Refusal) -> String {
    error.to_string()
}
