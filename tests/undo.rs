//! Undo and redo through a running lab: what was done to nodes and links comes back and goes again, by the log alone.

mod common;

use common::{Bench, two_tables};
use faultlab::base::Peer;
use faultlab::base::draw::{Purpose, draw};
use faultlab::event::{Fact, Life};
use faultlab::message::Faults;
use std::collections::BTreeMap;

const LATENCY: &str = "[defaults.link]\nlatency = \"1ms\"";

/// The fault state, as whoever reads the log knows it.
#[derive(Debug, Clone, PartialEq)]
struct State {
    lives: Vec<Life>,
    links: BTreeMap<(Peer, Peer), Faults>,
}

fn state(bench: &Bench) -> State {
    let world = bench.world();
    let usual = |(way, link): (&(Peer, Peer), &faultlab::world::LinkState)| {
        (link.faults != link.usual).then_some((*way, link.faults))
    };
    State {
        lives: world.nodes.iter().map(|node| node.life).collect(),
        links: world.links.iter().filter_map(usual).collect(),
    }
}

/// Gives a command and waits until the lab has carried it out.
fn give(bench: &Bench, line: &str) {
    let from = bench.handle.end();
    bench.give(line);
    // Commands are carried out in order, so a mark after it is recorded when it is done.
    bench.give("mark done");
    bench.until(from, line, |event| {
        matches!(&event.fact, Fact::CommandGiven { command, .. }
            if matches!(command.as_ref(), faultlab::command::Command::Mark(_)))
    });
    let tail = bench.handle.read(from, usize::MAX);
    let refused = tail.events().find_map(|event| match &event.fact {
        Fact::CommandRefused { why } => Some(why.clone()),
        _ => None,
    });
    assert_eq!(refused, None, "{line}");
}

/// Commands of which each changes something whatever stands.
fn deed(seed: u64, number: u64) -> String {
    let dice = |sides: u64, key: u64| draw(seed, 5, Purpose::Nemesis, number * 8 + key) % sides;
    let link = ["client->ls", "ls->ts1", "ts1->ls", "ls<->ts2", "ls"][dice(5, 0) as usize];
    let node = ["ts1", "ts2", "ls"][dice(3, 1) as usize];
    let size = 1 + number;
    match dice(8, 2) {
        0 => format!("delay {link} {size}ms"),
        1 => format!("jitter {link} {size}ms exponential"),
        2 => format!("bandwidth {link} {}kbit", 100 + size),
        3 => format!("loss {link} {size}%"),
        4 => format!("kill {node}"),
        5 => format!("freeze {node}"),
        6 => format!("power-off {node}"),
        _ => format!("revive {node}"),
    }
}

#[test]
fn everything_undone_is_as_it_was_and_everything_redone_as_it_became() {
    for seed in [1, 2] {
        let bench = Bench::start(&two_tables(LATENCY, "", "policy = \"failover\"", ""));
        let mut states = vec![state(&bench)];
        for number in 0..30 {
            // Some find nothing to change (reviving the living): then there is nothing to undo, either.
            let (line, before) = (deed(seed, number), state(&bench));
            if !possible(&line, &before, &bench) {
                continue;
            }
            give(&bench, &line);
            let after = state(&bench);
            if after != before {
                states.push(after);
            }
        }
        let deeds = states.len() - 1;
        assert!(deeds >= 15, "only {deeds} of them changed something");
        for round in 0..2 {
            for at in (0..deeds).rev() {
                give(&bench, "undo");
                assert_eq!(state(&bench), states[at], "seed {seed}, round {round}, undo {at}");
            }
            for (at, expected) in states.iter().enumerate().skip(1) {
                give(&bench, "redo");
                assert_eq!(&state(&bench), expected, "seed {seed}, round {round}, redo {at}");
            }
        }
        give(&bench, "reset");
        let healed = state(&bench);
        assert!(healed.links.is_empty() && healed.lives.iter().all(|life| *life == Life::Up));
        let from = bench.handle.end();
        bench.give("load client 20/s");
        bench.until(from, "everything answers again", |event| {
            matches!(
                &event.fact,
                Fact::Noted(faultlab::message::Note::Decided {
                    outcome: faultlab::message::Outcome::Answered,
                    ..
                })
            )
        });
    }
}

/// The dead can neither be killed nor frozen again.
fn possible(line: &str, state: &State, bench: &Bench) -> bool {
    let mut words = line.split(' ');
    let (verb, of) = (words.next(), words.next().unwrap_or_default());
    let Some(node) = bench.handle.topology().names.id(of) else { return true };
    let lives = state.lives[node.index()];
    match verb {
        Some("kill" | "freeze") => lives == Life::Up,
        Some("power-off") => lives.is_alive(),
        _ => true,
    }
}

/// A store of two, a client, and one step that kills a replica.
const STORE: &str = r#"
title = "restore"
[defaults.link]
latency = "1ms"
[groups.store]
role = "replica"
count = 2
prefix = "r"
heartbeat = "50ms"
suspect_after = "250ms"
reconnect = "100ms"
propagation = "sync"
[nodes.alice]
role = "client"
asks = "store"
operations = ["put k{n} {n}"]
request_timeout = "300ms"
timeout = "4s"
reconnect = "100ms"
[[steps]]
say = "One."
do = ["kill r2"]
expect = ["node r2 is killed"]
"#;

/// The step begins again: who was killed by it and by hand lives, what was cut is not, what was written is not there,
/// what was there before is, and none of it counts as lost.
#[test]
fn restore_puts_nodes_links_settings_and_disks_back_on_sockets() {
    let bench = Bench::start(STORE);
    let concluded = |event: &faultlab::event::Event| {
        matches!(
            &event.fact,
            Fact::Noted(faultlab::message::Note::Store(
                faultlab::message::StoreNote::Concluded { .. }
            ))
        )
    };
    bench.command("put alice before 1", concluded);
    give(&bench, "next");
    let before = state(&bench);
    let settings = bench.world().node(bench.id("r1")).changed.clone();
    bench.command("put alice after 1", concluded);
    for line in ["next", "cut r1<->r2", "set r1 propagation async", "load alice 20/s", "speed 2"] {
        give(&bench, line);
    }
    give(&bench, "kill r1");
    give(&bench, "wipe r1");
    give(&bench, "freeze alice");
    let from = bench.handle.end();
    let pressed = std::time::Instant::now();
    give(&bench, "restore");
    let world = bench.world();
    assert!(pressed.elapsed() < std::time::Duration::from_secs(3), "{:?}", pressed.elapsed());
    assert_eq!(state(&bench), before);
    assert_eq!(world.node(bench.id("r1")).changed, settings);
    assert_eq!(world.node(bench.id("alice")).per_kilosecond, 0);
    assert_eq!((world.clock.rate, world.steps.beat), (1.0, faultlab::world::Beat::Question));
    bench.until(from, "both have read their disks", |event| {
        matches!(
            &event.fact,
            Fact::Noted(faultlab::message::Note::Store(
                faultlab::message::StoreNote::Promoted { .. }
            ))
        )
    });
    let world = bench.world();
    for name in ["r1", "r2"] {
        let replica = world.audit.replica(bench.id(name)).expect("a replica");
        assert_eq!(replica.have.at, 1, "{name} has what it had");
    }
    let figures = world.audit.figures();
    assert_eq!((figures.acked, figures.lost), (1, 0));
    // The step runs as the first time.
    let from = bench.handle.end();
    give(&bench, "next");
    bench.until(from, "the expectation holds", |event| {
        matches!(&event.fact, Fact::ExpectationJudged { judgement, .. }
            if *judgement == faultlab::event::Judgement::Passed)
    });
}

/// `goto` sets the lab as the steps before leave it, asks nothing, and goes forward only.
#[test]
fn goto_goes_forward_only_and_sets_the_lab() {
    let steps = "[[steps]]\nsay = \"1\"\ndo = [\"kill ts1\", \"wait 9s\", \"query client www.mit.edu\"]\n\
                 [[steps]]\nsay = \"2\"\ndo = [\"freeze ts2\"]\n[[steps]]\nsay = \"3\"\n";
    let bench = Bench::start(&(two_tables(LATENCY, "", "", "") + steps));
    give(&bench, "goto 2");
    let world = bench.world();
    assert_eq!((world.steps.step, world.steps.beat), (2, faultlab::world::Beat::Question));
    assert_eq!(world.node(bench.id("ts1")).life, Life::Killed);
    assert_eq!((world.node(bench.id("ts2")).life, world.truth.asked), (Life::Up, 0));
    for (line, why) in [
        ("goto 2", "step 2 has begun already: `restore` begins step 2 again"),
        ("goto 4", "there is no step 4: this lecture has 3"),
    ] {
        let refused =
            bench.command(line, |event| matches!(event.fact, Fact::CommandRefused { .. }));
        assert!(matches!(&refused.fact, Fact::CommandRefused { why: said } if **said == *why));
    }
}
