//! Faults on order: the N-th operation fails, once or from then on.

use std::io;

/// What can be asked of a [`SimulatedVfs`](super::SimulatedVfs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Open,
    Create,
    Read,
    Write,
    SetLen,
    Allocate,
    SyncData,
    SyncDir,
    Rename,
    Remove,
    CreateDir,
    /// Asking whether there is a file, or how long it is.
    Stat,
    List,
    Lock,
}

impl Operation {
    pub const ALL: [Operation; 14] = {
        use Operation::*;
        [
            Open, Create, Read, Write, SetLen, Allocate, SyncData, SyncDir, Rename, Remove, CreateDir, Stat,
            List, Lock,
        ]
    };

    /// Whether it changes the disk, or what of it is durable: these are numbered.
    pub fn is_mutating(self) -> bool {
        use Operation::*;
        !matches!(self, Open | Read | Stat | List | Lock)
    }
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The device gives up (`EIO`). A sync that fails so has lost what it should have made durable.
    Io,
    /// No space is left on the device (`ENOSPC`); reads, removals and the like never fail so.
    NoSpace,
    /// Not an error: a read or write transfers about half of what it was asked to.
    Short,
    /// A signal came before a read or write began (`EINTR`). From then on, it is every second one.
    Interrupted,
}

impl Failure {
    /// Whether the operation can fail so.
    pub fn concerns(self, operation: Operation) -> bool {
        use Operation::*;
        match self {
            Failure::Io => true,
            Failure::NoSpace => operation.is_mutating() && operation != Remove,
            Failure::Short | Failure::Interrupted => matches!(operation, Read | Write),
        }
    }
}

/// An order for a fault.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Which operations are counted; `None` is all of them, reads too. Operations that cannot fail in this way
    /// are not counted.
    pub on: Option<Operation>,
    /// The one that fails, counted from 1 at the moment of the order.
    pub nth: u64,
    pub failure: Failure,
    /// Whether all later ones fail as well.
    pub from_then_on: bool,
}

/// What the faults on order say about one operation.
pub(super) enum Verdict {
    Pass,
    Short,
    Fail(io::Error),
}

#[derive(Clone, Default)]
pub(super) struct Faults {
    /// Each order, with how many operations it has counted.
    orders: Vec<(Fault, u64)>,
}

impl Faults {
    pub fn order(&mut self, fault: Fault) {
        self.orders.push((fault, 0));
    }

    pub fn clear(&mut self) {
        self.orders.clear();
    }

    pub fn judge(&mut self, operation: Operation) -> Verdict {
        let mut verdict = Verdict::Pass;
        for (fault, count) in &mut self.orders {
            let counted = fault.on.is_none_or(|on| on == operation) && fault.failure.concerns(operation);
            *count += u64::from(counted);
            if counted && fault.hits(*count) {
                verdict = match fault.failure {
                    Failure::Io => Verdict::Fail(io::Error::other("input/output error")),
                    Failure::NoSpace => Verdict::Fail(no_space()),
                    Failure::Interrupted => Verdict::Fail(io::ErrorKind::Interrupted.into()),
                    Failure::Short => Verdict::Short,
                };
            }
        }
        verdict
    }
}

impl Fault {
    fn hits(&self, count: u64) -> bool {
        match self.failure {
            // A retry has to get through some time, or nothing that retries would ever end.
            Failure::Interrupted if self.from_then_on => {
                count >= self.nth && (count - self.nth).is_multiple_of(2)
            }
            _ => count == self.nth || self.from_then_on && count > self.nth,
        }
    }
}

pub(super) fn no_space() -> io::Error {
    io::ErrorKind::StorageFull.into()
}
