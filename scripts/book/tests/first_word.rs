//! The builder of the book says something within a second, whatever it has to do.

use std::path::Path;

use inox_tests::first_word::must_come_at_once;

const COMMANDS: [&[&str]; 6] =
    [&[], &["--repl"], &["serve", "--port", "0"], &["shell"], &["check-repl"], &["coverage"]];

#[test]
fn the_first_word_comes_within_a_second() {
    for command in COMMANDS {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("built").display().to_string();
        let arguments = [&["--out", &out], command].concat();
        must_come_at_once(Path::new(env!("CARGO_BIN_EXE_inox-book")), &arguments, dir.path()).unwrap();
    }
}
