//! Directories that milestone 5 cannot use, or not wholly: a clear error, exit status 2, and nothing changed.

use std::fs;
use std::path::Path;

use inox_tests::database::{ask, complaint, run, start};
use inox_tests::process::Process;
use inox_tests::stages;
use tempfile::TempDir;

/// A directory `data` with two tables of several pages.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let doublings = "INSERT INTO numbers SELECT n + 1 FROM numbers;\n".repeat(11);
    let script = format!(
        "CREATE TABLE numbers (n integer);\nINSERT INTO numbers VALUES (0);\n{doublings}\
         CREATE TABLE others (n integer PRIMARY KEY);\nINSERT INTO others VALUES (7), (8);\n"
    );
    ask(home.path(), &script).unwrap();
    home
}

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

/// Opening `home/data` must fail with these words and change nothing.
fn assert_refused(home: &Path, words: &[&str]) {
    let before = content(home);
    assert_fails(home, words);
    let after = content(home);
    let names =
        |content: &[(String, Vec<u8>)]| content.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after));
    let changed: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(a, _)| &a.0).collect();
    assert!(changed.is_empty(), "changed: {changed:?}");
}

fn assert_fails(home: &Path, words: &[&str]) {
    let (said, ending) = run(home, &["data"], "SELECT 1;").unwrap();
    assert_eq!(ending.to_string(), "exit status 2", "{said}");
    assert!(said.starts_with("inoxdb: ERROR:  "), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn one_process_at_a_time() {
    let home = home();
    let first: Process = start(home.path(), &["--quiet", "data"]).unwrap();
    first.send("\\echo here\n");
    assert!(first.wait_until(|said| said == b"here\n").unwrap());
    assert_refused(home.path(), &["data directory \"data\" is in use by another process"]);
    first.kill().unwrap();
    assert_eq!(ask(home.path(), "SELECT sum(n) FROM others;").unwrap(), "15\n");
}

#[test]
fn another_version_or_milestone() {
    let home = home();
    fs::write(home.path().join("data/inoxdb.format"), "InoxDB m5-sql 9999\n").unwrap();
    assert_refused(home.path(), &["has format \"InoxDB m5-sql 9999\", this program reads \"InoxDB m5-sql "]);
    fs::write(home.path().join("data/inoxdb.format"), "\u{0}garbage").unwrap();
    assert_refused(home.path(), &["has format"]);
    let other = tempfile::tempdir().unwrap();
    let first =
        Process::start(stages::program(1).unwrap(), &["data"], other.path(), inox_tests::process::PATIENCE);
    first.unwrap().finish().unwrap();
    assert_refused(
        other.path(),
        &["has format \"InoxDB m1-storage 3\", this program reads \"InoxDB m5-sql "],
    );
}

#[test]
fn a_directory_from_before_databases_had_an_identifier() {
    for (stage, name) in
        [(1, "m1-storage"), (2, "m2-wal"), (3, "m3-buffer-pool"), (4, "m4-catalogs"), (5, "m5-sql")]
    {
        let home = tempfile::tempdir().unwrap();
        let run = || {
            let program = stages::program(stage).unwrap();
            let process = Process::start(program, &["data"], home.path(), inox_tests::process::PATIENCE);
            process.unwrap().finish().unwrap().0
        };
        run();
        fs::write(home.path().join("data/inoxdb.format"), format!("InoxDB {name} 2\n")).unwrap();
        let expected = format!("has format \"InoxDB {name} 2\", this program reads \"InoxDB {name} 3\"");
        let said = run();
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn the_identifier_is_in_the_control_file_too() {
    let home = home();
    let path = home.path().join("data/inoxdb.format");
    let sound = fs::read_to_string(&path).unwrap();
    let damaged = sound.replace("\ndatabase ", "\ndatabase 0");
    assert_ne!(sound, damaged, "{sound}");
    fs::write(&path, damaged).unwrap();
    assert_refused(home.path(), &["file \"inoxdb.format\": does not say which database this is"]);
    let arguments = ["--salvage", "--csv", "--tuples-only", "data"];
    let (said, _) = run(home.path(), &arguments, "SELECT sum(n) FROM others;").unwrap();
    assert!(said.contains("does not say which database") && said.ends_with("\n15\n"), "{said}");
}

#[test]
fn something_that_is_not_ours() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("data")).unwrap();
    fs::write(home.path().join("data/thesis.tex"), "years of work").unwrap();
    assert_refused(home.path(), &["directory \"data\" is not empty", "It contains \"thesis.tex\"."]);
    fs::remove_dir_all(home.path().join("data")).unwrap();
    fs::write(home.path().join("data"), "a file").unwrap();
    assert_refused(home.path(), &["\"data\"", "Not a directory"]);
}

#[test]
fn a_control_file_that_is_cut_short_or_garbled_or_gone() {
    for length in [0, 3, 40] {
        let home = home();
        fs::write(home.path().join("data/control"), vec![0x5a; length]).unwrap();
        assert_refused(home.path(), &["file \"control\"", "neither slot has a valid checksum"]);
    }
    let home = home();
    fs::write(home.path().join("data/control"), vec![0xff; 8192]).unwrap();
    assert_refused(home.path(), &["file \"control\"", "neither slot has a valid checksum"]);
    fs::remove_file(home.path().join("data/control")).unwrap();
    assert_refused(home.path(), &["\"control\"", "No such file"]);
}

#[test]
fn a_log_that_is_gone_or_damaged() {
    let without_files = home();
    let wal = without_files.path().join("data/wal");
    for segment in fs::read_dir(&wal).unwrap() {
        fs::remove_file(segment.unwrap().path()).unwrap();
    }
    assert_refused(without_files.path(), &["\"wal/0000000000000001\": is missing", "--salvage"]);
    fs::remove_dir(&wal).unwrap();
    assert_refused(without_files.path(), &["\"wal\"", "No such file"]);
}

#[test]
fn relations_that_are_gone() {
    let home = home();
    fs::remove_file(home.path().join("data/base/16384")).unwrap();
    let said = complaint(home.path(), "SELECT count(*) FROM numbers;\nSELECT sum(n) FROM others;\n").unwrap();
    assert!(said.contains("ERROR:  58P01: could not open file \"base/16384\""), "{said}");
    assert!(said.ends_with("\n15\n"), "{said}");
    fs::remove_dir_all(home.path().join("data/base")).unwrap();
    assert_refused(home.path(), &["\"base", "No such file", "--salvage"]);
}

#[test]
fn a_page_that_is_garbled_spoils_its_table_only() {
    let home = home();
    let path = home.path().join("data/base/16384");
    let mut bytes = fs::read(&path).unwrap();
    bytes[2 * 8192 + 4000] ^= 0x10;
    fs::write(&path, bytes).unwrap();
    let script =
        "SELECT count(*) FROM numbers;\nINSERT INTO others VALUES (9);\nSELECT sum(n) FROM others;\n";
    let said = complaint(home.path(), script).unwrap();
    let error = said.lines().next().unwrap();
    assert!(error.starts_with("ERROR:  XX001: ") && error.contains("page 2"), "{said}");
    assert!(error.contains("16384"), "{said}");
    assert!(said.ends_with("\n24\n"), "{said}");
    assert_eq!(ask(home.path(), "SELECT sum(n) FROM others;").unwrap(), "24\n");
}

/// The commits of rows 0 to 99, one after the other, and a log in which the record of row 50 is spoiled.
fn log_spoiled_in_the_middle() -> TempDir {
    let home = home();
    let row = |n| format!("INSERT INTO notes VALUES ({n}, 'note {n:03}');\n");
    let rows: String = (0..100).map(row).collect();
    let script = format!("CREATE TABLE notes (n integer, note text);\n{rows}\\crash\n");
    let (said, ending) = run(home.path(), &["--quiet", "data"], &script).unwrap();
    assert_eq!(ending.to_string(), "exit status 137", "{said}");
    let segment = home.path().join("data/wal/0000000000000001");
    let mut log = fs::read(&segment).unwrap();
    let at = log.windows(8).position(|bytes| bytes == b"note 050").unwrap();
    log[at] ^= 0x10;
    fs::write(&segment, log).unwrap();
    home
}

#[test]
fn a_log_damaged_in_the_middle_is_refused_and_salvaged() {
    let home = log_spoiled_in_the_middle();
    assert_refused(
        home.path(),
        &[
            "unreadable, but the log was durable up to",
            "DETAIL:  This is damage, not the end of an interrupted write",
            "HINT:  Restore the files from a copy, or read what can still be read with --salvage.",
        ],
    );
    let before = content(home.path());
    let script = "SELECT count(*), min(n), max(n) FROM notes;\nINSERT INTO notes VALUES (1);\nVACUUM;\n\
                  DROP TABLE others;\nSELECT sum(n) FROM others;\n";
    let arguments = ["--salvage", "--csv", "--tuples-only", "--set", "VERBOSITY=verbose", "data"];
    let (said, ending) = run(home.path(), &arguments, script).unwrap();
    assert!(ending.0.success(), "{said}");
    for word in [
        "Salvage: the database is open for reading only, and its directory stays as it is\nWARNING:  log record at",
        "The log is read up to",
        "\n50,0,49\n",
        "ERROR:  25006: cannot execute INSERT in a read-only transaction",
        "ERROR:  25006: cannot execute VACUUM in a read-only transaction",
        "ERROR:  25006: cannot execute DROP TABLE in a read-only transaction",
        "\n15\n",
    ] {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
    assert!(content(home.path()) == before, "salvage has changed the directory");
}

#[test]
fn a_damaged_catalog_or_a_lost_format_file_is_refused_and_the_rest_salvaged() {
    let home = home();
    let catalog = home.path().join("data/base/1249");
    let mut bytes = fs::read(&catalog).unwrap();
    bytes.truncate(8192);
    let second = bytes.iter().map(|byte| !byte).collect::<Vec<u8>>();
    bytes.extend(second);
    fs::write(&catalog, bytes).unwrap();
    assert_refused(home.path(), &["page 1 of file \"base/1249\"", "--salvage"]);
    let sum = |home: &Path| {
        run(home, &["--salvage", "--csv", "--tuples-only", "data"], "SELECT sum(n) FROM others;")
    };
    let (said, _) = sum(home.path()).unwrap();
    assert!(said.contains("WARNING:  page 1 of file \"base/1249\"") && said.ends_with("\n15\n"), "{said}");
    fs::remove_file(home.path().join("data/inoxdb.format")).unwrap();
    assert_refused(home.path(), &["has lost its file \"inoxdb.format\"", "It contains \"base\"."]);
    let (said, _) = sum(home.path()).unwrap();
    assert!(said.contains("\"inoxdb.format\": is missing") && said.ends_with("\n15\n"), "{said}");
}
