//! Which tables there are: a plain text file, `tables`, one line for each.
//!
//! ```text
//! next 16385
//! 16384 "employees" ("id" integer not null, "name" character varying(100))
//! crc32c 4d3b7b10
//! ```
//!
//! The last line is the checksum of those before: without it, a flipped bit in a name would hide a table. The file is
//! written anew beside the old one and renamed over it, so it is always whole. But it is a wart: it knows nothing of
//! transactions, and a table's rows and its line here are not changed together. Milestone 4 removes it.

use crate::error::{Error, Result, SqlState};
use crate::types::{Column, DataType, Schema, check_name};
use crate::vfs::{self, Vfs};
use std::collections::BTreeMap;
use std::fmt::Write as _;

pub const TABLES_FILE: &str = "tables";

/// Relations are numbered from here on, as in PostgreSQL (`FirstNormalObjectId`).
const FIRST_RELATION: u32 = 16384;

/// A file longer than this was not written by us.
const MAX_FILE_SIZE: u64 = 1 << 30;

/// The list of tables, as the file has it.
#[derive(Clone, Debug)]
pub struct Tables {
    /// The number of the next relation; numbers are never used twice.
    next: u32,
    tables: BTreeMap<String, TableEntry>,
}

#[derive(Clone, Debug)]
pub struct TableEntry {
    pub relation: u32,
    pub schema: Schema,
}

impl Tables {
    pub fn empty() -> Tables {
        Tables { next: FIRST_RELATION, tables: BTreeMap::new() }
    }

    pub fn load(vfs: &dyn Vfs) -> Result<Tables> {
        let bytes = vfs::read_file(vfs, TABLES_FILE, MAX_FILE_SIZE)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged(1))?;
        let end = text.trim_end_matches('\n').rfind('\n').map_or(0, |newline| newline + 1);
        let (lines, last) = text.split_at(end);
        if last != checksum(lines) {
            return Err(Error::corrupted(
                format_args!("file \"{TABLES_FILE}\""),
                format_args!("ends with {:?}, expected {:?}", last.trim_end(), checksum(lines).trim_end()),
            ));
        }
        let mut tables = Tables::empty();
        for (index, line) in lines.lines().enumerate() {
            tables.read_line(line).ok_or_else(|| damaged(index + 1))?;
        }
        Ok(tables)
    }

    pub fn save(&self, vfs: &dyn Vfs) -> Result<()> {
        let mut text = format!("next {}\n", self.next);
        for (name, table) in &self.tables {
            let _ = writeln!(text, "{} {} {}", table.relation, quote(name), describe(&table.schema));
        }
        text.push_str(&checksum(&text));
        vfs::replace_file(vfs, TABLES_FILE, text.as_bytes())
    }

    pub fn get(&self, name: &str) -> Result<&TableEntry> {
        self.tables.get(name).ok_or_else(|| {
            Error::new(SqlState::UndefinedTable, format!("relation \"{name}\" does not exist"))
        })
    }

    /// No table has this number yet, nor a greater one.
    pub fn next(&self) -> u32 {
        self.next
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &TableEntry)> {
        self.tables.iter().map(|(name, table)| (name.as_str(), table))
    }

    /// Enters a table under the next number; [`Tables::save`] makes it last.
    pub fn add(&mut self, name: &str, schema: Schema) -> Result<u32> {
        check_name(name)?;
        if self.tables.contains_key(name) {
            return Err(Error::new(SqlState::DuplicateTable, format!("relation \"{name}\" already exists")));
        }
        let relation = self.next;
        self.next = relation.checked_add(1).ok_or_else(|| {
            Error::new(SqlState::ProgramLimitExceeded, "the numbers for relations are used up")
        })?;
        self.tables.insert(name.to_string(), TableEntry { relation, schema });
        Ok(relation)
    }

    fn read_line(&mut self, line: &str) -> Option<()> {
        let (first, rest) = line.split_once(' ')?;
        if first == "next" {
            self.next = rest.parse().ok()?;
            return Some(());
        }
        let relation = first.parse().ok()?;
        let (name, rest) = unquote(rest)?;
        let mut rest = rest.strip_prefix(" (")?;
        let mut columns = Vec::new();
        loop {
            let (name, after) = unquote(rest)?;
            let end = after.find([',']).or_else(|| after.strip_suffix(')').map(str::len))?;
            let (definition, remainder) = (after[..end].trim(), &after[end..]);
            let (type_name, not_null) = match definition.strip_suffix(" not null") {
                Some(type_name) => (type_name, true),
                None => (definition, false),
            };
            columns.push(Column { name, data_type: DataType::parse(type_name).ok()?, not_null });
            match remainder.strip_prefix(", ") {
                Some(next) => rest = next,
                None => break,
            }
        }
        self.tables.insert(name, TableEntry { relation, schema: Schema::new(columns).ok()? });
        Some(())
    }
}

/// The line that follows these.
pub fn checksum(lines: &str) -> String {
    format!("crc32c {:08x}\n", crc_fast::crc32_iscsi(lines.as_bytes()))
}

/// The columns as they are declared: `("id" integer not null, "name" text)`.
fn describe(schema: &Schema) -> String {
    let columns: Vec<String> = schema
        .columns()
        .iter()
        .map(|column| {
            let not_null = if column.not_null { " not null" } else { "" };
            format!("{} {}{not_null}", quote(&column.name), column.data_type)
        })
        .collect();
    format!("({})", columns.join(", "))
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Reads a quoted name from the start of `text`; the name, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut name = String::new();
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

fn damaged(line: usize) -> Error {
    Error::corrupted(format_args!("file \"{TABLES_FILE}\""), format_args!("line {line} makes no sense"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::MemoryVfs;

    fn column(name: &str, data_type: DataType, not_null: bool) -> Column {
        Column { name: name.to_string(), data_type, not_null }
    }

    #[test]
    fn the_file_reads_back_what_was_saved() {
        let vfs = MemoryVfs::new();
        let mut tables = Tables::empty();
        let schema = Schema::new(vec![
            column("id", DataType::Integer, true),
            column("a \"strange\", name)", DataType::Varchar(Some(10)), true),
            column("c", DataType::DoublePrecision, false),
        ])
        .unwrap();
        tables.add("t", schema.clone()).unwrap();
        tables.add("with, \"comma\" (", schema.clone()).unwrap();
        tables.save(&vfs).unwrap();
        let loaded = Tables::load(&vfs).unwrap();
        assert_eq!(loaded.next, FIRST_RELATION + 2);
        assert_eq!(loaded.get("t").unwrap().schema, schema);
        assert_eq!(loaded.get("with, \"comma\" (").unwrap().schema, schema);
        assert_eq!(loaded.iter().count(), 2);
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_the_line() {
        let vfs = MemoryVfs::new();
        let lines = "next 16385\n16384 \"t\" (\"id\" integre)\n";
        vfs::replace_file(&vfs, TABLES_FILE, [lines, &checksum(lines)].concat().as_bytes()).unwrap();
        let error = Tables::load(&vfs).unwrap_err();
        assert_eq!(
            (error.state().code(), error.message()),
            ("XX001", "file \"tables\": line 2 makes no sense")
        );
    }

    #[test]
    fn a_file_with_any_bit_flipped_or_its_end_cut_off_is_an_error_that_names_it() {
        let vfs = MemoryVfs::new();
        let mut tables = Tables::empty();
        tables.add("t", Schema::new(vec![column("id", DataType::Integer, true)]).unwrap()).unwrap();
        tables.save(&vfs).unwrap();
        let sound = vfs::read_file(&vfs, TABLES_FILE, MAX_FILE_SIZE).unwrap();
        let flipped = (0..sound.len() * 8).map(|bit| {
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        });
        let cut = (0..sound.len()).map(|len| sound[..len].to_vec());
        for bytes in flipped.chain(cut) {
            vfs::replace_file(&vfs, TABLES_FILE, &bytes).unwrap();
            let error = Tables::load(&vfs).expect_err(&String::from_utf8_lossy(&bytes));
            assert!(error.message().starts_with("file \"tables\": "), "{error}");
            assert_eq!(error.state().code(), "XX001");
        }
    }
}
