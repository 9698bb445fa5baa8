//! Where the database lies, and how it is opened there.

use super::output::{complain, counted};
use super::report;
use crate::buffer::{self, BASE};
use crate::database::Database;
use crate::error::{Error, Result, SqlState};
use crate::recovery::RecoveryReport;
use crate::vfs::simulated::{CrashReport, Survival};
use crate::vfs::{SimulatedVfs, Vfs};
use crate::wal::reader::display;
use std::fmt::Write;
use std::sync::Arc;

#[derive(Clone)]
pub struct Place {
    vfs: Arc<dyn Vfs>,
    settings: buffer::Options,
    simulation: Option<Simulation>,
    /// Read what can be read, change nothing.
    salvage: bool,
    /// Nothing is told of how the database was opened.
    quiet: bool,
}

#[derive(Clone)]
struct Simulation {
    disk: SimulatedVfs,
    /// Decides what the next power cut takes.
    seed: u64,
}

impl Place {
    pub fn new(vfs: Arc<dyn Vfs>, settings: buffer::Options) -> Place {
        Place { vfs, settings, simulation: None, salvage: false, quiet: false }
    }

    /// To read what can be read, and change nothing.
    pub fn salvaged(vfs: Arc<dyn Vfs>, settings: buffer::Options) -> Place {
        Place { salvage: true, ..Place::new(vfs, settings) }
    }

    /// Tells nothing of how the database is opened.
    pub fn quietly(self, quiet: bool) -> Place {
        Place { quiet, ..self }
    }

    /// On a disk of which a power cut takes what was not synced.
    pub fn simulated(seed: u64, settings: buffer::Options) -> Place {
        let disk = SimulatedVfs::new();
        let place = Place::new(Arc::new(disk.clone()), settings);
        Place { simulation: Some(Simulation { disk, seed }), ..place }
    }

    #[cfg(test)]
    pub fn memory() -> Place {
        Place::simulated(1, buffer::Options::default())
    }

    /// Opens the database; if it was not closed in order, tells what recovery has done.
    pub fn open(&self) -> Result<Database> {
        let database = self.reopen().map_err(|error| advise(error, self.salvage))?;
        if self.salvage {
            complain(&salvaged(database.damage().notes()));
            return Ok(database);
        }
        if self.quiet {
            return Ok(database);
        }
        if let Some(mode) = self.vfs.open_to_others() {
            complain(&report::open_to_others(&self.vfs.root(), mode));
        }
        if !database.recovery().clean {
            complain(&format!("{}\n", summary(database.recovery())));
        }
        for file in database.swept() {
            complain(&format!("Removed file \"{BASE}/{file}\": it belonged to no table\n"));
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
