//! Carrying out a statement: from its text to its rows and its tag.

use super::Database;
use super::block::{Block, Outcome};
use super::temp::VfsTempFiles;
use crate::catalog::{Lookups, Table};
use crate::error::{Error, Result};
use crate::execute::batch::Batch;
use crate::execute::build::{Options, build};
use crate::execute::context::Context;
use crate::execute::modify;
use crate::execute::stats::{NodeStats, Stats};
use crate::execute::table_writer::TableWriter;
use crate::sql::plan::{self, Node};
use crate::sql::{self, Command, Statement};
use crate::types::DataType;
use std::fmt;
use std::io::Read;
use std::sync::Arc;

/// Where the answer to a statement goes.
pub trait Sink {
    /// A result with these columns follows.
    fn columns(&mut self, names: &[String], types: &[DataType]) -> Result<()>;

    /// Rows of it; only those that the batch selects.
    fn rows(&mut self, batch: &Batch) -> Result<()>;

    /// Where the rows of COPY … FROM STDIN come from.
    fn copy_in(&mut self) -> Result<Box<dyn Read + '_>> {
        Err(Error::unsupported("COPY FROM STDIN without a standard input"))
    }

    /// Something to know that is no error; `severity` is `NOTICE` or `WARNING`.
    fn notice(&mut self, severity: &str, message: &str) -> Result<()>;
}

/// What a statement did, in a word or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// The text held no statement.
    Empty,
    Select(u64),
    Insert(u64),
    Update(u64),
    Delete(u64),
    Copy(u64),
    Other(&'static str),
}

impl Tag {
    /// How many rows the statement sent or changed.
    pub fn rows(self) -> u64 {
        match self {
            Tag::Select(rows)
            | Tag::Insert(rows)
            | Tag::Update(rows)
            | Tag::Delete(rows)
            | Tag::Copy(rows) => rows,
            Tag::Empty | Tag::Other(_) => 0,
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tag::Empty => Ok(()),
            Tag::Select(rows) => write!(f, "SELECT {rows}"),
            Tag::Insert(rows) => write!(f, "INSERT {rows}"),
            Tag::Update(rows) => write!(f, "UPDATE {rows}"),
            Tag::Delete(rows) => write!(f, "DELETE {rows}"),
            Tag::Copy(rows) => write!(f, "COPY {rows}"),
            Tag::Other(tag) => f.write_str(tag),
        }
    }
}

impl Database {
    /// Carries out one statement.
    pub fn execute(&mut self, text: &str, sink: &mut dyn Sink) -> Result<Tag> {
        let clock = self.clock.unwrap_or(|| 0.0);
        let start = clock();
        if let Some(answer) = self.insert_literals(text) {
            return answer;
        }
        if let Some(answer) = self.execute_cached(text, sink) {
            return answer;
        }
        let statement = self.plan(text).inspect_err(|_| self.fail_block())?;
        self.planning_ms = clock() - start;
        match statement {
            Statement::Empty => Ok(Tag::Empty),
            Statement::Begin => self.begin_with_warning(sink),
            Statement::Commit => self.commit_with_warning(sink),
            Statement::Rollback => self.rollback_with_warning(sink),
            statement => self.command(|db| db.run(statement, sink)),
        }
    }

    /// Parses, binds and plans. In a failed block, only its end is worth that.
    fn plan(&mut self, text: &str) -> Result<Statement> {
        let command = sql::parse(text)?;
        if !ends_transaction(&command) {
            self.check_block()?;
            self.catalog.refresh(&mut self.pages)?;
        }
        let lookup = &mut Lookups { catalog: &self.catalog, pages: &mut self.pages };
        let statement = sql::bind(&command, text, lookup)?;
        self.short_inserts.learn(&command, text, lookup)?;
        self.plan_cache.learn(&statement, text, lookup);
        Ok(statement)
    }

    fn run(&mut self, statement: Statement, sink: &mut dyn Sink) -> Result<Tag> {
        if let Some(command) = writing_command(&statement) {
            self.check_writable(command)?;
        }
        let tag = match statement {
            Statement::Plan(plan) => return self.run_plan(&plan, sink),
            Statement::CopyFrom(copy) => return self.copy_from(&copy, sink),
            Statement::Explain(explain) => {
                self.explain(&explain, sink)?;
                "EXPLAIN"
            }
            Statement::CreateTable(create) => {
                self.create_table(create)?;
                "CREATE TABLE"
            }
            Statement::DropTable(drop) => {
                self.drop_tables(drop, sink)?;
                "DROP TABLE"
            }
            Statement::CreateIndex(create) => {
                self.create_index(create, sink)?;
                "CREATE INDEX"
            }
            Statement::DropIndex(drop) => {
                self.drop_indexes(&drop, sink)?;
                "DROP INDEX"
            }
            Statement::Skip { tag, notice } => {
                sink.notice("NOTICE", &notice)?;
                tag
            }
            Statement::Checkpoint => {
                self.checkpoint()?;
                "CHECKPOINT"
            }
            Statement::Vacuum { table } => {
                self.vacuum(table)?;
                "VACUUM"
            }
            Statement::Set { name, value } => {
                self.set(&name, &value)?;
                "SET"
            }
            Statement::Show { name } => {
                let value = self.show(&name)?;
                send_text(sink, &name, &[value])?;
                "SHOW"
            }
            Statement::Empty | Statement::Begin | Statement::Commit | Statement::Rollback => {
                return Err(Error::internal("a transaction statement is not run as a command"));
            }
        };
        Ok(Tag::Other(tag))
    }

    pub(super) fn run_plan(&mut self, plan: &plan::Statement, sink: &mut dyn Sink) -> Result<Tag> {
        if let Some(command) = changing_command(plan) {
            self.check_writable(command)?;
        }
        match plan {
            plan::Statement::Query { plan, names } => self.query(plan, names, sink).map(Tag::Select),
            changing => self.modify(changing, None).map(|(tag, _)| tag),
        }
    }

    fn query(&mut self, plan: &Node, names: &[String], sink: &mut dyn Sink) -> Result<u64> {
        self.with_context(None, |context| {
            let mut operator = build(plan, Options::default())?;
            sink.columns(names, &plan.types)?;
            let (mut batch, mut rows) = (Batch::default(), 0);
            while operator.next(context, &mut batch)? {
                rows += batch.row_count() as u64;
                sink.rows(&batch)?;
            }
            Ok(rows)
        })
    }

    /// Runs a statement that changes rows; with counters, it counts.
    pub(super) fn modify(
        &mut self,
        plan: &plan::Statement,
        stats: Option<Stats<'_>>,
    ) -> Result<(Tag, Vec<NodeStats>)> {
        let table = match plan {
            plan::Statement::Insert(insert) => &insert.table,
            plan::Statement::Update(update) => &update.table,
            plan::Statement::Delete(delete) => &delete.table,
            plan::Statement::Query { .. } => return Err(Error::internal("a query changes no rows")),
        };
        self.change(table, stats, |context, writer| {
            let tag = match plan {
                plan::Statement::Insert(insert) => Tag::Insert(modify::insert(context, insert, writer)?),
                plan::Statement::Update(update) => Tag::Update(modify::update(context, update, writer)?),
                plan::Statement::Delete(delete) => Tag::Delete(modify::delete(context, delete, writer)?),
                plan::Statement::Query { .. } => Tag::Empty,
            };
            Ok((tag, context.take_nodes()))
        })
    }

    /// Calls `run` with the table open for writing, in a transaction that has a number.
    pub(super) fn change<T>(
        &mut self,
        table: &Arc<Table>,
        stats: Option<Stats<'_>>,
        run: impl FnOnce(&mut Context<'_>, &mut TableWriter) -> Result<(Tag, T)>,
    ) -> Result<(Tag, T)> {
        let mut writer = self.writer(table)?;
        let before = self.transaction.clone();
        self.transaction.assign_xid(&mut self.pages);
        let answer = self.with_context(stats, |context| run(context, &mut writer))?;
        self.writers.insert(table.oid, writer);
        if answer.0.rows() == 0 {
            // No row carries the number. Without it, the commit of a transaction that only looked waits for no log.
            self.transaction = before;
        }
        Ok(answer)
    }

    /// The table, open for writing. After a failed statement it is opened anew: half-done work is not remembered.
    fn writer(&mut self, table: &Arc<Table>) -> Result<TableWriter> {
        table.check_changeable()?;
        Ok(self.writers.remove(&table.oid).unwrap_or_else(|| TableWriter::new(table.clone())))
    }

    /// Calls `run` with everything that operators need.
    pub(super) fn with_context<T>(
        &mut self,
        stats: Option<Stats<'_>>,
        run: impl FnOnce(&mut Context<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut temp_files = VfsTempFiles::new(self.pages.files().vfs().clone());
        run(&mut Context {
            pages: &mut self.pages,
            transaction: &self.transaction,
            work_mem: self.settings.work_mem,
            temp_files: &mut temp_files,
            interrupt: &self.interrupt,
            stats,
        })
    }

    fn begin_with_warning(&mut self, sink: &mut dyn Sink) -> Result<Tag> {
        match self.block {
            Block::None | Block::Implicit => self.begin()?,
            Block::Open => sink.notice("WARNING", "there is already a transaction in progress")?,
            Block::Failed => self.check_block()?,
        }
        Ok(Tag::Other("BEGIN"))
    }

    fn commit_with_warning(&mut self, sink: &mut dyn Sink) -> Result<Tag> {
        if let Block::None | Block::Implicit = self.block {
            sink.notice("WARNING", "there is no transaction in progress")?;
        }
        if self.block == Block::None {
            return Ok(Tag::Other("COMMIT"));
        }
        Ok(Tag::Other(match self.commit()? {
            Outcome::Committed => "COMMIT",
            Outcome::RolledBack => "ROLLBACK",
        }))
    }

    fn rollback_with_warning(&mut self, sink: &mut dyn Sink) -> Result<Tag> {
        if let Block::None | Block::Implicit = self.block {
            sink.notice("WARNING", "there is no transaction in progress")?;
        }
        if self.block != Block::None {
            self.rollback()?;
        }
        Ok(Tag::Other("ROLLBACK"))
    }
}

/// Whether a statement is accepted in a failed block.
fn ends_transaction(command: &Command) -> bool {
    use sqlparser::ast::Statement as S;
    match command {
        Command::Empty => true,
        Command::Checkpoint => false,
        Command::Sql(statement) => matches!(**statement, S::Commit { .. } | S::Rollback { .. }),
    }
}

/// What a statement that changes something is called.
fn writing_command(statement: &Statement) -> Option<&'static str> {
    match statement {
        Statement::Explain(explain) if explain.analyze => changing_command(&explain.statement),
        Statement::CopyFrom(_) => Some("COPY FROM"),
        Statement::CreateTable(_) => Some("CREATE TABLE"),
        Statement::DropTable(_) => Some("DROP TABLE"),
        Statement::CreateIndex(_) => Some("CREATE INDEX"),
        Statement::DropIndex(_) => Some("DROP INDEX"),
        Statement::Skip { tag, .. } => Some(tag),
        Statement::Checkpoint => Some("CHECKPOINT"),
        Statement::Vacuum { .. } => Some("VACUUM"),
        _ => None,
    }
}

fn changing_command(plan: &plan::Statement) -> Option<&'static str> {
    match plan {
        plan::Statement::Insert(_) => Some("INSERT"),
        plan::Statement::Update(_) => Some("UPDATE"),
        plan::Statement::Delete(_) => Some("DELETE"),
        plan::Statement::Query { .. } => None,
    }
}

/// Sends a result of one text column.
pub(super) fn send_text(sink: &mut dyn Sink, name: &str, lines: &[String]) -> Result<()> {
    use crate::execute::batch::BATCH_ROWS;
    use crate::types::Value;
    sink.columns(&[name.to_string()], &[DataType::Text])?;
    let mut batch = Batch::default();
    for some in lines.chunks(BATCH_ROWS) {
        batch.reset(&[DataType::Text]);
        for line in some {
            batch.columns[0].push_value(&Value::Text(line.clone()))?;
        }
        batch.set_len(some.len());
        sink.rows(&batch)?;
    }
    Ok(())
}
