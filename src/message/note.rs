//! A machine's own words, recorded as facts: what it decided, what it believes, what it gave up.
//!
//! The world folds these and nothing else of a machine; so whatever a screen or a report shall say of a protocol,
//! a note must say first.

use super::balance_note::BalanceNote;
use super::store_note::StoreNote;
use super::{HostName, Outcome, Said};
use crate::base::{LabTime, NodeId, Peer, QuestionNo};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Why a verdict was what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The first valid answer decides.
    FirstAnswer,
    /// It was the only server asked, and it answered.
    OnlyAnswer,
    /// Every upstream said there is none.
    AllNegative,
    /// Every upstream failed, was refused, or died.
    AllFailed,
    /// The deadline passed.
    Deadline,
    /// The batch window closed.
    WindowClosed,
    /// The last answer of the batch was in, so the window closed early.
    AllIn,
    /// The connection to the asked server ended, and this node took that for an answer (flaw `eof-is-answer`).
    EndOfFile,
    /// The answer was taken by order of arrival, not by what it says (flaw `answers-by-arrival`).
    Arrival,
    /// The timer of the socket fired, not one of a question (flaw `socket-timer`).
    SocketTimer,
    /// The node has this entry in its table, or lacks it.
    Table,
    /// A TS told to lie did.
    Lie,
    /// The node is stopping.
    Stopping,
    /// The asker went away.
    AskerGone,
    /// There was nobody to ask: every upstream is ejected or down.
    NobodyLeft,
    /// It failed a moment ago, so nobody was asked again (RFC 9520).
    Remembered,
    /// The same was being asked already, and this is what that came to.
    Joined,
    /// The question goes round: it has passed too many load balancers.
    GoesRound,
    /// Every upstream was asked, and all were waited for (`gather`).
    Gathered,
    /// Whoever asked has its answer from another server, and said so (`tied`).
    NotNeeded,
    /// A TS has no worker free and no room in its queue.
    QueueFull,
}

/// What a node believes of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Belief {
    /// It answers.
    Up,
    /// It has not answered something yet, or failed a little.
    Suspect,
    /// It refused, reset, or was silent too often.
    Down,
}

/// What a node says it did or believes. `question` is the node's own number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A client begins a question. It gets exactly one `Decided`.
    Asked {
        /// Its number at the client.
        question: QuestionNo,
        /// What is asked.
        name: HostName,
        /// Which server is asked.
        to: NodeId,
        /// When the client gives up.
        deadline: LabTime,
        /// 1 for the first time; a retry has its own number and refers to the first.
        attempt: u8,
        /// The question that is asked again, for a retry.
        again: Option<QuestionNo>,
    },
    /// An LS or a TS takes a question that just arrived (the note's cause is the arrival). It gets one `Decided`.
    Took {
        /// Its number here.
        question: QuestionNo,
        /// What is asked.
        name: HostName,
        /// Who asked.
        from: Peer,
        /// When this node gives up; none for a TS, which never does.
        deadline: Option<LabTime>,
    },
    /// An LS chose whom to ask for a question; each that was sent something also has a `MessageSent` about it.
    Chose {
        /// The question.
        question: QuestionNo,
        /// The upstreams, in the order of asking.
        upstreams: Arc<[NodeId]>,
        /// The word of the policy that chose (`race`, `sticky`, …).
        policy: Arc<str>,
    },
    /// What one upstream came to for a question: the end of its lane in the race.
    Heard {
        /// The question.
        question: QuestionNo,
        /// Who was asked.
        upstream: NodeId,
        /// What became of it.
        outcome: Outcome,
        /// What it said, where it said something.
        said: Option<Said>,
    },
    /// The verdict on a question, exactly one a question, and what the asker is told.
    Decided {
        /// The question.
        question: QuestionNo,
        /// How it ended.
        outcome: Outcome,
        /// What the asker is told; none where it is told nothing (a silent TS, a client's own verdict).
        said: Option<Said>,
        /// The upstream whose answer it was.
        from: Option<NodeId>,
        /// Why.
        why: Why,
    },
    /// An answer came after the verdict. It is dropped and counted.
    Late {
        /// The question it would have answered.
        question: QuestionNo,
        /// Who answered.
        upstream: NodeId,
        /// What it said.
        said: Said,
    },
    /// An answer that belongs to no question of this node, ever asked. It is dropped and counted.
    Unmatched {
        /// Who sent it.
        upstream: NodeId,
        /// The name it bears.
        name: Option<HostName>,
    },
    /// The LS gave a new name its server (sticky).
    Stuck {
        /// The name.
        name: HostName,
        /// Its server from now on.
        upstream: NodeId,
        /// The server it had before, if it moved.
        before: Option<NodeId>,
    },
    /// A batch window opened.
    WindowOpened {
        /// Which window of this incarnation, from 1.
        window: u64,
        /// When it closes at the latest.
        closes: LabTime,
    },
    /// A batch window closed.
    WindowClosed {
        /// Which window.
        window: u64,
        /// How many names were in it.
        asked: u32,
        /// How many of them had no answer.
        missing: u32,
        /// Whether it closed because the last answer was in.
        early: bool,
    },
    /// An upstream is not asked any more for a while (outlier ejection).
    Ejected {
        /// Which.
        upstream: NodeId,
        /// After how many failures in a row.
        failures: u32,
        /// When it is tried again.
        until: LabTime,
    },
    /// An ejected upstream is asked again after enough successes.
    Restored {
        /// Which.
        upstream: NodeId,
        /// After how many successes in a row.
        successes: u32,
    },
    /// What this node believes of another from now on.
    Believed {
        /// Of whom.
        about: NodeId,
        /// What.
        belief: Belief,
    },
    /// A client would have asked again but its budget was spent.
    BudgetSpent {
        /// The question that stays as it ended.
        question: QuestionNo,
    },
    /// A client will ask again.
    WillRetry {
        /// The question that failed.
        question: QuestionNo,
        /// How long it waits first.
        after: Duration,
    },
    /// A client began its list of names.
    ListBegan {
        /// How many names.
        names: u32,
    },
    /// A client's list is through: every name has its line in the results file.
    ListEnded {
        /// How many names had an address.
        answered: u32,
        /// How many names there were.
        names: u32,
    },
    /// The client's open-loop load, in questions a second (0: off), times 1,000 to stay exact.
    LoadSet {
        /// Questions in a thousand seconds.
        per_kilosecond: u64,
    },
    /// The node refuses more work than it has room for; how many it refused so far.
    Overflowed {
        /// Refused so far in this incarnation.
        refused: u64,
    },
    /// A setting changed while the node ran.
    Changed {
        /// The key, as in the file.
        key: Arc<str>,
        /// The value, as in the file.
        value: Arc<str>,
    },
    /// The node was told to stop and winds up.
    Stopping {
        /// Questions that are answered or cancelled before it ends.
        in_flight: u32,
    },
    /// An LS's policy at work.
    Balance(BalanceNote),
    /// A note of the replica family.
    Store(StoreNote),
    /// The node was told to stop and goes round in circles instead (flaw `cannot-stop`).
    Spinning,
}

impl Note {
    /// The same with each moment that it names turned into another: a machine names moments of its own clock, and the
    /// log is kept by the lab's. Spans (a silence, a wait) stay as the machine measured them.
    #[must_use]
    pub fn at_moments(mut self, turned: impl Fn(LabTime) -> LabTime) -> Self {
        match &mut self {
            Self::Asked { deadline: at, .. }
            | Self::Took { deadline: Some(at), .. }
            | Self::WindowOpened { closes: at, .. }
            | Self::Ejected { until: at, .. }
            | Self::Store(
                StoreNote::Requested { deadline: at, .. } | StoreNote::Stood { until: at, .. },
            ) => *at = turned(*at),
            _ => {}
        }
        self
    }
}
