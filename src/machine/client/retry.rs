//! Asking again: only what failed for sure, only so often, and only a share of all questions, so that a failing server
//! is not buried under retries (Google SRE book, chapter 22: retry budgets).

use super::{Client, Wanted, Work};
use crate::base::draw::{Purpose, unit};
use crate::base::{NodeId, QuestionNo};
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::{Note, Outcome};
use std::time::Duration;

/// How long a client waits before it asks again the first time; twice that the second time, and so on.
const WAIT_FIRST: Duration = Duration::from_millis(100);

/// Servers that are tried one after the other when nobody listens there, before that counts as a failure.
const HOPS_MAX: u8 = 8;

impl Client {
    /// Whether a question that failed may be asked again, and after which wait.
    pub(super) fn may_ask_again(
        &mut self,
        question: QuestionNo,
        wanted: &Wanted,
        server: NodeId,
        outcome: Outcome,
        out: &mut Effects,
    ) -> Option<Duration> {
        if outcome == Outcome::Refused && wanted.hops < HOPS_MAX && self.has_other(server) {
            // It never reached anybody: going on to the next server is not asking again.
            return Some(Duration::ZERO);
        }
        if wanted.attempt > self.config.retry.times {
            return None;
        }
        let budget = 1.0 + self.config.retry.budget * self.asked as f64;
        if self.asked_again as f64 >= budget.floor() {
            out.note(Note::BudgetSpent { question });
            return None;
        }
        self.asked_again += 1;
        let spread = 0.5 + unit(self.draws.0, self.draws.1, Purpose::Backoff, question.0 << 8);
        let doubled = WAIT_FIRST * (1 << u32::from(wanted.attempt - 1).min(6));
        Some(doubled.mul_f64(spread))
    }

    fn has_other(&self, server: NodeId) -> bool {
        self.servers.iter().any(|other| other.node() != server && !other.is_down())
    }

    pub(super) fn ask_again(
        &mut self,
        question: QuestionNo,
        wanted: Wanted,
        server: NodeId,
        outcome: Outcome,
        wait: Duration,
        out: &mut Effects,
    ) {
        out.note(Note::WillRetry { question, after: wait });
        let hop = u8::from(outcome == Outcome::Refused && wait.is_zero());
        let wanted = Wanted {
            attempt: wanted.attempt.saturating_add(1 - hop),
            hops: wanted.hops + hop,
            again: Some(wanted.again.unwrap_or(question)),
            avoid: Some(server),
            ..wanted
        };
        if wait.is_zero() {
            self.work.push_back(Work::Ask(wanted));
        } else {
            self.again.insert(question, wanted);
            out.push(Effect::Arm(Timer::Again(question).id(), wait));
        }
    }
}
