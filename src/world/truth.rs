//! The truth line: what no node can know.

use super::race::RaceNo;
use crate::base::{LabTime, NodeId};
use crate::check::OpNo;
use crate::command::Command;
use crate::message::Outcome;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Counters over the whole run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Truth {
    /// Questions that clients and visitors asked.
    pub asked: u64,
    /// How those ended that have ended, by outcome (`Late` counts answers that came after their
    /// verdict).
    pub ended: BTreeMap<Outcome, u64>,
    /// Answers that reached an LS after the verdict: wasted work, all of it.
    pub late: u64,
    /// Verdicts without an address although a TS has the name.
    pub contradicted: u64,
    /// Answers given to the wrong question.
    pub misgiven: u64,
    /// Answers that lie: an address that no table has for the name.
    pub lies: u64,
    /// Questions upstreams were sent, for the extra load: `upstream_sent / asked`.
    pub upstream_sent: u64,
    /// Faults that stand now, in the words of the command that would set them, oldest first.
    pub faults: Vec<Arc<str>>,
    /// What is wrong now, loudest first.
    pub alarms: Vec<Alarm>,
    /// Answers that belonged to no question of the node they reached.
    pub unmatched: u64,
    /// Answers to nothing that was asked: forgeries and copies, dropped before anybody believed them.
    pub unasked: u64,
    /// The faults that stand now as the commands that would set them, in the order of `faults`.
    pub standing: Vec<Command>,
}

/// Something that deserves the banner.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Since when.
    pub since: LabTime,
    /// What.
    pub kind: AlarmKind,
}

/// What can be so wrong that the whole room must see it.
#[derive(Debug, Clone, PartialEq)]
pub enum AlarmKind {
    /// An answer went to the wrong question.
    Misgiven(RaceNo),
    /// A client was told "no data" of a name that a TS has.
    Contradicted(RaceNo, NodeId),
    /// A node crashed by itself.
    Crashed(NodeId),
    /// A node was told to stop and does not.
    Spinning(NodeId),
    /// Two replicas of this group lead at once.
    SplitBrain(usize),
    /// Acknowledged writes of this group are gone.
    Lost(usize),
    /// These nodes of this group wait for each other.
    Deadlock(usize, Vec<NodeId>),
    /// Living replicas of this group contradict each other.
    Diverged(usize),
    /// Nobody leads this group; where nobody ever does, too few live to agree.
    NoLeader(usize),
    /// A read of this group gave what no log ever held.
    WrongRead(usize, OpNo),
    /// This replica's vote differed from what was taken.
    Outvoted(NodeId),
    /// The disk of a node cannot be read.
    Corrupt(NodeId),
    /// A node keeps asking one that is dead.
    AsksTheDead {
        /// Who asks.
        node: NodeId,
        /// Whom.
        dead: NodeId,
    },
}
