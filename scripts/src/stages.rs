//! The milestones as they lie on disk, and what makes two of their files "the same".
//!
//! Compared are `Cargo.toml`, `build.rs` and everything under `src/`, `tests/`, `benches/` and `examples/`. A
//! stage's `README.md` is its own by nature and not compared.
//!
//! Two files are the same if their bytes are, or if they differ only in what every stage must say
//! differently: the crate's own name (`m1-storage` and `m1_storage` against `m2-wal` and `m2_wal`) and the
//! `description` in `Cargo.toml`. [`Stage::restated`] turns the one into the other, so comparing, showing a
//! difference and carrying a change forward all mean the same thing by it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const COMPARED_FOLDERS: [&str; 4] = ["src", "tests", "benches", "examples"];
const COMPARED_FILES: [&str; 2] = ["Cargo.toml", "build.rs"];

/// One milestone: a crate whose folder is called `m<number>-<idea>`.
#[derive(Debug, Clone)]
pub struct Stage {
    pub number: u32,
    /// Folder and package name, such as `m2-wal`.
    pub name: String,
    pub dir: PathBuf,
    /// The text of every compared file by its path inside the stage, with `/` between folders.
    pub files: BTreeMap<String, String>,
}

/// All milestones in teaching order.
#[derive(Debug)]
pub struct Stages {
    pub all: Vec<Stage>,
}

impl Stages {
    pub fn read(milestones: &Path) -> Result<Stages> {
        let mut all = Vec::new();
        let entries =
            fs::read_dir(milestones).with_context(|| format!("cannot list {}", milestones.display()))?;
        for entry in entries {
            let dir = entry?.path();
            let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(number) = number(&name)
                && dir.join("Cargo.toml").is_file()
            {
                let files = read_files(&dir)?;
                all.push(Stage { number, name, dir, files });
            }
        }
        all.sort_by_key(|stage| stage.number);
        Ok(Stages { all })
    }

    /// Finds a stage by its number or name: `3`, `m3` and `m3-buffer-pool` are the same one.
    pub fn position(&self, wanted: &str) -> Result<usize> {
        let short = wanted.strip_prefix('m').unwrap_or(wanted);
        let found =
            self.all.iter().position(|stage| stage.name == wanted || stage.number.to_string() == short);
        found.with_context(|| {
            let names: Vec<_> = self.all.iter().map(|stage| stage.name.as_str()).collect();
            format!("there is no stage {wanted}; there are {}", names.join(", "))
        })
    }

    /// Each stage together with the one it grew from.
    pub fn steps(&self) -> impl Iterator<Item = (&Stage, &Stage)> {
        self.all.windows(2).filter_map(|pair| match pair {
            [before, now] => Some((before, now)),
            _ => None,
        })
    }
}

impl Stage {
    /// `text` of this stage's `path` as `later` would say it: with the later crate's own name and
    /// description.
    pub fn restated(&self, later: &Stage, path: &str, text: &str) -> String {
        let renamed = replace_word(text, &self.name, &later.name);
        let renamed = replace_word(&renamed, &self.name.replace('-', "_"), &later.name.replace('-', "_"));
        match later.description() {
            Some(theirs) if path == "Cargo.toml" => with_description(&renamed, theirs),
            _ => renamed,
        }
    }

    /// Whether `text` here and `other` in `later` say the same thing.
    pub fn same(&self, later: &Stage, path: &str, text: &str, other: &str) -> bool {
        text == other || self.restated(later, path, text) == other
    }

    fn description(&self) -> Option<&str> {
        self.files.get("Cargo.toml")?.lines().find(|line| is_description(line))
    }
}

/// Whether a path inside a stage is one of those that are compared.
pub fn is_compared(path: &str) -> bool {
    let folder = path.split_once('/').map(|(folder, _)| folder);
    COMPARED_FILES.contains(&path) || folder.is_some_and(|folder| COMPARED_FOLDERS.contains(&folder))
}

fn number(name: &str) -> Option<u32> {
    let (number, idea) = name.strip_prefix('m')?.split_once('-')?;
    if idea.is_empty() { None } else { number.parse().ok() }
}

fn is_description(line: &str) -> bool {
    line.strip_prefix("description").is_some_and(|rest| rest.trim_start().starts_with('='))
}

fn with_description(text: &str, description: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let ending = &line[line.trim_end_matches(['\r', '\n']).len()..];
        if is_description(line) { format!("{description}{ending}") } else { line.to_owned() }
    });
    lines.collect()
}

/// Replaces `from` where it stands as a word of its own: `m1-storage-engine` does not contain the word
/// `m1-storage`.
pub fn replace_word(text: &str, from: &str, to: &str) -> String {
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, found) in text.match_indices(from) {
        let end = at + found.len();
        let joined_before = text[..at].chars().next_back().is_some_and(in_word);
        let joined_after = text[end..].chars().next().is_some_and(in_word);
        if !joined_before && !joined_after {
            out.push_str(&text[copied..at]);
            out.push_str(to);
            copied = end;
        }
    }
    out.push_str(&text[copied..]);
    out
}

fn read_files(dir: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for file in COMPARED_FILES {
        if dir.join(file).is_file() {
            files.insert(file.to_owned(), read_text(&dir.join(file))?);
        }
    }
    for folder in COMPARED_FOLDERS {
        if dir.join(folder).is_dir() {
            read_folder(dir, folder, &mut files)?;
        }
    }
    Ok(files)
}

fn read_folder(dir: &Path, folder: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(dir.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_folder(dir, &path, files)?;
        } else if !entry.file_name().to_string_lossy().starts_with('.') {
            files.insert(path, read_text(&entry.path())?);
        }
    }
    Ok(())
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {} as text", path.display()))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Stages made of nothing but text: `(stage name, [(path, text)])`.
    pub fn synthetic(milestones: &Path, stages: &[(&str, &[(&str, &str)])]) -> Stages {
        for (name, files) in stages {
            let dir = milestones.join(name);
            let manifest = format!("[package]\nname = \"{name}\"\ndescription = \"about {name}\"\n");
            write(&dir.join("Cargo.toml"), &manifest);
            for (path, text) in *files {
                write(&dir.join(path), text);
            }
        }
        Stages::read(milestones).unwrap()
    }

    pub fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn stages_come_in_teaching_order_and_other_folders_are_ignored() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("m3-empty")).unwrap();
        let stages = synthetic(dir.path(), &[("m10-late", &[]), ("m2-early", &[]), ("notes", &[])]);
        let names: Vec<_> = stages.all.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(names, ["m2-early", "m10-late"]);
    }

    #[test]
    fn a_stage_is_found_by_number_and_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let stages = synthetic(dir.path(), &[("m1-one", &[]), ("m2-two", &[])]);
        assert_eq!(stages.position("2").unwrap(), 1);
        assert_eq!(stages.position("m2").unwrap(), 1);
        assert_eq!(stages.position("m2-two").unwrap(), 1);
        assert!(stages.position("m3").unwrap_err().to_string().contains("m1-one, m2-two"));
    }

    #[test]
    fn only_whole_words_are_the_crates_name() {
        assert_eq!(replace_word("use m1_a::x; m1_ab m1_a_b", "m1_a", "m2_b"), "use m2_b::x; m1_ab m1_a_b");
        assert_eq!(replace_word("\"m1-a\" m1-a-b xm1-a", "m1-a", "m2-b"), "\"m2-b\" m1-a-b xm1-a");
    }

    #[test]
    fn name_and_description_are_each_stages_own() {
        let dir = tempfile::tempdir().unwrap();
        let main = ("src/main.rs", "use m1_one::repl;\n");
        let stages = synthetic(dir.path(), &[("m1-one", &[main]), ("m2-two", &[])]);
        let [one, two] = stages.all.as_slice() else { panic!("two stages") };
        assert_eq!(one.restated(two, main.0, main.1), "use m2_two::repl;\n");
        assert_eq!(one.restated(two, "Cargo.toml", &one.files["Cargo.toml"]), two.files["Cargo.toml"]);
    }

    #[test]
    fn readme_target_and_hidden_files_are_not_compared() {
        let dir = tempfile::tempdir().unwrap();
        let files = [("README.md", ""), ("target/x.rs", ""), ("src/.x.rs.swp", ""), ("src/a/b.rs", "")];
        let stages = synthetic(dir.path(), &[("m1-one", &files)]);
        let paths: Vec<_> = stages.all[0].files.keys().map(String::as_str).collect();
        assert_eq!(paths, ["Cargo.toml", "src/a/b.rs"]);
        assert!(is_compared("src/a/b.rs") && is_compared("Cargo.toml"));
        assert!(!is_compared("README.md") && !is_compared("target/x.rs"));
    }
}
