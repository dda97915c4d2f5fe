//! Questions of one LS that are not over: when each came, in which era, and whom it was put to. A ring of shared pages,
//! indexed by number, like the index of races; nothing here is shown.

use crate::base::{LabTime, NodeId, QuestionNo};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Questions in one page: what one write after a checkpoint copies.
const PAGE: usize = 32;

/// Pages that are kept: 32,768 questions, twice the races that may be open at once.
const PAGES_MAX: usize = 1024;

/// Upstreams that are waited for altogether: a fan-out of a hundred, put to silent servers some thousand times.
const LANES_MAX: usize = 1 << 18;

/// A server that has not answered a question in this time never will, once the verdict is there: a silent one leaves
/// every question behind.
const LATE_MOST: Duration = Duration::from_secs(10);

/// Whatever is this old is forgotten, even without a verdict.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// One upstream that was asked and has not been heard of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waited {
    pub upstream: NodeId,
    /// When it was asked first.
    pub sent: LabTime,
}

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pending {
    pub taken: LabTime,
    /// The era in which it came.
    pub era: u32,
    pub decided: bool,
    /// Those that are waited for.
    pub lanes: Vec<Waited>,
    /// Who was asked last because another was slow.
    pub hedge: Option<NodeId>,
}

/// The questions of one incarnation.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Questions {
    /// The number of the first page.
    first: u64,
    pages: VecDeque<Arc<Vec<Option<Pending>>>>,
    lanes: usize,
}

impl Questions {
    /// The question, if it is not over.
    pub fn get(&mut self, question: QuestionNo) -> Option<&mut Pending> {
        let page = (question.0 / PAGE as u64).checked_sub(self.first)?;
        let page = self.pages.get_mut(usize::try_from(page).ok()?)?;
        let at = place(question);
        // Looked at first: what is not there shall not be copied.
        page[at].as_ref()?;
        Arc::make_mut(page)[at].as_mut()
    }

    /// A question comes.
    pub fn begin(&mut self, question: QuestionNo, taken: LabTime, era: u32) {
        let page = question.0 / PAGE as u64;
        let end = self.first + self.pages.len() as u64;
        if self.pages.is_empty() || page >= end.saturating_add(PAGES_MAX as u64) {
            self.clear();
            self.first = page;
        } else if page < self.first {
            return;
        }
        while self.first + self.pages.len() as u64 <= page {
            self.pages.push_back(Arc::new(vec![None; PAGE]));
        }
        self.forget(taken);
        let at = usize::try_from(page.saturating_sub(self.first)).expect("at most PAGES_MAX pages");
        if let Some(page) = self.pages.get_mut(at) {
            let pending = Pending { taken, era, decided: false, lanes: Vec::new(), hedge: None };
            Arc::make_mut(page)[place(question)] = Some(pending);
        }
    }

    /// An upstream is asked, perhaps not for the first time; gives the era of the question.
    pub fn ask(&mut self, question: QuestionNo, upstream: NodeId, sent: LabTime) -> Option<u32> {
        let pending = self.get(question)?;
        let era = pending.era;
        if !pending.lanes.iter().any(|lane| lane.upstream == upstream) {
            pending.lanes.push(Waited { upstream, sent });
            self.lanes += 1;
        }
        Some(era)
    }

    /// An upstream is not waited for any more.
    pub fn heard_of(&mut self, question: QuestionNo, upstream: NodeId) -> Option<Waited> {
        let pending = self.get(question)?;
        let at = pending.lanes.iter().position(|lane| lane.upstream == upstream)?;
        let waited = pending.lanes.swap_remove(at);
        self.lanes -= 1;
        self.end(question);
        Some(waited)
    }

    /// The question has its verdict; gives what is known of it, without its lanes.
    pub fn decide(&mut self, question: QuestionNo) -> Option<Pending> {
        let pending = self.get(question)?;
        if std::mem::replace(&mut pending.decided, true) {
            return None;
        }
        pending.lanes.shrink_to_fit();
        let was = Pending { lanes: Vec::new(), ..pending.clone() };
        self.end(question);
        Some(was)
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets a question whose verdict is there when nobody is waited for any more.
    fn end(&mut self, question: QuestionNo) {
        let over = |pending: &mut Pending| pending.decided && pending.lanes.is_empty();
        if !self.get(question).is_some_and(over) {
            return;
        }
        let page = usize::try_from(question.0 / PAGE as u64 - self.first).unwrap_or(usize::MAX);
        if let Some(page) = self.pages.get_mut(page) {
            Arc::make_mut(page)[place(question)] = None;
        }
    }

    /// Pages at the old end go when nothing is in them, when what is in them is too old, and when there are too many.
    fn forget(&mut self, now: LabTime) {
        let stale = |pending: &Option<Pending>| {
            pending.as_ref().is_none_or(|it| {
                let most = if it.decided { LATE_MOST } else { FORGOTTEN_AFTER };
                now.since(it.taken) > most
            })
        };
        while self.pages.len() > 1
            && (self.pages.len() > PAGES_MAX
                || self.lanes > LANES_MAX
                || self.pages.front().is_some_and(|page| page.iter().all(stale)))
        {
            let gone = self.pages.pop_front();
            let gone = gone.iter().flat_map(|page| page.iter().flatten());
            self.lanes -= gone.map(|pending| pending.lanes.len()).sum::<usize>();
            self.first += 1;
        }
    }

    /// About the bytes that it does not share with an earlier one.
    pub fn bytes_beside(&self, before: Option<&Self>) -> usize {
        let weight = |page: &Arc<Vec<Option<Pending>>>| {
            let lanes = page.iter().flatten().map(|pending| pending.lanes.capacity());
            PAGE * size_of::<Option<Pending>>() + lanes.sum::<usize>() * size_of::<Waited>()
        };
        let shared = |number: u64, page: &Arc<Vec<Option<Pending>>>| {
            let old = before.and_then(|old| {
                old.pages.get(usize::try_from(number.checked_sub(old.first)?).ok()?)
            });
            old.is_some_and(|old| Arc::ptr_eq(old, page))
        };
        let pages = (self.first..).zip(&self.pages);
        let own = pages.filter(|(number, page)| !shared(*number, page));
        self.pages.len() * size_of::<usize>() + own.map(|(_, page)| weight(page)).sum::<usize>()
    }
}

const fn place(question: QuestionNo) -> usize {
    (question.0 % PAGE as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: NodeId = NodeId(3);

    #[test]
    fn what_is_over_takes_no_room_and_what_never_ends_is_forgotten() {
        let mut ring = Questions::default();
        let at = |number: u64| LabTime::from_millis(number);
        for number in 1..100_000 {
            let question = QuestionNo(number);
            ring.begin(question, at(number), 0);
            assert_eq!(ring.ask(question, SERVER, at(number)), Some(0));
            assert!(ring.decide(question).is_some_and(|was| was.taken == at(number)));
            assert!(ring.decide(question).is_none(), "there is one verdict");
            assert!(ring.heard_of(question, SERVER).is_some());
            assert!(ring.get(question).is_none());
        }
        assert!(ring.pages.len() <= 2 && ring.lanes == 0, "{} pages", ring.pages.len());
        for number in 100_000..200_000 {
            ring.begin(QuestionNo(number), at(number), 0);
            assert_eq!(ring.ask(QuestionNo(number), SERVER, at(number)), Some(0));
        }
        assert!(ring.pages.len() <= PAGES_MAX && ring.lanes <= PAGES_MAX * PAGE);
        assert!(ring.get(QuestionNo(199_000)).is_some() && ring.get(QuestionNo(101_000)).is_none());
        // Ten minutes and a second later all of them are forgotten.
        ring.begin(QuestionNo(200_000), at(801_100), 0);
        assert_eq!((ring.pages.len(), ring.lanes), (1, 0));
    }

    #[test]
    fn a_number_from_nowhere_costs_no_memory() {
        let mut ring = Questions::default();
        for number in [1, u64::MAX, 5, u64::MAX - 1, 40] {
            ring.begin(QuestionNo(number), LabTime::ZERO, 0);
            assert!(ring.pages.len() <= PAGES_MAX + 1);
        }
        assert!(ring.get(QuestionNo(u64::MAX)).is_some());
    }
}
