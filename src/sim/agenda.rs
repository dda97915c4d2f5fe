//! What happens next on virtual time. It knows moments and numbers, not what they mean.

use crate::base::{LabTime, NodeId};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Something that falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A frame arrives at the end of this pipe.
    Frame(usize),
    /// The writer of this connection's end finds out that it has no room left and the connection is
    /// dead.
    Broken(super::conns::Key, usize),
    /// The opener's socket of this connection is there: datagrams need no more.
    Bound(super::conns::Key),
    /// A commit of this node's disk is done: the number it began with.
    Commit(NodeId, u64),
    /// A timer of this node fires. At the same moment it comes after all that arrives: input before
    /// timers.
    Timer(NodeId),
}

impl Due {
    const fn rank(self) -> u8 {
        match self {
            Self::Frame(_) | Self::Broken(..) | Self::Bound(_) | Self::Commit(..) => 0,
            Self::Timer(_) => 1,
        }
    }
}

/// A queue of moments. Of two at the same moment the rank decides, then which was entered first:
/// the order never depends on anything but what happened before.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(LabTime, u8, u64, Due)>>,
    entered: u64,
}

impl Agenda {
    pub(super) fn enter(&mut self, at: LabTime, due: Due) {
        self.entered += 1;
        self.heap.push(Reverse((at, due.rank(), self.entered, due)));
    }

    pub(super) fn next(&self) -> Option<LabTime> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    pub(super) fn take(&mut self) -> Option<(LabTime, Due)> {
        self.heap.pop().map(|Reverse((at, _, _, due))| (at, due))
    }
}
