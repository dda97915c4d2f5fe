//! Private joins of the fold: which question of which node belongs to which race, and what is in
//! flight.
//!
//! Everything here is bounded and cheap to clone, because checkpoints clone it. Nothing here is
//! shown.

use super::race::RaceNo;
use crate::base::{ConnId, EventId, FrameId, Incarnation, LabTime, NodeId, Peer, QuestionNo};
use crate::message::RecordType;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Questions in one page: 64 entries are 1 KiB, what one write after a checkpoint copies.
const PAGE: u64 = 64;

/// Pages that one node keeps: 32,768 questions, twice the races that may be open at once.
const PAGES_MAX: usize = 512;

/// Frames in flight that are remembered on one direction; as many as it has marks.
pub(super) const FLIGHTS_MAX: usize = 1000;

/// The part that a node's question plays in a race.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Part {
    /// None that is known.
    #[default]
    Nothing,
    /// It is the question that began the race.
    Asker,
    /// It is the LS's.
    Balancer,
    /// It is that of a server at the end of a lane.
    Upstream,
}

/// A question's place: its race and its part there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub race: RaceNo,
    pub part: Part,
}

/// The questions of one incarnation: a ring of shared pages, indexed by number.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Questions {
    first: u64,
    pages: VecDeque<Arc<[Place; PAGE as usize]>>,
}

impl Questions {
    pub fn get(&self, question: QuestionNo) -> Option<Place> {
        let page = (question.0 / PAGE).checked_sub(self.first)?;
        let page = self.pages.get(usize::try_from(page).ok()?)?;
        let place = page[(question.0 % PAGE) as usize];
        (place.part != Part::Nothing).then_some(place)
    }

    /// `oldest` is the oldest race that is still remembered: pages about older ones go.
    pub fn set(&mut self, question: QuestionNo, place: Place, oldest: RaceNo) {
        let page = question.0 / PAGE;
        let end = self.first + self.pages.len() as u64;
        if self.pages.is_empty() || page >= end.saturating_add(PAGES_MAX as u64) {
            self.pages.clear();
            self.first = page;
        } else if page < self.first {
            return;
        }
        while self.first + self.pages.len() as u64 <= page {
            self.pages.push_back(Arc::new([Place::default(); PAGE as usize]));
            let stale =
                |page: &Arc<[Place; PAGE as usize]>| page.iter().all(|place| place.race < oldest);
            while self.pages.len() > 1
                && (self.pages.len() > PAGES_MAX || self.pages.front().is_some_and(stale))
            {
                self.pages.pop_front();
                self.first += 1;
            }
        }
        let at = usize::try_from(page - self.first).expect("at most PAGES_MAX pages");
        if let Some(page) = self.pages.get_mut(at) {
            Arc::make_mut(page)[(question.0 % PAGE) as usize] = place;
        }
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A message that was sent and not yet received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flight {
    pub event: EventId,
    pub frame: FrameId,
    pub conn: ConnId,
    pub race: Option<RaceNo>,
    /// Whether a later frame of its stream has arrived: then this one must have, too.
    pub passed: bool,
}

/// A flight that has landed.
#[derive(Debug)]
pub(super) struct Landed {
    pub flight: Flight,
    /// Frames of the same connection that were sent before it and that nobody has named yet.
    pub overtaken: Vec<FrameId>,
}

/// What is remembered of one node.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct NodeIndex {
    pub questions: Questions,
    /// The newest message it received, its race, and which records it asks for: notes of the same
    /// turn name it as their cause.
    pub received: Option<(EventId, Option<RaceNo>, RecordType)>,
    /// The newest event of it that was folded.
    pub seen: (Incarnation, u64),
    /// Connections it opened that stand.
    pub opened: BTreeSet<ConnId>,
}

/// All private joins of a world.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Index {
    pub nodes: Vec<NodeIndex>,
    pub flights: BTreeMap<(Peer, Peer), VecDeque<Flight>>,
    /// Races with a verdict of the LS and lanes that still wait, by the LS's deadline.
    pub deadlines: BTreeSet<(LabTime, RaceNo)>,
    /// How often a node asked one that was dead already, in a row.
    pub dead_asks: BTreeMap<(NodeId, NodeId), u32>,
    /// When marks must be swept next.
    pub sweep_at: LabTime,
    /// When alarms must be looked at next.
    pub alarms_at: LabTime,
    /// The number of the newest event of the lab itself.
    pub lab_seen: u64,
}

impl Index {
    pub fn new(nodes: usize) -> Self {
        Self {
            nodes: vec![NodeIndex::default(); nodes],
            flights: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            dead_asks: BTreeMap::new(),
            sweep_at: LabTime::NEVER,
            alarms_at: LabTime::NEVER,
            lab_seen: 0,
        }
    }

    pub fn place(&self, node: NodeId, question: QuestionNo) -> Option<Place> {
        self.nodes.get(node.index())?.questions.get(question)
    }

    pub fn race_of(&self, node: NodeId, question: QuestionNo) -> Option<RaceNo> {
        self.place(node, question).map(|place| place.race)
    }

    pub fn take_off(&mut self, from: Peer, to: Peer, flight: Flight) {
        let flights = self.flights.entry((from, to)).or_default();
        if flights.len() >= FLIGHTS_MAX {
            flights.pop_front();
        }
        flights.push_back(flight);
    }

    /// The flight that this event began lands.
    pub fn land(&mut self, from: Peer, to: Peer, event: EventId) -> Option<Landed> {
        let flights = self.flights.get_mut(&(from, to))?;
        let at = flights.iter().position(|flight| flight.event == event)?;
        let flight = flights.remove(at)?;
        let mut overtaken = Vec::new();
        for other in flights.iter_mut().take(at) {
            if other.conn == flight.conn && other.frame < flight.frame && !other.passed {
                overtaken.push(other.frame);
            }
        }
        Some(Landed { flight, overtaken })
    }

    /// A frame that must have arrived, although nobody named it: it may still be named.
    pub fn pass(&mut self, from: Peer, to: Peer, frame: FrameId) {
        let flights = self.flights.get_mut(&(from, to)).into_iter().flatten();
        for flight in flights.filter(|flight| flight.frame == frame) {
            flight.passed = true;
        }
    }

    pub fn forget_frame(&mut self, from: Peer, to: Peer, frame: FrameId) {
        if let Some(flights) = self.flights.get_mut(&(from, to)) {
            flights.retain(|flight| flight.frame != frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_of_questions_is_bounded_and_finds_what_is_new() {
        let mut ring = Questions::default();
        for number in 1..200_000 {
            let place = Place { race: RaceNo(number), part: Part::Asker };
            ring.set(QuestionNo(number), place, RaceNo(number.saturating_sub(500)));
        }
        assert!(ring.pages.len() <= 10, "{}", ring.pages.len());
        assert_eq!(ring.get(QuestionNo(199_999)).map(|p| p.race), Some(RaceNo(199_999)));
        assert_eq!(ring.get(QuestionNo(7)), None);
    }

    #[test]
    fn a_number_from_nowhere_costs_no_memory() {
        let mut ring = Questions::default();
        let place = Place { race: RaceNo(1), part: Part::Asker };
        for number in [1, u64::MAX, 5, u64::MAX - 1] {
            ring.set(QuestionNo(number), place, RaceNo(1));
            assert!(ring.pages.len() <= PAGES_MAX + 1);
        }
        assert_eq!(ring.get(QuestionNo(u64::MAX)), Some(place));
    }
}
