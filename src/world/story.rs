//! The story of a race, told by notes: asked, taken, chosen, heard, decided, late. Joined through causes.

use super::index::{Part, Place};
use super::node::RECENT_MAX;
use super::race::{Hindrance, LaneEnd, Race, RaceNo, Verdict};
use super::truth::AlarmKind;
use super::{RACES_MAX, RACES_OPEN_MAX, World};
use crate::base::{FrameId, LabTime, NodeId, Peer, QuestionNo};
use crate::event::{Cause, Event, Life};
use crate::message::{HostName, Note, Outcome, Said, Why};
use crate::topology::Role;
use std::sync::Arc;

/// How one upstream came out for a question.
struct Heard<'a> {
    question: QuestionNo,
    upstream: NodeId,
    outcome: Outcome,
    said: Option<&'a Said>,
}

impl World {
    pub(super) fn story(&mut self, node: NodeId, event: &Event, note: &Note) {
        let now = self.now;
        match note {
            Note::Asked { question, name, to, deadline, attempt, again } => {
                self.count_taken(node);
                self.truth.asked += 1;
                let again = again.and_then(|before| self.index.race_of(node, before));
                let mut race = self.new_race(name.clone(), Peer::Node(node));
                race.question = Some(*question);
                race.deadline = Some(*deadline);
                race.more.to = Some(*to);
                race.more.attempt = *attempt;
                race.more.again = again;
                self.begin_race(race, node, *question, Part::Asker);
            }
            Note::Took { question, name, from, deadline } => {
                let race = self.race_that_arrived(node, event.cause);
                self.took(node, *question, name, *from, *deadline, race);
            }
            Note::Chose { question, upstreams, policy } => {
                if let Some(race) = self.balancer_race(node, *question) {
                    race.policy = Some(policy.clone());
                    for upstream in upstreams.iter() {
                        race.lane_or_new(*upstream);
                    }
                }
            }
            Note::Heard { question, upstream, outcome, said } => {
                let (question, upstream, outcome) = (*question, *upstream, *outcome);
                self.heard(node, &Heard { question, upstream, outcome, said: said.as_ref() });
            }
            Note::Decided { question, outcome, said, from, why } => {
                let verdict = Verdict {
                    at: now,
                    outcome: *outcome,
                    said: said.clone(),
                    from: *from,
                    why: *why,
                };
                self.decided(node, *question, verdict);
            }
            Note::Late { question, upstream, said } => self.late(node, *question, *upstream, said),
            Note::Unmatched { .. } => {
                self.truth.unmatched += 1;
                self.nodes[node.index()].load.unmatched += 1;
            }
            _ => {}
        }
    }

    fn count_taken(&mut self, node: NodeId) {
        let load = &mut self.nodes[node.index()].load;
        load.taken += 1;
        load.open += 1;
    }

    fn race_that_arrived(&self, node: NodeId, cause: Cause) -> Option<RaceNo> {
        let (event, race) = self.index.nodes[node.index()].received?;
        if cause == Cause::Event(event) { race } else { None }
    }

    fn new_race(&self, name: HostName, asker: Peer) -> Race {
        let mut race = Race::new(RaceNo(self.races_begun + 1), name, asker, self.now);
        race.step = self.steps.step;
        race.repaired = self.steps.repaired;
        race
    }

    fn begin_race(&mut self, race: Race, node: NodeId, question: QuestionNo, part: Part) {
        self.races_begun += 1;
        let no = race.no;
        self.races.push_back(Arc::new(race));
        while self.races.len() > RACES_MAX
            && (self.races.len() > RACES_OPEN_MAX
                || self.races.front().is_some_and(|race| race.is_settled() || race.more.unsure))
        {
            self.races.pop_front();
        }
        self.place(node, question, no, part);
    }

    fn place(&mut self, node: NodeId, question: QuestionNo, race: RaceNo, part: Part) {
        let oldest = self.races.front().map_or(RaceNo(0), |race| race.no);
        self.index.nodes[node.index()].questions.set(question, Place { race, part }, oldest);
    }

    pub(super) fn race_mut(&mut self, no: RaceNo) -> Option<&mut Race> {
        let first = self.races.front()?.no.0;
        let at = usize::try_from(no.0.checked_sub(first)?).ok()?;
        self.races.get_mut(at).map(Arc::make_mut)
    }

    fn balancer_race(&mut self, node: NodeId, question: QuestionNo) -> Option<&mut Race> {
        let place = self.index.place(node, question)?;
        if place.part == Part::Balancer { self.race_mut(place.race) } else { None }
    }

    pub(super) fn question_arrived(&mut self, no: RaceNo, node: NodeId) {
        let now = self.now;
        let Some(race) = self.race(no) else { return };
        if race.lane(node).is_some_and(|lane| lane.arrived.is_none())
            && let Some(lane) = self.race_mut(no).and_then(|race| race.lane_mut(node))
        {
            lane.arrived = Some(now);
        }
    }

    fn took(
        &mut self,
        node: NodeId,
        question: QuestionNo,
        name: &HostName,
        from: Peer,
        deadline: Option<LabTime>,
        joined: Option<RaceNo>,
    ) {
        let now = self.now;
        self.count_taken(node);
        let role = self.topology.nodes[node.index()].role();
        if role == Role::Ls {
            self.enters_window(node, name);
        }
        if let Peer::Visitor(visitor) = from
            && let Some(visitor) = self.visitors.get_mut(&visitor)
        {
            visitor.asked += 1;
        }
        if let Some(no) = joined {
            let Some(race) = self.race_mut(no) else { return };
            let part = if race.asker == from && race.ls.is_none() && role == Role::Ls {
                race.ls = Some(node);
                race.ls_question = Some(question);
                race.taken = Some(now);
                race.ls_deadline = deadline;
                if *name != race.name {
                    race.more.taken_as = Some(name.clone());
                }
                Part::Balancer
            } else {
                Part::Upstream
            };
            return self.place(node, question, no, part);
        }
        // Nobody knows a send that this could be the arrival of. From a node of ours behind an LS it is the rest of
        // a story whose beginning was missed; from anybody else a story begins here.
        let begins = match from {
            Peer::Visitor(_) => true,
            Peer::Node(from) => self
                .topology
                .nodes
                .get(from.index())
                .is_some_and(|from| from.role() == Role::Client),
        };
        if !begins {
            return;
        }
        let mut race = self.new_race(name.clone(), from);
        race.taken = Some(now);
        race.more.to = Some(node);
        if matches!(from, Peer::Visitor(_)) {
            self.truth.asked += 1;
        } else {
            race.more.unsure = true;
        }
        if role == Role::Ls {
            race.ls = Some(node);
            race.ls_question = Some(question);
            race.ls_deadline = deadline;
            self.begin_race(race, node, question, Part::Balancer);
        } else {
            race.lane_or_new(node).arrived = Some(now);
            self.truth.upstream_sent += 1;
            self.begin_race(race, node, question, Part::Upstream);
        }
    }

    fn heard(&mut self, node: NodeId, heard: &Heard<'_>) {
        let now = self.now;
        let upstream = heard.upstream;
        let Some(place) = self.index.place(node, heard.question) else { return };
        let Some(race) = self.race_mut(place.race) else { return };
        if place.part == Part::Asker {
            race.more.heard = heard.said.cloned();
        }
        let name = race.more.taken_as.clone().unwrap_or_else(|| race.name.clone());
        let asked_at = race.taken.unwrap_or(race.begun);
        if place.part == Part::Upstream || upstream.index() >= self.nodes.len() {
            return;
        }
        let race = self.race_mut(place.race).expect("it was there a moment ago");
        let is_lane = place.part == Part::Balancer || race.lane(upstream).is_some();
        let mut sent = None;
        if is_lane {
            let lane = race.lane_or_new(upstream);
            sent = lane.sent;
            lane.ended = Some(now);
            lane.said = heard.said.cloned();
            if lane.end != LaneEnd::Won {
                lane.end = LaneEnd::Ended(heard.outcome);
            }
        }
        if place.part == Part::Balancer {
            if heard.outcome == Outcome::Answered {
                self.answered_in_window(node, &name);
            }
            if let (Some(sent), true) = (sent, heard.outcome.is_final()) {
                let times = self.nodes[node.index()].recent_ms.entry(upstream).or_default();
                times.push(now.since(sent).as_secs_f32() * 1e3);
                if times.len() > RECENT_MAX {
                    times.remove(0);
                }
            }
        }
        let server = &self.nodes[upstream.index()];
        let failed = matches!(heard.outcome, Outcome::Refused | Outcome::Reset | Outcome::Silent);
        if heard.outcome.is_final() {
            self.asked_the_dead(node, upstream, false);
        } else if failed && !server.life.is_alive() && sent.unwrap_or(asked_at) > server.since {
            self.asked_the_dead(node, upstream, true);
        }
    }

    fn decided(&mut self, node: NodeId, question: QuestionNo, verdict: Verdict) {
        let load = &mut self.nodes[node.index()].load;
        load.open = load.open.saturating_sub(1);
        load.ended[verdict.outcome as usize] += 1;
        let Some(place) = self.index.place(node, question) else {
            // Its race is forgotten or was never seen; if a client decided, the question still ended.
            if self.topology.nodes[node.index()].role() == Role::Client {
                *self.truth.ended.entry(verdict.outcome).or_default() += 1;
            }
            return;
        };
        match place.part {
            Part::Asker => self.asker_decided(place.race, verdict),
            Part::Balancer => self.balancer_decided(node, place.race, verdict),
            Part::Upstream => self.upstream_decided(node, place.race, verdict),
            Part::Nothing => {}
        }
    }

    fn asker_decided(&mut self, no: RaceNo, mut verdict: Verdict) {
        self.note_hindrances(no);
        let Some(race) = self.race_mut(no) else { return };
        if race.verdict.is_some() {
            return;
        }
        if verdict.said.is_none() && verdict.outcome == Outcome::Answered {
            let of_ls = || race.ls_verdict.as_ref().and_then(|verdict| verdict.said.clone());
            verdict.said = race.more.heard.clone().or_else(of_ls);
        }
        if race.ls.is_none() {
            let won = verdict.from.filter(|_| verdict.outcome == Outcome::Answered);
            end_lanes(race, won, verdict.at, race.deadline);
            if let Some(lane) = won.and_then(|won| race.lane_mut(won)) {
                lane.end = LaneEnd::Won;
                lane.ended.get_or_insert(verdict.at);
                let winner = lane.upstream;
                if let Some(winner) = self.nodes.get_mut(winner.index()) {
                    winner.load.wins += 1;
                }
            }
        }
        self.conclude(no, verdict);
    }

    fn balancer_decided(&mut self, node: NodeId, no: RaceNo, verdict: Verdict) {
        self.note_hindrances(no);
        let Some(race) = self.race_mut(no) else { return };
        if race.ls_verdict.is_some() || race.ls != Some(node) {
            return;
        }
        let won = verdict.from.filter(|_| verdict.outcome == Outcome::Answered);
        if let Some(won) = won {
            let lane = race.lane_or_new(won);
            lane.end = LaneEnd::Won;
            lane.ended.get_or_insert(verdict.at);
        }
        end_lanes(race, won, verdict.at, race.ls_deadline);
        race.ls_verdict = Some(verdict.clone());
        let waits = race.lanes.iter().any(|lane| lane.end == LaneEnd::Waiting);
        let deadline = race.ls_deadline;
        let visitor = matches!(race.asker, Peer::Visitor(_));
        if let Some(winner) = won.and_then(|won| self.nodes.get_mut(won.index())) {
            winner.load.wins += 1;
        }
        if let (true, Some(deadline)) = (waits, deadline) {
            self.index.deadlines.insert((deadline, no));
            if self.index.deadlines.len() > RACES_OPEN_MAX {
                self.index.deadlines.pop_first();
            }
        }
        if visitor {
            self.tell_visitor(no, verdict);
        }
    }

    /// A server at the end of a lane has looked the name up.
    fn upstream_decided(&mut self, node: NodeId, no: RaceNo, verdict: Verdict) {
        let now = self.now;
        let Some(race) = self.race_mut(no) else { return };
        if verdict.said.is_none() {
            race.more.kept_silent.push(node);
            let decided =
                race.ls_verdict.is_some() || (race.ls.is_none() && race.verdict.is_some());
            if let (true, Some(lane)) = (decided, race.lane_mut(node))
                && lane.end == LaneEnd::Waiting
            {
                lane.end = LaneEnd::Ended(Outcome::Silent);
                lane.ended = Some(now);
            }
        }
        if race.ls.is_none() && matches!(race.asker, Peer::Visitor(_)) {
            let won = verdict.outcome == Outcome::Answered;
            let heard = if verdict.said.is_some() { verdict.outcome } else { Outcome::Silent };
            let verdict = Verdict { outcome: heard, ..verdict };
            let lane = race.lane_or_new(node);
            lane.end = if won { LaneEnd::Won } else { LaneEnd::Ended(heard) };
            lane.ended = Some(now);
            lane.said.clone_from(&verdict.said);
            self.nodes[node.index()].load.wins += u64::from(won);
            self.tell_visitor(no, verdict);
        }
    }

    /// A visitor notes nothing: its verdict is that of the node it asked, at the moment the answer reaches it.
    fn tell_visitor(&mut self, no: RaceNo, verdict: Verdict) {
        let Some(race) = self.race_mut(no) else { return };
        let told = verdict.said.is_some() && verdict.why != Why::AskerGone;
        match race.more.answer {
            _ if !told => self.conclude(no, verdict),
            Some((_, due)) if due != LabTime::NEVER => {
                self.conclude(no, Verdict { at: due, ..verdict });
            }
            // The answer is on its way in the same turn, or stalled: `answer_left` or `answer_moved` goes on.
            _ => {
                if race.ls.is_none() {
                    race.ls_verdict = Some(verdict);
                }
            }
        }
    }

    pub(super) fn answer_left(&mut self, no: RaceNo, to: Peer, frame: FrameId, due: LabTime) {
        let Some(race) = self.race_mut(no) else { return };
        if matches!(to, Peer::Visitor(_)) && race.asker == to {
            race.more.answer = Some((frame, due));
            self.answer_due(no, due);
        }
    }

    pub(super) fn answer_moved(&mut self, no: RaceNo, frame: FrameId, due: LabTime) {
        let Some(race) = self.race_mut(no) else { return };
        if race.more.answer.is_some_and(|(answer, _)| answer == frame) {
            race.more.answer = Some((frame, due));
            if let Some(verdict) = &mut race.verdict {
                verdict.at = due;
            } else {
                self.answer_due(no, due);
            }
        }
    }

    fn answer_due(&mut self, no: RaceNo, due: LabTime) {
        let Some(race) = self.race_mut(no) else { return };
        if due == LabTime::NEVER || race.verdict.is_some() {
            return;
        }
        let Some(verdict) = race.ls_verdict.clone() else { return };
        if race.ls.is_none() {
            race.ls_verdict = None;
        }
        self.conclude(no, Verdict { at: due, ..verdict });
    }

    /// The asker's verdict is in: it is counted and held against the truth.
    fn conclude(&mut self, no: RaceNo, verdict: Verdict) {
        let outcome = verdict.outcome;
        *self.truth.ended.entry(outcome).or_default() += 1;
        let Some(race) = self.race_mut(no) else { return };
        race.verdict = Some(verdict);
        let race = self.race(no).expect("it was there a moment ago");
        match outcome {
            Outcome::Answered => {
                let Some(from) = self.is_foreign(race) else { return };
                let lies = self.lies(from);
                let race = self.race_mut(no).expect("it was there a moment ago");
                race.misgiven = !lies;
                race.more.lie = lies;
                self.truth.lies += u64::from(lies);
                self.truth.misgiven += u64::from(!lies);
                if !lies {
                    self.begin_alarm(AlarmKind::Misgiven(no));
                }
            }
            Outcome::Cancelled | Outcome::Late => {}
            _ => {
                let Some(holder) = self.topology.holders(&race.name).next() else { return };
                self.race_mut(no).expect("it was there a moment ago").contradicted = true;
                self.truth.contradicted += 1;
                self.begin_alarm(AlarmKind::Contradicted(no, holder));
            }
        }
    }

    /// The server whose answer no table has for the name that was asked; none if a table has it, or if the answer came
    /// from outside, where nobody knows the tables.
    fn is_foreign(&self, race: &Race) -> Option<NodeId> {
        let verdict = race.verdict.as_ref()?;
        let from = race.ls_verdict.as_ref().and_then(|verdict| verdict.from).or(verdict.from)?;
        if !self.is_ours(from) || race.more.to.is_some_and(|to| !self.is_ours(to)) {
            return None;
        }
        let Some(Said::Found { address, .. }) = &verdict.said else { return None };
        let known = self.topology.nodes.iter().any(|node| match &node.kind {
            crate::topology::Kind::Ts(ts) => {
                ts.records.get(&race.name).is_some_and(|record| record.address == *address)
            }
            _ => false,
        });
        (!known).then_some(from)
    }

    fn late(&mut self, node: NodeId, question: QuestionNo, upstream: NodeId, said: &Said) {
        let now = self.now;
        self.truth.late += 1;
        *self.truth.ended.entry(Outcome::Late).or_default() += 1;
        self.nodes[node.index()].load.late += 1;
        if let Some(server) = self.nodes.get_mut(upstream.index()) {
            server.load.too_late += 1;
        }
        let Some(place) = self.index.place(node, question) else { return };
        let Some(race) = self.race_mut(place.race) else { return };
        if place.part == Part::Upstream {
            return;
        }
        let Some(lane) = race.lane_mut(upstream) else { return };
        if lane.end != LaneEnd::Won {
            lane.end = LaneEnd::Ended(Outcome::Late);
            lane.ended = Some(now);
            lane.said = Some(said.clone());
        }
    }

    /// Lanes of decided races that still wait at the LS's deadline came to nothing.
    pub(super) fn end_silent_lanes(&mut self) {
        while let Some(&(deadline, no)) = self.index.deadlines.first() {
            if deadline > self.now {
                return;
            }
            self.index.deadlines.pop_first();
            let Some(race) = self.race_mut(no) else { continue };
            for lane in race.lanes.iter_mut().filter(|lane| lane.end == LaneEnd::Waiting) {
                lane.end = LaneEnd::Ended(Outcome::Silent);
                lane.ended = Some(deadline);
            }
        }
    }

    /// What stood in the way of the servers of a race, in truth, at this moment.
    fn note_hindrances(&mut self, no: RaceNo) {
        let Some(race) = self.race(no) else { return };
        let asks = race.ls.map_or(race.asker, Peer::Node);
        let to = race.more.to.map(|to| (race.asker, to));
        let lanes = race.lanes.iter().map(|lane| (asks, lane.upstream));
        let mut found = race.more.hindered.clone();
        for (from, server) in lanes.chain(to) {
            if found.iter().any(|(known, _)| *known == server) {
                continue;
            }
            if let Some(hindrance) = self.hindrance(from, server) {
                found.push((server, hindrance));
            }
        }
        if found.len() != race.more.hindered.len()
            && let Some(race) = self.race_mut(no)
        {
            race.more.hindered = found;
        }
    }

    fn hindrance(&self, from: Peer, server: NodeId) -> Option<Hindrance> {
        let state = self.nodes.get(server.index())?;
        if state.life != Life::Up && self.is_ours(server) {
            return Some(Hindrance::Life(state.life));
        }
        let there = (from, Peer::Node(server));
        let ways = [there, (there.1, there.0)].map(|pair| self.links.get(&pair));
        let any = |test: fn(&crate::message::Faults) -> bool| {
            ways.iter().flatten().any(|link| test(&link.faults))
        };
        if any(|faults| faults.cut) {
            Some(Hindrance::Cut)
        } else if any(|faults| faults.hold) {
            Some(Hindrance::Held)
        } else {
            None
        }
    }
}

/// At a verdict, lanes that nothing was sent on never will be, and a server that has decided to say nothing will not
/// speak any more. Any other that still waits may yet answer too late, until the deadline.
fn end_lanes(race: &mut Race, won: Option<NodeId>, at: LabTime, deadline: Option<LabTime>) {
    let over = deadline.is_none_or(|deadline| deadline <= at);
    for lane in &mut race.lanes {
        if lane.end != LaneEnd::Waiting || Some(lane.upstream) == won {
            continue;
        }
        if lane.sent.is_none() && lane.arrived.is_none() {
            lane.end = LaneEnd::NotSent;
        } else if over || race.more.kept_silent.contains(&lane.upstream) {
            lane.end = LaneEnd::Ended(Outcome::Silent);
            lane.ended = Some(at);
        }
    }
}
