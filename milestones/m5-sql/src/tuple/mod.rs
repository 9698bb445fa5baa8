//! The tuple: a row as bytes.
//!
//! ```text
//! 0      8      16    20     22        24            + fixed        + 2 × variable
//! ┌──────┬──────┬─────┬──────┬─────────┬──────┬───────┬──────────────┬───────────────┐
//! │ xmin │ xmax │ cid │ next │ columns │ nulls│ fixed │ ends         │ variable      │
//! └──────┴──────┴─────┴──────┴─────────┴──────┴───────┴──────────────┴───────────────┘
//! ```
//!
//! First a header that says who made the row and who deleted it, then a bit for each column (1: not NULL),
//! then the columns of fixed width side by side, then where each variable one ends, then their bytes.
//!
//! PostgreSQL stores the columns in their declared order, so finding the fifth means walking past four.
//! Here every column's place is known beforehand, whatever the row holds: a fixed one is at a constant offset
//! (a NULL keeps its room), a variable one is found through the table of ends. So a query pays for the columns
//! it reads and for no others. Numbers are little-endian and unaligned: no padding, and reading one is the
//! same instruction.

mod layout;

pub use layout::{Layout, TupleBuffer};

use crate::error::{Error, Result};
use crate::page::{HEADER_SIZE, LINE_POINTER_SIZE, PAGE_SIZE};
use crate::transaction::Xid;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The longest tuple that fits a page. (PostgreSQL stores longer values out of line: TOAST.)
pub const MAX_TUPLE_SIZE: usize = PAGE_SIZE - HEADER_SIZE - LINE_POINTER_SIZE;

pub const TUPLE_HEADER_SIZE: usize = 24;

/// Who made the row, who deleted it: PostgreSQL's `HeapTupleHeader`, with transaction numbers of 64 bits, which
/// never wrap around.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub struct TupleHeader {
    /// The transaction that inserted the row.
    pub xmin: U64,
    /// The transaction that deleted it, 0 if none did.
    pub xmax: U64,
    /// The command within that transaction: the one that deleted it if there is an `xmax`, else the one that
    /// inserted it. One field is enough for both, because a command can only delete what it sees, and it does not
    /// see what it inserted itself. (PostgreSQL has to tell apart more, and needs "combo" command ids.)
    pub cid: U32,
    /// The line pointer of the row's next version on this page, 0 if none. Nothing sets it yet.
    pub next: U16,
    /// How many columns the row was stored with.
    pub columns: U16,
}

/// Where the deleting transaction and its command stand in the header; DELETE writes these bytes alone.
pub const XMAX_OFFSET: usize = 8;

impl TupleHeader {
    pub fn inserted(xid: Xid, cid: u32, columns: usize) -> TupleHeader {
        TupleHeader {
            xmin: xid.into(),
            xmax: 0.into(),
            cid: cid.into(),
            next: 0.into(),
            columns: (columns as u16).into(),
        }
    }

    /// The header of the stored tuple `bytes`.
    #[inline]
    pub fn read(bytes: &[u8]) -> Result<&TupleHeader> {
        match TupleHeader::ref_from_prefix(bytes) {
            Ok((header, _)) => Ok(header),
            Err(_) => Err(too_short(bytes.len())),
        }
    }

    /// The bytes from [`XMAX_OFFSET`] on that mark a row as deleted.
    pub fn deletion(xid: Xid, cid: u32) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&xid.to_le_bytes());
        bytes[8..].copy_from_slice(&cid.to_le_bytes());
        bytes
    }
}

#[cold]
fn too_short(len: usize) -> Error {
    Error::corrupted("tuple", format_args!("{len} bytes are too few for a header"))
}
