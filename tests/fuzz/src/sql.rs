//! SQL: whatever text.

use std::cell::RefCell;

use m5_sql::buffer::Options;
use m5_sql::database::{Database, Sink, Tag};
use m5_sql::error::{Error, Result};
use m5_sql::execute::batch::Batch;
use m5_sql::repl::{Piece, Splitter, Variables};
use m5_sql::types::{DataType, Value};

use crate::images::m5::{Files, disk, files};
use crate::sqlstate;

/// As little of everything as there can be, so that everything happens.
pub fn small_options() -> Options {
    Options { shared_buffers: 1 << 18, max_wal_size: 1 << 17, segment_size: 1 << 16 }
}

/// An answer, in values.
#[derive(Default)]
pub struct Answer {
    pub types: Vec<DataType>,
    pub rows: Vec<Vec<Value>>,
}

impl Sink for Answer {
    fn columns(&mut self, names: &[String], types: &[DataType]) -> Result<()> {
        assert_eq!(names.len(), types.len());
        self.types = types.to_vec();
        Ok(())
    }

    fn rows(&mut self, batch: &Batch) -> Result<()> {
        batch.rows().try_for_each(|row| {
            let values = batch.columns.iter().zip(&self.types).map(|(column, kind)| column.value(row, *kind));
            self.rows.push(values.collect::<Result<_>>()?);
            Ok(())
        })
    }

    fn notice(&mut self, severity: &str, message: &str) -> Result<()> {
        assert!(["NOTICE", "WARNING"].contains(&severity) && !message.is_empty());
        Ok(())
    }
}

/// Carries out a statement; its answer.
pub fn run(database: &mut Database, text: &str) -> Result<(Tag, Answer)> {
    let mut answer = Answer::default();
    let tag = database.execute(text, &mut answer)?;
    if let Tag::Select(rows) = tag {
        assert_eq!(rows, answer.rows.len() as u64, "the tag of {text}");
    }
    Ok((tag, answer))
}

fn base() -> Files {
    let vfs = disk(&[]);
    let mut database = Database::open(vfs.clone(), small_options()).expect("a new database");
    for statement in [
        "CREATE TABLE t (a integer PRIMARY KEY, b text, c double precision DEFAULT 1.5, d boolean NOT NULL)",
        "CREATE TABLE u (x bigint NOT NULL, y smallint, z varchar(10))",
        "CREATE INDEX u_y ON u (y, z)",
        "INSERT INTO t VALUES (1, 'one', 1, true), (2, NULL, NULL, false), (3, 'three', -0.5, true)",
        "INSERT INTO u SELECT a, a, b FROM t",
        "INSERT INTO u SELECT x * 10, y + 3, NULL FROM u",
    ] {
        run(&mut database, statement).expect("a statement without fault");
    }
    database.close().expect("memory");
    files(&vfs)
}

fn open(base: &Files) -> Database {
    Database::open(disk(base), small_options()).expect("a database without fault")
}

thread_local! {
    static BASE: Files = base();
    /// One that no statement has changed yet.
    static DATABASE: RefCell<Option<Database>> = const { RefCell::new(None) };
}

/// What an answer may be at most: no statement of this length has to say more.
const MAX_STATEMENTS: usize = 12;

/// Statements, one after another. Whether one of them was understood.
pub fn sql(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut database = DATABASE.with_borrow_mut(Option::take).unwrap_or_else(|| BASE.with(open));
    let (mut is_fresh, mut understood, variables) = (true, false, Variables::default());
    let mut splitter = Splitter::default();
    text.split('\n').for_each(|line| splitter.add_line(line.as_bytes()));
    splitter.end();
    for _ in 0..MAX_STATEMENTS {
        let Some(piece) = splitter.next(&variables) else { break };
        let Piece::Statement(statement) = piece else { continue };
        let Ok(statement) = std::str::from_utf8(statement) else { continue };
        let result = run(&mut database, statement);
        is_fresh &= leaves_nothing(&result, statement);
        understood |= !matches!(&result, Err(error) if error.state().code() == "42601");
        if let Err(error) = result {
            check_error(&error, statement);
        }
    }
    if is_fresh {
        DATABASE.set(Some(database));
    } else {
        let problems = database.check().problems;
        assert!(problems.is_empty(), "{problems:?}");
    }
    understood
}

/// An error says where, if it says so, within the text.
fn check_error(error: &Error, statement: &str) {
    sqlstate(error.state().code(), error);
    assert!(!error.message().is_empty());
    if let Some(position) = error.position() {
        let characters = statement.chars().count();
        assert!(position <= characters, "position {position} in a statement of {characters}: {error}");
    }
}

/// Whether the database is what it was, to the byte.
fn leaves_nothing(result: &Result<(Tag, Answer)>, statement: &str) -> bool {
    match result {
        Ok((tag, _)) => {
            let first = statement.trim_start().get(..6).unwrap_or_default();
            matches!(tag, Tag::Empty) || matches!(tag, Tag::Select(_)) && first.eq_ignore_ascii_case("select")
        }
        // What the text alone is guilty of.
        Err(error) => error.state().code().starts_with("42") || error.state().code() == "0A000",
    }
}

/// What SQL consists of.
pub const WORDS: &[&str] = &[
    "SELECT ",
    "FROM ",
    "WHERE ",
    "GROUP BY ",
    "ORDER BY ",
    "HAVING ",
    "LIMIT ",
    "OFFSET ",
    "DISTINCT ",
    "ALL ",
    "AS ",
    "INSERT INTO ",
    "VALUES ",
    "UPDATE ",
    "SET ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE UNIQUE INDEX ",
    "DROP TABLE ",
    "PRIMARY KEY",
    "NOT NULL",
    "NULL",
    "DEFAULT ",
    "AND ",
    "OR ",
    "NOT ",
    "IN ",
    "BETWEEN ",
    "LIKE ",
    "ESCAPE ",
    "IS ",
    "CASE WHEN ",
    "THEN ",
    "ELSE ",
    "END ",
    "CAST(",
    "::",
    "integer",
    "text",
    "boolean",
    "varchar(3)",
    "bigint",
    "double precision",
    "smallint",
    "count(*)",
    "sum(",
    "avg(",
    "min(",
    "max(",
    "coalesce(",
    "nullif(",
    "greatest(",
    "substr(",
    "substring(",
    "trim(",
    "replace(",
    "length(",
    "abs(",
    "round(",
    "upper(",
    "||",
    "+",
    "-",
    "*",
    "/",
    "%",
    "=",
    "<>",
    "<",
    ">=",
    "(",
    ")",
    ",",
    ";",
    "'",
    "''",
    "\"",
    "$$",
    "$1",
    "--",
    "/*",
    "*/",
    "\n",
    "e'\\",
    ".",
    "t",
    "u",
    "a",
    "b",
    "x",
    "y",
    "t.a",
    "t.*",
    "1",
    "0",
    "-1",
    "2147483647",
    "9223372036854775807",
    "1e308",
    "0.5",
    "'x'",
    "true",
    "false",
    "NaN",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "EXPLAIN ",
    "ANALYZE ",
    "VACUUM ",
    "SHOW ",
    "UNION ",
    "JOIN ",
    "EXISTS ",
    "IF EXISTS ",
    "RETURNING ",
    "ON CONFLICT ",
    "NULLS FIRST",
    "DESC ",
    "USING ",
    "INTERVAL ",
    "ä",
    "\u{0}",
    "😀",
    "ARRAY[",
    "pg_class",
    "FOR ",
    "FETCH FIRST ",
    "WITH ",
    "OVER (",
    "FILTER (",
    "ILIKE ",
    "SIMILAR TO ",
    "IS DISTINCT FROM ",
    "AT TIME ZONE ",
    "work_mem",
    "CHECKPOINT",
];

/// Statements of every kind, right ones and wrong ones.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "SELECT * FROM t WHERE a = 2 OR b LIKE 'o%' ORDER BY c DESC NULLS LAST, a LIMIT 2 OFFSET 1",
        "SELECT y, count(*), sum(x), avg(x), min(z), max(z) FROM u GROUP BY y HAVING count(*) > 0 ORDER BY 1",
        "SELECT DISTINCT d, a % 2 FROM t ORDER BY d, 2",
        "INSERT INTO t (a, d) VALUES (4, false), (5, DEFAULT); INSERT INTO t VALUES (6, 'x', DEFAULT, true)",
        "INSERT INTO u SELECT a, a, b FROM t WHERE d; SELECT count(*) FROM u",
        "UPDATE t SET b = b || '!', c = c * 2, a = a + 10 WHERE d AND a BETWEEN 1 AND 3; SELECT * FROM t",
        "DELETE FROM u WHERE y IS NULL OR x IN (1, 2, NULL, 30); VACUUM u",
        "BEGIN; DELETE FROM t; ROLLBACK; BEGIN; INSERT INTO t VALUES (1, 'dup', 0, true); COMMIT; SELECT 1",
        "CREATE TABLE v (k integer PRIMARY KEY, s varchar(5) NOT NULL DEFAULT 'abc', UNIQUE (s, k)); DROP TABLE v, u",
        "CREATE TABLE IF NOT EXISTS t (a int); CREATE UNIQUE INDEX i ON t (b, a DESC); DROP INDEX IF EXISTS i, j",
        "EXPLAIN SELECT * FROM t WHERE a = 1; EXPLAIN (ANALYZE, BUFFERS) UPDATE t SET c = 0 WHERE b IS NOT NULL",
        "SELECT CASE WHEN a > 1 THEN 'x' WHEN NULL THEN b ELSE upper(b) END, CASE a WHEN 1 THEN 2 END FROM t",
        "SELECT CAST('12' AS integer) + 1::bigint, '1e3'::double precision, 7 / 2, 7 % -2, - -3, 2147483647 + 1",
        "SELECT coalesce(NULL, b, 'none'), nullif(a, 1), greatest(a, 2, NULL), least(c, 0) FROM t",
        "SELECT substring(b FROM 2 FOR 2), trim(BOTH FROM '  x '), replace(b, 'e', 'ee'), length(b), position FROM t",
        "SELECT 'it''s' || E'\\n\\x41' || $$d$$, \"a\", t.b AS \"Name\" FROM t -- comment\n WHERE /* a /* b */ */ true",
        "SELECT NOT (a = 1 AND b = 'x' OR NOT d) IS NOT TRUE, a IS DISTINCT FROM 2, (a, b) FROM t WHERE NULL",
        "SELECT relname, relkind FROM pg_class WHERE relname LIKE 'pg\\_%' ORDER BY relname",
        "SET work_mem = '64kB'; SELECT * FROM u ORDER BY z, x; SHOW work_mem; SET work_mem TO DEFAULT; CHECKPOINT",
        "SELECT abs(-5), round(2.5), floor(-0.5), ceil(1.2), 1/0, 1e308 * 10, -9223372036854775808, 'a' < 'B'",
        "SELECT a FROM t WHERE a IN (SELECT x FROM u); SELECT * FROM t JOIN u ON a = x; SELECT * FROM t, u",
        "SELECT sum(a) FILTER (WHERE d), count(DISTINCT y) FROM u; SELECT a FROM t GROUP BY b; SELECT nothing FROM t",
        "WITH q AS (SELECT 1) SELECT * FROM q; SELECT 1 UNION ALL SELECT 2; VALUES (1, 'a'), (2, NULL)",
        "ALTER TABLE t ADD COLUMN e int; TRUNCATE t; GRANT ALL ON t TO u; CREATE VIEW w AS SELECT 1; COPY t FROM 'x'",
        "SELECT max(a), min(b) FROM t WHERE c > 0.25 AND c < 1e2 AND b >= 'a' AND a <> 7 AND NOT d",
        "SELECT x + y * 2 - x / 3 % 4, -x, +y, x = y, x < y, x || z FROM u WHERE z IS NULL AND y IN (4, 5) ORDER BY x DESC",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}
