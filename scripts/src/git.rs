//! The little of git that the tools need: a file as it was in a commit, and a three-way merge.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The full name of a commit, or nothing if there is no such commit (a repository without one has no `HEAD`).
pub fn commit(root: &Path, revision: &str) -> Result<Option<String>> {
    let output = git(root, &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")])?;
    Ok(output.map(|name| name.trim().to_owned()))
}

/// The text of `path` (relative to `root`) in a commit, or nothing if the commit does not have it.
pub fn show(root: &Path, commit: &str, path: &str) -> Result<Option<String>> {
    git(root, &["show", &format!("{commit}:./{path}")])
}

/// The paths below `folder` in a commit, relative to `folder`.
pub fn list(root: &Path, commit: &str, folder: &str) -> Result<Vec<String>> {
    let listed = git(&root.join(folder), &["ls-tree", "-r", "-z", "--name-only", commit])?;
    Ok(listed.unwrap_or_default().split_terminator('\0').map(str::to_owned).collect())
}

/// Runs git; its output if it succeeded.
fn git(dir: &Path, arguments: &[&str]) -> Result<Option<String>> {
    let output = Command::new("git").arg("-C").arg(dir).args(arguments).output().context("cannot run git")?;
    if !output.status.success() {
        return Ok(None);
    }
    Ok(Some(String::from_utf8(output.stdout).context("git's answer is not text")?))
}

/// What a three-way merge made.
#[derive(Debug, PartialEq, Eq)]
pub struct Merged {
    pub text: String,
    /// Places left marked because both sides changed them.
    pub conflicts: usize,
}

/// One side of a merge: its text and what it is called in conflict markers.
pub struct Side<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

/// Applies to `ours` what changed from `base` to `theirs`.
pub fn merge(ours: Side, base: Side, theirs: Side) -> Result<Merged> {
    let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut command = Command::new("git");
    command.current_dir(dir.path()).args(["merge-file", "-p", "--diff3"]);
    for side in [&ours, &base, &theirs] {
        command.args(["-L", side.name]);
    }
    for (file, side) in [("ours", &ours), ("base", &base), ("theirs", &theirs)] {
        fs::write(dir.path().join(file), side.text)?;
        command.arg(file);
    }
    let output = command.output().context("cannot run git merge-file")?;
    match output.status.code() {
        Some(conflicts @ 0..=127) => {
            let text = String::from_utf8(output.stdout).context("the merged file is not text")?;
            Ok(Merged { text, conflicts: conflicts as usize })
        }
        _ => bail!("git merge-file failed: {}", String::from_utf8_lossy(&output.stderr).trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(ours: &str, base: &str, theirs: &str) -> Merged {
        let side = |name, text| Side { name, text };
        merge(side("ours", ours), side("base", base), side("theirs", theirs)).unwrap()
    }

    #[test]
    fn changes_in_different_places_come_together() {
        let both = merged("A\nb\nc\nd\n", "a\nb\nc\nd\n", "a\nb\nc\nD\n");
        assert_eq!(both, Merged { text: "A\nb\nc\nD\n".into(), conflicts: 0 });
    }

    #[test]
    fn changes_in_the_same_place_are_marked() {
        let clash = merged("x\n", "a\n", "y\n");
        assert_eq!(clash.conflicts, 1);
        assert!(clash.text.contains("<<<<<<< ours\nx\n") && clash.text.contains("y\n>>>>>>> theirs"));
    }
}
