//! A small lab for fold tests: a topology, and event lists in words.
//!
//! One event a line: `[LABEL:] MILLIS OWNER [<-CAUSE] VERB …`. OWNER is `lab` or a node, `ts1.2`
//! for its second life; CAUSE is a label, or `?` for unknown; without one it is boot. Numbers are
//! given by counting. `#` begins a comment.

use faultlab::base::{
    ConnId, EventId, FrameId, Incarnation, LabTime, Names, NodeId, Owner, Peer, QuestionNo, Run,
    VisitorId, units,
};
use faultlab::event::{Cause, Census, Ending, Event, Fact, Fate, Hand, Judgement, Life, Side};
use faultlab::message::{Belief, Faults, Flaws, HostName, Message, Note, Outcome, Said, Why};
use faultlab::topology::{
    ClientConfig, Dialect, Kind, Listen, LsConfig, Node, Pace, Policy, Record, Records, Retry,
    Step, Topology, TsConfig,
};
use faultlab::world::World;
use std::collections::{BTreeMap, HashMap};
use std::str::SplitWhitespace;
use std::sync::Arc;
use std::time::Duration;

pub const NODES: [&str; 6] = ["client", "c2", "ls", "ts1", "ts2", "out"];

/// What a line of a list asks for.
#[derive(Debug, Clone)]
pub enum Entry {
    Event(Event),
    /// A reader's gap: so many events were never seen.
    Gap(u64),
}

pub fn fold(topology: &Arc<Topology>, entries: &[Entry]) -> World {
    let mut world = World::new(topology.clone());
    continue_fold(&mut world, entries);
    world
}

pub fn continue_fold(world: &mut World, entries: &[Entry]) {
    for entry in entries {
        match entry {
            Entry::Event(event) => world.apply(event),
            Entry::Gap(missing) => world.gap(*missing),
        }
    }
}

fn ts(records: &[(&str, &str)]) -> Kind {
    let record = |(name, address): &(&str, &str)| Record {
        name: HostName::new(name),
        address: Arc::from(*address),
        flag: Arc::from("A"),
    };
    let records = Records::new(records.iter().map(record));
    Kind::Ts(TsConfig { records, ..TsConfig::default() })
}

/// Two clients, one LS, two TSs with one name each, and a TS of somebody else's.
pub fn topology(policy: Policy) -> Arc<Topology> {
    let names = Names::new(NODES);
    let id = |name: &str| names.id(name).expect("a name of the table");
    let client = |asks| {
        Kind::Client(ClientConfig {
            asks,
            list: Arc::from([HostName::new("www.google.com"), HostName::new("www.bing.com")]),
            pace: Pace::Pipelined,
            timeout: Duration::from_secs(10),
            retry: Retry::default(),
            rate: 0.0,
            reconnect: Duration::from_secs(1),
            ids: false,
            flaws: Flaws::NONE,
        })
    };
    let ls = Kind::Ls(LsConfig {
        upstreams: vec![id("ts1"), id("ts2")],
        policy,
        failover: false,
        ..LsConfig::default()
    });
    let kinds = [
        client(vec![id("ls")]),
        client(vec![id("ls"), id("ts1")]),
        ls,
        ts(&[("www.google.com", "192.0.2.1"), ("www.both.com", "192.0.2.3")]),
        ts(&[("www.bing.com", "192.0.2.2"), ("www.both.com", "192.0.2.3")]),
        ts(&[]),
    ];
    let nodes = kinds.into_iter().zip(NODES).map(|(kind, name)| Node {
        id: id(name),
        group: None,
        starts: true,
        at: (name == "out").then(|| "127.0.0.1:5300".parse().expect("an address")),
        listen: Listen::default(),
        kind,
    });
    Arc::new(Topology {
        name: "fold".into(),
        title: "fold".into(),
        lesson: String::new(),
        seed: 7,
        run: Run::FIRST,
        dialect: Dialect::First2021,
        auto_pace: false,
        nodes: nodes.collect(),
        names: names.clone(),
        groups: BTreeMap::new(),
        default_link: Faults { latency: Duration::from_millis(40), ..Faults::default() },
        links: BTreeMap::new(),
        wires: faultlab::topology::Wires::default(),
        steps: vec![Step {
            say: "Look.".into(),
            ask: None,
            reveal: None,
            commands: Vec::new(),
            expect: Vec::new(),
            confessed: vec![faultlab::command::Command::Pause],
            repaired: vec![faultlab::command::Command::Resume],
            remembered: None,
        }],
    })
}

/// Reads a list.
pub fn parse(text: &str, names: &Names) -> Vec<Entry> {
    let mut labels = HashMap::new();
    let mut counts: HashMap<Owner, u64> = HashMap::new();
    let mut out = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or("").trim();
        if line.is_empty() {
            continue;
        }
        let mut words = Words { left: line.split_whitespace(), names };
        let mut first = words.next();
        let label = first.strip_suffix(':').map(str::to_owned);
        if label.is_some() {
            first = words.next();
        }
        if first == "gap" {
            out.push(Entry::Gap(words.number()));
            continue;
        }
        let time = LabTime::from_millis(first.parse().expect("a time in milliseconds"));
        let owner = words.owner();
        let mut verb = words.next();
        let cause = match verb.strip_prefix("<-") {
            None => Cause::Boot,
            Some(label) => {
                verb = words.next();
                match labels.get(label) {
                    Some(id) => Cause::Event(*id),
                    None if label == "?" => Cause::Unknown,
                    None => panic!("line {}: no label `{label}`", at + 1),
                }
            }
        };
        let fact = words.fact(verb, owner);
        let number = counts.entry(owner).or_insert(0);
        *number += 1;
        let id = EventId { owner, number: *number };
        if let Some(label) = label {
            labels.insert(label, id);
        }
        assert_eq!(words.left.next(), None, "line {}: words left over: {line}", at + 1);
        out.push(Entry::Event(Event { id, time, cause, fact }));
    }
    out
}

struct Words<'a> {
    left: SplitWhitespace<'a>,
    names: &'a Names,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> &'a str {
        self.left.next().expect("another word on this line")
    }

    fn maybe(&mut self, key: &str) -> bool {
        let mut ahead = self.left.clone();
        let found = ahead.next() == Some(key);
        if found {
            self.left = ahead;
        }
        found
    }

    fn number(&mut self) -> u64 {
        let word = self.next();
        word.trim_start_matches(['q', 'f', 'c', 'w']).parse().unwrap_or_else(|_| {
            panic!("`{word}` is no number");
        })
    }

    fn question(&mut self) -> QuestionNo {
        QuestionNo(self.number())
    }

    fn millis(&mut self) -> LabTime {
        let mut ahead = self.left.clone();
        if ahead.next() == Some("never") {
            self.left = ahead;
            return LabTime::NEVER;
        }
        LabTime::from_millis(self.number())
    }

    fn id(&self, word: &str) -> NodeId {
        self.names.id(word).unwrap_or_else(|| panic!("`{word}` is no node"))
    }

    fn node(&mut self) -> NodeId {
        let word = self.next();
        self.id(word)
    }

    fn peer(&mut self) -> Peer {
        let word = self.next();
        match word.strip_prefix("visitor-") {
            Some(number) => Peer::Visitor(VisitorId(number.parse().expect("a visitor's number"))),
            None => Peer::Node(self.id(word)),
        }
    }

    fn owner(&mut self) -> Owner {
        let word = self.next();
        if word == "lab" {
            return Owner::Lab;
        }
        let (name, life) = word.split_once('.').unwrap_or((word, "1"));
        Owner::Node(self.id(name), Incarnation(life.parse().expect("a life")))
    }

    fn outcome(&mut self) -> Outcome {
        let word = self.next();
        Outcome::from_word(word).unwrap_or_else(|| panic!("`{word}` is no outcome"))
    }

    fn json<T: serde::de::DeserializeOwned>(&mut self) -> T {
        let word = self.next();
        serde_json::from_value(serde_json::Value::String(word.into()))
            .unwrap_or_else(|error| panic!("`{word}`: {error}"))
    }

    fn said(&mut self) -> Said {
        match self.next() {
            "negative" => Said::Negative,
            "notfound" => Said::NotFound,
            "failed" => Said::Failed(Arc::from("no server can say")),
            address => Said::Found { address: Arc::from(address), flags: Arc::from("A") },
        }
    }

    fn message(&mut self) -> Arc<Message> {
        Arc::new(match self.next() {
            "ask" => Message::ask(self.next()),
            "text" => Message::Text(Arc::from(self.next())),
            "end" => Message::End,
            "reply" => {
                let name = Some(HostName::new(self.next()));
                Message::Reply { name, id: None, said: self.said(), dns: None }
            }
            other => panic!("`{other}` is no message"),
        })
    }

    fn fact(&mut self, verb: &str, owner: Owner) -> Fact {
        match verb {
            "kill" => Fact::NodeKilled { node: self.node() },
            "crash" => {
                Fact::NodeCrashed { node: self.node(), why: Arc::from("index out of range") }
            }
            "power-off" => Fact::NodePoweredOff { node: self.node() },
            "freeze" => Fact::NodeFrozen { node: self.node() },
            "thaw" => Fact::NodeThawed { node: self.node() },
            "stopping" => Fact::NodeStopping { node: self.node() },
            "stopped" => Fact::NodeStopped { node: self.node() },
            "boot" => {
                let Owner::Node(node, incarnation) = owner else { panic!("a node boots") };
                Fact::NodeBooted { node, incarnation }
            }
            "listening" => Fact::NodeListening {
                node: self.node(),
                wire: Arc::from("line"),
                address: self.next().parse().expect("an address"),
            },
            "census" => Fact::Census(Arc::new(Census {
                node: self.node(),
                incarnation: Incarnation(u32::try_from(self.number()).expect("a life")),
                life: self.json::<Life>(),
            })),
            "missing" => Fact::LogGap { dropped: self.number() },
            "faults" => self.faults(),
            "moved" => Fact::FrameMoved {
                from: self.peer(),
                to: self.peer(),
                frame: FrameId(self.number()),
                due: self.millis(),
            },
            "repeated" => Fact::FrameLate {
                from: self.peer(),
                to: self.peer(),
                frame: FrameId(self.number()),
                retransmissions: u8::try_from(self.number()).expect("a few"),
                late: Duration::from_millis(self.number()),
            },
            "lost" => Fact::FrameLost {
                from: self.peer(),
                to: self.peer(),
                frame: FrameId(self.number()),
                fate: self.json::<Fate>(),
            },
            "step" => Fact::StepBegan { step: self.step() },
            "ran" => Fact::StepRan { step: self.step() },
            "ended" => Fact::StepEnded { step: self.step() },
            "flipped" => Fact::Flipped { step: self.step(), repaired: self.next() == "repaired" },
            "judged" => Fact::ExpectationJudged {
                step: self.step(),
                expectation: self.step(),
                judgement: self.json::<Judgement>(),
                seen: Arc::from("ended silent after 5,003 ms"),
            },
            "command" => {
                let command = match self.next() {
                    "kill" => faultlab::command::Command::Kill(self.node()),
                    "mark" => faultlab::command::Command::Mark(Arc::from(self.next())),
                    other => panic!("`{other}` is no command of these tests"),
                };
                Fact::CommandGiven { command: Arc::new(command), hand: Hand::Person }
            }
            verb => self.traffic(verb),
        }
    }

    fn step(&mut self) -> u32 {
        u32::try_from(self.number()).expect("a small number")
    }

    fn faults(&mut self) -> Fact {
        let (from, to) = (self.peer(), self.peer());
        let mut faults = Faults { latency: Duration::from_millis(40), ..Faults::default() };
        for word in self.left.by_ref() {
            match word {
                "cut" => faults.cut = true,
                "hold" => faults.hold = true,
                "usual" => {}
                word => match word.strip_prefix('+') {
                    Some(extra) => faults.extra = units::duration(extra).expect("a time"),
                    None => faults.loss = units::share(word).expect("a share"),
                },
            }
        }
        Fact::FaultsSet { from, to, faults: Arc::new(faults) }
    }

    fn traffic(&mut self, verb: &str) -> Fact {
        match verb {
            "sent" => Fact::MessageSent {
                to: self.peer(),
                frame: FrameId(self.number()),
                due: self.millis(),
                about: self.maybe("about").then(|| self.question()),
                conn: if self.maybe("over") { ConnId(self.number()) } else { ConnId(1) },
                message: self.message(),
            },
            "recv" => Fact::MessageReceived {
                conn: ConnId(1),
                from: self.peer(),
                message: self.message(),
            },
            "opened" => Fact::ConnOpened {
                conn: ConnId(self.number()),
                peer: self.peer(),
                side: self.json::<Side>(),
            },
            "closed" => Fact::ConnClosed { conn: ConnId(self.number()), peer: self.peer() },
            "reset" => Fact::ConnEnded {
                conn: ConnId(self.number()),
                peer: self.peer(),
                ending: Ending::Reset,
            },
            verb => Fact::Noted(self.note(verb)),
        }
    }

    fn note(&mut self, verb: &str) -> Note {
        match verb {
            "asked" => {
                let (question, name) = (self.question(), HostName::new(self.next()));
                assert!(self.maybe("to"));
                let to = self.node();
                assert!(self.maybe("by"));
                let deadline = self.millis();
                let again = self.maybe("again").then(|| self.question());
                let attempt = 1 + u8::from(again.is_some());
                Note::Asked { question, name, to, deadline, attempt, again }
            }
            "took" => {
                let (question, name) = (self.question(), HostName::new(self.next()));
                assert!(self.maybe("from"));
                let from = self.peer();
                let deadline = self.maybe("by").then(|| self.millis());
                Note::Took { question, name, from, deadline }
            }
            "chose" => {
                let (question, policy) = (self.question(), Arc::from(self.next()));
                let upstreams = self.next().split(',').map(|word| self.id(word)).collect();
                Note::Chose { question, upstreams, policy }
            }
            "heard" => {
                let (question, upstream) = (self.question(), self.node());
                let outcome = self.outcome();
                let said = self.maybe("says").then(|| self.said());
                Note::Heard { question, upstream, outcome, said }
            }
            "decided" => {
                let (question, outcome) = (self.question(), self.outcome());
                let why = self.json::<Why>();
                let from = self.maybe("from").then(|| self.node());
                let said = self.maybe("says").then(|| self.said());
                Note::Decided { question, outcome, said, from, why }
            }
            "late" => {
                Note::Late { question: self.question(), upstream: self.node(), said: self.said() }
            }
            "unmatched" => {
                Note::Unmatched { upstream: self.node(), name: Some(HostName::new(self.next())) }
            }
            verb => self.other_note(verb),
        }
    }

    fn other_note(&mut self, verb: &str) -> Note {
        match verb {
            "stuck" => {
                let (name, upstream) = (HostName::new(self.next()), self.node());
                let before = self.maybe("before").then(|| self.node());
                Note::Stuck { name, upstream, before }
            }
            "window" => Note::WindowOpened { window: self.number(), closes: self.millis() },
            "window-closed" => Note::WindowClosed {
                window: self.number(),
                asked: self.step(),
                missing: self.step(),
                early: self.maybe("early"),
            },
            "ejects" => Note::Ejected { upstream: self.node(), failures: 2, until: self.millis() },
            "restores" => Note::Restored { upstream: self.node(), successes: 2 },
            "believes" => Note::Believed { about: self.node(), belief: self.json::<Belief>() },
            "changed" => {
                Note::Changed { key: Arc::from(self.next()), value: Arc::from(self.next()) }
            }
            "load" => Note::LoadSet { per_kilosecond: self.number() },
            "spins" => Note::Spinning,
            other => panic!("`{other}` is no verb"),
        }
    }
}
