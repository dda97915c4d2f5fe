//! Who stands still until whom: the wait-for graph, and its cycles (Coffman, Elphick and Shoshani, "System deadlocks",
//! ACM Computing Surveys 1971; Chandy, Misra and Haas, "Distributed deadlock detection", TOCS 1983).
//!
//! A wait counts as long as the awaited word depends on somebody who stands still. Once it is on its way, or only a disk
//! is between, the wait will end, and a cycle through it would be a phantom.

use super::group::Group;
use super::replica::ReplicaState;
use crate::base::{LabTime, NodeId};
use crate::message::{Awaited, ReplicaMessage};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Cycles that are remembered when they are over.
const SEEN_MAX: usize = 64;

/// Nodes each of which waits for the next, and the last for the first. The lowest id stands first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// Who.
    pub nodes: Vec<NodeId>,
    /// Since when: the last of the waits began.
    pub since: LabTime,
}

impl Group {
    /// A replica says something to another: whether that is what the other stands still for.
    pub(super) fn answers(&mut self, from: NodeId, to: NodeId, message: &ReplicaMessage) {
        let Some(at) = self.place(to) else { return };
        let waiter = &mut self.replicas[at];
        let awaited = waiter.waits.get(&from).map(|(awaited, _)| *awaited);
        let ends_it = match (awaited, message) {
            (Some(Awaited::HeartbeatReply), ReplicaMessage::Alive { .. }) => true,
            (Some(Awaited::Confirmation), ReplicaMessage::Have { have, .. }) => {
                have.at >= waiter.have.at
            }
            _ => false,
        };
        if ends_it && waiter.answered.insert(from) {
            self.look_for_cycles();
        }
    }

    /// Whether one that is waited for has the change already: its own disk is all that it needs to confirm it.
    fn will_confirm(&self, on: NodeId, awaited: Awaited, waiter: &ReplicaState) -> bool {
        let have = waiter.have;
        let has_it = |on: &ReplicaState| on.copy.digest_at(have.at) == Some(have.digest);
        let of_a_change = awaited == Awaited::Confirmation && have.at > 0;
        of_a_change && self.replica(on).is_some_and(has_it)
    }

    /// Looks for cycles among the waits that stand. Every one is found in the step that closes it.
    pub(super) fn look_for_cycles(&mut self) {
        let waits: BTreeMap<NodeId, BTreeSet<NodeId>> = self
            .replicas
            .iter()
            .filter(|replica| !replica.waits.is_empty() && replica.life.is_alive())
            .map(|replica| {
                let waits = replica.waits.iter().filter(|(on, (awaited, _))| {
                    !(replica.answered.contains(on) || self.will_confirm(**on, *awaited, replica))
                });
                (replica.id, waits.map(|(on, _)| *on).collect())
            })
            .collect();
        let mut found: BTreeSet<Vec<NodeId>> = BTreeSet::new();
        for (from, all) in &waits {
            for to in all {
                found.extend(back(&waits, *to, *from).map(canonical));
            }
        }
        let before = std::mem::take(&mut self.cycles);
        for nodes in found {
            let known = before.iter().find(|cycle| cycle.nodes == nodes);
            let since = known.map_or(self.now, |cycle| cycle.since);
            if known.is_none() {
                self.figures.deadlocks += 1;
                if !self.cycles_seen.contains(&nodes) && self.cycles_seen.len() < SEEN_MAX {
                    self.cycles_seen.push(nodes.clone());
                }
            }
            self.cycles.push(Cycle { nodes, since });
        }
    }
}

/// The shortest way from one to the other along waits, with both ends: the cycle that a wait of the last for the first
/// closes.
fn back(
    waits: &BTreeMap<NodeId, BTreeSet<NodeId>>,
    from: NodeId,
    to: NodeId,
) -> Option<Vec<NodeId>> {
    let mut came: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            let mut way = vec![at];
            let mut here = at;
            while here != from {
                here = came[&here];
                way.push(here);
            }
            way.reverse();
            return Some(way);
        }
        for next in waits.get(&at).into_iter().flatten() {
            if *next != from && !came.contains_key(next) {
                came.insert(*next, at);
                queue.push_back(*next);
            }
        }
    }
    None
}

fn canonical(mut cycle: Vec<NodeId>) -> Vec<NodeId> {
    let first = cycle.iter().enumerate().min_by_key(|(_, id)| **id).map_or(0, |(at, _)| at);
    cycle.rotate_left(first);
    cycle
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(u16, u16)]) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
        let mut waits: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        for (from, to) in edges {
            waits.entry(NodeId(*from)).or_default().insert(NodeId(*to));
        }
        waits
    }

    #[test]
    fn the_way_back_is_found_and_the_lowest_stands_first() {
        let waits = graph(&[(3, 1), (1, 2), (2, 3), (2, 4)]);
        let cycle = back(&waits, NodeId(1), NodeId(3)).map(canonical);
        assert_eq!(cycle, Some(vec![NodeId(1), NodeId(2), NodeId(3)]));
        assert_eq!(back(&waits, NodeId(4), NodeId(2)), None);
    }

    #[test]
    fn two_that_wait_for_each_other_are_a_cycle() {
        let waits = graph(&[(1, 2), (2, 1)]);
        assert_eq!(back(&waits, NodeId(2), NodeId(1)), Some(vec![NodeId(2), NodeId(1)]));
    }
}
