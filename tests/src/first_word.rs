//! A tool that works for minutes must say something at once, wherever its output goes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result};

use crate::process::Process;
use crate::terminal::Terminal;

const AT_ONCE: Duration = Duration::from_secs(1);

/// A busy machine may be late once; a tool that is silent is late each time.
const TRIES: usize = 3;

/// Fails unless the tool says something within a second, into a pipe and on a terminal. Then the tool is killed.
///
/// It runs in `dir`, and finds a cargo there that does nothing and says nothing: what is waited for is the tool's own word.
pub fn must_come_at_once(tool: &Path, arguments: &[&str], dir: &Path) -> Result<()> {
    let cargo = silent_cargo(dir)?;
    let with_cargo = format!("CARGO={}", cargo.display());
    let tool = tool.to_str().context("the tool's path is no text")?;
    let arguments = [&[with_cargo.as_str(), tool], arguments].concat();
    let env = find("env")?;
    let in_pipe = || {
        let process = Process::start(&env, &arguments, dir, AT_ONCE)?;
        let spoke = process.wait_until(|said| !said.trim_ascii().is_empty())?;
        anyhow::ensure!(spoke, "it ended without a word");
        Ok(())
    };
    let on_terminal = || Terminal::start(&env, &arguments, dir, AT_ONCE)?.wait_for_a_word();
    once_of(in_pipe).with_context(|| format!("{arguments:?} into a pipe"))?;
    once_of(on_terminal).with_context(|| format!("{arguments:?} on a terminal"))
}

fn once_of(attempt: impl Fn() -> Result<()>) -> Result<()> {
    (1..TRIES).find_map(|_| attempt().ok()).map_or_else(attempt, Ok)
}

/// A program that takes the place of cargo.
fn silent_cargo(dir: &Path) -> Result<PathBuf> {
    let cargo = dir.join("cargo");
    if !cargo.exists() {
        fs::write(&cargo, "#!/bin/sh\nexec sleep 5\n").context("cannot write the silent cargo")?;
        #[cfg(unix)]
        fs::set_permissions(&cargo, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    Ok(cargo)
}

fn find(program: &str) -> Result<PathBuf> {
    let paths: OsString = env::var_os("PATH").context("there is no PATH")?;
    let mut found = env::split_paths(&paths).map(|folder| folder.join(program));
    found.find(|path| path.is_file()).with_context(|| format!("there is no {program}"))
}
