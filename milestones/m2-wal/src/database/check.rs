//! Whether everything is as it should be: in an open database, and in a directory that must not be touched.

use super::block::Block;
use super::{Database, FORMAT, OWN_NAMES};
use crate::buffer::Options;
use crate::check::heap::{Bounds, HeapCheck};
use crate::check::{self, Report};
use crate::directory::DataDirectory;
use crate::error::{Result, SqlState};
use crate::page::FileId;
use crate::transaction::COMMIT_LOG;
use crate::tuple::Layout;
use crate::vfs::{OverlayVfs, Vfs};
use std::collections::HashSet;
use std::sync::Arc;

/// Checks the database in `vfs` without changing anything there. An error if there is none, or it is in use.
///
/// What a crash has left is recovered first, in memory: so a torn page that the log mends is no problem. If the
/// database cannot be opened, that is one, and its pages are looked at as they are.
pub fn check_directory(vfs: Arc<dyn Vfs>) -> Result<Report> {
    DataDirectory::expect(&*vfs)?;
    let overlay: Arc<dyn Vfs> = Arc::new(OverlayVfs::new(vfs.clone()));
    let directory = DataDirectory::open(&*overlay, FORMAT, OWN_NAMES)?;
    let database_id = directory.database();
    let mut report = Report::default();
    let segments = check::log::check_files(&overlay, database_id, &mut report);
    drop(directory);
    match Database::open(overlay, Options::default()) {
        Ok(mut database) => database.check_into(&mut report),
        Err(error) if error.state() == SqlState::LockFileExists => return Err(error),
        Err(error) => {
            report.begin_part();
            report.problem(error);
            check::files::check_pages(&vfs, database_id, &mut report);
            check::written::check_files(&vfs, database_id, &mut report);
            report.count("log segment", segments);
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
        let Database { pages, tables, transaction, block, .. } = self;
        // As the next command will see it: with all that was done so far. After a failed command, as that one saw it: what
        // it left half done, nobody will see.
        let mut transaction = transaction.clone();
        if *block != Block::Failed {
            transaction.next_command();
        }
        check::tables::check(tables, report);
        let bounds = Bounds { next_xid: pages.control().next_xid, log_end: pages.wal().end() };
        for (_, table) in tables.iter() {
            let (relation, schema, layout) = (table.relation, &table.schema, &Layout::new(&table.schema));
            HeapCheck { relation, schema, layout, transaction: &transaction, bounds }.run(pages, report);
        }
        check::log::check_open(pages, bounds, report);
        check::written::check_unwritten(pages, report);
        let owned: HashSet<u32> = tables.iter().map(|(_, table)| table.relation).collect();
        // A creation that was interrupted may have left files for the next number.
        let is_owned = |file: FileId| {
            owned.contains(&file.relation) || file.relation == tables.next() || file == COMMIT_LOG
        };
        check::files::check_owners(&**pages.files().vfs(), is_owned, report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::small_options;
    use crate::transaction::CommitLog;
    use crate::types::{Column, DataType, Schema, Value};
    use crate::vfs::{File, SimulatedVfs, read_file};

    const ROWS: u64 = 2000;

    fn database(disk: &SimulatedVfs) -> Database {
        let mut db = Database::open(Arc::new(disk.clone()), small_options()).unwrap();
        for name in ["a", "b"] {
            let column = Column { name: "n".to_string(), data_type: DataType::Integer, not_null: true };
            db.create_table(name, Schema::new(vec![column]).unwrap()).unwrap();
            db.insert(name, (0..1000).map(|n| vec![Value::Integer(n)]).collect()).unwrap();
        }
        db
    }

    fn content(disk: &SimulatedVfs) -> Vec<(String, Vec<u8>)> {
        let below = ["", "base/", "wal/"].into_iter().flat_map(|directory| {
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
        let report = check(&disk);
        assert_eq!((report.notes.len(), report.counted("row")), (0, ROWS));
        assert!(report.to_string().ends_with(": no problems found"), "{report}");
    }

    #[test]
    fn a_killed_process_leaves_a_log_to_replay_and_no_problems() {
        let disk = SimulatedVfs::new();
        drop(database(&disk));
        disk.kill();
        let report = check(&disk);
        assert!(report.is_sound(), "{report}");
        assert!(report.notes[0].starts_with("not closed in order: the log is replayed from 0/"), "{report}");
        assert_eq!(report.counted("row"), ROWS);
        // The power fails, and a page that the log mends is torn.
        let page = [0xff; 100];
        File::open(&disk, "base/16384").unwrap().write_all_at(&page, 4000).unwrap();
        let report = check(&disk);
        assert!(report.is_sound(), "{report}");
    }

    #[test]
    fn a_segment_that_is_cut_short_or_gone_is_named() {
        let disk = SimulatedVfs::new();
        database(&disk).close().unwrap();
        let segments = disk.list("wal").unwrap();
        let (first, last) = (&segments[0], &segments[segments.len() - 1]);
        File::open(&disk, &format!("wal/{last}")).unwrap().set_len(100).unwrap();
        File::create(&disk, "wal/notes").unwrap();
        let report = check(&disk).to_string();
        assert!(
            report.contains(&format!("file \"wal/{last}\": 100 bytes long, expected 65544\n")),
            "{report}"
        );
        assert!(report.contains("file \"wal/notes\": is not a segment of the log\n"), "{report}");
        disk.remove(&format!("wal/{first}")).unwrap();
        let report = check(&disk).to_string();
        assert!(report.contains(&format!("file \"wal/{first}\": is missing\n")), "{report}");
    }

    #[test]
    fn a_log_that_is_damaged_keeps_the_database_closed_and_the_pages_are_checked() {
        let disk = SimulatedVfs::new();
        let mut db = database(&disk);
        let redo = db.pages.control().redo;
        drop(db);
        disk.kill();
        let path = format!("wal/{:016X}", redo / 65536);
        File::open(&disk, &path).unwrap().write_all_at(&[0xff; 8], redo % 65536 + 60).unwrap();
        let report = check(&disk);
        assert!(
            report.problems[0].message().contains("unreadable, but the log was durable up to"),
            "{report}"
        );
        assert!(report.counted("file") > 0 && report.counted("page") > 0, "{report}");
    }

    #[test]
    fn a_damaged_slot_of_the_control_file_is_noted_and_mended_by_opening() {
        let disk = SimulatedVfs::new();
        database(&disk).close().unwrap();
        for offset in [20, 4096 + 20] {
            let damaged = disk.fork();
            File::open(&damaged, "control").unwrap().write_all_at(&[0xff], offset).unwrap();
            let report = check(&damaged);
            let slot = offset - 20;
            assert_eq!(report.notes[0], format!("file \"control\": the slot at {slot} is not whole"));
            assert!(report.is_sound(), "{report}");
            let mut db = Database::open(Arc::new(damaged.clone()), small_options()).unwrap();
            assert!(db.check().is_sound());
            File::open(&damaged, "control").unwrap().write_all_at(&[0xff], offset).unwrap();
            assert_eq!(db.check().notes, [format!("file \"control\": the slot at {slot} is not whole")]);
            db.checkpoint().unwrap();
            assert!(db.check().notes.is_empty(), "the next write replaces it");
        }
    }

    #[test]
    fn a_transaction_that_never_began_cannot_have_committed() {
        let disk = SimulatedVfs::new();
        let mut db = database(&disk);
        CommitLog::commit(&mut db.pages, 777).unwrap();
        let report = db.check().to_string();
        let what = "page 0 of file \"base/1\": says that transaction 777 has committed, but the next one is";
        assert!(report.contains(what), "{report}");
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
        assert_eq!(report.counted("relation"), 3);
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
    fn pages_that_are_missing_are_named_whether_the_database_opens_or_not() {
        for (path, opens) in [("base/16384", true), ("base/16384", false), ("base/16384_fsm", false)] {
            let disk = SimulatedVfs::new();
            database(&disk).close().unwrap();
            let cut = if path.ends_with("_fsm") { 0 } else { 1 };
            File::open(&disk, path).unwrap().set_len(cut * 8192 + 100).unwrap();
            if !opens {
                disk.remove("base/1").unwrap();
            }
            let report = check(&disk);
            let what = format!("page {cut} of file \"{path}\": is missing: the file has only {cut} pages");
            let named = report.problems.iter().filter(|problem| problem.message().starts_with(&what));
            assert_eq!(named.count(), 1, "{report}");
            assert!(
                report.problems.iter().all(|problem| !problem.message().contains("base/16385")),
                "{report}"
            );
        }
        let disk = SimulatedVfs::new();
        database(&disk).close().unwrap();
        File::open(&disk, "base/16384").unwrap().write_all_at(&[0; 8192], 8192).unwrap();
        disk.remove("base/1").unwrap();
        let report = check(&disk).to_string();
        assert!(report.contains("page 1 of file \"base/16384\": is all zeros"), "{report}");
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
        let mut db = Database::open(Arc::new(disk), small_options()).unwrap();
        let schema = db.schema("a").unwrap().clone();
        db.create_table("c", schema).unwrap();
        assert!(db.check().is_sound());
    }
}
