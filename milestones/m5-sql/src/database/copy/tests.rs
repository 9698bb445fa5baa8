//! COPY as a client has it: data in, rows out.

use super::super::testing::Rows;
use super::super::{Database, Sink, Tag};
use crate::error::{Error, Result};
use crate::execute::batch::Batch;
use crate::testing::small_options;
use crate::types::{DataType, Value};
use crate::vfs::MemoryVfs;
use proptest::prelude::*;
use std::io::{self, Read};
use std::sync::Arc;

/// Data that come a few bytes at a time, and rows.
struct Client<'d> {
    data: &'d [u8],
    step: usize,
    rows: Rows,
}

impl Read for Client<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.step.min(out.len()).min(self.data.len());
        let (now, later) = self.data.split_at(len);
        out[..len].copy_from_slice(now);
        self.data = later;
        Ok(len)
    }
}

impl Sink for Client<'_> {
    fn columns(&mut self, names: &[String], types: &[DataType]) -> Result<()> {
        self.rows.columns(names, types)
    }

    fn rows(&mut self, batch: &Batch) -> Result<()> {
        self.rows.rows(batch)
    }

    fn copy_in(&mut self) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(self))
    }

    fn notice(&mut self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }
}

const TABLE: &str = "CREATE TABLE t (id integer PRIMARY KEY, word varchar(9), flag boolean DEFAULT 1 = 1, \
                     big bigint, real double precision, body text NOT NULL DEFAULT 'none')";

fn database() -> Database {
    let mut db = Database::open(Arc::new(MemoryVfs::new()), small_options()).unwrap();
    execute(&mut db, TABLE, b"", 1).unwrap();
    db
}

fn execute(db: &mut Database, sql: &str, data: &[u8], step: usize) -> Result<(Tag, Vec<Vec<Value>>)> {
    let mut client = Client { data, step, rows: Rows::default() };
    let tag = db.execute(sql, &mut client)?;
    Ok((tag, client.rows.rows))
}

/// The rows of a table into which `data` were copied, as text with `|` between columns.
fn copied(sql: &str, data: &str) -> Result<Vec<String>, String> {
    let told = |error: Error| {
        let (detail, context) = (error.detail().unwrap_or_default(), error.context().unwrap_or_default());
        format!("{} {error}: {detail}|{context}", error.state().code())
    };
    let mut answers = Vec::new();
    for step in [1, 3, 1 << 20] {
        let mut db = database();
        let answer = execute(&mut db, sql, data.as_bytes(), step).map_err(told);
        let rows = execute(&mut db, "SELECT * FROM t ORDER BY id", b"", 1).unwrap().1;
        let shown = |value: &Value| if value.is_null() { "NULL".into() } else { value.to_string() };
        let rows: Vec<String> =
            rows.iter().map(|row| row.iter().map(shown).collect::<Vec<_>>().join("|")).collect();
        assert!(answer.is_ok() || rows.is_empty(), "a COPY that failed left rows");
        answers.push(answer.map(|(tag, _)| {
            assert_eq!(tag, Tag::Copy(rows.len() as u64));
            rows
        }));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    answers.remove(0)
}

#[test]
fn csv_is_read_as_postgresql_reads_it() {
    for (columns, data, expected) in [
        ("(id, word)", "1,one\n2,\"t,w\"\n", vec!["1|one|t|NULL|NULL|none", "2|t,w|t|NULL|NULL|none"]),
        (
            "(id, body)",
            "1,\"a\"\"b\nc\"\r\n2,\"\"\r\n",
            vec!["1|NULL|t|NULL|NULL|a\"b\nc", "2|NULL|t|NULL|NULL|"],
        ),
        ("(id, word)", "1,\n2,\"\"", vec!["1|NULL|t|NULL|NULL|none", "2||t|NULL|NULL|none"]),
        ("(word, id)", "a\"b,c\"d,1\n", vec!["1|ab,cd|t|NULL|NULL|none"]),
        (
            "(id, flag, big, real)",
            "7,f,-9223372036854775808,1e3\n",
            vec!["7|NULL|f|-9223372036854775808|1000|none"],
        ),
        ("(id)", "1\n2\n\\.\n3\n", vec!["1|NULL|t|NULL|NULL|none", "2|NULL|t|NULL|NULL|none"]),
        ("(id)", "", vec![]),
    ] {
        let sql = format!("COPY t {columns} FROM STDIN (FORMAT csv)");
        assert_eq!(copied(&sql, data), Ok(expected.into_iter().map(String::from).collect()), "{data}");
    }
}

#[test]
fn text_is_read_as_postgresql_reads_it() {
    for (data, expected) in [
        ("1\ta\\tb\n2\t\\N\n", vec!["1|a\tb|t|NULL|NULL|none", "2|NULL|t|NULL|NULL|none"]),
        ("1\t\\\\N\n", vec!["1|\\N|t|NULL|NULL|none"]),
        ("1\t\\x41\\101\\q\r\n", vec!["1|AAq|t|NULL|NULL|none"]),
        ("1\ta\\\nb\n", vec!["1|a\nb|t|NULL|NULL|none"]),
        ("1\t\"x\"\n\\.\n", vec!["1|\"x\"|t|NULL|NULL|none"]),
    ] {
        let answer = copied("COPY t (id, word) FROM STDIN", data);
        assert_eq!(answer, Ok(expected.into_iter().map(String::from).collect()), "{data}");
    }
}

#[test]
fn options_change_what_is_what() {
    let row = |text: &str| Ok(vec![text.to_string()]);
    for (options, data, expected) in [
        ("CSV HEADER", "number,word\n1,x\n", "1|x|t|NULL|NULL|none"),
        ("(FORMAT csv, HEADER, DELIMITER ';', NULL '-')", "a;b\n1;-\n", "1|NULL|t|NULL|NULL|none"),
        ("(FORMAT csv, QUOTE '''', ESCAPE '\\')", "1,'a\\'b'\n", "1|a'b|t|NULL|NULL|none"),
        ("(DELIMITER ',', NULL 'nil')", "1,nil\n", "1|NULL|t|NULL|NULL|none"),
    ] {
        assert_eq!(
            copied(&format!("COPY t (id, word) FROM STDIN {options}"), data),
            row(expected),
            "{options}"
        );
    }
}

/// Each right-hand side is PostgreSQL 15's error, detail and context.
#[test]
fn errors_say_which_line() {
    for (data, expected) in [
        ("1,a\n2\n", "22P04 missing data for column \"word\": |COPY t, line 2: \"2\""),
        ("1,a\n\n", "22P04 missing data for column \"word\": |COPY t, line 2: \"\""),
        ("x\n", "22P02 invalid input syntax for type integer: \"x\": |COPY t, line 1, column id: \"x\""),
        (
            "1,a\n2,\"b\"\"\",c\n",
            "22P04 extra data after last expected column: |COPY t, line 2: \"2,\"b\"\"\",c\"",
        ),
        (
            "1,a\n2,\"a\nb\"\nx,c\n",
            "22P02 invalid input syntax for type integer: \"x\": |COPY t, line 4, column id: \"x\"",
        ),
        (
            "1,0123456789\n",
            "22001 value too long for type character varying(9): |COPY t, line 1, column word: \"0123456789\"",
        ),
        (
            "9999999999,a\n",
            "22003 value \"9999999999\" is out of range for type integer: |COPY t, line 1, column id: \"9999999999\"",
        ),
        ("1,\"a\n", "22P04 unterminated CSV quoted field: |COPY t, line 1: \"1,\"a\n\""),
        ("1,x\n2,\"a\nb\n", "22P04 unterminated CSV quoted field: |COPY t, line 4: \"2,\"a\nb\n\""),
        (
            "1,a\n,b\n",
            "23502 null value in column \"id\" of relation \"t\" violates not-null constraint: \
             Failing row contains (null, b, t, null, null, none).|COPY t, line 2: \",b\"",
        ),
        (
            "1,a\n2,b\n1,c\n3,d\n",
            "23505 duplicate key value violates unique constraint \"t_pkey\": \
             Key (id)=(1) already exists.|COPY t, line 3",
        ),
        ("1,a\n2,\0\n", "22021 invalid byte sequence for encoding \"UTF8\": 0x00: |COPY t, line 2"),
    ] {
        let answer = copied("COPY t (id, word) FROM STDIN CSV", data).unwrap_err();
        assert_eq!(answer, expected);
    }
    let long = format!("1,{}\n", "é".repeat(70));
    let answer = copied("COPY t (id, word) FROM STDIN CSV", &long).unwrap_err();
    assert!(
        answer.ends_with(&format!("|COPY t, line 1, column word: \"{}...\"", "é".repeat(50))),
        "{answer}"
    );
}

#[test]
fn in_text_format_a_line_is_shown_as_it_was_written() {
    for (columns, data, expected) in [
        (
            "(id, body)",
            "1\ta\n2\t\\N\n",
            "Failing row contains (2, null, t, null, null, null).|COPY t, line 2: \"2\t\\N\"",
        ),
        (
            "(id, word)",
            "1\ta\\tb\tc\n",
            "extra data after last expected column: |COPY t, line 1: \"1\ta\\tb\tc\"",
        ),
        ("(id, word)", "\n", "invalid input syntax for type integer: \"\": |COPY t, line 1, column id: \"\""),
        (
            "(id, word)",
            "1\t\\xff\n",
            "invalid byte sequence for encoding \"UTF8\": 0xff: |COPY t, line 1: \"1\t\\xff\"",
        ),
    ] {
        let answer = copied(&format!("COPY t {columns} FROM STDIN"), data).unwrap_err();
        assert!(answer.ends_with(expected), "{answer}\n{expected}");
    }
}

/// Each answer is PostgreSQL 15's.
#[test]
fn all_lines_end_alike() {
    let literal = |what| format!("22P04 literal {what} found in data: |COPY t, line 2");
    let unquoted = |what| format!("22P04 unquoted {what} found in data: |COPY t, line 2");
    let marker = |what| format!("22P04 end-of-copy marker {what}: |COPY t, line 2");
    let (cr, newline, style) = ("carriage return", "newline", "does not match previous newline style");
    for (data, text, csv) in [
        ("1,a\r2,b\r", Ok("1|a 2|b"), Ok("1|a 2|b")),
        ("1,a\r2,b", Ok("1|a 2|b"), Ok("1|a 2|b")),
        ("1,a\r\n2,b\r\n", Ok("1|a 2|b"), Ok("1|a 2|b")),
        ("1,a\r\n2,b", Ok("1|a 2|b"), Ok("1|a 2|b")),
        ("1,a\r\n2,b\n", Err(literal(newline)), Err(unquoted(newline))),
        ("1,a\n2,b\r\n", Err(literal(cr)), Err(unquoted(cr))),
        ("1,a\r2,b\n", Err(literal(newline)), Err(unquoted(newline))),
        ("1,a\n2,b\r3,c\n", Err(literal(cr)), Err(unquoted(cr))),
        ("1,a\n2,b\r", Err(literal(cr)), Err(unquoted(cr))),
        ("1,a\r\n2,b\r3,c\r\n", Err(literal(cr)), Err(unquoted(cr))),
        ("1,a\r\n2,b\r", Err(literal(cr)), Err(unquoted(cr))),
        ("1,a\rb\n", Err(literal(newline)), Err(unquoted(newline))),
        ("1,x\\\r\n2,y\r\n", Err(literal(cr)), Ok("1|x\\ 2|y")),
        ("1,a\n\\.\n2,b\n", Ok("1|a"), Ok("1|a")),
        ("1,a\r\n\\.\r\n2,b\r\n", Ok("1|a"), Ok("1|a")),
        ("1,a\r\\.\r2,b\r", Ok("1|a"), Ok("1|a")),
        ("\\.\r\n1,a\n", Ok(""), Ok("")),
        ("1,a\r\n\\.\n2,b\r\n", Err(marker(style)), Err(unquoted(newline))),
        ("1,a\n\\.\r\n2,b\n", Err(marker(style)), Err(marker(style))),
        ("1,a\n\\.\r", Err(marker(style)), Err(marker(style))),
        ("1,a\n2,b\\.", Err(marker("corrupt")), Ok("1|a 2|b\\.")),
        ("1,a\n2,b\\.c\n", Err(marker("corrupt")), Ok("1|a 2|b\\.c")),
        ("1,a\n2,b\\.\n3,c\n", Ok("1|a 2|b"), Ok("1|a 2|b\\. 3|c")),
        ("1,a\n2,b\\", Ok("1|a 2|b\\"), Ok("1|a 2|b\\")),
    ] {
        let rows = |answer: Result<Vec<String>, String>| {
            let cut = |row: &String| row.split('|').take(2).collect::<Vec<_>>().join("|");
            answer.map(|rows| rows.iter().map(cut).collect::<Vec<_>>().join(" "))
        };
        let answer = rows(copied("COPY t (id, word) FROM STDIN", &data.replace(',', "\t")));
        assert_eq!(answer, text.map(String::from), "text: {data:?}");
        let answer = rows(copied("COPY t (id, word) FROM STDIN CSV", data));
        assert_eq!(answer, csv.map(String::from), "csv: {data:?}");
    }
}

#[test]
fn quotes_and_backslashes_hold_line_ends() {
    for (options, data, expected) in [
        ("CSV", "1,\"a\r\"\n2,b\n", "a\r"),
        ("CSV", "1,\"a\r\nb\"\n2,b\n", "a\r\nb"),
        ("CSV", "1,\"a\nb\"\r\n2,b\r\n", "a\nb"),
        ("CSV", "1,\"a\n\\.\n\"\n2,b\n", "a\n\\.\n"),
        ("", "1\ta\\\rb\n2\tb\n", "a\rb"),
        ("", "1\ta\\rb\n2\tb\n", "a\rb"),
        ("", "1\ta\\\nb\r2\tb\r", "a\nb"),
        ("", "1\t\u{feff}\n2\tb\n", "\u{feff}"),
    ] {
        let rows = copied(&format!("COPY t (id, word) FROM STDIN {options}"), data).unwrap();
        assert_eq!(rows.len(), 2, "{data:?}");
        assert!(rows[0].starts_with(&format!("1|{expected}|")), "{data:?}: {rows:?}");
    }
    // A byte order mark is for a header to hold.
    let marked = copied("COPY t (id, word) FROM STDIN CSV", "\u{feff}1,a\n").unwrap_err();
    assert!(marked.ends_with("COPY t, line 1, column id: \"\u{feff}1\""), "{marked}");
    assert_eq!(copied("COPY t (id, word) FROM STDIN CSV HEADER", "\u{feff}id,word\n1,a\n").unwrap().len(), 1);
    assert_eq!(copied("COPY t (id, word) FROM STDIN CSV HEADER", "id,\"word\n1,a\n").unwrap().len(), 0);
}

#[test]
fn what_cannot_be_copied_is_refused() {
    for (sql, state) in [
        ("COPY nowhere FROM STDIN", "42P01"),
        ("COPY t (id, nothing) FROM STDIN", "42703"),
        ("COPY t (id, id) FROM STDIN", "42701"),
        ("COPY pg_class FROM STDIN", "42501"),
        ("COPY t FROM '/etc/passwd'", "0A000"),
        ("COPY t FROM STDIN (FORMAT binary)", "0A000"),
        ("COPY t FROM STDIN (FORMAT paper)", "22023"),
        ("COPY t FROM STDIN (DELIMITER 'a')", "22023"),
        ("COPY t FROM STDIN (FORMAT csv, DELIMITER '\"')", "22023"),
        ("COPY t TO STDOUT", "0A000"),
        ("COPY (SELECT 1) FROM STDIN", "42601"),
    ] {
        let answer = copied(sql, "").unwrap_err();
        assert!(answer.starts_with(state), "{sql}: {answer}");
    }
}

fn field() -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.9, "[a-c,;\"'\\\\\t\r\n é]{0,8}")
}

/// A value as CSV has it: in quotes whether it needs them or not.
fn csv(value: &Option<String>) -> String {
    value.as_ref().map_or_else(String::new, |text| format!("\"{}\"", text.replace('"', "\"\"")))
}

/// As `COPY TO` writes it in text format.
fn text(value: &Option<String>) -> String {
    let Some(text) = value else { return "\\N".to_string() };
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(words in prop::collection::vec(field(), 0..40), step in 1..50_usize) {
        let expected: Vec<Vec<Value>> = (0..).zip(&words).map(|(id, word)| {
            vec![Value::Integer(id), word.clone().map_or(Value::Null, Value::Text)]
        }).collect();
        for (format, delimiter, write) in
            [("csv", ",", csv as fn(&Option<String>) -> String), ("text", "\t", text)]
        {
            let data: String =
                words.iter().enumerate().map(|(id, word)| format!("{id}{delimiter}{}\n", write(word))).collect();
            let mut db = database();
            execute(&mut db, &format!("COPY t (id, word) FROM STDIN (FORMAT {format})"), data.as_bytes(), step)
                .unwrap();
            let rows = execute(&mut db, "SELECT id, word FROM t ORDER BY id", b"", 1).unwrap().1;
            prop_assert_eq!(&rows, &expected, "{}", data);
        }
    }

    #[test]
    fn arbitrary_data_never_panic(data in prop::collection::vec(any::<u8>(), 0..200), csv in any::<bool>()) {
        let format = if csv { "csv" } else { "text" };
        let _ = execute(&mut database(), &format!("COPY t (id, word) FROM STDIN (FORMAT {format})"), &data, 7);
    }
}
