//! A disk that forgets what was not synced.
//!
//! [`SimulatedVfs`] behaves like a file system in front of a disk with a cache, and lets a test, or a curious
//! reader, cut the power. It keeps three states apart: *live*, what the process sees; *durable*, what a power cut
//! leaves for certain; and *pending*, the changes that lie between. A sync moves changes from pending to durable.
//! A power cut draws which of the pending ones had got through ([`Survival`]); the outcome is the new live state.
//!
//! What is modelled:
//! - Bytes and the length of a file pend until `sync_data`; names (made, removed, renamed) pend until `sync_dir`
//!   of their directory. Neither sync does the other's work: synced bytes under a lost name are lost.
//! - Disks write whole sectors, of 512 or 4096 bytes, in any order, and a write of many sectors may be torn. A
//!   sector is written as the cache has it, so it never shows a newer byte beside an older one that the cache had
//!   already replaced; but it may stay at any of its versions.
//! - Changes of a length pend like writes. Where a file grew and its bytes were lost, it has zeros, or is shorter.
//! - A rename is atomic: after it the name means the old file or the new one, never none.
//! - `kill -9` ends the process and leaves the cache: everything live survives.
//! - A sync that fails loses what it should have made durable, but the cache keeps it (as on ext4): reads still
//!   show it, and the next sync reports success without it, unless the page was written again.
//! - Errors of the device, a full disk, short transfers and interrupted ones ([`Fault`]).
//!
//! What is not:
//! - The file system's own damage: its journal is taken to work. Synced sectors do not rot (a test that wants rot
//!   writes it).
//! - A sector that was being written loses nothing that the write did not change: it is old, new, or (under
//!   [`Survival::Garbage`]) random where the two differ. PostgreSQL relies on the same when it writes the page at
//!   the log's end again.
//! - `kill -9` in the middle of a write. Linux copies a write into its cache by pages of 4096 bytes and ends a killed
//!   process between two of them, so the first part may be there alone. A test that wants it writes that part.
//! - The order that ext4 happens to keep among names, and `fsync` of a file making its name durable: neither is
//!   promised by POSIX. Each change of a name survives for itself.
//! - Space by blocks: [`SimulatedVfs::set_capacity`] counts the files' lengths, holes included.
//!
//! Every mutating operation has a number, so a test can run a workload once to count them, and then again and
//! again, stopping after each ([`SimulatedVfs::halt_after`]). Everything follows from the calls and the seeds:
//! there is no clock and no other chance, so each crash can be had again. [`SimulatedVfs::fork`] copies a disk
//! without copying its bytes, so that one stop can be tried with many outcomes.

mod content;
mod crash;
mod disk;
mod fault;
mod names;
mod node;
mod report;
mod survival;
#[cfg(test)]
mod tests;

pub use fault::{Failure, Fault, Operation};
pub use report::{CrashReport, FileReport};
pub use survival::Survival;

use super::{DirectoryLock, RawFile, Vfs};
use disk::Disk;
use fault::Verdict;
use names::Entry;
use node::NodeId;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A simulated disk with files. Clones are the same disk; [`SimulatedVfs::fork`] makes another one.
#[derive(Clone, Default)]
pub struct SimulatedVfs {
    disk: Arc<Mutex<Disk>>,
}

impl SimulatedVfs {
    pub fn new() -> SimulatedVfs {
        SimulatedVfs::default()
    }

    /// Cuts the power: what pends survives by `policy`, by a draw that `seed` determines; sectors have 512 bytes
    /// if the seed is even and 4096 if it is odd. Then the machine is running again: a stop has ended, locks are
    /// free, and handles from before fail at every use. Faults on order and the capacity stay.
    pub fn power_cut(&self, policy: Survival, seed: u64) -> CrashReport {
        crash::power_cut(&mut self.disk(), policy, seed)
    }

    /// Ends the process as `kill -9` does, but not the machine: what was written is there, and pends on.
    pub fn kill(&self) {
        self.disk().end_process();
    }

    /// Another disk in the same state, on which no process runs and no faults are on order.
    pub fn fork(&self) -> SimulatedVfs {
        let mut disk = self.disk().clone();
        disk.end_process();
        disk.faults.clear();
        SimulatedVfs { disk: Arc::new(Mutex::new(disk)) }
    }

    /// The number of the last mutating operation; the first is 1. An operation that failed has a number too.
    pub fn operations(&self) -> u64 {
        self.disk().operations
    }

    /// How often an operation was tried, reads and the like included.
    pub fn count(&self, operation: Operation) -> u64 {
        self.disk().counts.get(operation as usize).copied().unwrap_or(0)
    }

    /// How many operations were tried in all: the range for [`Fault::nth`] of any operation.
    pub fn count_all(&self) -> u64 {
        self.disk().counts.iter().sum()
    }

    /// Stops the machine after mutating operation number `operation`: from then on everything fails, until a
    /// power cut or a kill.
    pub fn halt_after(&self, operation: u64) {
        self.disk().halt_after = Some(operation);
    }

    /// Whether the machine has stopped.
    pub fn is_halted(&self) -> bool {
        let disk = self.disk();
        disk.halt_after.is_some_and(|last| disk.operations >= last)
    }

    /// Orders a fault; several may be on order.
    pub fn inject(&self, fault: Fault) {
        self.disk().faults.order(fault);
    }

    pub fn clear_faults(&self) {
        self.disk().faults.clear();
    }

    /// Lets the disk have room for so many bytes of files in all; `None` is no limit. A write that does not fit
    /// writes what does; what cannot begin fails with `StorageFull`.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk().capacity = bytes;
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, disk: &mut Disk, node: NodeId) -> Box<dyn RawFile> {
        disk.opened(node);
        Box::new(SimulatedFile { vfs: self.clone(), node, process: disk.process })
    }
}

impl Vfs for SimulatedVfs {
    fn open(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        let mut disk = self.disk();
        disk.begin_whole(Operation::Open)?;
        let node = disk.file(path)?;
        Ok(self.handle(&mut disk, node))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn RawFile>> {
        let mut disk = self.disk();
        disk.begin_whole(Operation::Create)?;
        let node = disk.add_file(path)?;
        Ok(self.handle(&mut disk, node))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        let mut disk = self.disk();
        disk.begin_whole(Operation::Stat)?;
        Ok(disk.is_directory(path) || disk.live.contains_key(path))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.begin_whole(Operation::Remove)?;
        disk.remove(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.begin_whole(Operation::Rename)?;
        disk.rename(from, to)
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut disk = self.disk();
        disk.begin_whole(Operation::List)?;
        disk.list(directory)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.begin_whole(Operation::CreateDir)?;
        if disk.is_directory(path) { Ok(()) } else { disk.add(path, Entry::Directory) }
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.begin_whole(Operation::Remove)?;
        disk.remove_dir(path)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        let mut disk = self.disk();
        match disk.begin(Operation::SyncDir)? {
            _ if !disk.is_directory(path) => Err(io::ErrorKind::NotFound.into()),
            Verdict::Fail(error) => {
                disk.lose_names(path);
                Err(error)
            }
            Verdict::Pass | Verdict::Short => {
                disk.sync_names(path);
                Ok(())
            }
        }
    }

    fn lock(&self) -> io::Result<Box<dyn DirectoryLock>> {
        let mut disk = self.disk();
        disk.begin_whole(Operation::Lock)?;
        if std::mem::replace(&mut disk.is_locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimulatedLock { vfs: self.clone(), process: disk.process }))
    }

    fn random(&self) -> io::Result<u64> {
        Ok(super::REPEATABLE)
    }

    fn root(&self) -> String {
        "(simulated disk)".to_string()
    }
}

struct SimulatedLock {
    vfs: SimulatedVfs,
    process: u64,
}

impl DirectoryLock for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut disk = self.vfs.disk();
        if disk.process == self.process {
            disk.is_locked = false;
        }
    }
}

/// An open file of one process: worth nothing once that has ended.
struct SimulatedFile {
    vfs: SimulatedVfs,
    node: NodeId,
    process: u64,
}

impl SimulatedFile {
    fn disk(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.vfs.disk();
        match disk.process == self.process {
            true => Ok(disk),
            false => Err(io::Error::other("the file was opened by a process that has ended")),
        }
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        if let Ok(mut disk) = self.disk() {
            disk.closed(self.node);
        }
    }
}

impl RawFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.disk()?;
        let len = transfer(disk.begin(Operation::Read)?, buffer.len())?;
        Ok(disk.node(self.node)?.live.read(&mut buffer[..len], offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.disk()?;
        let len = transfer(disk.begin(Operation::Write)?, bytes.len())?;
        if len == 0 { Ok(0) } else { disk.write(self.node, &bytes[..len], offset) }
    }

    fn len(&self) -> io::Result<u64> {
        let mut disk = self.disk()?;
        disk.begin_whole(Operation::Stat)?;
        Ok(disk.node(self.node)?.live.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.disk()?;
        disk.begin_whole(Operation::SetLen)?;
        disk.set_len(self.node, len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let mut disk = self.disk()?;
        disk.begin_whole(Operation::Allocate)?;
        disk.allocate(self.node, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.disk()?;
        let verdict = disk.begin(Operation::SyncData)?;
        if !disk.has_name(self.node) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it was removed while it was open"));
        }
        let node = disk.node_mut(self.node)?;
        match verdict {
            Verdict::Fail(error) => {
                node.lose_pending();
                Err(error)
            }
            Verdict::Pass | Verdict::Short => {
                node.sync();
                Ok(())
            }
        }
    }
}

/// How much of a transfer of `len` bytes takes place.
fn transfer(verdict: Verdict, len: usize) -> io::Result<usize> {
    match verdict {
        Verdict::Pass => Ok(len),
        Verdict::Short => Ok(len.div_ceil(2)),
        Verdict::Fail(error) => Err(error),
    }
}
