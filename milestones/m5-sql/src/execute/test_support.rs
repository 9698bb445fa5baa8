//! For tests: a context on temporary files in memory, and rows in and out as values.

use super::batch::{Batch, Rows};
use super::build::{Options, build};
use super::context::{Context, TempFile, TempFiles};
use super::operators::{Input, Operator};
use super::vector::{Kind, Vector};
use crate::buffer::Pages;
use crate::error::{Error, Result};
use crate::sql::expr::Expr;
use crate::sql::plan;
use crate::testing::open_pages;
use crate::transaction::Transaction;
use crate::types::{DataType, Value};
use crate::vfs::MemoryVfs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[derive(Default)]
pub struct MemoryFiles {
    pub created: usize,
}

impl TempFiles for MemoryFiles {
    fn create(&mut self) -> Result<Box<dyn TempFile>> {
        self.created += 1;
        Ok(Box::new(MemoryFile(Vec::new())))
    }
}

struct MemoryFile(Vec<u8>);

impl TempFile for MemoryFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let start = offset as usize;
        buffer.copy_from_slice(&self.0[start..start + buffer.len()]);
        Ok(())
    }
}

pub struct Surroundings {
    pub pages: Pages,
    pub transaction: Transaction,
    pub work_mem: usize,
    pub files: MemoryFiles,
    pub interrupt: AtomicBool,
}

impl Default for Surroundings {
    fn default() -> Surroundings {
        Surroundings {
            pages: open_pages(Arc::new(MemoryVfs::new())),
            transaction: Transaction::default(),
            work_mem: 4 << 20,
            files: MemoryFiles::default(),
            interrupt: AtomicBool::new(false),
        }
    }
}

impl Surroundings {
    pub fn context(&mut self) -> Context<'_> {
        Context {
            pages: &mut self.pages,
            transaction: &self.transaction,
            work_mem: self.work_mem,
            temp_files: &mut self.files,
            interrupt: &self.interrupt,
            stats: None,
        }
    }
}

/// Columns of the given types from rows of values.
pub fn columns(types: &[DataType], rows: &[Vec<Value>]) -> Vec<Vector> {
    let mut columns: Vec<Vector> = types.iter().map(|data_type| Vector::new(Kind::of(*data_type))).collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push_value(value).unwrap();
        }
    }
    columns
}

/// A scan that answers given rows, a few at a time, some of them behind a selection.
pub struct Given<'a> {
    types: &'a [DataType],
    rows: &'a [Vec<Value>],
    per_batch: usize,
}

impl Operator for Given<'_> {
    fn next(&mut self, context: &mut Context<'_>, out: &mut Batch) -> Result<bool> {
        context.check_interrupt()?;
        let (now, later) = self.rows.split_at(self.rows.len().min(self.per_batch));
        self.rows = later;
        // Every row twice: the first of each pair is not selected and must not be seen.
        let doubled: Vec<Vec<Value>> = now.iter().flat_map(|row| [row.clone(), row.clone()]).collect();
        out.reset(self.types);
        out.columns = columns(self.types, &doubled);
        out.set_len(doubled.len());
        out.select(&mut (0..now.len()).map(|row| row as u16 * 2 + 1).collect());
        Ok(!now.is_empty())
    }
}

/// An input of `rows`, whose types are `types`.
pub fn given<'a>(types: &'a [DataType], rows: &'a [Vec<Value>]) -> Input<'a> {
    Box::new(Given { types, rows, per_batch: 100 })
}

/// Everything an operator answers.
pub fn collect(
    operator: &mut dyn Operator,
    context: &mut Context<'_>,
    types: &[DataType],
) -> Result<Vec<Vec<Value>>> {
    let (mut batch, mut found) = (Batch::default(), Vec::new());
    while operator.next(context, &mut batch)? {
        assert!(!batch.is_empty(), "an operator answered an empty batch");
        batch.rows().try_for_each(|row| {
            let values =
                batch.columns.iter().zip(types).map(|(column, data_type)| column.value(row, *data_type));
            found.push(values.collect::<Result<Vec<Value>>>()?);
            Ok::<(), Error>(())
        })?;
    }
    Ok(found)
}

/// Runs a plan that scans no table.
pub fn run(node: &plan::Node, surroundings: &mut Surroundings) -> Result<Vec<Vec<Value>>> {
    let mut tree = build(node, Options::default())?;
    collect(&mut *tree, &mut surroundings.context(), &node.types)
}

/// An expression's values over rows of values.
pub fn evaluate(expr: &Expr, types: &[DataType], rows: &[Vec<Value>]) -> Result<Vec<Value>> {
    let columns = columns(types, rows);
    let mut evaluator = super::eval::Evaluator::new(expr)?;
    let vector = evaluator.evaluate(&columns, Rows::First(rows.len()))?;
    (0..rows.len()).map(|row| vector.value(row, expr.data_type())).collect()
}
