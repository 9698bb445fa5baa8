//! The command line.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Opens a data directory, and speaks with whoever types.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Options {
    /// The data directory; it is made if it does not exist.
    #[arg(value_name = "DIR", default_value = concat!("./", env!("CARGO_PKG_NAME"), "-data"))]
    pub directory: PathBuf,

    /// Print each line of input as it is read.
    #[arg(short = 'a', long)]
    pub echo_all: bool,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program can do instead of a conversation. A directory with such a name is `./check`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks a data directory without changing it: exit status 0 if it is sound, 1 if not, 2 if there is none.
    Check {
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}
