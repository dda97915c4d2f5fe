//! Heartbeats, and what silence comes to.
//!
//! With `pull` a backup asks its leader (`Beat`) and the reply (`Alive`) is the sign of life: a cut in either direction
//! stops the replies. With `push` the leader sends `Alive` unasked, and the backup says how far it is (`Have`): only a
//! cut on the way from the leader is silence to the backup. An unanswered heartbeat does not stop the next. Changes are
//! no sign of life, so that what a cut does, does not depend on who happens to write.

use super::{Replica, Say, Stage};
use crate::base::NodeId;
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{Awaited, Belief, Note, Position, StoreNote};

impl Replica {
    /// The time of a heartbeat has come.
    pub(super) fn beat_due(&mut self, out: &mut Effects) {
        out.push(Effect::Arm(Timer::Beat.id(), self.config.heartbeat));
        if self.waits.is_waiting() {
            return;
        }
        match self.stage {
            Stage::Leads { settling: None } => {
                if self.pushes() {
                    self.push_beats(out);
                } else {
                    self.remind(out);
                }
            }
            Stage::Follows(leader) if !self.pushes() => self.beat(leader, out),
            Stage::Asks { .. } => {
                for peer in self.peers.ids() {
                    self.beat(peer, out);
                }
            }
            _ => {}
        }
        if self.leads() {
            self.watch_backups(out);
        }
        // What the disk refused is tried again.
        self.write_disk(out);
    }

    /// Asks another whether it is there, and whether it leads.
    pub(super) fn beat(&mut self, to: NodeId, out: &mut Effects) {
        let (term, have) = (self.term(), self.durable());
        let Some(peer) = self.peers.get(to) else { return };
        let number = peer.beats + 1;
        if !self.say(to, Say::Beat { number, term, have }, out) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(to) {
            peer.beats = number;
        }
        if self.blocks() && self.leader() == Some(to) {
            self.wait_for(to, Awaited::HeartbeatReply, out);
        }
    }

    pub(super) fn push_beats(&mut self, out: &mut Effects) {
        self.pushed += 1;
        let (number, term, have) = (self.pushed, self.term(), self.told());
        for peer in self.peers.ids() {
            self.say(peer, Say::Alive { number, term, have, leads: true }, out);
        }
    }

    /// Tells those who ask nothing that this one leads: where heartbeats are pulled, two leaders would never hear of
    /// each other otherwise. That the other says the same is no reason to be silent.
    fn remind(&mut self, out: &mut Effects) {
        for node in self.peers.ids() {
            let Some(peer) = self.peers.get(node) else { continue };
            if self.now.since(peer.asked.max(peer.told)) >= self.config.suspect_after {
                self.announce(node, out);
            }
        }
    }

    pub(super) fn announce(&mut self, to: NodeId, out: &mut Effects) {
        let leads = Say::Leads { term: self.term(), have: self.told() };
        let now = self.now;
        if self.say(to, leads, out)
            && let Some(peer) = self.peers.get_mut(to)
        {
            peer.told = now;
        }
    }

    /// A leader takes a backup that has been silent for too long for dead: no write waits for it any more.
    fn watch_backups(&mut self, out: &mut Effects) {
        for node in self.peers.ids() {
            let silent = self
                .peers
                .get(node)
                .is_some_and(|peer| self.now.since(peer.heard) >= self.config.suspect_after);
            if silent {
                self.believe(node, Belief::Down, out);
            }
        }
        self.release(out);
    }

    /// What is believed of another, from now on.
    pub(super) fn believe(&mut self, node: NodeId, belief: Belief, out: &mut Effects) {
        let Some(peer) = self.peers.get_mut(node) else { return };
        if peer.belief.replace(belief) != Some(belief) {
            out.note(Note::Believed { about: node, belief });
        }
    }

    /// Something was heard of another: it is there.
    pub(super) fn heard(&mut self, from: NodeId, said: &Say, out: &mut Effects) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(from) else { return };
        peer.heard = now;
        let is_sign = matches!(
            said,
            Say::Beat { .. }
                | Say::Alive { .. }
                | Say::Election { .. }
                | Say::Here { .. }
                | Say::Leads { .. }
        );
        if is_sign && std::mem::take(&mut peer.suspected) {
            out.note(Note::Store(StoreNote::Cleared { about: from }));
        }
        self.believe(from, Belief::Up, out);
    }

    /// How far another says it is.
    pub(super) fn knows(&mut self, about: NodeId, have: Position, out: &mut Effects) {
        let has_it = self.store.digest_at(have.at) == Some(have.digest);
        let Some(peer) = self.peers.get_mut(about) else { return };
        peer.confirmed = has_it.then_some(have.at);
        if peer.have.replace(have) != Some(have) {
            out.note(Note::Store(StoreNote::Knows { about, have }));
        }
    }

    /// The leader gave a sign of life.
    pub(super) fn leader_is_alive(&mut self, out: &mut Effects) {
        self.leader_heard = self.now;
        out.push(Effect::Arm(Timer::Suspect.id(), self.config.suspect_after));
    }

    /// Somebody asks whether this one is there.
    pub(super) fn take_beat(
        &mut self,
        from: NodeId,
        number: u64,
        term: u64,
        have: Position,
        out: &mut Effects,
    ) {
        let now = self.now;
        if let Some(peer) = self.peers.get_mut(from) {
            peer.asked = now;
        }
        self.learn(term, out);
        self.knows(from, have, out);
        // A leader asks nobody.
        if matches!(self.stage, Stage::Follows(leader) if leader == from) {
            self.stand(out);
        }
        // It may not be as far as it should be yet; whoever asks has just been told that it leads.
        if self.settles() {
            return self.weigh(from, have, out);
        }
        let (term, have, leads) = (self.term(), self.told(), self.leads());
        self.say(from, Say::Alive { number, term, have, leads }, out);
        self.release(out);
    }

    /// A sign of life, asked for or not.
    pub(super) fn take_alive(
        &mut self,
        from: NodeId,
        term: u64,
        have: Position,
        leads: bool,
        out: &mut Effects,
    ) {
        if leads {
            if self.claims(from, term, self.pushes(), out) {
                self.leader_is_alive(out);
                self.knows(from, have, out);
                self.compare(from, have, true, out);
                if self.pushes() {
                    self.confirm(from, out);
                }
            }
            return;
        }
        self.learn(term, out);
        match &mut self.stage {
            // It led and does no more: somebody must.
            Stage::Follows(leader) if *leader == from => self.stand(out),
            Stage::Asks { answered } => {
                answered.insert(from);
                self.look_around(out);
            }
            _ => {}
        }
    }

    /// The time is over within which a leader should have been heard.
    pub(super) fn silence_due(&mut self, out: &mut Effects) {
        if self.waits.is_waiting() {
            // It stands still; when it goes on, what waits for it is heard first.
            return out.push(Effect::Arm(Timer::Suspect.id(), self.config.suspect_after));
        }
        match self.stage {
            Stage::Follows(about) => {
                let silence = self.now.since(self.leader_heard);
                if let Some(peer) = self.peers.get_mut(about) {
                    peer.suspected = true;
                }
                out.note(Note::Store(StoreNote::Suspected { about, silence }));
                self.stand(out);
            }
            Stage::Asks { .. } => self.stand(out),
            Stage::Leads { .. } | Stage::Stands { .. } | Stage::Defers => {}
        }
    }
}
