//! Listening: which port a node has, and the task that accepts connections for one incarnation.
//!
//! A node keeps its port for the run. While it does not live, the port is held by a socket that is bound and does not
//! listen: connecting to it is refused, and nobody else can take it.

use super::node::{Caller, NodeShared};
use super::shared::Shared;
use crate::base::Incarnation;
use crate::event::Cause;
use crate::topology::{Listen, Wire};
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

/// Connections that the kernel keeps for a node that does not accept: enough for a class that connects at once.
const BACKLOG: u32 = 1024;

/// What the kernel is asked to keep of datagrams that nobody has read.
const RECEIVE_BYTES: usize = 4 * 1024 * 1024;

/// How many ports above the base are tried before giving up.
const TRIES: u16 = 4096;

/// How long accepting rests after the system gave no socket (open files used up, mostly), at first; twice as long each
/// time after.
const REST_MIN: Duration = Duration::from_millis(50);

/// The longest rest: whoever waits meets no more than this once there are sockets again.
const REST_MAX: Duration = Duration::from_secs(1);

/// Where a node listens.
#[derive(Debug)]
pub struct Opened {
    /// For connections.
    pub listener: Arc<TcpListener>,
    /// For datagrams, where the wire has them.
    pub socket: Option<Arc<UdpSocket>>,
    /// The address of both.
    pub address: SocketAddr,
}

/// A port of a node, through all its lives. It belongs to one wire.
#[derive(Debug)]
pub struct Port {
    wire: Wire,
    wanted: u16,
    address: IpAddr,
    bound: Option<SocketAddr>,
    reserved: Option<TcpSocket>,
    listener: Option<Arc<TcpListener>>,
    /// Datagrams have no state between listening and not: whoever does not listen has no socket.
    socket: Option<Arc<UdpSocket>>,
    /// It listens for a node that is about to boot.
    early: Option<Opened>,
    /// Whether it has listened in an earlier life.
    served: bool,
    why_not: Option<String>,
}

impl Port {
    /// The ports that a topology says, one for each wire; nothing is bound yet.
    #[must_use]
    pub fn all(listen: Listen) -> Vec<Self> {
        let of = |wire: Wire| Some(Self::new(wire, listen.port(wire)?, listen.address));
        Wire::ALL.into_iter().filter_map(of).collect()
    }

    fn new(wire: Wire, wanted: u16, address: Option<IpAddr>) -> Self {
        Self {
            wire,
            wanted,
            address: address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            bound: None,
            reserved: None,
            listener: None,
            socket: None,
            early: None,
            served: false,
            why_not: None,
        }
    }

    /// What is spoken there.
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// Where it listens, or would.
    pub fn address(&self) -> Option<SocketAddr> {
        self.bound
    }

    /// The socket for datagrams, while it listens.
    pub fn socket(&self) -> Option<Arc<UdpSocket>> {
        self.socket.clone()
    }

    /// Whether it listens at this moment.
    pub fn listens(&self) -> bool {
        self.listener.is_some()
    }

    /// Binds it: the stated port, or the first free one from `base` on. Gives where the next is to look: beginning
    /// anew each time, a thousand nodes would try a million taken ports.
    pub fn reserve(&mut self, base: u16) -> u16 {
        if self.reserved.is_some() || self.listener.is_some() {
            return base;
        }
        if self.wanted != 0 || self.bound.is_some() {
            self.try_bind(self.port(), Claim::Ours);
            return base;
        }
        for offset in 0..TRIES {
            let port = base.saturating_add(offset);
            self.try_bind(port, Claim::IfFree);
            if self.reserved.is_some() {
                return port.saturating_add(1);
            }
        }
        base
    }

    fn try_bind(&mut self, port: u16, claim: Claim) {
        let bound = bind(SocketAddr::new(self.address, port), claim).and_then(|socket| {
            // A number is of use only if both kinds of port are free.
            if self.wire.takes_datagrams() && claim == Claim::IfFree {
                UdpSocket::bind(socket.local_addr()?)?;
            }
            Ok(socket)
        });
        match bound {
            Ok(socket) => {
                self.bound = socket.local_addr().ok();
                self.reserved = Some(socket);
                self.why_not = None;
            }
            Err(error) => self.why_not = Some(explain(&error, port)),
        }
    }

    /// The port that it has, or wants.
    fn port(&self) -> u16 {
        self.bound.map_or(self.wanted, |bound| bound.port())
    }

    /// Begins to listen for a node that is about to boot: whoever comes waits in the backlog. If it cannot, `open`
    /// says why.
    pub fn open_early(&mut self) {
        self.early = self.open().ok();
    }

    /// Begins to listen, or goes on with what listens already.
    ///
    /// # Errors
    /// The port, and the system's reason with the remedy.
    pub fn open(&mut self) -> Result<Opened, (u16, String)> {
        if let Some(early) = self.early.take() {
            return Ok(early);
        }
        // What was kept silent while the host had no power goes now, with whoever waited in its backlog.
        self.close();
        if self.reserved.is_none() {
            self.try_bind(self.port(), Claim::Ours);
        }
        let port = self.port();
        let Some(socket) = self.reserved.take() else {
            return Err((port, self.why_not.clone().unwrap_or_else(|| "the port is taken".into())));
        };
        let address = self.bound.unwrap_or_else(|| SocketAddr::new(self.address, port));
        let datagrams = self.wire.takes_datagrams().then(|| bind_datagrams(address, self.served));
        match datagrams.transpose().and_then(|datagrams| Ok((datagrams, socket.listen(BACKLOG)?))) {
            Ok((datagrams, listener)) => {
                let (listener, socket) = (Arc::new(listener), datagrams.map(Arc::new));
                self.listener = Some(listener.clone());
                self.socket.clone_from(&socket);
                self.served = true;
                Ok(Opened { listener, socket, address })
            }
            Err(error) => Err((port, explain(&error, port))),
        }
    }

    /// Stops listening: from now on connecting is refused. The port stays ours.
    pub fn close(&mut self) {
        self.listener = None;
        self.socket = None;
        self.early = None;
    }

    /// Holds the port again once the tasks that listened are gone.
    pub fn hold(&mut self) {
        if self.listener.is_none() && self.reserved.is_none() && self.bound.is_some() {
            self.reserve(0);
        }
    }
}

/// How much right there is to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// Only if nobody has it bound, listening or not.
    IfFree,
    /// It is this node's: connections of an earlier life in `TIME_WAIT` must not keep it from coming back.
    Ours,
}

fn bind(address: SocketAddr, claim: Claim) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Two sockets that both say SO_REUSEADDR may share a port while neither listens, so a search for a free one must
    // not say it; connections that are accepted later inherit what is said afterwards.
    socket.set_reuseaddr(claim == Claim::Ours)?;
    socket.bind(address)?;
    socket.set_reuseaddr(true)?;
    Ok(socket)
}

/// The socket for datagrams at a port that is this node's. `again`: an answer of an earlier life may still be on its
/// way, and holds that life's socket until it is sent.
fn bind_datagrams(address: SocketAddr, again: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    socket.set_reuse_address(again)?;
    socket.set_nonblocking(true)?;
    // As much as the system lets us have: a burst shall wait here rather than be lost.
    let _ = socket.set_recv_buffer_size(RECEIVE_BYTES);
    socket.bind(&address.into())?;
    socket.set_reuse_address(true)?;
    Ok(socket.into())
}

fn explain(error: &io::Error, port: u16) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "port {port} is taken by another program; free it, \
                 or move all ports with --port-base"
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!("port {port} needs special rights; take one from 1024 on")
        }
        _ => format!("port {port}: {error}"),
    }
}

/// Where one incarnation lets others in.
#[derive(Debug)]
pub struct Door {
    /// The socket.
    pub listener: Arc<TcpListener>,
    /// What is spoken there.
    pub wire: Wire,
}

/// Accepts connections for one incarnation until it ends.
pub async fn accept(
    node: Arc<NodeShared>,
    number: Incarnation,
    door: Door,
    cancel: CancellationToken,
    lab: Arc<Shared>,
) {
    let mut gate = node.gate();
    let mut rest = REST_MIN;
    loop {
        // Accepting is cancel-safe: a connection that is not taken stays in the kernel's queue.
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            accepted = async {
                // The gate's sender lives as long as the node, so waiting cannot fail.
                let _ = gate.wait_for(|open| *open).await;
                door.listener.accept().await
            } => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                rest = REST_MIN;
                let caller = Caller { stream: Arc::new(stream), from, wire: door.wire };
                node.accepted(number, caller, &lab);
            }
            // Whoever called is gone again: the next is waiting already.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                lab.no_socket(node.id, Cause::Unknown, &error);
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = tokio::time::sleep(rest) => {}
                }
                rest = REST_MAX.min(rest * 2);
            }
        }
    }
}
