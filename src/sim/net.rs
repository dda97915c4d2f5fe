//! The kernels and links of a simulated lab: sockets without sockets. It owns connections, pipes,
//! the agenda and the log; it does not know what any machine does with what it gets.

use super::agenda::{Agenda, Due};
use super::conns::{Conn, Conns, End, Key, State};
use super::disk::{Disk, Wanted};
use super::node::{Arrival, Place};
use crate::base::draw::{Purpose, draw, owner_of_pair};
use crate::base::{ConnId, EventId, FrameId, LabTime, NodeId, Owner, Peer, Token};
use crate::engine::{Control, Host, Opening, Sent};
use crate::event::{Cause, Event, Fact, Fate};
use crate::link::{Carriage, Moved, Pipe};
use crate::log::Log;
use crate::message::{Message, Write};
use crate::script::Script;
use crate::topology::{Kind, Role, Topology};
use crate::wire::dns::Numbers;
use crate::wire::{self, Codec, Reads};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What travels on a link: a segment of one connection, and the event that it comes from.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) key: Key,
    pub(super) cause: EventId,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    /// The first word of the handshake (SYN).
    Open,
    /// The second (SYN, ACK).
    Accept,
    /// The third (ACK).
    Opened,
    /// Nobody listens.
    Refuse,
    /// One message's bytes.
    Data(Vec<u8>),
    /// No more will come (FIN).
    EndOfFile,
    /// The connection is dead (RST).
    Reset,
}

/// One direction between two nodes.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) pipe: Pipe<Frame>,
    /// The earliest moment for which the agenda has an entry.
    entered: LabTime,
}

/// Buffers kept for reuse: more than are in flight at once in most runs.
const SPARE_BUFFERS_MAX: usize = 1024;

/// Everything of a simulated lab but its processes.
#[derive(Debug)]
pub(super) struct Net {
    pub(super) topology: Arc<Topology>,
    pub(super) now: LabTime,
    pub(super) log: Log,
    pub(super) control: Control,
    pub(super) script: Option<Script>,
    pub(super) agenda: Agenda,
    pub(super) places: Vec<Place>,
    pub(super) conns: Conns,
    lines: Vec<Line>,
    line_of: BTreeMap<(NodeId, NodeId), usize>,
    lab_emitted: u64,
    spare: Vec<Vec<u8>>,
    /// The message that found no room, until the log has it.
    overflow: Option<(Key, usize, FrameId)>,
    /// What befell the message just sent, until the log has it: its cause and the fact.
    after_send: Option<(EventId, Fact)>,
}

impl Net {
    pub(super) fn new(topology: Arc<Topology>, keep: usize) -> Self {
        Self {
            now: LabTime::ZERO,
            log: Log::new(keep),
            control: Control::new(topology.clone()),
            script: None,
            agenda: Agenda::default(),
            places: topology.nodes.iter().map(place_of).collect(),
            conns: Conns::default(),
            lines: Vec::new(),
            line_of: BTreeMap::new(),
            lab_emitted: 0,
            spare: Vec::new(),
            overflow: None,
            after_send: None,
            topology,
        }
    }

    pub(super) fn place(&mut self, node: NodeId) -> &mut Place {
        &mut self.places[node.index()]
    }

    /// Appends an event that a node or the lab emitted, for everybody who follows.
    pub(super) fn record(&mut self, event: Event) {
        if let Owner::Node(node, _) = event.id.owner {
            self.places[node.index()].emitted = event.id.number;
        }
        self.control.observe(&event);
        if let Fact::StepBegan { .. } = event.fact {
            self.mark_disks();
        }
        if let Some(script) = &mut self.script {
            script.observe(&event);
        }
        self.log.push(event);
    }

    /// What the disks hold now is what `restore` puts back.
    pub(super) fn mark_disks(&mut self) {
        self.places.iter_mut().for_each(|place| place.disk.mark());
    }

    /// Records a fact of the lab itself.
    pub(super) fn emit(&mut self, cause: Cause, fact: Fact) -> EventId {
        self.lab_emitted += 1;
        let id = EventId { owner: Owner::Lab, number: self.lab_emitted };
        self.record(Event { id, time: self.now, cause, fact });
        id
    }

    /// The direction from one node to another; it comes into being when it is first used.
    pub(super) fn line(&mut self, from: NodeId, to: NodeId) -> usize {
        if let Some(line) = self.line_of.get(&(from, to)) {
            return *line;
        }
        let owner = owner_of_pair(u64::from(from.0), u64::from(to.0));
        let pipe = Pipe::new(self.topology.seed, owner, self.topology.link(from, to));
        self.lines.push(Line { from, to, pipe, entered: LabTime::NEVER });
        self.line_of.insert((from, to), self.lines.len() - 1);
        self.lines.len() - 1
    }

    pub(super) fn pipe(&mut self, line: usize) -> &mut Pipe<Frame> {
        &mut self.lines[line].pipe
    }

    /// Sees to it that the agenda knows when the next frame arrives.
    pub(super) fn schedule(&mut self, line: usize) {
        let it = &mut self.lines[line];
        if let Some(due) = it.pipe.next_due()
            && due < it.entered
        {
            it.entered = due;
            self.agenda.enter(due.max(self.now), Due::Frame(line));
        }
    }

    /// The frame that the agenda announced, if it is still due: from whom, to whom, and what.
    pub(super) fn take_frame(&mut self, line: usize) -> Option<(NodeId, NodeId, FrameId, Frame)> {
        let now = self.now;
        let it = &mut self.lines[line];
        it.entered = LabTime::NEVER;
        let (id, frame) = it.pipe.pop_due(now)?;
        Some((it.from, it.to, id, frame))
    }

    /// Sends a control frame from one end of a connection to the other, behind all that was sent
    /// before.
    pub(super) fn signal(&mut self, key: Key, end: usize, what: What, cause: EventId) {
        let Some(conn) = self.conns.get(key) else { return };
        let line = conn.ends[end].out;
        let frame = Frame { key, cause, what };
        let carriage = carriage(conn.datagrams, key);
        self.lines[line].pipe.push(self.now, carriage, 0, frame);
        self.schedule(line);
    }

    /// Records what became of frames that were on their way already.
    pub(super) fn tell_moved(&mut self, line: usize, moved: &[Moved], cause: EventId) {
        let (from, to) = (self.lines[line].from, self.lines[line].to);
        let (from, to) = (Peer::Node(from), Peer::Node(to));
        for change in moved {
            let fact = match *change {
                Moved::Due(frame, due) => Fact::FrameMoved { from, to, frame, due },
                Moved::Lost(frame, fate) => Fact::FrameLost { from, to, frame, fate },
            };
            self.emit(Cause::Event(cause), fact);
        }
        self.schedule(line);
    }

    /// Records that a message reached nobody.
    pub(super) fn tell_lost(
        &mut self,
        from: NodeId,
        to: NodeId,
        frame: FrameId,
        fate: Fate,
        cause: EventId,
    ) {
        let (from, to) = (Peer::Node(from), Peer::Node(to));
        self.emit(Cause::Event(cause), Fact::FrameLost { from, to, frame, fate });
    }

    /// A frame comes to the host of node `to`: what its kernel does, and what is left for the
    /// process.
    pub(super) fn arrive(
        &mut self,
        from: NodeId,
        to: NodeId,
        id: FrameId,
        frame: Frame,
    ) -> Option<Arrival> {
        let Frame { key, cause, what } = frame;
        let place = &self.places[to.index()];
        if place.has_no_power() {
            if let What::Data(_) = what {
                self.tell_lost(from, to, id, Fate::HostOff, cause);
            }
            return None;
        }
        let alive = place.life.is_alive();
        if self.conns.get(key).is_some_and(|conn| conn.datagrams) {
            return self.arrive_datagram((from, to), id, Frame { key, cause, what });
        }
        let Some(conn) = self.conns.get_mut(key) else {
            if let What::Data(_) = what {
                self.tell_lost(from, to, id, Fate::PeerDead, cause);
            }
            return None;
        };
        let end = conn.end_at(to);
        let state = conn.ends[end].state;
        match what {
            What::Open if !alive || self.topology.node(to).role() == Role::Client => {
                self.signal(key, end, What::Refuse, cause);
                self.conns.end_gone(key, end);
                None
            }
            What::Open => {
                conn.ends[end].state = State::HalfOpen;
                self.signal(key, end, What::Accept, cause);
                None
            }
            // Whoever speaks to a connection that this host does not know is told so. (RFC 9293,
            // 3.5.2)
            What::Accept | What::Opened | What::Data(_) if state == State::Gone => {
                self.signal(key, end, What::Reset, cause);
                if let What::Data(_) = what {
                    self.tell_lost(from, to, id, Fate::PeerDead, cause);
                }
                None
            }
            _ if state == State::Gone => None,
            What::Accept => {
                conn.ends[end].state = State::Open;
                self.signal(key, end, What::Opened, cause);
                Some(Arrival { from, key, end, cause, frame: id, what: What::Accept })
            }
            What::Opened => {
                conn.ends[end].state = State::Open;
                Some(Arrival { from, key, end, cause, frame: id, what: What::Opened })
            }
            other => Some(Arrival { from, key, end, cause, frame: id, what: other }),
        }
    }

    /// The same for a datagram: whoever lives there takes it, and where nobody does the sender's host is told.
    fn arrive_datagram(
        &mut self,
        (from, to): (NodeId, NodeId),
        id: FrameId,
        frame: Frame,
    ) -> Option<Arrival> {
        let Frame { key, cause, what } = frame;
        let alive = self.places[to.index()].life.is_alive();
        let conn = self.conns.get_mut(key)?;
        let end = conn.end_at(to);
        let arrival = Arrival { from, key, end, cause, frame: id, what };
        match (end, &arrival.what) {
            (0, _) if conn.ends[0].state != State::Gone => Some(arrival),
            (1, _) if alive => Some(arrival),
            (end, what) => {
                if let What::Data(_) = what {
                    self.tell_lost(from, to, id, Fate::PeerDead, cause);
                    if end == 1 {
                        self.signal(key, end, What::Refuse, cause);
                    }
                }
                None
            }
        }
    }

    /// How two nodes speak.
    pub(super) fn codec(&self, [from, to]: [NodeId; 2], stream: bool) -> Codec {
        let topology = &self.topology;
        let (wire, role) = (topology.wire(from, to), topology.node(to).role());
        Codec::new(wire, stream, topology.dialect, role)
    }

    /// The end of whoever is asked, as it is before anything came.
    pub(super) fn fresh_end(&self, [from, to]: [NodeId; 2]) -> wire::End {
        let numbers = Numbers::Drawn { seed: 0, owner: 0 };
        self.codec([from, to], false).end(Reads::Questions, true, numbers)
    }

    /// Ends one end of a connection without a word to its process; tells the other end with `what`,
    /// if anything.
    pub(super) fn abandon(&mut self, key: Key, end: usize, what: Option<What>, cause: EventId) {
        let Some(conn) = self.conns.get(key) else { return };
        let it = &conn.ends[end];
        let (node, conn_id) = (it.node, it.conn);
        let spoke = it.state != State::Opening && !conn.datagrams;
        if let Some(what) = what
            && spoke
        {
            self.signal(key, end, what, cause);
        }
        if let Some(id) = conn_id {
            self.place(node).conns.remove(&id);
        }
        self.conns.end_gone(key, end);
    }

    /// Lets a disk begin with what waits for it, if it can.
    pub(super) fn begin_commit(&mut self, now: LabTime, node: NodeId) {
        let seed = self.topology.seed;
        if let Some((took, number)) = self.place(node).disk.begin(seed, node) {
            self.agenda.enter(now + took, Due::Commit(node, number));
        }
    }

    /// A buffer to write into.
    fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// A buffer that has been read.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS_MAX {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

/// How frames of a connection are carried.
fn carriage(datagrams: bool, key: Key) -> Carriage {
    if datagrams { Carriage::Datagram } else { Carriage::Stream(key.stream()) }
}

fn place_of(node: &crate::topology::Node) -> Place {
    match &node.kind {
        Kind::Replica(replica) => Place { disk: Disk::new(replica.disk), ..Place::default() },
        _ => Place::default(),
    }
}

/// The surroundings of one node while it has its turn.
pub(super) struct Seat<'a> {
    pub(super) net: &'a mut Net,
    pub(super) node: NodeId,
}

impl Seat<'_> {
    fn end_of(&self, conn: ConnId) -> Option<(Key, usize)> {
        self.net.places[self.node.index()].conns.get(&conn).copied()
    }
}

impl Host for Seat<'_> {
    fn emit(&mut self, event: Event) {
        self.net.record(event);
    }

    fn open(&mut self, now: LabTime, conn: ConnId, to: NodeId, how: Opening, cause: EventId) {
        let codec = self.net.codec([self.node, to], how.stream);
        let (framed, datagrams) = (how.framed, codec.takes_datagrams());
        let owner = draw(u64::from(self.node.0), conn.0, Purpose::QuestionNumber, cause.number);
        let numbers = Numbers::Drawn { seed: self.net.topology.seed, owner };
        let end = |node, conn, out, reads| End {
            node,
            state: State::Opening,
            conn,
            out,
            wire: codec.end(reads, framed, numbers),
        };
        let (there, back) = (self.net.line(self.node, to), self.net.line(to, self.node));
        let opener = end(self.node, Some(conn), there, Reads::Answers);
        let acceptor = end(to, None, back, Reads::Questions);
        let ends = [opener, acceptor];
        let key = self.net.conns.insert(Conn { ends, datagrams, framed, opening: cause });
        self.net.place(self.node).conns.insert(conn, (key, 0));
        if datagrams {
            // Nobody is told: a socket that is bound here and knows where to send to is all there is.
            self.net.agenda.enter(now, Due::Bound(key));
        } else {
            self.net.signal(key, 0, What::Open, cause);
        }
    }

    fn push(
        &mut self,
        now: LabTime,
        conn: ConnId,
        message: &Arc<Message>,
        cause: EventId,
    ) -> Option<Sent> {
        let (key, end) = self.end_of(conn)?;
        let mut bytes = self.net.buffer();
        let it = self.net.conns.get_mut(key)?;
        if it.ends[end].state != State::Open {
            return None;
        }
        let framed = if end == 0 { it.framed } else { it.ends[1].wire.is_framed() };
        let (line, to) = (it.ends[end].out, it.ends[1 - end].node);
        it.ends[end].wire.encode(message, framed, &mut bytes);
        // Zero bytes would make it a control frame.
        let size = bytes.len().max(1);
        let frame = Frame { key, cause, what: What::Data(bytes) };
        let datagrams = it.datagrams;
        let carriage = carriage(datagrams, key);
        let pushed = self.net.lines[line].pipe.push(now, carriage, size, frame);
        if pushed.lost.is_some() && !datagrams {
            self.net.overflow = Some((key, end, pushed.frame));
        } else {
            let (from, to) = (Peer::Node(self.node), Peer::Node(to));
            self.net.after_send = pushed.fact(from, to).map(|fact| (cause, fact));
        }
        Some(Sent { to: Peer::Node(to), frame: pushed.frame, due: pushed.due })
    }

    fn flush(&mut self, now: LabTime, conn: ConnId) {
        if let Some((sent, fact)) = self.net.after_send.take() {
            self.net.emit(Cause::Event(sent), fact);
        }
        if let Some((key, end, frame)) = self.net.overflow.take()
            && let Some(it) = self.net.conns.get(key)
        {
            let (from, to) = (it.ends[end].node, it.ends[1 - end].node);
            let cause = self.net.places[self.node.index()].newest(self.node);
            self.net.tell_lost(from, to, frame, Fate::Overflow, cause);
            self.net.agenda.enter(now, Due::Broken(key, end));
        }
        if let Some((key, end)) = self.end_of(conn)
            && let Some(it) = self.net.conns.get(key)
        {
            let line = it.ends[end].out;
            self.net.schedule(line);
        }
    }

    fn close(&mut self, _: LabTime, conn: ConnId) -> Option<Peer> {
        let (key, end) = self.end_of(conn)?;
        let peer = self.net.conns.get(key)?.ends[1 - end].node;
        // The number that the fact of this close is about to get.
        let mut cause = self.net.places[self.node.index()].newest(self.node);
        cause.number += 1;
        self.net.abandon(key, end, Some(What::EndOfFile), cause);
        Some(Peer::Node(peer))
    }

    fn persist(&mut self, now: LabTime, token: Token, write: Write, cause: Cause) {
        let place = &mut self.net.places[self.node.index()];
        let cause = match cause {
            Cause::Event(id) => id,
            Cause::Boot | Cause::Unknown => place.newest(self.node),
        };
        place.disk.ask(Wanted { token, write, cause });
        self.net.begin_commit(now, self.node);
    }

    fn result(&mut self, line: Option<String>) {
        let results = &mut self.net.place(self.node).results;
        match line {
            Some(line) => results.push(line),
            None => results.clear(),
        }
    }

    fn exit(&mut self) {
        self.net.place(self.node).exited = true;
    }
}
