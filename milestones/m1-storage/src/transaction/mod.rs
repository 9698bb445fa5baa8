//! Transactions, as far as this stage has them: one, that was always committed.
//!
//! Every row's header has room for the transaction that inserted it and the one that deleted it. Until stage
//! 2 gives transactions numbers of their own, every row is made by [`FROZEN_XID`]: visible at once, and gone at
//! once when deleted.

use crate::buffer::Pages;
use crate::error::Result;
use crate::tuple::TupleHeader;

/// The number of a transaction; 0 is none.
pub type Xid = u64;

/// A transaction that committed before all others (PostgreSQL's `FrozenTransactionId`).
pub const FROZEN_XID: Xid = 2;

/// On whose behalf rows are read and changed.
#[derive(Clone, Debug, Default)]
pub struct Transaction;

impl Transaction {
    /// What to write into the rows it inserts and deletes.
    pub fn xid(&self) -> Xid {
        FROZEN_XID
    }

    /// The number of the running command within the transaction.
    pub fn cid(&self) -> u32 {
        0
    }

    /// Whether the row is there, seen from this transaction.
    pub fn sees(&self, _pages: &mut Pages, row: &TupleHeader) -> Result<bool> {
        Ok(row.xmax.get() == 0)
    }
}
