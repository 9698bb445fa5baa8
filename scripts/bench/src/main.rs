//! The race: InoxDB, SQLite and PostgreSQL at the same work, with the same promise of durability.
//!
//! `cargo x bench` builds InoxDB and starts this. It needs no rights and leaves nothing behind but its results;
//! PostgreSQL gets a cluster of its own. Whoever is not installed does not race.

#![forbid(unsafe_code)]

mod answer;
mod data;
mod engine;
mod growth;
mod instructions;
mod limits;
mod measure;
mod race;
mod report;
mod result;
mod stages;
mod workload;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use inox_progress::Progress;

use crate::engine::{Engine, Inox, Place, Postgres, Sqlite};
use crate::race::Race;
use crate::result::Results;
use crate::workload::{LOOKUPS, Size, WORKLOADS, Workload, workload};

/// InoxDB, SQLite and PostgreSQL at the same work.
#[derive(Parser)]
#[command(name = "cargo x bench", bin_name = "cargo x bench", version)]
struct Arguments {
    /// The workloads to run, such as W4; all of them if none is named.
    #[arg(value_parser = workload)]
    workloads: Vec<&'static Workload>,

    /// A tenth of the rows, a fifth of the look-ups, three rounds.
    #[arg(long)]
    quick: bool,

    /// Rows of the table [default: 1,000,000].
    #[arg(long, conflicts_with = "quick", value_parser = clap::value_parser!(u64).range(10_000..))]
    rows: Option<u64>,

    /// How often each engine does each workload [default: 5].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,

    /// Race the engines of milestones 1 to 4 instead, and print a table for the book.
    #[arg(long, conflicts_with_all = ["workloads", "out"])]
    stages: bool,

    /// InoxDB alone, with a hundred thousand, a million and ten million rows, and print a table for the book.
    #[arg(long, conflicts_with_all = ["workloads", "out", "stages", "rows", "quick"])]
    growth: bool,

    /// Count the instructions of four pieces of work and compare with what was recorded.
    #[arg(long, conflicts_with_all = ["workloads", "out", "stages", "growth", "rows", "quick"])]
    instructions: bool,

    /// Record the counts.
    #[arg(long, requires = "instructions")]
    record: bool,

    /// Where to race; a directory on the disk that is meant, which is removed when all went well.
    #[arg(long, default_value = "target/race")]
    directory: PathBuf,

    /// Write race.json, race.md and race.svg into this directory.
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,

    /// Race nobody: make race.md and race.svg anew out of the race.json in this directory.
    #[arg(long, value_name = "DIRECTORY", exclusive = true)]
    redraw: Option<PathBuf>,

    /// InoxDB's program.
    #[arg(long, default_value = "target/release/inoxdb")]
    program: PathBuf,

    /// Say how to install the others, and end.
    #[arg(long)]
    install: bool,
}

fn main() -> ExitCode {
    let status = match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            inox_progress::complain!("error: {error:#}");
            ExitCode::FAILURE
        }
    };
    inox_progress::say::status(status)
}

fn run(arguments: &Arguments) -> Result<()> {
    if arguments.install {
        inox_progress::print_text!("{INSTALL}");
        return Ok(());
    }
    if let Some(directory) = &arguments.redraw {
        return report::redraw(directory);
    }
    fs::create_dir_all(&arguments.directory)?;
    let place = Place { directory: fs::canonicalize(&arguments.directory)? };
    if arguments.stages {
        let progress = Progress::new("the milestones");
        let rows = if arguments.quick { 20_000 } else { 200_000 };
        let table = stages::race(&place.directory, rows, arguments.rounds(), &progress)?;
        drop(progress);
        fs::remove_dir_all(&place.directory)?;
        inox_progress::print_text!("{table}");
        return Ok(());
    }
    if arguments.instructions {
        instructions::check(&arguments.program()?, &place.directory, arguments.record)?;
        return Ok(fs::remove_dir_all(&place.directory)?);
    }
    if arguments.growth {
        let progress = Progress::new("InoxDB alone");
        let inox = Inox::new(arguments.program()?, place.clone())?;
        let table = growth::measure(Box::new(inox), &place, arguments.rounds(), &progress)?;
        drop(progress);
        fs::remove_dir_all(&place.directory)?;
        inox_progress::print_text!("{table}");
        return Ok(());
    }
    // After an error, all is left as it was, to be looked at.
    let results = race(arguments, &place)?;
    fs::remove_dir_all(&place.directory)?;
    inox_progress::print_line!("{}", report::terminal(&results));
    if arguments.quick {
        inox_progress::print_line!("W4 and W9 with a fifth of what it says.");
    }
    if let Some(directory) = &arguments.out {
        report::write(&results, directory)?;
    }
    Ok(())
}

fn race(arguments: &Arguments, place: &Place) -> Result<Results> {
    let rows = arguments.rows.unwrap_or(if arguments.quick { 100_000 } else { 1_000_000 });
    let rounds = arguments.rounds();
    // Small tables are for those who only want to see that it runs.
    let lookups = if arguments.quick { LOOKUPS / 5 } else { LOOKUPS.min(rows) };
    let workloads: Vec<&'static Workload> =
        if arguments.workloads.is_empty() { WORKLOADS.iter().collect() } else { arguments.workloads.clone() };
    let progress = Progress::new("looking for the engines");
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Inox::new(arguments.program()?, place.clone())?)];
    match Sqlite::find(place.clone()) {
        Some(sqlite) => engines.push(Box::new(sqlite)),
        None => progress.suspend(|| {
            inox_progress::complain!("SQLite does not race: there is no sqlite3 (see --install)")
        }),
    }
    match Postgres::find(place.clone())? {
        Some(postgres) => engines.push(Box::new(postgres)),
        None => progress.suspend(|| {
            inox_progress::complain!("PostgreSQL does not race: it is not installed (see --install)")
        }),
    }
    let size = Size { rows, lookups };
    let mut race = Race { engines: &mut engines, place, size, rounds, bar: &progress };
    let outcomes = race.run(&workloads)?;
    progress.set_message("what the machine can do");
    let limits = limits::measure(&place.directory, rounds)?;
    drop(progress);
    let engines = engines.iter().map(|engine| (engine.name().to_owned(), engine.version().to_owned()));
    Ok(Results { rows, rounds, machine: machine(), engines: engines.collect(), limits, outcomes })
}

impl Arguments {
    fn program(&self) -> Result<PathBuf> {
        fs::canonicalize(&self.program).with_context(|| format!("{} is not built", self.program.display()))
    }

    fn rounds(&self) -> usize {
        self.rounds.map_or(if self.quick { 3 } else { 5 }, usize::from)
    }
}

/// The processor and how many of it.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{count} × {model}, Linux")
}

const INSTALL: &str = "\
SQLite and PostgreSQL take part when they are found; there is nothing to set up.

  Debian, Ubuntu:  sudo apt-get install sqlite3 postgresql
  Fedora:          sudo dnf install sqlite postgresql-server
  Arch:            sudo pacman -S sqlite postgresql

PostgreSQL's packages may start a server of their own; the race does not use it.
";
