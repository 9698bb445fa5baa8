//! Salvage: opening a database that is damaged, to read what can still be read.
//!
//! Whoever opens a database to go on working with it must be told about damage and be refused: every further step
//! could make it worse. Whoever wants to save rows from it needs the opposite: everything that can be read, and a list
//! of what cannot. [`Damage`] is that difference, in one place. Salvage runs over an
//! [`OverlayVfs`](crate::vfs::OverlayVfs): the directory stays as it is.
//!
//! - An unreadable place in the log ends replay. What was committed after it is lost, also if it could be read: it
//!   would be put on top of pages that lack what came in between.
//! - Without a control file, replay begins at the oldest record that can be read. That is too early, which does no
//!   harm: everything older than a page is skipped, and an image is followed by all later changes of its page. Which
//!   pages must be there is known from what is read on the way: until the first checkpoint's record comes, of files that
//!   are not mentioned nothing is missed.
//! - A page that replay cannot restore is made unreadable. Its old state may lack rows that were committed, and have
//!   rows that were deleted; an error says so, wrong rows would not.

use crate::buffer::{BASE, MAX_GAP, Options, Pages};
use crate::directory::{self, DatabaseId, FORMAT_FILE};
use crate::error::{Error, Result, SqlState};
use crate::page::{FileId, PAGE_SIZE, Page, PageId, PageNo};
use crate::transaction::{COMMIT_LOG, FIRST_XID};
use crate::vfs::{self, File, Vfs};
use crate::wal::reader::display;
use crate::wal::segments::{Segments, WAL_DIR};
use crate::wal::{ControlData, ControlFile, LogReader, Lsn};
use std::collections::BTreeSet;
use std::sync::Arc;

/// More notes than anybody reads.
const MAX_NOTES: usize = 1000;

/// What to do about damage that is found when a database is opened.
#[derive(Debug)]
pub enum Damage {
    /// Refuse to open it.
    Refused,
    /// Go on without what is damaged, and remember what that was.
    Noted(Vec<String>),
}

impl Damage {
    /// Passes on an answer. An error is passed on as well, or noted: then there is no answer.
    pub fn tolerate<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match (result, &self) {
            (Ok(answer), _) => Ok(Some(answer)),
            (Err(error), Damage::Refused) => Err(error),
            (Err(error), Damage::Noted(_)) => {
                self.note(error.to_string());
                Ok(None)
            }
        }
    }

    pub fn note(&mut self, what: String) {
        if let Damage::Noted(notes) = self
            && notes.len() < MAX_NOTES
            && !notes.contains(&what)
        {
            notes.push(what);
        }
    }

    pub fn is_noted(&self) -> bool {
        matches!(self, Damage::Noted(_))
    }

    /// What was found; nothing, if damage is refused.
    pub fn notes(&self) -> &[String] {
        match self {
            Damage::Refused => &[],
            Damage::Noted(notes) => notes,
        }
    }
}

/// Before the directory of a damaged database is opened: nothing is known of it without its format file, so it gets one.
/// Which database it is, the control file knows as well.
pub fn complete_directory(
    vfs: &dyn Vfs,
    format: &str,
    own_names: &[&str],
    damage: &mut Damage,
) -> Result<()> {
    let names = vfs.list("").map_err(|error| Error::io("open", vfs.root(), error))?;
    if names.iter().any(|name| name == FORMAT_FILE) {
        match directory::read_format(vfs, format) {
            Err(error) if error.state() == SqlState::DataCorrupted => damage.note(error.to_string()),
            _ => return Ok(()),
        }
    } else if !names.iter().any(|name| own_names.contains(&name.as_str())) {
        let message = format!("there is no database in directory \"{}\"", vfs.root());
        return Err(Error::new(SqlState::UndefinedFile, message));
    } else {
        damage.note(format!("file \"{FORMAT_FILE}\": is missing"));
    }
    let content = directory::format_file(format, ControlFile::database(vfs)?);
    vfs::replace_file(vfs, FORMAT_FILE, content.as_bytes())
}

/// Stands in for a control file that cannot be read.
pub(super) fn guess_control(
    vfs: &Arc<dyn Vfs>,
    database: DatabaseId,
    options: Options,
    damage: &mut Damage,
) -> Result<ControlFile> {
    let size = damage.tolerate(Segments::guess_size(&**vfs))?.flatten();
    let segment_size = size.unwrap_or(options.segment_size);
    let first = match size {
        Some(size) => {
            let mut segments = Segments::open(vfs.clone(), database, size)?;
            LogReader::new(&mut segments, 0, 0).first_record()?
        }
        None => None,
    };
    damage.note(match first {
        Some(first) => format!("Replay begins at {}, the oldest log record there is.", display(first)),
        None => "No log record can be read: the data files are read as they are.".to_string(),
    });
    let redo = first.unwrap_or(Lsn::from(segment_size));
    let data = ControlData {
        database,
        // No record may be of a later epoch than the control file's, and which that was is not known.
        epoch: u32::MAX - 1,
        redo,
        durable: redo,
        next_xid: FIRST_XID,
        next_relation: 0,
        segment_size,
        clean: false,
    };
    ControlFile::guess(&**vfs, data)
}

/// Notes which files are too short. What is there of them can be read: a scan ends where the file ends. Only the commit log
/// stays as long as it was, since a transaction that it does not know would count as aborted, and that is not true.
pub(super) fn note_missing(pages: &mut Pages, damage: &mut Damage) -> Result<()> {
    if !damage.is_noted() {
        return Ok(());
    }
    let written: Vec<(FileId, PageNo)> = pages.written().iter().collect();
    for (file, _) in written {
        let length = pages.files().page_count(file);
        let Some(length) = damage.tolerate(length)? else { continue };
        let sound = pages.written().check_length(file.page(length), length);
        if damage.tolerate(sound)?.is_none() && file != COMMIT_LOG {
            pages.written().limit(file, length);
        }
    }
    Ok(())
}

/// Notes which files are much longer than what is in them, and has them end there: a file of empty pages takes no room on
/// the disk, however long it is, and to read it takes for ever.
pub(super) fn note_empty_ends(pages: &mut Pages, damage: &mut Damage) -> Result<()> {
    if !damage.is_noted() {
        return Ok(());
    }
    for file in pages.files().list()? {
        let Ok(length) = pages.files().page_count(file) else { continue };
        let end = end_of_data(pages, file, length);
        if length - end > MAX_GAP {
            damage.note(format!(
                "file \"{BASE}/{file}\": has {length} pages, but only empty ones from {end} on"
            ));
            pages.set_end(file, end);
        }
    }
    Ok(())
}

/// Where empty pages begin that do not end, or the end of the file. More than this were never added to a file.
fn end_of_data(pages: &mut Pages, file: FileId, length: PageNo) -> PageNo {
    let written = pages.written().of(file).min(length);
    if length - written <= MAX_GAP {
        return length;
    }
    let (mut end, mut page) = (written, Page::zeroed());
    for number in written..length {
        if number - end > MAX_GAP {
            return end;
        }
        if pages.files().read(file.page(number), &mut page).is_err() || !page.is_zeroed() {
            end = number + 1;
        }
    }
    length
}

/// Where the directory of the log is missing, an empty one does.
pub(super) fn do_without_log(vfs: &dyn Vfs) -> Result<()> {
    vfs.create_dir(WAL_DIR).map_err(|error| Error::io("create", WAL_DIR, error))
}

/// Makes pages unreadable, past [`Files`](crate::buffer::Files), which would give them a valid checksum.
pub(super) fn spoil(pages: &mut Pages, lost: &BTreeSet<PageId>) -> Result<()> {
    for id in lost {
        let file = File::open(&**pages.files().vfs(), &format!("{BASE}/{}", id.file))?;
        let (start, len) = (u64::from(id.page) * PAGE_SIZE as u64, file.len()?);
        if start < len {
            file.write_all_at(&[0xff; PAGE_SIZE], start)?;
        }
    }
    Ok(())
}
