//! Bytes and lengths across a power cut, policy by policy.

use super::*;
use crate::vfs::Vfs as _;
use crate::vfs::simulated::node::MAX_PENDING_CHUNKS;
use crate::vfs::simulated::{Failure, Fault, FileReport, Operation, Survival::*};
use std::collections::BTreeSet;

/// A file of four durable sectors of `old`, over which `new` is being written: one write of all four.
fn overwritten() -> SimulatedVfs {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    file.write_all_at(&[b'o'; 2048], 0).unwrap();
    file.sync_data().unwrap();
    file.write_all_at(&[b'n'; 2048], 0).unwrap();
    vfs
}

/// The first byte of each sector, if the whole sector is like it.
fn sectors(bytes: &[u8]) -> String {
    let whole = |sector: &[u8]| if sector.iter().all(|byte| *byte == sector[0]) { sector[0] } else { b'?' };
    bytes.chunks(512).map(|sector| char::from(whole(sector))).collect()
}

fn patterns(vfs: &SimulatedVfs, policy: Survival) -> BTreeSet<String> {
    outcomes(vfs, policy).iter().map(|bytes| sectors(bytes)).collect()
}

fn set(patterns: &[&str]) -> BTreeSet<String> {
    patterns.iter().map(|pattern| pattern.to_string()).collect()
}

#[test]
fn synced_bytes_survive_everything() {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    file.write_all_at(&[b's'; 5000], 0).unwrap();
    file.sync_data().unwrap();
    // The same bytes again, more in the last sector of the old ones, and a new length: none of it synced.
    file.write_all_at(&[b's'; 100], 4900).unwrap();
    file.write_all_at(&[b'p'; 9000], 5000).unwrap();
    file.set_len(20_000).unwrap();
    for (policy, seed, after) in all_outcomes(&vfs) {
        let bytes = content(&after, "f").unwrap();
        assert!(bytes.starts_with(&[b's'; 5000]), "{policy} {seed}");
    }
}

#[test]
fn unsynced_bytes_are_there_until_the_power_goes() {
    let vfs = overwritten();
    assert_eq!(content(&vfs, "f").unwrap(), [b'n'; 2048]);
    assert_eq!(patterns(&vfs, None), set(&["oooo"]));
    assert_eq!(patterns(&vfs, All), set(&["nnnn"]));
}

#[test]
fn a_write_is_torn_after_its_first_sectors() {
    assert_eq!(patterns(&overwritten(), TornPrefix), set(&["oooo", "nooo", "nnoo", "nnno", "nnnn"]));
}

#[test]
fn a_coin_for_each_sector_finds_every_combination() {
    assert_eq!(patterns(&overwritten(), Coin).len(), 16);
}

#[test]
fn one_sector_stays_old() {
    assert_eq!(patterns(&overwritten(), AllButOne), set(&["onnn", "nonn", "nnon", "nnno"]));
}

#[test]
fn big_sectors_are_not_torn_inside() {
    let vfs = overwritten();
    let odd_seeds = (0..SEEDS).map(|seed| content(&cut(&vfs, Coin, seed * 2 + 1).0, "f").unwrap());
    assert_eq!(odd_seeds.map(|bytes| sectors(&bytes)).collect::<BTreeSet<_>>(), set(&["oooo", "nnnn"]));
}

#[test]
fn whole_writes_come_in_any_order_and_number() {
    let vfs = overwritten();
    let file = File::open(&vfs, "f").unwrap();
    file.write_all_at(&[b'x'; 1024], 1024).unwrap();
    assert_eq!(patterns(&vfs, Reordered), set(&["oooo", "nnnn", "ooxx", "nnxx"]));
    assert_eq!(patterns(&vfs, OnlyLast), set(&["ooxx"]));
}

#[test]
fn a_sector_has_all_that_the_cache_had() {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    file.write_all_at(b"first", 0).unwrap();
    file.write_all_at(b"second", 5).unwrap();
    for policy in Survival::POLICIES.into_iter().filter(|policy| *policy != Garbage) {
        for bytes in outcomes(&vfs, policy) {
            let whole = ["", "first", "first\0\0\0\0\0\0", "firstsecond"].map(str::as_bytes);
            assert!(whole.contains(&&*bytes), "{policy} {bytes:?}");
        }
    }
}

#[test]
fn garbage_is_only_where_bytes_were_to_change() {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    file.write_all_at(&[b'o'; 512], 0).unwrap();
    file.sync_data().unwrap();
    file.write_all_at(&[b'n'; 100], 200).unwrap();
    let outcomes = outcomes(&vfs, Garbage);
    assert!(outcomes.iter().all(|bytes| bytes[..200] == [b'o'; 200] && bytes[300..] == [b'o'; 212]));
    assert!(outcomes.len() > 100, "old, new, and many sorts of garbage");
}

#[test]
fn a_length_pends_until_the_sync() {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    file.allocate(10_000).unwrap();
    assert_eq!(content(&cut(&vfs, None, 0).0, "f").unwrap(), []);
    assert_eq!(content(&cut(&vfs, All, 0).0, "f").unwrap(), [0; 10_000]);
    file.sync_data().unwrap();
    file.set_len(5).unwrap();
    assert_eq!(content(&cut(&vfs, None, 0).0, "f").unwrap().len(), 10_000);
    file.sync_data().unwrap();
    assert_eq!(content(&cut(&vfs, None, 0).0, "f").unwrap(), [0; 5]);
}

#[test]
fn a_file_that_grew_has_zeros_or_is_shorter() {
    let vfs = SimulatedVfs::new();
    named_file(&vfs).write_all_at(&[b'n'; 1024], 0).unwrap();
    assert_eq!(patterns(&vfs, Coin), set(&["", "n", "\0n", "nn"]));
}

#[test]
fn the_order_holds_across_files() {
    let vfs = SimulatedVfs::new();
    let (data, log) = (named_file(&vfs), File::create(&vfs, "log").unwrap());
    sync_dir(&vfs, "").unwrap();
    log.write_all_at(b"log", 0).unwrap();
    data.write_all_at(b"data", 0).unwrap();
    for seed in 0..SEEDS {
        let (after, _) = cut(&vfs, TornPrefix, seed);
        assert!(content(&after, "f").unwrap().is_empty() || content(&after, "log").unwrap() == b"log");
    }
}

#[test]
fn bytes_behind_the_end_do_not_come_to_light() {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    file.write_all_at(&[b'l'; 1000], 0).unwrap();
    file.write_all_at(&[b'k'; 100], 0).unwrap();
    let expected = [vec![b'k'; 100], vec![0; 900]].concat();
    let grown = |vfs: &SimulatedVfs, policy| {
        let (after, _) = cut(vfs, policy, 1);
        File::open(&after, "f").unwrap().set_len(1000).unwrap();
        content(&after, "f").unwrap()
    };
    assert_eq!(grown(&vfs, OnlyLast), expected, "the sector came with more than the length covers");
    vfs.inject(Fault { on: Some(Operation::SyncData), nth: 1, failure: Failure::Io, from_then_on: false });
    file.sync_data().unwrap_err();
    file.write_all_at(&[b'k'; 100], 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(grown(&vfs, None), expected, "so did the page after the failed sync");
}

#[test]
fn the_same_seed_is_the_same_crash() {
    let vfs = overwritten();
    for policy in Survival::POLICIES {
        let (one, other) = (cut(&vfs, policy, 42), cut(&vfs, policy, 42));
        assert_eq!(content(&one.0, "f"), content(&other.0, "f"));
        assert_eq!(one.1.to_string(), other.1.to_string());
    }
}

#[test]
fn after_a_power_cut_nothing_pends() {
    let vfs = overwritten();
    vfs.power_cut(Coin, 6);
    let bytes = content(&vfs, "f");
    vfs.power_cut(None, 0);
    assert_eq!(content(&vfs, "f"), bytes);
    File::create(&vfs, "g").unwrap();
    vfs.power_cut(None, 0);
    vfs.power_cut(All, 0);
    assert_eq!(vfs.list("").unwrap(), ["f"]);
}

#[test]
fn a_kill_loses_nothing_and_syncs_nothing() {
    let vfs = overwritten();
    vfs.kill();
    assert_eq!(content(&vfs, "f").unwrap(), [b'n'; 2048]);
    assert_eq!(patterns(&vfs, None), set(&["oooo"]));
}

#[test]
fn forks_go_their_own_ways() {
    let vfs = overwritten();
    let other = vfs.fork();
    File::open(&other, "f").unwrap().write_all_at(b"x", 0).unwrap();
    other.remove("f").unwrap();
    assert_eq!(content(&vfs, "f").unwrap(), [b'n'; 2048]);
}

#[test]
fn too_much_unsynced_is_written_back() {
    let vfs = SimulatedVfs::new();
    let file = named_file(&vfs);
    for page in 0..MAX_PENDING_CHUNKS as u64 + 10 {
        file.write_all_at(&[b'n'; 4096], page * 4096).unwrap();
    }
    assert_eq!(content(&cut(&vfs, None, 0).0, "f").unwrap(), [b'n'; 10 * 4096]);
}

#[test]
fn the_report_says_what_was_lost() {
    let vfs = overwritten();
    let report = cut(&vfs, All, 0).1;
    assert!(report.is_harmless());
    File::create(&vfs, "g").unwrap();
    let seed = (0..).step_by(2).find(|seed| cut(&vfs, TornPrefix, *seed).1.files[0].kept == 1).unwrap();
    let report = cut(&vfs, TornPrefix, seed).1;
    assert!(!report.is_harmless());
    assert_eq!(
        report.files,
        [FileReport {
            path: "f".into(),
            writes: 1,
            bytes: 2048,
            kept: 1,
            lost: 3,
            garbled: 0,
            torn_at: Some(512),
            len_before: 2048,
            len_after: 2048,
        }]
    );
    assert_eq!(
        report.to_string(),
        format!(
            "power cut: torn-prefix (seed {seed}, sectors of 512 bytes)\n  \
             f: 1 unsynced write, 2048 bytes: 3 of 4 sectors lost, torn at 512\n  \
             creation of \"g\": lost"
        )
    );
}
