//! The race says something within a second, whatever it measures.

use std::path::Path;

use inox_tests::first_word::must_come_at_once;

/// Not the race itself: the test would end it while it starts a server.
const COMMANDS: [&[&str]; 3] = [&["--stages", "--quick"], &["--growth"], &["--instructions"]];

#[test]
fn the_first_word_comes_within_a_second() {
    let program = env!("CARGO_BIN_EXE_inox-bench");
    for command in COMMANDS {
        let dir = tempfile::tempdir().unwrap();
        // What is measured comes later; any program with a version will do.
        let arguments = [command, &["--directory", "race", "--program", program]].concat();
        must_come_at_once(Path::new(program), &arguments, dir.path()).unwrap();
    }
}
