//! Whatever bytes: every place where the milestones take something in, as a function of bytes.
//!
//! A database must not believe what it reads: not what somebody types, and not what comes back from a disk. Each target
//! is a plain function that feeds bytes to one such place and looks at what comes of it. A panic is a failure, and so
//! is a wrong answer where there is a model that knows the right one. The functions know nothing of how the bytes are
//! found: `cargo x crash fuzz` mutates seeds (see `tests/crash/src/fuzz`), `cargo fuzz` is guided by coverage (see
//! `tests/fuzz/fuzz`).
//!
//! Most of what comes from a disk is behind a checksum, and bytes that are only changed never get past it. So the
//! targets put checksums right. Each says whether its input got past the first check of what it is about: otherwise
//! nothing was tried.
//!
//! - `page`, `tuple`, `record`, `log`, `index`, `catalog`, `tables`: what lies on a disk; `pages`, `images` and `small_disk` help to make it
//! - `splitter`, `command`, `literal`, `sql`: what is typed
//! - `screen`: what is printed, whatever was typed
//! - `model`: statements whose answers are known
//! - `found`: what was found once

mod catalog;
mod command;
mod found;
mod images;
mod index;
mod literal;
mod log;
mod model;
mod page;
mod pages;
mod record;
mod screen;
mod small_disk;
mod splitter;
mod sql;
mod tables;
mod tuple;

use std::fmt::Display;

use arbitrary::{Arbitrary, Unstructured};
use m5_sql::directory::DatabaseId;
use m5_sql::vfs::REPEATABLE;

/// That of every database in memory.
const DATABASE: DatabaseId = DatabaseId(REPEATABLE);

/// One place where something comes in.
pub struct Target {
    pub name: &'static str,
    /// What a report calls its executions, and those that got past the first check.
    pub tried: &'static str,
    pub through: &'static str,
    /// Tries these bytes; panics if something is wrong. Whether they got past the first check.
    pub run: fn(&[u8]) -> bool,
    /// What to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What occurs in texts of this kind.
    pub words: &'static [&'static str],
    /// How many of a million executions are its.
    pub share: u64,
    /// The input is text, for those who show it.
    pub is_text: bool,
}

impl Target {
    /// The seeds, and what was found once.
    pub fn all_seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = (self.seeds)();
        seeds.extend(found::of(self.name).map(<[u8]>::to_vec));
        seeds
    }
}

/// Declares [`TARGETS`] and a test of the seeds of each.
macro_rules! targets {
    ($($name:ident: $run:path, $seeds:path, $words:expr, $share:literal, $text:literal;)*) => {
        pub const TARGETS: &[Target] = &[$(Target {
            name: stringify!($name),
            tried: concat!("fuzz: ", stringify!($name)),
            through: concat!("fuzz: ", stringify!($name), ", past the first check"),
            run: $run,
            seeds: $seeds,
            words: $words,
            share: $share,
            is_text: $text,
        },)*];

        #[cfg(test)]
        mod tests {
            $(#[test]
            fn $name() {
                super::try_seeds(super::target(stringify!($name)).unwrap());
            })*
        }
    };
}

targets! {
    page: page::page, page::seeds, &[], 200_000, false;
    page_edits: page::page_edits, edit_seeds, &[], 20_000, false;
    tuple: tuple::tuple, tuple::seeds, &[], 200_000, false;
    row: tuple::row, row_seeds, &[], 100_000, false;
    record: record::record, record::seeds, &[], 150_000, false;
    control: log::control, log::control_seeds, &[], 50_000, false;
    literal: literal::literal, literal::seeds, LITERAL_WORDS, 100_000, true;
    tables: tables::tables, tables::seeds, TABLES_WORDS, 50_000, true;
    splitter: splitter::splitter, splitter::seeds, sql::WORDS, 100_000, true;
    variables: splitter::variables, splitter::seeds, sql::WORDS, 50_000, true;
    log: log::log, log::log_seeds, &[], 3_000, false;
    recovery: log::recovery, log::recovery_seeds, &[], 1_000, false;
    control_recovery: log::control_recovery, log::control_seeds, &[], 500, false;
    node: index::node, index::node_seeds, &[], 1_000, false;
    index: index::index, index::index_seeds, &[], 1_000, false;
    catalog_m4: catalog::catalog_m4, catalog::seeds, &[], 500, false;
    catalog_m5: catalog::catalog_m5, catalog::seeds, &[], 500, false;
    command: command::command, command::seeds, COMMAND_WORDS, 2_000, true;
    sql: sql::sql, sql::seeds, sql::WORDS, 10_000, true;
    screen: screen::screen, screen::seeds, &[], 2_000, false;
    model: model::model, model::seeds, &[], 2_000, false;
}

const LITERAL_WORDS: &[&str] = &[
    "9223372036854775807",
    "-9223372036854775808",
    "1e308",
    "e-324",
    ".",
    "-",
    "+",
    "NaN",
    "Infinity",
    "0",
    " ",
    "\u{a0}",
    "varchar(",
    "character varying",
    "double precision",
    ")",
    "10485760",
    "e",
    "E+",
    "true",
    "off",
    "_",
    "0x",
];

const TABLES_WORDS: &[&str] = &[
    "next ",
    "16384 ",
    "\"t\" (",
    "\"a\" integer",
    " not null",
    ", ",
    ")",
    "\n",
    "\"",
    "\"\"",
    "varchar(5)",
    "text",
    "(",
    "\r",
    "4294967295",
];

const COMMAND_WORDS: &[&str] = &[
    "create ",
    "insert ",
    "scan ",
    "get ",
    "delete ",
    "update ",
    "vacuum ",
    "begin",
    "commit",
    "rollback",
    "checkpoint",
    "\\page t 0",
    "\\wal",
    "\\d",
    "drop ",
    "t ",
    "(0,1)",
    "(",
    ")",
    ",",
    "'",
    "''",
    "\"",
    "--",
    "null",
    "integer",
    "varchar(20)",
    "not null",
    "\n",
    "65536",
    "-",
    "€",
    "\u{0}",
    "true",
    "\\check",
    "set ",
    "99999999999999999999",
];

/// The target of that name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// What a program of `tests/fuzz/fuzz` does with each input.
pub fn fuzz(name: &str, bytes: &[u8]) {
    let target = target(name).unwrap_or_else(|| panic!("there is no target {name}"));
    (target.run)(bytes);
}

/// An error has a SQLSTATE, and it is not that of a promise between two parts of the engine that was broken.
fn sqlstate(code: &str, error: &dyn Display) {
    assert!(code.len() == 5 && code != "XX000", "{code}: {error}");
}

/// Bytes within an input: how many, and then they.
#[derive(Debug)]
struct Content(Vec<u8>);

impl<'a> Arbitrary<'a> for Content {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Content> {
        let len = usize::from(u16::arbitrary(input)? % 1024).min(input.len());
        input.bytes(len).map(|bytes| Content(bytes.to_vec()))
    }
}

/// Inputs for targets that make anything of any bytes.
fn noise(count: u64, len: usize) -> Vec<Vec<u8>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        // xorshift: what comes next has to be the same everywhere, and nothing else.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..count).map(|number| (0..len + number as usize * 7).map(|_| byte()).collect()).collect()
}

fn edit_seeds() -> Vec<Vec<u8>> {
    noise(30, 100)
}

fn row_seeds() -> Vec<Vec<u8>> {
    // Few columns, so that there are bytes enough for all of them.
    noise(40, 300).into_iter().zip(0..).map(|(bytes, count)| [&[count % 12][..], &bytes].concat()).collect()
}

/// Most seeds get past the first check; of what is made of them, less does.
#[cfg(test)]
fn try_seeds(target: &Target) {
    found::of(target.name).for_each(|bytes| {
        (target.run)(bytes);
    });
    let seeds = (target.seeds)();
    let through = seeds.iter().filter(|seed| (target.run)(seed)).count();
    assert!(through * 2 > seeds.len(), "{through} of {} seeds get through", seeds.len());
}
