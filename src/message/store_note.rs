//! What the clients and the replicas of the store say they did or believe.

use super::replica::Position;
use super::store::{Entry, OpId, OpOutcome, Operation, StoreSaid};
use crate::base::{LabTime, NodeId, QuestionNo};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Why a client's operation ended as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpWhy {
    /// The replica that was asked answered.
    Answer,
    /// Enough replicas agreed.
    Majority,
    /// No two agreed, and the first answer was taken (`no_majority = "first"`).
    First,
    /// No two agreed, and none was taken (`no_majority = "refuse"`).
    NoMajority,
    /// Nothing was heard in time.
    Deadline,
    /// Nobody was there to ask.
    NobodyLeft,
    /// The client is stopping.
    Stopping,
}

/// How a replica that lags is brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CatchUp {
    /// Everything is shipped.
    #[default]
    State,
    /// What is missing is shipped.
    Log,
}

/// What a comparison of two replicas' clocks came to, in the eyes of the clock that the topology chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockVerdict {
    /// Both are equally far.
    InSync,
    /// This replica lacks something.
    Behind,
    /// The other lacks something.
    Ahead,
    /// Each has something that the other lacks.
    Concurrent,
}

/// What a node waits for, without doing anything else meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// The reply to its heartbeat.
    HeartbeatReply,
    /// The confirmation of a change.
    Confirmation,
}

/// A note of the replica family. `request` is the client's own number of the operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreNote {
    /// A client begins an operation. It gets exactly one `Concluded`.
    Requested {
        /// Its number at the client.
        request: QuestionNo,
        /// Its identity; with the flaw `fresh-ids` each attempt has another.
        id: OpId,
        /// What.
        operation: Operation,
        /// When the client gives up for good.
        deadline: LabTime,
    },
    /// A client sends an operation to these replicas, for the first time or again.
    Attempted {
        /// Which operation.
        request: QuestionNo,
        /// The identity it bears this time.
        id: OpId,
        /// Who is asked.
        to: Arc<[NodeId]>,
        /// 1 for the first time.
        attempt: u32,
    },
    /// An answer, counted as a vote where several are asked.
    Voted {
        /// For which operation.
        request: QuestionNo,
        /// Who answered.
        replica: NodeId,
        /// What.
        said: StoreSaid,
    },
    /// The one verdict on an operation.
    Concluded {
        /// Which operation.
        request: QuestionNo,
        /// How it ended.
        outcome: OpOutcome,
        /// What was said, where something was.
        said: Option<StoreSaid>,
        /// Who agreed on it; the one who said it, where one is enough.
        agreed: Arc<[NodeId]>,
        /// Why.
        why: OpWhy,
    },
    /// A vote differs from what was taken.
    Outvoted {
        /// For which operation.
        request: QuestionNo,
        /// Whose vote.
        replica: NodeId,
        /// What it said.
        said: StoreSaid,
    },
    /// A replica begins with what its disk held.
    ReadLog {
        /// How far it is.
        have: Position,
        /// The term it remembers.
        term: u64,
        /// How many entries it read.
        entries: u64,
    },
    /// A replica has an entry in its log, in memory: from a client (it leads, or nobody does) or from its leader.
    Accepted {
        /// Which.
        entry: Arc<Entry>,
        /// How far it is now.
        have: Position,
        /// Who sent the change; none where a client did.
        from: Option<NodeId>,
    },
    /// A retry was recognised: the operation is not done again.
    Recognised {
        /// Which.
        id: OpId,
    },
    /// Its log up to here is on its disk.
    Durable {
        /// How far the disk is.
        at: u64,
    },
    /// A replica acknowledges a write to whoever asked for it.
    Acked {
        /// Which write.
        id: OpId,
        /// Its place in the log.
        position: u64,
        /// The term of the one who acknowledges.
        term: u64,
    },
    /// A replica answered a read from what it has.
    ReadServed {
        /// Which operation.
        id: OpId,
        /// What was read.
        operation: Operation,
        /// How far it is.
        have: Position,
        /// What it said.
        said: StoreSaid,
    },
    /// A write was refused or failed: it is not done, for sure.
    NotDone {
        /// Which.
        id: OpId,
        /// Why.
        why: Arc<str>,
    },
    /// Nothing was heard of another for so long that it is taken for dead.
    Suspected {
        /// Who.
        about: NodeId,
        /// How long it has been silent.
        silence: Duration,
    },
    /// A suspicion was wrong: it is heard again.
    Cleared {
        /// Who.
        about: NodeId,
    },
    /// A backup would lead, and has asked those whose place it is before its own.
    Stood {
        /// In which term.
        term: u64,
        /// Who was asked.
        asked: Arc<[NodeId]>,
        /// When it takes over, if none answers.
        until: LabTime,
    },
    /// It does not take over: somebody answered.
    StoodDown {
        /// Who.
        to: NodeId,
    },
    /// It leads from now on.
    Promoted {
        /// In which term; 0 where terms are off.
        term: u64,
        /// How far it is.
        have: Position,
    },
    /// It led and does no more.
    Demoted {
        /// Who leads now.
        to: NodeId,
        /// In which term.
        term: u64,
    },
    /// It believes that this one leads.
    Follows {
        /// Who.
        leader: NodeId,
        /// In which term.
        term: u64,
    },
    /// A message of an older term was turned away (fencing).
    Fenced {
        /// Who sent it.
        from: NodeId,
        /// Its term.
        stale: u64,
        /// The term here.
        term: u64,
    },
    /// How far it believes another to be.
    Knows {
        /// Of whom.
        about: NodeId,
        /// How far that one said it is.
        have: Position,
    },
    /// It compared its clock with another's.
    Compared {
        /// Whose.
        with: NodeId,
        /// How far it is itself.
        own: Position,
        /// How far the other is.
        other: Position,
        /// What the chosen clock says.
        verdict: ClockVerdict,
    },
    /// It asked to be brought up to date.
    CatchUpAsked {
        /// Whom.
        from: NodeId,
        /// How.
        how: CatchUp,
    },
    /// It was brought up to date.
    CaughtUp {
        /// By whom.
        from: NodeId,
        /// How.
        how: CatchUp,
        /// Entries shipped.
        entries: u64,
        /// Bytes shipped, as they stood on the wire.
        bytes: u64,
        /// How far it is now.
        have: Position,
    },
    /// Entries of its log are thrown away, because another's takes their place.
    Discarded {
        /// Them.
        entries: Arc<[Entry]>,
        /// Whose log takes their place.
        for_the_log_of: NodeId,
    },
    /// It stands still until another answers.
    WaitsFor {
        /// Whom.
        about: NodeId,
        /// For what.
        awaited: Awaited,
    },
    /// It waits for that one no more.
    WaitOver {
        /// Whom.
        about: NodeId,
    },
}
