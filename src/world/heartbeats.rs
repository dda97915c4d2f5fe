//! Heartbeats between replicas, as they were seen on the links: the strip that sweeps, and how much silence is left
//! before one is suspected.

use super::World;
use crate::base::{FrameId, LabTime, NodeId, Owner, Peer};
use crate::check::Part;
use crate::event::{Cause, Event, Fact};
use crate::message::{Message, ReplicaMessage};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Heartbeats that are remembered of each direction, where there are few of them: what a strip of the widest screen
/// shows.
pub const BEATS_MAX: usize = 64;

/// Heartbeats that are remembered of all directions together.
const BEATS_ALL: usize = 8192;

/// The fewest of each direction, where there are many.
const BEATS_MIN: usize = 8;

/// What a heartbeat does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatKind {
    /// It asks for a reply: a backup to its leader.
    Asks,
    /// It tells that the sender lives: a reply, or pushed.
    Tells,
}

/// One heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Its frame.
    pub frame: FrameId,
    /// What it does.
    pub kind: HeartbeatKind,
    /// When it was sent.
    pub sent: LabTime,
    /// When it arrives as things stand; `NEVER` while it is held or stalled.
    pub due: LabTime,
    /// When it arrived.
    pub arrived: Option<LabTime>,
    /// When it was lost.
    pub lost: Option<LabTime>,
    /// Transmissions of it were lost and repeated.
    pub late: bool,
}

/// The heartbeats of one direction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeartbeatRow {
    /// The newest, oldest first.
    pub beats: VecDeque<Heartbeat>,
    /// How many were sent.
    pub sent: u64,
    /// How many arrived.
    pub arrived: u64,
    /// When the receiver last heard anything at all of the sender, as a replica.
    pub heard: Option<LabTime>,
    /// What the receiver's own clock read then.
    pub heard_own: Option<LabTime>,
}

/// How much silence is left, as the one that listens measures it: by its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Countdown {
    /// Who listens.
    pub holder: NodeId,
    /// For whom: the one it takes for the leader.
    pub about: NodeId,
    /// How long that one has been silent.
    pub silence: Duration,
    /// How long it may be.
    pub suspect_after: Duration,
}

impl Countdown {
    /// How much is used up, 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        let most = self.suspect_after.as_secs_f64();
        if most <= 0.0 { 1.0 } else { (self.silence.as_secs_f64() / most).clamp(0.0, 1.0) }
    }
}

impl World {
    /// How long a replica has not heard the one it takes for the leader, at `now`; none for one that leads, follows
    /// nobody, or does not run.
    #[must_use]
    pub fn countdown(&self, holder: NodeId, now: LabTime) -> Option<Countdown> {
        let replica = self.audit.replica(holder)?;
        let about = replica.follows.filter(|leader| *leader != holder)?;
        if !replica.runs() || replica.part == Part::Leads {
            return None;
        }
        let clock = &self.nodes.get(holder.index())?.clock;
        let row = self.beats.get(&(about, holder));
        let heard = row.filter(|row| row.heard.is_some_and(|heard| heard >= replica.life_since));
        let since = heard.and_then(|row| row.heard_own);
        let since = since.unwrap_or_else(|| clock.own(replica.life_since));
        let (silence, suspect_after) = (clock.own(now).since(since), replica.config.suspect_after);
        Some(Countdown { holder, about, silence, suspect_after })
    }

    /// What a checkpoint of this does not share with an earlier one, in bytes, about.
    pub(super) fn beats_beside(&self, before: Option<&Self>) -> usize {
        let row = |(pair, row): (&(NodeId, NodeId), &Arc<HeartbeatRow>)| {
            let old = before.and_then(|before| before.beats.get(pair));
            let same = old.is_some_and(|old| Arc::ptr_eq(old, row));
            48 + if same { 0 } else { row.beats.len() * size_of::<Heartbeat>() + 96 }
        };
        self.beats.iter().map(row).sum()
    }

    pub(super) fn beat(&mut self, event: &Event) {
        match (&event.fact, event.id.owner) {
            (
                Fact::MessageSent { to: Peer::Node(to), frame, due, message, .. },
                Owner::Node(from, _),
            ) => {
                let Some(kind) = kind_of(message) else { return };
                let (frame, due, sent) = (*frame, *due, self.now);
                let keep = self.beats_kept();
                let Some(row) = self.beat_row(from, *to) else { return };
                row.sent += 1;
                let (arrived, lost, late) = (None, None, false);
                row.beats.push_back(Heartbeat { frame, kind, sent, due, arrived, lost, late });
                while row.beats.len() > keep {
                    row.beats.pop_front();
                }
            }
            (Fact::MessageReceived { from: Peer::Node(from), message, .. }, Owner::Node(to, _)) => {
                if !matches!(**message, Message::Replica(_)) {
                    return;
                }
                let (now, is_beat) = (self.now, kind_of(message).is_some());
                let own = self.nodes.get(to.index()).map(|state| state.clock.own(now));
                let frame = self.frame_of(*from, to, event.cause);
                let Some(row) = self.beat_row(*from, to) else { return };
                (row.heard, row.heard_own) = (Some(now), own);
                if is_beat {
                    row.arrives(frame, now);
                }
            }
            (Fact::FrameLost { from, to, frame, .. }, _) => {
                let now = self.now;
                self.change_beat(*from, *to, *frame, |beat| beat.lost = Some(now));
            }
            (Fact::FrameLate { from, to, frame, .. }, _) => {
                self.change_beat(*from, *to, *frame, |beat| beat.late = true);
            }
            (Fact::FrameMoved { from, to, frame, due }, _) => {
                let due = *due;
                self.change_beat(*from, *to, *frame, |beat| beat.due = due);
            }
            _ => {}
        }
    }

    fn beats_kept(&self) -> usize {
        (BEATS_ALL / self.beats.len().max(1)).clamp(BEATS_MIN, BEATS_MAX)
    }

    fn beat_row(&mut self, from: NodeId, to: NodeId) -> Option<&mut HeartbeatRow> {
        self.audit.replica(from).and(self.audit.replica(to))?;
        Some(Arc::make_mut(self.beats.entry((from, to)).or_default()))
    }

    /// The frame that an arrival was sent as.
    fn frame_of(&self, from: NodeId, to: NodeId, cause: Cause) -> Option<FrameId> {
        let Cause::Event(sent) = cause else { return None };
        let flights = self.index.flights.get(&(Peer::Node(from), Peer::Node(to)))?;
        flights.iter().find(|flight| flight.event == sent).map(|flight| flight.frame)
    }

    fn change_beat(
        &mut self,
        from: Peer,
        to: Peer,
        frame: FrameId,
        change: impl Fn(&mut Heartbeat),
    ) {
        let (Some(from), Some(to)) = (from.node(), to.node()) else { return };
        let Some(row) = self.beats.get_mut(&(from, to)) else { return };
        let Some(at) = row.beats.iter().rposition(|beat| beat.frame == frame) else { return };
        if let Some(beat) = Arc::make_mut(row).beats.get_mut(at) {
            change(beat);
        }
    }
}

impl HeartbeatRow {
    /// A stream keeps its order: whatever was sent before what arrived has arrived, too.
    fn arrives(&mut self, frame: Option<FrameId>, now: LabTime) {
        let named = frame.and_then(|frame| self.beats.iter().position(|beat| beat.frame == frame));
        let open = |beat: &Heartbeat| beat.arrived.is_none() && beat.lost.is_none();
        let Some(at) = named.or_else(|| self.beats.iter().position(open)) else { return };
        for beat in self.beats.iter_mut().take(at + 1).filter(|beat| open(beat)) {
            beat.arrived = Some(now);
            self.arrived += 1;
        }
    }

    /// The time between the two newest arrivals.
    #[must_use]
    pub fn gap(&self) -> Option<Duration> {
        let mut arrived = self.beats.iter().rev().filter_map(|beat| beat.arrived);
        let newest = arrived.next()?;
        Some(newest.since(arrived.next()?))
    }
}

fn kind_of(message: &Message) -> Option<HeartbeatKind> {
    match message {
        Message::Replica(ReplicaMessage::Beat { .. }) => Some(HeartbeatKind::Asks),
        Message::Replica(ReplicaMessage::Alive { .. }) => Some(HeartbeatKind::Tells),
        _ => None,
    }
}
