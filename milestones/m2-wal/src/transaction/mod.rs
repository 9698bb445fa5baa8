//! Transactions: whose rows are whose, and which of them count.
//!
//! A transaction takes a number (xid) before its first change and writes it into every row it inserts (`xmin`) or
//! deletes (`xmax`). Whether the row is there for somebody is then a question about those two transactions: did they
//! commit? The commit log has one bit for each that did. So COMMIT is one bit, and ROLLBACK is nothing at all: the
//! rows of a transaction that never committed are in the pages, and nobody sees them. There is no undo.
//!
//! One transaction at a time writes, and a snapshot is simply "now": PostgreSQL's list of transactions in progress
//! is, here, at most the transaction that asks.

mod commit_log;

pub use commit_log::{COMMIT_LOG, CommitLog};

use crate::buffer::Pages;
use crate::error::Result;
use crate::tuple::TupleHeader;
use std::cell::Cell;

/// The number of a transaction; 0 is none.
pub type Xid = u64;

/// A transaction that committed before all others (PostgreSQL's `FrozenTransactionId`).
pub const FROZEN_XID: Xid = 2;

/// The first number that is given out.
pub const FIRST_XID: Xid = 3;

/// More than will ever be given out: even at a million a second it would take nine years.
pub const MAX_XID: Xid = 1 << 48;

/// On whose behalf rows are read and changed.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// 0 as long as it has changed nothing.
    xid: Xid,
    cid: u32,
    /// The transaction that was asked about last, and whether it committed. Rows that were inserted together lie
    /// together, so the commit log is seldom needed.
    last_asked: Cell<(Xid, bool)>,
}

impl Transaction {
    /// What to write into the rows it inserts and deletes.
    pub fn xid(&self) -> Xid {
        self.xid
    }

    /// The number of the running command within the transaction.
    pub fn cid(&self) -> u32 {
        self.cid
    }

    /// Takes the next number, if it has none yet. It is saved by the next checkpoint; after a crash, the log tells
    /// the highest one that anything durable can carry.
    pub fn assign_xid(&mut self, pages: &mut Pages) {
        if self.xid == 0 {
            let next = &mut pages.control().next_xid;
            self.xid = *next;
            *next += 1;
        }
    }

    /// A new command begins: it sees what the ones before it did.
    pub fn next_command(&mut self) {
        self.cid += 1;
    }

    /// Whether the row is there, seen from this transaction.
    ///
    /// A command does not see rows that it inserted itself, and still sees those that it deleted: otherwise an
    /// UPDATE would find its own new versions and update them again (the "Halloween problem").
    #[inline]
    pub fn sees(&self, pages: &mut Pages, row: &TupleHeader) -> Result<bool> {
        // Nearly every row of a scan: not deleted, and inserted by the same transaction as the row before.
        if row.xmax.get() == 0 && self.last_asked.get() == (row.xmin.get(), true) {
            return Ok(true);
        }
        self.decide(pages, row)
    }

    fn decide(&self, pages: &mut Pages, row: &TupleHeader) -> Result<bool> {
        let (xmin, xmax, cid) = (row.xmin.get(), row.xmax.get(), row.cid.get());
        if xmin == self.xid {
            return Ok(match xmax {
                0 => cid < self.cid,
                _ => cid >= self.cid,
            });
        }
        if !self.committed(pages, xmin)? {
            return Ok(false);
        }
        match xmax {
            0 => Ok(true),
            _ if xmax == self.xid => Ok(cid >= self.cid),
            _ => Ok(!self.committed(pages, xmax)?),
        }
    }

    fn committed(&self, pages: &mut Pages, xid: Xid) -> Result<bool> {
        if xid == FROZEN_XID {
            return Ok(true);
        }
        let (last, answer) = self.last_asked.get();
        if last == xid {
            return Ok(answer);
        }
        let answer = CommitLog::is_committed(pages, xid)?;
        self.last_asked.set((xid, answer));
        Ok(answer)
    }
}
