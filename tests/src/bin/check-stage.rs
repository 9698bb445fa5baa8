//! `cargo x check N`: what a program at stage N keeps of its promises, and what not.
//!
//! The program may be written in any language. See `tests/README.md` for how it is called.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use inox_progress::Progress;
use inox_tests::kill::{self, Load};
use inox_tests::process::{PATIENCE, Process, shortened};
use inox_tests::{stages, verdict};

/// How often the program is killed.
const ROUNDS: u32 = 25;

/// Plays a stage's sessions to your program, then kills it while it works, and says what does not hold.
#[derive(Parser)]
#[command(name = "cargo x check", bin_name = "cargo x check")]
struct Arguments {
    /// The stage that your program is at: 1 to 5
    #[arg(value_parser = stage)]
    stage: u32,

    /// Your program; ours, if neither this nor a project is named
    #[arg(long, value_name = "PATH", conflicts_with = "project")]
    bin: Option<PathBuf>,

    /// A cargo project to build and check, such as `cargo x start` makes
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,

    /// Only sessions with this in their name
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
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

/// Whether every promise was kept.
fn run(arguments: &Arguments) -> Result<bool> {
    let program = program(arguments)?;
    let wanted = |name: &str| arguments.only.as_deref().is_none_or(|text| name.contains(text));
    let (mut kept, mut broken) = (0, 0);
    let mut sessions = verdict::sessions(arguments.stage)?;
    sessions.retain(|session| wanted(&session.name));
    let progress = Progress::new("playing the sessions");
    progress.set_length(sessions.len() as u64);
    for session in &sessions {
        let verdict = verdict::judge(session, arguments.stage, &program)?;
        match &verdict.broken {
            None => {
                kept += 1;
                progress.print(&format!("holds   {}: {}", verdict.name, verdict.promise));
            }
            Some(what) => {
                broken += 1;
                progress.print(&format!("BROKEN  {}: {}", verdict.name, verdict.promise));
                what.lines().for_each(|line| progress.print(&format!("          {line}")));
                verdict.differs.iter().for_each(|why| progress.print(&format!("          {why}")));
                progress.print(&format!("          chapter: {}", verdict.chapter));
            }
        }
        progress.inc(1);
    }
    drop(progress);
    // Without a log, a page that is being written when the process is killed is lost: there is nothing to promise.
    if arguments.stage > 1 && wanted("kill -9") {
        let promise = "What was acknowledged is there after kill -9, and nothing else but what was in doubt.";
        let progress = Progress::new(format!("killing the program, {ROUNDS} times"));
        let killed = killed(arguments.stage, &program, &progress);
        drop(progress);
        match killed {
            Ok(()) => {
                kept += 1;
                inox_progress::print_line!("holds   kill -9: {promise}");
            }
            Err(error) => {
                broken += 1;
                inox_progress::print_line!("BROKEN  kill -9: {promise}");
                format!("{error:#}").lines().for_each(|line| inox_progress::print_line!("          {line}"));
                inox_progress::print_line!("          chapter: book/src/wal/sync.md");
            }
        }
    }
    if kept + broken == 0 {
        bail!("no session has that in its name; without `--only`, all of them are played");
    }
    inox_progress::print_line!("\n{kept} of {} hold", kept + broken);
    Ok(broken == 0)
}

/// A stage that there is.
fn stage(text: &str) -> Result<u32> {
    let (number, all) = (stages::number(text)?, stages::all()?);
    if !all.contains_key(&number) {
        bail!("there is no stage {number}; there are 1 to {}", all.len());
    }
    Ok(number)
}

fn program(arguments: &Arguments) -> Result<PathBuf> {
    if let Some(bin) = &arguments.bin {
        return bin.canonicalize().with_context(|| format!("there is no program {}", bin.display()));
    }
    match &arguments.project {
        Some(project) => built(project),
        None => {
            inox_progress::complain!("Building the milestones");
            Ok(stages::program(arguments.stage)?.to_path_buf())
        }
    }
}

/// Builds a project; its program.
fn built(project: &Path) -> Result<PathBuf> {
    if !project.join("Cargo.toml").is_file() {
        bail!("there is no Cargo.toml in {}", project.display());
    }
    inox_progress::complain!("Building {}", project.display());
    let build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--message-format=json-render-diagnostics"])
        .current_dir(project)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !build.status.success() {
        bail!("{} does not build; until it does, all is red", project.display());
    }
    let programs = String::from_utf8_lossy(&build.stdout);
    let last = programs.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message.get("executable")?.as_str().map(PathBuf::from)
    });
    last.with_context(|| format!("{} has no program", project.display()))
}

/// Loads rows and kills, over and over on the same data.
fn killed(stage: u32, program: &Path, progress: &Progress) -> Result<()> {
    let speaks_sql = stage > inox_tests::session::LAST_WITH_SMALL_COMMANDS;
    let create = if speaks_sql { "CREATE TABLE t (id bigint);\n" } else { "create t (id bigint)\n" };
    let statement = |number: u64| match speaks_sql {
        true => format!("INSERT INTO t VALUES ({number});\n"),
        false => format!("insert t ({number})\n"),
    };
    // A program that does not take a row would be waited for until our patience ends.
    let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
    let said = talk(program, dir.path(), &format!("{create}{}", statement(0)))?;
    if !said.lines().any(is_answer) {
        bail!(
            "it does not take a row to be killed over. To {}it says\n{}",
            statement(0),
            shortened(said.trim_end())
        );
    }
    let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
    talk(program, dir.path(), create)?;
    let load =
        Load { program, arguments: &["data"], dir: dir.path(), statement: &statement, is_answer: &is_answer };
    progress.set_length(u64::from(ROUNDS));
    kill::kill_repeatedly(&load, ROUNDS, 40, u64::from(stage), |killed| {
        progress.inc(1);
        let said = talk(program, dir.path(), if speaks_sql { "SELECT id FROM t;\n" } else { "scan t\n" })?;
        let numbers: Vec<u64> = said.lines().filter_map(last_number).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != numbers.len() {
            bail!("a row is there twice");
        }
        if let Some(missing) = (0..killed.acknowledged).find(|number| sorted.binary_search(number).is_err()) {
            let complaint = said.lines().find(|line| line.to_ascii_lowercase().contains("error:"));
            let why = complaint.map(|line| format!("; asked for it, your program says\n{line}"));
            bail!("row {missing} was acknowledged and is gone{}", why.unwrap_or_default());
        }
        Ok(numbers.len() as u64)
    })
}

/// Whether a line says that a row was stored.
fn is_answer(line: &str) -> bool {
    line.starts_with("INSERT ")
}

/// What a program says to some lines, from its start to its end.
fn talk(program: &Path, dir: &Path, lines: &str) -> Result<String> {
    let process = Process::start(program, &["data"], dir, PATIENCE)?;
    process.send(lines);
    Ok(process.finish()?.0)
}

/// The number in the last cell of a table's row.
fn last_number(line: &str) -> Option<u64> {
    line.trim_matches(['│', '|', ' ']).rsplit(['│', '|']).next()?.trim().parse().ok()
}
