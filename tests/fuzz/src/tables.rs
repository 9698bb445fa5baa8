//! The list of tables of milestones 1 to 3: whatever text in its file, with the right checksum.

use m1_storage::tables::{TABLES_FILE, Tables};
use m1_storage::vfs::{self, MemoryVfs};

use crate::sqlstate;

/// What is understood is the same when it is written and read again. Whether a line was understood.
pub fn tables(bytes: &[u8]) -> bool {
    let disk = MemoryVfs::new();
    let mut text = bytes.to_vec();
    text.extend((!bytes.ends_with(b"\n")).then_some(b'\n'));
    let checksum = format!("crc32c {:08x}\n", crc32c::crc32c(&text));
    text.extend_from_slice(checksum.as_bytes());
    vfs::replace_file(&disk, TABLES_FILE, &text).expect("a file in memory");
    let tables = match Tables::load(&disk) {
        Ok(tables) => tables,
        Err(error) => {
            sqlstate(error.state().code(), &error);
            assert!(error.message().starts_with("file \"tables\": line "), "{error}");
            return !error.message().starts_with("file \"tables\": line 1 ");
        }
    };
    tables.save(&disk).expect("a file in memory");
    let again = Tables::load(&disk).expect("what was written");
    assert_eq!(again.next(), tables.next());
    let list = |tables: &Tables| -> Vec<_> {
        let entry = |(name, entry): (&str, &m1_storage::tables::TableEntry)| {
            (name.to_string(), entry.relation, entry.schema.clone())
        };
        tables.iter().map(entry).collect()
    };
    assert_eq!(list(&again), list(&tables));
    true
}

/// Lists as they are written.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "next 16385\n16384 \"employees\" (\"id\" integer not null, \"name\" character varying(100))\n",
        "next 16387\n16384 \"a \"\"b\"\", (\" (\"c, d)\" text)\n16386 \"ä\" (\"x\" double precision not null, \"y\" boolean)\n",
        "next 4294967295\n16384 \"t\" (\"a\" smallint, \"b\" bigint, \"not null\" character varying not null)\n",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}
