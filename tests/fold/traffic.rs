//! Events of a busy lab, made up: questions that overlap, answers in time and late, faults in
//! between. Causally in order, as a recorder would give them.

use faultlab::base::{
    ConnId, EventId, FrameId, Incarnation, LabTime, NodeId, Owner, Peer, QuestionNo,
};
use faultlab::event::{Cause, Event, Fact, Fate};
use faultlab::message::{Faults, HostName, Message, Note, Outcome, Said, Why};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const LS: NodeId = NodeId(2);
const TSS: [NodeId; 2] = [NodeId(3), NodeId(4)];

/// A well-spread number from any other (the finaliser of `SplitMix64`).
pub fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// An event before it has its number; the cause is an index into the list.
struct Draft {
    time: u64,
    owner: Owner,
    cause: Option<usize>,
    fact: Fact,
}

struct Run {
    drafts: Vec<Draft>,
    frames: HashMap<(NodeId, NodeId), u64>,
    questions: HashMap<NodeId, u64>,
    draws: u64,
}

/// Events of so many questions.
pub fn run(seed: u64, races: u64) -> Vec<Event> {
    let mut run = Run {
        drafts: Vec::new(),
        frames: HashMap::new(),
        questions: HashMap::new(),
        draws: mix(seed),
    };
    for node in 0..5 {
        let (node, incarnation) = (NodeId(node), Incarnation(1));
        run.node(0, node, None, Fact::NodeBooted { node, incarnation });
    }
    for race in 0..races {
        run.race(race * 7_000_000);
        if race % 9 == 4 {
            run.fault(race * 7_000_000 + 1);
        }
    }
    run.events()
}

impl Run {
    fn draw(&mut self, below: u64) -> u64 {
        self.draws = mix(self.draws);
        self.draws % below
    }

    fn push(&mut self, time: u64, owner: Owner, cause: Option<usize>, fact: Fact) -> usize {
        self.drafts.push(Draft { time, owner, cause, fact });
        self.drafts.len() - 1
    }

    fn node(&mut self, time: u64, node: NodeId, cause: Option<usize>, fact: Fact) -> usize {
        self.push(time, Owner::Node(node, Incarnation(1)), cause, fact)
    }

    fn note(&mut self, time: u64, node: NodeId, cause: Option<usize>, words: Note) -> usize {
        self.node(time, node, cause, Fact::Noted(words))
    }

    fn question(&mut self, node: NodeId) -> QuestionNo {
        let question = self.questions.entry(node).or_insert(0);
        *question += 1;
        QuestionNo(*question)
    }

    /// A message goes and arrives; gives the arrival, unless it is lost.
    fn message(
        &mut self,
        (from, to): (NodeId, NodeId),
        (time, due): (u64, u64),
        cause: usize,
        about: QuestionNo,
        message: &Arc<Message>,
    ) -> Option<usize> {
        let frame = self.frames.entry((from, to)).or_insert(0);
        *frame += 1;
        let frame = FrameId(*frame);
        let sent = self.node(
            time,
            from,
            Some(cause),
            Fact::MessageSent {
                conn: ConnId(u64::from(to.0)),
                to: Peer::Node(to),
                frame,
                due: LabTime(due),
                about: Some(about),
                message: message.clone(),
            },
        );
        let (from, to_peer) = (Peer::Node(from), Peer::Node(to));
        if self.draw(12) == 0 {
            let fact = Fact::FrameLost { from, to: to_peer, frame, fate: Fate::PeerDead };
            self.push(due, Owner::Lab, Some(sent), fact);
            return None;
        }
        let fact =
            Fact::MessageReceived { conn: ConnId(u64::from(to.0)), from, message: message.clone() };
        Some(self.node(due, to, Some(sent), fact))
    }

    fn race(&mut self, begun: u64) {
        let client = NodeId(self.draw(2) as u16);
        let spelled = ["www.google.com", "www.bing.com", "www.both.com", "www.none.com"];
        let name = HostName::new(spelled[self.draw(4) as usize]);
        let ask = Arc::new(Message::Ask { name: name.clone(), id: None, dns: None });
        let mine = self.question(client);
        let asked = self.note(
            begun,
            client,
            None,
            Note::Asked {
                question: mine,
                name: name.clone(),
                to: LS,
                deadline: LabTime(begun + 200_000_000),
                attempt: 1,
                again: None,
            },
        );
        let hop = |run: &mut Self, at: u64| at + 1_000_000 + run.draw(20_000_000);
        let taken = hop(self, begun);
        let Some(arrived) = self.message((client, LS), (begun, taken), asked, mine, &ask) else {
            return self.client_decides(begun + 200_000_000, client, mine, Outcome::Silent, None);
        };
        let about = self.question(LS);
        let from = Peer::Node(client);
        let deadline = Some(LabTime(taken + 100_000_000));
        let took = Note::Took { question: about, name: name.clone(), from, deadline };
        self.note(taken, LS, Some(arrived), took);
        let chose =
            Note::Chose { question: about, upstreams: Arc::from(TSS), policy: Arc::from("race") };
        self.note(taken, LS, Some(arrived), chose);
        let mut heard = Vec::new();
        for ts in TSS {
            let there = hop(self, taken);
            let sent = self.message((LS, ts), (taken, there), arrived, about, &ask);
            heard.extend(sent.and_then(|sent| self.server(ts, there, sent, &name)));
        }
        heard.sort_by_key(|(time, ..)| *time);
        self.verdict(client, mine, about, &name, taken, &heard);
    }

    /// A TS takes the question and answers, or says nothing. Gives when its answer arrives, its
    /// event and its sender.
    fn server(
        &mut self,
        ts: NodeId,
        time: u64,
        arrived: usize,
        name: &HostName,
    ) -> Option<(u64, usize, NodeId)> {
        let question = self.question(ts);
        let from = Peer::Node(LS);
        let took = Note::Took { question, name: name.clone(), from, deadline: None };
        self.note(time, ts, Some(arrived), took);
        let silent = self.draw(3) == 0;
        let said = (!silent).then(|| found(ts));
        let outcome = if silent { Outcome::Negative } else { Outcome::Answered };
        let (from, why) = (None, Why::Table);
        let decided = Note::Decided { question, outcome, said: said.clone(), from, why };
        self.note(time, ts, Some(arrived), decided);
        let reply =
            Arc::new(Message::Reply { name: Some(name.clone()), id: None, said: said?, dns: None });
        let due = time + 1_000_000 + self.draw(20_000_000);
        let back = self.message((ts, LS), (time, due), arrived, question, &reply)?;
        Some((due, back, ts))
    }

    fn verdict(
        &mut self,
        client: NodeId,
        mine: QuestionNo,
        question: QuestionNo,
        name: &HostName,
        taken: u64,
        heard: &[(u64, usize, NodeId)],
    ) {
        let (time, cause, outcome, from) = match heard.first() {
            Some((time, back, ts)) => (*time, Some(*back), Outcome::Answered, Some(*ts)),
            None => (taken + 100_000_000, None, Outcome::Silent, None),
        };
        let said = from.map_or(Said::NotFound, found);
        if let Some(upstream) = from {
            let said = Some(said.clone());
            self.note(time, LS, cause, Note::Heard { question, upstream, outcome, said });
        } else {
            for upstream in TSS {
                self.note(time, LS, cause, Note::Heard { question, upstream, outcome, said: None });
            }
        }
        let why = if from.is_some() { Why::FirstAnswer } else { Why::Deadline };
        let decided = Note::Decided { question, outcome, said: Some(said.clone()), from, why };
        let decided = self.note(time, LS, cause, decided);
        for (late, back, upstream) in heard.iter().skip(1) {
            let note = Note::Late { question, upstream: *upstream, said: found(*upstream) };
            self.note(*late, LS, Some(*back), note);
        }
        let reply =
            Arc::new(Message::Reply { name: Some(name.clone()), id: None, said, dns: None });
        let due = time + 1_000_000 + self.draw(20_000_000);
        let told =
            self.message((LS, client), (time, due), cause.unwrap_or(decided), question, &reply);
        match told {
            Some(told) => self.client_decides(due, client, mine, outcome, Some(told)),
            None => self.client_decides(due + 300_000_000, client, mine, Outcome::Silent, None),
        }
    }

    fn client_decides(
        &mut self,
        time: u64,
        client: NodeId,
        question: QuestionNo,
        outcome: Outcome,
        cause: Option<usize>,
    ) {
        let why = if cause.is_some() { Why::OnlyAnswer } else { Why::Deadline };
        let decided = Note::Decided { question, outcome, said: None, from: Some(LS), why };
        self.note(time, client, cause, decided);
    }

    fn fault(&mut self, time: u64) {
        let node = TSS[self.draw(2) as usize];
        let (from, to) = (Peer::Node(LS), Peer::Node(node));
        let extra = Duration::from_millis(10 * self.draw(3));
        let faults = Arc::new(Faults { extra, ..Faults::default() });
        let fact = match self.draw(6) {
            0 => Fact::NodeKilled { node },
            1 => Fact::NodeFrozen { node },
            2 => Fact::NodeThawed { node },
            3 => Fact::NodePoweredOff { node },
            _ => Fact::FaultsSet { from, to, faults },
        };
        self.push(time, Owner::Lab, None, fact);
    }

    /// In order of time; what was drafted first stays first, so turns stay whole.
    fn events(self) -> Vec<Event> {
        let mut order: Vec<usize> = (0..self.drafts.len()).collect();
        order.sort_by_key(|at| self.drafts[*at].time);
        let mut counts: HashMap<Owner, u64> = HashMap::new();
        let mut ids = vec![None; self.drafts.len()];
        for at in &order {
            let owner = self.drafts[*at].owner;
            let number = counts.entry(owner).or_insert(0);
            *number += 1;
            ids[*at] = Some(EventId { owner, number: *number });
        }
        let event = |at: usize| {
            let draft = &self.drafts[at];
            Event {
                id: ids[at].expect("every draft was numbered"),
                time: LabTime(draft.time),
                cause: draft.cause.and_then(|at| ids[at]).map_or(Cause::Boot, Cause::Event),
                fact: draft.fact.clone(),
            }
        };
        order.into_iter().map(event).collect()
    }
}

fn found(ts: NodeId) -> Said {
    Said::Found { address: Arc::from(format!("192.0.2.{}", ts.0 - 2)), flags: Arc::from("A") }
}
