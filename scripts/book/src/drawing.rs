//! Drawings made of what a tested session shows: a log to scale, and a node of a tree with its children.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use inox_tests::transcript::Line;

use crate::session::transcript;

const WIDTH: f64 = 860.0;

/// `{{#log-map SESSION "\wal" "what it shows"}}`: the records that are listed there.
pub fn log(root: &Path, name: &str, line: &str, about: &str) -> Result<String> {
    let lines = shown(root, name, line)?;
    let rows = table(&lines, "lsn");
    let records: Vec<Record> = rows.iter().filter_map(|row| Record::read(row)).collect();
    if records.is_empty() {
        bail!("{name}: {line:?} shows no log");
    }
    Ok(draw_log(&records, about))
}

/// `{{#tree-map SESSION "\page INDEX 3" "what it shows"}}`: an inner page and the pages below it.
pub fn tree(root: &Path, name: &str, line: &str, about: &str) -> Result<String> {
    let lines = shown(root, name, line)?;
    let rows = table(&lines, "item");
    let children: Vec<(String, String)> = rows
        .iter()
        .filter_map(|row| match &row[..] {
            [_, _, key, page] => Some((key.clone(), page.clone())),
            _ => None,
        })
        .collect();
    if children.len() < 2 || children.iter().any(|(_, page)| page.starts_with('(')) {
        bail!("{name}: {line:?} shows no inner page");
    }
    Ok(draw_tree(&children, about))
}

/// What a session answers to a line: the first of its kind, or with `#2` behind it the second.
pub fn shown(root: &Path, name: &str, line: &str) -> Result<Vec<Line>> {
    let (line, number) = match line.rsplit_once(" #") {
        Some((line, number)) => (line, number.parse().context("which one?")?),
        None => (line, 1),
    };
    let lines = transcript(root, name)?;
    let starts = lines.iter().enumerate().filter(|(_, one)| one.prompt.is_some() && one.text == line);
    let start = starts.map(|(at, _)| at).nth(number - 1);
    let start = start.with_context(|| format!("{name} has no line {line:?} number {number}"))?;
    Ok(lines[start + 1..].iter().take_while(|line| line.prompt.is_none()).cloned().collect())
}

/// The rows of the table whose first column has that name.
fn table(lines: &[Line], first: &str) -> Vec<Vec<String>> {
    let cells = |line: &Line| -> Option<Vec<String>> {
        let inner = line.text.strip_prefix('│')?.strip_suffix('│')?;
        Some(inner.split('│').map(|cell| cell.trim().to_owned()).collect())
    };
    let rows = lines.iter().skip_while(|line| cells(line).is_none_or(|row| row[0] != first)).skip(1);
    rows.take_while(|line| !line.text.starts_with('└')).filter_map(cells).collect()
}

struct Record {
    lsn: String,
    length: f64,
    kind: String,
    page: String,
}

impl Record {
    fn read(row: &[String]) -> Option<Record> {
        let length: f64 = row.get(1)?.parse().ok()?;
        // Records begin at multiples of eight.
        let length = (length / 8.0).ceil() * 8.0;
        Some(Record { lsn: row[0].clone(), length, kind: row.get(2)?.clone(), page: row.get(6)?.clone() })
    }
}

fn draw_log(records: &[Record], about: &str) -> String {
    let total: f64 = records.iter().map(|record| record.length).sum();
    let mut svg = begin("log-map", WIDTH + 8.0, 92.0, about);
    let mut x = 4.0;
    for record in records {
        let long = record.length / total * WIDTH;
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<g><title>{} {}, {:.0} bytes</title><rect class=\"{}\" x=\"{x:.1}\" y=\"24\" width=\"{long:.1}\" height=\"40\"/>",
            record.kind, record.lsn, record.length, record.kind
        );
        let middle = x + long / 2.0;
        let _ = write!(svg, "<text class=\"inside\" x=\"{middle:.1}\" y=\"48\">{}</text>", record.kind);
        let _ = write!(svg, "<text x=\"{x:.1}\" y=\"17\">{}</text>", record.lsn);
        let _ = write!(svg, "<text class=\"under\" x=\"{middle:.1}\" y=\"80\">{}</text></g>", record.page);
        x += long;
    }
    end(svg, about)
}

fn draw_tree(children: &[(String, String)], about: &str) -> String {
    let step = WIDTH / children.len() as f64;
    let mut svg = begin("tree-map", WIDTH + 8.0, 142.0, about);
    let _ = write!(svg, "<rect class=\"inner\" x=\"4\" y=\"4\" width=\"{WIDTH}\" height=\"34\"/>");
    for (number, (key, page)) in children.iter().enumerate() {
        let (left, middle) = (4.0 + number as f64 * step, 4.0 + (number as f64 + 0.5) * step);
        let label = if number == 0 { "smaller" } else { key };
        let _ = write!(svg, "<text class=\"inside\" x=\"{middle:.1}\" y=\"26\">{label}</text>");
        let _ = write!(svg, "<line x1=\"{middle:.1}\" y1=\"38\" x2=\"{middle:.1}\" y2=\"82\"/>");
        let _ = write!(
            svg,
            "<rect class=\"leaf\" x=\"{:.1}\" y=\"82\" width=\"{:.1}\" height=\"34\"/>",
            left + 6.0,
            step - 12.0
        );
        let _ = write!(svg, "<text class=\"inside\" x=\"{middle:.1}\" y=\"103\">page {page}</text>");
        if number > 0 {
            let _ =
                write!(svg, "<line x1=\"{:.1}\" y1=\"99\" x2=\"{:.1}\" y2=\"99\"/>", left - 6.0, left + 6.0);
            let _ =
                write!(svg, "<line class=\"edge\" x1=\"{left:.1}\" y1=\"4\" x2=\"{left:.1}\" y2=\"38\"/>");
        }
        let next = children.get(number + 1).map(|(key, _)| key.as_str());
        let from = if number == 0 { String::new() } else { format!("from {key}") };
        let range = match (number, next) {
            (0, Some(next)) => format!("below {next}"),
            _ => from,
        };
        let _ = write!(svg, "<text class=\"under\" x=\"{middle:.1}\" y=\"134\">{range}</text>");
    }
    end(svg, about)
}

fn begin(class: &str, width: f64, height: f64, about: &str) -> String {
    format!(
        "<figure class=\"drawing {class}\"><svg role=\"img\" viewBox=\"0 0 {width:.0} {height:.0}\" aria-label=\"{about}\"><title>{about}</title>"
    )
}

fn end(svg: String, about: &str) -> String {
    svg + "</svg><figcaption>" + about + "</figcaption></figure>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
    }

    #[test]
    fn records_are_as_long_as_they_are() {
        let svg = log(root(), "m2-wal/log", "\\wal #2", "four records").unwrap();
        assert_eq!(svg.matches("<rect").count(), 4, "{svg}");
        assert!(svg.contains("<title>commit 0/1000118, 80 bytes</title>"), "{svg}");
        assert!(log(root(), "m2-wal/log", "checkpoint", "no log").is_err());
    }

    #[test]
    fn a_node_has_a_box_for_each_child() {
        let svg = tree(root(), "m5-sql/tree", "\\page events_pkey 3", "a root").unwrap();
        assert_eq!(svg.matches("class=\"leaf\"").count(), 9, "{svg}");
        assert!(svg.contains("from 490") && svg.contains("below 490"), "{svg}");
        let leaf = tree(root(), "m5-sql/tree", "\\page people_pkey 1", "a leaf").unwrap_err();
        assert!(leaf.to_string().ends_with("shows no inner page"), "{leaf}");
    }
}
