//! Statements too large to write down: how deep, how long and how wide they may be.

use std::fmt::Write;

use anyhow::Result;
use inox_tests::process::{PATIENCE, Process};
use inox_tests::stages;

/// What milestone 5 answers, each answer one line, with SQLSTATEs for errors.
fn answers(script: &str) -> Result<String> {
    let dir = tempfile::tempdir()?;
    let arguments = ["-q", "-t", "--csv", "-v", "VERBOSITY=sqlstate", "data"];
    let process = Process::start(stages::program(5)?, &arguments, dir.path(), PATIENCE)?;
    process.send(script);
    let (said, ending) = process.finish()?;
    anyhow::ensure!(ending.0.success(), "{ending}: {said}");
    Ok(said)
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn five_hundred_parentheses_are_read_and_a_million_refused() {
    let few = nested("(", "1", ")", 500);
    let many = nested("(", "1", ")", 1_000_000);
    let open = "(".repeat(1_000_000);
    let script = format!("SELECT {few};\nSELECT {many};\nSELECT {open}\n\\r\nSELECT 2;\n");
    assert_eq!(answers(&script).unwrap(), "1\nERROR:  54001\n2\n");
}

#[test]
fn other_ways_to_nest_end_in_an_error_too() {
    let mut script = String::new();
    for (open, inner, close) in [
        ("NOT ", "true", ""),
        ("- ", "1", ""),
        ("abs(", "1", ")"),
        ("CASE WHEN true THEN ", "1", " END"),
        ("1 + (", "1", ")"),
        ("", "1", "::integer"),
    ] {
        let _ = writeln!(script, "SELECT {};", nested(open, inner, close, 100_000));
    }
    assert_eq!(answers(&script).unwrap(), "ERROR:  54001\n".repeat(6));
}

#[test]
fn sixteen_thousand_terms_stand_wherever_a_condition_may() {
    let terms = vec!["n = 1"; 16_000].join(" OR ");
    let counts = vec!["count(*) > 0"; 16_000].join(" AND ");
    let script = format!(
        "CREATE TABLE t (n integer, m integer);\nINSERT INTO t VALUES (1, 1);\n\
         SELECT n FROM t GROUP BY n HAVING {counts};\n\
         SELECT n FROM t GROUP BY n HAVING m = 1 AND {counts};\n\
         SELECT n FROM t GROUP BY n ORDER BY {terms};\n\
         SELECT DISTINCT n FROM t ORDER BY {terms};\n\
         SELECT 1 = ({terms}) = 2 FROM t;\nSELECT 3;\n"
    );
    assert_eq!(answers(&script).unwrap(), "1\nERROR:  42803\n1\nERROR:  42P10\nERROR:  42601\n3\n");
}

#[test]
fn a_generated_condition_of_thousands_of_terms_is_answered() {
    let terms: Vec<String> = (0..5_000).map(|n| format!("n = {n}")).collect();
    let list: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    let script = format!(
        "CREATE TABLE t (n integer PRIMARY KEY);\n\
         INSERT INTO t VALUES (7), (4999), (5000), (19999), (20000);\n\
         SELECT count(*) FROM t WHERE {};\n\
         SELECT count(*) FROM t WHERE n IN ({});\n",
        terms.join(" OR "),
        list.join(", ")
    );
    assert_eq!(answers(&script).unwrap(), "2\n4\n");
}

#[test]
fn a_long_chain_is_not_deep() {
    let sum = vec!["n"; 10_000].join(" + ");
    let ones = vec!["1"; 10_000].join("+");
    let mixed = format!("n{}", " + 2 * n - n / 1".repeat(5_000));
    let (letters, texts) = (vec!["'a'"; 10_000].join("||"), vec!["s"; 10_000].join(" || "));
    // A default must fit a row of the catalog.
    let few = vec!["1"; 1_500].join("+");
    let or: Vec<String> = (0..100_000).map(|n| format!("n = {n}")).collect();
    let and: Vec<String> = (5..20_000).map(|n| format!("n <> {n}")).collect();
    let script = format!(
        "CREATE TABLE t (n integer, s text);\n\
         INSERT INTO t VALUES (1, 'x'), (2, 'yy'), (NULL, NULL), (300000, 'z');\n\
         SELECT {ones}, length({letters});\n\
         SELECT {sum}, {mixed}, length({texts}) FROM t WHERE n < 3 ORDER BY {sum};\n\
         SELECT count(*) FROM t WHERE {};\n\
         SELECT count(*) FROM t WHERE {};\n\
         SELECT {sum} + 1, count(*) FROM t WHERE n < 3 GROUP BY {sum} ORDER BY 1;\n\
         SELECT {sum} FROM t;\n\
         CREATE TABLE d (n integer DEFAULT {few}, s text DEFAULT {letters});\n\
         CREATE TABLE d (n integer DEFAULT {few});\n\
         INSERT INTO d DEFAULT VALUES;\nSELECT n FROM d;\n\
         UPDATE t SET n = {sum} WHERE n = 2;\nDELETE FROM t WHERE n < 3 AND {sum} = 10000;\n\
         SELECT n FROM t WHERE n > 0;\n\
         SELECT {ones}+;\n\
         EXPLAIN (COSTS OFF) SELECT 1 FROM t WHERE {sum} > 1;\n\
         SELECT 2;\n",
        or.join(" OR "),
        and.join(" AND "),
    );
    let said = answers(&script).unwrap();
    let (explained, before): (Vec<_>, Vec<_>) =
        said.lines().partition(|line| line.contains("Seq Scan") || line.contains("Filter"));
    assert_eq!(explained.len(), 2);
    assert!(explained[1].contains("((n + n + n"));
    let expected = "10000,10000\n10000,5001,10000\n20000,10002,20000\n2\n3\n10001,1\n20001,1\nERROR:  22003\nERROR:  54000\n\
                    1500\n300000\n20000\nERROR:  42601\n2";
    assert_eq!(before.join("\n"), expected);
}

#[test]
fn a_case_of_thousands_of_branches_is_answered() {
    let searched: Vec<String> = (0..10_000).map(|n| format!("WHEN n = {n} THEN 'is {n}'")).collect();
    let simple: Vec<String> = (0..10_000).map(|n| format!("WHEN {n} THEN n + {n}")).collect();
    let script = format!(
        "CREATE TABLE t (n integer);\nINSERT INTO t VALUES (7), (9999), (10000);\n\
         SELECT CASE {} ELSE 'none' END, CASE n {} END FROM t;\nSELECT 2;\n",
        searched.join(" "),
        simple.join(" "),
    );
    assert_eq!(answers(&script).unwrap(), "is 7,14\nis 9999,19998\nnone,\n2\n");
}

#[test]
fn nesting_stays_limited_whatever_it_is_made_of() {
    let chain = vec!["1"; 1_000].join("+");
    let mut script = String::new();
    for (open, inner, close) in [
        (format!("{chain}+("), "1", ")"),
        ("CASE WHEN n = 1 THEN 2 ELSE ".to_string(), "1", " END"),
        ("- (1 + ".to_string(), "1", ")"),
        ("coalesce(n + ".to_string(), "1", ")"),
    ] {
        let _ = writeln!(script, "SELECT {} FROM t;", nested(&open, inner, close, 900));
    }
    let script = format!("CREATE TABLE t (n integer);\n{script}SELECT 2;\n");
    assert_eq!(answers(&script).unwrap(), "ERROR:  54001\n".repeat(4) + "2\n");
}

#[test]
fn what_would_take_all_memory_is_refused_and_a_long_literal_answered() {
    let spaces = " ".repeat(100 << 20);
    let literal = "x y, ".repeat(10 << 20);
    let list = vec!["1"; 1_000_001].join(",");
    let script = format!(
        "SELECT 1{spaces};\n\
         SELECT length('{literal}');\n\
         SELECT 1 IN ({list});\n\
         SELECT {list};\n\
         SELECT 2;\n"
    );
    assert_eq!(answers(&script).unwrap(), "ERROR:  54001\n52428800\nERROR:  54001\nERROR:  54001\n2\n");
}

#[test]
fn one_statement_inserts_many_rows_and_a_row_is_as_wide_as_a_page() {
    let rows: Vec<String> = (0..50_000).map(|n| format!("({n}, 'row {n}')")).collect();
    let script = format!(
        "CREATE TABLE t (n integer PRIMARY KEY, s text);\n\
         INSERT INTO t VALUES {};\n\
         SELECT count(*), sum(n), max(s) FROM t;\n\
         INSERT INTO t VALUES (-1, '{}');\n\
         INSERT INTO t VALUES (-2, '{}');\n\
         SELECT n, length(s) FROM t WHERE n < 0;\n",
        rows.join(", "),
        "x".repeat(8_000),
        "x".repeat(9_000),
    );
    assert_eq!(answers(&script).unwrap(), "50000,1249975000,row 9999\nERROR:  54000\n-1,8000\n");
}
