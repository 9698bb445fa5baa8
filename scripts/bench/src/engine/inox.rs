//! InoxDB: milestone 5's program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{DONE, Engine, Place, feed, files};
use crate::data::TABLE;
use crate::measure::{Usage, run, succeed};
use crate::workload::{Before, Dialect};

pub struct Inox {
    program: PathBuf,
    version: String,
    place: Place,
    /// What the next run opens.
    directory: PathBuf,
}

impl Inox {
    pub fn new(program: PathBuf, place: Place) -> Result<Inox> {
        let version = succeed(Command::new(&program).arg("--version"))?.replace("inoxdb ", "");
        let directory = place.path("inoxdb");
        Ok(Inox { program, version, place, directory })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.place.directory);
        command.args(["--quiet", "--tuples-only", "--csv", "--set", "ON_ERROR_STOP=1"]).arg(&self.directory);
        command
    }

    fn create(&mut self, name: &str) -> Result<()> {
        self.directory = self.place.path(name);
        files::remove(&self.directory)?;
        succeed(Command::new(&self.program).args(["--quiet", "--command", TABLE]).arg(&self.directory))?;
        Ok(())
    }

    fn open(&mut self, name: &str) {
        self.directory = self.place.path(name);
    }

    fn open_copy(&mut self, name: &str) -> Result<()> {
        files::copy(&self.place.path(name), &self.place.path("inoxdb"))?;
        self.open("inoxdb");
        Ok(())
    }
}

impl Engine for Inox {
    fn name(&self) -> &'static str {
        "InoxDB"
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn dialect(&self) -> Dialect {
        Dialect::Inox
    }

    fn load(&mut self, script: &Path) -> Result<()> {
        self.create("inoxdb-loaded")?;
        run(&mut self.command(), script, &self.place.path("inoxdb.load")).map(drop)
    }

    fn crash(&mut self, script: &Path) -> Result<()> {
        self.create("inoxdb-crashed")?;
        let mut command = self.command();
        command.args(["--max-wal-size", "4GB"]);
        feed::run_and_kill(&mut command, script, &format!("SELECT '{DONE}';"))
    }

    fn prepare(&mut self, before: Before) -> Result<()> {
        match before {
            Before::Empty => self.create("inoxdb")?,
            Before::Loaded | Before::Cold => self.open("inoxdb-loaded"),
            Before::Copy => self.open_copy("inoxdb-loaded")?,
            Before::Crashed => self.open_copy("inoxdb-crashed")?,
        }
        match before {
            Before::Cold => files::chill(&self.directory),
            _ => files::warm(&self.directory),
        }
    }

    fn run(&mut self, script: &Path, answer: &Path) -> Result<Usage> {
        run(&mut self.command(), script, answer)
    }

    fn size(&self) -> Result<u64> {
        files::size(&self.directory.join("base"))
    }

    fn log_size(&self) -> Result<u64> {
        files::size(&self.place.path("inoxdb-crashed").join("wal"))
    }
}
