//! The milestones and their programs.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The folder of this package.
pub fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The milestones by number.
pub fn all() -> Result<BTreeMap<u32, PathBuf>> {
    let mut milestones = numbered(&here().join("../milestones"))?;
    milestones.retain(|_, dir| dir.join("Cargo.toml").is_file());
    Ok(milestones)
}

/// The folders below `folder` that are called `m<number>-<idea>`, by number.
pub fn numbered(folder: &Path) -> Result<BTreeMap<u32, PathBuf>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let dir = entry?.path();
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        if let (true, true, Ok(stage)) = (dir.is_dir(), name.contains('-'), number(&name)) {
            found.insert(stage, dir);
        }
    }
    Ok(found)
}

/// The number of a stage given as `2`, `m2` or `m2-wal`.
pub fn number(stage: &str) -> Result<u32> {
    let digits = stage.trim().trim_start_matches('m').split('-').next().unwrap_or_default();
    digits.parse().with_context(|| format!("{stage} is no stage: say m1, m2, …"))
}

/// The program of a stage, built from this repository in the profile of the running test.
///
/// The first call builds them all, with one run of cargo. A milestone that does not compile has no program;
/// the others do.
pub fn program(stage: u32) -> Result<&'static Path> {
    static PROGRAMS: OnceLock<Result<BTreeMap<u32, PathBuf>>> = OnceLock::new();
    match PROGRAMS.get_or_init(build) {
        Ok(programs) => {
            let program = programs.get(&stage).map(PathBuf::as_path);
            program.with_context(|| format!("the program of stage {stage} was not built; see cargo's words"))
        }
        Err(error) => bail!("cannot build the milestones: {error:#}"),
    }
}

fn build() -> Result<BTreeMap<u32, PathBuf>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(here())
        .args(["build", "--workspace", "--bins", "--keep-going", "--profile", &profile()?])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    let milestones = here().join("../milestones").canonicalize()?;
    let messages = String::from_utf8(output.stdout).context("cargo's answer is not text")?;
    let built = messages.lines().filter_map(|message| executable(message, &milestones));
    Ok(built.collect())
}

/// The stage and the program that one of cargo's messages speaks of.
fn executable(message: &str, milestones: &Path) -> Option<(u32, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let program = message.get("executable")?.as_str()?;
    let package = Path::new(message.get("manifest_path")?.as_str()?).parent()?;
    let name = package.strip_prefix(milestones).ok()?.to_str()?;
    Some((number(name).ok()?, PathBuf::from(program)))
}

/// The profile that the running program was built in.
fn profile() -> Result<String> {
    let program = env::current_exe().context("cannot find the running program")?;
    profile_of(&program).context("the running program lies outside a target folder")
}

/// A program lies in `target/<profile>`, a test in `target/<profile>/deps`.
fn profile_of(program: &Path) -> Option<String> {
    let mut folders = program.ancestors().skip(1).map(|folder| folder.file_name().unwrap_or_default());
    let folder = folders.find(|folder| *folder != "deps" && *folder != "examples")?.to_str()?;
    Some(if folder == "debug" { "dev" } else { folder }.to_owned()).filter(|folder| !folder.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_has_three_spellings() {
        for spelling in ["2", "m2", "m2-wal"] {
            assert_eq!(number(spelling).unwrap(), 2);
        }
        assert!(number("wal").is_err());
    }

    #[test]
    fn a_test_and_a_program_know_their_profile() {
        let profile = |program| profile_of(Path::new(program));
        assert_eq!(profile("/r/target/debug/inoxdb").as_deref(), Some("dev"));
        assert_eq!(profile("/r/target/debug/deps/kills-1f").as_deref(), Some("dev"));
        assert_eq!(profile("/r/target/release/examples/try").as_deref(), Some("release"));
        assert_eq!(profile("/inoxdb"), None);
    }

    #[test]
    fn programs_are_found_in_cargos_messages() {
        let message = r#"{"reason":"compiler-artifact","manifest_path":"/r/milestones/m5-sql/Cargo.toml",
            "executable":"/r/target/debug/inoxdb"}"#;
        let found = executable(message, Path::new("/r/milestones"));
        assert_eq!(found, Some((5, PathBuf::from("/r/target/debug/inoxdb"))));
        assert_eq!(executable(message, Path::new("/r/scripts")), None);
        assert_eq!(executable(&message.replace("\"/r/target/debug/inoxdb\"", "null"), Path::new("/r")), None);
    }
}
