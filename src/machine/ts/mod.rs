//! The TS: a name server with a table. It answers what it has; what it has not it passes over in silence, as the
//! course's does, or says so.
//!
//! It may take its time, have few workers and a short queue, and lie. It asks nobody, unless its records are in a
//! store.

mod service;
mod store;
mod zone;

use super::asked::Asked;
use super::askers::Askers;
use super::caller::Caller;
use super::timers::Timer;
use super::{Effect, Effects, Input, Machine, Told};
use crate::base::draw::{Purpose, draw};
use crate::base::{ConnId, Incarnation, LabTime, NodeId, NumberMap, Peer, QuestionNo};
use crate::event::{Ending, Side};
use crate::message::{HostName, Message, Note, Outcome, Response, Said, Why};
use crate::topology::{Dialect, OnMiss, Record, Setting, Topology, TsConfig};
use service::service_time;
use std::collections::VecDeque;
use std::sync::Arc;

/// Questions that one TS may have at hand in all, over every connection.
const QUESTIONS_MAX: usize = 50_000;

/// A question at hand.
#[derive(Debug)]
struct Question {
    conn: ConnId,
    asked: Asked,
    in_service: bool,
    /// Another server was asked as well: it is said when the work begins, and it may be cancelled.
    tied: bool,
}

/// What there is for a question.
#[derive(Debug)]
enum Found {
    /// An entry of the table: the name in its spelling, the address, the flag.
    InTable(Record),
    /// What its zones say of it, also that there is none.
    InZone(Response),
    /// A value in the store.
    InStore(Arc<str>),
    /// Nothing.
    Nothing,
    /// That cannot be said, and why.
    Failed(&'static str),
}

/// A name server.
#[derive(Debug)]
pub struct Ts {
    config: TsConfig,
    dialect: Dialect,
    /// Where it looks up what its table lacks.
    store: Option<Box<Caller>>,
    /// The moment of the present step.
    now: LabTime,
    seed: u64,
    owner: u64,
    /// Put before each question's number where a draw is keyed by it: the same in the same life, whatever the policy.
    life: u64,
    askers: Askers,
    questions: NumberMap<QuestionNo, Question>,
    queue: VecDeque<QuestionNo>,
    busy: u32,
    taken: u64,
    refused: u64,
    /// The last flags that were put together for the wire, beside the table's own.
    flags: Option<(Arc<str>, Arc<str>)>,
    nothing: Arc<str>,
    over: bool,
}

impl Ts {
    /// The machine of this node.
    pub fn new(
        topology: &Topology,
        node: NodeId,
        incarnation: Incarnation,
        config: TsConfig,
    ) -> Self {
        Self {
            store: store::caller(topology, node, incarnation, &config),
            now: LabTime::ZERO,
            config,
            dialect: topology.dialect,
            seed: topology.seed,
            owner: u64::from(node.0),
            life: u64::from(incarnation.0) << 40,
            askers: Askers::new(topology.dialect.is_nameless()),
            questions: NumberMap::default(),
            queue: VecDeque::new(),
            busy: 0,
            taken: 0,
            refused: 0,
            flags: None,
            nothing: Arc::from(""),
            over: false,
        }
    }

    fn take(&mut self, conn: ConnId, from: Peer, (asked, tied): (Asked, bool), out: &mut Effects) {
        if let Some(reply) = asked.turned_away() {
            out.send(conn, reply, None);
            return;
        }
        self.taken += 1;
        let no = QuestionNo(self.taken);
        out.note(Note::Took { question: no, name: asked.name.clone(), from, deadline: None });
        let bears_id = asked.id.is_some();
        if self.questions.len() >= QUESTIONS_MAX || !self.askers.took(conn, no, bears_id) {
            self.refuse(conn, no, &asked, false, out);
            return;
        }
        let free = self.config.workers.is_none_or(|workers| self.busy < workers);
        if !free && self.queue.len() >= self.config.queue as usize {
            self.refuse(conn, no, &asked, true, out);
            return;
        }
        self.questions.insert(no, Question { conn, asked, in_service: false, tied });
        if free {
            self.serve(no, out);
        } else {
            self.queue.push_back(no);
        }
    }

    /// There is no room: the asker is told so.
    fn refuse(
        &mut self,
        conn: ConnId,
        no: QuestionNo,
        asked: &Asked,
        counted: bool,
        out: &mut Effects,
    ) {
        self.refused += 1;
        let said = Said::Failed(Arc::from("the queue is full"));
        out.note(Note::Decided {
            question: no,
            outcome: Outcome::Failed,
            said: Some(said.clone()),
            from: None,
            why: Why::QueueFull,
        });
        let reply = asked.reply(Some(asked.name.clone()), said, None);
        if counted {
            self.askers.settle(conn, no, Some(reply), out);
        } else {
            out.send(conn, reply, Some(no));
        }
        out.note(Note::Overflowed { refused: self.refused });
    }

    /// A worker takes a question. Without any service time it is done at once.
    fn serve(&mut self, no: QuestionNo, out: &mut Effects) {
        let span = service_time(self.config.responds, self.seed, self.owner, self.life | no.0);
        let for_store = self.is_for_store(no);
        if span.is_zero() && !for_store {
            if let Some(question) = self.questions.remove(&no) {
                self.look_up(no, question, out);
            }
            return;
        }
        self.busy += 1;
        if let Some(question) = self.questions.get_mut(&no) {
            question.in_service = true;
            if let (true, Some(id)) = (question.tied, question.asked.id) {
                out.send(question.conn, Message::Began { id }, Some(no));
            }
        }
        if span.is_zero() {
            self.ask_store(no, out);
        } else {
            out.push(Effect::Work(Timer::Served(no).id(), span));
        }
    }

    /// A worker is done with a question and takes the next, unless the store must be asked.
    fn served(&mut self, no: QuestionNo, out: &mut Effects) {
        if self.is_for_store(no) {
            return self.ask_store(no, out);
        }
        let Some(question) = self.questions.remove(&no) else { return };
        self.look_up(no, question, out);
        self.busy -= 1;
        self.employ(out);
    }

    /// Whoever is free takes what waits.
    fn employ(&mut self, out: &mut Effects) {
        while self.config.workers.is_none_or(|workers| self.busy < workers) {
            let Some(no) = self.queue.pop_front() else { return };
            self.serve(no, out);
        }
    }

    fn look_up(&mut self, no: QuestionNo, question: Question, out: &mut Effects) {
        let found = self.find(&question.asked);
        self.answer(no, question, found, out);
    }

    fn answer(&mut self, no: QuestionNo, question: Question, found: Found, out: &mut Effects) {
        let Question { conn, asked, .. } = question;
        let name = asked.name.clone();
        let bears_name = asked.id.is_some() || !self.dialect.is_nameless();
        let named = |name| bears_name.then_some(name);
        let mut response = None;
        let (outcome, reply, why) = match found {
            Found::InZone(found) => {
                let (outcome, said) = self.of_zone(found, &name, &mut response);
                (outcome, said.map(|said| (named(name), said)), Why::Table)
            }
            Found::InTable(record) => {
                let (said, why) = self.positive(&name, record.address, &record.flag, Why::Table);
                (Outcome::Answered, Some((named(record.name), said)), why)
            }
            Found::InStore(address) => {
                let (said, why) = self.positive(&name, address, &Arc::from("A"), Why::OnlyAnswer);
                (Outcome::Answered, Some((named(name), said)), why)
            }
            Found::Failed(why) => {
                let said = Said::Failed(Arc::from(why));
                (Outcome::Failed, Some((Some(name), said)), Why::AllFailed)
            }
            Found::Nothing if self.dialect.is_nameless() => {
                (Outcome::Negative, Some((named(name), Said::Negative)), Why::Table)
            }
            Found::Nothing if self.config.on_miss == OnMiss::Negative => {
                (Outcome::Negative, Some((Some(name), Said::Negative)), Why::Table)
            }
            Found::Nothing => (Outcome::Negative, None, Why::Table),
        };
        out.note(Note::Decided {
            question: no,
            outcome,
            said: reply.as_ref().map(|(_, said)| said.clone()),
            from: None,
            why,
        });
        let message = reply.map(|(name, said)| asked.reply(name, said, response));
        self.askers.settle(conn, no, message, out);
    }

    /// The address, or a wrong one.
    fn positive(
        &mut self,
        name: &HostName,
        address: Arc<str>,
        flag: &Arc<str>,
        why: Why,
    ) -> (Said, Why) {
        let flags = self.flags(flag);
        if self.config.lie {
            (Said::Found { address: self.wrong_address(&address, name), flags }, Why::Lie)
        } else {
            (Said::Found { address, flags }, why)
        }
    }

    /// What follows the address on the wire in this dialect.
    fn flags(&mut self, flag: &Arc<str>) -> Arc<str> {
        match self.dialect {
            Dialect::First2021 => flag.clone(),
            Dialect::Sticky2021 => self.nothing.clone(),
            Dialect::First2023 => {
                if let Some((of, made)) = &self.flags
                    && of == flag
                {
                    return made.clone();
                }
                let bare = if flag.is_empty() { "A" } else { flag };
                let made = if bare.ends_with(" IN") {
                    flag.clone()
                } else {
                    Arc::from(format!("{bare} IN"))
                };
                self.flags = Some((flag.clone(), made.clone()));
                made
            }
        }
    }

    /// An address that is not the true one, the same for the same name. From 198.18.0.0/15, which is set aside for
    /// measurements (RFC 2544), so that no table is likely to have it.
    fn wrong_address(&self, truth: &str, name: &HostName) -> Arc<str> {
        let mut key = name.as_str().bytes().fold(0_u64, |key, byte| {
            key.wrapping_mul(31).wrapping_add(u64::from(byte.to_ascii_lowercase()))
        });
        loop {
            let bits = draw(self.seed, self.owner, Purpose::Lie, key);
            let lie =
                format!("198.{}.{}.{}", 18 + (bits & 1), (bits >> 8) & 0xff, (bits >> 16) & 0xff);
            if lie != truth {
                return Arc::from(lie);
            }
            key += 1;
        }
    }

    fn ended(&mut self, conn: ConnId, ending: Ending, out: &mut Effects) {
        if self.askers.has(conn) {
            match ending {
                Ending::EndOfFile => self.askers.ended(conn, out),
                Ending::Reset => self.asker_gone(conn, out),
            }
        } else if let Some(store) = &mut self.store {
            store.ended(self.now, conn, ending, out);
        }
    }

    /// The asker's connection died: what it asked is not worked on any more.
    fn asker_gone(&mut self, conn: ConnId, out: &mut Effects) {
        if !self.askers.gone(conn) {
            return;
        }
        let mut gone: Vec<QuestionNo> = self
            .questions
            .iter()
            .filter(|(_, question)| question.conn == conn)
            .map(|(no, _)| *no)
            .collect();
        gone.sort_unstable();
        self.queue.retain(|no| gone.binary_search(no).is_err());
        for no in gone {
            self.drop_question(no, Why::AskerGone, out);
        }
        self.employ(out);
    }

    /// A tied question is answered elsewhere: what waits leaves the queue, what is worked on frees its worker. Whoever
    /// asked wants to hear nothing of it.
    fn cancel(&mut self, conn: ConnId, id: u64, out: &mut Effects) {
        let is_it = |one: &Question| one.tied && one.conn == conn && one.asked.id == Some(id);
        let Some(no) = self.questions.iter().find(|(_, one)| is_it(one)).map(|(no, _)| *no) else {
            return;
        };
        self.queue.retain(|waiting| *waiting != no);
        self.drop_question(no, Why::NotNeeded, out);
        self.askers.settle(conn, no, None, out);
        self.employ(out);
    }

    fn drop_question(&mut self, no: QuestionNo, why: Why, out: &mut Effects) {
        let Some(question) = self.questions.remove(&no) else { return };
        out.note(cancelled(no, why, None));
        if question.in_service {
            out.push(Effect::Disarm(Timer::Served(no).id()));
            self.busy -= 1;
        }
    }

    fn told(&mut self, told: Told, out: &mut Effects) {
        match told {
            Told::Set { setting, key, value } => {
                if setting.apply_to_ts(&mut self.config) {
                    out.note(Note::Changed { key, value });
                    self.set_store(&setting, out);
                    if matches!(setting, Setting::Workers(_)) {
                        self.employ(out);
                    }
                }
            }
            Told::Stop => self.stop(out),
            Told::Ask { .. } | Told::Operate { .. } | Told::Batch | Told::Load { .. } => {}
        }
    }

    fn stop(&mut self, out: &mut Effects) {
        let mut all: Vec<QuestionNo> = self.questions.keys().copied().collect();
        all.sort_unstable();
        out.note(Note::Stopping { in_flight: u32::try_from(all.len()).unwrap_or(u32::MAX) });
        for no in all {
            let question = self.questions.remove(&no).expect("it was just listed");
            let said = Said::Failed(Arc::from("stopping"));
            out.note(cancelled(no, Why::Stopping, Some(said.clone())));
            out.push(Effect::Disarm(Timer::Served(no).id()));
            let asked = question.asked;
            let reply = asked.reply(Some(asked.name.clone()), said, None);
            self.askers.settle(question.conn, no, Some(reply), out);
        }
        self.askers.close_all(out);
        if let Some(store) = &mut self.store {
            store.stop(out);
        }
        self.over = true;
        out.push(Effect::Exit);
    }
}

fn cancelled(question: QuestionNo, why: Why, said: Option<Said>) -> Note {
    Note::Decided { question, outcome: Outcome::Cancelled, said, from: None, why }
}

impl Machine for Ts {
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
        if self.over {
            return;
        }
        self.now = now;
        match input {
            Input::Boot(_) => {
                if let Some(store) = &mut self.store {
                    store.open(now, out);
                }
            }
            Input::Opened { conn, peer, side: Side::Acceptor } => self.askers.opened(conn, peer),
            Input::Opened { conn, side: Side::Opener, .. } => {
                if let Some(store) = &mut self.store {
                    store.opened(conn, out);
                }
            }
            Input::Refused { conn, .. } => {
                if let Some(store) = &mut self.store {
                    store.refused(now, conn, out);
                }
            }
            Input::Ended { conn, ending, .. } => self.ended(conn, ending, out),
            Input::Received { conn, peer, message } if self.askers.has(conn) => {
                if let Some(asked) = Asked::of(&message) {
                    let tied = matches!(*message, Message::AskTied { .. });
                    self.take(conn, peer, (asked, tied), out);
                } else if let Message::Cancel { id } = *message {
                    self.cancel(conn, id, out);
                }
            }
            Input::Received { conn, message, .. } => {
                if let Some(store) = &mut self.store {
                    store.received(now, conn, &message, out);
                }
            }
            Input::Fired(timer) => match (Timer::of(timer), &mut self.store) {
                (Some(Timer::Served(no)), _) => self.served(no, out),
                (Some(timer), Some(store)) => {
                    store.fired(now, timer, out);
                }
                _ => {}
            },
            Input::Told(told) => self.told(told, out),
            Input::Malformed { .. }
            | Input::Unasked { .. }
            | Input::Persisted { .. }
            | Input::Unpersisted { .. } => {}
        }
        self.hear_store(out);
    }
}
