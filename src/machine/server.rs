//! A connection to one server: opened before the first question, kept, opened again when it is lost; and the questions
//! that wait on it.
//!
//! The client has one for each server it asks, the LS one for each upstream. It knows how to ask and whose answer came;
//! what an answer means, and when a question has had its time, is its owner's business.

use super::beside::Beside;
use super::kept::{Kept, Retry};
use super::matching::{Answer, Matched, Outstanding};
use super::timers::Timer;
pub use super::wish::Wish;
use super::{Effect, Effects};
use crate::base::{ConnId, LabTime, NodeId, QuestionNo};
use crate::event::Ending;
use crate::message::{Flaw, Flaws, HostName, Message};
use crate::topology::{Topology, Wire};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Questions that may wait on one connection, sent or not: ten times what a lecture's open loop builds up in its
/// longest timeout. One more fails at once.
pub const WAITING_MAX: usize = 10_000;

/// A program from outside takes two names in one read for one name, so after a question that it has not answered the
/// next waits this long, whether somebody else answers that question or not.
const PAUSE_OUTSIDE: Duration = Duration::from_millis(30);

/// With flaw `glued-names`, names that come within this time go out in one write, as a system that gathers small
/// writes does (Nagle's algorithm, RFC 896).
const GLUED_WITHIN: Duration = Duration::from_millis(20);

/// The longest text of glued names: the reader takes more than that for no name at all.
const GLUED_BYTES_MAX: usize = 2048;

/// A program from outside that has not answered in this time, nor been asked, never will: where answers are counted,
/// what it left unanswered is then forgotten.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// How a server is talked to; follows the owner's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// The confessions that are on.
    pub flaws: Flaws,
    /// Whether questions bear correlation ids.
    pub ids: bool,
    /// How long to wait before a lost connection is tried again.
    pub reconnect: Duration,
}

/// What became of a question that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// It was sent, or will be as soon as it can.
    Taken,
    /// Nobody listens there: found out a moment ago, and not tried again so soon.
    Refused,
    /// Too many wait already.
    Full,
    /// What is spoken there has no words for it.
    Unspeakable,
}

/// A question that waits to be sent.
#[derive(Debug)]
struct Unsent {
    /// The number that its answer is known by.
    question: QuestionNo,
    /// The owner's question that it is asked for.
    about: QuestionNo,
    wish: Wish,
    /// Whether another server is asked as well, and this one shall say when it begins.
    tied: bool,
}

/// One server and the connection to it.
#[derive(Debug)]
pub struct Server {
    kept: Kept,
    /// The stream for what a datagram cannot hold, where DNS is spoken.
    beside: Option<Beside>,
    /// A program of someone else's (`at = …`) that speaks lines: never sent a line end or an id, never left half-way.
    outside: bool,
    nameless: bool,
    manner: Manner,
    /// When it was last asked something.
    asked: LabTime,
    /// The next question waits until the pause is over.
    pausing: bool,
    /// The question that was sent last.
    newest: Option<QuestionNo>,
    unsent: VecDeque<Unsent>,
    sent: Outstanding,
    /// Questions that found an answer lying unread (flaw `answers-by-arrival`).
    stale: Vec<(QuestionNo, Answer)>,
}

impl Server {
    /// A server that the first of these nodes asks: the second; not connected yet. `draws`: the seed, and a number that
    /// tells the asker and its lives apart.
    pub fn new(
        topology: &Topology,
        [owner, node]: [NodeId; 2],
        draws: (u64, u64),
        manner: Manner,
    ) -> Self {
        let dns = topology.wire(owner, node) == Wire::Dns;
        let outside = topology.node(node).at.is_some() && !dns;
        let nameless = topology.dialect.is_nameless() && !dns;
        let counts = nameless && (outside || !manner.ids);
        let kept = Kept::new(node, outside, draws, Retry::Backoff, manner.reconnect);
        Self {
            kept: if dns { kept.over_datagrams() } else { kept },
            beside: dns.then(Beside::default),
            outside,
            nameless,
            manner,
            asked: LabTime::ZERO,
            pausing: false,
            newest: None,
            unsent: VecDeque::new(),
            sent: Outstanding::new(counts),
            stale: Vec::new(),
        }
    }

    /// Which node it is.
    pub fn node(&self) -> NodeId {
        self.kept.node()
    }

    /// The connection, opening or open.
    pub fn conn(&self) -> Option<ConnId> {
        self.kept.conn()
    }

    /// Whether this is a connection to it.
    pub fn has(&self, conn: ConnId) -> bool {
        self.conn() == Some(conn) || self.is_beside(conn)
    }

    /// Whether this is the stream beside its datagrams.
    pub fn is_beside(&self, conn: ConnId) -> bool {
        self.beside.as_ref().is_some_and(|beside| beside.has(conn))
    }

    /// Whether it is asked in datagrams, so that nothing but an answer proves that it is there.
    pub fn takes_datagrams(&self) -> bool {
        self.beside.is_some()
    }

    /// Whether it refused, or its last connection ended, and none has stood since.
    pub fn is_down(&self) -> bool {
        self.kept.is_down()
    }

    /// Whether its last connection ended by itself and none has stood since.
    pub fn has_ended(&self) -> bool {
        self.kept.has_ended()
    }

    /// Whether its answers bear neither name nor id.
    fn counts(&self) -> bool {
        self.nameless && (self.outside || !self.manner.ids)
    }

    fn glues(&self) -> bool {
        self.manner.flaws.has(Flaw::GluedNames) && !self.takes_datagrams()
    }

    fn by_arrival(&self) -> bool {
        self.manner.flaws.has(Flaw::AnswersByArrival) && !self.takes_datagrams()
    }

    /// Opens the connection if there is none.
    pub fn open(&mut self, now: LabTime, out: &mut Effects) {
        self.kept.open(now, self.framed(), out);
    }

    /// Whether each message ends its line.
    fn framed(&self) -> bool {
        !self.glues() && !self.outside
    }

    /// Hands a question over: sends it, or keeps it until it can be sent.
    pub fn ask(
        &mut self,
        now: LabTime,
        question: QuestionNo,
        wish: Wish,
        out: &mut Effects,
    ) -> Handed {
        self.take(now, Unsent { question, about: question, wish, tied: false }, out)
    }

    /// The same for the owner's question `about`, under a number of its own.
    pub fn ask_for(
        &mut self,
        now: LabTime,
        question: QuestionNo,
        about: QuestionNo,
        wish: Wish,
        out: &mut Effects,
    ) -> Handed {
        self.take(now, Unsent { question, about, wish, tied: false }, out)
    }

    /// The same where another server is asked as well: this one shall say when it begins. Not for programs from
    /// outside, which know no such word.
    pub fn ask_tied(
        &mut self,
        now: LabTime,
        question: QuestionNo,
        wish: Wish,
        out: &mut Effects,
    ) -> Handed {
        let tied = !self.outside && !self.takes_datagrams();
        self.take(now, Unsent { question, about: question, wish, tied }, out)
    }

    fn take(&mut self, now: LabTime, unsent: Unsent, out: &mut Effects) -> Handed {
        let wish = &unsent.wish;
        let speakable =
            if self.takes_datagrams() { wish.name.fits_dns() } else { wish.kind.is_address() };
        if !speakable {
            return Handed::Unspeakable;
        }
        if self.waiting() >= WAITING_MAX {
            return Handed::Full;
        }
        if self.kept.is_hopeless(now) {
            return Handed::Refused;
        }
        self.open(now, out);
        if self.outside && self.sent.is_empty() && now.since(self.asked) > ANSWERS_WITHIN {
            self.sent.forget_gone();
        }
        self.asked = now;
        self.unsent.push_back(unsent);
        if self.glues() && !self.pausing && self.kept.standing().is_some() {
            self.pause(GLUED_WITHIN, out);
        }
        self.pump(out);
        Handed::Taken
    }

    /// How many questions wait for its answer, sent or not.
    pub fn waiting(&self) -> usize {
        self.unsent.len() + self.sent.len()
    }

    /// Answers that lay unread and were taken by questions just sent (flaw `answers-by-arrival`).
    pub fn take_stale(&mut self) -> Option<(QuestionNo, Answer)> {
        self.stale.pop()
    }

    fn pause(&mut self, span: Duration, out: &mut Effects) {
        self.pausing = true;
        out.push(Effect::Arm(Timer::Pause(self.node()).id(), span));
    }

    /// Whether questions leave one by one, with a pause between them.
    fn paces(&self) -> bool {
        self.outside && !self.glues()
    }

    fn end_pause(&mut self, out: &mut Effects) {
        if self.pausing {
            self.pausing = false;
            out.push(Effect::Disarm(Timer::Pause(self.node()).id()));
        }
    }

    /// Sends what may be sent now. To be called after an answer or a verdict made room.
    pub fn pump(&mut self, out: &mut Effects) {
        let Some(conn) = self.kept.standing() else { return };
        if self.glues() {
            return;
        }
        let one_at_a_time = self.manner.flaws.has(Flaw::OneAtATime);
        while !self.unsent.is_empty() {
            if (one_at_a_time && !self.sent.is_empty()) || (self.paces() && self.pausing) {
                return;
            }
            let Some(Unsent { question, about, wish, tied }) = self.unsent.pop_front() else {
                return;
            };
            let dns = self.takes_datagrams().then(|| wish.query());
            let numbered = tied || dns.is_some() || (self.manner.ids && !self.outside);
            let id = numbered.then_some(question.0);
            let name = wish.name.clone();
            let message = match id {
                Some(id) if tied => Message::AskTied { name, id },
                id => Message::Ask { name, id, dns },
            };
            out.send(conn, message, Some(about));
            self.note_sent(question, wish.name, id);
            if self.outside {
                self.pause(PAUSE_OUTSIDE, out);
            }
        }
    }

    fn note_sent(&mut self, question: QuestionNo, name: HostName, id: Option<u64>) {
        self.newest = Some(question);
        if let Some(answer) = self.sent.sent(question, name, id) {
            self.stale.push((question, answer));
        }
    }

    /// Everything that waits goes out in one write with nothing between the names.
    fn send_glued(&mut self, out: &mut Effects) {
        let Some(conn) = self.kept.standing() else { return };
        while let Some(Unsent { question, wish: Wish { name, .. }, .. }) = self.unsent.pop_front() {
            let mut text = String::from(name.as_str());
            let mut count = 1;
            let first = name.clone();
            self.note_sent(question, name, None);
            while let Some(next) = self.unsent.front() {
                if text.len() + next.wish.name.as_str().len() > GLUED_BYTES_MAX {
                    break;
                }
                let next = self.unsent.pop_front().expect("the front was just seen");
                let (another, next) = (next.question, next.wish.name);
                text.push_str(next.as_str());
                count += 1;
                self.note_sent(another, next, None);
            }
            let message = if count == 1 {
                Message::Ask { name: first, id: None, dns: None }
            } else {
                Message::Text(Arc::from(text))
            };
            out.send(conn, message, Some(question));
        }
    }

    /// The pause is over.
    pub fn paused_enough(&mut self, out: &mut Effects) {
        self.pausing = false;
        if self.glues() {
            self.send_glued(out);
        } else {
            self.pump(out);
        }
    }

    /// The connection stands.
    pub fn opened(&mut self, conn: ConnId, out: &mut Effects) {
        if let Some(beside) = self.beside.as_mut().filter(|beside| beside.has(conn)) {
            beside.opened(conn, out);
            return;
        }
        if !self.kept.opened(conn, out) {
            return;
        }
        if self.glues() && !self.unsent.is_empty() {
            self.pause(GLUED_WITHIN, out);
        }
        self.pump(out);
    }

    /// Nobody listens. Gives the questions that waited for the connection.
    pub fn refused(&mut self, now: LabTime, conn: ConnId, out: &mut Effects) -> Vec<QuestionNo> {
        if self.is_beside(conn) {
            return self.lost_beside();
        }
        if self.kept.refused(now, conn, out) { self.abandon(out) } else { Vec::new() }
    }

    /// The peer ended the connection. Gives the questions that waited, sent ones first.
    pub fn ended(
        &mut self,
        now: LabTime,
        conn: ConnId,
        ending: Ending,
        out: &mut Effects,
    ) -> Vec<QuestionNo> {
        if self.is_beside(conn) {
            if ending == Ending::EndOfFile {
                out.push(Effect::Close(conn));
            }
            return self.lost_beside();
        }
        if self.kept.ended(now, conn, ending, out) { self.abandon(out) } else { Vec::new() }
    }

    /// The stream beside the datagrams is gone, and what waited there with it.
    fn lost_beside(&mut self) -> Vec<QuestionNo> {
        let waited = self.beside.as_mut().map(Beside::lost).unwrap_or_default();
        waited.into_iter().filter(|question| self.sent.over(*question)).collect()
    }

    fn abandon(&mut self, out: &mut Effects) -> Vec<QuestionNo> {
        self.end_pause(out);
        if let Some(beside) = &mut self.beside {
            beside.close(out);
        }
        let mut waited = self.sent.end();
        waited.extend(self.unsent.drain(..).map(|unsent| unsent.question));
        waited
    }

    /// A connect has hung for too long: begin anew, the questions wait on.
    pub fn hung(&mut self, now: LabTime, out: &mut Effects) {
        self.kept.hung(now, self.framed(), out);
    }

    /// Closes the connection for good. Gives the questions that waited.
    pub fn close(&mut self, out: &mut Effects) -> Vec<QuestionNo> {
        self.kept.close(out);
        self.abandon(out)
    }

    /// An answer came on this connection: whose is it?
    pub fn answered(&mut self, answer: &Answer, out: &mut Effects) -> Matched {
        self.kept.heard();
        let matched = self.sent.answered(answer, self.by_arrival());
        // Who answers has read what it was asked. That a question needs no answer any more says nothing of the kind.
        if self.paces() && matched.question().is_some_and(|question| self.newest == Some(question))
        {
            self.end_pause(out);
        }
        if let (Matched::Live(question), Some(beside)) = (&matched, &mut self.beside) {
            beside.over(*question);
            let response = answer.dns.as_ref().filter(|response| response.truncated);
            if let (Some(response), Some(name)) = (response, &answer.name) {
                beside.ask(self.kept.node(), *question, (name.clone(), response.query), out);
                self.sent.sent(*question, name.clone(), answer.id);
                return Matched::Unread;
            }
        }
        matched
    }

    /// A question needs nothing more of this server. `gave_up`: it has had its time.
    pub fn over(&mut self, now: LabTime, question: QuestionNo, gave_up: bool, out: &mut Effects) {
        if let Some(beside) = &mut self.beside {
            beside.over(question);
        }
        if self.sent.over(question) {
            if gave_up && self.sent.has_lost_count() {
                self.count_anew(now, out);
            }
            self.pump(out);
        } else if let Some(at) = self.unsent.iter().position(|one| one.question == question) {
            self.unsent.remove(at);
        }
    }

    /// A tied question needs no answer of this server: it is told so. False if it had not been sent.
    pub fn cancel(&mut self, now: LabTime, question: QuestionNo, out: &mut Effects) -> bool {
        let sent = self.sent.has(question);
        if let (Some(conn), true) = (self.kept.standing(), sent && !self.outside) {
            out.send(conn, Message::Cancel { id: question.0 }, Some(question));
        }
        self.over(now, question, false, out);
        sent
    }

    /// Answers without names can be told apart by nothing but their number: when that is lost, only a new connection
    /// helps. A program from outside may accept but once in its life, so there it takes a long silence (see `ask`).
    fn count_anew(&mut self, now: LabTime, out: &mut Effects) {
        if self.outside {
            return;
        }
        if self.kept.standing().is_some() {
            self.sent = Outstanding::new(self.counts());
            self.kept.renew(now, self.framed(), out);
        }
    }

    /// The owner's settings changed. A change of how messages are framed takes a new connection: then this gives the
    /// questions that waited on the old one; and answers that lay unread and that nobody will read any more.
    pub fn set_manner(
        &mut self,
        now: LabTime,
        manner: Manner,
        out: &mut Effects,
    ) -> (Vec<QuestionNo>, VecDeque<Answer>) {
        let glued = self.glues();
        let arrival = self.by_arrival();
        self.manner = manner;
        self.kept.set_retry(Retry::Backoff, manner.reconnect);
        self.sent.set_counted(self.counts());
        let unread =
            if arrival && !self.by_arrival() { self.sent.take_unread() } else { VecDeque::new() };
        let mut waited = Vec::new();
        if glued == self.glues() || self.outside {
            self.pump(out);
        } else if self.conn().is_some() {
            waited = self.abandon(out);
            self.kept.renew(now, self.framed(), out);
        }
        (waited, unread)
    }
}
