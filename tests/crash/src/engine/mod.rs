//! The milestones as the crash tests see them: a database that carries out operations, can be read, and checks
//! itself.
//!
//! All stages run on one disk, the simulated one of the first milestone (the later ones have the same, byte for
//! byte): `bridge` passes each stage's calls on to it. Stages 2 to 4 are driven by their command interface, stage 5
//! by SQL.

mod bridge;
#[cfg(any(feature = "m2", feature = "m3", feature = "m4"))]
mod commands;
#[cfg(feature = "m5")]
mod sql;

use std::fmt;
use std::sync::Arc;

pub use m1_storage::vfs::Vfs;

use crate::model::{Op, State, Table, TableName};

/// How much memory and log a database is given.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Pages in memory: frames from stage 3 on, changed pages in stage 2.
    pub pages: usize,
    pub max_wal_size: u64,
    pub segment_size: u32,
}

impl Sizes {
    /// As little of everything as possible, so that all that can happen does.
    pub const SMALLEST: Sizes = Sizes { pages: 4, max_wal_size: 1 << 17, segment_size: 1 << 16 };
}

/// An open database of some stage.
pub trait Engine {
    fn apply(&mut self, op: &Op) -> Result<(), Refusal>;
    /// Everything that is in the database, found by scans of the tables and, where there are indexes, by these
    /// too; an error if the two disagree.
    fn read(&mut self) -> Result<State, Refusal>;
    /// The same of one table; `None` if there is no such table.
    fn read_table(&mut self, name: TableName) -> Result<Option<Table>, Refusal>;
    /// What the database's own check finds wrong with it.
    fn check(&mut self) -> Vec<String>;
    fn close(self: Box<Self>) -> Result<(), Refusal>;
}

/// An error of the engine.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub code: String,
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)
    }
}

type Opener = fn(Arc<dyn Vfs>, Sizes) -> Result<Box<dyn Engine>, Refusal>;

/// A milestone that has a log.
#[derive(Clone, Copy)]
pub struct Stage {
    pub number: u32,
    opener: Opener,
}

impl Stage {
    /// Opens the database on a disk, making it if there is none, recovering it if need be.
    pub fn open(self, disk: Arc<dyn Vfs>, sizes: Sizes) -> Result<Box<dyn Engine>, Refusal> {
        (self.opener)(disk, sizes)
    }

    /// Tables can be dropped, and made within a transaction.
    pub fn has_catalogs(self) -> bool {
        self.number >= 4
    }

    pub fn has_indexes(self) -> bool {
        self.number >= 5
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "m{}", self.number)
    }
}

/// The stages that this program was built with.
pub const STAGES: &[Stage] = &[
    #[cfg(feature = "m2")]
    Stage { number: 2, opener: commands::m2::open },
    #[cfg(feature = "m3")]
    Stage { number: 3, opener: commands::m3::open },
    #[cfg(feature = "m4")]
    Stage { number: 4, opener: commands::m4::open },
    #[cfg(feature = "m5")]
    Stage { number: 5, opener: sql::open },
];

/// The stage of a name such as `m3`.
pub fn stage(name: &str) -> Option<Stage> {
    STAGES.iter().copied().find(|stage| stage.to_string() == name)
}
