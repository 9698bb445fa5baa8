//! The crash run says something within a second, whatever it tries.

use std::path::Path;

use inox_tests::first_word::must_come_at_once;

const COMMANDS: [&[&str]; 4] = [
    &["--quick"],
    &["--share", "4", "planted"],
    &["--plant", "no-epoch"],
    &["--replay", "m5,split,137,coin:1"],
];

#[test]
fn the_first_word_comes_within_a_second() {
    for command in COMMANDS {
        let dir = tempfile::tempdir().unwrap();
        must_come_at_once(Path::new(env!("CARGO_BIN_EXE_inox-crash")), command, dir.path()).unwrap();
    }
}
