//! `cargo x`: the tools that keep five crates one story.
//!
//! Each milestone is the previous one plus one idea. `lineage` shows and checks exactly that, `forward`
//! carries a change to the stages after it, `crash` runs the crash tests, `bench` the race, `book` builds the book, `ci`
//! runs every check there is. For whoever writes a version of their own there are `start`, `check`, `solution` and `break`.

#![forbid(unsafe_code)]

/// Says a line on standard error. That nobody can read it is no reason to stop, and `eprintln!` would panic.
macro_rules! complain {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($what)*);
    }};
}

mod bugs;
mod ci;
mod declarations;
mod forward;
mod git;
mod lineage;
mod reader;
#[cfg(test)]
mod seam;
mod stages;
mod table;

use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::bugs::Bug;
use crate::ci::Step;
use crate::declarations::Declarations;
use crate::stages::Stages;

#[derive(Parser)]
#[command(
    name = "cargo x",
    bin_name = "cargo x",
    about = "InoxDB's own tools",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show how each stage's files differ from the stage before
    Lineage(LineageArgs),
    /// Carry a change of one stage's files to the stages after it
    Forward(ForwardArgs),
    /// Pull the plug on every milestone, anywhere, and look at what is left; `cargo x crash --help` says more
    #[command(disable_help_flag = true)]
    Crash {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Race InoxDB against SQLite and PostgreSQL; `cargo x bench --help` says more
    #[command(disable_help_flag = true)]
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build the book and check it; `cargo x book --help` says more
    #[command(disable_help_flag = true)]
    Book {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Make a project that holds the stage before, for your own version of STAGE
    Start {
        /// The stage that you are going to write, such as 2
        stage: String,
        /// An empty or a new directory
        dir: PathBuf,
    },
    /// Play a stage's sessions to your program, kill it while it works, and say what does not hold
    #[command(disable_help_flag = true)]
    Check {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Show how our FILE of STAGE differs from yours
    Solution {
        /// The stage that you are writing, such as 2
        stage: String,
        /// A file of ours, with or without `src/`
        file: String,
        /// The directory of your project
        #[arg(long, value_name = "DIR", default_value = ".")]
        project: PathBuf,
    },
    /// List the bugs that can be planted into STAGE, or plant one and watch which crash finds it
    Break {
        /// A stage, such as 2
        stage: String,
        /// One of the bugs listed; none lists them
        bug: Option<String>,
    },
    /// Run the checks, all of them or those named
    Ci {
        /// The steps to run, in this order; none means all
        #[arg(value_enum)]
        steps: Vec<Step>,
    },
}

#[derive(Args)]
struct LineageArgs {
    /// Fail unless milestones/lineage.toml declares every difference, and only those
    #[arg(long, conflicts_with = "diff")]
    check: bool,
    /// Show how FILE differs in STAGE from the stage before (STAGE as `m3` or `m3-buffer-pool`)
    #[arg(long, num_args = 2, value_names = ["FILE", "STAGE"])]
    diff: Option<Vec<String>>,
}

#[derive(Args)]
struct ForwardArgs {
    /// Files inside the stage, such as `src/page/mod.rs`
    #[arg(required_unless_present = "all")]
    files: Vec<String>,
    /// The stage that was changed
    #[arg(long, value_name = "STAGE")]
    from: String,
    /// Every file of the stage that differs from the commit
    #[arg(long, conflicts_with = "files")]
    all: bool,
    /// The commit that holds the stage as it was before the change
    #[arg(long, value_name = "COMMIT", default_value = "HEAD")]
    since: String,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command; `false` means that it ran and found something wrong, and has said what.
fn run(command: Command) -> Result<bool> {
    let root = repository()?;
    match command {
        Command::Lineage(LineageArgs { check: true, .. }) => check_lineage(&root),
        Command::Lineage(LineageArgs { diff: Some(diff), .. }) => {
            let [file, stage] = diff.as_slice() else { anyhow::bail!("--diff takes FILE and STAGE") };
            let stages = Stages::read(&root.join("milestones"))?;
            print(&lineage::diff(&stages, file, stage)?)?;
            Ok(true)
        }
        Command::Lineage(_) => {
            let stages = Stages::read(&root.join("milestones"))?;
            let declared = Declarations::read(&root.join("milestones/lineage.toml"))?;
            print(&table::render(&stages, &declared, std::io::stdout().is_terminal()))?;
            Ok(true)
        }
        Command::Forward(args) => {
            let chosen = if args.all { forward::Chosen::All } else { forward::Chosen::Named(args.files) };
            let report = forward::run(&root, &args.from, chosen, &args.since)?;
            print(&report.text())?;
            Ok(report.clean())
        }
        Command::Crash { arguments } if arguments.iter().any(|argument| argument == "--nightly") => {
            run_program(&root, "nightly", "inox-crash", &arguments, &root)
        }
        Command::Crash { arguments } => run_program(&root, "dev", "inox-crash", &arguments, &root),
        Command::Bench { arguments } => bench(&root, &arguments),
        Command::Book { arguments } => run_program(&root, "dev", "inox-book", &arguments, &root),
        Command::Start { stage, dir } => {
            complain!("Making {}", dir.display());
            print(&reader::start(&root, &stage, &dir)?)?;
            Ok(true)
        }
        Command::Check { arguments } => {
            // Where it was typed: it may name a folder or a program by a path from there.
            let here = std::env::current_dir().context("cannot find the current folder")?;
            run_program(&root, "dev", "check-stage", &arguments, &here)
        }
        Command::Solution { stage, file, project } => {
            print(&reader::solution(&root, &stage, &file, &project)?)?;
            Ok(true)
        }
        Command::Break { stage, bug } => break_stage(&root, &stage, bug),
        Command::Ci { steps } => ci::run(&root, &steps),
    }
}

/// Lists a stage's bugs, which takes nothing but this program, or plants one of them.
fn break_stage(root: &Path, stage: &str, bug: Option<String>) -> Result<bool> {
    let stages = Stages::read(&root.join("milestones"))?;
    let stage = &stages.all[stages.position(stage)?];
    let bugs = Bug::read_all(root)?;
    let Some(bug) = bug else {
        print(&bugs::list(&bugs, stage))?;
        return Ok(true);
    };
    bugs::must_be_of(&bugs, &bug, stage)?;
    run_program(root, "dev", "inox-crash", &["--plant".into(), bug], root)
}

/// Runs the race; what races is built as its users build it.
fn bench(root: &Path, arguments: &[String]) -> Result<bool> {
    if !succeeds(cargo(root).args(["build", "--release", "--package", "m5-sql"]))? {
        return Ok(false);
    }
    run_program(root, "release", "inox-bench", arguments, root)
}

/// Builds a program of the workspace and runs it in a folder.
///
/// It is built as one of all the workspace's programs. `cargo run --package` would build what it depends on with the
/// features that this one package wants, and so once more for each program.
fn run_program(
    root: &Path,
    profile: &str,
    name: &str,
    arguments: &[impl AsRef<OsStr>],
    folder: &Path,
) -> Result<bool> {
    if !succeeds(cargo(root).args(["build", "--workspace", "--profile", profile, "--bin", name]))? {
        return Ok(false);
    }
    let built = target_folder(root).join(if profile == "dev" { "debug" } else { profile });
    let program = built.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let status = std::process::Command::new(&program).current_dir(folder).args(arguments).status();
    Ok(status.with_context(|| format!("cannot run {}", program.display()))?.success())
}

/// Where cargo has built this program, and builds the others.
fn target_folder(root: &Path) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    marked.map_or_else(|| root.join("target"), Path::to_path_buf)
}

/// Names the command and runs it. Cargo shows what it compiles; before it does, it may wait for another cargo to end.
fn succeeds(command: &mut std::process::Command) -> Result<bool> {
    complain!("Running {}", in_words(command));
    let status = command.status().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    Ok(status.success())
}

/// A command as it is typed.
fn in_words(command: &std::process::Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn cargo(folder: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}

fn check_lineage(root: &Path) -> Result<bool> {
    let stages = Stages::read(&root.join("milestones"))?;
    let declared = Declarations::read(&root.join("milestones/lineage.toml"))?;
    let complaints = lineage::check(&stages, &declared);
    for complaint in &complaints {
        complain!("{complaint}");
    }
    if complaints.is_empty() {
        print(&format!("lineage: {} stages, every difference is declared\n", stages.all.len()))?;
    }
    Ok(complaints.is_empty())
}

/// The repository this program was built from.
fn repository() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_path_buf).context("scripts/ has no parent folder")
}

/// Writes to standard output; a reader that went away (`| head`) is no error.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}
