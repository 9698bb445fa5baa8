//! Scripts cut into pieces.

use super::*;

fn pieces_with(variables: &Variables, script: &str) -> Vec<String> {
    let mut splitter = Splitter::default();
    let mut pieces = Vec::new();
    let mut lines = script.split('\n');
    loop {
        match lines.next() {
            Some(line) => splitter.add_line(line.as_bytes()),
            None => splitter.end(),
        }
        let ended = splitter.ended;
        while let Some(piece) = splitter.next(variables) {
            pieces.push(match piece {
                Piece::Statement(text) | Piece::Statements(text) | Piece::Command(text) => {
                    String::from_utf8(text.trim_ascii().to_vec()).unwrap()
                }
                Piece::TooLong => "too long".to_string(),
            });
        }
        if ended {
            return pieces;
        }
    }
}

fn pieces(script: &str) -> Vec<String> {
    pieces_with(&Variables::default(), script)
}

#[test]
fn statements_end_at_semicolons_outside_of_everything() {
    for statement in [
        "select 'a;b', 'it''s;', \"c;\"\"d\";",
        "select E'a\\';b', e'\\\\';",
        "select name'\\';",
        "select $$a;b$$, $tag$ ; $$ ; $other$ ; $tag$;",
        "select a$b$c;",
        "select (1; 2);",
        "select 1 /* ; /* ; */ ; */ + 1;",
        "select 1 -- ; '\n + 1;",
        "select $1;",
        "select 'over\nlines;\n' \"and\nover;\";",
        "select $$x\ny;\n$$;",
        "select 1 - 1 / 2 * 3;",
        "select a::text, b:c, '\\';",
    ] {
        assert_eq!(pieces(&format!("{statement} select 2;\n")), [statement, "select 2;"]);
    }
}

#[test]
fn what_comes_before_a_statement_is_no_part_of_it() {
    assert_eq!(pieces("  -- hello\n\n ;; select 1; ; -- bye\n"), ["select 1;"]);
}

#[test]
fn a_colon_behind_a_backslash_begins_a_statement() {
    assert_eq!(pieces("\\:a;\n"), [":a;"]);
    assert_eq!(pieces("select 1 \\:a;\n"), ["select 1  :a;"]);
}

#[test]
fn the_last_statement_needs_no_semicolon() {
    assert_eq!(pieces("select 1;\nselect 2\n"), ["select 1;", "select 2"]);
    assert_eq!(pieces("select 'open\n"), ["select 'open"]);
}

#[test]
fn a_command_is_the_rest_of_its_line() {
    assert_eq!(pieces("\\d t; it's\nselect 1;"), ["\\d t; it's", "select 1;"]);
    assert_eq!(pieces("select 1 \\timing on\n + 2;"), ["\\timing on", "select 1 \n + 2;"]);
    assert_eq!(pieces("select 1; \\q"), ["select 1;", "\\q"]);
}

#[test]
fn after_a_command_nothing_is_pending() {
    let mut splitter = Splitter::default();
    splitter.add_line(b"\\d");
    assert_eq!(splitter.next(&Variables::default()), Some(Piece::Command(b"\\d")));
    assert!(!splitter.is_pending());
    splitter.add_line(b"select 1 \\g");
    assert_eq!(splitter.next(&Variables::default()), Some(Piece::Command(b"\\g")));
    assert_eq!(splitter.take_pending(), Some(Piece::Statement(b"select 1")));
    assert!(!splitter.is_pending());
}

#[test]
fn a_command_ends_where_another_begins_and_two_backslashes_only_end_it() {
    let ends = [
        ("\\echo a \\\\ select 7;\n", vec!["\\echo a", "select 7;"]),
        ("\\echo a \\echo b\n", vec!["\\echo a", "\\echo b"]),
        ("\\timing off\\echo b\n", vec!["\\timing off", "\\echo b"]),
        ("\\echo 'a\\b' \"c\\d\" \\\\ select 8\n;\n", vec!["\\echo 'a\\b' \"c\\d\"", "select 8\n;"]),
        ("\\copy t from 'a' delimiter \\\n", vec!["\\copy t from 'a' delimiter \\"]),
        ("select 1 \\foo \\\\ + 2;\n", vec!["\\foo", "select 1    + 2;"]),
        ("select 1 \\\\ select 2;\n", vec!["\\", "\\ select 2;", "select 1"]),
        ("\\", vec!["\\"]),
    ];
    for (script, expected) in ends {
        assert_eq!(pieces(script), expected, "{script}");
    }
}

#[test]
fn a_backslash_before_a_semicolon_joins_statements() {
    let mut splitter = Splitter::default();
    splitter.add_line(b"select 10 \\; select ':x', a\\:x; select 11;");
    let mut variables = Variables::default();
    variables.set("x", "y");
    assert_eq!(splitter.next(&variables), Some(Piece::Statements(b"select 10  ; select ':x', a :x;")));
    assert_eq!(splitter.next(&variables), Some(Piece::Statement(b"select 11;")));
    assert_eq!(splitter.next(&variables), None);
}

#[test]
fn what_is_sent_as_one_is_cut_at_its_semicolons() {
    let text = "select 1 \\ :x; -- a;\n select ';' ;; select 3 /* ; */";
    let statements: Vec<&str> = Splitter::statements(text).into_iter().map(|range| &text[range]).collect();
    assert_eq!(statements, ["select 1 \\ :x;", "select ';' ;", "select 3 /* ; */"]);
}

#[test]
fn after_a_command_that_failed_the_rest_of_its_line_is_nothing() {
    let mut splitter = Splitter::default();
    splitter.add_line(b"select 1 \\foo a \\echo b");
    assert_eq!(splitter.next(&Variables::default()), Some(Piece::Command(b"\\foo a")));
    splitter.skip_line();
    assert_eq!(splitter.next(&Variables::default()), None);
    splitter.add_line(b" + 2;");
    assert_eq!(splitter.next(&Variables::default()), Some(Piece::Statement(b"select 1 \n + 2;")));
}

#[test]
fn what_follows_a_command_on_its_line_is_not_part_of_the_statement_before() {
    let mut splitter = Splitter::default();
    splitter.add_line(b"select 1 \\g \\\\ select 2 \\r \\\\ select 3;");
    assert_eq!(splitter.next(&Variables::default()), Some(Piece::Command(b"\\g")));
    assert_eq!(splitter.take_pending(), Some(Piece::Statement(b"select 1")));
    assert_eq!(splitter.next(&Variables::default()), Some(Piece::Command(b"\\r")));
    splitter.reset();
    assert_eq!(splitter.next(&Variables::default()), Some(Piece::Statement(b"select 3;")));
    assert!(splitter.next(&Variables::default()).is_none() && !splitter.is_pending());
}

#[test]
fn variables_are_put_in_where_they_are_meant() {
    let mut variables = Variables::default();
    variables.set("n", "it's;");
    variables.set("t", "a b");
    assert_eq!(
        pieces_with(&variables, "select :'n', :\"t\", ':t', x::t, :unknown, :t;"),
        ["select 'it''s;', \"a b\", ':t', x::t, :unknown, a b;"]
    );
}

#[test]
fn the_prompt_shows_what_is_open() {
    for (text, open) in [
        ("", ""),
        ("select 1;", ""),
        ("select", "-"),
        ("select (", "("),
        ("select 'x", "'"),
        ("select \"x", "\""),
        ("select $a$", "$"),
        ("/* x", "*"),
    ] {
        let mut splitter = Splitter::default();
        splitter.add_line(text.as_bytes());
        while splitter.next(&Variables::default()).is_some() {}
        assert_eq!(splitter.unfinished(), open, "{text}");
    }
}

#[test]
fn memory_holds_one_statement_however_long_the_script() {
    let mut splitter = Splitter::default();
    for _ in 0..10_000 {
        splitter.add_line(b"insert into t values (1, 'some text');");
        assert!(splitter.next(&Variables::default()).is_some());
        assert!(splitter.next(&Variables::default()).is_none());
    }
    assert!(splitter.text.capacity() < 1000);
}
