//! The same machines over datagrams on virtual time: whatever is lost, doubled or overtaken, each question has one
//! verdict, and an answer is never another's.

use crate::ask::lab;
use faultlab::base::{LabTime, Owner};
use faultlab::command::grammar;
use faultlab::event::{Event, Fact};
use faultlab::message::{Message, Note, Outcome, Said};
use faultlab::report::{dns, why};
use faultlab::sim::Sim;
use faultlab::topology::{Folder, Topology, load_text};
use faultlab::world::World;
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

/// The sentence on the last race.
fn why_of_the_last(sim: &Sim) -> String {
    let mut world = World::new(sim.topology().clone());
    for event in sim.log().read(0, usize::MAX).events() {
        world.apply(event);
    }
    why(&world, world.races.back().expect("a race"))
}

#[test]
fn what_was_said_is_told_in_the_words_of_dns() {
    let mut sim = Sim::new(&topology("failover"), 1);
    let mut seconds = 0;
    for (name, sentence) in [
        (
            "note.google.com",
            "ts1 was asked, and said after 0 ms that there is such a name, but no such record.",
        ),
        (
            "nosuch.google.com",
            "ts1 was asked, and said after 0 ms that there is no such name. Nobody has the name.",
        ),
        ("www.mit.edu", "ts1 said REFUSED and ts2 said REFUSED, and nobody else was left to ask."),
        ("www.mit.edu", "The same question failed less than a second ago, so the LS asked nobody."),
    ] {
        give(&mut sim, &format!("query client {name}"));
        seconds += 1;
        sim.run_until(LabTime::from_millis(seconds * 500));
        assert_eq!(why_of_the_last(&sim), sentence, "{name}");
    }
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

/// What the client is told, by the words of the question: the client's own verdicts, oldest first.
fn told(lines: &[&str]) -> Vec<(Outcome, String)> {
    let topology = topology("failover");
    let client = topology.names.id("client").expect("a client");
    let mut sim = Sim::new(&topology, 1);
    for line in lines {
        give(&mut sim, line);
        sim.run_until(sim.now() + std::time::Duration::from_secs(3));
    }
    let events = sim.log().read(0, usize::MAX);
    let of_client =
        |event: &&Event| matches!(event.id.owner, Owner::Node(node, _) if node == client);
    let verdict = |event: &Event| match &event.fact {
        Fact::Noted(Note::Decided { outcome, said, .. }) => {
            Some((*outcome, said.as_ref().map(ToString::to_string).unwrap_or_default()))
        }
        _ => None,
    };
    events.events().filter(of_client).filter_map(verdict).collect()
}

#[test]
fn a_client_asks_for_other_records_than_addresses_where_it_speaks_dns() {
    let told = told(&[
        "query client google.com MX",
        "query client www.google.com",
        "query client www.google.com MX",
        "query client google.com NS x2",
    ]);
    let outcomes: Vec<Outcome> = told.iter().map(|(outcome, _)| *outcome).collect();
    let should = [
        Outcome::Answered,
        Outcome::Answered,
        Outcome::Negative,
        Outcome::Answered,
        Outcome::Answered,
    ];
    assert_eq!(outcomes, should, "{told:?}");
    assert!(told[0].1.contains("mail"), "{told:?}");
    assert_eq!(told[1].1, "192.0.2.10");
}

/// Every type, an alias, a wildcard and both denials: what a zone says is never taken for wrong.
#[test]
fn what_a_zone_says_is_the_truth_whatever_type_is_asked_for() {
    let mut sim = Sim::new(&topology("failover"), 1);
    let questions = [
        "www.google.com",
        "www.google.com AAAA",
        "search.google.com AAAA",
        "rome.maps.google.com",
        "google.com MX",
        "google.com NS",
        "big.google.com TXT",
        "www.google.com MX",
        "note.google.com",
        "nosuch.google.com AAAA",
    ];
    for question in questions {
        give(&mut sim, &format!("query client {question}"));
        sim.run_until(sim.now() + std::time::Duration::from_secs(3));
    }
    let mut world = World::new(sim.topology().clone());
    for event in sim.log().read(0, usize::MAX).events() {
        world.apply(event);
    }
    for race in &world.races {
        assert!(!race.misgiven && !race.contradicted, "{}", why(&world, race));
        assert!(race.more.dns.is_some(), "{}", race.name);
    }
    assert_eq!(world.races.len(), questions.len());
    let accounts: Vec<String> = world
        .races
        .iter()
        .map(|race| match race.more.dns.as_deref() {
            Some(Message::Reply { dns: Some(response), .. }) => dns::account(response),
            other => panic!("{other:?}"),
        })
        .collect();
    let should = [
        "NOERROR, 1 record, TTL 60 s",
        "NOERROR, 1 record, TTL 60 s",
        "NOERROR, 2 records (CNAME, AAAA), TTL 60 s",
        "NOERROR, 1 record, TTL 60 s",
        "NOERROR, 1 record, TTL 60 s",
        "NOERROR, 2 records, TTL 60 s",
        "NOERROR, 6 records, TTL 60 s",
        "NOERROR, no record, SOA 5 s",
        "NOERROR, no record, SOA 5 s",
        "NXDOMAIN, no record, SOA 5 s",
    ];
    assert_eq!(accounts, should);
    // What no datagram holds is asked for again, and that is told.
    let again: Vec<&str> = world
        .races
        .iter()
        .filter(|race| why(&world, race).contains("asked for again over TCP"))
        .map(|race| race.name.as_str())
        .collect();
    assert_eq!(again, ["big.google.com"]);
}

#[test]
fn on_lines_there_are_addresses_alone_and_both_the_lab_and_the_check_of_a_file_say_so() {
    let lines = "title = \"lines\"\n[nodes.client]\nrole = \"client\"\nasks = \"ts\"\nnames = [\"a.org\"]\n\
                 [nodes.ts]\nrole = \"ts\"\nrecords = { \"a.org\" = \"192.0.2.1\" }\n";
    let here = Folder(PathBuf::from("."));
    let topology = load_text("lines.toml", lines, &here).expect("a topology").topology;
    let mut sim = Sim::new(&topology, 1);
    let command = grammar::command("query client a.org MX", &topology.names).expect("a command");
    let why = sim.give(command).expect_err("lines have no types");
    assert!(why.contains("addresses alone"), "{why}");
    let step = format!("{lines}[[steps]]\nsay = \"?\"\ndo = [\"query client a.org MX\"]\n");
    let problems = load_text("lines.toml", &step, &here).expect_err("the step cannot be done");
    assert!(problems.to_string().contains("`client` does not speak DNS"), "{problems}");
}
