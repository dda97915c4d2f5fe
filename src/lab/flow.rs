//! Datagrams: a flow is what two addresses send each other, and stands for a connection where nothing is connected.
//!
//! Whoever asks has a socket of its own for each server, connected, so that the kernel lets nobody else's datagrams in
//! and tells when nobody listens. Whoever is asked has one socket, and a flow for each address that it hears from. Not
//! one line here knows a protocol.

use super::conn::{End, Owner};
use super::line::{Connect, Turn};
use super::node::NodeShared;
use super::reactor::{Batch, Ear};
use super::shared::Shared;
use crate::base::{ConnId, EventId, Incarnation, LabTime, NodeId};
use crate::event::{Cause, Fact, Fate};
use rustix::io::Errno;
use rustix::net::{SendFlags, send, sendto};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Datagrams of one direction that are remembered until they are read, so that each receipt finds its send: more than
/// a kernel's buffer holds.
const SENT_MAX: usize = 1024;

/// How often flows are looked through for those that have fallen silent.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Which send put which datagram on its way, between nodes of ours.
#[derive(Debug, Default)]
pub struct Sent {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    newest: VecDeque<(Box<[u8]>, EventId)>,
    /// The place behind the one that was read last: mostly of the one that is read next.
    next: usize,
}

impl Sent {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, bytes: &[u8], event: EventId) {
        let mut known = self.lock();
        if known.newest.len() >= SENT_MAX {
            known.newest.pop_front();
            known.next = known.next.saturating_sub(1);
        }
        known.newest.push_back((bytes.into(), event));
    }

    /// The send of these bytes: the one behind the last that was read, or the newest. It stays known: a datagram may
    /// come twice.
    pub fn cause(&self, bytes: &[u8]) -> Option<EventId> {
        let mut known = self.lock();
        let next = known.next;
        let is_next = known.newest.get(next).is_some_and(|(sent, _)| **sent == *bytes);
        let newest = || known.newest.iter().rposition(|(sent, _)| **sent == *bytes);
        let place = if is_next { next } else { newest()? };
        known.next = place + 1;
        Some(known.newest[place].1)
    }
}

/// What is known of whoever sends from an address: a node of ours, for as long as its flow stands.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// The node that asks.
    pub opener: NodeId,
    /// Its `ConnOpening` event.
    pub cause: EventId,
    /// What it sent.
    pub asked: Arc<Sent>,
    /// What it was sent.
    pub answered: Arc<Sent>,
    /// The state of its end.
    pub end: Arc<End>,
}

/// One end's way of sending.
#[derive(Debug)]
pub struct Outlet {
    /// The socket.
    pub socket: Arc<UdpSocket>,
    /// To whom; none for a socket that is connected.
    pub to: Option<SocketAddr>,
    /// The record of what was sent, if the other end is ours.
    pub sent: Option<Arc<Sent>>,
    /// The state of whoever is at the other end, if it is ours.
    pub peer: Option<Arc<End>>,
    /// Whose flow this is, where a refusal is of interest: the opener's.
    pub opener: Option<Flow>,
}

/// A flow, as its node knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// The node.
    pub node: NodeId,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// Its end.
    pub conn: ConnId,
    /// The other end.
    pub peer: NodeId,
}

impl Outlet {
    fn peer_owner(&self) -> Owner {
        self.peer.as_ref().map_or(Owner::Alive, |end| end.get())
    }

    /// Whether nothing is known that would keep a datagram from arriving.
    pub fn is_open(&self) -> bool {
        self.peer_owner() == Owner::Alive
    }

    /// Lets the other end know which send these bytes are, if it is ours.
    pub fn note(&self, bytes: &[u8], event: EventId) {
        if let Some(sent) = &self.sent {
            sent.note(bytes, event);
        }
    }

    /// The refusal of a datagram that was sent before has been told with a send, which was not made.
    pub fn refused(&self, lab: &Shared) {
        if let Some(flow) = self.opener {
            lab.unreachable(flow);
        }
    }

    /// Sends a datagram. Gives what became of it, if it is known not to arrive.
    pub fn send(&self, bytes: &[u8], event: EventId, lab: &Shared) -> Option<Fate> {
        if self.peer_owner() == Owner::Off {
            return Some(Fate::HostOff);
        }
        self.note(bytes, event);
        self.send_noted(bytes, lab)
    }

    /// Sends a datagram that the other end knows already, if it is ours.
    pub fn send_noted(&self, bytes: &[u8], lab: &Shared) -> Option<Fate> {
        let state = self.peer_owner();
        let send = || match self.to {
            Some(to) => sendto(&self.socket, bytes, SendFlags::empty(), &to),
            None => send(&self.socket, bytes, SendFlags::empty()),
        };
        let mut result = send();
        if result == Err(Errno::CONNREFUSED) {
            self.refused(lab);
            result = send();
        }
        match result {
            Ok(_) if state == Owner::Dead => Some(Fate::PeerDead),
            Ok(_) => None,
            Err(Errno::CONNREFUSED) => Some(Fate::PeerDead),
            Err(_) => Some(Fate::Overflow),
        }
    }
}

/// Makes the socket of a flow, for a node that asks another.
pub fn open(wish: Connect, address: Option<SocketAddr>, node: &Arc<NodeShared>, lab: &Arc<Shared>) {
    let target = lab.node(wish.to).clone();
    let number = wish.incarnation;
    let turn = match dial(address) {
        Ok(socket) => {
            let here = socket.local_addr().ok().filter(|_| target.at.is_none());
            let intro = here.map(|here| {
                let intro = Introduction {
                    opener: wish.opener,
                    cause: wish.cause,
                    asked: Arc::default(),
                    answered: Arc::default(),
                    end: Arc::default(),
                };
                lab.introduce_flow(here, intro.clone());
                (here, intro)
            });
            Turn::Bound { wish, socket: Arc::new(socket), intro }
        }
        Err(error) => {
            lab.no_socket(wish.opener, Cause::Event(wish.cause), &error);
            Turn::Refused(wish)
        }
    };
    node.handed(number, turn, lab);
}

fn dial(address: Option<SocketAddr>) -> io::Result<UdpSocket> {
    let address = address.ok_or(io::ErrorKind::ConnectionRefused)?;
    let here = match address.ip() {
        ip if !ip.is_loopback() && ip.is_ipv4() => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        ip if !ip.is_loopback() => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let socket = UdpSocket::bind(SocketAddr::new(here, 0))?;
    socket.connect(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// For whom a socket is read.
#[derive(Debug, Clone, Copy)]
pub enum Reader {
    /// For a node that asks.
    Asks(Flow),
    /// For one life of a node that is asked.
    IsAsked(NodeId, Incarnation),
}

impl Reader {
    fn incarnation(&self) -> Incarnation {
        match *self {
            Self::Asks(Flow { incarnation, .. }) | Self::IsAsked(_, incarnation) => incarnation,
        }
    }
}

/// A socket that is read for a node.
struct Hears {
    reader: Reader,
    socket: Arc<UdpSocket>,
    node: Arc<NodeShared>,
    lab: Arc<Shared>,
}

impl Ear for Hears {
    fn hear(&self, batch: &Batch) {
        let (Self { node, socket, lab, .. }, number) = (self, self.reader.incarnation());
        let heard = catch_unwind(AssertUnwindSafe(|| match self.reader {
            Reader::Asks(flow) => node.datagrams_of(number, flow.conn, batch, lab),
            Reader::IsAsked(..) => node.datagrams(number, socket, batch, lab),
        }));
        if let Err(panic) = heard {
            node.fell_over(number, panic.as_ref(), lab);
        }
    }

    fn refused(&self) {
        match self.reader {
            Reader::Asks(flow) => self.lab.unreachable(flow),
            // Whoever was answered may be gone already: that is its own business.
            Reader::IsAsked(..) => {}
        }
    }
}

/// Lets a socket be read until the life has ended, except while the node stands still.
pub async fn read(
    reader: Reader,
    socket: Arc<UdpSocket>,
    cancel: CancellationToken,
    lab: Arc<Shared>,
) {
    let (id, connected) = match reader {
        Reader::Asks(flow) => (flow.node, true),
        Reader::IsAsked(node, _) => (node, false),
    };
    let node = lab.node(id).clone();
    let mut gate = node.gate();
    let until = async |gate: &mut watch::Receiver<bool>, open: bool| {
        tokio::select! {
            () = cancel.cancelled() => false,
            // The gate's sender lives as long as the node, so waiting cannot fail.
            _ = gate.wait_for(|is_open| *is_open == open) => true,
        }
    };
    while until(&mut gate, true).await {
        let (node, lab) = (node.clone(), lab.clone());
        let hears = Box::new(Hears { reader, socket: socket.clone(), node, lab: lab.clone() });
        let watch = lab.reactor.watch(&socket, connected, hears);
        if let Err(error) = &watch {
            // Whatever the reason, nobody hears what comes there.
            let fact = Fact::SocketFailed { node: id, why: error.to_string().into() };
            lab.recorder.lab(lab.now(), Cause::Unknown, fact);
        }
        if !until(&mut gate, false).await {
            return;
        }
    }
}

/// Takes leave of those who have fallen silent, for one incarnation.
pub async fn sweep(
    node: Arc<NodeShared>,
    number: Incarnation,
    cancel: CancellationToken,
    lab: Arc<Shared>,
) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        // Every arm only waits.
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = every.tick() => node.sweep_flows(number, &lab),
        }
    }
}

/// A flow at the end that is asked.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// Its end.
    pub conn: ConnId,
    /// When something came last.
    pub at: LabTime,
}

// Elsewhere nothing keeps a socket from being watched twice.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::topology::{Bundled, load_text};

    struct Deaf;

    impl Ear for Deaf {
        fn hear(&self, _: &Batch) {}
        fn refused(&self) {}
    }

    #[test]
    fn a_socket_that_cannot_be_watched_is_told_of() {
        let text = "[nodes.ts]\nrole = \"ts\"\nrecords = { \"a.b\" = \"192.0.2.1\" }\n";
        let topology = load_text("test.toml", text, &Bundled).expect("a good file").topology;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let lab = Shared::new(Arc::new(topology), runtime.handle().clone(), None);
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").expect("a port"));
        // The system has no place for one that it watches already.
        let _watch = lab.reactor.watch(&socket, false, Box::new(Deaf)).expect("room");
        let cancel = CancellationToken::new();
        let reader = Reader::IsAsked(NodeId(0), Incarnation(1));
        let reads = runtime.spawn(read(reader, socket, cancel.clone(), lab.clone()));
        runtime.block_on(async {
            let told = tokio::time::timeout(Duration::from_secs(10), lab.recorder.changed(0));
            told.await.expect("it is told");
            cancel.cancel();
            reads.await.expect("it ends with its life");
        });
        let log = lab.recorder.read(0, usize::MAX);
        let failed = |fact: &Fact| matches!(fact, Fact::SocketFailed { node: NodeId(0), .. });
        assert!(log.events().any(|event| failed(&event.fact)));
    }
}
