//! A small network for whole labs: machines, streams with a delay, real bytes on them; kill, revive, freeze, thaw.

use crate::harness::*;
use faultlab::base::draw::{Purpose, draw, unit};
use faultlab::base::{ConnId, Incarnation, LabTime, NodeId, Peer, QuestionNo, TimerId};
use faultlab::event::{Ending, Side};
use faultlab::machine::{Effect, Effects, Input, Machine, Told, build};
use faultlab::message::{Note, Said};
use faultlab::topology::Topology;
use faultlab::wire::line::{Decoded, Decoder, Reads, encode};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

type End = (NodeId, u32, ConnId);

enum Event {
    Timer(NodeId, u32, TimerId),
    Connect { opener: End, to: NodeId, framed: bool },
    Accepted { opener: End, acceptor: End, framed: bool },
    Refused { opener: End, to: NodeId },
    Bytes { to: End, bytes: Vec<u8> },
    Ended { to: End, ending: Ending },
}

struct Half {
    peer: End,
    decoder: Decoder,
    framed: bool,
    /// When the last thing sent from here arrives: streams keep their order.
    last: LabTime,
}

struct Place {
    machine: Option<Box<dyn Machine>>,
    out: Effects,
    life: u32,
    frozen: bool,
    backlog: VecDeque<Input>,
    timers: BTreeMap<TimerId, LabTime>,
}

/// A lab on virtual time.
pub struct Net {
    pub topology: Arc<Topology>,
    pub now: LabTime,
    places: Vec<Place>,
    halves: BTreeMap<End, Half>,
    events: BTreeMap<(LabTime, u64), Event>,
    count: u64,
    delay: (Duration, Duration),
    pub notes: Vec<(LabTime, NodeId, u32, Note)>,
    pub results: BTreeMap<NodeId, Vec<String>>,
}

impl Net {
    /// Boots every node. Each thing sent takes between the two delays, drawn by its number.
    pub fn new(topology: Topology, delay: (Duration, Duration)) -> Self {
        let topology = Arc::new(topology);
        let place = |_| Place {
            machine: None,
            out: Effects::default(),
            life: 0,
            frozen: false,
            backlog: VecDeque::new(),
            timers: BTreeMap::new(),
        };
        let mut net = Self {
            places: topology.nodes.iter().map(place).collect(),
            now: LabTime::ZERO,
            halves: BTreeMap::new(),
            events: BTreeMap::new(),
            count: 0,
            delay,
            notes: Vec::new(),
            results: BTreeMap::new(),
            topology,
        };
        for node in 0..net.places.len() {
            net.revive(NodeId(u16::try_from(node).unwrap()));
        }
        net
    }

    fn post(&mut self, at: LabTime, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    fn hop(&mut self) -> Duration {
        self.count += 1;
        let share = unit(self.topology.seed, 99, Purpose::Jitter, self.count);
        self.delay.0 + self.delay.1.saturating_sub(self.delay.0).mul_f64(share)
    }

    pub fn random(&self, key: u64, below: u64) -> u64 {
        draw(self.topology.seed, 98, Purpose::Nemesis, key) % below
    }

    pub fn alive(&self, node: NodeId) -> bool {
        self.places[node.index()].machine.is_some()
    }

    pub fn revive(&mut self, node: NodeId) {
        if self.alive(node) {
            return;
        }
        let life = self.places[node.index()].life + 1;
        let place = &mut self.places[node.index()];
        place.life = life;
        place.out = Effects::default();
        place.machine = Some(build(&self.topology, node, Incarnation(life)));
        self.turn(node, Input::Boot(faultlab::message::Image::default()));
    }

    pub fn kill(&mut self, node: NodeId) {
        if !self.alive(node) {
            return;
        }
        let place = &mut self.places[node.index()];
        let life = place.life;
        place.machine = None;
        place.frozen = false;
        place.backlog.clear();
        place.timers.clear();
        let own: Vec<End> =
            self.halves.keys().filter(|end| end.0 == node && end.1 == life).copied().collect();
        for end in own {
            self.close(end, Ending::Reset);
        }
    }

    pub fn freeze(&mut self, node: NodeId) {
        self.places[node.index()].frozen = self.alive(node);
    }

    pub fn thaw(&mut self, node: NodeId) {
        let place = &mut self.places[node.index()];
        place.frozen = false;
        for input in std::mem::take(&mut place.backlog) {
            self.turn(node, input);
        }
        let life = self.places[node.index()].life;
        let now = self.now;
        let timers = &self.places[node.index()].timers;
        let due = timers.iter().filter(|(_, at)| **at <= now).map(|(timer, _)| *timer);
        for timer in due.collect::<Vec<_>>() {
            self.post(now, Event::Timer(node, life, timer));
        }
    }

    fn close(&mut self, end: End, ending: Ending) {
        let hop = self.hop();
        let Some(half) = self.halves.remove(&end) else { return };
        let at = (self.now + hop).max(half.last);
        self.post(at, Event::Ended { to: half.peer, ending });
    }

    pub fn tell(&mut self, node: NodeId, told: Told) {
        self.give(node, Input::Told(told));
    }

    fn give(&mut self, node: NodeId, input: Input) {
        let place = &mut self.places[node.index()];
        if place.frozen {
            place.backlog.push_back(input);
        } else if place.machine.is_some() {
            self.turn(node, input);
        }
    }

    fn turn(&mut self, node: NodeId, input: Input) {
        let now = self.now;
        let place = &mut self.places[node.index()];
        let life = place.life;
        let Some(machine) = &mut place.machine else { return };
        machine.step(now, input, &mut place.out);
        for effect in place.out.take() {
            self.carry_out(node, life, effect);
        }
    }

    fn carry_out(&mut self, node: NodeId, life: u32, effect: Effect) {
        let now = self.now;
        match effect {
            Effect::Open { conn, to, framed, .. } => {
                let at = now + self.hop();
                self.post(at, Event::Connect { opener: (node, life, conn), to, framed });
            }
            Effect::Send { conn, message, .. } => {
                let hop = self.hop();
                let end = (node, life, conn);
                let Some(half) = self.halves.get_mut(&end) else { return };
                let mut bytes = Vec::new();
                encode(&message, self.topology.dialect, half.framed, &mut bytes);
                let at = (now + hop).max(half.last);
                half.last = at;
                let to = half.peer;
                self.post(at, Event::Bytes { to, bytes });
            }
            Effect::Close(conn) => self.close((node, life, conn), Ending::EndOfFile),
            Effect::Arm(timer, after) | Effect::Work(timer, after) => {
                self.places[node.index()].timers.insert(timer, now + after);
                self.post(now + after, Event::Timer(node, life, timer));
            }
            Effect::Disarm(timer) => {
                self.places[node.index()].timers.remove(&timer);
            }
            Effect::Note(said) => self.notes.push((now, node, life, said)),
            Effect::Result(text) => self.results.entry(node).or_default().push(text),
            Effect::ResultsBegin => {
                self.results.insert(node, Vec::new());
            }
            // None of the nodes of this net has a disk.
            Effect::Persist { .. } => {}
            Effect::Exit => self.kill(node),
        }
    }

    /// Goes on to this moment.
    pub fn run(&mut self, until: Duration) {
        let until = LabTime::ZERO + until;
        while let Some(entry) = self.events.first_entry() {
            let at = entry.key().0;
            if at > until {
                break;
            }
            let event = entry.remove();
            self.now = self.now.max(at);
            self.happen(event);
        }
        self.now = until;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Timer(node, life, timer) => {
                let now = self.now;
                let place = &mut self.places[node.index()];
                let due = place.timers.get(&timer).is_some_and(|due| *due <= now);
                if place.life == life && due && !place.frozen && place.machine.is_some() {
                    place.timers.remove(&timer);
                    self.turn(node, Input::Fired(timer));
                }
            }
            Event::Connect { opener, to, framed } => {
                let at = self.now + self.hop();
                if !self.alive(to) {
                    self.post(at, Event::Refused { opener, to });
                    return;
                }
                let place = &mut self.places[to.index()];
                let acceptor = (to, place.life, place.out.new_conn());
                self.half(acceptor, opener, Reads::Questions, framed);
                let (conn, peer) = (acceptor.2, Peer::Node(opener.0));
                self.give(to, Input::Opened { conn, peer, side: Side::Acceptor });
                self.post(at, Event::Accepted { opener, acceptor, framed });
            }
            Event::Accepted { opener, acceptor, framed } => {
                if self.places[opener.0.index()].life != opener.1 || !self.alive(opener.0) {
                    return;
                }
                self.half(opener, acceptor, Reads::Answers, framed);
                let (conn, peer) = (opener.2, Peer::Node(acceptor.0));
                self.give(opener.0, Input::Opened { conn, peer, side: Side::Opener });
            }
            Event::Refused { opener, to } => {
                if self.places[opener.0.index()].life == opener.1 {
                    self.give(opener.0, Input::Refused { conn: opener.2, peer: Peer::Node(to) });
                }
            }
            Event::Bytes { to, bytes } => {
                let Some(half) = self.halves.get_mut(&to) else { return };
                let peer = Peer::Node(half.peer.0);
                let mut decoded = Vec::new();
                half.decoder.feed(&bytes, &mut decoded);
                for one in decoded {
                    let Decoded::Message(message, _) = one else { panic!("{one:?}") };
                    let message = Arc::new(message);
                    self.give(to.0, Input::Received { conn: to.2, peer, message });
                }
            }
            Event::Ended { to, ending } => {
                let peer = match self.halves.get(&to) {
                    Some(half) => Peer::Node(half.peer.0),
                    None => return,
                };
                if ending == Ending::Reset {
                    self.halves.remove(&to);
                }
                self.give(to.0, Input::Ended { conn: to.2, peer, ending });
            }
        }
    }

    fn half(&mut self, end: End, peer: End, reads: Reads, framed: bool) {
        let decoder = Decoder::new(reads, self.topology.dialect, framed);
        self.halves.insert(end, Half { peer, decoder, framed, last: LabTime::ZERO });
    }

    /// The verdicts of a node, by life and question, each of which must be the only one.
    pub fn verdicts(&self, node: NodeId) -> BTreeMap<(u32, QuestionNo), (LabTime, Note)> {
        let mut all = BTreeMap::new();
        for (at, of, life, note) in &self.notes {
            if let (true, Note::Decided { question, .. }) = (*of == node, note) {
                let before = all.insert((*life, *question), (*at, note.clone()));
                assert!(before.is_none(), "two verdicts: {before:?} and {note:?}");
            }
        }
        all
    }

    /// What a client asked, by life and question: name, deadline and the moment.
    pub fn asked(&self, node: NodeId) -> BTreeMap<(u32, QuestionNo), (String, LabTime, LabTime)> {
        let own = self.notes.iter().filter(|(_, of, ..)| *of == node);
        own.filter_map(|(at, _, life, note)| match note {
            Note::Asked { question, name, deadline, .. } => {
                Some(((*life, *question), (name.as_str().to_lowercase(), *deadline, *at)))
            }
            _ => None,
        })
        .collect()
    }

    pub fn count(&self, of: NodeId, fits: impl Fn(&Note) -> bool) -> usize {
        self.notes.iter().filter(|(_, node, _, note)| *node == of && fits(note)).count()
    }

    /// Asserts that every address a client was given is the one that some table has for that very name, and gives how
    /// many there were.
    pub fn check_answers(&self, node: NodeId) -> usize {
        let asked = self.asked(node);
        let mut answered = 0;
        for (key, (_, note)) in self.verdicts(node) {
            let Note::Decided { said: Some(Said::Found { address, .. }), .. } = note else {
                continue;
            };
            let (name, ..) = &asked[&key];
            let name = faultlab::message::HostName::new(name);
            let right = self.topology.holders(&name).any(|ts| match &self.topology.node(ts).kind {
                faultlab::topology::Kind::Ts(ts) => {
                    ts.records.get(&name).unwrap().address == address
                }
                _ => false,
            });
            assert!(right, "{name} is not at {address}");
            answered += 1;
        }
        answered
    }
}

pub const CLIENTS: [NodeId; 2] = [CLIENT, CLIENT2];
