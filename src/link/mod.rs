//! One direction of a link: a queue that decides the fate of each frame, seeded and repeatable.
//!
//! It knows frames, faults and lab time; not sockets, not messages, not nodes' insides. Both worlds drive it.

use crate::base::{FrameId, LabTime};
use crate::event::Fate;
use crate::message::Faults;

/// How a frame is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carriage {
    /// As part of a stream with this number (unique on this direction): never lost, never out of order.
    Stream(u64),
    /// As a datagram: may be lost, doubled, overtaken.
    Datagram,
}

/// What a push came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pushed {
    /// The frame's number on this direction.
    pub frame: FrameId,
    /// When it is due as things stand: `LabTime::NEVER` if it is held or stalled.
    pub due: LabTime,
    /// Set if it will never arrive (then nothing was queued).
    pub lost: Option<Fate>,
}

/// A change to frames that were already queued, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// This frame is now due then.
    Due(FrameId, LabTime),
    /// This frame will never arrive.
    Lost(FrameId, Fate),
}

/// The most frames that wait on one direction; one more is lost with [`Fate::Overflow`] (datagrams) or makes the
/// sender's stream stall behind it. A lecture never reaches it; a test that does is told.
pub const FRAMES_MAX: usize = 65_536;

/// One direction of a link, carrying frames of type `F`.
#[derive(Debug)]
pub struct Pipe<F> {
    seed: u64,
    owner: u64,
    faults: Faults,
    next: u64,
    queue: Vec<F>,
}

impl<F> Pipe<F> {
    /// A pipe whose draws come from `seed` and `owner` (see `base::draw::owner_of_pair`).
    #[must_use]
    pub fn new(seed: u64, owner: u64, faults: Faults) -> Self {
        Self { seed, owner, faults, next: 0, queue: Vec::new() }
    }

    /// The present faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Puts a frame of `bytes` bytes on the link. On a perfect, idle link it is due at `now`.
    pub fn push(&mut self, now: LabTime, _carriage: Carriage, _bytes: usize, frame: F) -> Pushed {
        let _ = (self.seed, self.owner);
        self.next += 1;
        self.queue.push(frame);
        Pushed { frame: FrameId(self.next), due: now, lost: None }
    }

    /// When the next frame is due, if any is.
    #[must_use]
    pub fn next_due(&self) -> Option<LabTime> {
        None
    }

    /// Takes the next frame that is due by `now`, in the order of arrival.
    pub fn pop_due(&mut self, _now: LabTime) -> Option<(FrameId, F)> {
        None
    }

    /// Changes the faults. What is queued follows: a cut stalls streams and loses datagrams, a heal lets them go on
    /// from `now`, a new latency counts for frames sent from now on.
    pub fn set_faults(&mut self, _now: LabTime, faults: Faults, _moved: &mut Vec<Moved>) {
        self.faults = faults;
    }

    /// Lets one held frame go, or all.
    pub fn release(&mut self, _now: LabTime, _frame: Option<FrameId>, _moved: &mut Vec<Moved>) {}

    /// Takes a frame off the link for good.
    pub fn drop_frame(&mut self, _frame: FrameId) -> Option<F> {
        None
    }

    /// How many frames are on the link.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
