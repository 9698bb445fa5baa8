//! SQLite: the `sqlite3` shell, with a write-ahead log that is synced at every commit.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{DONE, Engine, Place, feed, files};
use crate::data::TABLE;
use crate::measure::{Usage, run, succeed};
use crate::workload::{Before, Dialect};

/// The settings under which a commit survives a power cut, as it does in the other two.
const DURABLE: [&str; 2] = ["-cmd", "PRAGMA synchronous = FULL;"];

pub struct Sqlite {
    version: String,
    place: Place,
    file: PathBuf,
}

impl Sqlite {
    /// `None`, if there is no `sqlite3`.
    pub fn find(place: Place) -> Option<Sqlite> {
        let version = succeed(Command::new("sqlite3").arg("--version")).ok()?;
        let version = version.split_whitespace().next().unwrap_or_default().to_owned();
        let file = place.path("sqlite");
        Some(Sqlite { version, place, file })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("sqlite3");
        command.current_dir(&self.place.directory);
        command.args(["-batch", "-bail", "-csv"]).args(DURABLE).arg(&self.file);
        command
    }

    fn create(&mut self, name: &str) -> Result<()> {
        self.open(name);
        self.remove(name)?;
        // The mode stays with the file.
        let sql = format!("PRAGMA journal_mode = WAL; {TABLE}");
        succeed(Command::new("sqlite3").arg(&self.file).arg(sql)).map(drop)
    }

    fn open(&mut self, name: &str) {
        self.file = self.place.path(name);
    }

    /// The file and its log.
    fn parts(&self, name: &str) -> [PathBuf; 3] {
        ["", "-wal", "-shm"].map(|part| self.place.path(&format!("{name}{part}")))
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.parts(name).iter().try_for_each(|part| files::remove(part))
    }

    fn open_copy(&mut self, name: &str) -> Result<()> {
        self.remove("sqlite")?;
        for (from, to) in self.parts(name).iter().zip(self.parts("sqlite")) {
            if from.exists() {
                files::copy(from, &to)?;
            }
        }
        self.open("sqlite");
        Ok(())
    }
}

impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn load(&mut self, script: &Path) -> Result<()> {
        self.create("sqlite-loaded")?;
        run(&mut self.command(), script, &self.place.path("sqlite.load")).map(drop)
    }

    fn crash(&mut self, script: &Path) -> Result<()> {
        self.create("sqlite-crashed")?;
        let mut command = self.command();
        command.args(["-cmd", "PRAGMA wal_autocheckpoint = 0;"]);
        feed::run_and_kill(&mut command, script, &format!("SELECT '{DONE}';"))
    }

    fn prepare(&mut self, before: Before) -> Result<()> {
        match before {
            Before::Empty => self.create("sqlite")?,
            Before::Loaded | Before::Cold => self.open("sqlite-loaded"),
            Before::Copy => self.open_copy("sqlite-loaded")?,
            Before::Crashed => self.open_copy("sqlite-crashed")?,
        }
        match before {
            Before::Cold => files::chill(&self.file),
            _ => files::warm(&self.file),
        }
    }

    fn run(&mut self, script: &Path, answer: &Path) -> Result<Usage> {
        run(&mut self.command(), script, answer)
    }

    fn size(&self) -> Result<u64> {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.parts(&name).iter().map(|part| files::size(part)).sum()
    }

    fn log_size(&self) -> Result<u64> {
        files::size(&self.place.path("sqlite-crashed-wal"))
    }
}
