//! Who stands still until whom: the wait-for graph, and its cycles (Coffman, Elphick and Shoshani, "System deadlocks",
//! ACM Computing Surveys 1971; Chandy, Misra and Haas, "Distributed deadlock detection", TOCS 1983).

use super::group::Group;
use crate::base::{LabTime, NodeId};
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
    /// Looks for cycles among the waits that stand. Every one is found in the step that closes it.
    pub(super) fn look_for_cycles(&mut self) {
        let waits: BTreeMap<NodeId, BTreeSet<NodeId>> = self
            .replicas
            .iter()
            .filter(|replica| !replica.waits.is_empty() && replica.life.is_alive())
            .map(|replica| (replica.id, replica.waits.keys().copied().collect()))
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
