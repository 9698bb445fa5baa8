//! Milestones 1 to 4 behind one trait: what all of them can do with rows.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};

/// A stage with one table of two columns: a number and a text.
pub trait Stage {
    /// Inserts rows with these numbers, and has them on the disk when it returns.
    fn insert(&mut self, ids: std::ops::Range<i32>) -> Result<()>;

    /// Reads the row that was inserted as number `row`, which is its id.
    fn get(&mut self, row: usize) -> Result<i32>;

    /// Reads all rows; the sum of their numbers.
    fn scan(&mut self) -> Result<i64>;
}

/// The text of every row: as long as a name in the race.
fn text(id: i32) -> String {
    format!("{id:050}")
}

macro_rules! stage {
    ($module:ident, $stage:ident, $($options:expr)?, $durable:expr) => {
        pub mod $module {
            use super::*;
            use $stage::database::Database;
            use $stage::error::Error;
            use $stage::page::Tid;
            use $stage::types::{Column, DataType, Schema, Value};
            use $stage::vfs::OsVfs;

            struct Engine {
                database: Database,
                tids: Vec<Tid>,
            }

            pub fn open(directory: &Path) -> Result<Box<dyn Stage>> {
                let vfs = Arc::new(OsVfs::new(directory)?);
                let mut database = Database::open(vfs, $($options)?).map_err(told)?;
                let column = |name: &str, data_type| Column { name: name.into(), data_type, not_null: true };
                let columns = vec![column("id", DataType::Integer), column("name", DataType::Text)];
                database.create_table("employees", Schema::new(columns).map_err(told)?).map_err(told)?;
                Ok(Box::new(Engine { database, tids: Vec::new() }))
            }

            fn told(error: Error) -> anyhow::Error {
                anyhow!("{error}")
            }

            impl Stage for Engine {
                fn insert(&mut self, ids: std::ops::Range<i32>) -> Result<()> {
                    let rows = ids.map(|id| vec![Value::Integer(id), Value::Text(text(id))]).collect();
                    self.tids.extend(self.database.insert("employees", rows).map_err(told)?);
                    let durable: fn(&mut Database) -> std::result::Result<(), Error> = $durable;
                    durable(&mut self.database).map_err(told)
                }

                fn get(&mut self, row: usize) -> Result<i32> {
                    let tid = *self.tids.get(row).ok_or_else(|| anyhow!("there is no row {row}"))?;
                    match self.database.get("employees", tid).map_err(told)?.as_deref() {
                        Some([Value::Integer(id), _]) => Ok(*id),
                        other => Err(anyhow!("row {row} is {other:?}")),
                    }
                }

                fn scan(&mut self) -> Result<i64> {
                    let mut sum = 0;
                    let mut add = |_: Tid, row: Vec<Value>| {
                        if let Some(Value::Integer(id)) = row.first() {
                            sum += i64::from(*id);
                        }
                        Ok(())
                    };
                    self.database.scan("employees", &mut add).map_err(told)?;
                    Ok(sum)
                }
            }
        }
    };
}

// Without a log, only a sync of the data files makes a row durable.
stage!(m1, m1_storage,, |database| database.sync());
stage!(m2, m2_wal, m2_wal::buffer::Options::default(), |_| Ok(()));
stage!(m3, m3_buffer_pool, m3_buffer_pool::buffer::Options::default(), |_| Ok(()));
stage!(m4, m4_catalogs, m4_catalogs::buffer::Options::default(), |_| Ok(()));
