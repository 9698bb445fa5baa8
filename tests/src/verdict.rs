//! What a reader's own program does right, said in terms of what it must keep, not of dumps.
//!
//! Each session says in its first remark what it is about: that is the promise. A session that goes differently breaks it,
//! and what is shown is the first line that does, with what was typed before it. Then the program is killed while it works.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::PATIENCE;
use crate::session::Session;
use crate::stages;

/// A promise, and whether it was kept.
pub struct Verdict {
    /// Such as `m1-storage/restart`.
    pub name: String,
    /// In a sentence.
    pub promise: String,
    /// What went differently; nothing, if the promise was kept.
    pub broken: Option<String>,
    /// Why this stage answers differently than the one that the session was written for, and since which; nothing, if it
    /// does not.
    pub differs: Option<String>,
    /// Where the book explains it.
    pub chapter: String,
}

/// Sessions that a program at `stage` is to keep, those of earlier stages included.
pub fn sessions(stage: u32) -> Result<Vec<Session>> {
    let mut sessions = Session::read_all(&stages::here().join("sessions"))?;
    sessions.retain(|session| session.speaks_to(stage));
    Ok(sessions)
}

/// Plays one to a program at `stage`.
pub fn judge(session: &Session, stage: u32, program: &Path) -> Result<Verdict> {
    let promise = promise(session)?;
    let expected = stored(&snapshot(session, session.told_by(stage)))?;
    let broken = match session.play(program, PATIENCE) {
        Ok(said) => difference(&expected, &said),
        Err(error) => Some(format!("{error:#}")),
    };
    let since = session.told_by(stage);
    let differs = session
        .why_it_differs(stage)
        .map(|why| format!("milestone {since} answers other than before: {why}"));
    Ok(Verdict { name: session.name.clone(), promise, broken, differs, chapter: chapter(session)? })
}

/// Where the transcript of a session on `stage` is kept.
pub fn snapshot(session: &Session, stage: u32) -> PathBuf {
    let suffix = if stage == session.stage { String::new() } else { format!("@m{stage}") };
    stages::here().join("snapshots").join(format!("{}{suffix}.snap", session.name))
}

/// The transcript in a snapshot file: all that follows its header.
pub fn stored(snapshot: &Path) -> Result<String> {
    let text = fs::read_to_string(snapshot).with_context(|| format!("no snapshot {}", snapshot.display()))?;
    let transcript = text.strip_prefix("---\n").and_then(|text| text.split_once("\n---\n"));
    let (_, transcript) = transcript.with_context(|| format!("{} has no header", snapshot.display()))?;
    Ok(transcript.to_owned())
}

/// The first remark of a session, or of what is typed in it.
fn promise(session: &Session) -> Result<String> {
    let path = stages::here().join("sessions").join(format!("{}.session", session.name));
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let remark = |mark| text.lines().find_map(|line| line.strip_prefix(mark));
    let remark = remark("# ").or_else(|| remark("-- "));
    Ok(remark.with_context(|| format!("{} does not say what it is about", session.name))?.to_owned())
}

/// The first line that is not as it should be, between what came before it and what was expected instead.
fn difference(expected: &str, said: &str) -> Option<String> {
    let (expected, said) = (expected.trim_end(), said.trim_end());
    if expected == said {
        return None;
    }
    let (expected, said): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), said.lines().collect());
    let at = expected.iter().zip(&said).take_while(|(one, other)| one == other).count();
    let mut text = String::new();
    for line in &expected[at.saturating_sub(2)..at] {
        text.push_str(&format!("        {line}\n"));
    }
    text.push_str(&format!("expected {}\n", expected.get(at).unwrap_or(&"the end")));
    text.push_str(&format!("but got  {}", said.get(at).unwrap_or(&"the end")));
    Some(text)
}

/// The chapter of the book that explains a session: the one it names, or the first that shows it. If none does, the one
/// with which its part begins.
fn chapter(session: &Session) -> Result<String> {
    if let Some(named) = &session.chapter {
        return Ok(format!("book/src/{named}"));
    }
    let book = stages::here().join("../book/src");
    let summary = fs::read_to_string(book.join("SUMMARY.md")).context("the book has no SUMMARY.md")?;
    // What stands before the parts may show a session as well, but explains none.
    let in_parts = summary.lines().filter_map(|line| line.split_once("](")?.1.strip_suffix(')'));
    let in_parts = in_parts.filter(|path| path.contains('/'));
    let part = ["storage", "wal", "pool", "catalogs", "sql"]
        .get(session.stage.saturating_sub(1) as usize)
        .copied()
        .unwrap_or_default();
    let mut first_of_part = None;
    for path in in_parts {
        let text =
            fs::read_to_string(book.join(path)).with_context(|| format!("there is no book/src/{path}"))?;
        if text.contains(&session.name) {
            return Ok(format!("book/src/{path}"));
        }
        if first_of_part.is_none() && path.starts_with(&format!("{part}/")) {
            first_of_part = Some(format!("none shows it; its part begins with book/src/{path}"));
        }
    }
    first_of_part.with_context(|| format!("no part of the book is about stage {}", session.stage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told_and_no_more() {
        assert_eq!(difference("a\nb\nc\n", "a\nb\nc"), None);
        let told = difference("a\nb\nc\nd\n", "a\nb\nx\ny\n").unwrap();
        assert_eq!(told, "        a\n        b\nexpected c\nbut got  x");
        assert!(difference("a\nb\n", "a\n").unwrap().ends_with("but got  the end"));
    }

    #[test]
    fn every_session_has_a_promise_and_a_chapter() {
        for session in Session::read_all(&stages::here().join("sessions")).unwrap() {
            assert!(promise(&session).unwrap().ends_with('.'), "{}: a sentence on one line", session.name);
            let chapter = chapter(&session).unwrap();
            let path = &chapter[chapter.find("book/src/").unwrap()..];
            assert!(stages::here().join("..").join(path).is_file(), "{}: {chapter}", session.name);
        }
    }
}
