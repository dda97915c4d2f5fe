//! How long many things took: a histogram of high dynamic range, of which checkpoints share all but the newest values.

use hdrhistogram::Histogram;
use std::sync::Arc;
use std::time::Duration;

/// Values that wait outside the histogram until so many are there: what a checkpoint copies by itself. A fine
/// histogram is eight times the size of a coarse one, so it is written as much less often.
const WAITING_COARSE: usize = 64;
const WAITING_FINE: usize = 1024;

/// Nothing lasts longer than the day that a topology may state, in microseconds.
const LONGEST: u64 = 86_400_000_000;

/// How many things took how long. Its size depends on the longest, not on how many there were.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    digits: u8,
    whole: Option<Arc<Histogram<u32>>>,
    newest: Vec<u64>,
    count: u64,
    longest: u64,
}

/// Percentiles of a spread. Zeros where it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Percentiles {
    /// Of how many.
    pub count: u64,
    /// One in a hundred took at most this long.
    pub p1: Duration,
    /// Half took at most this long.
    pub p50: Duration,
    /// 90 of 100.
    pub p90: Duration,
    /// 95 of 100.
    pub p95: Duration,
    /// 99 of 100.
    pub p99: Duration,
    /// None took longer.
    pub max: Duration,
}

impl Spread {
    /// Nothing yet; exact to three digits.
    #[must_use]
    pub const fn fine() -> Self {
        Self { digits: 3, whole: None, newest: Vec::new(), count: 0, longest: 0 }
    }

    /// Nothing yet; exact to two digits, where there are many of them.
    #[must_use]
    pub const fn coarse() -> Self {
        Self { digits: 2, whole: None, newest: Vec::new(), count: 0, longest: 0 }
    }

    /// How many values it has.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The longest, exactly.
    #[must_use]
    pub const fn max(&self) -> Duration {
        Duration::from_micros(self.longest)
    }

    /// Takes one value.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).min(LONGEST);
        self.count += 1;
        self.longest = self.longest.max(micros);
        self.newest.push(micros);
        if self.newest.len() >= self.waiting_most() {
            let newest = std::mem::take(&mut self.newest);
            let whole = self.whole.get_or_insert_with(|| Arc::new(empty(self.digits)));
            put(Arc::make_mut(whole), &newest);
        }
    }

    /// Takes all values of another.
    pub fn add(&mut self, other: &Self) {
        let mut whole = self.merged();
        whole.add(other.merged()).expect("a histogram that grows takes every other");
        self.whole = Some(Arc::new(whole));
        self.newest.clear();
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// Its percentiles.
    #[must_use]
    pub fn percentiles(&self) -> Percentiles {
        if self.count == 0 {
            return Percentiles::default();
        }
        let whole = self.merged();
        // A value stands for all that are equal to it in so many digits; the longest is known exactly.
        let at = |percent: f64| {
            Duration::from_micros(whole.value_at_percentile(percent).min(self.longest))
        };
        Percentiles {
            count: self.count,
            p1: at(1.0),
            p50: at(50.0),
            p90: at(90.0),
            p95: at(95.0),
            p99: at(99.0),
            max: self.max(),
        }
    }

    /// How many values are up to the first of these times, above it and up to the second, and so on; the last figure
    /// is that of all above the last.
    #[must_use]
    pub fn counts(&self, edges: &[Duration]) -> Vec<u64> {
        let mut counts = vec![0; edges.len() + 1];
        let mut put = |micros: u64, count: u64| {
            let time = Duration::from_micros(micros);
            counts[edges.partition_point(|edge| *edge < time)] += count;
        };
        for micros in &self.newest {
            put(*micros, 1);
        }
        for value in self.whole.iter().flat_map(|whole| whole.iter_recorded()) {
            put(value.value_iterated_to(), u64::from(value.count_at_value()));
        }
        counts
    }

    /// About the bytes that it does not share with an earlier one.
    pub(super) fn bytes_beside(&self, before: Option<&Self>) -> usize {
        let waiting = self.newest.len() * size_of::<u64>();
        let old = before.and_then(|before| before.whole.as_ref());
        match &self.whole {
            Some(whole) if !old.is_some_and(|old| Arc::ptr_eq(old, whole)) => {
                waiting + whole.distinct_values() * size_of::<u32>()
            }
            _ => waiting,
        }
    }

    const fn waiting_most(&self) -> usize {
        if self.digits > 2 { WAITING_FINE } else { WAITING_COARSE }
    }

    fn merged(&self) -> Histogram<u32> {
        let mut whole = self.whole.as_ref().map_or_else(|| empty(self.digits), |it| (**it).clone());
        put(&mut whole, &self.newest);
        whole
    }
}

fn empty(digits: u8) -> Histogram<u32> {
    Histogram::new(digits).expect("two and three digits are within the library's range")
}

fn put(whole: &mut Histogram<u32>, values: &[u64]) {
    for value in values {
        whole.record(*value).expect("a histogram that grows takes every value");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times of all sizes, always the same.
    fn times(count: u64) -> Vec<Duration> {
        let mixed = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let micros = |at: u64| 1 + mixed(at) % 10_u64.pow(2 + (mixed(at) % 6) as u32);
        (0..count).map(|at| Duration::from_micros(micros(at))).collect()
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        for (mut spread, digits) in [(Spread::fine(), 3), (Spread::coarse(), 2)] {
            let mut list = Vec::new();
            for time in times(5000) {
                spread.record(time);
                list.push(time);
                if list.len() % 777 != 1 {
                    continue;
                }
                list.sort_unstable();
                let is = spread.percentiles();
                let near = [(is.p1, 1), (is.p50, 50), (is.p90, 90), (is.p95, 95), (is.p99, 99)];
                for (is, percent) in near {
                    let should = super::super::nearest_rank(&list, percent).as_secs_f64();
                    let wrong = (is.as_secs_f64() - should).abs();
                    assert!(
                        wrong <= should / 10_f64.powi(digits) + 1e-6,
                        "p{percent} {is:?} {should}"
                    );
                }
                assert_eq!((is.count, is.max), (list.len() as u64, list[list.len() - 1]));
                assert_eq!(Some(&spread.max()), list.last());
            }
        }
    }

    #[test]
    fn counts_between_edges_are_those_of_the_list_and_none_is_lost() {
        let list = times(3000);
        let mut spread = Spread::fine();
        for time in &list {
            spread.record(*time);
        }
        let edges = [100, 1000, 30_000, 400_000].map(Duration::from_micros);
        let mut should = vec![0_u64; 5];
        for time in &list {
            should[edges.iter().filter(|edge| *edge < time).count()] += 1;
        }
        let is = spread.counts(&edges);
        assert_eq!(is.iter().sum::<u64>(), 3000);
        for (is, should) in is.iter().zip(&should) {
            assert!(is.abs_diff(*should) <= 3, "{is} {should}");
        }
    }

    #[test]
    fn two_halves_added_are_the_whole() {
        let (mut one, mut other, mut whole) = (Spread::fine(), Spread::fine(), Spread::fine());
        for (at, time) in times(2000).into_iter().enumerate() {
            if at % 3 == 0 { &mut one } else { &mut other }.record(time);
            whole.record(time);
        }
        one.add(&other);
        assert_eq!(one.percentiles(), whole.percentiles());
    }

    #[test]
    fn its_size_does_not_grow_with_the_number_of_values() {
        let mut spread = Spread::fine();
        for time in times(2_000) {
            spread.record(time);
        }
        let few = spread.bytes_beside(None);
        for time in times(200_000) {
            spread.record(time);
        }
        spread.record(Duration::MAX);
        let many = spread.bytes_beside(None);
        assert!(few < 150_000 && many < 200_000, "{few} and {many} bytes");
        // What was there before is shared.
        let before = spread.clone();
        spread.record(Duration::from_millis(5));
        assert!(spread.bytes_beside(Some(&before)) < WAITING_FINE * 8);
    }
}
