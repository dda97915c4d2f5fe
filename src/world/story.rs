//! The story of a race, told by notes: asked, taken, chosen, heard, decided, late. Joined through
//! causes.

use super::index::{Part, Place};
use super::node::RECENT_MAX;
use super::race::{LaneEnd, Race, RaceNo, Verdict};
use super::{RACES_MAX, RACES_OPEN_MAX, World};
use crate::base::{LabTime, NodeId, Peer, QuestionNo};
use crate::event::{Cause, Event};
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
    #[expect(clippy::similar_names, reason = "a node and its note")]
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
                    race.may_ask(upstreams);
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
        let (event, race, _) = self.index.nodes[node.index()].received?;
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
        // Nobody knows a send that this could be the arrival of. From a node of ours behind an LS
        // it is the rest of a story whose beginning was missed; from anybody else a story begins
        // here.
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
        race.kind = self.index.nodes[node.index()].received.map_or(race.kind, |(.., kind)| kind);
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
            // Its race is forgotten or was never seen; if a client decided, the question still
            // ended.
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
        // Whoever joined another's race has no lanes of its own.
        let won = won.filter(|_| verdict.why != Why::Joined);
        if let Some(won) = won {
            let lane = race.lane_or_new(won);
            lane.end = LaneEnd::Won;
            // It may have won in another's stead, asked when its own part was there already.
            let ended = lane.ended.filter(|ended| Some(*ended) >= lane.sent);
            lane.ended = Some(ended.unwrap_or(verdict.at));
        }
        end_lanes(race, won, verdict.at, race.ls_deadline);
        race.forget_unasked();
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
            // It has left, and its race went on for others.
            let gone = verdict.said.is_none();
            let left =
                || Verdict { outcome: Outcome::Cancelled, why: Why::AskerGone, ..verdict.clone() };
            self.tell_visitor(no, if gone { left() } else { verdict });
        }
    }

    /// A server at the end of a lane has looked the name up.
    fn upstream_decided(&mut self, node: NodeId, no: RaceNo, verdict: Verdict) {
        let now = self.now;
        let Some(race) = self.race_mut(no) else { return };
        if verdict.why == Why::Lie {
            race.more.lied.push(node);
        }
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
            let lane = race.lane_or_new(node);
            lane.end = if won { LaneEnd::Won } else { LaneEnd::Ended(heard) };
            lane.ended = Some(now);
            lane.said.clone_from(&verdict.said);
            self.nodes[node.index()].load.wins += u64::from(won);
            self.tell_visitor(no, verdict);
        }
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
}

/// At a verdict, lanes that nothing was sent on never will be, and a server that has decided to
/// say nothing will not speak any more. Any other that still waits may yet answer too late, until
/// the deadline.
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
