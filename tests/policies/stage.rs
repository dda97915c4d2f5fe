//! Labs written out as files would write them, and what can be read from their logs.

use faultlab::base::{LabTime, NodeId, Owner};
use faultlab::command::grammar;
use faultlab::event::{Event, Fact};
use faultlab::message::{Note, Outcome};
use faultlab::report::{Report, Tally};
use faultlab::sim::Sim;
use faultlab::topology::{Bundled, Topology, load_text};
use faultlab::world::World;
use std::time::Duration;

/// A topology from its text.
pub fn lab(text: &str) -> Topology {
    load_text("lab", text, &Bundled).unwrap_or_else(|problems| panic!("{problems}")).topology
}

pub fn id(topology: &Topology, name: &str) -> NodeId {
    topology.names.id(name).unwrap_or_else(|| panic!("no node {name}"))
}

/// Gives a command in the words of the grammar.
pub fn give(sim: &mut Sim, words: &str) {
    let names = sim.topology().names.clone();
    let command = grammar::command(words, &names).unwrap_or_else(|error| panic!("{error:?}"));
    sim.give(command).unwrap_or_else(|why| panic!("{words}: {why}"));
}

pub fn at(seconds: f64) -> LabTime {
    LabTime::ZERO + Duration::from_secs_f64(seconds)
}

pub fn events(sim: &Sim) -> Vec<Event> {
    let tail = sim.log().read(0, usize::MAX);
    assert_eq!(tail.missing, 0, "the log was too short");
    tail.events().cloned().collect()
}

/// What one node noted, with the times.
pub fn notes(events: &[Event], node: NodeId) -> impl Iterator<Item = (LabTime, &Note)> {
    events.iter().filter_map(move |event| match (&event.fact, event.id.owner) {
        (Fact::Noted(note), Owner::Node(owner, _)) if owner == node => Some((event.time, note)),
        _ => None,
    })
}

/// How many questions of a node ended so.
pub fn ended(events: &[Event], node: NodeId, wanted: Outcome) -> usize {
    notes(events, node)
        .filter(|(_, note)| matches!(note, Note::Decided { outcome, .. } if *outcome == wanted))
        .count()
}

/// The fold of what has happened so far.
pub fn world(sim: &Sim) -> World {
    let mut world = World::new(sim.topology().clone());
    for event in &events(sim) {
        world.apply(event);
    }
    world
}

/// The report of what has happened so far.
pub fn report(sim: &Sim) -> Report {
    let world = world(sim);
    let mut tally = Tally::default();
    for event in &events(sim) {
        tally.observe(event);
    }
    let exit = faultlab::report::Exit::Passed;
    Report::new(&world, &tally, exit, std::collections::BTreeMap::new(), |_| String::new())
}
