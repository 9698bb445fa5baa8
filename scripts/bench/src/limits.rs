//! What the machine can do, measured in the same run: no engine can be faster than this.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::measure::median;

/// The bare work that the workloads cannot do without.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds to append 1,000 pieces of 100 kB to a file that is long enough already, each with an fdatasync.
    pub append: f64,
    /// Seconds for 2,000 pieces of 200 bytes, likewise.
    pub append_small: f64,
    /// Seconds to read 80 MB from a file that the operating system has in memory.
    pub read: f64,
    /// Seconds to copy 80 MB from memory to memory.
    pub copy: f64,
}

const BYTES: usize = 80_000_000;

/// Measures each `rounds` times; the medians.
pub fn measure(directory: &Path, rounds: usize) -> Result<Limits> {
    let path = directory.join("limits");
    let of = |measure: &dyn Fn() -> Result<f64>| -> Result<f64> {
        let times = (0..rounds).map(|_| measure()).collect::<Result<Vec<_>>>()?;
        Ok(median(times).unwrap_or_default())
    };
    let limits = Limits {
        append: of(&|| append(&path, 1_000, 100_000))?,
        append_small: of(&|| append(&path, 2_000, 200))?,
        read: {
            fs::write(&path, vec![1; BYTES])?;
            of(&|| {
                let started = Instant::now();
                std::hint::black_box(fs::read(&path)?);
                Ok(started.elapsed().as_secs_f64())
            })?
        },
        copy: {
            let (from, mut to) = (vec![1_u8; BYTES], vec![2; BYTES]);
            let mut times = Vec::new();
            for _ in 0..rounds {
                let started = Instant::now();
                to.copy_from_slice(std::hint::black_box(&from));
                std::hint::black_box(&to);
                times.push(started.elapsed().as_secs_f64());
            }
            median(times).unwrap_or_default()
        },
    };
    fs::remove_file(&path)?;
    Ok(limits)
}

fn append(path: &Path, count: usize, size: usize) -> Result<f64> {
    let mut file = File::create(path)?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..(count * size).div_ceil(zeros.len()) {
        file.write_all(&zeros)?;
    }
    file.sync_all()?;
    let mut file = File::options().write(true).open(path)?;
    let piece = vec![1; size];
    let started = Instant::now();
    for _ in 0..count {
        file.write_all(&piece)?;
        file.sync_data()?;
    }
    Ok(started.elapsed().as_secs_f64())
}
