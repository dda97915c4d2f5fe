//! What an upstream came to, what that means for its question, and the one verdict.

use super::question::{LaneEnd, Question, Stand};
use super::{Ls, health, hedge};
use crate::base::{ConnId, LabTime, NodeId, QuestionNo};
use crate::machine::asked::Asked;
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{ExtendedError, HostName, Note, Outcome, Response, Said, Why};
use crate::topology::{Accept, Policy};
use std::fmt::Write as _;
use std::sync::Arc;

/// Upstreams that a reason names before it says that there were more.
const NAMED_MAX: usize = 4;

impl Ls {
    /// One upstream has come to something for one question: the end of its lane.
    pub(super) fn lane_ended(&mut self, now: LabTime, end: LaneEnd, out: &mut Effects) {
        let at = self.at(end.upstream);
        if health::is_probe(end.question) {
            if let Some(at) = at {
                self.probe_ended(at, end.question, end.outcome, out);
            }
            return;
        }
        if hedge::is_hedge(end.question) {
            self.stead_ended(now, end, out);
            return;
        }
        let Some(question) = self.questions.get_mut(&end.question) else { return };
        let Some(lane) = question.lane(end.upstream) else { return };
        if !question.lanes[lane].waits() {
            return;
        }
        if question.awaited.is_some_and(|awaited| awaited != lane) {
            question.lanes[lane].unread = Some(end);
            return;
        }
        let is_well = end.is_well();
        let LaneEnd { question: no, upstream, outcome, answer, how } = end;
        let said = answer.as_ref().map(|answer| answer.said.clone());
        question.lanes[lane].stand = Stand::Ended(outcome);
        question.lanes[lane].answer = answer;
        let name = outcome.is_final().then(|| question.asked.name.clone());
        let took = now.since(question.lanes[lane].asked_at);
        out.note(Note::Heard { question: no, upstream, outcome, said });
        self.forget_backup(no, lane, out);
        if let Some(at) = at {
            if let Some(name) = name {
                self.upstreams[at].name = Some(name);
                self.is_alive(at, out);
                self.took(at, took, out);
            } else if is_well {
                self.is_alive(at, out);
            } else {
                self.has_failed(at, outcome, out);
            }
        }
        if how == Some(Why::EndOfFile) {
            self.decide_end_of_file(no, upstream, out);
            return;
        }
        self.go_on(now, no, lane, outcome, how, out);
    }

    /// What the end of one lane means by the question's policy.
    pub(super) fn go_on(
        &mut self,
        now: LabTime,
        no: QuestionNo,
        lane: usize,
        outcome: Outcome,
        how: Option<Why>,
        out: &mut Effects,
    ) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        let is_address = outcome == Outcome::Answered;
        match question.policy {
            Policy::Batch => {
                if is_address && question.kept.is_none() {
                    question.kept = Some((lane, how));
                }
                if question.is_complete() && !question.counted {
                    question.counted = true;
                    self.complete_in_window(no);
                }
            }
            Policy::Race => {
                let first_final = question.accept == Accept::FirstFinal && outcome.is_final();
                if is_address || first_final {
                    self.decide_by(no, lane, how, out);
                } else if question.awaited.is_some() {
                    self.await_next(no, out);
                } else if question.all_ended() {
                    self.decide_without(no, Why::AllFailed, out);
                }
            }
            Policy::Gather => {
                if is_address {
                    question.kept = Some((lane, how));
                }
                if question.all_ended() {
                    self.decide_gathered(no, Why::Gathered, out);
                }
            }
            Policy::Failover
            | Policy::Hedge
            | Policy::Tied
            | Policy::RoundRobin
            | Policy::Sticky
            | Policy::Hash
            | Policy::TwoChoices => {
                if outcome.is_final() {
                    return self.decide_by(no, lane, how, out);
                }
                if question.policy == Policy::Tied {
                    self.untie(no);
                }
                if !self.ask_next(now, no, out) {
                    let ended = self.questions.get(&no).is_some_and(Question::all_ended);
                    if ended {
                        self.decide_without(no, Why::AllFailed, out);
                    }
                }
            }
        }
    }

    /// Asks the next upstream in turn; false if there is none left.
    fn ask_next(&mut self, now: LabTime, no: QuestionNo, out: &mut Effects) -> bool {
        let Some(question) = self.questions.get(&no) else { return false };
        let next = question.lanes.iter().position(|lane| lane.stand == Stand::Idle);
        match next {
            Some(next) if question.failover => {
                self.ask_lane(now, no, next, out);
                true
            }
            _ => false,
        }
    }

    /// The upstream that was awaited came to nothing: now the next one's turn, with the full timeout again (flaw
    /// `serial-timeouts`). What it has said meanwhile is read only now.
    fn await_next(&mut self, no: QuestionNo, out: &mut Effects) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        let next = question.awaited.map_or(0, |awaited| awaited + 1);
        question.awaited = Some(next);
        match question.lanes.get_mut(next) {
            None => self.decide_without(no, Why::Deadline, out),
            Some(lane) => {
                if let Some(unread) = lane.unread.take() {
                    self.work.push_front(unread);
                }
                out.push(Effect::Arm(Timer::Deadline(no).id(), self.config.timeout));
            }
        }
    }

    /// One upstream has had its time; the next is asked, and the slow one may still answer.
    pub(super) fn fail_over(&mut self, now: LabTime, no: QuestionNo, out: &mut Effects) {
        if !self.questions.contains_key(&no) {
            return;
        }
        self.handle_timeout();
        if self.questions[&no].policy == Policy::Tied {
            self.untie(no);
        }
        let Some(question) = self.questions.get_mut(&no) else { return };
        // Where two are asked early, nobody is left to ask, and yet the slow one has had its time.
        let counts = matches!(question.policy, Policy::Hedge | Policy::Tied);
        if !counts && !question.lanes.iter().any(|lane| lane.stand == Stand::Idle) {
            return;
        }
        let mut slow = Vec::new();
        for lane in &mut question.lanes {
            if lane.stand == Stand::Asked && !lane.slow {
                lane.slow = true;
                slow.push(lane.upstream);
            }
        }
        for node in slow {
            if let Some(at) = self.at(node) {
                self.has_failed(at, Outcome::Silent, out);
            }
        }
        self.ask_next(now, no, out);
    }

    /// A question has had its time.
    pub(super) fn deadline(&mut self, now: LabTime, no: QuestionNo, out: &mut Effects) {
        let Some(question) = self.questions.get(&no) else { return };
        let awaited = question.awaited.and_then(|awaited| question.lanes.get(awaited));
        let awaited = awaited.map(|lane| lane.upstream);
        self.handle_timeout();
        let Some(upstream) = awaited else {
            self.time_out(now, no, Why::Deadline, out);
            return;
        };
        if let Some(at) = self.at(upstream) {
            self.upstreams[at].server.over(now, no, true, out);
        }
        let outcome = Outcome::Silent;
        self.work.push_back(LaneEnd { question: no, upstream, outcome, answer: None, how: None });
    }

    /// Whoever has not been heard is silent, and the verdict is what was heard till now.
    pub(super) fn time_out(&mut self, now: LabTime, no: QuestionNo, why: Why, out: &mut Effects) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        let mut silent = Vec::new();
        for lane in question.lanes.iter_mut().filter(|lane| lane.waits()) {
            lane.stand = Stand::Ended(Outcome::Silent);
            silent.push((lane.upstream, lane.slow));
        }
        for (upstream, counted) in &silent {
            let (upstream, outcome) = (*upstream, Outcome::Silent);
            out.note(Note::Heard { question: no, upstream, outcome, said: None });
            if let (Some(at), false) = (self.at(upstream), *counted) {
                self.has_failed(at, outcome, out);
            }
        }
        if self.questions[&no].policy == Policy::Gather {
            self.decide_gathered(no, why, out);
        } else {
            self.decide_without(no, why, out);
        }
        for (upstream, _) in silent {
            if let Some(at) = self.at(upstream) {
                self.upstreams[at].server.over(now, no, true, out);
                self.take_stale(at);
            }
        }
    }

    /// Everybody has spoken, or has had the time to: the address that came last completes the answer.
    fn decide_gathered(&mut self, no: QuestionNo, why: Why, out: &mut Effects) {
        match self.questions.get(&no).and_then(|question| question.kept) {
            Some((lane, how)) => self.decide_by(no, lane, Some(how.unwrap_or(why)), out),
            None if why == Why::Gathered => self.decide_without(no, Why::AllFailed, out),
            None => self.decide_without(no, why, out),
        }
    }

    /// The verdict is what this lane said.
    pub(super) fn decide_by(
        &mut self,
        no: QuestionNo,
        lane: usize,
        how: Option<Why>,
        out: &mut Effects,
    ) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        let only = question.asked() == 1;
        let from = question.lanes[lane].by.unwrap_or(question.lanes[lane].upstream);
        let Stand::Ended(outcome) = question.lanes[lane].stand else { return };
        let Some(answer) = question.lanes[lane].answer.take() else { return };
        let why = how.unwrap_or(if only { Why::OnlyAnswer } else { Why::FirstAnswer });
        let words = Words { said: answer.said, name: answer.name, dns: answer.dns };
        self.decide(no, outcome, words, Some(from), why, out);
    }

    /// The verdict when nobody gave an address: what was heard of each, and nothing that was not.
    pub(super) fn decide_without(&mut self, no: QuestionNo, why: Why, out: &mut Effects) {
        let Some(question) = self.questions.get(&no) else { return };
        let outcomes = || {
            question.lanes.iter().filter_map(|lane| match lane.stand {
                // Nobody waited for it, so it says nothing.
                Stand::Ended(Outcome::Cancelled) | Stand::Idle | Stand::Asked | Stand::Void => None,
                Stand::Ended(outcome) => Some((lane, outcome)),
            })
        };
        let all = |wanted: Outcome| outcomes().all(|(_, outcome)| outcome == wanted);
        if all(Outcome::Negative) {
            let dns = question.best_negative();
            let said = dns.as_ref().map_or(Said::Negative, |response| response.said());
            let words = Words { dns, ..said.into() };
            self.decide(no, Outcome::Negative, words, None, Why::AllNegative, out);
        } else {
            let silent = all(Outcome::Silent);
            let mut reason = String::new();
            for (at, (lane, outcome)) in outcomes().enumerate() {
                if at == NAMED_MAX {
                    reason.push_str(", …");
                    break;
                }
                let comma = if at == 0 { "" } else { ", " };
                let name = self.topology.names.of(lane.upstream);
                let written = match lane.code() {
                    Some(code) => write!(reason, "{comma}{name} {code}"),
                    None => write!(reason, "{comma}{name} {outcome}"),
                };
                written.expect("writing to a String cannot fail");
            }
            // Who waited for nobody did not come to the deadline.
            let any_silent = outcomes().any(|(_, outcome)| outcome == Outcome::Silent);
            let why = if why == Why::Deadline && !any_silent { Why::AllFailed } else { why };
            // Somebody who broke off was reached; whoever was not heard at all was not.
            let broke_off = outcomes().any(|(_, outcome)| outcome == Outcome::Reset);
            let code = if broke_off { ExtendedError::NETWORK } else { ExtendedError::UNREACHABLE };
            let asked = question.asked.clone();
            self.failures.remember(self.now, &asked, &reason);
            if silent && asked.dns.is_none() {
                self.decide(no, Outcome::Silent, Said::NotFound.into(), None, why, out);
            } else if silent {
                let words = Words::failed(&asked, &reason, code);
                self.decide(no, Outcome::Silent, words, None, why, out);
            } else {
                self.decide_failed(no, &reason, code, why, out);
            }
        }
    }

    /// The LS cannot say.
    pub(super) fn decide_failed(
        &mut self,
        no: QuestionNo,
        reason: &str,
        code: u16,
        why: Why,
        out: &mut Effects,
    ) {
        let Some(question) = self.questions.get(&no) else { return };
        let words = Words::failed(&question.asked, reason, code);
        self.decide(no, Outcome::Failed, words, None, why, out);
    }

    /// The end of a connection was taken for an answer, and an empty one (flaw `eof-is-answer`).
    fn decide_end_of_file(&mut self, no: QuestionNo, upstream: NodeId, out: &mut Effects) {
        let words = Said::NotFound.into();
        self.decide(no, Outcome::Reset, words, Some(upstream), Why::EndOfFile, out);
    }

    /// What an asker is told: somebody from outside has no words but the course's, unless it speaks DNS.
    pub(super) fn told_to(&self, conn: ConnId, asked: &Asked, said: Said) -> Said {
        let wordless = asked.dns.is_none() && !self.askers.is_node(conn);
        match said {
            Said::Negative | Said::NoRecord | Said::Failed(_) if wordless => Said::NotFound,
            said => said,
        }
    }

    /// The one verdict on a question: noted, told, and whoever was asked in vain is told of no more.
    pub(super) fn decide(
        &mut self,
        no: QuestionNo,
        outcome: Outcome,
        words: Words,
        from: Option<NodeId>,
        why: Why,
        out: &mut Effects,
    ) {
        let Some(question) = self.close_question(no, out) else { return };
        let for_joined = (!question.waiting.is_empty()).then(|| words.clone());
        if question.left.is_some() {
            out.note(Note::Decided { question: no, outcome, said: None, from, why });
        } else {
            self.tell(no, &question, (outcome, from, why), words, out);
        }
        if let (true, Some(from)) = (outcome.is_final(), from) {
            self.move_name(&question, from, out);
        }
        if let Some(words) = for_joined {
            self.tell_joined(&question, (outcome, from, why), &words, out);
        }
        self.give_up_lanes(no, &question, out);
    }

    /// Notes the verdict on a question and tells whoever asked it.
    pub(super) fn tell(
        &mut self,
        no: QuestionNo,
        question: &Question,
        (outcome, from, why): Verdict,
        words: Words,
        out: &mut Effects,
    ) {
        let asked = &question.asked;
        let said = self.told_to(question.conn, asked, words.said);
        out.note(Note::Decided { question: no, outcome, said: Some(said.clone()), from, why });
        let bears_name = asked.id.is_some() || !self.topology.dialect.is_nameless();
        let name = if matches!(said, Said::Found { .. }) {
            // An address is passed on in the server's words.
            bears_name.then(|| words.name.unwrap_or_else(|| asked.name.clone()))
        } else {
            Some(asked.name.clone())
        };
        let reply = asked.relay(name, said, words.dns);
        self.askers.settle(question.conn, no, Some(reply), out);
    }

    /// Takes a question off the books: its timers and its place in the window go.
    pub(super) fn close_question(&mut self, no: QuestionNo, out: &mut Effects) -> Option<Question> {
        let question = self.questions.remove(&no)?;
        if question.joined.is_some() {
            return Some(question);
        }
        self.races.end(no, &question.asked);
        if question.policy == Policy::Batch {
            self.leave_window(&question);
        } else {
            out.push(Effect::Disarm(Timer::Deadline(no).id()));
        }
        if question.failover {
            out.push(Effect::Disarm(Timer::FailOver(no).id()));
        }
        if question.patience.is_some() {
            out.push(Effect::Disarm(Timer::Hedge(no).id()));
        }
        Some(question)
    }

    /// Upstreams that still have the question need not answer it any more.
    pub(super) fn give_up_lanes(&mut self, no: QuestionNo, question: &Question, out: &mut Effects) {
        for (place, lane) in question.lanes.iter().enumerate() {
            let asked = lane.stand == Stand::Asked;
            match self.at(lane.upstream) {
                Some(at) if asked && question.tied => {
                    self.upstreams[at].server.cancel(self.now, no, out);
                    self.take_stale(at);
                }
                Some(_) if asked => self.abandon(lane.upstream, no, (no, lane.asked_at), out),
                _ => {}
            }
            if let Some((to, stead)) = lane.backup {
                self.steads.remove(&stead);
                self.abandon(to, stead, (no, question.backup_asked_at(place)), out);
            }
        }
    }

    /// A name goes to the server that answered in the stead of its own.
    fn move_name(&mut self, question: &Question, upstream: NodeId, out: &mut Effects) {
        if question.policy != Policy::Sticky {
            return;
        }
        let before = self.table.get(&question.asked.name);
        if before == Some(upstream) {
            return;
        }
        let home = before.and_then(|home| question.lane(home)).map(|home| &question.lanes[home]);
        if home.is_some_and(super::question::Lane::waits) {
            return;
        }
        self.table.stick(&question.asked.name, upstream);
        out.note(Note::Stuck { name: question.asked.name.clone(), upstream, before });
    }

    /// The asker's connection died: its questions are nobody's any more.
    pub(super) fn asker_gone(&mut self, conn: ConnId, out: &mut Effects) {
        self.forget_socket(conn, out);
        for no in self.joined_first(conn) {
            if !self.goes_on(no, out) {
                self.cancel(no, out);
            }
        }
    }

    /// Nobody waits for this question any more.
    pub(super) fn cancel(&mut self, no: QuestionNo, out: &mut Effects) {
        let Some(question) = self.close_question(no, out) else { return };
        let (outcome, why) = (Outcome::Cancelled, Why::AskerGone);
        out.note(Note::Decided { question: no, outcome, said: None, from: None, why });
        self.give_up_lanes(no, &question, out);
        self.leave_race(&question, out);
    }

    /// The open questions of one asker, in the order of asking.
    pub(super) fn questions_of(&self, conn: ConnId) -> Vec<QuestionNo> {
        let own = self.questions.iter().filter(|(_, question)| question.conn == conn);
        let mut all: Vec<QuestionNo> = own.map(|(no, _)| *no).collect();
        all.sort_unstable();
        all
    }
}

/// How a question ends, whose answer that is, and why.
pub(super) type Verdict = (Outcome, Option<NodeId>, Why);

/// What is said, and the name it is said of, where it is passed on.
#[derive(Debug, Clone)]
pub(super) struct Words {
    said: Said,
    name: Option<HostName>,
    pub dns: Option<Arc<Response>>,
}

impl Words {
    /// The LS cannot say, and why.
    fn failed(asked: &Asked, reason: &str, code: u16) -> Self {
        let said = Said::Failed(Arc::from(reason));
        Self { said, name: None, dns: asked.failure(reason, code) }
    }
}

impl From<Said> for Words {
    fn from(said: Said) -> Self {
        Self { said, name: None, dns: None }
    }
}
