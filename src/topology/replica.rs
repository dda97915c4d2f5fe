//! How the nodes of the replica family are set: the replicas themselves and the clients of their store.

use crate::base::NodeId;
use crate::message::{CatchUp, DiskKind, Flaws, Operation};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How the replicas of a group keep together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// One leads and serves the writes, the others are its copies.
    #[default]
    PrimaryBackup,
    /// Nobody leads: every client asks all of them.
    Active,
}

/// Who begins a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeartbeatMode {
    /// The backups ask and wait for the reply, as in the original.
    #[default]
    Pull,
    /// The leader sends.
    Push,
}

/// When the leader acknowledges a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Propagation {
    /// At once; the backups get the change later and confirm nothing that anybody waits for.
    #[default]
    Async,
    /// When every backup that it believes alive has it on its disk.
    Sync,
    /// As `sync`, but a node that waits does nothing else meanwhile: the leader for the confirmation, a backup for the
    /// reply to its heartbeat.
    SyncDeadlock,
}

/// What a returning replica of the scheme `active` compares, to see who is ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockKind {
    /// How many requests each has seen, as in the original.
    #[default]
    Count,
    /// The time of the last request; of the start, where there was none.
    Time,
    /// The count, and a digest of the contents.
    Digest,
    /// How many requests of each client it has seen (version vectors; Parker et al., TSE 1983).
    Vector,
}

/// A replica.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplicaConfig {
    /// The replicas it knows of besides itself, in the order of the file; the lower id comes first in an election.
    pub peers: Vec<NodeId>,
    /// How the group keeps together.
    pub scheme: Scheme,
    /// The time between two heartbeats.
    pub heartbeat: Duration,
    /// Who begins a heartbeat.
    pub heartbeat_mode: HeartbeatMode,
    /// How long silence may last before a leader is suspected.
    pub suspect_after: Duration,
    /// When the leader acknowledges.
    pub propagation: Propagation,
    /// How long a change waits at the leader before it is sent; what waits dies with the leader.
    pub lag: Duration,
    /// How a replica that lags is brought up to date.
    pub catch_up: CatchUp,
    /// Whether leaders have terms, and messages of older ones are turned away.
    pub terms: bool,
    /// What a returning replica compares.
    pub clock: ClockKind,
    /// How it writes its disk.
    pub disk: DiskKind,
    /// How long it waits before it tries a lost connection to another replica again.
    pub reconnect: Duration,
    /// Whether it answers reads wrongly.
    pub lie: bool,
    /// Confessions that are on.
    pub flaws: Flaws,
}

/// Whom a client of the store asks for a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadFrom {
    /// The one it takes for the leader.
    #[default]
    Leader,
    /// Any one, in turn.
    Any,
    /// All, and takes what more than half of them agree on.
    Majority,
    /// All, and waits for every one that is there.
    All,
}

/// What a client does when no two replicas agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoMajority {
    /// It takes the first answer, as in the original.
    #[default]
    First,
    /// It takes none: the operation failed.
    Refuse,
}

/// A client of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreClientConfig {
    /// The replicas it asks, in the order of the file.
    pub asks: Vec<NodeId>,
    /// How they keep together: one leads, or every one is asked.
    pub scheme: Scheme,
    /// The operations it goes through in turn (`f`, `load`); `{n}` in a text stands for the number of the operation.
    pub operations: Arc<[Operation]>,
    /// Whom it asks for a read, where one leads.
    pub reads: ReadFrom,
    /// What it does when no two agree.
    pub no_majority: NoMajority,
    /// How long one replica may take before it is asked again, or another is.
    pub request_timeout: Duration,
    /// When it gives an operation up for good.
    pub timeout: Duration,
    /// How long it waits before it tries a lost connection again.
    pub reconnect: Duration,
    /// The open-loop load it starts with, in operations a second.
    pub rate: f64,
    /// Confessions that are on.
    pub flaws: Flaws,
}
