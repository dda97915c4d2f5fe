//! One node in the running lab: the place where its incarnations live one after the other, and the ways they die.
//!
//! All that happens to an incarnation happens under one lock, in turns; nothing waits while it is held. What a machine
//! does is its own business: not one line here knows a protocol.

mod flows;
mod life;
mod meet;
mod turns;

pub use meet::Caller;

use super::conn::{End, Owner};
use super::disk::{Disk, Kept};
use super::flow::Heard;
use super::host::{Conn, Road};
use super::line::Turn;
use super::listen::Port;
use super::outbox::Outbox;
use super::shared::Shared;
use super::tasks;
use crate::base::{ConnId, Incarnation as Number, Names, NodeId, OwnClock};
use crate::engine::Incarnation;
use crate::event::{Cause, Census, Ending, Event, Life};
use crate::machine::Told;
use crate::topology::{Kind, Node, Wire};
use crate::wire::Decoded;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Inputs that wait for a frozen node besides what the kernel keeps: what had been read a moment before it froze.
const STASH_MAX: usize = 4096;

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Its process was killed or crashed: every connection is reset.
    Killed,
    /// Its host vanished: every connection is silent.
    PoweredOff,
    /// In good order: every connection is closed behind what was sent.
    Stopped,
}

/// One node of the topology in the running lab.
#[derive(Debug)]
pub struct NodeShared {
    /// Its id.
    pub id: NodeId,
    /// Where it runs, if it is no process of ours.
    pub at: Option<SocketAddr>,
    /// What outlives its processes; replicas have one.
    pub disk: Option<Arc<Disk>>,
    core: Mutex<Core>,
    /// Closed (`false`) while the node stands still.
    gate: watch::Sender<bool>,
    armed: AtomicU64,
    /// Whether its host and its process are there, for whoever sends it datagrams.
    pub presence: Arc<End>,
}

#[derive(Debug)]
struct Core {
    life: Life,
    incarnations: u32,
    /// Its own clock, which may be wrong.
    clock: OwnClock,
    living: Option<Living>,
    /// One for each wire that it listens with.
    ports: Vec<Port>,
    /// Tasks of lives that have ended; the next life waits until they are gone.
    old_tasks: Vec<TaskTracker>,
    /// Connections of a host without power: open, and silent.
    silent: Vec<Conn>,
    /// What leaves together, while a batch is read.
    outbox: Outbox,
    /// Room for the messages of one read.
    decoded: Vec<Decoded>,
}

#[derive(Debug)]
struct Living {
    inc: Incarnation,
    conns: BTreeMap<ConnId, Conn>,
    /// Those who send datagrams to it.
    flows: HashMap<SocketAddr, Heard>,
    /// Connections asked for that do not stand yet.
    opening: BTreeSet<ConnId>,
    frozen: bool,
    exited: bool,
    stash: VecDeque<Stashed>,
    cancel: CancellationToken,
    tasks: TaskTracker,
    results: super::results::Results,
    /// Room for the events of one turn.
    events: Vec<Event>,
}

/// What reached a node just when it froze.
#[derive(Debug)]
enum Stashed {
    Bytes(ConnId, Vec<u8>),
    Datagram(Arc<UdpSocket>, SocketAddr, Vec<u8>),
    Ended(ConnId, Ending),
    Told(Told, Cause),
    Turn(Turn),
    Accepted(Caller),
    Kept(Kept),
}

impl NodeShared {
    /// A node that has never lived; its disk is in that folder.
    #[must_use]
    pub fn new(node: &Node, names: &Names, folder: Option<&Path>) -> Self {
        let disk = match &node.kind {
            Kind::Replica(replica) => {
                Some(Arc::new(Disk::new(names.of(node.id), replica.disk, folder)))
            }
            _ => None,
        };
        let core = Core {
            life: Life::Off,
            incarnations: 0,
            clock: OwnClock::RIGHT,
            living: None,
            ports: Port::all(node.listen),
            old_tasks: Vec::new(),
            silent: Vec::new(),
            outbox: Outbox::default(),
            decoded: Vec::new(),
        };
        Self {
            id: node.id,
            at: node.at,
            disk,
            core: Mutex::new(core),
            gate: watch::Sender::new(true),
            armed: AtomicU64::new(u64::MAX),
            presence: Arc::new(End::new(Owner::Dead)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        // A machine's panic is caught inside; the lock is never poisoned by it.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is true of it.
    pub fn census(&self) -> Census {
        let core = self.lock();
        Census { node: self.id, incarnation: Number(core.incarnations), life: core.life }
    }

    /// Its state in truth.
    pub fn life(&self) -> Life {
        self.lock().life
    }

    /// Where it listens first, or would.
    pub fn address(&self) -> Option<SocketAddr> {
        self.at.or_else(|| self.lock().ports.first()?.address())
    }

    /// Where it listens with each of its wires, or would.
    pub fn addresses(&self) -> Vec<(Wire, SocketAddr)> {
        let core = self.lock();
        core.ports.iter().filter_map(|port| Some((port.wire(), port.address()?))).collect()
    }

    /// Where it listens with this wire, or would: a link's wire decides which port is dialled.
    pub fn address_for(&self, wire: Wire) -> Option<SocketAddr> {
        let of_wire = || self.lock().ports.iter().find(|port| port.wire() == wire)?.address();
        self.at.or_else(of_wire)
    }

    /// Open while the node does not stand still.
    pub fn gate(&self) -> watch::Receiver<bool> {
        self.gate.subscribe()
    }

    /// Reserves its ports, so that they are refused and nobody else's while it does not live.
    /// Gives where the next node is to look.
    pub fn reserve(&self, base: u16) -> u16 {
        self.lock().ports.iter_mut().fold(base, |base, port| port.reserve(base))
    }
}

impl Core {
    fn living_as(&mut self, number: Number) -> Option<&mut Living> {
        self.living.as_mut().filter(|living| living.inc.number() == number)
    }

    /// The host has power again: whoever still believes in an old connection is reset at its next write.
    fn return_of_the_host(&mut self, lab: &Arc<Shared>) {
        for conn in self.silent.drain(..) {
            conn.own_end(Owner::Returned);
            match &conn.road {
                Road::Stream { .. } => {
                    lab.runtime.spawn(tasks::watch_old(conn, lab.clone()));
                }
                // Its socket is gone with the host's memory.
                Road::Flow { .. } => conn.leave(lab.now(), true, lab),
            }
        }
    }
}

impl Living {
    fn keep(&mut self, item: Stashed) {
        // Beyond the bound the newest goes: it is what a kernel with a full buffer would not have taken.
        if self.stash.len() < STASH_MAX {
            self.stash.push_back(item);
        }
    }
}
