//! One direction of a link in the running lab: its queue, and the handing over of what is due to real sockets.
//!
//! Who delivers may hold a node's lock, so nothing here ever takes one: what must become a node's turn is handed to
//! the scheduler's task instead.

use super::conn::{Owner, Writer};
use super::flow::{Flow, Introduction, Outlet};
use super::outbox::{Leaving, Outbox};
use super::scheduler::Wake;
use super::shared::Shared;
use crate::base::{ConnId, EventId, FrameId, Incarnation, LabTime, Peer, draw};
use crate::engine::Opening;
use crate::event::{Cause, Ending, Fact, Fate};
use crate::link::{Carriage, Moved, Pipe, Pushed};
use crate::message::Faults;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;

/// What travels on a link.
#[derive(Debug, Clone)]
pub enum Parcel {
    /// Bytes of a stream.
    Data {
        /// Where they are written when they arrive.
        writer: Arc<Writer>,
        /// The bytes.
        bytes: Vec<u8>,
        /// The `MessageSent` they belong to.
        event: EventId,
    },
    /// A datagram.
    Datagram {
        /// How it is sent on when it has come over the link.
        outlet: Arc<Outlet>,
        /// The bytes.
        bytes: Vec<u8>,
        /// The `MessageSent` it belongs to.
        event: EventId,
    },
    /// The end of a stream in good order.
    Finish(Arc<Writer>),
    /// The end of a stream by reset.
    Reset(Arc<Writer>),
    /// Somebody wants to open a connection.
    Connect(Connect),
    /// Something that becomes a turn of the node at the receiving end.
    Turn(Turn),
}

/// A wish to open a connection.
#[derive(Debug, Clone)]
pub struct Connect {
    /// The node that opens.
    pub opener: crate::base::NodeId,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// The number of its end.
    pub conn: ConnId,
    /// To whom.
    pub to: crate::base::NodeId,
    /// How.
    pub how: Opening,
    /// The `ConnOpening` event.
    pub cause: EventId,
}

/// What becomes a turn of a node.
#[derive(Debug, Clone)]
pub enum Turn {
    /// The connection it asked for stands.
    Connected {
        /// The wish.
        wish: Connect,
        /// The socket.
        stream: Arc<TcpStream>,
        /// The record of both directions, if the other end is ours.
        pair: Option<super::conn::Pair>,
    },
    /// The socket for the datagrams it asked for is there.
    Bound {
        /// The wish.
        wish: Connect,
        /// The socket.
        socket: Arc<UdpSocket>,
        /// Its address, and what the other end is told of it, if that is ours.
        intro: Option<(SocketAddr, Introduction)>,
    },
    /// The connection it asked for was refused.
    Refused(Connect),
    /// Nobody listens where its datagrams go.
    Unreachable(Flow),
    /// Bytes from somebody outside, after their way over the link.
    Bytes {
        /// The node.
        node: crate::base::NodeId,
        /// Its incarnation.
        incarnation: Incarnation,
        /// Its end.
        conn: ConnId,
        /// What came.
        bytes: Vec<u8>,
    },
    /// The end of a connection from outside, after its way over the link.
    Ended {
        /// The node.
        node: crate::base::NodeId,
        /// Its incarnation.
        incarnation: Incarnation,
        /// Its end.
        conn: ConnId,
        /// How.
        ending: Ending,
    },
}

/// One direction of a link.
#[derive(Debug)]
pub struct Line {
    /// From this end …
    pub from: Peer,
    /// … to that one.
    pub to: Peer,
    pipe: Mutex<Pipe<Parcel>>,
    /// The moment for which the scheduler has been asked, so that it is not asked twice.
    armed: AtomicU64,
    /// Turns that have come over it and have not been taken by their node yet.
    untaken: AtomicUsize,
    /// A message was put on it that the log does not know of yet: until it does, nothing is handed over, or its receipt
    /// could stand before its sending. Written while the queue's lock is held.
    untold: AtomicBool,
}

fn number(peer: Peer) -> u64 {
    match peer {
        Peer::Node(id) => u64::from(id.0),
        Peer::Visitor(id) => (1 << 17) + u64::from(id.0),
    }
}

impl Line {
    /// A link's direction with these faults.
    #[must_use]
    pub fn new(seed: u64, from: Peer, to: Peer, faults: Faults) -> Self {
        let owner = draw::owner_of_pair(number(from), number(to));
        let pipe = Mutex::new(Pipe::new(seed, owner, faults));
        let (armed, untaken) = (AtomicU64::new(u64::MAX), AtomicUsize::new(0));
        Self { from, to, pipe, armed, untaken, untold: AtomicBool::new(false) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pipe<Parcel>> {
        self.pipe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its present faults.
    pub fn faults(&self) -> Faults {
        *self.lock().faults()
    }

    /// Whether a frame would pass at once, ahead of nothing.
    pub fn is_clear(&self) -> bool {
        let pipe = self.lock();
        pipe.is_empty() && pipe.faults().is_perfect() && self.untaken.load(Ordering::Acquire) == 0
    }

    /// When the next frame is due, if any is on its way.
    pub fn next_due(&self) -> Option<LabTime> {
        self.lock().next_due()
    }

    /// A turn that came over it was taken by its node.
    pub fn handed_over(&self) {
        self.untaken.fetch_sub(1, Ordering::AcqRel);
    }

    /// Puts a message of a node's on the link. Neither it nor anything else goes further before [`Line::told`].
    pub fn push_untold(
        &self,
        now: LabTime,
        carriage: Carriage,
        bytes: usize,
        parcel: Parcel,
    ) -> Pushed {
        let mut pipe = self.lock();
        self.untold.store(true, Ordering::Release);
        pipe.push(now, carriage, bytes, parcel)
    }

    /// The log has the message that was put on it: what is due is handed over. Datagrams may wait in the outbox for
    /// others of the same node, if it holds them.
    pub fn told(self: &Arc<Self>, now: LabTime, outbox: &mut Outbox, lab: &Shared) {
        self.untold.store(false, Ordering::Release);
        self.deliver_through(now, usize::MAX, outbox, lab);
    }

    /// Puts a parcel on the link. It goes no further before [`Line::deliver`].
    pub fn push(&self, now: LabTime, stream: u64, bytes: usize, parcel: Parcel) -> Pushed {
        self.lock().push(now, Carriage::Stream(stream), bytes, parcel)
    }

    /// The same for what travels by itself.
    pub fn push_datagram(&self, now: LabTime, bytes: usize, parcel: Parcel) -> Pushed {
        self.lock().push(now, Carriage::Datagram, bytes, parcel)
    }

    /// Records what befell a frame from outside: no message was sent that the log knows of.
    pub fn befell(&self, now: LabTime, pushed: &Pushed, lab: &Shared) {
        if let Some(fact) = pushed.fact(self.from, self.to) {
            lab.recorder.lab(now, Cause::Unknown, fact);
        }
    }

    /// Hands over what is due, at most `most` parcels, and asks to be woken for the rest.
    pub fn deliver(self: &Arc<Self>, now: LabTime, most: usize, lab: &Shared) {
        self.deliver_through(now, most, &mut Outbox::default(), lab);
    }

    fn deliver_through(
        self: &Arc<Self>,
        now: LabTime,
        most: usize,
        outbox: &mut Outbox,
        lab: &Shared,
    ) {
        let mut pipe = self.lock();
        if self.untold.load(Ordering::Acquire) {
            // Whoever put it there delivers at once when it is told.
            return;
        }
        // Paused: what is on the link stays there, also what is due at this very moment.
        if !lab.clock.is_paused() || most == 1 {
            for _ in 0..most {
                // The lock is held while a parcel is carried out: two threads delivering must not swap two writes.
                let Some((frame, parcel)) = pipe.pop_due(now) else { break };
                self.carry_out(now, frame, parcel, outbox, lab);
            }
            // Only where nothing else can overtake it may a datagram wait.
            if !outbox.is_held() || !pipe.is_empty() || !pipe.faults().is_perfect() {
                outbox.send(now, lab);
            }
        }
        if let Some(due) = pipe.next_due() {
            drop(pipe);
            self.wake_at(due, lab);
        }
    }

    /// The scheduler's call: forgets what it was asked for, then delivers.
    pub fn woken(self: &Arc<Self>, now: LabTime, most: usize, lab: &Shared) {
        self.armed.store(u64::MAX, Ordering::Release);
        self.deliver(now, most, lab);
    }

    fn wake_at(self: &Arc<Self>, due: LabTime, lab: &Shared) {
        if due != LabTime::NEVER && self.armed.fetch_min(due.0, Ordering::AcqRel) > due.0 {
            lab.scheduler.arm(due, Wake::Line(self.clone()));
        }
    }

    fn carry_out(
        self: &Arc<Self>,
        now: LabTime,
        frame: FrameId,
        parcel: Parcel,
        outbox: &mut Outbox,
        lab: &Shared,
    ) {
        match parcel {
            Parcel::Data { writer, bytes, event } => {
                let fate = match writer.peer_owner() {
                    Owner::Off => Some(Fate::HostOff),
                    Owner::Dead => Some(Fate::PeerDead),
                    // A host that came back answers the bytes of an old connection with a reset: its kernel does
                    // that, so the bytes are written and its end's watcher sees them.
                    Owner::Alive | Owner::Returned => {
                        (!writer.write(&bytes, event, &lab.runtime)).then_some(Fate::PeerDead)
                    }
                };
                if let Some(fate) = fate {
                    let fact = Fact::FrameLost { from: self.from, to: self.to, frame, fate };
                    lab.recorder.lab(now, Cause::Event(event), fact);
                }
            }
            Parcel::Datagram { outlet, bytes, event } => {
                let (from, to) = (self.from, self.to);
                outbox.put(Leaving { outlet, bytes, event, frame, from, to });
            }
            Parcel::Finish(writer) => writer.finish(),
            Parcel::Reset(writer) => writer.reset(),
            Parcel::Connect(wish) => lab.connect(wish),
            Parcel::Turn(turn) => {
                // Counted while the queue's lock is held: nothing may pass it on a way that looks clear.
                self.untaken.fetch_add(1, Ordering::AcqRel);
                lab.hand_over(turn, self.clone());
            }
        }
    }

    /// Changes the faults and records what that does to frames on the way.
    pub fn set_faults(self: &Arc<Self>, now: LabTime, faults: Faults, cause: Cause, lab: &Shared) {
        let mut moved = Vec::new();
        self.lock().set_faults(now, faults, &mut moved);
        let fact = Fact::FaultsSet { from: self.from, to: self.to, faults: Arc::new(faults) };
        let set = lab.recorder.lab(now, cause, fact);
        self.record(now, &moved, Cause::Event(set), lab);
    }

    /// Lets held frames go.
    pub fn release(
        self: &Arc<Self>,
        now: LabTime,
        frame: Option<FrameId>,
        cause: Cause,
        lab: &Shared,
    ) {
        let mut moved = Vec::new();
        self.lock().release(now, frame, &mut moved);
        self.record(now, &moved, cause, lab);
    }

    /// Takes a frame off the link. False if it is not there.
    pub fn drop_frame(&self, now: LabTime, frame: FrameId, cause: Cause, lab: &Shared) -> bool {
        let there = self.lock().drop_frame(frame).is_some();
        if there {
            let fact = Fact::FrameLost { from: self.from, to: self.to, frame, fate: Fate::Dropped };
            lab.recorder.lab(now, cause, fact);
        }
        there
    }

    fn record(self: &Arc<Self>, now: LabTime, moved: &[Moved], cause: Cause, lab: &Shared) {
        for change in moved {
            let (from, to) = (self.from, self.to);
            let fact = match *change {
                Moved::Due(frame, due) => Fact::FrameMoved { from, to, frame, due },
                Moved::Lost(frame, fate) => Fact::FrameLost { from, to, frame, fate },
            };
            lab.recorder.lab(now, cause, fact);
        }
        self.deliver(now, usize::MAX, lab);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{NodeId, VisitorId};
    use crate::topology::{Bundled, load_text};

    #[test]
    fn what_the_log_does_not_know_of_is_not_handed_over() {
        let text = "[nodes.ts]\nrole = \"ts\"\nrecords = { \"a.b\" = \"192.0.2.1\" }\n";
        let topology = load_text("test.toml", text, &Bundled).expect("a good file").topology;
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let lab = Shared::new(Arc::new(topology), runtime.handle().clone(), None);
        let line = lab.line(Peer::Visitor(VisitorId(1)), Peer::Node(NodeId(0)));
        let (node, incarnation) = (NodeId(0), Incarnation(1));
        let turn = Turn::Ended { node, incarnation, conn: ConnId(1), ending: Ending::EndOfFile };
        line.push_untold(LabTime::ZERO, Carriage::Stream(1), 0, Parcel::Turn(turn));
        // The scheduler's thread, while the sender's is held up: it is due, and stays.
        line.woken(LabTime(1), usize::MAX, &lab);
        assert!(lab.next_turn().is_none());
        line.told(LabTime(1), &mut Outbox::default(), &lab);
        assert!(lab.next_turn().is_some());
    }

    #[test]
    fn what_a_full_queue_drops_is_counted_in_the_log() {
        let text = "[nodes.ts]\nrole = \"ts\"\nrecords = { \"a.b\" = \"192.0.2.1\" }\n";
        let topology = load_text("test.toml", text, &Bundled).expect("a good file").topology;
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let lab = Shared::new(Arc::new(topology), runtime.handle().clone(), None);
        let line = lab.line(Peer::Visitor(VisitorId(1)), Peer::Node(NodeId(0)));
        let slow = Faults { extra: std::time::Duration::from_secs(1), ..Faults::default() };
        line.set_faults(LabTime::ZERO, slow, Cause::Boot, &lab);
        let (node, incarnation) = (NodeId(0), Incarnation(1));
        for _ in 0..crate::link::FRAMES_MAX + 3 {
            let turn = Turn::Ended { node, incarnation, conn: ConnId(1), ending: Ending::Reset };
            let pushed = line.push_datagram(LabTime::ZERO, 1, Parcel::Turn(turn));
            line.befell(LabTime::ZERO, &pushed, &lab);
        }
        assert_eq!(line.lock().len(), crate::link::FRAMES_MAX);
        let tail = lab.recorder.read(0, usize::MAX);
        let dropped = tail
            .events()
            .filter(|event| matches!(event.fact, Fact::FrameLost { fate: Fate::Overflow, .. }));
        assert_eq!(dropped.count(), 3);
    }

    #[test]
    fn a_way_is_clear_only_when_what_passed_it_has_been_taken() {
        let text = "[nodes.ts]\nrole = \"ts\"\nrecords = { \"a.b\" = \"192.0.2.1\" }\n";
        let topology = load_text("test.toml", text, &Bundled).expect("a good file").topology;
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let lab = Shared::new(Arc::new(topology), runtime.handle().clone(), None);
        let line = lab.line(Peer::Visitor(VisitorId(1)), Peer::Node(NodeId(0)));
        assert!(line.is_clear());
        let (node, incarnation) = (NodeId(0), Incarnation(1));
        let turn = Turn::Ended { node, incarnation, conn: ConnId(1), ending: Ending::EndOfFile };
        line.push(LabTime::ZERO, 1, 0, Parcel::Turn(turn));
        assert!(!line.is_clear(), "it is on its way");
        line.deliver(LabTime(1), usize::MAX, &lab);
        assert!(!line.is_clear(), "its node has not taken it: what is read now must not pass it");
        let (_, over) = lab.next_turn().expect("it was handed over");
        over.handed_over();
        assert!(line.is_clear());
    }
}
