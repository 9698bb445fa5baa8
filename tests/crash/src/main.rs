//! The crash run: tries what `lib.rs` describes, and ends with a report of one figure a line.

use std::fs;
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use inox_crash::part::{Context, Outcome, PARTS, Part, Scale, part};
use inox_crash::report::Report;
use inox_crash::{planted, replay};
use inox_progress::Progress;

/// Crashes the milestones in every way there is, and looks at what is left.
#[derive(Parser)]
#[command(name = "cargo x crash", bin_name = "cargo x crash", version)]
struct Arguments {
    /// The parts to run; all of them if none is named.
    #[arg(value_parser = part)]
    parts: Vec<&'static Part>,

    /// A little of everything, in a minute.
    #[arg(long, conflicts_with = "nightly")]
    quick: bool,

    /// As much as a night allows.
    #[arg(long)]
    nightly: bool,

    /// Decides what is left to chance: random histories, and which sample is taken where not everything is tried.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Try only each case of so many; other seeds, other cases.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    share: u64,

    /// How many threads to use; as many as the machine has processors, if it is not said.
    #[arg(long)]
    jobs: Option<usize>,

    /// Write the report to this file, too.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Try one case once more: what stands after `--replay` in a failure.
    #[arg(long, value_name = "CASE", exclusive = true)]
    replay: Option<String>,

    /// Plant one of the bugs of tests/crash/planted and see which crash finds it; `list` lists them.
    #[arg(long, value_name = "BUG", exclusive = true)]
    plant: Option<String>,
}

fn main() -> ExitCode {
    let status = match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            inox_progress::complain!("error: {error:#}");
            ExitCode::from(2)
        }
    };
    inox_progress::say::status(status)
}

/// Whether all is well.
fn run(arguments: &Arguments) -> Result<bool> {
    if let Some(case) = &arguments.replay {
        let progress = Progress::new(format!("trying {case}"));
        let outcome = replay::replay(case)?;
        drop(progress);
        return match outcome {
            Ok(()) => Ok(said("the right answer")),
            Err(what) => Ok(!said(&what)),
        };
    }
    if let Some(name) = &arguments.plant {
        return planted::plant(name);
    }
    if cfg!(not(debug_assertions)) {
        bail!("build without --release: an overflow must be a panic, or it goes unnoticed");
    }
    // A panic is caught where it counts and told with its case; the place in our code says nothing.
    panic::set_hook(Box::new(|_| {}));
    let parts = if arguments.parts.is_empty() { PARTS.iter().collect() } else { arguments.parts.clone() };
    let scale = match arguments {
        Arguments { quick: true, .. } => Scale::Quick,
        Arguments { nightly: true, .. } => Scale::Nightly,
        _ => Scale::Standard,
    };
    let share =
        if arguments.share > 1 { format!(", one case of {}", arguments.share) } else { String::new() };
    let title = format!("{scale:?} run, seed {}{share}", arguments.seed);
    inox_progress::print_line!("{title}");
    let started = Instant::now();
    let mut report = Report::new(scale, arguments.share);
    for part in parts {
        report.add(part, run_part(part, scale, arguments)?);
    }
    let said = format!("{report}time: {} s\n", started.elapsed().as_secs());
    inox_progress::print_text!("{said}");
    if let Some(path) = &arguments.report {
        fs::write(path, format!("{title}\n{said}")).with_context(|| path.display().to_string())?;
    }
    Ok(report.is_good())
}

fn run_part(part: &Part, scale: Scale, arguments: &Arguments) -> Result<Outcome> {
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    let progress = Progress::new(part.name);
    let started = Instant::now();
    let outcome =
        (part.run)(&Context { scale, seed: arguments.seed, share: arguments.share, jobs, bar: &progress })?;
    drop(progress);
    let failures = match outcome.failures.len() {
        0 => "good".into(),
        1 => "1 FAILURE".into(),
        more => format!("{more} FAILURES"),
    };
    inox_progress::print_line!(
        "{:<10} {failures} ({:.0} s): {}",
        part.name,
        started.elapsed().as_secs_f64(),
        part.about
    );
    Ok(outcome)
}

fn said(what: &str) -> bool {
    inox_progress::print_line!("{what}");
    true
}
