//! Randomness drawn by key, never in sequence.
//!
//! `draw(seed, owner, purpose, key)` gives the same number whoever asks and in whatever order, so two policies on one
//! seed meet the same service times and the same faults. The mixing function is `SplitMix64`'s finaliser (Steele, Lea
//! and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), applied once per word of the key.

use std::time::Duration;

/// What a draw is for; two purposes with the same key are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Whether a frame is lost; on TCP, whether one transmission of it is.
    Loss = 1,
    /// How much longer than its latency a frame takes.
    Jitter = 2,
    /// Whether a datagram arrives twice.
    Duplicate = 3,
    /// Whether a datagram is overtaken.
    Reorder = 4,
    /// How long a server works on a question.
    Service = 5,
    /// Which of its slow or quick moods a server is in.
    Slow = 6,
    /// How long to wait before trying again.
    Backoff = 7,
    /// What a random scenario does next.
    Nemesis = 8,
    /// When the next question of an open loop comes.
    Arrival = 9,
    /// What a lying server says.
    Lie = 10,
    /// How long a simulated disk takes.
    Disk = 11,
    /// The number that a question bears on the wire.
    QuestionNumber = 12,
    /// Which servers are compared for a question.
    Choice = 13,
    /// Which server a name belongs to. Set apart: names keep their places, whatever purposes are added.
    Place = 64,
}

const fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// 64 uniform bits for one key. `owner` is whatever names the asker for good (a node's index, a link's pair of ends).
#[must_use]
pub const fn draw(seed: u64, owner: u64, purpose: Purpose, key: u64) -> u64 {
    mix(mix(mix(mix(seed) ^ owner) ^ purpose as u64) ^ key)
}

/// A uniform number in `[0, 1)` for one key.
#[must_use]
pub fn unit(seed: u64, owner: u64, purpose: Purpose, key: u64) -> f64 {
    // The 53 high bits fill a double's mantissa exactly.
    (draw(seed, owner, purpose, key) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Whether something of the given probability (0 to 1) happens for this key.
#[must_use]
pub fn chance(probability: f64, seed: u64, owner: u64, purpose: Purpose, key: u64) -> bool {
    unit(seed, owner, purpose, key) < probability
}

/// The owner number of one direction of a link, from the two ends' numbers.
#[must_use]
pub const fn owner_of_pair(from: u64, to: u64) -> u64 {
    (from << 32) ^ to ^ (1 << 63)
}

/// An exponentially distributed time with the given mean, from a uniform number in `[0, 1)`.
#[must_use]
pub fn exponential(mean: Duration, unit: f64) -> Duration {
    mean.mul_f64(-(1.0 - unit).ln())
}

/// A Pareto-tailed excess (shape 1.5, scaled to the given mean), capped at 100 means: a heavy tail that still ends.
#[must_use]
pub fn heavy_tail(mean: Duration, unit: f64) -> Duration {
    // Lomax with shape a has mean scale/(a-1); a = 1.5 gives scale = mean/2.
    let excess = 0.5 * ((1.0 - unit).powf(-1.0 / 1.5) - 1.0);
    mean.mul_f64(excess.min(100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_every_part_of_its_key() {
        let base = draw(7, 1, Purpose::Loss, 1);
        assert_eq!(base, draw(7, 1, Purpose::Loss, 1));
        for other in [
            draw(8, 1, Purpose::Loss, 1),
            draw(7, 2, Purpose::Loss, 1),
            draw(7, 1, Purpose::Jitter, 1),
            draw(7, 1, Purpose::Loss, 2),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn units_are_uniform_enough_for_three_sigma() {
        let n = 100_000_u32;
        let hits =
            (0..n).filter(|key| chance(0.3, 7, 3, Purpose::Loss, u64::from(*key))).count() as f64;
        let sigma = (f64::from(n) * 0.3 * 0.7).sqrt();
        assert!((hits - 0.3 * f64::from(n)).abs() < 4.0 * sigma, "{hits}");
    }

    #[test]
    fn the_distributions_have_their_stated_means() {
        let n = 200_000_u32;
        let mean = Duration::from_millis(10);
        for (shape, tolerance) in
            [(exponential as fn(Duration, f64) -> Duration, 0.02), (heavy_tail, 0.12)]
        {
            let total: f64 = (0..n)
                .map(|key| shape(mean, unit(1, 2, Purpose::Jitter, u64::from(key))).as_secs_f64())
                .sum();
            let got = total / f64::from(n) / mean.as_secs_f64();
            assert!((got - 1.0).abs() < tolerance, "{got}");
        }
    }
}
