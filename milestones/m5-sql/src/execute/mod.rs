//! The executor: runs a plan by passing batches of rows through a tree of operators.
//!
//! ```text
//!   plan::Node ──build──▶ operators/   pull batches from the operator below, fill the caller's batch
//!                            │
//!                          eval/       expressions, a column at a time
//!                            │
//!   hash · group_table · dedup         rows that are equal
//!   sort_key · sort_buffer · merge     rows in order
//!   row · spill                        rows as bytes, in temporary files beyond work_mem
//!                            │
//!   batch · vector · nulls · texts     1,024 rows as columns
//! ```
//!
//! The caller owns the batch it asks to be filled ([`operators::Operator::next`]), so buffers go around instead
//! of being allocated, and a column that an operator does not change is swapped along rather than copied.

pub mod batch;
pub mod build;
pub mod context;
mod copy_reader;
pub mod copy_rows;
pub mod decode;
mod dedup;
pub mod eval;
pub mod format;
mod group_table;
mod hash;
pub mod index_build;
pub mod literal_rows;
mod merge;
pub mod modify;
mod nulls;
pub mod operators;
mod row;
mod sort_buffer;
mod sort_key;
mod spill;
pub mod stats;
pub mod table_writer;
#[cfg(test)]
mod test_support;
mod texts;
pub mod vector;
