//! The last milestone's program, given SQL on a data directory.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::process::{Ending, Process};
use crate::stages;

/// How long a script may take: some of them work on many rows.
pub const PATIENCE: Duration = Duration::from_secs(300);

pub fn program() -> Result<&'static Path> {
    stages::program(5)
}

/// Starts the program in the folder `home`.
pub fn start(home: &Path, arguments: &[&str]) -> Result<Process> {
    Process::start(program()?, arguments, home, PATIENCE)
}

/// Gives the program a script on standard input; what it said and how it ended.
pub fn run(home: &Path, arguments: &[&str], script: &str) -> Result<(String, Ending)> {
    let process = start(home, arguments)?;
    process.send(script);
    process.finish()
}

/// Carries out a script on `home/data` in which nothing may fail; the rows it answers, as CSV.
pub fn ask(home: &Path, script: &str) -> Result<String> {
    let (said, ending) = run(home, &["--quiet", "--csv", "--tuples-only", "data"], script)?;
    ensure!(ending.0.success(), "{ending}: {said}");
    ensure!(!said.contains("ERROR:"), "{said}");
    Ok(said)
}

/// Carries out a script that fails: what it said, with the SQLSTATEs of its errors.
pub fn complaint(home: &Path, script: &str) -> Result<String> {
    let arguments = ["--quiet", "--csv", "--tuples-only", "--set", "VERBOSITY=verbose", "data"];
    let (said, ending) = run(home, &arguments, script)?;
    ensure!(ending.0.success(), "{ending}: {said}");
    ensure!(said.contains("ERROR:"), "no error: {said}");
    Ok(said)
}
