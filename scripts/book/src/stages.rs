//! The milestones, as the book names them: `m1` to `m5`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// One milestone.
#[derive(Clone, Debug)]
pub struct Stage {
    pub number: usize,
    /// Its folder's name, such as `m1-storage`.
    pub name: String,
    pub dir: PathBuf,
}

/// All milestones, in order.
pub struct Stages(Vec<Stage>);

impl Stages {
    pub fn read(root: &Path) -> Result<Stages> {
        let folder = root.join("milestones");
        let mut stages = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix('m').and_then(|rest| rest.split('-').next()?.parse().ok());
            if let Some(number) = number {
                stages.push(Stage { number, name, dir: entry.path() });
            }
        }
        stages.sort_by_key(|stage| stage.number);
        Ok(Stages(stages))
    }

    pub fn all(&self) -> &[Stage] {
        &self.0
    }

    /// The stage that is called `m2` for short.
    pub fn find(&self, short: &str) -> Result<&Stage> {
        let found = self.0.iter().find(|stage| format!("m{}", stage.number) == short);
        found.with_context(|| format!("there is no milestone {short:?}"))
    }

    pub fn before(&self, stage: &Stage) -> Option<&Stage> {
        self.0.iter().rev().find(|other| other.number < stage.number)
    }
}

impl Stage {
    /// The text of a file below `src`.
    pub fn source(&self, file: &str) -> Result<String> {
        let path = self.dir.join("src").join(file);
        fs::read_to_string(&path).with_context(|| format!("{} has no src/{file}", self.name))
    }

    /// The path as it is said to a reader.
    pub fn shown(&self, file: &str) -> String {
        format!("milestones/{}/src/{file}", self.name)
    }
}
