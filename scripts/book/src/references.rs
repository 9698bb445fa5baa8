//! What the text names in passing: sessions, unit tests, planted bugs, commands. Each must exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use regex::Regex;

use crate::coverage::files;
use crate::directives::chapters;
use crate::stages::Stages;

/// What can be named.
pub struct Known {
    sessions: BTreeSet<String>,
    bugs: BTreeSet<String>,
    packages: BTreeSet<String>,
    /// `page::slotted::tests::name`; a module's own name is left out if it is `mod`.
    tests: BTreeSet<String>,
    /// What follows `cargo x`.
    commands: BTreeSet<String>,
}

impl Known {
    pub fn read(root: &Path) -> Result<Known> {
        let stages = Stages::read(root)?;
        let (mut sessions, mut tests) = (BTreeSet::new(), BTreeSet::new());
        for stage in stages.all() {
            for name in names(&root.join("tests/sessions").join(&stage.name), ".session")? {
                sessions.insert(format!("{}/{name}", stage.name));
            }
            for file in files(stage)? {
                collect_tests(&file, &stage.source(&file)?, &mut tests)?;
            }
        }
        let mut packages: BTreeSet<String> = stages.all().iter().map(|stage| stage.name.clone()).collect();
        packages.extend(
            ["inox-tests", "inox-crash", "inox-fuzz", "inox-bench", "inox-book", "x"].map(str::to_owned),
        );
        let program =
            fs::read_to_string(root.join("scripts/src/main.rs")).context("scripts has no main.rs")?;
        let variants = program
            .split("enum Command {")
            .nth(1)
            .and_then(|rest| rest.split("\n}").next())
            .unwrap_or_default();
        let variant = Regex::new(r"(?m)^    ([A-Z][a-z]+)")?;
        let commands = variant.captures_iter(variants).map(|found| found[1].to_lowercase()).collect();
        let bugs = names(&root.join("tests/crash/planted"), ".toml")?;
        Ok(Known { sessions, bugs, packages, tests, commands })
    }

    /// Everything that a chapter names and that is not there.
    pub fn problems(&self, path: &str, text: &str) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        let mut look = |pattern: &str, known: &BTreeSet<String>, what: &str| -> Result<()> {
            for (number, line) in text.lines().enumerate() {
                for found in Regex::new(pattern)?.captures_iter(line) {
                    let name = found.get(1).map_or("", |name| name.as_str());
                    if !known.contains(name) {
                        problems.push(format!("book/src/{path}:{}: there is no {what} {name}", number + 1));
                    }
                }
            }
            Ok(())
        };
        look(r"`(m[1-5]-[a-z-]+/[a-z0-9-]+)`", &self.sessions, "session")?;
        look(r"--plant ([a-z-]+[a-z])", &self.bugs, "planted bug")?;
        look(r"cargo x break [1-5] ([a-z-]+[a-z])", &self.bugs, "planted bug")?;
        look(r"cargo (?:run|test) (?:--release )?-p ([a-z0-9-]+)", &self.packages, "package")?;
        look(r"cargo x ([a-z]+)", &self.commands, "command cargo x")?;
        look(r"`([a-z_]+(?:::[a-z_0-9]+)*::tests(?:::[a-z_0-9]+)*)`", &self.tests, "unit test")?;
        Ok(problems)
    }
}

/// Checks every chapter.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let known = Known::read(root)?;
    let mut problems = Vec::new();
    for (path, text) in chapters(&root.join("book/src"))? {
        problems.extend(known.problems(&path, &text)?);
    }
    Ok(problems)
}

fn names(folder: &Path, ending: &str) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut found = BTreeSet::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        found.extend(name.strip_suffix(ending).map(str::to_owned));
    }
    // What lists them is a name, too.
    if ending == ".toml" {
        found.insert("list".into());
    }
    Ok(found)
}

/// The tests of a source file, those that macros make among them.
fn collect_tests(file: &str, text: &str, tests: &mut BTreeSet<String>) -> Result<()> {
    let module = file.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
    // A file of tests is a module of that name already.
    let module = if module.contains("::tests") { module } else { module + "::tests" };
    tests.insert(module.clone());
    for found in Regex::new(r"fn ([a-z_0-9]+)\(")?.captures_iter(text) {
        tests.insert(format!("{module}::{}", &found[1]));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_must_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let known = Known::read(root).unwrap();
        let good = "`m1-storage/restart`, `page::tests::every_flipped_bit_is_noticed`, cargo x crash --plant no-epoch, cargo x break 2 no-epoch, cargo run -p m1-storage";
        assert_eq!(known.problems("x.md", good).unwrap(), Vec::<String>::new());
        let bad = "\n`m1-storage/restarted`, `page::tests::nothing`, cargo x crash --plant no-thing, cargo x break 2 nothing-of-it, cargo run -p m6-more, cargo x fly";
        let problems = known.problems("x.md", bad).unwrap();
        let expected = [
            "session m1-storage/restarted",
            "planted bug no-thing",
            "planted bug nothing-of-it",
            "package m6-more",
            "command cargo x fly",
            "unit test page::tests::nothing",
        ];
        assert_eq!(problems, expected.map(|what| format!("book/src/x.md:2: there is no {}", what)));
    }
}
