//! The blocking form of propagation: when a heartbeat and a change cross, or two writes on two sides, two replicas wait
//! for each other, and only then; with either repair it never happens.

use crate::labs::{Choice, R1, R2, REPLICAS, SYNC, W1, W2, lab};
use faultlab::base::{EventId, LabTime, NodeId, Owner};
use faultlab::command::Command;
use faultlab::event::{Cause, Event, Fact};
use faultlab::message::{
    Awaited, Message, Note, OpOutcome, Operation, ReplicaMessage as Say, StoreNote,
};
use faultlab::sim::Sim;
use faultlab::topology::{Kind, Propagation};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const BLOCKING: Choice = Choice { propagation: Propagation::SyncDeadlock, rate: 0.0, ..SYNC };

fn events(sim: &Sim) -> Vec<Event> {
    sim.log().read(0, usize::MAX).events().cloned().collect()
}

/// Who waits for whom in the end.
fn waits(events: &[Event]) -> BTreeMap<(NodeId, NodeId), Awaited> {
    let mut open = BTreeMap::new();
    for event in events {
        let Owner::Node(node, _) = event.id.owner else { continue };
        match &event.fact {
            Fact::Noted(Note::Store(StoreNote::WaitsFor { about, awaited })) => {
                open.insert((node, *about), *awaited);
            }
            Fact::Noted(Note::Store(StoreNote::WaitOver { about })) => {
                open.remove(&(node, *about));
            }
            _ => {}
        }
    }
    open
}

/// The pairs that wait for each other in the end, the lower id first.
fn cycles(events: &[Event]) -> BTreeSet<(NodeId, NodeId)> {
    let open = waits(events);
    open.keys().filter(|(a, b)| a < b && open.contains_key(&(*b, *a))).copied().collect()
}

/// The backups whose heartbeat and a change of the leader r1 were on the way at the same time.
fn crossed(events: &[Event], from: LabTime) -> BTreeSet<NodeId> {
    let mut received: BTreeMap<EventId, usize> = BTreeMap::new();
    for (at, event) in events.iter().enumerate() {
        if let (Fact::MessageReceived { .. }, Cause::Event(sent)) = (&event.fact, event.cause) {
            received.insert(sent, at);
        }
    }
    let sent = |wanted: fn(&Say) -> bool| {
        events.iter().enumerate().filter_map(move |(at, event)| {
            let Fact::MessageSent { to, message, .. } = &event.fact else { return None };
            let (Owner::Node(by, _), Message::Replica(say)) = (event.id.owner, &**message) else {
                return None;
            };
            (event.time >= from && wanted(say)).then_some((by, to.node()?, at, event.id))
        })
    };
    let arrival = |id: &EventId| received.get(id).copied().unwrap_or(usize::MAX);
    let changes: Vec<_> = sent(|say| matches!(say, Say::Change { .. })).collect();
    sent(|say| matches!(say, Say::Beat { .. }))
        .filter(|(backup, leader, beat, beat_id)| {
            changes.iter().any(|(by, to, change, change_id)| {
                (by, to) == (leader, backup)
                    && *beat < arrival(change_id)
                    && *change < arrival(beat_id)
            })
        })
        .map(|(backup, ..)| backup)
        .collect()
}

fn set(sim: &mut Sim, propagation: &str) {
    for node in REPLICAS {
        let (key, value) = ("propagation".into(), propagation.into());
        sim.give(Command::Set { node, key, value }).expect("a replica has it");
    }
}

fn load(sim: &mut Sim, per_kilosecond: u64) {
    for client in [W1, W2] {
        sim.give(Command::Load { client, per_kilosecond }).expect("a client has it");
    }
}

fn go_on(sim: &mut Sim, millis: u64) {
    let until = sim.now() + Duration::from_millis(millis);
    sim.run_until(until);
}

#[test]
fn a_heartbeat_and_a_change_that_cross_are_a_deadlock_and_nothing_else_is() {
    let mut deadlocks = 0;
    for seed in 0..100 {
        let mut sim = Sim::new(&lab(BLOCKING), seed);
        go_on(&mut sim, 1000);
        let calm = sim.now();
        load(&mut sim, 700);
        go_on(&mut sim, 3000);
        load(&mut sim, 0);
        // Half a heartbeat more: no reply is under way then.
        go_on(&mut sim, 1050);
        let all = events(&sim);
        let crossed: BTreeSet<_> = crossed(&all, calm).into_iter().map(|it| (R1, it)).collect();
        assert_eq!(cycles(&all), crossed, "seed {seed}");
        let is_deadlock = !crossed.is_empty();
        deadlocks += u64::from(is_deadlock);
        assert!(is_deadlock || waits(&all).is_empty(), "seed {seed}: {:?}", waits(&all));

        // The repair ends it, and it does not come again.
        set(&mut sim, if seed % 2 == 0 { "sync" } else { "async" });
        assert!(waits(&events(&sim)).is_empty(), "seed {seed}");
        let repaired = sim.now();
        load(&mut sim, 5000);
        go_on(&mut sim, 4000);
        load(&mut sim, 0);
        go_on(&mut sim, 3000);
        for event in events(&sim).iter().filter(|event| event.time > repaired) {
            match &event.fact {
                Fact::Noted(Note::Store(StoreNote::WaitsFor { .. })) => panic!("seed {seed}"),
                Fact::Noted(Note::Store(StoreNote::Concluded { outcome, .. })) => {
                    let young = event.time > repaired + Duration::from_secs(3);
                    assert!(!young || *outcome == OpOutcome::Ok, "seed {seed}: {event:?}");
                }
                _ => {}
            }
        }
    }
    assert!((20..100).contains(&deadlocks), "{deadlocks} of 100: both must happen");
}

/// Two clients of two replicas, heartbeats out of the way.
fn two_sides(propagation: Propagation) -> Sim {
    let mut topology = lab(Choice { propagation, ..BLOCKING });
    for (client, replica) in [(W1, R1), (W2, R2)] {
        if let Kind::StoreClient(config) = &mut topology.nodes[client.index()].kind {
            config.asks = vec![replica];
        }
    }
    for node in REPLICAS {
        if let Kind::Replica(config) = &mut topology.nodes[node.index()].kind {
            config.heartbeat = Duration::from_secs(3600);
            config.suspect_after = Duration::from_secs(3600 * 4);
        }
    }
    let mut sim = Sim::new(&topology, 1);
    go_on(&mut sim, 1000);
    sim
}

fn put(sim: &mut Sim, client: NodeId) {
    let operation = Operation::Put { key: "k".into(), value: "v".into() };
    sim.give(Command::Operate { client, operation, times: 1 }).expect("a client can");
}

#[test]
fn writes_on_both_sides_at_once_are_a_deadlock_too_and_one_after_the_other_are_none() {
    let mut sim = two_sides(Propagation::SyncDeadlock);
    for client in [W1, W2, W1, W2] {
        put(&mut sim, client);
        go_on(&mut sim, 500);
    }
    let done = |sim: &Sim| {
        let ok = |event: &&Event| {
            let Fact::Noted(Note::Store(note)) = &event.fact else { return false };
            matches!(note, StoreNote::Concluded { outcome: OpOutcome::Ok, .. })
        };
        events(sim).iter().filter(ok).count()
    };
    assert_eq!((done(&sim), waits(&events(&sim)).len()), (4, 0), "one after the other is harmless");
    for client in [W1, W2] {
        put(&mut sim, client);
    }
    go_on(&mut sim, 900);
    assert_eq!(cycles(&events(&sim)), BTreeSet::from([(R1, R2)]));
    assert_eq!(done(&sim), 4);

    set(&mut sim, "sync");
    go_on(&mut sim, 100);
    assert_eq!(waits(&events(&sim)).len(), 0);
    put(&mut sim, W1);
    go_on(&mut sim, 3000);
    assert!(done(&sim) >= 5, "it serves again");
}

#[test]
fn writes_on_both_sides_never_wait_where_nobody_blocks() {
    for propagation in [Propagation::Sync, Propagation::Async] {
        let mut sim = two_sides(propagation);
        for client in [W1, W2] {
            put(&mut sim, client);
        }
        go_on(&mut sim, 3000);
        let waited = events(&sim).iter().any(|event| {
            matches!(event.fact, Fact::Noted(Note::Store(StoreNote::WaitsFor { .. })))
        });
        assert!(!waited, "{propagation:?}");
    }
}
