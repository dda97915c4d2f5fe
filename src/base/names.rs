//! The table of node names: which id is which node, and back.
//!
//! Commands, reports and the screen use it; machines only where a wire between them bears names.

use super::ids::{NodeId, Peer, VisitorId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Names of nodes in the file's order. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    table: Arc<Table>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    list: Vec<Arc<str>>,
    index: HashMap<Arc<str>, NodeId>,
}

impl Names {
    /// A table of these names; the first gets id 0.
    ///
    /// # Panics
    /// With more than 65,535 names: a topology is checked against a far lower limit first.
    #[must_use]
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let list: Vec<Arc<str>> = names.into_iter().map(|name| Arc::from(name.as_ref())).collect();
        let number =
            |at: usize| NodeId(u16::try_from(at).expect("a topology has at most 2,000 nodes"));
        let index = list.iter().enumerate().map(|(at, name)| (name.clone(), number(at))).collect();
        Self { table: Arc::new(Table { list, index }) }
    }

    /// The id of the node with this name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<NodeId> {
        self.table.index.get(name).copied()
    }

    /// The name of a node; `?` for an id that is not in the table.
    #[must_use]
    pub fn of(&self, id: NodeId) -> &str {
        self.table.list.get(id.index()).map_or("?", |name| name)
    }

    /// The name of a peer: a node's own, or `visitor-3`.
    #[must_use]
    pub fn peer(&self, peer: Peer) -> PeerName<'_> {
        PeerName { names: self, peer }
    }

    /// All names in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.table.list.iter().map(AsRef::as_ref)
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.list.is_empty()
    }
}

/// A peer's name, for display.
#[derive(Debug, Clone, Copy)]
pub struct PeerName<'a> {
    names: &'a Names,
    peer: Peer,
}

impl fmt::Display for PeerName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            Peer::Node(id) => f.pad(self.names.of(id)),
            Peer::Visitor(VisitorId::ANY) => f.pad("visitors"),
            Peer::Visitor(id) => f.pad(&format!("visitor-{id}")),
        }
    }
}
