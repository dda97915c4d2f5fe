//! Runs of many seeds, shared by threads; and the one that the environment names, alone.

use faultlab::base::draw::{Purpose, draw};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of one seed, one after the other.
pub struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.thrown += 1;
        draw(self.seed, 79, Purpose::Nemesis, self.thrown) % end
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

fn asked_for() -> Option<u64> {
    let text = std::env::var("FAULTLAB_SEED").ok()?;
    Some(text.parse().expect("FAULTLAB_SEED is a number"))
}

/// What became of each of these seeds, in order; or of the one that the environment names.
pub fn each<T: Send>(seeds: u64, run: impl Fn(u64) -> T + Sync) -> Vec<T> {
    if let Some(seed) = asked_for() {
        return vec![run(seed)];
    }
    let next = AtomicU64::new(0);
    let all = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let came = run(seed);
                    all.lock().expect("no run panics while it holds this").push((seed, came));
                }
            });
        }
    });
    let mut all = all.into_inner().expect("every run is over");
    all.sort_by_key(|(seed, _)| *seed);
    all.into_iter().map(|(_, came)| came).collect()
}

/// Runs these seeds, each of which says what is wrong with it, if anything; the first that is, is told with the line
/// that repeats it. Gives what the runs came to.
pub fn none_breaks<T: Send>(
    test: &str,
    seeds: u64,
    run: impl Fn(u64) -> Result<T, String> + Sync,
) -> Vec<T> {
    let came = each(seeds, |seed| (seed, run(seed)));
    let count = came.len();
    let broken = came.iter().filter(|(_, came)| came.is_err()).count();
    let good = |(seed, came): (u64, Result<T, String>)| {
        came.unwrap_or_else(|why| {
            panic!(
                "{broken} of {count}; the first:\n{why}\nagain: \
                 FAULTLAB_SEED={seed} cargo test --test replicas {test}"
            )
        })
    };
    came.into_iter().map(good).collect()
}

/// How many of these seeds are found to be wrong by the same check.
pub fn caught<T: Send>(seeds: u64, run: impl Fn(u64) -> Result<T, String> + Sync) -> usize {
    each(seeds, run).iter().filter(|came| came.is_err()).count()
}
