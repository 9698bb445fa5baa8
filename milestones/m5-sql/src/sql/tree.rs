//! sqlparser's tree of a statement, and a stack that is long enough for it.
//!
//! `a + b + c` is `((a + b) + c)`: the tree is as deep as the chain is long, and to drop it goes down all the way. A
//! chain of some ten thousand terms needs more stack than a thread has, so a longer one is made for it (with the crate
//! that sqlparser uses for its own recursion). The binder goes along chains in loops, and has no such need.

use sqlparser::ast::Statement;
use std::ops::Deref;

/// What one level takes of the stack while the tree is dropped, in a debug build.
const BYTES_PER_LEVEL: usize = 256;

/// What everything else may take.
const BYTES_BESIDES: usize = 128 << 10;

/// A parsed statement.
#[derive(Debug)]
pub struct Tree {
    statement: Box<Statement>,
    /// At least.
    depth: usize,
}

/// Calls `run` with enough stack for a tree that is `depth` deep.
pub fn with_room<T>(depth: usize, run: impl FnOnce() -> T) -> T {
    let bytes = BYTES_BESIDES + depth * BYTES_PER_LEVEL;
    stacker::maybe_grow(bytes, bytes, run)
}

impl Tree {
    pub fn new(statement: Statement, depth: usize) -> Tree {
        Tree { statement: Box::new(statement), depth }
    }
}

impl Deref for Tree {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        &self.statement
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let small = Statement::Commit { chain: false, end: false, modifier: None };
        let statement = std::mem::replace(&mut *self.statement, small);
        with_room(self.depth, || drop(statement));
    }
}
