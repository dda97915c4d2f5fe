//! Coming back: the others are asked for their clocks, and the log of one that is ahead takes the place of one's own.
//!
//! A replica compares when it returns from the dead (with everybody; until that is over it does not serve, unless the
//! flaw `serves-early` is on), and when another is heard again that was lost or suspected (with that one). In between
//! nobody looks: whatever the replicas are sent in different orders, or only some of them, stays different.
//!
//! One that serves all the while takes a second look, a heartbeat later, before it gives up its own log: what the other
//! had and it had not may have been on its way from a client at that moment.
//!
//! What the other's log lacks is thrown away and noted, as in the original. Only with `clock = "vector"` is nothing
//! ever overwritten: there the last word has a look at the entries themselves, for counts of writes can deceive a
//! client's vector too, where a write in the middle is missing.

use super::Replica;
use super::clock::Clock;
use crate::base::{ConnId, LabTime, NodeId};
use crate::machine::replica::shipping::{Arriving, Shipped, parts};
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{
    CatchUp, ClockVerdict, Entry, Flaw, Message, Note, Position, ReplicaMessage, StoreNote,
};
use crate::topology::ClockKind;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where a replica is on its way back.
#[derive(Debug)]
pub(super) enum Stage {
    /// It compares nothing.
    Settled,
    /// It asks the others for their clocks.
    Compares {
        /// Who has not said it yet.
        waits_for: BTreeSet<NodeId>,
        clocks: BTreeMap<NodeId, Clock>,
    },
    /// Another looked ahead; but what is missing here may be on its way.
    LooksAgain {
        at: NodeId,
        /// The other's clock at the first look.
        clock: Clock,
    },
    /// It waits for the log of another.
    CatchesUp {
        from: NodeId,
        /// How far it was itself when it asked.
        had: Position,
        how: CatchUp,
        /// The other's clock.
        clock: Clock,
        arriving: Arriving,
    },
}

impl Replica {
    /// The clock of this replica, in every form.
    pub(super) fn clock(&self) -> Clock {
        Clock {
            have: self.store.have(),
            time_ms: self.seen.0 / 1_000_000,
            vector: self.store.vector().clone(),
        }
    }

    /// Back from the dead, or started late: everybody is asked before anything is served.
    pub(super) fn return_to_the_group(&mut self, out: &mut Effects) {
        self.unready = Some(Arc::from("not ready: it has not compared with the others yet"));
        self.compare_with_all(out);
    }

    fn compare_with_all(&mut self, out: &mut Effects) {
        let waits_for: BTreeSet<NodeId> = self.peers.keys().copied().collect();
        let standing: Vec<NodeId> = waits_for.iter().copied().collect();
        self.stage = Stage::Compares { waits_for, clocks: BTreeMap::new() };
        out.push(Effect::Arm(Timer::Compare.id(), self.config.suspect_after));
        for node in standing {
            let asked = self.say(node, ReplicaMessage::AskClock, out);
            let hopeless = self
                .peers
                .get(&node)
                .is_none_or(|peer| peer.is_suspected() || !asked && peer.line.is_down());
            if hopeless {
                self.cannot_say(node, out);
            }
        }
        self.decide_if_all_said(out);
    }

    /// Another is heard again: which of the two missed something?
    pub(super) fn compare_with(&mut self, node: NodeId, out: &mut Effects) {
        let mut asked = vec![node];
        match &mut self.stage {
            Stage::Compares { waits_for, .. } => {
                if !waits_for.insert(node) {
                    return;
                }
            }
            // It will compare again when it has caught up.
            Stage::CatchesUp { .. } => return,
            Stage::Settled | Stage::LooksAgain { .. } => {
                if let Stage::LooksAgain { at, .. } = &self.stage
                    && *at != node
                {
                    asked.push(*at);
                }
                let waits_for = asked.iter().copied().collect();
                self.stage = Stage::Compares { waits_for, clocks: BTreeMap::new() };
                out.push(Effect::Arm(Timer::Compare.id(), self.config.suspect_after));
            }
        }
        for node in asked {
            if !self.say(node, ReplicaMessage::AskClock, out) {
                self.cannot_say(node, out);
            }
        }
    }

    /// The own connection to another stands. `again`: one was lost before, or came to nothing.
    pub(super) fn stands(&mut self, node: NodeId, again: bool, out: &mut Effects) {
        match &self.stage {
            Stage::Compares { waits_for, .. } if waits_for.contains(&node) => {
                self.say(node, ReplicaMessage::AskClock, out);
            }
            _ if again => self.compare_with(node, out),
            _ => {}
        }
    }

    /// Another is not there to say anything.
    pub(super) fn cannot_say(&mut self, node: NodeId, out: &mut Effects) {
        match &mut self.stage {
            Stage::Compares { waits_for, .. } => {
                waits_for.remove(&node);
                self.decide_if_all_said(out);
            }
            Stage::CatchesUp { from, .. } if *from == node => self.compare_with_all(out),
            Stage::CatchesUp { .. } | Stage::LooksAgain { .. } | Stage::Settled => {}
        }
    }

    /// Who has not said how far it is by now is not waited for any longer; nor is what was on its way.
    pub(super) fn waited_enough(&mut self, out: &mut Effects) {
        match &mut self.stage {
            Stage::LooksAgain { at, clock } => {
                let (at, clock) = (*at, clock.clone());
                self.stage = Stage::Settled;
                self.look_again(at, clock, out);
            }
            Stage::Compares { waits_for, .. } => {
                waits_for.clear();
                self.decide_if_all_said(out);
            }
            Stage::CatchesUp { .. } => self.compare_with_all(out),
            Stage::Settled => {}
        }
    }

    pub(super) fn take_clock(&mut self, from: NodeId, clock: Clock, out: &mut Effects) {
        if let Stage::Compares { waits_for, clocks } = &mut self.stage
            && waits_for.remove(&from)
        {
            clocks.insert(from, clock);
            self.decide_if_all_said(out);
        }
    }

    fn decide_if_all_said(&mut self, out: &mut Effects) {
        let Stage::Compares { waits_for, clocks } = &mut self.stage else { return };
        if !waits_for.is_empty() {
            return;
        }
        let clocks = std::mem::take(clocks);
        self.stage = Stage::Settled;
        out.push(Effect::Disarm(Timer::Compare.id()));
        let (kind, own) = (self.config.clock, self.clock());
        let mut ahead: Option<(NodeId, Clock)> = None;
        for (with, other) in clocks {
            let verdict = own.compare(kind, &other);
            self.note_comparison(with, other.have, verdict, out);
            let higher = |(_, best): &(NodeId, Clock)| other.height(kind) > best.height(kind);
            if verdict == ClockVerdict::Behind && ahead.as_ref().is_none_or(higher) {
                ahead = Some((with, other));
            }
        }
        match ahead {
            None => self.unready = None,
            Some((from, clock)) if self.unready.is_some() => self.catch_up(from, clock, out),
            Some((at, clock)) => {
                self.stage = Stage::LooksAgain { at, clock };
                out.push(Effect::Arm(Timer::Compare.id(), self.config.heartbeat));
            }
        }
    }

    fn look_again(&mut self, at: NodeId, clock: Clock, out: &mut Effects) {
        let verdict = self.clock().compare(self.config.clock, &clock);
        if verdict == ClockVerdict::Behind {
            self.catch_up(at, clock, out);
        } else {
            self.note_comparison(at, clock.have, verdict, out);
        }
    }

    fn note_comparison(
        &self,
        with: NodeId,
        other: Position,
        verdict: ClockVerdict,
        out: &mut Effects,
    ) {
        let own = self.store.have();
        out.note(Note::Store(StoreNote::Compared { with, own, other, verdict }));
    }

    /// Another is ahead: its log, please.
    fn catch_up(&mut self, from: NodeId, clock: Clock, out: &mut Effects) {
        let (had, how) = (self.store.have(), self.config.catch_up);
        out.note(Note::Store(StoreNote::CatchUpAsked { from, how }));
        let whole = how == CatchUp::State;
        self.unready = Some(Arc::from("not ready: it is being brought up to date"));
        self.stage = Stage::CatchesUp { from, had, how, clock, arriving: Arriving::default() };
        out.push(Effect::Arm(Timer::Compare.id(), self.config.suspect_after));
        if !self.say(from, ReplicaMessage::CatchUp { term: 0, have: had, whole }, out) {
            self.cannot_say(from, out);
        }
    }

    /// Another wants to be brought up to date: it gets everything, or what follows its own log, if that is how this
    /// one begins.
    pub(super) fn ship(&self, conn: ConnId, have: Position, whole: bool, out: &mut Effects) {
        let begins_alike = self.store.digest_at(have.at) == Some(have.digest);
        let keep = if whole || !begins_alike { 0 } else { have.at };
        for part in parts(0, keep, &self.store.after(keep)) {
            out.send(conn, Message::Replica(part), None);
        }
    }

    /// A part of another's log.
    pub(super) fn take_state(&mut self, sender: NodeId, message: &Message, out: &mut Effects) {
        let Stage::CatchesUp { from, arriving, .. } = &mut self.stage else { return };
        if *from != sender {
            return;
        }
        let Some(shipped) = arriving.take(message) else {
            return out.push(Effect::Arm(Timer::Compare.id(), self.config.suspect_after));
        };
        out.push(Effect::Disarm(Timer::Compare.id()));
        let stage = std::mem::replace(&mut self.stage, Stage::Settled);
        let Stage::CatchesUp { had, how, clock, .. } = stage else { return };
        self.unready = None;
        if self.config.clock == ClockKind::Vector && self.would_lose(&shipped) {
            self.note_comparison(sender, clock.have, ClockVerdict::Concurrent, out);
            return;
        }
        let how = if shipped.keep == had.at { how } else { CatchUp::State };
        self.adopt(sender, how, shipped, out);
        self.seen = self.seen.max(LabTime(clock.time_ms.saturating_mul(1_000_000)));
    }

    /// Whether an entry of this log is in neither what stays nor what comes.
    fn would_lose(&self, shipped: &Shipped) -> bool {
        let comes: BTreeSet<_> = shipped.entries.iter().map(|entry| &entry.id).collect();
        self.store.after(shipped.keep).iter().any(|entry| !comes.contains(&entry.id))
    }

    /// Another's log takes the place of this one's.
    fn adopt(&mut self, from: NodeId, how: CatchUp, shipped: Shipped, out: &mut Effects) {
        let Shipped { keep, entries, bytes } = shipped;
        let discarded: Arc<[Entry]> = Arc::from(self.store.replace(keep, &entries));
        self.disk.cut(keep);
        if !discarded.is_empty() {
            let entries = discarded;
            out.note(Note::Store(StoreNote::Discarded { entries, for_the_log_of: from }));
        }
        let (entries, have) = (entries.len() as u64, self.store.have());
        out.note(Note::Store(StoreNote::CaughtUp { from, how, entries, bytes, have }));
        self.adopting = true;
        self.disk.begin(&self.store, 0, out);
        self.read_anew(keep, out);
        self.place_waiters_anew(out);
    }

    /// Why nothing is served at present, if so.
    pub(super) fn unready(&self) -> Option<Arc<str>> {
        self.unready.clone().filter(|_| !self.has_flaw(Flaw::ServesEarly))
    }
}
