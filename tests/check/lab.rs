//! A group of three replicas and two clients for the tests of the auditors, and histories in words.
//!
//! One event a line: `MILLIS WHO VERB …`; WHO is a node, or `lab`. Logs, positions and digests are kept here, so that a
//! history says what happened and no more. `#` begins a comment; `gap N` are events that nobody saw.
//!
//! ```text
//! 10 w asks w1 put x 1            # Requested; w1 is the identity w.1#1, and its number is 1
//! 10 w tries w1 r1                # Attempted, with an identity of its own: `as w9`
//! 20 r1 accepts w1                # Accepted; `for r2`: the change came from there; `durably`: Durable, too
//! 20 r1 acks w1
//! 30 w ends w1 ok r1              # Concluded; `as TEXT`: what was read
//! 40 r1 sends r2 w1               # a Change leaves; `r2 gets r1 w1` receives the oldest one; `lab loses r1 r2 w1`
//! 45 r2 waits r1 reply            # It stands still for the reply to its heartbeat; without a word, for a confirmation
//! 50 r2 takes-over r1 2           # a State of r1's log after position 2 arrives and is installed, what it replaces
//!                                 # is thrown away
//! ```

use faultlab::base::{
    ConnId, EventId, FrameId, Incarnation, LabTime, NodeId, Owner, Peer, QuestionNo,
};
use faultlab::check::Audit;
use faultlab::event::{Cause, Census, Event, Fact, Fate, Life};
use faultlab::message::{
    Awaited, Belief, CatchUp, ClockVerdict, Digest, Entry, Faults, Message, Note, OpId, OpOutcome,
    OpWhy, Operation, Position, ReplicaMessage, StoreNote, StoreSaid,
};
use std::collections::HashMap;
use std::str::SplitWhitespace;
use std::sync::Arc;
use std::time::Duration;

pub const NODES: [&str; 5] = ["r1", "r2", "r3", "w", "v"];

/// What a line of a history asks for.
#[derive(Debug, Clone)]
pub enum Step {
    Event(Event),
    Gap(u64),
}

pub fn apply(audit: &mut Audit, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Event(event) => {
                audit.apply(event);
            }
            Step::Gap(missing) => audit.gap(*missing),
        }
    }
}

#[derive(Default, Clone)]
struct Log {
    entries: Vec<Entry>,
    durable: usize,
}

impl Log {
    fn have(&self) -> Position {
        let digest = self.entries.iter().fold(Digest::default(), Digest::with);
        Position { at: self.entries.len() as u64, digest }
    }
}

/// A history on its way from words to events.
#[derive(Default)]
struct Writer {
    counts: HashMap<Owner, u64>,
    lives: [u32; NODES.len()],
    logs: [Log; 3],
    operations: HashMap<String, Operation>,
    terms: [u64; 3],
    frames: u64,
    /// Changes in flight: from, to, which operation, its sending, its frame.
    flights: Vec<(usize, usize, String, EventId, FrameId, Entry)>,
    now: LabTime,
    out: Vec<Step>,
}

/// The events of a history, after the boots of all five nodes.
pub fn parse(text: &str) -> Vec<Step> {
    let mut writer = Writer::default();
    for node in 0..NODES.len() {
        writer.boots(node);
    }
    for r in 0..3 {
        writer.note(r, StoreNote::ReadLog { have: Position::default(), term: 0, entries: 0 });
    }
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or("").trim();
        if !line.is_empty() {
            writer.line(line);
        }
    }
    writer.out
}

fn node(word: &str) -> usize {
    NODES.iter().position(|name| *name == word).unwrap_or_else(|| panic!("no node `{word}`"))
}

fn id(at: usize) -> NodeId {
    NodeId(u16::try_from(at).expect("five nodes"))
}

/// `w7`: the seventh identity of w.
fn op_id(word: &str) -> OpId {
    let (client, number) = word.split_at(1);
    OpId { client: format!("{client}.1").into(), number: number.parse().expect("w1") }
}

impl Writer {
    fn event(&mut self, owner: Owner, fact: Fact, cause: Cause) -> EventId {
        let number = self.counts.entry(owner).or_insert(0);
        *number += 1;
        let id = EventId { owner, number: *number };
        self.out.push(Step::Event(Event { id, time: self.now, cause, fact }));
        id
    }

    fn owner(&self, at: usize) -> Owner {
        Owner::Node(id(at), Incarnation(self.lives[at]))
    }

    fn note(&mut self, at: usize, note: StoreNote) {
        self.event(self.owner(at), Fact::Noted(Note::Store(note)), Cause::Boot);
    }

    fn lab(&mut self, fact: Fact) {
        self.event(Owner::Lab, fact, Cause::Boot);
    }

    fn boots(&mut self, at: usize) {
        self.lives[at] += 1;
        let incarnation = Incarnation(self.lives[at]);
        self.lab(Fact::NodeBooted { node: id(at), incarnation });
    }

    fn line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let first = words.next().expect("a word");
        if first == "gap" {
            return self
                .out
                .push(Step::Gap(words.next().expect("how many").parse().expect("how many")));
        }
        self.now = LabTime::from_millis(first.parse().expect("a time"));
        let who = words.next().expect("who");
        let verb = words.next().expect("a verb");
        match who {
            "lab" => self.of_lab(verb, &mut words),
            who if node(who) >= 3 => self.of_client(node(who), verb, &mut words),
            who => self.of_replica(node(who), verb, &mut words),
        }
        assert_eq!(words.next(), None, "words left over: {line}");
    }

    fn of_lab(&mut self, verb: &str, words: &mut SplitWhitespace<'_>) {
        let at = node(words.next().expect("a node"));
        let dies = |log: &mut Log| log.entries.truncate(log.durable);
        match verb {
            "kills" => self.lab(Fact::NodeKilled { node: id(at) }),
            "powers-off" => self.lab(Fact::NodePoweredOff { node: id(at) }),
            "freezes" => return self.lab(Fact::NodeFrozen { node: id(at) }),
            "thaws" => return self.lab(Fact::NodeThawed { node: id(at) }),
            "boots" => {
                self.boots(at);
                let (have, entries) = (self.logs[at].have(), self.logs[at].entries.len() as u64);
                let term = self.terms[at];
                return self.note(at, StoreNote::ReadLog { have, term, entries });
            }
            "wipes" => {
                self.logs[at] = Log::default();
                return self.lab(Fact::NodeWiped { node: id(at) });
            }
            "counts" => {
                let census = Census {
                    node: id(at),
                    incarnation: Incarnation(self.lives[at]),
                    life: Life::Up,
                };
                return self.lab(Fact::Census(Arc::new(census)));
            }
            "cuts" => {
                let to = Peer::Node(id(node(words.next().expect("to"))));
                let faults = Arc::new(Faults { cut: true, ..Faults::default() });
                return self.lab(Fact::FaultsSet { from: Peer::Node(id(at)), to, faults });
            }
            "loses" => {
                let to = node(words.next().expect("to"));
                let op = words.next().expect("which");
                let (.., frame, _) = self.lands(at, to, op);
                let (from, to) = (Peer::Node(id(at)), Peer::Node(id(to)));
                return self.lab(Fact::FrameLost { from, to, frame, fate: Fate::PeerDead });
            }
            other => panic!("the lab cannot `{other}`"),
        }
        if at < 3 {
            dies(&mut self.logs[at]);
        }
    }

    fn lands(
        &mut self,
        from: usize,
        to: usize,
        op: &str,
    ) -> (usize, usize, String, EventId, FrameId, Entry) {
        let flight = self.flights.iter().position(|f| f.0 == from && f.1 == to && f.2 == op);
        self.flights.remove(flight.unwrap_or_else(|| panic!("{op} is not on its way")))
    }

    /// What a client believes; whether it was such a verb.
    fn believes(&mut self, at: usize, verb: &str, words: &mut SplitWhitespace<'_>) -> bool {
        if verb == "follows" {
            let leader = id(node(words.next().expect("whom")));
            self.note(at, StoreNote::Follows { leader, term: 0 });
        }
        if verb == "takes" {
            let about = id(node(words.next().expect("whom")));
            let belief = match words.next().expect("for what") {
                "up" => Belief::Up,
                "suspect" => Belief::Suspect,
                _ => Belief::Down,
            };
            self.event(self.owner(at), Fact::Noted(Note::Believed { about, belief }), Cause::Boot);
        }
        matches!(verb, "follows" | "takes")
    }

    fn of_client(&mut self, at: usize, verb: &str, words: &mut SplitWhitespace<'_>) {
        if self.believes(at, verb, words) {
            return;
        }
        let word = words.next().expect("which operation").to_owned();
        let request = QuestionNo(op_id(&word).number);
        match verb {
            "asks" => {
                let mut next = || words.next().map(Arc::<str>::from);
                let (verb, place, text) =
                    (next().expect("a verb"), next().expect("a place"), next());
                let text = text.unwrap_or_default();
                let operation = match &*verb {
                    "put" => Operation::Put { key: place, value: text },
                    "get" => Operation::Get { key: place },
                    "post" => Operation::Post { room: place, text },
                    _ => Operation::Read { room: place },
                };
                self.operations.insert(word.clone(), operation.clone());
                let deadline = self.now + Duration::from_secs(5);
                self.note(
                    at,
                    StoreNote::Requested { request, id: op_id(&word), operation, deadline },
                );
            }
            "tries" => {
                let to = Arc::from([id(node(words.next().expect("whom")))]);
                let mut own = word.clone();
                if let Some("as") = words.next() {
                    words.next().expect("as what").clone_into(&mut own);
                    self.operations.insert(own.clone(), self.operations[&word].clone());
                }
                self.note(at, StoreNote::Attempted { request, id: op_id(&own), to, attempt: 1 });
            }
            "ends" => self.ends(at, request, words),
            other => panic!("a client cannot `{other}`"),
        }
    }

    fn ends(&mut self, at: usize, request: QuestionNo, words: &mut SplitWhitespace<'_>) {
        let outcome = match words.next().expect("how") {
            "ok" => OpOutcome::Ok,
            "failed" => OpOutcome::Failed,
            _ => OpOutcome::Unknown,
        };
        let mut agreed = Vec::new();
        let mut said = (outcome == OpOutcome::Ok).then_some(StoreSaid::Done);
        while let Some(word) = words.next() {
            if word != "as" {
                agreed.push(id(node(word)));
                continue;
            }
            let text = words.next().expect("as what");
            said = Some(match &self.operations[&format!("{}{}", NODES[at], request.0)] {
                Operation::Read { .. } => StoreSaid::Lines(
                    text.split(',')
                        .filter(|l| !l.is_empty() && *l != "nothing")
                        .map(Arc::from)
                        .collect(),
                ),
                _ => StoreSaid::Value((text != "nothing").then(|| text.into())),
            });
        }
        let why = if outcome == OpOutcome::Ok { OpWhy::Answer } else { OpWhy::Deadline };
        let agreed = agreed.into();
        self.note(at, StoreNote::Concluded { request, outcome, said, agreed, why });
    }

    fn accepts(&mut self, at: usize, op: &str, from: Option<NodeId>) {
        let log = &mut self.logs[at];
        let position = log.entries.len() as u64 + 1;
        let operation = self.operations[op].clone();
        let entry = Entry { position, term: self.terms[at], id: op_id(op), operation };
        log.entries.push(entry.clone());
        let have = log.have();
        self.note(at, StoreNote::Accepted { entry: entry.into(), have, from });
    }

    fn of_replica(&mut self, at: usize, verb: &str, words: &mut SplitWhitespace<'_>) {
        let peer = |words: &mut SplitWhitespace<'_>| id(node(words.next().expect("whom")));
        match verb {
            "accepts" => {
                let op = words.next().expect("which");
                let mut from = None;
                while let Some(word) = words.next() {
                    match word {
                        "for" => from = Some(peer(words)),
                        _ => self.logs[at].durable = self.logs[at].entries.len() + 1,
                    }
                }
                self.accepts(at, op, from);
                let durable = self.logs[at].durable;
                if durable == self.logs[at].entries.len() {
                    self.note(at, StoreNote::Durable { at: durable as u64 });
                }
            }
            "acks" => {
                let id = op_id(words.next().expect("which"));
                let position = self.logs[at].entries.iter().find(|entry| entry.id == id);
                let position = position.map_or(0, |entry| entry.position);
                self.note(at, StoreNote::Acked { id, position, term: self.terms[at] });
            }
            "does" => self.does(at, words.next().expect("which")),
            "sends" => self.sends(at, words),
            "gets" => self.gets(at, words),
            "takes-over" => {
                let from = peer(words);
                let keep: usize = words.next().expect("after which").parse().expect("a position");
                self.takes_over(at, from, keep);
            }
            "serves" => {
                // A visitor's read: `r1 serves get x as 1`.
                let key = words.next().expect("a key").into();
                let said = StoreSaid::Value(words.next().map(Arc::from));
                let visitor = OpId { client: format!("{}.visitor-1", NODES[at]).into(), number: 1 };
                let (operation, have) = (Operation::Get { key }, self.logs[at].have());
                self.note(at, StoreNote::ReadServed { id: visitor, operation, have, said });
            }
            verb => self.leads(at, verb, words),
        }
    }

    /// Everything of writes that go well: `r1 does w1..w20`, on all three.
    fn does(&mut self, at: usize, which: &str) {
        let (client, range) = which.split_at(1);
        let (first, last) = range.split_once("..").expect("w1..w20");
        let last = last.trim_start_matches(client);
        for number in first.parse::<u64>().expect("a number")..=last.parse().expect("a number") {
            let op = format!("{client}{number}");
            let asks = format!("{op} put k{number} {number}");
            self.of_client(node(client), "asks", &mut asks.split_whitespace());
            for replica in [at, (at + 1) % 3, (at + 2) % 3] {
                let from = (replica != at).then(|| id(at));
                self.accepts(replica, &op, from);
                let durable = self.logs[replica].entries.len();
                self.logs[replica].durable = durable;
                self.note(replica, StoreNote::Durable { at: durable as u64 });
            }
            self.of_replica(at, "acks", &mut op.split_whitespace());
            let ends = format!("{op} ok {}", NODES[at]);
            self.of_client(node(client), "ends", &mut ends.split_whitespace());
        }
    }

    fn sends(&mut self, at: usize, words: &mut SplitWhitespace<'_>) {
        let to = node(words.next().expect("to whom"));
        let op = words.next().expect("which").to_owned();
        let entry = self.logs[at].entries.iter().find(|entry| entry.id == op_id(&op));
        let entry = entry.expect("it has it").clone();
        let message = ReplicaMessage::Change { term: self.terms[at], entry: entry.clone() };
        self.frames += 1;
        let frame = FrameId(self.frames);
        let fact = Fact::MessageSent {
            conn: ConnId(1),
            to: Peer::Node(id(to)),
            frame,
            due: self.now + Duration::from_millis(40),
            about: None,
            message: Arc::new(Message::Replica(message)),
        };
        let event = self.event(self.owner(at), fact, Cause::Boot);
        self.flights.push((at, to, op, event, frame, entry));
    }

    fn gets(&mut self, at: usize, words: &mut SplitWhitespace<'_>) {
        let from = node(words.next().expect("from whom"));
        let op = words.next().expect("which").to_owned();
        let (_, _, _, sent, _, entry) = self.lands(from, at, &op);
        let message = ReplicaMessage::Change { term: self.terms[from], entry };
        let fact = Fact::MessageReceived {
            conn: ConnId(1),
            from: Peer::Node(id(from)),
            message: Arc::new(Message::Replica(message)),
        };
        let receipt = self.event(self.owner(at), fact, Cause::Event(sent));
        if words.next() == Some("unread") {
            return;
        }
        self.accepts(at, &op, Some(id(from)));
        if let Some(Step::Event(event)) = self.out.last_mut() {
            event.cause = Cause::Event(receipt);
        }
    }

    fn takes_over(&mut self, at: usize, from: NodeId, keep: usize) {
        let entries: Arc<[Entry]> = self.logs[from.index()].entries[keep..].into();
        let message = ReplicaMessage::State {
            term: 0,
            keep: keep as u64,
            entries: entries.clone(),
            more: false,
        };
        let fact = Fact::MessageReceived {
            conn: ConnId(1),
            from: Peer::Node(from),
            message: Arc::new(Message::Replica(message)),
        };
        self.event(self.owner(at), fact, Cause::Unknown);
        let log = &mut self.logs[at];
        let old = log.entries.split_off(keep);
        log.entries.extend(entries.iter().cloned());
        log.durable = log.entries.len();
        let (have, shipped) = (log.have(), entries.len() as u64);
        let gone = |entry: &Entry| entries.iter().all(|new| new.id != entry.id);
        let discarded: Arc<[Entry]> = old.into_iter().filter(gone).collect();
        if !discarded.is_empty() {
            self.note(at, StoreNote::Discarded { entries: discarded, for_the_log_of: from });
        }
        let (how, bytes) = (CatchUp::Log, 100 * shipped);
        self.note(at, StoreNote::CaughtUp { from, how, entries: shipped, bytes, have });
        self.note(at, StoreNote::Durable { at: have.at });
    }

    fn leads(&mut self, at: usize, verb: &str, words: &mut SplitWhitespace<'_>) {
        let term = |words: &mut SplitWhitespace<'_>| -> u64 {
            words.next().map_or(0, |word| word.parse().expect("a term"))
        };
        let note = match verb {
            "leads" => {
                self.terms[at] = term(words);
                StoreNote::Promoted { term: self.terms[at], have: self.logs[at].have() }
            }
            "follows" => {
                let leader = id(node(words.next().expect("whom")));
                self.terms[at] = term(words);
                StoreNote::Follows { leader, term: self.terms[at] }
            }
            "steps-down" => {
                let to = id(node(words.next().expect("for whom")));
                StoreNote::Demoted { to, term: term(words) }
            }
            "suspects" => {
                let about = id(node(words.next().expect("whom")));
                StoreNote::Suspected { about, silence: Duration::from_secs(4) }
            }
            "clears" => StoreNote::Cleared { about: id(node(words.next().expect("whom"))) },
            "stands" => {
                let until = self.now + Duration::from_secs(1);
                StoreNote::Stood { term: term(words), asked: Arc::from([]), until }
            }
            "waits" => {
                let about = id(node(words.next().expect("for whom")));
                let awaited = match words.next() {
                    Some("reply") => Awaited::HeartbeatReply,
                    _ => Awaited::Confirmation,
                };
                StoreNote::WaitsFor { about, awaited }
            }
            "goes-on" => {
                StoreNote::WaitOver { about: id(node(words.next().expect("without whom"))) }
            }
            "compares" => {
                let with = node(words.next().expect("with whom"));
                let (own, other) = (self.logs[at].have(), self.logs[with].have());
                let verdict = match own.at.cmp(&other.at) {
                    std::cmp::Ordering::Less => ClockVerdict::Behind,
                    std::cmp::Ordering::Equal => ClockVerdict::InSync,
                    std::cmp::Ordering::Greater => ClockVerdict::Ahead,
                };
                StoreNote::Compared { with: id(with), own, other, verdict }
            }
            other => panic!("a replica cannot `{other}`"),
        };
        self.note(at, note);
    }
}
