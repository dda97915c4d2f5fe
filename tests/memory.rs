//! Half an hour at a thousand events a second stays within 200 MB: the log, the fold of it, and its checkpoints.
//!
//! Alone in its file, because what it measures is the memory of the whole process.
#![cfg(target_os = "linux")]

use faultlab::command::grammar;
use faultlab::sim::Sim;
use faultlab::topology::{self, Bundled};
use faultlab::world::{CHECKPOINT_EVENTS, History, World};
use std::time::Duration;

/// 30 minutes at 1,000 events a second.
const EVENTS: u64 = 1_800_000;

const BOUND_KB: u64 = 200 * 1024;

/// A usual mix: two clients that ask for what is there and what is not, an LS that races, answers, misses and late
/// ones, and a link that loses a little.
const LAB: &str = r#"
title = "half an hour"
seed = 8
[defaults.link]
latency = "5ms"
jitter = "2ms"
distribution = "exponential"
[nodes.anna]
role = "client"
asks = "ls"
names = ["www.a.com", "www.b.com", "www.c.com", "www.d.com", "no.such.name"]
[nodes.bert]
role = "client"
asks = "ls"
names = ["www.d.com", "www.c.com", "www.b.com", "www.a.com"]
[nodes.ls]
role = "ls"
upstreams = ["ts1", "ts2"]
policy = "race"
accept = "first-positive"
timeout = "2s"
[nodes.ts1]
role = "ts"
records = { "www.a.com" = "192.0.2.1", "www.b.com" = "192.0.2.2", "www.c.com" = "192.0.2.3" }
[nodes.ts2]
role = "ts"
records = { "www.b.com" = "192.0.2.2", "www.c.com" = "192.0.2.3", "www.d.com" = "192.0.2.4" }
on_miss = "negative"
[[links]]
between = ["ls", "ts2"]
loss = "1%"
"#;

fn memory_kb(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let line = status.lines().find(|line| line.starts_with(key)).expect("the key is there");
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a figure")
}

#[test]
fn half_an_hour_of_events_stays_within_its_memory() {
    let loaded = topology::load_text("test.toml", LAB, &Bundled)
        .unwrap_or_else(|problems| panic!("{problems}"));
    let mut sim = Sim::new(&loaded.topology, 8);
    let topology = sim.topology().clone();
    let give = |sim: &mut Sim, line: &str| {
        let command =
            grammar::command(line, &topology.names).unwrap_or_else(|error| panic!("{error}"));
        sim.give(command).unwrap_or_else(|error| panic!("{error}"));
    };
    give(&mut sim, "load anna 350/s");
    give(&mut sim, "load bert 350/s");
    let mut world = World::new(topology.clone());
    let mut history = History::new(topology.clone());
    let mut round = 0;
    while world.position < EVENTS {
        round += 1;
        if round % 7 == 0 {
            give(&mut sim, "kill ts1");
        } else if round % 7 == 1 {
            give(&mut sim, "revive ts1");
        }
        let until = sim.now() + Duration::from_secs(1);
        sim.run_until(until);
        let tail = sim.log().read(world.position, usize::MAX);
        assert_eq!(tail.missing, 0);
        for event in tail.events() {
            world.apply(event);
            history.observe(&world);
        }
        history.trim(sim.log().start());
    }
    let most = memory_kb("VmHWM:");
    let kept = sim.log().end() - sim.log().start();
    println!("{most} kB at most; {kept} events and {} checkpoints", history.len());
    assert!(most < BOUND_KB, "{most} kB at most; {kept} events and {} checkpoints", history.len());
    assert!(
        kept > 400_000 && history.len() as u64 * CHECKPOINT_EVENTS > 400_000,
        "it remembers enough to go back to: {kept} events, {} checkpoints",
        history.len()
    );
    assert!(world.truth.asked > 50_000 && world.truth.late > 0 && world.missed == 0);
}
