//! Every command of `cargo x` says something within a second, wherever it is typed.

use std::fs;
use std::path::Path;

use inox_tests::first_word::must_come_at_once;

const COMMANDS: [&[&str]; 22] = [
    &["lineage"],
    &["lineage", "--check"],
    &["forward", "src/lib.rs", "--from", "m5"],
    &["start", "5", "mine"],
    &["solution", "2", "src/wal/mod.rs"],
    &["break", "2"],
    &["break", "2", "no-epoch"],
    &["check", "2"],
    &["check", "2", "--project", "mine"],
    &["crash", "--quick"],
    &["crash", "--nightly"],
    &["crash", "--plant", "no-epoch"],
    &["bench"],
    &["bench", "--growth"],
    &["book"],
    &["book", "serve"],
    &["book", "shell"],
    &["book", "check-repl"],
    &["ci"],
    &["ci", "test"],
    &["ci", "race"],
    &["ci", "standalone"],
];

#[test]
fn the_first_word_comes_within_a_second() {
    for command in COMMANDS {
        let dir = tempfile::tempdir().unwrap();
        must_come_at_once(Path::new(env!("CARGO_BIN_EXE_x")), command, dir.path()).unwrap();
    }
}

/// Before `cargo x` can say anything, cargo may have to compile it.
#[test]
fn the_alias_lets_cargo_say_what_it_compiles() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cargo/config.toml");
    let config = fs::read_to_string(config).unwrap();
    assert!(config.contains("\nx = ") && !config.contains("quiet") && !config.contains("-q"), "{config}");
}
