//! Stages 2 to 4: a table's rows are named by their places, so an update begins with a scan.

use super::bridge::bridge;

/// Defines `open` for a stage with commands; `$pages` is what its options call the memory for pages, and `$unit` how
/// much of it a page takes. The word `catalogs` adds what only a stage with catalogs can do.
macro_rules! commands {
    ($module:ident, $stage:ident, $pages:ident, $unit:expr $(, $catalogs:ident)?) => {
        pub mod $module {
            use super::bridge;
            use std::sync::Arc;

            use $stage::buffer::Options;
            use $stage::database::Database;
            use $stage::error::{Error, Result};
            use $stage::page::Tid;
            use $stage::types::{Column, DataType, Schema, Value};

            use crate::engine::{Engine, Refusal, Sizes, Vfs};
            use crate::model::{Ids, Op, State, Table, TableName, matches_text, text};

            bridge!($stage);

            pub fn open(disk: Arc<dyn Vfs>, sizes: Sizes) -> std::result::Result<Box<dyn Engine>, Refusal> {
                let options = Options {
                    $pages: sizes.pages * $unit,
                    max_wal_size: sizes.max_wal_size,
                    segment_size: sizes.segment_size,
                };
                let database = Database::open(Arc::new(bridge::Bridge(disk)), options).map_err(refusal)?;
                Ok(Box::new(Commands { database }))
            }

            fn refusal(error: Error) -> Refusal {
                let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    Refusal { code: error.state().code().into(), message: format!("{}{detail}", error.message()) }
            }

            struct Commands {
                database: Database,
            }

            impl Commands {
                fn apply(&mut self, op: &Op) -> Result<()> {
                    let db = &mut self.database;
                    match op {
                        Op::Create(table) => db.create_table(table.as_str(), schema()?),
                        Op::Begin => db.begin(),
                        Op::Commit => db.commit().map(drop),
                        Op::Rollback => db.rollback(),
                        Op::Insert(table, ids, size) => {
                            db.insert(table.as_str(), ids.iter().map(|id| row(id, *size)).collect()).map(drop)
                        }
                        Op::Update(table, ids, size) => self.in_one_transaction(|commands| {
                            for (id, tid) in commands.places(*table, ids)? {
                                commands.database.update(table.as_str(), tid, row(id, *size))?;
                            }
                            Ok(())
                        }),
                        Op::Delete(table, ids) => self.in_one_transaction(|commands| {
                            for (_, tid) in commands.places(*table, ids)? {
                                commands.database.delete(table.as_str(), tid)?;
                            }
                            Ok(())
                        }),
                        Op::Checkpoint => db.checkpoint(),
                        Op::Vacuum(table) => db.vacuum(table.as_str()).map(drop),
                        $(Op::Drop(table) => commands!(@$catalogs db.drop_table(table.as_str())),)?
                        other => Err(Error::unsupported(other)),
                    }
                }

                /// Several commands as one transaction, unless they already are part of one.
                fn in_one_transaction(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
                    if self.database.block().0 {
                        return work(self);
                    }
                    self.database.begin()?;
                    match work(self) {
                        Ok(()) => self.database.commit().map(drop),
                        Err(error) => {
                            self.database.rollback()?;
                            Err(error)
                        }
                    }
                }

                fn places(&mut self, table: TableName, ids: &Ids) -> Result<Vec<(i64, Tid)>> {
                    let mut places = Vec::new();
                    self.database.scan(table.as_str(), &mut |tid, row| {
                        match row.first() {
                            Some(Value::BigInt(id)) if ids.contains(*id) => places.push((*id, tid)),
                            _ => {}
                        }
                        Ok(())
                    })?;
                    Ok(places)
                }

                fn read_table(&mut self, name: &str) -> Result<Table> {
                    let mut table = Table::default();
                    self.database.scan(name, &mut |tid, row| {
                        let [Value::BigInt(id), Value::Text(text), Value::Integer(size)] = row.as_slice() else {
                            return Err(Error::internal(format_args!("row {tid} is {row:?}")));
                        };
                        if !matches_text(text, *id, *size) {
                            return Err(Error::internal(format_args!("row {tid} has another row's text")));
                        }
                        if table.rows.insert(*id, *size).is_some() {
                            return Err(Error::internal(format_args!("row {id} is there twice")));
                        }
                        Ok(())
                    })?;
                    Ok(table)
                }

                fn read(&mut self) -> Result<State> {
                    let mut state = State::default();
                    for name in TableName::ALL {
                        match self.read_table(name.as_str()) {
                            Ok(table) => drop(state.tables.insert(name, table)),
                            Err(error) if error.state().code() == "42P01" => {}
                            Err(error) => return Err(error),
                        }
                    }
                    Ok(state)
                }
            }

            fn schema() -> Result<Schema> {
                let column = |name: &str, data_type| Column { name: name.into(), data_type, not_null: true };
                Schema::new(vec![
                    column("id", DataType::BigInt),
                    column("v", DataType::Text),
                    column("n", DataType::Integer),
                ])
            }

            fn row(id: i64, size: i32) -> Vec<Value> {
                vec![Value::BigInt(id), Value::Text(text(id, size)), Value::Integer(size)]
            }

            impl Engine for Commands {
                fn apply(&mut self, op: &Op) -> std::result::Result<(), Refusal> {
                    Commands::apply(self, op).map_err(refusal)
                }

                fn read(&mut self) -> std::result::Result<State, Refusal> {
                    Commands::read(self).map_err(refusal)
                }

                fn read_table(
                    &mut self,
                    name: TableName,
                ) -> std::result::Result<Option<Table>, Refusal> {
                    match Commands::read_table(self, name.as_str()) {
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
        }
    };
    (@catalogs $drop:expr) => {
        $drop
    };
}

#[cfg(feature = "m2")]
commands!(m2, m2_wal, dirty_pages, 1);
#[cfg(feature = "m3")]
commands!(m3, m3_buffer_pool, shared_buffers, m3_buffer_pool::page::PAGE_SIZE);
#[cfg(feature = "m4")]
commands!(m4, m4_catalogs, shared_buffers, m4_catalogs::page::PAGE_SIZE, catalogs);
