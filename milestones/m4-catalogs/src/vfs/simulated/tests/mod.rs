//! What the simulated disk promises, and what it must not.

mod bytes;
mod faults;
mod names;

use super::{SimulatedVfs, Survival};
use crate::vfs::{File, sync_dir};

const SEEDS: u64 = 1000;

/// A file `f` whose name is durable.
fn named_file(vfs: &SimulatedVfs) -> File {
    let file = File::create(vfs, "f").unwrap();
    sync_dir(vfs, "").unwrap();
    file
}

/// What is in a file, if there is one.
fn content(vfs: &SimulatedVfs, path: &str) -> Option<Vec<u8>> {
    let file = File::open(vfs, path).ok()?;
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    Some(bytes)
}

/// The disk after a power cut, and what it says; the disk itself goes on.
fn cut(vfs: &SimulatedVfs, policy: Survival, seed: u64) -> (SimulatedVfs, super::CrashReport) {
    let after = vfs.fork();
    let report = after.power_cut(policy, seed);
    (after, report)
}

/// All outcomes of all policies with many seeds.
fn all_outcomes(vfs: &SimulatedVfs) -> impl Iterator<Item = (Survival, u64, SimulatedVfs)> {
    Survival::POLICIES
        .into_iter()
        .flat_map(move |policy| (0..SEEDS).map(move |seed| (policy, seed, cut(vfs, policy, seed).0)))
}

/// The contents of `f` that a policy leaves, each once, with sectors of 512 bytes.
fn outcomes(vfs: &SimulatedVfs, policy: Survival) -> std::collections::BTreeSet<Vec<u8>> {
    (0..SEEDS).map(|seed| content(&cut(vfs, policy, seed * 2).0, "f").unwrap()).collect()
}
