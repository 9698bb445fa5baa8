//! `check DIR`, in every milestone: what it says, its exit status, and that it changes nothing.

use std::fs;
use std::path::Path;

use inox_tests::database::ask;
use inox_tests::process::{PATIENCE, Process};
use inox_tests::stages;

const SOUND: i32 = 0;
const PROBLEMS: i32 = 1;
const NO_DATABASE: i32 = 2;

/// Everything below a directory.
fn content(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() {
            let below = content(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes));
            found.extend(below);
            found.push((name, Vec::new()));
        } else {
            found.push((name, fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

fn start(stage: u32, home: &Path, arguments: &[&str]) -> Process {
    Process::start(stages::program(stage).unwrap(), arguments, home, PATIENCE).unwrap()
}

/// Checks, and makes sure that not a byte has changed; what was said, and the exit status.
fn check(stage: u32, home: &Path, directory: &str) -> (String, i32) {
    let before = content(home);
    let (said, ending) = start(stage, home, &["check", directory]).finish().unwrap();
    let after = content(home);
    let names =
        |content: &[(String, Vec<u8>)]| content.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after), "m{stage}");
    assert!(before == after, "m{stage}: the check has changed a file");
    assert!(!said.contains("panicked"), "{said}");
    (said, ending.0.code().unwrap())
}

/// What makes a table of two rows.
fn script(stage: u32) -> &'static str {
    match stage {
        5 => "CREATE TABLE t (n integer PRIMARY KEY);\nINSERT INTO t VALUES (1), (2);\n\\echo made\n",
        _ => "create t (n integer)\ninsert t (1), (2)\n",
    }
}

/// A process that has `home/data` open, with a table in it.
fn running(stage: u32, home: &Path) -> Process {
    let process = start(stage, home, &["data"]);
    process.send(script(stage));
    let is_done = |said: &[u8]| {
        let said = String::from_utf8_lossy(said);
        said.contains("made\n") || said.contains("INSERT 2 at")
    };
    assert!(process.wait_until(is_done).unwrap());
    process
}

#[test]
fn a_killed_processs_directory_is_sound_and_left_as_it_is() {
    for stage in 1..=5 {
        let home = tempfile::tempdir().unwrap();
        running(stage, home.path()).kill().unwrap();
        let (said, status) = check(stage, home.path(), "data");
        assert_eq!(status, SOUND, "m{stage}: {said}");
        assert!(said.ends_with(": no problems found\n"), "m{stage}: {said}");
        assert_eq!(said.contains("note: not closed in order"), stage > 1, "m{stage}: {said}");
    }
}

#[test]
fn damage_is_named_and_is_the_exit_status() {
    for stage in 1..=5 {
        let home = tempfile::tempdir().unwrap();
        running(stage, home.path()).finish().unwrap();
        let table = home.path().join("data/base/16384");
        let mut bytes = fs::read(&table).unwrap();
        bytes[8000] ^= 1;
        fs::write(&table, bytes).unwrap();
        let (said, status) = check(stage, home.path(), "data");
        assert_eq!(status, PROBLEMS, "m{stage}: {said}");
        assert!(said.contains("page 0 of file \"base/16384\": the checksum is"), "m{stage}: {said}");
        assert!(said.ends_with(": 1 problem found\n") || stage == 5, "m{stage}: {said}");
    }
}

#[test]
fn a_database_that_does_not_open_is_a_problem_and_its_pages_are_checked() {
    for stage in 1..=5 {
        let home = tempfile::tempdir().unwrap();
        running(stage, home.path()).finish().unwrap();
        let spoilt = if stage == 1 { "data/tables" } else { "data/control" };
        fs::write(home.path().join(spoilt), "rot").unwrap();
        let (said, status) = check(stage, home.path(), "data");
        assert_eq!(status, PROBLEMS, "m{stage}: {said}");
        assert!(said.contains("\nchecked ") && said.ends_with(": 1 problem found\n"), "m{stage}: {said}");
    }
}

#[test]
fn what_is_no_database_or_in_use_cannot_be_checked() {
    for stage in 1..=5 {
        let home = tempfile::tempdir().unwrap();
        let (said, status) = check(stage, home.path(), "nowhere");
        assert_eq!(status, NO_DATABASE, "m{stage}: {said}");
        assert!(said.contains("could not open file \"nowhere\": No such file or directory"), "{said}");

        fs::create_dir(home.path().join("other")).unwrap();
        fs::write(home.path().join("other/thesis.tex"), "years of work").unwrap();
        let (said, status) = check(stage, home.path(), "other");
        assert_eq!(status, NO_DATABASE, "m{stage}: {said}");
        assert!(said.contains("directory \"other\" is not an InoxDB data directory"), "{said}");

        let process = running(stage, home.path());
        let (said, status) = check(stage, home.path(), "data");
        assert_eq!(status, NO_DATABASE, "m{stage}: {said}");
        assert!(said.contains("data directory \"data\" is in use by another process"), "{said}");
        process.finish().unwrap();
        assert_eq!(check(stage % 5 + 1, home.path(), "data").1, NO_DATABASE, "another milestone's");
    }
}

#[test]
fn a_directory_may_be_called_check() {
    let home = tempfile::tempdir().unwrap();
    let (said, ending) = start(5, home.path(), &["./check"]).finish().unwrap();
    assert!(ending.0.success(), "{said}");
    assert_eq!(check(5, home.path(), "check").1, SOUND);
    ask(home.path(), "SELECT 1;").unwrap();
}
