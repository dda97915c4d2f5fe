//! The wires, where a node listens with them, and which of them each link speaks. A link has one wire for both
//! directions: questions and answers share a connection.
//!
//! Replicas speak `json` to every node, whoever asks: to each other, to their clients, to a TS in front of them.

use crate::base::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is spoken on a link, and at a listening port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// The course's lines over TCP, in the dialect of the topology.
    #[default]
    Line,
    /// What replicas speak: one JSON object a line, over TCP.
    Json,
    /// Real DNS, over UDP and, where a datagram is too small, TCP.
    Dns,
}

impl Wire {
    /// Every wire.
    pub const ALL: [Self; 3] = [Self::Line, Self::Json, Self::Dns];

    /// Whether its messages usually travel as datagrams.
    #[must_use]
    pub const fn takes_datagrams(self) -> bool {
        matches!(self, Self::Dns)
    }

    /// The word in files and in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Json => "json",
            Self::Dns => "dns",
        }
    }
}

/// Where a node listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Listen {
    /// The port of the line wire; `Some(0)` for one that the lab chooses, `None` where the node does not listen.
    pub line: Option<u16>,
    /// The port of the JSON wire; likewise.
    pub json: Option<u16>,
    /// The port of DNS, on UDP and on TCP; likewise.
    pub dns: Option<u16>,
    /// The address to bind, 127.0.0.1 where none is given.
    pub address: Option<std::net::IpAddr>,
}

impl Listen {
    /// The port of a wire; `Some(0)` for one that the lab chooses, `None` where the node does not listen with it.
    #[must_use]
    pub const fn port(&self, wire: Wire) -> Option<u16> {
        match wire {
            Wire::Line => self.line,
            Wire::Json => self.json,
            Wire::Dns => self.dns,
        }
    }
}

/// The wires of all links.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wires {
    default: Wire,
    /// Links that differ, the lower id first.
    #[serde(with = "pairs")]
    special: BTreeMap<(NodeId, NodeId), Wire>,
    /// Nodes whose links speak `json`.
    replicas: BTreeSet<NodeId>,
}

impl Wires {
    /// Every link speaks this wire, until one is given another.
    #[must_use]
    pub fn new(default: Wire) -> Self {
        Self { default, ..Self::default() }
    }

    /// These nodes are replicas.
    #[must_use]
    pub fn with_replicas(self, replicas: impl IntoIterator<Item = NodeId>) -> Self {
        Self { replicas: replicas.into_iter().collect(), ..self }
    }

    /// What the link between two nodes speaks unless it is given another wire.
    fn usual(&self, a: NodeId, b: NodeId) -> Wire {
        let json = self.replicas.contains(&a) || self.replicas.contains(&b);
        if json { Wire::Json } else { self.default }
    }

    /// The link between two nodes speaks this wire.
    pub fn set(&mut self, a: NodeId, b: NodeId, wire: Wire) {
        if wire == self.usual(a, b) {
            self.special.remove(&pair(a, b));
        } else {
            self.special.insert(pair(a, b), wire);
        }
    }

    /// The wire of the link between two nodes.
    #[must_use]
    pub fn between(&self, a: NodeId, b: NodeId) -> Wire {
        self.special.get(&pair(a, b)).copied().unwrap_or_else(|| self.usual(a, b))
    }
}

/// A map of links as a list: a pair is no text, and so no key in JSON.
mod pairs {
    use super::{BTreeMap, NodeId, Wire, pair};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(
        map: &BTreeMap<(NodeId, NodeId), Wire>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<(NodeId, NodeId), Wire>, D::Error> {
        let list: Vec<((NodeId, NodeId), Wire)> = Vec::deserialize(from)?;
        Ok(list.into_iter().map(|((a, b), wire)| (pair(a, b), wire)).collect())
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
        let mut wires = Wires::new(Wire::Line);
        wires.set(b, a, Wire::Json);
        assert_eq!((wires.between(a, b), wires.between(b, a)), (Wire::Json, Wire::Json));
        assert_eq!((wires.between(b, c), wires.between(a, c)), (Wire::Line, Wire::Line));
        wires.set(a, b, Wire::Line);
        assert_eq!(wires, Wires::new(Wire::Line), "nothing is kept of what is usual");
    }

    #[test]
    fn replicas_speak_json_unless_a_link_is_given_something_else() {
        let [client, replica] = [0, 1].map(NodeId);
        let mut wires = Wires::new(Wire::Line).with_replicas([replica]);
        assert_eq!(wires.between(client, replica), Wire::Json);
        wires.set(client, replica, Wire::Line);
        assert_eq!(wires.between(replica, client), Wire::Line);
    }
}
