//! `cargo x break`: the bugs that can be planted into a stage.
//!
//! The crash tests plant them and hunt for them, and that takes an engine to be compiled. To list them takes only the
//! files that describe them, so this reads those itself: whoever looks for a bug's name has the answer at once.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::stages::Stage;

/// Where the bugs are described; what else stands there is for the crash tests.
const FOLDER: &str = "tests/crash/planted";

#[derive(Debug, Deserialize)]
pub struct Bug {
    /// The file's name without its ending.
    #[serde(skip)]
    name: String,
    title: String,
    /// The first stage that has the code, such as `m2`.
    milestone: String,
}

impl Bug {
    /// All bugs: by stage, then by name.
    pub fn read_all(root: &Path) -> Result<Vec<Bug>> {
        let folder = root.join(FOLDER);
        let mut bugs = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                bugs.push(Bug::read(&path).with_context(|| path.display().to_string())?);
            }
        }
        bugs.sort_by(|a, b| (&a.milestone, &a.name).cmp(&(&b.milestone, &b.name)));
        Ok(bugs)
    }

    fn read(path: &Path) -> Result<Bug> {
        let bug: Bug = toml::from_str(&fs::read_to_string(path)?)?;
        Ok(Bug { name: path.file_stem().unwrap_or_default().to_string_lossy().into(), ..bug })
    }

    fn is_planted_into(&self, stage: &Stage) -> bool {
        self.milestone == format!("m{}", stage.number)
    }

    /// How its stage is called on the command line.
    fn number(&self) -> &str {
        self.milestone.trim_start_matches('m')
    }
}

/// The bugs of a stage, one a line, as the crash tests and the book list them; or why there is none.
pub fn list(bugs: &[Bug], stage: &Stage) -> String {
    let lines = bugs.iter().filter(|bug| bug.is_planted_into(stage)).map(line);
    let lines: String = lines.collect();
    if lines.is_empty() { none_for(bugs, stage) } else { lines }
}

fn line(bug: &Bug) -> String {
    format!("{:<24} {} ({})\n", bug.name, bug.title, bug.milestone)
}

fn none_for(bugs: &[Bug], stage: &Stage) -> String {
    let mut others: Vec<&str> = bugs.iter().map(Bug::number).collect();
    others.dedup();
    let others: Vec<String> = others.iter().map(|number| format!("`cargo x break {number}`")).collect();
    let why = match stage.number {
        1 => "each breaks a promise that it does not make yet",
        _ => "each is planted into the first milestone that has the code",
    };
    format!("There is none for m{}: {why}. See {}.\n", stage.number, others.join(" and "))
}

/// Complains of a name that no bug has, and of a bug that belongs to another stage, before anything is compiled for it.
pub fn must_be_of(bugs: &[Bug], name: &str, stage: &Stage) -> Result<()> {
    let Some(bug) = bugs.iter().find(|bug| bug.name == name) else {
        bail!("there is no bug {name:?}; `cargo x break {}` lists them", stage.number)
    };
    if !bug.is_planted_into(stage) {
        let its = bug.number();
        bail!(
            "{name} is not planted into m{}, but into {}: `cargo x break {its} {name}`",
            stage.number,
            bug.milestone
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::Stages;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    fn stages() -> Vec<Stage> {
        Stages::read(&root().join("milestones")).unwrap().all
    }

    #[test]
    fn what_is_listed_is_what_the_crash_tests_list() {
        let bugs = Bug::read_all(root()).unwrap();
        // The crash tests compare this file with their own list.
        let all = fs::read_to_string(root().join("book/src/figures/planted-bugs.txt")).unwrap();
        let listed = |stage: &Stage| {
            let mark = format!("(m{})", stage.number);
            all.lines()
                .filter(|line| line.ends_with(&mark))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        let stages = stages();
        for stage in [&stages[1], &stages[4]] {
            assert_eq!(list(&bugs, stage), listed(stage));
        }
        assert_eq!(bugs.iter().map(line).collect::<String>(), all);
    }

    #[test]
    fn a_stage_without_bugs_names_those_that_have_some() {
        let said = list(&Bug::read_all(root()).unwrap(), &stages()[2]);
        assert!(
            said.ends_with("that has the code. See `cargo x break 2` and `cargo x break 5`.\n"),
            "{said}"
        );
    }

    #[test]
    fn a_bug_is_planted_only_where_it_belongs() {
        let (bugs, stages) = (Bug::read_all(root()).unwrap(), stages());
        must_be_of(&bugs, "no-epoch", &stages[1]).unwrap();
        let error = must_be_of(&bugs, "no-epoch", &stages[4]).unwrap_err().to_string();
        assert!(error.ends_with("but into m2: `cargo x break 2 no-epoch`"), "{error}");
        let error = must_be_of(&bugs, "nothing", &stages[1]).unwrap_err().to_string();
        assert!(error.ends_with("`cargo x break 2` lists them"), "{error}");
    }
}
