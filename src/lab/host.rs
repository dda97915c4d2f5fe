//! What the lab does for a machine during its turn: the log, the links, the results file.
//!
//! It carries out effects; it decides nothing.

use super::conn::{End, Owner, Tap, Writer};
use super::disk::Wanted;
use super::flow::{Outlet, Sent as SentOnes};
use super::line::{Connect, Line, Parcel};
use super::outbox::Outbox;
use super::results::Results;
use super::shared::Shared;
use crate::base::{ConnId, EventId, Incarnation, LabTime, NodeId, Peer, Token};
use crate::engine::{Host, Opening, Sent};
use crate::event::{Cause, Event, Fact};
use crate::link::Carriage;
use crate::message::{Message, Write};
use crate::topology::Role;
use crate::wire::{self, Codec, Decoded};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// One end of a connection, as its node holds it.
#[derive(Debug)]
pub struct Conn {
    /// The other end.
    pub peer: Peer,
    /// The link towards the peer.
    pub out: Arc<Line>,
    /// The link from the peer, where its frames pass our endpoint: peers outside only.
    pub inward: Option<Arc<Line>>,
    /// What carries it.
    pub road: Road,
    /// Ends the task that reads it.
    pub reader: CancellationToken,
    /// Bytes to messages, and back.
    pub wire: wire::End,
    /// Whether messages end with a line end, between nodes of ours; a visitor is answered as it asked.
    pub framed: Option<bool>,
    /// The state of this end's owner, shared with the peer.
    pub own_end: Option<Arc<End>>,
    /// When a message was whole last; at first, when the connection came to stand.
    pub whole: LabTime,
    /// When the message that is not whole yet began.
    pub begun: Option<LabTime>,
}

/// What carries a connection.
#[derive(Debug)]
pub enum Road {
    /// A socket of its own, connected.
    Stream {
        /// The writing half.
        writer: Arc<Writer>,
        /// The socket.
        stream: Arc<TcpStream>,
        /// What the peer sent, for causes.
        tap_in: Option<Arc<Tap>>,
        /// The stream's number on its links.
        number: u64,
    },
    /// Datagrams.
    Flow {
        /// How they are sent.
        outlet: Arc<Outlet>,
        /// The socket, of whoever asks.
        own: Option<Arc<UdpSocket>>,
        /// What the peer sent, for causes.
        heard: Option<Arc<SentOnes>>,
        /// The address under which the peer knows this end, if both are ours.
        here: Option<SocketAddr>,
    },
}

impl Conn {
    /// Bytes to messages, into an empty `decoded`.
    pub fn decode(&mut self, now: LabTime, bytes: &[u8], decoded: &mut Vec<Decoded>) {
        self.wire.feed(bytes, decoded);
        if !decoded.is_empty() {
            (self.whole, self.begun) = (now, None);
        }
        if self.wire.is_within() {
            self.begun.get_or_insert(now);
        }
    }

    /// The send that a message comes from, which ended with byte number `until` of its stream and in these bytes.
    pub fn cause(&self, bytes: &[u8], until: u64) -> Cause {
        let event = match &self.road {
            Road::Stream { tap_in, .. } => tap_in.as_ref().and_then(|tap| tap.cause(until)),
            Road::Flow { heard, .. } => heard.as_ref().and_then(|heard| heard.cause(bytes)),
        };
        event.map_or(Cause::Unknown, Cause::Event)
    }

    /// Whether somebody outside has connected here.
    pub fn is_a_strangers(&self) -> bool {
        matches!((self.peer, &self.road), (Peer::Visitor(_), Road::Stream { .. }))
    }

    /// Says what became of this end's owner.
    pub fn own_end(&self, owner: Owner) {
        if let Some(end) = &self.own_end {
            end.set(owner);
        }
    }

    /// Ends the connection behind what is on the link: with a reset, or in good order.
    pub fn leave(&self, now: LabTime, reset: bool, lab: &Shared) {
        self.reader.cancel();
        match &self.road {
            Road::Stream { writer, number, .. } => {
                let parcel = if reset {
                    Parcel::Reset(writer.clone())
                } else {
                    Parcel::Finish(writer.clone())
                };
                self.out.push(now, *number, 0, parcel);
                self.out.deliver(now, usize::MAX, lab);
            }
            // Nobody is told: the socket closes, and what is sent there meets nobody.
            Road::Flow { here, .. } => {
                if let Some(here) = here {
                    lab.forget_flow(*here);
                }
            }
        }
    }
}

/// The surroundings of one incarnation during one turn.
#[derive(Debug)]
pub struct NodeHost<'a> {
    /// The lab.
    pub lab: &'a Shared,
    /// Whose turn it is.
    pub node: NodeId,
    /// Which life.
    pub incarnation: Incarnation,
    /// Its connections.
    pub conns: &'a mut BTreeMap<ConnId, Conn>,
    /// Connections it has asked for.
    pub opening: &'a mut BTreeSet<ConnId>,
    /// Its results file.
    pub results: &'a mut Results,
    /// Set when the machine has ended.
    pub exited: &'a mut bool,
    /// Events of this turn that the log does not have yet; it has them before anything of the turn leaves the node.
    pub events: &'a mut Vec<Event>,
    /// Datagrams that have come over their links and leave together.
    pub outbox: &'a mut Outbox,
    /// What befell the message just sent, until the log has it: its cause and the fact.
    pub after_send: Option<(EventId, Fact)>,
}

impl NodeHost<'_> {
    /// The log has everything that happened until now.
    pub fn record(&mut self) {
        self.lab.recorder.emit(self.events);
    }
}

impl Host for NodeHost<'_> {
    fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    fn open(&mut self, now: LabTime, conn: ConnId, to: NodeId, how: Opening, cause: EventId) {
        self.record();
        let (opener, incarnation) = (self.node, self.incarnation);
        let out = self.lab.line(Peer::Node(opener), Peer::Node(to));
        self.opening.insert(conn);
        let wish = Connect { opener, incarnation, conn, to, how, cause };
        let wire = self.lab.topology.wire(opener, to);
        let codec = Codec::new(wire, how.stream, self.lab.topology.dialect, Role::Ts);
        if codec.takes_datagrams() {
            self.lab.open_flow(wish);
            return;
        }
        out.push(now, self.lab.new_stream(), 0, Parcel::Connect(wish));
        out.deliver(now, usize::MAX, self.lab);
    }

    fn push(
        &mut self,
        now: LabTime,
        conn: ConnId,
        message: &Arc<Message>,
        cause: EventId,
    ) -> Option<Sent> {
        let end = self.conns.get_mut(&conn)?;
        let framed = end.framed.unwrap_or_else(|| end.wire.is_framed());
        let mut bytes = Vec::with_capacity(128);
        end.wire.encode(message, framed, &mut bytes);
        let length = bytes.len();
        if length == 0 {
            return None;
        }
        let pushed = match &end.road {
            Road::Stream { writer, number, .. } => {
                let parcel = Parcel::Data { writer: writer.clone(), bytes, event: cause };
                let carriage = Carriage::Stream(*number);
                let mut pushed = end.out.push_untold(now, carriage, length, parcel);
                if pushed.lost.take().is_some() {
                    self.lab.recorder.emit(self.events);
                    // The queue is full. A stream with a hole would teach a lie, so the connection dies instead.
                    writer.reset();
                }
                pushed
            }
            Road::Flow { outlet, .. } => {
                let parcel = Parcel::Datagram { outlet: outlet.clone(), bytes, event: cause };
                end.out.push_untold(now, Carriage::Datagram, length, parcel)
            }
        };
        let fact = pushed.fact(Peer::Node(self.node), end.peer);
        self.after_send = fact.map(|fact| (cause, fact));
        Some(Sent { to: end.peer, frame: pushed.frame, due: pushed.due })
    }

    fn flush(&mut self, now: LabTime, conn: ConnId) {
        self.record();
        if let Some((sent, fact)) = self.after_send.take() {
            self.lab.recorder.lab(now, Cause::Event(sent), fact);
        }
        if let Some(end) = self.conns.get(&conn) {
            end.out.told(now, self.outbox, self.lab);
        }
    }

    fn close(&mut self, now: LabTime, conn: ConnId) -> Option<Peer> {
        self.record();
        // One that does not stand yet is simply not wanted any more: its opener meets nobody when it comes.
        self.opening.remove(&conn);
        let end = self.conns.remove(&conn)?;
        end.own_end(Owner::Dead);
        end.leave(now, false, self.lab);
        if matches!(end.peer, Peer::Visitor(_)) {
            self.lab.forget_visitor(end.peer, Peer::Node(self.node));
        }
        Some(end.peer)
    }

    fn persist(&mut self, _: LabTime, token: Token, write: Write, cause: Cause) {
        self.record();
        let Some(disk) = &self.lab.node(self.node).disk else { return };
        let cause = match cause {
            Cause::Event(id) => id,
            // Of a boot that recorded nothing yet: its own first event.
            Cause::Boot | Cause::Unknown => {
                EventId { owner: crate::base::Owner::Node(self.node, self.incarnation), number: 1 }
            }
        };
        disk.ask(self.node, self.incarnation, Wanted { token, write, cause }, self.lab);
    }

    fn result(&mut self, line: Option<String>) {
        self.results.write(line, self.lab);
    }

    fn exit(&mut self) {
        *self.exited = true;
    }
}
