//! The milestones' REPLs in the book's pages (`scripts/browser`): the module is built, packed for a page, and tried.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use inox_progress::Progress;
use inox_tests::session::without_chance;
use serde_json::{Value, json};

use crate::script::Script;

const TARGET: &str = "wasm32-wasip1";

pub const MISSING: &str = "Rust's library for wasm32-wasip1 is not installed, and rustup cannot install it";

/// What a page loads when somebody wants to try something.
const PACKED: &str = "repl-module.js";

/// Builds the module; where it is.
pub fn build(root: &Path) -> Result<PathBuf> {
    inox_progress::complain!("Building the REPLs for the pages: minutes, the first time");
    ensure!(can_build(root)?, "{MISSING}");
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(["build", "--package", "inox-browser", "--lib", "--profile", "browser"])
        .args(["--target", TARGET, "--target-dir", "target"])
        .status()
        .context("cannot run cargo")?;
    ensure!(built.success(), "the REPLs cannot be built for {TARGET}");
    Ok(root.join("target").join(TARGET).join("browser/inox_browser.wasm"))
}

/// Whether Rust's own library for WebAssembly is there, by rustup if need be.
pub fn can_build(root: &Path) -> Result<bool> {
    let sysroot = Command::new("rustc").current_dir(root).args(["--print", "sysroot"]).output();
    let sysroot = sysroot.context("cannot run rustc")?.stdout;
    let library = Path::new(String::from_utf8_lossy(&sysroot).trim()).join("lib/rustlib").join(TARGET);
    if library.exists() {
        return Ok(true);
    }
    let added = Command::new("rustup").current_dir(root).args(["target", "add", TARGET]).status();
    Ok(added.is_ok_and(|status| status.success()))
}

/// Writes what the pages load: the module, what runs it, and the sessions. A script, since a page that was opened as a
/// file may load nothing else.
pub fn pack(root: &Path, module: &Path, out: &Path) -> Result<()> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let module = fs::read(module).with_context(|| module.display().to_string())?;
    packed.write_all(&module)?;
    let mut build = DefaultHasher::new();
    build.write(&module);
    let browser = root.join("scripts/browser");
    let read = |name| fs::read_to_string(browser.join(name));
    let machine = format!("{}{}", read("files.js")?, read("machine.js")?);
    let sessions: serde_json::Map<String, Value> =
        Script::read_all(root)?.into_iter().map(|(name, script)| (name, script.json())).collect();
    let loaded = json!({
        "machine": machine,
        "module": STANDARD.encode(packed.finish()?),
        // A program's memory that a reader's browser has kept is of no use to another build.
        "build": format!("{:016x}", build.finish()),
        "sessions": sessions,
    });
    fs::write(out.join(PACKED), format!("inoxLoaded({loaded});\n"))?;
    Ok(())
}

/// Plays all sessions that a page can play in Node, and holds what comes of them against their snapshots. None if there
/// is no Node; otherwise how many were played, and what is wrong.
pub fn check(root: &Path, module: &Path) -> Result<Option<(usize, Vec<String>)>> {
    let mut scripts = Script::read_all(root)?;
    scripts.retain(|_, script| script.is_played_alike());
    let progress = Progress::new(format!("playing {} sessions in Node", scripts.len()));
    let Some(transcripts) = play(root, module, scripts.values())? else { return Ok(None) };
    drop(progress);
    let mut problems = Vec::new();
    for ((name, script), played) in scripts.iter().zip(transcripts) {
        let snapshot = root.join("tests/snapshots").join(format!("{name}.snap"));
        let snapshot = fs::read_to_string(&snapshot).with_context(|| snapshot.display().to_string())?;
        let answers = snapshot.splitn(3, "---\n").nth(2).context("a snapshot without a header")?;
        let (mut expected, played) = (comparable(answers), comparable(&played));
        if !script.is_whole() {
            expected.truncate(played.len());
        }
        let line =
            (0..expected.len().max(played.len())).find(|line| expected.get(*line) != played.get(*line));
        if let Some(line) = line {
            let said = |lines: &[String]| lines.get(line).cloned().unwrap_or("nothing".into());
            problems.push(format!("{name}: {:?}, and in a page {:?}", said(&expected), said(&played)));
        }
    }
    Ok(Some((scripts.len(), problems)))
}

/// What the module answers to each of the scripts.
fn play<'a>(
    root: &Path,
    module: &Path,
    scripts: impl Iterator<Item = &'a Script>,
) -> Result<Option<Vec<String>>> {
    let browser = root.join("scripts/browser");
    let mut node = Command::new("node");
    node.arg(browser.join("play.mjs")).arg(module);
    let mut node = match node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() {
        Ok(node) => node,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("cannot run node"),
    };
    let sessions = Value::from(scripts.map(Script::json).collect::<Vec<_>>());
    // Dropped, so that Node sees the end of its input.
    node.stdin.take().context("node has no input")?.write_all(sessions.to_string().as_bytes())?;
    let output = node.wait_with_output()?;
    ensure!(output.status.success(), "node could not play the sessions");
    Ok(Some(serde_json::from_slice(&output.stdout).context("what node said")?))
}

/// Does to the programs what a page does beside typing; what has failed, if anything has.
pub fn try_out(root: &Path, module: &Path) -> Result<Option<String>> {
    let trials = root.join("scripts/browser/trials.test.mjs");
    let mut node = Command::new("node");
    let tried = node.args(["--test", "--test-reporter=spec"]).arg(trials).env("MODULE", module).output();
    let tried = tried.context("cannot run node")?;
    let failures = (!tried.status.success()).then(|| String::from_utf8_lossy(&tried.stdout).into_owned());
    Ok(failures)
}

/// A transcript's lines without what only a process on a real disk says.
fn comparable(transcript: &str) -> Vec<String> {
    let process = ["[exit ", "[killed ", "[started ", "Created data directory", "Using a simulated disk"];
    let is_answer = |line: &&str| !process.iter().any(|said| line.starts_with(said));
    without_chance(transcript).lines().map(str::trim_end).filter(is_answer).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_says_of_itself_is_not_compared() {
        let transcript = "Created data directory \"data\"\nbegin  \nTime: 3ms\n[exit status 0]\n";
        assert_eq!(comparable(transcript), ["begin", "Time: #ms"]);
    }
}
