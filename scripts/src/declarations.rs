//! `milestones/lineage.toml`: what each stage says it changes, and why.
//!
//! ```toml
//! [m2-wal]
//! "src/buffer/mod.rs" = "pages wait in a map until the log is on disk"
//!
//! [m4-catalogs.dropped]
//! "src/tables_file.rs" = "the catalogs have taken its place"
//! ```
//!
//! Only inherited files are declared. A new file speaks for itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Every stage's declarations by the stage's full name.
#[derive(Debug, Default)]
pub struct Declarations(pub BTreeMap<String, Declared>);

/// One stage's declarations: path to reason.
#[derive(Debug, Default, Deserialize)]
pub struct Declared {
    #[serde(default)]
    pub dropped: BTreeMap<String, String>,
    #[serde(flatten)]
    pub changed: BTreeMap<String, String>,
}

impl Declarations {
    /// Reads the file; one that is not there declares nothing.
    pub fn read(path: &Path) -> Result<Declarations> {
        if !path.exists() {
            return Ok(Declarations::default());
        }
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Declarations::parse(&text).with_context(|| format!("cannot read {}", path.display()))
    }

    pub fn parse(text: &str) -> Result<Declarations> {
        Ok(Declarations(toml::from_str(text)?))
    }

    pub fn changed(&self, stage: &str, path: &str) -> bool {
        self.0.get(stage).is_some_and(|declared| declared.changed.contains_key(path))
    }

    pub fn dropped(&self, stage: &str, path: &str) -> bool {
        self.0.get(stage).is_some_and(|declared| declared.dropped.contains_key(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_and_dropped_files_are_told_apart() {
        let text = "[m2-wal]\n\"src/a.rs\" = \"why\"\n[m2-wal.dropped]\n\"src/b.rs\" = \"why not\"\n";
        let declared = Declarations::parse(text).unwrap();
        assert!(declared.changed("m2-wal", "src/a.rs") && !declared.dropped("m2-wal", "src/a.rs"));
        assert!(declared.dropped("m2-wal", "src/b.rs") && !declared.changed("m2-wal", "src/b.rs"));
        assert!(!declared.changed("m3-buffer-pool", "src/a.rs"));
    }

    #[test]
    fn a_file_declared_twice_is_an_error() {
        assert!(Declarations::parse("[m2-wal]\n\"a\" = \"x\"\n\"a\" = \"y\"\n").is_err());
    }
}
