//! `cargo x forward`: carries a change of one stage to the stages after it.
//!
//! It goes from stage to stage, each time asking what changed in the stage before: from `base` (the file as
//! it was) to `theirs` (as it is now). A later file that said the same as `base` is copied over; one with
//! differences of its own gets a three-way merge; a new file is copied; a deleted one is deleted. Where both
//! sides changed the same lines the conflict is left marked, and the stages behind it wait.
//!
//! `base` is the file in the commit, unless this tool has carried a version since that commit: then it is
//! that version. So a change can be forwarded, edited further and forwarded again. What was carried is
//! remembered under `target/x-forward/<commit>/` and means nothing once something is committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::declarations::Declarations;
use crate::git::{self, Side};
use crate::stages::{Stage, Stages, is_compared};

/// Which files to carry.
pub enum Chosen {
    /// Paths inside the stage, or from the repository's root.
    Named(Vec<String>),
    /// Every file of the stage that is not as the commit has it.
    All,
}

/// What happened, one line for each file and stage.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<String>,
    conflicts: usize,
}

impl Report {
    pub fn text(&self) -> String {
        let mut text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        if self.lines.is_empty() {
            text.push_str("nothing to carry forward\n");
        }
        text
    }

    pub fn clean(&self) -> bool {
        self.conflicts == 0
    }
}

/// What is to be done with one file of one later stage.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// It already says this, or has nothing to take over.
    Nothing(&'static str),
    Write {
        text: String,
        how: &'static str,
    },
    Delete,
    /// Left with conflict markers, if there is a `text` to leave.
    Conflict {
        text: Option<String>,
        why: String,
    },
    /// This stage does not have the file, so the stages behind it do not inherit it either.
    NotHere,
}

struct Forward<'a> {
    root: &'a Path,
    /// The commit to compare with; none before the first commit.
    commit: Option<String>,
    declarations: Declarations,
    report: Report,
}

pub fn run(root: &Path, from: &str, chosen: Chosen, since: &str) -> Result<Report> {
    let mut stages = Stages::read(&root.join("milestones"))?;
    let start = stages.position(from)?;
    let commit = git::commit(root, since)?;
    if commit.is_none() && since != "HEAD" {
        bail!("there is no commit {since}");
    }
    let declarations = Declarations::read(&root.join("milestones/lineage.toml"))?;
    let mut forward = Forward { root, commit, declarations, report: Report::default() };
    let line: &mut [Stage] = stages.all.get_mut(start..).unwrap_or_default();
    let first = line.first().context("no such stage")?;
    let paths = match chosen {
        Chosen::Named(files) => files.iter().map(|file| inside(first, file)).collect::<Result<_>>()?,
        Chosen::All => forward.changed(first)?,
    };
    for path in paths {
        forward.carry(line, &path)?;
    }
    Ok(forward.report)
}

impl Forward<'_> {
    /// Every compared file of a stage that is not as the commit has it.
    fn changed(&self, stage: &Stage) -> Result<BTreeSet<String>> {
        let mut paths: BTreeSet<String> = stage.files.keys().cloned().collect();
        if let Some(commit) = &self.commit {
            let committed = git::list(self.root, commit, &format!("milestones/{}", stage.name))?;
            paths.extend(committed.into_iter().filter(|path| is_compared(path)));
        }
        let mut changed = BTreeSet::new();
        for path in paths {
            if self.committed(stage, &path)?.as_ref() != stage.files.get(&path) {
                changed.insert(path);
            }
        }
        Ok(changed)
    }

    /// Carries one file along `line`, whose first stage is where it was changed.
    fn carry(&mut self, line: &mut [Stage], path: &str) -> Result<()> {
        let mut before_run = match line.first() {
            Some(first) if first.files.contains_key(path) => None,
            Some(first) if self.committed(first, path)?.is_some() => None,
            Some(first) => bail!("{} has no file {path}, nor had it in the commit", first.name),
            None => None,
        };
        for at in 1..line.len() {
            let (done, rest) = line.split_at_mut(at);
            let (Some(previous), Some(later)) = (done.last(), rest.first_mut()) else { break };
            let base = self.base(previous, later, path, before_run.take())?;
            let theirs = previous.files.get(path).cloned();
            let ours = later.files.get(path).cloned();
            let refuses = self.declarations.dropped(&later.name, path);
            let outcome = decide((previous, later), path, base.as_deref(), theirs.as_deref(), refuses)?;
            before_run = ours;
            if !self.apply(later, path, theirs.as_deref(), outcome)? {
                break;
            }
        }
        Ok(())
    }

    /// The version of `previous`'s file that `later` was last brought up to.
    fn base(
        &self,
        previous: &Stage,
        later: &Stage,
        path: &str,
        before_run: Option<String>,
    ) -> Result<Option<String>> {
        let untouched = self.committed(later, path)?.as_ref() == later.files.get(path);
        let carried = self.memory(later, path);
        if !untouched && carried.is_file() {
            return fs::read_to_string(&carried).map(Some).context("cannot read what was carried before");
        }
        Ok(self.committed(previous, path)?.or(before_run))
    }

    fn committed(&self, stage: &Stage, path: &str) -> Result<Option<String>> {
        match &self.commit {
            Some(commit) => git::show(self.root, commit, &format!("milestones/{}/{path}", stage.name)),
            None => Ok(None),
        }
    }

    fn memory(&self, later: &Stage, path: &str) -> PathBuf {
        let commit = self.commit.as_deref().unwrap_or("none");
        self.root.join("target/x-forward").join(commit).join(&later.name).join(path)
    }

    /// Does what was decided; whether the next stage is to be looked at.
    fn apply(
        &mut self,
        later: &mut Stage,
        path: &str,
        theirs: Option<&str>,
        outcome: Outcome,
    ) -> Result<bool> {
        let file = later.dir.join(path);
        let unresolved = matches!(outcome, Outcome::Conflict { text: None, .. });
        let (said, go_on) = match outcome {
            Outcome::Nothing(why) => (why.to_owned(), true),
            Outcome::NotHere => ("does not have it".to_owned(), false),
            Outcome::Write { text, how } => {
                write(&file, &text)?;
                later.files.insert(path.to_owned(), text);
                (how.to_owned(), true)
            }
            Outcome::Delete => {
                fs::remove_file(&file).with_context(|| format!("cannot delete {}", file.display()))?;
                later.files.remove(path);
                ("deleted".to_owned(), true)
            }
            Outcome::Conflict { text, why } => {
                self.report.conflicts += 1;
                if let Some(text) = text {
                    write(&file, &text)?;
                }
                (format!("CONFLICT: {why}; then: cargo x forward {path} --from {}", later.name), false)
            }
        };
        if let Some(theirs) = theirs
            && !unresolved
            && later.files.contains_key(path)
        {
            write(&self.memory(later, path), theirs)?;
        }
        self.report.lines.push(format!("{}/{path}: {said}", later.name));
        Ok(go_on)
    }
}

/// Decides what `later` does about the change from `base` to `theirs` in the stage before it.
fn decide(
    (previous, later): (&Stage, &Stage),
    path: &str,
    base: Option<&str>,
    theirs: Option<&str>,
    refuses: bool,
) -> Result<Outcome> {
    let ours = later.files.get(path).map(String::as_str);
    let restated = |text: &str| previous.restated(later, path, text);
    let same = |text: Option<&str>| match (text, ours) {
        (Some(text), Some(ours)) => previous.same(later, path, text, ours),
        _ => false,
    };
    Ok(match (base, theirs, ours) {
        (None, None, _) => Outcome::Nothing("nothing to take over"),
        (_, None, None) => Outcome::Nothing("already gone"),
        (Some(_), Some(_), None) => Outcome::NotHere,
        (None, Some(_), None) if refuses => Outcome::NotHere,
        (None, Some(theirs), None) => Outcome::Write { text: restated(theirs), how: "copied, new" },
        (_, Some(_), Some(_)) if same(theirs) => Outcome::Nothing("already the same"),
        (Some(_), None, Some(_)) if same(base) => Outcome::Delete,
        (Some(_), None, Some(_)) => {
            let why = format!("deleted in {}, changed here; delete or keep it by hand", previous.name);
            Outcome::Conflict { text: None, why }
        }
        (Some(base), Some(theirs), Some(_)) if base == theirs => Outcome::Nothing("nothing to take over"),
        (Some(base), Some(theirs), Some(ours)) if same(Some(base)) => {
            // A file that was the same to the byte, names and all, stays so.
            let text = if ours == base { theirs.to_owned() } else { restated(theirs) };
            Outcome::Write { text, how: "copied" }
        }
        (Some(base), Some(theirs), Some(ours)) => {
            merge((previous, later), ours, &restated(base), &restated(theirs))?
        }
        (None, Some(_), Some(_)) => {
            let why =
                format!("has its own, and no commit says what {} had before; compare them", previous.name);
            Outcome::Conflict { text: None, why }
        }
    })
}

fn merge((previous, later): (&Stage, &Stage), ours: &str, base: &str, theirs: &str) -> Result<Outcome> {
    let (old, new) = (format!("{} before", previous.name), format!("{} now", previous.name));
    let merged = git::merge(
        Side { name: &later.name, text: ours },
        Side { name: &old, text: base },
        Side { name: &new, text: theirs },
    )?;
    Ok(match merged.conflicts {
        0 if merged.text == ours => Outcome::Nothing("has the change already"),
        0 => Outcome::Write { text: merged.text, how: "merged" },
        _ => {
            let why = format!("{} left marked; resolve", places(merged.conflicts));
            Outcome::Conflict { text: Some(merged.text), why }
        }
    })
}

fn places(count: usize) -> String {
    if count == 1 { "1 place".to_owned() } else { format!("{count} places") }
}

/// A path inside the stage, given as such or from the repository's root.
fn inside(stage: &Stage, file: &str) -> Result<String> {
    let path = file.strip_prefix(&format!("milestones/{}/", stage.name)).unwrap_or(file);
    if !is_compared(path) {
        bail!("{path} is not a file that stages inherit from {}", stage.name);
    }
    Ok(path.to_owned())
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests;
