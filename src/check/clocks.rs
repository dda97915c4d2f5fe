//! The own clocks of a group's nodes, as they were set one after the other: which moment of the lab a node means by a
//! span that it has measured itself.

use crate::base::{LabTime, NodeId, OwnClock};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Settings of one clock that are remembered: a span that a node tells is seconds long, and nobody sets a clock more
/// often meanwhile.
const SETTINGS_MAX: usize = 16;

/// What each clock was like, and since when.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Clocks {
    set: BTreeMap<NodeId, VecDeque<(LabTime, OwnClock)>>,
}

impl Clocks {
    /// A clock is like this from now on.
    pub fn is_set(&mut self, node: NodeId, now: LabTime, clock: OwnClock) {
        let settings = self.set.entry(node).or_default();
        settings.push_back((now, clock));
        if settings.len() > SETTINGS_MAX {
            settings.pop_front();
        }
    }

    /// The moment that lay so far back by a node's own clock: the last at which it showed that reading.
    pub fn ago(&self, node: NodeId, now: LabTime, span: Duration) -> LabTime {
        let Some(settings) = self.set.get(&node) else { return now - span };
        let present = settings.back().map_or(OwnClock::RIGHT, |(_, clock)| *clock);
        let reading = present.own(now) - span;
        let mut until = now;
        for (since, clock) in settings.iter().rev() {
            let at = clock.lab(reading);
            if clock.own(*since) <= reading && at <= until {
                return at;
            }
            until = *since;
        }
        // Before it was ever set, it was right.
        OwnClock::RIGHT.lab(reading).min(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ClockRate;

    const R2: NodeId = NodeId(2);

    fn at(seconds: u64) -> LabTime {
        LabTime::from_millis(seconds * 1000)
    }

    #[test]
    fn a_span_is_as_long_as_the_clock_made_it() {
        let mut clocks = Clocks::default();
        assert_eq!(clocks.ago(R2, at(9), Duration::from_secs(4)), at(5));
        let fast = OwnClock::RIGHT.at_rate(at(10), ClockRate::of(10.0).expect("a rate"));
        clocks.is_set(R2, at(10), fast);
        assert_eq!(clocks.ago(R2, at(12), Duration::from_secs(10)), at(11));
        assert_eq!(clocks.ago(R2, at(12), Duration::from_secs(24)), at(6), "20 s fast, 4 s before");
        assert_eq!(clocks.ago(NodeId(1), at(12), Duration::from_secs(1)), at(11));
        // Set on by an hour: what it heard a second ago, it heard an hour and a second ago.
        let stepped = fast.stepped(at(20), 3_700_000_000_000).at_rate(at(20), ClockRate::RIGHT);
        clocks.is_set(R2, at(20), stepped);
        assert_eq!(clocks.ago(R2, at(20), Duration::from_secs(3610 + 10)), at(19));
        assert_eq!(clocks.ago(R2, at(25), Duration::from_secs(2)), at(23));
    }
}
