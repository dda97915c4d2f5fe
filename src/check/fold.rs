//! The fold of one group: which fact goes where.

use super::flight::carries;
use super::gone::Loss;
use super::group::Group;
use super::lead::Fault;
use super::replica::Part;
use crate::base::{Incarnation, LabTime, NodeId, Owner, Peer};
use crate::event::{Ending, Event, Fact, Life};
use crate::message::{Message, Note, ReplicaMessage};
use crate::topology::{Kind, Topology, setting};

impl Group {
    /// Folds one event of this group.
    pub(super) fn apply(&mut self, event: &Event, topology: &Topology) {
        self.now = self.now.max(event.time);
        self.lost_because(Loss::Unknown);
        match event.id.owner {
            Owner::Node(node, life) => {
                if !self.admits(node, life, topology) {
                    return;
                }
                if let Some(at) = self.place(node) {
                    self.settles(at, event.cause);
                }
                self.of_node(node, event, topology);
            }
            Owner::Lab => {}
        }
        self.of_lab(event, topology);
        self.weigh();
    }

    /// Whether an event is of a life that may still speak. One that the log has not announced begins here.
    fn admits(&mut self, node: NodeId, life: Incarnation, topology: &Topology) -> bool {
        let known = match self.replica(node) {
            Some(replica) => replica.incarnation,
            None => self.asker_lives.get(&node).map_or(Incarnation(0), |(_, _, life)| *life),
        };
        if life > known {
            self.boots(node, life, topology);
        }
        life >= known
    }

    fn of_node(&mut self, node: NodeId, event: &Event, topology: &Topology) {
        match &event.fact {
            Fact::Noted(Note::Store(note)) => self.noted(node, event, note),
            Fact::Noted(Note::Believed { about, belief }) => self.believes(node, *about, *belief),
            Fact::Noted(Note::Changed { key, value }) => self.changed(node, key, value, topology),
            Fact::MessageSent { conn, to: Peer::Node(to), frame, due, message, .. } => {
                let Message::Replica(message) = &**message else { return };
                self.says(node, message);
                self.answers(node, *to, message);
                self.takes_off(event, (node, *to), (*conn, *frame, *due), message);
            }
            Fact::MessageReceived { from: Peer::Node(from), message, .. } => {
                if let Message::Replica(message) = &**message {
                    self.lands(event, (*from, node), message);
                }
            }
            Fact::ConnEnded { conn, ending: Ending::Reset, .. } => {
                let conn = *conn;
                self.never_arrives(|flight| flight.from == node && flight.conn == conn);
            }
            Fact::DiskWrote { bytes, took, .. } => {
                let Some(at) = self.place(node) else { return };
                let disk = &mut self.replicas[at].disk;
                disk.writes += 1;
                disk.bytes += bytes;
                disk.newest_bytes = *bytes;
                disk.took = *took;
                disk.error = None;
                self.figures.written += bytes;
            }
            Fact::DiskFailed { why, .. } => {
                if let Some(at) = self.place(node) {
                    self.replicas[at].disk.error = Some(why.clone());
                }
            }
            _ => {}
        }
    }

    fn of_lab(&mut self, event: &Event, topology: &Topology) {
        match &event.fact {
            Fact::NodeBooted { node, incarnation } => self.booted(*node, *incarnation, topology),
            Fact::NodeKilled { node } => self.lives(*node, Life::Killed),
            Fact::NodeCrashed { node, .. } => self.lives(*node, Life::Crashed),
            Fact::NodePoweredOff { node } => self.lives(*node, Life::PoweredOff),
            Fact::NodeFrozen { node } => self.lives(*node, Life::Frozen),
            Fact::NodeThawed { node } => self.lives(*node, Life::Up),
            Fact::NodeStopping { node } => self.lives(*node, Life::Stopping),
            Fact::NodeStopped { node } => self.lives(*node, Life::Stopped),
            Fact::NodeCorrupt { node, .. } => {
                self.lives(*node, Life::Corrupt);
                if let Some(at) = self.place(*node) {
                    self.replicas[at].plays(Part::Corrupt, event.time);
                }
            }
            Fact::NodeWiped { node } => self.wiped(*node),
            Fact::OwnClockSet { node, clock } => self.clocks.is_set(*node, event.time, *clock),
            Fact::Census(census) => {
                self.booted(census.node, census.incarnation, topology);
                self.lives(census.node, census.life);
            }
            Fact::FaultsSet { from: Peer::Node(from), to: Peer::Node(to), faults } => {
                if faults.cut || faults.hold {
                    self.cuts.entry((*from, *to)).or_insert(event.time);
                } else {
                    self.cuts.remove(&(*from, *to));
                }
            }
            Fact::FrameLost { from: Peer::Node(from), to: Peer::Node(to), frame, .. } => {
                let (from, to, frame) = (*from, *to, *frame);
                self.lost_because(Loss::NeverArrived { from, to });
                self.never_arrives(|f| f.frame == frame && f.from == from && f.to == to);
            }
            Fact::FrameMoved { from: Peer::Node(from), to: Peer::Node(to), frame, due } => {
                let mut flights = self.flights.iter_mut();
                let moved = flights.find(|f| f.frame == *frame && f.from == *from && f.to == *to);
                if let Some(flight) = moved {
                    flight.due = *due;
                }
            }
            _ => {}
        }
    }

    fn booted(&mut self, node: NodeId, life: Incarnation, topology: &Topology) {
        let known = match self.replica(node) {
            Some(replica) if replica.life.is_alive() => replica.incarnation,
            Some(replica) => Incarnation(replica.incarnation.0.saturating_sub(1)),
            None => match self.asker_lives.get(&node) {
                Some((now, _, life)) if now.is_alive() => *life,
                Some((_, _, life)) => Incarnation(life.0.saturating_sub(1)),
                None => Incarnation(0),
            },
        };
        if life > known {
            self.boots(node, life, topology);
        }
    }

    fn boots(&mut self, node: NodeId, life: Incarnation, topology: &Topology) {
        let now = self.now;
        self.orphan(node);
        self.begins_to_believe(node);
        let Some(at) = self.place(node) else {
            self.asker_lives.insert(node, (Life::Up, now, life));
            return;
        };
        if self.replicas[at].life.is_alive() {
            // Its death was missed.
            self.dies(at);
        }
        if let Some(Kind::Replica(file)) = topology.nodes.get(node.index()).map(|node| &node.kind) {
            self.replicas[at].boots(life, file, now);
        }
        self.lost_because(Loss::BegunWithout(node));
        self.life_changed(at);
    }

    fn lives(&mut self, node: NodeId, life: Life) {
        let now = self.now;
        let Some(at) = self.place(node) else {
            if !self.askers.contains(&node) {
                return;
            }
            let known = self.asker_lives.get(&node).map_or(Incarnation(0), |(_, _, life)| *life);
            if !life.is_alive() {
                self.orphan(node);
                self.begins_to_believe(node);
            }
            self.asker_lives.insert(node, (life, now, known));
            return;
        };
        let (before, led) = (self.replicas[at].life, self.replicas[at].part == Part::Leads);
        if before == life {
            return;
        }
        let dies = before.is_alive() && !life.is_alive();
        if dies {
            self.lost_because(Loss::Died(node, life));
            if life != Life::Stopped {
                self.predict(node);
            }
        }
        if led && before == Life::Up && !matches!(life, Life::Up | Life::Stopping) {
            self.failover_begins(node, Fault::Life(life), now);
        }
        self.replicas[at].life = life;
        self.replicas[at].life_since = now;
        if dies {
            self.dies(at);
        }
        if life == Life::Up {
            self.detected.retain(|(_, about)| *about != node);
            self.called_off(node);
        }
        self.life_changed(at);
    }

    /// Every process of this group, and of those who ask it, has ended in good order: nobody's death is to be predicted
    /// or followed.
    pub(super) fn let_all_end(&mut self, now: LabTime) {
        self.now = self.now.max(now);
        let replicas = self.replicas.iter().map(|replica| (replica.id, replica.life));
        let askers = self.asker_lives.iter().map(|(node, (life, ..))| (*node, *life));
        let all: Vec<(NodeId, Life)> = replicas.chain(askers).collect();
        for (node, _) in all.into_iter().filter(|(_, life)| life.is_alive()) {
            self.lives(node, Life::Stopping);
            self.lives(node, Life::Stopped);
        }
        self.weigh();
    }

    /// What a process takes with it.
    fn dies(&mut self, at: usize) {
        let node = self.replicas[at].id;
        self.nothing_reaches(node);
        let replica = &mut self.replicas[at];
        replica.memory = Some(replica.copy.clone());
        replica.copy.lose_memory();
        replica.forget();
        replica.plays(Part::Off, self.now);
        self.views.retain(|(holder, _), _| *holder != node);
        self.held_anew(at);
    }

    fn life_changed(&mut self, at: usize) {
        self.touch_all();
        self.look_for_forks(at);
        self.look_for_cycles();
        self.leaders_changed();
    }

    /// The old leader goes on before anybody has taken its place.
    pub(super) fn called_off(&mut self, leader: NodeId) {
        let now = self.now;
        if let Some(failover) = self.failing_over()
            && failover.leader == leader
            && failover.promoted.is_none()
        {
            failover.called_off = Some(now);
        }
    }

    fn wiped(&mut self, node: NodeId) {
        let Some(at) = self.place(node) else { return };
        self.lost_because(Loss::Wiped(node));
        self.replicas[at].copy.wipe();
        self.replicas[at].memory = None;
        self.replicas[at].wiped = true;
        self.replicas[at].durable = 0;
        self.bulk.held &= !(1 << at);
        self.bulk.some &= !(1 << at);
        self.held_anew(at);
        if self.replicas[at].life == Life::Corrupt {
            self.replicas[at].life = Life::Stopped;
            self.replicas[at].life_since = self.now;
            self.replicas[at].plays(Part::Off, self.now);
        }
    }

    fn changed(&mut self, node: NodeId, key: &str, value: &str, topology: &Topology) {
        let Some(at) = self.place(node) else { return };
        if let Ok(setting) = setting::parse(topology, node, key, value) {
            setting.apply_to_replica(&mut self.replicas[at].config);
        }
    }

    /// What a replica says to others tells what it takes itself for, and how far it is.
    fn says(&mut self, node: NodeId, message: &ReplicaMessage) {
        let Some(at) = self.place(node) else { return };
        let (leads, have, term) = match message {
            ReplicaMessage::Alive { leads, have, term, .. } => (Some(*leads), Some(*have), *term),
            ReplicaMessage::Leads { have, term } => (Some(true), Some(*have), *term),
            ReplicaMessage::Here { leads, term } => (Some(*leads), None, *term),
            ReplicaMessage::Beat { have, term, .. }
            | ReplicaMessage::Have { have, term }
            | ReplicaMessage::CatchUp { have, term, .. } => (None, Some(*have), *term),
            ReplicaMessage::Clock { have, .. } => (None, Some(*have), 0),
            _ => return,
        };
        if let Some(have) = have {
            self.witness(at, have);
        }
        self.term(at, term);
        match leads {
            Some(true) if self.replicas[at].part != Part::Leads => self.leads(at, term),
            Some(false) if self.replicas[at].part == Part::Leads => {
                let now = self.now;
                self.replicas[at].plays(Part::Backup, now);
                self.leaders_changed();
            }
            _ => {}
        }
    }

    pub(super) fn term(&mut self, at: usize, term: u64) {
        self.replicas[at].saw_term(term);
        self.figures.term_max = self.figures.term_max.max(term);
    }

    pub(super) fn leads(&mut self, at: usize, term: u64) {
        let (now, id) = (self.now, self.replicas[at].id);
        self.term(at, term);
        self.replicas[at].plays(Part::Leads, now);
        self.replicas[at].follows = Some(id);
        self.promoted(id, term);
        self.leaders_changed();
    }

    fn orphan(&mut self, node: NodeId) {
        let now = self.now;
        let left: Vec<_> = self
            .ops
            .iter()
            .filter(|op| op.ended.is_none() && op.asker.is_some_and(|(asker, ..)| asker == node))
            .map(|op| op.no)
            .collect();
        for no in left {
            if let Some(op) = self.ops.get_mut(no) {
                op.orphaned.get_or_insert(now);
            }
        }
    }

    /// Events are missing. What they would have said of logs and flights is unknown until positions show it.
    pub(super) fn blind(&mut self, now: LabTime) {
        self.now = self.now.max(now);
        let flights = std::mem::take(&mut self.flights);
        for flight in flights {
            for no in flight.ops.iter() {
                if let Some(op) = self.ops.get_mut(*no) {
                    op.flying = op.flying.saturating_sub(1);
                }
            }
        }
        for at in 0..self.replicas.len() {
            let landing = std::mem::take(&mut self.replicas[at].landing);
            for no in landing.iter().flat_map(|landing| landing.ops.iter()) {
                if let Some(op) = self.ops.get_mut(*no) {
                    op.flying = op.flying.saturating_sub(1);
                }
            }
            self.replicas[at].sure = false;
            self.replicas[at].waits.clear();
        }
        self.places.blind();
        self.look_for_cycles();
    }

    /// Whether an event says nothing that this group does not know: a heartbeat in quiet times.
    pub(super) fn is_no_news(&self, node: NodeId, message: &Message, sent: bool) -> bool {
        let Message::Replica(message) = message else { return true };
        let Some(replica) = self.replica(node) else { return true };
        let is_awaited = sent && self.replicas.iter().any(|other| other.waits.contains_key(&node));
        if !replica.landing.is_empty() || !replica.sure || is_awaited {
            return false;
        }
        match message {
            message if !sent => !carries(message),
            ReplicaMessage::Beat { term, .. } => *term <= replica.term,
            ReplicaMessage::Alive { term, leads, .. } => {
                *term <= replica.term && *leads == (replica.part == Part::Leads)
            }
            _ => false,
        }
    }
}
