//! The auditors of the store: what became of every operation, which logs hold it, who leads and who believes so, and
//! what was promised and not kept. Folds of events and nothing else, so that they exist live, headless and in every
//! recording.
//!
//! They know no machine: what a replica *has* is what its notes and messages say it did. Where events are missing they
//! say that they do not know. Memory is bounded: the newest operations in detail, the rest as counts; a lost one stays.

mod clocks;
mod copy;
mod figures;
mod flight;
mod fold;
mod gone;
mod group;
mod hold;
mod lead;
mod notes;
mod op;
mod pages;
mod places;
mod replica;
mod verdict;
mod view;
mod wait;

pub use figures::Figures;
pub use gone::{GONE_MAX, Gone, Loss, PREDICTIONS_MAX, Prediction, THROWN_MAX, Thrown};
pub use group::{Group, MEMBERS_MAX, OPS_MAX};
pub use lead::{EPISODES_MAX, Failover, Fault, Split};
pub use op::{ATTEMPTS_MAX, Attempt, Ended, Flawed, Op, OpNo, Safety, Vote};
pub use replica::{Comparison, Disk, Part, ReplicaState, Transfer};
pub use verdict::{ACKED_MIN, Reason, Verdict};
pub use view::View;
pub use wait::Cycle;

use crate::base::{LabTime, NodeId, Owner};
use crate::command::Command;
use crate::event::{Event, Fact};
use crate::message::Note;
use crate::topology::Topology;
use std::sync::Arc;

/// The audit of every store of a topology.
#[derive(Debug, Clone)]
pub struct Audit {
    topology: Arc<Topology>,
    groups: Vec<Arc<Group>>,
    of: Arc<[Option<u16>]>,
    /// The time of the newest event.
    pub now: LabTime,
    /// Events that were missed.
    pub missed: u64,
    /// The lab was told to end: what its nodes do then, one after the other, says nothing of their store.
    over: bool,
}

/// Audits of one topology are equal when they say the same.
impl PartialEq for Audit {
    fn eq(&self, other: &Self) -> bool {
        (self.now, self.missed, self.over) == (other.now, other.missed, other.over)
            && self.groups == other.groups
    }
}

impl Audit {
    /// The audit of a lab that has not started.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        let (groups, of) = group::groups(&topology);
        Self { topology, groups, of: of.into(), now: LabTime::ZERO, missed: 0, over: false }
    }

    /// Whether there is nothing to audit: no replica.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The groups, in the order of their first replicas.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().map(AsRef::as_ref)
    }

    /// The group that a node belongs to, or asks.
    #[must_use]
    pub fn group_of(&self, node: NodeId) -> Option<&Group> {
        self.groups.get(self.at(node)?).map(AsRef::as_ref)
    }

    /// The state of a replica.
    #[must_use]
    pub fn replica(&self, node: NodeId) -> Option<&ReplicaState> {
        self.group_of(node)?.replica(node)
    }

    /// The counters of all groups together.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.groups().fold(Figures::default(), |sum, group| sum.and(&group.figures))
    }

    /// A group by its place.
    #[must_use]
    pub fn group(&self, at: usize) -> Option<&Group> {
        self.groups.get(at).map(AsRef::as_ref)
    }

    /// What this does not share with an earlier clone of it, in bytes, about.
    #[must_use]
    pub fn weight_beside(&self, before: Option<&Self>) -> usize {
        let shared = |(at, group): (usize, &Arc<Group>)| {
            let old = before.and_then(|before| before.groups.get(at));
            let same = old.is_some_and(|old| Arc::ptr_eq(old, group));
            size_of::<usize>() + if same { 0 } else { group.weight() }
        };
        self.groups.iter().enumerate().map(shared).sum()
    }

    fn at(&self, node: NodeId) -> Option<usize> {
        self.of.get(node.index()).copied().flatten().map(usize::from)
    }

    /// Folds one event. Gives the place of the group that it said something to. Total: an event that names what the
    /// topology has not changes nothing.
    pub fn apply(&mut self, event: &Event) -> Option<usize> {
        self.now = self.now.max(event.time);
        if let Fact::TopologyChanged { changes } = &event.fact {
            let topology = Arc::make_mut(&mut self.topology);
            changes.iter().for_each(|change| topology.take(change));
        }
        if self.groups.is_empty() || self.over {
            return None;
        }
        if let Fact::CommandGiven { command, .. } = &event.fact {
            self.over = **command == Command::Quit;
            return None;
        }
        if let Fact::LogGap { dropped } = event.fact {
            self.gap(dropped);
            return None;
        }
        let at = self.concerned(event)?;
        Arc::make_mut(&mut self.groups[at]).apply(event, &self.topology);
        Some(at)
    }

    /// What this has become when everything is as it was then: disks and logs, but no process of that time lives.
    #[must_use]
    pub fn restored(&self, now: LabTime, missed: u64) -> Self {
        let mut audit = Self { now, missed, ..self.clone() };
        for group in &mut audit.groups {
            Arc::make_mut(group).let_all_end(now);
        }
        audit
    }

    /// Takes note of events that never came.
    pub fn gap(&mut self, missing: u64) {
        if missing == 0 {
            return;
        }
        self.missed += missing;
        for group in &mut self.groups {
            Arc::make_mut(group).blind(self.now);
        }
    }

    /// The group that an event may say something new to.
    fn concerned(&self, event: &Event) -> Option<usize> {
        let node = match &event.fact {
            Fact::NodeBooted { node, .. }
            | Fact::NodeKilled { node }
            | Fact::NodeCrashed { node, .. }
            | Fact::NodePoweredOff { node }
            | Fact::NodeFrozen { node }
            | Fact::NodeThawed { node }
            | Fact::NodeStopping { node }
            | Fact::NodeStopped { node }
            | Fact::NodeCorrupt { node, .. }
            | Fact::NodeWiped { node }
            | Fact::OwnClockSet { node, .. } => *node,
            Fact::Census(census) => census.node,
            Fact::FaultsSet { from, to, .. }
            | Fact::FrameLost { from, to, .. }
            | Fact::FrameMoved { from, to, .. } => {
                let (from, to) = (self.at(from.node()?)?, self.at(to.node()?)?);
                return (from == to).then_some(from);
            }
            Fact::MessageSent { message, .. } | Fact::MessageReceived { message, .. } => {
                let Owner::Node(node, _) = event.id.owner else { return None };
                let at = self.at(node)?;
                let sent = matches!(event.fact, Fact::MessageSent { .. });
                return (!self.groups[at].is_no_news(node, message, sent)).then_some(at);
            }
            Fact::Noted(Note::Store(_) | Note::Believed { .. } | Note::Changed { .. })
            | Fact::ConnEnded { .. }
            | Fact::DiskWrote { .. }
            | Fact::DiskFailed { .. } => {
                let Owner::Node(node, _) = event.id.owner else { return None };
                node
            }
            _ => return None,
        };
        self.at(node)
    }
}
