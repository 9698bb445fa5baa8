//! Transaction blocks: which commands belong together, and how they end.

use super::Database;
use crate::catalog;
use crate::error::{Error, Result, SqlState};
use crate::transaction::{CommitLog, Transaction};

/// Whether commands belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// No: each is its own transaction.
    None,
    /// Only as long as the statements that were sent as one last. An error ends it.
    Implicit,
    Open,
    /// Yes, but one has failed: only the end of the block is accepted, and it will be a rollback.
    Failed,
}

/// How a transaction block ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Committed,
    RolledBack,
}

impl Database {
    /// Opens a transaction block.
    pub fn begin(&mut self) -> Result<()> {
        self.check_block()?;
        if self.block == Block::Open {
            return Err(Error::new(
                SqlState::ActiveSqlTransaction,
                "there is already a transaction in progress",
            ));
        }
        self.block = Block::Open;
        Ok(())
    }

    /// Before each of several statements that were sent as one: outside of a block, they make one of their own.
    /// VACUUM is refused in it; BEGIN makes it a block that goes on, and COMMIT and ROLLBACK end it.
    pub fn begin_implicit(&mut self) {
        if self.block == Block::None {
            self.block = Block::Implicit;
        }
    }

    /// After the last of them. A block that has been opened by BEGIN goes on.
    pub fn end_implicit(&mut self) -> Result<()> {
        if self.block != Block::Implicit {
            return Ok(());
        }
        self.block = Block::None;
        self.commit_transaction()
    }

    /// Ends the block. If a command in it has failed, it is rolled back instead.
    pub fn commit(&mut self) -> Result<Outcome> {
        match std::mem::replace(&mut self.block, Block::None) {
            Block::None => Err(no_transaction()),
            Block::Implicit | Block::Open => self.commit_transaction().map(|()| Outcome::Committed),
            Block::Failed => {
                self.abort_transaction();
                Ok(Outcome::RolledBack)
            }
        }
    }

    /// Ends the block as if none of its commands had been.
    pub fn rollback(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.block, Block::None) {
            Block::None => Err(no_transaction()),
            Block::Implicit | Block::Open | Block::Failed => {
                self.abort_transaction();
                Ok(())
            }
        }
    }

    /// Whether a transaction block is open, and whether it has failed.
    pub fn block(&self) -> (bool, bool) {
        (self.block != Block::None, self.block == Block::Failed)
    }

    /// An error that came up before a command got here fails the block like any other: the command that failed is one
    /// that did nothing.
    pub fn fail_block(&mut self) {
        match self.block {
            Block::None | Block::Failed => {}
            Block::Implicit => self.end_failed(),
            Block::Open => {
                self.transaction.next_command();
                self.block = Block::Failed;
            }
        }
    }

    /// A transaction that is no block of BEGIN's ends with its first error.
    fn end_failed(&mut self) {
        self.block = Block::None;
        self.abort_transaction();
    }

    /// In a block that has failed, nothing is answered but its end.
    pub(super) fn check_block(&self) -> Result<()> {
        match self.block {
            Block::None | Block::Implicit | Block::Open => Ok(()),
            Block::Failed => Err(Error::new(
                SqlState::InFailedSqlTransaction,
                "current transaction is aborted, commands ignored until end of transaction block",
            )),
        }
    }

    pub(super) fn commit_transaction(&mut self) -> Result<()> {
        let transaction = std::mem::take(&mut self.transaction);
        match transaction.xid() {
            // It has changed nothing: there is nothing to commit, and no log to wait for.
            0 => Ok(()),
            xid => {
                let committed = CommitLog::commit(&mut self.pages, xid);
                // Also if it has failed: the next transaction must not inherit what this one created and dropped.
                self.end_ddl(committed.is_ok());
                committed
            }
        }
    }

    /// Forgets the transaction. Its rows stay where they are, and nobody will see them.
    fn abort_transaction(&mut self) {
        self.transaction = Transaction::default();
        self.end_ddl(false);
    }

    /// After the end of a transaction: its CREATEs and DROPs are final or forgotten, and the files of tables that do
    /// not exist any more go. A crash before that leaves them to the sweep at the next start, and so does a log that
    /// has failed, since nothing is removed then: the COMMIT that could not be made durable may be there all the same
    /// when the database is opened.
    ///
    /// None of this can fail. The transaction has ended, whatever becomes of its files.
    fn end_ddl(&mut self, committed: bool) {
        let ddl = std::mem::take(&mut self.ddl);
        self.catalog.end_transaction(committed);
        let changed = !ddl.created.is_empty() || !ddl.dropped.is_empty();
        for oid in if committed { ddl.dropped } else { ddl.created } {
            let _ = catalog::remove_files(&mut self.pages, oid);
        }
        if changed {
            // What they remember may be about tables and indexes that are no more.
            self.writers.clear();
        }
    }

    /// Runs one command in the block, or in a transaction of its own.
    pub(super) fn command<T>(&mut self, run: impl FnOnce(&mut Database) -> Result<T>) -> Result<T> {
        self.check_block()?;
        self.transaction.next_command();
        let answer = self.catalog.refresh(&mut self.pages).and_then(|()| run(self));
        match (answer, self.block) {
            (Ok(answer), Block::None) => self.commit_transaction().map(|()| answer),
            (Ok(answer), _) => Ok(answer),
            (Err(error), Block::None | Block::Implicit) => {
                self.end_failed();
                Err(error)
            }
            (Err(error), _) => {
                self.block = Block::Failed;
                Err(error)
            }
        }
    }
}

fn no_transaction() -> Error {
    Error::new(SqlState::NoActiveSqlTransaction, "there is no transaction in progress")
}
