//! `restore`: whatever was done by hand, the present step begins again as it began, in every bundled lecture.

use faultlab::base::LabTime;
use faultlab::command::{Command, grammar};
use faultlab::event::{Judgement, Life};
use faultlab::sim::{Played, Sim};
use faultlab::topology::{Options, Role, Topology, bundle, load, setting};
use faultlab::world::{Beat, World};
use std::path::Path;

/// More lab time than any lecture takes.
const LIMIT: LabTime = LabTime::from_millis(20 * 60 * 1000);

fn lecture(name: &str) -> Topology {
    load(Path::new(name), Options::default()).unwrap_or_else(|why| panic!("{name}: {why}")).topology
}

fn world(sim: &Sim) -> World {
    let mut world = World::new(sim.topology().clone());
    for event in sim.log().read(0, usize::MAX).events() {
        world.apply(event);
    }
    world
}

/// What a step begins with, as the log tells: who lives and how, every setting, load and link that was changed.
fn state(sim: &Sim) -> String {
    let world = world(sim);
    let nodes = world.nodes.iter().zip(&world.topology.nodes).map(|(node, file)| {
        if matches!(node.life, Life::Off | Life::Killed | Life::Crashed | Life::Stopped) {
            return "down".to_owned();
        }
        // What was changed to what the file says is as the file says.
        let usual = |key: &str| setting::current(&world.topology, &file.kind, key);
        let changed =
            node.changed.iter().filter(|(key, value)| usual(key).as_deref() != Some(value));
        format!("{:?} {:?} {}", node.life, changed.collect::<Vec<_>>(), node.per_kilosecond)
    });
    let links = world.links.iter().filter(|(_, link)| link.faults != link.usual);
    let links: Vec<String> =
        links.map(|(way, link)| format!("{way:?} {:?}", link.faults)).collect();
    format!("{}\n{}", nodes.collect::<Vec<_>>().join("\n"), links.join("\n"))
}

/// Kills, cuts, wipes and sets whatever can be.
fn mess(sim: &mut Sim) {
    let topology = sim.topology().clone();
    let mut lines = vec!["speed 0.5".to_owned()];
    for node in topology.nodes.iter().filter(|node| node.at.is_none()) {
        let name = topology.names.of(node.id);
        match node.role() {
            Role::Client => lines.push(format!("load {name} 20/s")),
            Role::Ls => lines.extend([format!("delay {name} 1s"), format!("freeze {name}")]),
            Role::Ts => lines.extend([format!("lie {name} on"), format!("power-off {name}")]),
            Role::Replica => lines.extend([format!("kill {name}"), format!("wipe {name}")]),
        }
    }
    lines.push("undo".into());
    for line in lines {
        let command = grammar::command(&line, &topology.names).expect("it is one");
        // What is down already cannot be killed.
        let _ = sim.give(command);
        sim.run_until(sim.now() + std::time::Duration::from_millis(70));
    }
    sim.run_until(sim.now() + std::time::Duration::from_secs(9));
}

/// Steps that rest on what a process has in its memory: who was ejected or led, which connection was dead. A new
/// process knows nothing of it, so these show something else when they are begun again.
const REMEMBERED: [(&str, usize); 12] = [
    ("tour", 7),
    ("sticky-round-robin", 2),
    ("sticky-round-robin", 8),
    ("failover", 5),
    ("failover", 6),
    ("zombie-leader", 4),
    ("zombie-leader", 6),
    ("one-way-cut", 8),
    ("deadlock", 3),
    ("consistent-hashing", 3),
    ("consistent-hashing", 4),
    ("consistent-hashing", 5),
];

#[test]
fn every_step_of_every_lecture_can_be_begun_again_when_it_has_run() {
    every_step(false);
}

#[test]
fn every_step_of_every_lecture_can_be_begun_again_after_any_mess() {
    every_step(true);
}

fn every_step(messy: bool) {
    let mut complaints = Vec::new();
    for entry in bundle::list() {
        let topology = lecture(entry.name);
        for step in 1..=topology.steps.len() {
            complaints.extend(again(&topology, step, messy));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Plays a lecture up to a step, lets the step run or makes a mess, restores, and plays the step to its end.
fn again(topology: &Topology, step: usize, messy: bool) -> Vec<String> {
    let place = format!("{} step {step}{}", topology.name, if messy { " messy" } else { "" });
    let mut sim = Sim::new(topology, topology.seed);
    let mut played = Played::default();
    for _ in 0..=((step - 1) * 3) {
        assert!(sim.beat(LIMIT, &mut played), "{place}");
    }
    let before = state(&sim);
    if messy {
        mess(&mut sim);
    } else {
        sim.beat(LIMIT, &mut played);
    }
    sim.give(Command::Restore).unwrap_or_else(|why| panic!("{place}: {why}"));
    sim.run_until(sim.now() + std::time::Duration::from_secs(3));
    let after = state(&sim);
    let mut complaints = Vec::new();
    if before != after {
        complaints.push(format!("{place}: before\n{before}\nafter\n{after}"));
    }
    assert_eq!(world(&sim).steps.beat, Beat::Question, "{place}");
    if REMEMBERED.contains(&(&topology.name, step)) {
        return complaints;
    }
    played.verdicts.clear();
    sim.beat(LIMIT, &mut played);
    let failed = played.verdicts.iter().filter(|it| it.judgement == Judgement::Failed);
    complaints.extend(failed.map(|it| format!("{place}, {}: {}", it.expectation + 1, it.seen)));
    complaints.extend(played.refused.iter().map(|why| format!("{place}: refused: {why}")));
    complaints
}
