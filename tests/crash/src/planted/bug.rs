//! A bug as a file of `tests/crash/planted` describes it: a small edit, the story of whoever made it, and who should
//! find it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Something that a beginner would do, and that looks right.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bug {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    pub title: String,
    /// The first stage that has the code, such as `m2`.
    pub milestone: String,
    /// Within the milestone's folder.
    pub file: String,
    /// What stands there, in exactly one place, and what the beginner wrote instead.
    pub find: String,
    pub replace: String,
    /// Why the beginner did it.
    pub story: String,
    /// Where to begin if you want to explain how the crash could do its damage.
    pub hint: String,
    pub caught_by: CaughtBy,
    /// The kind of history whose recorded images show the bug as well, in the program itself.
    #[serde(default)]
    pub images: Option<String>,
}

/// The part of the crash tests that finds the bug, and its script.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub struct CaughtBy {
    pub part: String,
    /// The name of a workload; rot has none.
    #[serde(default)]
    pub script: String,
}

impl fmt::Display for CaughtBy {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.script.as_str() {
            "" => f.write_str(&self.part),
            script => write!(f, "{}, script {script}", self.part),
        }
    }
}

impl Bug {
    /// All bugs in a folder, by name.
    pub fn list(folder: &Path) -> Result<Vec<Bug>> {
        let mut bugs = Vec::new();
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                bugs.push(Bug::read(&path).with_context(|| path.display().to_string())?);
            }
        }
        bugs.sort_by(|a, b| (&a.milestone, &a.name).cmp(&(&b.milestone, &b.name)));
        Ok(bugs)
    }

    fn read(path: &Path) -> Result<Bug> {
        let mut bug: Bug = toml::from_str(&fs::read_to_string(path)?)?;
        bug.name = path.file_stem().unwrap_or_default().to_string_lossy().into();
        ensure!(bug.find != bug.replace, "changes nothing");
        Ok(bug)
    }

    /// The file to edit, in a tree with the folder `milestones`.
    pub fn path(&self, tree: &Path) -> Result<PathBuf> {
        let prefix = format!("{}-", self.milestone);
        let folder = tree.join("milestones");
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                return Ok(entry.path().join(&self.file));
            }
        }
        anyhow::bail!("there is no milestone {}", self.milestone)
    }

    /// The file's text with the bug in it.
    pub fn apply(&self, text: &str) -> Result<String> {
        let places = text.matches(&self.find).count();
        ensure!(places == 1, "{}: the text to replace is in {places} places of {}", self.name, self.file);
        Ok(text.replacen(&self.find, &self.replace, 1))
    }

    /// What the bug changes in a text, line by line.
    pub fn difference(&self, text: &str) -> String {
        let start = text.find(&self.find).unwrap_or(0);
        let line = text[..start].matches('\n').count() + 1;
        let old: Vec<&str> = self.find.lines().collect();
        let new: Vec<&str> = self.replace.lines().collect();
        let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        let (old, new) = (&old[head..], &new[head..]);
        let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
        let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
        let mut difference = format!("{}, line {}:\n", self.file, line + head);
        for (sign, line) in edits(old, new) {
            difference.push(sign);
            difference.push_str(line);
            difference.push('\n');
        }
        difference
    }
}

/// What makes `new` of `old`, with what stays between: where two lines only change places, that should be seen.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    // How many lines two rests have in common.
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for (i, from) in old.iter().enumerate().rev() {
        for (j, to) in new.iter().enumerate().rev() {
            common[i][j] = match from == to {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut edits) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            edits.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            edits.push(('-', old[i]));
            i += 1;
        } else {
            edits.push(('+', new[j]));
            j += 1;
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::{FOLDER, list, repository};
    use crate::workload::scripted;

    fn bugs() -> Vec<Bug> {
        Bug::list(&repository().join(FOLDER)).unwrap()
    }

    #[test]
    fn every_bug_fits_the_engine_as_it_is() {
        let root = repository();
        for bug in bugs() {
            let text = fs::read_to_string(bug.path(&root).unwrap()).unwrap();
            let planted = bug.apply(&text).unwrap();
            assert_eq!(planted.matches(&bug.find).count(), usize::from(bug.replace.contains(&bug.find)));
            for said in [&bug.title, &bug.story, &bug.hint] {
                assert!(!said.trim().is_empty(), "{}", bug.name);
            }
        }
    }

    #[test]
    fn there_are_as_many_bugs_as_promised_and_the_scripts_that_find_them() {
        let bugs = bugs();
        assert!(bugs.len() >= 14, "{}", bugs.len());
        for bug in bugs {
            let Some(stage) = crate::engine::stage(&bug.milestone) else { continue };
            let CaughtBy { part, script } = bug.caught_by;
            let known = scripted(stage).iter().any(|known| known.name == script);
            assert_eq!(known, part != "rot", "{}: {part} {script}", bug.name);
        }
    }

    #[test]
    fn the_book_lists_them_all() {
        let book = fs::read_to_string(repository().join("book/src/figures/planted-bugs.txt")).unwrap();
        assert_eq!(book, list(&bugs()), "cargo x crash --plant list > book/src/figures/planted-bugs.txt");
        let count = format!("{} classic mistakes", bugs().len());
        for page in ["README.md", "book/src/how-to-use.md"] {
            let text = fs::read_to_string(repository().join(page)).unwrap();
            assert!(text.contains(&count), "{page} does not say {count:?}");
        }
    }

    #[test]
    fn a_difference_shows_the_lines_that_differ() {
        let bug = Bug {
            name: "b".into(),
            title: "t".into(),
            milestone: "m2".into(),
            file: "src/x.rs".into(),
            find: "one\n  two\n  three\nfour".into(),
            replace: "one\n  2\nfour".into(),
            story: "s".into(),
            hint: "h".into(),
            caught_by: CaughtBy { part: "crashes".into(), script: "insert".into() },
            images: None,
        };
        let text = "zero\none\n  two\n  three\nfour\n";
        assert_eq!(bug.difference(text), "src/x.rs, line 3:\n-  two\n-  three\n+  2\n");
        let moved = Bug { find: "one\ntwo\nthree".into(), replace: "two\nthree\none".into(), ..bug.clone() };
        assert_eq!(moved.difference("one\ntwo\nthree"), "src/x.rs, line 1:\n-one\n two\n three\n+one\n");
        assert_eq!(bug.apply(text).unwrap(), "zero\none\n  2\nfour\n");
        assert!(bug.apply("nothing of it").is_err());
        assert!(bug.apply(&text.repeat(2)).is_err());
    }
}
