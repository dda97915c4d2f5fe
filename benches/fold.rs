//! How fast the world folds, and how fast an earlier moment is there again: `cargo bench --bench
//! fold`.
//!
//! The goals: a million events a second, and any moment that the log still has within 5 ms.

#[path = "../tests/fold/lab.rs"]
#[expect(dead_code, reason = "the tests use what this bench does not")]
mod lab;
#[path = "../tests/fold/traffic.rs"]
mod traffic;

use faultlab::log::Log;
use faultlab::topology::Policy;
use faultlab::world::{History, World};
use std::time::{Duration, Instant};

const QUESTIONS: u64 = 24_000;

fn main() {
    let topology = lab::topology(Policy::Race);
    let events = traffic::run(1, QUESTIONS);
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let mut world = World::new(topology.clone());
        let begun = Instant::now();
        for event in &events {
            world.apply(event);
        }
        best = best.min(begun.elapsed());
        assert_eq!(world.races_begun, QUESTIONS);
    }
    let rate = events.len() as f64 / best.as_secs_f64();
    println!("fold:        {rate:>12.0} events a second ({} events, best of 5)", events.len());

    let (mut log, mut history) = (Log::default(), History::new(topology.clone()));
    let mut world = World::new(topology);
    let begun = Instant::now();
    for event in &events {
        log.push(event.clone());
        world.apply(event);
        history.observe(&world);
    }
    let rate = events.len() as f64 / begun.elapsed().as_secs_f64();
    println!("with history:{rate:>12.0} events a second, log included");
    let mib = history.bytes() as f64 / f64::from(1 << 20);
    println!("checkpoints: {:>12} of about {mib:.1} MiB", history.len());

    let mut jumps: Vec<Duration> = (0..1000)
        .map(|n| {
            let position = traffic::mix(n) % log.end();
            let begun = Instant::now();
            let world = history.at(&log, position);
            let took = begun.elapsed();
            assert_eq!(world.position, position);
            took
        })
        .collect();
    jumps.sort_unstable();
    println!("jump:        p50 {:?}, p99 {:?}, max {:?}", jumps[500], jumps[990], jumps[999]);
}
