//! An open loop: questions come at a rate, whatever becomes of those before them, as from a crowd of people. The gaps
//! are exponential (a Poisson process), drawn by the number of the question, so that two policies on one seed meet the
//! same crowd.

use super::{Client, Wanted, Work};
use crate::base::LabTime;
use crate::base::draw::{Purpose, exponential, unit};
use crate::machine::timers::Timer;
use crate::machine::{Effect, Effects};
use crate::message::Note;
use std::time::Duration;

/// Questions that one firing of the timer may ask: at a million a second, a millisecond's worth.
const AT_ONCE_MAX: u32 = 1_000;

/// A client that stood still for longer than this does not make up for what it would have asked.
const BEHIND_MAX: Duration = Duration::from_secs(1);

/// The open loop of a client.
#[derive(Debug, Default)]
pub(super) struct Load {
    per_kilosecond: u64,
    arrivals: u64,
    next: LabTime,
}

impl Client {
    /// Sets the rate; 0 is off.
    pub(super) fn set_load(&mut self, now: LabTime, per_kilosecond: u64, out: &mut Effects) {
        out.note(Note::LoadSet { per_kilosecond });
        self.load.per_kilosecond = per_kilosecond;
        if per_kilosecond == 0 {
            out.push(Effect::Disarm(Timer::Arrival.id()));
            return;
        }
        self.load.next = now + self.gap();
        out.push(Effect::Arm(Timer::Arrival.id(), self.load.next.since(now)));
    }

    fn gap(&mut self) -> Duration {
        self.load.arrivals += 1;
        let mean = Duration::from_secs(1000).div_f64(self.load.per_kilosecond as f64);
        exponential(mean, unit(self.draws.0, self.draws.1, Purpose::Arrival, self.load.arrivals))
    }

    /// It is time for the next question, or for several.
    pub(super) fn arrival(&mut self, now: LabTime, out: &mut Effects) {
        if self.load.per_kilosecond == 0 {
            return;
        }
        if now.since(self.load.next) > BEHIND_MAX {
            self.load.next = now;
        }
        for _ in 0..AT_ONCE_MAX {
            if self.load.next > now {
                break;
            }
            if let Some(name) = self.next_name() {
                self.work.push_back(Work::Ask(Wanted::first(name, None)));
            }
            let gap = self.gap();
            self.load.next += gap;
        }
        out.push(Effect::Arm(Timer::Arrival.id(), self.load.next.since(now)));
    }
}
