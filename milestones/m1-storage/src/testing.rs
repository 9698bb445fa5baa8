//! What the unit tests of every stage need: pages, and somebody to change them.

use crate::buffer::{BASE, Pages};
use crate::directory::DatabaseId;
use crate::transaction::Transaction;
use crate::vfs::{REPEATABLE, Vfs};
use std::sync::Arc;

/// Any database's, and that of those that are made in memory.
pub const DATABASE: DatabaseId = DatabaseId(REPEATABLE);

/// The pages in `vfs`, made if there are none.
pub fn open_pages(vfs: Arc<dyn Vfs>) -> Pages {
    vfs.create_dir(BASE).unwrap();
    Pages::new(vfs, DATABASE)
}

/// Does something on behalf of a transaction that is committed afterwards.
pub fn transact<T>(pages: &mut Pages, run: impl FnOnce(&mut Pages, &Transaction) -> T) -> T {
    run(pages, &Transaction)
}
