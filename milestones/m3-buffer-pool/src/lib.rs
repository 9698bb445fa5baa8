//! InoxDB, milestone 3: the buffer pool. Pages stay in memory, as many as it may hold.
//!
//! ```text
//! repl          commands, line editing, tables, inspection
//! database      the tables of one directory, and what can be done with their rows
//! check         looks at all that is stored, and says what is wrong with it
//! heap          rows in pages: insert, delete, scan, vacuum, free space
//! transaction   xids, the commit log, who sees which row
//! recovery      what happens at open: the log is read, and what it says is done again
//! buffer        how pages are reached (here: through a pool of frames)
//! wal           records, segments, control file
//! page, tuple   bytes: 8 KiB pages with line pointers, rows with headers
//! vfs           files: the operating system's, in memory, or on a disk that loses power on purpose
//! ```
//!
//! Arrows point down only: a layer knows the ones below it and nothing of those above.

#![forbid(unsafe_code)]

pub mod buffer;
pub mod check;
pub mod database;
pub mod directory;
pub mod error;
pub mod heap;
pub mod page;
pub mod recovery;
pub mod repl;
pub mod sizes;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod transaction;
pub mod tuple;
pub mod types;
pub mod vfs;
pub mod wal;
