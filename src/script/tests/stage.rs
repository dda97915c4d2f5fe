//! A hand-made lab for the tests of the script: events are written by hand, orders are followed.

use super::super::*;
use crate::base::{
    ConnId, EventId, FrameId, Incarnation, Names, NodeId, Owner, Peer, QuestionNo, Run, VisitorId,
};
use crate::command::grammar;
use crate::event::Cause;
use crate::message::{Flaws, HostName, Message, Note, Outcome, Query, RecordType, Said, Why};
use crate::topology::{
    Accept, ClientConfig, Dialect, Kind, Listen, LsConfig, Node, Pace, Policy, Record, Records,
    Retry, TsConfig,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const CLIENT: NodeId = NodeId(0);
pub(super) const LS: NodeId = NodeId(1);
pub(super) const TS1: NodeId = NodeId(2);
pub(super) const TS2: NodeId = NodeId(3);

pub(super) fn ts(name: &str, address: &str, lie: bool) -> Kind {
    let record = Record { name: HostName::new(name), address: address.into(), flag: "A".into() };
    Kind::Ts(TsConfig { records: Records::new([record]), lie, ..TsConfig::default() })
}

pub(super) fn topology(steps: Vec<Step>) -> Arc<Topology> {
    let second = Duration::from_secs(1);
    let client = Kind::Client(ClientConfig {
        asks: vec![LS],
        list: Arc::new([]),
        pace: Pace::Serial,
        timeout: 10 * second,
        retry: Retry::default(),
        rate: 0.0,
        reconnect: second,
        ids: false,
        flaws: Flaws::NONE,
    });
    let ls = Kind::Ls(LsConfig {
        upstreams: vec![TS1, TS2],
        policy: Policy::Race,
        timeout: 5 * second,
        accept: Accept::FirstFinal,
        window: 3 * second,
        early_end: false,
        failover_after: second,
        failover: false,
        health: None,
        merge: false,
        reconnect: second,
        ids: false,
        flaws: Flaws::NONE,
        ..LsConfig::default()
    });
    let kinds = [
        client,
        ls,
        ts("www.a.com", "192.0.2.1,192.0.2.2", false),
        ts("www.b.com", "192.0.2.9", true),
    ];
    let nodes = kinds.into_iter().zip(0..).map(|(kind, id)| Node {
        id: NodeId(id),
        group: None,
        starts: true,
        at: None,
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
        auto_pace: false,
        nodes: nodes.collect(),
        names: names(),
        groups: BTreeMap::new(),
        default_link: crate::message::Faults::default(),
        links: BTreeMap::new(),
        wires: crate::topology::Wires::default(),
        steps,
    })
}

pub(super) fn names() -> Names {
    Names::new(["client", "ls", "ts1", "ts2"])
}

pub(super) fn commands(lines: &[&str]) -> Vec<Command> {
    lines.iter().map(|line| grammar::command(line, &names()).expect(line)).collect()
}

pub(super) fn step(lines: &[&str], expect: &[&str]) -> Step {
    Step {
        say: String::new(),
        ask: None,
        reveal: None,
        commands: commands(lines),
        expect: expect
            .iter()
            .map(|line| grammar::expectation(line, &names()).expect(line))
            .collect(),
        confessed: Vec::new(),
        repaired: Vec::new(),
        remembered: None,
    }
}

fn ask_for(name: &str, kind: RecordType) -> Message {
    let dns = Some(Query::new(kind));
    Message::Ask { name: HostName::new(name), id: Some(1), dns }
}

/// A lab that is told what happens.
pub(super) struct Stage {
    pub(super) script: Script,
    pub(super) now: LabTime,
    pub(super) numbers: BTreeMap<Owner, u64>,
    pub(super) questions: u64,
    pub(super) given: Vec<String>,
    pub(super) facts: Vec<Fact>,
}

impl Stage {
    pub(super) fn new(steps: Vec<Step>) -> Self {
        Self {
            script: Script::new(topology(steps)),
            now: LabTime::ZERO,
            numbers: BTreeMap::new(),
            questions: 0,
            given: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// One step with this expectation, its commands given.
    pub(super) fn expecting(line: &str) -> Self {
        let mut stage = Self::new(vec![step(&["pause"], &[line])]);
        stage.next();
        stage.next();
        stage
    }

    pub(super) fn follow(&mut self, orders: Vec<Order>) {
        for order in orders {
            match order {
                Order::Give(command) => self.given.push(grammar::words(&command, &names())),
                Order::Record(fact) => {
                    self.facts.push(fact.clone());
                    self.emit(Owner::Lab, Cause::Unknown, fact);
                }
            }
        }
    }

    pub(super) fn next(&mut self) {
        let orders = self.script.next(self.now);
        self.follow(orders);
    }

    /// Time passes, with the script polled whenever it wants to be.
    pub(super) fn to(&mut self, millis: u64) {
        let end = LabTime::from_millis(millis);
        while let Some(due) = self.script.next_due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let orders = self.script.poll(self.now);
            self.follow(orders);
        }
        self.now = end;
    }

    pub(super) fn emit(&mut self, owner: Owner, cause: Cause, fact: Fact) -> EventId {
        let number = self.numbers.entry(owner).or_default();
        *number += 1;
        let id = EventId { owner, number: *number };
        self.script.observe(&Event { id, time: self.now, cause, fact });
        id
    }

    pub(super) fn lab(&mut self, fact: Fact) {
        self.emit(Owner::Lab, Cause::Unknown, fact);
    }

    pub(super) fn note(&mut self, node: NodeId, cause: Cause, said: Note) -> EventId {
        self.emit(Owner::Node(node, Incarnation(1)), cause, Fact::Noted(said))
    }

    pub(super) fn says(&mut self, node: NodeId, said: Note) {
        self.note(node, Cause::Unknown, said);
    }

    pub(super) fn number(&mut self) -> QuestionNo {
        self.questions += 1;
        QuestionNo(self.questions)
    }

    pub(super) fn asks(&mut self, name: &str) -> QuestionNo {
        let question = self.number();
        let (name, deadline) = (HostName::new(name), self.now + Duration::from_secs(10));
        let again = None;
        self.says(CLIENT, Note::Asked { question, name, to: LS, deadline, attempt: 1, again });
        question
    }

    /// A message about a question travels, and the other end takes it for one of its own.
    pub(super) fn takes(
        &mut self,
        from: NodeId,
        about: QuestionNo,
        to: NodeId,
        name: &str,
    ) -> QuestionNo {
        self.carries(from, about, to, name, Message::ask(name))
    }

    /// The same over DNS, for records of this type.
    pub(super) fn takes_of(
        &mut self,
        from: NodeId,
        about: QuestionNo,
        to: NodeId,
        (name, kind): (&str, RecordType),
    ) -> QuestionNo {
        self.carries(from, about, to, name, ask_for(name, kind))
    }

    /// Somebody from outside asks over DNS.
    pub(super) fn takes_from_outside(
        &mut self,
        to: NodeId,
        (name, kind): (&str, RecordType),
    ) -> QuestionNo {
        let (conn, from) = (ConnId(2), Peer::Visitor(VisitorId(1)));
        let message = Arc::new(ask_for(name, kind));
        let owner = Owner::Node(to, Incarnation(1));
        let fact = Fact::MessageReceived { conn, from, message };
        let received = self.emit(owner, Cause::Unknown, fact);
        let (question, name) = (self.number(), HostName::new(name));
        self.note(to, Cause::Event(received), Note::Took { question, name, from, deadline: None });
        question
    }

    fn carries(
        &mut self,
        from: NodeId,
        about: QuestionNo,
        to: NodeId,
        name: &str,
        message: Message,
    ) -> QuestionNo {
        let message = Arc::new(message);
        let (conn, frame) = (ConnId(1), FrameId(1));
        let peer = Peer::Node(to);
        let fact = Fact::MessageSent {
            conn,
            to: peer,
            frame,
            due: self.now,
            about: Some(about),
            message: message.clone(),
        };
        let sent = self.emit(Owner::Node(from, Incarnation(1)), Cause::Unknown, fact);
        let fact = Fact::MessageReceived { conn, from: Peer::Node(from), message };
        let received = self.emit(Owner::Node(to, Incarnation(1)), Cause::Event(sent), fact);
        let question = self.number();
        let (name, from) = (HostName::new(name), Peer::Node(from));
        let note = Note::Took { question, name, from, deadline: None };
        self.note(to, Cause::Event(received), note);
        question
    }

    pub(super) fn decides(
        &mut self,
        node: NodeId,
        question: QuestionNo,
        outcome: Outcome,
        address: Option<&str>,
        from: Option<NodeId>,
    ) {
        let said =
            address.map(|address| Said::Found { address: address.into(), flags: "A".into() });
        self.says(node, Note::Decided { question, outcome, said, from, why: Why::FirstAnswer });
    }

    /// The whole way of one answered question: client, LS, a TS, and back.
    pub(super) fn answered(&mut self, name: &str, ts: NodeId, address: &str, millis: u64) {
        let own = self.asks(name);
        let taken = self.takes(CLIENT, own, LS, name);
        let worked = self.takes(LS, taken, ts, name);
        self.decides(ts, worked, Outcome::Answered, Some(address), None);
        let later = self.now + Duration::from_millis(millis);
        self.to(later.0 / 1_000_000);
        self.decides(LS, taken, Outcome::Answered, Some(address), Some(ts));
        self.decides(CLIENT, own, Outcome::Answered, Some(address), Some(LS));
    }

    /// How the only expectation came out by now.
    pub(super) fn verdict(&mut self) -> Option<(Judgement, String)> {
        self.to(self.now.0 / 1_000_000);
        let mut verdicts = self.facts.iter().filter_map(|fact| match fact {
            Fact::ExpectationJudged { judgement, seen, .. } => Some((*judgement, seen.to_string())),
            _ => None,
        });
        let verdict = verdicts.next();
        assert!(verdicts.next().is_none(), "judged twice");
        verdict
    }

    pub(super) fn passed(&mut self, seen: &str) {
        assert_eq!(self.verdict(), Some((Judgement::Passed, seen.to_owned())));
        assert!(self.script.is_settled());
    }

    pub(super) fn failed(&mut self, seen: &str) {
        assert_eq!(self.verdict(), None, "judged before its time is over");
        assert!(!self.script.is_settled());
        self.to(60_000);
        assert_eq!(self.verdict(), Some((Judgement::Failed, seen.to_owned())));
        assert!(self.script.is_settled());
    }
}

pub(super) fn booted(node: NodeId) -> Fact {
    Fact::NodeBooted { node, incarnation: Incarnation(1) }
}
