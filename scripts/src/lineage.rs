//! What became of each file from one stage to the next, and whether `lineage.toml` tells the truth about it.

use anyhow::{Context, Result};
use similar::{ChangeTag, TextDiff};

use crate::declarations::{Declarations, Declared};
use crate::stages::{Stage, Stages};

/// What became of a file in a stage.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Fate {
    /// Neither here nor in the stage before.
    Absent,
    New,
    Same,
    Changed {
        added: usize,
        removed: usize,
    },
    Gone,
}

/// The fate of `path` in `now`; the first stage has no stage `before` it.
pub fn fate(before: Option<&Stage>, now: &Stage, path: &str) -> Fate {
    let old = before.and_then(|before| Some((before, before.files.get(path)?)));
    match (old, now.files.get(path)) {
        (None, None) => Fate::Absent,
        (None, Some(_)) => Fate::New,
        (Some(_), None) => Fate::Gone,
        (Some((before, old)), Some(new)) if before.same(now, path, old, new) => Fate::Same,
        (Some((before, old)), Some(new)) => {
            let old = before.restated(now, path, old);
            let diff = TextDiff::from_lines(old.as_str(), new.as_str());
            let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
            Fate::Changed { added: count(ChangeTag::Insert), removed: count(ChangeTag::Delete) }
        }
    }
}

/// The unified diff of `path` in `stage` against the stage before; empty if nothing differs.
pub fn diff(stages: &Stages, path: &str, stage: &str) -> Result<String> {
    let at = stages.position(stage)?;
    let now = stages.all.get(at).context("the stage is not there")?;
    let before = at.checked_sub(1).and_then(|before| stages.all.get(before));
    let before =
        before.with_context(|| format!("{} is the first stage: nothing came before it", now.name))?;
    let (old, new) = (before.files.get(path), now.files.get(path));
    if old.is_none() && new.is_none() {
        anyhow::bail!("neither {} nor {} has a file {path}", before.name, now.name);
    }
    let old = old.map(|old| before.restated(now, path, old)).unwrap_or_default();
    let new = new.map_or("", String::as_str);
    let headers = (format!("{}/{path}", before.name), format!("{}/{path}", now.name));
    Ok(TextDiff::from_lines(old.as_str(), new)
        .unified_diff()
        .context_radius(3)
        .header(&headers.0, &headers.1)
        .to_string())
}

/// Compares what the stages are with what is declared; one line for each untruth.
pub fn check(stages: &Stages, declarations: &Declarations) -> Vec<String> {
    let mut complaints = Vec::new();
    for stage in declarations.0.keys() {
        if !stages.all.iter().any(|known| &known.name == stage) {
            complaints.push(format!("lineage.toml: there is no stage {stage}"));
        }
    }
    if let Some(first) = stages.all.first()
        && declarations.0.contains_key(&first.name)
    {
        complaints.push(format!("lineage.toml: {} is the first stage and inherits nothing", first.name));
    }
    let nothing = Declared::default();
    for (before, now) in stages.steps() {
        let declared = declarations.0.get(&now.name).unwrap_or(&nothing);
        undeclared(before, now, declared, &mut complaints);
        untrue(before, now, declared, &mut complaints);
    }
    complaints
}

/// Differences that the declarations are silent about.
fn undeclared(before: &Stage, now: &Stage, declared: &Declared, complaints: &mut Vec<String>) {
    for path in before.files.keys() {
        match fate(Some(before), now, path) {
            Fate::Changed { added, removed } if !declared.changed.contains_key(path) => {
                complaints.push(format!(
                    "{}: {path} differs from {} (+{added} −{removed}), and lineage.toml does not say why",
                    now.name, before.name
                ))
            }
            Fate::Gone if !declared.dropped.contains_key(path) => complaints.push(format!(
                "{}: {path} was in {} and is gone, and [{}.dropped] in lineage.toml does not say why",
                now.name, before.name, now.name
            )),
            _ => {}
        }
    }
}

/// Declarations that do not hold.
fn untrue(before: &Stage, now: &Stage, declared: &Declared, complaints: &mut Vec<String>) {
    let mut complain = |path: &str, what: String| complaints.push(format!("{}: {path} {what}", now.name));
    for (path, why) in &declared.changed {
        match fate(Some(before), now, path) {
            Fate::Changed { .. } if why.trim().is_empty() => {
                complain(path, "is declared without a reason".into())
            }
            Fate::Changed { .. } => {}
            Fate::Same => {
                complain(path, format!("is declared as changed, but is the same as in {}", before.name))
            }
            Fate::New => {
                complain(path, format!("is declared as changed, but is new: {} has none", before.name))
            }
            Fate::Gone => complain(path, "is declared as changed, but is gone".into()),
            Fate::Absent => complain(path, "is declared as changed, but there is no such file".into()),
        }
    }
    for (path, why) in &declared.dropped {
        match fate(Some(before), now, path) {
            Fate::Gone if why.trim().is_empty() => complain(path, "is dropped without a reason".into()),
            Fate::Gone => {}
            Fate::Absent => complain(path, format!("is declared as dropped, but {} had none", before.name)),
            _ => complain(path, "is declared as dropped, but is there".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::synthetic;

    const STAGES: &[(&str, &[(&str, &str)])] = &[
        (
            "m1-one",
            &[("src/same.rs", "use m1_one::x;\n"), ("src/changed.rs", "a\nb\n"), ("src/dropped.rs", "c\n")],
        ),
        (
            "m2-two",
            &[("src/same.rs", "use m2_two::x;\n"), ("src/changed.rs", "a\nB\nc\n"), ("src/new.rs", "d\n")],
        ),
    ];
    const TRUTH: &str =
        "[m2-two]\n\"src/changed.rs\" = \"why\"\n[m2-two.dropped]\n\"src/dropped.rs\" = \"why\"\n";

    fn complaints(declared: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        check(&synthetic(dir.path(), STAGES), &Declarations::parse(declared).unwrap())
    }

    #[test]
    fn each_file_has_its_fate() {
        let dir = tempfile::tempdir().unwrap();
        let stages = synthetic(dir.path(), STAGES);
        let (one, two) = stages.steps().next().unwrap();
        let of = |path| fate(Some(one), two, path);
        assert_eq!(of("Cargo.toml"), Fate::Same);
        assert_eq!(of("src/same.rs"), Fate::Same);
        assert_eq!(of("src/changed.rs"), Fate::Changed { added: 2, removed: 1 });
        assert_eq!(of("src/dropped.rs"), Fate::Gone);
        assert_eq!(of("src/new.rs"), Fate::New);
        assert_eq!(of("src/never.rs"), Fate::Absent);
        assert_eq!(fate(None, one, "src/same.rs"), Fate::New);
    }

    #[test]
    fn the_truth_passes() {
        assert_eq!(complaints(TRUTH), Vec::<String>::new());
    }

    #[test]
    fn silence_is_a_complaint_for_each_difference() {
        let found = complaints("");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("m2-two: src/changed.rs differs from m1-one (+2 −1)"));
        assert!(found[1].starts_with("m2-two: src/dropped.rs was in m1-one and is gone"));
    }

    #[test]
    fn an_untrue_declaration_is_a_complaint() {
        for (line, what) in [
            ("\"src/same.rs\" = \"x\"", "src/same.rs is declared as changed, but is the same"),
            ("\"src/new.rs\" = \"x\"", "src/new.rs is declared as changed, but is new"),
            ("\"src/never.rs\" = \"x\"", "src/never.rs is declared as changed, but there is no such file"),
            ("dropped.\"src/same.rs\" = \"x\"", "src/same.rs is declared as dropped, but is there"),
            ("dropped.\"src/never.rs\" = \"x\"", "src/never.rs is declared as dropped, but m1-one had none"),
        ] {
            let declared = "\"src/changed.rs\" = \"why\"\ndropped.\"src/dropped.rs\" = \"why\"";
            let found = complaints(&format!("[m2-two]\n{declared}\n{line}\n"));
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert!(found[0].contains(what), "{line}: {found:?}");
        }
    }

    #[test]
    fn a_reason_must_be_given() {
        let found = complaints(&TRUTH.replace("why", " "));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|line| line.contains("without a reason")), "{found:?}");
    }

    #[test]
    fn stages_that_cannot_declare_anything_are_named() {
        let found = complaints(&format!("{TRUTH}[m1-one]\n\"a\" = \"x\"\n[m9-nine]\n\"a\" = \"x\"\n"));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("no stage m9-nine") && found[1].contains("m1-one is the first stage"));
    }

    #[test]
    fn the_diff_leaves_out_the_crates_name() {
        let dir = tempfile::tempdir().unwrap();
        let stages = synthetic(dir.path(), STAGES);
        assert_eq!(diff(&stages, "src/same.rs", "m2").unwrap(), "");
        let changed = diff(&stages, "src/changed.rs", "m2").unwrap();
        assert!(changed.starts_with("--- m1-one/src/changed.rs\n+++ m2-two/src/changed.rs\n"), "{changed}");
        assert!(changed.contains(" a\n-b\n+B\n+c\n"), "{changed}");
        assert!(diff(&stages, "src/changed.rs", "m1").is_err());
        assert!(diff(&stages, "src/never.rs", "m2").is_err());
    }
}
