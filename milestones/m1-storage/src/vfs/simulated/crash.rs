//! The power cut: from what was durable and what was pending to what a restarted machine finds.

use super::content::{CHUNK, Content};
use super::disk::Disk;
use super::names::{Entry, NameAction, NameChange, Names, parent};
use super::node::{DataAction, DataChange, Node, NodeId};
use super::report::{CrashReport, FileReport};
use super::survival::{Fate, Lot, Random, Subject, Survival, draw};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Ends the process and cuts the power. The disk is then as after a restart: nothing pends.
pub(super) fn power_cut(disk: &mut Disk, policy: Survival, seed: u64) -> CrashReport {
    let sector = if seed.is_multiple_of(2) { 512 } else { CHUNK };
    let mut random = Random::new(seed);
    let changes = pending_changes(disk);
    let subjects: Vec<_> = changes.iter().map(|change| change.subject(sector)).collect();
    let lots = draw(policy, &subjects, &mut random);

    let (names, lost_names) = surviving_names(disk, &changes, &lots);
    let files = surviving_files(disk, &changes, &lots, sector, &mut random);
    let reports = file_reports(disk, &files, sector);
    let report = CrashReport { policy, seed, sector, files: reports, lost_names };

    let contents: BTreeMap<_, _> = files.into_iter().map(|(id, file)| (id, file.content)).collect();
    for (id, node) in &mut disk.nodes {
        let content = contents.get(id).unwrap_or(&node.durable).clone();
        *node = Arc::new(Node::durable(content));
    }
    disk.live = names.clone();
    disk.durable = names;
    disk.pending.clear();
    disk.end_process();
    report
}

enum Change<'a> {
    Data(NodeId, &'a DataChange),
    Name(&'a NameChange),
}

/// A place that a change alters.
#[derive(PartialEq)]
enum Place {
    Sector(NodeId, u64),
    Length(NodeId),
    /// Each change of names is a place of its own.
    Name(u64),
}

impl Change<'_> {
    fn operation(&self) -> u64 {
        match self {
            Change::Data(_, change) => change.operation,
            Change::Name(change) => change.operation,
        }
    }

    fn subject(&self, sector: usize) -> Subject<Place> {
        let parts = match self {
            Change::Name(change) => vec![Place::Name(change.operation)],
            Change::Data(id, change) => match change.action.sectors(sector) {
                Some(sectors) => sectors.map(|number| Place::Sector(*id, number)).collect(),
                None => vec![Place::Length(*id)],
            },
        };
        Subject { parts }
    }
}

impl DataAction {
    /// The numbers of the sectors that a write touches.
    fn sectors(&self, sector: usize) -> Option<std::ops::RangeInclusive<u64>> {
        match *self {
            DataAction::Write { offset, len, .. } => {
                let last = (offset + len as u64).saturating_sub(1);
                Some(offset / sector as u64..=last / sector as u64)
            }
            DataAction::SetLen(_) | DataAction::Allocate(_) => None,
        }
    }
}

/// All that pends, in the order in which the process did it.
fn pending_changes(disk: &Disk) -> Vec<Change<'_>> {
    let data =
        disk.nodes.iter().flat_map(|(id, node)| node.pending.iter().map(|change| Change::Data(*id, change)));
    let mut changes: Vec<_> = data.chain(disk.pending.iter().map(Change::Name)).collect();
    changes.sort_by_key(Change::operation);
    changes
}

/// The names after the cut, and the changes that were lost, in words. Surviving changes keep their order: a file
/// system writes an older state of a directory over a newer one no more than an older page over a newer one.
fn surviving_names(disk: &Disk, changes: &[Change], lots: &[Lot]) -> (Names, Vec<String>) {
    let mut kept = vec![false; changes.len()];
    for lot in lots {
        kept[lot.change] = lot.fates.contains(&Fate::Kept);
    }
    let mut names = disk.durable.clone();
    let mut lost = Vec::new();
    for (change, kept) in changes.iter().zip(kept) {
        match change {
            Change::Name(change) if kept => change.action.apply(&mut names),
            Change::Name(change) => lost.push(in_words(&change.action)),
            Change::Data(..) => {}
        }
    }
    (without_lost_directories(names), lost)
}

/// A directory whose own name was lost takes with it what is in it.
fn without_lost_directories(names: Names) -> Names {
    let mut reachable = Names::new();
    for (path, entry) in names {
        // A directory sorts before what is in it.
        let directory = parent(&path);
        if directory.is_empty() || reachable.get(directory) == Some(&Entry::Directory) {
            reachable.insert(path, entry);
        }
    }
    reachable
}

fn in_words(action: &NameAction) -> String {
    match action {
        NameAction::Add { path, entry: Entry::File(_) } => format!("creation of \"{path}\""),
        NameAction::Add { path, entry: Entry::Directory } => format!("creation of directory \"{path}\""),
        NameAction::Remove { path, .. } => format!("removal of \"{path}\""),
        NameAction::Rename { from, to, .. } => format!("renaming of \"{from}\" to \"{to}\""),
    }
}

/// A file on its way through the cut.
struct Survivor {
    content: Content,
    sectors: BTreeMap<u64, SectorState>,
    writes: usize,
    bytes: u64,
}

struct SectorState {
    /// The last write that changed it.
    newest: usize,
    /// The write whose version of it is on the disk now, if any of them is.
    landed: Option<usize>,
    garbled: bool,
}

impl SectorState {
    fn fate(&self) -> Fate {
        match self.landed {
            Some(_) if self.garbled => Fate::Garbled,
            Some(write) if write == self.newest => Fate::Kept,
            _ => Fate::Lost,
        }
    }
}

fn surviving_files(
    disk: &Disk,
    changes: &[Change],
    lots: &[Lot],
    sector: usize,
    random: &mut Random,
) -> BTreeMap<NodeId, Survivor> {
    let mut files = BTreeMap::new();
    for (index, change) in changes.iter().enumerate() {
        if let Change::Data(id, change) = change
            && let Some(node) = disk.nodes.get(id)
        {
            files.entry(*id).or_insert_with(|| Survivor::new(node)).expect(index, &change.action, sector);
        }
    }
    for lot in lots {
        if let Some(Change::Data(id, change)) = changes.get(lot.change)
            && let Some(file) = files.get_mut(id)
        {
            file.receive(lot, &change.action, sector, random);
        }
    }
    for file in files.values_mut() {
        file.content.clear_tail();
    }
    files
}

impl Survivor {
    fn new(node: &Node) -> Survivor {
        Survivor { content: node.durable.clone(), sectors: BTreeMap::new(), writes: 0, bytes: 0 }
    }

    /// Notes what should have reached the disk.
    fn expect(&mut self, change: usize, action: &DataAction, sector: usize) {
        if let DataAction::Write { len, .. } = action {
            self.writes += 1;
            self.bytes += *len as u64;
        }
        for number in action.sectors(sector).into_iter().flatten() {
            let state = SectorState { newest: change, landed: None, garbled: false };
            self.sectors.entry(number).or_insert(state).newest = change;
        }
    }

    /// Lets those parts of a change reach the disk that its lot says.
    fn receive(&mut self, lot: &Lot, action: &DataAction, sector: usize, random: &mut Random) {
        let DataAction::Write { offset, len, images } = action else {
            if lot.fates.contains(&Fate::Kept) {
                action.resize(&mut self.content);
            }
            return;
        };
        let (first_chunk, end) = (*offset / CHUNK as u64, *offset + *len as u64);
        for (number, &fate) in action.sectors(sector).into_iter().flatten().zip(&lot.fates) {
            let start = number * sector as u64;
            let chunk = start / CHUNK as u64;
            let within = (start % CHUNK as u64) as usize;
            let image = images.get((chunk - first_chunk) as usize);
            let (Some(image), false) = (image, fate == Fate::Lost) else { continue };
            let (chunk, mut garbled) = (chunk as usize, fate == Fate::Garbled);
            if sector == CHUNK && !garbled {
                self.content.put_chunk(chunk, image.clone());
            } else {
                let target = &mut self.content.chunk_mut(chunk)[within..within + sector];
                let source = &image[within..within + sector];
                match garbled {
                    true => garbled = garble(target, source, random),
                    false => target.copy_from_slice(source),
                }
            }
            self.content.grow(end.min(start + sector as u64));
            if let Some(state) = self.sectors.get_mut(&number) {
                state.landed = Some(lot.change);
                state.garbled = garbled;
            }
        }
    }

    fn report(&self, path: &str, len_before: u64, sector: usize) -> FileReport {
        let mut report = FileReport {
            path: path.to_string(),
            writes: self.writes,
            bytes: self.bytes,
            len_before,
            len_after: self.content.len(),
            ..FileReport::default()
        };
        let mut before: Option<(u64, &SectorState)> = None;
        for (&number, state) in self.sectors.range(..len_before.div_ceil(sector as u64)) {
            match state.fate() {
                Fate::Kept => report.kept += 1,
                Fate::Lost => report.lost += 1,
                Fate::Garbled => report.garbled += 1,
            }
            if let Some((previous, other)) = before
                && (previous + 1, other.newest) == (number, state.newest)
                && other.fate() != state.fate()
            {
                report.torn_at.get_or_insert(number * sector as u64);
            }
            before = Some((number, state));
        }
        report
    }
}

/// Puts random bytes where the sector was to change; whether it was.
fn garble(target: &mut [u8], source: &[u8], random: &mut Random) -> bool {
    let mut changed = false;
    for (old, new) in target.iter_mut().zip(source).filter(|(old, new)| old != new) {
        *old = random.next() as u8;
        changed |= old != new;
    }
    changed
}

/// The files that the process knew by a name.
fn file_reports(disk: &Disk, files: &BTreeMap<NodeId, Survivor>, sector: usize) -> Vec<FileReport> {
    let report = |(path, entry): (&Arc<str>, &Entry)| {
        let id = entry.node()?;
        Some(files.get(&id)?.report(path, disk.nodes.get(&id)?.live.len(), sector))
    };
    disk.live.iter().filter_map(report).collect()
}
