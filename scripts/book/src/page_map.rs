//! A picture of a page, drawn from what `\page` says in a tested session: a strip to scale, and below it every part of the
//! page with its name. The free bytes in the middle, nearly all of a small page, are cut out there.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, bail};

use crate::drawing::shown;

/// Where the parts begin; to the left of it are their offsets.
const LEFT: f64 = 42.0;
const WIDTH: f64 = 430.0;
/// How high the strip is, and where the parts begin below it.
const STRIP: f64 = 10.0;
const TOP: f64 = 22.0;
const BAND: f64 = 26.0;
/// Line pointers side by side.
const POINTERS: usize = 4;
/// How wide a row's place, its xmin and its xmax are.
const FIELD: f64 = 68.0;
/// Characters of a row's columns that fit the rest.
const COLUMNS: usize = 30;
const PAGE: usize = 8192;

/// A stretch of a page, and what it is: a class of the style sheet.
#[derive(Debug, PartialEq, Eq)]
struct Region {
    bytes: Range<usize>,
    class: &'static str,
    label: String,
    /// Of a row: xmin, xmax, and then its columns.
    fields: Vec<String>,
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

/// The header, the line pointers, and the rows of a page as `\page` prints it, in the order of their bytes.
fn regions(lines: &[&str]) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    let region = |bytes, class, label| Region { bytes, class, label, fields: Vec::new() };
    if lines.first().is_some_and(|line| line.starts_with("Page ")) {
        regions.push(region(0..24, "header", "header, 24 bytes".into()));
    }
    let mut in_pointers = false;
    for line in lines {
        if let Some(cells) = line.strip_prefix('│') {
            let cells: Vec<&str> = cells.split('│').map(str::trim).collect();
            let [at, _, what, value, ..] = cells[..] else { continue };
            let Ok(at) = at.parse::<usize>() else { continue };
            if in_pointers {
                regions.push(region(at..at + 4, "pointer", pointer(what, value)));
            } else if let Some(row) = regions.last_mut().filter(|region| region.class == "tuple") {
                row.fields.extend(field(what, value));
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
            let what = what.split(':').next().unwrap_or(what);
            regions.push(match what.strip_prefix("Row ") {
                Some(place) => region(bytes, "tuple", place.to_owned()),
                None => {
                    let label = format!("{} free bytes", bytes.len());
                    region(bytes, "free", label)
                }
            });
        }
    }
    regions.sort_by_key(|region| region.bytes.start);
    regions
}

/// A line pointer's number, and where it leads.
fn pointer(number: &str, value: &str) -> String {
    let offset = value.strip_prefix("normal: offset ").and_then(|rest| rest.split(',').next());
    match offset {
        Some(offset) => format!("{number}: at {offset}"),
        None => format!("{number}: {value}"),
    }
}

/// What is shown of a line about a row: who made it and who deleted it, and the columns.
fn field(what: &str, value: &str) -> Option<String> {
    match what {
        "xmin" | "xmax" => Some(format!("{what} {}", value.split(':').next().unwrap_or(value))),
        // A column stands there with its type.
        _ if what.contains(' ') && what != "not null" && !what.starts_with("end of ") => Some(value.into()),
        _ => None,
    }
}

/// The regions, a band for each, but for line pointers, several of which share one.
fn bands(regions: &[Region]) -> Vec<Vec<&Region>> {
    let mut bands: Vec<Vec<&Region>> = Vec::new();
    for region in regions {
        match bands.last_mut() {
            Some(band)
                if band.len() < POINTERS && band[0].class == "pointer" && region.class == "pointer" =>
            {
                band.push(region);
            }
            _ => bands.push(vec![region]),
        }
    }
    bands
}

fn draw(regions: &[Region], about: &str) -> String {
    let bands = bands(regions);
    let height = TOP + bands.len() as f64 * BAND;
    let mut svg = format!(
        "<figure class=\"page-map\"><svg role=\"img\" viewBox=\"0 -2 {:.0} {:.0}\" aria-label=\"{about}\"><title>{about}</title>",
        LEFT + WIDTH + 4.0,
        height + 12.0
    );
    // Writing to a string cannot fail.
    let _ = write!(svg, "<rect class=\"free\" x=\"{LEFT}\" y=\"0\" width=\"{WIDTH}\" height=\"{STRIP}\"/>");
    for Region { bytes, class, label, .. } in regions.iter().filter(|region| region.class != "free") {
        let (x, long) = (LEFT + scale(bytes.start), scale(bytes.len()));
        let _ = write!(
            svg,
            "<rect class=\"{class} scale\" x=\"{x:.2}\" y=\"0\" width=\"{long:.2}\" height=\"{STRIP}\"><title>{label}: {} to {}</title></rect>",
            bytes.start, bytes.end
        );
    }
    for (number, band) in bands.iter().enumerate() {
        draw_band(&mut svg, band, TOP + number as f64 * BAND);
    }
    let end = bands.last().and_then(|band| band.last()).map_or(PAGE, |region| region.bytes.end);
    let _ = write!(svg, "<text class=\"offset\" x=\"{}\" y=\"{}\">{end}</text>", LEFT - 5.0, height + 4.0);
    svg.push_str("</svg><figcaption>");
    svg + about + " The strip above is to scale.</figcaption></figure>\n"
}

/// One band: its offset, its parts, and what they are called.
fn draw_band(svg: &mut String, band: &[&Region], top: f64) {
    let Some(first) = band.first() else { return };
    let _ = write!(
        svg,
        "<text class=\"offset\" x=\"{}\" y=\"{}\">{}</text>",
        LEFT - 5.0,
        top + 4.0,
        first.bytes.start
    );
    match first.class {
        "free" => draw_cut(svg, first, top),
        "tuple" => draw_row(svg, first, top),
        class => {
            let wide = WIDTH / band.len() as f64;
            for (number, region) in band.iter().enumerate() {
                draw_box(svg, class, &region.label, LEFT + number as f64 * wide, top, wide);
            }
        }
    }
}

/// A row: its place, xmin, xmax, its columns.
fn draw_row(svg: &mut String, row: &Region, top: f64) {
    let (header, columns) = row.fields.split_at(row.fields.len().min(2));
    let columns = columns.join(", ");
    let columns = match columns.char_indices().nth(COLUMNS) {
        Some((end, _)) => format!("{}…", &columns[..end]),
        None => columns,
    };
    let parts = [&row.label].into_iter().chain(header).chain([&columns]);
    let mut x = LEFT;
    for (number, part) in parts.enumerate() {
        let wide = if number == header.len() + 1 { LEFT + WIDTH - x } else { FIELD };
        draw_box(svg, "tuple", part, x, top, wide);
        x += wide;
    }
}

/// The free bytes, with a cut through them.
fn draw_cut(svg: &mut String, free: &Region, top: f64) {
    let (bottom, middle, right) = (top + BAND - 3.0, LEFT + WIDTH * 0.7, LEFT + WIDTH);
    for (upper, lower, end) in [(middle, middle - 8.0, LEFT), (middle + 8.0, middle, right)] {
        let _ = write!(
            svg,
            "<path class=\"free\" d=\"M{end} {top}L{upper:.1} {top}L{lower:.1} {bottom}L{end} {bottom}Z\"/>"
        );
    }
    let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", LEFT + 6.0, top + 16.0, free.label);
}

fn draw_box(svg: &mut String, class: &str, label: &str, x: f64, top: f64, wide: f64) {
    let label = label.replace('&', "&amp;").replace('<', "&lt;");
    let _ = write!(
        svg,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top}\" width=\"{wide:.1}\" height=\"{}\"/><text class=\"inside\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
        BAND - 3.0,
        x + 6.0,
        top + 16.0
    );
}

/// So many bytes in the strip.
fn scale(bytes: usize) -> f64 {
    bytes as f64 / PAGE as f64 * WIDTH
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 11] = [
        "Page 0 of \"t\": 8192 bytes, rows of a table",
        "│ 0      │ 00 │ lsn  │ 0 │",
        "Line pointers: 1",
        "│ 24     │ de 9f 44 00 │ 1    │ normal: offset 8158, length 34 │",
        "│ 28     │ 00 00 00 00 │ 2    │ unused                         │",
        "Free space: 8126 bytes, 32 to 8158",
        "Row (0,1): 34 bytes, 8158 to 8192",
        "│ 8158   │ 02 │ xmin        │ 2: who inserted it │",
        "│ 8166   │ 03 │ xmax        │ 3: who deleted it  │",
        "│ 8182   │ 03 │ not null    │ 11                 │",
        "│ 8189   │ 6f │ word text   │ one                │",
    ];

    #[test]
    fn a_page_is_read_from_what_is_printed() {
        let found = regions(&LINES);
        let bytes: Vec<_> =
            found.iter().map(|region| (region.class, &region.label[..], region.bytes.clone())).collect();
        let expected = [
            ("header", "header, 24 bytes", 0..24),
            ("pointer", "1: at 8158", 24..28),
            ("pointer", "2: unused", 28..32),
            ("free", "8126 free bytes", 32..8158),
            ("tuple", "(0,1)", 8158..8192),
        ];
        assert_eq!(bytes, expected);
        assert_eq!(found[4].fields, ["xmin 2", "xmax 3", "one"]);
    }

    #[test]
    fn every_part_is_drawn_once_with_its_name() {
        let svg = draw(&regions(&LINES), "a page");
        for name in [
            "header, 24 bytes",
            "1: at 8158",
            "2: unused",
            "8126 free bytes",
            "(0,1)",
            "xmin 2",
            "xmax 3",
            "one",
        ] {
            assert_eq!(svg.matches(&format!(">{name}</text>")).count(), 1, "{name}: {svg}");
        }
        assert_eq!(svg.matches("<path class=\"free\"").count(), 2, "the free bytes are cut: {svg}");
    }
}
