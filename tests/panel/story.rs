//! A lab told by hand: a topology and events such as a lab would report, for screens and key tests.

use faultlab::base::{
    ConnId, EventId, FrameId, Incarnation, LabTime, Names, NodeId, Owner, Peer, QuestionNo, Run,
    VisitorId,
};
use faultlab::command::grammar;
use faultlab::event::{Cause, ClockState, Event, Fact, Judgement, Side};
use faultlab::message::{Belief, Faults, Flaws, HostName, Message, Note, Outcome, Said, Why};
use faultlab::topology::{
    Accept, ClientConfig, Dialect, Kind, Listen, LsConfig, Node, OnMiss, Pace, Policy, Record,
    Records, Retry, Step, Topology, TsConfig,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub const CLIENT: NodeId = NodeId(0);
pub const LS: NodeId = NodeId(1);
pub const TS1: NodeId = NodeId(2);
pub const TS2: NodeId = NodeId(3);

/// Milliseconds that a hop takes in the stories.
pub const HOP: u64 = 40;

fn node(id: usize, kind: Kind) -> Node {
    let listen = Listen { line: Some(0), json: None, dns: None, address: None };
    Node { id: NodeId(id as u16), group: None, starts: true, at: None, listen, kind }
}

pub fn records(pairs: &[(&str, &str)]) -> Records {
    Records::new(pairs.iter().map(|(name, address)| Record {
        name: HostName::new(name),
        address: Arc::from(*address),
        flag: Arc::from("A"),
    }))
}

/// One client, one LS, so many name servers: the course's second system.
pub fn topology(policy: Policy, servers: usize) -> Topology {
    let ids: Vec<NodeId> = (2..2 + servers).map(|id| NodeId(id as u16)).collect();
    let mut names = vec!["client".to_owned(), "ls".to_owned()];
    names.extend((1..=servers).map(|at| format!("ts{at}")));
    let names = Names::new(&names);
    let list = ["www.google.com", "www.mit.edu", "nobody.example"];
    let client = ClientConfig {
        asks: vec![LS],
        list: list.map(HostName::new).into_iter().collect(),
        pace: Pace::Serial,
        timeout: Duration::from_secs(8),
        retry: Retry::default(),
        rate: 0.0,
        reconnect: Duration::from_secs(1),
        ids: false,
        flaws: Flaws::NONE,
    };
    let ls = LsConfig {
        upstreams: ids.clone(),
        policy,
        timeout: Duration::from_secs(5),
        accept: Accept::FirstPositive,
        window: Duration::from_secs(3),
        early_end: false,
        failover_after: Duration::from_secs(1),
        failover: false,
        health: None,
        merge: false,
        reconnect: Duration::from_secs(1),
        ids: false,
        flaws: Flaws::NONE,
        ..LsConfig::default()
    };
    let ts =
        |records: Records| TsConfig { records, on_miss: OnMiss::Silent, ..TsConfig::default() };
    let mut nodes = vec![node(0, Kind::Client(client)), node(1, Kind::Ls(ls))];
    for (at, id) in ids.iter().enumerate() {
        let table = match at {
            0 => {
                records(&[("www.google.com", "142.250.80.36"), ("www.rutgers.edu", "128.6.46.88")])
            }
            1 => records(&[("www.mit.edu", "23.7.46.88"), ("www.google.com", "142.250.80.36")]),
            _ => Records::default(),
        };
        nodes.push(node(id.index(), Kind::Ts(ts(table))));
    }
    Topology {
        name: "first-answer".into(),
        title: "First answer wins".into(),
        lesson: "Two name servers, each with its names. Ask both, take whichever answers first."
            .into(),
        seed: 7,
        run: Run::FIRST,
        dialect: Dialect::First2021,
        auto_pace: false,
        nodes,
        wires: faultlab::topology::Wires::default(),
        steps: steps(&names),
        names,
        groups: BTreeMap::new(),
        default_link: Faults { latency: Duration::from_millis(HOP), ..Faults::default() },
        links: BTreeMap::new(),
    }
}

fn steps(names: &Names) -> Vec<Step> {
    let command = |line: &str| grammar::command(line, names).expect("a command of the grammar");
    let expect = |line: &str| grammar::expectation(line, names).expect("an expectation");
    vec![
        Step {
            say: "Who answers www.google.com first? Hands up.".into(),
            ask: Some("What if ts1 dies now?".into()),
            reveal: Some(
                "Nobody tells the load balancer: the host is gone, not closed. \
                 It waits out its five seconds."
                    .into(),
            ),
            commands: vec![command("query client www.google.com")],
            expect: vec![
                expect("query client www.google.com ends answered within 6s"),
                expect("count all silent = 0"),
            ],
            confessed: vec![command("set ts1 on_miss silent")],
            repaired: vec![command("set ts1 on_miss negative")],
            remembered: None,
        },
        Step {
            say: "The same again, but kill ts1 first.".into(),
            ask: None,
            reveal: None,
            commands: vec![command("kill ts1")],
            expect: vec![],
            confessed: vec![],
            repaired: vec![],
            remembered: None,
        },
    ]
}

/// An event that is not yet numbered: its cause is the place of another in the story.
struct Draft {
    at: u64,
    owner: Owner,
    cause: Option<usize>,
    fact: Fact,
}

/// Events in the making.
pub struct Story {
    drafts: Vec<Draft>,
    frames: BTreeMap<(Peer, Peer), u64>,
    questions: BTreeMap<NodeId, u64>,
}

fn peer(id: NodeId) -> Peer {
    Peer::Node(id)
}

/// What one server does with a question of a story.
#[derive(Clone)]
pub struct Served {
    pub by: NodeId,
    /// Milliseconds it works.
    pub takes: u64,
    /// What it says; none for silence.
    pub says: Option<Said>,
}

pub fn found(address: &str) -> Said {
    Said::Found { address: Arc::from(address), flags: Arc::from("A") }
}

impl Story {
    /// A lab in which every node has booted.
    pub fn new(topology: &Topology) -> Self {
        let mut story =
            Self { drafts: Vec::new(), frames: BTreeMap::new(), questions: BTreeMap::new() };
        let clock = ClockState { rate: 1.0, paused: false, auto: topology.auto_pace };
        story.lab(0, Fact::ClockSet(clock));
        for node in &topology.nodes {
            let fact = Fact::NodeBooted { node: node.id, incarnation: Incarnation(1) };
            story.lab(0, fact);
            let address = format!("127.0.0.1:{}", 20_000 + node.id.0).parse();
            let address = address.expect("a socket address");
            let wire = Arc::from("line");
            story.own(node.id, 1, None, Fact::NodeListening { node: node.id, wire, address });
        }
        story
    }

    pub fn lab(&mut self, at: u64, fact: Fact) -> usize {
        self.drafts.push(Draft { at, owner: Owner::Lab, cause: None, fact });
        self.drafts.len() - 1
    }

    pub fn own(&mut self, node: NodeId, at: u64, cause: Option<usize>, fact: Fact) -> usize {
        let owner = Owner::Node(node, Incarnation(1));
        self.drafts.push(Draft { at, owner, cause, fact });
        self.drafts.len() - 1
    }

    pub fn note(&mut self, node: NodeId, at: u64, cause: Option<usize>, note: Note) -> usize {
        self.own(node, at, cause, Fact::Noted(note))
    }

    /// A message from one node to another, received after so many milliseconds; none for one that is
    /// on its way for ever.
    pub fn message(
        &mut self,
        (from, to): (NodeId, NodeId),
        (sent, received): (u64, Option<u64>),
        cause: Option<usize>,
        about: Option<u64>,
        message: Message,
    ) -> (usize, Option<usize>) {
        let frame = self.frames.entry((peer(from), peer(to))).or_insert(0);
        *frame += 1;
        let due = received.map_or(LabTime::NEVER, LabTime::from_millis);
        let message = Arc::new(message);
        let fact = Fact::MessageSent {
            conn: ConnId(1),
            to: peer(to),
            frame: FrameId(*frame),
            due,
            about: about.map(QuestionNo),
            message: message.clone(),
        };
        let sent = self.own(from, sent, cause, fact);
        let fact = Fact::MessageReceived { conn: ConnId(1), from: peer(from), message };
        (sent, received.map(|at| self.own(to, at, Some(sent), fact)))
    }

    fn next_question(&mut self, node: NodeId) -> u64 {
        let number = self.questions.entry(node).or_insert(0);
        *number += 1;
        *number
    }

    /// A whole race: the client asks, the LS asks all of `served` at once, the first that says something wins; after
    /// five seconds of silence the LS gives up.
    pub fn race(&mut self, begun: u64, name: &str, served: &[Served]) {
        let question = self.next_question(CLIENT);
        let name = HostName::new(name);
        let deadline = LabTime::from_millis(begun + 8000);
        let asked = Note::Asked {
            question: QuestionNo(question),
            name: name.clone(),
            to: LS,
            deadline,
            attempt: 1,
            again: None,
        };
        let asked = self.note(CLIENT, begun, None, asked);
        let ask = Message::Ask { name: name.clone(), id: None, dns: None };
        let taken = begun + HOP;
        let (_, received) =
            self.message((CLIENT, LS), (begun, Some(taken)), Some(asked), Some(question), ask);
        let lq = self.next_question(LS);
        let no = QuestionNo(lq);
        let took = Note::Took {
            question: no,
            name: name.clone(),
            from: peer(CLIENT),
            deadline: Some(LabTime::from_millis(taken + 5000)),
        };
        self.note(LS, taken, received, took);
        let upstreams: Arc<[NodeId]> = served.iter().map(|served| served.by).collect();
        let policy = Arc::from("race");
        self.note(LS, taken, received, Note::Chose { question: no, upstreams, policy });
        let mut first: Option<(u64, NodeId, Said)> = None;
        let mut arrivals: Vec<(u64, NodeId, Said, usize)> = Vec::new();
        for served in served {
            if let Some((at, said, event)) = self.serve(taken, lq, received, &name, served) {
                if first.as_ref().is_none_or(|first| at < first.0) {
                    first = Some((at, served.by, said.clone()));
                }
                arrivals.push((at, served.by, said, event));
            }
        }
        let decided = self.settle(&name, no, taken, first, &arrivals, served);
        let outcome = if decided.1.is_some() { Outcome::Answered } else { Outcome::Silent };
        let reply = Message::Reply {
            name: Some(name.clone()),
            id: None,
            said: decided.1.clone().unwrap_or(Said::NotFound),
            dns: None,
        };
        let back = decided.0 + HOP;
        let (_, received) =
            self.message((LS, CLIENT), (decided.0, Some(back)), None, Some(lq), reply);
        let (question, said) = (QuestionNo(question), decided.1);
        let heard = Note::Heard { question, upstream: LS, outcome, said: said.clone() };
        self.note(CLIENT, back, received, heard);
        let why = if outcome == Outcome::Answered { Why::OnlyAnswer } else { Why::AllNegative };
        let end = Note::Decided { question, outcome, said, from: Some(LS), why };
        self.note(CLIENT, back, received, end);
    }

    /// The LS's question at one server: when its answer arrives, what it says, and the event of its arrival.
    fn serve(
        &mut self,
        sent: u64,
        lq: u64,
        cause: Option<usize>,
        name: &HostName,
        served: &Served,
    ) -> Option<(u64, Said, usize)> {
        let ask = Message::Ask { name: name.clone(), id: None, dns: None };
        let there = sent + HOP;
        let (_, received) =
            self.message((LS, served.by), (sent, Some(there)), cause, Some(lq), ask);
        let tq = QuestionNo(self.next_question(served.by));
        let took = Note::Took { question: tq, name: name.clone(), from: peer(LS), deadline: None };
        self.note(served.by, there, received, took);
        let said = served.says.clone()?;
        let outcome = if said == Said::Negative { Outcome::Negative } else { Outcome::Answered };
        let replied = there + served.takes;
        let some = Some(said.clone());
        let end = Note::Decided { question: tq, outcome, said: some, from: None, why: Why::Table };
        self.note(served.by, replied, received, end);
        let reply =
            Message::Reply { name: Some(name.clone()), id: None, said: said.clone(), dns: None };
        let at = replied + HOP;
        let (_, event) =
            self.message((served.by, LS), (replied, Some(at)), None, Some(tq.0), reply);
        Some((at, said, event.expect("it is received")))
    }

    /// The LS hears, decides, and hears the losers too late: when it decided, and what.
    fn settle(
        &mut self,
        _name: &HostName,
        no: QuestionNo,
        taken: u64,
        first: Option<(u64, NodeId, Said)>,
        arrivals: &[(u64, NodeId, Said, usize)],
        served: &[Served],
    ) -> (u64, Option<Said>) {
        let Some((at, winner, said)) = first else {
            let at = taken + 5000;
            for served in served {
                let heard = Note::Heard {
                    question: no,
                    upstream: served.by,
                    outcome: Outcome::Silent,
                    said: None,
                };
                self.note(LS, at, None, heard);
            }
            let outcome = Outcome::Silent;
            let said = Some(Said::NotFound);
            let end = Note::Decided { question: no, outcome, said, from: None, why: Why::Deadline };
            self.note(LS, at, None, end);
            return (at, None);
        };
        for (when, who, what, event) in arrivals {
            if *who == winner {
                let outcome = Outcome::Answered;
                let some = Some(what.clone());
                let heard =
                    Note::Heard { question: no, upstream: *who, outcome, said: some.clone() };
                self.note(LS, *when, Some(*event), heard);
                let why = Why::FirstAnswer;
                let end =
                    Note::Decided { question: no, outcome, said: some, from: Some(*who), why };
                self.note(LS, *when, Some(*event), end);
            } else {
                let late = Note::Late { question: no, upstream: *who, said: what.clone() };
                self.note(LS, *when, Some(*event), late);
            }
        }
        (at, Some(said))
    }

    pub fn believe(&mut self, at: u64, who: NodeId, about: NodeId, belief: Belief) {
        self.note(who, at, None, Note::Believed { about, belief });
    }

    pub fn faults(&mut self, at: u64, from: NodeId, to: NodeId, faults: Faults) {
        let fact = Fact::FaultsSet { from: peer(from), to: peer(to), faults: Arc::new(faults) };
        self.lab(at, fact);
    }

    pub fn judge(&mut self, at: u64, expectation: u32, judgement: Judgement, seen: &str) {
        let seen = Arc::from(seen);
        self.lab(at, Fact::ExpectationJudged { step: 1, expectation, judgement, seen });
    }

    pub fn visitor(&mut self, at: u64, number: u32) {
        let peer = Peer::Visitor(VisitorId(number));
        let fact = Fact::ConnOpened { conn: ConnId(90), peer, side: Side::Acceptor };
        self.own(LS, at, None, fact);
    }

    /// The events in order, numbered.
    pub fn events(self) -> Vec<Event> {
        let mut order: Vec<usize> = (0..self.drafts.len()).collect();
        order.sort_by_key(|at| (self.drafts[*at].at, *at));
        let mut numbers: BTreeMap<Owner, u64> = BTreeMap::new();
        let mut ids: BTreeMap<usize, EventId> = BTreeMap::new();
        let mut events = Vec::new();
        for at in order {
            let draft = &self.drafts[at];
            let number = numbers.entry(draft.owner).or_insert(0);
            *number += 1;
            let id = EventId { owner: draft.owner, number: *number };
            ids.insert(at, id);
            let cause = draft.cause.and_then(|cause| ids.get(&cause).copied());
            events.push(Event {
                id,
                time: LabTime::from_millis(draft.at),
                cause: cause.map_or(Cause::Boot, Cause::Event),
                fact: draft.fact.clone(),
            });
        }
        events
    }
}
