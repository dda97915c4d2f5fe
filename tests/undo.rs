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
