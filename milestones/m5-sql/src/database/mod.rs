//! The database: its directory, its tables, and what can be done with their rows.

mod block;
mod check;
mod copy;
mod ddl;
mod explain;
mod inspect;
mod plan_cache;
mod prepared;
mod settings;
mod short_inserts;
mod statement;
mod temp;
#[cfg(test)]
mod testing;
mod vacuum;

pub use block::Outcome;
pub use check::check_directory;
pub use prepared::Prepared;
pub use settings::Settings;
pub use statement::{Sink, Tag};

use crate::buffer::{BASE, Options, Pages};
use crate::catalog::{self, Catalog, Oid, Table};
use crate::directory::{DataDirectory, DatabaseId};
use crate::error::{Error, Result, SqlState};
use crate::execute::table_writer::TableWriter;
use crate::page::FileId;
use crate::recovery::{self, Damage, RecoveryReport};
use crate::transaction::{CommitLog, Transaction};
use crate::vfs::{OverlayVfs, Vfs};
use crate::wal::control::CONTROL_FILE;
use crate::wal::segments::WAL_DIR;
use block::Block;
use plan_cache::PlanCache;
use short_inserts::ShortInserts;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use temp::TEMP_DIR;

/// The format of this stage's data directories.
const FORMAT: &str = "InoxDB m5-sql 3";

/// What this stage keeps in a data directory.
const OWN_NAMES: &[&str] = &[BASE, WAL_DIR, CONTROL_FILE, TEMP_DIR];

/// An open database. One owner uses it; there are no threads inside and nothing global.
///
/// Each command is a transaction of its own, unless [`Database::begin`] has opened a block; then all commands until
/// [`Database::commit`] are one. What a commit has acknowledged survives anything; what was not committed is not
/// there.
pub struct Database {
    pages: Pages,
    catalog: Catalog,
    /// The tables that were written to, with what their heaps and indexes remember.
    writers: HashMap<Oid, TableWriter>,
    short_inserts: ShortInserts,
    plan_cache: PlanCache,
    ddl: Ddl,
    transaction: Transaction,
    block: Block,
    recovery: RecoveryReport,
    swept: Vec<FileId>,
    /// What was found to be damaged, if the database was opened in spite of it; then it is for reading only.
    damage: Damage,
    settings: Settings,
    /// Set by somebody else when the running statement shall end.
    interrupt: Arc<AtomicBool>,
    /// Answers milliseconds, for EXPLAIN ANALYZE; the engine itself has no clock.
    clock: Option<fn() -> f64>,
    /// How long the last statement took to parse, bind and plan.
    planning_ms: f64,
    _directory: DataDirectory,
}

/// The tables that the transaction has created and dropped: whose files go when it ends.
#[derive(Default)]
struct Ddl {
    created: Vec<Oid>,
    dropped: Vec<Oid>,
}

impl Database {
    /// Opens the database in `vfs`, making an empty one if there is none.
    pub fn open(vfs: Arc<dyn Vfs>, options: Options) -> Result<Database> {
        let mut directory = DataDirectory::open(&*vfs, FORMAT, OWN_NAMES)?;
        if directory.is_new() {
            Pages::create(&vfs, directory.database(), options)?;
            create_catalogs(&vfs, directory.database(), options)?;
            directory.mark_complete(&*vfs)?;
        }
        Database::open_with(vfs, options, directory, Damage::Refused)
    }

    /// Opens a database for reading only, however damaged it is, as far as it can be read: see
    /// [`Database::damage`]. Nothing in `vfs` is changed.
    pub fn salvage(vfs: Arc<dyn Vfs>, options: Options) -> Result<Database> {
        let vfs: Arc<dyn Vfs> = Arc::new(OverlayVfs::new(vfs));
        let mut damage = Damage::Noted(Vec::new());
        recovery::complete_directory(&*vfs, FORMAT, OWN_NAMES, &mut damage)?;
        let directory = DataDirectory::open(&*vfs, FORMAT, OWN_NAMES)?;
        Database::open_with(vfs, options, directory, damage)
    }

    fn open_with(
        vfs: Arc<dyn Vfs>,
        options: Options,
        directory: DataDirectory,
        mut damage: Damage,
    ) -> Result<Database> {
        damage.tolerate(CommitLog::check(&*vfs))?;
        let (mut pages, recovery) = recovery::open_pages(vfs, directory.database(), options, &mut damage)?;
        let catalog = Catalog::load(&mut pages, &Transaction::default(), &mut damage)?;
        let mut swept = Vec::new();
        if !damage.is_noted() {
            recovery::finish(&mut pages, &recovery)?;
            swept = catalog.sweep_orphans(&mut pages)?;
            temp::sweep(&**pages.files().vfs());
        }
        Ok(Database {
            pages,
            catalog,
            writers: HashMap::new(),
            short_inserts: ShortInserts::default(),
            plan_cache: PlanCache::default(),
            ddl: Ddl::default(),
            transaction: Transaction::default(),
            block: Block::None,
            recovery,
            swept,
            damage,
            settings: Settings::new(options),
            interrupt: Arc::default(),
            clock: None,
            planning_ms: 0.0,
            _directory: directory,
        })
    }

    /// What recovery had to do when the database was opened.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }

    /// The files that no table owned when the database was opened, and that were removed.
    pub fn swept(&self) -> &[FileId] {
        &self.swept
    }

    /// What was found to be damaged, if the database was opened by [`Database::salvage`].
    pub fn damage(&self) -> &Damage {
        &self.damage
    }

    /// Whoever is about to change something asks here first.
    fn check_writable(&self, command: &str) -> Result<()> {
        if self.damage.is_noted() {
            return Err(Error::new(
                SqlState::ReadOnlySqlTransaction,
                format!("cannot execute {command} in a read-only transaction"),
            ));
        }
        Ok(())
    }

    /// Setting it makes the running statement end with an error, at its next batch.
    pub fn interrupt(&self) -> Arc<AtomicBool> {
        self.interrupt.clone()
    }

    /// Shares the flag of a database that was open before.
    pub fn set_interrupt(&mut self, interrupt: Arc<AtomicBool>) {
        self.interrupt = interrupt;
    }

    pub fn set_clock(&mut self, clock: fn() -> f64) {
        self.clock = Some(clock);
    }

    /// Every table, the catalogs included, in the order of their names.
    pub fn tables(&mut self) -> Result<impl Iterator<Item = &Arc<Table>>> {
        self.catalog.refresh(&mut self.pages)?;
        Ok(self.catalog.tables())
    }

    /// Brings the data files up to date, so that recovery would begin here.
    pub fn checkpoint(&mut self) -> Result<()> {
        self.check_block()?;
        self.check_writable("CHECKPOINT")?;
        self.pages.checkpoint()
    }

    /// Ends the use of the database in order. A block that is still open is rolled back.
    pub fn close(mut self) -> Result<()> {
        if self.damage.is_noted() { Ok(()) } else { self.pages.shut_down() }
    }
}

/// The catalogs of a new database, durable before the database is declared complete.
fn create_catalogs(vfs: &Arc<dyn Vfs>, database: DatabaseId, options: Options) -> Result<()> {
    CommitLog::create(vfs, database)?;
    let (mut pages, _) = recovery::open_pages(vfs.clone(), database, options, &mut Damage::Refused)?;
    catalog::bootstrap(&mut pages)?;
    pages.shut_down()
}
