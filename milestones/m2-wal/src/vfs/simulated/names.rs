//! Names, and the changes to them that wait for a sync of their directory.

use super::node::NodeId;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    File(NodeId),
    Directory,
}

pub(super) type Names = BTreeMap<Arc<str>, Entry>;

#[derive(Clone)]
pub(super) struct NameChange {
    pub operation: u64,
    pub action: NameAction,
    /// The directories that must be synced before it is durable: two for a move from one to another.
    pub waits_for: Vec<Arc<str>>,
}

/// Each is atomic: it survives as a whole or not at all.
#[derive(Clone)]
pub(super) enum NameAction {
    Add { path: Arc<str>, entry: Entry },
    Remove { path: Arc<str>, entry: Entry },
    Rename { from: Arc<str>, to: Arc<str>, node: NodeId },
}

impl Entry {
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Entry::File(node) => Some(*node),
            Entry::Directory => None,
        }
    }
}

impl NameAction {
    /// Changes `names`, which may lack what came before: an earlier change may have been lost.
    pub fn apply(&self, names: &mut Names) {
        match self {
            NameAction::Add { path, entry } => drop(names.insert(path.clone(), *entry)),
            NameAction::Remove { path, entry: Entry::File(node) } => remove_if(names, path, *node),
            // It was empty: what is still in it was removed, too, and that has only not become durable.
            NameAction::Remove { path, entry: Entry::Directory } => {
                names.retain(|name, _| **name != **path && parent(name) != &**path);
            }
            NameAction::Rename { from, to, node } => {
                remove_if(names, from, *node);
                names.insert(to.clone(), Entry::File(*node));
            }
        }
    }

    pub fn node(&self) -> Option<NodeId> {
        match self {
            NameAction::Add { entry, .. } | NameAction::Remove { entry, .. } => entry.node(),
            NameAction::Rename { node, .. } => Some(*node),
        }
    }

    pub fn directories(&self) -> Vec<Arc<str>> {
        match self {
            NameAction::Add { path, .. } | NameAction::Remove { path, .. } => vec![parent(path).into()],
            NameAction::Rename { from, to, .. } if parent(from) == parent(to) => vec![parent(to).into()],
            NameAction::Rename { from, to, .. } => vec![parent(from).into(), parent(to).into()],
        }
    }
}

fn remove_if(names: &mut Names, path: &str, node: NodeId) {
    if names.get(path) == Some(&Entry::File(node)) {
        names.remove(path);
    }
}

pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}
