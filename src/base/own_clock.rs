//! A node's own clock, which may be wrong: how far it is ahead of the lab's, and how fast it runs.
//!
//! *Skew* is the difference between two clocks' readings, *drift* that they count at different rates (Coulouris,
//! Dollimore, Kindberg and Blair, "Distributed Systems", 14.2; RFC 5905, 2, says offset and skew for the same). Pure
//! arithmetic on whole numbers: it knows no wall clock, no node and no timer.

use super::LabTime;
use super::units::DURATION_MAX;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a right clock reads when the lab starts. So a clock can be put back at once by the longest time that there is,
/// and never reads less than nothing.
const EPOCH: u64 = DURATION_MAX.as_nanos() as u64;

/// Millionths in one.
const MILLION: u64 = 1_000_000;

/// How fast a clock runs, in millionths of the right rate: seconds that it counts in a million of the lab's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClockRate(pub u64);

impl ClockRate {
    /// The right rate.
    pub const RIGHT: Self = Self(MILLION);
    /// The slowest: a clock that all but stands.
    pub const SLOWEST: Self = Self(MILLION / 100);
    /// The fastest: beyond it, timers of real sockets come too late to mean anything.
    pub const FASTEST: Self = Self(MILLION * 100);

    /// So many times the right rate; none for what is no rate that a clock can have.
    #[must_use]
    pub fn of(times: f64) -> Option<Self> {
        let millionths = (times * MILLION as f64).round();
        let bounds = Self::SLOWEST.0 as f64..=Self::FASTEST.0 as f64;
        bounds.contains(&millionths).then_some(Self(millionths as u64))
    }
}

impl Default for ClockRate {
    fn default() -> Self {
        Self::RIGHT
    }
}

/// As a command writes it: `1.5`, `0.999999`, `1`.
impl fmt::Display for ClockRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / MILLION, self.0 % MILLION);
        let figure = format!("{whole}.{part:06}");
        f.write_str(figure.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A clock: from one moment of the lab on it runs at one rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct OwnClock {
    /// From this moment of the lab on it runs like this; the lab's start for a clock at the right rate.
    pub from: LabTime,
    /// How many nanoseconds it was ahead of the lab's clock at that moment; negative where it was behind.
    pub ahead: i64,
    /// How fast it runs.
    pub rate: ClockRate,
}

impl OwnClock {
    /// A clock that is right.
    pub const RIGHT: Self = Self { from: LabTime::ZERO, ahead: 0, rate: ClockRate::RIGHT };

    /// Whether it shows the right time, and will.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.ahead == 0 && self.rate == ClockRate::RIGHT
    }

    /// How many nanoseconds it is ahead of the lab's clock at a moment; negative where it is behind.
    #[must_use]
    pub fn ahead_at(&self, lab: LabTime) -> i64 {
        if self.rate == ClockRate::RIGHT {
            return self.ahead;
        }
        let passed = i128::from(lab.0.saturating_sub(self.from.0));
        let counted = i128::from(self.counts(lab.0.saturating_sub(self.from.0)));
        narrow(i128::from(self.ahead) + counted - passed)
    }

    /// The same clock set so far ahead (or, negative, behind) at this moment, at the rate that it has.
    #[must_use]
    pub fn stepped(&self, now: LabTime, ahead: i64) -> Self {
        Self { from: now, ahead, rate: self.rate }.settled()
    }

    /// The same clock at another rate from this moment on, showing what it shows.
    #[must_use]
    pub fn at_rate(&self, now: LabTime, rate: ClockRate) -> Self {
        if rate == self.rate {
            return *self;
        }
        Self { from: now, ahead: self.ahead_at(now), rate }.settled()
    }

    /// As far off at `now` as it was at `then`.
    #[must_use]
    pub fn again(&self, then: LabTime, now: LabTime) -> Self {
        self.stepped(now, self.ahead_at(then))
    }

    /// What it reads at a moment of the lab. A moment before `from` counts as `from`.
    #[must_use]
    pub fn own(&self, lab: LabTime) -> LabTime {
        if lab == LabTime::NEVER {
            return lab;
        }
        if self.rate == ClockRate::RIGHT {
            return LabTime(lab.0.saturating_add(EPOCH).saturating_add_signed(self.ahead));
        }
        let base = (self.from.0 + EPOCH).saturating_add_signed(self.ahead);
        LabTime(base.saturating_add(self.counts(lab.0.saturating_sub(self.from.0))))
    }

    /// The first moment of the lab, from `from` on, at which it reads this or more.
    #[must_use]
    pub fn lab(&self, own: LabTime) -> LabTime {
        if own == LabTime::NEVER {
            return own;
        }
        let base = (self.from.0 + EPOCH).saturating_add_signed(self.ahead);
        let to_count = own.0.saturating_sub(base);
        if self.rate == ClockRate::RIGHT {
            return LabTime(self.from.0.saturating_add(to_count));
        }
        let takes = (u128::from(to_count) * u128::from(MILLION)).div_ceil(u128::from(self.rate.0));
        LabTime(self.from.0.saturating_add(u64::try_from(takes).unwrap_or(u64::MAX)))
    }

    /// What was to come at a moment of the lab by this clock comes at that one by another.
    #[must_use]
    pub fn moved(&self, lab: LabTime, to: &Self) -> LabTime {
        to.lab(self.own(lab))
    }

    /// What it counts while so much time passes in the lab.
    fn counts(&self, lab: u64) -> u64 {
        let counted = u128::from(lab) * u128::from(self.rate.0) / u128::from(MILLION);
        u64::try_from(counted).unwrap_or(u64::MAX)
    }

    /// At the right rate it does not matter since when: two such clocks that show the same are the same.
    fn settled(self) -> Self {
        if self.rate == ClockRate::RIGHT { Self { from: LabTime::ZERO, ..self } } else { self }
    }
}

fn narrow(nanos: i128) -> i64 {
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const SECOND: i64 = 1_000_000_000;

    fn at(seconds: u64) -> LabTime {
        LabTime::from_millis(seconds * 1000)
    }

    #[test]
    fn a_right_clock_counts_what_the_lab_counts() {
        let clock = OwnClock::RIGHT;
        assert_eq!(clock.own(at(7)).since(clock.own(at(2))), Duration::from_secs(5));
        assert_eq!(clock.lab(clock.own(at(7))), at(7));
        assert_eq!(
            (clock.own(LabTime::NEVER), clock.lab(LabTime::NEVER)),
            (LabTime::NEVER, LabTime::NEVER)
        );
    }

    #[test]
    fn a_step_is_seen_at_once_and_a_drift_by_and_by() {
        let fast = ClockRate::of(1.5).expect("a rate");
        let clock = OwnClock::RIGHT.stepped(at(10), 5 * SECOND).at_rate(at(20), fast);
        assert_eq!(clock.ahead_at(at(20)), 5 * SECOND);
        assert_eq!(clock.ahead_at(at(24)), 7 * SECOND);
        let right = clock.at_rate(at(24), ClockRate::RIGHT);
        assert_eq!(right.ahead_at(at(99)), 7 * SECOND, "it does not go back by itself");
        assert!(right.stepped(at(99), 0).is_right());
        assert_eq!(right.stepped(at(99), 0), OwnClock::RIGHT);
        assert_eq!(clock.again(at(22), at(60)).ahead_at(at(62)), 7 * SECOND);
    }

    #[test]
    fn a_clock_can_be_a_day_behind_when_the_lab_starts() {
        let day = DURATION_MAX.as_nanos() as i64;
        let clock = OwnClock::RIGHT.stepped(LabTime::ZERO, -day);
        assert_eq!(clock.own(LabTime::ZERO), LabTime::ZERO);
        assert_eq!(clock.own(at(3)), at(3));
        assert_eq!(clock.lab(at(3)), at(3));
    }

    #[test]
    fn a_rate_is_written_as_it_is_read() {
        for (times, words) in
            [(1.0, "1"), (1.5, "1.5"), (0.01, "0.01"), (100.0, "100"), (1.000_001, "1.000001")]
        {
            assert_eq!(ClockRate::of(times).map(|rate| rate.to_string()).as_deref(), Some(words));
        }
        for bad in [0.0, 0.009, 100.1, f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(ClockRate::of(bad), None, "{bad}");
        }
    }

    fn clock() -> impl Strategy<Value = OwnClock> {
        let rate = ClockRate::SLOWEST.0..=ClockRate::FASTEST.0;
        let off = -86_400 * SECOND..=86_400 * SECOND;
        (0..1_u64 << 50, off, rate, any::<bool>()).prop_map(|(from, ahead, rate, right)| {
            let rate = if right { ClockRate::RIGHT } else { ClockRate(rate) };
            OwnClock { from: LabTime(from), ahead, rate }.settled()
        })
    }

    /// A rate, and how long another was kept before.
    fn change() -> impl Strategy<Value = (u64, u64)> {
        (ClockRate::SLOWEST.0..=ClockRate::FASTEST.0, 0..1_u64 << 40)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// The moment of a reading is the first at which the clock reads it: a timer fires then, neither before its
        /// time nor a moment after it could.
        #[test]
        fn each_is_the_others_inverse(clock in clock(), after in 0..1_u64 << 50) {
            let own = LabTime(clock.own(clock.from).0 + after);
            let lab = clock.lab(own);
            prop_assert!(clock.own(lab) >= own);
            prop_assert!(lab <= clock.from || clock.own(LabTime(lab.0 - 1)) < own);
            let then = LabTime(clock.from.0 + after);
            prop_assert!(clock.lab(clock.own(then)) <= then);
        }

        /// However often its rate changes, a clock that nobody steps never jumps nor goes back.
        #[test]
        fn a_change_of_rate_is_no_step(rates in prop::collection::vec(change(), 1..20)) {
            let (mut clock, mut now) = (OwnClock::RIGHT, LabTime::ZERO);
            let mut read = clock.own(now);
            for (rate, passes) in rates {
                now.0 += passes;
                prop_assert!(clock.own(now) >= read);
                read = clock.own(now);
                clock = clock.at_rate(now, ClockRate(rate));
                prop_assert_eq!(clock.own(now), read);
            }
        }

        /// What one clock says of a moment is what another makes of it, where they agree.
        #[test]
        fn moments_move_with_the_clock(
            clock in clock(),
            after in 0..1_u64 << 40,
            step in -SECOND..SECOND,
        ) {
            let now = LabTime(clock.from.0 + (1 << 41));
            let then = LabTime(now.0 + after);
            let stepped = clock.stepped(now, clock.ahead_at(now) + step);
            let moved = clock.moved(then, &stepped);
            prop_assert!(moved >= stepped.from);
            if step > 0 {
                prop_assert!(moved <= then);
            } else {
                prop_assert!(clock.own(moved) >= clock.own(then));
            }
        }
    }
}
