//! What all parts of one running lab share: clock, recorder, scheduler, links, and who is behind which address.

use super::clock::Clock;
use super::conn::Pair;
use super::flow::{self, Flow};
use super::line::{Connect, Line, Parcel, Turn};
use super::node::NodeShared;
use super::reactor::Reactor;
use super::recorder::Recorder;
use super::scheduler::Scheduler;
use crate::base::{EventId, LabTime, NodeId, Peer, VisitorId};
use crate::event::{Cause, Fact};
use crate::message::Faults;
use crate::topology::Topology;
use rustix::io::Errno;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// Who is behind an address from which a connection is coming.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// The node that opens.
    pub opener: NodeId,
    /// Whether it ends its messages.
    pub framed: bool,
    /// Its `ConnOpening` event.
    pub cause: EventId,
    /// The record of both directions.
    pub pair: Pair,
}

/// A visitor stands for all visitors; a node for itself.
fn any(peer: Peer) -> Peer {
    match peer {
        Peer::Node(_) => peer,
        Peer::Visitor(_) => Peer::Visitor(VisitorId::ANY),
    }
}

/// Shared by every task of a lab.
#[derive(Debug)]
pub struct Shared {
    me: Weak<Self>,
    /// What there is, as the lab started with it: who, under which name, with which wire.
    pub topology: Arc<Topology>,
    /// The same, as the file says now: how nodes and links are set.
    edition: RwLock<Arc<Topology>>,
    /// The lab's clock.
    pub clock: Arc<Clock>,
    /// The log.
    pub recorder: Recorder,
    /// Who is woken when.
    pub scheduler: Scheduler,
    /// Where tasks are spawned.
    pub runtime: Handle,
    /// The nodes, in the file's order.
    pub nodes: Vec<Arc<NodeShared>>,
    /// Where a run writes; none in tests that write nothing.
    pub data: Option<PathBuf>,
    lines: RwLock<HashMap<(Peer, Peer), Arc<Line>>>,
    introductions: Mutex<HashMap<SocketAddr, Introduction>>,
    flows: RwLock<HashMap<SocketAddr, flow::Introduction>>,
    /// Who reads datagrams.
    pub reactor: Reactor,
    turns: Mutex<VecDeque<(Turn, Arc<Line>)>>,
    rate_changed: Arc<Notify>,
    streams: AtomicU64,
    visitors: AtomicU32,
}

impl Shared {
    /// The shared part of a lab that has not started.
    pub fn new(topology: Arc<Topology>, runtime: Handle, data: Option<PathBuf>) -> Arc<Self> {
        let auto = topology.auto_pace;
        let clock =
            Arc::new(Clock::new(crate::event::ClockState { rate: 1.0, paused: false, auto }));
        let rate_changed = Arc::new(Notify::new());
        let fresh = |node| Arc::new(NodeShared::new(node, &topology.names, data.as_deref()));
        let nodes = topology.nodes.iter().map(fresh).collect();
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            recorder: Recorder::new(clock.clone(), auto, rate_changed.clone()),
            scheduler: Scheduler::new(clock.clone(), rate_changed.clone()),
            edition: RwLock::new(topology.clone()),
            reactor: Reactor::default(),
            topology,
            clock,
            runtime,
            nodes,
            data,
            lines: RwLock::default(),
            introductions: Mutex::default(),
            flows: RwLock::default(),
            turns: Mutex::default(),
            rate_changed,
            streams: AtomicU64::new(0),
            visitors: AtomicU32::new(0),
        })
    }

    /// Itself, for a task.
    pub fn arc(&self) -> Arc<Self> {
        self.me.upgrade().expect("whoever calls a method holds the lab alive")
    }

    /// How nodes and links are set by the file, as it is now.
    pub fn edition(&self) -> Arc<Topology> {
        self.edition.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The file says this from now on, of the same nodes.
    pub fn take_edition(&self, edition: Arc<Topology>) {
        *self.edition.write().unwrap_or_else(PoisonError::into_inner) = edition;
    }

    /// One direction of a link; it comes into being when first used.
    pub fn line(&self, from: Peer, to: Peer) -> Arc<Line> {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&(from, to)) {
            return line.clone();
        }
        let faults = match (from, to) {
            (Peer::Node(from), Peer::Node(to)) => self.edition().link(from, to),
            // What the file says of links does not concern visitors; what a hand did to all of them, does.
            _ => lines.get(&(any(from), any(to))).map_or(Faults::default(), |line| line.faults()),
        };
        drop(lines);
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Arc::new(Line::new(self.topology.seed, from, to, faults));
        lines.entry((from, to)).or_insert_with(fresh).clone()
    }

    /// The links that a change concerns: where it is said of visitors in general, those of each who is here, too.
    pub fn lines(&self, from: Peer, to: Peer) -> Vec<Arc<Line>> {
        let mut all = vec![self.line(from, to)];
        let everybody = Peer::Visitor(VisitorId::ANY);
        if from == everybody || to == everybody {
            let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
            let theirs = |line: &&Arc<Line>| {
                (any(line.from), any(line.to)) == (from, to) && (line.from, line.to) != (from, to)
            };
            all.extend(lines.values().filter(theirs).cloned());
        }
        all
    }

    /// Forgets the links of a visitor that has left.
    pub fn forget_visitor(&self, visitor: Peer, node: Peer) {
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        lines.remove(&(visitor, node));
        lines.remove(&(node, visitor));
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> &Arc<NodeShared> {
        &self.nodes[id.index()]
    }

    /// A number for a new stream, unique in this lab.
    pub fn new_stream(&self) -> u64 {
        self.streams.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A number for a new visitor.
    pub fn new_visitor(&self) -> VisitorId {
        VisitorId(self.visitors.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Says who is behind an address, before it connects.
    pub fn introduce(&self, address: SocketAddr, who: Introduction) {
        let mut table = self.introductions.lock().unwrap_or_else(PoisonError::into_inner);
        table.insert(address, who);
    }

    /// Who is behind an address that has connected; nobody knows a visitor.
    pub fn introduced(&self, address: SocketAddr) -> Option<Introduction> {
        self.introductions.lock().unwrap_or_else(PoisonError::into_inner).remove(&address)
    }

    /// Says who sends datagrams from an address, for as long as it does.
    pub fn introduce_flow(&self, address: SocketAddr, who: flow::Introduction) {
        self.flows.write().unwrap_or_else(PoisonError::into_inner).insert(address, who);
    }

    /// Who sends from an address; nobody knows a visitor.
    pub fn flow_from(&self, address: SocketAddr) -> Option<flow::Introduction> {
        self.flows.read().unwrap_or_else(PoisonError::into_inner).get(&address).cloned()
    }

    /// Nobody of ours sends from that address any more.
    pub fn forget_flow(&self, address: SocketAddr) {
        self.flows.write().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }

    /// Nobody listens where the datagrams of a flow go: the word goes back over the link, as one itself.
    pub fn unreachable(&self, flow: Flow) {
        let line = self.line(Peer::Node(flow.peer), Peer::Node(flow.node));
        let lab = self.arc();
        // Whoever sends may hold the lock of the link, and of a node.
        self.runtime.spawn(async move {
            let now = lab.now();
            line.push_datagram(now, 0, Parcel::Turn(Turn::Unreachable(flow)));
            line.deliver(now, usize::MAX, &lab);
        });
    }

    /// Hands something that becomes a node's turn to the scheduler's task, in order. It came over this link.
    pub fn hand_over(&self, turn: Turn, line: Arc<Line>) {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).push_back((turn, line));
        self.rate_changed.notify_one();
    }

    /// Takes the next turn that was handed over.
    pub fn next_turn(&self) -> Option<(Turn, Arc<Line>)> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Says that a node was given no socket, if this is what the error says.
    pub fn no_socket(&self, node: NodeId, cause: Cause, error: &io::Error) {
        /// Open files, ports or memory are used up.
        const USED_UP: [Errno; 5] =
            [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOBUFS, Errno::NOMEM];
        if Errno::from_io_error(error).is_some_and(|it| USED_UP.contains(&it)) {
            let fact = Fact::SocketFailed { node, why: error.to_string().into() };
            self.recorder.lab(self.now(), cause, fact);
        }
    }

    /// A wish to open a connection has reached the other end of its link.
    pub fn connect(&self, wish: Connect) {
        self.node(wish.to).answer_connect(wish, &self.arc());
    }

    /// A node wishes to send datagrams to another.
    pub fn open_flow(&self, wish: Connect) {
        let (node, target) = (self.node(wish.opener).clone(), self.node(wish.to).clone());
        let lab = self.arc();
        // The target's lock is taken in a task: two that open to each other in their turns would stand still.
        self.runtime.spawn(async move {
            let address = target.address_for(lab.topology.wire(wish.opener, wish.to));
            flow::open(wish, address, &node, &lab);
        });
    }

    /// Puts a turn on a link.
    pub fn send_turn(&self, from: NodeId, to: NodeId, stream: u64, turn: Turn) {
        let now = self.clock.now();
        let line = self.line(Peer::Node(from), Peer::Node(to));
        line.push(now, stream, 0, Parcel::Turn(turn));
        line.deliver(now, usize::MAX, self);
    }

    /// The present lab time.
    pub fn now(&self) -> LabTime {
        self.clock.now()
    }
}
