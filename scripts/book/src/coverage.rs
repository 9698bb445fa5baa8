//! Which of the milestones' code the book shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::directives::{self, Directive};
use crate::items;
use crate::stages::{Stage, Stages};

/// Every source file of a stage, as a path below `src`.
pub fn files(stage: &Stage) -> Result<Vec<String>> {
    let (src, mut found, mut folders) = (stage.dir.join("src"), Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(src.join(&folder))? {
            let entry = entry?;
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            match entry.file_type()?.is_dir() {
                true => folders.push(path + "/"),
                false if path.ends_with(".rs") => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The names that the book shows, by stage and file. A diff shows the item of both.
type Shown = BTreeMap<(String, String), BTreeSet<String>>;

pub fn report(root: &Path, name_items: bool) -> Result<String> {
    let stages = Stages::read(root)?;
    let shown = shown(root)?;
    let mut text = String::new();
    for stage in stages.all() {
        let (mut all_lines, mut all_shown, mut rows) = (0, 0, String::new());
        for file in files(stage)? {
            let source = stage.source(&file)?;
            let is_old = stages
                .before(stage)
                .is_some_and(|before| before.source(&file).is_ok_and(|old| old == source));
            if is_old || file.ends_with("tests.rs") || file.contains("/tests/") {
                continue;
            }
            let here = shown.get(&(format!("m{}", stage.number), file.clone()));
            let (mut lines, mut covered, mut missing) = (0, 0, Vec::new());
            let mut within = None;
            for item in items::all(&source)? {
                let is_shown = here.is_some_and(|names| names.contains(&item.name) || names.contains("*"));
                if item.has_parts {
                    within = is_shown.then(|| item.lines.clone());
                    continue;
                }
                let is_shown =
                    is_shown || within.as_ref().is_some_and(|outer| outer.contains(&item.lines.start));
                lines += item.lines.len();
                match is_shown {
                    true => covered += item.lines.len(),
                    false => missing.push(item.name),
                }
            }
            all_lines += lines;
            all_shown += covered;
            writeln!(rows, "  {covered:>5} of {lines:>5}  {file}")?;
            if name_items && !missing.is_empty() {
                writeln!(rows, "                  {}", missing.join(", "))?;
            }
        }
        let percent = (all_shown * 100).checked_div(all_lines).unwrap_or(0);
        writeln!(
            text,
            "{}: {all_shown} of {all_lines} lines of items that are new or changed there ({percent} %)",
            stage.name
        )?;
        text.push_str(&rows);
    }
    Ok(text)
}

fn shown(root: &Path) -> Result<Shown> {
    let mut shown = Shown::new();
    for (_, text) in directives::chapters(&root.join("book/src"))? {
        for directive in directives::find(&text) {
            let Ok(Directive::Item { stage, file, names } | Directive::Diff { stage, file, names }) =
                directive.parse()
            else {
                continue;
            };
            let names = if names.is_empty() { vec!["*".into()] } else { names };
            shown.entry((stage, file)).or_default().extend(names);
        }
    }
    Ok(shown)
}
