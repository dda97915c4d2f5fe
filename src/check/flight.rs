//! Changes on their way to a living replica: what is in flight is not lost.

use super::group::Group;
use super::op::OpNo;
use super::replica::Landing;
use crate::base::{ConnId, EventId, FrameId, LabTime, NodeId};
use crate::event::{Cause, Event};
use crate::message::{Entry, ReplicaMessage};
use std::sync::Arc;
use std::time::Duration;

/// Messages with changes in flight that are followed in one group.
const FLIGHTS_MAX: usize = 4096;

/// A message that nobody has named so long after it was due is not waited for any more.
const UNREAD: Duration = Duration::from_secs(60);

/// A message that carries changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Flight {
    pub event: EventId,
    pub frame: FrameId,
    pub conn: ConnId,
    pub from: NodeId,
    pub to: NodeId,
    pub due: LabTime,
    pub ops: Arc<[OpNo]>,
}

/// The entries that a message carries.
fn cargo(message: &ReplicaMessage) -> Option<&[Entry]> {
    match message {
        ReplicaMessage::Change { entry, .. } => Some(std::slice::from_ref(entry)),
        ReplicaMessage::State { entries, .. } => Some(entries),
        _ => None,
    }
}

/// Whether a message carries changes.
pub(super) fn carries(message: &ReplicaMessage) -> bool {
    cargo(message).is_some()
}

impl Group {
    pub(super) fn takes_off(
        &mut self,
        event: &Event,
        (from, to): (NodeId, NodeId),
        (conn, frame, due): (ConnId, FrameId, LabTime),
        message: &ReplicaMessage,
    ) {
        let Some(entries) = cargo(message) else { return };
        let alive = self.replica(to).is_some_and(|replica| replica.life.is_alive());
        if !alive {
            return;
        }
        let ops: Arc<[OpNo]> =
            entries.iter().filter_map(|entry| self.ops.by_id(&entry.id)).collect();
        self.carried(&ops, 1);
        self.flights.push_back(Flight { event: event.id, frame, conn, from, to, due, ops });
        let limit = self.now - UNREAD;
        let old = |flight: &Flight| flight.due < limit;
        while self.flights.len() > FLIGHTS_MAX || self.flights.front().is_some_and(old) {
            if let Some(flight) = self.flights.pop_front() {
                self.carried(&flight.ops, -1);
            }
        }
    }

    fn carried(&mut self, ops: &[OpNo], by: i32) {
        for no in ops {
            if let Some(op) = self.ops.get_mut(*no) {
                op.flying = op.flying.saturating_add_signed(by);
                self.dirty.insert(*no);
            }
        }
    }

    /// A message with changes was received. What it carries is with the receiver now, but in no log yet.
    pub(super) fn lands(
        &mut self,
        event: &Event,
        (from, to): (NodeId, NodeId),
        message: &ReplicaMessage,
    ) {
        let Some(entries) = cargo(message) else { return };
        let named = match event.cause {
            Cause::Event(sent) => self.flights.iter().position(|flight| flight.event == sent),
            Cause::Boot | Cause::Unknown => None,
        };
        let found = named.or_else(|| {
            let first = entries.first().and_then(|entry| self.ops.by_id(&entry.id));
            let fits = |flight: &Flight| {
                (flight.from, flight.to) == (from, to)
                    && flight.ops.len() == entries.len()
                    && flight.ops.first().copied() == first
            };
            self.flights.iter().position(fits)
        });
        let ops = if let Some(flight) = found.and_then(|at| self.flights.remove(at)) {
            flight.ops
        } else {
            let known = entries.iter().filter_map(|entry| self.ops.by_id(&entry.id));
            let ops: Arc<[OpNo]> = known.collect();
            self.carried(&ops, 1);
            ops
        };
        let Some(at) = self.place(to) else { return };
        let replica = &mut self.replicas[at];
        replica.landing.push(Landing { receipt: event.id, ops });
        if let ReplicaMessage::State { keep, entries, more, .. } = message {
            replica.is_offered(from, *keep, entries, *more);
        }
    }

    /// A replica has gone on to something else: what it received before has had its effects. One that stands still
    /// has not even looked at it.
    pub(super) fn settles(&mut self, at: usize, cause: Cause) {
        let replica = &mut self.replicas[at];
        if replica.landing.is_empty() || !replica.waits.is_empty() {
            return;
        }
        // A state that comes in parts is taken over when the last one is there.
        let parts_missing = replica.offer.as_ref().is_some_and(|offer| !offer.complete);
        if parts_missing || replica.wait_ended_by == Some(cause) {
            return;
        }
        let same_turn = |landing: &Landing| cause == Cause::Event(landing.receipt);
        let over: Vec<Landing> =
            replica.landing.extract_if(.., |landing| !same_turn(landing)).collect();
        if replica.landing.is_empty() {
            replica.offer = None;
        }
        for landing in over {
            self.carried(&landing.ops, -1);
        }
    }

    /// What a replica received is in its log now: the message that brought this one, or a whole state.
    pub(super) fn has_landed(&mut self, at: usize, op: Option<OpNo>) {
        let landing = &mut self.replicas[at].landing;
        let brought = |landing: &mut Landing| op.is_none_or(|op| *landing.ops == [op]);
        let over: Vec<Landing> = landing.extract_if(.., brought).collect();
        for landing in over {
            self.carried(&landing.ops, -1);
        }
    }

    /// A frame will never arrive, or its connection died with it.
    pub(super) fn never_arrives(&mut self, lost: impl Fn(&Flight) -> bool) {
        let mut left = std::mem::take(&mut self.flights);
        left.retain(|flight| {
            let gone = lost(flight);
            if gone {
                self.carried(&flight.ops, -1);
            }
            !gone
        });
        self.flights = left;
    }

    /// A process is gone, and with it what it had received and what was on its way to it.
    pub(super) fn nothing_reaches(&mut self, node: NodeId) {
        self.never_arrives(|flight| flight.to == node);
        let Some(at) = self.place(node) else { return };
        for landing in std::mem::take(&mut self.replicas[at].landing) {
            self.carried(&landing.ops, -1);
        }
    }
}
