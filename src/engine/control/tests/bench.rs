//! A small lab for the tests of the control plane, and a host that believes nothing but the acts it is given.

use super::super::state::Grammar;
use super::super::*;
use crate::base::{ConnId, EventId, Incarnation, Names, Run, VisitorId};
use crate::event::Cause;
use crate::topology::{
    ClientConfig, Dialect, Kind, Listen, LsConfig, Node, OnMiss, Policy, Setting, TsConfig,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

pub(super) const GRAMMAR: Grammar = Grammar { parse, keys, current };

pub(super) fn parse(_: &Topology, _: NodeId, key: &str, value: &str) -> Result<Setting, String> {
    let number = || value.parse::<u32>().map_err(|_| format!("`{value}` is no number"));
    Ok(match (key, value) {
        ("policy", word) => Setting::Policy(Policy::from_word(word).ok_or("no such policy")?),
        ("fall", "off") => Setting::Fall(0),
        ("fall", _) => Setting::Fall(number()?),
        ("rise", _) => Setting::Rise(number()?),
        ("on_miss", "silent") => Setting::OnMiss(OnMiss::Silent),
        ("on_miss", "negative") => Setting::OnMiss(OnMiss::Negative),
        ("lie", _) => Setting::Lie(value == "on"),
        _ => return Err(format!("`{key}` cannot be set")),
    })
}

pub(super) fn keys(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::Client(_) | Kind::StoreClient(_) | Kind::Replica(_) => &[],
        Kind::Ls(_) => &["policy", "fall", "rise"],
        Kind::Ts(_) => &["on_miss", "lie"],
    }
}

pub(super) fn current(_: &Topology, kind: &Kind, key: &str) -> Option<String> {
    Some(match (kind, key) {
        (Kind::Ls(ls), "policy") => ls.policy.word().into(),
        (Kind::Ls(ls), "fall") => ls.health.map_or("off".into(), |health| health.fall.to_string()),
        (Kind::Ls(ls), "rise") => ls.health?.rise.to_string(),
        (Kind::Ts(ts), "on_miss") => match ts.on_miss {
            OnMiss::Silent => "silent".into(),
            OnMiss::Negative => "negative".into(),
        },
        (Kind::Ts(ts), "lie") => if ts.lie { "on" } else { "off" }.into(),
        _ => return None,
    })
}

pub(super) const CLIENT: NodeId = NodeId(0);
pub(super) const LS: NodeId = NodeId(1);
pub(super) const TS1: NodeId = NodeId(2);
pub(super) const TS2: NodeId = NodeId(3);
pub(super) const SPARE: NodeId = NodeId(4);
pub(super) const OUTSIDE: NodeId = NodeId(5);

pub(super) fn usual() -> Faults {
    Faults { latency: Duration::from_millis(40), ..Faults::default() }
}

/// client → ls → ts1, ts2; `spare` is off at the start, `outside` runs elsewhere.
pub(super) fn topology() -> Arc<Topology> {
    let client = ClientConfig {
        asks: vec![LS],
        list: [crate::message::HostName::new("www.a.com")].into(),
        pace: crate::topology::Pace::Serial,
        timeout: Duration::from_secs(10),
        retry: crate::topology::Retry::default(),
        rate: 0.0,
        reconnect: Duration::from_secs(1),
        ids: false,
        flaws: crate::message::Flaws::NONE,
    };
    let ls = LsConfig {
        upstreams: vec![TS1, TS2, OUTSIDE],
        policy: Policy::Race,
        timeout: Duration::from_secs(5),
        accept: crate::topology::Accept::FirstFinal,
        window: Duration::from_secs(3),
        early_end: false,
        failover_after: Duration::from_secs(1),
        failover: false,
        health: None,
        merge: false,
        reconnect: Duration::from_secs(1),
        ids: false,
        flaws: crate::message::Flaws::NONE,
        ..LsConfig::default()
    };
    let liar = TsConfig { lie: true, ..TsConfig::default() };
    let kinds = [
        Kind::Client(client),
        Kind::Ls(ls),
        Kind::Ts(TsConfig::default()),
        Kind::Ts(liar),
        Kind::Ts(TsConfig::default()),
        Kind::Ts(TsConfig::default()),
    ];
    let nodes = kinds.into_iter().zip(0..).map(|(kind, id)| Node {
        id: NodeId(id),
        group: None,
        starts: NodeId(id) != SPARE,
        at: (NodeId(id) == OUTSIDE).then(|| ([127, 0, 0, 1], 5300).into()),
        listen: Listen::default(),
        kind,
    });
    Arc::new(Topology {
        name: "test".into(),
        title: String::new(),
        lesson: String::new(),
        seed: 7,
        run: Run::FIRST,
        dialect: Dialect::First2021,
        auto_pace: true,
        nodes: nodes.collect(),
        names: Names::new(["client", "ls", "ts1", "ts2", "spare", "outside"]),
        groups: BTreeMap::new(),
        default_link: Faults::default(),
        links: [((LS, TS1), usual()), ((TS1, LS), usual())].into(),
        wires: crate::topology::Wires::default(),
        steps: Vec::new(),
    })
}

/// A host that believes nothing but the acts it is given.
pub(super) struct Bench {
    pub(super) control: Control,
    pub(super) file: Arc<Topology>,
    pub(super) life: BTreeMap<NodeId, Life>,
    pub(super) kinds: BTreeMap<NodeId, Kind>,
    pub(super) loads: BTreeMap<NodeId, u64>,
    pub(super) links: BTreeMap<(Peer, Peer), Faults>,
    pub(super) clocks: BTreeMap<NodeId, OwnClock>,
    pub(super) booted: BTreeMap<NodeId, u32>,
    pub(super) now: LabTime,
    pub(super) undone: Vec<String>,
    /// Nodes whose disks cannot be read.
    pub(super) damaged: BTreeSet<NodeId>,
    pub(super) wiped: Vec<NodeId>,
    /// What the clients were told to do.
    pub(super) told: Vec<(NodeId, Told)>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::of(topology(), GRAMMAR)
    }

    pub(super) fn of(file: Arc<Topology>, grammar: Grammar) -> Self {
        let mut bench = Self {
            control: Control::with(file.clone(), grammar),
            file,
            life: BTreeMap::new(),
            kinds: BTreeMap::new(),
            loads: BTreeMap::new(),
            links: BTreeMap::new(),
            clocks: BTreeMap::new(),
            booted: BTreeMap::new(),
            now: LabTime::ZERO,
            undone: Vec::new(),
            damaged: BTreeSet::new(),
            wiped: Vec::new(),
            told: Vec::new(),
        };
        let acts = bench.control.start();
        bench.carry_out(acts);
        bench
    }

    pub(super) fn see(&mut self, owner: Owner, fact: Fact) {
        let id = EventId { owner, number: 1 };
        self.control.observe(&Event { id, time: self.now, cause: Cause::Unknown, fact });
    }

    pub(super) fn visit(&mut self, visitor: u32, node: NodeId) {
        let peer = Peer::Visitor(VisitorId(visitor));
        let fact = Fact::ConnOpened { conn: ConnId(1), peer, side: Side::Acceptor };
        self.see(Owner::Node(node, Incarnation(1)), fact);
    }

    pub(super) fn carry_out(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Boot(node) if self.damaged.contains(&node) => {
                    self.life.insert(node, Life::Corrupt);
                    self.see(Owner::Lab, Fact::NodeCorrupt { node, why: "half a page".into() });
                }
                Act::Wipe(node) => {
                    let life = self.life.get(&node).copied().unwrap_or_default();
                    assert!(!life.is_alive(), "{node} is wiped while it lives");
                    self.damaged.remove(&node);
                    self.wiped.push(node);
                }
                Act::Boot(node) => {
                    let life = self.life.insert(node, Life::Up);
                    assert!(!life.is_some_and(Life::is_alive), "{node} boots while it lives");
                    self.kinds.insert(node, self.file.node(node).kind.clone());
                    self.loads.insert(node, 0);
                    let count = self.booted.entry(node).or_default();
                    *count += 1;
                    let incarnation = Incarnation(*count);
                    self.see(
                        Owner::Node(node, incarnation),
                        Fact::NodeBooted { node, incarnation },
                    );
                }
                Act::Kill(node) => self.die(node, Life::Killed),
                Act::Crash(node) => self.die(node, Life::Crashed),
                Act::PowerOff(node) => {
                    self.life.insert(node, Life::PoweredOff);
                }
                Act::Freeze(node) => {
                    assert_eq!(self.life.insert(node, Life::Frozen), Some(Life::Up));
                }
                Act::Thaw(node) => {
                    assert_eq!(self.life.insert(node, Life::Up), Some(Life::Frozen));
                }
                Act::Tell(node, told) => self.tell(node, told),
                Act::SetOwnClock(node, clock) => {
                    self.clocks.insert(node, clock);
                }
                Act::SetFaults { from, to, faults } => {
                    self.links.insert((from, to), faults);
                }
                Act::Record(Fact::Undone { what, .. }) => self.undone.push(what.to_string()),
                _ => {}
            }
        }
    }

    pub(super) fn die(&mut self, node: NodeId, life: Life) {
        let before = self.life.insert(node, life);
        assert!(before.is_some_and(Life::is_alive), "{node} dies twice");
    }

    pub(super) fn tell(&mut self, node: NodeId, told: Told) {
        assert_eq!(self.life.get(&node), Some(&Life::Up), "{node} is told something: {told:?}");
        match told {
            Told::Set { setting, .. } => {
                let kind = self.kinds.get_mut(&node).expect("it was booted");
                assert!(setting.apply(kind));
            }
            Told::Load { per_kilosecond } => {
                self.loads.insert(node, per_kilosecond);
            }
            Told::Stop => {
                self.life.insert(node, Life::Stopped);
                self.see(Owner::Lab, Fact::NodeStopped { node });
            }
            Told::Ask { .. } | Told::Operate { .. } | Told::Batch => self.told.push((node, told)),
        }
    }

    pub(super) fn give(&mut self, line: &str) -> Result<usize, String> {
        let command = grammar::command(line, &self.file.names).expect(line);
        let acts = self.control.apply(self.now, &command)?;
        let count = acts.len();
        self.carry_out(acts);
        Ok(count)
    }

    pub(super) fn must(&mut self, line: &str) {
        self.give(line).unwrap_or_else(|why| panic!("{line}: {why}"));
    }

    pub(super) fn refused(&mut self, line: &str) -> String {
        let before = self.snapshot();
        let why = self.give(line).expect_err(line);
        assert_eq!(self.snapshot(), before, "{line} was refused and still did something");
        why
    }

    pub(super) fn faults(&self, from: NodeId, to: NodeId) -> Faults {
        let way = (Peer::Node(from), Peer::Node(to));
        self.links.get(&way).copied().unwrap_or_else(|| self.file.link(from, to))
    }

    /// What is true in this host, and how everybody is to be set.
    pub(super) fn snapshot(&self) -> String {
        let mut out = String::new();
        for node in &self.file.nodes {
            let life = self.life.get(&node.id).copied().unwrap_or_default();
            // Nobody can tell one that was never started from one that was killed.
            let life = if life == Life::Off { Life::Killed } else { life };
            let kind = &**self.control.state.kind(node.id);
            write!(out, "{} {life:?} {kind:?}", node.id).expect("a String takes everything");
            // A frozen process hears of changes when it thaws, a dead one when it boots.
            if life == Life::Up {
                assert_eq!(&self.kinds[&node.id], kind, "the process of {} differs", node.id);
                write!(out, " {}", self.loads[&node.id]).expect("a String takes everything");
            }
            let clock = self.clocks.get(&node.id).copied().unwrap_or_default();
            writeln!(out, " {clock:?}").expect("a String takes everything");
        }
        for (way, faults) in &self.links {
            let usual = match way {
                (Peer::Node(from), Peer::Node(to)) => self.file.link(*from, *to),
                // A visitor is gone for good when its node ends, and with it what was done to it.
                (Peer::Visitor(id), _) | (_, Peer::Visitor(id)) if *id != VisitorId::ANY => {
                    continue;
                }
                _ => Faults::default(),
            };
            if *faults != usual {
                writeln!(out, "{way:?} {faults:?}").expect("a String takes everything");
            }
        }
        out
    }
}
