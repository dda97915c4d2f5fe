//! The one verdict on an operation, and what remains to be done after it.

use super::call::Given;
use super::{Caller, Effect, Effects, Verdict};
use crate::base::{NodeId, QuestionNo};
use crate::machine::timers::Timer;
use crate::message::{Note, OpOutcome, OpWhy, StoreNote, StoreSaid};

impl Caller {
    /// Gives the verdict on an operation that has none yet.
    pub(super) fn conclude(
        &mut self,
        request: QuestionNo,
        outcome: OpOutcome,
        said: Option<StoreSaid>,
        agreed: Vec<NodeId>,
        why: OpWhy,
        out: &mut Effects,
    ) {
        let Some(call) = self.calls.get_mut(&request) else { return };
        if call.is_concluded() {
            return;
        }
        call.verdict = match (&said, outcome) {
            (Some(said), OpOutcome::Ok) => Given::Answer(said.clone()),
            _ => Given::WithoutAnswer,
        };
        out.note(Note::Store(StoreNote::Concluded {
            request,
            outcome,
            said: said.clone(),
            agreed: agreed.into(),
            why,
        }));
        self.verdicts.push_back(Verdict { request, outcome, said });
        self.forget_if_done(request, out);
    }

    /// Nothing more is wanted of an operation.
    pub(super) fn forget(&mut self, request: QuestionNo, out: &mut Effects) {
        let Some(call) = self.calls.remove(&request) else { return };
        for number in call.numbers {
            self.numbers.remove(&number);
        }
        for timer in [Timer::Deadline(request), Timer::FailOver(request), Timer::Again(request)] {
            out.push(Effect::Disarm(timer.id()));
        }
    }

    /// An operation has had all its time.
    pub(super) fn deadline(&mut self, request: QuestionNo, out: &mut Effects) {
        let Some(call) = self.calls.get(&request) else { return };
        let why = if call.was_sent() { OpWhy::Deadline } else { OpWhy::NobodyLeft };
        self.end_without_answer(request, why, out);
        self.forget(request, out);
    }

    fn end_without_answer(&mut self, request: QuestionNo, why: OpWhy, out: &mut Effects) {
        let Some(call) = self.calls.get(&request) else { return };
        let done = call.may_be_done() || !call.votes.is_empty();
        let outcome = if done { OpOutcome::Unknown } else { OpOutcome::Failed };
        self.conclude(request, outcome, None, Vec::new(), why, out);
    }

    /// Ends in good order: what has no verdict gets one, and the connections close.
    pub fn stop(&mut self, out: &mut Effects) {
        for request in self.calls.keys().copied().collect::<Vec<_>>() {
            self.end_without_answer(request, OpWhy::Stopping, out);
            self.forget(request, out);
        }
        for line in &mut self.lines {
            line.kept.close(out);
        }
    }
}
