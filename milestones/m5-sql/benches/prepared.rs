//! Prepared statements in process: InoxDB's and SQLite's, at the same work on the same rows.
//!
//! `cargo bench --features against-sqlite`. No shell, no text to read or print: what is left is the engine. Both
//! databases are files on this machine's disk, and both make a commit durable (SQLite: a write-ahead log and
//! `synchronous = FULL`).

use divan::Bencher;
use m5_sql::database::{Database, Prepared, Sink, Tag};
use m5_sql::error::Result;
use m5_sql::execute::batch::Batch;
use m5_sql::execute::vector::Values;
use m5_sql::types::{DataType, Value};
use m5_sql::vfs::OsVfs;
use rusqlite::Connection;
use std::hint::black_box;
use std::sync::Arc;
use tempfile::TempDir;

const ROWS: i32 = 100_000;

const TABLE: &str = "CREATE TABLE employees (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL, \
                     department VARCHAR(50), salary INTEGER, active BOOLEAN)";
const INSERT: &str = "INSERT INTO employees VALUES ($1, $2, $3, $4, $5)";
const BY_KEY: &str = "SELECT * FROM employees WHERE id = $1";
const RANGE: &str = "SELECT * FROM employees WHERE id BETWEEN $1 AND $2 ORDER BY id";
const AGGREGATE: &str = "SELECT COUNT(*), SUM(salary) FROM employees WHERE department = $1 AND salary > $2";
const UPDATE: &str = "UPDATE employees SET salary = salary + 1 WHERE id = $1";

fn main() {
    divan::main();
}

/// A row without chance: its values follow from its number.
fn name(id: i32) -> String {
    format!("{:050}", i64::from(id) * 7919 % 1_000_003)
}

fn department(id: i32) -> String {
    format!("department {}", id % 10)
}

fn salary(id: i32) -> i32 {
    30_000 + (i64::from(id) * 6151 % 170_000) as i32
}

/// The keys that are looked for: all over the table, the same for both.
fn keys(count: i32) -> impl Iterator<Item = i32> {
    (0..count).map(|number| 1 + (i64::from(number) * 48_271 % i64::from(ROWS - 200)) as i32)
}

/// Looks at every value of every row, as a program would.
#[derive(Default)]
struct Reader {
    sum: i64,
}

impl Sink for Reader {
    fn columns(&mut self, _: &[String], _: &[DataType]) -> Result<()> {
        Ok(())
    }

    fn rows(&mut self, batch: &Batch) -> Result<()> {
        for column in &batch.columns {
            batch.rows().for_each(|row| {
                self.sum += match &column.values {
                    Values::Integer(values) => values[row],
                    Values::Text(texts) => texts.get(row).len() as i64,
                    Values::Boolean(values) => i64::from(values[row]),
                    Values::Double(values) => values[row] as i64,
                };
            });
        }
        Ok(())
    }

    fn notice(&mut self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }
}

struct Inox {
    db: Database,
    _directory: TempDir,
}

impl Inox {
    fn empty() -> Inox {
        let directory = tempfile::tempdir_in("target").or_else(|_| tempfile::tempdir()).unwrap();
        let vfs = OsVfs::new(directory.path()).unwrap();
        let mut db = Database::open(Arc::new(vfs), Default::default()).unwrap();
        db.execute(TABLE, &mut Reader::default()).unwrap();
        Inox { db, _directory: directory }
    }

    fn loaded() -> Inox {
        let mut inox = Inox::empty();
        inox.load();
        inox
    }

    fn load(&mut self) {
        let mut insert = self.db.prepare(INSERT).unwrap();
        self.db.begin().unwrap();
        for id in 1..=ROWS {
            let row = [
                Value::Integer(id),
                Value::Text(name(id)),
                Value::Text(department(id)),
                Value::Integer(salary(id)),
                Value::Boolean(id % 10 != 0),
            ];
            self.db.execute_prepared(&mut insert, &row, &mut Reader::default()).unwrap();
        }
        self.db.commit().unwrap();
    }

    fn run(&mut self, statement: &mut Prepared, values: &[Value], reader: &mut Reader) -> Tag {
        self.db.execute_prepared(statement, values, reader).unwrap()
    }
}

struct Sqlite {
    db: Connection,
    _directory: TempDir,
}

impl Sqlite {
    fn empty() -> Sqlite {
        let directory = tempfile::tempdir_in("target").or_else(|_| tempfile::tempdir()).unwrap();
        let db = Connection::open(directory.path().join("employees")).unwrap();
        db.pragma_update(None, "journal_mode", "wal").unwrap();
        db.pragma_update(None, "synchronous", "full").unwrap();
        db.execute_batch(TABLE).unwrap();
        Sqlite { db, _directory: directory }
    }

    fn loaded() -> Sqlite {
        let sqlite = Sqlite::empty();
        sqlite.load();
        sqlite
    }

    fn load(&self) {
        self.db.execute_batch("BEGIN").unwrap();
        let mut insert = self.db.prepare(INSERT).unwrap();
        for id in 1..=ROWS {
            insert.execute((id, name(id), department(id), salary(id), id % 10 != 0)).unwrap();
        }
        self.db.execute_batch("COMMIT").unwrap();
    }

    /// Looks at every value of every row.
    fn read(rows: &mut rusqlite::Rows<'_>) -> i64 {
        use rusqlite::types::ValueRef;
        let mut sum = 0;
        while let Some(row) = rows.next().unwrap() {
            for column in 0..row.as_ref().column_count() {
                sum += match row.get_ref(column).unwrap() {
                    ValueRef::Integer(value) => value,
                    ValueRef::Text(text) => text.len() as i64,
                    ValueRef::Real(value) => value as i64,
                    ValueRef::Null | ValueRef::Blob(_) => 0,
                };
            }
        }
        sum
    }
}

/// 100,000 INSERTs of one row in one transaction.
#[divan::bench_group(sample_count = 5, sample_size = 1)]
mod insert {
    use super::*;

    #[divan::bench]
    fn inoxdb(bencher: Bencher<'_, '_>) {
        bencher.with_inputs(Inox::empty).bench_local_refs(|inox| inox.load());
    }

    #[divan::bench]
    fn sqlite(bencher: Bencher<'_, '_>) {
        bencher.with_inputs(Sqlite::empty).bench_local_refs(|sqlite| sqlite.load());
    }
}

/// 10,000 SELECTs of a row by its key.
#[divan::bench_group(sample_count = 20, sample_size = 1)]
mod by_key {
    use super::*;

    #[divan::bench]
    fn inoxdb(bencher: Bencher<'_, '_>) {
        let mut inox = Inox::loaded();
        let mut select = inox.db.prepare(BY_KEY).unwrap();
        bencher.bench_local(|| {
            let mut reader = Reader::default();
            for id in keys(10_000) {
                inox.run(&mut select, &[Value::Integer(id)], &mut reader);
            }
            black_box(reader.sum)
        });
    }

    #[divan::bench]
    fn sqlite(bencher: Bencher<'_, '_>) {
        let sqlite = Sqlite::loaded();
        let mut select = sqlite.db.prepare(BY_KEY).unwrap();
        bencher.bench_local(|| {
            let sum: i64 = keys(10_000).map(|id| Sqlite::read(&mut select.query([id]).unwrap())).sum();
            black_box(sum)
        });
    }
}

/// 1,000 SELECTs of 101 rows by their keys.
#[divan::bench_group(sample_count = 20, sample_size = 1)]
mod range {
    use super::*;

    #[divan::bench]
    fn inoxdb(bencher: Bencher<'_, '_>) {
        let mut inox = Inox::loaded();
        let mut select = inox.db.prepare(RANGE).unwrap();
        bencher.bench_local(|| {
            let mut reader = Reader::default();
            for id in keys(1_000) {
                inox.run(&mut select, &[Value::Integer(id), Value::Integer(id + 100)], &mut reader);
            }
            black_box(reader.sum)
        });
    }

    #[divan::bench]
    fn sqlite(bencher: Bencher<'_, '_>) {
        let sqlite = Sqlite::loaded();
        let mut select = sqlite.db.prepare(RANGE).unwrap();
        bencher.bench_local(|| {
            let sum: i64 =
                keys(1_000).map(|id| Sqlite::read(&mut select.query([id, id + 100]).unwrap())).sum();
            black_box(sum)
        });
    }
}

/// COUNT and SUM of the rows that meet two conditions.
#[divan::bench_group(sample_count = 20, sample_size = 1)]
mod aggregate {
    use super::*;

    #[divan::bench]
    fn inoxdb(bencher: Bencher<'_, '_>) {
        let mut inox = Inox::loaded();
        let mut select = inox.db.prepare(AGGREGATE).unwrap();
        let values = [Value::Text(department(3)), Value::Integer(100_000)];
        bencher.bench_local(|| {
            let mut reader = Reader::default();
            inox.run(&mut select, &values, &mut reader);
            black_box(reader.sum)
        });
    }

    #[divan::bench]
    fn sqlite(bencher: Bencher<'_, '_>) {
        let sqlite = Sqlite::loaded();
        let mut select = sqlite.db.prepare(AGGREGATE).unwrap();
        let department = department(3);
        bencher.bench_local(|| black_box(Sqlite::read(&mut select.query((&department, 100_000)).unwrap())));
    }
}

/// 1,000 UPDATEs of a row by its key, in one transaction.
#[divan::bench_group(sample_count = 20, sample_size = 1)]
mod update {
    use super::*;

    #[divan::bench]
    fn inoxdb(bencher: Bencher<'_, '_>) {
        let mut inox = Inox::loaded();
        let mut update = inox.db.prepare(UPDATE).unwrap();
        bencher.bench_local(|| {
            inox.db.begin().unwrap();
            for id in keys(1_000) {
                inox.run(&mut update, &[Value::Integer(id)], &mut Reader::default());
            }
            inox.db.commit().unwrap()
        });
    }

    #[divan::bench]
    fn sqlite(bencher: Bencher<'_, '_>) {
        let sqlite = Sqlite::loaded();
        let mut update = sqlite.db.prepare(UPDATE).unwrap();
        bencher.bench_local(|| {
            sqlite.db.execute_batch("BEGIN").unwrap();
            for id in keys(1_000) {
                update.execute([id]).unwrap();
            }
            sqlite.db.execute_batch("COMMIT").unwrap();
        });
    }
}
