//! The command line.

use crate::buffer;
use crate::error::{Error, Result, SqlState};
use crate::sizes;
use crate::wal;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Opens a data directory, and speaks with whoever types.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Options {
    /// The data directory; it is made if it does not exist.
    #[arg(value_name = "DIR", default_value = concat!("./", env!("CARGO_PKG_NAME"), "-data"))]
    pub directory: PathBuf,

    /// Open a damaged database to read what can still be read. Nothing in the directory is changed.
    #[arg(long, conflicts_with = "simulate")]
    pub salvage: bool,

    /// Print each line of input as it is read.
    #[arg(short = 'a', long)]
    pub echo_all: bool,

    /// Changed pages that may wait in memory before they are written.
    #[arg(long, value_name = "PAGES", default_value_t = buffer::Options::default().dirty_pages)]
    dirty_pages: usize,

    /// How far the log may grow before there is a checkpoint.
    #[arg(long, value_name = "SIZE", default_value = "64MB", value_parser = max_wal_size)]
    max_wal_size: u64,

    /// The size of the log's segments, when a database is made.
    #[arg(long, value_name = "SIZE", default_value = "16MB", value_parser = segment_size)]
    segment_size: u32,

    /// Use a disk that is only simulated, on which \crash cuts the power. Equal seeds, equal losses.
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub simulate: Option<u64>,

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

impl Options {
    /// What the engine wants to know.
    pub fn settings(&self) -> buffer::Options {
        buffer::Options {
            dirty_pages: self.dirty_pages,
            max_wal_size: self.max_wal_size,
            segment_size: self.segment_size,
        }
    }
}

fn max_wal_size(text: &str) -> Result<u64> {
    sizes::parse("max_wal_size", text, 1 << 20)
}

fn segment_size(text: &str) -> Result<u32> {
    let bytes = sizes::parse("segment_size", text, 1)?;
    u32::try_from(bytes).ok().filter(|size| wal::is_segment_size(*size)).ok_or_else(|| {
        Error::new(SqlState::InvalidParameterValue, "segment_size must be a power of two from 64kB to 1GB")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_not_taken_for_a_seed() {
        let options = Options::parse_from(["m", "--simulate", "data"]);
        assert_eq!((options.simulate, options.directory), (Some(1), PathBuf::from("data")));
        assert_eq!(Options::parse_from(["m", "--simulate=7"]).simulate, Some(7));
    }

    #[test]
    fn segments_have_sizes_that_make_sense() {
        let settings = Options::parse_from(["m", "--segment-size", "64kB"]).settings();
        assert_eq!((settings.segment_size, settings.max_wal_size), (1 << 16, 64 << 20));
        for size in ["1", "100kB", "2GB", "9999GB"] {
            assert!(Options::try_parse_from(["m", "--segment-size", size]).is_err(), "{size}");
        }
    }
}
