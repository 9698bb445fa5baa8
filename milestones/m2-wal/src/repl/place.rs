//! Where the database lies, and how it is opened there.

use super::options::Options;
use super::output::counted;
use crate::buffer;
use crate::database::Database;
use crate::error::{Error, Result, SqlState};
use crate::recovery::RecoveryReport;
use crate::vfs::simulated::{CrashReport, Survival};
use crate::vfs::{OsVfs, SimulatedVfs, Vfs};
use crate::wal::reader::display;
use std::fmt::Write;
use std::sync::Arc;

pub struct Place {
    vfs: Arc<dyn Vfs>,
    settings: buffer::Options,
    simulation: Option<Simulation>,
    /// Read what can be read, change nothing.
    salvage: bool,
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
        if options.salvage {
            let vfs =
                OsVfs::read_only(directory).map_err(|error| Error::io("open", directory.display(), error))?;
            let settings = options.settings();
            return Ok(Place { vfs: Arc::new(vfs), settings, simulation: None, salvage: true });
        }
        let is_new = !directory.exists();
        let vfs = OsVfs::new(directory).map_err(|error| Error::io("create", directory.display(), error))?;
        if is_new {
            eprintln!("Created data directory \"{}\"", directory.display());
        }
        Ok(Place { vfs: Arc::new(vfs), settings: options.settings(), simulation: None, salvage: false })
    }

    pub fn simulated(seed: u64, settings: buffer::Options) -> Place {
        let disk = SimulatedVfs::new();
        Place {
            vfs: Arc::new(disk.clone()),
            settings,
            simulation: Some(Simulation { disk, seed }),
            salvage: false,
        }
    }

    #[cfg(test)]
    pub fn memory() -> Place {
        Place::simulated(1, buffer::Options::default())
    }

    /// Opens the database; if it was not closed in order, tells what recovery has done.
    pub fn open(&self) -> Result<Database> {
        let database = self.reopen().map_err(|error| advise(error, self.salvage))?;
        if self.salvage {
            eprint!("{}", salvaged(database.damage().notes()));
            return Ok(database);
        }
        if !database.recovery().clean {
            eprintln!("{}", summary(database.recovery()));
        }
        Ok(database)
    }

    /// Opens the database after a power cut, and leaves the telling to others.
    pub fn reopen(&self) -> Result<Database> {
        let open = if self.salvage { Database::salvage } else { Database::open };
        open(self.vfs.clone(), self.settings)
    }

    /// Cuts the power of the simulated disk, if it is one.
    pub fn power_cut(&mut self) -> Option<CrashReport> {
        let simulation = self.simulation.as_mut()?;
        let report = simulation.disk.power_cut(Survival::Coin, simulation.seed);
        simulation.seed = simulation.seed.wrapping_add(1);
        Some(report)
    }
}

/// Whoever is refused because of damage hears what can be done.
fn advise(error: Error, salvage: bool) -> Error {
    let is_damage =
        matches!(error.state(), SqlState::DataCorrupted | SqlState::IndexCorrupted | SqlState::UndefinedFile);
    match is_damage && !salvage {
        true => {
            error.with_hint("Restore the files from a copy, or read what can still be read with --salvage.")
        }
        false => error,
    }
}

/// What whoever opens a damaged database must know before they read it.
fn salvaged(damage: &[String]) -> String {
    let mut text =
        "Salvage: the database is open for reading only, and its directory stays as it is\n".to_string();
    for what in damage {
        let _ = writeln!(text, "WARNING:  {what}");
    }
    if damage.is_empty() {
        text.push_str("No damage was found on opening; a damaged page shows when it is read\n");
    }
    text
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
