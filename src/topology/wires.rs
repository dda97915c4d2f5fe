//! Which wire each link speaks. A link has one wire for both directions: questions and answers share a connection.

use super::model::Wire;
use crate::base::NodeId;
use std::collections::BTreeMap;

/// The wires of all links.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::zero_sized_map_values, reason = "there is one wire so far")]
pub struct Wires {
    default: Wire,
    /// Links that differ, the lower id first.
    special: BTreeMap<(NodeId, NodeId), Wire>,
}

impl Wires {
    /// Every link speaks this wire, until one is given another.
    #[must_use]
    #[expect(clippy::zero_sized_map_values, reason = "there is one wire so far")]
    pub fn new(default: Wire) -> Self {
        Self { default, special: BTreeMap::new() }
    }

    /// The link between two nodes speaks this wire.
    pub fn set(&mut self, a: NodeId, b: NodeId, wire: Wire) {
        if wire == self.default {
            self.special.remove(&pair(a, b));
        } else {
            self.special.insert(pair(a, b), wire);
        }
    }

    /// The wire of the link between two nodes.
    #[must_use]
    pub fn between(&self, a: NodeId, b: NodeId) -> Wire {
        self.special.get(&pair(a, b)).copied().unwrap_or(self.default)
    }
}

fn pair(a: NodeId, b: NodeId) -> (NodeId, NodeId) {
    (a.min(b), a.max(b))
}
