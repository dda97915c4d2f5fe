//! Automatic pace: how fast lab time must run so that a room can follow. Pure: events in, a rate out.
//!
//! Every hop of a request stays in sight for at least 0.7 s on the wall; a wait in which nothing of interest is on its
//! way takes at most 3 s; background traffic does not hold it up. The rate goes in steps, falls at once and rises
//! only when what it fell for has been over for a moment, so that the clock does not flutter between two messages.
//!
//! Of many questions in a row (a list, a load, several asked at once) the first is seen at full length. Each that is
//! settled halves the time of a hop for those after it, until the clock runs in real time; when the last is settled
//! and no more will come, 0.7 s count again.

mod burst;

use crate::base::{EventId, FrameId, LabTime, NodeId, OwnClock, Owner, Peer, QuestionNo};
use crate::event::{Cause, Event, Fact};
use crate::message::{Message, Note, ReplicaMessage, StoreNote};
use burst::Bursts;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// How long a hop must be seen on the wall, in seconds.
const HOP_WALL_S: f64 = 0.7;

/// How long a wait may take on the wall, in seconds.
const WAIT_WALL_S: f64 = 3.0;

/// Lab time that a name server may work in real time before its work counts as any other wait, in nanoseconds.
const SERVICE_REAL_NS: u64 = 3_000_000_000;

/// How long the rate stays on the wall after the last hop it fell for, in seconds: a node that gets a message and
/// sends the next does both within this.
const REST_WALL_S: f64 = 0.1;

/// Hops shorter than this are not waited for, in nanoseconds: on loopback without latency there is nothing to see.
const HOP_SEEN_NS: u64 = 200_000;

/// The rates, slow to fast. Hops take the next one below, waits the next one above what they need.
const SLOW: [f64; 17] = [
    0.0003, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.025, 0.035, 0.05, 0.07, 0.1,
    0.2, 0.35, 0.6,
];
const FAST: [f64; 6] = [1.0, 1.5, 2.0, 4.0, 8.0, 20.0];

/// Frames and questions that are followed; of more nobody sees a single one, and the oldest are forgotten.
const FOLLOWED_MAX: usize = 4096;

/// A frame on one direction of a link.
type Frame = (Peer, Peer, FrameId);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Awaited {
    /// A verdict.
    Question(QuestionNo),
    /// The end of a batch window.
    Window(u64),
    /// The moment of asking again after this question.
    Retry(QuestionNo),
}

#[derive(Debug, Clone, Copy)]
struct Hop {
    sent: EventId,
    length: u64,
    /// Until when it keeps its rate if nobody says that it arrived: a moment longer than it is due.
    until: LabTime,
}

/// Follows what is on its way and what is waited for.
#[derive(Debug, Default)]
pub struct Pace {
    now: LabTime,
    hops: BTreeMap<Frame, Hop>,
    frames: HashMap<EventId, Frame>,
    /// Lengths of moving hops with their ends, so that the shortest is known.
    lengths: BTreeSet<(u64, LabTime, Frame)>,
    ends_of_hops: BTreeSet<(LabTime, Frame)>,
    deadlines: BTreeMap<(Owner, Awaited), LabTime>,
    ends: BTreeSet<(LabTime, Owner, Awaited)>,
    /// The own clocks that were ever set.
    clocks: BTreeMap<NodeId, OwnClock>,
    /// Questions that name servers work on, and since when.
    services: BTreeMap<(Owner, QuestionNo), LabTime>,
    begun: BTreeSet<(LabTime, Owner, QuestionNo)>,
    /// Since when nothing is on its way; a wait is measured from there.
    still: LabTime,
    /// The rate that stays for a moment after the hop that it was for.
    rest: Option<(f64, LabTime)>,
    bursts: Bursts,
}

/// Whether a room wants to see it travel: questions and answers, and what changes a replica. Heartbeats and
/// confirmations are background.
fn is_of_interest(message: &Message, about: Option<QuestionNo>) -> bool {
    match message {
        Message::Replica(between) => !matches!(
            between,
            ReplicaMessage::Beat { .. }
                | ReplicaMessage::Alive { .. }
                | ReplicaMessage::Have { .. }
                | ReplicaMessage::AskClock
                | ReplicaMessage::Clock { .. }
        ),
        Message::Reply { .. } | Message::Operated { .. } => true,
        _ => about.is_some(),
    }
}

impl Pace {
    /// Takes one event. Called for every event of the lab, so it must be quick.
    pub fn observe(&mut self, event: &Event) {
        // Whoever gets or finds something sends the next at the same moment.
        let is_later = event.time > self.now;
        self.now = self.now.max(event.time);
        self.forget_arrived();
        if is_later {
            self.bursts.end_if(self.lengths.is_empty() && self.working(self.now).is_none());
        }
        match &event.fact {
            Fact::MessageSent { to, frame, due, about, message, .. } => {
                if let (true, Owner::Node(from, _)) =
                    (is_of_interest(message, *about), event.id.owner)
                {
                    self.send((Peer::Node(from), *to, *frame), event.id, *due);
                }
            }
            Fact::MessageReceived { .. } => {
                if let Cause::Event(sent) = event.cause
                    && let Some(frame) = self.frames.get(&sent).copied()
                {
                    self.arrive(frame);
                }
            }
            Fact::FrameMoved { from, to, frame, due } => {
                let frame = (*from, *to, *frame);
                if let Some(hop) = self.hops.get(&frame).copied() {
                    self.arrive(frame);
                    self.send(frame, hop.sent, *due);
                }
            }
            Fact::FrameLost { from, to, frame, .. } => self.arrive((*from, *to, *frame)),
            Fact::NodeKilled { node }
            | Fact::NodeCrashed { node, .. }
            | Fact::NodePoweredOff { node }
            | Fact::NodeStopped { node }
            | Fact::NodeBooted { node, .. } => self.forget_node(*node),
            Fact::OwnClockSet { node, clock } => self.set_clock(*node, *clock),
            Fact::Noted(note) => self.note(event.id.owner, note),
            _ => {}
        }
    }

    /// What a node waits for comes when its own clock shows it.
    fn set_clock(&mut self, node: NodeId, clock: OwnClock) {
        let before = self.clocks.insert(node, clock).unwrap_or_default();
        let of_node = |owner: &Owner| matches!(owner, Owner::Node(id, _) if *id == node);
        for ((owner, what), deadline) in &mut self.deadlines {
            if of_node(owner) && self.ends.remove(&(*deadline, *owner, *what)) {
                *deadline = before.moved(*deadline, &clock);
                self.ends.insert((*deadline, *owner, *what));
            }
        }
    }

    /// The moment at which so much will have passed by the clock of the owner.
    fn after(&self, owner: Owner, span: Duration) -> LabTime {
        let clock = match owner {
            Owner::Node(node, _) => self.clocks.get(&node).copied(),
            Owner::Lab => None,
        };
        let clock = clock.unwrap_or_default();
        clock.lab(clock.own(self.now) + span)
    }

    fn note(&mut self, owner: Owner, note: &Note) {
        if self.bursts.note(self.now, owner, note) {
            self.rest = None;
        }
        match note {
            Note::Asked { question, deadline, .. }
            | Note::Took { question, deadline: Some(deadline), .. }
            | Note::Store(StoreNote::Requested { request: question, deadline, .. }) => {
                self.wait(owner, Awaited::Question(*question), *deadline);
            }
            Note::Took { question, deadline: None, .. } => {
                if self.services.len() >= FOLLOWED_MAX
                    && let Some((_, owner, question)) = self.begun.pop_first()
                {
                    self.services.remove(&(owner, question));
                }
                self.services.insert((owner, *question), self.now);
                self.begun.insert((self.now, owner, *question));
            }
            Note::Decided { question, .. }
            | Note::Store(StoreNote::Concluded { request: question, .. }) => {
                self.waited(owner, Awaited::Question(*question));
                if let Some(since) = self.services.remove(&(owner, *question)) {
                    self.begun.remove(&(since, owner, *question));
                }
            }
            Note::WindowOpened { window, closes } => {
                self.wait(owner, Awaited::Window(*window), *closes);
            }
            Note::WindowClosed { window, .. } => self.waited(owner, Awaited::Window(*window)),
            Note::WillRetry { question, after } => {
                self.wait(owner, Awaited::Retry(*question), self.after(owner, *after));
            }
            _ => {}
        }
    }

    fn send(&mut self, frame: Frame, sent: EventId, due: LabTime) {
        if self.hops.len() >= FOLLOWED_MAX
            && let Some((_, oldest)) = self.ends_of_hops.first().copied()
        {
            self.remove(oldest);
        }
        // A frame that is held or stalled stays known, for the moment it goes on, but nothing of it moves.
        let stalled = due == LabTime::NEVER;
        let length = if stalled { u64::MAX } else { due.0.saturating_sub(self.now.0) };
        let until = if stalled { due } else { LabTime(due.0.saturating_add(self.rest(length))) };
        self.hops.insert(frame, Hop { sent, length, until });
        self.frames.insert(sent, frame);
        self.ends_of_hops.insert((until, frame));
        if is_seen(length) {
            self.lengths.insert((length, until, frame));
        }
    }

    fn remove(&mut self, frame: Frame) {
        if let Some(hop) = self.hops.remove(&frame) {
            self.frames.remove(&hop.sent);
            self.ends_of_hops.remove(&(hop.until, frame));
            self.lengths.remove(&(hop.length, hop.until, frame));
        }
    }

    /// A frame is no longer on its way: its rate rests for a moment.
    fn arrive(&mut self, frame: Frame) {
        let Some(hop) = self.hops.get(&frame).copied() else { return };
        if is_seen(hop.length) {
            let (rate, until) =
                (self.slow(hop.length), LabTime(self.now.0 + self.rest(hop.length)));
            self.rest = Some(match self.rest {
                Some((before, end)) if end > self.now => (before.min(rate), end.max(until)),
                _ => (rate, until),
            });
            self.still = self.now;
        }
        self.remove(frame);
    }

    /// Frames whose time is past have arrived, whether the receiver said so or not: it may be dead, or a visitor.
    fn forget_arrived(&mut self) {
        while let Some((until, frame)) = self.ends_of_hops.first().copied() {
            if until >= self.now {
                return;
            }
            self.still = self.still.max(until);
            self.remove(frame);
        }
    }

    fn wait(&mut self, owner: Owner, what: Awaited, deadline: LabTime) {
        if self.deadlines.len() >= FOLLOWED_MAX
            && let Some((_, owner, what)) = self.ends.pop_first()
        {
            self.deadlines.remove(&(owner, what));
        }
        self.waited(owner, what);
        self.deadlines.insert((owner, what), deadline);
        self.ends.insert((deadline, owner, what));
    }

    fn waited(&mut self, owner: Owner, what: Awaited) {
        if let Some(deadline) = self.deadlines.remove(&(owner, what)) {
            self.ends.remove(&(deadline, owner, what));
            // What is waited for next is a wait of its own.
            self.still = self.now;
        }
    }

    /// The dead wait for nothing and work on nothing.
    fn forget_node(&mut self, node: NodeId) {
        self.bursts.forget_node(node);
        let of_node = |owner: Owner| matches!(owner, Owner::Node(id, _) if id == node);
        self.ends.retain(|(_, owner, _)| !of_node(*owner));
        self.deadlines.retain(|(owner, _), _| !of_node(*owner));
        self.begun.retain(|(_, owner, _)| !of_node(*owner));
        self.services.retain(|(owner, _), _| !of_node(*owner));
    }

    /// The rate at which lab time should run now (lab seconds for each second on the wall).
    #[must_use]
    pub fn rate(&self, now: LabTime) -> f64 {
        let rest = self.rest.filter(|(_, until)| now < *until).map(|(rate, _)| rate);
        let moving = self.lengths.iter().find(|(_, until, _)| *until > now);
        match (moving, rest) {
            (Some((length, ..)), rest) => rest.unwrap_or(1.0).min(self.slow(*length)),
            (None, Some(rest)) => rest,
            (None, None) => self.waiting(now),
        }
    }

    /// How long the rate of such a hop stays after it, in nanoseconds of the lab.
    fn rest(&self, length: u64) -> u64 {
        if is_seen(length) { (REST_WALL_S * self.slow(length) * 1e9) as u64 } else { 0 }
    }

    /// The rate at which a hop of this many nanoseconds is seen for long enough.
    fn slow(&self, length: u64) -> f64 {
        let wanted = length as f64 / 1e9 / HOP_WALL_S * self.bursts.haste();
        if wanted >= 1.0 {
            return 1.0;
        }
        SLOW.into_iter().rfind(|rate| *rate <= wanted).unwrap_or(SLOW[0])
    }

    /// The rate while nothing of interest is on its way.
    fn waiting(&self, now: LabTime) -> f64 {
        if self.working(now).is_some() {
            return 1.0;
        }
        let Some((end, ..)) = self.ends.range((after(now), MIN_OWNER, MIN_AWAITED)..).next() else {
            return 1.0;
        };
        // Deadlines in between have ended a wait of their own, and so has the time of real-time work.
        let before = self.ends.range(..(after(now), MIN_OWNER, MIN_AWAITED)).next_back();
        let mut since = self.still.max(before.map_or(LabTime::ZERO, |(end, ..)| *end));
        if let Some((_, until)) = self.rest {
            since = since.max(until.min(now));
        }
        if let Some((begun, ..)) = self.begun.last() {
            let real_until = LabTime(begun.0.saturating_add(SERVICE_REAL_NS));
            since = since.max(real_until.min(now));
        }
        fast(end.since(since).as_secs_f64())
    }

    /// Until when a name server's work keeps the clock at real time; none if none works, or has for too long.
    fn working(&self, now: LabTime) -> Option<LabTime> {
        let (newest, ..) = self.begun.last()?;
        let until = LabTime(newest.0.saturating_add(SERVICE_REAL_NS));
        (now < until).then_some(until)
    }

    /// When the rate may change by the passing of time alone.
    #[must_use]
    pub fn next_change(&self, now: LabTime) -> Option<LabTime> {
        let rest = self.rest.map(|(_, until)| until);
        let due =
            self.ends_of_hops.range((after(now), MIN_FRAME)..).next().map(|(until, _)| *until);
        let end = self.ends.range((after(now), MIN_OWNER, MIN_AWAITED)..).next();
        let candidates = [rest, due, self.working(now), end.map(|(end, ..)| *end)];
        let next = candidates.into_iter().flatten().filter(|at| *at > now).min();
        next.filter(|at| *at < LabTime::NEVER)
    }
}

/// The smallest keys of their kinds, for ranges by time.
const MIN_OWNER: Owner = Owner::Lab;
const MIN_AWAITED: Awaited = Awaited::Question(QuestionNo(0));
const MIN_FRAME: Frame = (Peer::Node(NodeId(0)), Peer::Node(NodeId(0)), FrameId(0));

fn after(now: LabTime) -> LabTime {
    LabTime(now.0.saturating_add(1))
}

/// Whether a hop of this many nanoseconds is worth the wait, and moves at all.
fn is_seen(length: u64) -> bool {
    (HOP_SEEN_NS..u64::MAX).contains(&length)
}

/// The rate at which a wait of so many seconds is short enough.
fn fast(seconds: f64) -> f64 {
    let wanted = seconds / WAIT_WALL_S;
    FAST.into_iter().find(|rate| *rate >= wanted).unwrap_or(FAST[FAST.len() - 1])
}

#[cfg(test)]
mod tests;
