//! The command line, as psql has it.

use crate::buffer;
use crate::error::{Error, Result, SqlState};
use crate::sizes::{self, shared_buffers};
use crate::wal;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use std::path::PathBuf;

/// Opens a data directory, and speaks SQL with whoever types.
#[derive(Debug, Args)]
pub struct Options {
    /// The data directory; it is made if it does not exist.
    #[arg(value_name = "DIR", default_value = "./inoxdb-data")]
    pub directory: PathBuf,

    /// Carry out a command and end; can be given more than once.
    #[arg(short = 'c', long = "command", value_name = "COMMAND", allow_hyphen_values = true)]
    commands: Vec<String>,

    /// Carry out the commands in a file and end; `-` is standard input.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<String>,

    /// Print results as CSV.
    #[arg(long)]
    pub csv: bool,

    /// Open a damaged database to read what can still be read. Nothing in the directory is changed.
    #[arg(long, conflicts_with = "simulate")]
    pub salvage: bool,

    /// Print each line of input as it is read.
    #[arg(short = 'a', long)]
    pub echo_all: bool,

    /// Print results and errors, and nothing else.
    #[arg(short = 'q', long)]
    pub quiet: bool,

    /// Print rows only.
    #[arg(short = 't', long)]
    pub tuples_only: bool,

    /// Memory for pages.
    #[arg(long, value_name = "SIZE", default_value = "128MB", value_parser = shared_buffers)]
    shared_buffers: usize,

    /// How far the log may grow before there is a checkpoint.
    #[arg(long, value_name = "SIZE", default_value = "64MB", value_parser = max_wal_size)]
    max_wal_size: u64,

    /// The size of the log's segments, when a database is made.
    #[arg(long, value_name = "SIZE", default_value = "16MB", value_parser = segment_size)]
    segment_size: u32,

    /// Use a disk that is only simulated, on which \crash cuts the power. Equal seeds, equal losses.
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub simulate: Option<u64>,

    /// Set a variable, as \set does.
    #[arg(short = 'v', long = "set", visible_alias = "variable", value_name = "NAME=VALUE")]
    pub variables: Vec<String>,

    /// Set how results are printed, as \pset does.
    #[arg(short = 'P', long = "pset", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,

    #[command(subcommand)]
    pub task: Option<Task>,
}

/// What the program can do instead of a conversation. A directory with such a name is `./check`.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Checks a data directory without changing it: exit status 0 if it is sound, 1 if not, 2 if there is none.
    Check {
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// What `-c` and `-f` ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Command(String),
    File(String),
}

impl Options {
    /// What the engine wants to know.
    pub fn settings(&self) -> buffer::Options {
        buffer::Options {
            shared_buffers: self.shared_buffers,
            max_wal_size: self.max_wal_size,
            segment_size: self.segment_size,
        }
    }

    /// Reads the program's arguments; the actions in the order in which they were given.
    pub fn parse() -> Result<(Options, Vec<Action>), clap::Error> {
        Options::from_matches(&command().try_get_matches()?)
    }

    fn from_matches(matches: &ArgMatches) -> Result<(Options, Vec<Action>), clap::Error> {
        let options = Options::from_arg_matches(matches)?;
        let places = |name| matches.indices_of(name).into_iter().flatten();
        let commands = places("commands").zip(options.commands.iter().cloned().map(Action::Command));
        let files = places("files").zip(options.files.iter().cloned().map(Action::File));
        let mut actions: Vec<(usize, Action)> = commands.chain(files).collect();
        actions.sort_by_key(|(place, _)| *place);
        Ok((options, actions.into_iter().map(|(_, action)| action).collect()))
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

fn command() -> Command {
    let command = Command::new("inoxdb")
        .version(env!("CARGO_PKG_VERSION"))
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true);
    Options::augment_args(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_keep_their_order() {
        let arguments = ["inoxdb", "-c", "one", "-f", "two", "data", "-c", "three", "-v", "A=b", "-qt"];
        let matches = command().try_get_matches_from(arguments).unwrap();
        let (options, actions) = Options::from_matches(&matches).unwrap();
        let expected =
            [Action::Command("one".into()), Action::File("two".into()), Action::Command("three".into())];
        assert_eq!(actions, expected);
        assert_eq!(options.directory, PathBuf::from("data"));
        assert!(options.quiet && options.tuples_only && !options.csv);
    }
}
