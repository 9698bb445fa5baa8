//! Names across a power cut.

use super::*;
use crate::vfs::{Vfs, replace_file};
use std::io::ErrorKind;

#[test]
fn a_name_without_a_directory_sync_may_vanish() {
    let vfs = SimulatedVfs::new();
    let file = File::create(&vfs, "f").unwrap();
    file.write_all_at(b"synced", 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(content(&cut(&vfs, Survival::None, 0).0, "f"), None);
    assert_eq!(content(&cut(&vfs, Survival::All, 0).0, "f").unwrap(), b"synced");
    sync_dir(&vfs, "").unwrap();
    for (policy, seed, after) in all_outcomes(&vfs) {
        assert_eq!(content(&after, "f").unwrap(), b"synced", "{policy} {seed}");
    }
}

#[test]
fn a_durable_name_does_not_make_bytes_durable() {
    let vfs = SimulatedVfs::new();
    named_file(&vfs).write_all_at(b"unsynced", 0).unwrap();
    assert_eq!(content(&cut(&vfs, Survival::None, 0).0, "f").unwrap(), b"");
}

#[test]
fn a_removal_pends_too() {
    let vfs = SimulatedVfs::new();
    named_file(&vfs).sync_data().unwrap();
    vfs.remove("f").unwrap();
    assert!(!vfs.exists("f").unwrap());
    assert!(cut(&vfs, Survival::None, 0).0.exists("f").unwrap());
    sync_dir(&vfs, "").unwrap();
    assert!(!cut(&vfs, Survival::None, 0).0.exists("f").unwrap());
}

#[test]
fn a_replaced_file_is_the_old_or_the_new_one_wherever_it_stops() {
    let vfs = SimulatedVfs::new();
    replace_file(&vfs, "f", &[b'o'; 3000]).unwrap();
    let before = vfs.operations();
    replace_file(&vfs.fork(), "f", &[b'n'; 3000]).unwrap();
    let mut seen = [0; 2];
    for stop in before..=before + 5 {
        let run = vfs.fork();
        run.halt_after(stop);
        let done = replace_file(&run, "f", &[b'n'; 3000]).is_ok();
        for (policy, seed, after) in all_outcomes(&run) {
            let bytes = content(&after, "f").unwrap();
            let is_new = bytes == [b'n'; 3000];
            assert!(is_new || !done && bytes == [b'o'; 3000], "{policy} {seed} {stop}");
            seen[usize::from(is_new)] += 1;
        }
    }
    assert!(seen[0] > 1000 && seen[1] > 1000, "{seen:?}");
}

#[test]
fn a_rename_over_a_file_may_outrun_the_new_bytes() {
    let vfs = SimulatedVfs::new();
    replace_file(&vfs, "f", b"old").unwrap();
    File::create(&vfs, "f.new").unwrap().write_all_at(b"new", 0).unwrap();
    vfs.rename("f.new", "f").unwrap();
    sync_dir(&vfs, "").unwrap();
    assert_eq!(content(&cut(&vfs, Survival::None, 0).0, "f").unwrap(), b"");
}

#[test]
fn a_move_between_directories_waits_for_both() {
    let vfs = SimulatedVfs::new();
    vfs.create_dir("d").unwrap();
    named_file(&vfs);
    vfs.rename("f", "d/g").unwrap();
    sync_dir(&vfs, "d").unwrap();
    let (after, report) = cut(&vfs, Survival::None, 0);
    assert!(after.exists("f").unwrap() && !after.exists("d/g").unwrap());
    assert_eq!(report.lost_names, ["renaming of \"f\" to \"d/g\""]);
    sync_dir(&vfs, "").unwrap();
    let (after, _) = cut(&vfs, Survival::None, 0);
    assert!(!after.exists("f").unwrap() && after.exists("d/g").unwrap());
}

#[test]
fn a_lost_directory_takes_its_files_along() {
    let vfs = SimulatedVfs::new();
    vfs.create_dir("d").unwrap();
    File::create(&vfs, "d/f").unwrap();
    sync_dir(&vfs, "d").unwrap();
    let (after, _) = cut(&vfs, Survival::None, 0);
    assert_eq!(after.list("").unwrap(), Vec::<String>::new());
    assert!(File::open(&after, "d/f").is_err());
    sync_dir(&vfs, "").unwrap();
    assert_eq!(cut(&vfs, Survival::None, 0).0.list("d").unwrap(), ["f"]);
}

#[test]
fn a_removed_file_lives_on_while_it_is_open() {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    file.write_all_at(b"here", 0).unwrap();
    vfs.remove("f").unwrap();
    sync_dir(&vfs, "").unwrap();
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"here");
    drop(file);
    named_file(&vfs);
    assert_eq!(vfs.disk().nodes.len(), 1, "the removed file is forgotten");
}

#[test]
fn names_follow_the_rules_of_a_file_system() {
    let vfs = SimulatedVfs::new();
    let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(vfs.create("d/f").map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(vfs.open("f").map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(vfs.list("d").map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(vfs.sync_dir("d")), ErrorKind::NotFound);
    vfs.create_dir("d").unwrap();
    vfs.create_dir("d").unwrap();
    vfs.create("f").unwrap();
    assert_eq!(kind(vfs.create_dir("f")), ErrorKind::AlreadyExists);
    assert_eq!(kind(vfs.create("f").map(drop)), ErrorKind::AlreadyExists);
    assert_eq!(kind(vfs.create("f/g").map(drop)), ErrorKind::NotADirectory);
    assert_eq!(kind(vfs.open("d").map(drop)), ErrorKind::IsADirectory);
    assert_eq!(kind(vfs.remove("d")), ErrorKind::IsADirectory);
    assert_eq!(kind(vfs.rename("f", "d")), ErrorKind::IsADirectory);
    assert_eq!(vfs.list("").unwrap(), ["d", "f"]);
}
