//! `cargo x ci`: every check, in order, stopping at the first that fails.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::stages::Stages;

#[derive(Clone, Copy, ValueEnum)]
pub enum Step {
    /// Every file is formatted
    Fmt,
    /// Clippy has nothing to say
    Clippy,
    /// Every test of the workspace passes
    Test,
    /// The documentation of the sources builds, and every link in it leads somewhere
    Doc,
    /// The race can be run, and all who are installed give the same answers
    Race,
    /// No piece of work takes more instructions than it did
    Instructions,
    /// The book builds: every listing, session, figure and link in it is there
    Book,
    /// Every command that the book and the READMEs show is typed, and ends as it should
    Shell,
    /// The REPLs for the book's pages are built, and answer the tested sessions as the programs do
    Pages,
    /// milestones/lineage.toml declares every difference between the stages
    Lineage,
    /// Each milestone, copied out of the repository, compiles; one of them, another with each commit, is tested there
    Standalone,
}

/// Runs the steps, all of them if none is named; whether all passed.
pub fn run(root: &Path, steps: &[Step]) -> Result<bool> {
    let steps = if steps.is_empty() { Step::value_variants() } else { steps };
    let started = Instant::now();
    let mut summary = String::new();
    for step in steps {
        let name = step.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        complain!("== {name}");
        let step_started = Instant::now();
        let outcome = step.run(root);
        let took = seconds(step_started.elapsed());
        if let Err(error) = outcome {
            complain!("{summary}{name:<12}{took:>8}  FAILED\n\nci: {name} failed: {error:#}");
            return Ok(false);
        }
        writeln!(summary, "{name:<12}{took:>8}  ok")?;
    }
    complain!("\n{summary}{:<12}{:>8}  ok", "all", seconds(started.elapsed()));
    Ok(true)
}

impl Step {
    fn run(self, root: &Path) -> Result<()> {
        match self {
            Step::Fmt => cargo(root, &["fmt", "--all", "--check"]),
            Step::Clippy => cargo(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
            Step::Test => cargo(root, &["test", "--workspace"]),
            Step::Doc => doc(root),
            Step::Race => race(root),
            Step::Instructions => instructions(root),
            Step::Book => program(root, "inox-book", &[]),
            Step::Shell => program(root, "inox-book", &["shell"]),
            Step::Pages => program(root, "inox-book", &["check-repl"]),
            Step::Lineage => {
                if crate::check_lineage(root)? {
                    Ok(())
                } else {
                    bail!("milestones/lineage.toml and the stages disagree")
                }
            }
            Step::Standalone => standalone(root),
        }
    }
}

fn doc(root: &Path) -> Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(["doc", "--workspace", "--no-deps"]);
    succeed(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Every workload once, with few rows and the program that the tests have built: nobody looks at the times.
fn race(root: &Path) -> Result<()> {
    cargo(root, &["build", "--workspace", "--bin", "inoxdb"])?;
    let race = ["--program", "target/debug/inoxdb", "--rows", "10000", "--rounds", "1"];
    program(root, "inox-bench", &[&race[..], &["--directory", "target/race-ci"]].concat())
}

/// The program as its users build it: other optimisations would take other instructions.
fn instructions(root: &Path) -> Result<()> {
    cargo(root, &["build", "--release", "--package", "m5-sql"])?;
    program(root, "inox-bench", &["--instructions", "--directory", "target/instructions"])
}

/// Runs one of the workspace's programs, as `cargo x` does.
fn program(root: &Path, name: &str, arguments: &[&str]) -> Result<()> {
    if crate::run_program(root, "dev", name, arguments, root)? {
        return Ok(());
    }
    bail!("`{}` failed", [&[name], arguments].concat().join(" "))
}

fn cargo(dir: &Path, arguments: &[&str]) -> Result<()> {
    succeed(crate::cargo(dir).args(arguments))
}

fn succeed(command: &mut Command) -> Result<()> {
    if crate::succeeds(command)? {
        return Ok(());
    }
    bail!("`{}` failed", crate::in_words(command))
}

/// Copies each milestone to a place of its own and compiles it there, with its tests. Those have been run within the
/// repository; so one milestone is enough to see that they run outside of it as well.
///
/// The workspace's Cargo.lock goes along, so that the copy is built from the versions that were tested here;
/// the toolchain goes along for the same reason. One target folder serves all copies and all runs, as they
/// share most dependencies; what was built of the milestone itself is removed again.
fn standalone(root: &Path) -> Result<()> {
    let place = tempfile::Builder::new().prefix("inoxdb-standalone-").tempdir()?;
    let built = root.join("target/standalone");
    let stages = Stages::read(&root.join("milestones"))?;
    let turn = commit_number(root) % stages.all.len().max(1);
    for (number, stage) in stages.all.iter().enumerate() {
        let copy = place.path().join(&stage.name);
        copy_folder(&stage.dir, &copy)?;
        for file in ["Cargo.lock", "rust-toolchain.toml"] {
            fs::copy(root.join(file), copy.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
        let started = Instant::now();
        let cargo =
            |arguments: &[&str]| succeed(crate::cargo(&copy).args(arguments).env("CARGO_TARGET_DIR", &built));
        let (done, how) = match number == turn {
            true => (cargo(&["test", "--", "--quiet"]), "passes its tests"),
            false => (cargo(&["check", "--all-targets"]), "compiles"),
        };
        cargo(&["clean", "--quiet", "--package", &stage.name])?;
        done.with_context(|| format!("{} does not stand alone", stage.name))?;
        complain!("{} stands alone and {how} ({})", stage.name, seconds(started.elapsed()));
    }
    Ok(())
}

/// A number that is another one for each commit; 0 where there is none.
fn commit_number(root: &Path) -> usize {
    let head = Command::new("git").current_dir(root).args(["rev-parse", "--short=7", "HEAD"]).output();
    let hash = head.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    hash.ok().and_then(|hash| usize::from_str_radix(&hash, 16).ok()).unwrap_or(0)
}

/// Copies what belongs to a crate: not what was built or made by running it, nor hidden files.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.')
            || name == "target"
            || name.to_string_lossy().ends_with("-data")
        {
            continue;
        }
        let target: PathBuf = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_holds_the_crate_and_nothing_that_was_built() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for file in ["src/a/b.rs", "target/debug/x", ".hidden", "Cargo.toml"] {
            crate::stages::tests::write(&from.path().join(file), file);
        }
        let copy = to.path().join("copy");
        copy_folder(from.path(), &copy).unwrap();
        assert_eq!(fs::read_to_string(copy.join("src/a/b.rs")).unwrap(), "src/a/b.rs");
        assert!(copy.join("Cargo.toml").exists());
        assert!(!copy.join("target").exists() && !copy.join(".hidden").exists());
    }

    #[test]
    fn a_failing_step_is_named_with_its_command() {
        let command = &mut Command::new("git");
        let error = succeed(command.args(["rev-parse", "--quiet", "--verify", "none"])).unwrap_err();
        assert_eq!(error.to_string(), "`git rev-parse --quiet --verify none` failed");
    }
}
