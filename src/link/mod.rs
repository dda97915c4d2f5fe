//! One direction of a link: a queue that decides the fate of each frame, seeded and repeatable.
//!
//! It knows frames, faults and lab time; not sockets, not messages, not nodes' insides. Both worlds
//! drive it.

mod delay;
mod pipe;
#[cfg(test)]
mod tests;

pub use delay::{RETRANSMISSIONS_MAX, rto};
pub use pipe::Pipe;

use crate::base::{FrameId, LabTime, Peer};
use crate::event::{Fact, Fate};
use std::time::Duration;

/// How a frame is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carriage {
    /// As part of a stream with this number (unique on this direction): never lost, never out of
    /// order.
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
    /// How many transmissions of it were lost in a row before the one that gets through (streams
    /// only).
    pub retransmissions: u8,
    /// How much later that one leaves than the first.
    pub late: Duration,
    /// The second copy of a doubled datagram, with a number of its own, and when that is due.
    pub copy: Option<(FrameId, LabTime)>,
}

impl Pushed {
    /// What befell it on this direction of a link, if that is worth a fact of its own.
    #[must_use]
    pub fn fact(&self, from: Peer, to: Peer) -> Option<Fact> {
        let frame = self.frame;
        if let Some(fate) = self.lost {
            return Some(Fact::FrameLost { from, to, frame, fate });
        }
        if let Some((copy, due)) = self.copy {
            return Some(Fact::FrameDoubled { from, to, frame, copy, due });
        }
        let (retransmissions, late) = (self.retransmissions, self.late);
        (retransmissions > 0).then_some(Fact::FrameLate { from, to, frame, retransmissions, late })
    }
}

/// A change to frames that were already queued, for the log. Control frames (those of 0 bytes) are
/// never listed: the log does not know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// This frame is now due then.
    Due(FrameId, LabTime),
    /// This frame will never arrive.
    Lost(FrameId, Fate),
}

/// The most frames that wait on one direction. One more is lost with [`Fate::Overflow`]: a datagram
/// is gone, and a stream has a hole that its reader must not see, so its host resets the
/// connection. Control frames (0 bytes: opening, end of file, reset) always find room, a few for
/// each connection. A lecture never reaches it; a test that does is told.
pub const FRAMES_MAX: usize = 65_536;
