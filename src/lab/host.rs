//! What the lab does for a machine during its turn: the log, the links, the results file.
//!
//! It carries out effects; it decides nothing.

use super::conn::{End, Owner, Tap, Writer};
use super::disk::Wanted;
use super::line::{Connect, Line, Parcel};
use super::results::Results;
use super::shared::Shared;
use crate::base::{ConnId, EventId, Incarnation, LabTime, NodeId, Peer, Token};
use crate::engine::{Host, Sent};
use crate::event::{Cause, Event, Fact};
use crate::message::{Message, Write};
use crate::wire::{Codec, Decoded, Decoder};
use std::collections::{BTreeMap, BTreeSet};
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
    /// The writing half.
    pub writer: Arc<Writer>,
    /// The socket.
    pub stream: Arc<TcpStream>,
    /// Ends the task that reads it.
    pub reader: CancellationToken,
    /// Bytes to messages.
    pub decoder: Decoder,
    /// What is spoken.
    pub codec: Codec,
    /// Whether messages end with a line end, between nodes of ours; a visitor is answered as it asked.
    pub framed: Option<bool>,
    /// What the peer sent, for causes.
    pub tap_in: Option<Arc<Tap>>,
    /// The state of this end's owner, shared with the peer.
    pub own_end: Option<Arc<End>>,
    /// The stream's number on its links.
    pub stream_no: u64,
}

impl Conn {
    /// Bytes to messages.
    pub fn decode(&mut self, bytes: &[u8]) -> Vec<Decoded> {
        let mut decoded = Vec::new();
        self.decoder.feed(bytes, &mut decoded);
        decoded
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
        let parcel = if reset {
            Parcel::Reset(self.writer.clone())
        } else {
            Parcel::Finish(self.writer.clone())
        };
        self.out.push(now, self.stream_no, 0, parcel);
        self.out.deliver(now, usize::MAX, lab);
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
    /// The message whose transmissions were lost, until the log has it: its cause and the fact.
    pub late: Option<(EventId, Fact)>,
}

impl Host for NodeHost<'_> {
    fn emit(&mut self, event: Event) {
        self.lab.recorder.emit(event);
    }

    fn open(&mut self, now: LabTime, conn: ConnId, to: NodeId, framed: bool, cause: EventId) {
        let (opener, incarnation) = (self.node, self.incarnation);
        let out = self.lab.line(Peer::Node(opener), Peer::Node(to));
        self.opening.insert(conn);
        let wish = Connect { opener, incarnation, conn, to, framed, cause };
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
        let end = self.conns.get(&conn)?;
        let framed = end.framed.unwrap_or_else(|| end.decoder.is_framed());
        let mut bytes = Vec::with_capacity(64);
        end.codec.encode(message, framed, &mut bytes);
        let length = bytes.len();
        let parcel = Parcel::Data { writer: end.writer.clone(), bytes, event: cause };
        let pushed = end.out.push(now, end.stream_no, length, parcel);
        if pushed.lost.is_some() {
            // The queue is full. A stream with a hole would teach a lie, so the connection dies instead.
            end.writer.reset();
        }
        if pushed.retransmissions > 0 {
            let (from, to, frame) = (Peer::Node(self.node), end.peer, pushed.frame);
            let (retransmissions, late) = (pushed.retransmissions, pushed.late);
            self.late = Some((cause, Fact::FrameLate { from, to, frame, retransmissions, late }));
        }
        Some(Sent { to: end.peer, frame: pushed.frame, due: pushed.due })
    }

    fn flush(&mut self, now: LabTime, conn: ConnId) {
        if let Some((sent, fact)) = self.late.take() {
            self.lab.recorder.lab(now, Cause::Event(sent), fact);
        }
        if let Some(end) = self.conns.get(&conn) {
            end.out.deliver(now, usize::MAX, self.lab);
        }
    }

    fn close(&mut self, now: LabTime, conn: ConnId) -> Option<Peer> {
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
