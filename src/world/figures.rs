//! Figures over the whole run: how long questions took at each LS, one era of its policy after the other, what that
//! cost upstream, and how quick each TS was. A fold of its own, so that they are there at every moment of a recording.

use super::World;
use super::pending::Questions;
use super::spread::Spread;
use crate::base::{LabTime, NodeId, Peer, QuestionNo};
use crate::event::{Event, Fact};
use crate::message::{BalanceNote, Message, Note, Outcome};
use crate::topology::{Policy, Role};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Eras that are kept one by one for each LS; older ones are added up by their policy.
pub const ERAS_MAX: usize = 16;

/// What an LS did while nobody changed how it chooses.
#[derive(Debug, Clone, PartialEq)]
pub struct Era {
    /// The word of its policy.
    pub policy: Arc<str>,
    /// What else had been set by hand or by a step, as it stood, key to value.
    pub set: BTreeMap<Arc<str>, Arc<str>>,
    /// What the present step was flipped to when it began, if it began with a flip: repaired or confessed.
    pub repaired: Option<bool>,
    /// Since when.
    pub began: LabTime,
    /// Questions that came.
    pub taken: u64,
    /// How they ended, in the order of [`Outcome::ALL`].
    pub ended: [u64; Outcome::ALL.len()],
    /// Questions that it sent to upstreams for them.
    pub sent: u64,
    /// Upstreams that it would have asked with its first choice alone: all where the policy asks all.
    pub meant: u64,
    /// Upstreams that had to be asked: one for each question, and all where each has a part of the answer.
    pub needed: u64,
    /// Upstreams that it asked as well because another was slow.
    pub hedged: u64,
    /// Hedges whose answer counted.
    pub hedges_won: u64,
    /// Upstreams that were told to cancel.
    pub cancelled: u64,
    /// Questions that joined the race of an identical one.
    pub joined: u64,
    /// How long the answered ones took, from arrival to verdict.
    pub spread: Spread,
}

impl Era {
    fn new(policy: Arc<str>, began: LabTime) -> Self {
        Self {
            policy,
            set: BTreeMap::new(),
            repaired: None,
            began,
            taken: 0,
            ended: [0; Outcome::ALL.len()],
            sent: 0,
            meant: 0,
            needed: 0,
            hedged: 0,
            hedges_won: 0,
            cancelled: 0,
            joined: 0,
            spread: Spread::fine(),
        }
    }

    /// How many of its questions ended so.
    #[must_use]
    pub const fn ended(&self, outcome: Outcome) -> u64 {
        self.ended[outcome as usize]
    }

    /// Questions sent upstream beyond those that had to be, as a share of these: 1.0 where two servers are always
    /// asked and one would do.
    #[must_use]
    pub fn extra_load(&self) -> f64 {
        beyond(self.sent, self.needed)
    }

    /// Questions sent upstream beyond those that the policy sends in any case, as a share of these.
    #[must_use]
    pub fn unplanned_load(&self) -> f64 {
        beyond(self.sent, self.meant)
    }

    fn add(&mut self, other: &Self) {
        self.taken += other.taken;
        for (count, more) in self.ended.iter_mut().zip(other.ended) {
            *count += more;
        }
        self.sent += other.sent;
        self.meant += other.meant;
        self.needed += other.needed;
        self.hedged += other.hedged;
        self.hedges_won += other.hedges_won;
        self.cancelled += other.cancelled;
        self.joined += other.joined;
        self.spread.add(&other.spread);
    }
}

fn beyond(sent: u64, base: u64) -> f64 {
    if base == 0 { 0.0 } else { (sent as f64 / base as f64 - 1.0).max(0.0) }
}

/// What LSs asked of one TS, and how quick it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// Questions that it was sent.
    pub asked: u64,
    /// Answers of it that were waited for, whatever they said.
    pub heard: u64,
    /// How often it was put on probation because it was slow.
    pub probations: u64,
    /// How long its answers took, late ones included.
    pub spread: Spread,
}

impl Answers {
    const NONE: Self = Self { asked: 0, heard: 0, probations: 0, spread: Spread::coarse() };
}

/// What is kept of one LS.
#[derive(Debug, Clone, PartialEq)]
struct OfLs {
    /// The newest eras, the present one last.
    eras: VecDeque<Arc<Era>>,
    /// The number of the first of them.
    first: u32,
    /// Those that came before, added up by policy.
    older: BTreeMap<Arc<str>, Arc<Era>>,
    questions: Questions,
    /// A new life has begun and has taken nothing yet: what was set by hand is given to it just now.
    fresh: bool,
}

impl OfLs {
    /// The era with this number, if it is kept by itself.
    fn era(&mut self, number: u32) -> Option<&mut Era> {
        let at = number.checked_sub(self.first)?;
        self.eras.get_mut(at as usize).map(Arc::make_mut)
    }

    fn of(&mut self, question: QuestionNo) -> Option<&mut Era> {
        let era = self.questions.get(question)?.era;
        self.era(era)
    }

    fn last(&self) -> u32 {
        self.first + self.eras.len() as u32 - 1
    }
}

/// All figures of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    balancers: BTreeMap<NodeId, Arc<OfLs>>,
    servers: BTreeMap<NodeId, Arc<Answers>>,
}

impl Figures {
    /// The eras of an LS that are kept one by one, oldest first.
    #[must_use]
    pub fn eras(&self, ls: NodeId) -> impl DoubleEndedIterator<Item = &Era> + ExactSizeIterator {
        static NONE: VecDeque<Arc<Era>> = VecDeque::new();
        self.balancers.get(&ls).map_or(&NONE, |it| &it.eras).iter().map(AsRef::as_ref)
    }

    /// All eras of an LS, added up by policy.
    #[must_use]
    pub fn by_policy(&self, ls: NodeId) -> BTreeMap<Arc<str>, Era> {
        let Some(of) = self.balancers.get(&ls) else { return BTreeMap::new() };
        let mut sums: BTreeMap<Arc<str>, Era> = BTreeMap::new();
        for era in of.older.values().chain(&of.eras).filter(|era| era.taken > 0) {
            let fresh = || Era::new(era.policy.clone(), era.began);
            sums.entry(era.policy.clone()).or_insert_with(fresh).add(era);
        }
        sums
    }

    /// What LSs asked of a TS; none if it was never asked.
    #[must_use]
    pub fn server(&self, ts: NodeId) -> Option<&Answers> {
        self.servers.get(&ts).map(AsRef::as_ref)
    }

    fn server_mut(&mut self, ts: NodeId) -> &mut Answers {
        Arc::make_mut(self.servers.entry(ts).or_insert_with(|| Arc::new(Answers::NONE)))
    }

    /// About the bytes that it does not share with an earlier one.
    pub(super) fn bytes_beside(&self, before: Option<&Self>) -> usize {
        let mut bytes = 0;
        for (ls, of) in &self.balancers {
            let old = before.and_then(|before| before.balancers.get(ls));
            bytes += size_of::<(NodeId, Arc<OfLs>)>();
            if old.is_some_and(|old| Arc::ptr_eq(old, of)) {
                continue;
            }
            bytes += size_of::<OfLs>() + of.questions.bytes_beside(old.map(|old| &old.questions));
            for era in of.eras.iter().chain(of.older.values()) {
                let mut earlier =
                    old.iter().flat_map(|old| old.eras.iter().chain(old.older.values()));
                if earlier.clone().any(|old| Arc::ptr_eq(old, era)) {
                    continue;
                }
                let same = earlier.find(|old| old.began == era.began && old.policy == era.policy);
                bytes += size_of::<Era>() + era.spread.bytes_beside(same.map(|old| &old.spread));
            }
        }
        for (ts, of) in &self.servers {
            let old = before.and_then(|before| before.servers.get(ts));
            bytes += size_of::<(NodeId, Arc<Answers>)>();
            if !old.is_some_and(|old| Arc::ptr_eq(old, of)) {
                let spread = of.spread.bytes_beside(old.map(|old| &old.spread));
                bytes += size_of::<Answers>() + spread;
            }
        }
        bytes
    }
}

impl World {
    /// Every LS is in its first era.
    pub(super) fn first_eras(&mut self) {
        for id in (0..self.nodes.len()).map(|at| self.nodes[at].id) {
            if self.topology.nodes[id.index()].role() != Role::Ls {
                continue;
            }
            let policy = Arc::from(self.policy(id).unwrap_or_default());
            let of = OfLs {
                eras: [Arc::new(Era::new(policy, self.now))].into(),
                first: 0,
                older: BTreeMap::new(),
                questions: Questions::default(),
                fresh: false,
            };
            self.figures.balancers.insert(id, Arc::new(of));
        }
    }

    /// Another policy, another setting, or a flip: an era begins, unless nothing is different. One in which nothing was
    /// asked was none.
    pub(super) fn era_begins(&mut self, ls: NodeId, repaired: Option<bool>) {
        let now = self.now;
        let Some(policy) = self.policy(ls).map(Arc::from) else { return };
        let mut set = self.nodes[ls.index()].changed.clone();
        set.remove("policy");
        let Some(of) = self.figures.balancers.get_mut(&ls) else { return };
        let Some(last) = of.eras.back() else { return };
        let same = last.policy == policy && last.set == set;
        if repaired.is_none() && (same || of.fresh) {
            return;
        }
        let of = Arc::make_mut(of);
        if of.eras.back().is_some_and(|last| last.taken > 0) {
            of.eras.push_back(Arc::new(Era::new(Arc::clone(&policy), now)));
            if of.eras.len() > ERAS_MAX
                && let Some(oldest) = of.eras.pop_front()
            {
                of.first += 1;
                let fresh = || Arc::new(Era::new(oldest.policy.clone(), oldest.began));
                let sum = of.older.entry(oldest.policy.clone()).or_insert_with(fresh);
                Arc::make_mut(sum).add(&oldest);
            }
        }
        if let Some(last) = of.eras.back_mut().map(Arc::make_mut) {
            (last.policy, last.set, last.began) = (policy, set, now);
            last.repaired = repaired.or(last.repaired);
        }
    }

    /// The step was flipped: whatever that changed, an era begins everywhere.
    pub(super) fn flipped(&mut self, repaired: bool) {
        let all: Vec<NodeId> = self.figures.balancers.keys().copied().collect();
        for ls in all {
            self.era_begins(ls, Some(repaired));
        }
    }

    /// The file may say another policy now.
    pub(super) fn policies_restated(&mut self) {
        let all: Vec<NodeId> = self.figures.balancers.keys().copied().collect();
        for ls in all {
            self.era_begins(ls, None);
        }
    }

    /// An LS begins a new life: its questions are gone. What had been set by hand is given to it again, so whether
    /// anything is different is known with its first question.
    pub(super) fn figures_of_a_new_life(&mut self, node: NodeId) {
        if let Some(of) = self.figures.balancers.get_mut(&node) {
            let of = Arc::make_mut(of);
            of.questions.clear();
            of.fresh = of.eras.back().is_some_and(|last| last.taken > 0);
        }
    }

    /// Counts what an event says of a question at an LS.
    pub(super) fn count(&mut self, node: NodeId, event: &Event) {
        match &event.fact {
            Fact::Noted(note) => self.count_note(node, note),
            Fact::MessageSent { to: Peer::Node(to), about: Some(question), message, .. }
                if asks(message) && to.index() < self.nodes.len() =>
            {
                self.count_sent(node, *question, *to);
            }
            _ => {}
        }
    }

    fn count_sent(&mut self, ls: NodeId, question: QuestionNo, to: NodeId) {
        let now = self.now;
        let Some(of) = self.figures.balancers.get_mut(&ls) else { return };
        let of = Arc::make_mut(of);
        let Some(era) = of.questions.ask(question, to, now) else { return };
        if let Some(era) = of.era(era) {
            era.sent += 1;
        }
        self.figures.server_mut(to).asked += 1;
    }

    fn count_note(&mut self, ls: NodeId, note: &Note) {
        let now = self.now;
        let Some(of) = self.figures.balancers.get_mut(&ls) else { return };
        match note {
            Note::Took { question, .. } => {
                if std::mem::take(&mut Arc::make_mut(of).fresh) {
                    self.era_begins(ls, None);
                }
                let Some(of) = self.figures.balancers.get_mut(&ls) else { return };
                let of = Arc::make_mut(of);
                let last = of.last();
                of.questions.begin(*question, now, last);
                if let Some(era) = of.era(last) {
                    era.taken += 1;
                }
            }
            Note::Chose { question, upstreams, policy } => {
                let count = upstreams.len() as u64;
                if let Some(era) = Arc::make_mut(of).of(*question) {
                    let (meant, needed) = match Policy::from_word(policy) {
                        Some(Policy::Gather) => (count, count),
                        Some(Policy::Race | Policy::Batch) => (count, count.min(1)),
                        _ => (count.min(1), count.min(1)),
                    };
                    era.meant += meant;
                    era.needed += needed;
                }
            }
            Note::Balance(note) => self.count_balance(ls, note),
            Note::Heard { question, upstream, outcome, .. } => {
                self.count_heard(ls, (*question, *upstream), outcome.is_final(), false);
            }
            Note::Late { question, upstream, .. } => {
                self.count_heard(ls, (*question, *upstream), true, true);
            }
            Note::Decided { question, outcome, from, .. } => {
                let of = Arc::make_mut(of);
                let Some(was) = of.questions.decide(*question) else { return };
                let Some(era) = of.era(was.era) else { return };
                era.ended[*outcome as usize] += 1;
                if *outcome == Outcome::Answered {
                    let of_hedge = from.is_some() && *from == was.hedge;
                    era.hedges_won += u64::from(of_hedge);
                    era.spread.record(now.since(was.taken));
                }
            }
            _ => {}
        }
    }

    fn count_balance(&mut self, ls: NodeId, note: &BalanceNote) {
        if let BalanceNote::Slow { upstream, .. } = note {
            if upstream.index() < self.nodes.len() {
                self.figures.server_mut(*upstream).probations += 1;
            }
            return;
        }
        let Some(of) = self.figures.balancers.get_mut(&ls).map(Arc::make_mut) else { return };
        let Some(question) = note.question() else { return };
        let Some(era) = of.of(question) else { return };
        match note {
            BalanceNote::Hedged { to, .. } => {
                era.hedged += 1;
                // Of a fan-out the note that a part was covered says which hedge counted.
                if &*era.policy != Policy::Gather.word()
                    && let Some(pending) = of.questions.get(question)
                {
                    pending.hedge = Some(*to);
                }
            }
            BalanceNote::Covered { slow, .. } => {
                era.hedges_won += 1;
                of.questions.heard_of(question, *slow);
            }
            BalanceNote::Began { cancelled, .. } => era.cancelled += cancelled.len() as u64,
            BalanceNote::Joined { .. } => era.joined += 1,
            BalanceNote::Drew { .. }
            | BalanceNote::NotHedged { .. }
            | BalanceNote::Slow { .. }
            | BalanceNote::GoesOn { .. } => {}
        }
    }

    /// An upstream is not waited for any more; `counts` if it said something.
    fn count_heard(&mut self, ls: NodeId, lane: (QuestionNo, NodeId), counts: bool, late: bool) {
        let now = self.now;
        let Some(of) = self.figures.balancers.get_mut(&ls) else { return };
        let waited = Arc::make_mut(of).questions.heard_of(lane.0, lane.1);
        if lane.1.index() >= self.nodes.len() || !counts {
            return;
        }
        let server = self.figures.server_mut(lane.1);
        server.heard += u64::from(!late);
        if let Some(waited) = waited {
            server.spread.record(now.since(waited.sent));
        }
    }
}

/// Whether a message asks something.
fn asks(message: &Message) -> bool {
    matches!(message, Message::Ask { .. } | Message::AskTied { .. } | Message::Text(_))
}
