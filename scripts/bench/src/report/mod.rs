//! The results: for the terminal, for programs, for the book.

mod chart;
mod tables;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::result::Results;

pub use tables::{seconds, terminal, thousands};

/// Writes `race.json`, `race.md` and `race.svg`.
pub fn write(results: &Results, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    let path = directory.join("race.json");
    fs::write(&path, serde_json::to_string_pretty(results)? + "\n")
        .with_context(|| path.display().to_string())?;
    redraw(directory)
}

/// Makes `race.md` and `race.svg` anew out of `race.json`.
pub fn redraw(directory: &Path) -> Result<()> {
    let path = directory.join("race.json");
    let json = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let results = &serde_json::from_str(&json).with_context(|| path.display().to_string())?;
    for (name, text) in [("race.md", tables::markdown(results)), ("race.svg", chart::svg(results))] {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_in_the_book_are_those_of_its_run() {
        let figures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/figures");
        let read = |name: &str| fs::read_to_string(figures.join(name)).unwrap();
        let results: Results = serde_json::from_str(&read("race.json")).unwrap();
        assert_eq!(read("race.md"), tables::markdown(&results), "race.md was edited by hand");
        assert_eq!(read("race.svg"), chart::svg(&results), "race.svg was edited by hand");
    }
}
