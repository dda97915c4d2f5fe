//! Verdicts as the asker has them, held against the truth: contradicted, misgiven, a lie; and what
//! stood in the way.

use super::World;
use super::race::{Hindrance, LANES_UNASKED_MAX, Race, RaceNo, Verdict};
use super::truth::AlarmKind;
use crate::base::{FrameId, LabTime, NodeId, Peer};
use crate::event::Life;
use crate::message::{Faults, Outcome, Said, Why};
use crate::topology::Kind;

impl World {
    /// A visitor notes nothing: its verdict is that of the node it asked, at the moment the answer
    /// reaches it.
    pub(super) fn tell_visitor(&mut self, no: RaceNo, mut verdict: Verdict) {
        let Some(race) = self.race_mut(no) else { return };
        verdict.outcome = heard_by_visitor(&verdict);
        let told = verdict.said.is_some() && verdict.why != Why::AskerGone;
        match race.more.answer {
            _ if !told => self.conclude(no, verdict),
            Some((_, due)) if due != LabTime::NEVER => {
                self.conclude(no, Verdict { at: due, ..verdict });
            }
            // The answer is on its way in the same turn, or stalled: `answer_left` or
            // `answer_moved` goes on.
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
            match &mut race.verdict {
                // Stalled after all: when it is let go, it moves again.
                Some(_) if due == LabTime::NEVER => {}
                Some(verdict) => verdict.at = due,
                None => self.answer_due(no, due),
            }
        }
    }

    fn answer_due(&mut self, no: RaceNo, due: LabTime) {
        let Some(race) = self.race_mut(no) else { return };
        if due == LabTime::NEVER || race.verdict.is_some() {
            return;
        }
        let Some(mut verdict) = race.ls_verdict.clone() else { return };
        verdict.outcome = heard_by_visitor(&verdict);
        if race.ls.is_none() {
            race.ls_verdict = None;
        }
        self.conclude(no, Verdict { at: due, ..verdict });
    }

    /// The asker's verdict is in: it is counted and held against the truth.
    pub(super) fn conclude(&mut self, no: RaceNo, verdict: Verdict) {
        let outcome = verdict.outcome;
        *self.truth.ended.entry(outcome).or_default() += 1;
        let Some(race) = self.race_mut(no) else { return };
        race.verdict = Some(verdict);
        let race = self.race(no).expect("it was there a moment ago");
        match outcome {
            Outcome::Answered => {
                let Some(from) = self.is_foreign(race) else { return };
                let lies = race.more.lied.contains(&from) || self.lies(from);
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
                let holder = self.topology.holders_of(&race.name, race.kind).next();
                let Some(holder) = holder else { return };
                self.race_mut(no).expect("it was there a moment ago").contradicted = true;
                self.truth.contradicted += 1;
                self.begin_alarm(AlarmKind::Contradicted(no, holder));
            }
        }
    }

    /// The server whose answer no table has for the name that was asked; none if a table has it,
    /// or if the answer came from outside, where nobody knows the tables, or out of a store.
    fn is_foreign(&self, race: &Race) -> Option<NodeId> {
        let verdict = race.verdict.as_ref()?;
        let from = race.ls_verdict.as_ref().and_then(|verdict| verdict.from).or(verdict.from)?;
        if !self.is_ours(from) || race.more.to.is_some_and(|to| !self.is_ours(to)) {
            return None;
        }
        if self.topology.tells_of_a_store(from) {
            return None;
        }
        let Some(Said::Found { address, .. }) = &verdict.said else { return None };
        let known = self.topology.nodes.iter().any(|node| match &node.kind {
            Kind::Ts(ts) => {
                ts.records.says(&race.name, race.kind).is_some_and(|known| known == *address)
            }
            _ => false,
        });
        (!known).then_some(from)
    }

    /// What stood in the way of the servers of a race, in truth, at this moment.
    pub(super) fn note_hindrances(&mut self, no: RaceNo) {
        let Some(race) = self.race(no) else { return };
        let asks = race.ls.map_or(race.asker, Peer::Node);
        let to = race.more.to.map(|to| (race.asker, to));
        let few = race.lanes.len() <= LANES_UNASKED_MAX;
        let lanes = race.lanes.iter().filter(|lane| few || lane.sent.is_some());
        let lanes = lanes.map(|lane| (asks, lane.upstream));
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
        let any = |test: fn(&Faults) -> bool| ways.iter().flatten().any(|link| test(&link.faults));
        if any(|faults| faults.cut) {
            Some(Hindrance::Cut)
        } else if any(|faults| faults.hold) {
            Some(Hindrance::Held)
        } else {
            None
        }
    }
}

/// What somebody from outside knows: nothing where nothing was said, and no more than the course's
/// error line says, which is that nothing was heard.
const fn heard_by_visitor(verdict: &Verdict) -> Outcome {
    match (&verdict.said, verdict.outcome) {
        (None, Outcome::Negative) | (Some(Said::NotFound), _) => Outcome::Silent,
        (_, outcome) => outcome,
    }
}
