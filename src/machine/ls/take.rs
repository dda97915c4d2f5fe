//! A question comes in: it gets its number, its deadline and its lanes, and the first upstreams are asked.

use super::question::{Lane, LaneEnd, Question, Stand};
use super::{Ls, QUESTIONS_MAX};
use crate::base::{ConnId, LabTime, NodeId, Peer, QuestionNo};
use crate::machine::asked::{Asked, HOPS_MAX};
use crate::machine::server::Handed;
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{ExtendedError, Flaw, Note, Outcome, Said, Why};
use crate::topology::Policy;
use std::sync::Arc;

impl Ls {
    /// Takes a question that just arrived.
    pub(super) fn take(
        &mut self,
        now: LabTime,
        conn: ConnId,
        from: Peer,
        asked: &Asked,
        out: &mut Effects,
    ) {
        if let Some(reply) = asked.turned_away() {
            out.send(conn, reply, None);
            return;
        }
        self.numbers += 1;
        let no = QuestionNo(self.numbers);
        let name = &asked.name;
        let race = self.race_of(asked);
        let deadline = self.deadline_in(race).unwrap_or_else(|| self.deadline_of(now, conn));
        out.note(Note::Took { question: no, name: name.clone(), from, deadline: Some(deadline) });
        let room = self.questions.len() < QUESTIONS_MAX && self.window_has_room();
        if !room || !self.askers.took(conn, no, asked.id.is_some()) {
            self.refuse(conn, no, asked, out);
            return;
        }
        if let Some((words, code, why)) = self.hopeless(asked) {
            self.questions.insert(no, Question::new(conn, asked, &self.config));
            self.decide_failed(no, &words, code, why, out);
            return;
        }
        if let Some(race) = race {
            self.join(no, race, conn, asked, out);
            return;
        }
        self.remember(name);
        let choice = self.choose(no, name, out);
        let mut question = Question {
            failover: choice.failover,
            patience: self.hedges(self.config.policy).then(|| self.patience()),
            tied: self.config.policy == Policy::Tied
                && choice.at_once > 1
                && choice.lanes.iter().take(choice.at_once).all(|node| self.can_be_tied(*node)),
            lanes: choice.lanes.iter().map(|node| Lane::new(*node)).collect(),
            deadline,
            ..Question::new(conn, asked, &self.config)
        };
        if choice.lanes.is_empty() {
            self.questions.insert(no, question);
            let (why, code) = ("every upstream is ejected", ExtendedError::UNREACHABLE);
            self.decide_failed(no, why, code, Why::NobodyLeft, out);
            return;
        }
        let upstreams = if choice.lanes == *self.everyone {
            self.everyone.clone()
        } else {
            Arc::from(choice.lanes)
        };
        out.note(Note::Chose { question: no, upstreams, policy: self.policy_word() });
        let serial = question.policy == Policy::Race && self.has_flaw(Flaw::SerialTimeouts);
        if serial {
            question.awaited = Some(0);
        }
        self.questions.insert(no, question);
        self.may_be_joined(no, asked);
        self.begin_timers(now, (no, serial), conn, asked, out);
        for lane in 0..choice.at_once {
            self.ask_lane(now, no, lane, out);
        }
        self.begin_hedging(now, no, out);
    }

    /// What ends the question if nobody answers.
    fn begin_timers(
        &mut self,
        now: LabTime,
        (no, serial): (QuestionNo, bool),
        conn: ConnId,
        asked: &Asked,
        out: &mut Effects,
    ) {
        if self.config.policy == Policy::Batch {
            self.join_window(now, no, out);
        } else if serial || !self.has_flaw(Flaw::SocketTimer) {
            out.push(Effect::Arm(Timer::Deadline(no).id(), self.config.timeout));
        }
        if self.has_flaw(Flaw::SocketTimer) {
            self.start_socket_timer(now, conn, no, asked, out);
        }
    }

    /// Why there is no use in asking anybody, if there is none: in words, and as DNS and the log have it.
    fn hopeless(&self, asked: &Asked) -> Option<(Arc<str>, u16, Why)> {
        if asked.hops() >= HOPS_MAX {
            let words = format!("the question goes round: it has passed {HOPS_MAX} load balancers");
            return Some((Arc::from(words), ExtendedError::UNREACHABLE, Why::GoesRound));
        }
        let failed = self.failures.get(self.now, asked)?;
        Some((failed, ExtendedError::CACHED, Why::Remembered))
    }

    fn deadline_of(&self, now: LabTime, conn: ConnId) -> LabTime {
        let timeout = self.config.timeout;
        match self.config.policy {
            Policy::Batch => {
                self.window.as_ref().map_or(now + self.config.window, |window| window.closes)
            }
            Policy::Race if self.has_flaw(Flaw::SerialTimeouts) => {
                let count = u32::try_from(self.upstreams.len()).unwrap_or(u32::MAX);
                now + timeout.saturating_mul(count)
            }
            _ if self.has_flaw(Flaw::SocketTimer) => self.socket_due(conn).unwrap_or(now + timeout),
            _ => now + timeout,
        }
    }

    fn policy_word(&mut self) -> Arc<str> {
        if self.policy_word.0 != self.config.policy {
            self.policy_word = (self.config.policy, Arc::from(self.config.policy.word()));
        }
        self.policy_word.1.clone()
    }

    /// There is no room for one more.
    fn refuse(&mut self, conn: ConnId, no: QuestionNo, asked: &Asked, out: &mut Effects) {
        self.refused += 1;
        let said = Said::Failed(Arc::from("too many questions at once"));
        let response = asked.failure("too many questions at once", ExtendedError::NOT_READY);
        let said = self.told_to(conn, asked, said);
        out.note(Note::Decided {
            question: no,
            outcome: Outcome::Failed,
            said: Some(said.clone()),
            from: None,
            why: Why::NobodyLeft,
        });
        out.send(conn, asked.relay(Some(asked.name.clone()), said, response), Some(no));
        out.note(Note::Overflowed { refused: self.refused });
    }

    /// Asks one upstream.
    pub(super) fn ask_lane(
        &mut self,
        now: LabTime,
        no: QuestionNo,
        lane: usize,
        out: &mut Effects,
    ) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        let node = question.lanes[lane].upstream;
        question.lanes[lane].stand = Stand::Asked;
        question.lanes[lane].asked_at = now;
        let (wish, tied) = (question.wish(), question.tied);
        let more = question.failover && question.lanes.iter().any(|one| one.stand == Stand::Idle);
        if more {
            out.push(Effect::Arm(Timer::FailOver(no).id(), self.config.failover_after));
        }
        let Some(at) = self.at(node) else {
            self.lane_over(no, node, Outcome::Failed, None);
            return;
        };
        let upstream = &mut self.upstreams[at];
        if upstream.server.has_ended() && self.config.flaws.has(Flaw::EofIsAnswer) {
            // Its socket reads as ended for ever, and each read counts as an answer.
            self.lane_over(no, node, Outcome::Reset, Some(Why::EndOfFile));
            return;
        }
        if upstream.server.is_down() && self.config.flaws.has(Flaw::NoFailover) {
            self.ask_the_void(no, node);
            return;
        }
        let handed = if tied {
            upstream.server.ask_tied(now, no, wish, out)
        } else {
            upstream.server.ask(now, no, wish, out)
        };
        self.take_stale(at);
        match handed {
            Handed::Taken => {}
            Handed::Refused => self.lane_over(no, node, Outcome::Refused, None),
            Handed::Full | Handed::Unspeakable => {
                self.lane_over(no, node, Outcome::Failed, None);
            }
        }
    }

    fn lane_over(
        &mut self,
        question: QuestionNo,
        upstream: NodeId,
        outcome: Outcome,
        how: Option<Why>,
    ) {
        self.work.push_back(LaneEnd { question, upstream, outcome, answer: None, how });
    }

    /// A server that is down is asked all the same: nobody hears it (flaw `no-failover`).
    pub(super) fn ask_the_void(&mut self, no: QuestionNo, upstream: NodeId) {
        if let Some(question) = self.questions.get_mut(&no)
            && let Some(lane) = question.lane(upstream)
        {
            question.lanes[lane].stand = Stand::Void;
        }
    }
}
