//! The client: asks single questions, whole lists and in an open loop, gives each its deadline, and asks again after a
//! failure within a budget, never after a negative answer.
//!
//! It asks the first of its servers that is not down. What a server did to find its answer it does not know.

mod list;
mod retry;
mod told;

use super::load::Load;
use super::matching::{Answer, Matched};
use super::server::{Handed, Manner, Server, Wish};
use super::timers::Timer;
use super::{Effect, Effects, Input, Machine};
use crate::base::{ConnId, Incarnation, LabTime, NodeId, NumberMap, QuestionNo};
use crate::message::{HostName, Message, Note, Outcome, RecordType, Said, Why};
use crate::topology::{ClientConfig, Topology};
use list::List;
use std::collections::VecDeque;
use std::sync::Arc;

/// Questions that a client may have open at once; an open loop that builds up more is refused by the client itself.
const QUESTIONS_MAX: usize = 50_000;

/// What shall be asked.
#[derive(Debug, Clone)]
struct Wanted {
    name: HostName,
    kind: RecordType,
    /// 1 for the first time.
    attempt: u8,
    /// The question that is asked again.
    again: Option<QuestionNo>,
    /// The server that failed it.
    avoid: Option<NodeId>,
    /// Servers that were not there, one after the other.
    hops: u8,
    /// Its place in the list that is worked through.
    place: Option<usize>,
}

impl Wanted {
    fn first(name: HostName, place: Option<usize>) -> Self {
        let kind = RecordType::A;
        Self { name, kind, attempt: 1, again: None, avoid: None, hops: 0, place }
    }
}

/// A question that was asked and has no verdict.
#[derive(Debug)]
struct Question {
    wanted: Wanted,
    server: NodeId,
}

/// How a question ended.
#[derive(Debug)]
struct Verdict {
    question: QuestionNo,
    outcome: Outcome,
    answer: Option<Answer>,
    why: Why,
}

/// What a step still has to do. Kept in a queue, because one thing leads to another without end to the depth.
#[derive(Debug)]
enum Work {
    Ask(Wanted),
    Over(Verdict),
}

/// A client.
#[derive(Debug)]
pub struct Client {
    topology: Arc<Topology>,
    /// This node.
    me: NodeId,
    config: ClientConfig,
    /// Seed, and a number that tells the client and its lives apart.
    draws: (u64, u64),
    servers: Vec<Server>,
    questions: NumberMap<QuestionNo, Question>,
    work: VecDeque<Work>,
    /// Questions that wait to be asked again, by the number of the one that failed.
    again: NumberMap<QuestionNo, Wanted>,
    numbers: u64,
    /// Questions asked for the first time, and how many were asked again: the budget.
    asked: u64,
    asked_again: u64,
    refused: u64,
    /// The next name of the list for single questions and load.
    cursor: usize,
    list: Option<List>,
    lists_waiting: u32,
    load: Load,
    over: bool,
}

impl Client {
    /// The machine of this node.
    pub fn new(
        topology: &Arc<Topology>,
        node: NodeId,
        incarnation: Incarnation,
        config: ClientConfig,
    ) -> Self {
        let draws = (topology.seed, u64::from(node.0) | u64::from(incarnation.0) << 32);
        let manner = manner(&config);
        let servers = config
            .asks
            .iter()
            .map(|server| Server::new(topology, [node, *server], draws, manner))
            .collect();
        Self {
            topology: topology.clone(),
            me: node,
            draws,
            servers,
            questions: NumberMap::default(),
            work: VecDeque::new(),
            again: NumberMap::default(),
            numbers: 0,
            asked: 0,
            asked_again: 0,
            refused: 0,
            cursor: 0,
            list: None,
            lists_waiting: 0,
            load: Load::new(draws),
            over: false,
            config,
        }
    }

    fn server_of(&mut self, conn: ConnId) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| server.has(conn))
    }

    fn server(&mut self, node: NodeId) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| server.node() == node)
    }

    /// The next name of the list, round and round.
    fn next_name(&mut self) -> Option<HostName> {
        let list = &self.config.list;
        let name = list.get(self.cursor % list.len().max(1))?.clone();
        self.cursor = (self.cursor + 1) % list.len();
        Some(name)
    }

    /// Does what there is to do until nothing is left.
    fn work(&mut self, now: LabTime, out: &mut Effects) {
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Ask(wanted) => self.ask(now, wanted, out),
                Work::Over(verdict) => self.decide(verdict, out),
            }
            self.go_on_with_list(now, out);
        }
    }

    /// The first server that is not down and is not to be avoided; else the first that is not to be avoided; else the
    /// first.
    fn whom_to_ask(&self, avoid: Option<NodeId>) -> Option<usize> {
        let other = |server: &&Server| Some(server.node()) != avoid;
        let all = || self.servers.iter().filter(other);
        let node = all()
            .find(|server| !server.is_down())
            .or_else(|| self.servers.iter().find(|server| !server.is_down()))
            .or_else(|| all().next())
            .or_else(|| self.servers.first())?
            .node();
        self.servers.iter().position(|server| server.node() == node)
    }

    fn ask(&mut self, now: LabTime, wanted: Wanted, out: &mut Effects) {
        let Some(at) = self.whom_to_ask(wanted.avoid) else { return };
        if self.questions.len() >= QUESTIONS_MAX {
            self.refused += 1;
            out.note(Note::Overflowed { refused: self.refused });
            if let Some(place) = wanted.place {
                self.write_line(place, &wanted.name, Outcome::Failed, None, out);
            }
            return;
        }
        self.numbers += 1;
        let question = QuestionNo(self.numbers);
        if wanted.again.is_none() {
            self.asked += 1;
        }
        let server = &mut self.servers[at];
        let to = server.node();
        let wish = Wish { kind: wanted.kind, ..Wish::address(&wanted.name) };
        out.note(Note::Asked {
            question,
            name: wanted.name.clone(),
            to,
            deadline: now + self.config.timeout,
            attempt: wanted.attempt,
            again: wanted.again,
        });
        out.push(Effect::Arm(Timer::Deadline(question).id(), self.config.timeout));
        self.questions.insert(question, Question { wanted, server: to });
        let handed = server.ask(now, question, wish, out);
        self.take_stale(at);
        match handed {
            Handed::Taken => {}
            Handed::Refused => self.ended(question, Outcome::Refused),
            Handed::Full | Handed::Unspeakable => {
                self.refused += 1;
                out.note(Note::Overflowed { refused: self.refused });
                self.ended(question, Outcome::Failed);
            }
        }
    }

    /// Answers that questions just sent found lying in the buffer (flaw `answers-by-arrival`).
    fn take_stale(&mut self, at: usize) {
        while let Some((question, answer)) = self.servers[at].take_stale() {
            self.answered(question, answer, Why::Arrival);
        }
    }

    /// A question ended without an answer.
    fn ended(&mut self, question: QuestionNo, outcome: Outcome) {
        let why = if outcome == Outcome::Silent { Why::Deadline } else { Why::AllFailed };
        self.work.push_back(Work::Over(Verdict { question, outcome, answer: None, why }));
    }

    fn answered(&mut self, question: QuestionNo, answer: Answer, why: Why) {
        let outcome = outcome_of(&answer.said);
        self.work.push_back(Work::Over(Verdict { question, outcome, answer: Some(answer), why }));
    }

    /// The one verdict on a question, and what follows from it.
    fn decide(&mut self, verdict: Verdict, out: &mut Effects) {
        let Verdict { question, outcome, answer, why } = verdict;
        let Some(Question { wanted, server }) = self.questions.remove(&question) else { return };
        out.push(Effect::Disarm(Timer::Deadline(question).id()));
        let said = answer.as_ref().map(|answer| answer.said.clone());
        if why != Why::Stopping {
            let said = said.clone();
            out.note(Note::Heard { question, upstream: server, outcome, said });
        }
        let from = answer.as_ref().map(|_| server);
        out.note(Note::Decided { question, outcome, said, from, why });
        if outcome.may_retry()
            && let Some(wait) = self.may_ask_again(question, &wanted, server, outcome, out)
        {
            self.ask_again(question, wanted, server, outcome, wait, out);
            return;
        }
        if let Some(place) = wanted.place {
            self.write_line(place, &wanted.name, outcome, answer.as_ref(), out);
        }
    }

    fn received(&mut self, conn: ConnId, message: &Message, out: &mut Effects) {
        let Some(at) = self.servers.iter().position(|server| server.has(conn)) else {
            return;
        };
        let upstream = self.servers[at].node();
        let Some(answer) = Answer::of(message) else {
            if matches!(message, Message::Text(_)) {
                out.note(Note::Unmatched { upstream, name: None });
            }
            return;
        };
        match self.servers[at].answered(&answer, out) {
            Matched::Live(question) => self.answered(question, answer, Why::OnlyAnswer),
            Matched::ByArrival(question) => self.answered(question, answer, Why::Arrival),
            Matched::Late(question) => {
                out.note(Note::Late { question, upstream, said: answer.said });
            }
            Matched::Unread => {}
            Matched::Unmatched => out.note(Note::Unmatched { upstream, name: answer.name }),
        }
        self.servers[at].pump(out);
        self.take_stale(at);
    }

    fn all_ended(&mut self, questions: Vec<QuestionNo>, outcome: Outcome) {
        for question in questions {
            self.ended(question, outcome);
        }
    }

    fn fired(&mut self, now: LabTime, timer: Timer, out: &mut Effects) {
        match timer {
            Timer::Deadline(question) => {
                let Some(server) = self.questions.get(&question).map(|one| one.server) else {
                    return;
                };
                if let Some(server) = self.server(server) {
                    server.over(now, question, true, out);
                }
                self.ended(question, Outcome::Silent);
            }
            Timer::Again(question) => {
                if let Some(wanted) = self.again.remove(&question) {
                    self.work.push_back(Work::Ask(wanted));
                }
            }
            Timer::Arrival => {
                for _ in 0..self.load.arrivals(now, out) {
                    if let Some(name) = self.next_name() {
                        self.work.push_back(Work::Ask(Wanted::first(name, None)));
                    }
                }
            }
            Timer::Reconnect(node) => {
                if let Some(server) = self.server(node) {
                    server.open(now, out);
                }
            }
            Timer::GiveUp(node) => {
                if let Some(server) = self.server(node) {
                    server.hung(now, out);
                }
            }
            Timer::Pause(node) => {
                if let Some(at) = self.servers.iter().position(|server| server.node() == node) {
                    self.servers[at].paused_enough(out);
                    self.take_stale(at);
                }
            }
            _ => {}
        }
    }
}

/// What an answer means to the one who asked. The course's error line says only that nothing was heard.
fn outcome_of(said: &Said) -> Outcome {
    match said {
        Said::Found { .. } => Outcome::Answered,
        Said::Negative | Said::NoRecord => Outcome::Negative,
        Said::Failed(_) => Outcome::Failed,
        Said::NotFound => Outcome::Silent,
    }
}

fn manner(config: &ClientConfig) -> Manner {
    Manner { flaws: config.flaws, ids: config.ids, reconnect: config.reconnect }
}

impl Machine for Client {
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
        if self.over {
            return;
        }
        match input {
            Input::Boot(_) => self.boot(now, out),
            Input::Opened { conn, .. } => {
                if let Some(server) = self.server_of(conn) {
                    server.opened(conn, out);
                }
                for at in 0..self.servers.len() {
                    self.take_stale(at);
                }
            }
            Input::Refused { conn, .. } => {
                if let Some(server) = self.server_of(conn) {
                    let waited = server.refused(now, conn, out);
                    self.all_ended(waited, Outcome::Refused);
                }
            }
            Input::Ended { conn, ending, .. } => {
                if let Some(server) = self.server_of(conn) {
                    let waited = server.ended(now, conn, ending, out);
                    self.all_ended(waited, Outcome::Reset);
                }
            }
            Input::Received { conn, message, .. } => self.received(conn, &message, out),
            Input::Malformed { .. }
            | Input::Unasked { .. }
            | Input::Persisted { .. }
            | Input::Unpersisted { .. } => {}
            Input::Fired(timer) => {
                if let Some(timer) = Timer::of(timer) {
                    self.fired(now, timer, out);
                }
            }
            Input::Told(told) => self.told(now, told, out),
        }
        self.work(now, out);
    }
}
