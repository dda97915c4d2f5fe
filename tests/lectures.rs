//! Every bundled lecture: its file is clean, its steps are short, all that it expects holds on virtual time, and the
//! table of failures in `docs/lectures.md` speaks of steps that exist.

#[path = "common/every_lecture.rs"]
mod every_lecture;

use every_lecture::for_every_lecture;
use faultlab::base::{LabTime, NodeId};
use faultlab::check::Audit;
use faultlab::command::Command;
use faultlab::event::{Fact, Judgement, Life};
use faultlab::report;
use faultlab::sim::Sim;
use faultlab::topology::{Kind, Options, Topology, bundle, load};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

macro_rules! names {
    ($($test:ident $name:literal,)*) => {
        /// The lectures in the order of the picker.
        const LECTURES: &[&str] = &[$($name),*];
    };
}

for_every_lecture!(names);

/// The longest that a step may keep a room waiting, in lab time.
const STEP_MAX: Duration = Duration::from_secs(13);
/// More lab time than any lecture takes.
const LECTURE_MAX: LabTime = LabTime::from_millis(10 * 60 * 1000);

fn lecture(name: &str) -> Topology {
    let loaded = load(Path::new(name), Options::default())
        .unwrap_or_else(|problems| panic!("{name}:\n{problems}"));
    assert!(loaded.warnings.is_empty(), "{name}:\n{}", loaded.warnings);
    loaded.topology
}

#[test]
fn the_picker_shows_the_lectures_in_their_order() {
    let names: Vec<&str> = bundle::list().iter().map(|entry| entry.name).collect();
    assert_eq!(names, LECTURES);
}

#[test]
fn each_lecture_is_complete() {
    for &name in LECTURES {
        let topology = lecture(name);
        assert!(topology.auto_pace, "{name}");
        assert!(!topology.lesson.is_empty(), "{name}");
        for (at, step) in topology.steps.iter().enumerate() {
            let place = format!("{name}, step {}", at + 1);
            assert!(!step.say.is_empty() && !step.expect.is_empty(), "{place}");
            assert!(step.ask.is_some() && step.reveal.is_some(), "{place}");
            assert_eq!(step.confessed.is_empty(), step.repaired.is_empty(), "{place}");
            // Three rows of 78 columns each, even on the smallest screen of a lecture.
            for text in [Some(&step.say), step.ask.as_ref(), step.reveal.as_ref()] {
                let columns = text.map_or(0, |text| text.chars().count());
                assert!(columns <= 3 * 74, "{place}: {columns} characters are too many to read");
            }
        }
    }
}

#[test]
fn what_each_lecture_expects_holds_on_virtual_time() {
    let mut complaints = Vec::new();
    for &name in LECTURES {
        let topology = lecture(name);
        for seed in [topology.seed, 1001, 1002] {
            complaints.extend(play(&topology, seed));
        }
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Plays a lecture to its end and says what was not as it should be.
fn play(topology: &Topology, seed: u64) -> Vec<String> {
    let mut sim = Sim::new(topology, seed);
    let played = sim.run_script(LECTURE_MAX);
    let place = format!("{} with seed {seed}", topology.name);
    let mut complaints: Vec<String> = played
        .verdicts
        .iter()
        .filter(|verdict| verdict.judgement != Judgement::Passed)
        .map(|verdict| {
            let (step, expectation) = (verdict.step, verdict.expectation + 1);
            format!("{place}: step {step}, expectation {expectation}: {}", verdict.seen)
        })
        .collect();
    complaints.extend(played.refused.iter().map(|why| format!("{place}: refused: {why}")));
    if !played.over {
        complaints.push(format!("{place} does not come to its end"));
    }
    let expected: usize = topology.steps.iter().map(|step| step.expect.len()).sum();
    assert_eq!(played.verdicts.len(), expected, "{place}");
    for (step, took) in durations(&sim).into_iter().filter(|(_, took)| *took > STEP_MAX) {
        complaints.push(format!("{place}: step {step} takes {took:?}"));
    }
    for node in topology.nodes.iter().filter(|node| sim.life(node.id) != Life::Up) {
        let name = topology.names.of(node.id);
        complaints.push(format!("{place} leaves {name} {:?}", sim.life(node.id)));
    }
    complaints
}

#[test]
fn what_is_said_to_have_a_line_without_making_it_has_one() {
    let (mut have, mut have_none) = (0, 0);
    for &name in LECTURES {
        let topology = lecture(name);
        let mut sim = Sim::new(&topology, topology.seed);
        sim.run_script(LECTURE_MAX);
        let events = sim.log().read(0, usize::MAX);
        for event in events.events() {
            let Some(said) = report::has_line(event) else { continue };
            let line = report::line(event, &topology.names);
            assert_eq!(said, line.is_some(), "{name}: {event:?}: {line:?}");
            *if said { &mut have } else { &mut have_none } += 1;
        }
    }
    assert!(have > 10_000 && have_none > 10_000, "{have} have one, {have_none} have none");
}

/// What a step sets, by node and key.
fn sets(commands: &[Command]) -> BTreeSet<(NodeId, &str)> {
    let set = |command| match command {
        &Command::Set { node, ref key, .. } => Some((node, &**key)),
        _ => None,
    };
    commands.iter().filter_map(set).collect()
}

/// The lecture up to this step, which is done with these settings in place of its own.
fn flipped(topology: &Topology, at: usize, settings: &[Command]) -> Topology {
    let mut topology = topology.clone();
    topology.steps.truncate(at + 1);
    let step = &mut topology.steps[at];
    let mut about = sets(&step.confessed);
    about.extend(sets(&step.repaired));
    let is_own = |command: &Command| {
        let set = sets(std::slice::from_ref(command));
        !set.is_empty() && set.is_subset(&about)
    };
    let others = step.commands.iter().filter(|command| !is_own(command));
    let commands = settings.iter().chain(others).cloned().collect();
    step.commands = commands;
    topology
}

#[test]
fn what_v_flips_is_what_makes_the_difference() {
    for &name in LECTURES {
        let topology = lecture(name);
        for (at, step) in topology.steps.iter().enumerate() {
            if step.confessed.is_empty() {
                continue;
            }
            assert_eq!(
                sets(&step.confessed).len(),
                step.confessed.len(),
                "{name}, step {}",
                at + 1
            );
            let holds = |settings: &[Command]| {
                let lecture = flipped(&topology, at, settings);
                let mut sim = Sim::new(&lecture, lecture.seed);
                let played = sim.run_script(LECTURE_MAX);
                assert_eq!(played.refused, Vec::<String>::new(), "{name}, step {}", at + 1);
                played.verdicts.iter().all(|verdict| verdict.judgement == Judgement::Passed)
            };
            let (confessed, repaired) = (holds(&step.confessed), holds(&step.repaired));
            assert!(
                confessed != repaired,
                "{name}, step {}: as confessed it {}, as repaired it {}",
                at + 1,
                if confessed { "holds" } else { "fails" },
                if repaired { "holds" } else { "fails" },
            );
        }
    }
}

/// How long each step took from its first command to its last judgement.
fn durations(sim: &Sim) -> BTreeMap<u32, Duration> {
    let mut began = BTreeMap::new();
    let mut took = BTreeMap::new();
    let tail = sim.log().read(0, usize::MAX);
    assert_eq!(tail.missing, 0);
    for event in tail.events() {
        match &event.fact {
            Fact::StepBegan { step } => {
                began.insert(*step, event.time);
            }
            Fact::ExpectationJudged { step, .. } => {
                took.insert(*step, event.time.since(began[step]));
            }
            _ => {}
        }
    }
    took
}

#[test]
fn a_lecture_ends_healed() {
    for &name in LECTURES {
        let topology = lecture(name);
        let last = topology.steps.last().expect("a lecture has steps");
        assert!(last.commands.contains(&Command::Reset), "{name}");
    }
}

#[test]
fn a_server_that_nobody_was_told_of_is_nobodys_mistake() {
    let topology = lecture("majority-vote");
    let of = |name: &str| topology.names.id(name).expect("a node of the lecture");
    let (r1, r2, r4, alice) = (of("r1"), of("r2"), of("r4"), of("alice"));
    let mut sim = Sim::new(&topology, topology.seed);
    sim.run_until(LabTime::from_millis(3000));
    sim.give(Command::Kill(r2)).expect("it runs");
    sim.step();
    let mut audit = Audit::new(sim.topology().clone());
    for event in sim.log().read(0, usize::MAX).events() {
        audit.apply(event);
    }
    let group = audit.group_of(r1).expect("the store");
    for holder in [r1, alice] {
        assert!(group.knows_of(holder, r2) && !group.knows_of(holder, r4));
        assert!(group.wrong_since(holder, r2).is_some(), "nobody has noticed yet");
        assert_eq!(group.wrong_since(holder, r4), None);
    }
}

#[test]
fn the_tour_uses_lecture_keys_only() {
    let topology = lecture("tour");
    for (at, step) in topology.steps.iter().enumerate() {
        let key = step.say.contains('`');
        assert!(key, "step {} of the tour names no key", at + 1);
    }
    assert!(topology.nodes.iter().all(|node| match &node.kind {
        Kind::Client(client) => client.flaws.is_empty(),
        Kind::Ls(ls) => ls.flaws.is_empty(),
        Kind::Ts(ts) => ts.flaws.is_empty(),
        Kind::StoreClient(client) => client.flaws.is_empty(),
        Kind::Replica(replica) => replica.flaws.is_empty(),
    }));
}

/// The failures that these systems confess, by their number in the table.
const FAILURES: [u32; 24] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24];

#[test]
fn the_table_of_failures_speaks_of_steps_that_exist_and_can_be_flipped() {
    let text = include_str!("../docs/lectures.md");
    let mut found = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some((number, _)) = cells[1].split_once(": ") else { continue };
        let Ok(number) = number.parse::<u32>() else { continue };
        found.insert(number);
        for (cell, repaired) in [(cells[2], false), (cells[3], true)] {
            let places: Vec<(&str, usize)> = cell.split(", ").map(place).collect();
            assert!(!places.is_empty(), "{line}");
            for (name, step) in places {
                let topology = lecture(name);
                let step = topology.steps.get(step - 1).unwrap_or_else(|| panic!("{line}"));
                assert!(!step.confessed.is_empty(), "{line}: nothing to flip in {name}");
                let says = step.say.starts_with("The repair");
                assert_eq!(says, repaired, "{line}: {name}, `{}`", step.say);
            }
        }
    }
    assert_eq!(found, BTreeSet::from(FAILURES));
}

/// `` `first-answer` 6 ``
fn place(text: &str) -> (&str, usize) {
    let (name, step) = text.rsplit_once(' ').expect("a lecture and a step");
    (name.trim_matches('`'), step.parse().expect("the number of a step"))
}
