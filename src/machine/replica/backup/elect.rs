//! Who leads: the original's election, terms, and what two leaders come to when they hear of each other.
//!
//! On suspicion a backup asks all lower ids (`Election`) and takes over when none of them has answered within one
//! heartbeat. If one answers that it leads, the backup follows it; if one answers that it does not, the backup waits
//! for that one to take over, and asks again if nobody has within `suspect_after`. A replica that comes back does not
//! assume that it leads: it asks everybody, follows whoever leads, and stands for election when all have said that
//! they do not, or when the suspicion time has passed.
//!
//! A new leader settles first: it asks the backups that are there how far they are, for at most a heartbeat, and takes
//! what it lacks from one that is further. So a lower id that has just come back does not undo what a higher one has
//! confirmed. (The flaw `serves-early` leaves this out.)
//!
//! *Without terms* two leaders both go on. Nobody compares anything when it hears of another leader with a higher id;
//! one that hears a lower id say that it leads steps down and takes that one's log. They hear each other when a
//! connection is opened, with pushed heartbeats, and with pulled ones when a leader reminds those who have not asked
//! it anything for `suspect_after`.
//!
//! *With terms* each leader leads in a term of its own (see `ballot`), higher than any it has heard of. A message of an
//! older term is turned away and answered, and whoever hears of a newer term follows its leader at once. It fences the
//! old leader off; it is no quorum: a leader that hears nobody goes on for as long.

use super::{Replica, Say, Settling, Stage};
use crate::base::NodeId;
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{Belief, Flaw, Note, Position, StoreNote, StoreSaid};
use std::sync::Arc;

impl Replica {
    /// The term in which it would lead next.
    pub(super) fn proposal(&self) -> u64 {
        if self.config.terms { self.ballot.next(self.term) } else { 0 }
    }

    /// Nobody has lived before, and this one has the lowest id.
    pub(super) fn lead_from_the_start(&mut self, out: &mut Effects) {
        self.ready = true;
        self.lead(Settling::new(), out);
    }

    /// It came back: if nobody leads, it stands for election. Nobody does if all have said so.
    pub(super) fn look_around(&mut self, out: &mut Effects) {
        if let Stage::Asks { answered } = &self.stage
            && self.peers.iter().all(|(node, _)| answered.contains(&node))
        {
            self.stand(out);
        }
    }

    /// Would lead, and asks those whose place it is before its own.
    pub(super) fn stand(&mut self, out: &mut Effects) {
        let lower = self.peers.ids().into_iter().filter(|node| *node < self.me);
        let asked: Arc<[NodeId]> = lower.collect();
        let term = self.proposal();
        let patience =
            if asked.is_empty() { std::time::Duration::ZERO } else { self.config.heartbeat };
        let until = self.now + patience;
        out.note(Note::Store(StoreNote::Stood { term, asked: asked.clone(), until }));
        out.push(Effect::Disarm(Timer::Suspect.id()));
        self.stage = Stage::Stands { asked: asked.clone() };
        self.in_step = false;
        for node in asked.iter() {
            self.say(*node, Say::Election { term }, out);
        }
        if asked.is_empty() {
            self.take_over(out);
        } else {
            out.push(Effect::Arm(Timer::Election.id(), patience));
        }
    }

    /// The time for answers is over, or for somebody else to take over.
    pub(super) fn election_due(&mut self, out: &mut Effects) {
        match self.stage {
            Stage::Stands { .. } => self.take_over(out),
            Stage::Defers => self.stand(out),
            Stage::Leads { .. } | Stage::Follows(_) | Stage::Asks { .. } => {}
        }
    }

    /// Nobody with a lower id is there.
    fn take_over(&mut self, out: &mut Effects) {
        let counts_as_current = self.has_flaw(Flaw::ServesEarly);
        let there = self.peers.iter().filter(|(_, peer)| {
            !counts_as_current && !peer.suspected && peer.belief != Some(Belief::Down)
        });
        let settling = there.map(|(node, _)| (node, None)).collect();
        self.lead(settling, out);
    }

    /// Leads from now on, and settles with these first.
    pub(super) fn lead(&mut self, settling: Settling, out: &mut Effects) {
        if self.config.terms {
            self.term = self.ballot.next(self.term);
        }
        for timer in [Timer::Suspect, Timer::Election] {
            out.push(Effect::Disarm(timer.id()));
        }
        self.in_step = true;
        self.asked = None;
        self.owed.clear();
        self.confirms.clear();
        self.sent = self.store.last();
        self.outbox.clear();
        self.stage = Stage::Leads { settling: Some(settling) };
        for (_, peer) in self.peers.iter_mut() {
            peer.confirmed = None;
        }
        let (term, have) = (self.term(), self.store.have());
        out.note(Note::Store(StoreNote::Promoted { term, have }));
        self.write_disk(out);
        for node in self.peers.ids() {
            self.announce(node, out);
        }
        out.push(Effect::Arm(Timer::Settle.id(), self.config.heartbeat));
        self.settle(out);
    }

    /// One of those who may be ahead says how far it is.
    pub(super) fn weigh(&mut self, from: NodeId, have: Position, out: &mut Effects) {
        if let Stage::Leads { settling: Some(left) } = &mut self.stage
            && let Some(told) = left.get_mut(&from)
        {
            *told = Some(have);
            self.weigh_all(out);
        }
    }

    /// A new leader takes what it lacks from those who said that they have it, one after the other.
    pub(super) fn weigh_all(&mut self, out: &mut Effects) {
        let Stage::Leads { settling: Some(left) } = &self.stage else { return };
        for (node, told) in left.clone() {
            let Some(have) = told else { continue };
            if self.store.digest_at(have.at) == Some(have.digest) {
                self.settle_without(node, out);
            } else if self.asked.is_none() {
                self.ask_to_catch_up(node, out);
            }
        }
    }

    /// Whoever is still to be heard before a new leader takes writes: one less.
    pub(super) fn settle_without(&mut self, node: NodeId, out: &mut Effects) {
        if let Stage::Leads { settling: Some(left) } = &mut self.stage
            && left.remove(&node).is_some()
        {
            self.settle(out);
        }
    }

    fn settle(&mut self, out: &mut Effects) {
        if matches!(&self.stage, Stage::Leads { settling: Some(left) } if left.is_empty()) {
            self.settled(out);
        }
    }

    /// A new leader is as far as anybody it could hear: it serves.
    pub(super) fn settled(&mut self, out: &mut Effects) {
        if !self.settles() {
            return;
        }
        out.push(Effect::Disarm(Timer::Settle.id()));
        self.stage = Stage::Leads { settling: None };
        self.asked = None;
        self.ready = true;
        self.sent = self.store.last();
        for (node, (have, whole)) in std::mem::take(&mut self.owed) {
            self.ship(node, have, whole, out);
        }
        if self.pushes() {
            self.push_beats(out);
        }
        for held in std::mem::take(&mut self.held) {
            self.accept(held, out);
        }
    }

    /// Follows another from now on.
    pub(super) fn follow(&mut self, leader: NodeId, out: &mut Effects) {
        let to = leader;
        match self.stage {
            Stage::Stands { .. } => out.note(Note::Store(StoreNote::StoodDown { to })),
            Stage::Leads { .. } => self.step_down(to, out),
            Stage::Follows(_) | Stage::Asks { .. } | Stage::Defers => {}
        }
        out.push(Effect::Disarm(Timer::Election.id()));
        self.stage = Stage::Follows(leader);
        self.in_step = false;
        self.asked = None;
        self.confirms.clear();
        let term = self.term();
        out.note(Note::Store(StoreNote::Follows { leader, term }));
        self.leader_is_alive(out);
        if !self.pushes() && !self.waits.is_waiting() {
            self.beat(leader, out);
        }
    }

    /// It led and does no more. Who waits for an acknowledgement hears nothing: what it wrote may yet stand or fall.
    fn step_down(&mut self, to: NodeId, out: &mut Effects) {
        out.note(Note::Store(StoreNote::Demoted { to, term: self.term() }));
        for timer in [Timer::Settle, Timer::Lag] {
            out.push(Effect::Disarm(timer.id()));
        }
        self.outbox.clear();
        self.owed.clear();
        self.waiters.clear();
        self.end_waits(out);
        let name = Some(Arc::from(self.topology.names.of(to)));
        for held in std::mem::take(&mut self.held) {
            self.reply(held.conn, held.no, held.wire_id, StoreSaid::NotLeader(name.clone()), out);
        }
    }

    /// Another says that it leads: whether it is this one's leader, or has just become so. `announced`: it says so of
    /// its own accord, not in answer to a question of long ago.
    pub(super) fn claims(
        &mut self,
        from: NodeId,
        term: u64,
        announced: bool,
        out: &mut Effects,
    ) -> bool {
        if self.config.terms && (self.term > 0 || term > 0) {
            if term < self.term {
                self.fence(from, term, out);
                return false;
            }
            self.learn(term, out);
            if self.leader().is_none() && self.ballot.leader_of(term) == Some(from) {
                self.follow(from, out);
            }
            return self.leader() == Some(from);
        }
        match self.stage {
            Stage::Follows(leader) if leader == from => return true,
            Stage::Follows(leader) if !(announced && from < leader) => return false,
            Stage::Leads { .. } if !(announced && from < self.me) => return false,
            _ if !self.peers.has(from) => return false,
            _ => {}
        }
        self.follow(from, out);
        true
    }

    /// A message bore this term: one that is newer than any before has a leader, and that is not this one.
    pub(super) fn learn(&mut self, term: u64, out: &mut Effects) {
        if !self.config.terms || term <= self.term {
            return;
        }
        self.term = term;
        let leader = self.ballot.leader_of(term).filter(|leader| self.peers.has(*leader));
        match (&self.stage, leader) {
            (Stage::Leads { .. } | Stage::Follows(_), Some(leader)) => self.follow(leader, out),
            // It led in that term itself and has forgotten it (its disk was wiped): its next one is newer still.
            (Stage::Leads { .. }, None) => self.lead(Settling::new(), out),
            // Whoever looks for a leader takes nobody for one who does not say so itself.
            _ => {}
        }
        self.write_disk(out);
    }

    /// Turns a message of an older term away, and tells its sender why.
    fn fence(&mut self, from: NodeId, stale: u64, out: &mut Effects) {
        let term = self.term;
        if self.fenced.replace((from, stale, term)) != Some((from, stale, term)) {
            out.note(Note::Store(StoreNote::Fenced { from, stale, term }));
        }
        self.say(from, Say::Here { term, leads: self.leads() }, out);
    }

    /// Somebody with a higher id would lead: are you there?
    pub(super) fn take_election(&mut self, from: NodeId, out: &mut Effects) {
        let (term, leads) = (self.term(), self.leads());
        self.say(from, Say::Here { term, leads }, out);
        // It was the leader, and looks for one itself.
        if matches!(self.stage, Stage::Follows(leader) if leader == from) {
            self.stand(out);
        }
    }

    /// The answer: I am here.
    pub(super) fn take_here(&mut self, from: NodeId, term: u64, leads: bool, out: &mut Effects) {
        if self.config.terms && term < self.term {
            if leads {
                self.fence(from, term, out);
            }
            return;
        }
        self.learn(term, out);
        let is_open = match &mut self.stage {
            Stage::Stands { asked } => asked.contains(&from),
            Stage::Defers | Stage::Asks { .. } => leads,
            Stage::Leads { .. } | Stage::Follows(_) => false,
        };
        if is_open && leads {
            self.claims(from, term, false, out);
        } else if is_open {
            out.note(Note::Store(StoreNote::StoodDown { to: from }));
            self.stage = Stage::Defers;
            out.push(Effect::Arm(Timer::Election.id(), self.config.suspect_after));
        }
    }

    /// Another leads from now on, or says so again.
    pub(super) fn take_leads(
        &mut self,
        from: NodeId,
        term: u64,
        have: Position,
        out: &mut Effects,
    ) {
        if self.claims(from, term, true, out) {
            // Where heartbeats are pulled, only a reply to one is a sign of life.
            if self.pushes() {
                self.leader_is_alive(out);
            }
            self.knows(from, have, out);
            self.compare(from, have, false, out);
            self.confirm(from, out);
        }
    }
}
