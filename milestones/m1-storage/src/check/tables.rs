//! Looking at the list of tables: no two may have the same files.

use super::Report;
use crate::error::Error;
use crate::tables::{TABLES_FILE, Tables};
use std::collections::HashMap;

pub fn check(tables: &Tables, report: &mut Report) {
    report.begin_part();
    let mut names = HashMap::new();
    for (name, table) in tables.iter() {
        let relation = table.relation;
        if relation >= tables.next() {
            let what =
                format!("table \"{name}\" has number {relation}, but the next one is {}", tables.next());
            report.problem(Error::corrupted(format_args!("file \"{TABLES_FILE}\""), what));
        }
        if let Some(other) = names.insert(relation, name) {
            let what = format!("tables \"{other}\" and \"{name}\" have the same number {relation}");
            report.problem(Error::corrupted(format_args!("file \"{TABLES_FILE}\""), what));
        }
    }
}
