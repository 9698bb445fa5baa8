//! Tested sessions as something that a page can play: what is typed, and where the program is started again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// A session that needs nothing but a program and its disk.
#[derive(Debug, PartialEq, Eq)]
pub struct Script {
    pub milestone: u32,
    /// Options of the command line.
    pub settings: String,
    pub steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Lines.
    Typed(String),
    /// The program ends, in order or by `kill -9`, and is started again.
    Restart { in_order: bool },
}

impl Script {
    /// The sessions that a page can play, by their names.
    pub fn read_all(root: &Path) -> Result<BTreeMap<String, Script>> {
        let sessions = root.join("tests/sessions");
        let mut scripts = BTreeMap::new();
        for folder in fs::read_dir(&sessions).context("tests/sessions")? {
            let folder = folder?.path();
            for file in fs::read_dir(&folder)? {
                let path = file?.path();
                let name = path.strip_prefix(&sessions)?.with_extension("");
                let name = name.to_string_lossy().replace('\\', "/");
                if path.extension().is_some_and(|extension| extension == "session")
                    && let Some(script) = Script::read(root, &name)?
                {
                    scripts.insert(name, script);
                }
            }
        }
        Ok(scripts)
    }

    /// The session of that name, if a page can play it.
    pub fn read(root: &Path, name: &str) -> Result<Option<Script>> {
        let path = root.join("tests/sessions").join(format!("{name}.session"));
        let text = fs::read_to_string(&path).with_context(|| format!("there is no tested session {name}"))?;
        Ok(milestone(name).and_then(|milestone| Script::parse(milestone, &text)))
    }

    /// None if it needs files, or other settings on the way.
    fn parse(milestone: u32, text: &str) -> Option<Script> {
        let mut script = Script { milestone, settings: String::new(), steps: Vec::new() };
        for line in text.lines() {
            let needs_files = ["\\i ", "\\ir ", "\\copy "].iter().any(|command| line.starts_with(command));
            match line.strip_prefix("#!").map(str::trim) {
                None if needs_files => return None,
                None if line.starts_with('#') => {}
                None => match script.steps.last_mut() {
                    Some(Step::Typed(lines)) => *lines += &format!("{line}\n"),
                    _ => script.steps.push(Step::Typed(format!("{line}\n"))),
                },
                Some("restart") => script.steps.push(Step::Restart { in_order: true }),
                Some("kill") => script.steps.push(Step::Restart { in_order: false }),
                Some(directive) => match directive.split_once(' ') {
                    Some(("args", settings)) if script.steps.is_empty() => script.settings = settings.into(),
                    Some(("args" | "copy", _)) => return None,
                    _ => {}
                },
            }
        }
        Some(script)
    }

    /// Whether a page answers as the program does: on a real disk `\crash` ends it.
    pub fn is_played_alike(&self) -> bool {
        let crashes =
            self.steps.iter().any(|step| matches!(step, Step::Typed(lines) if lines.contains("\\crash")));
        !crashes || self.settings.contains("--simulate")
    }

    pub fn json(&self) -> Value {
        let steps = self.steps.iter().map(|step| match step {
            Step::Typed(lines) => json!({ "typed": lines }),
            Step::Restart { in_order } => json!({ "restart": in_order }),
        });
        json!({ "milestone": self.milestone, "settings": self.settings, "steps": steps.collect::<Vec<_>>() })
    }
}

/// The milestone that a session's name begins with: `m2-wal/log` is of the second.
fn milestone(name: &str) -> Option<u32> {
    name.strip_prefix('m')?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_lines_and_ends() {
        let text = "# About it.\n#! differs m4: why\n#! args --simulate=3\nbegin\n\\crash\n#! kill\nscan t\n";
        let script = Script::parse(2, text).unwrap();
        let typed = |lines: &str| Step::Typed(lines.into());
        let steps = [typed("begin\n\\crash\n"), Step::Restart { in_order: false }, typed("scan t\n")];
        assert_eq!((&script.settings[..], &script.steps[..]), ("--simulate=3", &steps[..]));
        assert!(script.is_played_alike());
        assert!(!Script::parse(2, "\\crash\n").unwrap().is_played_alike());
    }

    #[test]
    fn files_and_other_settings_on_the_way_are_not_for_a_page() {
        for text in ["#! copy x.sql\n", "\\i x\n", "begin\n#! args --simulate\n", "\\copy t from 'x'\n"] {
            assert_eq!(Script::parse(5, text), None, "{text}");
        }
    }

    #[test]
    fn most_sessions_are_for_a_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let scripts = Script::read_all(root).unwrap();
        assert!(scripts.contains_key("m2-wal/power-cut") && scripts.len() > 40, "{}", scripts.len());
    }
}
