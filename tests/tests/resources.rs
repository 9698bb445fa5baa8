//! What the system allows a process: few open files, short files, little memory. The work is done, or the answer is a clear
//! error and nothing is lost.
#![cfg(unix)]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use inox_tests::database::{PATIENCE, ask, program, run};
use inox_tests::process::{Ending, Process};

/// Runs milestone 5 under a limit, as the shell's `ulimit` names it.
fn limited(home: &Path, limit: &str, arguments: &[&str], script: &str) -> (String, Ending) {
    let line = format!("ulimit {limit} && exec \"$0\" \"$@\"");
    let program = program().unwrap().to_string_lossy();
    let arguments = [&["-c", &line, &program], arguments].concat();
    let process = Process::start("/bin/sh".as_ref(), &arguments, home, PATIENCE).unwrap();
    process.send(script);
    process.finish().unwrap()
}

/// A hundred tables with keys, three hundred files in all, rows in each, and a log of many small segments.
fn many_files() -> String {
    let mut script = String::new();
    for table in 0..100 {
        let _ = writeln!(script, "CREATE TABLE t{table} (n integer PRIMARY KEY, v varchar(4000));");
    }
    for round in 0..20 {
        for table in 0..100 {
            let _ = writeln!(script, "INSERT INTO t{table} VALUES ({round}, '{}');", "x".repeat(2_000));
        }
    }
    script
}

#[test]
fn sixty_four_open_files_are_enough() {
    let home = tempfile::tempdir().unwrap();
    let log = ["--segment-size", "64kB", "--max-wal-size", "1GB"];
    let quiet = ["--quiet", "--csv", "--tuples-only"];
    let data = [&quiet[..], &log, &["data"]].concat();
    // Sorts of many runs and a grouping of many partitions, beside all the tables.
    let spill = "SET work_mem = '64kB';\n\
                 CREATE TABLE big (n integer, v varchar(4000));\n\
                 INSERT INTO big SELECT n, v FROM t1;\n"
        .to_string()
        + &"INSERT INTO big SELECT n + 1, v FROM big;\n".repeat(9)
        + "SELECT n FROM big ORDER BY v, n DESC LIMIT 1 OFFSET 10000;\n\
           SELECT count(*) FROM big;\n";
    let (said, ending) = limited(home.path(), "-n 64", &data, &(many_files() + &spill));
    assert_eq!((said.as_str(), ending.to_string().as_str()), ("4\n10240\n", "exit status 0"));
    let (said, ending) = limited(home.path(), "-n 64", &["check", "data"], "");
    assert!(ending.0.success() && said.contains("no problems"), "{said}");
    assert_eq!(ask(home.path(), "SELECT count(*) FROM t99;").unwrap(), "20\n");
}

#[test]
fn a_log_of_a_thousand_segments_is_recovered_with_few_open_files() {
    let home = tempfile::tempdir().unwrap();
    let log = ["--segment-size", "64kB", "--max-wal-size", "1GB"];
    let data = [&["--quiet", "--csv", "--tuples-only"][..], &log, &["data"]].concat();
    let mut script = "CREATE TABLE t (n integer, v varchar(60000));\n".to_string();
    for n in 0..1_000 {
        let _ = writeln!(
            script,
            "INSERT INTO t VALUES {};",
            vec![format!("({n}, '{}')", "y".repeat(7_000)); 8].join(", ")
        );
    }
    script.push_str("SELECT count(*) FROM t;\n");
    let line = "ulimit -n 64 && exec \"$0\" \"$@\"";
    let program = program().unwrap().to_string_lossy();
    let process = Process::start(
        "/bin/sh".as_ref(),
        &[&["-c", line, &program], &data[..]].concat(),
        home.path(),
        PATIENCE,
    );
    let process = process.unwrap();
    process.send(&script);
    assert!(process.wait_until(|said| said.ends_with(b"8000\n")).unwrap());
    process.kill().unwrap();
    let segments = fs::read_dir(home.path().join("data/wal")).unwrap().count();
    assert!(segments > 700, "{segments} segments");
    let (said, ending) = limited(home.path(), "-n 64", &data, "SELECT count(*) FROM t;\n");
    assert!(ending.0.success() && said.ends_with("8000\n"), "{ending}: {said}");
}

#[test]
fn too_few_open_files_are_an_error_before_anything_is_made() {
    let home = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str]| {
        let (said, ending) = limited(home.path(), "-n 16", arguments, "SELECT 1;\n");
        assert!(said.contains("only 16 files may be open at a time, 32 are needed"), "{said}");
        assert!(said.contains("HINT:  Raise the limit (`ulimit -n`)."), "{said}");
        assert!(!said.contains("damage"), "{said}");
        assert_eq!(ending.to_string(), "exit status 2");
    };
    refused(&["data"]);
    assert!(!home.path().join("data").exists());
    ask(home.path(), "CREATE TABLE t (n integer);").unwrap();
    refused(&["data"]);
    refused(&["check", "data"]);
    assert_eq!(ask(home.path(), "SELECT count(*) FROM t;").unwrap(), "0\n");
}

/// Files no longer than this many KiB: a write beyond ends the process (SIGXFSZ) or fails, as the shell decides. What was
/// acknowledged is there.
#[test]
fn files_that_may_not_grow_lose_nothing() {
    for kilobytes in [300, 700, 2_000] {
        let home = tempfile::tempdir().unwrap();
        let start = "CREATE TABLE t (n integer, v varchar(4000));\n";
        let mut script = start.to_string();
        for n in 0..1_500 {
            let _ = writeln!(script, "INSERT INTO t VALUES ({n}, '{}');\n\\echo done {n}", "z".repeat(3_000));
        }
        let arguments = ["--quiet", "--segment-size", "64kB", "--max-wal-size", "2MB", "data"];
        // `ulimit -f` counts blocks of 512 bytes.
        let limit = format!("-f {}", kilobytes * 2);
        let (said, _) = limited(home.path(), &limit, &arguments, &script);
        let failed = said.find("ERROR:").unwrap_or(said.len());
        let acknowledged = said[..failed].lines().filter(|line| line.starts_with("done ")).count();
        assert!(acknowledged > 0 && acknowledged < 1_500, "{kilobytes} kB: {acknowledged}: {said}");
        let found: usize = ask(home.path(), "SELECT count(*) FROM t;").unwrap().trim().parse().unwrap();
        assert!(found >= acknowledged, "{kilobytes} kB: {found} of {acknowledged}");
        let (said, ending) = run(home.path(), &["check", "data"], "").unwrap();
        assert!(ending.0.success(), "{said}");
    }
}

/// Little address space: an allocation that fails ends the process at worst, and nothing is lost.
#[test]
fn little_memory_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut script = "CREATE TABLE t (n integer PRIMARY KEY, v varchar(4000));\n".to_string();
    for n in 0..500 {
        let _ = writeln!(script, "INSERT INTO t VALUES ({n}, '{}');\n\\echo done {n}", "m".repeat(3_000));
    }
    let _ = writeln!(script, "SELECT {}v FROM t ORDER BY 1;", "v || ".repeat(200));
    let arguments = ["--quiet", "--shared-buffers", "1MB", "data"];
    let (said, _) = limited(home.path(), "-v 200000", &arguments, &script);
    let acknowledged = said.lines().filter(|line| line.starts_with("done ")).count();
    // The last lines may have been on their way when the process ended.
    assert!(acknowledged > 450, "{acknowledged}: {}", &said[..said.len().min(2_000)]);
    assert_eq!(ask(home.path(), "SELECT count(*) FROM t;").unwrap(), "500\n");
}
