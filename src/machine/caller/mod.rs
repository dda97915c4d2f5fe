//! The caller's side of a replicated store: brings operations to the replicas, finds the leader or counts votes, asks
//! again with the same identity, and gives each operation its one verdict.
//!
//! A client of the store is built around one, and so is a TS whose records are in a store. What a verdict is good for
//! is the owner's business.

mod call;
mod end;
mod search;
mod vote;

use super::kept::{Kept, Retry};
use super::timers::Timer;
use super::{Effect, Effects};
use crate::base::{ConnId, Incarnation, LabTime, Names, NodeId, QuestionNo};
use crate::event::Ending;
use crate::message::{
    Belief, Flaw, Message, Note, OpId, OpOutcome, Operation, StoreNote, StoreSaid,
};
use crate::topology::{ReadFrom, Scheme, Setting, StoreClientConfig, Topology};
use call::{Call, Given, Search, Stand, Way};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Operations that may be under way at once, those with a verdict whose last replica is still waited for included:
/// what a lecture's open loop of a thousand a second builds up in its longest timeout.
pub const CALLS_MAX: usize = 10_000;

/// How an operation ended, for the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which.
    pub request: QuestionNo,
    /// How.
    pub outcome: OpOutcome,
    /// What was said, where something was.
    pub said: Option<StoreSaid>,
}

/// One replica and the connection to it.
#[derive(Debug)]
struct Line {
    kept: Kept,
    belief: Option<Belief>,
}

/// The caller's side of a store.
#[derive(Debug)]
pub struct Caller {
    names: Names,
    /// The owner's name and life (`writer.2`, and `writer.2@3` in the third run on the same disks): what its
    /// operations are called.
    name: Arc<str>,
    /// The seed, and a number that tells the owner and its lives apart.
    draws: (u64, u64),
    config: StoreClientConfig,
    lines: Vec<Line>,
    calls: BTreeMap<QuestionNo, Call>,
    /// Whose identity a number is.
    numbers: BTreeMap<u64, QuestionNo>,
    identities: u64,
    /// Who is believed to lead.
    leader: Option<NodeId>,
    /// Whose turn it is with `reads = "any"`.
    turn: usize,
    refused: u64,
    verdicts: VecDeque<Verdict>,
}

impl Caller {
    /// What a node calls a store with; not connected yet.
    pub fn new(
        topology: &Topology,
        owner: NodeId,
        incarnation: Incarnation,
        config: StoreClientConfig,
    ) -> Self {
        let draws = draws_of(topology, owner, incarnation);
        let lines = config.asks.iter().map(|node| line(*node, draws, &config)).collect();
        let names = topology.names.clone();
        let name = format!("{}.{incarnation}{}", names.of(owner), topology.run.mark());
        let name = Arc::from(name);
        Self {
            names,
            name,
            draws,
            config,
            lines,
            calls: BTreeMap::new(),
            numbers: BTreeMap::new(),
            identities: 0,
            leader: None,
            turn: 0,
            refused: 0,
            verdicts: VecDeque::new(),
        }
    }

    /// How it is set.
    pub fn config(&self) -> &StoreClientConfig {
        &self.config
    }

    /// Opens its connections.
    pub fn open(&mut self, now: LabTime, out: &mut Effects) {
        for line in &mut self.lines {
            line.kept.open(now, true, out);
        }
    }

    /// The oldest verdict that the owner has not taken.
    pub fn take_verdict(&mut self) -> Option<Verdict> {
        self.verdicts.pop_front()
    }

    /// How many operations have no verdict.
    pub fn open_calls(&self) -> usize {
        self.calls.values().filter(|call| !call.is_concluded()).count()
    }

    fn has_flaw(&self, flaw: Flaw) -> bool {
        self.config.flaws.has(flaw)
    }

    fn named(&self, name: &str) -> Option<NodeId> {
        self.names.id(name).filter(|node| self.at(*node).is_some())
    }

    fn at(&self, node: NodeId) -> Option<usize> {
        self.lines.iter().position(|line| line.kept.node() == node)
    }

    fn at_conn(&self, conn: ConnId) -> Option<usize> {
        self.lines.iter().position(|line| line.kept.conn() == Some(conn))
    }

    fn replicas(&self) -> impl Iterator<Item = NodeId> + use<> {
        let all: Vec<NodeId> = self.lines.iter().map(|line| line.kept.node()).collect();
        all.into_iter()
    }

    /// Begins an operation under the owner's number. False if too many are under way; then it has failed.
    pub fn begin(
        &mut self,
        now: LabTime,
        request: QuestionNo,
        operation: Operation,
        out: &mut Effects,
    ) -> bool {
        if !self.make_room(out) {
            let outcome = OpOutcome::Failed;
            self.verdicts.push_back(Verdict { request, outcome, said: None });
            return false;
        }
        let id = self.new_identity(request);
        let deadline = now + self.config.timeout;
        out.note(Note::Store(StoreNote::Requested {
            request,
            id: id.clone(),
            operation: operation.clone(),
            deadline,
        }));
        out.push(Effect::Arm(Timer::Deadline(request).id(), self.config.timeout));
        let way = self.way_of(&operation);
        let all = matches!(way, Way::All);
        self.calls.insert(
            request,
            Call {
                operation,
                numbers: vec![id.number],
                id,
                way,
                ballots: BTreeMap::new(),
                votes: Vec::new(),
                verdict: Given::NotYet,
            },
        );
        if all {
            self.ask_all(now, request, out);
        } else {
            self.search_on(now, request, out);
        }
        true
    }

    /// An operation that has its verdict makes room for a new one, the oldest first.
    fn make_room(&mut self, out: &mut Effects) -> bool {
        if self.calls.len() < CALLS_MAX {
            return true;
        }
        let done = self.calls.iter().find(|(_, call)| call.is_concluded());
        if let Some(request) = done.map(|(request, _)| *request) {
            self.forget(request, out);
            return true;
        }
        self.refused += 1;
        out.note(Note::Overflowed { refused: self.refused });
        false
    }

    fn way_of(&mut self, operation: &Operation) -> Way {
        let search = Search { all_refused: true, ..Search::default() };
        match (self.config.scheme, self.config.reads) {
            (Scheme::Active, _) => Way::All,
            (_, ReadFrom::Majority | ReadFrom::All) if !operation.is_write() => Way::All,
            (_, ReadFrom::Any) if !operation.is_write() => {
                let begins_at = self.replicas().nth(self.turn % self.lines.len().max(1));
                self.turn = self.turn.wrapping_add(1);
                Way::One(Search { begins_at, ..search })
            }
            _ => Way::One(search),
        }
    }

    fn new_identity(&mut self, request: QuestionNo) -> OpId {
        self.identities += 1;
        self.numbers.insert(self.identities, request);
        OpId { client: self.name.clone(), number: self.identities }
    }

    /// Sends an operation to those of these replicas whose connections stand.
    fn send(&mut self, request: QuestionNo, to: &[NodeId], attempt: u32, out: &mut Effects) {
        let Some(call) = self.calls.get_mut(&request) else { return };
        if call.was_sent() && self.config.flaws.has(Flaw::FreshIds) && attempt > 1 {
            self.identities += 1;
            self.numbers.insert(self.identities, request);
            call.numbers.push(self.identities);
            call.id = OpId { client: self.name.clone(), number: self.identities };
        }
        let standing = |node: &NodeId| {
            let line = self.lines.iter().find(|line| line.kept.node() == *node)?;
            Some((*node, line.kept.standing()?))
        };
        let conns: Vec<(NodeId, ConnId)> = to.iter().filter_map(standing).collect();
        if conns.is_empty() {
            return;
        }
        out.note(Note::Store(StoreNote::Attempted {
            request,
            id: call.id.clone(),
            to: conns.iter().map(|(node, _)| *node).collect(),
            attempt,
        }));
        for (node, conn) in conns {
            let ballot = call.ballots.entry(node).or_default();
            ballot.stand = Stand::Asked;
            ballot.times += 1;
            ballot.unanswered += 1;
            let (id, operation) = (Some(call.id.clone()), call.operation.clone());
            out.send(conn, Message::Operate { id, operation }, Some(request));
        }
    }

    /// A connection stands. False if it is not one of these.
    pub fn opened(&mut self, conn: ConnId, out: &mut Effects) -> bool {
        let Some(at) = self.at_conn(conn) else { return false };
        if !self.lines[at].kept.opened(conn, out) {
            return true;
        }
        let node = self.lines[at].kept.node();
        self.believe(node, Belief::Up, out);
        for request in self.calls.keys().copied().collect::<Vec<_>>() {
            match self.calls[&request].way {
                Way::One(_) => self.found_open(request, node, out),
                Way::All => self.ask_again_at(request, node, out),
            }
        }
        true
    }

    /// Nobody listens. False if it is not one of these.
    pub fn refused(&mut self, now: LabTime, conn: ConnId, out: &mut Effects) -> bool {
        let Some(at) = self.at_conn(conn) else { return false };
        self.lines[at].kept.refused(now, conn, out);
        self.lost(now, self.lines[at].kept.node(), true, out);
        true
    }

    /// The peer ended a connection. False if it is not one of these.
    pub fn ended(&mut self, now: LabTime, conn: ConnId, ending: Ending, out: &mut Effects) -> bool {
        let Some(at) = self.at_conn(conn) else { return false };
        self.lines[at].kept.ended(now, conn, ending, out);
        self.lost(now, self.lines[at].kept.node(), false, out);
        true
    }

    fn lost(&mut self, now: LabTime, node: NodeId, refused: bool, out: &mut Effects) {
        self.believe(node, Belief::Down, out);
        for request in self.calls.keys().copied().collect::<Vec<_>>() {
            match self.calls[&request].way {
                Way::One(_) => self.found_gone(now, request, node, refused, out),
                Way::All => self.vote_gone(request, node, out),
            }
        }
    }

    /// A message came on one of its connections. False if it is not one of these.
    pub fn received(
        &mut self,
        now: LabTime,
        conn: ConnId,
        message: &Message,
        out: &mut Effects,
    ) -> bool {
        let Some(at) = self.at_conn(conn) else { return false };
        let node = self.lines[at].kept.node();
        self.believe(node, Belief::Up, out);
        let Message::Operated { id: Some(id), said } = message else { return true };
        if id.client != self.name {
            return true;
        }
        // An answer that nobody waits for any more changes nothing: the verdict has been given.
        let Some(request) = self.numbers.get(&id.number).copied() else { return true };
        let Some(call) = self.calls.get_mut(&request) else { return true };
        let ballot = call.ballot(node);
        ballot.unanswered = ballot.unanswered.saturating_sub(1);
        match call.way {
            Way::One(_) => self.answered(now, request, node, said.clone(), out),
            Way::All => self.voted(request, node, said.clone(), out),
        }
        true
    }

    /// A timer fired. False if it is none of these.
    pub fn fired(&mut self, now: LabTime, timer: Timer, out: &mut Effects) -> bool {
        match timer {
            Timer::Deadline(request) => self.deadline(request, out),
            Timer::FailOver(request) => match self.calls.get(&request).map(|call| &call.way) {
                Some(Way::One(_)) => self.had_its_time(now, request, out),
                Some(Way::All) => self.round_over(request, out),
                None => {}
            },
            Timer::Again(request) => self.search_on(now, request, out),
            Timer::Reconnect(node) => {
                let Some(at) = self.at(node) else { return false };
                self.lines[at].kept.open(now, true, out);
            }
            Timer::GiveUp(node) => {
                let Some(at) = self.at(node) else { return false };
                self.lines[at].kept.hung(now, true, out);
            }
            _ => return false,
        }
        true
    }

    fn believe(&mut self, about: NodeId, belief: Belief, out: &mut Effects) {
        let Some(at) = self.at(about) else { return };
        if self.lines[at].belief.replace(belief) != Some(belief) {
            out.note(Note::Believed { about, belief });
        }
    }

    fn follow(&mut self, leader: NodeId, out: &mut Effects) {
        if self.leader.replace(leader) != Some(leader) {
            out.note(Note::Store(StoreNote::Follows { leader, term: 0 }));
        }
    }

    /// A setting changes. False if a client of the store has none such.
    pub fn set(&mut self, setting: &Setting) -> bool {
        if !setting.apply_to_store_client(&mut self.config) {
            return false;
        }
        let retry = retry(&self.config);
        for line in &mut self.lines {
            line.kept.set_retry(retry, self.config.reconnect);
        }
        true
    }

    /// The setting says who is asked: keeps the connections that are still wanted, closes the others, opens new ones.
    pub fn change_replicas(&mut self, now: LabTime, out: &mut Effects) {
        let mut before = std::mem::take(&mut self.lines);
        for node in &self.config.asks {
            if let Some(at) = before.iter().position(|line| line.kept.node() == *node) {
                self.lines.push(before.remove(at));
            } else {
                let mut line = line(*node, self.draws, &self.config);
                line.kept.open(now, true, out);
                self.lines.push(line);
            }
        }
        for mut line in before {
            line.kept.close(out);
            let node = line.kept.node();
            self.leader = self.leader.filter(|leader| *leader != node);
            for request in self.calls.keys().copied().collect::<Vec<_>>() {
                match self.calls[&request].way {
                    Way::One(_) => self.found_gone(now, request, node, false, out),
                    Way::All => self.struck_off(request, node, out),
                }
            }
        }
    }
}

/// What the draws of a node are keyed by: the seed, and a number that tells the node and its lives apart.
pub fn draws_of(topology: &Topology, node: NodeId, incarnation: Incarnation) -> (u64, u64) {
    (topology.seed, u64::from(node.0) | u64::from(incarnation.0) << 32)
}

fn retry(config: &StoreClientConfig) -> Retry {
    if config.flaws.has(Flaw::ReconnectStorm) { Retry::Together } else { Retry::Spread }
}

fn line(node: NodeId, draws: (u64, u64), config: &StoreClientConfig) -> Line {
    Line { kept: Kept::new(node, false, draws, retry(config), config.reconnect), belief: None }
}
