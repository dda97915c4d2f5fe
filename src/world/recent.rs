//! Figures over the newest races: percentiles, wins, and how much more the upstreams were asked
//! than needed.

use super::World;
use super::race::{LaneEnd, Race};
use crate::base::NodeId;
use crate::message::Outcome;
use std::collections::BTreeMap;
use std::time::Duration;

/// The newest answered races in figures.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recent {
    /// How many races these figures are about; at most as many as were asked for.
    pub races: usize,
    /// Half of them took at most this long.
    pub p50: Duration,
    /// 95 of 100 took at most this long.
    pub p95: Duration,
    /// None took longer.
    pub max: Duration,
    /// How many each TS won.
    pub wins: BTreeMap<NodeId, u64>,
    /// Questions that upstreams were sent.
    pub upstream_sent: u64,
    /// Questions sent beyond one for each race, as a share: 1.0 where two were asked each time.
    pub extra_load: f64,
}

impl World {
    /// Figures over the newest `most` races that were answered, newest first in the choice, all of
    /// one weight.
    #[must_use]
    pub fn recent(&self, most: usize) -> Recent {
        let answered = |race: &&Race| {
            race.verdict.as_ref().is_some_and(|verdict| verdict.outcome == Outcome::Answered)
        };
        let newest = || self.races.iter().rev().map(AsRef::as_ref).filter(answered).take(most);
        let mut took: Vec<Duration> = newest().filter_map(Race::took).collect();
        took.sort_unstable();
        let mut recent = Recent { races: took.len(), ..Recent::default() };
        for lane in newest().flat_map(|race| &race.lanes) {
            recent.upstream_sent += u64::from(lane.sent.is_some() || lane.arrived.is_some());
            if lane.end == LaneEnd::Won {
                *recent.wins.entry(lane.upstream).or_default() += 1;
            }
        }
        if took.is_empty() {
            return recent;
        }
        recent.p50 = nearest_rank(&took, 50);
        recent.p95 = nearest_rank(&took, 95);
        recent.max = nearest_rank(&took, 100);
        if recent.upstream_sent > 0 {
            recent.extra_load = recent.upstream_sent as f64 / took.len() as f64 - 1.0;
        }
        recent
    }
}

/// The smallest value that at least `percent` of a hundred do not exceed (nearest rank), of values
/// in ascending order; the default for none.
#[must_use]
pub fn nearest_rank<T: Copy + Default>(ascending: &[T], percent: usize) -> T {
    let rank = (ascending.len() * percent).div_ceil(100).max(1);
    ascending.get(rank - 1).copied().unwrap_or_default()
}
