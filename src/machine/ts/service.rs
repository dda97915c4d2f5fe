//! How long a TS works on a question: a draw by key, so that whoever asks, and in whatever order, the question with
//! this number takes this long.

use crate::base::draw::{Purpose, chance, exponential, heavy_tail, unit};
use crate::message::Shape;
use crate::topology::Service;
use std::time::Duration;

/// The longest a draw may come to; a heavy tail must not outlive the lab.
const SERVICE_MAX: Duration = Duration::from_secs(3600);

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874;

/// The time for the question with this key. `owner` names the TS.
pub fn service_time(service: Service, seed: u64, owner: u64, key: u64) -> Duration {
    let uniform = |salt: u64| unit(seed, owner, Purpose::Service, key << 1 | salt);
    let span = match service {
        Service::Constant(span) | Service::Shaped(span, Shape::Constant) => span,
        Service::Shaped(mean, Shape::Uniform) => mean.mul_f64(2.0 * uniform(0)),
        Service::Shaped(mean, Shape::Exponential) => exponential(mean, uniform(0)),
        Service::Shaped(mean, Shape::HeavyTail) => heavy_tail(mean, uniform(0)),
        Service::Percentiles { p50, p99 } => {
            // Log-normal: the logarithm is normal around ln p50 and meets ln p99 at z99. The normal draw is Box and
            // Muller's (1958).
            let normal = (-2.0 * (1.0 - uniform(0)).ln()).sqrt()
                * (std::f64::consts::TAU * uniform(1)).cos();
            let (median, high) = (p50.as_secs_f64(), p99.as_secs_f64());
            if median <= 0.0 || high <= median {
                p50
            } else {
                let sigma = (high / median).ln() / Z99;
                let seconds = median * (sigma * normal).exp();
                Duration::from_secs_f64(seconds.min(SERVICE_MAX.as_secs_f64()))
            }
        }
        Service::SlowShare { usual, slow, share } => {
            if chance(share, seed, owner, Purpose::Slow, key) { slow } else { usual }
        }
    };
    span.min(SERVICE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn sorted(service: Service) -> Vec<Duration> {
        let mut all: Vec<_> = (0..20_000).map(|key| service_time(service, 7, 3, key)).collect();
        all.sort();
        all
    }

    #[test]
    fn percentiles_come_out_as_stated() {
        let all = sorted(Service::Percentiles { p50: 5 * MS, p99: 1000 * MS });
        let (p50, p99) = (all[10_000].as_secs_f64(), all[19_800].as_secs_f64());
        assert!((p50 / 0.005 - 1.0).abs() < 0.05, "{p50}");
        assert!((p99 - 1.0).abs() < 0.2, "{p99}");
    }

    #[test]
    fn shapes_keep_their_mean_and_a_slow_share_its_share() {
        for shape in [Shape::Constant, Shape::Uniform, Shape::Exponential] {
            let all = sorted(Service::Shaped(10 * MS, shape));
            let mean = all.iter().sum::<Duration>().as_secs_f64() / 20_000.0;
            assert!((mean / 0.010 - 1.0).abs() < 0.03, "{shape:?} {mean}");
        }
        let slow = Service::SlowShare { usual: MS, slow: 50 * MS, share: 0.1 };
        let count = sorted(slow).iter().filter(|span| **span == 50 * MS).count();
        assert!((1_800..2_200).contains(&count), "{count}");
    }

    #[test]
    fn a_draw_depends_on_its_key_and_on_nothing_else() {
        let service = Service::Shaped(10 * MS, Shape::Exponential);
        assert_eq!(service_time(service, 7, 3, 1), service_time(service, 7, 3, 1));
        assert_ne!(service_time(service, 7, 3, 1), service_time(service, 7, 3, 2));
        assert_ne!(service_time(service, 7, 3, 1), service_time(service, 7, 4, 1));
    }
}
