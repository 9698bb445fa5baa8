//! Two databases that the same commands have made, in every milestone: their files have the same names, lengths and numbers,
//! and a file of one in the other is an error that names it. And a log whose end somebody has taken away.

use std::fs;
use std::path::{Path, PathBuf};

use inox_tests::process::{PATIENCE, Process};
use inox_tests::stages;
use tempfile::TempDir;

const PAGE: usize = 8192;

fn start(stage: u32, home: &Path, arguments: &[&str]) -> Process {
    Process::start(stages::program(stage).unwrap(), arguments, home, PATIENCE).unwrap()
}

/// What makes a table of two pages, says so, and makes it durable.
fn script(stage: u32) -> String {
    let word = "w".repeat(3000);
    let rows: Vec<String> = (1..=4).map(|n| format!("({n}, '{word}')")).collect();
    let rows = rows.join(", ");
    match stage {
        1 => format!("create t (n integer, word text)\ninsert t {rows}\nsync\n"),
        5 => format!("CREATE TABLE t (n integer, word text);\nINSERT INTO t VALUES {rows};\n"),
        _ => format!("create t (n integer, word text)\ninsert t {rows}\n"),
    }
}

/// The directories `data` of two databases, each ended in order, or killed.
struct Twins {
    homes: [TempDir; 2],
    stage: u32,
}

impl Twins {
    fn new(stage: u32, is_killed: bool) -> Twins {
        let homes = [(); 2].map(|()| {
            let home = tempfile::tempdir().unwrap();
            let process = start(stage, home.path(), &["data"]);
            process.send(script(stage));
            if is_killed {
                let is_done = |said: &[u8]| String::from_utf8_lossy(said).contains("INSERT ");
                assert!(process.wait_until(is_done).unwrap());
                process.kill().unwrap();
            } else {
                process.finish().unwrap();
            }
            home
        });
        Twins { homes, stage }
    }

    fn path(&self, which: usize, name: &str) -> PathBuf {
        self.homes[which].path().join("data").join(name)
    }

    /// Puts a file of the second database into the first.
    fn exchange(&self, name: &str) {
        fs::copy(self.path(1, name), self.path(0, name)).unwrap();
    }

    /// What the check of the first says, and what its table answers.
    fn answers(&self) -> [String; 2] {
        let said = |arguments: &[&str], script: &str| {
            let process = start(self.stage, self.homes[0].path(), arguments);
            process.send(script);
            let (said, _) = process.finish().unwrap();
            assert!(!said.contains("panicked"), "{said}");
            said
        };
        let read = if self.stage == 5 { "SELECT n FROM t;\n" } else { "scan t\n" };
        [said(&["check", "data"], ""), said(&["data"], read)]
    }

    fn assert_told(&self, words: &str) {
        for said in self.answers() {
            assert!(said.contains(words), "m{}: {words:?} is not in:\n{said}", self.stage);
        }
    }
}

#[test]
fn a_data_file_and_a_page_of_another_database() {
    for stage in 1..=5 {
        let twins = Twins::new(stage, false);
        let [sound, _] = twins.answers();
        assert!(sound.ends_with(": no problems found\n"), "m{stage}: {sound}");
        let (from, to) = (twins.path(1, "base/16384"), twins.path(0, "base/16384"));
        let (own, mut mixed) = (fs::read(&to).unwrap(), fs::read(&to).unwrap());
        mixed[PAGE..2 * PAGE].copy_from_slice(&fs::read(from).unwrap()[PAGE..2 * PAGE]);
        assert!(own != mixed, "m{stage}: the pages are the same");
        fs::write(to, mixed).unwrap();
        twins.assert_told("page 1 of file \"base/16384\": the checksum is");
        twins.exchange("base/16384");
        twins.assert_told("page 0 of file \"base/16384\": the checksum is");
        let [_, said] = twins.answers();
        assert!(
            said.contains("The page is damaged, misplaced or from another database."),
            "m{stage}: {said}"
        );
    }
}

#[test]
fn a_segment_and_a_control_file_of_another_database() {
    for stage in 2..=5 {
        for is_killed in [false, true] {
            for name in ["wal/0000000000000001", "control"] {
                let twins = Twins::new(stage, is_killed);
                twins.exchange(name);
                twins.assert_told(&format!("file \"{name}\": belongs to database "));
            }
            // All but the format file, and the format file alone: the same.
            let twins = Twins::new(stage, is_killed);
            twins.exchange("inoxdb.format");
            twins.assert_told("file \"control\": belongs to database ");
        }
    }
}

/// Commits that were all acknowledged before the process was killed; then the log is zeros from its middle on.
fn beheaded(shared_buffers: &str) -> Twins {
    let twins = Twins::new(5, false);
    let arguments = ["--quiet", "--shared-buffers", shared_buffers, "data"];
    let process = start(5, twins.homes[0].path(), &arguments);
    let word = "x".repeat(1000);
    for n in 0..400 {
        process.send(format!("INSERT INTO t VALUES ({n}, '{word}');\n"));
    }
    // Late changes of early pages, and a few more rows, so that these pages are written.
    process.send("DELETE FROM t WHERE n < 50;\n");
    for n in 400..550 {
        process.send(format!("INSERT INTO t VALUES ({n}, '{word}');\n"));
    }
    process.send("\\echo here\n");
    assert!(process.wait_until(|said| said.ends_with(b"here\n")).unwrap());
    process.kill().unwrap();
    let path = twins.path(0, "wal/0000000000000001");
    let mut log = fs::read(&path).unwrap();
    let owner = log.len() - 8;
    let used = log[..owner].iter().rposition(|byte| *byte != 0).unwrap();
    log[used / 2..owner].fill(0);
    fs::write(path, log).unwrap();
    twins
}

#[test]
fn a_log_that_lost_its_end_is_noticed_by_the_pages_that_are_newer() {
    // There is so little memory that pages have gone to their files before the kill.
    beheaded("128kB").assert_told(", from behind the log's end");
    // All of what is lost was in memory: the check has no more to go by than recovery. The book says so.
    let [report, _] = beheaded("128MB").answers();
    assert!(report.ends_with(": no problems found\n"), "{report}");
}

#[test]
fn a_page_that_replay_would_begin_anew_is_looked_at_before() {
    let twins = beheaded("128kB");
    let [report, _] = twins.answers();
    // What is left of the log has all of this page, and the one in the file is newer.
    assert!(report.contains("page 3 of file \"base/16384\": has LSN 0/"), "{report}");
}
