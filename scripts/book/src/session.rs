//! A part of a tested session: what was typed, behind the prompt that a terminal shows, and what the program answered.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use inox_tests::session::LAST_WITH_SMALL_COMMANDS;
use inox_tests::stages;
use inox_tests::transcript::{self, Line};

use crate::script::Script;

/// Characters of a line.
const MAX_WIDTH: usize = 140;

/// The transcript of `m1-storage/restart`, or of what a later stage answers to it (`m2-wal/log@m4`).
pub fn transcript(root: &Path, name: &str) -> Result<Vec<Line>> {
    let session = name.split('@').next().unwrap_or(name);
    let read = |path: std::path::PathBuf| {
        fs::read_to_string(&path).with_context(|| format!("there is no tested session {name}"))
    };
    let typed = read(root.join("tests/sessions").join(format!("{session}.session")))?;
    let snapshot = read(root.join("tests/snapshots").join(format!("{name}.snap")))?;
    let answers = snapshot.splitn(3, "---\n").nth(2).context("a snapshot without a header")?;
    let speaks_sql = stages::number(name)? > LAST_WITH_SMALL_COMMANDS;
    Ok(transcript::lines(&typed, answers, speaks_sql))
}

/// `{{#session m1-storage/restart "scan t" .. "\page t 0"}}`: from the first line that starts with the one text up to
/// the next that starts with the other.
pub fn excerpt(root: &Path, name: &str, from: Option<&str>, until: Option<&str>) -> Result<String> {
    let transcript = transcript(root, name)?;
    let (mut start, mut end) = (0, transcript.len());
    if let Some(from) = from {
        let at = transcript.iter().position(|line| line.text.starts_with(from));
        start = at.with_context(|| format!("{name} has no line that starts with {from:?}"))?;
    }
    if let Some(until) = until {
        let at = transcript.iter().skip(start + 1).position(|line| line.text.starts_with(until));
        end = start
            + 1
            + at.with_context(|| format!("{name} has no line behind it that starts with {until:?}"))?;
    }
    let lines = &transcript[start..end];
    if lines.is_empty() {
        bail!("{name}: nothing is left");
    }
    let mut text = String::new();
    for line in lines {
        text.push_str(line.prompt.as_deref().unwrap_or_default());
        text.push_str(&cut(&line.text));
        text.push('\n');
    }
    // How much of the session a page has to play to get here.
    let typed = transcript[..end].iter().filter(|line| line.prompt.is_some()).count();
    if typed > Script::read(root, name.split('@').next().unwrap_or(name))?.typed() {
        bail!("{name}: a page cannot play it that far");
    }
    let caption =
        format!("<p class=\"listing session\" data-typed=\"{typed}\">session <code>{name}</code></p>");
    Ok(format!("{caption}\n\n```text\n{}\n```\n", text.trim_end()))
}

/// What is longer than a screen is wide says the same with its middle left out; but a table's lines must stay as they are.
fn cut(line: &str) -> String {
    let characters: Vec<char> = line.chars().collect();
    if characters.len() <= MAX_WIDTH || line.starts_with(['│', '┌', '├', '└']) {
        return line.to_owned();
    }
    let (head, tail) = (&characters[..MAX_WIDTH / 2], &characters[characters.len() - MAX_WIDTH / 4..]);
    format!("{} … {}", head.iter().collect::<String>(), tail.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_lose_their_middle() {
        let cut = cut(&format!("insert t ('{}')", "x".repeat(1000)));
        assert!(cut.starts_with("insert t ('xxx") && cut.ends_with("xxx')") && cut.contains(" … "), "{cut}");
        assert_eq!(super::cut("short"), "short");
        let row = format!("│ {} │", "x".repeat(1000));
        assert_eq!(super::cut(&row), row);
    }

    #[test]
    fn prompts_are_those_of_a_terminal() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let shown = |name, from, until| excerpt(root, name, Some(from), Some(until)).unwrap();
        let small = shown("m1-storage/unfinished", "create t (id", "CREATE");
        assert!(small.contains("inox> create t (id") && small.contains("\ninox(> "), "{small}");
        let copy = shown("m5-sql/copy", "COPY people FROM", "COPY 3");
        assert!(copy.contains("\n>> 1\tAda\tLondon\t1815\n") && copy.contains("\n>> \\.\n"), "{copy}");
        // Begun before the part that is shown.
        let block = shown("m2-wal/log", "delete t", "rollback");
        assert!(block.contains("inox*> delete"), "{block}");
    }
}
