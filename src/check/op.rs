//! Operations as the auditor sees them: who asked, what, how it ended, who acknowledged, and who holds it now.

use super::pages::Pages;
use crate::base::{Incarnation, LabTime, NodeId, QuestionNo};
use crate::message::{OpId, OpOutcome, OpWhy, Operation, StoreSaid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of an operation in its group, from 1; 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OpNo(pub u64);

/// Attempts and votes of one operation that are kept: with ten a second for ten seconds nobody reads on.
pub const ATTEMPTS_MAX: usize = 64;

/// Clients and visitors whose ids are remembered; a visitor is one connection.
const CLIENTS_MAX: usize = 1024;

/// One sending of an operation to replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub at: LabTime,
    /// 1 for the first time.
    pub number: u32,
    /// The identity it bore.
    pub id: OpId,
    /// Who was asked.
    pub to: Arc<[NodeId]>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// When.
    pub at: LabTime,
    /// Who.
    pub replica: NodeId,
    /// What.
    pub said: StoreSaid,
    /// It differs from what was taken.
    pub outvoted: bool,
}

/// How an operation ended for its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: LabTime,
    /// How.
    pub outcome: OpOutcome,
    /// What was said.
    pub said: Option<StoreSaid>,
    /// Who agreed on it.
    pub agreed: Arc<[NodeId]>,
    /// Why.
    pub why: OpWhy,
}

/// What truth holds against the end of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flawed {
    /// It misses a write that had been acknowledged before the read began: this one.
    Stale(OpNo),
    /// It gives what no log ever held.
    Wrong,
}

/// Where an acknowledged write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Safety {
    /// It is no acknowledged write.
    #[default]
    Unacked,
    /// Every living replica has it, and there are two of them at least.
    OnAll,
    /// One more crash, or one that was already on its way, could take it.
    AtRisk,
    /// No living replica has it, and none will get it.
    Lost,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// Its number in the group.
    pub no: OpNo,
    /// The identity of its first attempt.
    pub id: OpId,
    /// What.
    pub operation: Operation,
    /// The node that asked, in which life, and its own number there; none for a visitor.
    pub asker: Option<(NodeId, Incarnation, QuestionNo)>,
    /// When it began: at the client, or when a replica first had it.
    pub begun: LabTime,
    /// When its client gives it up.
    pub deadline: Option<LabTime>,
    /// The sendings, oldest first.
    pub attempts: Vec<Attempt>,
    /// The answers, oldest first.
    pub votes: Vec<Vote>,
    /// How it ended.
    pub ended: Option<Ended>,
    /// When the asker died, if that was before it ended.
    pub orphaned: Option<LabTime>,
    /// Which replicas acknowledged it, and when, first to last.
    pub acked_by: Vec<(NodeId, LabTime)>,
    /// When it first counted as acknowledged.
    pub acked: Option<LabTime>,
    /// What is wrong with its end, if it is a read.
    pub flawed: Option<Flawed>,
    /// How many identities it had.
    pub ids: u32,
    /// Some replica has applied it more than once.
    pub applied_twice: bool,
    /// Where it is, if it was acknowledged.
    pub safety: Safety,
    /// Some log held it once.
    pub accepted: bool,
    /// Some replica threw it away.
    pub thrown: bool,
    /// Which replicas' logs hold it: a bit each, in the order of the group.
    pub(super) held: u64,
    /// How many messages carry it to a living replica.
    pub(super) flying: u32,
}

impl Op {
    pub(super) fn new(no: OpNo, id: OpId, operation: Operation, begun: LabTime) -> Self {
        Self {
            no,
            id,
            operation,
            asker: None,
            begun,
            deadline: None,
            attempts: Vec::new(),
            votes: Vec::new(),
            ended: None,
            orphaned: None,
            acked_by: Vec::new(),
            acked: None,
            flawed: None,
            ids: 1,
            applied_twice: false,
            safety: Safety::Unacked,
            accepted: false,
            thrown: false,
            held: 0,
            flying: 0,
        }
    }

    /// Who asked: the client's or the visitor's name and life.
    #[must_use]
    pub fn author(&self) -> &Arc<str> {
        &self.id.client
    }

    /// How many messages are carrying it to a living replica.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.flying
    }

    /// When whoever asked waits no more: its end, the death of its client; for a visitor, its first acknowledgement.
    #[must_use]
    pub fn over(&self) -> Option<LabTime> {
        let ended = self.ended.as_ref().map(|ended| ended.at);
        ended.or(self.orphaned).or(self.acked.filter(|_| self.asker.is_none()))
    }

    /// How long its client waited.
    #[must_use]
    pub fn took(&self) -> Option<std::time::Duration> {
        self.ended.as_ref().map(|ended| ended.at.since(self.begun))
    }

    /// Its first acknowledgement is known to the one who asked; for a visitor, that of the replica.
    pub(super) fn known_acked(&self) -> Option<LabTime> {
        match (&self.asker, &self.ended) {
            (Some(_), Some(ended)) if ended.outcome == OpOutcome::Ok => Some(ended.at),
            (None, _) => self.acked,
            _ => None,
        }
    }
}

/// The newest operations of a group, and which id and which client's number is which.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ops {
    list: Pages<Option<Arc<Op>>>,
    ids: BTreeMap<Arc<str>, Pages<OpNo>>,
    requests: BTreeMap<(NodeId, Incarnation), Pages<OpNo>>,
    begun: u64,
    oldest: u64,
    keep: usize,
}

impl Ops {
    pub fn new(keep: usize) -> Self {
        Self {
            list: Pages::new(keep),
            ids: BTreeMap::new(),
            requests: BTreeMap::new(),
            begun: 0,
            oldest: 1,
            keep,
        }
    }

    pub fn get(&self, no: OpNo) -> Option<&Op> {
        self.list.get(no.0)?.as_deref()
    }

    pub fn get_mut(&mut self, no: OpNo) -> Option<&mut Op> {
        self.list.get_mut(no.0)?.as_mut().map(Arc::make_mut)
    }

    /// The numbers of those that are remembered, oldest first.
    pub fn numbers(&self) -> impl DoubleEndedIterator<Item = OpNo> + use<> {
        (self.oldest..=self.begun).map(OpNo)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Op> {
        self.numbers().filter_map(|no| self.get(no))
    }

    pub fn by_id(&self, id: &OpId) -> Option<OpNo> {
        let no = *self.ids.get(&id.client)?.get(id.number)?;
        (no.0 >= self.oldest).then_some(no)
    }

    pub fn by_request(&self, node: NodeId, life: Incarnation, request: QuestionNo) -> Option<OpNo> {
        let no = *self.requests.get(&(node, life))?.get(request.0)?;
        (no.0 >= self.oldest).then_some(no)
    }

    /// A new operation; with the one that must go to make room for it.
    pub fn begin(&mut self, id: OpId, operation: Operation, now: LabTime) -> (OpNo, Option<Op>) {
        self.begun += 1;
        let no = OpNo(self.begun);
        self.name(&id, no);
        let gone = (self.begun - self.oldest >= self.keep as u64).then(|| self.drop_oldest());
        self.list.set(no.0, Some(Arc::new(Op::new(no, id, operation, now))));
        (no, gone.flatten())
    }

    fn drop_oldest(&mut self) -> Option<Op> {
        let gone = self.list.get_mut(self.oldest).and_then(Option::take);
        self.oldest += 1;
        gone.map(Arc::unwrap_or_clone)
    }

    /// This identity is that operation's, too.
    pub fn name(&mut self, id: &OpId, no: OpNo) {
        let keep = self.keep;
        let numbers = self.ids.entry(id.client.clone()).or_insert_with(|| Pages::new(keep));
        numbers.set(id.number, no);
        if self.ids.len() > CLIENTS_MAX {
            self.forget_a_client();
        }
    }

    /// Visitors come and go: the one whose name is first in the table and who has nothing remembered goes.
    fn forget_a_client(&mut self) {
        let (oldest, begun) = (self.oldest, self.begun);
        let named: std::collections::BTreeSet<Arc<str>> = (oldest..=begun)
            .filter_map(|no| self.get(OpNo(no)).map(|op| op.id.client.clone()))
            .collect();
        let idle = self.ids.keys().find(|client| !named.contains(*client)).cloned();
        if let Some(client) = idle.or_else(|| self.ids.keys().next().cloned()) {
            self.ids.remove(&client);
        }
    }

    pub fn number(&mut self, node: NodeId, life: Incarnation, request: QuestionNo, no: OpNo) {
        let keep = self.keep;
        self.requests.retain(|(other, older), _| *other != node || *older == life);
        let numbers = self.requests.entry((node, life)).or_insert_with(|| Pages::new(keep));
        numbers.set(request.0, no);
    }

    /// What a clone copies, in bytes.
    pub fn weight(&self) -> usize {
        let tables = self.ids.values().chain(self.requests.values());
        self.list.weight() + tables.map(|pages| pages.weight() + 64).sum::<usize>()
    }
}
