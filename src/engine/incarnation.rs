//! One life of one node: input in, machine stepped, effects carried out in order, each with its fact and its cause.
//!
//! It owns the rule *emit before write*: a `MessageSent` is in the log before the host may write the bytes.

use crate::base::{
    ConnId, EventId, FrameId, Incarnation as Number, LabTime, NodeId, NumberMap, Owner, Peer,
    TimerId, Token,
};
use crate::event::{Cause, Event, Fact};
use crate::machine::{Effect, Effects, Input, Machine, Told};
use crate::message::{Message, Write};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What a host says of a message that it put on its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Who will get it.
    pub to: Peer,
    /// Its frame.
    pub frame: FrameId,
    /// When it arrives as things stand.
    pub due: LabTime,
}

/// How a connection is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Whether the opener ends its messages.
    pub framed: bool,
    /// Whether it must be a stream, also where messages usually travel as datagrams.
    pub stream: bool,
}

/// What an incarnation's surroundings do for it.
pub trait Host {
    /// Appends an event to the log.
    fn emit(&mut self, event: Event);
    /// Begins to open a connection; the result comes back as an input. `cause` is the event that records it.
    fn open(&mut self, now: LabTime, conn: ConnId, to: NodeId, how: Opening, cause: EventId);
    /// Puts a message on its link, not yet on the socket. `cause` will be the number of its `MessageSent`. None if the
    /// connection is gone: then nothing was sent.
    fn push(
        &mut self,
        now: LabTime,
        conn: ConnId,
        message: &Arc<Message>,
        cause: EventId,
    ) -> Option<Sent>;
    /// Lets what is due on that connection's link go, now that the log has it.
    fn flush(&mut self, now: LabTime, conn: ConnId);
    /// Closes a connection behind what was sent. Gives the peer, if the connection was there.
    fn close(&mut self, now: LabTime, conn: ConnId) -> Option<Peer>;
    /// Begins to write the node's disk; what became of it comes back as an input.
    fn persist(&mut self, now: LabTime, token: Token, write: Write, cause: Cause);
    /// Writes a line into the node's results file; `None` begins a new file.
    fn result(&mut self, line: Option<String>);
    /// The machine has ended in good order.
    fn exit(&mut self);
}

/// One life of one node.
pub struct Incarnation {
    node: NodeId,
    number: Number,
    machine: Box<dyn Machine>,
    effects: Effects,
    emitted: u64,
    due: BTreeSet<(LabTime, TimerId)>,
    armed: NumberMap<TimerId, (LabTime, EventId)>,
}

impl std::fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incarnation")
            .field("node", &self.node)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Incarnation {
    /// A new life that has not booted yet.
    #[must_use]
    pub fn new(node: NodeId, number: Number, machine: Box<dyn Machine>) -> Self {
        Self {
            node,
            number,
            machine,
            effects: Effects::default(),
            emitted: 0,
            due: BTreeSet::new(),
            armed: NumberMap::default(),
        }
    }

    /// Which node lives here.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Which of its lives this is.
    #[must_use]
    pub fn number(&self) -> Number {
        self.number
    }

    /// A number for a connection that somebody else opened.
    pub fn accept(&mut self) -> ConnId {
        self.effects.new_conn()
    }

    /// When its next timer is due.
    #[must_use]
    pub fn next_timer(&self) -> Option<LabTime> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Fires the timers that are due by `now`, each once, in order of their time.
    pub fn fire_due(&mut self, now: LabTime, host: &mut dyn Host) {
        // A timer that a machine arms for "at once" while it handles another waits for the next call: a machine that
        // re-arms with zero must not keep its host here for ever.
        let mut left = self.due.range(..=(now, TimerId(u64::MAX))).count();
        while left > 0 && self.fire_first(now, host) {
            left -= 1;
        }
    }

    /// Fires the first timer that is due by `now`, and no other. False if none is.
    pub fn fire_first(&mut self, now: LabTime, host: &mut dyn Host) -> bool {
        let Some(&(at, timer)) = self.due.first() else { return false };
        if at > now {
            return false;
        }
        self.due.remove(&(at, timer));
        if let Some((_, armed_by)) = self.armed.remove(&timer) {
            self.turn(now, Input::Fired(timer), Cause::Event(armed_by), host);
        }
        true
    }

    /// One turn: records the input as a fact, steps the machine, carries its effects out.
    pub fn turn(&mut self, now: LabTime, input: Input, cause: Cause, host: &mut dyn Host) {
        let here = match fact_of(&input) {
            Some(fact) => Cause::Event(self.emit(now, cause, fact, host)),
            None => cause,
        };
        self.machine.step(now, input, &mut self.effects);
        if self.effects.is_empty() {
            return;
        }
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain() {
            self.carry_out(now, effect, here, host);
        }
        self.effects = effects;
    }

    /// Records a fact of this incarnation that is no input of its machine, such as its boot.
    pub fn emit(&mut self, now: LabTime, cause: Cause, fact: Fact, host: &mut dyn Host) -> EventId {
        let id = self.next_id();
        self.emitted += 1;
        host.emit(Event { id, time: now, cause, fact });
        id
    }

    fn next_id(&self) -> EventId {
        EventId { owner: Owner::Node(self.node, self.number), number: self.emitted + 1 }
    }

    fn carry_out(&mut self, now: LabTime, effect: Effect, cause: Cause, host: &mut dyn Host) {
        match effect {
            Effect::Send { conn, message, about } => {
                let message = Arc::new(message);
                let id = self.next_id();
                if let Some(Sent { to, frame, due }) = host.push(now, conn, &message, id) {
                    self.emit(
                        now,
                        cause,
                        Fact::MessageSent { conn, to, frame, due, about, message },
                        host,
                    );
                    host.flush(now, conn);
                }
            }
            Effect::Note(note) => {
                self.emit(now, cause, Fact::Noted(note), host);
            }
            Effect::Open { conn, to, framed, stream } => {
                let id =
                    self.emit(now, cause, Fact::ConnOpening { conn, peer: Peer::Node(to) }, host);
                host.open(now, conn, to, Opening { framed, stream }, id);
            }
            Effect::Close(conn) => {
                if let Some(peer) = host.close(now, conn) {
                    self.emit(now, cause, Fact::ConnClosed { conn, peer }, host);
                    host.flush(now, conn);
                }
            }
            Effect::Arm(timer, after) => self.arm(now, timer, after, cause),
            Effect::Disarm(timer) => {
                if let Some((at, _)) = self.armed.remove(&timer) {
                    self.due.remove(&(at, timer));
                }
            }
            Effect::Persist { token, write } => host.persist(now, token, write, cause),
            Effect::Result(line) => host.result(Some(line)),
            Effect::ResultsBegin => host.result(None),
            Effect::Exit => host.exit(),
        }
    }

    fn arm(&mut self, now: LabTime, timer: TimerId, after: Duration, cause: Cause) {
        let at = now + after;
        // Timers armed at boot, before anything was recorded, have no event to name: their own node's first.
        let by = match cause {
            Cause::Event(id) => id,
            Cause::Boot | Cause::Unknown => {
                EventId { owner: Owner::Node(self.node, self.number), number: 1 }
            }
        };
        if let Some((before, _)) = self.armed.insert(timer, (at, by)) {
            self.due.remove(&(before, timer));
        }
        self.due.insert((at, timer));
    }
}

/// The fact that records an input; none where the host has recorded it already or it is internal.
fn fact_of(input: &Input) -> Option<Fact> {
    Some(match input {
        Input::Boot(_)
        | Input::Told(
            Told::Ask { .. }
            | Told::Operate { .. }
            | Told::Batch
            | Told::Load { .. }
            | Told::Set { .. }
            | Told::Stop,
        ) => {
            return None;
        }
        Input::Opened { conn, peer, side } => {
            Fact::ConnOpened { conn: *conn, peer: *peer, side: *side }
        }
        Input::Refused { conn, peer } => Fact::ConnRefused { conn: *conn, peer: *peer },
        Input::Ended { conn, peer, ending } => {
            Fact::ConnEnded { conn: *conn, peer: *peer, ending: *ending }
        }
        Input::Received { conn, peer, message } => {
            Fact::MessageReceived { conn: *conn, from: *peer, message: message.clone() }
        }
        Input::Malformed { conn, peer, why } => {
            Fact::Malformed { conn: *conn, from: *peer, why: why.clone() }
        }
        Input::Unasked { conn, peer, why } => {
            Fact::Unasked { conn: *conn, from: *peer, why: why.clone() }
        }
        Input::Persisted { token, bytes, took } => {
            Fact::DiskWrote { token: *token, bytes: *bytes, took: *took }
        }
        Input::Unpersisted { token, why } => Fact::DiskFailed { token: *token, why: why.clone() },
        Input::Fired(timer) => Fact::TimerFired { timer: *timer },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Image, Note, Outcome, Why};

    #[derive(Default)]
    struct Recorder {
        events: Vec<Event>,
        steps: Vec<String>,
    }

    impl Host for Recorder {
        fn emit(&mut self, event: Event) {
            self.steps.push(match &event.fact {
                Fact::MessageSent { .. } => "emit sent".into(),
                Fact::TimerFired { timer } => format!("fired {timer}"),
                _ => "emit".into(),
            });
            self.events.push(event);
        }
        fn open(&mut self, _: LabTime, _: ConnId, _: NodeId, _: Opening, _: EventId) {}
        fn push(&mut self, now: LabTime, _: ConnId, _: &Arc<Message>, _: EventId) -> Option<Sent> {
            self.steps.push("push".into());
            Some(Sent { to: Peer::Node(NodeId(1)), frame: FrameId(1), due: now })
        }
        fn flush(&mut self, _: LabTime, _: ConnId) {
            self.steps.push("flush".into());
        }
        fn close(&mut self, _: LabTime, _: ConnId) -> Option<Peer> {
            None
        }
        fn persist(&mut self, _: LabTime, _: Token, _: Write, _: Cause) {}
        fn result(&mut self, _: Option<String>) {}
        fn exit(&mut self) {}
    }

    /// Sends and notes on each message; re-arms timer 1 with nothing whenever it fires.
    struct Echo;

    impl Machine for Echo {
        fn step(&mut self, _: LabTime, input: Input, out: &mut Effects) {
            match input {
                Input::Received { conn, .. } => {
                    out.send(conn, Message::ask("a"), None);
                    out.note(Note::Decided {
                        question: crate::base::QuestionNo(1),
                        outcome: Outcome::Answered,
                        said: None,
                        from: None,
                        why: Why::Table,
                    });
                }
                Input::Boot(_) => {
                    out.push(Effect::Arm(TimerId(1), Duration::ZERO));
                    out.push(Effect::Arm(TimerId(2), Duration::from_millis(5)));
                    out.push(Effect::Arm(TimerId(3), Duration::from_millis(4)));
                    out.push(Effect::Disarm(TimerId(2)));
                }
                Input::Fired(TimerId(1)) => out.push(Effect::Arm(TimerId(1), Duration::ZERO)),
                _ => {}
            }
        }
    }

    fn started() -> (Incarnation, Recorder) {
        let mut host = Recorder::default();
        let mut life = Incarnation::new(NodeId(0), Number(1), Box::new(Echo));
        life.turn(LabTime::ZERO, Input::Boot(Image::default()), Cause::Boot, &mut host);
        (life, host)
    }

    #[test]
    fn a_message_is_in_the_log_before_it_may_be_written() {
        let (mut life, mut host) = started();
        let message = Arc::new(Message::ask("a"));
        let input = Input::Received { conn: ConnId(1), peer: Peer::Node(NodeId(1)), message };
        life.turn(LabTime(9), input, Cause::Unknown, &mut host);
        assert_eq!(host.steps, ["emit", "push", "emit sent", "flush", "emit"]);
        let received = host.events[0].id;
        assert!(host.events[1..].iter().all(|event| event.cause == Cause::Event(received)));
        let numbers: Vec<u64> = host.events.iter().map(|event| event.id.number).collect();
        assert_eq!(numbers, [1, 2, 3]);
    }

    #[test]
    fn each_overdue_timer_fires_once_in_order_and_a_disarmed_one_never() {
        let (mut life, mut host) = started();
        life.fire_due(LabTime::from_millis(60_000), &mut host);
        assert_eq!(host.steps, ["fired 1", "fired 3"]);
        assert_eq!(life.next_timer(), Some(LabTime::from_millis(60_000)));
    }
}
