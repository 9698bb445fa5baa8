//! What the programs say of their command lines and of the names of files: nothing of it commands a terminal, turns a text
//! around or cannot be seen. What is typed is for the sessions `safe-to-print` and for the fuzz target `screen`.
#![cfg(unix)]

use std::fs;
use std::path::Path;

use inox_tests::process::{PATIENCE, Process};
use inox_tests::stages;

/// Part of an option, of a directory's name, of a value.
const ODD: &str = "x\u{1b}[31m\u{202e}\u{200b}\u{85}y";

/// How the end of it is printed. (clap leaves out what begins like a colour.)
const SHOWN: &str = "\\u202E\\u200B\\u0085y";

fn try_arguments(stage: u32, home: &Path, arguments: &[&str], status: i32) {
    let program = stages::program(stage).unwrap();
    let (said, ending) = Process::start(program, arguments, home, PATIENCE).unwrap().finish().unwrap();
    assert!(said.contains(SHOWN), "m{stage}, {arguments:?}: {said:?}");
    let is_odd = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{200b}'));
    assert!(!said.contains(is_odd), "m{stage}, {arguments:?}: {said:?}");
    assert_eq!(ending.0.code(), Some(status), "m{stage}, {arguments:?}: {said:?}");
}

#[test]
fn what_is_said_of_arguments_is_safe_to_print() {
    for stage in 1..=5 {
        let home = tempfile::tempdir().unwrap();
        let with = |before: &str| format!("{before}{ODD}");
        let run = |arguments: &[&str], status| try_arguments(stage, home.path(), arguments, status);
        run(&[&with("--")], 2);
        run(&["data", &with("another")], 2);
        run(&["check", &with("nowhere")], 2);
        // Made, and then open to others.
        run(&[&with("new")], 0);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(home.path().join(with("new")), mode).unwrap();
        run(&[&with("new")], 0);
        fs::create_dir(home.path().join(with("foreign"))).unwrap();
        fs::write(home.path().join(with("foreign")).join(with("file")), "years of work").unwrap();
        run(&[&with("foreign")], 2);
        if stage >= 3 {
            run(&["--shared-buffers", ODD, "data"], 2);
        }
        if stage == 5 {
            run(&["-f", ODD, "data"], 1);
            run(&["-v", &with("ECHO="), "data"], 1);
            run(&["-P", &with("format"), "data"], 1);
            run(&["-c", &with("\\nonsense"), "data"], 1);
            run(&["-c", &with("SELECT 1 "), "--csv", "data"], 1);
        }
    }
}
