//! Where the database lies, and how it is opened there.

use super::options::Options;
use super::output::counted;
use crate::buffer::{self, BASE};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::recovery::RecoveryReport;
use crate::vfs::simulated::{CrashReport, Survival};
use crate::vfs::{OsVfs, SimulatedVfs, Vfs};
use crate::wal::reader::display;
use std::sync::Arc;

pub struct Place {
    vfs: Arc<dyn Vfs>,
    settings: buffer::Options,
    simulation: Option<Simulation>,
    /// Nothing is told of how the database was opened.
    quiet: bool,
}

struct Simulation {
    disk: SimulatedVfs,
    /// Decides what the next power cut takes.
    seed: u64,
}

impl Place {
    /// The directory that the command line names; it is made if it does not exist. Or a simulated disk.
    pub fn new(options: &Options) -> Result<Place> {
        if let Some(seed) = options.simulate {
            eprintln!("Using a simulated disk (seed {seed}): nothing is kept after the end");
            return Ok(Place::simulated(seed, options.settings()));
        }
        let directory = &options.directory;
        let is_new = !directory.exists();
        let vfs = OsVfs::new(directory).map_err(|error| Error::io("create", directory.display(), error))?;
        if is_new && !options.quiet {
            eprintln!("Created data directory \"{}\"", directory.display());
        }
        Ok(Place { vfs: Arc::new(vfs), settings: options.settings(), simulation: None, quiet: options.quiet })
    }

    pub fn simulated(seed: u64, settings: buffer::Options) -> Place {
        let disk = SimulatedVfs::new();
        Place {
            vfs: Arc::new(disk.clone()),
            settings,
            simulation: Some(Simulation { disk, seed }),
            quiet: false,
        }
    }

    #[cfg(test)]
    pub fn memory() -> Place {
        Place::simulated(1, buffer::Options::default())
    }

    /// Opens the database; if it was not closed in order, tells what recovery has done.
    pub fn open(&self) -> Result<Database> {
        let database = self.reopen()?;
        if self.quiet {
            return Ok(database);
        }
        if !database.recovery().clean {
            eprintln!("{}", summary(database.recovery()));
        }
        for file in database.swept() {
            eprintln!("Removed file \"{BASE}/{file}\": it belonged to no table");
        }
        Ok(database)
    }

    /// Opens the database after a power cut, and leaves the telling to others.
    pub fn reopen(&self) -> Result<Database> {
        Database::open(self.vfs.clone(), self.settings)
    }

    /// Cuts the power of the simulated disk, if it is one.
    pub fn power_cut(&mut self) -> Option<CrashReport> {
        let simulation = self.simulation.as_mut()?;
        let report = simulation.disk.power_cut(Survival::Coin, simulation.seed);
        simulation.seed = simulation.seed.wrapping_add(1);
        Some(report)
    }
}

/// What recovery has done, in one line.
pub fn summary(report: &RecoveryReport) -> String {
    let RecoveryReport { redo, end, records, commits, .. } = report;
    if *records == 0 {
        return format!("Recovered: nothing had to be done again, the log ends at {}", display(*end));
    }
    format!(
        "Recovered: {} from {} to {}, {} committed",
        counted(*records, "log record"),
        display(*redo),
        display(*end),
        counted(*commits, "transaction")
    )
}
