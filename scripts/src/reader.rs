//! A reader's own version: where it starts, and ours beside it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use similar::TextDiff;

use crate::declarations::Declarations;
use crate::stages::{Stage, Stages};

/// Where the unit tests of a stage's new files lie in a project, until their file is written.
const WAITING: &str = "tests-to-come";

/// Makes a project in `dir` that holds the stage before `wanted`, under the name of the folder; what to do in it.
pub fn start(root: &Path, wanted: &str, dir: &Path) -> Result<String> {
    let stages = Stages::read(&root.join("milestones"))?;
    let at = stages.position(wanted)?;
    let stage = &stages.all[at];
    if dir.exists()
        && fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?.next().is_some()
    {
        bail!("{} is not empty", dir.display());
    }
    let name = crate_name(dir)?;
    match at.checked_sub(1).map(|before| &stages.all[before]) {
        Some(before) => copy_as(before, &name, dir)?,
        None => write_empty(stage, &name, dir)?,
    }
    for file in ["Cargo.lock", "rust-toolchain.toml"] {
        fs::copy(root.join(file), dir.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    let before = at.checked_sub(1).map(|before| &stages.all[before]);
    let waiting = write_waiting_tests(stage, before, &name, dir)?;
    let declared = Declarations::read(&root.join("milestones/lineage.toml"))?;
    instructions(root, stage, before, &declared, dir, waiting)
}

/// The differences between a reader's file and ours.
pub fn solution(root: &Path, wanted: &str, file: &str, project: &Path) -> Result<String> {
    let stages = Stages::read(&root.join("milestones"))?;
    let stage = &stages.all[stages.position(wanted)?];
    let path = if stage.files.contains_key(file) { file.to_owned() } else { format!("src/{file}") };
    let Some(ours) = stage.files.get(&path) else {
        let declared = Declarations::read(&root.join("milestones/lineage.toml"))?;
        let dropped = declared.0.get(&stage.name).map(|declared| &declared.dropped);
        let why = dropped.and_then(|dropped| dropped.get(file).or_else(|| dropped.get(&path)));
        bail!("{} has no {file}{}", stage.name, why.map(|why| format!(": {why}")).unwrap_or_default())
    };
    let ours = renamed(ours, &stage.name, &crate_name(project)?);
    let theirs = match fs::read_to_string(project.join(&path)) {
        Ok(theirs) => theirs,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(ours),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", project.join(&path).display()));
        }
    };
    if ours == theirs {
        return Ok(format!("{path} is the same in both\n"));
    }
    let diff = TextDiff::from_lines(&theirs, &ours);
    Ok(diff.unified_diff().context_radius(4).header("yours", &format!("{}/{path}", stage.name)).to_string())
}

/// A name that cargo accepts, made of the folder's.
fn crate_name(dir: &Path) -> Result<String> {
    let dir = std::path::absolute(dir).with_context(|| format!("cannot find {}", dir.display()))?;
    let folder = dir.file_name().with_context(|| format!("{} has no name", dir.display()))?.to_string_lossy();
    let mut name: String = folder
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' })
        .collect();
    name = name.trim_matches('-').to_owned();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.insert_str(0, "my-");
    }
    Ok(name)
}

fn renamed(text: &str, old: &str, new: &str) -> String {
    let text = crate::stages::replace_word(text, old, new);
    crate::stages::replace_word(&text, &old.replace('-', "_"), &new.replace('-', "_"))
}

fn copy_as(stage: &Stage, name: &str, dir: &Path) -> Result<()> {
    for (path, text) in &stage.files {
        let mut text = renamed(text, &stage.name, name);
        if path == "Cargo.toml" {
            // It may lie inside another project.
            text.push_str("\n[workspace]\n");
        }
        write(&dir.join(path), &text)?;
    }
    Ok(())
}

/// The first stage has nothing before it: what it depends on, and a program that can do nothing.
fn write_empty(stage: &Stage, name: &str, dir: &Path) -> Result<()> {
    let manifest = stage.files.get("Cargo.toml").context("the stage has no Cargo.toml")?;
    write(&dir.join("Cargo.toml"), &(renamed(manifest, &stage.name, name) + "\n[workspace]\n"))?;
    let main = "//! Milestone 1 begins here. `tests/README.md` of the course says how the program is called.\n\nfn main() {\n    \
                let _ = std::io::Write::write_all(&mut std::io::stderr(), b\"nothing is here yet\\n\");\n    std::process::exit(1);\n}\n";
    write(&dir.join("src/main.rs"), main)
}

/// The unit tests of each file that the stage brings or tests otherwise than the one before, to be moved into it once it
/// is there; how many files those are.
fn write_waiting_tests(stage: &Stage, before: Option<&Stage>, name: &str, dir: &Path) -> Result<usize> {
    let mut count = 0;
    for (path, text) in stage.files.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let inherited = before.and_then(|before| Some(before.restated(stage, path, before.files.get(path)?)));
        let head: String =
            text.lines().take_while(|line| line.starts_with("//!")).map(|line| format!("{line}\n")).collect();
        let Some(tests) = unit_tests(path, text) else { continue };
        if inherited.and_then(|inherited| unit_tests(path, &inherited)).as_ref() == Some(&tests) {
            continue;
        }
        let text = if is_for_tests(path) { tests } else { format!("{head}\n{tests}") };
        let file = path.strip_prefix("src/").unwrap_or(path);
        write(&dir.join(WAITING).join(file), &renamed(&text, &stage.name, name))?;
        count += 1;
    }
    Ok(count)
}

/// Whether a file is there for unit tests alone: `heap/tests.rs`, `index/tests/search.rs`, `testing.rs`.
fn is_for_tests(path: &str) -> bool {
    let mut parts = path.trim_end_matches(".rs").rsplit('/');
    let is_named_so = |name: &str| name.ends_with("tests") || name == "testing" || name == "test_support";
    parts.next().is_some_and(is_named_so) || parts.any(|folder| folder == "tests")
}

/// The unit tests in a file, or all of a file of unit tests.
fn unit_tests(path: &str, text: &str) -> Option<String> {
    let begins = ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\npub mod tests {"].map(|head| text.find(head));
    match begins.into_iter().flatten().next() {
        Some(begin) => Some(text[begin..].to_owned()),
        None => is_for_tests(path).then(|| text.to_owned()),
    }
}

/// The files that have unit tests before this stage and none in it.
fn untested_now(stage: &Stage, before: &Stage) -> Vec<String> {
    let tested_before = before.files.iter().filter(|(path, text)| unit_tests(path, text).is_some());
    let stay = tested_before.filter_map(|(path, _)| Some((path, stage.files.get(path)?)));
    stay.filter(|(path, text)| unit_tests(path, text).is_none()).map(|(path, _)| path.clone()).collect()
}

fn instructions(
    root: &Path,
    stage: &Stage,
    before: Option<&Stage>,
    declared: &Declarations,
    dir: &Path,
    waiting: usize,
) -> Result<String> {
    let mut text = String::new();
    let holds =
        before.map_or("nothing but a program that can do nothing".into(), |before| before.name.clone());
    writeln!(
        text,
        "{} holds {holds}, under your name. What {} adds is yours to write.\n",
        dir.display(),
        stage.name
    )?;
    writeln!(text, "Tests that will tell when you are there:\n")?;
    writeln!(text, "  cargo x check {} --project {}", stage.number, dir.display())?;
    writeln!(text, "      plays the sessions, those of earlier stages too. Red now, and why:")?;
    for (session, why) in red_now(root, stage)? {
        writeln!(text, "        {session:<40} {why}")?;
    }
    let files = if waiting == 1 { "1 file" } else { &format!("{waiting} files") };
    writeln!(text, "  {WAITING}/")?;
    writeln!(
        text,
        "      unit tests of {files}, of files that change as well; when you write a file, move its tests"
    )?;
    writeln!(
        text,
        "      from here into the one in src/, in place of those in it, and run cargo test there"
    )?;
    for file in before.map(|before| untested_now(stage, before)).unwrap_or_default() {
        writeln!(text, "      (ours has no unit tests in {file} any more)")?;
    }
    writeln!(text)?;
    if let Some(declared) = declared.0.get(&stage.name) {
        let mut list = |head: &str, files: &BTreeMap<String, String>| -> Result<()> {
            if !files.is_empty() {
                writeln!(text, "Files that {} {head}, and why:\n", stage.name)?;
                for (file, why) in files {
                    writeln!(text, "  {file:<34} {why}")?;
                }
                writeln!(text)?;
            }
            Ok(())
        };
        list("changes", &declared.changed)?;
        list("drops", &declared.dropped)?;
    }
    writeln!(
        text,
        "Which files are new in {}, and what each is for: the chapter \"Every file\" of the book",
        stage.name
    )?;
    writeln!(text, "(`cargo x book serve`). Yours may be others.\n")?;
    writeln!(text, "  cargo x solution {} FILE --project {}", stage.number, dir.display())?;
    writeln!(text, "      ours beside yours, one file at a time")?;
    Ok(text)
}

/// The sessions that a program of the stage before cannot get right, each with what it is about or why it differs.
fn red_now(root: &Path, stage: &Stage) -> Result<Vec<(String, String)>> {
    let (sessions, mut red) = (root.join("tests/sessions"), Vec::new());
    for earlier in
        Stages::read(&root.join("milestones"))?.all.iter().filter(|other| other.number <= stage.number)
    {
        let folder = sessions.join(&earlier.name);
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "session") {
                continue;
            }
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let marked = |mark: &str| text.lines().find_map(|line| line.strip_prefix(mark));
            let why = match earlier.number == stage.number {
                true => marked("# ").or_else(|| marked("-- ")),
                false => marked(&format!("#! differs m{}: ", stage.number)),
            };
            if let Some(why) = why {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                red.push((format!("{}/{name}", earlier.name), why.to_owned()));
            }
        }
    }
    red.sort();
    // Rows must be there after a kill: not always before there is a log, and not if their language is not spoken yet.
    match stage.number {
        2 => red.push((
            "kill -9".into(),
            "now and then: a page that is being written is torn, and nothing heals it yet".into(),
        )),
        5 => red.push(("kill -9".into(), "the rows are inserted in SQL".into())),
        _ => {}
    }
    Ok(red)
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn a_project_holds_the_stage_before_under_its_own_name() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("My Database");
        let told = start(root(), "m3", &dir).unwrap();
        let manifest = fs::read_to_string(dir.join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains("name = \"my-database\"") && manifest.ends_with("[workspace]\n"),
            "{manifest}"
        );
        assert!(fs::read_to_string(dir.join("src/main.rs")).unwrap().contains("my_database::"));
        assert!(dir.join("src/wal/record.rs").is_file() && !dir.join("src/buffer/pool.rs").exists());
        assert!(fs::read_to_string(dir.join("tests-to-come/buffer/pool.rs")).unwrap().contains("mod tests"));
        assert!(told.contains("m3-buffer-pool/scan-ring") && !told.contains("m2-wal/"), "{told}");
        assert!(dir.join("tests-to-come/sizes.rs").is_file(), "what a file that changes is tested for");
        assert!(!dir.join("tests-to-come/heap").exists(), "what is tested as before is there already");
        assert!(told.contains("cargo x check 3") && told.contains("src/buffer/mod.rs"), "{told}");
        assert!(start(root(), "m3", &dir).unwrap_err().to_string().ends_with("is not empty"));
    }

    #[test]
    fn the_solution_is_what_differs() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("mine");
        start(root(), "2", &dir).unwrap();
        assert!(solution(root(), "2", "page/mod.rs", &dir).unwrap().contains("is the same in both"));
        let diff = solution(root(), "2", "src/buffer/mod.rs", &dir).unwrap();
        assert!(diff.starts_with("--- yours\n+++ m2-wal/src/buffer/mod.rs"), "{diff}");
        assert!(solution(root(), "2", "wal/record.rs", &dir).unwrap().starts_with("//! "));
        assert!(solution(root(), "2", "nothing.rs", &dir).is_err());
        let gone = solution(root(), "4", "tables.rs", &dir).unwrap_err().to_string();
        assert!(gone.contains("m4-catalogs has no tables.rs: the wart is gone"), "{gone}");
    }

    #[test]
    fn what_waits_to_come_is_all_that_is_there_for_tests() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("mine");
        let told = start(root(), "5", &dir).unwrap();
        for file in
            ["index/tests/mod.rs", "sql/bind/tests/mod.rs", "database/testing.rs", "recovery/tests.rs"]
        {
            assert!(dir.join(WAITING).join(file).is_file(), "{file}");
        }
        assert!(
            told.contains("        kill -9 ") && told.contains("Files that m5-sql drops, and why:"),
            "{told}"
        );
        assert!(told.contains("no unit tests in src/database/block.rs any more"), "{told}");
    }

    #[test]
    fn the_first_stage_begins_with_nothing() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("1st");
        start(root(), "1", &dir).unwrap();
        assert!(fs::read_to_string(dir.join("Cargo.toml")).unwrap().contains("name = \"my-1st\""));
        assert!(
            fs::read_to_string(dir.join("tests-to-come/page/mod.rs"))
                .unwrap()
                .contains("every_flipped_bit_is_noticed")
        );
        assert!(
            dir.join(WAITING).join("repl/output.rs").is_file(),
            "its tests are seen by those of other files"
        );
    }
}
