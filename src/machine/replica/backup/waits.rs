//! The blocking form (`propagation = "sync-deadlock"`), as the original had it first: whoever waits for another does
//! nothing else meanwhile.
//!
//! The leader sends a change and stands still until its backups have confirmed it; a backup sends its heartbeat and
//! stands still until the leader has replied. Each is harmless alone. When a heartbeat and a change cross on the way,
//! each waits for the other: a deadlock (Coffman, Elphick and Shoshani, "System deadlocks", 1971). The second form is
//! the textbook mistake of copies that all take writes: here a backup takes a write, too, pushes it to its leader and
//! the others, and waits for the leader's confirmation, while the leader waits for the confirmation of a change of its
//! own.
//!
//! What is said to a node that waits is kept, in order, until it goes on. Its own disk and the ends of connections
//! still reach it; its heartbeats and its suspicion stand still with it, as those of a process do that blocks in a
//! read. The wait ends when the awaited word comes, when the connection to whoever is awaited is lost, or when the
//! propagation is changed (`set r1 propagation sync`).

use super::{Course, Replica, Say};
use crate::base::{ConnId, NodeId, Peer};
use crate::machine::Effects;
use crate::message::{Awaited, Message, Note, StoreNote};
use crate::topology::Propagation;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Messages that wait for a node that stands still: as many as a lecture's load brings in some minutes. What comes then
/// is lost, and said so.
const KEPT_MAX: usize = 10_000;

/// For whom a node stands still, and what waits for it meanwhile.
#[derive(Debug, Default)]
pub struct Waits {
    open: BTreeMap<NodeId, Awaited>,
    kept: VecDeque<(ConnId, Peer, Arc<Message>)>,
    lost: u64,
}

impl Waits {
    /// Whether the node stands still.
    pub fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether a change is still to be confirmed.
    pub fn is_confirmation_missing(&self) -> bool {
        self.open.values().any(|awaited| *awaited == Awaited::Confirmation)
    }
}

impl Replica {
    pub(super) fn wait_for(&mut self, about: NodeId, awaited: Awaited, out: &mut Effects) {
        if self.waits.open.insert(about, awaited).is_none() {
            out.note(Note::Store(StoreNote::WaitsFor { about, awaited }));
        }
    }

    /// Nothing is to be had from that one any more, or it has come.
    pub(super) fn wait_over(&mut self, about: NodeId, out: &mut Effects) {
        if self.waits.open.remove(&about).is_none() {
            return;
        }
        out.note(Note::Store(StoreNote::WaitOver { about }));
        if !self.waits.is_waiting() {
            // Who could not be heard meanwhile was not silent.
            let now = self.now;
            for (_, peer) in self.peers.iter_mut() {
                peer.heard = now;
            }
            if matches!(self.stage, super::Stage::Follows(_)) {
                self.leader_is_alive(out);
            }
        }
    }

    pub(super) fn end_waits(&mut self, out: &mut Effects) {
        for about in self.waits.open.keys().copied().collect::<Vec<_>>() {
            self.wait_over(about, out);
        }
    }

    /// Another replica says something: a node that stands still hears only what it waits for.
    pub(super) fn must_wait(
        &mut self,
        from: NodeId,
        conn: ConnId,
        message: &Arc<Message>,
        out: &mut Effects,
    ) -> bool {
        if !self.waits.is_waiting() && self.waits.kept.is_empty() {
            return false;
        }
        let awaited = self.waits.open.get(&from).copied();
        let Message::Replica(said) = message.as_ref() else { return false };
        let comes = match (awaited, said) {
            (Some(Awaited::HeartbeatReply), Say::Alive { .. }) => true,
            (Some(Awaited::Confirmation), Say::Have { have, .. }) => have.at >= self.store.last(),
            _ => false,
        };
        if !comes {
            self.keep(conn, Peer::Node(from), message, out);
            return true;
        }
        self.wait_over(from, out);
        false
    }

    /// A client says something.
    pub(super) fn must_wait_with(
        &mut self,
        conn: ConnId,
        peer: Peer,
        message: &Arc<Message>,
        out: &mut Effects,
    ) -> bool {
        let waits = self.waits.is_waiting() || !self.waits.kept.is_empty();
        if waits {
            self.keep(conn, peer, message, out);
        }
        waits
    }

    fn keep(&mut self, conn: ConnId, peer: Peer, message: &Arc<Message>, out: &mut Effects) {
        if self.waits.kept.len() < KEPT_MAX {
            return self.waits.kept.push_back((conn, peer, message.clone()));
        }
        self.waits.lost += 1;
        out.note(Note::Overflowed { refused: self.waits.lost });
    }

    /// Hears what was said meanwhile, until it has to wait again.
    pub(super) fn go_on(&mut self, out: &mut Effects) {
        while !self.waits.is_waiting() && self.course != Course::Over {
            let Some((conn, peer, message)) = self.waits.kept.pop_front() else { return };
            match peer {
                Peer::Node(node) if self.is_replica(node) => self.hear(node, &message, out),
                _ if self.clients.has(conn) => self.ask(conn, peer, &message, out),
                _ => {}
            }
        }
    }

    /// The propagation was changed while the node ran.
    pub(super) fn change_propagation(&mut self, before: Propagation, out: &mut Effects) {
        if before == self.config.propagation {
            return;
        }
        if before == Propagation::SyncDeadlock {
            self.end_waits(out);
        }
        if self.leads() && !self.settles() {
            self.send_now(out);
        } else if !self.leads() {
            // Only a leader acknowledges: what a copy took in the blocking form stands or falls with its leader's log.
            self.waiters.clear();
        }
        self.release(out);
    }
}
