//! The control file: where recovery begins.
//!
//! Two slots of at most 512 bytes, in different 4 KiB blocks, are written in turn. A disk writes at least 512 bytes as one,
//! so a power cut can spoil the slot being written and never the other: there is always a whole one, at worst the
//! older. That is why the log is kept back to the older slot's redo pointer.

use super::record::ALIGNMENT;
use super::{Lsn, MAX_LSN};
use crate::directory::{DatabaseId, FORMAT_FILE};
use crate::error::{Error, Result};
use crate::transaction::{FIRST_XID, MAX_XID, Xid};
use crate::vfs::{self, File, Vfs};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

pub const CONTROL_FILE: &str = "control";

const MAGIC: u64 = u64::from_le_bytes(*b"InoxCtrl");
/// Where the slots are in the file.
pub const SLOT_OFFSETS: [u64; 2] = [0, 4096];

/// What a checkpoint leaves for the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlData {
    /// Never changes; a control file that was copied from another database has another one.
    pub database: DatabaseId,
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
    database: U64,
    crc: U32,
}

/// A slot that was read back whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedControl {
    /// The higher it is, the newer the slot.
    pub sequence: u64,
    pub data: ControlData,
}

/// Both slots, as far as they are whole and where they belong: even numbers in the first, odd ones in the second.
pub fn read_slots(file: &File) -> Result<[Option<SavedControl>; 2]> {
    let mut saved = [None; 2];
    for (number, (saved, offset)) in (0..).zip(saved.iter_mut().zip(SLOT_OFFSETS)) {
        let mut slot = Slot::new_zeroed();
        let is_whole = file.read_at(slot.as_mut_bytes(), offset)? == size_of::<Slot>();
        if is_whole && slot.is_valid() && slot.sequence.get() % 2 == number {
            *saved = Some(SavedControl { sequence: slot.sequence.get(), data: slot.data()? });
        }
    }
    Ok(saved)
}

/// The slots that are whole, the newest last; at least one.
fn whole_slots(file: &File) -> Result<Vec<SavedControl>> {
    let mut slots: Vec<SavedControl> = read_slots(file)?.into_iter().flatten().collect();
    slots.sort_by_key(|slot| slot.sequence);
    if slots.is_empty() {
        return Err(Error::corrupted(
            format_args!("file \"{CONTROL_FILE}\""),
            "neither slot has a valid checksum: there is no way to tell where the log begins",
        ));
    }
    Ok(slots)
}

/// The open control file.
pub struct ControlFile {
    file: File,
    sequence: u64,
    data: ControlData,
    /// The redo pointer in the slot that was not written last.
    older_redo: Lsn,
    /// The other slot cannot be read. It may have been the newer one.
    one_slot: bool,
}

impl ControlFile {
    /// Makes the control file of a new database. Its name is durable when the database is marked complete.
    pub fn create(vfs: &dyn Vfs, database: DatabaseId, segment_size: u32) -> Result<ControlFile> {
        let redo = Lsn::from(segment_size);
        let data = ControlData {
            database,
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
        let mut control = ControlFile { file, sequence: 0, data, older_redo: redo, one_slot: false };
        control.write(data)?;
        control.write(data)?;
        vfs::sync_dir(vfs, "")?;
        Ok(control)
    }

    /// Reads both slots and goes by the newer whole one.
    pub fn open(vfs: &dyn Vfs, database: DatabaseId) -> Result<ControlFile> {
        let file = File::open(vfs, CONTROL_FILE)?;
        let slots = whole_slots(&file)?;
        let newest = slots[slots.len() - 1];
        if let Some(foreign) = slots.iter().map(|slot| slot.data.database).find(|found| *found != database) {
            return Err(Error::corrupted(
                format_args!("file \"{CONTROL_FILE}\""),
                format_args!("belongs to database {foreign}, but file \"{FORMAT_FILE}\" says {database}"),
            ));
        }
        Ok(ControlFile {
            file,
            sequence: newest.sequence,
            data: newest.data,
            older_redo: slots[0].data.redo,
            one_slot: slots.len() == 1,
        })
    }

    /// Which database the control file belongs to.
    pub fn database(vfs: &dyn Vfs) -> Result<DatabaseId> {
        let slots = whole_slots(&File::open(vfs, CONTROL_FILE)?)?;
        Ok(slots[slots.len() - 1].data.database)
    }

    /// The control file as somebody who could not read it thinks it was: for salvage, which keeps it in memory.
    pub fn guess(vfs: &dyn Vfs, data: ControlData) -> Result<ControlFile> {
        let exists = vfs.exists(CONTROL_FILE).map_err(|error| Error::io("stat", CONTROL_FILE, error))?;
        let file = if exists { File::open(vfs, CONTROL_FILE)? } else { File::create(vfs, CONTROL_FILE)? };
        Ok(ControlFile { file, sequence: 0, data, older_redo: data.redo, one_slot: true })
    }

    pub fn data(&self) -> ControlData {
        self.data
    }

    /// Whether the database was closed in order, and both slots can tell.
    pub fn is_in_order(&self) -> bool {
        self.data.clean && !self.one_slot
    }

    /// The highest epoch that a record in the log can have: each write of the file raises it by one at most, so a slot
    /// that was lost knew at most the next.
    pub fn newest_epoch(&self) -> u32 {
        self.data.epoch.saturating_add(u32::from(self.one_slot))
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
            database: data.database.0.into(),
            crc: 0.into(),
        };
        slot.crc = slot.compute_crc().into();
        self.file.write_all_at(slot.as_bytes(), SLOT_OFFSETS[(sequence % 2) as usize])?;
        self.file.sync_data()?;
        self.older_redo = self.data.redo;
        self.one_slot = false;
        self.sequence = sequence;
        self.data = data;
        Ok(())
    }
}

impl Slot {
    fn compute_crc(&self) -> u32 {
        let bytes = self.as_bytes();
        crc_fast::crc32_iscsi(&bytes[..bytes.len() - size_of::<U32>()])
    }

    fn is_valid(&self) -> bool {
        self.magic.get() == MAGIC && self.crc.get() == self.compute_crc()
    }

    /// What the slot says, if it can be: a checksum may be right over wrong numbers, and everything is calculated from
    /// these.
    fn data(&self) -> Result<ControlData> {
        let data = ControlData {
            database: DatabaseId(self.database.get()),
            epoch: self.epoch.get(),
            redo: self.redo.get(),
            durable: self.durable.get(),
            next_xid: self.next_xid.get(),
            next_relation: self.next_relation.get(),
            segment_size: self.segment_size.get(),
            clean: self.clean.get() != 0,
        };
        let ControlData { epoch, redo, durable, next_xid, segment_size, .. } = data;
        if !super::is_segment_size(segment_size) {
            return Err(impossible(format_args!("segment size {segment_size}")));
        }
        // Only in a new database is there no checkpoint record at the redo pointer.
        let first = Lsn::from(segment_size);
        let is_new = redo == first && durable == first;
        let is_possible = first <= redo && redo < durable && durable <= MAX_LSN && redo % ALIGNMENT == 0;
        if !is_new && !is_possible {
            return Err(impossible(format_args!(
                "redo pointer {redo:#x} in a log durable up to {durable:#x}"
            )));
        }
        if !(FIRST_XID..=MAX_XID).contains(&next_xid) {
            return Err(impossible(format_args!("transaction number {next_xid}")));
        }
        if epoch == u32::MAX || self.sequence.get() == u64::MAX {
            return Err(impossible(format_args!("epoch {epoch}, written {} times", self.sequence)));
        }
        Ok(data)
    }
}

fn impossible(what: std::fmt::Arguments<'_>) -> Error {
    Error::corrupted(format_args!("file \"{CONTROL_FILE}\""), format_args!("impossible {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::DATABASE;
    use crate::vfs::MemoryVfs;

    fn written() -> (MemoryVfs, ControlData) {
        let vfs = MemoryVfs::new();
        let mut control = ControlFile::create(&vfs, DATABASE, 65536).unwrap();
        let mut data = control.data();
        for redo in [100_000, 200_000] {
            (data.redo, data.durable) = (redo, redo + 40);
            control.write(data).unwrap();
        }
        (vfs, data)
    }

    #[test]
    fn the_newer_slot_counts_and_the_log_is_kept_for_the_older() {
        let (vfs, data) = written();
        let control = ControlFile::open(&vfs, DATABASE).unwrap();
        assert_eq!(control.data(), data);
        assert_eq!(control.keep_from(), 100_000);
    }

    #[test]
    fn a_torn_slot_leaves_the_other() {
        for offset in SLOT_OFFSETS {
            let (vfs, _) = written();
            vfs.open(CONTROL_FILE).unwrap().write_at(&[0xff], offset + 20).unwrap();
            let redo = ControlFile::open(&vfs, DATABASE).unwrap().data().redo;
            assert!(redo == 100_000 || redo == 200_000);
        }
    }

    #[test]
    fn two_damaged_slots_are_an_error() {
        let (vfs, _) = written();
        for offset in SLOT_OFFSETS {
            vfs.open(CONTROL_FILE).unwrap().write_at(&[0xff], offset + 20).unwrap();
        }
        assert_eq!(ControlFile::open(&vfs, DATABASE).err().unwrap().state().code(), "XX001");
    }

    #[test]
    fn a_slot_of_another_database_is_an_error() {
        let (vfs, data) = written();
        let other = DatabaseId(DATABASE.0 + 1);
        let refused = |database| ControlFile::open(&vfs, database).err().map(|error| error.to_string());
        assert!(refused(other).unwrap().contains("file \"control\": belongs to database "));
        // Of two databases, one slot each.
        ControlFile::open(&vfs, DATABASE).unwrap().write(ControlData { database: other, ..data }).unwrap();
        assert!(refused(other).is_some() && refused(DATABASE).is_some());
    }

    #[test]
    fn impossible_numbers_under_a_valid_checksum_are_errors() {
        let (_, good) = written();
        type Forge = fn(&mut ControlData);
        let forgeries: [(&str, Forge); 10] = [
            ("redo pointer 0x0", |data| data.redo = 0),
            ("redo pointer", |data| data.redo = u64::MAX),
            ("redo pointer", |data| data.redo += 1),
            ("redo pointer", |data| data.durable = data.redo - 8),
            ("redo pointer", |data| data.durable = data.redo),
            ("redo pointer", |data| data.durable = u64::MAX),
            ("segment size 4096", |data| data.segment_size = 4096),
            ("transaction number 0", |data| data.next_xid = 0),
            ("transaction number", |data| data.next_xid = u64::MAX),
            ("epoch 4294967295", |data| data.epoch = u32::MAX),
        ];
        for (what, forge) in forgeries {
            let (vfs, _) = written();
            let mut forged = good;
            forge(&mut forged);
            ControlFile::open(&vfs, DATABASE).unwrap().write(forged).unwrap();
            let error = ControlFile::open(&vfs, DATABASE).err().unwrap();
            assert!(error.message().starts_with("file \"control\": impossible"), "{error}");
            assert!(error.message().contains(what) && error.state().code() == "XX001", "{error}");
        }
    }

    #[test]
    fn slots_that_were_swapped_are_not_taken_for_each_other() {
        let (vfs, _) = written();
        let file = vfs.open(CONTROL_FILE).unwrap();
        let mut slots = [[0; size_of::<Slot>()]; 2];
        for (slot, offset) in slots.iter_mut().zip(SLOT_OFFSETS) {
            file.read_at(slot, offset).unwrap();
        }
        file.write_at(&slots[0], SLOT_OFFSETS[1]).unwrap();
        assert_eq!(
            ControlFile::open(&vfs, DATABASE).unwrap().newest_epoch(),
            1,
            "the other may have been newer"
        );
        file.write_at(&slots[1], SLOT_OFFSETS[0]).unwrap();
        assert!(ControlFile::open(&vfs, DATABASE).is_err());
    }
}
