//! Lines for whoever runs a tool. `println!` and `eprintln!` panic when they cannot be written, and leave behind what was
//! to be put in order.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something could not be printed.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a line of the answer.
#[macro_export]
macro_rules! print_line {
    ($($what:tt)*) => { $crate::say::print(format_args!("{}\n", format_args!($($what)*))) };
}

/// Prints a part of the answer, with its line feeds in it.
#[macro_export]
macro_rules! print_text {
    ($($what:tt)*) => { $crate::say::print(format_args!($($what)*)) };
}

/// Says a line on standard error. That nobody can read it is no reason to stop.
#[macro_export]
macro_rules! complain {
    ($($what:tt)*) => { $crate::say::complain(format_args!("{}\n", format_args!($($what)*))) };
}

/// What the macros call. A reader that went away (`| head`) has what it wanted; any other failure is told once.
pub fn print(text: Arguments<'_>) {
    if let Err(error) = io::stdout().write_fmt(text) {
        lose(&error);
    }
}

/// What the macro calls.
pub fn complain(text: Arguments<'_>) {
    let _ = io::stderr().write_fmt(text);
}

/// The exit status, unless a part of the answer was lost.
#[must_use]
pub fn status(status: ExitCode) -> ExitCode {
    if let Err(error) = io::stdout().flush() {
        lose(&error);
    }
    if LOST.load(Ordering::Relaxed) { ExitCode::FAILURE } else { status }
}

fn lose(error: &io::Error) {
    if error.kind() != ErrorKind::BrokenPipe && !LOST.swap(true, Ordering::Relaxed) {
        complain!("error: cannot write to standard output: {error}");
    }
}
