//! What the LS makes of its upstreams' behaviour: belief, ejection after failures in a row, and the way back.
//!
//! An ejected upstream is left alone for a while and then tried with a question that nobody waits for (a name it is
//! known to have answered). So many answers in a row take it back; one failure leaves it out for as long again, and one
//! that fails again soon after its return stays out for twice as long as before, so that a bad link does not make it
//! flap (outlier ejection, as proxies do it).

use super::Ls;
use crate::base::draw::{Purpose, draw};
use crate::base::{LabTime, NodeId, QuestionNo};
use crate::machine::server::{Handed, Wish};
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{Belief, Flaw, HostName, Note, Outcome};
use crate::topology::Health as Rules;
use std::time::Duration;

/// How long after one good probe the next is sent.
const NEXT_PROBE: Duration = Duration::from_millis(250);

/// Names that are remembered for probes: enough that one of them is known to any server of a lecture.
const RECENT_MAX: usize = 16;

/// Probes have numbers of their own, far above those of questions.
const FIRST_PROBE: u64 = 1 << 48;

/// Whether this is the number of a probe.
pub(super) fn is_probe(no: QuestionNo) -> bool {
    no.0 >= FIRST_PROBE
}

/// One that fails within so many of its last absences after its return has not been well.
const WELL_AFTER: u32 = 4;

/// An absence is doubled so often at most: 32 times as long as the first.
const DOUBLED_MAX: u32 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    /// It takes part.
    #[default]
    In,
    /// It is left alone until it is tried.
    Out,
    /// It is being tried with this probe since then.
    Tried(QuestionNo, LabTime),
}

/// The record of one upstream.
#[derive(Debug, Default)]
pub(super) struct Health {
    standing: Standing,
    /// In a row.
    failures: u32,
    /// Of probes, in a row.
    successes: u32,
    /// How often its absence has been doubled.
    doubled: u32,
    /// When it was taken back.
    back_since: Option<LabTime>,
    /// A check that it has not answered.
    check: Option<QuestionNo>,
}

impl Health {
    /// Whether it takes part.
    pub fn is_in(&self) -> bool {
        self.standing == Standing::In
    }

    /// A check was sent.
    pub fn begin_check(&mut self, check: QuestionNo) {
        self.check = Some(check);
    }

    /// The check that has not been answered, if there is one; it is forgotten.
    pub fn take_check(&mut self) -> Option<QuestionNo> {
        self.check.take()
    }

    /// How long it stays away this time.
    fn absence(&mut self, now: LabTime, rules: &Rules) -> Duration {
        let span = |doubled: u32| rules.eject_for.saturating_mul(1 << doubled);
        if let Some(since) = self.back_since.take() {
            let unwell = now.since(since) < span(self.doubled).saturating_mul(WELL_AFTER);
            self.doubled = if unwell { DOUBLED_MAX.min(self.doubled + 1) } else { 0 };
        }
        span(self.doubled)
    }
}

impl Ls {
    pub(super) fn node_at(&self, at: usize) -> NodeId {
        self.upstreams[at].server.node()
    }

    /// Notes a belief if it is a new one.
    pub(super) fn believe(&mut self, at: usize, belief: Belief, out: &mut Effects) {
        if self.upstreams[at].belief != Some(belief) {
            self.upstreams[at].belief = Some(belief);
            out.note(Note::Believed { about: self.node_at(at), belief });
        }
    }

    /// Its connection stands: that it takes connections is no proof that it answers, but it is not down.
    pub(super) fn has_connected(&mut self, at: usize, out: &mut Effects) {
        let down = matches!(self.upstreams[at].belief, None | Some(Belief::Down));
        if down && self.upstreams[at].health.is_in() {
            self.believe(at, Belief::Up, out);
        }
    }

    /// Something was heard from it, whatever it was.
    pub(super) fn is_alive(&mut self, at: usize, out: &mut Effects) {
        if self.upstreams[at].health.is_in() {
            self.upstreams[at].health.failures = 0;
            self.believe(at, Belief::Up, out);
        }
    }

    /// It failed once more.
    pub(super) fn has_failed(&mut self, at: usize, outcome: Outcome, out: &mut Effects) {
        if !self.upstreams[at].health.is_in() {
            return;
        }
        if matches!(outcome, Outcome::Refused | Outcome::Reset) {
            self.believe(at, Belief::Down, out);
        } else if self.upstreams[at].belief != Some(Belief::Down) {
            self.believe(at, Belief::Suspect, out);
        }
        self.upstreams[at].health.failures += 1;
        let Some(health) = self.config.health else { return };
        if self.upstreams[at].health.failures >= health.fall && !self.has_flaw(Flaw::NoFailover) {
            self.eject(at, &health, out);
        }
    }

    /// Remembers what was asked, for probes.
    pub(super) fn remember(&mut self, name: &HostName) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(name.clone());
    }

    /// Leaves an upstream alone for a while.
    pub(super) fn eject(&mut self, at: usize, rules: &Rules, out: &mut Effects) {
        let upstream = self.node_at(at);
        if let Some(check) = self.upstreams[at].health.take_check() {
            self.upstreams[at].server.over(self.now, check, false, out);
        }
        let health = &mut self.upstreams[at].health;
        health.standing = Standing::Out;
        health.successes = 0;
        let failures = health.failures;
        let absence = health.absence(self.now, rules);
        out.note(Note::Ejected { upstream, failures, until: self.now + absence });
        self.believe(at, Belief::Down, out);
        out.push(Effect::Arm(Timer::Trial(upstream).id(), absence));
    }

    /// It is time to try an ejected upstream, or the trial has had its time.
    pub(super) fn trial(&mut self, now: LabTime, at: usize, out: &mut Effects) {
        match self.upstreams[at].health.standing {
            Standing::In => {}
            Standing::Tried(probe, _) => {
                self.upstreams[at].server.over(now, probe, true, out);
                self.probe_ended(at, probe, Outcome::Silent, out);
            }
            Standing::Out => self.probe(now, at, out),
        }
    }

    fn probe(&mut self, now: LabTime, at: usize, out: &mut Effects) {
        let known = self.upstreams[at].name.clone();
        // One that has never answered may just not have the name, so each probe tries another.
        let key = draw(self.draws.0, self.draws.1, Purpose::Backoff, FIRST_PROBE | self.probes);
        let any = key as usize % self.recent.len().max(1);
        let Some(name) = known.or_else(|| self.recent.get(any).cloned()) else {
            // Nothing was ever asked here, so there is nothing it could be asked now.
            self.restore(at, out);
            return;
        };
        let probe = self.next_probe();
        let wait = self.config.failover_after.min(self.config.timeout);
        self.upstreams[at].health.standing = Standing::Tried(probe, now);
        out.push(Effect::Arm(Timer::Trial(self.node_at(at)).id(), wait));
        match self.upstreams[at].server.ask(now, probe, Wish::address(&name), out) {
            Handed::Taken => self.take_stale(at),
            Handed::Refused => self.probe_ended(at, probe, Outcome::Refused, out),
            Handed::Full | Handed::Unspeakable => {
                self.probe_ended(at, probe, Outcome::Failed, out);
            }
        }
    }

    /// A number for a question that nobody waits for.
    pub(super) fn next_probe(&mut self) -> QuestionNo {
        self.probes += 1;
        QuestionNo(FIRST_PROBE + self.probes)
    }

    /// A probe came to this.
    pub(super) fn probe_ended(
        &mut self,
        at: usize,
        probe: QuestionNo,
        outcome: Outcome,
        out: &mut Effects,
    ) {
        let health = &mut self.upstreams[at].health;
        if health.check == Some(probe) {
            health.check = None;
            if outcome.is_final() {
                self.is_alive(at, out);
            } else {
                self.has_failed(at, outcome, out);
            }
            return;
        }
        let Standing::Tried(tried, since) = health.standing else { return };
        if tried != probe {
            return;
        }
        let Some(rules) = self.config.health else {
            self.restore(at, out);
            return;
        };
        let is_slow = self.slow_from(at).is_some_and(|slow| self.now.since(since) > slow);
        let health = &mut self.upstreams[at].health;
        if !outcome.is_final() || is_slow {
            health.failures += 1;
            self.eject(at, &rules, out);
            return;
        }
        health.successes += 1;
        if health.successes >= rules.rise {
            self.restore(at, out);
        } else {
            health.standing = Standing::Out;
            let wait = rules.check_every.unwrap_or(NEXT_PROBE).min(rules.eject_for);
            out.push(Effect::Arm(Timer::Trial(self.node_at(at)).id(), wait));
        }
    }

    fn restore(&mut self, at: usize, out: &mut Effects) {
        let upstream = self.node_at(at);
        let health = &mut self.upstreams[at].health;
        let successes = health.successes;
        let (doubled, back_since) = (health.doubled, Some(self.now));
        *health = Health { doubled, back_since, ..Health::default() };
        self.upstreams[at].pace.forget();
        out.push(Effect::Disarm(Timer::Trial(upstream).id()));
        out.note(Note::Restored { upstream, successes });
        let belief = if self.upstreams[at].server.is_down() { Belief::Down } else { Belief::Up };
        self.believe(at, belief, out);
    }

    /// Ejection was switched off, or nobody heeds it any more: everybody takes part again.
    pub(super) fn restore_all(&mut self, out: &mut Effects) {
        for at in 0..self.upstreams.len() {
            if !self.upstreams[at].health.is_in() {
                self.restore(at, out);
            }
        }
    }
}
