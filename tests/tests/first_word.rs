//! `cargo x check` says something within a second, though it may have to build a program first.

use std::fs;
use std::path::Path;

use inox_tests::first_word::must_come_at_once;

#[test]
fn the_first_word_comes_within_a_second() {
    let echo = env!("CARGO_BIN_EXE_echo-repl");
    let commands: [&[&str]; 4] =
        [&["2"], &["2", "--project", "mine"], &["2", "--bin", echo], &["5", "--bin", echo, "--only", "kill"]];
    for command in commands {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("mine")).unwrap();
        fs::write(dir.path().join("mine/Cargo.toml"), "").unwrap();
        must_come_at_once(Path::new(env!("CARGO_BIN_EXE_check-stage")), command, dir.path()).unwrap();
    }
}

#[test]
fn a_silent_tool_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    // It waits for lines and says nothing before one comes.
    fs::create_dir(dir.path().join("data")).unwrap();
    let error = must_come_at_once(Path::new(env!("CARGO_BIN_EXE_echo-repl")), &[], dir.path()).unwrap_err();
    assert!(format!("{error:#}").contains("into a pipe"), "{error:#}");
}
