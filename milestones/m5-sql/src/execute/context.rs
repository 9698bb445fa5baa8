//! What operators may use while they run: memory up to `work_mem`, temporary files beyond it, and a flag to
//! look at that says the user has changed their mind.

use super::stats::{NodeStats, Stats};
use crate::buffer::Pages;
use crate::error::{Error, Result, SqlState};
use crate::transaction::Transaction;
use std::sync::atomic::{AtomicBool, Ordering};

/// Makes the files that sorts and hash tables spill to.
pub trait TempFiles {
    fn create(&mut self) -> Result<Box<dyn TempFile>>;
}

/// A file that only its maker knows and that is gone when dropped. Nothing in it is ever synced.
pub trait TempFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()>;
    /// Fills `buffer` from `offset`; reading past the end is an error.
    fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> Result<()>;
}

/// The surroundings of a running query.
pub struct Context<'a> {
    pub pages: &'a mut Pages,
    /// On whose behalf rows are read.
    pub transaction: &'a Transaction,
    /// The bytes that one sort or hash table may take before it spills.
    pub work_mem: usize,
    pub temp_files: &'a mut dyn TempFiles,
    /// Set from outside when the statement shall end.
    pub interrupt: &'a AtomicBool,
    /// Counters for EXPLAIN ANALYZE; operators count only where the tree was built to.
    pub stats: Option<Stats<'a>>,
}

impl Context<'_> {
    /// The counters of the query that has run.
    pub fn take_nodes(&mut self) -> Vec<NodeStats> {
        self.stats.take().map(Stats::into_nodes).unwrap_or_default()
    }

    /// Called once for each batch, so that a long query can be stopped.
    pub fn check_interrupt(&self) -> Result<()> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(Error::new(SqlState::QueryCanceled, "canceling statement due to user request"));
        }
        Ok(())
    }
}
