//! What clap has to say: help, the version, what is wrong with the command line.

use super::super::output::Output;
use super::super::printable::printable;
use crate::error::{Error, Result};
use std::process::ExitCode;
use std::{env, io};

/// The exit status when the command line is wrong.
const WRONG: u8 = 2;

/// Prints it, and answers the exit status.
pub fn print(told: &clap::Error) -> Result<ExitCode> {
    let mut output = Output::standard();
    let printed = if env::args_os().all(|argument| is_printable(&argument.to_string_lossy())) {
        // clap has colours for a terminal, so what it repeats of the command line must not have any.
        told.print()
    } else if told.use_stderr() {
        output.complain(&told.to_string());
        Ok(())
    } else {
        write!(output, "{told}");
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

fn is_printable(text: &str) -> bool {
    printable(text) == text
}
