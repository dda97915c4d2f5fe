//! Whose answer is it, who is asked next, and who stays with whom: the rules of the LS on real sockets, judged from
//! the log alone.

mod common;

use common::Bench;
use faultlab::base::{LabTime, NodeId, Owner, QuestionNo};
use faultlab::command::grammar;
use faultlab::event::{Event, Fact};
use faultlab::message::{Note, Outcome, Said};
use faultlab::sim::Sim;
use faultlab::topology::{self, Bundled};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

/// A table of this many names; `www.hN.org` has 192.0.2.N.
fn table(names: usize) -> String {
    (1..=names).fold(String::new(), |mut text, n| {
        writeln!(text, "www.h{n}.org 192.0.2.{n} A").expect("writing to a String cannot fail");
        text
    })
}

fn names(range: std::ops::RangeInclusive<usize>) -> String {
    format!("{:?}", range.map(|n| format!("www.h{n}.org")).collect::<Vec<_>>())
}

/// The one address of a name.
fn address_of(name: &str) -> Option<String> {
    let number = name.strip_prefix("www.h")?.strip_suffix(".org")?;
    Some(format!("192.0.2.{number}"))
}

/// What a node noted, in order, with the time.
fn notes(events: &[Event], of: NodeId) -> impl Iterator<Item = (LabTime, &Note)> {
    events.iter().filter_map(move |event| match (&event.fact, event.id.owner) {
        (Fact::Noted(note), Owner::Node(by, _)) if by == of => Some((event.time, note)),
        _ => None,
    })
}

/// One question of a client, from the log.
#[derive(Debug)]
struct Asked {
    name: String,
    at: LabTime,
    ended: Option<(LabTime, Outcome, Option<String>)>,
}

/// Every question of a client: the name, and how it ended. Two verdicts on one are a mistake found here.
fn questions(events: &[Event], client: NodeId) -> BTreeMap<QuestionNo, Asked> {
    let mut all = BTreeMap::new();
    for (at, note) in notes(events, client) {
        match note {
            Note::Asked { question, name, .. } => {
                let asked = Asked { name: name.as_str().to_lowercase(), at, ended: None };
                assert!(all.insert(*question, asked).is_none(), "a number is used once");
            }
            Note::Decided { question, outcome, said, .. } => {
                let address = match said {
                    Some(Said::Found { address, .. }) => Some(address.to_string()),
                    _ => None,
                };
                let asked = all.get_mut(question).expect("what is decided was asked");
                assert!(asked.ended.is_none(), "two verdicts on {asked:?}");
                asked.ended = Some((at, *outcome, address));
            }
            _ => {}
        }
    }
    all
}

/// Ends the load of clients and waits until nothing of theirs is open.
fn end_load(bench: &Bench, clients: &[&str]) {
    for client in clients {
        bench.give(&format!("load {client} off"));
    }
    common::eventually("every question has its verdict", || {
        bench.handle.wait(bench.handle.end() + 1000, Duration::from_millis(200));
        let world = bench.world();
        clients.iter().all(|client| world.node(bench.id(client)).load.open == 0)
    });
}

// ---- L4: late answers never reach another question ----------------------------------------------------------------

/// Two clients with overlapping names, links that take 5 to 505 ms, and an LS whose patience is about as long as the
/// way there and back: about half of the answers are late.
fn jittery(dialect: &str, ids: bool) -> String {
    let (first, second, table) = (names(1..=12), names(7..=18), table(18));
    format!(
        r#"
title = "late answers"
seed = 4
dialect = "{dialect}"
[defaults.link]
latency = "5ms"
jitter = "250ms"
distribution = "uniform"
[nodes.anna]
role = "client"
asks = "ls"
names = {first}
timeout = "4s"
ids = {ids}
[nodes.bert]
role = "client"
asks = "ls"
names = {second}
timeout = "4s"
ids = {ids}
[nodes.ls]
role = "ls"
upstreams = ["ts1", "ts2"]
policy = "race"
timeout = "800ms"
ids = {ids}
[nodes.ts1]
role = "ts"
records = """
{table}"""
[nodes.ts2]
role = "ts"
records = """
{table}"""
"#
    )
}

/// What must hold of such a run; gives how many questions there were.
fn judge_late(events: &[Event], clients: [NodeId; 2], ls: NodeId) -> usize {
    let mut count = 0;
    let mut outcomes: BTreeMap<Outcome, usize> = BTreeMap::new();
    for client in clients {
        for (no, asked) in questions(events, client) {
            count += 1;
            let Some((_, outcome, address)) = asked.ended else {
                panic!("no verdict on {no} of {client}, {}", asked.name)
            };
            *outcomes.entry(outcome).or_default() += 1;
            if outcome == Outcome::Answered {
                assert_eq!(address, address_of(&asked.name), "{}", asked.name);
            }
        }
    }
    let late = notes(events, ls).filter(|(_, note)| matches!(note, Note::Late { .. })).count();
    let unmatched = notes(events, ls).filter(|(_, note)| matches!(note, Note::Unmatched { .. }));
    assert_eq!(unmatched.count(), 0, "what was late is known to be late");
    let answered = outcomes.get(&Outcome::Answered).copied().unwrap_or(0);
    assert!(answered * 20 > count, "some are answered: {outcomes:?}");
    assert!(late * 20 > count, "many are late: {late} of {count}, {outcomes:?}");
    count
}

/// `rate`: questions a second of each client. `speed`: lab seconds for each second on the wall.
fn late_on_sockets(dialect: &str, rate: u32, speed: u32) {
    let bench = Bench::start(&jittery(dialect, false));
    let clients = [bench.id("anna"), bench.id("bert")];
    bench.give(&format!("speed {speed}"));
    bench.give(&format!("load anna {rate}/s"));
    bench.give(&format!("load bert {rate}/s"));
    let asked = || {
        let world = bench.world();
        clients.iter().map(|client| world.node(*client).load.taken).sum::<u64>()
    };
    common::eventually("2,000 questions are asked", || {
        bench.handle.wait(bench.handle.end() + 1000, Duration::from_millis(200));
        asked() >= 2000
    });
    end_load(&bench, &["anna", "bert"]);
    let (world, ls) = (bench.world(), bench.id("ls"));
    assert_eq!((world.truth.misgiven, world.truth.lies), (0, 0));
    assert!(judge_late(&bench.finish(), clients, ls) >= 2000);
}

#[test]
fn late_answers_that_bear_names_reach_no_other_question() {
    late_on_sockets("first-2021", 130, 2);
}

#[test]
fn late_answers_without_names_reach_no_other_question() {
    // Where answers are counted a lost count costs the connection: fewer questions at once, in a faster world.
    late_on_sockets("sticky-2021", 50, 5);
}

#[test]
fn late_answers_reach_no_other_question_in_ten_thousand_on_virtual_time() {
    for (dialect, ids) in [("first-2021", false), ("first-2023", true), ("sticky-2021", false)] {
        let loaded = topology::load_text("test.toml", &jittery(dialect, ids), &Bundled)
            .unwrap_or_else(|problems| panic!("{problems}"));
        let mut sim = Sim::new(&loaded.topology, 11);
        let names = sim.topology().names.clone();
        let give = |sim: &mut Sim, line: &str| {
            let command = grammar::command(line, &names).unwrap_or_else(|error| panic!("{error}"));
            sim.give(command).unwrap_or_else(|error| panic!("{error}"));
        };
        give(&mut sim, "load anna 60/s");
        give(&mut sim, "load bert 60/s");
        sim.run_until(LabTime::from_millis(30_000));
        give(&mut sim, "load anna off");
        give(&mut sim, "load bert off");
        sim.run_until(LabTime::from_millis(60_000));
        let tail = sim.log().read(0, usize::MAX);
        assert_eq!(tail.missing, 0);
        let events: Vec<Event> = tail.events().cloned().collect();
        let id = |name: &str| names.id(name).expect("it is in the file");
        let count = judge_late(&events, [id("anna"), id("bert")], id("ls"));
        assert!(count >= 3500, "{count}");
    }
}

// ---- L6: killed and frozen servers --------------------------------------------------------------------------------

const FAILOVER: &str = r#"
title = "failover"
[nodes.client]
role = "client"
asks = "ls"
names = ["www.a.com"]
timeout = "20s"
[nodes.ls]
role = "ls"
upstreams = ["ts1", "ts2"]
policy = "failover"
timeout = "10s"
failover_after = "1s"
reconnect = "100ms"
fall = 2
rise = 2
eject_for = "2s"
[nodes.ts1]
role = "ts"
records = { "www.a.com" = "192.0.2.1" }
[nodes.ts2]
role = "ts"
records = { "www.a.com" = "192.0.2.1" }
"#;

const FAILOVER_AFTER: Duration = Duration::from_secs(1);

/// Asks once and gives the time from asking to the verdict, and whom the LS chose first.
fn ask_once(bench: &Bench) -> (Duration, NodeId) {
    let (from, client, ls) = (bench.handle.end(), bench.id("client"), bench.id("ls"));
    bench.command("query client www.a.com", |event| {
        matches!(event.id.owner, Owner::Node(node, _) if node == client)
            && matches!(event.fact, Fact::Noted(Note::Decided { .. }))
    });
    let tail = bench.handle.read(from, usize::MAX);
    let events: Vec<Event> = tail.events().cloned().collect();
    let asked = questions(&events, client).into_values().next().expect("it was asked");
    let (at, outcome, _) = asked.ended.expect("it was decided");
    assert_eq!(outcome, Outcome::Answered);
    let chosen = notes(&events, ls).find_map(|(_, note)| match note {
        Note::Chose { upstreams, .. } => upstreams.first().copied(),
        _ => None,
    });
    (at.since(asked.at), chosen.expect("the LS chose"))
}

fn ejected(bench: &Bench, from: u64, of: NodeId) {
    bench.until(from, "it is ejected", |event| {
        matches!(&event.fact, Fact::Noted(Note::Ejected { upstream, .. }) if *upstream == of)
    });
}

fn restored(bench: &Bench, from: u64, of: NodeId) {
    let event = bench.until(from, "it is taken back", |event| {
        matches!(&event.fact, Fact::Noted(Note::Restored { upstream, .. }) if *upstream == of)
    });
    let Fact::Noted(Note::Restored { successes, .. }) = event.fact else { unreachable!() };
    assert_eq!(successes, 2, "`rise` successes in a row");
}

#[test]
fn a_killed_server_costs_nothing_and_comes_back_after_so_many_successes() {
    let bench = Bench::start(FAILOVER);
    let (ts1, ts2) = (bench.id("ts1"), bench.id("ts2"));
    assert_eq!(ask_once(&bench).1, ts1);
    let from = bench.handle.end();
    bench.command("kill ts1", |event| matches!(event.fact, Fact::NodeKilled { .. }));
    // The reset tells at once: nobody waits for a silence to end.
    let (took, _) = ask_once(&bench);
    assert!(took < FAILOVER_AFTER, "{took:?}");
    ejected(&bench, from, ts1);
    let (took, chosen) = ask_once(&bench);
    assert!(took < FAILOVER_AFTER && chosen == ts2, "{took:?}");
    bench.give("revive ts1");
    restored(&bench, from, ts1);
    assert_eq!(ask_once(&bench).1, ts1, "it is the first again");
}

#[test]
fn a_frozen_server_costs_its_timeout_until_it_is_ejected() {
    let bench = Bench::start(FAILOVER);
    let (ts1, ts2) = (bench.id("ts1"), bench.id("ts2"));
    assert_eq!(ask_once(&bench).1, ts1);
    let from = bench.handle.end();
    bench.command("freeze ts1", |event| matches!(event.fact, Fact::NodeFrozen { .. }));
    for _ in 0..2 {
        let (took, chosen) = ask_once(&bench);
        assert!(took >= FAILOVER_AFTER, "only silence can tell: {took:?}");
        assert_eq!(chosen, ts1);
    }
    ejected(&bench, from, ts1);
    let (took, chosen) = ask_once(&bench);
    assert!(took < FAILOVER_AFTER && chosen == ts2, "it is skipped: {took:?}");
    bench.command("thaw ts1", |event| matches!(event.fact, Fact::NodeThawed { .. }));
    restored(&bench, from, ts1);
    assert_eq!(ask_once(&bench).1, ts1);
    // What it answered when it thawed was late for its questions, and no answer to any other.
    let world = bench.world();
    assert_eq!((world.truth.misgiven, world.truth.unmatched), (0, 0));
    assert!(world.truth.late >= 2);
}

#[test]
fn half_of_everything_lost_makes_no_server_flap() {
    let bench = Bench::start(FAILOVER);
    let (ts1, client) = (bench.id("ts1"), bench.id("client"));
    assert_eq!(ask_once(&bench).1, ts1);
    bench.give("speed 4");
    bench.command("loss ls<->ts1 50%", |event| matches!(event.fact, Fact::FaultsSet { .. }));
    bench.give("load client 20/s");
    let begun = bench.handle.now();
    common::eventually("sixteen lab seconds pass", || {
        bench.handle.wait(bench.handle.end() + 1000, Duration::from_millis(100));
        bench.handle.now().since(begun) > Duration::from_secs(16)
    });
    end_load(&bench, &["client"]);
    let (ls, events) = (bench.id("ls"), bench.finish());
    let out: Vec<LabTime> = notes(&events, ls)
        .filter(|(_, note)| matches!(note, Note::Ejected { .. }))
        .map(|(at, _)| at)
        .collect();
    assert!(!out.is_empty(), "half of everything lost is noticed");
    for pair in out.windows(2) {
        let apart = pair[1].since(pair[0]);
        assert!(apart >= Duration::from_millis(1990), "ejected twice within {apart:?}");
    }
    let all = questions(&events, client);
    let unanswered: Vec<&Asked> = all
        .values()
        .filter(|asked| asked.ended.as_ref().is_none_or(|ended| ended.1 != Outcome::Answered))
        .collect();
    assert!(all.len() > 200 && unanswered.is_empty(), "{}: {unanswered:?}", all.len());
}

// ---- L7: sticky ---------------------------------------------------------------------------------------------------

#[test]
fn a_name_stays_with_its_server_until_that_dies() {
    let (all, table) = (names(1..=100), table(100));
    let client = |name: &str| {
        format!(
            "[nodes.{name}]\nrole = \"client\"\nasks = \"ls\"\nnames = {all}\ntimeout = \"15s\"\n"
        )
    };
    let text = format!(
        "title = \"sticky\"\n{}{}{}[nodes.ls]\nrole = \"ls\"\nupstreams = [\"ts1\", \"ts2\"]\n\
         policy = \"sticky\"\ntimeout = \"10s\"\nfailover = true\n\
         [nodes.ts1]\nrole = \"ts\"\nrecords = \"\"\"\n{table}\"\"\"\n\
         [nodes.ts2]\nrole = \"ts\"\nrecords = \"\"\"\n{table}\"\"\"\n",
        client("anna"),
        client("bert"),
        client("carl"),
    );
    let bench = Bench::start(&text);
    let (ls, ts1, ts2) = (bench.id("ls"), bench.id("ts1"), bench.id("ts2"));
    three_lists(&bench, 0);
    let events = bench.events();
    let before = homes(&events, ls);
    assert_eq!(before.len(), 100, "a table entry for each name, whoever asks");
    assert!(before.values().all(|asked| asked.len() == 1), "nobody is asked for another's name");
    let at = |which: NodeId| before.values().filter(|asked| asked.contains(&which)).count();
    assert_eq!((at(ts1), at(ts2)), (50, 50));

    bench.command("kill ts1", |event| matches!(event.fact, Fact::NodeKilled { .. }));
    let from = bench.handle.end();
    three_lists(&bench, from);
    let tail = bench.handle.read(from, usize::MAX);
    let events: Vec<Event> = tail.events().cloned().collect();
    let after = homes(&events, ls);
    assert_eq!(after.len(), 100);
    assert!(after.values().all(|asked| asked.contains(&ts2)), "the other one has them all");
    let moved = notes(&events, ls).filter(|(_, note)| {
        matches!(note, Note::Stuck { before: Some(before), upstream, .. }
            if *before == ts1 && *upstream == ts2)
    });
    assert_eq!(moved.count(), 50, "the dead one's names move, each once, and no other");
    for client in ["anna", "bert", "carl"] {
        let all = questions(&events, bench.id(client));
        let good = |asked: &Asked| {
            asked.ended.as_ref().is_some_and(|(_, _, address)| *address == address_of(&asked.name))
        };
        assert_eq!(all.values().filter(|asked| good(asked)).count(), 100);
    }
}

fn three_lists(bench: &Bench, from: u64) {
    for client in ["anna", "bert", "carl"] {
        bench.give(&format!("batch {client}"));
    }
    let ended = || {
        let tail = bench.handle.read(from, usize::MAX);
        let ended =
            tail.events().filter(|event| matches!(event.fact, Fact::Noted(Note::ListEnded { .. })));
        ended.count()
    };
    bench.until(from, "three lists are through", |_| ended() >= 3);
}

/// Who was sent questions of which name.
fn homes(events: &[Event], ls: NodeId) -> BTreeMap<String, BTreeSet<NodeId>> {
    let mut homes: BTreeMap<String, BTreeSet<NodeId>> = BTreeMap::new();
    for event in events {
        if let (Owner::Node(node, _), Fact::MessageSent { to, about: Some(_), message, .. }) =
            (event.id.owner, &event.fact)
            && node == ls
            && let (Some(to), faultlab::message::Message::Ask { name, .. }) =
                (to.node(), message.as_ref())
        {
            homes.entry(name.as_str().to_owned()).or_default().insert(to);
        }
    }
    homes
}
