//! The lab on virtual time: the same machines and links, no tokio, one seed, the same log every
//! time.
//!
//! It owns the processes of a simulated lab and the order in which things happen to them. Frames
//! arrive before timers of the same moment fire; of the rest, what was entered first comes first.
//! Time jumps from one thing that is due to the next, so pauses and rates of the clock are recorded
//! and change nothing.

mod acts;
mod agenda;
mod conns;
mod disk;
mod net;
mod node;
mod play;
#[cfg(test)]
mod tests;

pub use play::{Played, Verdict};

use crate::base::draw::{Purpose, draw};
use crate::base::{EventId, FrameId, Incarnation as Number, LabTime, NodeId, Peer};
use crate::command::Command;
use crate::engine::Incarnation;
use crate::event::{Cause, Ending, Fact, Fate, Hand, Life, Side};
use crate::log::{EVENTS_MAX, Log};
use crate::machine::{Input, Machine, build};
use crate::topology::Topology;
use crate::wire::Decoded;
use agenda::Due;
use conns::State;
use net::{Net, Seat, What};
use node::{Arrival, Waiting};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Makes the machine of a node's next life.
pub type Maker = Box<dyn Fn(&Arc<Topology>, NodeId, Number) -> Box<dyn Machine> + Send>;

/// A laboratory on virtual time.
pub struct Sim {
    net: Net,
    lives: Vec<Option<Box<Incarnation>>>,
    maker: Maker,
    chopped: bool,
    decoded: Vec<Decoded>,
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim").field("now", &self.net.now).finish_non_exhaustive()
    }
}

impl Sim {
    /// A lab of this topology in which every draw comes from `seed`, started: links set, nodes
    /// booted.
    #[must_use]
    pub fn new(topology: &Topology, seed: u64) -> Self {
        Self::with_machines(topology, seed, Box::new(build))
    }

    /// The same with machines of the caller's own.
    #[must_use]
    pub fn with_machines(topology: &Topology, seed: u64, maker: Maker) -> Self {
        let topology = Arc::new(Topology { seed, ..topology.clone() });
        let mut sim = Self {
            lives: topology.nodes.iter().map(|_| None).collect(),
            net: Net::new(topology, EVENTS_MAX),
            maker,
            chopped: false,
            decoded: Vec::new(),
        };
        sim.net.mark_disks();
        for act in sim.net.control.start() {
            sim.act(act, Cause::Boot);
        }
        sim
    }

    /// Lets every message on a line-framed connection arrive in two pieces, cut at a place drawn by
    /// its frame's number.
    pub fn chop(&mut self, on: bool) {
        self.chopped = on;
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> LabTime {
        self.net.now
    }

    /// Everything that happened.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.net.log
    }

    /// The topology, with the seed of this run.
    #[must_use]
    pub fn topology(&self) -> &Arc<Topology> {
        &self.net.topology
    }

    /// The state of a node, in truth.
    #[must_use]
    pub fn life(&self, node: NodeId) -> Life {
        self.net.places[node.index()].life
    }

    /// The lines of a node's results file.
    #[must_use]
    pub fn results(&self, node: NodeId) -> &[String] {
        &self.net.places[node.index()].results
    }

    /// Carries a person's command out.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub fn give(&mut self, command: Command) -> Result<(), String> {
        self.command(command, Hand::Person, Cause::Unknown)
    }

    /// When something happens next, if anything ever does.
    #[must_use]
    pub fn next_due(&self) -> Option<LabTime> {
        self.net.agenda.next()
    }

    /// Goes on to the next thing that is due and lets it happen. False if nothing ever is.
    pub fn step(&mut self) -> bool {
        let Some((at, due)) = self.net.agenda.take() else { return false };
        self.net.now = at.max(self.net.now);
        match due {
            Due::Frame(line) => {
                let Some((from, to, id, frame)) = self.net.take_frame(line) else {
                    self.net.schedule(line);
                    return true;
                };
                // The rest of what is due now comes after what this frame sets going.
                self.net.schedule(line);
                if let Some(arrival) = self.net.arrive(from, to, id, frame) {
                    self.deliver(to, arrival);
                }
            }
            Due::Timer(node) => {
                self.net.place(node).timer_entered = LabTime::NEVER;
                if matches!(self.life(node), Life::Up | Life::Stopping) {
                    self.with_life(node, |life, seat| life.fire_due(seat.net.now, seat));
                }
            }
            Due::Broken(key, end) => self.break_conn(key, end),
            Due::Bound(key) => self.bound(key),
            Due::Commit(node, number) => self.committed(node, number),
        }
        true
    }

    /// Lets everything happen that is due up to a moment, and goes there.
    pub fn run_until(&mut self, until: LabTime) {
        while self.next_due().is_some_and(|due| due <= until) {
            self.step();
        }
        self.net.now = self.net.now.max(until);
    }

    /// A socket for datagrams is there: whoever asked for it may send.
    fn bound(&mut self, key: conns::Key) {
        let Some(conn) = self.net.conns.get_mut(key) else { return };
        if conn.ends[0].state != State::Opening {
            return;
        }
        conn.ends[0].state = State::Open;
        let (from, to, cause) = (conn.ends[1].node, conn.ends[0].node, conn.opening);
        let (frame, what) = (FrameId(0), What::Accept);
        self.deliver(to, Arrival { from, key, end: 0, cause, frame, what });
    }

    /// The first datagram from an address, or the first that this process sees of it.
    fn meet(&mut self, node: NodeId, from: NodeId, key: conns::Key) {
        let wire = self.net.fresh_end([from, node]);
        let Some(life) = self.lives[node.index()].as_mut() else { return };
        let id = life.accept();
        let Some(conn) = self.net.conns.get_mut(key) else { return };
        let opening = conn.opening;
        let end = &mut conn.ends[1];
        (end.conn, end.state, end.wire) = (Some(id), State::Open, wire);
        self.net.place(node).conns.insert(id, (key, 1));
        let input = Input::Opened { conn: id, peer: Peer::Node(from), side: Side::Acceptor };
        self.turn(node, input, opening);
    }

    /// Hands something to a process, or to the backlog of one that stands still.
    fn deliver(&mut self, node: NodeId, arrival: Arrival) {
        match self.life(node) {
            Life::Frozen => self.net.place(node).backlog.push_back(Waiting::Arrival(arrival)),
            Life::Up | Life::Stopping => self.handle(node, arrival),
            _ => {}
        }
    }

    fn handle(&mut self, node: NodeId, arrival: Arrival) {
        let Arrival { from, key, end, cause, frame, what } = arrival;
        let is_news =
            |conn: &conns::Conn| conn.datagrams && end == 1 && conn.ends[1].state != State::Open;
        if self.net.conns.get(key).is_some_and(is_news) {
            self.meet(node, from, key);
        }
        let Some(conn) = self.net.conns.get_mut(key) else { return };
        let opening = conn.opening;
        let peer = Peer::Node(from);
        if conn.ends[end].state == State::Gone {
            // Closed by the process with data unread: the writer is told. (RFC 9293, 3.10.7.1; RFC
            // 2525, 2.17)
            if let What::Data(_) = what {
                if !conn.datagrams {
                    self.net.signal(key, end, What::Reset, cause);
                }
                self.net.tell_lost(from, node, frame, Fate::PeerDead, cause);
            }
            return;
        }
        if let What::Opened = what {
            let Some(life) = self.lives[node.index()].as_mut() else { return };
            let id = life.accept();
            conn.ends[end].conn = Some(id);
            self.net.place(node).conns.insert(id, (key, end));
            let input = Input::Opened { conn: id, peer, side: Side::Acceptor };
            return self.turn(node, input, opening);
        }
        let Some(id) = conn.ends[end].conn else { return };
        match what {
            What::Accept => {
                let input = Input::Opened { conn: id, peer, side: Side::Opener };
                self.turn(node, input, opening);
            }
            What::Refuse => {
                self.net.abandon(key, end, None, cause);
                self.turn(node, Input::Refused { conn: id, peer }, cause);
            }
            What::EndOfFile => {
                let ending = Ending::EndOfFile;
                self.turn(node, Input::Ended { conn: id, peer, ending }, cause);
            }
            What::Reset => {
                self.net.abandon(key, end, None, cause);
                let ending = Ending::Reset;
                self.turn(node, Input::Ended { conn: id, peer, ending }, cause);
            }
            What::Data(bytes) => self.receive(node, (key, end), frame, bytes, cause),
            What::Open | What::Opened => {}
        }
    }

    /// A chunk of bytes goes through the connection's decoder.
    fn receive(
        &mut self,
        node: NodeId,
        (key, end): (conns::Key, usize),
        frame: FrameId,
        bytes: Vec<u8>,
        cause: EventId,
    ) {
        let mut items = std::mem::take(&mut self.decoded);
        if let Some(conn) = self.net.conns.get_mut(key) {
            let decoder = &mut conn.ends[end].wire;
            if self.chopped && conn.framed && !conn.datagrams && !bytes.is_empty() {
                let drawn = draw(self.net.topology.seed, 0, Purpose::Nemesis, frame.0);
                let (head, rest) = bytes.split_at(drawn as usize % bytes.len());
                decoder.feed(head, &mut items);
                decoder.feed(rest, &mut items);
            } else {
                decoder.feed(&bytes, &mut items);
            }
        }
        self.net.give_back(bytes);
        for item in items.drain(..) {
            self.read(node, (key, end), item, cause);
        }
        self.decoded = items;
    }

    /// One message, or what should have been one, comes out of a connection.
    fn read(&mut self, node: NodeId, at: (conns::Key, usize), item: Decoded, cause: EventId) {
        let (key, end) = at;
        let Some(conn) = self.net.conns.get(key) else { return };
        let (State::Open, Some(id)) = (conn.ends[end].state, conn.ends[end].conn) else { return };
        let peer = Peer::Node(conn.ends[1 - end].node);
        match item {
            Decoded::Message(message, _) => {
                let message = Arc::new(message);
                self.turn(node, Input::Received { conn: id, peer, message }, cause);
            }
            Decoded::Malformed(why) => {
                self.turn(node, Input::Malformed { conn: id, peer, why }, cause);
            }
            Decoded::Unasked(why) => {
                self.turn(node, Input::Unasked { conn: id, peer, why }, cause);
            }
            Decoded::TooLong => {
                let why = Arc::from("a line without an end: longer than 64 KiB");
                self.turn(node, Input::Malformed { conn: id, peer, why }, cause);
                let newest = self.net.places[node.index()].newest(node);
                self.net.signal(key, end, What::Reset, newest);
                self.lose_conn(key, end, newest);
            }
        }
    }

    /// A connection dies under its process.
    fn lose_conn(&mut self, key: conns::Key, end: usize, cause: EventId) {
        let Some(conn) = self.net.conns.get(key) else { return };
        let it = &conn.ends[end];
        if it.state == State::Gone {
            return;
        }
        let peer = Peer::Node(conn.ends[1 - end].node);
        let (node, id) = (it.node, it.conn);
        self.net.abandon(key, end, None, cause);
        if let Some(conn) = id {
            let ending = Ending::Reset;
            self.turn(node, Input::Ended { conn, peer, ending }, cause);
        }
    }

    /// A stream that had no room for a frame has a hole: both ends see a reset.
    fn break_conn(&mut self, key: conns::Key, end: usize) {
        let Some(conn) = self.net.conns.get(key) else { return };
        let node = conn.ends[end].node;
        let newest = self.net.places[node.index()].newest(node);
        self.net.signal(key, end, What::Reset, newest);
        self.lose_conn(key, end, newest);
    }

    fn turn(&mut self, node: NodeId, input: Input, cause: EventId) {
        self.with_life(node, |life, seat| {
            life.turn(seat.net.now, input, Cause::Event(cause), seat);
        });
    }

    /// Lets a process have its turn, and sees what has become of it: a panic of its machine is the
    /// crash of its process and nobody else's.
    fn with_life(&mut self, node: NodeId, turn: impl FnOnce(&mut Incarnation, &mut Seat<'_>)) {
        let Some(mut life) = self.lives[node.index()].take() else { return };
        let mut seat = Seat { net: &mut self.net, node };
        match catch_unwind(AssertUnwindSafe(|| turn(&mut life, &mut seat))) {
            Ok(()) if self.net.places[node.index()].exited => self.stopped(node),
            Ok(()) => {
                self.schedule_timer(node, &life);
                self.lives[node.index()] = Some(life);
            }
            Err(panic) => {
                let why = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("a panic without words");
                let cause = Cause::Event(self.net.places[node.index()].newest(node));
                self.die(
                    node,
                    Fact::NodeCrashed { node, why: Arc::from(why) },
                    Life::Crashed,
                    cause,
                );
            }
        }
    }

    fn schedule_timer(&mut self, node: NodeId, life: &Incarnation) {
        let now = self.net.now;
        let place = self.net.place(node);
        if let Some(at) = life.next_timer()
            && at < place.timer_entered
        {
            place.timer_entered = at;
            self.net.agenda.enter(at.max(now), Due::Timer(node));
        }
    }
}
