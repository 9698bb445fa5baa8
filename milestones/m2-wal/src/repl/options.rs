//! The command line.

use clap::Parser;
use std::path::PathBuf;

/// Opens a data directory, and speaks with whoever types.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Options {
    /// The data directory; it is made if it does not exist.
    #[arg(value_name = "DIR", default_value = concat!("./", env!("CARGO_PKG_NAME"), "-data"))]
    pub directory: PathBuf,

    /// Print each line of input as it is read.
    #[arg(short = 'a', long)]
    pub echo_all: bool,
}
