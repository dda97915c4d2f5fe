//! What a simulated lab knows of one node from outside its machine.

use super::conns::Key;
use super::disk::{Disk, Kept};
use super::net::What;
use crate::base::{ConnId, EventId, FrameId, Incarnation, LabTime, NodeId, OwnClock, Owner};
use crate::event::Life;
use crate::machine::Told;
use std::collections::{BTreeMap, VecDeque};

/// Something that a host has for its process.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) from: NodeId,
    pub(super) key: Key,
    pub(super) end: usize,
    pub(super) cause: EventId,
    /// The frame that brought it.
    pub(super) frame: FrameId,
    pub(super) what: What,
}

/// What waits for a process that stands still, in order.
#[derive(Debug)]
pub(super) enum Waiting {
    Arrival(Arrival),
    Told(Told, EventId),
    Kept(Kept),
}

/// One node: its host and what its process has left there.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) life: Life,
    /// Its newest life; 0 before the first.
    pub(super) incarnation: Incarnation,
    /// How many events the present life has emitted.
    pub(super) emitted: u64,
    pub(super) conns: BTreeMap<ConnId, (Key, usize)>,
    pub(super) backlog: VecDeque<Waiting>,
    /// The earliest moment for which the agenda has an entry.
    pub(super) timer_entered: LabTime,
    pub(super) results: Vec<String>,
    pub(super) disk: Disk,
    /// Its own clock, which may be wrong.
    pub(super) clock: OwnClock,
    /// Its machine has ended in good order and is to be taken away.
    pub(super) exited: bool,
    /// Whether it was told to stop (a frozen node may have been).
    pub(super) stopping: bool,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            life: Life::Off,
            incarnation: Incarnation(0),
            emitted: 0,
            conns: BTreeMap::new(),
            backlog: VecDeque::new(),
            timer_entered: LabTime::NEVER,
            results: Vec::new(),
            disk: Disk::default(),
            clock: OwnClock::RIGHT,
            exited: false,
            stopping: false,
        }
    }
}

impl Place {
    pub(super) fn has_no_power(&self) -> bool {
        self.life == Life::PoweredOff
    }

    /// The newest event of the present life.
    pub(super) fn newest(&self, node: NodeId) -> EventId {
        EventId { owner: Owner::Node(node, self.incarnation), number: self.emitted }
    }
}
