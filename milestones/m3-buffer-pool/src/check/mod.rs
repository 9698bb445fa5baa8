//! Looking at everything that is stored, and saying what is wrong with it and where.
//!
//! A database is read a row at a time, and damage is noticed by whoever stumbles over it: that may be in years. A check
//! reads everything now. It goes beyond checksums: a page may be just as it was written and still make no sense, because
//! the program that wrote it had a fault. So what is checked here are the engine's own promises, each by code that does
//! not rely on it (PostgreSQL's `amcheck` and `pg_checksums` are the relatives).
//!
//! Nothing is repaired and nothing is changed. One problem does not hide another: an unreadable page is reported, and
//! the check goes on with the next one.
//!
//! - `report` collects the problems; `files` looks at the files of all relations
//! - `page` looks at line pointers and items; `tuple` at one row; `heap` at a table
//! - `tables` looks at the list of tables
//! - `log` looks at the log, the control file and the commit log
//! - `written` looks for pages that must be there, if the database cannot be opened, and for others that must not
//! - `frames` looks behind the buffer pool

pub mod files;
pub mod frames;
pub mod heap;
pub mod log;
pub mod page;
mod report;
pub mod tables;
pub mod tuple;
pub mod written;

pub use report::Report;

#[cfg(test)]
mod tests;
