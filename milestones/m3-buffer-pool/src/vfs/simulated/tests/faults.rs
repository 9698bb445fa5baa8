//! Operations that fail, disks that are full, machines that stop.

use super::*;
use crate::error::SqlState;
use crate::vfs::Vfs;
use crate::vfs::simulated::{Failure, Fault, Operation};
use std::io::ErrorKind;

fn fail(on: Operation, nth: u64, failure: Failure, from_then_on: bool) -> Fault {
    Fault { on: Some(on), nth, failure, from_then_on }
}

#[test]
fn a_failed_sync_loses_its_writes_for_good() {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    vfs.inject(fail(Operation::SyncData, 1, Failure::Io, false));
    file.write_all_at(&[b'l'; 100], 0).unwrap();
    assert_eq!(file.sync_data().unwrap_err().state(), SqlState::IoError);
    file.write_all_at(&[b'k'; 100], 8192).unwrap();
    file.sync_data().expect("as on ext4, the next sync knows of nothing");
    assert_eq!(content(&vfs, "f").unwrap()[..100], [b'l'; 100], "the cache still has it");
    for (policy, seed, after) in all_outcomes(&vfs) {
        let bytes = content(&after, "f").unwrap();
        assert_eq!((&bytes[..100], &bytes[8192..]), (&[0; 100][..], &[b'k'; 100][..]), "{policy} {seed}");
    }
}

#[test]
fn a_failed_directory_sync_loses_its_names_for_good() {
    let vfs = SimulatedVfs::new();
    File::create(&vfs, "f").unwrap();
    vfs.inject(fail(Operation::SyncDir, 1, Failure::Io, false));
    sync_dir(&vfs, "").unwrap_err();
    sync_dir(&vfs, "").unwrap();
    assert!(vfs.exists("f").unwrap());
    assert!(all_outcomes(&vfs).all(|(.., after)| !after.exists("f").unwrap()));
}

#[test]
fn the_nth_fails_once_or_from_then_on() {
    let run = |from_then_on| {
        let vfs = SimulatedVfs::new();
        let file = named_file(&vfs);
        vfs.inject(fail(Operation::Write, 2, Failure::Io, from_then_on));
        [0, 1, 2, 3].map(|offset| file.write_all_at(b"x", offset).is_ok())
    };
    assert_eq!(run(false), [true, false, true, true]);
    assert_eq!(run(true), [true, false, false, false]);
}

#[test]
fn any_operation_can_be_the_nth() {
    for nth in 1..=4 {
        let vfs = SimulatedVfs::new();
        vfs.inject(Fault { on: None, nth, failure: Failure::Io, from_then_on: false });
        let work = || -> crate::error::Result<()> {
            let file = File::create(&vfs, "f")?;
            file.write_all_at(b"x", 0)?;
            file.read_exact_at(&mut [0], 0)?;
            file.sync_data()
        };
        assert_eq!(work().unwrap_err().state(), SqlState::IoError);
        assert_eq!(vfs.count_all(), nth);
        vfs.clear_faults();
        vfs.remove("f").ok();
        work().unwrap();
    }
}

#[test]
fn a_full_disk_refuses_what_takes_room_but_reads_and_removes() {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    vfs.inject(Fault { on: None, nth: 1, failure: Failure::NoSpace, from_then_on: true });
    assert_eq!(file.write_all_at(b"x", 0).unwrap_err().state(), SqlState::DiskFull);
    assert_eq!(vfs.create("g").err().unwrap().kind(), ErrorKind::StorageFull);
    assert_eq!(file.read_at(&mut [0], 0).unwrap(), 0);
    vfs.remove("f").unwrap();
}

#[test]
fn capacity_counts_lengths() {
    let vfs = SimulatedVfs::new();
    vfs.set_capacity(Some(10_000));
    let file = named_file(&vfs);
    file.allocate(6_000).unwrap();
    assert_eq!(file.allocate(10_001).unwrap_err().state(), SqlState::DiskFull);
    let raw = vfs.create("g").unwrap();
    assert_eq!(raw.write_at(&[1; 5_000], 0).unwrap(), 4_000, "what fits is written");
    assert_eq!(raw.write_at(&[1; 1], 4_000).unwrap_err().kind(), ErrorKind::StorageFull);
    file.write_all_at(&[2; 6_000], 0).expect("overwriting takes no room");
    vfs.remove("f").unwrap();
    assert_eq!(raw.write_at(&[1; 5_000], 4_000).unwrap(), 5_000);
}

#[test]
fn short_and_interrupted_transfers_are_finished() {
    for failure in [Failure::Short, Failure::Interrupted] {
        let vfs = SimulatedVfs::new();
        let file = named_file(&vfs);
        vfs.inject(Fault { on: None, nth: 1, failure, from_then_on: true });
        let bytes: Vec<u8> = (0..10_000).map(|i| i as u8).collect();
        file.write_all_at(&bytes, 0).unwrap();
        assert_eq!(content(&vfs, "f").unwrap(), bytes);
        assert!(vfs.count(Operation::Write) > 1 && vfs.count(Operation::Read) > 1, "{failure:?}");
    }
}

#[test]
fn a_stopped_machine_does_nothing_until_it_is_restarted() {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    let lock = vfs.lock().unwrap();
    let last = vfs.operations() + 1;
    vfs.halt_after(last);
    assert!(!vfs.is_halted());
    file.write_all_at(b"last", 0).unwrap();
    assert!(vfs.is_halted());
    file.write_all_at(b"more", 0).unwrap_err();
    file.read_at(&mut [0], 0).unwrap_err();
    sync_dir(&vfs, "").unwrap_err();
    vfs.list("").unwrap_err();
    assert_eq!(vfs.operations(), last);
    vfs.power_cut(Survival::All, 0);
    assert_eq!(content(&vfs, "f").unwrap(), b"last");
    drop((file, lock));
}

#[test]
fn handles_and_locks_end_with_the_process() {
    for power in [true, false] {
        let vfs = SimulatedVfs::new();
        let file = named_file(&vfs);
        let old = vfs.lock().unwrap();
        assert_eq!(vfs.lock().err().unwrap().kind(), ErrorKind::WouldBlock);
        if power {
            vfs.power_cut(Survival::All, 0);
        } else {
            vfs.kill();
        }
        file.read_at(&mut [0], 0).unwrap_err();
        file.write_all_at(b"x", 0).unwrap_err();
        file.len().unwrap_err();
        file.sync_data().unwrap_err();
        let new = vfs.lock().unwrap();
        drop(old);
        assert!(vfs.lock().is_err(), "an old guard does not free a new lock");
        drop(new);
        vfs.lock().unwrap();
    }
}

#[test]
fn a_file_without_a_name_is_not_synced() {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    file.sync_data().unwrap();
    vfs.rename("f", "g").unwrap();
    file.sync_data().unwrap();
    vfs.remove("g").unwrap();
    assert_eq!(file.sync_data().unwrap_err().state().code(), "58P01");
}
