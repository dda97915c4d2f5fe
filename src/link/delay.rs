//! How long frames take: latency, jitter, serialisation, and the lateness that loss becomes on a
//! stream.
//!
//! Every draw is keyed by the frame's number, so the same frame meets the same fate whatever else
//! happens. Nothing here knows of queues.

use crate::base::draw::{self, Purpose, chance, unit};
use crate::message::{Faults, Jitter, Shape};
use std::time::Duration;

/// After so many lost transmissions in a row the next one gets through: what Linux tries before it
/// gives a connection up (`tcp_retries2`). A loss of 100 % is then as good as a cut.
pub const RETRANSMISSIONS_MAX: u8 = 15;

/// The least time that an overtaken datagram comes later than it would have.
const OVERTAKEN_MIN: Duration = Duration::from_millis(10);

/// The retransmission timeout of a stream on this direction: max(200 ms, 2·RTT), as Linux has it
/// for a steady path. The other direction is taken to be as slow as this one, so RTT is twice what
/// is set here.
#[must_use]
pub fn rto(faults: &Faults) -> Duration {
    let rtt = (faults.latency + faults.extra) * 2;
    (rtt * 2).max(Duration::from_millis(200))
}

/// How long this frame is on its way: latency, what a hand added, and its jitter.
pub(super) fn transit(faults: &Faults, seed: u64, owner: u64, frame: u64) -> Duration {
    faults.latency + faults.extra + jitter(faults.jitter, seed, owner, frame)
}

fn jitter(jitter: Jitter, seed: u64, owner: u64, frame: u64) -> Duration {
    if jitter.mean.is_zero() {
        return Duration::ZERO;
    }
    let drawn = || unit(seed, owner, Purpose::Jitter, frame);
    match jitter.shape {
        Shape::Constant => jitter.mean,
        Shape::Uniform => jitter.mean.mul_f64(2.0 * drawn()),
        Shape::Exponential => draw::exponential(jitter.mean, drawn()),
        Shape::HeavyTail => draw::heavy_tail(jitter.mean, drawn()),
    }
}

/// How many transmissions of a stream's frame are lost in a row.
pub(super) fn retransmissions(loss: f64, seed: u64, owner: u64, frame: u64) -> u8 {
    if loss <= 0.0 {
        return 0;
    }
    // The number of the attempt goes above any frame number that a run reaches.
    let fails =
        |attempt: u8| chance(loss, seed, owner, Purpose::Loss, frame ^ (u64::from(attempt) << 56));
    (0..RETRANSMISSIONS_MAX).find(|attempt| !fails(*attempt)).unwrap_or(RETRANSMISSIONS_MAX)
}

/// The lateness of a frame whose first `lost` transmissions were lost: the timeout doubles each
/// time (RFC 6298, 5.5), so it comes to RTO·(2^k − 1).
pub(super) fn lateness(faults: &Faults, lost: u8) -> Duration {
    rto(faults) * ((1_u32 << lost) - 1)
}

/// How much later an overtaken datagram comes: it takes its way twice.
pub(super) fn overtaken(transit: Duration) -> Duration {
    transit.max(OVERTAKEN_MIN)
}

/// How long the line is busy with a frame of so many bytes.
pub(super) fn serialisation(bandwidth: Option<u64>, bytes: usize) -> Duration {
    let Some(rate) = bandwidth else { return Duration::ZERO };
    let nanos = bytes as u128 * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
