//! Whether everything is as it should be: in an open database, and in a directory that must not be touched.

use super::{Database, FORMAT, OWN_NAMES};
use crate::check::heap::{Bounds, HeapCheck};
use crate::check::{self, Report};
use crate::directory::DataDirectory;
use crate::error::{Result, SqlState};
use crate::page::FileId;
use crate::transaction::FROZEN_XID;
use crate::tuple::Layout;
use crate::vfs::{OverlayVfs, Vfs};
use std::collections::HashSet;
use std::sync::Arc;

/// Checks the database in `vfs` without changing anything there. An error if there is none, or it is in use.
pub fn check_directory(vfs: Arc<dyn Vfs>) -> Result<Report> {
    DataDirectory::expect(&*vfs)?;
    let overlay: Arc<dyn Vfs> = Arc::new(OverlayVfs::new(vfs));
    let database_id = DataDirectory::open(&*overlay, FORMAT, OWN_NAMES)?.database();
    let mut report = Report::default();
    match Database::open(overlay.clone()) {
        Ok(mut database) => database.check_into(&mut report),
        Err(error) if error.state() == SqlState::LockFileExists => return Err(error),
        Err(error) => {
            report.problem(error);
            check::files::check_pages(&overlay, database_id, &mut report);
        }
    }
    Ok(report)
}

impl Database {
    /// Looks at everything and says what is wrong, and where.
    pub fn check(&mut self) -> Report {
        let mut report = Report::default();
        self.check_into(&mut report);
        report
    }

    fn check_into(&mut self, report: &mut Report) {
        let Database { pages, tables, transaction, .. } = self;
        check::tables::check(tables, report);
        // Every row is made and deleted by the one transaction there is.
        let bounds = Bounds { next_xid: FROZEN_XID + 1, log_end: 0 };
        for (_, table) in tables.iter() {
            let (relation, schema, layout) = (table.relation, &table.schema, &Layout::new(&table.schema));
            HeapCheck { relation, schema, layout, transaction, bounds }.run(pages, report);
        }
        let owned: HashSet<u32> = tables.iter().map(|(_, table)| table.relation).collect();
        // A creation that was interrupted may have left files for the next number.
        let is_owned = |file: FileId| owned.contains(&file.relation) || file.relation == tables.next();
        check::files::check_owners(&**pages.files().vfs(), is_owned, report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Column, DataType, Schema, Value};
    use crate::vfs::{File, SimulatedVfs, read_file};

    fn database(disk: &SimulatedVfs) -> Database {
        let mut db = Database::open(Arc::new(disk.clone())).unwrap();
        for name in ["a", "b"] {
            let column = Column { name: "n".to_string(), data_type: DataType::Integer, not_null: true };
            db.create_table(name, Schema::new(vec![column]).unwrap()).unwrap();
            db.insert(name, (0..1000).map(|n| vec![Value::Integer(n)]).collect()).unwrap();
        }
        db
    }

    fn content(disk: &SimulatedVfs) -> Vec<(String, Vec<u8>)> {
        let below = ["", "base/"].into_iter().flat_map(|directory| {
            let names = disk.list(directory.trim_end_matches('/')).unwrap_or_default();
            names.into_iter().map(move |name| format!("{directory}{name}"))
        });
        below.filter_map(|path| Some((path.clone(), read_file(disk, &path, u64::MAX).ok()?))).collect()
    }

    fn check(disk: &SimulatedVfs) -> Report {
        let before = (content(disk), disk.operations());
        let report = check_directory(Arc::new(disk.clone())).unwrap();
        assert!((content(disk), disk.operations()) == before, "something was changed");
        report
    }

    #[test]
    fn a_sound_directory_is_counted_and_stays_as_it_is() {
        let disk = SimulatedVfs::new();
        let mut db = database(&disk);
        assert!(db.check().is_sound());
        db.close().unwrap();
        let report = check(&disk).to_string();
        assert_eq!(report, "checked 2 relations, 12 pages, 2000 rows: no problems found");
        disk.kill();
        assert_eq!(check(&disk).to_string(), report);
    }

    #[test]
    fn damage_to_one_table_does_not_hide_the_other() {
        let disk = SimulatedVfs::new();
        database(&disk).close().unwrap();
        File::open(&disk, "base/16384").unwrap().write_all_at(&[0xff], 9000).unwrap();
        File::create(&disk, "base/notes").unwrap();
        File::create(&disk, "base/16000").unwrap();
        let report = check(&disk);
        let problems: Vec<_> = report.problems.iter().map(|problem| problem.message()).collect();
        assert!(problems[0].starts_with("page 1 of file \"base/16384\": the checksum is"), "{problems:?}");
        assert_eq!(
            problems[1..],
            ["file \"base/16000\": belongs to no relation", "file \"base/notes\": is not a relation's"]
        );
        assert_eq!(report.counted("relation"), 2);
    }

    #[test]
    fn tables_that_share_their_files_are_a_problem() {
        let disk = SimulatedVfs::new();
        database(&disk).close().unwrap();
        let text = String::from_utf8(read_file(&disk, "tables", 1 << 20).unwrap()).unwrap();
        let (lines, _) = text.split_at(text.find("crc32c").unwrap());
        let lines = lines.replace("16385 ", "16384 ");
        let text = [lines.as_str(), &crate::tables::checksum(&lines)].concat();
        crate::vfs::replace_file(&disk, "tables", text.as_bytes()).unwrap();
        let report = check(&disk).to_string();
        assert!(report.contains("file \"tables\": tables \"a\" and \"b\" have the same number"), "{report}");
        assert!(report.contains("file \"base/16385\": belongs to no relation"), "{report}");
    }

    #[test]
    fn a_database_that_does_not_open_still_has_its_pages_checked() {
        let disk = SimulatedVfs::new();
        database(&disk).close().unwrap();
        File::open(&disk, "base/16385").unwrap().write_all_at(&[0xff], 100).unwrap();
        File::open(&disk, "tables").unwrap().write_all_at(b"?", 0).unwrap();
        let report = check(&disk).to_string();
        assert!(report.starts_with("file \"tables\": ends with \"crc32c "), "{report}");
        assert!(report.contains("page 0 of file \"base/16385\": the checksum is"), "{report}");
    }

    #[test]
    fn no_database_and_one_in_use_are_errors() {
        let disk = SimulatedVfs::new();
        let state = |disk: &SimulatedVfs| check_directory(Arc::new(disk.clone())).unwrap_err().state().code();
        assert_eq!((state(&disk), content(&disk).len()), ("58P01", 0));
        let _open = database(&disk);
        assert_eq!(state(&disk), "F0001");
    }

    #[test]
    fn a_creation_that_was_interrupted_is_no_problem_and_in_nobodys_way() {
        let disk = SimulatedVfs::new();
        let db = database(&disk);
        File::create(&disk, "base/16386").unwrap();
        db.close().unwrap();
        assert!(check(&disk).is_sound());
        let mut db = Database::open(Arc::new(disk)).unwrap();
        let schema = db.schema("a").unwrap().clone();
        db.create_table("c", schema).unwrap();
        assert!(db.check().is_sound());
    }
}
