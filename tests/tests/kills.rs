//! `kill -9` while milestone 5 is at work: what had answered is there, the rest is not at all.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use inox_tests::database::{ask, program, start};
use inox_tests::kill::{Killed, Load, kill_repeatedly};

const ROWS: u64 = 1000;

const TABLE: &str = "CREATE TABLE employees (id INTEGER PRIMARY KEY, statement INTEGER NOT NULL,\n\
                     salary INTEGER, name VARCHAR(100));\n";

fn salary(id: u64) -> u64 {
    id * 7919 % 100_003
}

fn statement(number: u64) -> String {
    let row = |id| format!("  ({id}, {number}, {}, 'employee number {id}')", salary(id));
    let rows: Vec<String> = (number * ROWS..(number + 1) * ROWS).map(row).collect();
    format!("INSERT INTO employees (id, statement, salary, name) VALUES\n{};\n", rows.join(",\n"))
}

/// How many statements are there, each of them whole, and found by the index as by the table.
fn count_statements(home: &Path) -> Result<u64> {
    let said = ask(
        home,
        "SELECT statement, count(*), sum(salary), min(id) FROM employees GROUP BY statement ORDER BY statement;\n",
    )?;
    let mut count = 0;
    for line in said.lines() {
        let first = count * ROWS;
        let sum: u64 = (first..first + ROWS).map(salary).sum();
        ensure!(line == format!("{count},{ROWS},{sum},{first}"), "statement {count} is not whole: {line}");
        count += 1;
    }
    let lookups = |id: u64| format!("SELECT count(*), min(name) FROM employees WHERE id = {id};\n");
    let found = ask(home, &(0..count).map(|n| lookups(n * ROWS + n)).collect::<String>())?;
    let expected: String = (0..count).map(|n| format!("1,employee number {}\n", n * ROWS + n)).collect();
    ensure!(found == expected, "the index finds {found}");
    Ok(count)
}

fn load_and_kill(arguments: &[&str], seed: u64) {
    let home = tempfile::tempdir().unwrap();
    ask(home.path(), TABLE).unwrap();
    let load = Load {
        program: program().unwrap(),
        arguments,
        dir: home.path(),
        statement: &statement,
        is_answer: &|line| line == "INSERT 1000",
    };
    kill_repeatedly(&load, 20, 12, seed, |_: &Killed| count_statements(home.path())).unwrap();
    assert!(count_statements(home.path()).unwrap() > 0);
}

#[test]
fn twenty_kills_in_a_load() {
    load_and_kill(&["data"], 5);
}

#[test]
fn twenty_kills_in_a_load_that_keeps_making_checkpoints_and_evicting_pages() {
    load_and_kill(&["--shared-buffers", "1MB", "--max-wal-size", "1MB", "data"], 6);
}

/// A directory with a few statements' rows in it.
fn loaded(statements: u64) -> Result<tempfile::TempDir> {
    let home = tempfile::tempdir()?;
    ask(home.path(), &(0..statements).fold(TABLE.to_owned(), |script, number| script + &statement(number)))?;
    Ok(home)
}

/// Starts `script` again and again and kills it somewhere on its way; `check` looks at what is left.
fn kill_on_the_way(home: &Path, script: &str, mut check: impl FnMut() -> Result<()>) -> Result<()> {
    let begin = Instant::now();
    start(home, &["data"])?.kill()?;
    ask(home, script)?;
    check().context("without a kill")?;
    let whole = begin.elapsed().as_micros() as u64;
    let mut random = fastrand::Rng::with_seed(7);
    for round in 1..=12 {
        let process = start(home, &["data"])?;
        process.send(script);
        thread::sleep(Duration::from_micros(random.u64(0..whole)));
        process.kill()?;
        check().with_context(|| format!("kill {round}"))?;
    }
    Ok(())
}

#[test]
fn an_update_that_was_killed_has_changed_all_rows_or_none() {
    let home = loaded(30).unwrap();
    let sum =
        || -> Result<i64> { Ok(ask(home.path(), "SELECT sum(statement) FROM employees;")?.trim().parse()?) };
    let (rows, mut before) = (30_000, sum().unwrap());
    kill_on_the_way(home.path(), "UPDATE employees SET statement = statement + 1;\n", || {
        let after = sum()?;
        ensure!(after == before || after == before + rows, "the sum was {before} and is {after}");
        before = after;
        let found = ask(home.path(), "SELECT count(*) FROM employees WHERE id BETWEEN 500 AND 549;")?;
        ensure!(found == "50\n", "the index finds {found}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_index_whose_creation_was_killed_is_there_or_not_and_leaves_no_file() {
    let home = loaded(30).unwrap();
    let files = || fs::read_dir(home.path().join("data/base")).unwrap().count();
    let before = files();
    kill_on_the_way(home.path(), "CREATE INDEX by_salary ON employees (salary);\n", || {
        let there = ask(home.path(), "SELECT count(*) FROM pg_class WHERE relname = 'by_salary';")?;
        let expected = before + usize::from(there == "1\n");
        ensure!(files() == expected, "{} files instead of {expected}", files());
        let found = ask(home.path(), "SELECT id FROM employees WHERE salary = 7919;")?;
        ensure!(found == "1\n", "with {there} indexes, found {found}");
        ask(home.path(), "DROP INDEX IF EXISTS by_salary;")?;
        ensure!(files() == before, "the index's file is still there");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_vacuum_or_a_checkpoint_that_was_killed_changes_no_answer() {
    let home = loaded(30).unwrap();
    let dead = "INSERT INTO employees SELECT id + 100000, statement, salary, name FROM employees;\n\
                DELETE FROM employees WHERE id >= 100000;\nVACUUM;\nCHECKPOINT;\n";
    let whole = ask(home.path(), "SELECT * FROM employees ORDER BY id;").unwrap();
    kill_on_the_way(home.path(), dead, || {
        // The INSERT may have been the last statement that was carried out.
        ask(home.path(), "DELETE FROM employees WHERE id >= 100000;")?;
        let after = ask(home.path(), "SELECT * FROM employees ORDER BY id;")?;
        ensure!(after == whole, "{} bytes of rows instead of {}", after.len(), whole.len());
        Ok(())
    })
    .unwrap();
}

#[test]
fn recovery_that_was_killed_begins_again() {
    let home = tempfile::tempdir().unwrap();
    let process = start(home.path(), &["data"]).unwrap();
    process.send((0..30).fold(TABLE.to_owned(), |script, number| script + &statement(number)));
    let answers = |said: &[u8]| String::from_utf8_lossy(said).matches("INSERT 1000").count();
    assert!(process.wait_until(|said| answers(said) == 30).unwrap());
    process.kill().unwrap();
    // From no time at all up to more than recovery takes.
    for pause in (0..20).map(|n| Duration::from_millis(n * 4)) {
        let process = start(home.path(), &["data"]).unwrap();
        thread::sleep(pause);
        process.kill().unwrap();
    }
    assert_eq!(count_statements(home.path()).unwrap(), 30);
}
