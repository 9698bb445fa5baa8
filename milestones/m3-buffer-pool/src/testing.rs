//! What the unit tests of every stage need: pages, and somebody to change them.

use crate::buffer::{Options, Pages};
use crate::directory::DatabaseId;
use crate::recovery::{self, Damage};
use crate::transaction::{CommitLog, Transaction};
use crate::vfs::{REPEATABLE, Vfs};
use crate::wal::control::CONTROL_FILE;
use std::sync::Arc;

/// As little memory and as short a log as possible, so that everything that can happen does.
pub fn small_options() -> Options {
    Options { shared_buffers: 0, max_wal_size: 1 << 17, segment_size: 1 << 16 }
}

/// Any database's, and that of those that are made in memory.
pub const DATABASE: DatabaseId = DatabaseId(REPEATABLE);

/// The pages in `vfs`, recovered, or made if there are none.
pub fn open_pages(vfs: Arc<dyn Vfs>) -> Pages {
    let options = small_options();
    if !vfs.exists(CONTROL_FILE).unwrap() {
        Pages::create(&vfs, DATABASE, options).unwrap();
        CommitLog::create(&vfs, DATABASE).unwrap();
    }
    let (mut pages, report) = recovery::open_pages(vfs, DATABASE, options, &mut Damage::Refused).unwrap();
    recovery::finish(&mut pages, &report).unwrap();
    pages
}

/// Does something on behalf of a transaction that is committed afterwards.
pub fn transact<T>(pages: &mut Pages, run: impl FnOnce(&mut Pages, &Transaction) -> T) -> T {
    let mut transaction = Transaction::default();
    transaction.assign_xid(pages);
    transaction.next_command();
    let answer = run(pages, &transaction);
    CommitLog::commit(pages, transaction.xid()).unwrap();
    answer
}
