//! How often the screen is drawn and the log is looked at: as the picture moves, and as fast as events come.
//!
//! Moments are told by the panel's own clock.

use std::time::Duration;

/// How often a moving picture is drawn, and how often the log is looked at.
const FRAME: Duration = Duration::from_millis(33);
/// How often a still picture is drawn: times like `DEAD 8s` go on.
pub const STILL: Duration = Duration::from_millis(500);
/// How long the picture counts as moving after a key: what the key causes comes within this.
const AFTER_KEY: Duration = Duration::from_millis(300);
/// So many events in a millisecond are a flood: no eye can follow them, and what the panel takes, the nodes miss.
const FLOOD: u128 = 150;
/// How often a flood is drawn: each frame drives from the processor's cache what the nodes have there.
const FLOOD_FRAME: Duration = Duration::from_millis(100);
/// How long the log is left alone in a flood: what is folded soon is still in the cache, and no node waits for long.
const FLOOD_REST: Duration = Duration::from_millis(5);

/// When the next frame is due.
#[derive(Debug)]
pub struct Frames {
    /// When the last was drawn; none if the next is due at once.
    drawn: Option<Duration>,
    last_key: Option<Duration>,
    /// When events were counted last, and how many there had been.
    counted: (Duration, u64),
    flood: bool,
}

impl Frames {
    /// Before the first frame; so many events were folded.
    pub const fn new(now: Duration, events: u64) -> Self {
        Self { drawn: None, last_key: None, counted: (now, events), flood: false }
    }

    /// So many events were folded by now.
    pub fn count(&mut self, now: Duration, events: u64) {
        let (at, before) = self.counted;
        let passed = now.saturating_sub(at);
        if passed >= FRAME {
            self.flood = u128::from(events.saturating_sub(before)) > FLOOD * passed.as_millis();
            self.counted = (now, events);
        }
    }

    /// Whether a frame is due, if there is something new or something moves.
    pub fn is_due(&self, now: Duration, (fresh, moving): (bool, bool), replays: bool) -> bool {
        let Some(drawn) = self.drawn else { return true };
        let since = now.saturating_sub(drawn);
        let after_key = self.last_key.is_some_and(|at| now.saturating_sub(at) < AFTER_KEY);
        // What a key causes is waited for, and a replay is watched at its own speed, whatever the lab does meanwhile.
        let frame = if self.flood && !after_key && !replays { FLOOD_FRAME } else { FRAME };
        since >= STILL || (since >= frame && (fresh || moving || after_key))
    }

    /// A frame was drawn.
    pub const fn drew(&mut self, now: Duration) {
        self.drawn = Some(now);
    }

    /// A key was pressed: what it changed is drawn at once.
    pub const fn pressed(&mut self, now: Duration) {
        (self.last_key, self.drawn) = (Some(now), None);
    }

    /// How long the log may be left alone, if all of it was taken.
    pub const fn rest(&self) -> Duration {
        if self.flood { FLOOD_REST } else { FRAME }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STIR: (bool, bool) = (true, false);

    /// The frames of a second in which so many events come each millisecond.
    fn of_a_second(events: u64, stirs: (bool, bool), replays: bool) -> u32 {
        let begun = Duration::from_secs(7);
        let mut frames = Frames::new(begun, 0);
        let mut drawn = 0;
        for at in 0..1000 {
            let now = begun + Duration::from_millis(at);
            frames.count(now, at * events);
            if frames.is_due(now, stirs, replays) {
                frames.drew(now);
                drawn += 1;
            }
        }
        drawn
    }

    #[test]
    fn a_moving_picture_a_still_one_and_a_flood_are_drawn_as_often_as_befits_them() {
        assert_eq!(of_a_second(0, (false, false), false), 2);
        assert_eq!(of_a_second(100, STIR, false), 31);
        assert_eq!(of_a_second(0, (false, true), false), 31);
        assert_eq!(of_a_second(200, STIR, false), 10);
        assert_eq!(of_a_second(200, STIR, true), 31);
    }

    #[test]
    fn a_key_is_answered_at_once_and_is_no_flood() {
        let begun = Duration::from_secs(7);
        let mut frames = Frames::new(begun, 0);
        frames.count(begun, 0);
        frames.drew(begun);
        let now = begun + Duration::from_millis(1);
        assert!(!frames.is_due(now, STIR, false));
        frames.pressed(now);
        frames.count(now, 1000);
        assert!(frames.is_due(now, (false, false), false));
        frames.drew(now);
        assert_eq!(frames.rest(), FRAME, "some events in a moment are none");
        assert!(frames.is_due(now + FRAME, (false, false), false), "the picture moves after a key");
        let later = now + AFTER_KEY;
        frames.drew(later);
        assert!(!frames.is_due(later + FRAME, (false, false), false));
        assert!(frames.is_due(later + STILL, (false, false), false));
    }

    #[test]
    fn a_flood_is_followed_closely_and_ends() {
        let begun = Duration::from_secs(7);
        let mut frames = Frames::new(begun, 0);
        frames.count(begun + FRAME, 33 * 200);
        assert_eq!(frames.rest(), FLOOD_REST);
        frames.drew(begun);
        assert!(!frames.is_due(begun + FRAME, STIR, false));
        frames.pressed(begun);
        frames.drew(begun);
        assert!(frames.is_due(begun + FRAME, STIR, false), "what the key causes is drawn soon");
        frames.count(begun + FRAME * 2, 33 * 200 + 10);
        assert_eq!(frames.rest(), FRAME);
    }
}
