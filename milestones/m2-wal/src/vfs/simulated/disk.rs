//! The state of a simulated disk: what the process sees, what is durable, and what is on its way from the one
//! to the other.
//!
//! Bytes and names travel apart, as they do in a file system. Each file has its own queue of changes, emptied by
//! a sync of that file; the names have one queue, from which a sync of a directory takes that directory's.

use super::content::checked_end;
use super::fault::{Faults, Operation, Verdict, no_space};
use super::names::{Entry, NameAction, NameChange, Names, parent};
use super::node::{DataAction, Node, NodeId};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;

/// With more names than this pending, the oldest become durable unasked, as when a journal is full.
const MAX_PENDING_NAMES: usize = 4096;

#[derive(Clone, Default)]
pub(super) struct Disk {
    pub nodes: BTreeMap<NodeId, Arc<Node>>,
    pub live: Names,
    pub durable: Names,
    pub pending: VecDeque<NameChange>,
    next_node: NodeId,
    /// Open handles of the process that runs now, so that a removed file lives on while it is open.
    handles: HashMap<NodeId, usize>,
    pub is_locked: bool,
    /// Raised when the process dies: handles and locks of an earlier one are worth nothing.
    pub process: u64,
    pub faults: Faults,
    pub halt_after: Option<u64>,
    pub capacity: Option<u64>,
    /// The number of the last mutating operation.
    pub operations: u64,
    pub counts: [u64; Operation::ALL.len()],
}

impl Disk {
    /// To be called as each operation begins: counts it, and says how it shall go.
    pub fn begin(&mut self, operation: Operation) -> io::Result<Verdict> {
        if self.halt_after.is_some_and(|last| self.operations >= last) {
            return Err(io::Error::other("the simulated machine has stopped"));
        }
        self.counts[operation as usize] += 1;
        self.operations += u64::from(operation.is_mutating());
        Ok(self.faults.judge(operation))
    }

    /// The same for operations that cannot be done by half.
    pub fn begin_whole(&mut self, operation: Operation) -> io::Result<()> {
        match self.begin(operation)? {
            Verdict::Fail(error) => Err(error),
            Verdict::Pass | Verdict::Short => Ok(()),
        }
    }

    /// What all processes have in common when they end: open files are closed, locks are free.
    pub fn end_process(&mut self) {
        self.process += 1;
        self.handles.clear();
        self.is_locked = false;
        self.halt_after = None;
        self.sweep();
    }

    pub fn is_directory(&self, path: &str) -> bool {
        path.is_empty() || self.live.get(path) == Some(&Entry::Directory)
    }

    pub fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        if !self.is_directory(directory) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = self.live.keys().filter(|path| parent(path) == directory);
        Ok(inside.map(|path| path.rsplit('/').next().unwrap_or(path).to_string()).collect())
    }

    pub fn file(&self, path: &str) -> io::Result<NodeId> {
        match self.live.get(path) {
            Some(Entry::File(node)) => Ok(*node),
            Some(Entry::Directory) => Err(io::ErrorKind::IsADirectory.into()),
            None if path.is_empty() => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Whether a name leads to the file, for the process that runs now.
    pub fn has_name(&self, node: NodeId) -> bool {
        self.live.values().any(|entry| entry.node() == Some(node))
    }

    pub fn add_file(&mut self, path: &str) -> io::Result<NodeId> {
        let node = self.next_node;
        self.add(path, Entry::File(node))?;
        self.next_node += 1;
        self.nodes.insert(node, Arc::default());
        Ok(node)
    }

    pub fn add(&mut self, path: &str, entry: Entry) -> io::Result<()> {
        if path.is_empty() || self.live.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.check_parent(path)?;
        self.change_names(NameAction::Add { path: path.into(), entry });
        Ok(())
    }

    pub fn remove(&mut self, path: &str) -> io::Result<()> {
        let node = self.file(path)?;
        self.change_names(NameAction::Remove { path: path.into(), entry: Entry::File(node) });
        Ok(())
    }

    pub fn remove_dir(&mut self, path: &str) -> io::Result<()> {
        match self.live.get(path) {
            Some(Entry::Directory) if self.list(path)?.is_empty() => {}
            Some(Entry::Directory) => return Err(io::ErrorKind::DirectoryNotEmpty.into()),
            Some(Entry::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        self.change_names(NameAction::Remove { path: path.into(), entry: Entry::Directory });
        Ok(())
    }

    pub fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let node = self.file(from)?;
        self.check_parent(to)?;
        if self.is_directory(to) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if from != to {
            self.change_names(NameAction::Rename { from: from.into(), to: to.into(), node });
        }
        Ok(())
    }

    fn check_parent(&self, path: &str) -> io::Result<()> {
        let directory = parent(path);
        match self.live.get(directory) {
            _ if directory.is_empty() => Ok(()),
            Some(Entry::Directory) => Ok(()),
            Some(Entry::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn change_names(&mut self, action: NameAction) {
        action.apply(&mut self.live);
        let waits_for = action.directories();
        self.pending.push_back(NameChange { operation: self.operations, action, waits_for });
        if self.pending.len() > MAX_PENDING_NAMES
            && let Some(oldest) = self.pending.pop_front()
        {
            oldest.action.apply(&mut self.durable);
            self.sweep();
        }
    }

    pub fn sync_names(&mut self, directory: &str) {
        let durable = &mut self.durable;
        self.pending.retain_mut(|change| {
            change.waits_for.retain(|waiting| **waiting != *directory);
            let done = change.waits_for.is_empty();
            if done {
                change.action.apply(durable);
            }
            !done
        });
        self.sweep();
    }

    /// After a failed sync of a directory: nothing will ever make its pending changes durable.
    pub fn lose_names(&mut self, directory: &str) {
        self.pending.retain(|change| !change.waits_for.iter().any(|waiting| **waiting == *directory));
    }

    pub fn opened(&mut self, node: NodeId) {
        *self.handles.entry(node).or_default() += 1;
    }

    pub fn closed(&mut self, node: NodeId) {
        if let Some(count) = self.handles.get_mut(&node) {
            *count -= 1;
            if *count == 0 {
                self.handles.remove(&node);
            }
        }
    }

    /// Forgets the files that neither a name nor a handle leads to, whatever survives.
    fn sweep(&mut self) {
        let mut used: HashSet<NodeId> = self.handles.keys().copied().collect();
        let names = self.live.values().chain(self.durable.values());
        used.extend(names.filter_map(|entry| entry.node()));
        used.extend(self.pending.iter().filter_map(|change| change.action.node()));
        self.nodes.retain(|node, _| used.contains(node));
    }

    pub fn node(&self, node: NodeId) -> io::Result<&Node> {
        self.nodes.get(&node).map(|node| &**node).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub fn node_mut(&mut self, node: NodeId) -> io::Result<&mut Node> {
        self.nodes.get_mut(&node).map(Arc::make_mut).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// How many bytes fit, of those wanted by a file that is to grow from `len` to `end`.
    fn room(&self, len: u64, end: u64) -> u64 {
        let Some(capacity) = self.capacity else { return u64::MAX };
        if end <= len {
            return u64::MAX;
        }
        let files = self.live.values().filter_map(|entry| self.nodes.get(&entry.node()?));
        capacity.saturating_sub(files.map(|node| node.live.len()).sum())
    }

    /// Writes what there is room for, as a file system does: the rest fails only when it is tried again.
    pub fn write(&mut self, node: NodeId, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let len = self.node(node)?.live.len();
        let end = checked_end(offset, bytes.len())?;
        let room = len.saturating_add(self.room(len, end)).saturating_sub(offset);
        let fitting = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        if fitting < bytes.len() && fitting == 0 {
            return Err(no_space());
        }
        let bytes = &bytes[..fitting];
        let operation = self.operations;
        let node = self.node_mut(node)?;
        node.live.write(bytes, offset)?;
        let images = node.live.images(offset, bytes.len());
        node.push(operation, DataAction::Write { offset, len: bytes.len(), images });
        Ok(bytes.len())
    }

    pub fn set_len(&mut self, node: NodeId, len: u64) -> io::Result<()> {
        self.resize(node, DataAction::SetLen(len), len)
    }

    pub fn allocate(&mut self, node: NodeId, len: u64) -> io::Result<()> {
        if self.node(node)?.live.len() < len {
            self.resize(node, DataAction::Allocate(len), len)?;
        }
        Ok(())
    }

    fn resize(&mut self, node: NodeId, action: DataAction, len: u64) -> io::Result<()> {
        let old = self.node(node)?.live.len();
        if len > old && self.room(old, len) < len - old {
            return Err(no_space());
        }
        let operation = self.operations;
        let node = self.node_mut(node)?;
        node.live.set_len(len)?;
        node.push(operation, action);
        Ok(())
    }
}
