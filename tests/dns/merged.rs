//! Questions that are in flight already are joined: on virtual time whatever happens meanwhile, and on sockets a storm
//! for a dead name, which costs a question a second (RFC 9520, 3.2; RFC 5452, 5).

use crate::ask::{OVER_DNS, code, error, hear, lab, question, socket};
use crate::common::Bench;
use faultlab::base::{Incarnation, LabTime, NodeId, Owner, Peer, QuestionNo};
use faultlab::command::grammar;
use faultlab::event::{Event, Fact};
use faultlab::message::{BalanceNote, HostName, Message as Said, Note, Outcome};
use faultlab::sim::Sim;
use faultlab::topology::{Folder, Topology, load_text};
use faultlab::world::World;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

const NAMES: [&str; 4] =
    ["www.google.com", "WWW.google.com", "mail.google.com", "nosuch.google.com"];

/// Six clients in front of two servers with the same zone.
fn topology(policy: &str) -> Topology {
    let mut text = format!("title = \"merged\"\n{OVER_DNS}\nlatency = \"20ms\"\n");
    for n in 1..=6 {
        write!(text, "[nodes.c{n}]\nrole = \"client\"\nasks = \"ls\"\ntimeout = \"3s\"\n")
            .expect("text takes text");
    }
    let zone = "records = \"zones/google.com.zone\"\nlisten = { dns = 0 }";
    write!(
        text,
        "[nodes.ls]\nrole = \"ls\"\nupstreams = [\"ts1\", \"ts2\"]\nlisten = {{ dns = 0 }}\n\
         policy = \"{policy}\"\ntimeout = \"1s\"\nmerge = true\n\
         [nodes.ts1]\nrole = \"ts\"\n{zone}\n[nodes.ts2]\nrole = \"ts\"\n{zone}\n"
    )
    .expect("text takes text");
    let folder = Folder(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("topologies"));
    load_text("test.toml", &text, &folder).unwrap_or_else(|problems| panic!("{problems}")).topology
}

fn give(sim: &mut Sim, line: &str) {
    let command = grammar::command(line, &sim.topology().names).expect("a command");
    sim.give(command).unwrap_or_else(|why| panic!("{line}: {why}"));
}

/// Everybody asks the same at about the same time, over and over, while servers and the LS die, freeze and return.
fn play(topology: &Topology, seed: u64) -> Vec<Event> {
    let mut sim = Sim::new(topology, seed);
    for line in ["loss ls 10%", "duplicate ls 10%", "jitter ls 30ms"] {
        give(&mut sim, line);
    }
    let deeds = [
        (5, "kill ts1"),
        (9, "freeze ts2"),
        (13, "freeze ls"),
        (15, "thaw ls"),
        (18, "revive ts1"),
        (20, "thaw ts2"),
        (24, "kill ls"),
        (26, "revive ls"),
        (30, "set ls timeout 500ms"),
        (34, "kill c3"),
        (35, "power-off ts2"),
    ];
    for n in 0..40 {
        for (_, deed) in deeds.iter().filter(|(at, _)| *at == n) {
            give(&mut sim, deed);
        }
        for client in 1..=6 {
            if n < 34 || client != 3 {
                give(
                    &mut sim,
                    &format!("query c{client} {}", NAMES[(n as usize / 3 + client) % 4]),
                );
            }
        }
        sim.run_until(LabTime::from_millis(100 * (n + 1)));
    }
    sim.run_until(LabTime::from_millis(30_000));
    sim.log().read(0, usize::MAX).events().cloned().collect()
}

/// What the LS holds, by its own words.
#[derive(Default)]
struct Held {
    life: Option<Incarnation>,
    names: BTreeMap<QuestionNo, HostName>,
    /// Races that may be joined, by name: one at a time.
    races: BTreeMap<HostName, QuestionNo>,
    /// Who waits for which.
    joined: BTreeMap<QuestionNo, QuestionNo>,
    replied: BTreeSet<QuestionNo>,
    asked: BTreeSet<(QuestionNo, NodeId)>,
    merged: u32,
}

impl Held {
    fn see(&mut self, event: &Event, servers: [NodeId; 2]) {
        let Owner::Node(_, life) = event.id.owner else { return };
        if self.life != Some(life) {
            *self = Self { life: Some(life), merged: self.merged, ..Self::default() };
        }
        match &event.fact {
            Fact::Noted(Note::Took { question, name, .. }) => {
                self.names.insert(*question, name.clone());
            }
            Fact::Noted(Note::Chose { question, .. }) => {
                let name = self.names[question].clone();
                let before = self.races.insert(name, *question);
                assert_eq!(before, None, "one race for a name at a time: {event:?}");
            }
            Fact::Noted(Note::Balance(BalanceNote::Joined { question, race })) => {
                assert_eq!(self.races.get(&self.names[question]), Some(race), "{event:?}");
                self.joined.insert(*question, *race);
                self.merged += 1;
            }
            Fact::Noted(Note::Changed { .. }) => self.races.clear(),
            Fact::Noted(Note::Decided { question, .. }) => {
                let name = self.names.remove(question).expect("one verdict for each question");
                if self.races.get(&name) == Some(question) {
                    self.races.remove(&name);
                }
                if let Some(race) = self.joined.remove(question) {
                    assert!(!self.names.contains_key(&race), "told after its race: {event:?}");
                }
            }
            Fact::MessageSent { to: Peer::Node(to), about: Some(question), message, .. } => {
                if matches!(**message, Said::Reply { .. }) {
                    assert!(self.replied.insert(*question), "answered once: {event:?}");
                } else if servers.contains(to) {
                    assert!(!self.joined.contains_key(question), "it waits: {event:?}");
                    assert!(self.asked.insert((*question, *to)), "asked once: {event:?}");
                }
            }
            _ => {}
        }
    }
}

#[test]
fn each_asker_has_one_verdict_and_a_name_is_asked_of_a_server_once_at_a_time() {
    for policy in ["race", "failover", "round-robin", "hedge"] {
        let topology = topology(policy);
        let [ls, ts1, ts2] = ["ls", "ts1", "ts2"].map(|name| topology.names.id(name).expect("one"));
        let (mut merged, mut answered) = (0, 0);
        for seed in 0..40 {
            let events = play(&topology, seed);
            let mut held = Held::default();
            let mut open = BTreeSet::new();
            let mut world = World::new(std::sync::Arc::new(topology.clone()));
            for event in &events {
                world.apply(event);
                let Owner::Node(node, life) = event.id.owner else { continue };
                if node == ls {
                    held.see(event, [ts1, ts2]);
                    continue;
                }
                match &event.fact {
                    Fact::Noted(Note::Asked { question, .. }) => {
                        open.insert((node, life, *question));
                    }
                    Fact::Noted(Note::Decided { question, outcome, .. })
                        if node != ts1 && node != ts2 =>
                    {
                        assert!(open.remove(&(node, life, *question)), "{policy}, seed {seed}");
                        answered += u32::from(*outcome == Outcome::Answered);
                    }
                    _ => {}
                }
            }
            let c3 = topology.names.id("c3").expect("a client");
            open.retain(|(node, ..)| *node != c3);
            assert!(open.is_empty(), "{policy}, seed {seed}: {open:?}");
            assert!(held.names.is_empty(), "{policy}, seed {seed}: {:?}", held.names);
            assert_eq!(world.node(ls).balanced.joined, u64::from(held.merged));
            merged += held.merged;
        }
        assert!(merged > 1000, "{policy}: {merged}");
        assert!(answered > 1000, "{policy}: {answered}");
    }
}

/// A hundred strangers ask for one name at once, three times, and both servers are silent.
#[test]
fn a_storm_for_a_dead_name_asks_each_server_once_and_everybody_is_told() {
    let bench = Bench::start(&lab(
        "policy = \"failover\"\nfailover_after = \"300ms\"\ntimeout = \"800ms\"\nmerge = true",
    ));
    for node in ["ts1", "ts2"] {
        bench.command(&format!("freeze {node}"), |event| {
            matches!(event.fact, Fact::NodeFrozen { .. })
        });
    }
    let from = bench.handle.end();
    let spelled = |n: u16| if n.is_multiple_of(2) { "www.google.com" } else { "WWW.google.com" };
    let sockets: Vec<_> = (0..100).map(|_| socket(bench.address("ls"))).collect();
    for (n, socket) in (0..).zip(&sockets) {
        let asked = question(n, "www.google.com", RecordType::A, Some(1232));
        let mut asked = asked.to_vec().expect("a question");
        // Behind the header and the length of the label.
        asked[13..16].copy_from_slice(&spelled(n).as_bytes()[..3]);
        socket.send(&asked).expect("it is sent");
    }
    for (n, socket) in (0..).zip(&sockets) {
        let answer = hear(socket);
        assert_eq!((answer.metadata.id, code(&answer)), (n, ResponseCode::ServFail));
        let (_, why) = error(&answer).expect("an extended error");
        assert_eq!(why, "ts1 silent, ts2 silent");
        let name = answer.queries[0].name().to_string();
        assert_eq!(name.trim_end_matches('.'), spelled(n), "each has its own spelling back");
    }
    let events = bench.handle.read(from, usize::MAX);
    let events: Vec<Event> = events.events().cloned().collect();
    for server in ["ts1", "ts2"] {
        let server = Peer::Node(bench.id(server));
        let asked: Vec<LabTime> = events
            .iter()
            .filter(|event| matches!(&event.fact, Fact::MessageSent { to, .. } if *to == server))
            .map(|event| event.time)
            .collect();
        let second = Duration::from_secs(1);
        assert!(!asked.is_empty());
        assert!(asked.windows(2).all(|two| two[1].since(two[0]) >= second), "{asked:?}");
    }
    let joined = events.iter().filter(|event| {
        matches!(event.fact, Fact::Noted(Note::Balance(BalanceNote::Joined { .. })))
    });
    assert!(joined.count() > 0);
}
