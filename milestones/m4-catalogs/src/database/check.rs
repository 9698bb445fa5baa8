//! Whether everything is as it should be: in an open database, and in a directory that must not be touched.

use super::block::Block;
use super::{Database, FORMAT, OWN_NAMES};
use crate::buffer::Options;
use crate::catalog::{self, FIRST_OID, Oid};
use crate::check::heap::{Bounds, HeapCheck};
use crate::check::{self, Report};
use crate::directory::DataDirectory;
use crate::error::{Error, Result, SqlState};
use crate::page::FileId;
use crate::transaction::COMMIT_LOG;
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
        report.ok(self.catalog.refresh(&mut self.pages));
        let Database { pages, catalog, ddl, transaction, block, .. } = self;
        // As the next command will see it: with all that was done so far. After a failed command, as that one saw it: what
        // it left half done, nobody will see.
        let mut transaction = transaction.clone();
        if *block != Block::Failed {
            transaction.next_command();
        }
        check::frames::check(pages, report);
        report.begin_part();
        if let Err(error) = catalog::check(pages, &transaction, &mut |problem| report.problem(problem)) {
            report.problem(error);
        }
        let bounds = Bounds { next_xid: pages.control().next_xid, log_end: pages.wal().end() };
        let mut owned: HashSet<Oid> = HashSet::new();
        // What a block that has failed has created will go with it, finished or not.
        let is_going = |oid: Oid| *block == Block::Failed && ddl.created.contains(&oid);
        for table in catalog.tables() {
            let (relation, schema, layout) = (table.oid, &table.schema, &table.layout);
            owned.insert(table.oid);
            if is_going(table.oid) {
                continue;
            }
            HeapCheck { relation, schema, layout, transaction: &transaction, bounds }.run(pages, report);
        }
        check::log::check_open(pages, bounds, report);
        check::written::check_unwritten(pages, report);
        // What the transaction has dropped keeps its files until it has committed.
        owned.extend(&ddl.dropped);
        let is_owned = |file: FileId| owned.contains(&file.relation) || file == COMMIT_LOG;
        check::files::check_owners(&**pages.files().vfs(), is_owned, report);
        let next = pages.control().next_relation.max(FIRST_OID);
        for oid in owned.iter().filter(|oid| **oid >= next) {
            let file = format!("file \"base/{}\"", FileId::main(*oid));
            report.problem(Error::corrupted(file, format_args!("but the next number is {next}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::Heap;
    use crate::page::Tid;
    use crate::testing::small_options;
    use crate::transaction::CommitLog;
    use crate::types::{Column, DataType, Schema, Value};
    use crate::vfs::{File, SimulatedVfs, read_file};

    /// Of the tables, not of the catalogs.
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

    /// The rows of the catalogs: types, relations, columns and the like.
    const CATALOG_ROWS: u64 = 48;

    /// The rows that were counted, without the catalogs'.
    fn rows(report: &Report) -> u64 {
        report.counted("row") - CATALOG_ROWS
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
        assert_eq!((report.notes.len(), rows(&report)), (0, ROWS));
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
        assert_eq!(rows(&report), ROWS);
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
    fn a_page_that_rots_behind_the_pool_is_noticed() {
        let disk = SimulatedVfs::new();
        let mut db = database(&disk);
        db.checkpoint().unwrap();
        assert!(db.check().is_sound());
        File::open(&disk, "base/16384").unwrap().write_all_at(&[0xff], 100).unwrap();
        let report = db.check().to_string();
        assert!(report.starts_with("page 0 of file \"base/16384\": the checksum is"), "{report}");
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
    fn catalogs_that_name_what_is_not_there_are_a_problem() {
        let disk = SimulatedVfs::new();
        let mut db = database(&disk);
        let oid = db.relation("a").unwrap();
        // A row of pg_class goes, and those that refer to it stay; only the memory of the catalogs still knows.
        db.transaction.assign_xid(&mut db.pages);
        db.transaction.next_command();
        let mut heap = Heap::new(1259);
        let mut found = Vec::new();
        let mut scan = heap.scan(&mut db.pages).unwrap();
        let mut slots = Vec::new();
        let layout = db.layout("pg_class").unwrap().clone();
        while let Some((page, bytes)) = scan.next_page(&mut db.pages, &db.transaction, &mut slots).unwrap() {
            for slot in &slots {
                let row = layout.row(bytes.item(*slot).unwrap()).unwrap();
                if row[0] == Value::BigInt(i64::from(oid)) {
                    found.push(Tid { page, slot: *slot });
                }
            }
        }
        heap.delete(&mut db.pages, &db.transaction, &found).unwrap();
        let report = db.check().to_string();
        let what = format!("of file \"base/1249\": column \"n\" is of table {oid}, which is not in pg_class");
        assert!(report.contains(&what), "{report}");
    }

    #[test]
    fn a_table_without_files_is_a_problem_and_the_next_is_checked() {
        let disk = SimulatedVfs::new();
        database(&disk).close().unwrap();
        disk.remove("base/16384").unwrap();
        let report = check(&disk);
        assert!(report.problems[0].message().starts_with("could not open file \"base/16384\""), "{report}");
        assert_eq!((report.problems.len(), rows(&report)), (1, 1000));
    }

    #[test]
    fn the_number_of_an_empty_table_is_not_given_out_again_after_a_crash() {
        let disk = SimulatedVfs::new();
        let mut db = Database::open(Arc::new(disk.clone()), small_options()).unwrap();
        let column = Column { name: "n".to_string(), data_type: DataType::Integer, not_null: true };
        let schema = Schema::new(vec![column]).unwrap();
        db.create_table("x", schema.clone()).unwrap();
        drop(db);
        disk.kill();
        let mut db = Database::open(Arc::new(disk.clone()), small_options()).unwrap();
        assert!(db.check().is_sound(), "{}", db.check());
        db.create_table("y", schema).unwrap();
        assert!(db.check().is_sound(), "{}", db.check());
    }
}
