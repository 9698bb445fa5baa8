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
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use inox_progress::Progress;

pub use bug::{Bug, CaughtBy};
pub use hunt::main as hunt;
pub use site::Site;

use crate::part::{Context, Outcome, Scale};
use hunt::{Effort, Hunt};
use site::{Hunted, Hunter};

/// Where the bugs are described.
const FOLDER: &str = "tests/crash/planted";

/// Cases to try before a bug counts as not caught.
const LIMIT: u64 = 60_000;

/// All bugs, and a place to plant them in.
pub fn bugs() -> Result<(Vec<Bug>, Site)> {
    Ok((Bug::list(&repository().join(FOLDER))?, Site::prepare(&repository())?))
}

/// The repository that this program was built from.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Seeds with which a nightly run looks for each bug: that one draw finds it may be luck.
const NIGHTLY_SEEDS: u64 = 20;

/// How far the searches had to go: for each milestone, by place, effort and seed.
type Furthest = BTreeMap<String, BTreeMap<(CaughtBy, Effort, u64), u64>>;

/// Plants every bug; each must be caught, with every seed. While one is hunted, the next is built. Then the same searches
/// where there is nothing to find.
pub fn run(context: &Context) -> Result<Outcome> {
    let (bugs, site) = bugs()?;
    let bugs: Vec<Bug> = match context.scale {
        // A few are enough to see that all of this works.
        Scale::Quick => bugs.into_iter().step_by(8).collect(),
        Scale::Standard | Scale::Nightly => bugs,
    };
    let bugs = context.share(bugs);
    let seeds = match context.scale {
        Scale::Quick | Scale::Standard => 1..=1,
        Scale::Nightly => 1..=NIGHTLY_SEEDS,
    };
    context.bar.set_length(bugs.len() as u64);
    let furthest = Mutex::new(Furthest::new());
    let mut outcome = context.for_each(&bugs, |bug| {
        let mut outcome = Outcome::default();
        outcome.count("planted bugs", 1);
        let hunter = site.planted(bug).with_context(|| bug.name.clone())?;
        let mut caught = true;
        for seed in seeds.clone() {
            outcome.count("planted bugs: searches", 1);
            match search(&hunter, bug, seed).with_context(|| bug.name.clone())? {
                Some((effort, hunted)) => {
                    if seed == 1 {
                        context
                            .bar
                            .suspend(|| inox_progress::print_line!("  {:<24} {}", bug.name, catch(&hunted)));
                    }
                    let mut furthest = furthest.lock().unwrap_or_else(PoisonError::into_inner);
                    let places = furthest.entry(bug.milestone.clone()).or_default();
                    let tried = places.entry((bug.caught_by.clone(), effort, seed)).or_default();
                    *tried = hunted.tried.max(*tried);
                }
                None => {
                    let Bug { title, name, .. } = bug;
                    outcome.failures.push(format!("nobody notices \"{title}\" ({name}), seed {seed}"));
                    caught = false;
                }
            }
        }
        outcome.count("planted bugs caught", u64::from(caught));
        context.bar.inc(1);
        Ok(outcome)
    });
    let furthest = furthest.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut searches = Vec::new();
    for (milestone, places) in furthest {
        let hunter = Arc::new(site.sound(&milestone)?);
        searches.extend(places.into_iter().map(|(place, limit)| (hunter.clone(), place, limit)));
    }
    outcome.add(context.for_each(&searches, |(hunter, (where_to, effort, seed), limit)| {
        let hunt = Hunt { where_to: where_to.clone(), effort: *effort, seed: *seed, limit: *limit };
        let found = hunter.hunt(&hunt)?.found.into_iter();
        let failures = found.map(|found| format!("{where_to}, with no bug planted: {found}"));
        Ok(Outcome { failures: failures.collect(), ..Outcome::default() })
    }));
    Ok(outcome)
}

/// Which case found it, and how to see it again.
fn catch(hunted: &Hunted) -> String {
    let found = hunted.found.as_deref().unwrap_or_default();
    let replay = found.lines().last().unwrap_or_default().trim();
    format!("caught by case {}: {replay}", hunted.tried)
}

/// Looks for a bug: with how much effort it was found, and what.
fn search(hunter: &Hunter, bug: &Bug, seed: u64) -> Result<Option<(Effort, Hunted)>> {
    for effort in Effort::ALL {
        let hunted = hunter.hunt(&Hunt { where_to: bug.caught_by.clone(), effort, seed, limit: LIMIT })?;
        if hunted.found.is_some() {
            return Ok(Some((effort, hunted)));
        }
    }
    Ok(None)
}

/// The bugs, one a line; the book has the same.
fn list(bugs: &[Bug]) -> String {
    bugs.iter().map(|bug| format!("{:<24} {} ({})\n", bug.name, bug.title, bug.milestone)).collect()
}

/// Plants one bug for a reader: tells its story, shows the edit, and what found it. Whether it was caught. `list` lists
/// the bugs.
pub fn plant(name: &str) -> Result<bool> {
    let bugs = Bug::list(&repository().join(FOLDER))?;
    if name == "list" {
        inox_progress::print_text!("{}", list(&bugs));
        return Ok(true);
    }
    let bug = bugs.iter().find(|bug| bug.name == name);
    let bug =
        bug.with_context(|| format!("there is no bug {name:?}; `cargo x crash --plant list` lists them"))?;
    let progress = Progress::new("copying the sources");
    let site = Site::prepare(&repository())?;
    let text = fs::read_to_string(bug.path(&site.tree())?)?;
    let story = bug.story.trim();
    progress.print(&format!("{} ({})\n\n{story}\n\n{}", bug.title, bug.milestone, bug.difference(&text)));
    progress.set_message(format!("building {} with the bug in it: minutes, the first time", bug.milestone));
    let hunter = site.planted(bug)?;
    progress.set_message("crashing it until something is lost");
    let caught = search(&hunter, bug, 1)?;
    drop(progress);
    match caught {
        Some((_, Hunted { tried, found })) => {
            let found = found.unwrap_or_default();
            inox_progress::print_line!("Caught by {}, case {tried}:\n{found}\n", bug.caught_by);
            let folder = bug.path(&site.tree())?;
            let folder = folder.strip_prefix(site.tree()).unwrap_or(&folder).display();
            inox_progress::print_line!(
                "(That line makes the same crash in the engine as it is, which comes to the right answer. Make the edit"
            );
            inox_progress::print_line!("in {folder}, and it says what stands above.)\n\n{}", bug.hint.trim());
            Ok(true)
        }
        None => {
            inox_progress::print_line!("Not caught by {}.", bug.caught_by);
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_that_there_is_not_is_said_to_be_none() {
        let error = plant("nothing").unwrap_err().to_string();
        assert!(error.ends_with("`cargo x crash --plant list` lists them"), "{error}");
    }
}
