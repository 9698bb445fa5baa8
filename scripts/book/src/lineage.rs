//! What a milestone adds and changes, from the files themselves and from `milestones/lineage.toml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::coverage::files;
use crate::stages::{Stage, Stages};

/// `{{#lineage m2}}`: two lists, what is new and what is changed.
pub fn lists(root: &Path, stages: &Stages, stage: &Stage) -> Result<String> {
    let before = stages.before(stage).context("there is no milestone before the first")?;
    let old = files(before)?;
    let (mut added, mut lines) = (Vec::new(), 0);
    let mut same = 0;
    for file in files(stage)? {
        let text = stage.source(&file)?;
        if !old.contains(&file) {
            lines += text.lines().count();
            added.push(file);
        } else if before.source(&file)? == text {
            same += 1;
        }
    }
    let mut text = String::new();
    writeln!(text, "*New*: {} files of {lines} lines, tests included.\n", added.len())?;
    for (folder, names) in by_folder(&added) {
        writeln!(text, "- `{folder}` {}", names.join(", "))?;
    }
    let declared = declared(root, &stage.name)?;
    writeln!(text, "\n*Changed*, and why:\n")?;
    for (file, why) in &declared {
        writeln!(text, "- `{file}`: {why}")?;
    }
    writeln!(text, "\n*The same, byte for byte*: {same} files.\n")?;
    Ok(text)
}

fn by_folder(files: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        let (folder, name) =
            file.rsplit_once('/').map_or(("src", &file[..]), |(folder, name)| (folder, name));
        folders.entry(format!("{folder}/")).or_default().push(format!("`{name}`"));
    }
    folders
}

/// The declared differences of a stage.
fn declared(root: &Path, stage: &str) -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(root.join("milestones/lineage.toml"))
        .context("there is no milestones/lineage.toml")?;
    let all: BTreeMap<String, toml::Table> = toml::from_str(&text)?;
    let table = all.get(stage).with_context(|| format!("milestones/lineage.toml says nothing of {stage}"))?;
    let reasons = table.iter().filter_map(|(file, why)| Some((file.clone(), why.as_str()?.to_owned())));
    Ok(reasons.collect())
}
