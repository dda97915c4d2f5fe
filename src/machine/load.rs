//! An open loop: questions come at a rate, whatever becomes of those before them, as from a crowd of people. The gaps
//! are exponential (a Poisson process), drawn by the number of the question, so that two policies on one seed meet the
//! same crowd.
//!
//! It knows when something is to be asked, not what: the clients of both families have one.

use super::timers::Timer;
use super::{Effect, Effects};
use crate::base::LabTime;
use crate::base::draw::{Purpose, exponential, unit};
use crate::message::Note;
use std::time::Duration;

/// Questions that one firing of the timer may ask: at a million a second, a millisecond's worth.
const AT_ONCE_MAX: u32 = 1_000;

/// A client that stood still for longer than this does not make up for what it would have asked.
const BEHIND_MAX: Duration = Duration::from_secs(1);

/// The open loop of a client.
#[derive(Debug)]
pub struct Load {
    /// Seed, and a number that tells the client and its lives apart.
    draws: (u64, u64),
    per_kilosecond: u64,
    arrivals: u64,
    next: LabTime,
}

impl Load {
    /// Off. `draws`: the seed, and a number that tells the client and its lives apart.
    pub fn new(draws: (u64, u64)) -> Self {
        Self { draws, per_kilosecond: 0, arrivals: 0, next: LabTime::ZERO }
    }

    /// Begins with the rate of the configuration, in questions a second, if there is one.
    pub fn begin(&mut self, now: LabTime, rate: f64, out: &mut Effects) {
        let per_kilosecond = (rate * 1000.0).round();
        if per_kilosecond >= 1.0 {
            self.set(now, per_kilosecond as u64, out);
        }
    }

    /// Sets the rate; 0 is off.
    pub fn set(&mut self, now: LabTime, per_kilosecond: u64, out: &mut Effects) {
        out.note(Note::LoadSet { per_kilosecond });
        self.per_kilosecond = per_kilosecond;
        if per_kilosecond == 0 {
            out.push(Effect::Disarm(Timer::Arrival.id()));
            return;
        }
        self.next = now + self.gap();
        out.push(Effect::Arm(Timer::Arrival.id(), self.next.since(now)));
    }

    fn gap(&mut self) -> Duration {
        self.arrivals += 1;
        let mean = Duration::from_secs(1000).div_f64(self.per_kilosecond as f64);
        exponential(mean, unit(self.draws.0, self.draws.1, Purpose::Arrival, self.arrivals))
    }

    /// The timer fired: how many questions come now.
    pub fn arrivals(&mut self, now: LabTime, out: &mut Effects) -> u32 {
        if self.per_kilosecond == 0 {
            return 0;
        }
        if now.since(self.next) > BEHIND_MAX {
            self.next = now;
        }
        let mut count = 0;
        while count < AT_ONCE_MAX && self.next <= now {
            count += 1;
            let gap = self.gap();
            self.next += gap;
        }
        out.push(Effect::Arm(Timer::Arrival.id(), self.next.since(now)));
        count
    }
}
