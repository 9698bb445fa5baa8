//! Those who race: each knows how to bring its database into the state that a workload begins with, and how to run a
//! script on it.

mod feed;
mod files;
mod inox;
mod postgres;
mod sqlite;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::measure::Usage;
use crate::workload::{Before, Dialect};

pub use inox::Inox;
pub use postgres::Postgres;
pub use sqlite::Sqlite;

pub trait Engine {
    fn name(&self) -> &'static str;

    fn version(&self) -> &str;

    fn dialect(&self) -> Dialect;

    /// Makes the loaded table out of a script that fills an empty one.
    fn load(&mut self, script: &Path) -> Result<()>;

    /// Runs a script that fills an empty table, and kills whoever ran it at its end.
    fn crash(&mut self, script: &Path) -> Result<()>;

    /// Sees to it that the next run finds what it begins with. Takes as long as it wants: nobody measures.
    fn prepare(&mut self, before: Before) -> Result<()>;

    /// Runs a script on what was prepared.
    fn run(&mut self, script: &Path, answer: &Path) -> Result<Usage>;

    /// Bytes on disk of what was prepared last, without the log.
    fn size(&self) -> Result<u64>;

    /// The log that a crash left to be read, in bytes.
    fn log_size(&self) -> Result<u64>;
}

/// Where the race takes place.
#[derive(Clone, Debug)]
pub struct Place {
    /// Everything that is written goes below.
    pub directory: PathBuf,
}

impl Place {
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Last line of a script whose process is to be killed when it is through: its answer tells that it is.
const DONE: &str = "through";
