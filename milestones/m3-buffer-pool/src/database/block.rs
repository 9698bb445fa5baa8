//! Transaction blocks: which commands belong together, and how they end.

use super::Database;
use crate::error::{Error, Result, SqlState};
use crate::transaction::{CommitLog, Transaction};

/// Whether commands belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// No: each is its own transaction.
    None,
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
        if self.block != Block::None {
            return Err(Error::new(
                SqlState::ActiveSqlTransaction,
                "there is already a transaction in progress",
            ));
        }
        self.block = Block::Open;
        Ok(())
    }

    /// Ends the block. If a command in it has failed, it is rolled back instead.
    pub fn commit(&mut self) -> Result<Outcome> {
        match std::mem::replace(&mut self.block, Block::None) {
            Block::None => Err(no_transaction()),
            Block::Open => self.commit_transaction().map(|()| Outcome::Committed),
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
            Block::Open | Block::Failed => {
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
        if self.block == Block::Open {
            self.transaction.next_command();
            self.block = Block::Failed;
        }
    }

    /// In a block that has failed, nothing is answered but its end.
    pub(super) fn check_block(&self) -> Result<()> {
        match self.block {
            Block::None | Block::Open => Ok(()),
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
            xid => CommitLog::commit(&mut self.pages, xid),
        }
    }

    /// Forgets the transaction. Its rows stay where they are, and nobody will see them.
    fn abort_transaction(&mut self) {
        self.transaction = Transaction::default();
    }

    /// Runs one command in the block, or in a transaction of its own.
    pub(super) fn command<T>(&mut self, run: impl FnOnce(&mut Database) -> Result<T>) -> Result<T> {
        self.check_block()?;
        self.transaction.next_command();
        match (run(self), self.block) {
            (Ok(answer), Block::None) => self.commit_transaction().map(|()| answer),
            (Ok(answer), _) => Ok(answer),
            (Err(error), Block::None) => {
                self.abort_transaction();
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
