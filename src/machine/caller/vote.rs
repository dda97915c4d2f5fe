//! Where every replica is asked: each answer is a vote, and what more than half of them agree on is taken.
//!
//! A write is brought to the others too, until they have it or its time is over; with the flaw `stop-at-two` nobody
//! cares about them once enough have agreed.

use super::call::{Given, Stand, Way};
use super::{Caller, Effect, Effects};
use crate::base::{LabTime, NodeId, QuestionNo};
use crate::machine::timers::Timer;
use crate::message::{Belief, Flaw, Note, OpOutcome, OpWhy, StoreNote, StoreSaid};
use crate::topology::{NoMajority, ReadFrom};

impl Caller {
    /// Asks everybody who is there, and whoever turns up later.
    pub(super) fn ask_all(&mut self, now: LabTime, request: QuestionNo, out: &mut Effects) {
        let mut standing = Vec::new();
        for at in 0..self.lines.len() {
            let kept = &mut self.lines[at].kept;
            let (node, hopeless) = (kept.node(), kept.is_hopeless(now));
            if !hopeless {
                kept.open(now, true, out);
            }
            if kept.standing().is_some() {
                standing.push(node);
            }
            let Some(call) = self.calls.get_mut(&request) else { return };
            call.ballot(node).stand = if hopeless { Stand::Gone } else { Stand::Wanted };
        }
        self.send(request, &standing, 1, out);
        let timeout = self.config.request_timeout;
        out.push(Effect::Arm(Timer::FailOver(request).id(), timeout));
        self.judge(request, false, out);
    }

    /// A replica is there again: it is asked what it has not answered.
    pub(super) fn ask_again_at(&mut self, request: QuestionNo, node: NodeId, out: &mut Effects) {
        let Some(call) = self.calls.get_mut(&request) else { return };
        let ballot = call.ballot(node);
        if matches!(ballot.stand, Stand::Did(_) | Stand::Asked) {
            return;
        }
        let attempt = ballot.times + 1;
        if !call.is_concluded() || call.operation.is_write() {
            self.send(request, &[node], attempt, out);
        }
    }

    /// A replica is not there, or its connection died.
    pub(super) fn vote_gone(&mut self, request: QuestionNo, node: NodeId, out: &mut Effects) {
        let Some(call) = self.calls.get_mut(&request) else { return };
        let ballot = call.ballot(node);
        if !matches!(ballot.stand, Stand::Did(_)) {
            ballot.stand = Stand::Gone;
        }
        self.judge(request, false, out);
    }

    /// A replica is not asked any more: its vote does not count either.
    pub(super) fn struck_off(&mut self, request: QuestionNo, node: NodeId, out: &mut Effects) {
        if let Some(call) = self.calls.get_mut(&request) {
            call.votes.retain(|voter| *voter != node);
        }
        self.vote_gone(request, node, out);
    }

    /// A replica answered.
    pub(super) fn voted(
        &mut self,
        request: QuestionNo,
        replica: NodeId,
        said: StoreSaid,
        out: &mut Effects,
    ) {
        let Some(call) = self.calls.get_mut(&request) else { return };
        if call.vote_of(replica).is_some() {
            // Asked twice, answered twice: it has voted.
            return;
        }
        out.note(Note::Store(StoreNote::Voted { request, replica, said: said.clone() }));
        if !said.is_ok() {
            call.ballot(replica).stand = Stand::Declined(said);
            return self.judge(request, false, out);
        }
        let verdict = call.verdict.clone();
        call.ballot(replica).stand = Stand::Did(said.clone());
        call.votes.push(replica);
        let needed = self.lines.len() / 2 + 1;
        if let Given::Answer(taken) = verdict
            && taken != said
            && call.majority(needed).is_some_and(|(agreed_on, _)| agreed_on == taken)
        {
            out.note(Note::Store(StoreNote::Outvoted { request, replica, said }));
        }
        self.judge(request, false, out);
    }

    /// Those who were asked have had their time: what there is must do, and whoever has not answered is asked again.
    pub(super) fn round_over(&mut self, request: QuestionNo, out: &mut Effects) {
        for node in self.replicas() {
            let Some(call) = self.calls.get(&request) else { return };
            let stand = call.ballots.get(&node).map(|ballot| &ballot.stand);
            if stand == Some(&Stand::Asked) {
                self.believe(node, Belief::Suspect, out);
            }
        }
        self.judge(request, true, out);
        let Some(call) = self.calls.get(&request) else { return };
        if call.is_concluded() && !call.operation.is_write() {
            return self.forget(request, out);
        }
        for node in self.replicas() {
            let Some(call) = self.calls.get_mut(&request) else { return };
            let ballot = call.ballot(node);
            let attempt = ballot.times + 1;
            if !matches!(ballot.stand, Stand::Did(_)) {
                self.send(request, &[node], attempt, out);
            }
        }
        let timeout = self.config.request_timeout;
        out.push(Effect::Arm(Timer::FailOver(request).id(), timeout));
    }

    /// Whether the votes suffice for a verdict. `over`: nobody is waited for any longer.
    fn judge(&mut self, request: QuestionNo, over: bool, out: &mut Effects) {
        let needed = self.lines.len() / 2 + 1;
        let Some(call) = self.calls.get(&request) else { return };
        if call.is_concluded() {
            return self.forget_if_done(request, out);
        }
        let complete = call.is_complete(self.replicas());
        let is_write = call.operation.is_write();
        let patient = self.config.reads == ReadFrom::All && !is_write && !complete && !over;
        if let Some((said, agreed)) = call.majority(needed).filter(|_| !patient) {
            return self.take(request, said, agreed, OpWhy::Majority, out);
        }
        if !complete && !over {
            return;
        }
        let first = call.votes.first().and_then(|replica| call.vote_of(*replica)).cloned();
        match (first, self.config.no_majority) {
            (Some(said), NoMajority::First) => {
                let agreed = call.agree_with(&said);
                self.take(request, said, agreed, OpWhy::First, out);
            }
            (Some(_), NoMajority::Refuse) => {
                let outcome = if is_write { OpOutcome::Unknown } else { OpOutcome::Failed };
                self.conclude(request, outcome, None, Vec::new(), OpWhy::NoMajority, out);
            }
            (None, _) if call.may_be_done() || !complete => {}
            (None, _) => {
                let (outcome, declined) = (OpOutcome::Failed, call.declined());
                let why = if declined.is_some() { OpWhy::Answer } else { OpWhy::NobodyLeft };
                let (by, said) =
                    declined.map_or((Vec::new(), None), |(by, said)| (vec![by], Some(said)));
                self.conclude(request, outcome, said, by, why, out);
            }
        }
    }

    /// This is the answer; where a majority gave it, whoever said something else is outvoted.
    fn take(
        &mut self,
        request: QuestionNo,
        said: StoreSaid,
        agreed: Vec<NodeId>,
        why: OpWhy,
        out: &mut Effects,
    ) {
        let Some(call) = self.calls.get(&request) else { return };
        let others: Vec<(NodeId, StoreSaid)> = call
            .votes
            .iter()
            .filter_map(|replica| Some((*replica, call.vote_of(*replica)?.clone())))
            .filter(|(_, other)| why == OpWhy::Majority && *other != said)
            .collect();
        self.conclude(request, OpOutcome::Ok, Some(said), agreed, why, out);
        for (replica, said) in others {
            out.note(Note::Store(StoreNote::Outvoted { request, replica, said }));
        }
    }

    /// An operation with its verdict needs nothing more when everybody has done it; one that failed needs nothing more
    /// at all.
    pub(super) fn forget_if_done(&mut self, request: QuestionNo, out: &mut Effects) {
        let Some(call) = self.calls.get(&request) else { return };
        let waits = matches!(call.way, Way::All)
            && !self.has_flaw(Flaw::StopAtTwo)
            && matches!(call.verdict, Given::Answer(_))
            && !call.all_did(self.replicas())
            && (call.operation.is_write() || !call.is_complete(self.replicas()));
        if !waits {
            self.forget(request, out);
        }
    }
}
