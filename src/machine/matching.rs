//! Whose answer is it? The questions that wait on one connection, and how an answer finds its own.
//!
//! By correlation id where there is one, else by name, else (answers that bear no name) by counting what is
//! outstanding; or, as a confessed mistake, by arrival alone. It knows no connection, no timer and no policy.

use crate::base::QuestionNo;
use crate::message::{HostName, Message, Response, Said};
use std::collections::VecDeque;
use std::sync::Arc;

/// Questions that are over but whose answer may still come: the newest so many are remembered, so that a late answer is
/// known for what it is. A server that says nothing on a miss fills this by and by.
const GONE_MAX: usize = 512;

/// The same where answers are counted: one forgotten would put every later one out by one, so there must be room for
/// whatever a slow server can have before it.
const GONE_COUNTED_MAX: usize = 10_000;

/// Answers that nobody waits for and that nobody reads (only by arrival): what a socket buffer would hold.
const UNREAD_MAX: usize = 1000;

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The name it bears.
    pub name: Option<HostName>,
    /// The correlation id it bears.
    pub id: Option<u64>,
    /// What it says.
    pub said: Said,
    /// What a DNS answer brings along.
    pub dns: Option<Arc<Response>>,
}

impl Answer {
    /// The answer of a message, if it is one.
    pub fn of(message: &Message) -> Option<Self> {
        match message {
            Message::Reply { name, id, said, dns } => {
                Some(Self { name: name.clone(), id: *id, said: said.clone(), dns: dns.clone() })
            }
            _ => None,
        }
    }
}

/// Whose answer it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matched {
    /// This question waits for it.
    Live(QuestionNo),
    /// This question waits for it by arrival alone.
    ByArrival(QuestionNo),
    /// This question is over.
    Late(QuestionNo),
    /// Nobody reads it now; the next question will take it for its own (only by arrival).
    Unread,
    /// Nobody ever asked for it.
    Unmatched,
}

impl Matched {
    /// The question that it answers, if that is known.
    pub fn question(&self) -> Option<QuestionNo> {
        match self {
            Self::Live(question) | Self::ByArrival(question) | Self::Late(question) => {
                Some(*question)
            }
            Self::Unread | Self::Unmatched => None,
        }
    }
}

#[derive(Debug, Clone)]
struct Waiting {
    question: QuestionNo,
    name: HostName,
    id: Option<u64>,
    /// Its place among all that were sent on this connection.
    place: u64,
}

/// What was sent on one connection and waits for an answer.
#[derive(Debug, Default)]
pub struct Outstanding {
    live: VecDeque<Waiting>,
    gone: VecDeque<Waiting>,
    unread: VecDeque<Answer>,
    sent: u64,
    /// Answers bear no name, so the server gives them in the order of asking.
    counted: bool,
    /// One that was over had to be forgotten although its answer may come.
    overflowed: bool,
    /// How many had been sent when an answer was last counted for one that was over.
    sent_at_last_late: u64,
}

impl Outstanding {
    /// Nothing yet. `counted`: answers bear no name and come in the order of asking.
    pub fn new(counted: bool) -> Self {
        Self { counted, ..Self::default() }
    }

    /// Answers are counted from now on, or no more.
    pub fn set_counted(&mut self, counted: bool) {
        self.counted = counted;
    }

    /// How many questions wait.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether this question waits.
    pub fn has(&self, question: QuestionNo) -> bool {
        self.live.iter().any(|one| one.question == question)
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// A question was sent. Where answers go by arrival and one lies unread, that is its answer.
    pub fn sent(
        &mut self,
        question: QuestionNo,
        name: HostName,
        id: Option<u64>,
    ) -> Option<Answer> {
        if let Some(stale) = self.unread.pop_front() {
            return Some(stale);
        }
        self.live.push_back(Waiting { question, name, id, place: self.sent });
        self.sent += 1;
        None
    }

    /// A question needs no answer any more; one that comes all the same will be late. False if it did not wait.
    pub fn over(&mut self, question: QuestionNo) -> bool {
        let Some(at) = self.live.iter().position(|one| one.question == question) else {
            return false;
        };
        let one = self.live.remove(at).expect("the place was just found");
        // Kept in the order of sending, because counting depends on it. Mostly this is the end.
        let at = self.gone.partition_point(|other| other.place < one.place);
        self.gone.insert(at, one);
        if self.gone.len() > if self.counted { GONE_COUNTED_MAX } else { GONE_MAX } {
            self.gone.pop_front();
            self.overflowed = self.counted;
        }
        true
    }

    /// Whether the count seems lost: nobody waits, and of one that was given up the answer was, by count, another's
    /// that had been given up before. If that one's answer will never come, every later one is out by one for ever.
    pub fn has_lost_count(&self) -> bool {
        let since = |one: &Waiting| one.place < self.sent_at_last_late;
        self.overflowed || (self.counted && self.live.is_empty() && self.gone.iter().any(since))
    }

    /// Forgets what was given up.
    pub fn forget_gone(&mut self) {
        self.gone.clear();
        self.overflowed = false;
    }

    /// The connection is over: whoever waited, in the order of asking.
    pub fn end(&mut self) -> Vec<QuestionNo> {
        let waited = self.live.iter().map(|one| one.question).collect();
        *self = Self::new(self.counted);
        waited
    }

    /// Takes the answers that lie unread (when answers go by arrival no more).
    pub fn take_unread(&mut self) -> VecDeque<Answer> {
        std::mem::take(&mut self.unread)
    }

    /// Finds whose answer this is, and takes that one off the list.
    pub fn answered(&mut self, answer: &Answer, by_arrival: bool) -> Matched {
        if by_arrival {
            return self.by_arrival(answer);
        }
        match (answer.id, &answer.name) {
            (Some(id), _) => self.first(|one| one.id == Some(id)),
            (None, Some(name)) if self.counted => self.oldest(name),
            (None, Some(name)) => self.first(|one| one.name == *name),
            (None, None) => self.by_count(),
        }
    }

    fn by_arrival(&mut self, answer: &Answer) -> Matched {
        if let Some(one) = self.live.pop_front() {
            return Matched::ByArrival(one.question);
        }
        if self.unread.len() >= UNREAD_MAX {
            return Matched::Unmatched;
        }
        self.unread.push_back(answer.clone());
        Matched::Unread
    }

    /// One that waits comes before one that is over: an answer that bears the name is as good for either. Of those that
    /// are over it is the newest: a server without an entry has said nothing to the others, and never will.
    fn first(&mut self, fits: impl Fn(&Waiting) -> bool) -> Matched {
        if let Some(at) = self.live.iter().position(&fits) {
            let one = self.live.remove(at).expect("the place was just found");
            return Matched::Live(one.question);
        }
        if let Some(at) = self.gone.iter().rposition(&fits) {
            let one = self.gone.remove(at).expect("the place was just found");
            return Matched::Late(one.question);
        }
        Matched::Unmatched
    }

    /// The oldest of this name, waiting or over, because the server keeps to the order of asking.
    fn oldest(&mut self, name: &HostName) -> Matched {
        let place = |list: &VecDeque<Waiting>| {
            list.iter().find(|one| one.name == *name).map_or(u64::MAX, |one| one.place)
        };
        let (gone, live) = (place(&self.gone), place(&self.live));
        if gone < live {
            self.sent_at_last_late = self.sent;
        }
        let oldest = gone.min(live);
        self.first(|one| one.place == oldest)
    }

    /// The oldest of all, waiting or over: a server answers in the order in which it was asked.
    fn by_count(&mut self) -> Matched {
        let gone_first = match (self.gone.front(), self.live.front()) {
            (Some(gone), Some(live)) => gone.place < live.place,
            (gone, _) => gone.is_some(),
        };
        if gone_first {
            self.sent_at_last_late = self.sent;
            self.gone.pop_front().map_or(Matched::Unmatched, |one| Matched::Late(one.question))
        } else {
            self.live.pop_front().map_or(Matched::Unmatched, |one| Matched::Live(one.question))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q1: QuestionNo = QuestionNo(1);
    const Q2: QuestionNo = QuestionNo(2);
    const Q3: QuestionNo = QuestionNo(3);

    fn answer(name: &str, id: Option<u64>) -> Answer {
        let name = (!name.is_empty()).then(|| HostName::new(name));
        Answer { name, id, said: Said::Negative, dns: None }
    }

    fn asked(counted: bool, list: &[(QuestionNo, &str, Option<u64>)]) -> Outstanding {
        let mut out = Outstanding::new(counted);
        for (question, name, id) in list {
            assert_eq!(out.sent(*question, HostName::new(name), *id), None);
        }
        out
    }

    #[test]
    fn an_answer_counts_only_for_the_question_whose_name_it_bears() {
        let mut out = asked(false, &[(Q1, "a", None), (Q2, "b", None)]);
        assert_eq!(out.answered(&answer("B", None), false), Matched::Live(Q2));
        assert_eq!(out.answered(&answer("b", None), false), Matched::Unmatched);
        assert!(out.over(Q1));
        assert_eq!(out.answered(&answer("a", None), false), Matched::Late(Q1));
        assert_eq!(out.answered(&answer("a", None), false), Matched::Unmatched);
    }

    #[test]
    fn of_one_name_the_oldest_that_waits_is_answered_first() {
        let mut out = asked(false, &[(Q1, "a", None), (Q2, "a", None), (Q3, "a", None)]);
        out.over(Q1);
        assert_eq!(out.answered(&answer("a", None), false), Matched::Live(Q2));
        assert_eq!(out.answered(&answer("a", None), false), Matched::Live(Q3));
        assert_eq!(out.answered(&answer("a", None), false), Matched::Late(Q1));
    }

    #[test]
    fn of_one_name_the_newest_that_is_over_is_answered_late() {
        let mut out = asked(false, &[(Q1, "a", None), (Q2, "a", None), (Q3, "b", None)]);
        for question in [Q1, Q2, Q3] {
            assert!(out.over(question));
        }
        assert_eq!(out.answered(&answer("a", None), false), Matched::Late(Q2));
        assert_eq!(out.answered(&answer("a", None), false), Matched::Late(Q1));
        assert_eq!(out.answered(&answer("a", None), false), Matched::Unmatched);
    }

    #[test]
    fn an_id_decides_before_the_name() {
        let mut out = asked(false, &[(Q1, "a", Some(1)), (Q2, "a", Some(2))]);
        assert_eq!(out.answered(&answer("a", Some(2)), false), Matched::Live(Q2));
        assert_eq!(out.answered(&answer("a", Some(9)), false), Matched::Unmatched);
        out.over(Q1);
        assert_eq!(out.answered(&answer("a", Some(1)), false), Matched::Late(Q1));
    }

    #[test]
    fn answers_without_a_name_are_counted_and_a_late_one_keeps_its_place() {
        let mut out = asked(true, &[(Q1, "a", None), (Q2, "b", None), (Q3, "c", None)]);
        out.over(Q2);
        out.over(Q1);
        assert_eq!(out.answered(&answer("", None), false), Matched::Late(Q1));
        assert_eq!(out.answered(&answer("", None), false), Matched::Late(Q2));
        assert_eq!(out.answered(&answer("", None), false), Matched::Live(Q3));
        assert_eq!(out.answered(&answer("", None), false), Matched::Unmatched);
    }

    #[test]
    fn a_lost_answer_is_noticed_when_nobody_waits() {
        let mut out = asked(true, &[(Q1, "a", None)]);
        out.over(Q1);
        assert!(!out.has_lost_count(), "it may only be slow");
        assert_eq!(out.sent(Q2, HostName::new("b"), None), None);
        assert_eq!(out.answered(&answer("", None), false), Matched::Late(Q1));
        out.over(Q2);
        assert!(out.has_lost_count());
    }

    #[test]
    fn where_answers_are_counted_an_error_line_is_the_oldest_ones_of_its_name() {
        let mut out = asked(true, &[(Q1, "a", None), (Q2, "b", None), (Q3, "a", None)]);
        out.over(Q1);
        assert_eq!(out.answered(&answer("a", None), false), Matched::Late(Q1));
        assert_eq!(out.answered(&answer("", None), false), Matched::Live(Q2));
        assert_eq!(out.answered(&answer("a", None), false), Matched::Live(Q3));
    }

    #[test]
    fn by_arrival_a_late_answer_is_read_by_the_next_question() {
        let mut out = asked(false, &[(Q1, "a", None)]);
        out.over(Q1);
        assert_eq!(out.answered(&answer("a", None), true), Matched::Unread);
        assert_eq!(out.sent(Q2, HostName::new("b"), None), Some(answer("a", None)));
        assert_eq!(out.answered(&answer("b", None), true), Matched::Unread);
        let mut out = asked(false, &[(Q1, "a", None), (Q2, "b", None)]);
        assert_eq!(out.answered(&answer("b", None), true), Matched::ByArrival(Q1));
    }

    #[test]
    fn what_is_remembered_of_the_past_is_bounded() {
        let mut out = Outstanding::default();
        for n in 0..5_000 {
            out.sent(QuestionNo(n), HostName::new("a"), None);
            out.over(QuestionNo(n));
        }
        assert_eq!(out.gone.len(), GONE_MAX);
        for _ in 0..5_000 {
            out.answered(&answer("x", None), true);
        }
        assert_eq!(out.unread.len(), UNREAD_MAX);
    }
}
