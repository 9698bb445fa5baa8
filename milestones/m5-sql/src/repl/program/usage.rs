//! What clap has to say: help, the version, what is wrong with the command line.

use super::super::output::Output;
use super::super::printable::printable;
use crate::error::{Error, Result};
use std::io;
use std::process::ExitCode;

/// The exit status when the command line is wrong.
const WRONG: u8 = 2;

/// Prints it, and answers the exit status.
pub fn print(told: &clap::Error) -> Result<ExitCode> {
    let text = told.to_string();
    let mut output = Output::standard();
    let printed = if printable(&text) == text {
        // clap has colours for a terminal.
        told.print()
    } else if told.use_stderr() {
        output.complain(&text);
        Ok(())
    } else {
        write!(output, "{text}");
        output.finish()
    };
    match printed {
        _ if told.use_stderr() => Ok(ExitCode::from(WRONG)),
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::io("write", "standard output", error))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
