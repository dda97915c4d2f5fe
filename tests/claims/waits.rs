//! C15 to C17: propagation that blocks both ways, its repair, and a heartbeat in the way of requests.

use crate::labs::{PATIENT, QUICK, store};
use crate::stage::{Stage, ms};
use faultlab::message::OpOutcome;
use std::time::Duration;

/// A pair that takes writes on both sides, with heartbeats so rare that none is in the way.
fn rare(propagation: &str, clients: (&str, &str)) -> String {
    let group = format!(
        "heartbeat = \"20s\"\nsuspect_after = \"60s\"\nreconnect = \"100ms\"\npropagation = \"{propagation}\""
    );
    store(2, &group, clients.0, clients.1)
}

/// Alice writes to r1 and bob to r2, at once or one after the other.
fn both_write(propagation: &str, apart: Duration, seed: u64) -> Stage {
    let mut stage = Stage::new(&rare(propagation, (PATIENT, PATIENT)), seed);
    stage.give("set bob asks r2,r1");
    stage.run(ms(500));
    stage.begin("alice", "put a 1");
    stage.run(apart);
    stage.begin("bob", "put b 1");
    stage
}

/// C15: two-way propagation that blocks, written to on both sides at once: a deadlock every time, named within a second.
#[test]
fn c15_two_writes_at_once_are_a_deadlock_twenty_times() {
    for seed in 0..20 {
        let mut stage = both_write("sync-deadlock", Duration::ZERO, seed);
        stage.until("the circle is named", ms(1_000), |stage| !stage.group().cycles.is_empty());
        let ring = vec![stage.id("r1"), stage.id("r2")];
        assert_eq!(stage.group().cycles_seen, [ring], "{stage}");
        stage.run(ms(3_000));
        assert_eq!(stage.group().cycles.len(), 1, "it does not end by itself\n{stage}");
        // Whoever does not wait goes on: the clients are told after their time.
        stage.run(ms(2_000));
        assert!(stage.is_quiet(), "{stage}");
    }
}

/// C16: the same writes where nobody stands still: never a deadlock. Nor where one is over before the next begins.
#[test]
fn c16_repaired_or_one_after_the_other_there_is_none() {
    for seed in 0..200 {
        for (propagation, apart) in [("sync", Duration::ZERO), ("sync-deadlock", ms(300))] {
            let mut stage = both_write(propagation, apart, seed);
            stage.run(ms(2_000));
            assert_eq!(stage.figures().deadlocks, 0, "{propagation}\n{stage}");
            let ended = stage.figures().ended(OpOutcome::Ok);
            assert_eq!(ended, 2, "{propagation}\n{stage}");
        }
    }
}

/// C17: a backup that waits for the reply to its heartbeat, with its leader frozen, serves nobody until the reply
/// comes; one whose heartbeats wait for nothing serves on.
#[test]
fn c17_a_heartbeat_that_waits_stalls_requests() {
    let slowest = |propagation: &str| {
        let bob = "request_timeout = \"5s\"\ntimeout = \"10s\"\nreads = \"any\"";
        let mut stage = Stage::new(&store(2, QUICK, PATIENT, bob), 17);
        stage.give("set bob asks r2");
        stage.run(ms(300));
        assert_eq!(stage.operate("alice", "put k v"), OpOutcome::Ok);
        for replica in ["r1", "r2"] {
            assert!(stage.give(&format!("set {replica} propagation {propagation}")));
        }
        stage.run(ms(200));
        stage.give("freeze r1");
        stage.run(ms(100));
        for _ in 0..50 {
            stage.begin("bob", "get k");
            stage.run(ms(20));
        }
        stage.give("thaw r1");
        stage.run(ms(3_000));
        let reads = stage.group().ops().filter(|op| !op.operation.is_write());
        let mut took: Vec<Duration> = reads.filter_map(faultlab::check::Op::took).collect();
        took.sort();
        assert_eq!(took.len(), 50, "{stage}");
        took[49 * 99 / 100]
    };
    let (blocks, does_not) = (slowest("sync-deadlock"), slowest("sync"));
    assert!(blocks >= ms(900), "it stalls for as long as its peer is frozen: {blocks:?}");
    assert!(does_not <= ms(20), "{does_not:?}");
}
