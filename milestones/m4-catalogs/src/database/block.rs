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
        for oid in if committed { ddl.dropped } else { ddl.created } {
            self.heaps.remove(&oid);
            let _ = catalog::remove_files(&mut self.pages, oid);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::small_options;
    use crate::types::{Column, DataType, Schema, Value};
    use crate::vfs::simulated::{Failure, Fault, Operation, SimulatedVfs};
    use std::sync::Arc;

    fn open(disk: &SimulatedVfs) -> Database {
        Database::open(Arc::new(disk.clone()), small_options()).unwrap()
    }

    fn create(db: &mut Database, name: &str) -> Result<()> {
        let column = Column { name: "body".to_string(), data_type: DataType::Text, not_null: false };
        db.create_table(name, Schema::new(vec![column]).unwrap())
    }

    fn insert(db: &mut Database, name: &str, length: usize) -> Result<()> {
        db.insert(name, vec![vec![Value::Text("x".repeat(length))]]).map(drop)
    }

    #[test]
    fn a_table_whose_commit_is_in_doubt_is_whole_or_not_there() {
        let disk = SimulatedVfs::new();
        let mut db = open(&disk);
        create(&mut db, "first").unwrap();
        disk.inject(Fault {
            on: Some(Operation::SyncData),
            nth: 1,
            failure: Failure::Io,
            from_then_on: false,
        });
        create(&mut db, "t").unwrap_err();
        create(&mut db, "other").unwrap_err();
        drop(db);
        // The process is gone, not the power: the record that could not be synced is in the file.
        disk.kill();
        let mut db = open(&disk);
        assert_eq!(db.tables().unwrap().len(), 2);
        insert(&mut db, "t", 1).unwrap();
    }

    #[test]
    fn a_rollback_needs_no_disk() {
        let disk = SimulatedVfs::new();
        let mut db = open(&disk);
        create(&mut db, "kept").unwrap();
        db.begin().unwrap();
        create(&mut db, "t").unwrap();
        db.drop_table("kept").unwrap();
        // So many pages that the catalogs' have to be read again.
        (0..60).for_each(|_| insert(&mut db, "t", 4000).unwrap());
        disk.inject(Fault { on: None, nth: 1, failure: Failure::Io, from_then_on: true });
        db.rollback().unwrap();
        assert_eq!(db.tables().unwrap_err().state().code(), "58030");
        disk.clear_faults();
        assert_eq!(db.tables().unwrap().len(), 1);
        create(&mut db, "t").unwrap();
        insert(&mut db, "kept", 1).unwrap();
    }

    #[test]
    fn a_drop_that_cannot_remove_its_files_has_committed() {
        let disk = SimulatedVfs::new();
        let mut db = open(&disk);
        create(&mut db, "t").unwrap();
        disk.inject(Fault { on: Some(Operation::Remove), nth: 1, failure: Failure::Io, from_then_on: true });
        db.drop_table("t").unwrap();
        create(&mut db, "t").unwrap();
        drop(db);
        let disk = disk.fork();
        let db = open(&disk);
        assert_eq!(db.swept().len(), 2, "the files are left to the next start");
    }

    #[test]
    fn a_drop_that_did_not_commit_is_not_done_by_the_next_commit() {
        let disk = SimulatedVfs::new();
        let mut db = open(&disk);
        for name in ["kept", "other"] {
            create(&mut db, name).unwrap();
            insert(&mut db, name, 1).unwrap();
        }
        db.begin().unwrap();
        db.drop_table("kept").unwrap();
        // So many pages that the commit log's has to be read again.
        for _ in 0..60 {
            insert(&mut db, "other", 4000).unwrap();
        }
        disk.inject(Fault { on: Some(Operation::Read), nth: 1, failure: Failure::Io, from_then_on: false });
        db.commit().unwrap_err();
        insert(&mut db, "other", 1).unwrap();
        insert(&mut db, "kept", 1).unwrap();
    }
}
