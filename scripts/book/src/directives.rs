//! What is written between `{{#` and `}}` in the book's text, and what becomes of it.
//!
//! | | |
//! |---|---|
//! | `{{#item m1 page/mod.rs Page Page::insert}}` | items of a file of a milestone |
//! | `{{#head m1 page/mod.rs}}` | what the file says of itself |
//! | `{{#diff m2 heap/mod.rs Heap::insert}}` | what a milestone changes of the one before |
//! | `{{#lineage m2}}` | what it adds and changes in all |
//! | `{{#files m2}}` | every file that is new or changed there, and which chapters show it |
//! | `{{#session m1-storage/restart "scan t" .. "\page"}}` | a part of a tested session |
//! | `{{#page-map m1-storage/restart "\page t 0" "what it shows"}}` | a picture of the page that is shown there |
//! | `{{#log-map m2-wal/log "\wal" "what it shows"}}` | the records of a log, to scale |
//! | `{{#tree-map m5-sql/tree "\page i 3" "what it shows"}}` | an inner page of a tree and what is below |
//!
//! and `{{#include figures/race.md}}`, a whole file. mdBook's own preprocessors are left out: they pass over what is
//! missing.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use mdbook_driver::book::Book;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use crate::stages::Stages;
use crate::{drawing, index, lineage, listing, page_map, session};

/// One of them, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub enum Directive {
    Item { stage: String, file: String, names: Vec<String> },
    Head { stage: String, file: String },
    Diff { stage: String, file: String, names: Vec<String> },
    Lineage { stage: String },
    Files { stage: String },
    Session { name: String, from: Option<String>, until: Option<String> },
    PageMap { name: String, line: String, about: String },
    LogMap { name: String, line: String, about: String },
    TreeMap { name: String, line: String, about: String },
    Include { path: String },
}

/// Where one stands in a text.
pub struct Place<'a> {
    pub start: usize,
    pub end: usize,
    inside: &'a str,
}

/// Every directive of a chapter.
pub fn find(text: &str) -> Vec<Place<'_>> {
    let (mut places, mut at) = (Vec::new(), 0);
    while let Some(start) = text[at..].find("{{#").map(|found| at + found) {
        let Some(end) = text[start..].find("}}").map(|found| start + found + 2) else { break };
        // A chapter that tells about directives writes them with a backslash in front, as mdBook has it.
        if !text[..start].ends_with('\\') {
            places.push(Place { start, end, inside: &text[start + 3..end - 2] });
        }
        at = end;
    }
    places
}

impl Place<'_> {
    pub fn parse(&self) -> Result<Directive> {
        let mut words = words(self.inside)?.into_iter();
        let kind = words.next().unwrap_or_default();
        let mut next = |what: &str| words.next().with_context(|| format!("#{kind} wants {what}"));
        Ok(match &kind[..] {
            "item" => {
                let (stage, file) = (next("a milestone")?, next("a file")?);
                let first = next("an item's name")?;
                Directive::Item { stage, file, names: [first].into_iter().chain(words).collect() }
            }
            "head" => Directive::Head { stage: next("a milestone")?, file: next("a file")? },
            "diff" => {
                let (stage, file) = (next("a milestone")?, next("a file")?);
                Directive::Diff { stage, file, names: words.collect() }
            }
            "lineage" => Directive::Lineage { stage: next("a milestone")? },
            "files" => Directive::Files { stage: next("a milestone")? },
            "session" => {
                let name = next("a session")?;
                let rest: Vec<String> = words.collect();
                let (from, until) = match &rest[..] {
                    [] => (None, None),
                    [from] => (Some(from.clone()), None),
                    [dots, until] if dots == ".." => (None, Some(until.clone())),
                    [from, dots, until] if dots == ".." => (Some(from.clone()), Some(until.clone())),
                    _ => bail!("#session wants FROM .. UNTIL"),
                };
                Directive::Session { name, from, until }
            }
            "page-map" => Directive::PageMap {
                name: next("a session")?,
                line: next("the line that was typed")?,
                about: next("what it shows")?,
            },
            "log-map" => Directive::LogMap {
                name: next("a session")?,
                line: next("the line that was typed")?,
                about: next("what it shows")?,
            },
            "tree-map" => Directive::TreeMap {
                name: next("a session")?,
                line: next("the line that was typed")?,
                about: next("what it shows")?,
            },
            "include" => Directive::Include { path: next("a file")? },
            other => bail!("nothing is called #{other}"),
        })
    }
}

/// Words between blanks; what is between quotation marks is one.
fn words(text: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').context("a quotation mark is not closed")?,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(words)
}

/// The preprocessor that carries them out. What is wrong is collected, so that one run tells all of it.
pub struct Directives {
    root: PathBuf,
    stages: Stages,
    problems: Rc<RefCell<Vec<String>>>,
}

impl Directives {
    pub fn new(root: &Path) -> Result<Directives> {
        Ok(Directives { root: root.to_path_buf(), stages: Stages::read(root)?, problems: Rc::default() })
    }

    pub fn problems(&self) -> Rc<RefCell<Vec<String>>> {
        Rc::clone(&self.problems)
    }

    /// A chapter's text with all directives carried out.
    pub fn expand(&self, chapter: &str, text: &str) -> String {
        let (mut expanded, mut at) = (String::with_capacity(text.len()), 0);
        for place in find(text) {
            expanded.push_str(&text[at..place.start]);
            match place.parse().and_then(|directive| self.carry_out(&directive)) {
                Ok(replaced) => expanded.push_str(&replaced),
                Err(error) => {
                    let line = text[..place.start].matches('\n').count() + 1;
                    self.problems.borrow_mut().push(format!("book/src/{chapter}:{line}: {error:#}"));
                }
            }
            at = place.end;
        }
        expanded + &text[at..]
    }

    /// What takes a directive's place.
    fn carry_out(&self, directive: &Directive) -> Result<String> {
        let stages = &self.stages;
        Ok(match directive {
            Directive::Item { stage, file, names } => {
                listing::items(stages, stages.find(stage)?, file, names)?
            }
            Directive::Head { stage, file } => listing::head(stages.find(stage)?, file)?,
            Directive::Diff { stage, file, names } => {
                listing::diff(stages, stages.find(stage)?, file, names)?
            }
            Directive::Lineage { stage } => lineage::lists(&self.root, stages, stages.find(stage)?)?,
            Directive::Files { stage } => index::table(&self.root, stages, stages.find(stage)?)?,
            Directive::Session { name, from, until } => {
                session::excerpt(&self.root, name, from.as_deref(), until.as_deref())?
            }
            Directive::PageMap { name, line, about } => page_map::figure(&self.root, name, line, about)?,
            Directive::LogMap { name, line, about } => drawing::log(&self.root, name, line, about)?,
            Directive::TreeMap { name, line, about } => drawing::tree(&self.root, name, line, about)?,
            Directive::Include { path } => {
                if path.contains(':') {
                    bail!("#include takes whole files; a listing is an #item");
                }
                let read = fs::read_to_string(self.root.join("book/src").join(path));
                let text = read.with_context(|| format!("there is no {path}"))?;
                if text.trim().is_empty() {
                    bail!("{path} is empty");
                }
                text.trim_end().to_owned()
            }
        })
    }
}

impl Preprocessor for Directives {
    fn name(&self) -> &str {
        "inox"
    }

    fn run(&self, _: &PreprocessorContext, mut book: Book) -> mdbook_preprocessor::errors::Result<Book> {
        book.for_each_chapter_mut(|chapter| {
            let path = chapter.source_path.clone().unwrap_or_default();
            chapter.content = self.expand(&path.display().to_string(), &chapter.content);
        });
        Ok(book)
    }
}

/// Every Markdown file of the book, as a path below its folder, and its text.
pub fn chapters(src: &Path) -> Result<Vec<(String, String)>> {
    let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(src.join(&folder)).with_context(|| format!("cannot list {}", src.display()))?
        {
            let entry = entry?;
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            match entry.file_type()?.is_dir() {
                true if path != "figures" => folders.push(path + "/"),
                false if path.ends_with(".md") => {
                    found.push((path.clone(), fs::read_to_string(src.join(&path))?))
                }
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_taken_apart() {
        let text = "a {{#item m1 page/mod.rs Page \"Display for Page\"}} b \\{{#item x}} {{#session m1/a \"x y\" .. \"z\"}}";
        let found: Vec<_> = find(text).iter().map(|place| place.parse().unwrap()).collect();
        let names = vec!["Page".into(), "Display for Page".into()];
        assert_eq!(found[0], Directive::Item { stage: "m1".into(), file: "page/mod.rs".into(), names });
        let (from, until) = (Some("x y".into()), Some("z".into()));
        assert_eq!(found[1], Directive::Session { name: "m1/a".into(), from, until });
    }

    #[test]
    fn what_is_named_and_not_there_is_one_line() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let drifted = [
            ("{{#item m1 page/mod.rs Paige}}", "milestones/m1-storage/src/page/mod.rs: there is no Paige"),
            ("{{#item m9 page/mod.rs Page}}", "there is no milestone \"m9\""),
            ("{{#item m1 pages/mod.rs Page}}", "m1-storage has no src/pages/mod.rs"),
            (
                "{{#session m1-storage/restart \"sing\"}}",
                "m1-storage/restart has no line that starts with \"sing\"",
            ),
            ("{{#session m1-storage/nothing}}", "there is no tested session m1-storage/nothing"),
            ("{{#diff m2 page/mod.rs}}", "is the same as in milestone 1"),
            ("{{#include figures/none.md}}", "there is no figures/none.md"),
            ("{{#playground x}}", "nothing is called #playground"),
        ];
        for (text, problem) in drifted {
            let directives = Directives::new(root).unwrap();
            directives.expand("x.md", &format!("one\ntwo {text}"));
            let problems = directives.problems();
            let [only] = &problems.borrow()[..] else { panic!("{text}: {:?}", problems.borrow()) };
            assert!(only.starts_with("book/src/x.md:2: ") && only.contains(problem), "{only}");
        }
    }
}
