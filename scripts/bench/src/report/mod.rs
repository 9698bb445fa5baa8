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
    let json = serde_json::to_string_pretty(results)? + "\n";
    for (name, text) in
        [("race.json", json), ("race.md", tables::markdown(results)), ("race.svg", chart::svg(results))]
    {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
