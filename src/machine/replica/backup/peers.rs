//! The other replicas as one of them sees them: the connections, who was heard when, what is believed of whom.
//!
//! Each replica opens a connection of its own to each of its peers and speaks there; as long as that does not stand it
//! speaks on the one that the other opened, so that whoever asks is answered. Once the other has spoken on a connection
//! that it opened, what comes late on another is not listened to, unless its order does not matter: so each direction
//! is one stream, in order. What is said while no connection stands is not said: heartbeats find out what is missing.

use crate::base::{ConnId, LabTime, NodeId};
use crate::machine::kept::{Kept, Retry};
use crate::message::{Belief, Position, ReplicaMessage};
use crate::topology::Topology;
use std::collections::BTreeMap;
use std::time::Duration;

/// One of the others.
#[derive(Debug)]
pub struct Peer {
    /// Where this replica speaks.
    pub line: Kept,
    /// The newest connection that the other opened: where it is heard.
    pub heard_on: Option<ConnId>,
    /// Whether it has spoken there.
    spoke: bool,
    /// When it was last heard, or began to be listened to.
    pub heard: LabTime,
    /// When it last asked for a heartbeat, as a backup asks its leader.
    pub asked: LabTime,
    /// When a leader last told it unasked that it leads.
    pub told: LabTime,
    /// Heartbeats sent on the present connection.
    pub beats: u64,
    /// What is believed of it; nothing before it has shown itself or failed to.
    pub belief: Option<Belief>,
    /// Whether its silence made this replica look for another leader.
    pub suspected: bool,
    /// How far it said it is.
    pub have: Option<Position>,
    /// It has this replica's own log up to here, on its disk; none if that is not known.
    pub confirmed: Option<u64>,
}

/// Everybody else.
#[derive(Debug)]
pub struct Peers {
    all: BTreeMap<NodeId, Peer>,
    /// Replicas that connected but are not among the known ones (a fourth server that nobody was told of): they are
    /// answered where they asked, and told nothing unasked.
    strangers: BTreeMap<NodeId, ConnId>,
    /// Seed and owner of the draws for waiting times.
    draws: (u64, u64),
}

impl Peers {
    /// Nobody yet. `draws`: the seed, and a number that tells the owner and its lives apart.
    pub fn new(draws: (u64, u64)) -> Self {
        Self { all: BTreeMap::new(), strangers: BTreeMap::new(), draws }
    }

    /// Gets to know another. One that was a stranger keeps the connection that it opened.
    pub fn add(&mut self, topology: &Topology, node: NodeId, reconnect: Duration, now: LabTime) {
        let outside = topology.node(node).at.is_some();
        let line = Kept::new(node, outside, self.draws, Retry::Backoff, reconnect);
        let peer = Peer {
            line,
            heard_on: self.strangers.remove(&node),
            spoke: false,
            heard: now,
            asked: now,
            told: now,
            beats: 0,
            belief: None,
            suspected: false,
            have: None,
            confirmed: None,
        };
        self.all.insert(node, peer);
    }

    /// Forgets one; it counts as a stranger from now on.
    pub fn remove(&mut self, node: NodeId) -> Option<Peer> {
        let peer = self.all.remove(&node)?;
        if let Some(conn) = peer.heard_on {
            self.strangers.insert(node, conn);
        }
        Some(peer)
    }

    /// Whether it is one of the known.
    pub fn has(&self, node: NodeId) -> bool {
        self.all.contains_key(&node)
    }

    /// The known one with this id.
    pub fn get(&self, node: NodeId) -> Option<&Peer> {
        self.all.get(&node)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, node: NodeId) -> Option<&mut Peer> {
        self.all.get_mut(&node)
    }

    /// The ids of the known, the lowest first.
    pub fn ids(&self) -> Vec<NodeId> {
        self.all.keys().copied().collect()
    }

    /// The known, the lowest id first.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Peer)> {
        self.all.iter().map(|(node, peer)| (*node, peer))
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (NodeId, &mut Peer)> {
        self.all.iter_mut().map(|(node, peer)| (*node, peer))
    }

    /// Another replica connected; gives the connection that this one takes the place of.
    pub fn came(&mut self, node: NodeId, conn: ConnId) -> Option<ConnId> {
        match self.all.get_mut(&node) {
            Some(peer) => {
                peer.spoke = false;
                peer.heard_on.replace(conn)
            }
            None => self.strangers.insert(node, conn),
        }
    }

    /// A connection that another replica opened has ended. False if it was none of the present ones.
    pub fn left(&mut self, node: NodeId, conn: ConnId) -> bool {
        if self.strangers.get(&node) == Some(&conn) {
            self.strangers.remove(&node);
            return true;
        }
        let Some(peer) = self.all.get_mut(&node) else { return false };
        let left = peer.heard_on.take_if(|one| *one == conn).is_some();
        peer.spoke &= !left;
        left
    }

    /// Whether what comes on this connection is to be listened to: another one of the same peer may still hold words
    /// that newer ones have overtaken.
    pub fn listens(&mut self, node: NodeId, conn: ConnId, said: &ReplicaMessage) -> bool {
        let Some(peer) = self.all.get_mut(&node) else {
            return self.strangers.get(&node) == Some(&conn);
        };
        let here = peer.heard_on == Some(conn);
        peer.spoke |= here;
        here || peer.line.standing() == Some(conn) && (!peer.spoke || is_orderless(said))
    }

    /// Where to speak to another, if that is possible now.
    pub fn way_to(&self, node: NodeId) -> Option<ConnId> {
        match self.all.get(&node) {
            Some(peer) => peer.line.standing().or(peer.heard_on),
            None => self.strangers.get(&node).copied(),
        }
    }

    /// The connections of strangers, in order.
    pub fn strangers(&self) -> impl Iterator<Item = ConnId> {
        self.strangers.values().copied()
    }
}

/// Whether nothing depends on what was said before or after: such a word may come late.
fn is_orderless(said: &ReplicaMessage) -> bool {
    matches!(
        said,
        ReplicaMessage::Beat { .. } | ReplicaMessage::Election { .. } | ReplicaMessage::Here { .. }
    )
}
