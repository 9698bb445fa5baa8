//! Milestone 5 at a terminal: the series' demo session, word for word, and what a person's hands do.

use std::path::Path;
use std::thread;
use std::time::Duration;

use inox_tests::database::{ask, program};
use inox_tests::process::PATIENCE;
use inox_tests::terminal::Terminal;
use regex::Regex;

const PROMPT: &str = "inox> ";

/// What the screen shows, from the program's start to its end.
const DEMO: &str = r#"Created data directory "./inoxdb-data"
InoxDB v0.1.0 (PostgreSQL-inspired database)

Type \h for help, \q to quit

inox> CREATE TABLE employees (
  id INTEGER PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  department VARCHAR(50),
  salary INTEGER,
  active BOOLEAN DEFAULT true
);
CREATE TABLE
Time: 12ms

inox> INSERT INTO employees (id, name, department, salary, active) VALUES
  (1, 'Alice Johnson', 'Engineering', 95000, true),
  (2, 'Bob Smith', 'Sales', 65000, true),
  (3, 'Charlie Brown', 'Engineering', 85000, false);
INSERT 3
Time: 8ms

inox> SELECT name, salary FROM employees
  WHERE department = 'Engineering' AND active = true
  ORDER BY salary DESC;
┌───────────────┬────────┐
│ name          │ salary │
├───────────────┼────────┤
│ Alice Johnson │ 95000  │
└───────────────┴────────┘
(1 row)
Time: 3ms

inox> \d employees
Table "employees"
┌────────────┬──────────────┬──────────┐
│ Column     │ Type         │ Nullable │
├────────────┼──────────────┼──────────┤
│ id         │ INTEGER      │ NOT NULL │
│ name       │ VARCHAR(100) │ NOT NULL │
│ department │ VARCHAR(50)  │ NULL     │
│ salary     │ INTEGER      │ NULL     │
│ active     │ BOOLEAN      │ NULL     │
└────────────┴──────────────┴──────────┘
Indexes:
    "employees_pkey" PRIMARY KEY (id)

inox> \q
Goodbye!
"#;

const AGAIN: &str = r#"InoxDB v0.1.0 (PostgreSQL-inspired database)

Type \h for help, \q to quit

inox> SELECT id, name, active FROM employees ORDER BY id;
┌────┬───────────────┬────────┐
│ id │ name          │ active │
├────┼───────────────┼────────┤
│ 1  │ Alice Johnson │ t      │
│ 2  │ Bob Smith     │ t      │
│ 3  │ Charlie Brown │ f      │
└────┴───────────────┴────────┘
(3 rows)
Time: 3ms

inox> \q
Goodbye!
"#;

fn terminal(home: &Path, arguments: &[&str]) -> Terminal {
    let mut terminal = Terminal::start(program().unwrap(), arguments, home, PATIENCE).unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    terminal
}

/// Types what a transcript shows at the prompt, and compares the screen with the transcript.
fn replay(home: &Path, transcript: &str) {
    let mut terminal = terminal(home, &[]);
    let mut in_statement = false;
    for line in transcript.lines() {
        let typed = match line.strip_prefix(PROMPT) {
            Some(typed) => typed,
            None if in_statement => line,
            None => continue,
        };
        terminal.wait_for_turn("inox").unwrap();
        terminal.enter(typed).unwrap();
        in_statement = !typed.ends_with(';') && !typed.starts_with('\\');
    }
    assert!(terminal.wait_for_end().unwrap());
    assert_eq!(normalised(&terminal.screen()), normalised(transcript));
}

/// Without the prompts of continued lines, which are the program's own affair, and without the times.
fn normalised(screen: &str) -> String {
    let screen = Regex::new(r"(?m)^inox[^> ]> ?").unwrap().replace_all(screen, "");
    Regex::new(r"Time: [0-9.]+ms").unwrap().replace_all(&screen, "Time: #ms").into_owned()
}

#[test]
fn the_demo_session_and_a_second_start_where_the_rows_are_there() {
    let home = tempfile::tempdir().unwrap();
    replay(home.path(), DEMO);
    assert!(home.path().join("inoxdb-data").is_dir());
    replay(home.path(), AGAIN);
}

#[test]
fn control_c_at_the_prompt_abandons_what_was_typed() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = terminal(home.path(), &["data"]);
    terminal.press("SELECT 'never' || 'seen';").unwrap();
    terminal.wait_for("'seen';").unwrap();
    terminal.press("\x03").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    terminal.enter("SELECT 'un' || 'finished'").unwrap();
    terminal.wait_for_prompt("inox-> ").unwrap();
    terminal.press("\x03").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    terminal.enter("SELECT 'well' || 'done';").unwrap();
    terminal.wait_for("│ welldone │").unwrap();
    terminal.wait_for_prompt(PROMPT).unwrap();
    let screen = terminal.screen();
    assert!(!screen.contains("neverseen") && !screen.contains("unfinished"), "{screen}");
}

#[test]
fn control_d_ends_the_session_and_forgets_an_unfinished_statement() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = terminal(home.path(), &["data"]);
    terminal.enter("CREATE TABLE unfinished (id integer)").unwrap();
    terminal.wait_for_prompt("inox-> ").unwrap();
    terminal.press("\x04").unwrap();
    assert!(terminal.wait_for_end().unwrap());
    assert!(terminal.screen().ends_with("\nGoodbye!\n"), "{}", terminal.screen());
    assert_eq!(
        ask(home.path(), "SELECT count(*) FROM pg_class WHERE relname = 'unfinished';").unwrap(),
        "0\n"
    );
}

#[test]
fn control_c_cancels_a_statement_and_the_session_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let doublings = "INSERT INTO numbers SELECT n + 1 FROM numbers;\n".repeat(20);
    ask(
        home.path(),
        &format!("CREATE TABLE numbers (n integer); INSERT INTO numbers VALUES (0);\n{doublings}"),
    )
    .unwrap();
    let mut terminal = terminal(home.path(), &["data"]);
    let long_ones = [
        "INSERT INTO numbers SELECT n + 1 FROM numbers;",
        "UPDATE numbers SET n = n + 100;",
        "DELETE FROM numbers;",
    ];
    for statement in long_ones {
        terminal.enter(statement).unwrap();
        thread::sleep(Duration::from_millis(50));
        terminal.press("\x03").unwrap();
        terminal.wait_for_prompt(PROMPT).unwrap();
        let screen = terminal.screen();
        let answer = screen.split(statement).nth(1).unwrap();
        assert!(answer.contains("ERROR:  canceling statement due to user request"), "{screen}");
        terminal.enter("SELECT 'rows: ' || count(*), 'sum: ' || sum(n) FROM numbers;").unwrap();
        terminal.wait_for("(1 row)").unwrap();
        terminal.wait_for_prompt(PROMPT).unwrap();
        assert!(terminal.screen().contains("rows: 1048576 │ sum: 10485760 "), "{}", terminal.screen());
        // Ctrl-L: a clean screen, so that each answer is seen for itself.
        terminal.press("\x0c").unwrap();
        terminal.wait_for_prompt(PROMPT).unwrap();
    }
    terminal.enter("\\q").unwrap();
    assert!(terminal.wait_for_end().unwrap());
}

#[test]
fn nothing_that_is_typed_ends_the_session() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = terminal(home.path(), &["data"]);
    let slips = [
        "SELEKT 1;",
        "quit_now;",
        "\\quit_now",
        "\\d nobody",
        "SELECT 1/0;",
        "\\i nowhere.sql",
        "SELECT ~§ü€;",
        "COMMIT;",
        ";",
        "\\",
        "\\page",
    ];
    for slip in slips {
        terminal.enter(slip).unwrap();
        terminal.wait_for_prompt(PROMPT).unwrap();
    }
    terminal.enter("SELECT 'still ' || 'here';").unwrap();
    terminal.wait_for("│ still here │").unwrap();
}

#[test]
fn the_arrow_key_brings_back_a_statement_of_several_lines_also_after_a_new_start() {
    let home = tempfile::tempdir().unwrap();
    let mut first = terminal(home.path(), &["data"]);
    first.enter("SELECT 'one'").unwrap();
    first.wait_for_prompt("inox-> ").unwrap();
    first.enter("  || 'two';").unwrap();
    first.wait_for("│ onetwo").unwrap();
    first.wait_for_prompt(PROMPT).unwrap();
    first.enter("\\q").unwrap();
    assert!(first.wait_for_end().unwrap());
    let mut second = terminal(home.path(), &["data"]);
    // Up twice: over the \q.
    second.press("\x1b[A\x1b[A").unwrap();
    second.wait_for("|| 'two';").unwrap();
    second.press("\r").unwrap();
    second.wait_for("│ onetwo").unwrap();
}

#[test]
fn what_begins_with_a_blank_is_kept_nowhere_and_the_history_is_for_its_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let mut first = terminal(home.path(), &["data"]);
    for line in [
        " SELECT 'hidden 1';",
        "SELECT 'kept 1';",
        " SELECT 'hidden 2'; SELECT 'hidden 3';",
        "\\echo kept 2",
        " \\echo hidden 4",
    ] {
        first.enter(line).unwrap();
        first.wait_for_prompt(PROMPT).unwrap();
    }
    for (begin, end) in [(" SELECT 'hidden 5',", "'hidden 6';"), ("SELECT 'kept 3',", " 'kept 4';")] {
        first.enter(begin).unwrap();
        first.wait_for_prompt("inox-> ").unwrap();
        first.enter(end).unwrap();
        first.wait_for_prompt(PROMPT).unwrap();
    }
    first.enter("\\q").unwrap();
    assert!(first.wait_for_end().unwrap());
    let path = home.path().join(".inoxdb_history");
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(!kept.contains("hidden") && (1..=4).all(|n| kept.contains(&format!("kept {n}"))), "{kept}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
