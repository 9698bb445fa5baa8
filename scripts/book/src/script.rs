//! Tested sessions as something that a page can play: what is typed, the files it reads, and where the program is
//! started again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use inox_tests::session::{Session, Step};
use inox_tests::stages;
use serde_json::{Value, json};

/// A session as far as a page can play it: up to where the program is called with other arguments.
#[derive(Debug)]
pub struct Script {
    session: Session,
    /// Options of the command line.
    settings: String,
    /// How many of the session's steps a page can play.
    played: usize,
    /// The files that the session reads, by their names.
    files: BTreeMap<String, String>,
}

impl Script {
    /// All sessions, by their names.
    pub fn read_all(root: &Path) -> Result<BTreeMap<String, Script>> {
        let folder = root.join("tests/sessions");
        let sessions = Session::read_all(&folder)?;
        sessions
            .into_iter()
            .map(|session| Ok((session.name.clone(), Script::new(session, &folder)?)))
            .collect()
    }

    /// The session of that name.
    pub fn read(root: &Path, name: &str) -> Result<Script> {
        let folder = root.join("tests/sessions");
        let path = folder.join(format!("{name}.session"));
        let text = fs::read_to_string(&path).with_context(|| format!("there is no tested session {name}"))?;
        let stage = stages::number(name.split('/').next().unwrap_or(name))?;
        Script::new(Session::parse(stage, &path, &text)?, &folder)
    }

    fn new(session: Session, sessions: &Path) -> Result<Script> {
        let folder = sessions.join(&session.name);
        let (mut settings, mut files) = (String::new(), BTreeMap::new());
        let mut played = session.steps().len();
        for (number, step) in session.steps().iter().enumerate() {
            match step {
                Step::Arguments(arguments) if number == 0 => settings = arguments.join(" "),
                Step::Arguments(_) => {
                    played = number;
                    break;
                }
                Step::Copy(file) => {
                    let path = folder.with_file_name(file);
                    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                    files.insert(file.clone(), text);
                }
                Step::Type(_) | Step::Restart | Step::Kill => {}
            }
        }
        Ok(Script { session, settings, played, files })
    }

    fn steps(&self) -> &[Step] {
        &self.session.steps()[..self.played]
    }

    /// Whether a page plays all of it.
    pub fn is_whole(&self) -> bool {
        self.played == self.session.steps().len()
    }

    /// How many lines a page types.
    pub fn typed(&self) -> usize {
        let lines = self.steps().iter().map(|step| match step {
            Step::Type(lines) => lines.lines().filter(|line| !line.trim().is_empty()).count(),
            _ => 0,
        });
        lines.sum()
    }

    /// Whether a page answers as the program does: on a real disk `\crash` ends it.
    pub fn is_played_alike(&self) -> bool {
        let crashes = |step: &Step| matches!(step, Step::Type(lines) if lines.contains("\\crash"));
        !self.steps().iter().any(crashes) || self.settings.contains("--simulate")
    }

    pub fn json(&self) -> Value {
        let steps = self.steps().iter().filter_map(|step| match step {
            Step::Type(lines) => Some(json!({ "typed": lines })),
            Step::Restart => Some(json!({ "restart": true })),
            Step::Kill => Some(json!({ "restart": false })),
            Step::Copy(file) => Some(json!({ "file": file, "text": self.files.get(file) })),
            Step::Arguments(_) => None,
        });
        let steps: Vec<Value> = steps.collect();
        json!({ "milestone": self.session.stage, "settings": self.settings, "steps": steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Script {
        let session = Session::parse(2, Path::new("m2-wal/x.session"), text).unwrap();
        Script::new(session, &root().join("tests/sessions")).unwrap()
    }

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
    }

    #[test]
    fn a_session_is_lines_and_ends() {
        let script =
            script("# About it.\n#! args --simulate=3\nbegin\n\n\\crash\n#! kill\nscan t\n#! restart\n");
        let steps = json!([{ "typed": "begin\n\n\\crash\n" }, { "restart": false }, { "typed": "scan t\n" }, { "restart": true }]);
        assert_eq!(script.json(), json!({ "milestone": 2, "settings": "--simulate=3", "steps": steps }));
        assert!(script.is_played_alike() && script.is_whole());
        assert_eq!(script.typed(), 3);
        assert!(!self::script("\\crash\n").is_played_alike());
    }

    #[test]
    fn other_arguments_on_the_way_end_it() {
        let script = script("begin\n#! args -f x.sql\n#! restart\nscan t\n");
        assert!(!script.is_whole());
        assert_eq!((script.json()["steps"].clone(), script.typed()), (json!([{ "typed": "begin\n" }]), 1));
    }

    #[test]
    fn a_page_gets_the_files_that_a_session_reads() {
        let script = Script::read(root(), "m5-sql/copy").unwrap().json();
        let files = script["steps"].as_array().unwrap().iter().filter(|step| step["file"] == "people.csv");
        let texts: Vec<_> = files.map(|step| step["text"].as_str().unwrap()).collect();
        assert!(texts.len() == 1 && texts[0].contains(','), "{texts:?}");
    }

    #[test]
    fn all_sessions_but_one_are_played_whole() {
        let scripts = Script::read_all(root()).unwrap();
        let cut = scripts.iter().filter(|(_, script)| !script.is_whole());
        assert_eq!(cut.map(|(name, _)| &name[..]).collect::<Vec<_>>(), ["m5-sql/scripts"]);
    }
}
