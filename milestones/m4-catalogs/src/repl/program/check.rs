//! `check DIR` on the command line: a look at a database that nobody has open, and that stays as it is.

use super::super::output::{Output, complain};
use super::super::report::{self, Verbosity};
use crate::database::check_directory;
use crate::error::{Error, Result};
use crate::vfs::OsVfs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Something is wrong with the database.
const PROBLEMS: u8 = 1;

/// There is no database to check, or it is in use; or what was found cannot be told.
const NO_DATABASE: u8 = 2;

/// Checks, prints, and answers the exit status.
pub fn run(directory: &Path) -> ExitCode {
    match check(directory) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(PROBLEMS),
        Err(error) => {
            complain(&report::render(&error, "", Verbosity::Default));
            ExitCode::from(NO_DATABASE)
        }
    }
}

/// Whether the database is sound.
fn check(directory: &Path) -> Result<bool> {
    let vfs = OsVfs::read_only(directory)?;
    let report = check_directory(Arc::new(vfs))?;
    let mut output = Output::standard();
    writeln!(output, "{report}");
    // Whoever reads only the first lines (`| head`) still wants the status.
    output.finish().map_err(|error| Error::io("write", "standard output", error))?;
    Ok(report.is_sound())
}
