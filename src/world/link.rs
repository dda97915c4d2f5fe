//! One direction of a link in truth: its faults, and the frames that are on it.

use super::marks::Marks;
use super::race::RaceNo;
use crate::base::{FrameId, LabTime};
use crate::message::{Faults, Message};
use std::sync::Arc;
use std::time::Duration;

/// What a frame on a link is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkState {
    /// On its way.
    Travelling,
    /// It waits: a cut stalls it, or a hand holds it.
    Stalled,
    /// It is gone; shown for a moment where it was.
    Lost {
        /// When it was lost.
        at: LabTime,
    },
}

/// A frame on a link: what moves along the line in the map.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Its frame.
    pub frame: FrameId,
    /// When it was sent.
    pub sent: LabTime,
    /// When it arrives; `NEVER` while it is stalled.
    pub due: LabTime,
    /// What it is doing.
    pub state: MarkState,
    /// The race it belongs to.
    pub race: Option<RaceNo>,
    /// What it says.
    pub message: Arc<Message>,
}

impl Mark {
    /// How much of its way is behind it at `now`, 0 to 1.
    #[must_use]
    pub fn progress(&self, now: LabTime) -> f64 {
        if self.due == LabTime::NEVER || self.due <= self.sent {
            return if self.due == LabTime::NEVER { 0.5 } else { 1.0 };
        }
        let whole = (self.due.0 - self.sent.0) as f64;
        (now.since(self.sent).as_nanos() as f64 / whole).clamp(0.0, 1.0)
    }
}

/// One direction of a link.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinkState {
    /// Its faults, what the file says of it included.
    pub faults: Faults,
    /// What the file says of it: to tell what was done by hand.
    pub usual: Faults,
    /// Frames on it, by number. At most 1,000: the oldest go.
    pub marks: Marks,
    /// Connections that stand over it, counted at the opener's direction.
    pub conns: u32,
    /// Frames sent on it.
    pub sent: u64,
    /// Frames that arrived.
    pub arrived: u64,
    /// Frames that were lost.
    pub lost: u64,
    /// Which of the newest frames were late.
    newest: Newest,
}

/// How many of the newest frames a picture of lateness rests on.
pub const LATE_OF: u32 = 20;

/// The newest frames of one direction: a bit each, the newest lowest, set for one that was late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Newest {
    frame: FrameId,
    late: u32,
    count: u32,
}

impl Newest {
    fn sent(&mut self, frame: FrameId) {
        let all = (1 << LATE_OF) - 1;
        *self = Self { frame, late: self.late << 1 & all, count: LATE_OF.min(self.count + 1) };
    }

    fn late(&mut self, frame: FrameId) {
        if self.count == 0 || frame > self.frame {
            // The log misses the event that it was sent.
            self.sent(frame);
        }
        if frame == self.frame {
            self.late |= 1;
        }
    }
}

/// How long a lost frame stays in the picture, in lab time.
pub const LOST_SHOWN: Duration = Duration::from_millis(700);

/// How long a frame is shown at the end of its way when nobody there tells that it arrived.
pub const DOOR_SHOWN: Duration = Duration::from_millis(300);

/// Frames that one direction remembers.
pub const MARKS_MAX: usize = 1000;

impl Mark {
    /// Whether it belongs into the picture at `now`: a lost frame only for a moment, any other
    /// until it arrives.
    #[must_use]
    pub fn is_shown(&self, now: LabTime) -> bool {
        match self.state {
            MarkState::Lost { at } => now.since(at) < LOST_SHOWN,
            MarkState::Travelling | MarkState::Stalled => true,
        }
    }
}

impl LinkState {
    /// A direction of which the file says this.
    #[must_use]
    pub fn usual(usual: Faults) -> Self {
        Self { faults: usual, usual, ..Self::default() }
    }

    /// The frames that belong into the picture at `now`, oldest first.
    pub fn shown(&self, now: LabTime) -> impl Iterator<Item = &Mark> {
        self.marks.iter().filter(move |mark| mark.is_shown(now))
    }

    /// How many of the newest frames were late because transmissions of them were lost, or lost themselves where they
    /// are datagrams; and how many these are: 20, or all that were sent.
    #[must_use]
    pub fn late_of_20(&self) -> (u32, u32) {
        (self.newest.late.count_ones(), self.newest.count)
    }

    pub(super) fn frame_sent(&mut self, frame: FrameId) {
        self.sent += 1;
        self.newest.sent(frame);
    }

    pub(super) fn frame_late(&mut self, frame: FrameId) {
        self.newest.late(frame);
    }

    /// Whether something was done to it by hand.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        self.faults != self.usual
    }
}
