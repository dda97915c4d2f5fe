//! Drives one machine by hand: the test plays its peers. What the machine does is written down in short lines.

use faultlab::base::{ConnId, Incarnation, LabTime, Names, NodeId, Peer, Run, TimerId, VisitorId};
use faultlab::event::{Ending, Side};
use faultlab::machine::{Effect, Effects, Input, Machine, Told, build};
use faultlab::message::{BalanceNote, Faults, Flaw, Flaws, HostName, Image, Message, Note, Said};
use faultlab::topology::{
    Accept, ClientConfig, Dialect, Kind, Listen, LsConfig, Node, OnMiss, Pace, Patience, Policy,
    Record, Records, Retry, Service, Setting, Topology, TsConfig,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub const CLIENT: NodeId = NodeId(0);
pub const LS: NodeId = NodeId(1);
pub const TS1: NodeId = NodeId(2);
pub const TS2: NodeId = NodeId(3);
pub const CLIENT2: NodeId = NodeId(4);
pub const TS3: NodeId = NodeId(5);

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn client_config() -> ClientConfig {
    ClientConfig {
        asks: vec![LS],
        list: ["a", "b", "c"].map(HostName::new).into(),
        pace: Pace::Pipelined,
        timeout: ms(10_000),
        retry: Retry::default(),
        rate: 0.0,
        reconnect: ms(1000),
        ids: false,
        flaws: Flaws::NONE,
    }
}

pub fn ls_config(policy: Policy) -> LsConfig {
    LsConfig {
        upstreams: vec![TS1, TS2],
        policy,
        timeout: ms(5000),
        accept: Accept::FirstPositive,
        window: ms(3000),
        early_end: true,
        failover_after: ms(1000),
        failover: true,
        health: None,
        merge: true,
        reconnect: ms(1000),
        ids: false,
        flaws: Flaws::NONE,
        ..LsConfig::default()
    }
}

pub fn records(lines: &[(&str, &str)]) -> Records {
    Records::new(lines.iter().map(|(name, address)| Record {
        name: HostName::new(name),
        address: Arc::from(*address),
        flag: Arc::from("A"),
    }))
}

pub fn ts_config(lines: &[(&str, &str)]) -> TsConfig {
    TsConfig {
        records: records(lines),
        on_miss: OnMiss::Silent,
        responds: Service::Constant(Duration::ZERO),
        lie: false,
        workers: None,
        queue: 100,
        store: Vec::new(),
        patience: Patience::default(),
        flaws: Flaws::NONE,
    }
}

/// The usual lab: client, ls, ts1 (a), ts2 (b), client2, ts3 (a and b, asked by nobody).
pub fn topology(ls: LsConfig) -> Topology {
    let names = ["client", "ls", "ts1", "ts2", "client2", "ts3"];
    let kinds = [
        Kind::Client(client_config()),
        Kind::Ls(ls),
        Kind::Ts(ts_config(&[("A", "1.1.1.1")])),
        Kind::Ts(ts_config(&[("b", "2.2.2.2")])),
        Kind::Client(client_config()),
        Kind::Ts(ts_config(&[("a", "1.1.1.1"), ("b", "2.2.2.2")])),
    ];
    let nodes = kinds.into_iter().zip(0..).map(|(kind, id)| Node {
        id: NodeId(id),
        group: None,
        starts: true,
        at: None,
        listen: Listen { line: Some(0), json: None, dns: None, address: None },
        kind,
    });
    Topology {
        name: "test".into(),
        title: String::new(),
        lesson: String::new(),
        seed: 7,
        run: Run::FIRST,
        dialect: Dialect::First2021,
        auto_pace: false,
        nodes: nodes.collect(),
        names: Names::new(names),
        groups: BTreeMap::new(),
        default_link: Faults::default(),
        links: BTreeMap::new(),
        wires: faultlab::topology::Wires::default(),
        steps: Vec::new(),
    }
}

pub fn client_of(topology: &mut Topology, node: NodeId) -> &mut ClientConfig {
    match &mut topology.nodes[node.index()].kind {
        Kind::Client(client) => client,
        other => panic!("{other:?}"),
    }
}

pub fn ts_of(topology: &mut Topology, node: NodeId) -> &mut TsConfig {
    match &mut topology.nodes[node.index()].kind {
        Kind::Ts(ts) => ts,
        other => panic!("{other:?}"),
    }
}

pub fn flaws(list: &[Flaw]) -> Flaws {
    list.iter().copied().collect()
}

pub fn found(name: &str, address: &str) -> Message {
    let said = Said::Found { address: address.into(), flags: "A".into() };
    Message::Reply { name: Some(HostName::new(name)), id: None, said, dns: None }
}

pub fn bare(address: &str) -> Message {
    let said = Said::Found { address: address.into(), flags: "".into() };
    Message::Reply { name: None, id: None, said, dns: None }
}

pub fn says(name: &str, said: Said) -> Message {
    Message::Reply { name: Some(HostName::new(name)), id: None, said, dns: None }
}

/// One machine, its timers, and what it did.
pub struct Solo {
    pub topology: Arc<Topology>,
    machine: Box<dyn Machine>,
    out: Effects,
    pub now: LabTime,
    pub timers: BTreeMap<TimerId, LabTime>,
    /// The newest connection it opened to each node, and whether with line ends.
    pub opened: BTreeMap<NodeId, (ConnId, bool)>,
    peers: BTreeMap<ConnId, Peer>,
    /// What it did since it was last asked.
    pub done: Vec<Effect>,
}

impl Solo {
    /// Boots the machine of a node.
    pub fn new(topology: Topology, node: NodeId) -> Self {
        Self::born(topology, node, Incarnation(1), Image::default())
    }

    /// Boots a later life of a node, whose disk holds this.
    pub fn born(topology: Topology, node: NodeId, life: Incarnation, image: Image) -> Self {
        let topology = Arc::new(topology);
        let mut solo = Self {
            machine: build(&topology, node, life),
            topology,
            out: Effects::default(),
            now: LabTime::ZERO,
            timers: BTreeMap::new(),
            opened: BTreeMap::new(),
            peers: BTreeMap::new(),
            done: Vec::new(),
        };
        solo.input(Input::Boot(image));
        solo
    }

    /// An LS whose connections to both upstreams stand, and whose beliefs are noted.
    pub fn ls(config: LsConfig) -> Self {
        Self::ls_in(topology(config))
    }

    pub fn ls_in(topology: Topology) -> Self {
        let mut solo = Self::new(topology, LS);
        let upstreams: Vec<NodeId> = solo.opened.keys().copied().collect();
        for upstream in upstreams {
            solo.connect(upstream);
        }
        solo.done.clear();
        solo
    }

    pub fn input(&mut self, input: Input) {
        self.machine.step(self.now, input, &mut self.out);
        for effect in self.out.take() {
            match &effect {
                Effect::Open { conn, to, framed, .. } => {
                    self.opened.insert(*to, (*conn, *framed));
                    self.peers.insert(*conn, Peer::Node(*to));
                }
                Effect::Arm(timer, after) | Effect::Work(timer, after) => {
                    self.timers.insert(*timer, self.now + *after);
                }
                Effect::Disarm(timer) => {
                    self.timers.remove(timer);
                }
                _ => {}
            }
            self.done.push(effect);
        }
    }

    /// Fires what is due up to this moment, in order, and goes there.
    pub fn at(&mut self, millis: u64) {
        let until = LabTime::from_millis(millis);
        loop {
            let next = self.timers.iter().map(|(timer, due)| (*due, *timer)).min();
            let Some((due, timer)) = next.filter(|(due, _)| *due <= until) else { break };
            self.timers.remove(&timer);
            self.now = self.now.max(due);
            self.input(Input::Fired(timer));
        }
        self.now = until;
    }

    pub fn accept(&mut self, peer: Peer) -> ConnId {
        let conn = self.out.new_conn();
        self.peers.insert(conn, peer);
        self.input(Input::Opened { conn, peer, side: Side::Acceptor });
        conn
    }

    pub fn client(&mut self) -> ConnId {
        self.accept(Peer::Node(CLIENT))
    }

    pub fn visitor(&mut self) -> ConnId {
        self.accept(Peer::Visitor(VisitorId(1)))
    }

    pub fn conn(&self, node: NodeId) -> ConnId {
        self.opened[&node].0
    }

    pub fn peer(&self, conn: ConnId) -> Peer {
        self.peers[&conn]
    }

    pub fn connect(&mut self, node: NodeId) {
        let (conn, peer) = (self.conn(node), Peer::Node(node));
        self.input(Input::Opened { conn, peer, side: Side::Opener });
    }

    pub fn refuse(&mut self, node: NodeId) {
        let (conn, peer) = (self.conn(node), Peer::Node(node));
        self.input(Input::Refused { conn, peer });
    }

    pub fn end(&mut self, conn: ConnId, ending: Ending) {
        let peer = self.peers[&conn];
        self.input(Input::Ended { conn, peer, ending });
    }

    pub fn hear(&mut self, conn: ConnId, message: Message) {
        let peer = self.peers.get(&conn).copied().unwrap_or(Peer::Node(LS));
        self.input(Input::Received { conn, peer, message: Arc::new(message) });
    }

    /// The upstream says this on its newest connection.
    pub fn from(&mut self, node: NodeId, message: Message) {
        self.hear(self.conn(node), message);
    }

    pub fn ask(&mut self, conn: ConnId, name: &str) {
        self.hear(conn, Message::ask(name));
    }

    pub fn tell(&mut self, told: Told) {
        self.input(Input::Told(told));
    }

    pub fn set(&mut self, setting: Setting) {
        self.tell(Told::Set { setting, key: "key".into(), value: "value".into() });
    }

    /// What it did since, in short lines, timers left out.
    pub fn lines(&mut self) -> Vec<String> {
        let done = std::mem::take(&mut self.done);
        done.iter().filter_map(|effect| self.line(effect)).collect()
    }

    /// The lines that begin with one of these words.
    pub fn only(&mut self, words: &[&str]) -> Vec<String> {
        let fits = |line: &String| words.iter().any(|word| line.starts_with(word));
        self.lines().into_iter().filter(fits).collect()
    }

    fn line(&self, effect: &Effect) -> Option<String> {
        let names = &self.topology.names;
        Some(match effect {
            Effect::Open { to, framed, .. } => {
                format!("open {}{}", names.of(*to), if *framed { "" } else { " unframed" })
            }
            Effect::Send { conn, message, .. } => {
                let to =
                    self.peers.get(conn).map_or("?".into(), |peer| names.peer(*peer).to_string());
                format!("send {to} {}", words(message))
            }
            Effect::Close(conn) => {
                let to =
                    self.peers.get(conn).map_or("?".into(), |peer| names.peer(*peer).to_string());
                format!("close {to}")
            }
            Effect::Note(note) => note_line(names, note),
            Effect::Result(line) => format!("result {line}"),
            Effect::ResultsBegin => "results".into(),
            Effect::Persist { token, write } => {
                format!("persist {token} after {} +{}", write.keep, write.entries.len())
            }
            Effect::Exit => "exit".into(),
            Effect::Arm(..) | Effect::Work(..) | Effect::Disarm(_) => return None,
        })
    }
}

pub fn words(message: &Message) -> String {
    let id = |id: &Option<u64>| id.map_or(String::new(), |id| format!("@{id} "));
    match message {
        Message::AskTied { name, id } => format!("@{id}+ {name}?"),
        Message::Began { id } => format!("@{id} BEGAN"),
        Message::Cancel { id } => format!("@{id} CANCEL"),
        Message::Ask { name, id: of, .. } => format!("{}{name}?", id(of)),
        Message::Reply { name, id: of, said, .. } => {
            let name = name.as_ref().map_or("-", HostName::as_str);
            match said {
                Said::Found { address, flags } if flags.is_empty() => {
                    format!("{}{name} {address}", id(of))
                }
                Said::Found { address, flags } => format!("{}{name} {address} {flags}", id(of)),
                Said::Negative => format!("{}{name} NEGATIVE", id(of)),
                Said::NoRecord => format!("{}{name} NO RECORD", id(of)),
                Said::Failed(why) => format!("{}{name} FAILED {why}", id(of)),
                Said::NotFound => format!("{}{name} NOT FOUND", id(of)),
            }
        }
        Message::End => "END".into(),
        Message::Text(text) => format!("\"{text}\""),
        Message::Operate { id: Some(id), operation } => format!("{id} {operation}"),
        Message::Operate { id: None, operation } => operation.to_string(),
        Message::Operated { id: Some(id), said } => format!("{id} {said}"),
        Message::Operated { id: None, said } => said.to_string(),
        Message::Replica(message) => format!("{message:?}"),
    }
}

pub fn note_line(names: &Names, note: &Note) -> String {
    let of = |node: &NodeId| names.of(*node).to_owned();
    let list =
        |nodes: &[NodeId]| nodes.iter().map(|node| names.of(*node)).collect::<Vec<_>>().join(",");
    match note {
        Note::Asked { question, name, to, attempt, again, .. } => {
            let again = again.map_or(String::new(), |no| format!(" again {no}"));
            format!("asked {question} {name} {} #{attempt}{again}", of(to))
        }
        Note::Took { question, name, .. } => format!("took {question} {name}"),
        Note::Chose { question, upstreams, policy } => {
            format!("chose {question} {} {policy}", list(upstreams))
        }
        Note::Heard { question, upstream, outcome, .. } => {
            format!("heard {question} {} {outcome}", of(upstream))
        }
        Note::Decided { question, outcome, from, why, .. } => {
            let from = from.map_or(String::new(), |node| format!(" {}", of(&node)));
            format!("decided {question} {outcome}{from} {why:?}")
        }
        Note::Balance(BalanceNote::Hedged { question, slow, to, after, .. }) => {
            format!("hedged {question} {} for {} after {after:?}", of(to), of(slow))
        }
        Note::Balance(BalanceNote::NotHedged { question, slow }) => {
            format!("not hedged {question} {}", of(slow))
        }
        Note::Balance(BalanceNote::Covered { question, slow, by }) => {
            format!("covered {question} {} by {}", of(slow), of(by))
        }
        Note::Balance(BalanceNote::Began { question, upstream, cancelled }) => {
            format!("began {question} {} cancelled {}", of(upstream), list(cancelled))
        }
        Note::Balance(BalanceNote::Joined { question, race }) => {
            format!("joined {question} to {race}")
        }
        Note::Balance(BalanceNote::GoesOn { question, waits }) => {
            format!("goes on {question} for {waits}")
        }
        Note::Balance(BalanceNote::Slow { upstream, takes, others }) => {
            format!("slow {} {takes:?} others {others:?}", of(upstream))
        }
        Note::Late { question, upstream, .. } => format!("late {question} {}", of(upstream)),
        Note::Unmatched { upstream, name } => {
            format!("unmatched {} {}", of(upstream), name.as_ref().map_or("-", HostName::as_str))
        }
        Note::Stuck { name, upstream, before } => {
            let before = before.map_or(String::new(), |node| format!(" from {}", of(&node)));
            format!("stuck {name} {}{before}", of(upstream))
        }
        Note::WindowOpened { window, closes } => format!("window {window} till {closes}"),
        Note::WindowClosed { window, asked, missing, early } => {
            format!("closed {window} asked {asked} missing {missing} early {early}")
        }
        Note::Ejected { upstream, failures, until } => {
            format!("ejected {} after {failures} until {until}", of(upstream))
        }
        Note::Restored { upstream, successes } => {
            format!("restored {} after {successes}", of(upstream))
        }
        Note::Believed { about, belief } => format!("believed {} {belief:?}", of(about)),
        Note::ListEnded { answered, names } => format!("list ended {answered} of {names}"),
        Note::ListBegan { names } => format!("list began {names}"),
        Note::Stopping { in_flight } => format!("stopping {in_flight}"),
        other => format!("{other:?}"),
    }
}
