//! A listing: items of one file of one milestone, with a line above them that says where they are and what is new.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use similar::TextDiff;

use crate::items::{find, text_of};
use crate::stages::{Stage, Stages};

/// `{{#item m1 page/mod.rs Page Page::insert}}`
pub fn items(stages: &Stages, stage: &Stage, file: &str, names: &[String]) -> Result<String> {
    let text = stage.source(file)?;
    let mut code = Vec::new();
    for name in names {
        let found = find(&text, name).with_context(|| stage.shown(file))?;
        code.push(text_of(&text, &found.lines));
    }
    let note = note(stages, stage, file, names, &code)?;
    Ok(block("rust", &caption(&stage.shown(file), &note), &code.join("\n\n")))
}

/// `{{#head m1 page/mod.rs}}`: what a file says of itself.
pub fn head(stage: &Stage, file: &str) -> Result<String> {
    let text = stage.source(file)?;
    let lines: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    if lines.is_empty() {
        bail!("{} says nothing of itself", stage.shown(file));
    }
    Ok(block("rust", &caption(&stage.shown(file), "its first lines"), &lines.join("\n")))
}

/// `{{#diff m2 heap/mod.rs Heap::insert}}`: what a stage changes of the one before; of the whole file, if no item is
/// named.
pub fn diff(stages: &Stages, stage: &Stage, file: &str, names: &[String]) -> Result<String> {
    let before = stages.before(stage).context("there is no milestone before the first")?;
    let (old, new) = (before.source(file)?, stage.source(file)?);
    let mut lines = String::new();
    if names.is_empty() {
        lines.push_str(&changes(&old, &new));
    }
    for name in names {
        let part = |text: &str, shown: String| -> Result<String> {
            let found = find(text, name).context(shown)?;
            Ok(text_of(text, &found.lines) + "\n")
        };
        let (old, new) = (part(&old, before.shown(file))?, part(&new, stage.shown(file))?);
        if old == new {
            bail!("{}: {name} is the same as in milestone {}", stage.shown(file), before.number);
        }
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(&changes(&old, &new));
    }
    if lines.is_empty() {
        bail!("{} is the same as in milestone {}", stage.shown(file), before.number);
    }
    let note = format!("milestone {} → {}", before.number, stage.number);
    Ok(block("diff", &caption(&stage.shown(file), &note), lines.trim_end()))
}

/// The changed lines with two around them; a line `…` where some are left out.
fn changes(old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let mut text = String::new();
    for (number, group) in diff.grouped_ops(2).iter().enumerate() {
        if number > 0 {
            text.push_str(" …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            text.push_str(&format!("{}{}", change.tag(), change.value()));
            if change.missing_newline() {
                text.push('\n');
            }
        }
    }
    text
}

/// What these items are to someone who knows the milestone before.
fn note(stages: &Stages, stage: &Stage, file: &str, names: &[String], code: &[String]) -> Result<String> {
    let Some(before) = stages.before(stage) else { return Ok(String::new()) };
    let Ok(old) = before.source(file) else { return Ok(format!("a new file of milestone {}", stage.number)) };
    let (mut same, mut changed) = (0, 0);
    for (name, code) in names.iter().zip(code) {
        match find(&old, name) {
            Ok(found) if text_of(&old, &found.lines) == *code => same += 1,
            Ok(_) => changed += 1,
            Err(_) => {}
        }
    }
    Ok(match () {
        () if same == names.len() => format!("as in milestone {}", before.number),
        () if changed > 0 => format!("changed in milestone {}", stage.number),
        () => format!("new in milestone {}", stage.number),
    })
}

fn caption(shown: &str, note: &str) -> String {
    let mut text = format!("<p class=\"listing\"><code>{shown}</code>");
    if !note.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, " <span>{note}</span>");
    }
    text + "</p>"
}

fn block(language: &str, caption: &str, code: &str) -> String {
    let fence = if code.contains("```") { "````" } else { "```" };
    format!("{caption}\n\n{fence}{language}\n{code}\n{fence}\n")
}
