//! How long answers take: the last of them, kept in order of size, so that a percentile is one look.

use std::collections::VecDeque;
use std::time::Duration;

/// The last so many times that were seen.
#[derive(Debug, Clone)]
pub(super) struct Times {
    /// In nanoseconds, as those in order: half as much to move as a `Duration`.
    last: VecDeque<u64>,
    sorted: Vec<u64>,
    most: usize,
}

impl Times {
    /// None yet, and never more than this.
    pub fn new(most: usize) -> Self {
        Self { last: VecDeque::new(), sorted: Vec::new(), most }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// One more; the oldest goes if there are too many.
    pub fn push(&mut self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.last.push_back(time);
        let oldest = if self.last.len() > self.most { self.last.pop_front() } else { None };
        let Some(oldest) = oldest else {
            let to = self.sorted.partition_point(|one| *one < time);
            return self.sorted.insert(to, time);
        };
        // Only what lies between the place of the old one and that of the new one moves.
        let from = self.sorted.partition_point(|one| *one < oldest);
        let to = self.sorted.partition_point(|one| *one < time);
        if from < to {
            self.sorted[from..to].rotate_left(1);
            self.sorted[to - 1] = time;
        } else {
            self.sorted[to..=from].rotate_right(1);
            self.sorted[to] = time;
        }
    }

    /// What so many in a hundred took at most (nearest rank); none where there are no times.
    pub fn percentile(&self, percent: u8) -> Option<Duration> {
        let rank = (self.sorted.len() * usize::from(percent)).div_ceil(100);
        self.sorted.get(rank.saturating_sub(1)).copied().map(Duration::from_nanos)
    }

    /// Forgets them all.
    pub fn clear(&mut self) {
        self.last.clear();
        self.sorted.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_last_times() {
        let ms = Duration::from_millis;
        let mut times = Times::new(100);
        assert_eq!(times.percentile(95), None);
        for n in (1..=100).rev() {
            times.push(ms(n));
        }
        assert_eq!(times.percentile(50), Some(ms(50)));
        assert_eq!(times.percentile(95), Some(ms(95)));
        for _ in 0..100 {
            times.push(ms(7));
        }
        assert_eq!((times.len(), times.percentile(99)), (100, Some(ms(7))));
        times.push(ms(1));
        times.push(ms(1));
        assert_eq!((times.percentile(1), times.percentile(50)), (Some(ms(1)), Some(ms(7))));
    }
}
