//! The commit log: one bit for each transaction, set if it committed (PostgreSQL's `pg_xact`).
//!
//! It is a relation like any other, in pages that are changed and logged like any other. The commit record *is*
//! the logged change of its bit: when that record is durable the transaction is committed, and replay needs no
//! special case for it.
//!
//! PostgreSQL keeps two bits (in progress, committed, aborted, subtransaction) and cuts off old pages after freezing;
//! here the log grows by 1 MB for 8 million transactions and is never cut.

use super::Xid;
use crate::buffer::{BASE, Files, MAX_GAP, Pages};
use crate::directory::DatabaseId;
use crate::error::{Error, Result};
use crate::page::{FileId, HEADER_SIZE, PAGE_SIZE, Page, PageId, PageKind, PageNo};
use crate::vfs::{File, Vfs};
use crate::wal::RecordKind;
use std::sync::Arc;

/// The relation of the commit log.
pub const COMMIT_LOG: FileId = FileId { relation: 1, fork: crate::page::Fork::Main };

/// All of a page after its header is special space full of bits.
const BYTES: usize = PAGE_SIZE - HEADER_SIZE;

pub struct CommitLog;

impl CommitLog {
    /// Makes the commit log of a new database.
    pub fn create(vfs: &Arc<dyn Vfs>, database: DatabaseId) -> Result<()> {
        Files::new(vfs.clone(), database).create(COMMIT_LOG)
    }

    /// Whether there is one. A new one in its place would hide every row there is.
    pub fn check(vfs: &dyn Vfs) -> Result<()> {
        File::open(vfs, &format!("{BASE}/{COMMIT_LOG}")).map(drop)
    }

    pub fn is_committed(pages: &mut Pages, xid: Xid) -> Result<bool> {
        let (id, byte, mask) = place(xid);
        if id.page >= pages.page_count(COMMIT_LOG)? {
            return Ok(false);
        }
        let page = pages.read(id)?;
        if page.kind() == PageKind::Empty {
            return Ok(false);
        }
        page.expect_kind(id, PageKind::CommitLog, BYTES)?;
        Ok(page.special().get(byte).is_some_and(|bits| bits & mask != 0))
    }

    /// The highest transaction that a page of the commit log says has committed.
    pub fn last_committed(page: &Page, number: PageNo) -> Option<Xid> {
        let (byte, bits) = page.special().iter().enumerate().rfind(|(_, bits)| **bits != 0)?;
        let before = u64::from(number) * BYTES as u64 + byte as u64;
        Some(before * 8 + u64::from(7 - bits.leading_zeros()))
    }

    /// Commits: sets the bit, logs it as a commit record, and waits until that is durable.
    pub fn commit(pages: &mut Pages, xid: Xid) -> Result<()> {
        let (id, byte, mask) = place(xid);
        let known = pages.page_count(COMMIT_LOG)?;
        if id.page.saturating_sub(known) >= MAX_GAP {
            return Err(Error::corrupted(
                format_args!("file \"{BASE}/{COMMIT_LOG}\""),
                format_args!("has {known} pages, so there cannot be a transaction {xid}"),
            ));
        }
        pages.extend_to(id)?;
        // Pages are written in order. Where no transaction of a whole page has committed, it is written now.
        for skipped in pages.written().of(COMMIT_LOG)..id.page {
            let mut change = pages.change(xid)?;
            let number = change.open(COMMIT_LOG.page(skipped))?;
            change.edit(number).init(PageKind::CommitLog, BYTES);
            change.finish()?;
        }
        let mut change = pages.change(xid)?;
        let number = change.open(id)?;
        match change.page(number).kind() {
            PageKind::Empty => change.edit(number).init(PageKind::CommitLog, BYTES),
            _ => change.page(number).expect_kind(id, PageKind::CommitLog, BYTES)?,
        }
        let bits = change.page(number).special().get(byte).copied().unwrap_or(0);
        change.edit(number).write_special(byte, &[bits | mask])?;
        let lsn = change.finish_as(RecordKind::Commit)?;
        pages.wal().flush(lsn)
    }
}

/// The page of a transaction's bit, the byte in its special space, and the bit in the byte.
fn place(xid: Xid) -> (PageId, usize, u8) {
    let byte = xid / 8;
    let page = PageNo::try_from(byte / BYTES as u64).unwrap_or(PageNo::MAX);
    (COMMIT_LOG.page(page), (byte % BYTES as u64) as usize, 1 << (xid % 8))
}
