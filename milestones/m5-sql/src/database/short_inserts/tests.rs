//! The short way against the long way: the same statements, one database that remembers and one that forgets.

use super::super::Database;
use super::super::testing::{Rows, run, told};
use super::ShortInserts;
use crate::testing::small_options;
use crate::types::Value;
use crate::vfs::MemoryVfs;
use proptest::prelude::*;
use std::sync::Arc;

fn database() -> Database {
    let mut db = Database::open(Arc::new(MemoryVfs::new()), small_options()).unwrap();
    for sql in [
        "CREATE TABLE t (id integer PRIMARY KEY, small smallint, big bigint, real double precision, \
         flag boolean, word varchar(4), body text NOT NULL DEFAULT 'd''d')",
        "CREATE TABLE computed (a integer DEFAULT 1 + 1, b integer)",
    ] {
        run(&mut db, sql).unwrap();
    }
    db
}

fn contents(db: &mut Database) -> Vec<Vec<Value>> {
    let mut rows = Rows::default();
    db.execute("SELECT * FROM t", &mut rows).unwrap();
    db.execute("SELECT * FROM computed", &mut rows).unwrap();
    rows.rows
}

/// How many statements went the short way; the database that forgets has none.
fn compare(statements: &[String]) -> usize {
    let (mut short, mut long) = (database(), database());
    let mut shortened = 0;
    for sql in statements {
        // As `insert_literals` decides it.
        let may = short.check_block().is_ok() && short.catalog.refresh(&mut short.pages).is_ok();
        shortened += usize::from(may && short.short_inserts.read(sql, &short.catalog).is_some());
        long.short_inserts = ShortInserts::default();
        assert_eq!(told(run(&mut short, sql)), told(run(&mut long, sql)), "{sql}");
    }
    assert_eq!(contents(&mut short), contents(&mut long), "{statements:#?}");
    shortened
}

fn literal() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "0",
        "7",
        "007",
        "-1",
        "- 1",
        "+1",
        "-0",
        "32767",
        "32768",
        "-32768",
        "-32769",
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "999999999999999999",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "12345678901234567890",
        "1.5",
        "2.5",
        "-2.5",
        "1.",
        ".5",
        "1e3",
        "-1e-3",
        "1e400",
        "1e",
        "12ab",
        "0x10",
        "1_000",
        "TRUE",
        "false",
        "Null",
        "DEFAULT",
        "''",
        "'a'",
        "'abcd'",
        "'abcde'",
        "'abc   '",
        "'äöüß'",
        "'äöüßx'",
        "'it''s'",
        "''''",
        "'5'",
        "' 7 '",
        "'x5'",
        "'1e2'",
        "'t'",
        "'yes'",
        "'a\\nb'",
        "E'a\\nb'",
        "'a' 'b'",
        "'a'\n'b'",
        "$$a$$",
        "(1)",
        "1 + 1",
        "1 /* one */",
        "id",
        "'a\0b'",
        "current_user",
        "1::text",
    ]);
    prop_oneof![3 => known.prop_map(String::from), 1 => any::<i32>().prop_map(|number| number.to_string())]
}

/// A statement of rows that fit, but for one literal or so.
fn statement() -> impl Strategy<Value = String> {
    // With the kinds of the columns that values are for.
    let beginnings = prop::sample::select(vec![
        ("INSERT INTO t VALUES", "nsbrfwt"),
        ("insert into t values", "nsb"),
        ("INSERT INTO t (id, body) VALUES", "nt"),
        ("INSERT INTO t(body,id,word)VALUES", "tnw"),
        ("INSERT INTO t (id, real, flag, body) VALUES", "nrft"),
        ("INSERT INTO t (id, small, big) VALUES", "nsb"),
        ("INSERT INTO computed (b) VALUES", "n"),
        ("INSERT INTO computed VALUES", "nn"),
        ("INSERT INTO nowhere VALUES", "n"),
        ("INSERT INTO t (id, id) VALUES", "nn"),
        ("INSERT INTO pg_class VALUES", "n"),
    ]);
    let ends =
        prop::sample::select(vec!["", ";", " ; ", "; ;", " RETURNING id", " -- end", "; SELECT 1", ","]);
    let odd = prop::option::weighted(0.7, (any::<prop::sample::Index>(), literal()));
    let rows = prop::collection::vec((any::<u16>(), odd), 1..3);
    let width = prop_oneof![9 => Just(0), 1 => -1..=1_i32];
    (beginnings, rows, width, prop_oneof![4 => Just(";"), 1 => ends]).prop_map(
        |((beginning, kinds), rows, more, end)| {
            let rows: Vec<String> = rows.iter().map(|(number, odd)| row(kinds, *number, odd, more)).collect();
            format!("{beginning} {}{end}", rows.join(", "))
        },
    )
}

fn row(kinds: &str, number: u16, odd: &Option<(prop::sample::Index, String)>, more: i32) -> String {
    let plain = |kind: char| match kind {
        'n' => number.to_string(),
        's' => "-7".into(),
        'b' => "5000000000".into(),
        'r' => "-1.5".into(),
        'f' => "TRUE".into(),
        'w' => "'äöü'".into(),
        _ => format!("'number {number}'"),
    };
    let mut values: Vec<String> = kinds.chars().map(plain).collect();
    if let Some((at, literal)) = odd {
        let at = at.index(values.len());
        values[at] = literal.clone();
    }
    values.resize((values.len() as i32 + more).max(0) as usize, "1".into());
    format!("({})", values.join(", "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_lead_to_the_same(statements in prop::collection::vec(statement(), 1..20)) {
        compare(&statements);
    }
}

fn short(statements: &[&str]) -> usize {
    compare(&statements.iter().map(|sql| (*sql).to_string()).collect::<Vec<_>>())
}

#[test]
fn the_second_statement_takes_the_short_way() {
    let insert = |id: i32| format!("INSERT INTO t (id, body) VALUES ({id}, 'x'), ({}, 'it''s');", id + 1);
    assert_eq!(compare(&[insert(1), insert(3), insert(5), insert(5), insert(7)]), 4);
    let many: Vec<String> = (0..5_000).map(|id| format!("({id}, '{}')", "x".repeat(300))).collect();
    let many = format!("INSERT INTO t (id, body) VALUES {}", many.join(", "));
    assert_eq!(compare(&[insert(10_000), many]), 1);
}

#[test]
fn the_lowest_bigint_is_no_double() {
    let insert = |id: i32, text: &str| format!("INSERT INTO t (id, body) VALUES ({id}, {text})");
    assert_eq!(compare(&[insert(1, "'x'"), insert(2, "-9223372036854775808"), insert(3, "-2e18")]), 1);
}

#[test]
fn a_beginning_is_learnt_again_when_the_table_is_another() {
    let insert = "INSERT INTO t (id, body) VALUES (1, 'one')";
    assert_eq!(
        short(&[insert, "CREATE UNIQUE INDEX ON t (body)", insert, "DELETE FROM t", insert, insert]),
        2
    );
    assert_eq!(
        short(&[insert, "DROP TABLE t", insert, "CREATE TABLE t (body text, id text)", insert, insert]),
        1
    );
    let undone =
        ["BEGIN", "DROP TABLE t", "CREATE TABLE t (id text, body text)", insert, insert, "ROLLBACK", insert];
    assert_eq!(short(&undone), 1);
}

#[test]
fn a_failed_block_is_failed_for_the_short_way_too() {
    let insert = "INSERT INTO t (id, body) VALUES (1, 'one')";
    assert_eq!(short(&["BEGIN", insert, insert, insert, "ROLLBACK", insert]), 2);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut db = database();
    for number in 0..3 * super::MAX_BEGINNINGS {
        run(&mut db, &format!("INSERT INTO t (id,{}body) VALUES ({number}, 'x')", " ".repeat(number)))
            .unwrap();
        assert!(db.short_inserts.targets.len() <= super::MAX_BEGINNINGS);
    }
}
