//! What is gone: acknowledged writes that nobody has any more, entries that were thrown away, and what a leader's death
//! was predicted to cost.

use super::op::OpNo;
use crate::base::{LabTime, NodeId};
use crate::event::Life;
use crate::message::{OpId, Operation};
use std::time::Duration;

/// Lost writes that are told one by one; those beyond are counted only.
pub const GONE_MAX: usize = 10_000;

/// Thrown-away entries that are told one by one.
pub const THROWN_MAX: usize = 1000;

/// Deaths of leaders whose prediction is remembered.
pub const PREDICTIONS_MAX: usize = 64;

/// What took the last copy of an acknowledged write that a living replica had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loss {
    /// The log does not tell.
    #[default]
    Unknown,
    /// The last one who had it died like this; its disk may still hold it.
    Died(NodeId, Life),
    /// The disk of the last one who had it was emptied.
    Wiped(NodeId),
    /// The last one who had it threw it away, because another's log took its place.
    Discarded {
        /// Who.
        by: NodeId,
        /// Whose log took its place.
        for_the_log_of: NodeId,
    },
    /// The message that carried it never arrived.
    NeverArrived {
        /// From whom.
        from: NodeId,
        /// To whom.
        to: NodeId,
    },
    /// Nobody who lives had it when it was acknowledged.
    NeverHeld,
    /// A replica began its life without it.
    BegunWithout(NodeId),
}

/// An acknowledged write that is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Gone {
    /// Its identity.
    pub id: OpId,
    /// What it did: the room or key, and the text.
    pub operation: Operation,
    /// When it was acknowledged first.
    pub acked: LabTime,
    /// Who had acknowledged it.
    pub acked_by: Vec<NodeId>,
    /// The client that was told so, if it was.
    pub told: Option<NodeId>,
    /// Since when it is gone.
    pub since: LabTime,
    /// Why.
    pub why: Loss,
}

/// An entry that was thrown away.
#[derive(Debug, Clone, PartialEq)]
pub struct Thrown {
    /// When.
    pub at: LabTime,
    /// Who threw it away.
    pub by: NodeId,
    /// Whose log took its place.
    pub for_the_log_of: NodeId,
    /// Which operation, if it is remembered.
    pub op: Option<OpNo>,
    /// Its identity.
    pub id: OpId,
    /// What it did.
    pub operation: Operation,
    /// Whether it had been acknowledged.
    pub acked: bool,
}

/// What the death of a leader would cost, or what it was predicted to cost at the moment it died.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// When this was said.
    pub at: LabTime,
    /// Who leads.
    pub leader: NodeId,
    /// Acknowledged writes that no other living replica has and that are not on their way to one.
    pub writes: u64,
    /// Writes that it acknowledged in each second, of late.
    pub rate: f64,
    /// How long a change waits at it before it is sent.
    pub lag: Duration,
    /// Writes that were lost already.
    pub lost_before: u64,
}

impl Prediction {
    /// The formula: rate times lag.
    #[must_use]
    pub fn by_rate(&self) -> f64 {
        self.rate * self.lag.as_secs_f64()
    }
}
