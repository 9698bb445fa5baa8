//! The control file: where recovery begins.
//!
//! Two slots of 512 bytes, in different 4 KiB blocks, are written in turn. A disk writes at least 512 bytes as one,
//! so a power cut can spoil the slot being written and never the other: there is always a whole one, at worst the
//! older. That is why the log is kept back to the older slot's redo pointer.

use super::Lsn;
use crate::error::{Error, Result, SqlState};
use crate::transaction::{FIRST_XID, Xid};
use crate::vfs::{self, File, Vfs};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

pub const CONTROL_FILE: &str = "control";

const MAGIC: u64 = u64::from_le_bytes(*b"InoxCtrl");
const SLOT_OFFSETS: [u64; 2] = [0, 4096];

/// What a checkpoint leaves for the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlData {
    /// Raised each time the database is opened; every log record carries the epoch it was written in.
    pub epoch: u32,
    /// Replay begins here: everything the log says before is in the data files.
    pub redo: Lsn,
    /// The log was durable up to here when this was written.
    pub durable: Lsn,
    pub next_xid: Xid,
    /// Relation numbers from here on are free; of use once the catalogs give them out, from stage 4 on.
    pub next_relation: u32,
    pub segment_size: u32,
    /// The database was closed in order: there is nothing to replay.
    pub clean: bool,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct Slot {
    magic: U64,
    /// Counts writes; the slot with the higher number is the newer one.
    sequence: U64,
    redo: U64,
    durable: U64,
    next_xid: U64,
    epoch: U32,
    next_relation: U32,
    segment_size: U32,
    clean: U32,
    crc: U32,
}

/// The open control file.
pub struct ControlFile {
    file: File,
    sequence: u64,
    data: ControlData,
    /// The redo pointer in the slot that was not written last.
    older_redo: Lsn,
}

impl ControlFile {
    /// Makes the control file of a new database. Its name is durable when the database is marked complete.
    pub fn create(vfs: &dyn Vfs, segment_size: u32) -> Result<ControlFile> {
        let redo = Lsn::from(segment_size);
        let data = ControlData {
            epoch: 0,
            redo,
            durable: redo,
            next_xid: FIRST_XID,
            next_relation: 0,
            segment_size,
            clean: true,
        };
        let file = File::create(vfs, CONTROL_FILE)?;
        file.set_len(SLOT_OFFSETS[1] + size_of::<Slot>() as u64)?;
        let mut control = ControlFile { file, sequence: 0, data, older_redo: redo };
        control.write(data)?;
        control.write(data)?;
        vfs::sync_dir(vfs, "")?;
        Ok(control)
    }

    /// Reads both slots and goes by the newer whole one.
    pub fn open(vfs: &dyn Vfs) -> Result<ControlFile> {
        let file = File::open(vfs, CONTROL_FILE)?;
        let mut slots: Vec<Slot> = Vec::new();
        for offset in SLOT_OFFSETS {
            let mut slot = Slot::new_zeroed();
            if file.read_at(slot.as_mut_bytes(), offset)? == size_of::<Slot>() && slot.is_valid() {
                slots.push(slot);
            }
        }
        slots.sort_by_key(|slot| slot.sequence.get());
        let Some(newest) = slots.last() else {
            return Err(Error::corrupted(
                format_args!("file \"{CONTROL_FILE}\""),
                "neither slot has a valid checksum: there is no way to tell where the log begins",
            ));
        };
        Ok(ControlFile {
            file,
            sequence: newest.sequence.get(),
            data: newest.data()?,
            older_redo: slots[0].redo.get(),
        })
    }

    pub fn data(&self) -> ControlData {
        self.data
    }

    /// How often the file was written.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Where the slot lies that was written last.
    pub fn slot_offset(&self) -> u64 {
        SLOT_OFFSETS[(self.sequence % 2) as usize]
    }

    /// The log must be kept from here on: whichever slot the next start finds, it can replay.
    pub fn keep_from(&self) -> Lsn {
        self.older_redo.min(self.data.redo)
    }

    /// Overwrites the older slot and makes it durable.
    pub fn write(&mut self, data: ControlData) -> Result<()> {
        let sequence = self.sequence + 1;
        let mut slot = Slot {
            magic: MAGIC.into(),
            sequence: sequence.into(),
            redo: data.redo.into(),
            durable: data.durable.into(),
            next_xid: data.next_xid.into(),
            epoch: data.epoch.into(),
            next_relation: data.next_relation.into(),
            segment_size: data.segment_size.into(),
            clean: u32::from(data.clean).into(),
            crc: 0.into(),
        };
        slot.crc = slot.compute_crc().into();
        self.file.write_all_at(slot.as_bytes(), SLOT_OFFSETS[(sequence % 2) as usize])?;
        self.file.sync_data()?;
        self.older_redo = self.data.redo;
        self.sequence = sequence;
        self.data = data;
        Ok(())
    }
}

impl Slot {
    fn compute_crc(&self) -> u32 {
        let bytes = self.as_bytes();
        crc32c::crc32c(&bytes[..bytes.len() - size_of::<U32>()])
    }

    fn is_valid(&self) -> bool {
        self.magic.get() == MAGIC && self.crc.get() == self.compute_crc()
    }

    fn data(&self) -> Result<ControlData> {
        let segment_size = self.segment_size.get();
        if !super::is_segment_size(segment_size) {
            return Err(Error::new(
                SqlState::DataCorrupted,
                format!("file \"{CONTROL_FILE}\": impossible segment size {segment_size}"),
            ));
        }
        Ok(ControlData {
            epoch: self.epoch.get(),
            redo: self.redo.get(),
            durable: self.durable.get(),
            next_xid: self.next_xid.get(),
            next_relation: self.next_relation.get(),
            segment_size,
            clean: self.clean.get() != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::MemoryVfs;

    fn written() -> (MemoryVfs, ControlData) {
        let vfs = MemoryVfs::new();
        let mut control = ControlFile::create(&vfs, 65536).unwrap();
        let mut data = control.data();
        for redo in [100_000, 200_000] {
            data.redo = redo;
            control.write(data).unwrap();
        }
        (vfs, data)
    }

    #[test]
    fn the_newer_slot_counts_and_the_log_is_kept_for_the_older() {
        let (vfs, data) = written();
        let control = ControlFile::open(&vfs).unwrap();
        assert_eq!(control.data(), data);
        assert_eq!(control.keep_from(), 100_000);
    }

    #[test]
    fn a_torn_slot_leaves_the_other() {
        for offset in SLOT_OFFSETS {
            let (vfs, _) = written();
            vfs.open(CONTROL_FILE).unwrap().write_at(&[0xff], offset + 20).unwrap();
            let redo = ControlFile::open(&vfs).unwrap().data().redo;
            assert!(redo == 100_000 || redo == 200_000);
        }
    }

    #[test]
    fn two_damaged_slots_are_an_error() {
        let (vfs, _) = written();
        for offset in SLOT_OFFSETS {
            vfs.open(CONTROL_FILE).unwrap().write_at(&[0xff], offset + 20).unwrap();
        }
        assert_eq!(ControlFile::open(&vfs).err().unwrap().state().code(), "XX001");
    }
}
