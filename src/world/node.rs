//! What is true of a node and of a visitor, and what a node believes of the others.

use super::balance::Balanced;
use crate::base::{Incarnation, LabTime, NodeId, OwnClock, Peer, VisitorId};
use crate::event::{Fact, Life};
use crate::message::{Belief, DiskKind, HostName, Message, Outcome};
use crate::topology::Node;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// What a node did so far, over all its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Questions it took or began.
    pub taken: u64,
    /// Questions without a verdict yet.
    pub open: u32,
    /// Messages it sent and received.
    pub sent: u64,
    /// Messages it received.
    pub received: u64,
    /// Races it won (a TS).
    pub wins: u64,
    /// How its own questions ended, in the order of [`Outcome::ALL`].
    pub ended: [u64; Outcome::ALL.len()],
    /// Answers that came to it after its verdict.
    pub late: u64,
    /// Answers that came to it and belonged to none of its questions.
    pub unmatched: u64,
    /// Answers it gave that came after another's verdict (a TS).
    pub too_late: u64,
    /// How often somebody has ejected it.
    pub ejected: u64,
    /// How often somebody has taken it back.
    pub restored: u64,
}

impl Load {
    /// How many of its questions ended so.
    #[must_use]
    pub const fn ended(&self, outcome: Outcome) -> u64 {
        self.ended[outcome as usize]
    }
}

/// A batch window that has closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedWindow {
    /// Its number.
    pub window: u64,
    /// When.
    pub at: LabTime,
    /// How many names were in it.
    pub asked: u32,
    /// How many of them had no answer.
    pub missing: u32,
    /// Whether it closed because the last answer was in.
    pub early: bool,
    /// Its names and whether an answer was in, in order of arrival.
    pub names: Vec<(HostName, bool)>,
}

/// One node in truth.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeState {
    /// Its id.
    pub id: NodeId,
    /// Its state.
    pub life: Life,
    /// Since when.
    pub since: LabTime,
    /// Which life.
    pub incarnation: Incarnation,
    /// Its own clock: its host's, whoever runs there.
    pub clock: OwnClock,
    /// Why it crashed, if it did.
    pub crash: Option<Arc<str>>,
    /// What is wrong with its disk, while it cannot be read.
    pub corrupt: Option<Arc<str>>,
    /// Where it listens, and with which wire.
    pub listens: Vec<(Arc<str>, SocketAddr)>,
    /// The file that it keeps what it has in, and its form.
    pub disk: Option<(Arc<str>, DiskKind)>,
    /// Why it could not listen.
    pub port_busy: Option<Arc<str>>,
    /// The last time that the system gave it no socket, why, and how often that was.
    pub no_socket: Option<NoSocket>,
    /// Whether it was told to go on for ever instead of stopping (flaw `cannot-stop`).
    pub spinning: bool,
    /// Settings changed since the start, key to value, as written.
    pub changed: BTreeMap<Arc<str>, Arc<str>>,
    /// What it believes of others, and since when.
    pub beliefs: BTreeMap<NodeId, (Belief, LabTime)>,
    /// Upstreams it has ejected, and until when.
    pub ejected: BTreeMap<NodeId, LabTime>,
    /// Sticky table: name to upstream, oldest first when walked through `stuck_order`; the newest
    /// 1,000.
    pub stuck: BTreeMap<HostName, NodeId>,
    /// The names of the sticky table, oldest first.
    pub stuck_order: VecDeque<HostName>,
    /// The batch window that is open: number and the time it closes.
    pub window: Option<(u64, LabTime)>,
    /// Names of the open window and whether an answer is in, in order of arrival.
    pub window_names: Vec<(HostName, bool)>,
    /// The client's open-loop load, in questions a thousand seconds.
    pub per_kilosecond: u64,
    /// The newest message over DNS that it sent: when, to whom, and what.
    pub dns_sent: Option<(LabTime, Peer, Arc<Message>)>,
    /// The newest that it heard, and from whom.
    pub dns_heard: Option<(LabTime, Peer, Arc<Message>)>,
    /// What it did.
    pub load: Load,
    /// What its policy did beside choosing (an LS).
    pub balanced: Balanced,
    /// How long the answers of each upstream took, newest last, at most 20 (an LS).
    pub recent_ms: BTreeMap<NodeId, Vec<f32>>,
    /// The batch window that closed last.
    pub last_window: Option<ClosedWindow>,
    /// Whether `life` is certain: not after missed events, until a census or a fact says it.
    pub known: bool,
}

/// A node was given no socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSocket {
    /// When last.
    pub at: LabTime,
    /// Why.
    pub why: Arc<str>,
    /// How often in this life.
    pub times: u64,
}

/// Names that the sticky table and the window list of a node show.
pub const NAMES_MAX: usize = 1000;

/// Answer times that are kept for each upstream.
pub const RECENT_MAX: usize = 20;

impl NodeState {
    /// A node before its first boot.
    #[must_use]
    pub fn new(node: &Node) -> Self {
        Self {
            id: node.id,
            life: Life::Off,
            since: LabTime::ZERO,
            incarnation: Incarnation(0),
            clock: OwnClock::RIGHT,
            crash: None,
            corrupt: None,
            listens: Vec::new(),
            disk: None,
            port_busy: None,
            no_socket: None,
            spinning: false,
            changed: BTreeMap::new(),
            beliefs: BTreeMap::new(),
            ejected: BTreeMap::new(),
            stuck: BTreeMap::new(),
            stuck_order: VecDeque::new(),
            window: None,
            window_names: Vec::new(),
            per_kilosecond: 0,
            dns_sent: None,
            dns_heard: None,
            load: Load::default(),
            balanced: Balanced::default(),
            recent_ms: BTreeMap::new(),
            last_window: None,
            known: true,
        }
    }

    /// What a process loses when it dies: everything it held in memory.
    pub(super) fn forget(&mut self) {
        self.spinning = false;
        self.beliefs.clear();
        self.ejected.clear();
        self.stuck.clear();
        self.stuck_order.clear();
        self.window = None;
        self.window_names.clear();
        self.per_kilosecond = 0;
        self.load.open = 0;
        self.recent_ms.clear();
    }

    /// The system has given it an address, a file or a socket, or has not.
    pub(super) fn has_or_lacks(&mut self, at: LabTime, fact: &Fact) {
        match fact {
            Fact::NodeListening { wire, address, .. } => {
                self.listens.retain(|(other, _)| other != wire);
                self.listens.push((wire.clone(), *address));
                self.port_busy = None;
            }
            Fact::DiskOpened { file, kind, .. } => self.disk = Some((file.clone(), *kind)),
            Fact::ListenFailed { why, .. } => self.port_busy = Some(why.clone()),
            Fact::SocketFailed { why, .. } => {
                let times = 1 + self.no_socket.as_ref().map_or(0, |before| before.times);
                self.no_socket = Some(NoSocket { at, why: why.clone(), times });
            }
            _ => {}
        }
    }

    /// A name sticks to a server from now on.
    pub(super) fn stick(&mut self, name: &HostName, upstream: NodeId) {
        if self.stuck.insert(name.clone(), upstream).is_none() {
            self.stuck_order.push_back(name.clone());
            if self.stuck_order.len() > NAMES_MAX
                && let Some(oldest) = self.stuck_order.pop_front()
            {
                self.stuck.remove(&oldest);
            }
        }
    }
}

/// Somebody from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitorState {
    /// Its number.
    pub id: VisitorId,
    /// Which node it talks to.
    pub visits: NodeId,
    /// Since when.
    pub since: LabTime,
    /// When it left, if it did.
    pub left: Option<LabTime>,
    /// How many questions it asked.
    pub asked: u64,
}
