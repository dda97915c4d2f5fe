//! The thin tasks around sockets: reading a connection, opening one, watching what a returned host has forgotten.
//!
//! An `if` about a protocol does not belong here.

use super::conn::{Pair, Writer};
use super::host::{Conn, Road};
use super::line::{Connect, Line, Parcel, Turn};
use super::node::NodeShared;
use super::shared::{Introduction, Shared};
use crate::base::{ConnId, Incarnation};
use crate::event::{Cause, Ending};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Bytes read at once.
pub const READ_BYTES: usize = 16 * 1024;

/// Reads before a connection lets the others of its thread have their turn.
const READS_AT_ONCE: usize = 16;

/// How often an idle connection is looked at, on the wall: the lab's clock may run faster, or slower, or stand.
const IDLE_LOOKS: Duration = Duration::from_secs(1);

/// How long a peer may say nothing, or not get to the end of what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// For ever: who asked it waits by itself.
    Endless,
    /// A message that has begun ends, or the connection does; and so long after the last one it does anyway.
    Ends(Option<Duration>),
}

/// Reads one connection for one incarnation.
pub struct Reader {
    /// Whose it is.
    pub node: Arc<NodeShared>,
    /// Which life.
    pub number: Incarnation,
    /// Which connection.
    pub conn: ConnId,
    /// The socket.
    pub stream: Arc<TcpStream>,
    /// Its writing half.
    pub writer: Arc<Writer>,
    /// The link from the peer, where its frames pass our endpoint.
    pub inward: Option<Arc<Line>>,
    /// Closed while the node stands still.
    pub gate: watch::Receiver<bool>,
    /// Ends this task.
    pub cancel: CancellationToken,
    /// The stream's number on its links.
    pub stream_no: u64,
    /// How long the peer is waited for.
    pub patience: Patience,
    /// The lab.
    pub lab: Arc<Shared>,
}

impl Reader {
    /// Reads until the connection or the life ends.
    pub async fn run(mut self) {
        self.read().await;
        if self.writer.is_reset() {
            // This end gave the connection up, because its peer did not read; no byte will say so. Who knows it already
            // (it closed the connection itself, or has died) does not hear it.
            self.node.ended(self.number, self.conn, Ending::Reset, &self.lab);
        }
    }

    async fn read(&mut self) {
        let mut buffer = vec![0; READ_BYTES];
        let mut look = tokio::time::interval(IDLE_LOOKS);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let Self { gate, stream, cancel, patience, .. } = &mut *self;
            let ends = *patience != Patience::Endless;
            // Every arm only waits; nothing has been read when one of them is dropped.
            let ready = tokio::select! {
                () = cancel.cancelled() => return,
                _ = look.tick(), if ends => {
                    if self.is_idle() {
                        self.ended(Ending::EndOfFile);
                        return;
                    }
                    continue;
                }
                ready = async {
                    if !*gate.borrow() {
                        // The gate's sender lives as long as the node, so waiting cannot fail.
                        let _ = gate.wait_for(|open| *open).await;
                    }
                    stream.readable().await
                } => ready,
            };
            if ready.is_err() || !self.take(&mut buffer) {
                return;
            }
        }
    }

    fn is_idle(&self) -> bool {
        match self.patience {
            Patience::Endless => false,
            Patience::Ends(most) => self.node.is_idle(self.number, self.conn, most, &self.lab),
        }
    }

    /// Takes what is there. False when the connection is over.
    fn take(&self, buffer: &mut [u8]) -> bool {
        for _ in 0..READS_AT_ONCE {
            if self.cancel.is_cancelled() {
                return false;
            }
            match self.stream.try_read(buffer) {
                Ok(0) => {
                    self.ended(Ending::EndOfFile);
                    return false;
                }
                Ok(count) => self.bytes(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => {
                    self.ended(Ending::Reset);
                    return false;
                }
            }
        }
        true
    }

    fn bytes(&self, bytes: &[u8]) {
        let turn = || Turn::Bytes {
            node: self.node.id,
            incarnation: self.number,
            conn: self.conn,
            bytes: bytes.to_vec(),
        };
        if !self.over_the_link(bytes.len(), turn) {
            self.node.bytes(self.number, self.conn, bytes, &self.lab);
        }
    }

    fn ended(&self, ending: Ending) {
        let turn = || Turn::Ended {
            node: self.node.id,
            incarnation: self.number,
            conn: self.conn,
            ending,
        };
        if !self.over_the_link(0, turn) {
            self.node.ended(self.number, self.conn, ending, &self.lab);
        }
    }

    /// What comes from outside takes its time on our end of the link, if there is something the matter with it, or if
    /// the world stands still.
    fn over_the_link(&self, bytes: usize, turn: impl FnOnce() -> Turn) -> bool {
        let Some(line) = &self.inward else { return false };
        if line.is_clear() && !self.lab.clock.is_paused() {
            return false;
        }
        let now = self.lab.now();
        let pushed = line.push(now, self.stream_no, bytes, Parcel::Turn(turn()));
        if pushed.lost.is_some() {
            // The queue is full. A stream with a hole would teach a lie, so the connection dies instead.
            self.writer.reset();
        }
        line.befell(now, &pushed, &self.lab);
        line.deliver(now, usize::MAX, &self.lab);
        true
    }
}

/// Really connects, after the wish has come over the link; the result goes back over the other direction.
pub async fn connect(
    wish: Connect,
    address: Option<SocketAddr>,
    target: Arc<NodeShared>,
    lab: Arc<Shared>,
) {
    let stream_no = lab.new_stream();
    let turn = match dial(&wish, address, &target, &lab).await {
        Ok((stream, pair)) => {
            Turn::Connected { wish: wish.clone(), stream: Arc::new(stream), pair }
        }
        Err(error) => {
            lab.no_socket(wish.opener, Cause::Event(wish.cause), &error);
            Turn::Refused(wish.clone())
        }
    };
    lab.send_turn(wish.to, wish.opener, stream_no, turn);
}

async fn dial(
    wish: &Connect,
    address: Option<SocketAddr>,
    target: &Arc<NodeShared>,
    lab: &Arc<Shared>,
) -> io::Result<(TcpStream, Option<Pair>)> {
    let address = address.ok_or(io::ErrorKind::ConnectionRefused)?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    let pair = if target.at.is_none() {
        // Bound first, so that the other end knows who is coming before it can accept.
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))?;
        let pair = Pair::default();
        let who = Introduction {
            opener: wish.opener,
            framed: wish.how.framed,
            cause: wish.cause,
            pair: pair.clone(),
        };
        lab.introduce(socket.local_addr()?, who);
        Some(pair)
    } else {
        None
    };
    let here = socket.local_addr().ok();
    // Never given up half-way: some servers accept once in their life.
    let result = socket.connect(address).await;
    match result {
        Ok(stream) if stream.local_addr().ok() != stream.peer_addr().ok() => {
            let _ = stream.set_nodelay(true);
            Ok((stream, pair))
        }
        // A socket that met itself: nobody listens there.
        Ok(_) => Err(io::ErrorKind::ConnectionRefused.into()),
        Err(error) => {
            if let Some(here) = here {
                lab.introduced(here);
            }
            Err(error)
        }
    }
}

/// A connection from before the host lost its power: the first byte that comes is answered with a reset.
pub async fn watch_old(conn: Conn, lab: Arc<Shared>) {
    if let Road::Stream { stream, .. } = &conn.road {
        let _ = stream.readable().await;
    }
    conn.leave(lab.now(), true, &lab);
}
