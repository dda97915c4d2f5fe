//! What replicas say to each other. One JSON object a line on the wire, readable with `nc`; nodes bear their names.

use super::store::{Digest, Entry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Position {
    /// Its last entry; 0 for none. With the clock that counts requests, that clock.
    pub at: u64,
    /// What it has accepted, in order.
    pub digest: Digest,
}

/// A message between two replicas of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub enum ReplicaMessage {
    /// A heartbeat that asks: a backup to its leader (`heartbeat_mode = "pull"`).
    Beat {
        /// Which heartbeat of this connection, from 1.
        number: u64,
        /// The sender's term.
        term: u64,
        /// How far the sender is.
        have: Position,
    },
    /// A heartbeat that tells: a leader's reply to a `Beat`, or pushed to each backup (`heartbeat_mode = "push"`).
    Alive {
        /// The number of the `Beat` that it answers, or its own count where it is pushed.
        number: u64,
        /// The sender's term.
        term: u64,
        /// How far the sender is.
        have: Position,
        /// Whether the sender leads.
        leads: bool,
    },
    /// A backup that suspects its leader asks each lower id: are you there?
    Election {
        /// The term in which it would lead.
        term: u64,
    },
    /// The answer: I am here, wait.
    Here {
        /// The sender's term.
        term: u64,
        /// Whether the sender leads.
        leads: bool,
    },
    /// I lead from now on.
    Leads {
        /// In this term.
        term: u64,
        /// How far it is.
        have: Position,
    },
    /// The leader's change, to be made by a backup.
    Change {
        /// The leader's term.
        term: u64,
        /// What is added to the log.
        entry: Entry,
    },
    /// A backup has a change on its disk.
    Have {
        /// The backup's term.
        term: u64,
        /// How far it is.
        have: Position,
    },
    /// Which position is yours? (`scheme = "active"`, on return: its clock.)
    AskClock,
    /// The clock of a replica, in every form that a topology may look at.
    Clock {
        /// How many writes it has seen, and their digest.
        have: Position,
        /// Lab time in ms of the last request it saw; of its own start, if it has seen none.
        time_ms: u64,
        /// How many writes of each client it has seen.
        vector: BTreeMap<Arc<str>, u64>,
    },
    /// Bring me up to date.
    CatchUp {
        /// The asker's term.
        term: u64,
        /// How far the asker is.
        have: Position,
        /// Whether it wants everything rather than what it lacks.
        whole: bool,
    },
    /// Everything, or what was lacking.
    State {
        /// The sender's term.
        term: u64,
        /// The receiver keeps its log up to here; 0 replaces all of it.
        keep: u64,
        /// What follows.
        entries: Arc<[Entry]>,
        /// Whether this is a part, and the rest comes in another `State`; the receiver does nothing until it has all.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        more: bool,
    },
}
