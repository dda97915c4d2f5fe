//! The validated topology. Whoever holds one may rely on all that `check` promises: ids resolve, times are in range,
//! settings fit their policy.

use super::recorded::Recorded;
use super::wires::Wires;
use crate::base::{Names, NodeId, Run};
use crate::command::{Command, Expectation};
use crate::message::{Faults, Flaws, HostName, RecordType};

pub use super::ls::{Accept, Health, HedgeAfter, LsConfig, Policy};
pub use super::records::{Record, Records};
pub use super::replica::{
    ClockKind, HeartbeatMode, NoMajority, Propagation, ReadFrom, ReplicaConfig, Scheme,
    StoreClientConfig,
};
pub use super::ts::{OnMiss, Patience, Service, TsConfig};
pub use super::wires::{Listen, Wire};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Which edition of the course's wire the line-speaking nodes use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// `name address A`; `name - Error:HOST NOT FOUND`.
    #[default]
    #[serde(rename = "first-2021")]
    First2021,
    /// `name address A IN`; `name - TIMED OUT`.
    #[serde(rename = "first-2023")]
    First2023,
    /// `address` without the name; `other`; `name - Error:HOST NOT FOUND`.
    #[serde(rename = "sticky-2021")]
    Sticky2021,
}

impl Dialect {
    /// The words after `name - ` of the line that tells a client that nothing was heard.
    #[must_use]
    pub const fn error_words(self) -> &'static str {
        match self {
            Self::First2021 | Self::Sticky2021 => "Error:HOST NOT FOUND",
            Self::First2023 => "TIMED OUT",
        }
    }

    /// Whether an answer bears no name, so that the asker must count what is outstanding.
    #[must_use]
    pub const fn is_nameless(self) -> bool {
        matches!(self, Self::Sticky2021)
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Asks.
    Client,
    /// Load-balancing server: asks others on behalf of clients.
    Ls,
    /// Name server with a table.
    Ts,
    /// One of several servers that hold the same store.
    Replica,
}

impl Role {
    /// The word in files and on the screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Ls => "ls",
            Self::Ts => "ts",
            Self::Replica => "replica",
        }
    }
}

/// A whole laboratory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Recorded", try_from = "Recorded")]
pub struct Topology {
    /// The file's name without folders and `.toml`, or the bundled topology's name.
    pub name: String,
    /// One line: what is this?
    pub title: String,
    /// What it teaches.
    pub lesson: String,
    /// Every random draw of the lab comes from it.
    pub seed: u64,
    /// Which run on its disks this is; no file says so, but the lab that counts them.
    pub run: Run,
    /// The edition of the line wire.
    pub dialect: Dialect,
    /// Whether the clock starts in automatic pace.
    pub auto_pace: bool,
    /// The nodes, in the file's order; a node's id is its index.
    pub nodes: Vec<Node>,
    /// Names of the nodes.
    pub names: Names,
    /// Named sets of nodes.
    pub groups: BTreeMap<String, Vec<NodeId>>,
    /// What every link between nodes is like unless `links` says otherwise.
    pub default_link: Faults,
    /// Directions of links that are written out, with all their values (defaults included).
    pub links: BTreeMap<(NodeId, NodeId), Faults>,
    /// What each link speaks.
    pub wires: Wires,
    /// The lecture.
    pub steps: Vec<Step>,
}

impl Topology {
    /// The node with this id.
    ///
    /// # Panics
    /// For an id of another topology.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// What the file says of one direction between two nodes.
    #[must_use]
    pub fn link(&self, from: NodeId, to: NodeId) -> Faults {
        self.links.get(&(from, to)).copied().unwrap_or(self.default_link)
    }

    /// Whether a node speaks DNS with all whom it asks.
    #[must_use]
    pub fn speaks_dns(&self, node: NodeId) -> bool {
        self.node(node).asks().iter().all(|to| self.wire(node, *to) == Wire::Dns)
    }

    /// What is spoken between two nodes, whoever asks: it decides which of the listener's ports is dialled.
    #[must_use]
    pub fn wire(&self, a: NodeId, b: NodeId) -> Wire {
        self.wires.between(a, b)
    }

    /// The nodes that have a name in their table, in the file's order.
    pub fn holders<'a>(&'a self, name: &'a HostName) -> impl Iterator<Item = NodeId> + 'a {
        self.nodes
            .iter()
            .filter(move |node| match &node.kind {
                Kind::Ts(ts) => ts.records.get(name).is_some(),
                Kind::Client(_) | Kind::Ls(_) | Kind::StoreClient(_) | Kind::Replica(_) => false,
            })
            .map(|node| node.id)
    }

    /// The nodes that have records of this type for a name, by themselves, through an alias or by a wildcard.
    pub fn holders_of<'a>(
        &'a self,
        name: &'a HostName,
        kind: RecordType,
    ) -> impl Iterator<Item = NodeId> + 'a {
        let has = move |node: &&Node| match &node.kind {
            Kind::Ts(ts) => ts.records.says(name, kind).is_some(),
            _ => false,
        };
        self.nodes.iter().filter(has).map(|node| node.id)
    }

    /// Whether what this server tells may come from a store, which holds what was put there: of a TS, its own; of any
    /// other server, that of some TS behind it.
    #[must_use]
    pub fn tells_of_a_store(&self, server: NodeId) -> bool {
        let has_store = |node: &Node| matches!(&node.kind, Kind::Ts(ts) if !ts.store.is_empty());
        match self.node(server).role() {
            Role::Ts => has_store(self.node(server)),
            _ => self.nodes.iter().any(has_store),
        }
    }
}

/// One named place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its id: its place in the list.
    pub id: NodeId,
    /// The group it was made by or belongs to.
    pub group: Option<String>,
    /// Whether it runs from the beginning.
    pub starts: bool,
    /// Where it runs, if it is a program of someone else's outside this process.
    pub at: Option<SocketAddr>,
    /// The address its listeners bind; loopback unless the command line allows more.
    pub listen: Listen,
    /// What it is and how it is set.
    pub kind: Kind,
}

impl Node {
    /// What it is.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.kind {
            Kind::Client(_) | Kind::StoreClient(_) => Role::Client,
            Kind::Replica(_) => Role::Replica,
            Kind::Ls(_) => Role::Ls,
            Kind::Ts(_) => Role::Ts,
        }
    }

    /// Whom it asks, in the file's order.
    #[must_use]
    pub fn asks(&self) -> &[NodeId] {
        match &self.kind {
            Kind::Client(client) => &client.asks,
            Kind::Ls(ls) => &ls.upstreams,
            Kind::Ts(ts) => &ts.store,
            Kind::StoreClient(client) => &client.asks,
            Kind::Replica(replica) => &replica.peers,
        }
    }
}

/// What a node is and how it is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// Asks.
    Client(ClientConfig),
    /// Asks others on behalf of clients.
    Ls(LsConfig),
    /// Has a table.
    Ts(TsConfig),
    /// Asks the replicas of a store.
    StoreClient(StoreClientConfig),
    /// Holds a copy of the store.
    Replica(ReplicaConfig),
}

/// How a client works through its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// The next name after the last verdict.
    Serial,
    /// All names at once, each with its own deadline.
    #[default]
    Pipelined,
}

/// How often a client asks again after `failed`, `reset` or `refused`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Retry {
    /// How many more times for one question.
    pub times: u8,
    /// Retries as a share of questions asked (0.1: one for each ten), plus one to begin with.
    pub budget: f64,
}

/// A client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientConfig {
    /// Whom it asks: the first that is not down.
    pub asks: Vec<NodeId>,
    /// Its list of names, in order.
    pub list: Arc<[HostName]>,
    /// How it works through the list.
    pub pace: Pace,
    /// When it gives a question up.
    pub timeout: Duration,
    /// Asking again.
    pub retry: Retry,
    /// The open-loop load it starts with, in questions a second.
    pub rate: f64,
    /// How long it waits before it tries a lost connection again.
    pub reconnect: Duration,
    /// Whether its questions bear correlation ids.
    pub ids: bool,
    /// Confessions that are on.
    pub flaws: Flaws,
}

/// One step of the lecture. It has three beats: note and question; the commands; the answer with the expectations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The speaker's note.
    pub say: String,
    /// The question to the room.
    pub ask: Option<String>,
    /// Its answer.
    pub reveal: Option<String>,
    /// What is done, in order.
    pub commands: Vec<Command>,
    /// What must then hold.
    pub expect: Vec<Expectation>,
    /// What `V` flips: the commands that bring back the confessed state …
    pub confessed: Vec<Command>,
    /// … and those that repair it.
    pub repaired: Vec<Command>,
    /// What it rests on that only processes remember; gone once they start anew.
    pub remembered: Option<String>,
}

impl Step {
    /// What the step's own commands leave behind: the repaired state, the confessed one, or none where
    /// they set neither. Where they set both, the later counts.
    #[must_use]
    pub fn leaves_repaired(&self) -> Option<bool> {
        let done = |wanted: &[Command]| -> Option<usize> {
            let at = |command| self.commands.iter().rposition(|done| done == command);
            wanted.iter().map(at).collect::<Option<Vec<_>>>()?.into_iter().max()
        };
        match (done(&self.confessed), done(&self.repaired)) {
            (None, None) => None,
            (confessed, repaired) => Some(repaired > confessed),
        }
    }
}
