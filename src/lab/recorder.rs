//! The recorder: every event of the lab, from every thread, into one log in one order.
//!
//! It also keeps the automatic pace, because only here every event passes at the moment it happens.

use super::clock::Clock;
use crate::base::{EventId, LabTime, Owner};
use crate::engine::Pace;
use crate::event::{Cause, Event, Fact};
use crate::log::{Gone, Log, Tail};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The log of a running lab, written by all its nodes.
#[derive(Debug)]
pub struct Recorder {
    clock: Arc<Clock>,
    inner: Mutex<Inner>,
    /// Set while somebody waits for the next event; so writing an event costs no wake-up when nobody does.
    wanted: AtomicBool,
    /// Wakes whoever waits for events.
    news: Notify,
    /// Wakes the scheduler when the rate changed.
    rate_changed: Arc<Notify>,
}

#[derive(Debug)]
struct Inner {
    log: Log,
    lab_events: u64,
    pace: Pace,
    auto: bool,
}

impl Inner {
    fn push_lab(&mut self, time: LabTime, cause: Cause, fact: Fact) -> (EventId, Gone) {
        self.lab_events += 1;
        let id = EventId { owner: Owner::Lab, number: self.lab_events };
        let event = Event { id, time, cause, fact };
        // Who dies waits for nothing any more, and what was stalled moves again: only the lab says so.
        if self.auto {
            self.pace.observe(&event);
        }
        (id, self.log.push(event))
    }
}

impl Recorder {
    /// An empty log. `rate_changed` is notified when automatic pace changes the clock's rate.
    #[must_use]
    pub fn new(clock: Arc<Clock>, auto: bool, rate_changed: Arc<Notify>) -> Self {
        let inner = Inner { log: Log::default(), lab_events: 0, pace: Pace::default(), auto };
        Self {
            clock,
            inner: Mutex::new(inner),
            wanted: AtomicBool::new(false),
            news: Notify::new(),
            rate_changed,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic inside would be a bug of the log itself; what it holds is then still worth reading.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a node's events, in order, and leaves the room they took.
    pub fn emit(&self, events: &mut Vec<Event>) {
        let Some(now) = events.last().map(|event| event.time) else { return };
        let mut inner = self.lock();
        let mut gone = Gone::default();
        for event in events.drain(..) {
            if inner.auto {
                inner.pace.observe(&event);
            }
            gone.extend(inner.log.push(event));
        }
        if inner.auto {
            gone.extend(self.follow_pace(&mut inner, now));
        }
        drop(inner);
        self.tell();
        drop(gone);
    }

    /// Appends an event of the lab itself.
    pub fn lab(&self, time: LabTime, cause: Cause, fact: Fact) -> EventId {
        let mut inner = self.lock();
        let (id, mut gone) = inner.push_lab(time, cause, fact);
        if inner.auto {
            gone.extend(self.follow_pace(&mut inner, time));
        }
        drop(inner);
        self.tell();
        drop(gone);
        id
    }

    /// Switches automatic pace on or off; the clock has been set accordingly.
    pub fn set_auto(&self, auto: bool) {
        self.lock().auto = auto;
    }

    /// Lets automatic pace follow the passing of time; gives the moment at which it wants to look again.
    pub fn pace_tick(&self, now: LabTime) -> Option<LabTime> {
        let mut inner = self.lock();
        if !inner.auto {
            return None;
        }
        self.follow_pace(&mut inner, now);
        inner.pace.next_change(now)
    }

    fn follow_pace(&self, inner: &mut Inner, now: LabTime) -> Gone {
        let rate = inner.pace.rate(now);
        let state = self.clock.state();
        // Tiny corrections are not worth an event, nor would anybody see them.
        if !state.auto || (rate / state.rate - 1.0).abs() < 0.02 {
            return Gone::default();
        }
        // A hand that pauses or takes the clock over at this moment must win.
        let Some(state) = self.clock.follow(rate) else { return Gone::default() };
        let (_, gone) = inner.push_lab(now, Cause::Unknown, Fact::ClockSet(state));
        self.rate_changed.notify_one();
        gone
    }

    fn tell(&self) {
        if self.wanted.load(Ordering::Acquire) && self.wanted.swap(false, Ordering::AcqRel) {
            self.news.notify_waiters();
        }
    }

    /// Waits until something is appended after position `from`.
    pub async fn changed(&self, from: u64) {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            // Registered before the look at the log, so that an event in between is not missed.
            news.as_mut().enable();
            self.wanted.store(true, Ordering::Release);
            if self.end() > from {
                return;
            }
            news.await;
        }
    }

    /// Events from a position on, at most about `most`.
    #[must_use]
    pub fn read(&self, from: u64, most: usize) -> Tail {
        let mut inner = self.lock();
        let gone = inner.log.seal();
        let tail = inner.log.read(from, most);
        drop(inner);
        drop(gone);
        tail
    }

    /// The position that the next event will have.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.lock().log.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ConnId, FrameId, Incarnation, NodeId, Peer, QuestionNo};
    use crate::event::ClockState;
    use crate::message::{HostName, Message, Note};

    const CLIENT: NodeId = NodeId(0);
    const LS: NodeId = NodeId(1);

    /// A recorder with automatic pace; the client has asked something and waits ten seconds for it.
    fn waiting() -> Recorder {
        let clock = ClockState { rate: 1.0, paused: false, auto: true };
        let recorder = Recorder::new(Arc::new(Clock::new(clock)), true, Arc::default());
        let (question, name) = (QuestionNo(1), HostName::new("a.b"));
        let deadline = LabTime::from_millis(10_000);
        let asked = Note::Asked { question, name, to: LS, deadline, attempt: 1, again: None };
        recorder.emit(&mut vec![of_client(1, Fact::Noted(asked))]);
        recorder
    }

    fn of_client(number: u64, fact: Fact) -> Event {
        let id = EventId { owner: Owner::Node(CLIENT, Incarnation(1)), number };
        Event { id, time: LabTime::ZERO, cause: Cause::Unknown, fact }
    }

    fn rate(recorder: &Recorder) -> f64 {
        recorder.clock.state().rate
    }

    #[test]
    fn nobody_hurries_through_the_wait_of_a_client_that_has_died() {
        let recorder = waiting();
        assert!(rate(&recorder) > 2.0, "ten seconds are long");
        recorder.lab(LabTime::ZERO, Cause::Unknown, Fact::NodeKilled { node: CLIENT });
        assert!((rate(&recorder) - 1.0).abs() < 0.01, "nobody waits");
        assert_eq!(recorder.pace_tick(LabTime::ZERO), None);
    }

    #[test]
    fn what_a_cut_has_held_is_seen_when_it_goes_on() {
        let recorder = waiting();
        let (from, to, frame) = (Peer::Node(CLIENT), Peer::Node(LS), FrameId(1));
        let (conn, about, message) =
            (ConnId(1), Some(QuestionNo(1)), Arc::new(Message::ask("a.b")));
        let sent = Fact::MessageSent { conn, to, frame, due: LabTime::NEVER, about, message };
        recorder.emit(&mut vec![of_client(2, sent)]);
        assert!(rate(&recorder) > 1.0, "it stands");
        let due = LabTime::from_millis(40);
        let moved = Fact::FrameMoved { from, to, frame, due };
        recorder.lab(LabTime::ZERO, Cause::Unknown, moved);
        assert!(rate(&recorder) < 0.1, "forty milliseconds are short");
    }
}
