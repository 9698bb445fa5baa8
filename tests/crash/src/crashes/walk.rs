//! Walking through a workload: a stop at each operation of the disk.

use std::sync::Arc;

use fastrand::Rng;
use m1_storage::vfs::SimulatedVfs;
use m1_storage::vfs::simulated::Survival;

use super::image::{Setup, guarded};
use crate::engine::Engine;
use crate::model::{Op, Oracle};
use crate::tap::{Image, Tap};
use crate::workload::{Workload, random_op};

/// A place in a workload where it can be crashed: what is on the disk, and what ought to be.
pub struct Point<'a> {
    /// Counted from 0 within the workload.
    pub number: u64,
    pub image: &'a Image,
    pub oracle: &'a Oracle,
}

/// A workload under way on a disk.
pub struct Walk<'a> {
    setup: Setup,
    disk: SimulatedVfs,
    tap: Tap,
    pub oracle: Oracle,
    /// How many points were visited.
    pub points: u64,
    visit: &'a mut dyn FnMut(Point) -> Result<(), String>,
}

impl<'a> Walk<'a> {
    pub fn new(
        setup: Setup,
        disk: SimulatedVfs,
        oracle: Oracle,
        points: u64,
        visit: &'a mut dyn FnMut(Point) -> Result<(), String>,
    ) -> Walk<'a> {
        let tap = Tap::new(&disk);
        Walk { setup, disk, tap, oracle, points, visit }
    }

    pub fn open(&mut self) -> Result<Box<dyn Engine>, String> {
        let opened = self.setup.stage.open(Arc::new(self.tap.clone()), self.setup.sizes);
        let engine = opened.map_err(|error| format!("cannot be opened: {error}"))?;
        self.visit_points()?;
        self.oracle.decide();
        Ok(engine)
    }

    /// Carries out an operation, which must succeed, and visits each point in it and the one when it has answered.
    pub fn step(&mut self, engine: &mut Option<Box<dyn Engine>>, op: &Op) -> Result<(), String> {
        self.oracle.begin(op);
        let done = match (op, engine.take()) {
            (Op::Restart, Some(open)) => {
                open.close().map_err(|error| format!("closing: {error}"))?;
                *engine = Some(self.open()?);
                Ok(())
            }
            (_, Some(mut open)) => {
                let done = open.apply(op);
                *engine = Some(open);
                done
            }
            (_, None) => return Err("the database is not open".into()),
        };
        done.map_err(|error| format!("{op}: {error}"))?;
        let before = self.points;
        self.visit_points()?;
        self.oracle.succeed(op);
        if self.points > before {
            // Answered, and nothing more done: what was acknowledged must be there, and no doubt is left.
            let image = Image::at_rest(&self.disk);
            self.visit(&image)?;
        }
        Ok(())
    }

    fn visit_points(&mut self) -> Result<(), String> {
        self.tap.take().iter().try_for_each(|image| self.visit(image))
    }

    fn visit(&mut self, image: &Image) -> Result<(), String> {
        (self.visit)(Point { number: self.points, image, oracle: &self.oracle })?;
        self.points += 1;
        Ok(())
    }
}

/// A disk with a new, empty database of which everything is durable.
pub fn new_database(setup: Setup) -> Result<SimulatedVfs, String> {
    let disk = SimulatedVfs::new();
    let opened = setup.stage.open(Arc::new(disk.clone()), setup.sizes);
    opened.and_then(Engine::close).map_err(|error| format!("a new database: {error}"))?;
    disk.power_cut(Survival::None, 0);
    Ok(disk)
}

/// Goes through a script; how many points it has.
pub fn walk_script(
    setup: Setup,
    workload: &Workload,
    visit: &mut dyn FnMut(Point) -> Result<(), String>,
) -> Result<u64, String> {
    guarded(|| {
        let disk = if workload.from_nothing { SimulatedVfs::new() } else { new_database(setup)? };
        let mut walk = Walk::new(setup, disk, Oracle::new(setup.stage.has_catalogs()), 0, visit);
        let mut engine = Some(walk.open()?);
        for op in &workload.ops {
            walk.step(&mut engine, op)?;
        }
        Ok(walk.points)
    })
}

/// Goes through a random history on a disk; the operations follow from `random`.
pub fn walk_randomly(walk: &mut Walk, random: &mut Rng, operations: usize) -> Result<(), String> {
    guarded(|| {
        let mut engine = Some(walk.open()?);
        for _ in 0..operations {
            let op = random_op(random, walk.setup.stage, &walk.oracle);
            walk.step(&mut engine, &op)?;
        }
        Ok(())
    })
}
