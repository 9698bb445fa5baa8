//! The catalogs: rows that say what no table is like, under right checksums.

use arbitrary::{Arbitrary, Unstructured};

use crate::images::file;
use crate::sqlstate;

/// The files of the catalogs; milestone 4 has no indexes, and the last two not.
const CATALOGS: [&str; 6] = ["base/1259", "base/1249", "base/1247", "base/2604", "base/2606", "base/2610"];

/// Bytes written over a row of a catalog.
#[derive(Arbitrary, Debug)]
struct Spoiled {
    catalog: u8,
    row: u8,
    at: u8,
    bytes: Bytes,
}

#[derive(Arbitrary, Debug)]
enum Bytes {
    One(u8),
    Two(u16),
    Four(u32),
    /// The row of this number instead, as far as it is as long.
    Row(u8),
    /// The row is there twice.
    Again(u8),
}

macro_rules! catalogs {
    ($function:ident, $stage:ident, $images:ident, $file:ident, $setup:expr, $use:expr) => {
        /// The milestone's catalogs after some rows were written over: it opens or it does not.
        pub fn $function(bytes: &[u8]) -> bool {
            use std::sync::Arc;
            use $stage::database::Database;
            use $stage::directory::DatabaseId;
            use $stage::page::{Delta, FileId, PAGE_SIZE, Page, PageMut};
            use $stage::vfs::{MemoryVfs, REPEATABLE};

            fn options() -> $stage::buffer::Options {
                $stage::buffer::Options {
                    shared_buffers: 1 << 18,
                    max_wal_size: 1 << 17,
                    segment_size: 1 << 16,
                }
            }

            fn befall(bytes: &mut [u8], relation: u32, spoiled: &Spoiled) {
                // The first page of each catalog has all rows that there are here.
                let Some(first) = bytes.get_mut(..PAGE_SIZE) else { return };
                let mut page = Page::zeroed();
                page.bytes_mut().copy_from_slice(first);
                let slot = |number: u8| 1 + u16::from(number) % page.slot_count().max(1);
                let pointer = page.line_pointer(slot(spoiled.row));
                let mut item = page.item(slot(spoiled.row)).unwrap_or_default().to_vec();
                let at = usize::from(spoiled.at) % item.len().max(1);
                let new = match spoiled.bytes {
                    Bytes::One(byte) => vec![byte],
                    Bytes::Two(word) => word.to_le_bytes().to_vec(),
                    Bytes::Four(word) => word.to_le_bytes().to_vec(),
                    Bytes::Row(other) => page.item(slot(other)).unwrap_or_default().to_vec(),
                    Bytes::Again(byte) => vec![byte],
                };
                let at = if matches!(spoiled.bytes, Bytes::Row(_)) { 0 } else { at };
                for (target, byte) in item[at..].iter_mut().zip(new) {
                    *target = byte;
                }
                if let Bytes::Again(_) = spoiled.bytes {
                    let mut delta = Delta::default();
                    let mut edit = PageMut::new(&mut page, &mut delta);
                    let _ = edit.insert(edit.free_slot(), &item);
                } else {
                    let end = pointer.offset() + item.len();
                    page.bytes_mut()[pointer.offset()..end].copy_from_slice(&item);
                }
                page.seal(DatabaseId(REPEATABLE), FileId::main(relation).page(0));
                first.copy_from_slice(page.bytes());
            }

            thread_local! {
                static BASE: crate::images::$images::Files = {
                    let vfs = Arc::new(MemoryVfs::new());
                    let mut database = Database::open(vfs.clone(), options()).expect("a new database");
                    $setup(&mut database);
                    database.close().expect("memory");
                    crate::images::$images::files(&vfs)
                };
            }

            let mut input = Unstructured::new(bytes);
            BASE.with(|base| {
                let mut files = base.clone();
                for _ in 0..6 {
                    let Ok(spoiled) = input.arbitrary::<Spoiled>() else { break };
                    let path = CATALOGS[usize::from(spoiled.catalog) % CATALOGS.len()];
                    let relation = path.trim_start_matches("base/").parse().unwrap_or_default();
                    if let Some(bytes) = $file(&mut files, path) {
                        befall(bytes, relation, &spoiled);
                    }
                    if input.is_empty() {
                        break;
                    }
                }
                let disk = crate::images::$images::disk(&files);
                match Database::open(disk.clone(), options()) {
                    Ok(mut database) => {
                        database.check();
                        $use(&mut database);
                        let _ = database.close();
                        true
                    }
                    Err(error) => {
                        sqlstate(error.state().code(), &error);
                        if let Ok(mut database) = Database::salvage(disk, options()) {
                            $use(&mut database);
                        }
                        false
                    }
                }
            })
        }
    };
}

catalogs!(catalog_m4, m4_catalogs, m4, file, set_up_m4, use_m4);
catalogs!(catalog_m5, m5_sql, m5, file, set_up_m5, use_m5);

fn set_up_m4(database: &mut m4_catalogs::database::Database) {
    use m4_catalogs::types::{Column, DataType, Schema, Value};
    let column = |name: &str, data_type| Column { name: name.into(), data_type, not_null: name == "a" };
    for name in ["t", "u"] {
        let columns = vec![column("a", DataType::Integer), column("b", DataType::Varchar(Some(30)))];
        let schema = Schema::new(columns).expect("two columns");
        database.create_table(name, schema).expect("a new table");
        let rows = (0..5).map(|n| vec![Value::Integer(n), Value::Text(format!("row {n}"))]).collect();
        database.insert(name, rows).expect("new rows");
    }
}

fn use_m4(database: &mut m4_catalogs::database::Database) {
    use m4_catalogs::types::{Column, DataType, Schema, Value};
    let names: Vec<String> = match database.tables() {
        Ok(tables) => tables.into_iter().map(|(name, ..)| name).collect(),
        Err(error) => return sqlstate(error.state().code(), &error),
    };
    for name in names.iter().map(String::as_str).chain(["t", "nothing"]) {
        if let Err(error) = database.scan(name, &mut |_, _| Ok(())) {
            sqlstate(error.state().code(), &error);
        }
        if let Err(error) = database.insert(name, vec![vec![Value::Integer(7), Value::Null]]) {
            sqlstate(error.state().code(), &error);
        }
    }
    let column = Column { name: "a".into(), data_type: DataType::Text, not_null: false };
    if let Ok(schema) = Schema::new(vec![column]) {
        let _ = database.create_table("v", schema);
    }
    for name in ["t", "v"] {
        if let Err(error) = database.drop_table(name) {
            sqlstate(error.state().code(), &error);
        }
    }
}

fn set_up_m5(database: &mut m5_sql::database::Database) {
    for statement in [
        "CREATE TABLE t (a integer PRIMARY KEY, b varchar(30) DEFAULT 'none', c double precision)",
        "CREATE TABLE u (a bigint NOT NULL UNIQUE, b boolean DEFAULT true)",
        "CREATE INDEX t_b ON t (b, c)",
        "INSERT INTO t VALUES (1, 'one', 1.5), (2, 'two', NULL), (3, DEFAULT, 3)",
        "INSERT INTO u VALUES (10), (20)",
    ] {
        crate::sql::run(database, statement).expect("a statement without fault");
    }
}

fn use_m5(database: &mut m5_sql::database::Database) {
    let tables = database.tables().into_iter().flatten();
    let names: Vec<String> = tables.map(|table| table.name.replace('"', "\"\"")).collect();
    let mut statements = Vec::new();
    for name in names.iter().map(String::as_str).chain(["nothing"]) {
        statements.push(format!("SELECT * FROM \"{name}\""));
        statements.push(format!("SELECT * FROM \"{name}\" WHERE a = 2"));
        statements.push(format!("INSERT INTO \"{name}\" VALUES (77)"));
        statements.push(format!("DELETE FROM \"{name}\" WHERE a = 1"));
    }
    for statement in [
        "SELECT b, c FROM t WHERE b = 'two' ORDER BY c",
        "CREATE INDEX t_c ON t (c)",
        "CREATE TABLE v (a integer PRIMARY KEY)",
        "DROP INDEX t_b",
        "VACUUM",
        "DROP TABLE t",
    ] {
        statements.push(statement.into());
    }
    for statement in statements {
        if let Err(error) = crate::sql::run(database, &statement) {
            sqlstate(error.state().code(), &error);
        }
    }
}

/// Nothing wrong, and one thing at each place of some rows.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![Vec::new()];
    for catalog in 0..6_u8 {
        for row in 0..8_u8 {
            let kind = (u32::from(row % 5) * 0x3333_3334).to_le_bytes();
            seeds.push([&[catalog, row * 31, 24 + row * 2][..], &kind, &[row, 1, 2, 3]].concat());
        }
    }
    seeds
}
