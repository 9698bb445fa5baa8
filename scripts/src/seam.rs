//! Nobody but `vfs` and `repl` may name the operating system: that is what lets an engine run on a simulated disk.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::stages::Stages;

/// What belongs to the operating system. `std::time::Duration` is a number, but whoever needs it is waiting for something.
const OUTSIDE: [&str; 6] = ["fs", "thread", "time", "process", "net", "env"];

/// Every line of the milestones' engines that names it.
pub fn breaches(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for stage in &Stages::read(&root.join("milestones"))?.all {
        look(&stage.dir.join("src"), "", &mut found).with_context(|| stage.name.clone())?;
    }
    Ok(found)
}

fn look(src: &Path, folder: &str, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(src.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            if path != "vfs" && path != "repl" {
                look(src, &(path + "/"), found)?;
            }
        } else if path.ends_with(".rs") && path != "main.rs" && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(src.join(&path))?;
            found.extend(named(&text).map(|line| format!("{}: {line}", src.join(&path).display())));
        }
    }
    Ok(())
}

/// The lines before the unit tests that name the operating system; comments may.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let engine = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    engine.lines().filter(|line| {
        let code = line.trim_start();
        !code.starts_with("//") && OUTSIDE.iter().any(|module| names(code, module))
    })
}

/// `std::fs` as a path, or `fs` in a list of imports from `std`.
fn names(code: &str, module: &str) -> bool {
    let is_word = |text: &str| !text.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    let path = code.split("std::").skip(1).any(|rest| rest.strip_prefix(module).is_some_and(is_word));
    let list = code.strip_prefix("use std::{").is_some_and(|list| {
        list.split([',', '}']).any(|name| name.trim().strip_prefix(module).is_some_and(is_word))
    });
    path || list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_engine_names_the_operating_system() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert_eq!(breaches(root).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn every_way_to_name_it_is_seen() {
        for line in
            ["use std::fs;", "    std::thread::spawn(f)", "use std::{fmt, fs};", "use std::time::Instant;"]
        {
            assert_eq!(named(line).count(), 1, "{line}");
        }
        for line in ["// std::fs is not named here", "use std::fmt;", "use std::fsx;", "fs(1)"] {
            assert_eq!(named(line).count(), 0, "{line}");
        }
        assert_eq!(named("fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n").count(), 0);
    }
}
