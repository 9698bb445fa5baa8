//! Power cuts: an ext4 file system in a file is told to stop, and to forget what its journal had not yet written.
//!
//! That is the ioctl which file system developers test recovery with. Everything that was not synced is gone, names
//! and lengths of files as well as their bytes. It takes root, a loop device, and Perl to call the ioctl.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use fastrand::Rng;
use tempfile::TempDir;

use super::dialect::Dialect;
use super::load::{self, Fresh};
use super::model::{State, fates, possible};
use super::program::Program;
use crate::part::{Context, Outcome, Scale};

const DISK_SIZE: u64 = 96 << 20;

/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`, on the directory that is its argument.
const SHUTDOWN: &str = r#"open(my $dir, "<", $ARGV[0]) or die "open: $!\n";
                          ioctl($dir, 0x8004587d, my $flags = pack("L", 2)) or die "ioctl: $!\n";"#;

/// Small enough that one disk holds it, large enough that the log grows, is recycled, and grows again.
const SETTINGS: [&str; 4] = ["--segment-size", "64kB", "--max-wal-size", "512kB"];

pub fn run(context: &Context) -> Result<Outcome> {
    if let Err(error) = Disk::new().and_then(|disk| disk.cut()) {
        let skipped = format!("real power cuts: no file system can be mounted and shut down here: {error:#}");
        return Ok(Outcome { skipped: vec![skipped], ..Outcome::default() });
    }
    let (disks, cuts) = match context.scale {
        Scale::Quick => (1, 1),
        Scale::Standard => (4, 2),
        Scale::Nightly => (40, 5),
    };
    let disks: Vec<(u32, u64)> = [5, 2, 4, 3]
        .into_iter()
        .cycle()
        .zip((0..disks).map(|number| context.seed.wrapping_add(number)))
        .collect();
    context.bar.inc_length(disks.len() as u64 * cuts);
    Ok(context.for_each(&disks, |(stage, seed)| {
        let outcome = chain(*stage, *seed, cuts);
        context.bar.inc(cuts);
        outcome
    }))
}

/// So many power cuts on one disk. The disk of a failure is kept.
pub fn chain(stage: u32, seed: u64, cuts: u64) -> Result<Outcome> {
    let mut disk = Disk::new()?;
    let mut random = Rng::with_seed(seed);
    let (mut expected, mut fresh) = (vec![State::new()], Fresh::default());
    let mut outcome = Outcome::default();
    for round in 1..=cuts {
        match cut(Dialect { stage }, &mut disk, &mut random, &expected, &mut fresh) {
            Ok(now) => expected = now,
            Err(error) => {
                let home = disk.keep();
                let place = home.display();
                outcome
                    .failures
                    .push(format!("power m{stage}, seed {seed}, round {round}: {error:#} ({place})"));
                return Ok(outcome);
            }
        }
        outcome.count("power cuts", 1);
    }
    // What the last cut has left.
    let verified = Program::start(Dialect { stage }, &disk.root(), &SETTINGS, &[])
        .and_then(|mut program| program.verify(&expected).map(drop));
    if let Err(error) = verified {
        let home = disk.keep();
        outcome
            .failures
            .push(format!("power m{stage}, seed {seed}, at last: {error:#} ({})", home.display()));
    }
    Ok(outcome)
}

/// Verifies what is there, works on it, cuts the power; what may be there afterwards.
fn cut(
    dialect: Dialect,
    disk: &mut Disk,
    random: &mut Rng,
    expected: &[State],
    fresh: &mut Fresh,
) -> Result<Vec<State>> {
    let mut program = Program::start(dialect, &disk.root(), &SETTINGS, &[])?;
    let found = program.verify(expected)?;
    let base = found.0.clone();
    let units = load::anything(dialect, found, fresh, random, 400);
    program.load(&units);
    ensure!(program.wait_for(random.usize(0..200))?, "the program ended by itself");
    disk.cut()?;
    // It may notice that the disk is gone; what it acknowledges from here on would be a lie.
    let ended = program.kill(Duration::from_millis(random.u64(0..20)))?;
    ensure!(!ended.said.contains("panicked"), "{}", ended.said);
    let fates = fates(&units, &ended.said, false)?;
    disk.replace_power()?;
    Ok(possible(&base, &units, &fates))
}

/// A file system in a file, mounted while this value lives.
struct Disk {
    home: TempDir,
    mounted: bool,
}

impl Disk {
    fn new() -> Result<Disk> {
        let home = tempfile::tempdir()?;
        let mut disk = Disk { home, mounted: false };
        File::create(disk.image())?.set_len(DISK_SIZE)?;
        call("mkfs.ext4", &["-q", "-F"], &[&disk.image()])?;
        std::fs::create_dir(disk.root())?;
        disk.mount()?;
        Ok(disk)
    }

    fn image(&self) -> PathBuf {
        self.home.path().join("image")
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("root")
    }

    fn mount(&mut self) -> Result<()> {
        call("mount", &["-t", "ext4", "-o", "loop"], &[&self.image(), &self.root()])?;
        self.mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> Result<()> {
        call("umount", &[], &[&self.root()])?;
        self.mounted = false;
        Ok(())
    }

    /// From here on nothing reaches the disk, and what had not is lost.
    fn cut(&self) -> Result<()> {
        call("perl", &["-e", SHUTDOWN], &[&self.root()])
    }

    fn replace_power(&mut self) -> Result<()> {
        self.unmount()?;
        self.mount()
    }

    /// Leaves the image for somebody to look at, not mounted.
    fn keep(mut self) -> PathBuf {
        self.home.disable_cleanup(true);
        self.home.path().to_path_buf()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A program that is still there holds it for a moment; a lazy one lets go with the program.
        if self.mounted && self.unmount().is_err() {
            let _ = call("umount", &["--lazy"], &[&self.root()]);
        }
    }
}

fn call(program: &str, arguments: &[&str], paths: &[&Path]) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).args(paths).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
