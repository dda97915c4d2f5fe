//! The LS: takes questions from clients and visitors, asks its upstreams by its policy, and gives each asker the one
//! verdict on its own question.
//!
//! It owns the story of a question: taken, chosen for, heard, decided. It cannot know whether a silent server is slow,
//! dead, or has nothing to say; what it believes of its upstreams is noted, never assumed to be the truth.

mod batch;
mod checks;
mod choose;
mod failures;
mod health;
mod hedge;
mod merge;
mod pick;
mod question;
mod settle;
mod sockets;
mod sticky;
mod take;
mod tied;
mod times;
mod told;

use super::asked::Asked;
use super::askers::Askers;
use super::matching::{Answer, Matched};
use super::server::{Manner, Server};
use super::timers::Timer;
use super::{Effects, Input, Machine};
use crate::base::{ConnId, Incarnation, LabTime, NodeId, NumberMap, Peer, QuestionNo};
use crate::event::{Ending, Side};
use crate::message::{Belief, Flaw, HostName, Message, Note, Outcome, Said, Why};
use crate::topology::{LsConfig, Policy, Topology};
use batch::Window;
use checks::Pace;
use failures::Failures;
use health::Health;
use hedge::{Budget, Stead};
use merge::Races;
use question::{LaneEnd, Question};
use sockets::Socket;
use std::collections::VecDeque;
use std::sync::Arc;
use sticky::Table;
use times::Times;

/// Questions that an LS may have open at once, over every connection. One more is told that it failed.
const QUESTIONS_MAX: usize = 50_000;

/// One upstream: the connection, and what is made of its behaviour.
#[derive(Debug)]
struct Upstream {
    server: Server,
    health: Health,
    pace: Pace,
    /// The name it answered last.
    name: Option<HostName>,
    belief: Option<Belief>,
}

/// A load-balancing server.
#[derive(Debug)]
pub struct Ls {
    topology: Arc<Topology>,
    /// This node.
    me: NodeId,
    config: LsConfig,
    /// Seed, and a number that tells the LS and its lives apart.
    draws: (u64, u64),
    upstreams: Vec<Upstream>,
    askers: Askers,
    questions: NumberMap<QuestionNo, Question>,
    /// What became of single upstreams in this step, in order.
    work: VecDeque<LaneEnd>,
    numbers: u64,
    probes: u64,
    /// How long answers take, over all upstreams.
    times: Times,
    budget: Budget,
    /// What is asked in another's stead, under numbers of its own.
    steads: NumberMap<QuestionNo, Stead>,
    hedges: u64,
    /// The names asked last, by whomever: what a probe asks of one that has never answered.
    recent: VecDeque<HostName>,
    refused: u64,
    /// Whose turn it is (round-robin, and new names of sticky).
    turn: usize,
    table: Table,
    failures: Failures,
    races: Races,
    window: Option<Window>,
    windows: u64,
    sockets: NumberMap<ConnId, Socket>,
    /// The list of all upstreams and the policy's word, shared by the notes that name them.
    everyone: Arc<[NodeId]>,
    policy_word: (Policy, Arc<str>),
    spinning: bool,
    over: bool,
    /// The upstream whose answer may have made room for the next question.
    made_room: Option<usize>,
    /// The moment of this step.
    now: LabTime,
}

impl Ls {
    /// The machine of this node.
    pub fn new(
        topology: &Arc<Topology>,
        node: NodeId,
        incarnation: Incarnation,
        config: LsConfig,
    ) -> Self {
        let mut ls = Self {
            topology: topology.clone(),
            me: node,
            draws: (topology.seed, u64::from(node.0) | u64::from(incarnation.0) << 32),
            upstreams: Vec::new(),
            askers: Askers::new(topology.dialect.is_nameless()),
            questions: NumberMap::default(),
            work: VecDeque::new(),
            numbers: 0,
            probes: 0,
            times: Times::new(hedge::TIMES_MAX),
            budget: Budget::default(),
            steads: NumberMap::default(),
            hedges: 0,
            recent: VecDeque::new(),
            refused: 0,
            turn: 0,
            table: Table::default(),
            failures: Failures::default(),
            races: Races::default(),
            window: None,
            windows: 0,
            sockets: NumberMap::default(),
            everyone: Arc::from(config.upstreams.as_slice()),
            policy_word: (config.policy, Arc::from(config.policy.word())),
            spinning: false,
            over: false,
            made_room: None,
            now: LabTime::ZERO,
            config,
        };
        ls.upstreams =
            ls.config.upstreams.iter().map(|upstream| ls.new_upstream(*upstream)).collect();
        ls
    }

    fn new_upstream(&self, node: NodeId) -> Upstream {
        Upstream {
            server: Server::new(&self.topology, [self.me, node], self.draws, self.manner()),
            health: Health::default(),
            pace: Pace::default(),
            name: None,
            belief: None,
        }
    }

    fn manner(&self) -> Manner {
        Manner { flaws: self.config.flaws, ids: self.config.ids, reconnect: self.config.reconnect }
    }

    fn has_flaw(&self, flaw: Flaw) -> bool {
        self.config.flaws.has(flaw)
    }

    /// The place of an upstream in the list.
    fn at(&self, node: NodeId) -> Option<usize> {
        self.upstreams.iter().position(|upstream| upstream.server.node() == node)
    }

    fn at_conn(&self, conn: ConnId) -> Option<usize> {
        self.upstreams.iter().position(|upstream| upstream.server.has(conn))
    }

    /// Goes through what became of single upstreams until nothing is left.
    fn settle(&mut self, now: LabTime, out: &mut Effects) {
        loop {
            while let Some(end) = self.work.pop_front() {
                self.lane_ended(now, end, out);
            }
            if !self.window_is_complete() {
                return;
            }
            self.close_window(now, true, out);
        }
    }

    /// Something came from an upstream.
    fn heard(&mut self, at: usize, message: &Message, out: &mut Effects) {
        let upstream = self.upstreams[at].server.node();
        let Some(answer) = Answer::of(message) else {
            if matches!(message, Message::Text(_)) {
                out.note(Note::Unmatched { upstream, name: None });
            }
            if let Message::Began { id } = message {
                self.began(at, QuestionNo(*id), out);
            }
            return;
        };
        match self.upstreams[at].server.answered(&answer, out) {
            Matched::Live(question) => self.lane_answered(question, upstream, answer, None),
            Matched::ByArrival(question) => {
                self.lane_answered(question, upstream, answer, Some(Why::Arrival));
            }
            Matched::Late(question) => {
                if !health::is_probe(question) {
                    let question = self.was_late(at, question);
                    out.note(Note::Late { question, upstream, said: answer.said });
                }
                self.is_alive(at, out);
            }
            Matched::Unread => {}
            Matched::Unmatched => out.note(Note::Unmatched { upstream, name: answer.name }),
        }
        self.made_room = Some(at);
    }

    fn lane_answered(
        &mut self,
        question: QuestionNo,
        upstream: NodeId,
        answer: Answer,
        how: Option<Why>,
    ) {
        let outcome = match &answer.said {
            Said::Found { .. } => Outcome::Answered,
            Said::Negative | Said::NoRecord => Outcome::Negative,
            Said::Failed(_) => Outcome::Failed,
            // An LS behind this one heard nothing in time.
            Said::NotFound => Outcome::Silent,
        };
        self.work.push_back(LaneEnd { question, upstream, outcome, answer: Some(answer), how });
    }

    /// Answers that questions just sent found lying in the buffer (flaw `answers-by-arrival`).
    fn take_stale(&mut self, at: usize) {
        let upstream = self.upstreams[at].server.node();
        while let Some((question, answer)) = self.upstreams[at].server.take_stale() {
            self.lane_answered(question, upstream, answer, Some(Why::Arrival));
        }
    }

    /// The connection to an upstream ended, or never came to be; so did the questions on it.
    fn upstream_lost(
        &mut self,
        at: usize,
        waited: Vec<QuestionNo>,
        outcome: Outcome,
        out: &mut Effects,
    ) {
        let upstream = self.upstreams[at].server.node();
        self.believe(at, Belief::Down, out);
        if waited.is_empty() {
            self.has_failed(at, outcome, out);
        }
        let eof = outcome == Outcome::Reset && self.has_flaw(Flaw::EofIsAnswer);
        for question in waited {
            if self.has_flaw(Flaw::NoFailover) && !eof {
                self.ask_the_void(question, upstream);
                continue;
            }
            let how = eof.then_some(Why::EndOfFile);
            self.work.push_back(LaneEnd { question, upstream, outcome, answer: None, how });
        }
    }

    fn connection_ended(&mut self, now: LabTime, conn: ConnId, ending: Ending, out: &mut Effects) {
        if let Some(at) = self.at_conn(conn) {
            let beside = self.upstreams[at].server.is_beside(conn);
            let waited = self.upstreams[at].server.ended(now, conn, ending, out);
            if beside && waited.is_empty() {
                // It was closed because nothing was asked there.
                return;
            }
            self.upstream_lost(at, waited, Outcome::Reset, out);
        } else if ending == Ending::EndOfFile {
            self.askers.ended(conn, out);
        } else if self.askers.gone(conn) {
            self.asker_gone(conn, out);
        }
    }

    fn received(
        &mut self,
        now: LabTime,
        conn: ConnId,
        peer: Peer,
        message: &Message,
        out: &mut Effects,
    ) {
        if let Some(at) = self.at_conn(conn) {
            self.heard(at, message, out);
        } else if self.askers.has(conn) {
            // A client that says that it is done will close its connection when it has heard everything.
            if let Some(asked) = Asked::of(message) {
                self.take(now, conn, peer, &asked, out);
            }
        }
    }

    fn fired(&mut self, now: LabTime, timer: Timer, out: &mut Effects) {
        match timer {
            Timer::Deadline(question) => self.deadline(now, question, out),
            Timer::FailOver(question) => self.fail_over(now, question, out),
            Timer::Hedge(question) => self.hedge(now, question, out),
            Timer::Socket(conn) => self.socket_timer(now, conn, out),
            Timer::Window => self.window_is_over(now, out),
            Timer::Spin => self.spin(out),
            Timer::Reconnect(node) => {
                if let Some(at) = self.at(node) {
                    self.upstreams[at].server.open(now, out);
                }
            }
            Timer::GiveUp(node) => {
                if let Some(at) = self.at(node) {
                    self.upstreams[at].server.hung(now, out);
                }
            }
            Timer::Pause(node) => {
                if let Some(at) = self.at(node) {
                    self.upstreams[at].server.paused_enough(out);
                    self.take_stale(at);
                }
            }
            Timer::Trial(node) => {
                if let Some(at) = self.at(node) {
                    self.trial(now, at, out);
                }
            }
            Timer::Check(node) => {
                if let Some(at) = self.at(node) {
                    self.check(now, at, out);
                }
            }
            // The others are timers of other machines.
            _ => {}
        }
    }

    /// The code that handles a timeout was never run before (flaw `timeout-crashes`).
    fn handle_timeout(&self) {
        assert!(
            !self.has_flaw(Flaw::TimeoutCrashes),
            "the handler of a timeout was never tried: no answer at index 0 of an empty list"
        );
    }
}

impl Machine for Ls {
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
        if self.over {
            return;
        }
        self.now = now;
        match input {
            Input::Boot(_) => {
                for upstream in &mut self.upstreams {
                    upstream.server.open(now, out);
                }
                if self.config.health.is_some_and(|health| health.check_every.is_some()) {
                    self.plan_checks(out);
                }
            }
            Input::Opened { conn, peer, side: Side::Acceptor } => self.askers.opened(conn, peer),
            Input::Opened { conn, side: Side::Opener, .. } => {
                if let Some(at) = self.at_conn(conn) {
                    self.upstreams[at].server.opened(conn, out);
                    self.take_stale(at);
                    if !self.upstreams[at].server.takes_datagrams() {
                        self.has_connected(at, out);
                    }
                }
            }
            Input::Refused { conn, .. } => {
                if let Some(at) = self.at_conn(conn) {
                    let waited = self.upstreams[at].server.refused(now, conn, out);
                    self.upstream_lost(at, waited, Outcome::Refused, out);
                }
            }
            Input::Ended { conn, ending, .. } => self.connection_ended(now, conn, ending, out),
            Input::Received { conn, peer, message } => {
                self.received(now, conn, peer, &message, out);
            }
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
        self.settle(now, out);
        if let Some(at) = self.made_room.take() {
            self.upstreams[at].server.pump(out);
            self.take_stale(at);
            self.settle(now, out);
        }
    }
}
