//! What a person's hands do with a shell, in all milestones: lines that come in one burst. And with that of milestone 5:
//! Ctrl-C wherever it may come, `-c`, the Tab key, the words by which people look for the way out.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;
use inox_tests::database::{ask, program, start};
use inox_tests::process::PATIENCE;
use inox_tests::stages;
use inox_tests::terminal::Terminal;

const PROMPT: &str = "inox> ";

fn terminal(program: &Path, home: &Path) -> Terminal {
    let mut terminal = Terminal::start(program, &["data"], home, PATIENCE).unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    terminal
}

#[test]
fn lines_that_come_in_one_burst_are_all_read() {
    for stage in 1..=5 {
        let home = tempfile::tempdir().unwrap();
        let mut terminal = terminal(stages::program(stage).unwrap(), home.path());
        let (lines, answer) = if stage < 5 {
            ("create t (a integer)\rinsert t (1), (2)\rscan t\r", "(2 rows)")
        } else {
            ("CREATE TABLE t (a integer);\rINSERT INTO t VALUES (1),\r (2);\rSELECT * FROM t;\r", "(2 rows)")
        };
        terminal.press(lines).unwrap();
        terminal.wait_for(answer).unwrap();
        terminal.wait_for_prompt(PROMPT).unwrap();
    }
}

#[test]
fn a_pasted_statement_keeps_its_second_line() {
    let home = tempfile::tempdir().unwrap();
    ask(home.path(), "CREATE TABLE t (a integer); INSERT INTO t VALUES (1), (12);").unwrap();
    let mut terminal = terminal(program().unwrap(), home.path());
    terminal.press("DELETE FROM t\r WHERE a = 12;\r;\r").unwrap();
    terminal.wait_for("DELETE 1").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    assert_eq!(count(terminal), "1");
}

/// Asks for the number of rows of `t` in the terminal itself.
fn count(mut terminal: Terminal) -> String {
    terminal.enter("SELECT 'rows: ' || count(*) FROM t;").unwrap();
    terminal.wait_for("│ rows: ").unwrap();
    let screen = terminal.screen();
    screen.rsplit("│ rows: ").next().unwrap().split_whitespace().next().unwrap().to_owned()
}

/// What a terminal sends in place of keys if a program has asked for it.
fn pasted(text: &str) -> String {
    format!("\x1b[200~{text}\x1b[201~")
}

#[test]
fn what_is_pasted_in_one_piece_is_read_line_by_line() {
    for stage in 1..5 {
        let home = tempfile::tempdir().unwrap();
        let mut terminal = terminal(stages::program(stage).unwrap(), home.path());
        terminal.press(&pasted("create t (a integer)\ninsert t (1), (2)\nscan t")).unwrap();
        terminal.press("\r").unwrap();
        terminal.wait_for("(2 rows)").unwrap();
    }
    let home = tempfile::tempdir().unwrap();
    let mut terminal = terminal(program().unwrap(), home.path());
    let script =
        "CREATE TABLE t (a integer, b text);\nCOPY t FROM stdin;\n1\ta b\n2\tc\n\\.\nSELECT b || '/' FROM t;";
    terminal.press(&pasted(script)).unwrap();
    terminal.press("\r").unwrap();
    terminal.wait_for("│ a b/").unwrap();
    terminal.wait_for("(2 rows)").unwrap();
}

#[test]
fn the_tab_key_enters_a_tab_in_data_and_completes_words_in_statements() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = terminal(program().unwrap(), home.path());
    terminal
        .press("CREATE TABLE employees (id integer, salary integer);\rCOPY employees FROM stdin;\r")
        .unwrap();
    terminal.wait_for_prompt(">> ").unwrap();
    terminal.press("1\t95000\r2\t65000\r\\.\r").unwrap();
    terminal.wait_for("COPY 2").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    terminal.press("sel\t sal\t from empl\t;").unwrap();
    terminal.wait_for("select salary from employees;").unwrap();
    terminal.press("\r").unwrap();
    terminal.wait_for("(2 rows)").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    // Indented lines, as they are pasted.
    terminal.press("SELECT 'a\tb' AS x\r\t, 5;\r").unwrap();
    terminal.wait_for("│ 5 ").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    terminal.press("\\tim\t").unwrap();
    terminal.wait_for("\\timing").unwrap();
}

#[test]
fn the_tab_key_enters_a_tab_in_small_commands() {
    for stage in 1..5 {
        let home = tempfile::tempdir().unwrap();
        let mut terminal = terminal(stages::program(stage).unwrap(), home.path());
        terminal.press("create\tt\t(a text)\rinsert t ('x\ty')\rscan t\r").unwrap();
        terminal.wait_for("│ x       y │").unwrap();
    }
}

#[test]
fn exit_quit_and_help_are_understood_on_a_fresh_line() {
    for word in ["exit", "quit;", "EXIT ; "] {
        let home = tempfile::tempdir().unwrap();
        let mut terminal = terminal(program().unwrap(), home.path());
        terminal.press(&format!("{word}\r")).unwrap();
        assert!(terminal.wait_for_end().unwrap(), "{word}");
        assert!(terminal.screen().ends_with("\nGoodbye!\n"), "{}", terminal.screen());
    }
    let home = tempfile::tempdir().unwrap();
    let mut terminal = terminal(program().unwrap(), home.path());
    terminal.enter("help").unwrap();
    terminal.wait_for("You are using InoxDB").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    terminal.enter("SELECT 5 AS").unwrap();
    terminal.wait_for_prompt("inox-> ").unwrap();
    terminal.enter("exit").unwrap();
    terminal.wait_for("Use \\q to quit.").unwrap();
    terminal.wait_for_prompt("inox-> ").unwrap();
    terminal.enter(", '").unwrap();
    terminal.wait_for_prompt("inox'> ").unwrap();
    terminal.enter("quit").unwrap();
    terminal.wait_for("Use control-D to quit.").unwrap();
    terminal.enter("' AS text;").unwrap();
    terminal.wait_for("│ exit │ text").unwrap();
}

/// A table `numbers` of 2^20 rows.
fn with_numbers(home: &Path) {
    let doublings = "INSERT INTO numbers SELECT n + 1 FROM numbers;\n".repeat(20);
    let script = format!(
        "CREATE TABLE numbers (n integer); INSERT INTO numbers VALUES (0);\n{doublings}CREATE TABLE t (a integer);"
    );
    ask(home, &script).unwrap();
}

#[test]
fn control_c_stops_a_result_that_is_being_drawn_and_forgets_what_was_typed_ahead() {
    let home = tempfile::tempdir().unwrap();
    with_numbers(home.path());
    let mut terminal = terminal(program().unwrap(), home.path());
    terminal.press("SELECT n, 'x' AS y FROM numbers;\rINSERT INTO t VALUES (1);\r").unwrap();
    terminal.wait_for("│ x │").unwrap();
    let start = Instant::now();
    terminal.press("\x03").unwrap();
    terminal.wait_for("ERROR:  canceling statement due to user request").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(!terminal.screen().contains("(1048576 rows)"));
    // A clean screen.
    terminal.press("\x0c").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    assert_eq!(count(terminal), "0");
}

#[test]
fn control_c_stops_a_script_and_not_the_session() {
    let home = tempfile::tempdir().unwrap();
    with_numbers(home.path());
    let script = "SELECT 'begun';\nUPDATE numbers SET n = n + 1;\nINSERT INTO t VALUES (1);\n";
    std::fs::write(home.path().join("inner.sql"), script).unwrap();
    std::fs::write(home.path().join("outer.sql"), "\\i inner.sql\nINSERT INTO t VALUES (2);\n").unwrap();
    let mut terminal = terminal(program().unwrap(), home.path());
    terminal.enter("\\i outer.sql").unwrap();
    terminal.wait_for("│ begun").unwrap();
    terminal.press("\x03").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    assert!(
        terminal.screen().contains("ERROR:  canceling statement due to user request"),
        "{}",
        terminal.screen()
    );
    assert_eq!(count(terminal), "0");
}

/// Sends the signal that Ctrl-C sends; how long the program then takes to end, and its exit status.
fn interrupted(process: inox_tests::process::Process) -> Result<(Duration, Option<i32>, String)> {
    let start = Instant::now();
    Command::new("kill").args(["-INT", &process.id().to_string()]).status()?;
    let ended = process.wait_until(|_| false)?;
    assert!(!ended);
    let time = start.elapsed();
    let (said, ending) = process.finish()?;
    Ok((time, ending.0.code(), said))
}

/// Much more than it takes, on a machine that is busy with other tests.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
#[cfg(unix)]
fn an_interrupt_ends_a_program_that_reads_a_script() {
    let home = tempfile::tempdir().unwrap();
    with_numbers(home.path());
    // What is committed is told at once.
    let begun = |said: &[u8]| String::from_utf8_lossy(said).contains("INSERT 1");
    let first = "INSERT INTO t VALUES (1);\n";
    let many = first.repeat(400_000);
    std::fs::write(home.path().join("long.sql"), &many).unwrap();
    let (long, never) = ("UPDATE numbers SET n = n + 1", "INSERT INTO t VALUES (-1)");
    let long_script = format!("{first}{long};\n{never};\n");
    let data_script = format!("{first}COPY t FROM stdin;\n1\n");
    let long_data = format!("{data_script}{}", "1\n".repeat(1_000_000));
    let shown_script = format!("{first}SELECT n FROM numbers;\n{never};\n");
    for (arguments, script, status) in [
        // Between statements, in a statement, where input is waited for, in data, in a result.
        (vec!["data"], many.as_str(), 3),
        (vec!["-f", "long.sql", "-c", never, "data"], "", 3),
        (vec!["data"], &long_script, 3),
        (vec!["-c", first, "-c", long, "-c", never, "data"], "", 1),
        (vec!["data"], first, 3),
        (vec!["data"], &data_script, 3),
        (vec!["-c", first, "-c", "COPY t FROM stdin", "data"], "1\n", 1),
        (vec!["data"], &long_data, 3),
        (vec!["data"], &shown_script, 3),
    ] {
        let process = start(home.path(), &arguments).unwrap();
        process.send(script);
        assert!(process.wait_until(begun).unwrap(), "{arguments:?}");
        std::thread::sleep(Duration::from_millis(20));
        let (time, code, said) = interrupted(process).unwrap();
        assert_eq!(code, Some(status), "{arguments:?} {said}");
        assert!(time < AT_ONCE, "{arguments:?} took {time:?}");
    }
    let left = ask(home.path(), "SELECT count(*) FROM t WHERE a = -1; SELECT sum(n) FROM numbers;").unwrap();
    assert_eq!(left, "0\n10485760\n");
}

/// What the program says, called with these arguments, and its exit status.
fn called(home: &Path, arguments: &[&str], input: &str) -> (String, Option<i32>) {
    let process = start(home, &[arguments, &["data"]].concat()).unwrap();
    process.send(input);
    let (said, ending) = process.finish().unwrap();
    (said, ending.0.code())
}

#[test]
fn what_one_c_says_is_one_transaction_that_ends_at_the_first_error() {
    let home = tempfile::tempdir().unwrap();
    ask(home.path(), "CREATE TABLE t (a integer);").unwrap();
    let all = |expected: &str| {
        assert_eq!(ask(home.path(), "SELECT a FROM t ORDER BY a;").unwrap(), expected.replace(' ', "\n"));
        ask(home.path(), "DELETE FROM t;").unwrap();
    };
    let call = |arguments: &[&str]| called(home.path(), &[&["-qt", "--csv"], arguments].concat(), "");
    let (said, code) = called(
        home.path(),
        &["-c", "insert into t values (1); insert into t values ('x'); insert into t values (3)"],
        "",
    );
    assert_eq!(
        said,
        "INSERT 1\nERROR:  invalid input syntax for type integer: \"x\"\n\
         LINE 1: insert into t values (1); insert into t values ('x'); insert...\n\
         \x20                                                       ^\n"
    );
    assert_eq!(code, Some(1));
    all("");
    // A syntax error anywhere, and nothing is done.
    let (said, code) = call(&["-c", "insert into t values (1); selec 2"]);
    assert!(said.starts_with("ERROR:  syntax error at or near \"selec\"\n"), "{said}");
    assert_eq!(code, Some(1));
    all("");
    // Blocks begun and ended within it, with the warnings of PostgreSQL.
    let (said, code) = call(&[
        "-c",
        "insert into t values (20); commit; insert into t values (21); select 1/0",
        "-c",
        "select 5",
    ]);
    assert_eq!(said, "WARNING:  there is no transaction in progress\nERROR:  division by zero\n5\n");
    assert_eq!(code, Some(0));
    all("20 ");
    call(&[
        "-c",
        "begin; insert into t values (7); commit; insert into t values (8); select 1/0; insert into t values (9)",
    ]);
    all("7 ");
    call(&[
        "-c",
        "insert into t values (10); begin; insert into t values (11); rollback; insert into t values (12)",
    ]);
    all("12 ");
    call(&["-c", "insert into t values (30); rollback; insert into t values (31)"]);
    all("31 ");
    assert_eq!(
        call(&["-c", "begin; insert into t values (6)", "-c", "select * from t", "-c", "rollback"]).0,
        "6\n"
    );
    all("");
    assert_eq!(call(&["-c", "vacuum t"]), (String::new(), Some(0)));
    for text in ["vacuum t; select 1", "begin; commit; vacuum t"] {
        let refused = "ERROR:  VACUUM cannot run inside a transaction block\n";
        assert_eq!(call(&["-c", text]), (refused.to_string(), Some(1)), "{text}");
    }
    // Neither variables nor commands in the middle: what is sent is what stands there.
    for text in ["select :x", "select 1; \\echo a", " \\echo b"] {
        assert!(call(&["-v", "x=3", "-c", text]).0.starts_with("ERROR:  syntax error"), "{text}");
    }
    assert_eq!(call(&["-v", "x=3", "-c", "\\echo :x \\\\ select 7;"]), ("3\n".to_string(), Some(0)));
    // Data for each COPY, in their order.
    let copies = ["-qt", "--csv", "-c", "copy t from stdin; copy t from stdin", "-c", "copy t from stdin"];
    assert_eq!(called(home.path(), &copies, "1\n\\.\n2\n\\.\n3\n"), (String::new(), Some(0)));
    all("1 2 3 ");
    for nothing in ["", "  ", ";", "-- c"] {
        assert_eq!(call(&["-c", nothing]), (String::new(), Some(0)), "{nothing:?}");
    }
}

#[test]
fn variables_that_are_not_obeyed_are_refused_on_the_command_line_too() {
    let home = tempfile::tempdir().unwrap();
    let call = |arguments: &[&str]| called(home.path(), &[&["-qt", "--csv"], arguments].concat(), "");
    let (said, code) = call(&["-v", "ON_ERROR_ROLLBACK=on", "-c", "select 1"]);
    assert!(said.contains("setting the variable ON_ERROR_ROLLBACK is not supported"), "{said}");
    assert_eq!(code, Some(1));
    assert_eq!(call(&["-v", "ECHO=queries", "-c", "select 1"]).0, "select 1\n1\n");
    call(&["-c", "create table t (a integer)"]);
    call(&["-v", "AUTOCOMMIT=off", "-c", "insert into t values (1)", "-c", "select 1"]);
    assert_eq!(call(&["-c", "select count(*) from t"]).0, "0\n");
    call(&["-v", "AUTOCOMMIT=off", "-c", "insert into t values (1); commit"]);
    assert_eq!(call(&["-c", "select count(*) from t"]).0, "1\n");
}

#[test]
fn without_autocommit_a_statement_outside_of_a_block_begins_one() {
    let home = tempfile::tempdir().unwrap();
    ask(home.path(), "CREATE TABLE t (a integer);").unwrap();
    let said = |script: &str| called(home.path(), &["-t", "--csv"], script).0;
    let script = "\\set AUTOCOMMIT off\nINSERT INTO t VALUES (1);\nROLLBACK;\nSELECT count(*) FROM t;\nVACUUM;\nCOMMIT;\n\
                  VACUUM;\n/* a */ COMMIT;\nINSERT INTO t VALUES (2);\nCOMMIT;\nINSERT INTO t VALUES (3) \\; SELECT 1/0;\n\
                  ROLLBACK;\nINSERT INTO t VALUES (4);\n";
    assert_eq!(
        said(script),
        "INSERT 1\nROLLBACK\n0\nERROR:  VACUUM cannot run inside a transaction block\nROLLBACK\nVACUUM\n\
         WARNING:  there is no transaction in progress\nCOMMIT\nINSERT 1\nCOMMIT\nINSERT 1\nERROR:  division by zero\n\
         ROLLBACK\nINSERT 1\n"
    );
    assert_eq!(ask(home.path(), "SELECT a FROM t;").unwrap(), "2\n");
    let script = "\\unset AUTOCOMMIT\n\\echo :AUTOCOMMIT\n\\set AUTOCOMMIT\n\\echo :AUTOCOMMIT\n\\set AUTOCOMMIT perhaps\n";
    assert_eq!(
        said(script),
        "off\non\nunrecognized value \"perhaps\" for \"AUTOCOMMIT\": Boolean expected\n"
    );
    let home = tempfile::tempdir().unwrap();
    let mut terminal = terminal(program().unwrap(), home.path());
    terminal.enter("\\set AUTOCOMMIT off").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    terminal.enter("CREATE TABLE t (a integer);").unwrap();
    terminal.wait_for_prompt("inox*> ").unwrap();
}

#[test]
fn a_result_goes_to_another_program_and_variables_are_listed() {
    let home = tempfile::tempdir().unwrap();
    let script = "SELECT 3 AS n \\g |tr 3 X\nSELECT 4 \\g nowhere/answer\n\\set fruit 'pear'\n\\set\n";
    let said = called(home.path(), &["-t", "--csv"], script).0;
    assert!(said.contains("\nX\nERROR:  nowhere/answer: No such file or directory\n"), "{said}");
    assert!(said.contains("AUTOCOMMIT = 'on'\n") && said.ends_with("fruit = 'pear'\n"), "{said}");
}

#[test]
fn echo_is_psqls() {
    let home = tempfile::tempdir().unwrap();
    let script = "\\set ECHO queries\nselect 1;\n\\echo x\nselect 2\\g\n\\set ECHO errors\nselect 3;\nselect 1/0;\n\
                  \\set ECHO loudly\n\\unset ECHO\n\\echo :ECHO\n\\set ECHO all\nselect 4;\n\n\\echo y\n";
    assert_eq!(
        called(home.path(), &["-qt", "--csv"], script).0,
        "select 1;\n1\nx\nselect 2\n2\n3\nERROR:  division by zero\nSTATEMENT:  select 1/0;\n\
         unrecognized value \"loudly\" for \"ECHO\"\nAvailable values are: none, errors, queries, all.\n\
         none\nselect 4;\n4\n\\echo y\ny\n"
    );
}

#[test]
fn nothing_that_reads_input_is_held_up_by_an_end_of_input() {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(program().unwrap());
    let child =
        child.args(["-qt", "--csv", "data"]).current_dir(home.path()).stdin(Stdio::null()).output().unwrap();
    assert!(child.status.success());
}
