//! Memory: the buffers that were asked for and 64 MiB, whatever the number of rows and the length of the script.
//!
//! 300,000 rows; with `INOX_FULL=1`, a million. The kernel tells the peak, on Linux only.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::{fs, iter};

use anyhow::{Context, Result, ensure};
use inox_tests::database::start;

/// In KiB: `--shared-buffers` and what everything else may take.
const BOUND: u64 = (16 + 64) * 1024;

/// What two runs of the same work may differ by.
const NOISE: u64 = 4 * 1024;

const TABLE: &str = "CREATE TABLE employees (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL,\n\
                     department VARCHAR(50), salary INTEGER, active BOOLEAN DEFAULT true);\n";

fn rows() -> u64 {
    if std::env::var_os("INOX_FULL").is_some_and(|value| value == "1") { 1_000_000 } else { 300_000 }
}

/// INSERTs of 1,000 rows.
fn load(rows: u64) -> impl Iterator<Item = String> {
    let row = |id: u64| {
        let (department, salary) = (id * 31 % 17, 30_000 + id * 7919 % 100_003);
        format!(
            "  ({id}, 'Employee number {id} of this company', 'Department {department}', {salary}, {})",
            id.is_multiple_of(3)
        )
    };
    (0..rows / 1000).map(move |part| {
        let rows: Vec<String> = (part * 1000..(part + 1) * 1000).map(row).collect();
        format!(
            "INSERT INTO employees (id, name, department, salary, active) VALUES\n{};\n",
            rows.join(",\n")
        )
    })
}

/// The most memory, in KiB, that a session with this script had in use, and the last line that it said.
fn peak(home: &Path, arguments: &[&str], script: impl Iterator<Item = String>) -> Result<(u64, String)> {
    let arguments = [&["--shared-buffers", "16MB", "--quiet"], arguments, &["data"]].concat();
    let process = start(home, &arguments)?;
    for part in script {
        ensure!(process.send(part), "the program reads no more");
    }
    process.send("\\echo the end\n");
    ensure!(process.wait_until(|said| said.ends_with(b"the end\n"))?, "the program ended");
    let status = fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let peak = line.trim().trim_end_matches(" kB").parse()?;
    let (said, ending) = process.finish()?;
    ensure!(ending.0.success() && !said.contains("ERROR:"), "{ending}: {said}");
    let last = said.lines().rev().find(|line| !line.is_empty() && *line != "the end").unwrap_or_default();
    Ok((peak, last.to_owned()))
}

/// The script within bounds at both lengths, and with no more memory for the longer one.
fn assert_no_growth<I: Iterator<Item = String>>(script: impl Fn(u64) -> I, lengths: [u64; 2]) {
    let [short, long] = lengths.map(|length| {
        let home = tempfile::tempdir().unwrap();
        peak(home.path(), &[], iter::once(TABLE.to_owned()).chain(script(length))).unwrap().0
    });
    println!("the shorter script: {short} KiB, the longer one: {long} KiB");
    assert!(long <= BOUND, "{long} KiB");
    assert!(long <= short + NOISE, "from {short} to {long} KiB");
}

#[test]
fn a_load_stays_within_bounds_and_does_not_grow_with_its_length() {
    // The shorter one fills the buffers already.
    assert_no_growth(load, [rows(), 2 * rows()]);
}

#[test]
fn a_session_does_not_grow_with_what_was_said_in_it() {
    let step = |number: u64| match number % 100 {
        // Few of these: they wait for the disk.
        0 => "CREATE TABLE short_lived (n integer PRIMARY KEY);\nDROP TABLE short_lived;\n".to_owned(),
        _ => format!(
            "SELECT {number} AS number;\nSELECT name FROM employees WHERE id = {number};\n\\d employees\n\
             BEGIN;\nINSERT INTO employees (id, name) VALUES (1, 'nobody');\nROLLBACK;\n"
        ),
    };
    assert_no_growth(|length| (0..length).map(step), [2_000, 6_000]);
}

#[test]
fn every_kind_of_work_on_all_rows_stays_within_bounds() {
    let home = tempfile::tempdir().unwrap();
    let begin = format!("{TABLE}BEGIN;\n");
    let transaction = iter::once(begin).chain(load(rows())).chain(iter::once("COMMIT;\n".to_owned()));
    let mut failures = Vec::new();
    let mut judge = |what: &str, result: Result<(u64, String)>, expected: &str| {
        let (peak, last) = result.with_context(|| what.to_owned()).unwrap();
        println!("{peak:>8} KiB  {what}");
        if peak > BOUND || !last.contains(expected) {
            failures.push(format!("{what}: {peak} KiB, and at last {last:?}, expected {expected:?}"));
        }
    };
    judge("one transaction of everything", peak(home.path(), &[], transaction), "");
    let (csv, count) = (["--csv", "--tuples-only"], format!("{}", rows()));
    let queries: [(&str, &[&str], &str, String); 9] = [
        ("all rows, aligned", &[], "SELECT * FROM employees;", format!("({count} rows)")),
        ("all rows, as CSV", &csv, "SELECT * FROM employees;", format!("{},", rows() - 1)),
        (
            "all rows, sorted",
            &csv,
            "SELECT * FROM employees ORDER BY name DESC;",
            "0,Employee number 0 of".into(),
        ),
        (
            "a group for each row",
            &csv,
            "SELECT name, count(*), sum(salary) FROM employees GROUP BY name ORDER BY name DESC;",
            "Employee number 0 of this company,1,30000".into(),
        ),
        (
            "distinct rows",
            &csv,
            "SELECT DISTINCT name, department FROM employees ORDER BY 1 DESC;",
            "Employee number 0 of".into(),
        ),
        ("an index", &csv, "CREATE INDEX by_name ON employees (name);", String::new()),
        (
            "an update of all rows",
            &csv,
            "UPDATE employees SET salary = salary + 1; SELECT min(salary) FROM employees;",
            "30001".into(),
        ),
        ("a vacuum", &csv, "VACUUM; SELECT count(*) FROM employees;", count.clone()),
        ("a delete of all rows", &csv, "DELETE FROM employees; SELECT count(*) FROM employees;", "0".into()),
    ];
    for (what, arguments, script, expected) in queries {
        judge(what, peak(home.path(), arguments, iter::once(format!("{script}\n"))), &expected);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
