//! What a process costs: time on the clock, time on the processors, memory at its peak.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use wait4::Wait4;

/// What one run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub wall: Duration,
    /// User and system time of all processes that took part.
    pub cpu: Duration,
    /// Resident memory at its peak, in bytes, where one process is all.
    pub memory: Option<u64>,
}

/// Runs a program to its end, with a file as its input and one as its output.
///
/// What it says on standard error is an error, as is an exit status: a script that fails halfway is quick.
pub fn run(command: &mut Command, input: &Path, output: &Path) -> Result<Usage> {
    let errors = output.with_extension("err");
    command
        .stdin(File::open(input).with_context(|| input.display().to_string())?)
        .stdout(File::create(output).with_context(|| output.display().to_string())?)
        .stderr(File::create(&errors)?);
    let started = Instant::now();
    let child = command.spawn().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    let used = child.wait4()?;
    let wall = started.elapsed();
    let said = std::fs::read_to_string(&errors).unwrap_or_default();
    if !used.status.success() || !said.trim().is_empty() {
        let name = command.get_program().to_string_lossy();
        bail!("{name}, {}: {}", used.status, said.lines().next().unwrap_or("without a word"));
    }
    let cpu = used.rusage.utime + used.rusage.stime;
    // The crate answers in bytes wherever it runs.
    Ok(Usage { wall, cpu, memory: Some(used.rusage.maxrss) })
}

/// Runs a program for its effect.
pub fn succeed(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !output.status.success() {
        let name = command.get_program().to_string_lossy();
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{name}, {}: {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The middle one.
pub fn median<T: Copy + PartialOrd>(values: impl IntoIterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied()
}
