//! Stage 5: the same operations as SQL statements, and every row looked for by its indexes too.

use std::fmt::Write as _;
use std::sync::Arc;

use m5_sql::buffer::Options;
use m5_sql::database::{Database, Sink};
use m5_sql::error::{Error, Result};
use m5_sql::execute::batch::Batch;
use m5_sql::page::PAGE_SIZE;
use m5_sql::types::{DataType, Value};

use super::bridge::bridge;
use super::{Engine, Refusal, Sizes, Vfs};
use crate::model::{Op, State, Table, TableName, matches_text, text};

bridge!(m5_sql);

pub fn open(disk: Arc<dyn Vfs>, sizes: Sizes) -> std::result::Result<Box<dyn Engine>, Refusal> {
    let options = Options {
        shared_buffers: sizes.pages * PAGE_SIZE,
        max_wal_size: sizes.max_wal_size,
        segment_size: sizes.segment_size,
    };
    let database = Database::open(Arc::new(bridge::Bridge(disk)), options).map_err(refusal)?;
    Ok(Box::new(Sql { database }))
}

fn refusal(error: Error) -> Refusal {
    let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    Refusal { code: error.state().code().into(), message: format!("{}{detail}", error.message()) }
}

struct Sql {
    database: Database,
}

impl Engine for Sql {
    fn apply(&mut self, op: &Op) -> std::result::Result<(), Refusal> {
        self.database.execute(&statement(op), &mut Answer::default()).map(drop).map_err(refusal)
    }

    fn read(&mut self) -> std::result::Result<State, Refusal> {
        let mut state = State::default();
        for name in TableName::ALL {
            match Sql::read_table(self, name) {
                Ok(table) => drop(state.tables.insert(name, table)),
                Err(error) if error.state().code() == "42P01" => {}
                Err(error) => return Err(refusal(error)),
            }
        }
        Ok(state)
    }

    fn read_table(&mut self, name: TableName) -> std::result::Result<Option<Table>, Refusal> {
        match Sql::read_table(self, name) {
            Err(error) if error.state().code() == "42P01" => Ok(None),
            read => read.map(Some).map_err(refusal),
        }
    }

    fn check(&mut self) -> Vec<String> {
        self.database.check().problems.iter().map(ToString::to_string).collect()
    }

    fn close(self: Box<Self>) -> std::result::Result<(), Refusal> {
        self.database.close().map_err(refusal)
    }
}

fn statement(op: &Op) -> String {
    match op {
        Op::Create(table) => {
            format!("CREATE TABLE {table} (id bigint PRIMARY KEY, v text NOT NULL, n integer)")
        }
        Op::Drop(table) => format!("DROP TABLE {table}"),
        Op::CreateIndex(table) => format!("CREATE INDEX {table}_v ON {table} (v)"),
        Op::DropIndex(table) => format!("DROP INDEX {table}_v"),
        Op::Begin => "BEGIN".into(),
        Op::Commit => "COMMIT".into(),
        Op::Rollback => "ROLLBACK".into(),
        Op::Insert(table, ids, size) => {
            let mut sql = format!("INSERT INTO {table} VALUES ");
            for (number, id) in ids.iter().enumerate() {
                let comma = if number == 0 { "" } else { ", " };
                // Writing to a string cannot fail.
                let _ = write!(sql, "{comma}({id}, '{}', {size})", text(id, *size));
            }
            sql
        }
        Op::Update(table, ids, size) => {
            // The text is a function of the row and its size; SQL has no loop to make it, so each row gets its own.
            let cases: String =
                ids.iter().map(|id| format!(" WHEN {id} THEN '{}'", text(id, *size))).collect();
            let (first, last) = ids.bounds();
            format!(
                "UPDATE {table} SET n = {size}, v = CASE id{cases} END WHERE id BETWEEN {first} AND {last}"
            )
        }
        Op::Delete(table, ids) => {
            let (first, last) = ids.bounds();
            format!("DELETE FROM {table} WHERE id BETWEEN {first} AND {last}")
        }
        Op::Checkpoint => "CHECKPOINT".into(),
        Op::Vacuum(table) => format!("VACUUM {table}"),
        Op::Restart => unreachable!("who drives the engine opens it anew"),
    }
}

impl Sql {
    fn read_table(&mut self, name: TableName) -> Result<Table> {
        let mut table = Table::default();
        for row in self.query(&format!("SELECT id, v, n FROM {name}"))? {
            let [Value::BigInt(id), Value::Text(text), Value::Integer(size)] = row.as_slice() else {
                return Err(Error::internal(format_args!("{name} has the row {row:?}")));
            };
            if !matches_text(text, *id, *size) {
                return Err(Error::internal(format_args!("row {id} of {name} has another row's text")));
            }
            if table.rows.insert(*id, *size).is_some() {
                return Err(Error::internal(format_args!("row {id} of {name} is there twice")));
            }
        }
        let index = format!("{name}_v");
        table.indexed =
            self.database.tables()?.any(|table| table.indexes.iter().any(|found| found.name == index));
        self.look_up(name, &table)?;
        Ok(table)
    }

    /// A few rows by their keys: the first, the last, one that is not there.
    fn look_up(&mut self, name: TableName, table: &Table) -> Result<()> {
        let ends = [table.rows.first_key_value(), table.rows.last_key_value()];
        for (id, size) in ends.into_iter().flatten() {
            for condition in [format!("id = {id}"), format!("v = '{}' AND id = {id}", text(*id, *size))] {
                let found = self.query(&format!("SELECT n FROM {name} WHERE {condition}"))?;
                if found != [[Value::Integer(*size)]] {
                    return Err(Error::internal(format_args!("{name}: {condition} finds {found:?}")));
                }
            }
        }
        let missing = table.rows.last_key_value().map_or(0, |(id, _)| id + 1);
        let found = self.query(&format!("SELECT n FROM {name} WHERE id = {missing}"))?;
        if !found.is_empty() {
            return Err(Error::internal(format_args!(
                "{name}: a scan does not find row {missing}, the key does"
            )));
        }
        Ok(())
    }

    fn query(&mut self, sql: &str) -> Result<Vec<Vec<Value>>> {
        let mut answer = Answer::default();
        self.database.execute(sql, &mut answer)?;
        Ok(answer.rows)
    }
}

/// Keeps the rows of an answer.
#[derive(Default)]
struct Answer {
    types: Vec<DataType>,
    rows: Vec<Vec<Value>>,
}

impl Sink for Answer {
    fn columns(&mut self, _: &[String], types: &[DataType]) -> Result<()> {
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

    fn notice(&mut self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }
}
