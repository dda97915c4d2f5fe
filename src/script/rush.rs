//! The most connections that came to a node at once.

use crate::base::{LabTime, NodeId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What counts as at once: less than a person sees as one after the other.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Connections that are remembered of one node: more than a lecture has clients.
const REMEMBERED_MAX: usize = 10_000;

/// The arrivals of late, and the most that ever came at once.
#[derive(Debug, Default)]
pub(super) struct Rush {
    of_late: BTreeMap<NodeId, VecDeque<LabTime>>,
    most: BTreeMap<NodeId, u64>,
}

impl Rush {
    /// Another one has come to this node.
    pub fn came(&mut self, node: NodeId, now: LabTime) {
        let of_late = self.of_late.entry(node).or_default();
        of_late.push_back(now);
        let is_past = |at: &LabTime| now.since(*at) > AT_ONCE;
        while of_late.len() > REMEMBERED_MAX || of_late.front().is_some_and(is_past) {
            of_late.pop_front();
        }
        let most = self.most.entry(node).or_default();
        *most = (*most).max(of_late.len() as u64);
    }

    /// The most that came at once to this node; without one, to any.
    pub fn most(&self, node: Option<NodeId>) -> u64 {
        match node {
            Some(node) => self.most.get(&node).copied().unwrap_or(0),
            None => self.most.values().max().copied().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_together_is_a_rush() {
        let mut rush = Rush::default();
        for at in [0, 90, 100, 500, 550, 590, 595, 2_000] {
            rush.came(NodeId(1), LabTime::from_millis(at));
        }
        rush.came(NodeId(2), LabTime::from_millis(2_001));
        assert_eq!(rush.most(Some(NodeId(1))), 4);
        assert_eq!(rush.most(Some(NodeId(2))), 1);
        assert_eq!(rush.most(Some(NodeId(3))), 0);
        assert_eq!(rush.most(None), 4);
    }
}
