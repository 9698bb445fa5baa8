//! Tested sessions as something that a page can play: what is typed, and where the program is started again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use inox_tests::session::{Session, Step};
use inox_tests::stages;
use serde_json::{Value, json};

/// A session that needs nothing but a program and its disk.
#[derive(Debug)]
pub struct Script {
    session: Session,
    /// Options of the command line.
    settings: String,
}

impl Script {
    /// The sessions that a page can play, by their names.
    pub fn read_all(root: &Path) -> Result<BTreeMap<String, Script>> {
        let sessions = Session::read_all(&root.join("tests/sessions"))?;
        Ok(sessions
            .into_iter()
            .filter_map(|session| Some((session.name.clone(), Script::new(session)?)))
            .collect())
    }

    /// The session of that name, if a page can play it.
    pub fn read(root: &Path, name: &str) -> Result<Option<Script>> {
        let path = root.join("tests/sessions").join(format!("{name}.session"));
        let text = fs::read_to_string(&path).with_context(|| format!("there is no tested session {name}"))?;
        let stage = stages::number(name.split('/').next().unwrap_or(name))?;
        Ok(Script::new(Session::parse(stage, &path, &text)?))
    }

    /// None if it needs files, or other settings on the way.
    fn new(session: Session) -> Option<Script> {
        let mut settings = String::new();
        for (number, step) in session.steps().iter().enumerate() {
            match step {
                Step::Arguments(arguments) if number == 0 => settings = arguments.join(" "),
                Step::Arguments(_) | Step::Copy(_) => return None,
                Step::Type(lines) if lines.lines().any(names_a_file) => return None,
                Step::Type(_) | Step::Restart | Step::Kill => {}
            }
        }
        Some(Script { session, settings })
    }

    /// Whether a page answers as the program does: on a real disk `\crash` ends it.
    pub fn is_played_alike(&self) -> bool {
        let crashes = |step: &Step| matches!(step, Step::Type(lines) if lines.contains("\\crash"));
        !self.session.steps().iter().any(crashes) || self.settings.contains("--simulate")
    }

    pub fn json(&self) -> Value {
        let steps = self.session.steps().iter().filter_map(|step| match step {
            Step::Type(lines) => Some(json!({ "typed": lines })),
            Step::Restart => Some(json!({ "restart": true })),
            Step::Kill => Some(json!({ "restart": false })),
            Step::Arguments(_) | Step::Copy(_) => None,
        });
        let steps: Vec<Value> = steps.collect();
        json!({ "milestone": self.session.stage, "settings": self.settings, "steps": steps })
    }
}

fn names_a_file(line: &str) -> bool {
    ["\\i ", "\\ir ", "\\copy "].iter().any(|command| line.starts_with(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Option<Script> {
        Script::new(Session::parse(2, Path::new("m2-wal/x.session"), text).unwrap())
    }

    #[test]
    fn a_session_is_lines_and_ends() {
        let script =
            script("# About it.\n#! args --simulate=3\nbegin\n\\crash\n#! kill\nscan t\n#! restart\n")
                .unwrap();
        let steps = json!([{ "typed": "begin\n\\crash\n" }, { "restart": false }, { "typed": "scan t\n" }, { "restart": true }]);
        assert_eq!(script.json(), json!({ "milestone": 2, "settings": "--simulate=3", "steps": steps }));
        assert!(script.is_played_alike());
        assert!(!self::script("\\crash\n").unwrap().is_played_alike());
    }

    #[test]
    fn files_and_other_settings_on_the_way_are_not_for_a_page() {
        for text in ["#! copy x.sql\n", "\\i x\n", "begin\n#! args --simulate\n", "\\copy t from 'x'\n"] {
            assert!(script(text).is_none(), "{text}");
        }
    }

    #[test]
    fn most_sessions_are_for_a_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let scripts = Script::read_all(root).unwrap();
        assert!(scripts.contains_key("m2-wal/power-cut") && scripts.len() > 40, "{}", scripts.len());
    }
}
