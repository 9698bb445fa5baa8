//! A picture of a page, to scale, drawn from what `\page` says in a tested session.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, bail};

use crate::drawing::shown;

/// Bytes in one row of the picture, and how wide one of them is.
const PER_ROW: usize = 1024;
const BYTE: f64 = 0.64;
const ROW_HEIGHT: usize = 26;
const PAGE: usize = 8192;

/// A stretch of a page, and what it is: a class of the style sheet.
#[derive(Debug, PartialEq, Eq)]
struct Region {
    bytes: Range<usize>,
    class: &'static str,
    label: String,
}

/// `{{#page-map SESSION "\page t 0" "what it shows"}}`: the first such page of the session, or with `#2` behind the
/// line the second.
pub fn figure(root: &Path, name: &str, line: &str, about: &str) -> Result<String> {
    let lines = shown(root, name, line)?;
    let shown: Vec<&str> = lines.iter().map(|line| &line.text[..]).collect();
    let regions = regions(&shown);
    if regions.is_empty() {
        bail!("{name}: {line:?} shows no page");
    }
    Ok(draw(&regions, about))
}

/// The header, the line pointers, and the rows of a page as `\page` prints it.
fn regions(lines: &[&str]) -> Vec<Region> {
    let mut regions = Vec::new();
    if lines.first().is_some_and(|line| line.starts_with("Page ")) {
        regions.push(Region { bytes: 0..24, class: "header", label: "header".into() });
    }
    let mut in_pointers = false;
    for line in lines {
        if let Some(cells) = line.strip_prefix('│') {
            let cells: Vec<&str> = cells.split('│').map(str::trim).collect();
            if let (true, Ok(at)) = (in_pointers, cells[0].parse::<usize>()) {
                let label = cells.get(2).copied().unwrap_or_default().to_owned();
                regions.push(Region { bytes: at..at + 4, class: "pointer", label });
            }
            continue;
        }
        if line.starts_with(['┌', '├', '└']) {
            continue;
        }
        in_pointers = line.starts_with("Line pointers");
        if let Some((what, bytes)) = line.rsplit_once(" bytes, ") {
            let ends =
                bytes.split_once(" to ").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
            let Some(bytes) = ends else { continue };
            let label = what.split(':').next().unwrap_or(what).to_owned();
            let class = if label == "Free space" { "free" } else { "tuple" };
            regions.push(Region { bytes, class, label });
        }
    }
    regions
}

fn draw(regions: &[Region], about: &str) -> String {
    let (width, height) = (PER_ROW as f64 * BYTE, PAGE / PER_ROW * ROW_HEIGHT);
    let mut svg = format!(
        "<figure class=\"page-map\"><svg role=\"img\" viewBox=\"-44 -2 {:.0} {}\" aria-label=\"{about}\"><title>{about}</title>",
        width + 48.0,
        height + 4
    );
    for row in 0..PAGE / PER_ROW {
        let top = row * ROW_HEIGHT;
        // Writing to a string cannot fail.
        let _ = write!(svg, "<text x=\"-6\" y=\"{}\">{}</text>", top + 17, row * PER_ROW);
        let _ = write!(
            svg,
            "<rect class=\"unused\" x=\"0\" y=\"{top}\" width=\"{width}\" height=\"{}\"/>",
            ROW_HEIGHT - 4
        );
        let bounds = row * PER_ROW..(row + 1) * PER_ROW;
        for region in regions {
            let (from, to) = (region.bytes.start.max(bounds.start), region.bytes.end.min(bounds.end));
            if from >= to {
                continue;
            }
            let (x, long) = ((from - bounds.start) as f64 * BYTE, (to - from) as f64 * BYTE);
            let _ = write!(
                svg,
                "<rect class=\"{}\" x=\"{x:.2}\" y=\"{top}\" width=\"{long:.2}\" height=\"{}\"><title>{}: {} to {}</title></rect>",
                region.class,
                ROW_HEIGHT - 4,
                region.label,
                region.bytes.start,
                region.bytes.end
            );
        }
    }
    svg.push_str("</svg><figcaption>");
    svg.push_str("<span class=\"header\">header</span> <span class=\"pointer\">line pointers</span> <span class=\"free\">free</span> <span class=\"tuple\">rows</span>. ");
    svg + about + "</figcaption></figure>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_from_what_is_printed() {
        let lines = [
            "Page 0 of \"t\": 8192 bytes, rows of a table",
            "│ 0      │ 00 │ lsn  │ 0 │",
            "Line pointers: 1",
            "│ 24     │ de 9f 44 00 │ 1    │ normal: offset 8158, length 34 │",
            "Free space: 8130 bytes, 28 to 8158",
            "Row (0,1): 34 bytes, 8158 to 8192",
            "│ 8158   │ 02 │ xmin │ 2 │",
        ];
        let found = regions(&lines);
        let bytes: Vec<_> = found.iter().map(|region| (region.class, region.bytes.clone())).collect();
        assert_eq!(
            bytes,
            [("header", 0..24), ("pointer", 24..28), ("free", 28..8158), ("tuple", 8158..8192)]
        );
    }
}
