//! One life of one node: input in, machine stepped, effects carried out in order, each with its fact and its cause.
//!
//! It owns the rule *emit before write*: a `MessageSent` is in the log before the host may write the bytes.

use crate::base::{
    ConnId, EventId, FrameId, Incarnation as Number, LabTime, NodeId, NumberMap, OwnClock, Owner,
    Peer, TimerId, Token,
};
use crate::event::{Cause, Event, Fact};
use crate::machine::{Effect, Effects, Input, Machine, Told};
use crate::message::{Message, Write};
use std::collections::BTreeSet;
use std::sync::Arc;

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

/// When a timer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    /// At this moment of the lab, as the node's clock runs now.
    lab: LabTime,
    /// When its own clock reads this; that orders those that a step of the clock has made due at one moment.
    own: LabTime,
}

/// A timer that is armed.
#[derive(Debug, Clone, Copy)]
struct Armed {
    due: Due,
    /// Whether it goes by the lab's time: work takes its time, whatever a clock says.
    is_work: bool,
    /// The event because of which it was armed.
    by: EventId,
}

/// One life of one node. The machine lives by the node's own clock; hosts and facts go by the lab's.
pub struct Incarnation {
    node: NodeId,
    number: Number,
    machine: Box<dyn Machine>,
    clock: OwnClock,
    effects: Effects,
    emitted: u64,
    due: BTreeSet<(Due, TimerId)>,
    armed: NumberMap<TimerId, Armed>,
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
    /// A new life that has not booted yet, on a host with this clock.
    #[must_use]
    pub fn new(node: NodeId, number: Number, machine: Box<dyn Machine>, clock: OwnClock) -> Self {
        Self {
            node,
            number,
            machine,
            clock,
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

    /// When its next timer is due; a moment that is past where a step of its clock has made one overdue.
    #[must_use]
    pub fn next_timer(&self) -> Option<LabTime> {
        self.due.first().map(|(due, _)| due.lab)
    }

    /// The node's clock is like this from now on. Its timers keep the readings at which they are due: those that the
    /// clock has jumped over are due at once, and where it was put back they wait for longer.
    pub fn set_clock(&mut self, clock: OwnClock) {
        self.clock = clock;
        self.due.clear();
        for (timer, armed) in &mut self.armed {
            if armed.is_work {
                armed.due.own = clock.own(armed.due.lab);
            } else {
                armed.due.lab = clock.lab(armed.due.own);
            }
            self.due.insert((armed.due, *timer));
        }
    }

    /// Fires the timers that are due by `now`, each once, in order of their time.
    pub fn fire_due(&mut self, now: LabTime, host: &mut dyn Host) {
        // A timer that a machine arms for "at once" while it handles another waits for the next call: a machine that
        // re-arms with zero must not keep its host here for ever.
        let last = Due { lab: now, own: LabTime::NEVER };
        let mut left = self.due.range(..=(last, TimerId(u64::MAX))).count();
        while left > 0 && self.fire_first(now, host) {
            left -= 1;
        }
    }

    /// Fires the first timer that is due by `now`, and no other. False if none is.
    pub fn fire_first(&mut self, now: LabTime, host: &mut dyn Host) -> bool {
        let Some(&(due, timer)) = self.due.first() else { return false };
        if due.lab > now {
            return false;
        }
        self.due.remove(&(due, timer));
        if let Some(armed) = self.armed.remove(&timer) {
            self.turn(now, Input::Fired(timer), Cause::Event(armed.by), host);
        }
        true
    }

    /// One turn: records the input as a fact, steps the machine, carries its effects out.
    pub fn turn(&mut self, now: LabTime, input: Input, cause: Cause, host: &mut dyn Host) {
        let here = match fact_of(&input) {
            Some(fact) => Cause::Event(self.emit(now, cause, fact, host)),
            None => cause,
        };
        self.machine.step(self.clock.own(now), input, &mut self.effects);
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
                let note = note.at_moments(|own| self.clock.lab(own));
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
            Effect::Arm(timer, after) => {
                let own = self.clock.own(now) + after;
                self.arm(timer, Due { lab: self.clock.lab(own), own }, false, cause);
            }
            Effect::Work(timer, after) => {
                let lab = now + after;
                self.arm(timer, Due { lab, own: self.clock.own(lab) }, true, cause);
            }
            Effect::Disarm(timer) => {
                if let Some(armed) = self.armed.remove(&timer) {
                    self.due.remove(&(armed.due, timer));
                }
            }
            Effect::Persist { token, write } => host.persist(now, token, write, cause),
            Effect::Result(line) => host.result(Some(line)),
            Effect::ResultsBegin => host.result(None),
            Effect::Exit => host.exit(),
        }
    }

    fn arm(&mut self, timer: TimerId, due: Due, is_work: bool, cause: Cause) {
        // Timers armed at boot, before anything was recorded, have no event to name: their own node's first.
        let by = match cause {
            Cause::Event(id) => id,
            Cause::Boot | Cause::Unknown => {
                EventId { owner: Owner::Node(self.node, self.number), number: 1 }
            }
        };
        if let Some(before) = self.armed.insert(timer, Armed { due, is_work, by }) {
            self.due.remove(&(before.due, timer));
        }
        self.due.insert((due, timer));
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
    use crate::base::ClockRate;
    use crate::message::{Image, Note, Outcome, Why};
    use std::time::Duration;

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
        let mut life = Incarnation::new(NodeId(0), Number(1), Box::new(Echo), OwnClock::RIGHT);
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

    /// Boots with timers that fire after 1, 2 and 3 s, the first of them work.
    struct Waits;

    impl Machine for Waits {
        fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
            match input {
                Input::Boot(_) => {
                    out.push(Effect::Work(TimerId(1), Duration::from_secs(1)));
                    for after in [2, 3] {
                        out.push(Effect::Arm(TimerId(after), Duration::from_secs(after)));
                    }
                    out.note(Note::WindowOpened {
                        window: 1,
                        closes: now + Duration::from_secs(3),
                    });
                }
                Input::Fired(timer) => out.note(Note::Overflowed { refused: timer.0 }),
                _ => {}
            }
        }
    }

    fn seconds(seconds: u64) -> LabTime {
        LabTime::from_millis(seconds * 1000)
    }

    fn waiting(clock: OwnClock) -> (Incarnation, Recorder) {
        let mut host = Recorder::default();
        let mut life = Incarnation::new(NodeId(0), Number(1), Box::new(Waits), clock);
        life.turn(LabTime::ZERO, Input::Boot(Image::default()), Cause::Boot, &mut host);
        (life, host)
    }

    fn closes(host: &Recorder) -> LabTime {
        let closes = |event: &Event| match event.fact {
            Fact::Noted(Note::WindowOpened { closes, .. }) => Some(closes),
            _ => None,
        };
        host.events.iter().find_map(closes).expect("it said so")
    }

    /// When each timer fires, in seconds of the lab, if it is looked after whenever one is due.
    fn fires(life: &mut Incarnation, host: &mut Recorder, from: LabTime) -> Vec<(u64, f64)> {
        let mut now = from;
        while let Some(due) = life.next_timer() {
            now = now.max(due);
            assert!(life.fire_first(now, host), "due at {due:?} and not fired at {now:?}");
        }
        let fired = |event: &Event| match event.fact {
            Fact::TimerFired { timer } => Some((timer.0, event.time.millis_f64() / 1000.0)),
            _ => None,
        };
        host.events.iter().filter_map(fired).collect()
    }

    #[test]
    fn timers_go_by_the_nodes_clock_and_work_does_not() {
        let clock = OwnClock::RIGHT.stepped(LabTime::ZERO, -5_000_000_000);
        let fast = clock.at_rate(LabTime::ZERO, ClockRate::of(2.0).expect("a rate"));
        let (mut life, mut host) = waiting(fast);
        assert_eq!(closes(&host), LabTime::from_millis(1500), "the log goes by the lab's clock");
        let fired = fires(&mut life, &mut host, LabTime::ZERO);
        assert_eq!(fired, [(1, 1.0), (2, 1.0), (3, 1.5)]);
    }

    #[test]
    fn a_clock_that_changes_takes_its_timers_along() {
        let ahead = |seconds: i64| OwnClock::RIGHT.stepped(seconds_in(), seconds * 1_000_000_000);
        // Set on by more than they wait: they fire at once, each once, in the order of their time.
        let (mut life, mut host) = waiting(OwnClock::RIGHT);
        life.set_clock(ahead(60));
        let now = LabTime::from_millis(500);
        life.fire_due(now, &mut host);
        assert_eq!(host.steps, ["emit", "fired 2", "emit", "fired 3", "emit"]);
        assert_eq!(life.next_timer(), Some(seconds(1)), "work takes its time");
        // Put back, they wait for longer; put right again, for as long as they would have.
        let (mut life, mut host) = waiting(OwnClock::RIGHT);
        life.set_clock(ahead(-60));
        assert_eq!(fires(&mut life, &mut host, now), [(1, 1.0), (2, 62.0), (3, 63.0)]);
        let (mut life, mut host) = waiting(OwnClock::RIGHT);
        life.set_clock(ahead(-60));
        life.set_clock(OwnClock::RIGHT);
        assert_eq!(fires(&mut life, &mut host, now), [(1, 1.0), (2, 2.0), (3, 3.0)]);
    }

    fn seconds_in() -> LabTime {
        LabTime::from_millis(500)
    }
}
