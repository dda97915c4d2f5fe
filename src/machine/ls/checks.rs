//! What an LS does for its upstreams' health of its own accord: it asks each something now and then (active checks),
//! and leaves one alone whose answers take far longer than those of the others (latency-induced probation; Dean and
//! Barroso, "The Tail at Scale", CACM 2013).

use super::Ls;
use super::times::Times;
use crate::base::{LabTime, NodeId, QuestionNo};
use crate::machine::server::{Handed, Wish};
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{BalanceNote, Flaw, Note, Outcome};
use std::collections::VecDeque;
use std::time::Duration;

/// Answers by which one upstream is compared with the others.
const COMPARED_MAX: usize = 16;

/// With fewer, nothing can be said of it.
const COMPARED_MIN: usize = 8;

/// Questions that were not waited for and whose answers may still come, by upstream: the newest so many are
/// remembered, so that a late answer counts with the whole time that it took.
const ABANDONED_MAX: usize = 512;

/// A question whose answer nobody waits for.
#[derive(Debug)]
struct Abandoned {
    /// The number under which it was sent.
    sent_as: QuestionNo,
    question: QuestionNo,
    asked_at: LabTime,
}

/// How long the answers of one upstream take.
#[derive(Debug)]
pub(super) struct Pace {
    times: Times,
    abandoned: VecDeque<Abandoned>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { times: Times::new(COMPARED_MAX), abandoned: VecDeque::new() }
    }
}

impl Pace {
    /// Half of its last answers took longer; none where too few were seen.
    fn median(&self) -> Option<Duration> {
        self.times.percentile(50).filter(|_| self.times.len() >= COMPARED_MIN)
    }

    /// What it took before says nothing any more.
    pub fn forget(&mut self) {
        self.times.clear();
    }

    fn take_abandoned(&mut self, sent_as: QuestionNo) -> Option<Abandoned> {
        let at = self.abandoned.iter().rposition(|one| one.sent_as == sent_as)?;
        self.abandoned.remove(at)
    }
}

impl Ls {
    /// An answer of this upstream took so long.
    pub(super) fn took(&mut self, at: usize, time: Duration, out: &mut Effects) {
        self.times.push(time);
        self.upstreams[at].pace.times.push(time);
        self.compare(at, out);
    }

    /// A question is settled that this upstream has not answered: it is not waited for any more. That it took longer
    /// than this is known, too.
    pub(super) fn abandon(
        &mut self,
        upstream: NodeId,
        sent_as: QuestionNo,
        (question, asked_at): (QuestionNo, LabTime),
        out: &mut Effects,
    ) {
        let Some(at) = self.at(upstream) else { return };
        self.upstreams[at].server.over(self.now, sent_as, false, out);
        self.take_stale(at);
        let pace = &mut self.upstreams[at].pace;
        if pace.abandoned.len() == ABANDONED_MAX {
            pace.abandoned.pop_front();
        }
        pace.abandoned.push_back(Abandoned { sent_as, question, asked_at });
        pace.times.push(self.now.since(asked_at));
        self.compare(at, out);
    }

    /// An answer came too late. Gives the question that it would have answered.
    pub(super) fn was_late(&mut self, at: usize, sent_as: QuestionNo) -> QuestionNo {
        match self.upstreams[at].pace.take_abandoned(sent_as) {
            Some(one) => {
                // One that comes after a freeze is no measure of how long answers take.
                let took = self.now.since(one.asked_at).min(self.config.timeout);
                self.times.push(took);
                one.question
            }
            None => sent_as,
        }
    }

    /// What the others take: the middle one of their medians.
    fn others_take(&self, at: usize) -> Option<Duration> {
        let others = self.upstreams.iter().enumerate();
        let others = others.filter(|(other, upstream)| *other != at && upstream.health.is_in());
        let mut medians: Vec<Duration> =
            others.filter_map(|(_, upstream)| upstream.pace.median()).collect();
        medians.sort_unstable();
        medians.get(medians.len().saturating_sub(1) / 2).copied()
    }

    /// The longest that an upstream may take without being called slow, if the others' answers tell.
    pub(super) fn slow_from(&self, at: usize) -> Option<Duration> {
        let factor = self.config.health.map_or(0, |health| health.probation);
        let others = self.others_take(at).filter(|_| factor > 0)?;
        Some(others.saturating_mul(factor))
    }

    /// Puts an upstream on probation that is far slower than the others.
    fn compare(&mut self, at: usize, out: &mut Effects) {
        if !self.upstreams[at].health.is_in() || self.has_flaw(Flaw::NoFailover) {
            return;
        }
        let Some(health) = self.config.health.filter(|health| health.probation > 0) else { return };
        let Some(takes) = self.upstreams[at].pace.median() else { return };
        let Some(others) = self.others_take(at) else { return };
        if takes > others.saturating_mul(health.probation) {
            let upstream = self.node_at(at);
            out.note(Note::Balance(BalanceNote::Slow { upstream, takes, others }));
            self.upstreams[at].pace.forget();
            self.eject(at, &health, out);
        }
    }

    /// Active checks begin, or end, or come at another pace.
    pub(super) fn plan_checks(&self, out: &mut Effects) {
        let every = self.config.health.and_then(|health| health.check_every);
        for upstream in &self.upstreams {
            let timer = Timer::Check(upstream.server.node()).id();
            out.push(match every {
                Some(every) => Effect::Arm(timer, every),
                None => Effect::Disarm(timer),
            });
        }
    }

    /// It is time for the next check of an upstream. One that has not answered the last has failed.
    pub(super) fn check(&mut self, now: LabTime, at: usize, out: &mut Effects) {
        let Some(every) = self.config.health.and_then(|health| health.check_every) else { return };
        out.push(Effect::Arm(Timer::Check(self.node_at(at)).id(), every));
        if let Some(unanswered) = self.upstreams[at].health.take_check() {
            self.upstreams[at].server.over(now, unanswered, true, out);
            self.has_failed(at, Outcome::Silent, out);
        }
        // One that is left alone is tried by other rules.
        if !self.upstreams[at].health.is_in() || self.has_flaw(Flaw::NoFailover) {
            return;
        }
        let Some(name) = self.upstreams[at].name.clone() else { return };
        let check = self.next_probe();
        match self.upstreams[at].server.ask(now, check, Wish::address(&name), out) {
            Handed::Taken => {
                self.upstreams[at].health.begin_check(check);
                self.take_stale(at);
            }
            Handed::Refused => self.has_failed(at, Outcome::Refused, out),
            Handed::Full | Handed::Unspeakable => self.has_failed(at, Outcome::Failed, out),
        }
    }
}
