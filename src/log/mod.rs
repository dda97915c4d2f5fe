//! The append-only log of everything that happened: bounded, in order, readable from any place while it grows.
//!
//! It knows events and their order, not what they mean. Whoever reads too slowly is told how much is missing.

use crate::base::LabTime;
use crate::event::Event;
use std::collections::VecDeque;
use std::sync::Arc;

/// Events in one segment at most. Sealed segments are shared, never copied; 1,024 events of some 140 bytes fit a
/// cache.
pub const SEGMENT_EVENTS: usize = 1024;

/// Events that the live log keeps: with what they point to, some 100 MB.
pub const EVENTS_MAX: usize = 512 * 1024;

/// The log. Positions count events from 0 and never change their meaning.
#[derive(Debug)]
pub struct Log {
    sealed: VecDeque<Sealed>,
    open: Vec<Event>,
    /// The position of the first event in `open`.
    open_from: u64,
    keep: usize,
    newest: LabTime,
}

/// A segment that is complete.
#[derive(Debug)]
struct Sealed {
    /// The position of its first event.
    from: u64,
    events: Segment,
}

/// Events that are shared. A vector as it was filled: a full one is handed on without a copy.
type Segment = Arc<Vec<Event>>;

/// Segments that had to go. Whoever appends under a lock lets them go behind it: to free thousands of events takes a
/// while.
#[derive(Debug, Default)]
pub struct Gone(Vec<Segment>);

impl Gone {
    /// These too.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

/// What a reader gets.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    /// Events that were dropped before these because the reader came too late.
    pub missing: u64,
    /// The events, in order, in shared pieces.
    pub pieces: Vec<Piece>,
    /// Where to read on.
    pub next: u64,
    /// Whether more had been appended than fits into this tail.
    pub more: bool,
}

/// A run of events.
#[derive(Debug, Clone)]
pub struct Piece {
    segment: Segment,
    from: usize,
}

impl Piece {
    /// The events.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.segment[self.from..]
    }
}

impl Tail {
    /// All events of the tail in order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.pieces.iter().flat_map(|piece| piece.events().iter())
    }

    /// How many events it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.events().len()).sum()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new(EVENTS_MAX)
    }
}

impl Log {
    /// A log that keeps about the newest `keep` events.
    #[must_use]
    pub fn new(keep: usize) -> Self {
        Self {
            sealed: VecDeque::new(),
            open: Vec::with_capacity(SEGMENT_EVENTS),
            open_from: 0,
            keep: keep.max(SEGMENT_EVENTS),
            newest: LabTime::ZERO,
        }
    }

    /// Appends an event. Reported lab time never runs backwards: an event that claims to be older than its predecessor
    /// gets the predecessor's time. Gives what had to go for it.
    pub fn push(&mut self, mut event: Event) -> Gone {
        event.time = event.time.max(self.newest);
        self.newest = event.time;
        self.open.push(event);
        if self.open.len() < SEGMENT_EVENTS {
            return Gone::default();
        }
        self.seal()
    }

    /// What was appended so far is shared with its readers from now on, and not copied for each. Gives what had to go.
    pub fn seal(&mut self) -> Gone {
        let mut gone = Gone::default();
        if self.open.is_empty() {
            return gone;
        }
        let from = self.open_from;
        self.open_from = self.end();
        let events = if self.open.len() < SEGMENT_EVENTS {
            let mut events = Vec::with_capacity(self.open.len());
            events.append(&mut self.open);
            events
        } else {
            std::mem::replace(&mut self.open, Vec::with_capacity(SEGMENT_EVENTS))
        };
        self.sealed.push_back(Sealed { from, events: Arc::new(events) });
        while self.open_from - self.start() > self.keep as u64 {
            gone.0.extend(self.sealed.pop_front().map(|oldest| oldest.events));
        }
        gone
    }

    /// The position of the oldest event that is still here.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.sealed.front().map_or(self.open_from, |oldest| oldest.from)
    }

    /// The position that the next event will have.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.open_from + self.open.len() as u64
    }

    /// Everything from a position on, but at most about `most` events.
    #[must_use]
    pub fn read(&self, from: u64, most: usize) -> Tail {
        let missing = self.start().saturating_sub(from);
        let mut next = from.max(self.start()).min(self.end());
        let mut pieces = Vec::new();
        let mut left = most;
        let first = self.sealed.partition_point(|one| one.from <= next).saturating_sub(1);
        for one in self.sealed.range(first..) {
            let at = usize::try_from(next - one.from).expect("a log fits in memory");
            let Some(count) = one.events.len().checked_sub(at).filter(|count| *count > 0) else {
                // Everything is wanted from behind the last.
                break;
            };
            if left == 0 {
                break;
            }
            pieces.push(Piece { segment: one.events.clone(), from: at });
            next += count as u64;
            left = left.saturating_sub(count);
        }
        if left > 0 && next < self.end() {
            let at = usize::try_from(next - self.open_from).expect("a log fits in memory");
            pieces.push(Piece { segment: Arc::new(self.open[at..].to_vec()), from: 0 });
            next = self.end();
        }
        Tail { missing, pieces, next, more: next < self.end() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{EventId, NodeId, Owner};
    use crate::event::{Cause, Fact};

    fn event(number: u64, time: u64) -> Event {
        Event {
            id: EventId { owner: Owner::Lab, number },
            time: LabTime(time),
            cause: Cause::Boot,
            fact: Fact::NodeKilled { node: NodeId(0) },
        }
    }

    #[test]
    fn a_reader_gets_every_event_once_in_order_across_segments() {
        let mut log = Log::new(100 * SEGMENT_EVENTS);
        let (mut at, mut seen) = (0, Vec::new());
        for number in 0..10_000 {
            log.push(event(number, number));
            if number % 777 == 0 {
                let tail = log.read(at, 5000);
                assert_eq!(tail.missing, 0);
                at = tail.next;
                seen.extend(tail.events().map(|event| event.id.number));
            }
        }
        seen.extend(log.read(at, usize::MAX).events().map(|event| event.id.number));
        assert_eq!(seen, (0..10_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_that_comes_too_late_is_told_how_much_is_missing() {
        let mut log = Log::new(2 * SEGMENT_EVENTS);
        for number in 0..5 * SEGMENT_EVENTS as u64 {
            log.push(event(number, number));
        }
        let tail = log.read(10, usize::MAX);
        assert_eq!(tail.missing, 3 * SEGMENT_EVENTS as u64 - 10);
        assert_eq!(
            tail.events().next().map(|event| event.id.number),
            Some(3 * SEGMENT_EVENTS as u64)
        );
        assert_eq!(tail.next, log.end());
    }

    #[test]
    fn what_is_sealed_is_shared_and_read_like_the_rest() {
        let mut log = Log::new(8 * SEGMENT_EVENTS);
        for number in 0..12 * SEGMENT_EVENTS as u64 {
            log.push(event(number, number));
            if number % 1000 == 0 {
                log.seal();
            }
        }
        let (once, again) = (log.read(9_000, 1_500), log.read(9_000, 1_500));
        assert!(Arc::ptr_eq(&once.pieces[0].segment, &again.pieces[0].segment));
        assert!(once.more && !log.read(9_000, usize::MAX).more);
        let numbers = |tail: &Tail| tail.events().map(|event| event.id.number).collect::<Vec<_>>();
        assert_eq!(numbers(&once)[0], 9_000);
        assert!(numbers(&once).windows(2).all(|pair| pair[1] == pair[0] + 1));
        assert_eq!(once.next, 9_000 + once.len() as u64);
        assert!(log.start() > 0 && log.end() - log.start() <= 9 * SEGMENT_EVENTS as u64);
        assert_eq!(numbers(&log.read(0, usize::MAX))[0], log.start());
    }

    #[test]
    fn reported_time_never_runs_backwards() {
        let mut log = Log::default();
        for time in [5, 3, 9] {
            log.push(event(1, time));
        }
        let times: Vec<u64> = log.read(0, 9).events().map(|event| event.time.0).collect();
        assert_eq!(times, [5, 5, 9]);
    }

    #[test]
    fn an_event_stays_small() {
        assert!(size_of::<Event>() <= 144, "{}", size_of::<Event>());
    }
}
