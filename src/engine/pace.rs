//! Automatic pace: how fast lab time must run so that a room can follow. Pure: events in, a rate out.
//!
//! Every hop of a request stays in sight for at least 0.7 s on the wall; a wait in which nothing of interest is on its
//! way takes at most 3 s; background traffic does not hold it up.

use crate::base::LabTime;
use crate::event::Event;

/// Follows what is on its way and what is waited for.
#[derive(Debug, Default)]
pub struct Pace {}

impl Pace {
    /// Takes one event. Called for every event of the lab, so it must be quick.
    pub fn observe(&mut self, _event: &Event) {}

    /// The rate at which lab time should run now (lab seconds for each second on the wall).
    #[must_use]
    pub fn rate(&self, _now: LabTime) -> f64 {
        1.0
    }

    /// When the rate may change by the passing of time alone.
    #[must_use]
    pub fn next_change(&self, _now: LabTime) -> Option<LabTime> {
        None
    }
}
