//! One file: as the process sees it, as it is durable, and the changes between.

use super::content::{CHUNK, Chunk, Content};
use std::collections::VecDeque;
use std::sync::Arc;

/// With more chunks than this pending in a file (32 MiB), the oldest are written back unasked, as a kernel does
/// when too much memory is dirty. It bounds the memory for a process that never syncs.
pub(super) const MAX_PENDING_CHUNKS: usize = 8192;

/// A file apart from its names: what file systems call an inode.
pub(super) type NodeId = u64;

#[derive(Clone, Default)]
pub(super) struct Node {
    pub live: Content,
    /// What a power cut leaves for certain. All that `live` has more is in `pending`, or was lost by a sync
    /// that failed.
    pub durable: Content,
    pub pending: VecDeque<DataChange>,
    pending_chunks: usize,
}

#[derive(Clone)]
pub(super) struct DataChange {
    pub operation: u64,
    pub action: DataAction,
}

#[derive(Clone)]
pub(super) enum DataAction {
    /// `images` are the chunks as this write left them. A sector reaches the disk with all that the cache has
    /// in it, older pending bytes included, so these and not just the bytes written are what can survive.
    Write {
        offset: u64,
        len: usize,
        images: Arc<[Arc<Chunk>]>,
    },
    SetLen(u64),
    Allocate(u64),
}

impl Node {
    /// A file of which all is durable.
    pub fn durable(content: Content) -> Node {
        Node { live: content.clone(), durable: content, ..Node::default() }
    }

    pub fn push(&mut self, operation: u64, action: DataAction) {
        self.pending_chunks += action.chunks();
        self.pending.push_back(DataChange { operation, action });
        while self.pending_chunks > MAX_PENDING_CHUNKS {
            self.write_back_oldest();
        }
    }

    pub fn sync(&mut self) {
        while !self.pending.is_empty() {
            self.write_back_oldest();
        }
    }

    /// After a failed sync: the cache says "clean" of what never reached the disk, so a later sync, which will
    /// report success, does not write it either.
    pub fn lose_pending(&mut self) {
        self.pending.clear();
        self.pending_chunks = 0;
    }

    fn write_back_oldest(&mut self) {
        let Some(change) = self.pending.pop_front() else { return };
        self.pending_chunks -= change.action.chunks();
        match change.action {
            DataAction::Write { offset, len, images } => {
                for (index, image) in images.iter().enumerate() {
                    self.durable.put_chunk((offset / CHUNK as u64) as usize + index, image.clone());
                }
                self.durable.grow(offset + len as u64);
                self.durable.clear_tail();
            }
            other => other.resize(&mut self.durable),
        }
    }
}

impl DataAction {
    /// What it weighs in the queue.
    fn chunks(&self) -> usize {
        match self {
            DataAction::Write { images, .. } => images.len(),
            DataAction::SetLen(_) | DataAction::Allocate(_) => 1,
        }
    }

    /// Applies a change of the length.
    pub fn resize(&self, content: &mut Content) {
        match *self {
            // The live file took the same length without complaint, so this one does.
            DataAction::SetLen(len) => drop(content.set_len(len)),
            DataAction::Allocate(len) => content.grow(len),
            DataAction::Write { .. } => {}
        }
    }
}
