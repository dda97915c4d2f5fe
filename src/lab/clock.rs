//! The lab's clock: wall time times a rate. The only place that reads the wall clock for the lab.
//!
//! A jump of the wall clock (sleep, SIGSTOP) does not advance lab time: it is kept aside until somebody records it.

use crate::base::LabTime;
use crate::event::ClockState;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longer than this between two readings is a jump. Somebody must read the clock more often: see [`TICK`].
const JUMP_MIN: Duration = Duration::from_secs(1);

/// How often the scheduler reads the clock even when nothing is due, so that only real jumps look like jumps.
pub const TICK: Duration = Duration::from_millis(200);

/// The clock of one lab.
#[derive(Debug)]
pub struct Clock {
    state: Mutex<State>,
    /// Whether it stands still, for those who look at each frame. Written while the state's lock is held.
    paused: AtomicBool,
}

#[derive(Debug)]
struct State {
    lab_nanos: f64,
    read_at: Instant,
    set: ClockState,
    left_out: Duration,
}

impl State {
    fn advance(&mut self) -> LabTime {
        let wall = Instant::now();
        let passed = wall.duration_since(self.read_at);
        self.read_at = wall;
        if passed >= JUMP_MIN {
            self.left_out += passed;
        } else if !self.set.paused {
            self.lab_nanos += passed.as_nanos() as f64 * self.set.rate;
        }
        LabTime(self.lab_nanos as u64)
    }
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn new(set: ClockState) -> Self {
        let state =
            State { lab_nanos: 0.0, read_at: Instant::now(), set, left_out: Duration::ZERO };
        Self { state: Mutex::new(state), paused: AtomicBool::new(set.paused) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing can panic while the lock is held, so a poisoned state is still a good one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present lab time.
    pub fn now(&self) -> LabTime {
        self.lock().advance()
    }

    /// How it runs.
    pub fn state(&self) -> ClockState {
        self.lock().set
    }

    /// Whether it stands still.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// Runs differently from now on.
    pub fn set(&self, set: ClockState) {
        let mut state = self.lock();
        state.advance();
        state.set = set;
        self.paused.store(set.paused, Ordering::Release);
    }

    /// Runs at another rate from now on, if the rate follows what there is to see; whether it is paused stays as it is.
    /// Gives the new state. None if somebody has taken the clock over by hand meanwhile.
    pub fn follow(&self, rate: f64) -> Option<ClockState> {
        let mut state = self.lock();
        if !state.set.auto {
            return None;
        }
        state.advance();
        state.set.rate = rate;
        Some(state.set)
    }

    /// Moves a paused clock on to a moment; never back.
    pub fn move_to(&self, at: LabTime) {
        let mut state = self.lock();
        state.advance();
        state.lab_nanos = state.lab_nanos.max(at.0 as f64);
    }

    /// How much wall time was left out since the last call.
    pub fn take_jump(&self) -> Option<Duration> {
        let left_out = std::mem::take(&mut self.lock().left_out);
        (!left_out.is_zero()).then_some(left_out)
    }

    /// How long on the wall until a lab time; none while the clock stands still.
    pub fn wall_until(&self, at: LabTime) -> Option<Duration> {
        let mut state = self.lock();
        let now = state.advance();
        if at <= now {
            // A paused world does not go on, not even with what is due already.
            return (!state.set.paused).then_some(Duration::ZERO);
        }
        if state.set.paused || state.set.rate <= 0.0 || at == LabTime::NEVER {
            return None;
        }
        let seconds = (at.0 - now.0) as f64 / 1e9 / state.set.rate;
        Some(Duration::from_secs_f64(seconds.min(3600.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(rate: f64, paused: bool) -> Clock {
        Clock::new(ClockState { rate, paused, auto: false })
    }

    #[test]
    fn a_paused_clock_stands_still_until_it_is_moved() {
        let clock = clock(1.0, true);
        let before = clock.now();
        assert_eq!(clock.wall_until(before), None);
        clock.move_to(LabTime(before.0 + 5));
        assert_eq!(clock.now(), LabTime(before.0 + 5));
        clock.move_to(before);
        assert_eq!(clock.now(), LabTime(before.0 + 5));
    }

    #[test]
    fn automatic_pace_never_resumes_a_paused_clock_and_yields_to_a_hand() {
        let clock = Clock::new(ClockState { rate: 1.0, paused: true, auto: true });
        let state = clock.follow(0.5).expect("the rate follows");
        assert!(state.paused && clock.state().paused);
        clock.set(ClockState { rate: 0.1, paused: false, auto: false });
        assert_eq!(clock.follow(2.0), None);
        assert!((clock.state().rate - 0.1).abs() < f64::EPSILON);
    }

    #[test]
    fn a_tenth_of_the_rate_takes_ten_times_as_long() {
        let clock = clock(0.1, false);
        let now = clock.now();
        let wall = clock.wall_until(now + Duration::from_secs(1)).expect("the clock runs");
        assert!(wall > Duration::from_secs(9) && wall <= Duration::from_secs(10), "{wall:?}");
    }

    #[test]
    fn a_jump_of_the_wall_clock_is_left_out_and_told_once() {
        let clock = clock(1.0, false);
        let before = clock.now();
        {
            let mut state = clock.lock();
            state.read_at =
                state.read_at.checked_sub(Duration::from_secs(30)).expect("booted long ago");
        }
        assert!(clock.now().since(before) < Duration::from_secs(1));
        assert!(clock.take_jump().is_some_and(|gap| gap >= Duration::from_secs(30)));
        assert_eq!(clock.take_jump(), None);
    }
}
