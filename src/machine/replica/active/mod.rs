//! A replica of the scheme active: nobody leads, every client asks all.
//!
//! It serves whatever it is asked, from its own log, in the order in which the requests reach it; what the others do
//! meanwhile it does not know. Only when it returns, or when another is heard again that was lost, does it compare
//! clocks (`clock`), and takes over the log of one that is ahead (`compare`).

mod clock;
mod compare;
mod peers;
mod serve;

use super::disk::Disk;
use super::named::Named;
use super::reads::Reads;
use super::store::Store;
use crate::base::{ConnId, Incarnation, LabTime, NodeId, Peer as Whom};
use crate::event::{Ending, Side};
use crate::machine::askers::Askers;
use crate::machine::caller::draws_of;
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects, Input, Machine, Told};
use crate::message::{Flaw, Image, Message, Note, ReplicaMessage, StoreNote};
use crate::topology::{ReplicaConfig, Role, Setting, Topology};
use compare::Stage;
use peers::Peer;
use serve::{Read, Waiter};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A replica of the scheme active.
#[derive(Debug)]
pub struct Replica {
    topology: Arc<Topology>,
    me: NodeId,
    incarnation: Incarnation,
    config: ReplicaConfig,
    draws: (u64, u64),
    /// The moment of the present step.
    now: LabTime,
    store: Store,
    disk: Disk,
    peers: BTreeMap<NodeId, Peer>,
    /// Connections that other replicas opened. What they ask there is answered there.
    callers: BTreeMap<ConnId, NodeId>,
    clients: Askers,
    named: Named,
    requests: u64,
    /// Who waits until the log is on the disk up to here.
    waiters: BTreeMap<u64, Vec<Waiter>>,
    waiting: usize,
    /// Reads of what is not on the disk yet.
    reads: Reads<Read>,
    /// When it saw its last request; when it was started, if it has seen none.
    seen: LabTime,
    stage: Stage,
    /// Why it does not serve, if it does not.
    unready: Option<Arc<str>>,
    /// The log of another, on its way to the disk.
    adopting: bool,
    stopping: bool,
    over: bool,
}

impl Replica {
    /// A new one.
    pub fn new(
        topology: &Arc<Topology>,
        node: NodeId,
        incarnation: Incarnation,
        config: ReplicaConfig,
    ) -> Self {
        Self {
            topology: topology.clone(),
            me: node,
            incarnation,
            config,
            draws: draws_of(topology, node, incarnation),
            now: LabTime::ZERO,
            store: Store::default(),
            disk: Disk::default(),
            peers: BTreeMap::new(),
            callers: BTreeMap::new(),
            clients: Askers::new(true),
            named: Named::default(),
            requests: 0,
            waiters: BTreeMap::new(),
            waiting: 0,
            reads: Reads::default(),
            seen: LabTime::ZERO,
            stage: Stage::Settled,
            unready: None,
            adopting: false,
            stopping: false,
            over: false,
        }
    }

    fn has_flaw(&self, flaw: Flaw) -> bool {
        self.config.flaws.has(flaw)
    }

    fn is_replica(&self, node: NodeId) -> bool {
        self.topology.node(node).role() == Role::Replica
    }

    fn boot(&mut self, image: Image, out: &mut Effects) {
        let nobody_lived = self.incarnation == Incarnation(1) && image == Image::default();
        self.seen = self.now;
        self.store = Store::read(image);
        self.disk = Disk::read(self.store.last(), 0, self.config.disk);
        out.note(Note::Store(StoreNote::ReadLog {
            have: self.store.have(),
            term: 0,
            entries: self.store.last(),
        }));
        for peer in self.config.peers.clone() {
            self.meet(peer, out);
        }
        out.push(Effect::Arm(Timer::Beat.id(), self.config.heartbeat));
        // When the lab starts, there is nothing to compare. One that is started later may lack something.
        if !(nobody_lived && self.topology.node(self.me).starts) {
            self.return_to_the_group(out);
        }
    }

    fn told(&mut self, told: Told, out: &mut Effects) {
        match told {
            Told::Set { setting, key, value } => {
                if setting.apply_to_replica(&mut self.config) {
                    out.note(Note::Changed { key, value });
                    self.follow_setting(&setting, out);
                }
            }
            Told::Stop => {
                let in_flight = self.waiting + self.reads.len();
                let in_flight = u32::try_from(in_flight).unwrap_or(u32::MAX);
                out.note(Note::Stopping { in_flight });
                self.stopping = true;
            }
            Told::Ask { .. } | Told::Operate { .. } | Told::Batch | Told::Load { .. } => {}
        }
    }

    fn follow_setting(&mut self, setting: &Setting, out: &mut Effects) {
        match setting {
            Setting::Peers(_) => self.change_peers(out),
            Setting::Reconnect(_) => self.change_reconnect(),
            Setting::Heartbeat(every) => out.push(Effect::Arm(Timer::Beat.id(), *every)),
            Setting::SuspectAfter(_) => self.listen_anew(out),
            Setting::Disk(kind) => {
                self.disk.set_kind(*kind);
                self.disk.begin(&self.store, 0, out);
            }
            _ => {}
        }
    }

    /// Everything that was taken on is on the disk and acknowledged: it ends.
    fn end(&mut self, out: &mut Effects) {
        self.clients.close_all(out);
        for conn in std::mem::take(&mut self.callers).into_keys() {
            out.push(Effect::Close(conn));
        }
        for peer in self.peers.values_mut() {
            peer.line.close(out);
        }
        self.over = true;
        out.push(Effect::Exit);
    }

    fn fired(&mut self, timer: Timer, out: &mut Effects) {
        match timer {
            Timer::Beat => self.beat(out),
            Timer::Silence(node) => self.suspect(node, out),
            Timer::Compare => self.waited_enough(out),
            Timer::Reconnect(node) => {
                if let Some(peer) = self.peers.get_mut(&node) {
                    peer.line.open(self.now, true, out);
                }
            }
            Timer::GiveUp(node) => {
                if let Some(peer) = self.peers.get_mut(&node) {
                    peer.line.hung(self.now, true, out);
                }
            }
            _ => {}
        }
    }

    fn received(&mut self, conn: ConnId, peer: Whom, message: &Message, out: &mut Effects) {
        match (message, peer) {
            (Message::Operate { id, operation }, _) if self.clients.has(conn) => {
                self.operate(conn, peer, id.as_ref(), operation, out);
            }
            (Message::Replica(said), Whom::Node(node)) if self.is_replica(node) => {
                self.hear(conn, node, said, message, out);
            }
            (Message::Text(_) | Message::Ask { .. }, _) if self.clients.has(conn) => {
                self.not_understood(conn, out);
            }
            _ => {}
        }
    }

    /// Something that another replica says.
    fn hear(
        &mut self,
        conn: ConnId,
        from: NodeId,
        said: &ReplicaMessage,
        message: &Message,
        out: &mut Effects,
    ) {
        self.heard(from, out);
        match said {
            ReplicaMessage::Beat { number, have, .. } => {
                self.knows(from, *have, out);
                let (number, have) = (*number, self.store.have());
                let alive = ReplicaMessage::Alive { number, term: 0, have, leads: false };
                out.send(conn, Message::Replica(alive), None);
            }
            ReplicaMessage::Alive { have, .. } => self.knows(from, *have, out),
            ReplicaMessage::AskClock => {
                let clock = self.clock();
                let (have, time_ms, vector) = (clock.have, clock.time_ms, clock.vector);
                let clock = ReplicaMessage::Clock { have, time_ms, vector };
                out.send(conn, Message::Replica(clock), None);
            }
            ReplicaMessage::Clock { have, time_ms, vector } => {
                self.knows(from, *have, out);
                let (have, time_ms, vector) = (*have, *time_ms, vector.clone());
                self.take_clock(from, clock::Clock { have, time_ms, vector }, out);
            }
            ReplicaMessage::CatchUp { have, whole, .. } => self.ship(conn, *have, *whole, out),
            ReplicaMessage::State { .. } => self.take_state(from, message, out),
            // Words of the other scheme.
            ReplicaMessage::Election { .. }
            | ReplicaMessage::Here { .. }
            | ReplicaMessage::Leads { .. }
            | ReplicaMessage::Change { .. }
            | ReplicaMessage::Have { .. } => {}
        }
    }

    fn opened(&mut self, conn: ConnId, peer: Whom, side: Side, out: &mut Effects) {
        match (peer, side) {
            (Whom::Node(node), Side::Opener) => self.reached(node, conn, out),
            (Whom::Node(node), Side::Acceptor) if self.is_replica(node) => {
                self.callers.insert(conn, node);
            }
            _ => self.clients.opened(conn, peer),
        }
    }

    fn ended(&mut self, conn: ConnId, peer: Whom, ending: Ending, out: &mut Effects) {
        self.named.forget(conn);
        if let (true, Whom::Node(node)) = (self.callers.remove(&conn).is_some(), peer) {
            self.fail_with_it(node, ending);
            if ending == Ending::EndOfFile {
                out.push(Effect::Close(conn));
            }
        } else if self.clients.has(conn) {
            match ending {
                Ending::EndOfFile => self.clients.ended(conn, out),
                Ending::Reset => {
                    self.clients.gone(conn);
                }
            }
        } else if let Whom::Node(node) = peer {
            self.lost(node, conn, ending, out);
        }
    }
}

impl Machine for Replica {
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
        if self.over {
            return;
        }
        self.now = now;
        match input {
            Input::Boot(image) => self.boot(image, out),
            Input::Opened { conn, peer, side } => self.opened(conn, peer, side, out),
            Input::Refused { conn, peer } => {
                if let Whom::Node(node) = peer {
                    self.refused(node, conn, out);
                }
            }
            Input::Ended { conn, peer, ending } => self.ended(conn, peer, ending, out),
            Input::Received { conn, peer, message } => self.received(conn, peer, &message, out),
            Input::Malformed { conn, .. } => {
                if self.clients.has(conn) {
                    self.not_understood(conn, out);
                }
            }
            Input::Unasked { .. } => {}
            Input::Persisted { token, .. } => self.persisted(token, out),
            Input::Unpersisted { token, why } => self.unpersisted(token, &why, out),
            Input::Fired(timer) => {
                if let Some(timer) = Timer::of(timer) {
                    self.fired(timer, out);
                }
            }
            Input::Told(told) => self.told(told, out),
        }
        let nobody_waits = self.waiting == 0 && self.reads.len() == 0;
        if self.stopping && nobody_waits && self.disk.is_idle() {
            self.end(out);
        }
    }
}
