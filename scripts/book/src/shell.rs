//! `cargo x book shell`: every command that the pages show is typed, and ends as it should.
//!
//! The pages are the book's chapters, the README.md of the repository, of each milestone and of the tests. What counts
//! as a command of ours says `shown`, how it is tried `rules`, and what its DIR, FILE and `~/mine` stand for `scratch`.
//! All are typed in one place, in the order of the pages, as by one reader: what `cargo x start` makes is there when
//! `cargo x check` asks for it. The same command on two pages is typed once. Standard input is what the command itself
//! says (`<`, `|`), or empty.
//!
//! What takes minutes, or would change the repository, is not carried out; its program is asked for help after these
//! arguments, and says so if it does not know one of them. That does not notice two options that exclude each other, nor
//! an argument that is missing.
//!
//! Not looked at: what a command answers (the tested sessions do that), lines that are typed to a milestone's prompt,
//! options that are named alone (`--dirty-pages 1`), and commands of others, such as `psql`, `strace -p PID`, `xxd`.

mod rules;
mod scratch;
mod shown;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use inox_progress::Progress;
use serde_json::Value;

use crate::directives::chapters;
use crate::stages::Stages;
use rules::Trial;
use scratch::Scratch;
use shown::Shown;

/// How many commands were tried, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct Tried {
    pub run: usize,
    pub accepted: usize,
    pub problems: Vec<String>,
}

/// Tries the commands of all pages.
pub fn check(root: &Path) -> Result<Tried> {
    build(root)?;
    let scratch = Scratch::new(root)?;
    let (mut tried, mut known) = (Tried::default(), BTreeSet::new());
    let progress = Progress::new("typing the commands");
    for (page, text) in pages(root)? {
        let mut new = shown::commands(&page, &text)?;
        new.retain(|shown| known.insert(shown.text.clone()));
        let started = Instant::now();
        try_all(root, &scratch, &new, &mut tried, &progress)?;
        if !new.is_empty() {
            progress.print(&format!("{page}: {} new, {:.1} s", new.len(), started.elapsed().as_secs_f64()));
        }
    }
    Ok(tried)
}

/// The pages, in the order in which somebody comes upon them; their paths from the repository's root.
fn pages(root: &Path) -> Result<Vec<(String, String)>> {
    let mut paths = vec!["README.md".to_owned(), "tests/README.md".to_owned()];
    paths
        .extend(Stages::read(root)?.all().iter().map(|stage| format!("milestones/{}/README.md", stage.name)));
    let mut pages = Vec::new();
    for path in paths {
        let text = fs::read_to_string(root.join(&path)).with_context(|| format!("there is no {path}"))?;
        pages.push((path, text));
    }
    let chapters = chapters(&root.join("book/src"))?;
    pages.extend(chapters.into_iter().map(|(path, text)| (format!("book/src/{path}"), text)));
    Ok(pages)
}

fn try_all(
    root: &Path,
    scratch: &Scratch,
    commands: &[Shown],
    tried: &mut Tried,
    progress: &Progress,
) -> Result<()> {
    for shown in commands {
        progress.set_message(shown.text.clone());
        let outcome = match rules::trial(&shown.text) {
            Ok(Trial::Name) => continue,
            Ok(Trial::Run(status)) => {
                tried.run += 1;
                scratch.run(&shown.text, status)
            }
            Ok(Trial::Accept) => {
                tried.accepted += 1;
                names_exist(root, &shown.text).and_then(|()| scratch.run(&asked_for_help(&shown.text), 0))
            }
            Err(error) => Err(error),
        };
        if let Err(problem) = outcome {
            tried.problems.push(format!("{}:{}: {}: {problem:#}", shown.page, shown.line, shown.text));
        }
    }
    Ok(())
}

/// The command with a question for help behind it: before a program answers that, it reads what stands in front. Two
/// programs are started without `cargo x`, which would build what they are to measure or to crash for a night.
fn asked_for_help(command: &str) -> String {
    let mut command = command.to_owned();
    for tool in ["bench", "crash"] {
        command = command.replace(&format!("cargo x {tool}"), &format!("inox-{tool}"));
    }
    command + " -h"
}

/// Whether the packages and features that cargo is told to take are there: asked for help, it does not look.
fn names_exist(root: &Path, command: &str) -> Result<()> {
    let words: Vec<&str> = command.split(' ').collect();
    for pair in words.windows(2) {
        let [option @ ("-p" | "--package" | "--features"), name] = pair else { continue };
        let packages = packages(root)?;
        let is_there = match *option {
            "--features" => packages.iter().any(|package| package["features"].get(name).is_some()),
            _ => packages.iter().any(|package| package["name"] == *name),
        };
        ensure!(is_there, "there is no {name}");
    }
    Ok(())
}

fn packages(root: &Path) -> Result<Vec<Value>> {
    let asked = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let answer = cargo(root).args(asked).output().context("cannot run cargo")?;
    let mut answer: Value =
        serde_json::from_slice(&answer.stdout).context("what cargo says of the packages")?;
    match answer["packages"].take() {
        Value::Array(packages) => Ok(packages),
        _ => bail!("cargo knows no packages"),
    }
}

/// Builds what the commands start, so that none of them has to wait for it. `x` alone as well, as `cargo x` does it: then
/// it takes other features of what it depends on.
fn build(root: &Path) -> Result<()> {
    let builds: [&[&str]; 4] = [
        &["build", "--workspace", "--bins"],
        &["build", "--package", "x"],
        &["build", "--release"],
        &["test", "--workspace", "--no-run", "--test", "sessions"],
    ];
    for arguments in builds {
        inox_progress::complain!("Running cargo {}", arguments.join(" "));
        let built = cargo(root).args(arguments).status().context("cannot run cargo")?;
        ensure!(built.success(), "what the pages start does not build");
    }
    Ok(())
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// The folder with the debug builds, this program among them.
fn programs(root: &Path) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    target.map_or_else(|| root.join("target"), Path::to_path_buf).join("debug")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
    }

    /// What is wrong with the commands of a page.
    fn problems(page: &str) -> Vec<String> {
        let (scratch, mut tried) = (Scratch::new_in(root(), "shell-tests").unwrap(), Tried::default());
        let commands = shown::commands("x.md", page).unwrap();
        try_all(root(), &scratch, &commands, &mut tried, &Progress::new("typing")).unwrap();
        tried.problems
    }

    #[test]
    fn every_command_of_the_pages_has_a_rule() {
        let mut count = 0;
        for (page, text) in pages(root()).unwrap() {
            for shown in shown::commands(&page, &text).unwrap() {
                let trial = rules::trial(&shown.text);
                assert!(trial.is_ok(), "{}:{}: {}: {trial:?}", shown.page, shown.line, shown.text);
                count += 1;
            }
        }
        assert!(count > 60, "{count}");
    }

    #[test]
    fn what_drifted_is_one_line() {
        let page = "Text.\n\n    cargo x lineage\n    cargo x lineage --cheque   a flag that was renamed\n    cargo x ci fmd\n\n\
                    `cargo x ci fmt` and `cargo x fly` and `cargo bench --features flight`";
        let problems = problems(page);
        let [flag, step, command, feature] = &problems[..] else { panic!("{problems:#?}") };
        let expected = "x.md:4: cargo x lineage --cheque: exit status 2 instead of 0: error: unexpected argument '--cheque' found";
        assert_eq!(flag, expected);
        assert!(step.starts_with("x.md:5: cargo x ci fmd: exit status 2 instead of 0: error: "), "{step}");
        assert!(command.starts_with("x.md:7: cargo x fly: no rule"), "{command}");
        assert_eq!(feature, "x.md:7: cargo bench --features flight: there is no flight");
    }
}
