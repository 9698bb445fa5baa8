//! What others do to the files of milestone 5: links, pipes, lengths, permissions, a directory that goes away. Nothing of
//! theirs is touched, nothing hangs, and nothing is acknowledged that is not kept.
#![cfg(unix)]

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use inox_tests::database::{ask, program, run, start};
use inox_tests::process::Process;
use tempfile::TempDir;

/// A directory `data` with a table of a thousand rows and an index.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (1..=1000).map(|n| format!("({n})")).collect();
    ask(
        home.path(),
        &format!("CREATE TABLE t (n integer PRIMARY KEY);\nINSERT INTO t VALUES {};\n", rows.join(", ")),
    )
    .unwrap();
    home
}

fn make_pipe(path: &Path) {
    let _ = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Runs the program and gives it half a minute.
fn say(home: &Path, arguments: &[&str], script: &str) -> String {
    let process = Process::start(program().unwrap(), arguments, home, Duration::from_secs(30)).unwrap();
    process.send(script);
    let (said, _) = process.finish().unwrap();
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// Sends a script to a process and waits until it has answered all of it; what it has said so far.
fn converse(process: &Process, mark: &str, script: &str) -> String {
    process.send(format!("{script}\\echo {mark}\n"));
    let mut answer = String::new();
    let answered = process.wait_until(|said| {
        answer = String::from_utf8_lossy(said).into_owned();
        answer.contains(mark)
    });
    assert!(answered.unwrap(), "{answer}");
    answer
}

#[test]
fn opening_removes_nothing_that_is_not_ours() {
    let home = home();
    let (data, documents) = (home.path().join("data"), home.path().join("documents"));
    fs::create_dir(&documents).unwrap();
    for name in ["thesis.tex", "1", "99999"] {
        fs::write(documents.join(name), "years of work").unwrap();
    }
    let _ = fs::remove_dir(data.join("temp"));
    symlink("../documents", data.join("temp")).unwrap();
    symlink("../../documents/99999", data.join("base/99999")).unwrap();
    make_pipe(&data.join("base/99998"));
    assert_eq!(ask(home.path(), "SELECT count(*) FROM t;").unwrap(), "1000\n");
    assert_eq!(fs::read_dir(&documents).unwrap().count(), 3);
    assert!(data.join("base/99999").is_symlink() && data.join("base/99998").exists());
    // Now it is a disk of its own, and a crash has left something there.
    fs::remove_file(data.join("temp")).unwrap();
    fs::create_dir_all(data.join("temp/lost+found")).unwrap();
    fs::create_dir(data.join("temp/2")).unwrap();
    for name in ["1", "3", "notes.txt"] {
        fs::write(data.join("temp").join(name), "?").unwrap();
    }
    assert_eq!(ask(home.path(), "SELECT count(*) FROM t;").unwrap(), "1000\n");
    let mut left: Vec<_> = fs::read_dir(data.join("temp")).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["2", "lost+found", "notes.txt"]);
    // Names that are taken are not in the way of a sort that spills.
    let sort = "INSERT INTO t SELECT n + 1000 FROM t; INSERT INTO t SELECT n + 2000 FROM t;\n\
                INSERT INTO t SELECT n + 4000 FROM t; INSERT INTO t SELECT n + 8000 FROM t;\n\
                SET work_mem = '64kB'; SELECT n FROM t ORDER BY -n;";
    assert!(ask(home.path(), sort).unwrap().ends_with("\n2\n1\n"));
}

#[test]
fn the_lock_cannot_be_removed() {
    let home = home();
    let first = start(home.path(), &["--quiet", "data"]).unwrap();
    converse(&first, "here", "INSERT INTO t VALUES (1001);\n");
    let left: Vec<_> =
        fs::read_dir(home.path().join("data")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for file in left.iter().filter(|path| path.to_string_lossy().contains("lock")) {
        fs::remove_file(file).unwrap();
    }
    for arguments in [&["data"][..], &["check", "data"], &["--salvage", "data"]] {
        let (said, ending) = run(home.path(), arguments, "INSERT INTO t VALUES (1002);\n").unwrap();
        assert!(
            !ending.0.success() && said.contains("is in use by another process"),
            "{arguments:?}: {said}"
        );
    }
    converse(&first, "there", "INSERT INTO t VALUES (1003);\n");
    first.finish().unwrap();
    assert_eq!(ask(home.path(), "SELECT count(*) FROM t;").unwrap(), "1002\n");
}

#[test]
fn a_directory_that_is_renamed_takes_its_database_along() {
    let (home, other) = (home(), home());
    let process = start(home.path(), &["--quiet", "data"]).unwrap();
    converse(&process, "here", "SELECT 1;\n");
    fs::rename(home.path().join("data"), home.path().join("moved")).unwrap();
    fs::rename(other.path().join("data"), home.path().join("data")).unwrap();
    let names = || -> Vec<PathBuf> {
        let mut names: Vec<_> =
            fs::read_dir(home.path().join("data/base")).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        names
    };
    let before = names();
    let said = converse(&process, "there", "CREATE TABLE u (n integer);\nINSERT INTO u VALUES (7);\n");
    assert!(!said.contains("ERROR"), "{said}");
    process.finish().unwrap();
    assert_eq!(names(), before, "another database has got files");
    assert_eq!(ask(home.path(), "SELECT count(*) FROM t;").unwrap(), "1000\n");
    assert!(say(home.path(), &["-qt", "moved"], "SELECT n FROM u;").contains('7'));
}

#[test]
fn nothing_is_acknowledged_in_a_directory_that_is_gone() {
    for (gone, is_directory) in [("", true), ("wal", true), ("wal/0000000000000001", false)] {
        let home = home();
        let process = start(home.path(), &["--csv", "-t", "data"]).unwrap();
        let said = converse(&process, "here", "INSERT INTO t VALUES (1001);\n");
        assert!(said.contains("INSERT 0 1") || said.contains("INSERT 1"), "{said}");
        let path = home.path().join("data").join(gone);
        if is_directory {
            fs::remove_dir_all(&path).unwrap()
        } else {
            fs::remove_file(&path).unwrap()
        }
        let said = converse(&process, "there", "INSERT INTO t VALUES (1002);\nCREATE TABLE u (n integer);\n");
        let said = said.split_once("here").unwrap().1;
        assert!(!said.contains("INSERT") && !said.contains("CREATE"), "{gone}: {said}");
        assert!(said.contains("was removed while it was open"), "{gone}: {said}");
    }
}

#[test]
fn what_is_no_file_is_refused_and_nobody_waits_for_it() {
    let kinds: [fn(&Path); 3] =
        [make_pipe, |path| symlink("/dev/zero", path).unwrap(), |path| fs::create_dir(path).unwrap()];
    for name in [
        "base/16384",
        "base/16385",
        "base/1259",
        "base/1",
        "control",
        "inoxdb.format",
        "wal/0000000000000001",
    ] {
        let home = home();
        let path = home.path().join("data").join(name);
        for make in kinds {
            let _ = fs::remove_file(&path);
            make(&path);
            for arguments in [&["data"][..], &["check", "data"], &["--salvage", "data"]] {
                let said =
                    say(home.path(), arguments, "SELECT count(*) FROM t;\nSELECT n FROM t WHERE n = 7;\n");
                let told = ["it is a pipe", "it is a symbolic link", "Is a directory"];
                assert!(told.iter().any(|what| said.contains(what)), "{name}, {arguments:?}: {said}");
            }
            let _ = fs::remove_dir(&path);
        }
    }
}

#[test]
fn a_file_is_not_believed_to_be_as_long_as_it_says() {
    let home = home();
    let data = home.path().join("data");
    for name in ["16384", "16384_fsm", "16385", "1", "1259"] {
        OpenOptions::new().write(true).open(data.join("base").join(name)).unwrap().set_len(1 << 40).unwrap();
    }
    let begin = Instant::now();
    let script = "SELECT count(*) FROM t;\nSELECT n FROM t WHERE n = 7;\nINSERT INTO t SELECT n + 1000 FROM t;\nVACUUM;\n\
                  SELECT count(*), max(n) FROM t;\nCREATE TABLE u (n integer);\n";
    assert_eq!(ask(home.path(), script).unwrap(), "1000\n7\n2000,2000\n");
    let said = say(home.path(), &["check", "data"], "");
    assert!(
        said.contains("file \"base/16384\": has 134217728 pages") && said.contains("no problems"),
        "{said}"
    );
    let count = "SELECT count(*), max(n) FROM t;\n";
    assert!(say(home.path(), &["--salvage", "--csv", "-t", "data"], count).contains("2000,2000\n"));
    // Without anything that knows.
    fs::remove_file(data.join("control")).unwrap();
    fs::remove_dir_all(data.join("wal")).unwrap();
    let said = say(home.path(), &["--salvage", "--csv", "-t", "data"], count);
    assert!(said.contains("but only empty ones from") && said.contains("2000,2000\n"), "{said}");
    say(home.path(), &["check", "data"], "");
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}

#[test]
fn pages_that_the_log_does_not_know_are_noticed() {
    let home = home();
    let path = home.path().join("data/base/16384");
    let mut bytes = fs::read(&path).unwrap();
    let page = bytes[..8192].to_vec();
    bytes.extend(page);
    fs::write(&path, bytes).unwrap();
    let said = say(home.path(), &["data"], "SELECT count(*) FROM t;\n");
    assert!(said.contains("ERROR:  page ") && !said.contains("1000"), "{said}");
    assert!(say(home.path(), &["check", "data"], "").contains("of file \"base/16384\""));
}

#[test]
fn files_are_for_their_owner_alone_and_a_wider_directory_is_told_of_once() {
    fn modes(path: &Path, found: &mut Vec<(PathBuf, u32)>) {
        found.push((path.into(), fs::metadata(path).unwrap().permissions().mode() & 0o777));
        if path.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| modes(&entry.unwrap().path(), found));
        }
    }
    let home = home();
    let data = home.path().join("data");
    let mut found = Vec::new();
    modes(&data, &mut found);
    for (path, mode) in found {
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{path:?}");
    }
    assert!(!say(home.path(), &["data"], "SELECT 1;").contains("WARNING"));
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    let said = say(home.path(), &["data"], "SELECT 1;\n\\crash\n");
    let warning = "WARNING:  data directory \"data\" has permissions 0755: other users can read it, or keep it locked\n";
    assert_eq!(said.matches(warning).count(), 1, "{said}");
    assert!(!say(home.path(), &["--quiet", "data"], "SELECT 1;").contains("WARNING"));
}
