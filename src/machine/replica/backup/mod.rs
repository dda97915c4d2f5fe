//! A replica of the scheme primary-backup: one leads and serves the writes, the others are its copies.
//!
//! - *Serving.* The leader puts a write into its log and on its disk and acknowledges it: at once (`async`), or when
//!   every backup that it believes alive has it on its disk, too (`sync`). A write is known by its id, so a retry is
//!   not done again. Reads are answered by whoever is asked, from what that one has and may show: see `read`.
//! - *Heartbeats.* Either the backups ask their leader and it replies (`pull`, as in the original), or the leader
//!   sends (`push`). A backup that has heard nothing for `suspect_after` suspects its leader. A lost connection is no
//!   proof: only silence is.
//! - *Election*, as the original has it: on suspicion a backup asks all lower ids, and takes over when none of them
//!   has answered within a heartbeat. Whoever answered is expected to take over itself; if it does not, the backup
//!   asks again. See `elect`.
//! - *Catching up.* A backup whose log does not match what its leader says it sent asks for the whole log, or for what
//!   it lacks. See `catch_up`.
//! - *A variant that blocks*, to be shown and not to be used: see `waits`.
//!
//! It knows nothing of faults: a crash, a cut and a frozen host are refusals, resets, ends of file and silence here,
//! and each of them has a defined effect in every stage.

mod ballot;
mod catch_up;
mod elect;
mod heartbeat;
mod links;
mod peers;
mod read;
mod replicate;
mod serve;
mod told;
mod waits;

use super::disk::Disk;
use super::named::Named;
use super::reads::Reads;
use super::store::Store;
use crate::base::{Incarnation, LabTime, NodeId, Peer, QuestionNo};
use crate::event::Side;
use crate::machine::askers::Askers;
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects, Input, Machine};
use crate::message::{
    Flaw, Image, Message, Note, OpId, Position, ReplicaMessage as Say, StoreNote,
};
use crate::topology::{HeartbeatMode, Propagation, ReplicaConfig, Role, Topology};
use ballot::Ballot;
use catch_up::Asked;
use peers::Peers;
use serve::{Held, Waiter};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use waits::Waits;

/// Those whom a new leader has still to hear, and how far they said they are.
type Settling = BTreeMap<NodeId, Option<Position>>;

/// Where a replica stands.
#[derive(Debug)]
enum Stage {
    /// It leads. While it settles it takes no write: these may yet turn out to be further than it is itself.
    Leads { settling: Option<Settling> },
    /// It is a copy of this one.
    Follows(NodeId),
    /// It came back and asks who leads. These have said that they do not, or were not there.
    Asks { answered: BTreeSet<NodeId> },
    /// It would lead, and has asked those whose place it is before its own.
    Stands { asked: Arc<[NodeId]> },
    /// Somebody with a lower id is there and should take over.
    Defers,
}

/// How its life goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Serves,
    /// It was told to stop, and finishes what is in flight.
    WindsUp,
    Over,
}

/// A replica of the scheme primary-backup.
#[derive(Debug)]
pub struct Replica {
    topology: Arc<Topology>,
    me: NodeId,
    incarnation: Incarnation,
    config: ReplicaConfig,
    ballot: Ballot,
    /// The moment of the present step.
    now: LabTime,
    store: Store,
    disk: Disk,
    peers: Peers,
    stage: Stage,
    /// The highest term that it has heard of; what it says where terms are on.
    term: u64,
    /// Whether what it has may be read: it was brought up to date once, or nobody has lived before.
    ready: bool,
    /// Whether its log goes on where its leader's does, so that a change can be added.
    in_step: bool,
    /// When its leader gave its last sign of life.
    leader_heard: LabTime,
    /// The log up to here was sent to the backups.
    sent: u64,
    /// What was acknowledged and waits to be sent: when, and up to where.
    outbox: VecDeque<(LabTime, u64)>,
    /// Whose changes are on their way to the disk, and will be confirmed.
    confirms: BTreeSet<NodeId>,
    /// It asked to be brought up to date.
    asked: Option<Asked>,
    /// Who asked to be brought up to date while this one settled: how far they are, and whether they want all of it.
    owed: BTreeMap<NodeId, (Position, bool)>,
    waits: Waits,
    clients: Askers,
    requests: u64,
    named: Named,
    /// Who waits for the acknowledgement of which place in the log.
    waiters: BTreeMap<u64, Vec<Waiter>>,
    /// Writes that wait until a new leader has settled.
    held: VecDeque<Held>,
    /// Reads may show the log up to here.
    shown: u64,
    /// Reads that would show more.
    reads: Reads<Held>,
    /// Heartbeats sent unasked.
    pushed: u64,
    /// The last message that was turned away, so that the same is not noted again: from whom, which term, and here.
    fenced: Option<(NodeId, u64, u64)>,
    course: Course,
}

impl Replica {
    /// A new one.
    pub fn new(
        topology: &Arc<Topology>,
        node: NodeId,
        incarnation: Incarnation,
        config: ReplicaConfig,
    ) -> Self {
        let owner = u64::from(node.0) | u64::from(incarnation.0) << 32;
        Self {
            ballot: Ballot::new(topology, node),
            peers: Peers::new((topology.seed, owner)),
            topology: topology.clone(),
            me: node,
            incarnation,
            config,
            now: LabTime::ZERO,
            store: Store::default(),
            disk: Disk::default(),
            stage: Stage::Asks { answered: BTreeSet::new() },
            term: 0,
            ready: false,
            in_step: false,
            leader_heard: LabTime::ZERO,
            sent: 0,
            outbox: VecDeque::new(),
            confirms: BTreeSet::new(),
            asked: None,
            owed: BTreeMap::new(),
            waits: Waits::default(),
            clients: Askers::new(true),
            requests: 0,
            named: Named::default(),
            waiters: BTreeMap::new(),
            held: VecDeque::new(),
            shown: 0,
            reads: Reads::default(),
            pushed: 0,
            fenced: None,
            course: Course::Serves,
        }
    }

    fn has_flaw(&self, flaw: Flaw) -> bool {
        self.config.flaws.has(flaw)
    }

    fn pushes(&self) -> bool {
        self.config.heartbeat_mode == HeartbeatMode::Push
    }

    fn blocks(&self) -> bool {
        self.config.propagation == Propagation::SyncDeadlock
    }

    fn leads(&self) -> bool {
        matches!(self.stage, Stage::Leads { .. })
    }

    fn settles(&self) -> bool {
        matches!(self.stage, Stage::Leads { settling: Some(_) })
    }

    /// Who leads, as it believes.
    fn leader(&self) -> Option<NodeId> {
        match self.stage {
            Stage::Leads { .. } => Some(self.me),
            Stage::Follows(leader) => Some(leader),
            Stage::Asks { .. } | Stage::Stands { .. } | Stage::Defers => None,
        }
    }

    /// The term that it says: none where terms are off.
    fn term(&self) -> u64 {
        if self.config.terms { self.term } else { 0 }
    }

    /// How far its disk is: what it tells its leader, who relies on it.
    fn durable(&self) -> Position {
        self.store.have_at(self.disk.durable()).unwrap_or_default()
    }

    /// How far it says it is: a leader as far as its backups ought to be, anybody else as far as its disk is.
    fn told(&self) -> Position {
        if self.leads() {
            self.store.have_at(self.sent).unwrap_or_default()
        } else {
            self.durable()
        }
    }

    fn is_replica(&self, node: NodeId) -> bool {
        self.topology.node(node).role() == Role::Replica
    }

    /// Says something to another replica. False if there is no connection to say it on.
    fn say(&self, to: NodeId, message: Say, out: &mut Effects) -> bool {
        let way = self.peers.way_to(to);
        if let Some(conn) = way {
            out.send(conn, Message::Replica(message), None);
        }
        way.is_some()
    }

    fn boot(&mut self, image: Image, out: &mut Effects) {
        let nobody_lived = self.incarnation == Incarnation(1) && image == Image::default();
        self.term = image.term;
        self.store = Store::read(image);
        self.disk = Disk::read(self.store.last(), self.term, self.config.disk);
        out.note(Note::Store(StoreNote::ReadLog {
            have: self.store.have(),
            term: self.term,
            entries: self.store.last(),
        }));
        for peer in self.config.peers.clone() {
            self.meet(peer, out);
        }
        out.push(Effect::Arm(Timer::Beat.id(), self.config.heartbeat));
        let first = self.ballot.first();
        // One that is started later than the lab does not take the place of a leader that may be there.
        let from_the_start = nobody_lived && self.topology.node(self.me).starts;
        if from_the_start && first == self.me {
            self.lead_from_the_start(out);
        } else if from_the_start && self.peers.has(first) {
            self.ready = true;
            self.term = if self.config.terms { self.ballot.first_term() } else { 0 };
            self.follow(first, out);
        } else {
            out.push(Effect::Arm(Timer::Suspect.id(), self.config.suspect_after));
            self.look_around(out);
        }
        self.write_disk(out);
    }

    fn write_disk(&mut self, out: &mut Effects) {
        self.disk.begin(&self.store, self.term, out);
    }

    fn fired(&mut self, timer: Timer, out: &mut Effects) {
        match timer {
            Timer::Beat => self.beat_due(out),
            Timer::Suspect => self.silence_due(out),
            Timer::Election => self.election_due(out),
            Timer::Settle => self.settled(out),
            Timer::Lag => self.lag_due(out),
            Timer::WindUp => self.end(out),
            Timer::Reconnect(node) => self.open(node, out),
            Timer::GiveUp(node) => {
                let now = self.now;
                if let Some(peer) = self.peers.get_mut(node) {
                    peer.line.hung(now, true, out);
                }
            }
            _ => {}
        }
    }

    /// A message of another replica.
    fn hear(&mut self, from: NodeId, message: &Arc<Message>, out: &mut Effects) {
        let Message::Replica(said) = message.as_ref() else { return };
        self.heard(from, said, out);
        match said {
            Say::Beat { number, term, have } => self.take_beat(from, *number, *term, *have, out),
            Say::Alive { term, have, leads, .. } => {
                self.take_alive(from, *term, *have, *leads, out);
            }
            Say::Election { .. } => self.take_election(from, out),
            Say::Here { term, leads } => self.take_here(from, *term, *leads, out),
            Say::Leads { term, have } => self.take_leads(from, *term, *have, out),
            Say::Change { term, entry } => self.take_change(from, *term, entry, out),
            Say::Have { term, have } => self.take_have(from, *term, *have, out),
            Say::CatchUp { term, have, whole } => {
                self.take_catch_up(from, *term, *have, *whole, out);
            }
            Say::State { term, .. } => self.take_state(from, *term, message, out),
            Say::AskClock | Say::Clock { .. } => {}
        }
    }
}

/// The number of a request, to settle it by.
type RequestNo = QuestionNo;

/// The identity of an operation as it came: a person gives none.
type WireId = Option<OpId>;

impl Machine for Replica {
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
        if self.course == Course::Over {
            return;
        }
        self.now = now;
        match input {
            Input::Boot(image) => self.boot(image, out),
            Input::Opened { conn, peer: Peer::Node(node), side: Side::Opener } => {
                self.opened(node, conn, out);
            }
            Input::Opened { conn, peer: Peer::Node(node), .. } if self.is_replica(node) => {
                self.came(node, conn, out);
            }
            Input::Opened { conn, peer, .. } => self.clients.opened(conn, peer),
            Input::Refused { conn, peer } => {
                if let Peer::Node(node) = peer {
                    self.refused(node, conn, out);
                }
            }
            Input::Ended { conn, peer: Peer::Node(node), ending } if self.is_replica(node) => {
                self.lost(node, conn, ending, out);
            }
            Input::Ended { conn, ending, .. } => self.client_ended(conn, ending, out),
            Input::Received { conn, peer, message } => self.received(conn, peer, &message, out),
            Input::Malformed { conn, why, .. } => self.not_understood(conn, &why, out),
            Input::Unasked { .. } => {}
            Input::Persisted { token, .. } => self.persisted(token, out),
            Input::Unpersisted { token, why } => self.unpersisted(token, &why, out),
            Input::Fired(timer) => {
                if let Some(timer) = Timer::of(timer) {
                    self.fired(timer, out);
                }
            }
            Input::Told(told) => self.take_order(told, out),
        }
        self.go_on(out);
        self.show_reads(out);
        if self.course == Course::WindsUp && self.is_done() {
            self.end(out);
        }
    }
}
