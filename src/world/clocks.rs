//! Logical clocks: a number for each event of a node, so that whatever can have led to something has a smaller one.
//! (Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", CACM 21(7), 1978.)
//!
//! They are reckoned from the log, beside the nodes: no node of the lab keeps one. What is counted are sendings,
//! arrivals, and what befalls or moves a node by itself; timers and connections are not.

use crate::base::{EventId, NodeId, Owner, Peer};
use crate::event::{Cause, Ending, Event, Fact};
use crate::message::{Note, StoreNote};
use std::collections::{BTreeMap, HashMap};

/// The clocks of all nodes, from some event on. As much memory as there are sendings: a caller hands in a bounded
/// stretch of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clocks {
    of: BTreeMap<NodeId, u64>,
    sent: HashMap<EventId, u64>,
}

/// The node on whose line an event stands, if it stands on one.
#[must_use]
pub fn place(event: &Event) -> Option<NodeId> {
    let here = match event.id.owner {
        Owner::Node(node, _) => Some(node),
        Owner::Lab => None,
    };
    match &event.fact {
        Fact::NodeBooted { node, .. }
        | Fact::NodeKilled { node }
        | Fact::NodeCrashed { node, .. }
        | Fact::NodePoweredOff { node }
        | Fact::NodeCorrupt { node, .. }
        | Fact::NodeWiped { node }
        | Fact::NodeFrozen { node }
        | Fact::NodeThawed { node }
        | Fact::NodeStopped { node } => Some(*node),
        Fact::MessageSent { .. }
        | Fact::MessageReceived { .. }
        | Fact::ConnRefused { peer: Peer::Node(_), .. }
        | Fact::ConnEnded { peer: Peer::Node(_), ending: Ending::Reset, .. } => here,
        Fact::Noted(Note::Store(note)) if is_shown(note) => here,
        _ => None,
    }
}

/// What a replica decides by itself and everybody wants to see.
fn is_shown(note: &StoreNote) -> bool {
    matches!(
        note,
        StoreNote::Suspected { .. }
            | StoreNote::Stood { .. }
            | StoreNote::Promoted { .. }
            | StoreNote::Demoted { .. }
    )
}

impl Clocks {
    /// Takes the next event of the log, and gives its node with the number it has there; none for an event that is on
    /// no node's line. A node's numbers grow, and a message arrives under a greater number than it was sent with.
    pub fn observe(&mut self, event: &Event) -> Option<(NodeId, u64)> {
        let node = place(event)?;
        let own = self.of.entry(node).or_default();
        let brought = match (&event.fact, event.cause) {
            (Fact::MessageReceived { .. }, Cause::Event(sent)) => self.sent.get(&sent).copied(),
            _ => None,
        };
        *own = (*own).max(brought.unwrap_or(0)) + 1;
        if matches!(event.fact, Fact::MessageSent { .. }) {
            self.sent.insert(event.id, *own);
        }
        Some((node, *own))
    }
}
