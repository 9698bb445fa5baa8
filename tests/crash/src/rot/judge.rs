//! One damaged copy: opened, read, used; and what to say of it.

use std::collections::BTreeMap;

use super::damage::Kind;
use super::disk::{Disk, Files};
use super::image::{Image, open};
use crate::crashes::guarded;
use crate::engine::{Engine, Refusal};
use crate::model::{Ids, Op, State, Table, TableName};

/// Opening and reading a database of these sizes takes a few hundred.
const MAX_OPERATIONS: u64 = 50_000;

/// What a case may allocate at one time, the disk included.
const MAX_MEMORY: u64 = 64 << 20;

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything was read, and right.
    Right,
    /// Not opened, with an error that says where the damage is.
    Refused,
    /// Opened; a table answered with such an error, and the others rightly.
    Partly,
    /// The end of the log is gone, and nothing that is left bears witness to it.
    LostTail,
    /// A page is an old one, whole and in its place, and nobody noticed.
    StalePage,
    /// The contents are forged: whatever is read may be wrong.
    Forged,
    Failure(Fault, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Panic,
    /// A wrong row, or a missing one, and no error.
    Silent,
    /// Too many operations, or too much memory.
    Unbounded,
    /// An error that does not say where.
    Unnamed,
    /// Damage of one table's files keeps the others from being read.
    Others,
}

type Found = BTreeMap<TableName, Result<Option<Table>, Refusal>>;

/// Opens the files and reads all tables; with `use_it`, does a few other things besides.
fn read(image: &Image, files: &Files, use_it: bool) -> Result<Result<Found, Refusal>, (Fault, String)> {
    let disk = Disk::new(files.clone(), MAX_OPERATIONS);
    let mut result = Err(String::new());
    let memory = allocation_counter::measure(|| {
        result = guarded(|| {
            let mut engine = match open(image.stage, &disk) {
                Ok(engine) => engine,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let found = TableName::ALL.map(|name| (name, engine.read_table(name)));
            if use_it {
                go_on(engine);
            }
            Ok(Ok(Found::from(found)))
        });
    });
    let found = result.map_err(|what| (Fault::Panic, what))?;
    if disk.is_exhausted() {
        return Err((Fault::Unbounded, format!("no end after {MAX_OPERATIONS} operations")));
    }
    if memory.bytes_max > MAX_MEMORY {
        return Err((Fault::Unbounded, format!("{} bytes allocated", memory.bytes_max)));
    }
    Ok(found)
}

/// Changes tables and checks them. What comes of it does not matter here, as long as it ends.
fn go_on(mut engine: Box<dyn Engine>) {
    engine.check();
    for table in TableName::ALL {
        let more = [
            Op::Insert(table, Ids::new(2000, 5), 700),
            Op::Update(table, Ids::new(10, 4), 90),
            Op::Delete(table, Ids::new(40, 9)),
            Op::Vacuum(table),
            Op::Insert(table, Ids::new(3000, 9), 500),
        ];
        for op in more {
            // An error is an answer, too.
            let _ = engine.apply(&op);
        }
    }
    let _ = engine.close();
}

/// Judges a damaged copy of an image.
pub fn judge(image: &Image, files: &Files, kind: Kind, use_it: bool) -> Verdict {
    let found = match read(image, files, use_it) {
        Ok(found) => found,
        Err((fault, what)) => return Verdict::Failure(fault, what),
    };
    match found {
        Err(refusal) => judge_refusal(image, files, kind, &refusal),
        Ok(found) => judge_rows(image, files, kind, &found),
    }
}

fn judge_refusal(image: &Image, files: &Files, kind: Kind, refusal: &Refusal) -> Verdict {
    if !kind.is_forged() && !names_a_place(refusal) {
        return Verdict::Failure(Fault::Unnamed, refusal.to_string());
    }
    if !kind.is_forged() && owner_of_damage(image, files).is_some() {
        return Verdict::Failure(Fault::Others, format!("cannot be opened: {refusal}"));
    }
    Verdict::Refused
}

fn judge_rows(image: &Image, files: &Files, kind: Kind, found: &Found) -> Verdict {
    let (mut refused, mut wrong) = (false, None);
    for (name, read) in found {
        match read {
            // The reader's own words for rows that contradict one another.
            Err(refusal) if refusal.code == "XX000" => wrong = Some(refusal.to_string()),
            Err(refusal) if !kind.is_forged() && !names_a_place(refusal) => {
                return Verdict::Failure(Fault::Unnamed, refusal.to_string());
            }
            Err(refusal) => {
                refused = true;
                if !kind.is_forged() && owner_of_damage(image, files).is_some_and(|owner| owner != *name) {
                    return Verdict::Failure(Fault::Others, format!("{name}: {refusal}"));
                }
            }
            Ok(table) if table.as_ref() == image.right.tables.get(name) => {}
            Ok(table) => {
                let one = |table: Option<&Table>| State {
                    tables: table.map(|table| (*name, table.clone())).into_iter().collect(),
                };
                wrong = Some(one(table.as_ref()).difference(&one(image.right.tables.get(name))));
            }
        }
    }
    match wrong {
        None if refused => Verdict::Partly,
        None => Verdict::Right,
        Some(_) if kind.is_forged() => Verdict::Forged,
        Some(what) => excuse(image, files, kind, found).unwrap_or(Verdict::Failure(Fault::Silent, what)),
    }
}

/// Wrong rows, but of the kinds that this design cannot notice.
fn excuse(image: &Image, files: &Files, kind: Kind, found: &Found) -> Option<Verdict> {
    let answers = found.iter().filter_map(|(name, read)| Some((*name, read.as_ref().ok()?.as_ref())));
    if image.lost_unwitnessed(files, &answers.collect()) {
        return Some(Verdict::LostTail);
    }
    let mut changed = image.files.iter().filter(|(path, bytes)| files.get(*path) != Some(bytes));
    let is_old = matches!(kind, Kind::StaleFile | Kind::StalePage)
        && changed.all(|(path, _)| path.starts_with("base/"));
    is_old.then_some(Verdict::StalePage)
}

/// The table that all damaged files belong to, if it is one.
fn owner_of_damage(image: &Image, files: &Files) -> Option<TableName> {
    let changed =
        image.files.iter().filter(|(path, bytes)| files.get(*path) != Some(bytes)).map(|(path, _)| path);
    let added = files.keys().filter(|path| !image.files.contains_key(*path));
    let mut owners = changed.chain(added).map(|path| image.owners.get(path).copied());
    let first = owners.next()??;
    owners.all(|owner| owner == Some(first)).then_some(first)
}

/// Every error about stored bytes has to say which.
pub fn names_a_place(refusal: &Refusal) -> bool {
    let places = [
        "file \"",
        "log record at",
        "page ",
        "directory",
        "segment",
        "(rotten)",
        "wal/",
        "index \"",
        "catalog \"",
    ];
    refusal.code.len() == 5 && places.iter().any(|place| refusal.message.contains(place))
}
