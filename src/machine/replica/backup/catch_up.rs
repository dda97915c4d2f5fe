//! How a replica is brought up to date.
//!
//! What a leader says it has sent is compared with the own log. A log that is longer is cut; one that ends earlier, or
//! differs, is asked for: all of it (`catch_up = "state"`, as in the original), or what follows the own end (`"log"`).
//! Whoever is asked for what follows and does not find the asker's end in its own log sends everything. A long answer
//! comes in parts, and nothing is done before all are there. A new leader answers when it has settled.

use super::{Replica, Say, Stage};
use crate::base::{LabTime, NodeId};
use crate::machine::Effects;
use crate::machine::replica::shipping::{bytes_of, parts};
use crate::message::{CatchUp, Entry, Message, Note, Position, ReplicaMessage, StoreNote};
use std::sync::Arc;

/// A request to be brought up to date, and what has come of the answer.
#[derive(Debug)]
pub struct Asked {
    /// Who was asked.
    pub from: NodeId,
    at: LabTime,
    how: CatchUp,
    keep: u64,
    entries: Vec<Entry>,
    bytes: u64,
}

impl Replica {
    /// The leader says how far it has sent: is this one there? `cuts`: what goes beyond is thrown away.
    pub(super) fn compare(
        &mut self,
        leader: NodeId,
        have: Position,
        cuts: bool,
        out: &mut Effects,
    ) {
        let agrees = self.store.digest_at(have.at) == Some(have.digest);
        if !agrees {
            self.in_step = false;
            self.ask_to_catch_up(leader, out);
        } else if self.store.last() == have.at {
            self.is_in_step();
        // In the blocking form a backup takes writes, too, and its leader may not have heard of them yet.
        } else if cuts && !self.blocks() {
            let entries = self.replace_log(have.at, &[], out);
            discard(entries, leader, out);
            self.is_in_step();
            self.write_disk(out);
        }
    }

    fn is_in_step(&mut self) {
        self.in_step = true;
        self.ready = true;
        self.asked = None;
    }

    /// Asks to be brought up to date, unless that was asked a moment ago.
    pub(super) fn ask_to_catch_up(&mut self, from: NodeId, out: &mut Effects) {
        let waits = self.asked.as_ref().is_some_and(|asked| {
            asked.from == from && self.now.since(asked.at) < self.config.suspect_after
        });
        let how = self.config.catch_up;
        let (term, have) = (self.term(), self.store.have());
        let whole = how == CatchUp::State;
        if waits || !self.say(from, Say::CatchUp { term, have, whole }, out) {
            return;
        }
        out.note(Note::Store(StoreNote::CatchUpAsked { from, how }));
        let at = self.now;
        self.asked = Some(Asked { from, at, how, keep: 0, entries: Vec::new(), bytes: 0 });
    }

    /// Another asks to be brought up to date.
    pub(super) fn take_catch_up(
        &mut self,
        from: NodeId,
        term: u64,
        have: Position,
        whole: bool,
        out: &mut Effects,
    ) {
        self.learn(term, out);
        if self.settles() {
            // What it has now may not be what it is going to have; whoever takes it might throw better things away.
            self.owed.insert(from, (have, whole));
        } else {
            self.ship(from, have, whole, out);
        }
    }

    /// Sends another the whole log, or what it lacks.
    pub(super) fn ship(&self, to: NodeId, have: Position, whole: bool, out: &mut Effects) {
        let upto = if self.leads() { self.sent } else { self.store.last() };
        let is_prefix = have.at <= upto && self.store.digest_at(have.at) == Some(have.digest);
        let keep = if is_prefix && !whole { have.at } else { 0 };
        let term = self.term();
        let log = self.store.after(keep);
        let count = usize::try_from(upto.saturating_sub(keep)).unwrap_or(usize::MAX);
        for part in parts(term, keep, &log[..count.min(log.len())]) {
            self.say(to, part, out);
        }
    }

    /// What was asked for, or a part of it.
    pub(super) fn take_state(
        &mut self,
        from: NodeId,
        term: u64,
        message: &Message,
        out: &mut Effects,
    ) {
        self.learn(term, out);
        let Message::Replica(ReplicaMessage::State { keep, entries, more, .. }) = message else {
            return;
        };
        let Some(asked) = self.asked.as_mut().filter(|asked| asked.from == from) else { return };
        asked.at = self.now;
        asked.bytes += bytes_of(message);
        if asked.entries.is_empty() {
            asked.keep = *keep;
        }
        asked.entries.extend(entries.iter().cloned());
        if *more {
            return;
        }
        let Some(asked) = self.asked.take() else { return };
        let follows = (asked.keep + 1..).zip(&asked.entries).all(|(at, one)| one.position == at);
        if !follows || asked.keep > self.store.last() {
            // It is not what was asked for; the next heartbeat shows that something is missing still.
            return;
        }
        match &self.stage {
            Stage::Follows(leader) if *leader == from => {
                self.install(asked, out);
                self.is_in_step();
                self.confirms.insert(from);
                if self.disk.is_idle() {
                    self.confirm(from, out);
                }
            }
            Stage::Leads { settling: Some(left) } if left.contains_key(&from) => {
                if self.is_further(&asked) {
                    self.install(asked, out);
                    self.sent = self.store.last();
                    // Whoever had what this one had a moment ago is not in step with it any more.
                    for node in self.peers.ids() {
                        self.announce(node, out);
                    }
                }
                self.settle_without(from, out);
                self.weigh_all(out);
            }
            _ => {}
        }
    }

    /// Whether a log goes further than the own one: in a newer term, or in the same and longer (as in Raft, 5.4.1).
    fn is_further(&self, asked: &Asked) -> bool {
        let Some(last) = asked.entries.last() else { return false };
        (last.term, last.position) > (self.store.last_term(), self.store.last())
    }

    /// Another's log takes the place of the own one. What both have is not written anew.
    fn install(&mut self, asked: Asked, out: &mut Effects) {
        let Asked { from, how, keep, entries, bytes, .. } = asked;
        let shared = entries
            .iter()
            .take_while(|entry| self.store.entry(entry.position) == Some(*entry))
            .count();
        let keep = keep + shared as u64;
        let shipped = entries.len() as u64;
        let discarded = self.replace_log(keep, &entries[shared..], out);
        for (_, peer) in self.peers.iter_mut() {
            // What others confirmed may be another history now.
            let had = peer.have.filter(|had| self.store.digest_at(had.at) == Some(had.digest));
            peer.confirmed = had.map(|had| had.at);
        }
        discard(discarded, from, out);
        let have = self.store.have();
        out.note(Note::Store(StoreNote::CaughtUp { from, how, entries: shipped, bytes, have }));
        self.write_disk(out);
    }
}

fn discard(entries: Vec<Entry>, for_the_log_of: NodeId, out: &mut Effects) {
    if !entries.is_empty() {
        let entries = Arc::from(entries);
        out.note(Note::Store(StoreNote::Discarded { entries, for_the_log_of }));
    }
}
