//! A place to plant bugs in: a copy of the milestones and of the crash tests, as a workspace of its own below the
//! target folder. The repository itself is never touched.
//!
//! The copy has the repository's target folder and all its packages, so that nothing from outside is compiled twice: which
//! features of it are wanted is asked of all of them. Cargo tells packages of two workspaces apart by their paths from the
//! workspace's root; that is why the copy is a level deeper, in `tree`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::bug::Bug;
use super::hunt::Hunt;

/// What is copied of the workspace's members.
const COPIED: [&str; 8] = [
    "milestones",
    "scripts",
    "tests/Cargo.toml",
    "tests/crash",
    "tests/fuzz/Cargo.toml",
    "tests/fuzz/src",
    "tests/src",
    "tests/tests",
];

/// How the program of a milestone begins in the copy, besides the one that it has; `m2` and the like follow. Cargo puts
/// programs into the target folder by their names, so no two may have the same: neither those of two milestones, nor one
/// with a bug and the one that people and tests use.
const PROGRAM: &str = "planted-";

/// A hunt that takes longer has lost its way: a bug may well make an endless loop.
const PATIENCE: Duration = Duration::from_secs(600);

pub struct Site {
    root: PathBuf,
    target: PathBuf,
    /// Whoever holds it may change the sources and build; there is one copy of them.
    sources: Mutex<()>,
}

/// The program `hunt`, built from a milestone as it was in the copy at some moment. It is there until this is dropped.
pub struct Hunter {
    milestone: String,
    program: PathBuf,
}

impl Site {
    /// Makes the copy, or brings it up to date. Files that are the same keep their time, so cargo does not compile
    /// them again.
    pub fn prepare(repository: &Path) -> Result<Site> {
        let target = target_folder(repository);
        let root = target.join("planted");
        let mut copied = BTreeSet::new();
        for path in COPIED {
            copy(&repository.join(path), &root.join("tree").join(path), &mut copied)?;
        }
        remove_all_but(&root.join("tree"), &copied)?;
        for file in ["Cargo.lock", "rust-toolchain.toml"] {
            write(&root.join(file), &fs::read(repository.join(file)).with_context(|| file.to_string())?)?;
        }
        let manifest = fs::read_to_string(repository.join("Cargo.toml"))?;
        write(&root.join("Cargo.toml"), moved(&manifest)?.as_bytes())?;
        Ok(Site { root, target, sources: Mutex::new(()) })
    }

    /// The folder with the copied sources.
    pub fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// Builds the hunter of a milestone with a bug in it.
    pub fn planted(&self, bug: &Bug) -> Result<Hunter> {
        self.plant(bug, || self.build(&bug.milestone, &bug.name))
    }

    /// Builds the program of a milestone with a bug in it. It is there until the next call for the same bug.
    pub fn program(&self, bug: &Bug) -> Result<PathBuf> {
        let program = format!("{PROGRAM}{}", bug.milestone);
        self.plant(bug, || self.make(&["--bin", &program], &program, &bug.name))
    }

    /// Builds something while a bug is in the sources.
    fn plant<T>(&self, bug: &Bug, build: impl FnOnce() -> Result<T>) -> Result<T> {
        let _sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let path = bug.path(&self.tree())?;
        let original = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        write(&path, bug.apply(&original)?.as_bytes())?;
        let built = build();
        fs::write(&path, &original).with_context(|| path.display().to_string())?;
        built
    }

    /// Builds the hunter of a milestone as it should be.
    pub fn sound(&self, milestone: &str) -> Result<Hunter> {
        let _sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        self.build(milestone, &format!("{milestone}-sound"))
    }

    /// Builds a hunter.
    fn build(&self, milestone: &str, name: &str) -> Result<Hunter> {
        let features = format!("inox-crash/{milestone}");
        let what = ["--workspace", "--bin", "hunt", "--no-default-features", "--features", &features];
        Ok(Hunter { milestone: milestone.into(), program: self.make(&what, "hunt", name)? })
    }

    /// Builds a program and puts it aside under a name, out of the way of the next one.
    fn make(&self, what: &[&str], made: &str, name: &str) -> Result<PathBuf> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let built = Command::new(cargo)
            .current_dir(&self.root)
            .args(["build", "--offline", "--quiet"])
            .args(what)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_INCREMENTAL", "1")
            .output()
            .context("cargo")?;
        ensure!(built.status.success(), "does not compile:\n{}", String::from_utf8_lossy(&built.stderr));
        let program = self.root.join(format!("{made}-{name}{}", std::env::consts::EXE_SUFFIX));
        let made = self.target.join(format!("debug/{made}{}", std::env::consts::EXE_SUFFIX));
        fs::copy(&made, &program).with_context(|| made.display().to_string())?;
        Ok(program)
    }
}

impl Hunter {
    pub fn hunt(&self, hunt: &Hunt) -> Result<Hunted> {
        let mut hunter = Command::new(&self.program)
            .args(hunt.arguments(&self.milestone))
            .stdout(Stdio::piped())
            .spawn()
            .context("hunt")?;
        let started = Instant::now();
        while hunter.try_wait()?.is_none() {
            if started.elapsed() > PATIENCE {
                hunter.kill()?;
                hunter.wait()?;
                return Ok(Hunted { tried: 0, found: Some("it does not come to an end".into()) });
            }
            thread::sleep(Duration::from_millis(5));
        }
        let mut said = String::new();
        hunter.stdout.take().context("the hunt says nothing")?.read_to_string(&mut said)?;
        Hunted::parse(&said).with_context(|| format!("the hunt says {said:?}"))
    }
}

impl Drop for Hunter {
    fn drop(&mut self) {
        // It lies in the target folder: what is left there bothers nobody.
        let _ = fs::remove_file(&self.program);
    }
}

/// What came of a hunt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunted {
    /// How many cases it tried, the one that found something included.
    pub tried: u64,
    pub found: Option<String>,
}

impl Hunted {
    /// Reads what [`Hunted::to_string`](std::fmt::Display) wrote.
    fn parse(said: &str) -> Option<Hunted> {
        let (tried, found) = said.split_once('\n')?;
        let found = Some(found.trim()).filter(|found| !found.is_empty());
        Some(Hunted { tried: tried.parse().ok()?, found: found.map(str::to_string) })
    }
}

impl std::fmt::Display for Hunted {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        writeln!(f, "{}\n{}", self.tried, self.found.as_deref().unwrap_or_default())
    }
}

/// The target folder in which this program was built; the repository's, if it was moved.
fn target_folder(repository: &Path) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    marked.map_or_else(|| repository.join("target"), Path::to_path_buf)
}

/// The workspace's manifest for the copy: the same profiles, and the members where they are now.
fn moved(manifest: &str) -> Result<String> {
    let mut manifest: toml::Table = manifest.parse()?;
    let Some(toml::Value::Table(workspace)) = manifest.get_mut("workspace") else { bail!("no workspace") };
    workspace.remove("default-members");
    let Some(toml::Value::Array(members)) = workspace.get_mut("members") else { bail!("no members") };
    for member in members {
        *member = format!("tree/{}", member.as_str().unwrap_or_default()).into();
    }
    Ok(toml::to_string(&manifest)?)
}

/// Copies a file, or a folder with all that is in it except what cargo makes.
fn copy(from: &Path, to: &Path, copied: &mut BTreeSet<PathBuf>) -> Result<()> {
    if from.is_file() {
        let mut content = fs::read(from)?;
        if let Some(milestone) = milestone(from) {
            let program = format!("\n[[bin]]\nname = \"{PROGRAM}{milestone}\"\npath = \"src/main.rs\"\n");
            content.extend(program.bytes());
        }
        write(to, &content)?;
        copied.insert(to.into());
        return Ok(());
    }
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let name = entry?.file_name();
        if name != "target" {
            copy(&from.join(&name), &to.join(&name), copied)?;
        }
    }
    Ok(())
}

/// The milestone whose manifest a file is: `m2`.
fn milestone(path: &Path) -> Option<&str> {
    let above = |levels| path.ancestors().nth(levels).and_then(Path::file_name);
    let is_manifest = above(0)? == "Cargo.toml" && above(2)? == "milestones";
    let (milestone, _) = above(1).filter(|_| is_manifest)?.to_str()?.split_once('-')?;
    Some(milestone)
}

/// Writes a file, unless it says the same already.
fn write(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|found| found == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content).with_context(|| path.display().to_string())
}

fn remove_all_but(folder: &Path, kept: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_all_but(&entry.path(), kept)?;
        } else if !kept.contains(&entry.path()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_hunt_says_reads_back() {
        for found in
            [None, Some("row 3 is missing\n    cargo x crash --replay m2,insert,3,none:0".to_string())]
        {
            let hunted = Hunted { tried: 12, found };
            assert_eq!(Hunted::parse(&hunted.to_string()), Some(hunted));
        }
        assert_eq!(Hunted::parse(""), None);
        assert_eq!(Hunted::parse("many\n"), None);
    }

    #[test]
    fn only_milestones_get_another_program() {
        assert_eq!(milestone(Path::new("/r/milestones/m2-wal/Cargo.toml")), Some("m2"));
        for other in
            ["/r/tests/crash/Cargo.toml", "/r/milestones/m2-wal/src/main.rs", "/r/milestones/lineage.toml"]
        {
            assert_eq!(milestone(Path::new(other)), None);
        }
    }

    #[test]
    fn the_copys_manifest_keeps_the_profiles() {
        let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\"x\"]\ndefault-members = [\"x\"]\n\
                        [profile.dev]\nopt-level = 1\n";
        let moved: toml::Table = moved(manifest).unwrap().parse().unwrap();
        assert_eq!(moved["workspace"]["members"][0].as_str(), Some("tree/x"));
        assert_eq!(moved["profile"]["dev"]["opt-level"].as_integer(), Some(1));
        assert!(moved["workspace"].get("default-members").is_none());
    }
}
