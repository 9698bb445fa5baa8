//! What a journal makes of a disk: as the program sees it, and as a power cut would leave it.
//!
//! Bytes, lengths and names that were not synced wait in the order in which they were changed. A sync of a file makes its own
//! bytes and its length durable, one of a directory the names in it, and nothing else. A sync that fails makes nothing durable,
//! and what it was to write waits no longer: the program still sees it, and no later sync will write it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::journal::{Event, Synced};

/// A disk writes whole sectors, each with all that the cache has of it.
pub const SECTOR: u64 = 512;

pub type FileNumber = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    File(FileNumber),
    Directory,
}

#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    pending: Vec<NameChange>,
    /// Counts the changes.
    clock: u64,
    /// Syncs of the log succeed, and make nothing durable.
    lies: bool,
}

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    pending: Vec<Change>,
}

/// A change of a file that waits.
#[derive(Clone, Debug)]
pub struct Change {
    /// When it was made.
    pub number: u64,
    pub what: Changed,
}

#[derive(Clone, Debug)]
pub enum Changed {
    /// Whole sectors, except at the end of the file.
    Bytes {
        offset: u64,
        bytes: Vec<u8>,
    },
    Len(u64),
}

#[derive(Clone, Debug)]
struct NameChange {
    number: u64,
    removed: Option<String>,
    added: Option<(String, Node)>,
}

/// Files and directories by their paths: a directory has no bytes.
pub type Image = BTreeMap<String, Option<Vec<u8>>>;

/// Which changes of those that wait got through.
pub trait Survivors {
    /// Changes of names and lengths are in the file system's own journal, and so survive in their order: those before this one.
    fn before(&self) -> u64;

    /// The sector of a file is on the disk as it was before this change; none of its changes got through if it is 0.
    fn sector(&self, file: FileNumber, sector: u64) -> u64;
}

impl Disk {
    /// A disk that holds an image, durably.
    pub fn new(image: &Image) -> Disk {
        let mut disk = Disk::default();
        for (path, bytes) in image {
            let node = match bytes {
                None => Node::Directory,
                Some(bytes) => {
                    let bytes = Arc::new(bytes.clone());
                    disk.files.push(File { durable: bytes.clone(), bytes, pending: Vec::new() });
                    Node::File(disk.files.len() - 1)
                }
            };
            disk.names.insert(path.clone(), node);
        }
        disk.durable = disk.names.clone();
        disk
    }

    /// From now on, syncs of the log are lies.
    pub fn lie(&mut self) {
        self.lies = true;
    }

    pub fn names(&self) -> &BTreeMap<String, Node> {
        &self.names
    }

    /// How many files there were so far.
    pub fn files(&self) -> FileNumber {
        self.files.len()
    }

    /// How many changes there were so far.
    pub fn changes(&self) -> u64 {
        self.clock
    }

    /// Everything that waits: each file's changes in their order.
    pub fn pending(&self) -> impl Iterator<Item = (FileNumber, &Change)> {
        let files = self.files.iter().enumerate();
        files.flat_map(|(number, file)| file.pending.iter().map(move |change| (number, change)))
    }

    pub fn pending_names(&self) -> impl Iterator<Item = u64> {
        self.pending.iter().map(|change| change.number)
    }

    pub fn is_pending(&self) -> bool {
        self.pending().next().is_some() || !self.pending.is_empty()
    }

    pub fn apply(&mut self, event: &Event) {
        self.clock += 1;
        match event {
            Event::Create { path, file } => {
                self.files.resize_with(self.files.len().max(file + 1), File::default);
                self.rename(None, Some((path.clone(), Node::File(*file))));
            }
            Event::MakeDir { path } => self.rename(None, Some((path.clone(), Node::Directory))),
            Event::Remove { path } => self.rename(Some(path.clone()), None),
            Event::Rename { from, to } => {
                let node = self.names.get(from).copied();
                self.rename(Some(from.clone()), node.map(|node| (to.clone(), node)));
            }
            Event::Write { file, offset, bytes } => {
                let number = self.clock;
                self.edit(*file, |file| file.write(number, *offset, bytes));
            }
            Event::SetLen { file, len } => {
                let number = self.clock;
                self.edit(*file, |file| file.set_len(number, *len));
            }
            Event::Allocate { file, len } => {
                let number = self.clock;
                self.edit(*file, |file| {
                    if *len > file.bytes.len() as u64 {
                        file.set_len(number, *len);
                    }
                });
            }
            Event::Sync { node: Synced::File(file), failed } => {
                if !(self.lies && self.is_log(*file)) {
                    self.edit(*file, |file| file.sync(*failed));
                }
            }
            Event::Sync { node: Synced::Directory(path), failed } => self.sync_names(path, *failed),
            Event::Say(_) => {}
        }
    }

    fn edit(&mut self, file: FileNumber, edit: impl FnOnce(&mut File)) {
        if let Some(file) = self.files.get_mut(file) {
            edit(file);
        }
    }

    fn rename(&mut self, removed: Option<String>, added: Option<(String, Node)>) {
        let change = NameChange { number: self.clock, removed, added };
        change.apply(&mut self.names);
        self.pending.push(change);
    }

    fn sync_names(&mut self, directory: &str, failed: bool) {
        let Disk { pending, durable, .. } = self;
        pending.retain(|change| {
            let concerns = change.directory() == directory;
            if concerns && !failed {
                change.apply(durable);
            }
            !concerns
        });
    }

    /// A segment of the log in use, and not one that is still being prepared.
    fn is_log(&self, file: FileNumber) -> bool {
        self.path(file).is_some_and(is_segment)
    }

    /// The name of a file, as the program sees it.
    pub fn path(&self, file: FileNumber) -> Option<&str> {
        self.names.iter().find(|(_, node)| **node == Node::File(file)).map(|(path, _)| path.as_str())
    }

    /// What the program sees.
    pub fn seen(&self) -> Image {
        self.image(&self.names, |_, file| Vec::clone(&file.bytes))
    }

    /// What is there after a power cut.
    pub fn after_cut(&self, survivors: &impl Survivors) -> Image {
        let mut names = self.durable.clone();
        for change in self.pending.iter().filter(|change| change.number < survivors.before()) {
            change.apply(&mut names);
        }
        self.image(&names, |number, file| file.after_cut(number, survivors))
    }

    /// The files with these names. What lies in a directory that is not there is not there either.
    fn image(&self, names: &BTreeMap<String, Node>, bytes: impl Fn(FileNumber, &File) -> Vec<u8>) -> Image {
        let mut image = Image::new();
        for (path, node) in names {
            let parent = parent(path);
            if parent.is_empty() || image.get(parent).is_some_and(Option::is_none) {
                let bytes = match node {
                    Node::Directory => None,
                    Node::File(number) => self.files.get(*number).map(|file| bytes(*number, file)),
                };
                image.insert(path.clone(), bytes);
            }
        }
        image
    }
}

impl NameChange {
    /// What came before may be lost.
    fn apply(&self, names: &mut BTreeMap<String, Node>) {
        if let Some(path) = &self.removed {
            names.remove(path);
        }
        if let Some((path, node)) = &self.added {
            names.insert(path.clone(), *node);
        }
    }

    /// A move from one directory to another needs both, and there is none.
    fn directory(&self) -> &str {
        let path = self.added.as_ref().map(|(path, _)| path).or(self.removed.as_ref());
        path.map_or("", |path| parent(path))
    }
}

impl File {
    fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) {
        let end = offset + bytes.len() as u64;
        if end > self.len_on_disk() {
            self.pending.push(Change { number, what: Changed::Len(end) });
        }
        let content = Arc::make_mut(&mut self.bytes);
        content.resize(content.len().max(end as usize), 0);
        content[offset as usize..end as usize].copy_from_slice(bytes);
        let from = offset / SECTOR * SECTOR;
        let to = end.next_multiple_of(SECTOR).min(content.len() as u64);
        let bytes = content[from as usize..to as usize].to_vec();
        self.pending.push(Change { number, what: Changed::Bytes { offset: from, bytes } });
    }

    /// The length when all that waits has got through. That of a failed sync is lost as the bytes are, and comes back with a
    /// write that needs it.
    fn len_on_disk(&self) -> u64 {
        let changed = self.pending.iter().rev().find_map(|change| match change.what {
            Changed::Len(len) => Some(len),
            Changed::Bytes { .. } => None,
        });
        changed.unwrap_or(self.durable.len() as u64)
    }

    fn set_len(&mut self, number: u64, len: u64) {
        Arc::make_mut(&mut self.bytes).resize(len as usize, 0);
        self.pending.push(Change { number, what: Changed::Len(len) });
    }

    fn sync(&mut self, failed: bool) {
        if !failed {
            let content = Arc::make_mut(&mut self.durable);
            self.pending.iter().for_each(|change| change.apply(content, |_| true));
        }
        self.pending.clear();
    }

    fn after_cut(&self, number: FileNumber, survivors: &impl Survivors) -> Vec<u8> {
        let mut content = Vec::clone(&self.durable);
        for change in &self.pending {
            match change.what {
                Changed::Len(_) if change.number < survivors.before() => {
                    change.apply(&mut content, |_| true);
                }
                Changed::Len(_) => {}
                Changed::Bytes { .. } => {
                    change.apply(&mut content, |sector| change.number < survivors.sector(number, sector));
                }
            }
        }
        content
    }
}

impl Change {
    /// Carries out the change of a length, or that of the sectors that `survives` says. What lies behind the end is not there.
    fn apply(&self, content: &mut Vec<u8>, survives: impl Fn(u64) -> bool) {
        match &self.what {
            Changed::Len(len) => content.resize(*len as usize, 0),
            Changed::Bytes { offset, bytes } => {
                for (sector, bytes) in (offset / SECTOR..).zip(bytes.chunks(SECTOR as usize)) {
                    let start = ((sector * SECTOR) as usize).min(content.len());
                    let end = (start + bytes.len()).min(content.len());
                    if survives(sector) {
                        content[start..end].copy_from_slice(&bytes[..end - start]);
                    }
                }
            }
        }
    }
}

/// Whether a file is a segment of the log that has its final name.
pub fn is_segment(path: &str) -> bool {
    path.contains("/wal/") && !path.contains('.')
}

pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Survivors for Nothing {
        fn before(&self) -> u64 {
            0
        }

        fn sector(&self, _: FileNumber, _: u64) -> u64 {
            0
        }
    }

    fn disk(events: &[Event]) -> Disk {
        let mut disk = Disk::default();
        events.iter().for_each(|event| disk.apply(event));
        disk
    }

    fn write(offset: u64, bytes: &[u8]) -> Event {
        Event::Write { file: 0, offset, bytes: bytes.to_vec() }
    }

    fn sync(failed: bool) -> Event {
        Event::Sync { node: Synced::File(0), failed }
    }

    fn sync_root() -> Event {
        Event::Sync { node: Synced::Directory(String::new()), failed: false }
    }

    fn create(path: &str) -> Event {
        Event::Create { path: path.into(), file: 0 }
    }

    fn left(disk: &Disk) -> Option<Vec<u8>> {
        disk.after_cut(&Nothing).get("f").cloned().flatten()
    }

    #[test]
    fn bytes_need_a_sync_of_the_file_and_its_name_one_of_the_directory() {
        let synced = disk(&[create("f"), write(0, b"abc"), sync(false)]);
        assert_eq!(left(&synced), None);
        assert_eq!(synced.seen()["f"].as_deref(), Some(b"abc".as_slice()));
        assert_eq!(left(&disk(&[create("f"), write(0, b"abc"), sync_root()])), Some(Vec::new()));
        let mut both = disk(&[create("f"), write(0, b"abc"), sync(false), sync_root()]);
        assert_eq!(left(&both), Some(b"abc".to_vec()));
        assert!(!both.is_pending());
        both.apply(&Event::Rename { from: "f".into(), to: "g".into() });
        both.apply(&write(1, b"x"));
        assert_eq!(left(&both), Some(b"abc".to_vec()));
    }

    #[test]
    fn what_a_failed_sync_has_lost_no_other_sync_writes() {
        let made = [create("f"), write(0, &[1; 1024]), sync(false), sync_root()];
        let mut disk = disk(&made);
        [write(0, &[2; 1024]), sync(true), sync(false)].iter().for_each(|event| disk.apply(event));
        assert_eq!(left(&disk), Some(vec![1; 1024]));
        assert_eq!(disk.seen()["f"], Some(vec![2; 1024]));
        // A sector that is written again is written as a whole.
        [write(600, &[3]), sync(false)].iter().for_each(|event| disk.apply(event));
        let mut expected = [vec![1; 512], vec![2; 512]].concat();
        expected[600] = 3;
        assert_eq!(left(&disk), Some(expected));
    }

    #[test]
    fn a_length_that_a_failed_sync_has_lost_comes_back_with_a_write() {
        let mut disk = disk(&[create("f"), sync_root(), Event::Allocate { file: 0, len: 1024 }, sync(true)]);
        disk.apply(&sync(false));
        assert_eq!(left(&disk), Some(Vec::new()));
        [write(0, &[1; 600]), sync(false)].iter().for_each(|event| disk.apply(event));
        assert_eq!(left(&disk), Some([vec![1; 600]].concat()));
        assert_eq!(disk.seen()["f"].as_ref().map(Vec::len), Some(1024));
    }

    #[test]
    fn what_lies_in_a_directory_without_a_durable_name_is_not_there() {
        let events = [
            Event::MakeDir { path: "d".into() },
            create("d/f"),
            Event::Sync { node: Synced::Directory("d".into()), failed: false },
        ];
        assert!(disk(&events).after_cut(&Nothing).is_empty());
        assert_eq!(disk(&events).seen().len(), 2);
    }

    #[test]
    fn a_lie_is_about_the_log_alone() {
        for (path, kept) in [("f", true), ("data/wal/0001", false), ("data/wal/0001.new", true)] {
            let mut disk = Disk::default();
            disk.lie();
            for event in [create(path), write(0, b"abc"), sync(false)] {
                disk.apply(&event);
            }
            assert_eq!(disk.is_pending() && disk.pending().next().is_some(), !kept, "{path}");
        }
    }
}
