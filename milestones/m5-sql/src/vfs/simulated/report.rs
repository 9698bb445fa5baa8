//! What a power cut took, for people.

use super::Survival;
use std::fmt;

/// How many files, and how many names, are told one by one.
const TOLD: usize = 20;

/// What a power cut did. Print it: a line for each file that had unsynced changes, one for each lost name.
#[derive(Clone, Debug)]
pub struct CrashReport {
    pub policy: Survival,
    pub seed: u64,
    /// How much the disk wrote atomically, in bytes: 512 or 4096.
    pub sector: usize,
    /// The files that had unsynced bytes or an unsynced length, by name.
    pub files: Vec<FileReport>,
    /// Unsynced changes of names that did not survive, in words: `creation of "base/16384"`.
    pub lost_names: Vec<String>,
}

/// What became of one file's unsynced changes. Each sector is counted once, however often it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The name that the process knew it by.
    pub path: String,
    /// Unsynced writes, and the bytes they wrote.
    pub writes: usize,
    pub bytes: u64,
    /// Sectors that hold the newest of what was written.
    pub kept: usize,
    /// Sectors that hold something older.
    pub lost: usize,
    /// Sectors in which the bytes that were to change are now something else altogether.
    pub garbled: usize,
    /// The first place where one write survived on the one side and not on the other.
    pub torn_at: Option<u64>,
    /// The length that the process saw, and the one now.
    pub len_before: u64,
    pub len_after: u64,
}

impl CrashReport {
    /// Whether everything unsynced survived.
    pub fn is_harmless(&self) -> bool {
        self.lost_names.is_empty() && self.files.iter().all(FileReport::is_harmless)
    }
}

impl FileReport {
    pub fn is_harmless(&self) -> bool {
        self.lost == 0 && self.garbled == 0 && self.len_before == self.len_after
    }
}

impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "power cut: {} (seed {}, sectors of {} bytes)", self.policy, self.seed, self.sector)?;
        if self.files.is_empty() && self.lost_names.is_empty() {
            return write!(f, "\n  everything had been synced: nothing is lost");
        }
        for file in self.files.iter().take(TOLD) {
            write!(f, "\n  {file}")?;
        }
        and_more(f, self.files.len(), "files")?;
        for name in self.lost_names.iter().take(TOLD) {
            write!(f, "\n  {name}: lost")?;
        }
        and_more(f, self.lost_names.len(), "names")
    }
}

fn and_more(f: &mut fmt::Formatter<'_>, count: usize, what: &str) -> fmt::Result {
    if count > TOLD { write!(f, "\n  … and {} more {what}", count - TOLD) } else { Ok(()) }
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FileReport { writes, bytes, lost, garbled, len_before, len_after, .. } = self;
        if *writes == 0 {
            let outcome = if len_before == len_after { "kept" } else { "lost" };
            write!(f, "{}: its new length of {len_before} bytes: {outcome}", self.path)?;
            return if len_before == len_after { Ok(()) } else { write!(f, ", {len_after} bytes now") };
        }
        let plural = if *writes == 1 { "" } else { "s" };
        write!(f, "{}: {writes} unsynced write{plural}, {bytes} bytes: ", self.path)?;
        let sectors = self.kept + lost + garbled;
        match (lost, garbled) {
            (0, 0) if self.len_before == self.len_after => write!(f, "all kept")?,
            (0, 0) => write!(f, "bytes kept")?,
            (_, 0) => write!(f, "{lost} of {sectors} sectors lost")?,
            (0, _) => write!(f, "{garbled} of {sectors} sectors garbled")?,
            _ => write!(f, "{lost} of {sectors} sectors lost, {garbled} garbled")?,
        }
        if let Some(offset) = self.torn_at {
            write!(f, ", torn at {offset}")?;
        }
        if self.len_before != self.len_after {
            write!(f, ", length {} instead of {}", self.len_after, self.len_before)?;
        }
        Ok(())
    }
}
