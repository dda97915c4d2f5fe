//! Notes of clients and replicas of the store: operations, logs, leadership, waits.

use super::gone::{Loss, THROWN_MAX, Thrown};
use super::group::Group;
use super::op::{ATTEMPTS_MAX, Attempt, Ended, OpNo, Vote};
use super::replica::{Comparison, Part, Transfer};
use crate::base::{NodeId, Owner, QuestionNo};
use crate::event::{Event, Life};
use crate::message::{Belief, ClockVerdict, Entry, OpId, OpOutcome, StoreNote};
use std::sync::Arc;

/// Terms of which it is remembered who acknowledged in them.
const TERMS_MAX: usize = 64;

impl Group {
    pub(super) fn noted(&mut self, node: NodeId, event: &Event, note: &StoreNote) {
        match self.place(node) {
            None => self.asker_noted(node, event, note),
            Some(at) => {
                self.log_noted(at, note);
                self.leadership_noted(at, note);
                self.pace_noted(at, event, note);
            }
        }
    }

    fn asked(&self, event: &Event, request: QuestionNo) -> Option<OpNo> {
        let Owner::Node(node, life) = event.id.owner else { return None };
        self.ops.by_request(node, life, request)
    }

    fn asker_noted(&mut self, node: NodeId, event: &Event, note: &StoreNote) {
        let now = self.now;
        match note {
            StoreNote::Requested { request, id, operation, deadline } => {
                let Owner::Node(_, life) = event.id.owner else { return };
                self.figures.asked += 1;
                let no = self.op_for(id, operation);
                self.ops.number(node, life, *request, no);
                if let Some(op) = self.ops.get_mut(no) {
                    op.asker = Some((node, life, *request));
                    op.deadline = Some(*deadline);
                    op.begun = now;
                }
            }
            StoreNote::Attempted { request, id, to, attempt } => {
                let Some(no) = self.asked(event, *request) else { return };
                if self.ops.by_id(id) != Some(no) {
                    self.ops.name(id, no);
                    if let Some(op) = self.ops.get_mut(no) {
                        op.ids += 1;
                    }
                }
                let Some(op) = self.ops.get_mut(no) else { return };
                if op.attempts.len() < ATTEMPTS_MAX {
                    let (id, to) = (id.clone(), to.clone());
                    op.attempts.push(Attempt { at: now, number: *attempt, id, to });
                }
            }
            StoreNote::Voted { request, replica, said } => {
                let op = self.asked(event, *request).and_then(|no| self.ops.get_mut(no));
                if let Some(op) = op.filter(|op| op.votes.len() < ATTEMPTS_MAX) {
                    let (replica, said) = (*replica, said.clone());
                    op.votes.push(Vote { at: now, replica, said, outvoted: false });
                }
            }
            StoreNote::Outvoted { request, replica, said } => {
                self.figures.outvoted += 1;
                if let Some(at) = self.place(*replica) {
                    self.replicas[at].outvoted += 1;
                }
                let Some(op) = self.asked(event, *request).and_then(|no| self.ops.get_mut(no))
                else {
                    return;
                };
                if let Some(vote) = op.votes.iter_mut().rfind(|vote| vote.replica == *replica) {
                    vote.outvoted = true;
                } else {
                    let (replica, said) = (*replica, said.clone());
                    op.votes.push(Vote { at: now, replica, said, outvoted: true });
                }
            }
            StoreNote::Concluded { request, outcome, said, agreed, why } => {
                let Some(no) = self.asked(event, *request) else {
                    self.figures.ended[*outcome as usize] += 1;
                    return;
                };
                let (outcome, why) = (*outcome, *why);
                let (said, agreed) = (said.clone(), agreed.clone());
                self.concluded(no, Ended { at: now, outcome, said, agreed, why });
            }
            StoreNote::Follows { leader, term } => {
                self.believed.insert(node, (*leader, *term));
            }
            StoreNote::Suspected { about, .. } => self.believes(node, *about, Belief::Suspect),
            StoreNote::Cleared { about } => self.believes(node, *about, Belief::Up),
            _ => {}
        }
    }

    fn concluded(&mut self, no: OpNo, ended: Ended) {
        self.figures.ended[ended.outcome as usize] += 1;
        let Some(op) = self.ops.get(no) else { return };
        let (write, begun, operation) = (op.operation.is_write(), op.begun, op.operation.clone());
        let done = ended.outcome == OpOutcome::Ok;
        let mut flawed = None;
        if write && done {
            self.places.known(no, &operation, ended.at);
        } else if done && let Some(said) = &ended.said {
            flawed = self.places.judge(&operation, said, begun);
        }
        let client = op.asker.map(|(node, ..)| node);
        let at = ended.at;
        let agreed = ended.agreed.clone();
        if let Some(op) = self.ops.get_mut(no) {
            op.ended = Some(ended);
            op.flawed = flawed;
        }
        self.count_flaw(flawed);
        if !write {
            return;
        }
        if done {
            self.acknowledged(no, None);
            self.served(no, client, &agreed);
        }
        debug_assert!(at <= self.now, "what has ended has ended by now");
        self.write_ended(done, begun);
    }

    pub(super) fn count_flaw(&mut self, flawed: Option<super::op::Flawed>) {
        match flawed {
            Some(super::op::Flawed::Stale(_)) => self.figures.stale += 1,
            Some(super::op::Flawed::Wrong) => self.figures.wrong += 1,
            None => {}
        }
    }

    /// The first write that got through to a new leader ends the failover.
    fn served(&mut self, no: OpNo, client: Option<NodeId>, agreed: &[NodeId]) {
        let now = self.now;
        let Some((failover, client)) = self.failing_over().zip(client) else { return };
        if failover.promoted.is_some_and(|(leader, ..)| agreed.contains(&leader)) {
            failover.served = Some((client, now, no));
        }
    }

    /// A write counts as acknowledged from now on, if it has not before.
    fn acknowledged(&mut self, no: OpNo, by: Option<NodeId>) {
        let now = self.now;
        self.lost_because(Loss::NeverHeld);
        let Some(op) = self.ops.get_mut(no) else { return };
        if let Some(by) = by.filter(|by| op.acked_by.iter().all(|(other, _)| other != by)) {
            op.acked_by.push((by, now));
        }
        if op.acked.is_none() {
            op.acked = Some(now);
            self.figures.acked += 1;
            self.dirty.insert(no);
        }
    }

    fn log_noted(&mut self, at: usize, note: &StoreNote) {
        let now = self.now;
        match note {
            StoreNote::ReadLog { have, term, entries } => {
                self.term(at, *term);
                self.stands_at(at, *have);
                self.replicas[at].memory = None;
                self.replicas[at].copy.persisted(have.at);
                self.replicas[at].durable = have.at;
                self.replicas[at].read_at_boot = Some(*entries);
                self.replicas[at].wiped &= *entries == 0;
            }
            StoreNote::Accepted { entry, have, .. } => {
                self.term(at, entry.term);
                self.accepts(at, entry, *have);
            }
            StoreNote::Recognised { .. } => {
                self.replicas[at].recognised += 1;
                self.figures.recognised += 1;
            }
            StoreNote::Durable { at: position } => {
                self.replicas[at].copy.persisted(*position);
                self.replicas[at].durable = *position;
            }
            StoreNote::Acked { id, term, .. } => self.acks_noted(at, id, *term),
            StoreNote::ReadServed { id, operation, said, have } => {
                self.replicas[at].reads += 1;
                self.witness(at, *have);
                // A visitor concludes nothing: what it was told is what it knows.
                if self.ops.by_id(id).is_none() {
                    let flawed = self.places.judge(operation, said, now);
                    self.count_flaw(flawed);
                }
            }
            StoreNote::NotDone { id, .. } => {
                // Taken back, with all that followed it; what the disk has stays.
                let Some(no) = self.ops.by_id(id) else { return };
                let copy = &self.replicas[at].copy;
                let place = copy.after(copy.durable()).iter().position(|item| item.op == no);
                if let Some(place) = place {
                    self.cut(at, self.replicas[at].copy.durable() + place as u64);
                    self.replicas[at].have = self.replicas[at].copy.have();
                }
            }
            StoreNote::CaughtUp { from, how, entries, bytes, have } => {
                self.lost_because(Loss::Discarded {
                    by: self.replicas[at].id,
                    for_the_log_of: *from,
                });
                if let Some(offer) = self.replicas[at].offer.take().filter(|o| o.from == *from) {
                    self.replace(at, offer.keep, &offer.entries, *from);
                }
                self.stands_at(at, *have);
                self.has_landed(at, None);
                let asked = self.replicas[at].asked.take().map(|(_, _, at)| at);
                let replica = &mut self.replicas[at];
                let (how, entries, bytes) = (*how, *entries, *bytes);
                self.figures.shipped += bytes;
                replica.transfer =
                    Some(Transfer { asked, at: now, from: *from, how, entries, bytes });
                replica.wiped = false;
                self.is_current(at);
            }
            StoreNote::Discarded { entries, for_the_log_of } => {
                self.discards(at, entries, *for_the_log_of);
            }
            _ => {}
        }
    }

    fn acks_noted(&mut self, at: usize, id: &OpId, term: u64) {
        let (now, by) = (self.now, self.replicas[at].id);
        self.replicas[at].acked += 1;
        self.term(at, term);
        self.acknowledges(by);
        if term > 0 && self.replicas[at].config.terms {
            let first = *self.term_ackers.entry(term).or_insert(by);
            self.figures.same_term += u64::from(first != by);
            if self.term_ackers.len() > TERMS_MAX {
                self.term_ackers.pop_first();
            }
        }
        let Some(no) = self.ops.by_id(id) else { return };
        self.acknowledged(no, Some(by));
        let Some(op) = self.ops.get(no).filter(|op| op.asker.is_none()) else { return };
        let operation = op.operation.clone();
        self.places.known(no, &operation, now);
    }

    fn discards(&mut self, at: usize, entries: &Arc<[Entry]>, for_the_log_of: NodeId) {
        let (now, by) = (self.now, self.replicas[at].id);
        self.lost_because(Loss::Discarded { by, for_the_log_of });
        let mut keep = None;
        for entry in entries.iter() {
            let op = self.ops.by_id(&entry.id);
            let item = self.replicas[at].copy.item(entry.position);
            if item.is_some_and(|item| Some(item.op) == op) {
                keep = Some(keep.unwrap_or(entry.position - 1).min(entry.position - 1));
            }
            let before = op.and_then(|no| self.ops.get_mut(no));
            let acked = before.as_ref().is_some_and(|op| op.acked.is_some());
            let again = before.is_some_and(|op| std::mem::replace(&mut op.thrown, true));
            self.figures.discarded += u64::from(!again);
            let (id, operation) = (entry.id.clone(), entry.operation.clone());
            self.discarded.push_back(Thrown {
                at: now,
                by,
                for_the_log_of,
                op,
                id,
                operation,
                acked,
            });
        }
        let over = self.discarded.len().saturating_sub(THROWN_MAX);
        self.discarded.drain(..over);
        if let Some(keep) = keep {
            self.cut(at, keep);
            if self.replicas[at].sure {
                self.replicas[at].have = self.replicas[at].copy.have();
            }
        }
    }

    fn leadership_noted(&mut self, at: usize, note: &StoreNote) {
        let (now, id) = (self.now, self.replicas[at].id);
        match note {
            StoreNote::Suspected { about, silence } => {
                self.suspects(id, *about, *silence);
                self.believes(id, *about, Belief::Suspect);
            }
            StoreNote::Cleared { about } => {
                self.believes(id, *about, Belief::Up);
                self.called_off(*about);
            }
            StoreNote::Stood { term, until, .. } => {
                self.term(at, *term);
                self.replicas[at].plays(Part::Candidate, now);
                self.replicas[at].stands_until = Some(*until);
                self.stands(id);
                self.leaders_changed();
            }
            StoreNote::StoodDown { .. } => {
                if self.replicas[at].part == Part::Candidate {
                    self.replicas[at].plays(Part::Backup, now);
                }
                let stands = |replica: &super::ReplicaState| replica.part == Part::Candidate;
                self.stood = self.replicas.iter().any(stands);
            }
            StoreNote::Promoted { term, have } => {
                self.witness(at, *have);
                self.leads(at, *term);
            }
            StoreNote::Demoted { to, term } | StoreNote::Follows { leader: to, term } => {
                self.term(at, *term);
                self.replicas[at].settles_in(*term);
                if *to == id {
                    return self.leads(at, *term);
                }
                self.replicas[at].follows = Some(*to);
                let behind = self.replicas[at].asked.is_some();
                let part = if behind { Part::Returning } else { Part::Backup };
                self.replicas[at].plays(part, now);
                self.leaders_changed();
            }
            StoreNote::Fenced { .. } => self.replicas[at].fenced += 1,
            _ => {}
        }
    }

    fn pace_noted(&mut self, at: usize, event: &Event, note: &StoreNote) {
        let now = self.now;
        match note {
            StoreNote::Knows { about, have } => {
                self.replicas[at].knows.insert(*about, (*have, now));
            }
            StoreNote::Compared { with, own, other, verdict } => {
                let (own, other, verdict) = (*own, *other, *verdict);
                let comparison = Comparison { at: now, own, other, verdict };
                self.replicas[at].compared.insert(*with, comparison);
                self.witness(at, own);
                self.figures.concurrent += u64::from(verdict == ClockVerdict::Concurrent);
                if verdict != ClockVerdict::Behind {
                    self.is_current(at);
                }
            }
            StoreNote::CatchUpAsked { from, how } => {
                self.replicas[at].asked = Some((*from, *how, now));
                self.replicas[at].offer = None;
                if matches!(self.replicas[at].part, Part::Backup | Part::Serves) {
                    self.replicas[at].plays(Part::Returning, now);
                }
            }
            StoreNote::WaitsFor { about, awaited } => {
                self.replicas[at].waits.insert(*about, (*awaited, now));
                self.replicas[at].answered.remove(about);
                self.look_for_cycles();
            }
            StoreNote::WaitOver { about } => {
                self.replicas[at].waits.remove(about);
                self.replicas[at].wait_ended_by = Some(event.cause);
                self.look_for_cycles();
            }
            _ => {}
        }
    }

    /// A replica that had returned is up to date, as far as it knows.
    fn is_current(&mut self, at: usize) {
        if self.replicas[at].part != Part::Returning || self.replicas[at].life != Life::Up {
            return;
        }
        let part = match self.scheme {
            crate::topology::Scheme::PrimaryBackup => Part::Backup,
            crate::topology::Scheme::Active => Part::Serves,
        };
        self.replicas[at].plays(part, self.now);
    }
}
