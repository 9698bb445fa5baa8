//! The lineage as a table: one line per file, one column per stage.

use std::collections::BTreeSet;

use crate::declarations::Declarations;
use crate::lineage::{Fate, fate};
use crate::stages::Stages;

/// One cell: what it says and the ANSI style it is said in.
struct Cell {
    text: String,
    style: &'static str,
}

/// Renders the whole table, with colours if it goes to a terminal.
///
/// A difference that `lineage.toml` does not declare is marked with `!`.
pub fn render(stages: &Stages, declarations: &Declarations, colour: bool) -> String {
    let paths: BTreeSet<&str> =
        stages.all.iter().flat_map(|stage| stage.files.keys()).map(String::as_str).collect();
    let mut rows = vec![header(stages)];
    rows.extend(paths.iter().map(|path| row(stages, declarations, path)));
    rows.push(totals(stages, &paths));
    let columns = stages.all.len() + 1;
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter().map(|row| line(row, &widths, colour)).collect()
}

fn header(stages: &Stages) -> Vec<Cell> {
    let names = stages.all.iter().map(|stage| cell(&stage.name, BOLD));
    std::iter::once(cell("file", BOLD)).chain(names).collect()
}

fn row(stages: &Stages, declarations: &Declarations, path: &str) -> Vec<Cell> {
    let mut cells = vec![cell(path, PLAIN)];
    let mut before = None;
    for now in &stages.all {
        cells.push(match fate(before, now, path) {
            Fate::Absent => cell("", PLAIN),
            Fate::New => cell("new", GREEN),
            Fate::Same => cell("same", DIM),
            Fate::Gone => marked("gone", RED, declarations.dropped(&now.name, path)),
            Fate::Changed { added, removed } => {
                marked(&format!("+{added} −{removed}"), YELLOW, declarations.changed(&now.name, path))
            }
        });
        before = Some(now);
    }
    cells
}

/// How many files each stage has, and how many of them it took over unchanged.
fn totals(stages: &Stages, paths: &BTreeSet<&str>) -> Vec<Cell> {
    let mut cells = vec![cell("files, of them the same", BOLD)];
    let mut before = None;
    for now in &stages.all {
        let same = paths.iter().filter(|path| fate(before, now, path) == Fate::Same).count();
        cells.push(cell(&format!("{}, {same}", now.files.len()), BOLD));
        before = Some(now);
    }
    cells
}

fn line(row: &[Cell], widths: &[usize], colour: bool) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let padding = " ".repeat(width.saturating_sub(cell.text.chars().count()) + 2);
        if colour && !cell.style.is_empty() {
            line.push_str(&format!("{}{}\x1b[0m{padding}", cell.style, cell.text));
        } else {
            line.push_str(&format!("{}{padding}", cell.text));
        }
    }
    format!("{}\n", line.trim_end())
}

fn marked(text: &str, style: &'static str, declared: bool) -> Cell {
    if declared { cell(text, style) } else { cell(&format!("{text} !"), RED) }
}

fn cell(text: &str, style: &'static str) -> Cell {
    Cell { text: text.to_owned(), style }
}

const PLAIN: &str = "";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::synthetic;

    #[test]
    fn the_table_lines_up_and_marks_what_is_undeclared() {
        let dir = tempfile::tempdir().unwrap();
        let one: &[_] = &[("src/a.rs", "a\n"), ("src/b.rs", "b\n"), ("src/c.rs", "c\n")];
        let two: &[_] = &[("src/a.rs", "A\n"), ("src/b.rs", "B\n"), ("src/d.rs", "d\n")];
        let stages = synthetic(dir.path(), &[("m1-one", one), ("m2-two", two)]);
        let declared = Declarations::parse("[m2-two]\n\"src/a.rs\" = \"why\"\n").unwrap();
        let expected = "\
file                     m1-one  m2-two
Cargo.toml               new     same
src/a.rs                 new     +1 −1
src/b.rs                 new     +1 −1 !
src/c.rs                 new     gone !
src/d.rs                         new
files, of them the same  4, 0    4, 1
";
        assert_eq!(render(&stages, &declared, false), expected);
        assert!(render(&stages, &declared, true).contains("\x1b[33m+1 −1\x1b[0m"));
    }
}
