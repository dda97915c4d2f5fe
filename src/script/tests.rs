//! Beats, waits, flips, and every form of expectation, both ways, on hand-made events.

use super::*;
use crate::base::{
    ConnId, EventId, FrameId, Incarnation, Names, NodeId, Owner, Peer, QuestionNo, VisitorId,
};
use crate::command::grammar;
use crate::event::Cause;
use crate::message::{Belief, Flaws, HostName, Message, Note, Outcome, Said, Why};
use crate::topology::{
    Accept, ClientConfig, Dialect, Kind, Listen, LsConfig, Node, Pace, Policy, Record, Records,
    Retry, TsConfig,
};
use std::collections::BTreeMap;
use std::time::Duration;

const CLIENT: NodeId = NodeId(0);
const LS: NodeId = NodeId(1);
const TS1: NodeId = NodeId(2);
const TS2: NodeId = NodeId(3);

fn ts(name: &str, address: &str, lie: bool) -> Kind {
    let record = Record { name: HostName::new(name), address: address.into(), flag: "A".into() };
    Kind::Ts(TsConfig { records: Records::new([record]), lie, ..TsConfig::default() })
}

fn topology(steps: Vec<Step>) -> Arc<Topology> {
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
        reconnect: second,
        ids: false,
        flaws: Flaws::NONE,
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
        dialect: Dialect::First2021,
        auto_pace: false,
        nodes: nodes.collect(),
        names: names(),
        groups: BTreeMap::new(),
        default_link: crate::message::Faults::default(),
        links: BTreeMap::new(),
        steps,
    })
}

fn names() -> Names {
    Names::new(["client", "ls", "ts1", "ts2"])
}

fn commands(lines: &[&str]) -> Vec<Command> {
    lines.iter().map(|line| grammar::command(line, &names()).expect(line)).collect()
}

fn step(commands_: &[&str], expect: &[&str]) -> Step {
    Step {
        say: String::new(),
        ask: None,
        reveal: None,
        commands: commands(commands_),
        expect: expect
            .iter()
            .map(|line| grammar::expectation(line, &names()).expect(line))
            .collect(),
        confessed: Vec::new(),
        repaired: Vec::new(),
    }
}

/// A lab that is told what happens.
struct Stage {
    script: Script,
    now: LabTime,
    numbers: BTreeMap<Owner, u64>,
    questions: u64,
    given: Vec<String>,
    facts: Vec<Fact>,
}

impl Stage {
    fn new(steps: Vec<Step>) -> Self {
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
    fn expecting(line: &str) -> Self {
        let mut stage = Self::new(vec![step(&["pause"], &[line])]);
        stage.next();
        stage.next();
        stage
    }

    fn follow(&mut self, orders: Vec<Order>) {
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

    fn next(&mut self) {
        let orders = self.script.next(self.now);
        self.follow(orders);
    }

    /// Time passes, with the script polled whenever it wants to be.
    fn to(&mut self, millis: u64) {
        let end = LabTime::from_millis(millis);
        while let Some(due) = self.script.next_due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let orders = self.script.poll(self.now);
            self.follow(orders);
        }
        self.now = end;
    }

    fn emit(&mut self, owner: Owner, cause: Cause, fact: Fact) -> EventId {
        let number = self.numbers.entry(owner).or_default();
        *number += 1;
        let id = EventId { owner, number: *number };
        self.script.observe(&Event { id, time: self.now, cause, fact });
        id
    }

    fn lab(&mut self, fact: Fact) {
        self.emit(Owner::Lab, Cause::Unknown, fact);
    }

    fn note(&mut self, node: NodeId, cause: Cause, note: Note) -> EventId {
        self.emit(Owner::Node(node, Incarnation(1)), cause, Fact::Noted(note))
    }

    fn says(&mut self, node: NodeId, note: Note) {
        self.note(node, Cause::Unknown, note);
    }

    fn number(&mut self) -> QuestionNo {
        self.questions += 1;
        QuestionNo(self.questions)
    }

    fn asks(&mut self, name: &str) -> QuestionNo {
        let question = self.number();
        let (name, deadline) = (HostName::new(name), self.now + Duration::from_secs(10));
        let again = None;
        self.says(CLIENT, Note::Asked { question, name, to: LS, deadline, attempt: 1, again });
        question
    }

    /// A message about a question travels, and the other end takes it for one of its own.
    fn takes(&mut self, from: NodeId, about: QuestionNo, to: NodeId, name: &str) -> QuestionNo {
        let message = Arc::new(Message::ask(name));
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

    fn decides(
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
    fn answered(&mut self, name: &str, ts: NodeId, address: &str, millis: u64) {
        let asked = self.asks(name);
        let at_ls = self.takes(CLIENT, asked, LS, name);
        let at_ts = self.takes(LS, at_ls, ts, name);
        self.decides(ts, at_ts, Outcome::Answered, Some(address), None);
        let later = self.now + Duration::from_millis(millis);
        self.to(later.0 / 1_000_000);
        self.decides(LS, at_ls, Outcome::Answered, Some(address), Some(ts));
        self.decides(CLIENT, asked, Outcome::Answered, Some(address), Some(LS));
    }

    /// How the only expectation came out by now.
    fn verdict(&mut self) -> Option<(Judgement, String)> {
        self.to(self.now.0 / 1_000_000);
        let mut verdicts = self.facts.iter().filter_map(|fact| match fact {
            Fact::ExpectationJudged { judgement, seen, .. } => Some((*judgement, seen.to_string())),
            _ => None,
        });
        let verdict = verdicts.next();
        assert!(verdicts.next().is_none(), "judged twice");
        verdict
    }

    fn passed(&mut self, seen: &str) {
        assert_eq!(self.verdict(), Some((Judgement::Passed, seen.to_owned())));
        assert!(self.script.is_settled());
    }

    fn failed(&mut self, seen: &str) {
        assert_eq!(self.verdict(), None, "judged before its time is over");
        assert!(!self.script.is_settled());
        self.to(60_000);
        assert_eq!(self.verdict(), Some((Judgement::Failed, seen.to_owned())));
        assert!(self.script.is_settled());
    }
}

fn booted(node: NodeId) -> Fact {
    Fact::NodeBooted { node, incarnation: Incarnation(1) }
}

#[test]
fn a_lecture_goes_from_beat_to_beat() {
    let steps = vec![step(&["pause", "wait 2s", "resume"], &[]), step(&["reset"], &[])];
    let mut stage = Stage::new(steps);
    assert!(stage.script.is_settled() && !stage.script.is_over());
    stage.next();
    assert_eq!(stage.facts, [Fact::StepBegan { step: 1 }]);
    assert!(stage.given.is_empty());
    stage.next();
    assert_eq!(stage.facts.last(), Some(&Fact::StepRan { step: 1 }));
    assert_eq!(stage.given, ["pause"]);
    assert_eq!(stage.script.next_due(), Some(LabTime::from_millis(2000)));
    assert!(!stage.script.is_settled());
    stage.to(1999);
    assert_eq!(stage.given, ["pause"]);
    stage.to(2000);
    assert_eq!(stage.given, ["pause", "resume"]);
    assert!(stage.script.is_settled());
    stage.next();
    assert_eq!(stage.facts.last(), Some(&Fact::StepEnded { step: 1 }));
    for _ in 0..3 {
        assert!(!stage.script.is_over());
        stage.next();
    }
    assert_eq!(stage.given, ["pause", "resume", "reset"]);
    assert!(stage.script.is_over());
    let facts = stage.facts.len();
    stage.next();
    assert_eq!(stage.facts.len(), facts);
    assert!(Script::new(topology(Vec::new())).is_over());
}

#[test]
fn whoever_goes_on_early_leaves_the_lab_as_the_next_step_relies_on() {
    let first =
        step(&["pause", "wait 20s", "resume", "wait 1s", "reset"], &["node ts1 is up within 60s"]);
    let mut stage = Stage::new(vec![first, step(&[], &[])]);
    for _ in 0..3 {
        stage.next();
    }
    stage.to(1000);
    assert_eq!(stage.given, ["pause"]);
    stage.next();
    assert_eq!(stage.given, ["pause", "resume", "reset"]);
    assert_eq!(stage.facts.last(), Some(&Fact::StepBegan { step: 2 }));
    stage.lab(booted(TS1));
    stage.to(90_000);
    assert_eq!(stage.verdict(), None, "an expectation of a step that is past was judged");
}

#[test]
fn a_flip_gives_the_other_commands_and_each_step_begins_as_confessed() {
    let mut flips = step(&[], &[]);
    flips.confessed = commands(&["set ts1 on_miss silent"]);
    flips.repaired = commands(&["set ts1 on_miss negative"]);
    let mut stage = Stage::new(vec![flips.clone(), flips, step(&[], &[])]);
    assert_eq!(
        stage.script.flip(stage.now),
        Err("no step has begun: `next` begins the first".into())
    );
    let flip = |stage: &mut Stage| {
        let orders = stage.script.flip(stage.now).expect("the step has something to flip");
        stage.follow(orders);
    };
    stage.next();
    flip(&mut stage);
    assert_eq!(stage.facts.last(), Some(&Fact::Flipped { step: 1, repaired: true }));
    flip(&mut stage);
    flip(&mut stage);
    let (silent, negative) = ("set ts1 on_miss silent", "set ts1 on_miss negative");
    assert_eq!(stage.given, [negative, silent, negative]);
    for _ in 0..3 {
        stage.next();
    }
    flip(&mut stage);
    assert_eq!(stage.facts.last(), Some(&Fact::Flipped { step: 2, repaired: true }));
    for _ in 0..3 {
        stage.next();
    }
    assert_eq!(stage.script.flip(stage.now), Err("step 3 has nothing to flip".into()));
}

#[test]
fn a_query_ends_as_expected_with_all_that_is_said_of_it() {
    let line = "query client www.a.com ends answered from ts1 as 192.0.2.2 after 50ms within 1s";
    let mut stage = Stage::expecting(line);
    stage.answered("www.a.com", TS1, "192.0.2.1,192.0.2.2", 81);
    stage.passed("www.a.com ended answered after 81 ms, from ts1, as 192.0.2.1,192.0.2.2");
    let wrong: [(&str, NodeId, &str, u64); 5] = [
        ("www.b.com", TS1, "192.0.2.2", 81),
        ("www.a.com", TS2, "192.0.2.2", 81),
        ("www.a.com", TS1, "192.0.2.1", 81),
        ("www.a.com", TS1, "192.0.2.2", 12),
        ("www.a.com", TS1, "192.0.2.2", 1001),
    ];
    for (at, (name, ts, address, millis)) in wrong.into_iter().enumerate() {
        let mut stage = Stage::expecting(line);
        stage.answered(name, ts, address, millis);
        stage.to(2000);
        let (judgement, seen) = stage.verdict().expect("its time is over");
        assert_eq!(judgement, Judgement::Failed, "{at}: {seen}");
    }
    let mut stage = Stage::expecting("query client ends answered from ls");
    stage.answered("www.a.com", TS1, "192.0.2.1", 5);
    stage.passed("www.a.com ended answered after 5.0 ms, from ts1, as 192.0.2.1");
}

#[test]
fn another_end_is_told_in_the_verdict_and_silence_is_counted_by_its_time() {
    let mut stage = Stage::expecting("query client ends silent after 5s within 6s");
    let asked = stage.asks("www.c.com");
    stage.to(5003);
    stage.decides(CLIENT, asked, Outcome::Silent, None, None);
    stage.passed("www.c.com ended silent after 5,003 ms");

    let mut stage = Stage::expecting("query client ends silent within 6s");
    let asked = stage.asks("www.c.com");
    stage.to(1);
    stage.decides(CLIENT, asked, Outcome::Refused, None, None);
    stage.failed("www.c.com ended refused after 1.0 ms");

    let mut stage = Stage::expecting("query client www.c.com ends silent within 6s");
    stage.asks("www.c.com");
    stage.failed("no question of client for www.c.com ended; one is still open");
    Stage::expecting("query client ends silent")
        .failed("no question of client ended, and none is open");
}

#[test]
fn a_question_of_an_earlier_step_does_not_count_in_this_one() {
    let expect = "query client ends answered within 1s";
    let mut stage = Stage::new(vec![step(&[], &[]), step(&[], &[expect])]);
    stage.next();
    stage.next();
    let before = stage.asks("www.a.com");
    for _ in 0..3 {
        stage.next();
    }
    stage.decides(CLIENT, before, Outcome::Answered, Some("192.0.2.1"), Some(LS));
    stage.failed("no question of client ended, and none is open");
}

#[test]
fn a_batch_answers_as_expected() {
    let list = |stage: &mut Stage, answered| {
        stage.says(CLIENT, Note::ListBegan { names: 20 });
        stage.says(CLIENT, Note::ListEnded { answered, names: 20 });
    };
    let mut stage = Stage::expecting("batch client answers 17 of 20");
    list(&mut stage, 17);
    stage.passed("17 of 20 answered");
    let mut stage = Stage::expecting("batch client answers 17 of 20");
    list(&mut stage, 16);
    stage.failed("16 of 20 answered");
    let mut stage = Stage::expecting("batch client answers 17 of 20");
    stage.says(LS, Note::ListBegan { names: 20 });
    stage.says(LS, Note::ListEnded { answered: 17, names: 20 });
    stage.failed("no list of client ended");
}

#[test]
fn lower_bounds_pass_at_once_and_the_others_when_the_time_is_over() {
    for (line, at_once) in [
        ("count client asked >= 2", true),
        ("count client asked > 1", true),
        ("count client asked = 2", false),
        ("count client asked <= 2", false),
        ("count client asked < 3", false),
        ("count client asked != 3", false),
    ] {
        let mut stage = Stage::expecting(line);
        stage.asks("www.a.com");
        assert_eq!(stage.verdict(), None, "{line}");
        stage.asks("www.a.com");
        let passed = (Judgement::Passed, "counted 2 asked at client".to_owned());
        assert_eq!(stage.verdict(), at_once.then(|| passed.clone()), "{line}");
        stage.to(10_000);
        assert_eq!(stage.verdict(), Some(passed), "{line}");
    }
    for line in [
        "count client asked >= 3",
        "count client asked > 2",
        "count client asked = 1",
        "count client asked <= 1",
        "count client asked < 2",
        "count client asked != 2",
    ] {
        let mut stage = Stage::expecting(line);
        stage.asks("www.a.com");
        stage.asks("www.a.com");
        stage.failed("counted 2 asked at client");
    }
}

#[test]
fn what_happens_after_the_time_is_over_does_not_count() {
    let mut stage = Stage::expecting("count client asked = 0 within 1s");
    // A host may poll late: the event comes first, with its own time.
    stage.now = LabTime::from_millis(1001);
    stage.asks("www.a.com");
    stage.passed("counted 0 asked at client");
    let mut stage = Stage::expecting("count client asked = 0 within 1s");
    stage.now = LabTime::from_millis(1000);
    stage.asks("www.a.com");
    let failed = (Judgement::Failed, "counted 1 asked at client".to_owned());
    assert_eq!(stage.verdict(), Some(failed));
}

/// One of each thing that is counted.
fn busy() -> Stage {
    let mut stage = Stage::expecting("count all asked >= 1000");
    let name = HostName::new("www.a.com");
    stage.answered("www.a.com", TS1, "192.0.2.1", 1);
    stage.answered("www.b.com", TS1, "192.0.2.1", 1);
    stage.answered("www.b.com", TS2, "6.6.6.6", 1);
    for outcome in [Outcome::Negative, Outcome::Failed, Outcome::Silent, Outcome::Cancelled] {
        let asked = stage.asks("www.a.com");
        stage.decides(CLIENT, asked, outcome, None, None);
    }
    let asked = stage.asks("www.nowhere.com");
    let at_ls = stage.takes(CLIENT, asked, LS, "www.nowhere.com");
    for outcome in [Outcome::Refused, Outcome::Reset] {
        let (upstream, said) = (TS1, None);
        stage.says(LS, Note::Heard { question: at_ls, upstream, outcome, said });
    }
    stage.decides(LS, at_ls, Outcome::Failed, None, None);
    stage.decides(CLIENT, asked, Outcome::Failed, None, None);
    let said = Said::Negative;
    stage.says(LS, Note::Late { question: at_ls, upstream: TS1, said });
    stage.says(LS, Note::Unmatched { upstream: TS2, name: None });
    // A visitor asks the LS: one more in the whole lab, none at the client.
    let (question, from) = (stage.number(), Peer::Visitor(VisitorId(1)));
    stage.says(LS, Note::Took { question, name, from, deadline: None });
    stage.decides(LS, question, Outcome::Answered, Some("192.0.2.1"), Some(TS1));
    stage
}

#[test]
fn every_word_is_counted_where_it_belongs() {
    let stage = busy();
    let count = |who: &str, what: &str| {
        let what = crate::command::Counted::from_word(what).expect(what);
        stage.script.tally.count(names().id(who), what)
    };
    let table = [
        ("asked", [8, 0, 0, 0, 9]),
        ("taken", [0, 5, 2, 1, 8]),
        ("answered", [3, 4, 2, 1, 4]),
        ("negative", [1, 0, 0, 0, 1]),
        ("failed", [2, 1, 0, 0, 2]),
        ("refused", [0, 0, 1, 0, 0]),
        ("reset", [0, 0, 1, 0, 0]),
        ("silent", [1, 0, 0, 0, 1]),
        ("cancelled", [1, 0, 0, 0, 1]),
        ("late", [0, 1, 1, 0, 1]),
        ("unmatched", [0, 1, 0, 1, 1]),
        ("contradicted", [3, 0, 0, 0, 3]),
        ("misgiven", [1, 1, 1, 0, 1]),
        ("lies", [1, 1, 0, 1, 1]),
    ];
    for (what, expected) in table {
        let counted = ["client", "ls", "ts1", "ts2", "all"].map(|who| count(who, what));
        assert_eq!(counted, expected, "{what}");
    }
}

#[test]
fn a_node_is_what_it_is_in_truth() {
    let why = || "because".into();
    let table: [(&str, Fact); 7] = [
        ("frozen", Fact::NodeFrozen { node: TS1 }),
        ("stopping", Fact::NodeStopping { node: TS1 }),
        ("killed", Fact::NodeKilled { node: TS1 }),
        ("crashed", Fact::NodeCrashed { node: TS1, why: why() }),
        ("powered-off", Fact::NodePoweredOff { node: TS1 }),
        ("stopped", Fact::NodeStopped { node: TS1 }),
        ("up", booted(TS1)),
    ];
    for (word, fact) in table {
        let mut stage = Stage::expecting(&format!("node ts1 is {word}"));
        stage.lab(Fact::NodeKilled { node: TS2 });
        assert_eq!(stage.verdict(), None, "{word}");
        stage.lab(fact);
        stage.passed(&format!("ts1 is {word}"));
    }
    let mut stage = Stage::expecting("node ls is spinning");
    stage.lab(Fact::NodeStopping { node: LS });
    assert_eq!(stage.verdict(), None);
    stage.says(LS, Note::Spinning);
    stage.passed("ls is spinning");
    let mut stage = Stage::expecting("node ts1 is up");
    stage.lab(Fact::NodeFrozen { node: TS1 });
    stage.failed("ts1 is frozen");
}

#[test]
fn what_held_before_the_commands_took_effect_does_not_count() {
    let mut stage = Stage::new(vec![step(&["freeze ts1"], &["node ts1 is up within 5s"])]);
    stage.lab(booted(TS1));
    stage.next();
    let orders = stage.script.next(stage.now);
    let (give, record) = orders.split_at(1);
    stage.follow(give.to_vec());
    stage.lab(Fact::NodeFrozen { node: TS1 });
    stage.follow(record.to_vec());
    stage.failed("ts1 is frozen");
}

#[test]
fn beliefs_ejections_and_places_are_what_the_node_says() {
    let believed = |belief| Note::Believed { about: TS1, belief };
    let mut stage = Stage::expecting("belief ls of ts1 is down");
    stage.says(TS2, believed(Belief::Down));
    stage.says(LS, believed(Belief::Suspect));
    assert_eq!(stage.verdict(), None);
    stage.says(LS, believed(Belief::Down));
    stage.passed("ls believes that ts1 is down");
    let mut stage = Stage::expecting("belief ls of ts1 is down");
    stage.says(LS, believed(Belief::Suspect));
    stage.failed("ls believes that ts1 is suspect");

    let until = LabTime::from_millis(9000);
    let mut stage = Stage::expecting("ls ejects ts1");
    stage.says(LS, Note::Ejected { upstream: TS1, failures: 2, until });
    stage.passed("ls ejected ts1");
    let mut stage = Stage::expecting("ls restores ts1");
    stage.says(LS, Note::Ejected { upstream: TS1, failures: 2, until });
    assert_eq!(stage.verdict(), None);
    stage.says(LS, Note::Restored { upstream: TS1, successes: 2 });
    stage.passed("ls restored ts1");
    let mut stage = Stage::expecting("ls ejects ts1");
    stage.says(LS, Note::Ejected { upstream: TS2, failures: 2, until });
    stage.failed("ls did not eject ts1");
    Stage::expecting("ls restores ts1").failed("ls did not restore ts1");

    let stuck = |upstream| Note::Stuck { name: HostName::new("WWW.a.com"), upstream, before: None };
    let mut stage = Stage::expecting("sticky ls www.a.com at ts2");
    stage.says(LS, stuck(TS1));
    assert_eq!(stage.verdict(), None);
    stage.says(LS, stuck(TS2));
    stage.passed("www.a.com sticks to ts2");
    let mut stage = Stage::expecting("sticky ls www.a.com at ts2");
    stage.says(LS, stuck(TS1));
    stage.failed("www.a.com sticks to ts1");
    Stage::expecting("sticky ls www.a.com at ts2").failed("www.a.com has no place at ls");
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut stage = Stage::expecting("query client www.b.com ends answered within 60s");
    for _ in 0..70_000 {
        stage.asks("www.a.com");
    }
    assert_eq!(stage.script.tally.still_open(CLIENT, None), 65_536);
    stage.answered("www.b.com", TS2, "192.0.2.9", 1);
    stage.passed("www.b.com ended answered after 1.0 ms, from ts2, as 192.0.2.9");
}
