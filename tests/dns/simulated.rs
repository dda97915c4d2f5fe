//! The same machines over datagrams on virtual time: whatever is lost, doubled or overtaken, each question has one
//! verdict, and an answer is never another's.

use crate::ask::lab;
use faultlab::base::LabTime;
use faultlab::command::grammar;
use faultlab::event::{Event, Fact};
use faultlab::message::{Note, Outcome, Said};
use faultlab::sim::Sim;
use faultlab::topology::{Folder, Topology, load_text};
use std::collections::BTreeMap;
use std::path::PathBuf;

const NAMES: [(&str, &str); 3] = [
    ("www.google.com", "192.0.2.10"),
    ("mail.google.com", "192.0.2.25"),
    ("rome.maps.google.com", "192.0.2.30"),
];

fn topology(policy: &str) -> Topology {
    let ls = format!("policy = \"{policy}\"\ntimeout = \"2s\"");
    let folder = Folder(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("topologies"));
    let loaded = load_text("test.toml", &lab(&ls), &folder);
    loaded.unwrap_or_else(|problems| panic!("{problems}")).topology
}

fn give(sim: &mut Sim, line: &str) {
    let command = grammar::command(line, &sim.topology().names).expect("a command");
    sim.give(command).unwrap_or_else(|why| panic!("{line}: {why}"));
}

/// Thirty questions over links that lose, double and overtake, while a server is killed and comes back.
fn play(topology: &Topology, seed: u64) -> Vec<Event> {
    let mut sim = Sim::new(topology, seed);
    for line in ["loss ls 20%", "duplicate ls 20%", "reorder ls 20%", "jitter ls 30ms"] {
        give(&mut sim, line);
    }
    for n in 0..30 {
        match n {
            10 => give(&mut sim, "kill ts1"),
            15 => give(&mut sim, "power-off ts2"),
            20 => give(&mut sim, "revive ts1"),
            25 => give(&mut sim, "revive ts2"),
            _ => {}
        }
        give(&mut sim, &format!("query client {}", NAMES[n % 3].0));
        sim.run_until(LabTime::from_millis(200 * (n as u64 + 1)));
    }
    sim.run_until(LabTime::from_millis(60_000));
    sim.log().read(0, usize::MAX).events().cloned().collect()
}

#[test]
fn whatever_becomes_of_datagrams_each_question_has_one_verdict_and_its_own_answer() {
    for policy in ["race", "failover", "round-robin"] {
        let topology = topology(policy);
        let client = topology.names.id("client").expect("a client");
        let (mut ended, mut doubled) = (BTreeMap::new(), 0);
        for seed in 0..150 {
            let events = play(&topology, seed);
            let mut open = BTreeMap::new();
            for event in &events {
                let faultlab::base::Owner::Node(node, life) = event.id.owner else {
                    doubled += u32::from(matches!(event.fact, Fact::FrameDoubled { .. }));
                    continue;
                };
                match &event.fact {
                    Fact::Noted(Note::Asked { question, name, .. }) if node == client => {
                        open.insert((life, *question), name.clone());
                    }
                    Fact::Noted(Note::Decided { question, outcome, said, .. })
                        if node == client =>
                    {
                        let name = open.remove(&(life, *question)).expect("one verdict");
                        *ended.entry(*outcome).or_insert(0) += 1;
                        if let Some(Said::Found { address, .. }) = said {
                            let (_, truth) = NAMES[NAMES
                                .iter()
                                .position(|(known, _)| *known == name.as_str())
                                .expect("a known name")];
                            assert_eq!(&**address, truth, "{policy}, seed {seed}");
                        }
                    }
                    _ => {}
                }
            }
            assert!(open.is_empty(), "{policy}, seed {seed}: {open:?}");
        }
        assert!(ended[&Outcome::Answered] > 1500, "{policy}: {ended:?}");
        assert!(doubled > 1000, "{doubled}");
        assert!(!ended.contains_key(&Outcome::Negative), "{policy}: {ended:?}");
    }
}

#[test]
fn one_seed_gives_one_log() {
    let topology = topology("race");
    assert_eq!(play(&topology, 3), play(&topology, 3));
    assert_ne!(play(&topology, 3), play(&topology, 4));
}

/// RFC 9520, 3.2: a failure is remembered for a second at least, however often it is asked for.
#[test]
fn a_storm_of_questions_that_fail_asks_each_server_once_a_second() {
    let topology = topology("failover");
    let [client, ls] = ["client", "ls"].map(|name| topology.names.id(name).expect("a node"));
    let mut sim = Sim::new(&topology, 5);
    // The zone is somebody else's: both servers refuse.
    for n in 1..=500 {
        give(&mut sim, "query client www.mit.edu");
        sim.run_until(LabTime::from_millis(20 * n));
    }
    sim.run_until(LabTime::from_millis(15_000));
    let events: Vec<Event> = sim.log().read(0, usize::MAX).events().cloned().collect();
    let of = |event: &Event, whose| matches!(event.id.owner, faultlab::base::Owner::Node(node, _) if node == whose);
    let failed = events.iter().filter(|event| {
        of(event, client)
            && matches!(&event.fact, Fact::Noted(Note::Decided { outcome: Outcome::Failed, .. }))
    });
    assert_eq!(failed.count(), 500);
    for server in ["ts1", "ts2"] {
        let server = topology.names.id(server).expect("a node");
        let asked: Vec<LabTime> = events
            .iter()
            .filter(|event| {
                of(event, ls)
                    && matches!(&event.fact, Fact::MessageSent { to, .. } if to.node() == Some(server))
            })
            .map(|event| event.time)
            .collect();
        assert!((9..=11).contains(&asked.len()), "{asked:?}");
        let second = std::time::Duration::from_secs(1);
        assert!(asked.windows(2).all(|two| two[1].since(two[0]) >= second), "{asked:?}");
    }
}
