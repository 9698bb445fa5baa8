//! Planted bugs: who tests the tests?
//!
//! The crash tests find nothing, and that proves something only if they would find something. So here somebody makes
//! the classic mistakes, one at a time: each file in `tests/crash/planted` is a small edit of a milestone. It is made in
//! a copy of the sources, the copy is compiled, and the crash tests have to find out. An edit that they do not notice is
//! a failure of this run, and so is one that does not fit the sources any more.
//!
//! Afterwards the same searches go through the sources without an edit, as far as the bugs needed, and must find
//! nothing: so it was the bug that was found.
//!
//! For a reader each is an exercise. `cargo x crash --plant NAME` shows the edit and the crash that found it; where the
//! bug is and how the crash could do its damage is for the reader to say before reading on to the hint.

mod bug;
mod hunt;
mod site;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub use bug::{Bug, CaughtBy};
pub use hunt::main as hunt;

use crate::part::{Context, Outcome, Scale};
use hunt::{Effort, Hunt};
use site::{Hunted, Site};

/// Where the bugs are described.
const FOLDER: &str = "tests/crash/planted";

/// Cases to try before a bug counts as not caught.
const LIMIT: u64 = 60_000;

/// The repository that this program was built from.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// How far each search had to go: by milestone, place and effort.
type Furthest = BTreeMap<(String, CaughtBy, Effort), u64>;

/// Plants every bug; each must be caught.
pub fn run(context: &Context) -> Result<Outcome> {
    let (bugs, site) = (Bug::list(&repository().join(FOLDER))?, Site::prepare(&repository())?);
    let bugs = match context.scale {
        // A few are enough to see that all of this works.
        Scale::Quick => bugs.into_iter().step_by(8).collect(),
        Scale::Standard | Scale::Nightly => bugs,
    };
    context.bar.set_length(bugs.len() as u64);
    let mut outcome = Outcome::default();
    let mut furthest = Furthest::new();
    for bug in &bugs {
        outcome.count("planted bugs", 1);
        match try_bug(&site, bug) {
            Ok(Some((effort, hunted))) => {
                context.bar.suspend(|| println!("  {:<24} {}", bug.name, catch(&hunted)));
                outcome.count("planted bugs caught", 1);
                let place = (bug.milestone.clone(), bug.caught_by.clone(), effort);
                let tried = furthest.entry(place).or_default();
                *tried = hunted.tried.max(*tried);
            }
            Ok(None) => outcome.failures.push(format!("nobody notices \"{}\" ({})", bug.title, bug.name)),
            Err(error) => outcome.failures.push(format!("{}: {error:#}", bug.name)),
        }
        context.bar.inc(1);
    }
    outcome.failures.extend(search_unplanted(&site, &furthest)?);
    Ok(outcome)
}

/// Which case found it, and how to see it again.
fn catch(hunted: &Hunted) -> String {
    let found = hunted.found.as_deref().unwrap_or_default();
    let replay = found.lines().last().unwrap_or_default().trim();
    format!("caught by case {}: {replay}", hunted.tried)
}

/// Plants a bug and looks for it: with how much effort it was found, and what.
fn try_bug(site: &Site, bug: &Bug) -> Result<Option<(Effort, Hunted)>> {
    let planted = site.plant(bug)?;
    for effort in Effort::ALL {
        let hunted = planted.hunt(&Hunt { where_to: bug.caught_by.clone(), effort, limit: LIMIT })?;
        if hunted.found.is_some() {
            return Ok(Some((effort, hunted)));
        }
    }
    Ok(None)
}

/// The same searches where there is nothing to find.
fn search_unplanted(site: &Site, furthest: &Furthest) -> Result<Vec<String>> {
    let mut failures = Vec::new();
    for ((milestone, where_to, effort), limit) in furthest {
        let hunt = Hunt { where_to: where_to.clone(), effort: *effort, limit: *limit };
        if let Some(found) = site.hunt(milestone, &hunt)?.found {
            failures.push(format!("{milestone}, {where_to}, with no bug planted: {found}"));
        }
    }
    Ok(failures)
}

/// Plants one bug for a reader: tells its story, shows the edit, and what found it. Whether it was caught. `list` lists
/// the bugs.
pub fn plant(name: &str) -> Result<bool> {
    let bugs = Bug::list(&repository().join(FOLDER))?;
    if name == "list" {
        for bug in &bugs {
            println!("{:<24} {} ({})", bug.name, bug.title, bug.milestone);
        }
        return Ok(true);
    }
    let bug = bugs.iter().find(|bug| bug.name == name);
    let bug = bug.with_context(|| format!("there is no bug {name:?}; `--plant list` lists them"))?;
    let site = Site::prepare(&repository())?;
    let text = fs::read_to_string(bug.path(&site.tree())?)?;
    println!("{} ({})\n\n{}\n\n{}", bug.title, bug.milestone, bug.story.trim(), bug.difference(&text));
    match try_bug(&site, bug)? {
        Some((_, Hunted { tried, found })) => {
            let found = found.unwrap_or_default();
            println!("Caught by {}, case {tried}:\n{found}\n", bug.caught_by);
            println!("(Without the bug, that case comes to the right answer.)\n\n{}", bug.hint.trim());
            Ok(true)
        }
        None => {
            println!("Not caught by {}.", bug.caught_by);
            Ok(false)
        }
    }
}
