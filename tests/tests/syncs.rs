//! How often the log is made durable, counted by the kernel: once for each transaction that changed something.
//!
//! strace counts, where it is installed and allowed to. Each test compares a script with a longer one, so that
//! what opening and closing cost does not matter.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use inox_tests::database::{PATIENCE, ask, program};
use inox_tests::process::Process;

const CALLS: &str = "trace=fsync,fdatasync,sync,syncfs,sync_file_range,msync";

fn can_trace() -> bool {
    let tried = Command::new("strace")
        .args(["-f", "-e", CALLS, "-o", "/dev/null", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let works = tried.is_ok_and(|status| status.success());
    if !works {
        eprintln!("skipped: strace is not installed, or not allowed to trace");
    }
    works
}

/// The calls that a session with this script makes on a new table: those for the log, and the others.
fn syncs(script: &str) -> Result<(usize, usize)> {
    let home = tempfile::tempdir()?;
    ask(home.path(), "CREATE TABLE numbers (n integer PRIMARY KEY, label text); CHECKPOINT;")?;
    let program = program()?.display().to_string();
    let arguments = ["-f", "-y", "-e", CALLS, "-o", "trace", &program, "--quiet", "data"];
    let process = Process::start(Path::new("strace"), &arguments, home.path(), PATIENCE)?;
    process.send(script);
    let (said, ending) = process.finish()?;
    ensure!(ending.0.success() && !said.contains("ERROR:"), "{ending}: {said}");
    let trace = fs::read_to_string(home.path().join("trace"))?;
    let calls = trace.lines().filter(|line| line.contains("sync") && line.contains("= "));
    let (log, others): (Vec<&str>, Vec<&str>) = calls.partition(|line| line.contains("/data/wal/0"));
    ensure!(log.iter().all(|line| line.ends_with("= 0")), "a sync failed: {trace}");
    Ok((log.len(), others.len()))
}

/// How many more calls the second script makes than the first: for the log, and others.
fn difference(first: &str, second: &str) -> (usize, usize) {
    let (first, second) = (syncs(first).unwrap(), syncs(second).unwrap());
    (second.0.checked_sub(first.0).unwrap(), second.1.checked_sub(first.1).unwrap())
}

fn inserts(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|n| format!("INSERT INTO numbers VALUES ({n}, 'number {n}');\n")).collect()
}

#[test]
fn a_transaction_of_one_statement_is_one_sync() {
    if can_trace() {
        assert_eq!(difference(&inserts(0..100), &inserts(0..200)), (100, 0));
        let changes = "UPDATE numbers SET label = 'x' WHERE n = 1;\nDELETE FROM numbers WHERE n = 2;\n";
        assert_eq!(difference(&inserts(0..100), &format!("{}{changes}", inserts(0..100))), (2, 0));
    }
}

#[test]
fn a_transaction_of_a_thousand_statements_is_one_sync() {
    if can_trace() {
        let block = |inserts: &str| format!("BEGIN;\n{inserts}COMMIT;\n");
        assert_eq!(difference(&block(&inserts(0..1)), &block(&inserts(0..1000))), (0, 0));
        let two = format!("{}{}", block(&inserts(0..500)), block(&inserts(500..1000)));
        assert_eq!(difference(&block(&inserts(0..1000)), &two), (1, 0));
    }
}

#[test]
fn who_only_reads_does_not_sync() {
    if can_trace() {
        let reads = "SELECT count(*) FROM numbers;\nSELECT * FROM numbers WHERE n = 7;\n\
                     BEGIN;\nSELECT sum(n) FROM numbers;\nCOMMIT;\nUPDATE numbers SET n = 0 WHERE n = -1;\n\\d numbers\n";
        assert_eq!(difference("", &reads.repeat(20)), (0, 0));
        let one = inserts(0..1);
        assert_eq!(difference(&one, &format!("{one}{}", reads.repeat(20))), (0, 0));
    }
}

#[test]
fn a_rollback_does_not_sync() {
    if can_trace() {
        let rollback = |n| format!("BEGIN;\nINSERT INTO numbers VALUES ({n}, 'never');\nROLLBACK;\n");
        let rollbacks = |numbers: std::ops::Range<u32>| numbers.map(rollback).collect::<String>();
        // What the log collects is written at the end, once.
        assert_eq!(difference(&rollbacks(0..10), &rollbacks(0..40)), (0, 0));
    }
}
