//! Hedged requests: when an upstream is slow, another is asked as well, within a budget (Dean and Barroso, "The Tail at
//! Scale", CACM 2013).
//!
//! Under `hedge` the other one is the next of the question's own. Under `gather` every upstream has a part, and the
//! next round the list has a copy of it (chained declustering; Hsiao and `DeWitt` 1990): what it is asked in another's
//! stead has a number of its own.

use super::Ls;
use super::question::{LaneEnd, Stand};
use crate::base::{LabTime, NodeId, QuestionNo};
use crate::machine::server::Handed;
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{BalanceNote, Flaw, HedgeBy, Note, Outcome};
use crate::topology::{HedgeAfter, Policy};
use std::time::Duration;

/// Answers whose times are remembered: enough for a p99, few enough to follow a change within seconds.
pub(super) const TIMES_MAX: usize = 500;

/// Answers that must have been seen before a percentile of them means something.
const TIMES_MIN: usize = 50;

/// Hedges that can be saved up: those of one fan-out over a hundred in which every second upstream is slow.
const SAVED_MAX: f64 = 50.0;

/// Hedges of a fan-out have numbers of their own, far above those of questions and below those of probes.
const FIRST_HEDGE: u64 = 1 << 47;

/// Whether this is the number of a hedge; probes are told apart before.
pub(super) fn is_hedge(no: QuestionNo) -> bool {
    no.0 >= FIRST_HEDGE
}

/// What may still be hedged: a token bucket that each question fills a little.
#[derive(Debug)]
pub(super) struct Budget(f64);

impl Default for Budget {
    /// One to begin with.
    fn default() -> Self {
        Self(1.0)
    }
}

impl Budget {
    /// So many questions were sent, and this share of them may be hedged.
    fn earn(&mut self, sent: usize, share: f64) {
        self.0 = (self.0 + sent as f64 * share).min(SAVED_MAX);
    }

    /// Takes one; false if there is none. A share of everything is no limit.
    fn spend(&mut self, share: f64) -> bool {
        if share >= 1.0 {
            return true;
        }
        let enough = self.0 >= 1.0;
        self.0 -= if enough { 1.0 } else { 0.0 };
        enough
    }
}

/// What an upstream is asked in another's stead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stead {
    question: QuestionNo,
    /// The lane of the slow one.
    lane: usize,
}

impl Ls {
    /// How long an upstream may take now before another is asked as well, and why so long.
    pub(super) fn patience(&self) -> (Duration, HedgeBy) {
        match self.config.hedge_after {
            HedgeAfter::Time(time) => (time, HedgeBy::Setting),
            HedgeAfter::Percentile(percent) => {
                let seen = self.times.len() >= TIMES_MIN;
                match self.times.percentile(percent).filter(|_| seen) {
                    Some(time) => (time, HedgeBy::Percentile(percent)),
                    None => (self.config.hedge_at_first, HedgeBy::TooFewSeen),
                }
            }
        }
    }

    /// A question was just sent to its first upstreams: the others' time begins.
    pub(super) fn begin_hedging(&mut self, now: LabTime, no: QuestionNo, out: &mut Effects) {
        let Some(question) = self.questions.get(&no) else { return };
        let Some((after, _)) = question.patience else { return };
        self.budget.earn(question.asked(), self.config.hedge_budget);
        self.wait_to_hedge(now, no, after, out);
    }

    fn wait_to_hedge(&mut self, now: LabTime, no: QuestionNo, after: Duration, out: &mut Effects) {
        if after.is_zero() {
            self.hedge(now, no, out);
        } else if after < self.config.timeout {
            out.push(Effect::Arm(Timer::Hedge(no).id(), after));
        }
    }

    /// Whoever was asked has had its time: another is asked as well.
    pub(super) fn hedge(&mut self, now: LabTime, no: QuestionNo, out: &mut Effects) {
        match self.questions.get(&no).map(|question| question.policy) {
            Some(Policy::Hedge) => self.hedge_with_next(now, no, out),
            Some(Policy::Gather) => self.hedge_parts(now, no, out),
            _ => {}
        }
    }

    fn hedge_with_next(&mut self, now: LabTime, no: QuestionNo, out: &mut Effects) {
        let Some(question) = self.questions.get(&no) else { return };
        let is_idle = |lane: &super::question::Lane| {
            let place = self.at(lane.upstream);
            lane.stand == Stand::Idle && place.is_some_and(|at| self.may_ask(at, true))
        };
        let Some(next) = question.lanes.iter().position(is_idle) else { return };
        let Some(slow) = question.lanes.iter().rfind(|lane| lane.waits()) else { return };
        let (slow, to) = (slow.upstream, question.lanes[next].upstream);
        let Some((after, by)) = question.patience else { return };
        if !self.budget.spend(self.config.hedge_budget) {
            out.note(Note::Balance(BalanceNote::NotHedged { question: no, slow }));
            return;
        }
        out.note(Note::Balance(BalanceNote::Hedged { question: no, slow, to, after, by }));
        self.ask_lane(now, no, next, out);
        self.wait_to_hedge(now, no, after, out);
    }

    /// Every part that has not come is asked of the one that has a copy.
    fn hedge_parts(&mut self, now: LabTime, no: QuestionNo, out: &mut Effects) {
        let Some(question) = self.questions.get(&no) else { return };
        let Some((after, by)) = question.patience else { return };
        let wish = question.wish();
        let late = question.lanes.iter().enumerate();
        let late = late.filter(|(_, lane)| lane.stand == Stand::Asked && lane.backup.is_none());
        let late: Vec<(usize, NodeId)> = late.map(|(at, lane)| (at, lane.upstream)).collect();
        for (lane, slow) in late {
            let Some(at) = self.copy_of(slow) else { continue };
            let to = self.upstreams[at].server.node();
            if !self.budget.spend(self.config.hedge_budget) {
                out.note(Note::Balance(BalanceNote::NotHedged { question: no, slow }));
                continue;
            }
            out.note(Note::Balance(BalanceNote::Hedged { question: no, slow, to, after, by }));
            self.hedges += 1;
            let stead = QuestionNo(FIRST_HEDGE + self.hedges);
            self.steads.insert(stead, Stead { question: no, lane });
            if let Some(question) = self.questions.get_mut(&no) {
                question.lanes[lane].backup = Some((to, stead));
            }
            let handed = self.upstreams[at].server.ask_for(now, stead, no, wish.clone(), out);
            self.take_stale(at);
            if handed != Handed::Taken {
                let (outcome, answer) = (Outcome::Refused, None);
                let end = LaneEnd { question: stead, upstream: to, outcome, answer, how: None };
                self.work.push_back(end);
            }
        }
    }

    /// Who has a copy of what this upstream has: the next round the list that may be asked.
    fn copy_of(&self, slow: NodeId) -> Option<usize> {
        let (from, count) = (self.at(slow)?, self.upstreams.len());
        (1..count).map(|step| (from + step) % count).find(|at| self.may_ask(*at, true))
    }

    /// What was asked in another's stead came to this.
    pub(super) fn stead_ended(&mut self, now: LabTime, end: LaneEnd, out: &mut Effects) {
        let Some(Stead { question: no, lane }) = self.steads.remove(&end.question) else { return };
        let is_well = end.is_well();
        let LaneEnd { upstream: by, outcome, answer, how, .. } = end;
        let Some(question) = self.questions.get_mut(&no) else { return };
        let part = &mut question.lanes[lane];
        part.backup = None;
        let slow = part.upstream;
        let counts = part.stand == Stand::Asked && outcome.is_final();
        if counts {
            part.stand = Stand::Ended(outcome);
            part.answer = answer;
            part.by = Some(by);
        }
        let asked = part.asked_at;
        if let Some(at) = self.at(by) {
            if is_well {
                self.is_alive(at, out);
            } else {
                self.has_failed(at, outcome, out);
            }
        }
        if !counts {
            return;
        }
        out.note(Note::Balance(BalanceNote::Covered { question: no, slow, by }));
        self.abandon(slow, no, (no, asked), out);
        self.go_on(now, no, lane, outcome, how, out);
    }

    /// The part came before its copy did: the copy is wanted no more.
    pub(super) fn forget_backup(&mut self, no: QuestionNo, lane: usize, out: &mut Effects) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        if let Some((to, stead)) = question.lanes[lane].backup.take() {
            let asked = question.backup_asked_at(lane);
            self.steads.remove(&stead);
            self.abandon(to, stead, (no, asked), out);
        }
    }

    /// Whether a question under this policy is hedged.
    pub(super) fn hedges(&self, policy: Policy) -> bool {
        let wants = match policy {
            Policy::Hedge => true,
            Policy::Gather => self.config.hedge,
            _ => false,
        };
        wants && self.upstreams.len() > 1 && !self.has_flaw(Flaw::NoFailover)
    }
}
