//! The harness itself, tried on a small program whose faults are known.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use inox_tests::kill::{Killed, Load, kill_repeatedly};
use inox_tests::process::{PATIENCE, Process};
use inox_tests::session::Session;
use inox_tests::terminal::Terminal;

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_echo-repl"))
}

fn play(text: &str) -> Result<String> {
    Session::parse(1, Path::new("m1-fake/x.session"), text)?.play(program(), PATIENCE)
}

#[test]
fn a_transcript_shows_input_output_and_errors_in_their_order() {
    let transcript = play("# a remark\nadd one\nfly\nadd two\nlist\ntime\n").unwrap();
    let expected = "\
created DIR/data
add one
ADD
fly
ERROR: unknown command fly
add two
ADD
list
one
two
time
Time: #ms
[exit status 0]
";
    assert_eq!(transcript, expected);
}

#[test]
fn a_restarted_program_finds_what_it_left() {
    let transcript = play("add one\n#! args --shout\n#! restart\nlist\n\\q\n").unwrap();
    let expected = "\
created DIR/data
add one
ADD
[exit status 0]
[started again]
list
ONE
\\q
[exit status 0]
";
    assert_eq!(transcript, expected);
}

#[test]
fn a_killed_program_has_answered_what_it_was_given() {
    let transcript = play("add one\nadd two\n#! kill\nlist\n").unwrap();
    let expected = "\
created DIR/data
add one
ADD
add two
ADD
[killed by signal 9]
[started again]
list
one
two
[exit status 0]
";
    assert_eq!(transcript, expected);
    let lossy = play("#! args --lossy\nadd one\n#! kill\nlist\n").unwrap();
    assert!(lossy.ends_with("[started again]\nlist\n[exit status 0]\n"), "{lossy}");
}

#[test]
fn a_program_that_ends_by_itself_can_be_started_again() {
    let transcript = play("crash\n#! restart\nlist\n").unwrap();
    let expected = "\
created DIR/data
crash
[killed by signal 6]
[started again]
list
[exit status 0]
";
    assert_eq!(transcript, expected);
}

#[test]
fn a_program_that_hangs_is_killed_and_what_it_said_is_shown() {
    let session = Session::parse(1, Path::new("m1-fake/x.session"), "add one\nhang\nlist\n").unwrap();
    let error = session.play(program(), Duration::from_secs(2)).unwrap_err().to_string();
    assert!(error.contains("hangs") && error.contains("add one\nADD\nhang\n"), "{error}");
}

#[test]
fn input_of_any_length_passes_though_the_program_answers_meanwhile() {
    let text: String = (0..20_000).map(|n| format!("add {n}\n")).collect();
    let transcript = play(&format!("{text}list\n")).unwrap();
    assert!(transcript.ends_with("19998\n19999\n[exit status 0]\n"));
}

/// Loads lines `0`, `1`, `2`, …, kills, and counts how many lines are there, which must be the first ones.
fn kill_and_count(arguments: &[&str]) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let load = Load {
        program: program(),
        arguments,
        dir: dir.path(),
        statement: &|number| format!("add {number}\n"),
        is_answer: &|line| line == "ADD",
    };
    let mut rounds = 0;
    kill_repeatedly(&load, 5, 200, 1, |killed: &Killed| {
        rounds = killed.round;
        let process = Process::start(program(), &["data"], dir.path(), PATIENCE)?;
        process.send("list\n");
        let (said, _) = process.finish()?;
        let found = said.lines().filter(|line| line.parse::<u64>().is_ok());
        let mut count = 0;
        for line in found {
            ensure!(line == count.to_string(), "line {count} is {line}");
            count += 1;
        }
        Ok(count)
    })?;
    ensure!(rounds == 5, "there were {rounds} rounds");
    Ok(())
}

#[test]
fn a_program_that_writes_before_it_answers_survives_the_kills() {
    kill_and_count(&["data"]).unwrap();
}

#[test]
fn a_program_that_answers_before_it_writes_is_found_out() {
    let error = format!("{:#}", kill_and_count(&["--lossy", "data"]).unwrap_err());
    assert!(error.contains("statements were answered, 0 are there"), "{error}");
}

#[test]
fn a_load_that_ends_by_itself_is_not_taken_for_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let load = Load {
        program: program(),
        arguments: &["data"],
        dir: dir.path(),
        statement: &|_| "crash\n".to_owned(),
        is_answer: &|line| line == "ADD",
    };
    let error = kill_repeatedly(&load, 50, 200, 1, |_| Ok(0)).unwrap_err();
    assert!(format!("{error:#}").contains("ended by itself"), "{error:#}");
}

#[test]
fn a_terminal_shows_the_prompt_and_what_was_typed() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(program(), &["data"], dir.path(), PATIENCE).unwrap();
    terminal.wait_for_prompt("echo> ").unwrap();
    terminal.type_lines("add one").unwrap();
    terminal.wait_for("ADD").unwrap();
    terminal.wait_for_prompt("echo> ").unwrap();
    terminal.type_lines("list\n\\q").unwrap();
    assert!(terminal.wait_for_end().unwrap());
    let screen = terminal.screen();
    assert!(screen.contains("echo> add one\nADD\n"), "{screen}");
    assert!(screen.contains("\none\n"), "{screen}");
}

#[test]
fn a_terminal_says_what_it_waited_for_in_vain() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(program(), &["data"], dir.path(), Duration::from_secs(2)).unwrap();
    let error = format!("{:#}", terminal.wait_for("Godot").unwrap_err());
    assert!(error.contains("waiting for \"Godot\"") && error.contains("echo>"), "{error}");
}
