//! What becomes of a command that a page shows.

use anyhow::{Result, anyhow};
use regex::Regex;

/// How a command is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// It is carried out, and must end with this status.
    Run(i32),
    /// It is not carried out: its program must accept its arguments.
    Accept,
    /// It is not meant to be typed like this.
    Name,
}

use Trial::{Accept, Name, Run};

/// What a command looks like, how it is tried, and why it is not simply carried out, if it is not.
type Rule = (&'static str, Trial, &'static str);

/// The first that fits counts. What none fits is a mistake: somebody has to say here what becomes of it.
const RULES: [Rule; 17] = [
    ("^cargo (x|test|fuzz|insta review)$", Name, "what somebody is told to use, without its arguments"),
    ("^cargo x check$", Name, "what a sentence is about"),
    ("^cargo test( --workspace| -p inox-tests)$", Accept, "all tests: minutes, and a step of `cargo x ci`"),
    ("^cargo bench ", Accept, "takes minutes, and builds SQLite"),
    ("^cargo x bench", Accept, "takes minutes to hours; small races and counts are steps of `cargo x ci`"),
    ("^cargo x crash --plant list$", Run(0), ""),
    ("^cargo x crash --replay ", Run(0), ""),
    ("^cargo x crash", Accept, "takes minutes to a night; a quarter of it runs with every change"),
    (r"^cargo x break \d [a-z-]+$", Accept, "compiles an engine; all bugs are planted by the crash tests"),
    ("^cargo x forward ", Accept, "changes files of the repository"),
    ("^cargo x ci", Accept, "this check is a part of it"),
    ("^cargo x book serve", Accept, "does not end"),
    ("^cargo x book( shell| check-repl)?$", Accept, "a step of `cargo x ci`"),
    (r"^cargo x check \d --project ", Run(1), "a project that `cargo x start` has made is red"),
    ("^timeout ", Run(124), "the status that `timeout` has when it ends something"),
    ("^cargo (run|x (lineage|start|check|solution|break|book coverage))( |$)", Run(0), ""),
    // Everything else that is ours and not cargo's, and what a block needs: files, loops.
    (
        r"^(?:[A-Z_]+=\S+ )*(cargo test -p inox-tests --test sessions|inoxdb|target|strace|printf|\()",
        Run(0),
        "",
    ),
];

pub fn trial(command: &str) -> Result<Trial> {
    for (pattern, trial, _) in RULES {
        if Regex::new(pattern)?.is_match(command) {
            return Ok(trial);
        }
    }
    Err(anyhow!("no rule in scripts/book/src/shell/rules.rs says how to try it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_not_run() {
        for command in ["cargo test --workspace", "cargo x crash", "cargo x crash rot", "cargo x book serve"]
        {
            assert_eq!(trial(command).unwrap(), Accept, "{command}");
        }
        assert_eq!(trial("cargo x crash --replay m5,split,137,coin:1").unwrap(), Run(0));
        assert_eq!(trial("cargo x check 2 --project ~/mine").unwrap(), Run(1));
        assert_eq!(trial("cargo x break 2").unwrap(), Run(0));
        assert_eq!(trial("cargo x break 2 no-epoch").unwrap(), Accept);
        assert_eq!(trial("cargo x").unwrap(), Name);
    }

    #[test]
    fn what_no_rule_knows_is_a_mistake() {
        for command in ["cargo publish", "cargo x fly", "rm -r x; cargo run", "cargo test -p m1-storage"] {
            assert!(trial(command).is_err(), "{command}");
        }
    }

    #[test]
    fn whatever_is_not_run_has_a_reason() {
        for (pattern, trial, why) in RULES {
            assert!(trial == Run(0) || !why.is_empty(), "{pattern}");
            Regex::new(pattern).unwrap();
        }
    }
}
