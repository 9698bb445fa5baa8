//! Disks that take no more: a full one and one that is read-only.
//!
//! Each is a file system of its own, in memory, for which a test must be root on Linux; elsewhere it is skipped.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, iter};

use inox_tests::database::{ask, run, start};
use inox_tests::process::Process;
use tempfile::TempDir;

/// A file system that ends with this value.
struct Disk {
    home: TempDir,
}

impl Disk {
    /// `None` if mounting is not allowed here.
    fn mount(size: &str) -> Option<Disk> {
        let home = tempfile::tempdir().unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], home.path());
        if !mounted {
            eprintln!("skipped: only root may mount a file system");
        }
        mounted.then_some(Disk { home })
    }

    fn path(&self) -> &Path {
        self.home.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

fn mount(arguments: &[&str], place: &Path) -> bool {
    let command = &mut Command::new("mount");
    let status = command.args(arguments).arg(place).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn a_read_only_disk() {
    let Some(disk) = Disk::mount("64m") else { return };
    ask(disk.path(), "CREATE TABLE numbers (n integer);").unwrap();
    assert!(mount(&["-o", "remount,ro"], disk.path()));
    for directory in ["data", "new"] {
        let (said, ending) = run(disk.path(), &[directory], "SELECT 1;").unwrap();
        assert_eq!(ending.to_string(), "exit status 2", "{said}");
        assert!(said.starts_with("inoxdb: ERROR:  could not "), "{said}");
        assert!(said.contains(directory) && said.contains("Read-only file system"), "{said}");
    }
    assert!(mount(&["-o", "remount,rw"], disk.path()));
    assert_eq!(ask(disk.path(), "SELECT count(*) FROM numbers;").unwrap(), "0\n");
}

/// Sends statements and waits for the answers to all of them; what was said.
fn converse(process: &Process, number: u32, script: &str) -> String {
    let (begin, end) = (format!("<{number}>\n"), format!("</{number}>\n"));
    process.send(format!("\\echo '<{number}>'\n{script}\n\\echo '</{number}>'\n"));
    let mut answer = String::new();
    let answered = process.wait_until(|said| {
        let said = String::from_utf8_lossy(said);
        let found = said.split_once(&begin).and_then(|(_, said)| said.split_once(&end));
        answer = found.map(|(answer, _)| answer.to_owned()).unwrap_or_default();
        found.is_some()
    });
    assert!(answered.unwrap(), "the program ended");
    answer
}

#[test]
fn a_full_disk_fails_a_statement_and_nothing_else() {
    let Some(disk) = Disk::mount("80m") else { return };
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 24 << 20]).unwrap();
    let arguments = ["--quiet", "--csv", "-t", "-v", "VERBOSITY=verbose", "--max-wal-size", "16MB", "data"];
    let process = start(disk.path(), &arguments).unwrap();
    let table = "CREATE TABLE texts (n integer, body text);\nINSERT INTO texts VALUES (0, 'abcdefghijklmnopqrstuvwxyz');";
    assert_eq!(converse(&process, 1, table), "");
    let double = "INSERT INTO texts SELECT n + 1, body FROM texts;";
    let mut rows: u64 = 1;
    let mut numbers = 2..;
    let mut say = |script: &str| converse(&process, numbers.next().unwrap(), script);
    let error = iter::repeat_with(|| say(double)).take(24).find(|answer| {
        rows *= if answer.is_empty() { 2 } else { 1 };
        !answer.is_empty()
    });
    let error = error.expect("the disk is never full");
    assert!(error.starts_with("ERROR:  53100: could not "), "{error}");
    let count = "SELECT count(*) FROM texts;";
    assert_eq!(say(count), format!("{rows}\n"));
    let block = say(&format!("BEGIN;\n{double}\nROLLBACK;\n{count}"));
    assert!(block.starts_with("ERROR:  53100: ") && block.ends_with(&format!("\n{rows}\n")), "{block}");
    fs::remove_file(&ballast).unwrap();
    let after = say(&format!("VACUUM;\nINSERT INTO texts VALUES (99, 'there is room');\n{count}"));
    assert_eq!(after, format!("{}\n", rows + 1));
    let (said, ending) = process.finish().unwrap();
    assert!(ending.0.success(), "{ending}: {said}");
    assert_eq!(ask(disk.path(), count).unwrap(), format!("{}\n", rows + 1));
}
