//! Changes on their way from the leader to its backups, and their confirmations on the way back.
//!
//! `async`: a change is sent when it has been on the leader's own disk, and acknowledged, for `lag`; what waits dies
//! with the leader. `sync`: it is sent at once, and acknowledged when the own disk and every backup that is believed
//! alive have it. A leader tells how far it has *sent*; on a stream in order, a backup that is not there when it hears
//! so lacks something for good.

use super::{Replica, Say, Stage};
use crate::base::{NodeId, Token};
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{Awaited, Belief, Entry, Note, Position, StoreNote};
use crate::topology::Propagation;
use std::sync::Arc;

impl Replica {
    /// A write was accepted here: what must be sent at once.
    pub(super) fn propagate(&mut self, out: &mut Effects) {
        match self.config.propagation {
            Propagation::Async => {}
            Propagation::Sync => self.send_up_to(self.store.last(), out),
            Propagation::SyncDeadlock => self.send_and_wait(out),
        }
    }

    /// Sends every backup what it has not been sent yet, up to a place in the log.
    pub(super) fn send_up_to(&mut self, upto: u64, out: &mut Effects) {
        let term = self.term();
        for at in self.sent + 1..=upto {
            let Some(entry) = self.store.entry(at).cloned() else { break };
            for peer in self.peers.ids() {
                self.say(peer, Say::Change { term, entry: entry.clone() }, out);
            }
            self.sent = at;
        }
    }

    /// The blocking form: sends the newest change and stands still until it is confirmed. Nobody is waited for who
    /// could not be sent it or does not have what comes before it.
    fn send_and_wait(&mut self, out: &mut Effects) {
        let last = self.store.last();
        let awaited: Vec<NodeId> = if self.leads() {
            let there = self.peers.iter().filter(|(_, peer)| peer.confirmed == Some(last - 1));
            there.map(|(node, _)| node).filter(|node| self.peers.way_to(*node).is_some()).collect()
        } else {
            let leader = self.leader().filter(|leader| self.peers.way_to(*leader).is_some());
            self.sent = last - 1;
            leader.into_iter().collect()
        };
        self.send_up_to(last, out);
        for node in awaited {
            self.wait_for(node, Awaited::Confirmation, out);
        }
    }

    /// The disk has what it was to keep.
    pub(super) fn persisted(&mut self, token: Token, out: &mut Effects) {
        let before = self.disk.durable();
        if self.disk.persisted(token) {
            let at = self.disk.durable();
            out.note(Note::Store(StoreNote::Durable { at }));
            self.release(out);
            if self.leads() && self.config.propagation == Propagation::Async {
                self.send_later(before, out);
            }
        }
        // Also where the disk is no further: who sent what is there already wants to know.
        for node in self.confirms.clone() {
            self.confirm(node, out);
        }
        if self.disk.durable() == self.store.last() {
            self.confirms.clear();
        }
        self.write_disk(out);
    }

    /// What has just come to the disk is sent when it has lagged long enough.
    fn send_later(&mut self, before: u64, out: &mut Effects) {
        let durable = self.disk.durable();
        if self.config.lag.is_zero() && self.outbox.is_empty() {
            return self.send_up_to(durable, out);
        }
        if durable <= before {
            return;
        }
        // A shorter lag does not overtake a longer one.
        let due = self.now + self.config.lag;
        let due = self.outbox.back().map_or(due, |(before, _)| due.max(*before));
        self.outbox.push_back((due, durable));
        if self.outbox.len() == 1 {
            out.push(Effect::Arm(Timer::Lag.id(), due.since(self.now)));
        }
    }

    /// The oldest change has lagged long enough.
    pub(super) fn lag_due(&mut self, out: &mut Effects) {
        while let Some((due, upto)) = self.outbox.front().copied() {
            if due > self.now {
                out.push(Effect::Arm(Timer::Lag.id(), due.since(self.now)));
                return;
            }
            self.outbox.pop_front();
            self.send_up_to(upto, out);
        }
    }

    /// Sends what lags without waiting any longer.
    pub(super) fn send_now(&mut self, out: &mut Effects) {
        self.outbox.clear();
        out.push(Effect::Disarm(Timer::Lag.id()));
        let upto = match self.config.propagation {
            Propagation::Async => self.disk.durable(),
            Propagation::Sync | Propagation::SyncDeadlock => self.store.last(),
        };
        self.send_up_to(upto, out);
    }

    /// The disk refused. What nobody else has been sent is taken back; what was sent may stand or fall, so nobody is
    /// told anything of it, and nothing new is taken before the disk has it.
    pub(super) fn unpersisted(&mut self, token: Token, why: &Arc<str>, out: &mut Effects) {
        if !self.disk.unpersisted(token, why.clone()) {
            return;
        }
        let durable = self.disk.durable();
        if self.leads() && self.sent <= durable {
            self.disk.forget_refusal();
            for entry in self.replace_log(durable, &[], out) {
                let why = why.clone();
                out.note(Note::Store(StoreNote::NotDone { id: entry.id, why }));
            }
            for (_, waiters) in self.waiters.split_off(&(durable + 1)) {
                for waiter in waiters {
                    self.fail(waiter, why, out);
                }
            }
        } else {
            self.fail_reads(why, out);
        }
    }

    /// Writes up to here may be acknowledged.
    pub(super) fn safe_upto(&self) -> u64 {
        let durable = self.disk.durable();
        match self.config.propagation {
            Propagation::Sync => {
                let here = self.peers.iter().filter(|(_, it)| it.belief != Some(Belief::Down));
                let confirmed = here.map(|(_, peer)| peer.confirmed.unwrap_or(0));
                confirmed.min().map_or(durable, |least| least.min(durable))
            }
            Propagation::SyncDeadlock if self.waits.is_confirmation_missing() => 0,
            Propagation::Async | Propagation::SyncDeadlock => durable,
        }
    }

    /// A change from another replica: the leader's, or, in the blocking form, anybody's.
    pub(super) fn take_change(
        &mut self,
        from: NodeId,
        term: u64,
        entry: &Entry,
        out: &mut Effects,
    ) {
        if self.config.terms && term < self.term {
            // The same words as for a leader of that term.
            self.claims(from, term, false, out);
            return;
        }
        self.learn(term, out);
        let from_leader = matches!(self.stage, Stage::Follows(leader) if leader == from);
        if !(from_leader && self.in_step || self.blocks() && self.leader().is_some()) {
            return;
        }
        let position = entry.position;
        if self.store.append(entry.clone()) {
            let (entry, have) = (entry.clone(), self.store.have());
            out.note(Note::Store(StoreNote::Accepted {
                entry: entry.into(),
                have,
                from: Some(from),
            }));
            self.confirms.insert(from);
            if self.leads() {
                self.sent = self.store.last();
                if let Some(peer) = self.peers.get_mut(from) {
                    peer.confirmed = Some(position);
                }
            } else {
                // In the blocking form a change may come from another: the leader, too, is to know that it is here.
                self.confirms.extend(self.leader());
            }
            self.write_disk(out);
        } else if self.store.entry(position) == Some(entry) {
            if self.disk.durable() >= position {
                self.confirm(from, out);
            } else {
                self.confirms.insert(from);
            }
        } else if from_leader {
            self.ask_to_catch_up(from, out);
        }
    }

    /// Tells another how far the disk is.
    pub(super) fn confirm(&mut self, to: NodeId, out: &mut Effects) {
        let (term, have) = (self.term(), self.durable());
        self.say(to, Say::Have { term, have }, out);
    }

    /// Another tells how far its disk is.
    pub(super) fn take_have(&mut self, from: NodeId, term: u64, have: Position, out: &mut Effects) {
        self.learn(term, out);
        self.knows(from, have, out);
        self.weigh(from, have, out);
        self.release(out);
    }
}
