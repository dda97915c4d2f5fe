//! Connections to the other replicas: opened, refused, lost. One that is lost disturbs nobody, unless the flaw
//! `crash-spreads` is on.

use super::{Replica, Say, Stage};
use crate::base::{ConnId, NodeId};
use crate::event::Ending;
use crate::machine::{Effect, Effects};
use crate::message::{Belief, Flaw};

impl Replica {
    /// Gets to know another replica, and opens a connection to it.
    pub(super) fn meet(&mut self, node: NodeId, out: &mut Effects) {
        if node != self.me && !self.peers.has(node) && self.is_replica(node) {
            self.peers.add(&self.topology, node, self.config.reconnect, self.now);
            self.open(node, out);
        }
    }

    pub(super) fn open(&mut self, node: NodeId, out: &mut Effects) {
        let now = self.now;
        if let Some(peer) = self.peers.get_mut(node) {
            peer.line.open(now, true, out);
        }
    }

    /// The own connection to another stands: what it must know at once.
    pub(super) fn opened(&mut self, node: NodeId, conn: ConnId, out: &mut Effects) {
        let Some(peer) = self.peers.get_mut(node) else { return };
        if !peer.line.opened(conn, out) {
            return;
        }
        peer.beats = 0;
        match &self.stage {
            Stage::Leads { .. } => self.announce(node, out),
            Stage::Follows(leader) if *leader == node => {
                if self.pushes() {
                    self.confirm(node, out);
                } else if !self.waits.is_waiting() {
                    self.beat(node, out);
                }
            }
            Stage::Asks { .. } => self.beat(node, out),
            Stage::Stands { asked } if asked.contains(&node) => {
                let term = self.proposal();
                self.say(node, Say::Election { term }, out);
            }
            _ => {}
        }
    }

    /// Another replica opened its connection: it is there, so it can be spoken to.
    pub(super) fn came(&mut self, node: NodeId, conn: ConnId, out: &mut Effects) {
        if let Some(before) = self.peers.came(node, conn) {
            out.push(Effect::Close(before));
        }
        self.open(node, out);
    }

    /// Nobody listens there.
    pub(super) fn refused(&mut self, node: NodeId, conn: ConnId, out: &mut Effects) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(node) else { return };
        if peer.line.refused(now, conn, out) {
            self.gone(node, out);
        }
    }

    /// A connection with another replica has ended.
    pub(super) fn lost(&mut self, node: NodeId, conn: ConnId, ending: Ending, out: &mut Effects) {
        assert!(
            !(ending == Ending::Reset && self.has_flaw(Flaw::CrashSpreads)),
            "nobody caught the socket error: connection reset by {}",
            self.topology.names.of(node)
        );
        let now = self.now;
        let own = self.peers.get_mut(node).is_some_and(|it| it.line.ended(now, conn, ending, out));
        if !own && ending == Ending::EndOfFile {
            out.push(Effect::Close(conn));
        }
        if own || self.peers.left(node, conn) {
            self.gone(node, out);
        }
        let again = self
            .peers
            .get(node)
            .is_some_and(|peer| own && peer.heard_on.is_some() && !peer.line.is_hopeless(now));
        if again {
            // Only the connection is gone: whoever opened another is there.
            self.open(node, out);
        }
    }

    /// Another replica is not there, or was not a moment ago: nobody waits for it, and nothing that it was about to
    /// send will come.
    fn gone(&mut self, node: NodeId, out: &mut Effects) {
        self.believe(node, Belief::Down, out);
        self.wait_over(node, out);
        if self.asked.as_ref().is_some_and(|asked| asked.from == node) {
            self.asked = None;
        }
        self.settle_without(node, out);
        self.weigh_all(out);
        if let Stage::Asks { answered } = &mut self.stage {
            answered.insert(node);
            self.look_around(out);
        }
        self.release(out);
    }
}
