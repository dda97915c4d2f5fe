//! What somebody has read is there after a crash: the process of one replica dies, or its host, at the worst moment,
//! just after it has answered a read; it comes back with its disk, and every value that was read is still in a log.

use crate::seeds::{Dice, caught, none_breaks};
use crate::stage::{Stage, ms};
use crate::twins::{Mistake, twins};
use crate::{QUICK, RECOVERY, store};
use faultlab::base::Owner;
use faultlab::check::Figures;
use faultlab::event::Fact;
use faultlab::message::{Note, OpOutcome, Operation, StoreNote, StoreSaid};
use std::time::Duration;

/// How finely time is looked at while somebody is about to be killed.
const MOMENT: Duration = Duration::from_micros(200);

/// One writes a key all the time and the other reads it. A write that died with its replica is not asked for again: its
/// client has given it up before that one is back.
fn contested(count: usize, group: &str, reads: &str) -> String {
    let hasty = "request_timeout = \"50ms\"\ntimeout = \"60ms\"\nreconnect = \"100ms\"";
    let alice = format!("{hasty}\nrate = \"400/s\"\noperations = [\"put k {{n}}\"]");
    let bob = format!("{hasty}\nrate = \"400/s\"\noperations = [\"get k\"]\n{reads}");
    store(count, &format!("{QUICK}{group}"), &alice, &bob)
}

/// Values that were read and whose writes are in no log.
fn vanished(stage: &Stage) -> Vec<String> {
    let group = stage.group();
    let read = group.ops().filter_map(|op| match (&op.ended, &op.operation) {
        (Some(ended), Operation::Get { .. }) if ended.outcome == OpOutcome::Ok => {
            match &ended.said {
                Some(StoreSaid::Value(Some(value))) => Some(value.to_string()),
                _ => None,
            }
        }
        _ => None,
    });
    let held = |value: &String| {
        let write = format!("put k {value}");
        let mut writes = group.ops().filter(|op| op.operation.to_string() == write);
        writes.any(|op| group.holders(op).next().is_some())
    };
    read.filter(|value| !held(value)).collect()
}

fn has_served(stage: &Stage, name: &str, from: u64) -> bool {
    let id = stage.id(name);
    stage.sim.log().read(from, usize::MAX).events().any(|event| {
        let here = matches!(event.id.owner, Owner::Node(node, _) if node == id);
        here && matches!(event.fact, Fact::Noted(Note::Store(StoreNote::ReadServed { .. })))
    })
}

/// Several times: one of these dies just after it has answered, is away for up to so long, and comes back.
fn killed_after_a_read(
    mut stage: Stage,
    seed: u64,
    victims: &[&str],
    away: (u64, u64),
) -> Result<Figures, String> {
    let mut dice = Dice::new(seed);
    for _ in 0..3 {
        let pause = 150 + dice.below(150);
        stage.run(ms(pause));
        let victim = dice.one_of(victims);
        let from = stage.sim.log().end();
        for _ in 0..500 {
            stage.run(MOMENT);
            if has_served(&stage, victim, from) {
                break;
            }
        }
        let fault = dice.one_of(&["kill", "power-off"]);
        stage.give(&format!("{fault} {victim}"));
        let lasts = away.0 + dice.below(away.1 - away.0);
        stage.run(ms(lasts));
        stage.give(&format!("revive {victim}"));
        stage.runs_until(RECOVERY, |stage| {
            stage.group().replicas.iter().all(faultlab::check::ReplicaState::runs)
        });
    }
    for client in ["alice", "bob"] {
        stage.give(&format!("load {client} off"));
    }
    for _ in 0..RECOVERY.as_secs() {
        stage.run(ms(1_000));
        if stage.is_in_step() && stage.is_quiet() {
            break;
        }
    }
    let gone = vanished(&stage);
    let reads = stage.figures().ended(OpOutcome::Ok);
    if gone.is_empty() && reads > 100 {
        return Ok(stage.figures());
    }
    Err(format!("of {reads} operations, these were read and are gone: {gone:?}\n{stage}"))
}

/// Shorter than the suspicion, so that nobody takes the place of the one that is away.
const SHORT: (u64, u64) = (80, 160);

const REPLICAS: [&str; 3] = ["r1", "r2", "r3"];

#[test]
fn what_was_read_is_there_after_a_crash() {
    let terms = "terms = true\ncatch_up = \"log\"\n";
    let waits = format!("{terms}propagation = \"sync\"");
    let active = "scheme = \"active\"";
    for (text, away) in [
        (contested(3, &format!("{terms}lag = \"50ms\""), ""), SHORT),
        (contested(3, terms, "reads = \"any\""), SHORT),
        (contested(3, &waits, ""), (80, 900)),
        (contested(3, &waits, "reads = \"any\""), (80, 900)),
        (contested(3, active, "no_majority = \"refuse\""), (80, 900)),
        (contested(1, active, ""), SHORT),
    ] {
        let victims = if text.contains("count = 1\n") { &REPLICAS[..1] } else { &REPLICAS };
        none_breaks("what_was_read", 10, |seed| {
            killed_after_a_read(Stage::new(&text, seed), seed, victims, away)
        });
    }
}

#[test]
fn a_read_of_what_is_in_memory_only_is_caught() {
    for text in [contested(3, "terms = true", ""), contested(1, "scheme = \"active\"", "")] {
        let hasty = |seed| Stage::with_machines(&text, seed, twins(Mistake::ReadsMemory));
        let count = caught(20, |seed| killed_after_a_read(hasty(seed), seed, &["r1"], SHORT));
        assert!(count >= 5, "{count} of 20\n{text}");
    }
}
