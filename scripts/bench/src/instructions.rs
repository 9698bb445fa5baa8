//! How many instructions four fixed pieces of work take: a guard against growing slower that no busy machine disturbs.
//!
//! Valgrind counts them. The counts of the last accepted version are in `instructions.json`; one that has grown by more
//! than a twentieth is an error. Whoever has a reason for it records the new ones, and the change shows in the commit.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use fastrand::Rng;
use inox_progress::Progress;

use crate::data::{TABLE, write_inserts};
use crate::measure::succeed;

/// What may be more than was recorded, in percent.
const TOLERANCE: f64 = 5.0;

/// Rows of the table that is worked on.
const ROWS: u64 = 20_000;

/// A piece of work: its name, whether the table has its rows already, and its statements.
type Work = (&'static str, bool, fn(&mut BufWriter<File>) -> std::io::Result<()>);

const WORK: [Work; 4] = [
    ("load", false, |out| write_inserts(out, ROWS, 1_000)),
    ("look-ups", true, |out| {
        let mut rng = Rng::with_seed(4);
        (0..5_000)
            .try_for_each(|_| writeln!(out, "SELECT * FROM employees WHERE id = {};", rng.u64(1..=ROWS)))
    }),
    ("scans", true, |out| {
        (0..5).try_for_each(|_| {
            writeln!(out, "SELECT department, COUNT(*), AVG(salary) FROM employees WHERE salary > 50000 GROUP BY department;")?;
            writeln!(out, "SELECT * FROM employees ORDER BY salary DESC, id LIMIT 10;")
        })
    }),
    ("changes", true, |out| {
        writeln!(out, "UPDATE employees SET salary = salary + 1 WHERE id % 10 = 3;")?;
        writeln!(out, "DELETE FROM employees WHERE id % 10 = 7;")
    }),
];

type Counts = BTreeMap<String, u64>;

/// Where the accepted counts are.
fn recorded_at() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json")
}

/// Counts, and compares with what was recorded, or records.
pub fn check(program: &Path, directory: &Path, record: bool) -> Result<()> {
    if succeed(Command::new("valgrind").arg("--version")).is_err() {
        inox_progress::print_line!("Instructions are not counted: there is no valgrind.");
        return Ok(());
    }
    let counts = count_all(program, directory)?;
    if record {
        fs::write(recorded_at(), serde_json::to_string_pretty(&counts)? + "\n")?;
    }
    let text = fs::read_to_string(recorded_at()).context("nothing is recorded yet: --record does that")?;
    let recorded: Counts =
        serde_json::from_str(&text).with_context(|| recorded_at().display().to_string())?;
    let mut grown = Vec::new();
    for (name, count) in &counts {
        let before = *recorded.get(name).with_context(|| format!("nothing is recorded of {name}"))?;
        let percent = growth(before, *count);
        inox_progress::print_line!(
            "{name:<10} {count:>13} instructions, {percent:+.1} % of what was recorded"
        );
        if percent > TOLERANCE {
            grown.push(name.as_str());
        }
    }
    if grown.is_empty() {
        return Ok(());
    }
    bail!(
        "{} take more instructions than before. To see where, in {}, for each of them:\n  \
         valgrind --tool=callgrind --callgrind-out-file=callgrind.out {} --quiet DIRECTORY < NAME.sql\n  \
         callgrind_annotate callgrind.out | head -60\n\
         If it is worth it: cargo x bench --instructions --record",
        grown.join(", "),
        directory.display(),
        program.display()
    );
}

fn growth(before: u64, now: u64) -> f64 {
    (now as f64 / before.max(1) as f64 - 1.0) * 100.0
}

fn count_all(program: &Path, directory: &Path) -> Result<Counts> {
    let mut counts = Counts::new();
    let progress = Progress::new("counting instructions");
    progress.set_length(WORK.len() as u64);
    for (name, is_loaded, write) in WORK {
        progress.set_message(format!("counting the instructions of {name}"));
        let script = directory.join(format!("{name}.sql"));
        let mut out = BufWriter::new(File::create(&script)?);
        write(&mut out)?;
        out.into_inner().map_err(|error| error.into_error())?.sync_all()?;
        let database = directory.join(name);
        let shell = || {
            let mut command = Command::new(program);
            command.args(["--quiet", "--csv"]).arg(&database);
            command
        };
        succeed(shell().args(["--command", TABLE]))?;
        if is_loaded {
            succeed(shell().arg("--file").arg(directory.join("load.sql")))?;
        }
        counts.insert(name.to_owned(), count(program, &database, &script)?);
        progress.inc(1);
    }
    Ok(counts)
}

/// The instructions of one session.
fn count(program: &Path, database: &Path, script: &Path) -> Result<u64> {
    let out = script.with_extension("callgrind");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--tool=callgrind"]).arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(program).args(["--quiet", "--csv"]).arg(database);
    let output = valgrind.stdin(File::open(script)?).stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
    if !output.status.success() {
        bail!("valgrind, {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    total(&fs::read_to_string(&out)?).with_context(|| format!("{} has no total", out.display()))
}

/// What callgrind's file says at its end.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().rev().find_map(|line| line.strip_prefix("totals: "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twentieth_more_is_too_much() {
        assert!(growth(1_000, 1_060) > TOLERANCE && growth(1_000, 1_040) < TOLERANCE);
        assert!(growth(1_000, 900) < 0.0);
    }

    #[test]
    fn the_total_is_at_the_end() {
        assert_eq!(total("version: 1\nfn=(1) main\n3 7\ntotals: 12345\n"), Some(12345));
        assert_eq!(total("version: 1\n"), None);
    }

    #[test]
    fn all_work_is_recorded() {
        let recorded: Counts = serde_json::from_str(&fs::read_to_string(recorded_at()).unwrap()).unwrap();
        assert!(WORK.iter().all(|(name, ..)| recorded.contains_key(*name)));
    }
}
