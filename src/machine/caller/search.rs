//! Where one leads: the operation goes to the one that is believed to, then to whom it names, then to the next in the
//! file's order, until one carries it out. When all have had their turn, there is a pause, and the next round begins.

use super::call::{Call, Search, Stand, Way};
use super::{Caller, Effect, Effects};
use crate::base::draw::{Purpose, unit};
use crate::base::{LabTime, NodeId, QuestionNo};
use crate::machine::timers::Timer;
use crate::message::{Belief, Note, OpOutcome, OpWhy, StoreNote, StoreSaid};
use std::time::Duration;

/// The pause between two rounds is a quarter of the time that one replica gets, so that it never makes a failover much
/// longer; but not so short that the replicas are asked without end …
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// … nor longer than a person takes for a pause.
const PAUSE_MAX: Duration = Duration::from_millis(250);

fn search(call: &mut Call) -> Option<&mut Search> {
    match &mut call.way {
        Way::One(search) => Some(search),
        Way::All => None,
    }
}

impl Caller {
    fn search_of(&mut self, request: QuestionNo) -> Option<&mut Search> {
        search(self.calls.get_mut(&request)?)
    }

    /// Who is tried next in this round.
    fn next_to_try(&self, search: &Search) -> Option<NodeId> {
        let all: Vec<NodeId> = self.replicas().collect();
        let fresh = |node: &NodeId| all.contains(node) && !search.tried.contains(node);
        if let Some(named) = search.named.filter(fresh) {
            return Some(named);
        }
        let Some(last) = search.tried.last() else {
            let first = search.begins_at.or(self.leader).filter(fresh);
            return first.or_else(|| all.first().copied());
        };
        let after = all.iter().position(|node| node == last).map_or(0, |at| at + 1);
        all.iter().cycle().skip(after).take(all.len()).copied().find(fresh)
    }

    /// Tries the next replica; ends the round if there is none.
    pub(super) fn search_on(&mut self, now: LabTime, request: QuestionNo, out: &mut Effects) {
        loop {
            let Some(Call { way: Way::One(search), .. }) = self.calls.get(&request) else { return };
            let Some(node) = self.next_to_try(search) else { break };
            let Some(at) = self.at(node) else { break };
            let kept = &mut self.lines[at].kept;
            let hopeless = kept.is_hopeless(now);
            if !hopeless {
                kept.open(now, true, out);
            }
            let stands = kept.standing().is_some();
            let Some(search) = self.search_of(request) else { return };
            search.tried.push(node);
            if hopeless {
                continue;
            }
            search.at = Some(node);
            let timeout = self.config.request_timeout;
            out.push(Effect::Arm(Timer::FailOver(request).id(), timeout));
            if stands {
                self.ask_one(request, node, out);
            }
            return;
        }
        self.end_round(request, out);
    }

    fn ask_one(&mut self, request: QuestionNo, node: NodeId, out: &mut Effects) {
        let Some(search) = self.search_of(request) else { return };
        search.attempts += 1;
        search.all_refused = false;
        let attempt = search.attempts;
        self.send(request, &[node], attempt, out);
    }

    /// Everybody has had a turn: whether that is the end of it, or a pause and another round.
    fn end_round(&mut self, request: QuestionNo, out: &mut Effects) {
        out.push(Effect::Disarm(Timer::FailOver(request).id()));
        let Some(call) = self.calls.get_mut(&request) else { return };
        let surely_not = !call.may_be_done();
        let Some(search) = search(call) else { return };
        let (declined, all_refused) = (search.declined.take(), search.all_refused);
        let attempts = search.attempts;
        *search = Search {
            attempts,
            all_refused: true,
            begins_at: search.begins_at,
            ..Search::default()
        };
        if surely_not && let Some((by, said)) = declined {
            let (outcome, why) = (OpOutcome::Failed, OpWhy::Answer);
            return self.conclude(request, outcome, Some(said), vec![by], why, out);
        }
        if surely_not && all_refused {
            let (outcome, why) = (OpOutcome::Failed, OpWhy::NobodyLeft);
            return self.conclude(request, outcome, None, Vec::new(), why, out);
        }
        let pause = (self.config.request_timeout / 4).clamp(PAUSE_MIN, PAUSE_MAX);
        let key = request.0 << 20 | u64::from(attempts);
        let spread = 0.75 + 0.5 * unit(self.draws.0, self.draws.1, Purpose::Backoff, key);
        out.push(Effect::Arm(Timer::Again(request).id(), pause.mul_f64(spread)));
    }

    /// A connection stands that this operation may be waiting for.
    pub(super) fn found_open(&mut self, request: QuestionNo, node: NodeId, out: &mut Effects) {
        let Some(call) = self.calls.get_mut(&request) else { return };
        let asked = call.ballots.get(&node).is_some_and(|ballot| ballot.stand == Stand::Asked);
        if search(call).is_some_and(|search| search.at == Some(node)) && !asked {
            self.ask_one(request, node, out);
        }
    }

    /// A replica is not there, or its connection died.
    pub(super) fn found_gone(
        &mut self,
        now: LabTime,
        request: QuestionNo,
        node: NodeId,
        refused: bool,
        out: &mut Effects,
    ) {
        let Some(call) = self.calls.get_mut(&request) else { return };
        if let Some(ballot) = call.ballots.get_mut(&node) {
            ballot.stand = Stand::Gone;
        }
        let Some(search) = search(call) else { return };
        if search.at == Some(node) {
            search.at = None;
            search.all_refused &= refused;
            self.search_on(now, request, out);
        }
    }

    /// The replica that is waited for has had its time.
    pub(super) fn had_its_time(&mut self, now: LabTime, request: QuestionNo, out: &mut Effects) {
        let Some(node) = self.search_of(request).and_then(|search| search.at.take()) else {
            return;
        };
        self.believe(node, Belief::Suspect, out);
        let Some(call) = self.calls.get_mut(&request) else { return };
        if let Some(ballot) = call.ballots.get_mut(&node) {
            ballot.stand = Stand::Wanted;
        }
        if let Some(search) = search(call) {
            search.all_refused = false;
        }
        self.search_on(now, request, out);
    }

    /// A replica answered: the one that is waited for, or one that was given up before.
    pub(super) fn answered(
        &mut self,
        now: LabTime,
        request: QuestionNo,
        node: NodeId,
        said: StoreSaid,
        out: &mut Effects,
    ) {
        out.note(Note::Store(StoreNote::Voted { request, replica: node, said: said.clone() }));
        let Some(call) = self.calls.get_mut(&request) else { return };
        call.ballot(node).stand = Stand::Wanted;
        let is_write = call.operation.is_write();
        let awaited = search(call).is_some_and(|search| search.at == Some(node));
        match said {
            StoreSaid::Done | StoreSaid::Value(_) | StoreSaid::Lines(_) => {
                self.conclude(request, OpOutcome::Ok, Some(said), vec![node], OpWhy::Answer, out);
                if is_write {
                    self.follow(node, out);
                    self.wake(now, out);
                }
            }
            StoreSaid::NotLeader(_) | StoreSaid::Failed(_) if !awaited => {}
            StoreSaid::NotLeader(leader) => {
                let named = leader.and_then(|name| self.named(&name));
                if let Some(named) = named {
                    self.follow(named, out);
                }
                if let Some(search) = self.search_of(request) {
                    search.at = None;
                    search.named = named;
                }
                self.search_on(now, request, out);
            }
            StoreSaid::Failed(_) => {
                if let Some(search) = self.search_of(request) {
                    search.at = None;
                    search.declined.get_or_insert((node, said));
                }
                self.search_on(now, request, out);
            }
        }
    }

    /// Somebody has just proved that it leads: whoever pauses need not wait any longer.
    fn wake(&mut self, now: LabTime, out: &mut Effects) {
        let pauses = |call: &Call| match &call.way {
            Way::One(search) => search.at.is_none() && search.tried.is_empty(),
            Way::All => false,
        };
        let calls = self.calls.iter().filter(|(_, call)| pauses(call));
        for request in calls.map(|(request, _)| *request).collect::<Vec<_>>() {
            out.push(Effect::Disarm(Timer::Again(request).id()));
            self.search_on(now, request, out);
        }
    }
}
