//! Every file of a milestone in a table: what it is for, and where the book shows parts of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::coverage::files;
use crate::directives::{self, Directive};
use crate::stages::{Stage, Stages};

/// `{{#files m1}}`, in a chapter that lies at the book's root: the files that are new in a milestone or changed there.
pub fn table(root: &Path, stages: &Stages, stage: &Stage) -> Result<String> {
    let shown = shown(root, &format!("m{}", stage.number))?;
    let mut text = String::from("| file | what it is | shown in |\n|---|---|---|\n");
    for file in files(stage)? {
        let source = stage.source(&file)?;
        let before = stages.before(stage).and_then(|before| before.source(&file).ok());
        let is_test = file.ends_with("tests.rs") || file.contains("/tests/") || file.ends_with("testing.rs");
        if before.as_ref() == Some(&source) || is_test {
            continue;
        }
        let about = if before.is_some() { "*changed*: " } else { "" };
        let chapters: Vec<String> = shown
            .get(&file)
            .into_iter()
            .flatten()
            .map(|(path, title)| format!("[{title}]({path})"))
            .collect();
        writeln!(text, "| `{file}` | {about}{} | {} |", about_file(&source), chapters.join(", "))?;
    }
    Ok(text)
}

/// The first sentence of what a file says of itself.
fn about_file(source: &str) -> String {
    let head = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let paragraph: Vec<&str> = head.take_while(|line| !line.is_empty()).collect();
    let text = paragraph.join(" ");
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    // Links of rustdoc lead nowhere here, and a bar would be a column.
    text[..end].replace(['[', ']'], "").replace('|', "\\|")
}

/// Chapters that show items of each file of a milestone: path and title.
fn shown(root: &Path, stage: &str) -> Result<BTreeMap<String, Vec<(String, String)>>> {
    let mut shown: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (path, text) in directives::chapters(&root.join("book/src"))? {
        let title = text.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned();
        for place in directives::find(&text) {
            let (found, file) = match place.parse() {
                Ok(Directive::Item { stage, file, .. } | Directive::Diff { stage, file, .. }) => {
                    (stage, file)
                }
                Ok(Directive::Head { stage, file }) => (stage, file),
                _ => continue,
            };
            let chapters = shown.entry(file).or_default();
            if found == stage && !chapters.iter().any(|(known, _)| *known == path) {
                chapters.push((path.clone(), title.clone()));
            }
        }
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_is_in_its_first_sentence() {
        assert_eq!(about_file("//! The page: [`Page`]. More.\n//!\n//! Else.\n"), "The page: `Page`.");
        assert_eq!(about_file("//! One line\n//! and another\n\nuse x;\n"), "One line and another");
        assert_eq!(about_file("use x;\n"), "");
    }
}
