//! Datagrams: a flow is what two addresses send each other, and stands for a connection where nothing is connected.
//!
//! Whoever asks has a socket of its own for each server, connected, so that the kernel lets nobody else's datagrams in
//! and tells when nobody listens. Whoever is asked has one socket, and a flow for each address that it hears from. Not
//! one line here knows a protocol.

use super::conn::{End, Owner};
use super::line::{Connect, Turn};
use super::node::NodeShared;
use super::shared::Shared;
use crate::base::{ConnId, EventId, Incarnation, LabTime, NodeId};
use crate::event::{Cause, Fate};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// The largest datagram there is.
pub const DATAGRAM_BYTES_MAX: usize = 64 * 1024;

/// Datagrams that a node takes at once, before the others of a thread have their turn.
const READS_AT_ONCE: usize = 64;

/// Bytes of them, at most one datagram more.
const BYTES_AT_ONCE: usize = 64 * 1024;

/// Datagrams of one direction that are remembered until they are read, so that each receipt finds its send: more than
/// a kernel's buffer holds.
const SENT_MAX: usize = 1024;

/// How often flows are looked through for those that have fallen silent.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A socket for datagrams. The runtime wakes its reader when there is something to read and at no other time: it would
/// take the departure of each datagram for a piece of news, too. Whoever sends goes past the runtime, which takes a
/// socket that has just been opened for one that cannot be written to, and the first question would be lost.
pub type Socket = AsyncFd<UdpSocket>;

/// Lets the runtime watch a socket.
///
/// # Errors
/// The system's.
pub fn watched(socket: UdpSocket) -> io::Result<Socket> {
    socket.set_nonblocking(true)?;
    #[expect(
        deprecated,
        reason = "what it would be unsound for is no socket of the standard library"
    )]
    AsyncFd::with_interest(socket, Interest::READABLE)
}

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
    pub socket: Arc<Socket>,
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
        let socket = self.socket.get_ref();
        let send = || match self.to {
            Some(to) => socket.send_to(bytes, to),
            None => socket.send(bytes),
        };
        let mut result = send();
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            self.refused(lab);
            result = send();
        }
        match result {
            Ok(_) if state == Owner::Dead => Some(Fate::PeerDead),
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Some(Fate::PeerDead),
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
            let here = socket.get_ref().local_addr().ok().filter(|_| target.at.is_none());
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

fn dial(address: Option<SocketAddr>) -> io::Result<Socket> {
    let address = address.ok_or(io::ErrorKind::ConnectionRefused)?;
    let here = match address.ip() {
        ip if !ip.is_loopback() && ip.is_ipv4() => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        ip if !ip.is_loopback() => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let socket = UdpSocket::bind(SocketAddr::new(here, 0))?;
    socket.connect(address)?;
    watched(socket)
}

/// Datagrams that were read together, so that their node is entered once for all.
#[derive(Debug)]
pub struct Batch {
    room: Box<[u8]>,
    bytes: Vec<u8>,
    /// Where each ends, and from whom it came, where that is not known anyway.
    ends: Vec<(usize, Option<SocketAddr>)>,
}

impl Batch {
    fn new() -> Self {
        let room = vec![0; DATAGRAM_BYTES_MAX].into();
        Self { room, bytes: Vec::new(), ends: Vec::new() }
    }

    /// Takes what is there, as it comes from `read`; gives what ended it, if it was an error.
    fn fill(
        &mut self,
        socket: &Socket,
        read: impl Fn(&UdpSocket, &mut [u8]) -> io::Result<(usize, Option<SocketAddr>)>,
    ) -> Option<io::Error> {
        self.bytes.clear();
        self.ends.clear();
        let mut ended = None;
        // Its result says only whether the runtime waits for more to come.
        let _ = socket.try_io(Interest::READABLE, |socket| {
            while self.ends.len() < READS_AT_ONCE && self.bytes.len() < BYTES_AT_ONCE {
                match read(socket, &mut self.room) {
                    Ok((count, from)) => {
                        self.bytes.extend_from_slice(&self.room[..count]);
                        self.ends.push((self.bytes.len(), from));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                    Err(error) => {
                        ended = Some(error);
                        break;
                    }
                }
            }
            Ok(())
        });
        ended
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The datagrams in order.
    pub fn datagrams(&self) -> impl Iterator<Item = (&[u8], Option<SocketAddr>)> {
        let mut begin = 0;
        self.ends.iter().map(move |(end, from)| {
            let bytes = &self.bytes[begin..*end];
            begin = *end;
            (bytes, *from)
        })
    }
}

/// Reads the socket of a flow for the node that asks.
pub async fn read(
    node: Arc<NodeShared>,
    flow: Flow,
    socket: Arc<Socket>,
    cancel: CancellationToken,
    lab: Arc<Shared>,
) {
    let (mut gate, mut cancelled) = (node.gate(), pin!(cancel.cancelled()));
    let mut batch = Batch::new();
    while ready(&mut gate, &socket, cancelled.as_mut()).await {
        if is_refused(&socket) {
            lab.unreachable(flow);
        }
        let ended = batch.fill(&socket, |socket, room| Ok((socket.recv(room)?, None)));
        if cancel.is_cancelled() {
            return;
        }
        node.datagrams_of(flow.incarnation, flow.conn, &batch, &lab);
        if ended.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            lab.unreachable(flow);
        }
    }
}

/// Reads the socket at which a node is asked, for one incarnation.
pub async fn serve(
    node: Arc<NodeShared>,
    number: Incarnation,
    socket: Arc<Socket>,
    cancel: CancellationToken,
    lab: Arc<Shared>,
) {
    let (mut gate, mut cancelled) = (node.gate(), pin!(cancel.cancelled()));
    let mut batch = Batch::new();
    while ready(&mut gate, &socket, cancelled.as_mut()).await {
        // Whoever was answered may be gone already: that is its own business, and what is there is read the next time.
        is_refused(&socket);
        batch.fill(&socket, |socket, room| {
            socket.recv_from(room).map(|(count, from)| (count, Some(from)))
        });
        if cancel.is_cancelled() {
            return;
        }
        node.datagrams(number, &socket, &batch, &lab);
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

/// Whether the kernel has been told that nobody listens where this socket sends to. Takes the word off the socket.
fn is_refused(socket: &Socket) -> bool {
    let taken = socket.try_io(Interest::ERROR, |socket| match socket.take_error()? {
        Some(error) => Ok(error),
        // There is none: this makes the runtime wait for the next.
        None => Err(io::ErrorKind::WouldBlock.into()),
    });
    taken.is_ok_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Waits until there may be something to read and the node does not stand still. False when the life has ended.
async fn ready(
    gate: &mut watch::Receiver<bool>,
    socket: &Socket,
    cancelled: Pin<&mut WaitForCancellationFuture<'_>>,
) -> bool {
    tokio::select! {
        // Whoever reads looks for itself whether the life has ended.
        biased;
        ready = async {
            if !*gate.borrow() {
                // The gate's sender lives as long as the node, so waiting cannot fail.
                let _ = gate.wait_for(|open| *open).await;
            }
            // A refusal is an error on the socket and nothing to read.
            socket.ready(Interest::READABLE | Interest::ERROR).await.map(drop)
        } => ready.is_ok(),
        () = cancelled => false,
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
