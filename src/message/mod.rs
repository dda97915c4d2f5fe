//! What nodes say to each other, how a question can end, what a node notes, and what can be wrong with a link.
//!
//! Plain values that serialise; no protocol rule lives here. Machines, wires, links, the log and the world share them.

mod balance_note;
mod dns;
mod fault;
mod flaw;
mod hostname;
mod note;
mod outcome;
mod replica;
mod store;
mod store_note;

pub use balance_note::{BalanceNote, HedgeBy};
pub use dns::{Data, ExtendedError, Query, Rcode, RecordType, Response, Rr, Soa};
pub use fault::{Faults, Jitter, Shape};
pub use flaw::{Flaw, Flaws};
pub use hostname::HostName;
pub use note::{Belief, Note, Why};
pub use outcome::Outcome;
pub use replica::{Position, ReplicaMessage};
pub use store::{Digest, DiskKind, Entry, Image, OpId, OpOutcome, Operation, StoreSaid, Write};
pub use store_note::{Awaited, CatchUp, ClockVerdict, OpWhy, StoreNote};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// One message as machines see it. The bytes on the socket are the business of `wire`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A question: which address has this name?
    Ask {
        /// The name as the asker wrote it.
        name: HostName,
        /// A correlation id: every DNS question has one; on lines only those between nodes of ours that were told to
        /// use them (`ids = true`).
        id: Option<u64>,
        /// What a DNS question brings along; none on lines.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dns: Option<Query>,
    },
    /// A question that another server is asked as well: whoever begins with it says so (`tied`).
    AskTied {
        /// The name as the asker wrote it.
        name: HostName,
        /// The correlation id, by which it can be cancelled.
        id: u64,
    },
    /// A server begins to work on a tied question.
    Began {
        /// Its correlation id.
        id: u64,
    },
    /// A tied question needs no answer any more.
    Cancel {
        /// Its correlation id.
        id: u64,
    },
    /// What a server says to a question.
    Reply {
        /// The name the answer is for; none in the dialect whose answers bear no name.
        name: Option<HostName>,
        /// The correlation id of the question, if it had one.
        id: Option<u64>,
        /// What was said.
        said: Said,
        /// What a DNS answer brings along; none on lines.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dns: Option<Arc<Response>>,
    },
    /// The word with which some clients end their list (`done`, `endFile`).
    End,
    /// Text that is no question and no answer by itself: names glued together, or words of someone else's program.
    Text(Arc<str>),
    /// An operation on the store.
    Operate {
        /// Its identity; none from a person, whose replica gives it one.
        id: Option<OpId>,
        /// What shall be done.
        operation: Operation,
    },
    /// What a replica says to an operation.
    Operated {
        /// Which; none to a person.
        id: Option<OpId>,
        /// What it says.
        said: StoreSaid,
    },
    /// Between two replicas.
    Replica(ReplicaMessage),
}

/// What a server says to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Here it is.
    Found {
        /// The address, or several with commas between them.
        address: Arc<str>,
        /// What follows the address on the wire: the table's flag and class (`A`, `A IN`), perhaps nothing.
        flags: Arc<str>,
    },
    /// There is no such entry (a line of ours; `other` in the sticky dialect).
    Negative,
    /// There is such a name, but no record of the kind that was asked for (NODATA; RFC 2308). Only DNS can say so.
    NoRecord,
    /// The server cannot say (a line of ours), and why.
    Failed(Arc<str>),
    /// The course's error line: the LS heard nothing in time, or that is all it can tell.
    NotFound,
}

impl Message {
    /// A question without a correlation id.
    #[must_use]
    pub fn ask(name: &str) -> Self {
        Self::Ask { name: HostName::new(name), id: None, dns: None }
    }

    /// The name this message is about, where it bears one.
    #[must_use]
    pub fn name(&self) -> Option<&HostName> {
        match self {
            Self::Ask { name, .. } | Self::AskTied { name, .. } => Some(name),
            Self::Reply { name, .. } => name.as_ref(),
            Self::Began { .. }
            | Self::Cancel { .. }
            | Self::End
            | Self::Text(_)
            | Self::Operate { .. }
            | Self::Operated { .. }
            | Self::Replica(_) => None,
        }
    }
}

/// For logs and tests; whatever is shown to a person goes through `base::text` afterwards.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found { address, .. } => f.write_str(address),
            Self::Negative => f.write_str("no such name"),
            Self::NoRecord => f.write_str("no such record"),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::NotFound => f.write_str("error: host not found"),
        }
    }
}
