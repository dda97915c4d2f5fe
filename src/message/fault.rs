//! What can be wrong with one direction of a link, as a value: faults compose, and setting one never clears another.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How the extra time of a jittering link is distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Anything between nothing and twice the stated jitter is equally likely.
    #[default]
    Uniform,
    /// Always exactly the stated jitter.
    Constant,
    /// Exponential with the stated mean: mostly little, sometimes much.
    Exponential,
    /// Pareto-like with the stated mean: nearly always little, now and then enormous.
    HeavyTail,
}

/// Extra time on top of the latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Jitter {
    /// Its mean.
    pub mean: Duration,
    /// Its distribution.
    pub shape: Shape,
}

/// The state of one direction of a link. The default is a perfect link. Shares lie in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Faults {
    /// One-way delay of every frame.
    pub latency: Duration,
    /// Delay set by hand, on top of the latency (`d`, `delay ls->ts1 200ms`).
    pub extra: Duration,
    /// Random delay on top.
    pub jitter: Jitter,
    /// Share of datagrams lost; on TCP, share of transmissions that must be repeated.
    pub loss: f64,
    /// Share of datagrams that arrive twice.
    pub duplicate: f64,
    /// Share of datagrams that are overtaken.
    pub reorder: f64,
    /// Bytes a second, `None` for as fast as it goes.
    pub bandwidth: Option<u64>,
    /// Nothing gets through: streams stall, datagrams are lost.
    pub cut: bool,
    /// Every frame waits for a hand to release it.
    pub hold: bool,
}

impl Faults {
    /// Whether a frame passes at once and surely.
    #[must_use]
    pub fn is_perfect(&self) -> bool {
        *self == Self::default()
    }

    /// The same faults where what a file says of the link has changed from `old` to `new`: what was as the file said is
    /// as it says now, and what a hand had set stays.
    #[must_use]
    pub fn rebased(&self, old: &Self, new: &Self) -> Self {
        fn pick<T: PartialEq + Copy>(present: T, old: T, new: T) -> T {
            if present == old { new } else { present }
        }
        Self {
            latency: pick(self.latency, old.latency, new.latency),
            extra: pick(self.extra, old.extra, new.extra),
            jitter: pick(self.jitter, old.jitter, new.jitter),
            loss: pick(self.loss, old.loss, new.loss),
            duplicate: pick(self.duplicate, old.duplicate, new.duplicate),
            reorder: pick(self.reorder, old.reorder, new.reorder),
            bandwidth: pick(self.bandwidth, old.bandwidth, new.bandwidth),
            cut: pick(self.cut, old.cut, new.cut),
            hold: pick(self.hold, old.hold, new.hold),
        }
    }
}
