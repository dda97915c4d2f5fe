//! Identical questions in flight: whoever asks what is being asked already joins that race, and is told what it comes
//! to.
//!
//! A setting, off unless stated: each question is then a race of its own, with its own fate. Merged ones share theirs:
//! where a datagram is lost, all of them wait in vain. Resolvers merge. Several equivalent questions at once are as
//! many chances for a forger (RFC 5452, 5), and they bury a server that fails before its first failure is known, which
//! no memory of failures can prevent (RFC 9520, 3.2). Only for DNS, as that memory is.

use super::settle::{Verdict, Words};
use super::{Ls, Question};
use crate::base::{ConnId, LabTime, NumberMap, QuestionNo};
use crate::machine::Effects;
use crate::machine::asked::Asked;
use crate::message::{BalanceNote, Flaw, HostName, Note, RecordType, Response, Rr, Why};
use crate::topology::Policy;
use std::collections::HashMap;
use std::sync::Arc;

/// What makes questions identical for those that are asked for them. Load balancers passed, too: a question that goes
/// round must not wait for itself.
type Key = (HostName, RecordType, u8);

/// The races that may be joined, by what is asked in them.
#[derive(Debug, Default)]
pub(super) struct Races {
    open: HashMap<Key, QuestionNo>,
}

impl Races {
    /// A question is over: nobody joins it any more.
    pub fn end(&mut self, no: QuestionNo, asked: &Asked) {
        if let Some(key) = key(asked)
            && self.open.get(&key) == Some(&no)
        {
            self.open.remove(&key);
        }
    }

    /// The rules have changed: who asks from now on begins a race by the new ones. Who waits goes on waiting.
    pub fn close(&mut self) {
        self.open.clear();
    }
}

fn key(asked: &Asked) -> Option<Key> {
    let query = asked.dns?;
    Some((asked.name.clone(), query.kind, query.hops))
}

impl Ls {
    /// Whether questions are merged at present. A batch has its window for that, and the timer of a socket (flaw
    /// `socket-timer`) ends questions without regard to their races.
    fn merges(&self) -> bool {
        self.config.merge
            && self.config.policy != Policy::Batch
            && !self.has_flaw(Flaw::SocketTimer)
    }

    /// The race that this question joins, if there is one.
    pub(super) fn race_of(&self, asked: &Asked) -> Option<QuestionNo> {
        if self.races.open.is_empty() || !self.merges() {
            return None;
        }
        self.races.open.get(&key(asked)?).copied()
    }

    /// When this race is given up, and whoever joins it with it.
    pub(super) fn deadline_in(&self, race: Option<QuestionNo>) -> Option<LabTime> {
        Some(self.questions.get(&race?)?.deadline)
    }

    /// This question begins a race that others may join.
    pub(super) fn may_be_joined(&mut self, no: QuestionNo, asked: &Asked) {
        if self.merges()
            && let Some(key) = key(asked)
        {
            self.races.open.insert(key, no);
        }
    }

    /// A question joins a race.
    pub(super) fn join(
        &mut self,
        no: QuestionNo,
        race: QuestionNo,
        conn: ConnId,
        asked: &Asked,
        out: &mut Effects,
    ) {
        let Some(other) = self.questions.get_mut(&race) else { return };
        other.waiting.push(no);
        other.waits += 1;
        let question = Question {
            policy: other.policy,
            deadline: other.deadline,
            joined: Some(race),
            ..Question::new(conn, asked, &self.config)
        };
        self.questions.insert(no, question);
        out.note(Note::Balance(BalanceNote::Joined { question: no, race }));
    }

    /// The race is over: everybody who joined it is told, each with its own number and its own spelling of the name.
    pub(super) fn tell_joined(
        &mut self,
        race: &Question,
        (outcome, from, why): Verdict,
        words: &Words,
        out: &mut Effects,
    ) {
        // An LS that stops gives everybody up, each for that reason.
        let why = if why == Why::Stopping { why } else { Why::Joined };
        for no in &race.waiting {
            let Some(question) = self.close_question(*no, out) else { continue };
            let spelled = (&race.asked.name, &question.asked.name);
            let mut own = words.clone();
            own.dns = words.dns.as_ref().map(|response| respelled(response, spelled));
            self.tell(*no, &question, (outcome, from, why), own, out);
        }
    }

    /// The asker of this question is gone. True if it goes on all the same, for those who joined it.
    pub(super) fn goes_on(&mut self, no: QuestionNo, out: &mut Effects) -> bool {
        let Some(question) = self.questions.get_mut(&no) else { return false };
        if question.waits == 0 {
            return false;
        }
        question.left = Some(self.now);
        out.note(Note::Balance(BalanceNote::GoesOn { question: no, waits: question.waits }));
        true
    }

    /// A question that is closed waits for no race any more; one that went on for it alone ends, too.
    pub(super) fn leave_race(&mut self, question: &Question, out: &mut Effects) {
        let Some(race) = question.joined else { return };
        let Some(other) = self.questions.get_mut(&race) else { return };
        other.waits = other.waits.saturating_sub(1);
        if other.left.is_none() || other.waits > 0 {
            return;
        }
        self.cancel(race, out);
    }

    /// The open questions of one asker, those that joined a race before the others: a race whose asker leaves does not
    /// go on for that asker's own questions.
    pub(super) fn joined_first(&self, conn: ConnId) -> Vec<QuestionNo> {
        let mut all = self.questions_of(conn);
        all.sort_by_key(|no| !is_joined(&self.questions, *no));
        all
    }

    /// The open questions of one asker that have a race of their own.
    pub(super) fn races_of(&self, conn: ConnId) -> Vec<QuestionNo> {
        let mut all = self.questions_of(conn);
        all.retain(|no| !is_joined(&self.questions, *no));
        all
    }
}

fn is_joined(questions: &NumberMap<QuestionNo, Question>, no: QuestionNo) -> bool {
    questions.get(&no).is_some_and(|question| question.joined.is_some())
}

/// The same records for an asker who spelled the name otherwise.
fn respelled(response: &Arc<Response>, (before, now): (&HostName, &HostName)) -> Arc<Response> {
    if before.as_str() == now.as_str() {
        return response.clone();
    }
    let own = |rr: &Rr| match &rr.name {
        name if name == now => Rr { name: now.clone(), ..rr.clone() },
        _ => rr.clone(),
    };
    let answers = response.answers.iter().map(own).collect();
    Arc::new(Response { answers, ..Response::clone(response) })
}
