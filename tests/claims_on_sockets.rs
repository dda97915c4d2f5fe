//! Some of the claims about replicated stores on real sockets, with disks in memory, in a reduced form: C1, C2, C4,
//! C5, C9, C12 and C15. What they say is in `claims`; here nothing is asserted of time beyond generous deadlines.

#[path = "common/mod.rs"]
mod common;
#[expect(dead_code, reason = "each test file uses its part of this bench")]
#[path = "replicas/labs.rs"]
mod labs;

use common::{Bench, DEADLINE};
use faultlab::check::Group;
use faultlab::event::{Event, Fact};
use faultlab::message::{ClockVerdict, Note, OpOutcome, StoreNote};
use faultlab::world::{AlarmKind, World};
use labs::{PATIENT, store, voted};
use std::time::{Duration, Instant};

/// Slow enough for a machine that does other things, too.
const STEADY: &str = "heartbeat = \"100ms\"\nsuspect_after = \"800ms\"\nreconnect = \"100ms\"\n";

/// Waits until the fold of the log says so.
fn until(bench: &Bench, what: &str, holds: impl Fn(&World) -> bool) -> World {
    let start = Instant::now();
    let mut world = World::new(bench.handle.topology().clone());
    let mut next = 0;
    loop {
        let tail = bench.handle.read(next, usize::MAX);
        for event in tail.events() {
            world.apply(event);
        }
        next = tail.next;
        if holds(&world) {
            return world;
        }
        assert!(
            start.elapsed() < DEADLINE,
            "not within {DEADLINE:?}: {what}: {:?}",
            world.audit.figures()
        );
        bench.handle.wait(next, Duration::from_millis(50));
    }
}

fn group(world: &World) -> &Group {
    world.audit.groups().next().expect("there is a store")
}

/// Everybody is connected and, where one leads, follows it.
fn started(text: &str) -> Bench {
    let bench = Bench::start(text);
    let replicas = ["r1", "r2"].map(|name| bench.id(name));
    until(&bench, "they know each other", |world| {
        let group = group(world);
        replicas
            .iter()
            .all(|id| group.replica(*id).is_some_and(faultlab::check::ReplicaState::runs))
            && group.replicas.iter().all(|it| {
                group.scheme == faultlab::topology::Scheme::Active
                    || it.follows.is_some()
                    || it.leads()
            })
    });
    bench
}

fn concluded(event: &Event) -> Option<OpOutcome> {
    match &event.fact {
        Fact::Noted(Note::Store(StoreNote::Concluded { outcome, .. })) => Some(*outcome),
        _ => None,
    }
}

fn operate(bench: &Bench, line: &str) -> OpOutcome {
    concluded(&bench.command(line, |event| concluded(event).is_some())).expect("it is one")
}

/// C1 on sockets: what dies with an asynchronous leader is what was predicted at the moment of its death.
#[test]
fn c1_async_loses_what_was_predicted() {
    let group_text = format!("{STEADY}propagation = \"async\"\nlag = \"500ms\"\nterms = true");
    let alice = format!("{PATIENT}rate = \"100/s\"");
    let bench = started(&store(3, &group_text, &alice, PATIENT));
    until(&bench, "much is acknowledged", |world| world.audit.figures().acked > 150);
    bench.give("kill r1");
    bench.give("load alice off");
    let world = until(&bench, "another leads and has served", |world| {
        group(world).failovers.back().is_some_and(|it| it.promoted.is_some())
    });
    let predicted = group(&world).predictions.back().expect("a leader died").writes;
    let lost = world.audit.figures().lost;
    assert!(predicted > 10, "{predicted}");
    let most = f64::max(2.0, predicted as f64 * 0.05);
    assert!(lost.abs_diff(predicted) as f64 <= most, "{lost} lost, {predicted} predicted");
}

/// C2 on sockets: five leaders are killed under load, and nothing that was acknowledged is gone.
#[test]
fn c2_sync_loses_nothing() {
    let group_text = format!("{STEADY}propagation = \"sync\"\nterms = true");
    let alice = format!("{PATIENT}rate = \"60/s\"");
    let bench = started(&store(3, &group_text, &alice, PATIENT));
    for round in 1..=5 {
        let seen = until(&bench, "one leads and all have the same", |world| {
            let figures = world.audit.figures();
            let all = group(world).replicas.iter().all(faultlab::check::ReplicaState::runs);
            all && figures.leaders == 1 && figures.acked > round * 20 && figures.at_risk <= 3
        });
        let leader = group(&seen).leaders().next().expect("one leads").id;
        let name = bench.handle.topology().names.of(leader).to_owned();
        bench.give(&format!("kill {name}"));
        until(&bench, "another leads", |world| group(world).leaders().any(|it| it.id != leader));
        bench.give(&format!("revive {name}"));
    }
    bench.give("load alice off");
    let world = until(&bench, "all have everything", |world| {
        let figures = world.audit.figures();
        figures.at_risk == 0
            && group(world).replicas.iter().all(faultlab::check::ReplicaState::runs)
    });
    let figures = world.audit.figures();
    assert_eq!((figures.lost, figures.lost_max, figures.dup, figures.same_term), (0, 0, 0, 0));
}

/// C4 on sockets: cut from the leader to its backup, without terms: two lead, and it is announced at once.
#[test]
fn c4_a_cut_in_one_direction_makes_two_leaders() {
    let client = format!("{PATIENT}rate = \"30/s\"");
    let bench = started(&store(2, &format!("{STEADY}heartbeat_mode = \"push\""), &client, &client));
    until(&bench, "they write", |world| world.audit.figures().acked > 10);
    for line in ["cut r1->r2", "cut bob<->r1", "cut alice<->r2"] {
        bench.give(line);
    }
    let world = until(&bench, "both acknowledge writes", |world| {
        let split = group(world).split.as_ref();
        split.is_some_and(|split| split.acked.values().all(|writes| *writes > 10))
    });
    let split = group(&world).split.as_ref().expect("it lasts").clone();
    let raised = |alarm: &&faultlab::world::Alarm| matches!(alarm.kind, AlarmKind::SplitBrain(_));
    let banner = world.truth.alarms.iter().find(raised).expect("it is announced");
    assert!(banner.since.since(split.since) <= Duration::from_millis(250));
    // How soon whoever reads along is told is measured by the program itself: `program::splits`.
    bench.give("reset");
    until(&bench, "one leads", |world| world.audit.figures().leaders == 1);
}

/// C5 on sockets: the same with terms is over within two heartbeats, which are slow here, so that a busy machine is no
/// excuse.
#[test]
fn c5_terms_end_it_within_two_heartbeats() {
    let client = format!("{PATIENT}rate = \"10/s\"");
    let slow = "heartbeat = \"600ms\"\nsuspect_after = \"1500ms\"\nreconnect = \"100ms\"\n\
                heartbeat_mode = \"push\"\nterms = true";
    let bench = started(&store(2, slow, &client, &client));
    until(&bench, "they write", |world| world.audit.figures().acked > 3);
    for line in ["cut r1->r2", "cut bob<->r1", "cut alice<->r2"] {
        bench.give(line);
    }
    let world = until(&bench, "the old leader has stepped down", |world| {
        let figures = world.audit.figures();
        figures.splits > 0 && figures.leaders == 1
    });
    let lasted = world.audit.split_lasted(world.now);
    assert!(lasted <= Duration::from_millis(1_200), "{lasted:?}");
    let figures = world.audit.figures();
    assert_eq!((figures.splits, figures.elections, figures.same_term), (1, 1, 0));
    let leaders: Vec<_> = group(&world).leaders().map(|replica| replica.id).collect();
    assert_eq!(leaders, [bench.id("r2")]);
}

/// C9 on sockets: one liar of three is outvoted every time.
#[test]
fn c9_a_liar_is_outvoted() {
    let bench = started(&voted(3, "", "no_majority = \"refuse\""));
    assert_eq!(operate(&bench, "put alice k v"), OpOutcome::Ok);
    until(&bench, "all have it", |world| world.audit.figures().on_all == 1);
    bench.give("lie r2 on");
    for _ in 0..40 {
        assert_eq!(operate(&bench, "get bob k"), OpOutcome::Ok);
    }
    let world = until(&bench, "every lie is seen", |world| world.audit.figures().outvoted == 40);
    assert_eq!(world.audit.figures().wrong, 0);
}

/// C12 on sockets: equal counts and different contents look in sync to the clock that counts.
#[test]
fn c12_equal_counts_look_in_sync_and_are_not() {
    let settings = "heartbeat = \"100ms\"\nsuspect_after = \"800ms\"";
    let text = voted(3, settings, "").replace("timeout = \"4s\"", "timeout = \"1s\"");
    let bench = started(&text);
    let killed = |name: &str| {
        let id = bench.id(name);
        bench.command(
            &format!("kill {name}"),
            |event| matches!(event.fact, Fact::NodeKilled { node } if node == id),
        );
    };
    killed("r3");
    assert_eq!(operate(&bench, "put alice k alice"), OpOutcome::Ok);
    // The client brings it to r3, too, until its time is over.
    let asked = bench.handle.now();
    until(&bench, "its time is over", |_| {
        bench.handle.now().since(asked) > Duration::from_millis(1_500)
    });
    killed("r1");
    killed("r2");
    bench.give("revive r3");
    let r3 = bench.id("r3");
    until(&bench, "r3 runs", |world| {
        group(world).replica(r3).is_some_and(faultlab::check::ReplicaState::runs)
    });
    let start = Instant::now();
    while operate(&bench, "put bob k bob") != OpOutcome::Ok {
        assert!(start.elapsed() < DEADLINE, "r3 never takes a write");
    }
    let written = bench.handle.now();
    until(&bench, "its time is over", |_| {
        bench.handle.now().since(written) > Duration::from_millis(1_500)
    });
    bench.give("revive r1");
    bench.give("revive r2");
    let world = until(&bench, "they have compared", |world| {
        let compared = |name: &str| {
            group(world).replica(bench.id(name)).is_some_and(|it| it.compared.contains_key(&r3))
        };
        compared("r1") && compared("r2")
    });
    let group = group(&world);
    for name in ["r1", "r2"] {
        let seen = group.replica(bench.id(name)).expect("it is one").compared[&r3];
        assert_eq!((seen.verdict, seen.own.at, seen.other.at), (ClockVerdict::InSync, 1, 1));
        assert_ne!(seen.own.digest, seen.other.digest);
    }
    assert!(group.replicas.iter().all(|it| it.transfer.is_none()), "nothing is shipped");
    assert!(world.audit.figures().diverged > 0, "and the truth line says so");
}

/// C15 on sockets: writes on both sides at once, where propagation blocks both ways: the circle is named, and whoever
/// does not stand in it goes on.
#[test]
fn c15_two_writes_at_once_are_a_deadlock() {
    let rare = "heartbeat = \"60s\"\nsuspect_after = \"200s\"\nreconnect = \"100ms\"\npropagation = \"sync-deadlock\"";
    let text = store(2, rare, PATIENT, PATIENT).replace("latency = \"2ms\"", "latency = \"80ms\"");
    let bench = started(&text);
    bench.give("set bob asks r2");
    bench.quiet(Duration::from_millis(300));
    bench.give("put alice a 1");
    bench.give("put bob b 1");
    let world = until(&bench, "the circle is named", |world| !group(world).cycles.is_empty());
    let ring = vec![bench.id("r1"), bench.id("r2")];
    assert_eq!(group(&world).cycles_seen, [ring]);
    let ended = until(&bench, "the clients are told", |world| {
        world.audit.figures().ended.iter().sum::<u64>() == 2
    });
    assert_eq!(ended.audit.figures().ended(OpOutcome::Ok), 0);
}
