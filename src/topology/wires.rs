//! Which wire each link speaks. A link has one wire for both directions: questions and answers share a connection.

use super::model::Wire;
use crate::base::NodeId;
use std::collections::BTreeMap;

/// The wires of all links. Generic, so that its rules can be tested while there is one wire only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wires<W = Wire> {
    default: W,
    /// Links that differ, the lower id first.
    special: BTreeMap<(NodeId, NodeId), W>,
}

impl<W: Copy + PartialEq> Wires<W> {
    /// Every link speaks this wire, until one is given another.
    #[must_use]
    pub fn new(default: W) -> Self {
        Self { default, special: BTreeMap::new() }
    }

    /// The link between two nodes speaks this wire.
    pub fn set(&mut self, a: NodeId, b: NodeId, wire: W) {
        if wire == self.default {
            self.special.remove(&pair(a, b));
        } else {
            self.special.insert(pair(a, b), wire);
        }
    }

    /// The wire of the link between two nodes.
    #[must_use]
    pub fn between(&self, a: NodeId, b: NodeId) -> W {
        self.special.get(&pair(a, b)).copied().unwrap_or(self.default)
    }
}

fn pair(a: NodeId, b: NodeId) -> (NodeId, NodeId) {
    (a.min(b), a.max(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_speaks_its_own_wire_in_both_directions_and_the_others_the_usual_one() {
        let [a, b, c] = [0, 1, 2].map(NodeId);
        let mut wires = Wires::new("usual");
        wires.set(b, a, "special");
        assert_eq!((wires.between(a, b), wires.between(b, a)), ("special", "special"));
        assert_eq!((wires.between(b, c), wires.between(a, c)), ("usual", "usual"));
        wires.set(a, b, "other");
        assert_eq!(wires.between(b, a), "other");
        wires.set(a, b, "usual");
        assert_eq!(wires, Wires::new("usual"), "nothing is kept of what is usual");
    }
}
