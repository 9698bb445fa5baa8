//! The short way against the long way: the same statements, one database that remembers and one that forgets.

use super::super::testing::{Rows, run, told};
use super::super::{Database, Tag};
use super::{Entry, PlanCache};
use crate::error::Result;
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
        "CREATE INDEX ON t (small)",
        "CREATE INDEX ON t (word, big)",
        "CREATE TABLE u (a integer, b text)",
    ] {
        run(&mut db, sql).unwrap();
    }
    for id in 0..60 {
        let (small, big, word) =
            (id % 7 - 3, i64::from(id % 5) << 33, ["''", "'a'", "'it''s'", "NULL"][id as usize % 4]);
        let flag = ["TRUE", "FALSE", "NULL"][id as usize % 3];
        run(
            &mut db,
            &format!("INSERT INTO t VALUES ({id}, {small}, {big}, {id}.5, {flag}, {word}, 'row {id}')"),
        )
        .unwrap();
    }
    run(&mut db, "INSERT INTO u VALUES (1, 'one'), (2, 'two'), (NULL, NULL)").unwrap();
    db
}

/// What a client sees of a statement.
fn answer(db: &mut Database, sql: &str) -> (Vec<String>, Vec<Vec<Value>>, String) {
    let mut rows = Rows::default();
    let answer = db.execute(sql, &mut rows);
    (rows.names, rows.rows, told(answer))
}

/// How many statements went the short way; the database that forgets has none.
fn compare(statements: &[String]) -> usize {
    let (mut short, mut long) = (database(), database());
    let mut shortened = 0;
    for sql in statements {
        shortened += usize::from(goes_the_short_way(&mut short, sql));
        long.plan_cache = PlanCache::default();
        assert_eq!(answer(&mut short, sql), answer(&mut long, sql), "{sql}");
    }
    for table in ["SELECT * FROM t ORDER BY id", "SELECT * FROM u"] {
        assert_eq!(answer(&mut short, table), answer(&mut long, table), "{statements:#?}");
    }
    shortened
}

/// As `execute_cached` decides it.
fn goes_the_short_way(db: &mut Database, sql: &str) -> bool {
    if db.check_block().is_err() || db.catalog.refresh(&mut db.pages).is_err() {
        return false;
    }
    let taken = db.plan_cache.take(sql, &db.catalog, &mut db.pages);
    taken.map(|plan| db.plan_cache.put_back(plan)).is_some()
}

fn literal() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "0",
        "1",
        "7",
        "-1",
        "- 1",
        "+1",
        "-0",
        "007",
        "32767",
        "32768",
        "-32768",
        "-32769",
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "8589934592",
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
        "12ab",
        "TRUE",
        "false",
        "Null",
        "''",
        "'a'",
        "'it''s'",
        "'row 7'",
        "'%'",
        "'r%1'",
        "'_'",
        "'abcd'",
        "'abcde'",
        "'ä'",
        "'5'",
        "' 7 '",
        "'x5'",
        "'1e2'",
        "'t'",
        "'yes'",
        "E'a\\nb'",
        "'a' 'b'",
        "'a'\n'b'",
        "$$a$$",
        "(1)",
        "1 + 1",
        "1 - 1",
        "1 /* one */",
        "id",
        "'a\0b'",
        "'5'::integer",
        "'7'::smallint",
        "'a'::varchar(1)",
        "1::text",
        "NULL::integer",
        "abs(-3)",
        "$1",
        "1 / 0",
        "id / 0",
    ]);
    prop_oneof![
        2 => known.prop_map(String::from),
        2 => (-5..65_i32).prop_map(|number| number.to_string()),
        1 => (-5..65_i32).prop_map(|number| format!("'row {number}'")),
    ]
}

/// `?` stands for a literal.
fn shape() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "SELECT * FROM t WHERE id = ?",
        "select id, body from t where id=?;",
        "SELECT id FROM t WHERE small = ? ORDER BY id",
        "SELECT id FROM t WHERE ? = small AND big <> ? ORDER BY id",
        "SELECT id FROM t WHERE big = ? ORDER BY 1 DESC LIMIT 3",
        "SELECT id FROM t WHERE real > ? OR flag = ? ORDER BY id",
        "SELECT id FROM t WHERE word = ? AND big = ?",
        "SELECT id FROM t WHERE word LIKE ? ORDER BY id",
        "SELECT id FROM t WHERE body NOT ILIKE ? ORDER BY id LIMIT ?",
        "SELECT id FROM t WHERE id BETWEEN ? AND ? ORDER BY id",
        "SELECT id FROM t WHERE id IN (?, ?, ?) ORDER BY id",
        "SELECT id FROM t WHERE small NOT IN (?, ?) ORDER BY id OFFSET ?",
        "SELECT id FROM t WHERE NOT (id < ?) AND ?",
        "SELECT id FROM t WHERE flag IS NOT DISTINCT FROM ? ORDER BY id",
        "SELECT id FROM t WHERE ? IS NULL AND id = ?",
        "SELECT id + ?, ?, body || ? FROM t WHERE id = ?",
        "SELECT ? AS x, id FROM t ORDER BY x, id",
        "SELECT id FROM t ORDER BY ?, id",
        "SELECT DISTINCT small + ? FROM t ORDER BY small + ?",
        "SELECT DISTINCT small + ?, ? FROM t ORDER BY 1",
        "SELECT small + ?, count(*) FROM t GROUP BY small + ? ORDER BY 1",
        "SELECT ?, count(*) FROM t GROUP BY 1",
        "SELECT count(*), sum(id + ?), sum(id + ?), max(?) FROM t WHERE id > ?",
        "SELECT small, count(*) FROM t WHERE id > ? GROUP BY small HAVING count(*) > ? ORDER BY small",
        "SELECT count(*) FROM t HAVING count(*) > ?",
        "SELECT CASE WHEN id > ? THEN ? ELSE body END FROM t WHERE id < ? ORDER BY id",
        "SELECT CASE small WHEN ? THEN ? END FROM t ORDER BY id",
        "SELECT coalesce(word, ?), nullif(id, ?), greatest(id, ?) FROM t ORDER BY id",
        "SELECT substr(body, ?, ?), round(real + ?), CAST(? AS smallint) FROM t WHERE id = 7",
        "SELECT id / ?, id % ? FROM t WHERE id = 7",
        "SELECT ?",
        "SELECT ? FROM u",
        "SELECT ? + ? FROM u WHERE a = ? - ?",
        "SELECT * FROM u WHERE a = ? AND ? = ?",
        "SELECT * FROM u WHERE a -? > ?",
        "SELECT * FROM nowhere WHERE a = ?",
        "SELECT * FROM pg_class WHERE relname = ?",
        "UPDATE t SET body = ? WHERE id = ?",
        "UPDATE t SET small = ?, word = ? WHERE id = ?",
        "UPDATE t SET small = small + ?, real = ? WHERE small = ?",
        "UPDATE t SET id = ? WHERE id = ?",
        "UPDATE t SET flag = id > ? WHERE word = ?",
        "DELETE FROM t WHERE id = ?",
        "DELETE FROM t WHERE word = ? AND small < ?",
        "DELETE FROM t WHERE id = ? RETURNING id",
        "INSERT INTO u SELECT ?, body FROM t WHERE id = ?",
        "SELECT * FROM u WHERE b = ? -- ?",
        "SELECT * FROM u; SELECT ?",
    ])
}

fn fill(shape: &str, literals: &[String]) -> String {
    let mut literals = literals.iter().cycle();
    let mut parts = shape.split('?');
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |text, part| text + literals.next().map_or("1", |literal| literal) + part)
}

/// Statements of few shapes and with few literals, so that most of them come again.
fn statements() -> impl Strategy<Value = Vec<String>> {
    let few = (prop::collection::vec(shape(), 1..3), prop::collection::vec(literal(), 1..4));
    few.prop_flat_map(|(shapes, literals)| {
        let literals = prop::collection::vec(prop::sample::select(literals), 1..5);
        let statement =
            (prop::sample::select(shapes), literals).prop_map(|(shape, literals)| fill(shape, &literals));
        let other = prop::sample::select(vec![
            "BEGIN",
            "COMMIT",
            "ROLLBACK",
            "CREATE INDEX ON t (big)",
            "DROP TABLE u",
            "CREATE TABLE u (b text, a smallint)",
            "CREATE TABLE u (a text, b text)",
            "INSERT INTO u VALUES ('3', 3)",
            "INSERT INTO t (id, small) SELECT id + 1000, small FROM t",
        ]);
        prop::collection::vec(prop_oneof![5 => statement, 1 => other.prop_map(String::from)], 1..32)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_lead_to_the_same(statements in statements()) {
        compare(&statements);
    }
}

fn short(statements: &[&str]) -> usize {
    compare(&statements.iter().map(|sql| (*sql).to_string()).collect::<Vec<_>>())
}

/// How many of a thousand statements of a shape are planned.
fn planned(shape: &str, literals: [&str; 3]) -> usize {
    let statements = literals.map(|literal| shape.replace('?', literal));
    3 - short(&[&statements[0], &statements[1], &statements[2]])
}

#[test]
fn the_third_statement_takes_the_short_way() {
    for shape in [
        "SELECT * FROM t WHERE id = ?",
        "SELECT id FROM t WHERE id BETWEEN ? AND 20 ORDER BY id",
        "SELECT count(*), avg(id) FROM t WHERE small > ? AND body LIKE 'row%'",
        "SELECT small, count(*) FROM t WHERE id <> ? GROUP BY small ORDER BY 1 LIMIT 2",
        "UPDATE t SET small = small - ?, body = 'x' WHERE id IN (?, 7)",
        "DELETE FROM t WHERE id = ?",
    ] {
        assert_eq!(planned(shape, ["1", "-2", "3"]), 2, "{shape}");
    }
}

#[test]
fn what_literals_decide_is_planned_each_time() {
    for shape in [
        "SELECT ?",
        "SELECT id FROM t WHERE id = 3 + ?",
        "SELECT id FROM t WHERE ? = 1 AND id = 7",
        "SELECT DISTINCT small + ? FROM t ORDER BY small + 1",
        "SELECT ? AS x, id FROM t ORDER BY x, id",
    ] {
        assert_eq!(planned(shape, ["1", "2", "3"]), 3, "{shape}");
    }
    // Another type is another statement; so is another number of rows.
    assert_eq!(planned("SELECT * FROM t WHERE id = ?", ["1", "2.5", "'3'"]), 3);
    assert_eq!(planned("SELECT * FROM t ORDER BY id LIMIT ?", ["1", "2", "3"]), 3);
}

#[test]
fn a_value_that_does_not_fit_takes_the_long_way() {
    let small = |value: &str| format!("SELECT id FROM t WHERE small = {value} ORDER BY id");
    assert_eq!(compare(&[small("1"), small("2"), small("40000"), small("3")]), 1);
    let set = |word: &str| format!("UPDATE t SET word = '{word}' WHERE id = 7");
    assert_eq!(compare(&[set("a"), set("b"), set("abcde"), set("abc  "), set("c")]), 2);
}

#[test]
fn a_plan_is_made_again_when_the_table_is_another_or_has_grown() {
    let select = "SELECT * FROM u WHERE a = 1";
    assert_eq!(short(&[select, select, select, "CREATE INDEX ON u (a)", select, select, select]), 3);
    assert_eq!(
        short(&[select, select, "DROP TABLE u", select, "CREATE TABLE u (b text, a text)", select, select]),
        0
    );
    assert_eq!(
        short(&["BEGIN", "DROP TABLE u", "CREATE TABLE u (a text)", "ROLLBACK", select, select, select]),
        1
    );
    let grow = "INSERT INTO u SELECT a, b || b FROM u";
    let mut growing = vec![select; 2];
    growing.extend([grow; 10]);
    growing.extend([select, select, select]);
    // INSERT … SELECT is not lifted, so only the SELECTs count. The first plan was for one page.
    assert_eq!(short(&growing), 2);
}

#[test]
fn a_failed_block_is_failed_for_the_short_way_too() {
    let select = "SELECT * FROM u WHERE a = 1";
    assert_eq!(
        short(&[
            select,
            select,
            "BEGIN",
            select,
            "SELECT * FROM u WHERE a = 1 / 0",
            select,
            "ROLLBACK",
            select
        ]),
        2
    );
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut db = database();
    for number in 0..3 * super::MAX_FORMS {
        run(&mut db, &format!("SELECT * FROM u WHERE{}a = 1", " ".repeat(number + 1))).unwrap();
        assert!(db.plan_cache.forms.len() <= super::MAX_FORMS);
    }
    assert!(db.plan_cache.forms.values().all(|entry| matches!(entry, Entry::Seen)));
}

fn prepared(db: &mut Database, sql: &str, all: &[&[Value]]) -> Result<Vec<(Tag, Vec<Vec<Value>>)>> {
    let mut statement = db.prepare(sql)?;
    let mut execute = |values: &&[Value]| {
        let mut rows = Rows::default();
        let tag = db.execute_prepared(&mut statement, values, &mut rows)?;
        Ok((tag, rows.rows))
    };
    all.iter().map(&mut execute).collect()
}

#[test]
fn prepared_statements_take_their_types_from_where_they_stand() {
    let mut db = database();
    let text = |text: &str| Value::Text(text.into());
    let answers = prepared(
        &mut db,
        "SELECT body FROM t WHERE small = $2 AND id = $1",
        &[&[Value::Integer(7), Value::BigInt(-3)], &[text("8"), text("-2")], &[Value::Null, Value::Null]],
    );
    let row = |body: &str| vec![vec![text(body)]];
    let expected =
        vec![(Tag::Select(1), row("row 7")), (Tag::Select(1), row("row 8")), (Tag::Select(0), vec![])];
    assert_eq!(answers.unwrap(), expected);
    let inserted =
        prepared(&mut db, "INSERT INTO u VALUES ($1, $2), (4, $2)", &[&[Value::Integer(3), text("x")]]);
    assert_eq!(inserted.unwrap(), [(Tag::Insert(2), vec![])]);
    let deleted = prepared(&mut db, "DELETE FROM u WHERE b = $1", &[&[text("x")], &[text("x")]]);
    assert_eq!(deleted.unwrap(), [(Tag::Delete(2), vec![]), (Tag::Delete(0), vec![])]);
}

#[test]
fn prepared_statements_say_what_is_wrong() {
    let mut db = database();
    let code = |db: &mut Database, sql: &str, values: &[Value]| {
        prepared(db, sql, &[values]).map(|_| ()).unwrap_err().state().code()
    };
    assert_eq!(code(&mut db, "SELECT * FROM t WHERE id = $1", &[]), "42P02");
    assert_eq!(code(&mut db, "SELECT * FROM t WHERE id = $2", &[Value::Null]), "42P02");
    assert_eq!(code(&mut db, "SELECT * FROM t WHERE id = $1", &[Value::Text("x".into())]), "22P02");
    assert_eq!(code(&mut db, "UPDATE t SET small = $1", &[Value::Integer(40_000)]), "22003");
    assert_eq!(code(&mut db, "CREATE TABLE v (a integer)", &[]), "0A000");
    assert_eq!(code(&mut db, "SELECT * FROM", &[]), "42601");
}

#[test]
fn a_prepared_statement_outlives_a_change_of_its_table() {
    let mut db = database();
    let mut statement = db.prepare("SELECT a FROM u WHERE b = $1").unwrap();
    let mut count = |db: &mut Database| {
        let answer = db.execute_prepared(&mut statement, &[Value::Text("one".into())], &mut Rows::default());
        told(answer)
    };
    assert_eq!(count(&mut db), "SELECT 1");
    run(&mut db, "CREATE INDEX ON u (b)").unwrap();
    assert_eq!(count(&mut db), "SELECT 1");
    run(&mut db, "DROP TABLE u").unwrap();
    assert!(count(&mut db).starts_with("42P01"), "{}", count(&mut db));
    run(&mut db, "CREATE TABLE u (b text, a text)").unwrap();
    assert_eq!(count(&mut db), "SELECT 0");
}

#[test]
fn a_prepared_insert_knows_the_table_that_it_reads() {
    let mut db = database();
    run(&mut db, "CREATE TABLE v (a integer PRIMARY KEY, b text)").unwrap();
    run(&mut db, "INSERT INTO v VALUES (7, 'first')").unwrap();
    let mut statement = db.prepare("INSERT INTO u SELECT a, b FROM v WHERE a = $1").unwrap();
    let mut insert = |db: &mut Database| {
        told(db.execute_prepared(&mut statement, &[Value::Integer(7)], &mut Rows::default()))
    };
    assert_eq!(insert(&mut db), "INSERT 1");
    run(&mut db, "DROP TABLE v").unwrap();
    assert!(insert(&mut db).starts_with("42P01"));
    run(&mut db, "CREATE TABLE v (b text, a bigint)").unwrap();
    run(&mut db, "INSERT INTO v VALUES ('second', 7), ('third', 7)").unwrap();
    // A bigint is assigned to an integer, as in any INSERT.
    assert_eq!(insert(&mut db), "INSERT 2");
}
