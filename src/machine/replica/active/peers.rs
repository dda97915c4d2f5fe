//! The other replicas: a connection to each, heartbeats on it, and what their silence means.
//!
//! Each opens a connection of its own to every other and asks there; it is answered on the same one.

use super::Replica;
use crate::base::{ConnId, LabTime, NodeId};
use crate::event::Ending;
use crate::machine::kept::{Kept, Retry};
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{Belief, Flaw, Message, Note, Position, ReplicaMessage, StoreNote};

/// One of the others.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) line: Kept,
    /// When it was last heard, or began to be listened to.
    heard: LabTime,
    suspected: bool,
    belief: Option<Belief>,
    /// Heartbeats on the present connection.
    beats: u64,
    have: Option<Position>,
}

impl Peer {
    pub(super) fn is_suspected(&self) -> bool {
        self.suspected
    }
}

impl Replica {
    /// Gets to know another, and opens a connection to it.
    pub(super) fn meet(&mut self, node: NodeId, out: &mut Effects) {
        if node == self.me || self.peers.contains_key(&node) {
            return;
        }
        let outside = self.topology.node(node).at.is_some();
        let mut line = Kept::new(node, outside, self.draws, Retry::Backoff, self.config.reconnect);
        line.open(self.now, true, out);
        let heard = self.now;
        let peer = Peer { line, heard, suspected: false, belief: None, beats: 0, have: None };
        self.peers.insert(node, peer);
        out.push(Effect::Arm(Timer::Silence(node).id(), self.config.suspect_after));
    }

    /// The settings name others.
    pub(super) fn change_peers(&mut self, out: &mut Effects) {
        let wanted = self.config.peers.clone();
        let gone = self.peers.keys().filter(|node| !wanted.contains(node));
        for node in gone.copied().collect::<Vec<_>>() {
            if let Some(mut peer) = self.peers.remove(&node) {
                peer.line.close(out);
                out.push(Effect::Disarm(Timer::Silence(node).id()));
                self.cannot_say(node, out);
            }
        }
        for node in wanted {
            self.meet(node, out);
        }
    }

    pub(super) fn change_reconnect(&mut self) {
        for peer in self.peers.values_mut() {
            peer.line.set_retry(Retry::Backoff, self.config.reconnect);
        }
    }

    /// The patience with silence has changed.
    pub(super) fn listen_anew(&mut self, out: &mut Effects) {
        let patience = self.config.suspect_after;
        for (node, peer) in self.peers.iter().filter(|(_, peer)| !peer.suspected) {
            let left = (peer.heard + patience).since(self.now);
            out.push(Effect::Arm(Timer::Silence(*node).id(), left));
        }
    }

    /// Says something to another. False if there is no connection to say it on.
    pub(super) fn say(&self, to: NodeId, message: ReplicaMessage, out: &mut Effects) -> bool {
        let conn = self.peers.get(&to).and_then(|peer| peer.line.standing());
        if let Some(conn) = conn {
            out.send(conn, Message::Replica(message), None);
        }
        conn.is_some()
    }

    /// The own connection to another stands.
    pub(super) fn reached(&mut self, node: NodeId, conn: ConnId, out: &mut Effects) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let again = peer.line.is_down();
        if !peer.line.opened(conn, out) {
            return;
        }
        peer.beats = 0;
        self.heard(node, out);
        self.stands(node, again, out);
    }

    /// Nobody listens there.
    pub(super) fn refused(&mut self, node: NodeId, conn: ConnId, out: &mut Effects) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if peer.line.refused(now, conn, out) {
            self.believe(node, Belief::Down, out);
            self.cannot_say(node, out);
        }
    }

    /// The own connection to another is lost.
    pub(super) fn lost(&mut self, node: NodeId, conn: ConnId, ending: Ending, out: &mut Effects) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if peer.line.ended(now, conn, ending, out) {
            self.fail_with_it(node, ending);
            self.believe(node, Belief::Down, out);
            self.cannot_say(node, out);
        }
    }

    /// An error on the connection to another replica is caught by nobody (flaw `crash-spreads`).
    pub(super) fn fail_with_it(&self, node: NodeId, ending: Ending) {
        assert!(
            ending != Ending::Reset || !self.has_flaw(Flaw::CrashSpreads),
            "nobody caught the error on the connection to {}: reset by peer",
            self.topology.names.of(node)
        );
    }

    /// It is time for a heartbeat to each of the others.
    pub(super) fn beat(&mut self, out: &mut Effects) {
        out.push(Effect::Arm(Timer::Beat.id(), self.config.heartbeat));
        let have = self.store.have();
        for peer in self.peers.values_mut() {
            if let Some(conn) = peer.line.standing() {
                peer.beats += 1;
                let beat = ReplicaMessage::Beat { number: peer.beats, term: 0, have };
                out.send(conn, Message::Replica(beat), None);
            }
        }
        if self.adopting {
            // The disk did not take the other's log; perhaps it does now.
            self.disk.begin(&self.store, 0, out);
        }
    }

    /// Another gave a sign of life.
    pub(super) fn heard(&mut self, node: NodeId, out: &mut Effects) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        peer.heard = self.now;
        out.push(Effect::Arm(Timer::Silence(node).id(), self.config.suspect_after));
        let cleared = std::mem::take(&mut peer.suspected);
        self.believe(node, Belief::Up, out);
        if cleared {
            out.note(Note::Store(StoreNote::Cleared { about: node }));
            self.compare_with(node, out);
        }
    }

    /// Another has been silent for too long.
    pub(super) fn suspect(&mut self, node: NodeId, out: &mut Effects) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&node) else { return };
        peer.suspected = true;
        let silence = now.since(peer.heard);
        out.note(Note::Store(StoreNote::Suspected { about: node, silence }));
        if peer.belief != Some(Belief::Down) {
            self.believe(node, Belief::Suspect, out);
        }
        self.cannot_say(node, out);
    }

    fn believe(&mut self, about: NodeId, belief: Belief, out: &mut Effects) {
        let Some(peer) = self.peers.get_mut(&about) else { return };
        if peer.belief.replace(belief) != Some(belief) {
            out.note(Note::Believed { about, belief });
        }
    }

    /// Another said how far it is.
    pub(super) fn knows(&mut self, about: NodeId, have: Position, out: &mut Effects) {
        let Some(peer) = self.peers.get_mut(&about) else { return };
        if peer.have.replace(have) != Some(have) {
            out.note(Note::Store(StoreNote::Knows { about, have }));
        }
    }
}
