//! The data directory: whose it is, and that only one process uses it.

use crate::error::{Error, Result, SqlState};
use crate::vfs::{self, DirectoryLock, Vfs};
use std::fmt;

/// Says that a directory is InoxDB's, in which format, and which database it is. It is made last when a database is made,
/// so its presence means that the rest is complete.
pub const FORMAT_FILE: &str = "inoxdb.format";

/// Is there while the database is being made. Only where it is may anything be taken away: a database that has lost
/// its format file looks like one that is half made, and is not.
///
/// Where both are, the database is complete, and whoever made it was not told that the format file's name is durable.
const UNFINISHED: &str = "inoxdb.unfinished";

/// Which database this is: a random number that is made with the directory. It is in the checksum of each page, so that a
/// page of another database is not taken for one of this. PostgreSQL calls it the system identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseId(pub u64);

impl fmt::Display for DatabaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A data directory in use: nobody else can open it until this is dropped.
pub struct DataDirectory {
    _lock: Box<dyn DirectoryLock>,
    format: String,
    database: DatabaseId,
    is_new: bool,
}

impl DataDirectory {
    /// Takes the directory. `format` names the format that the caller reads and writes; `own_names` are the
    /// names that a creation which was interrupted may have left, and which may then be taken away.
    pub fn open(vfs: &dyn Vfs, format: &str, own_names: &[&str]) -> Result<DataDirectory> {
        let names = vfs.list("").map_err(|error| Error::io("open", vfs.root(), error))?;
        let has_format = names.iter().any(|name| name == FORMAT_FILE);
        let is_own = |name: &String| is_in(name, &[UNFINISHED, FORMAT_FILE]) || is_in(name, own_names);
        if !has_format && let Some(foreign) = names.iter().find(|name| !is_own(name)) {
            return Err(Error::new(
                SqlState::WrongObjectType,
                format!("directory \"{}\" is not empty and not an InoxDB data directory", vfs.root()),
            )
            .with_detail(format!("It contains \"{foreign}\"."))
            .with_hint("Name an empty or a new directory."));
        }
        let is_unfinished = names.iter().any(|name| name == UNFINISHED);
        if !has_format
            && !is_unfinished
            && let Some(own) = names.iter().find(|name| is_in(name, own_names))
        {
            return Err(Error::new(
                SqlState::UndefinedFile,
                format!("data directory \"{}\" has lost its file \"{FORMAT_FILE}\"", vfs.root()),
            )
            .with_detail(format!("It contains \"{own}\"."))
            .with_hint("Restore the file from a copy."));
        }
        let lock = vfs.lock().map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => Error::new(
                SqlState::LockFileExists,
                format!("data directory \"{}\" is in use by another process", vfs.root()),
            ),
            _ => Error::io("lock", vfs.root(), error),
        })?;
        let database = if has_format {
            let database = read_format(vfs, format)?;
            // The process that gave the names may have been killed before it made them durable.
            vfs::sync_dir(vfs, "")?;
            database
        } else {
            remove_leftovers(vfs, own_names)?;
            // Durable before anything else is made. One that is there gets its name anew: a sync of the directory may
            // have failed, and none after it would make the old name durable.
            vfs::replace_file(vfs, UNFINISHED, b"")?;
            let no_number =
                |error| Error::new(SqlState::IoError, format!("could not get a random number: {error}"));
            DatabaseId(vfs.random().map_err(no_number)?)
        };
        let format = format.to_string();
        let mut directory = DataDirectory { _lock: lock, format, database, is_new: !has_format };
        if has_format && is_unfinished {
            directory.mark_complete(vfs)?;
        }
        Ok(directory)
    }

    /// An error if there is no database, for those who would not make one.
    pub fn expect(vfs: &dyn Vfs) -> Result<()> {
        match vfs.exists(FORMAT_FILE) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::new(
                SqlState::UndefinedFile,
                format!("directory \"{}\" is not an InoxDB data directory", vfs.root()),
            )
            .with_detail(format!("It has no file \"{FORMAT_FILE}\"."))),
            Err(error) => Err(Error::io("stat", FORMAT_FILE, error)),
        }
    }

    /// Whether there is no database in the directory yet.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    pub fn database(&self) -> DatabaseId {
        self.database
    }

    /// Declares the database in the directory complete.
    pub fn mark_complete(&mut self, vfs: &dyn Vfs) -> Result<()> {
        vfs::replace_file(vfs, FORMAT_FILE, format_file(&self.format, self.database).as_bytes())?;
        vfs.remove(UNFINISHED).map_err(|error| Error::io("remove", UNFINISHED, error))?;
        vfs::sync_dir(vfs, "")?;
        self.is_new = false;
        Ok(())
    }
}

fn is_in(name: &str, own_names: &[&str]) -> bool {
    own_names.contains(&name.strip_suffix(".new").unwrap_or(name))
}

/// What the format file says. A wrong digit would make every page look like another database's, hence a checksum.
pub fn format_file(format: &str, database: DatabaseId) -> String {
    let lines = format!("{format}\ndatabase {database}\n");
    format!("{lines}crc32c {:08x}\n", crc_fast::crc32_iscsi(lines.as_bytes()))
}

/// Which database the format file names. An error if there is none, or of another format.
pub fn read_format(vfs: &dyn Vfs, format: &str) -> Result<DatabaseId> {
    let found = vfs::read_file(vfs, FORMAT_FILE, 256)?;
    let found = String::from_utf8_lossy(&found);
    let mut lines = found.lines();
    let version = lines.next().unwrap_or_default();
    if version != format {
        let root = vfs.root();
        return Err(Error::new(
            SqlState::ObjectNotInPrerequisiteState,
            format!("data directory \"{root}\" has format {version:?}, this program reads {format:?}"),
        )
        .with_hint(
            "Each milestone, and each version that changes the format, has data directories of its own.",
        ));
    }
    let number = lines.next().and_then(|line| line.strip_prefix("database "));
    let database = number.and_then(|digits| u64::from_str_radix(digits, 16).ok()).map(DatabaseId);
    database.filter(|database| found == format_file(format, *database)).ok_or_else(|| {
        Error::corrupted(format_args!("file \"{FORMAT_FILE}\""), "does not say which database this is")
            .with_hint("Restore the file from a copy.")
    })
}

/// Clears away what a creation left that was interrupted before it was complete.
fn remove_leftovers(vfs: &dyn Vfs, own_names: &[&str]) -> Result<()> {
    let root = vfs.list("").map_err(|error| Error::io("list", vfs.root(), error))?;
    for name in root.iter().filter(|name| is_in(name, own_names)) {
        match vfs.remove(name) {
            Ok(()) => {}
            Err(_) => remove_directory(vfs, name).map_err(|error| Error::io("remove", name, error))?,
        }
    }
    Ok(())
}

/// Takes away a directory of ours with the files that we make in it: anything else stays, and so does the directory. It is
/// made anew, so that its name is, too.
fn remove_directory(vfs: &dyn Vfs, name: &str) -> std::io::Result<()> {
    for inner in vfs.list(name)?.iter().filter(|inner| is_numbered(inner)) {
        vfs.remove(&format!("{name}/{inner}"))?;
    }
    vfs.remove_dir(name)
}

/// Whether a file is named as ours are below the root: a number, decimal or hexadecimal, and perhaps what kind of file.
fn is_numbered(name: &str) -> bool {
    let number = name.split(['.', '_']).next().unwrap_or(name);
    number.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
        && ["", "_fsm", ".new", ".unsynced"].contains(&&name[number.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::simulated::{Failure, Fault, Operation, Survival};
    use crate::vfs::{MemoryVfs, SimulatedVfs};

    #[test]
    fn one_at_a_time() {
        let vfs = MemoryVfs::new();
        let first = DataDirectory::open(&vfs, "test 1", &[]).unwrap();
        assert_eq!(DataDirectory::open(&vfs, "test 1", &[]).err().unwrap().state().code(), "F0001");
        drop(first);
        DataDirectory::open(&vfs, "test 1", &[]).unwrap();
    }

    #[test]
    fn another_format_is_refused() {
        let vfs = MemoryVfs::new();
        DataDirectory::open(&vfs, "test 1", &[]).unwrap().mark_complete(&vfs).unwrap();
        let error = DataDirectory::open(&vfs, "test 2", &[]).err().unwrap();
        assert_eq!(error.state().code(), "55000");
        assert!(error.message().contains("\"test 1\""), "{error}");
    }

    #[test]
    fn a_wrong_digit_is_damage_and_no_other_database() {
        let vfs = MemoryVfs::new();
        let database = DatabaseId(0x5f3a);
        for (content, is_sound) in [
            (format_file("test 1", database), true),
            (format_file("test 1", database).replace("5f3a", "5f3b"), false),
            ("test 1\n".to_string(), false),
        ] {
            vfs::replace_file(&vfs, FORMAT_FILE, content.as_bytes()).unwrap();
            let opened = DataDirectory::open(&vfs, "test 1", &[]).map(|directory| directory.database());
            match opened {
                Ok(found) => assert!(is_sound && found == database),
                Err(error) => assert!(!is_sound && error.state().code() == "XX001", "{error}"),
            }
        }
    }

    #[test]
    fn a_directory_of_something_else_is_left_alone() {
        let vfs = MemoryVfs::new();
        vfs.create("thesis.tex").unwrap();
        assert_eq!(DataDirectory::open(&vfs, "test 1", &["base"]).err().unwrap().state().code(), "42809");
        assert_eq!(vfs.list("").unwrap(), ["thesis.tex"]);
    }

    #[test]
    fn an_interrupted_creation_is_begun_again() {
        let vfs = MemoryVfs::new();
        drop(DataDirectory::open(&vfs, "test 1", &["base", "tables"]).unwrap());
        vfs.create("base/16384").unwrap();
        vfs.create("tables.new").unwrap();
        let directory = DataDirectory::open(&vfs, "test 1", &["base", "tables"]).unwrap();
        assert!(directory.is_new());
        assert!(!vfs.exists("base/16384").unwrap() && !vfs.exists("tables.new").unwrap());
    }

    #[test]
    fn what_is_not_ours_survives_a_creation_that_is_begun_again() {
        let vfs = MemoryVfs::new();
        drop(DataDirectory::open(&vfs, "test 1", &["base", "wal"]).unwrap());
        for (path, is_ours) in [
            ("base/16384", true),
            ("base/16384_fsm", true),
            ("wal/00000000000000AB.unsynced", true),
            ("base/thesis.tex", false),
            ("base/16384.tex", false),
            ("base/abc", false),
        ] {
            vfs.create(path).unwrap();
            let _ = DataDirectory::open(&vfs, "test 1", &["base", "wal"]);
            assert_eq!(vfs.exists(path).unwrap(), !is_ours, "{path}");
        }
    }

    #[test]
    fn names_that_a_failed_sync_has_lost_are_given_anew() {
        for nth in 1..=4 {
            let disk = SimulatedVfs::new();
            let make = || -> Result<()> {
                let mut directory = DataDirectory::open(&disk, "test 1", &["base"])?;
                if directory.is_new() {
                    disk.create_dir("base").unwrap();
                    vfs::sync_dir(&disk, "")?;
                    directory.mark_complete(&disk)?;
                }
                Ok(())
            };
            disk.inject(Fault {
                on: Some(Operation::SyncDir),
                nth,
                failure: Failure::Io,
                from_then_on: false,
            });
            assert_eq!(make().unwrap_err().state().code(), "58030", "sync {nth}");
            disk.kill();
            make().unwrap();
            disk.power_cut(Survival::None, 0);
            let names = disk.list("").unwrap();
            assert!(["base", FORMAT_FILE].iter().all(|name| names.contains(&name.to_string())), "{names:?}");
            make().unwrap();
            assert!(!disk.exists(UNFINISHED).unwrap(), "sync {nth}");
        }
    }

    #[test]
    fn a_database_without_its_format_file_is_not_taken_for_half_made() {
        let vfs = MemoryVfs::new();
        DataDirectory::open(&vfs, "test 1", &["base"]).unwrap().mark_complete(&vfs).unwrap();
        vfs.create("base/16384").unwrap();
        vfs.remove(FORMAT_FILE).unwrap();
        let error = DataDirectory::open(&vfs, "test 1", &["base"]).err().unwrap();
        assert_eq!(error.state().code(), "58P01");
        assert_eq!(vfs.list("").unwrap(), ["base"]);
    }
}
