//! What must hold of a store after a step's commands, as a value.

use crate::base::NodeId;
use crate::command::Compare;
use crate::message::{OpOutcome, Operation};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Which operation of a client is meant: its verb, and the room or the key that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The verb.
    pub verb: Verb,
    /// The room or the key.
    pub place: Arc<str>,
}

impl Asked {
    /// Whether this operation is meant.
    #[must_use]
    pub fn is(&self, operation: &Operation) -> bool {
        self.verb == Verb::of(operation) && self.place == *operation.place()
    }
}

/// The verb of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// `post`
    Post,
    /// `read`
    Read,
    /// `put`
    Put,
    /// `get`
    Get,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 4] = [Self::Post, Self::Read, Self::Put, Self::Get];

    /// The word in steps.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Read => "read",
            Self::Put => "put",
            Self::Get => "get",
        }
    }

    /// The verb of an operation.
    #[must_use]
    pub const fn of(operation: &Operation) -> Self {
        match operation {
            Operation::Post { .. } => Self::Post,
            Operation::Read { .. } => Self::Read,
            Operation::Put { .. } => Self::Put,
            Operation::Get { .. } => Self::Get,
        }
    }
}

/// One thing that must hold of a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StoreExpectation {
    /// `op CLIENT [VERB PLACE] ends OUTCOME [from NODE] [as TEXT] [after TIME]`: some operation that the client began
    /// in this step ends like this.
    OpEnds {
        /// Who asked.
        client: NodeId,
        /// What; none for anything.
        asked: Option<Asked>,
        /// How it must end.
        outcome: OpOutcome,
        /// Who must have agreed on it.
        from: Option<NodeId>,
        /// What it must have been told: the value, or a line of the room.
        text: Option<Arc<str>>,
        /// Not sooner than this.
        after: Option<Duration>,
    },
    /// `truth WHAT OP N`: a figure that no node knows.
    Truth {
        /// Which.
        what: Figure,
        /// How it compares.
        compare: Compare,
        /// With what.
        figure: u64,
    },
    /// `leader is NODE|nobody`: in truth, and nobody else.
    Leads(Option<NodeId>),
    /// `leader of NODE is NODE|nobody`: as that node believes.
    LeaderOf {
        /// Who believes.
        holder: NodeId,
        /// Who leads, as it believes.
        leader: Option<NodeId>,
    },
    /// `deadlock NODE NODE …`: these wait for each other.
    Deadlock(Arc<[NodeId]>),
    /// `no deadlock`: nobody has waited in a circle in this step.
    NoDeadlock,
    /// `in step NODE NODE …`: these run and hold the same, in the same order.
    InStep(Arc<[NodeId]>),
    /// `lost is predicted [+- N]`: the deaths of leaders in this step have cost what was predicted at the moment of
    /// each, give or take so many.
    LostIsPredicted {
        /// Give or take.
        tolerance: u64,
    },
}

/// A figure of the truth. Those that count what happened are counted since the step's commands began; the others are
/// what is so now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Figure {
    /// Writes acknowledged.
    Acked,
    /// Acknowledged writes that no living replica has and none will get.
    Lost,
    /// Reads that missed a write acknowledged before they began.
    Stale,
    /// Operations applied more than once by some replica.
    Dup,
    /// Reads that gave what no log ever held.
    Wrong,
    /// Votes that differed from what was taken.
    Outvoted,
    /// Entries thrown away.
    Discarded,
    /// Retries recognised.
    Recognised,
    /// Elections begun.
    Elections,
    /// Split brains begun.
    SplitBrains,
    /// Suspicions of one that ran.
    FalseSuspicions,
    /// Comparisons of two replicas each of which had something that the other lacked.
    Concurrent,
    /// Bytes shipped to bring replicas up to date.
    Shipped,
    /// Bytes written to disks.
    Written,
    /// Now: who leads.
    Leaders,
    /// Now: acknowledged writes that some living replica lacks, or only one has.
    AtRisk,
    /// Now: pairs of living replicas that contradict each other.
    Diverged,
}

impl Figure {
    /// Every figure, in the order of the documentation.
    pub const ALL: [Self; 17] = [
        Self::Acked,
        Self::Lost,
        Self::Stale,
        Self::Dup,
        Self::Wrong,
        Self::Outvoted,
        Self::Discarded,
        Self::Recognised,
        Self::Elections,
        Self::SplitBrains,
        Self::FalseSuspicions,
        Self::Concurrent,
        Self::Shipped,
        Self::Written,
        Self::Leaders,
        Self::AtRisk,
        Self::Diverged,
    ];

    /// The word in steps.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Acked => "acked",
            Self::Lost => "lost",
            Self::Stale => "stale",
            Self::Dup => "dup",
            Self::Wrong => "wrong",
            Self::Outvoted => "outvoted",
            Self::Discarded => "discarded",
            Self::Recognised => "recognised",
            Self::Elections => "elections",
            Self::SplitBrains => "split-brains",
            Self::FalseSuspicions => "false-suspicions",
            Self::Concurrent => "concurrent",
            Self::Shipped => "shipped",
            Self::Written => "written",
            Self::Leaders => "leaders",
            Self::AtRisk => "at-risk",
            Self::Diverged => "diverged",
        }
    }

    /// Whether it is what is so now, not what was counted.
    #[must_use]
    pub const fn is_state(self) -> bool {
        matches!(self, Self::Leaders | Self::AtRisk | Self::Diverged)
    }

    /// Whether it counts bytes.
    #[must_use]
    pub const fn is_bytes(self) -> bool {
        matches!(self, Self::Shipped | Self::Written)
    }
}
