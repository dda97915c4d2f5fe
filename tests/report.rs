//! The words: one line an event, the sentence that says why, the report, and events as JSON.

#[path = "fold/lab.rs"]
mod lab;
#[path = "fold/traffic.rs"]
mod traffic;

use faultlab::command::grammar;
use faultlab::event::{Event, Fact};
use faultlab::message::{Message, Note};
use faultlab::report::{self, Exit, Report, Tally, events};
use faultlab::topology::{Policy, Topology};
use faultlab::world::World;
use lab::{Entry, fold, parse, topology};
use std::collections::BTreeMap;
use std::sync::Arc;

fn lines(topology: &Arc<Topology>, text: &str) -> Vec<String> {
    parse(text, &topology.names)
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Event(event) => report::line(&event, &topology.names),
            Entry::Gap(_) => None,
        })
        .collect()
}

#[test]
fn a_race_reads_as_a_story() {
    let topology = topology(Policy::Race);
    let text = include_str!("fold/race-late-loser.events");
    assert_eq!(
        lines(&topology, text),
        [
            "client  starts",
            "ls  starts",
            "ts1  starts",
            "ts2  starts",
            "client → ls  asks www.both.com",
            "ls → ts1  asks www.both.com",
            "ls → ts2  asks www.both.com",
            "ts1 → ls  192.0.2.3",
            "ls  takes ts1's answer: the first valid one",
            "ls → client  192.0.2.3",
            "ts2 → ls  192.0.2.3",
            "client  has its answer",
            "ls  ts2 answers too late, dropped: 192.0.2.3",
        ]
    );
}

#[test]
fn a_frame_that_had_to_be_repeated_says_how_often_and_how_late_it_is() {
    let topology = topology(Policy::Race);
    let text = "0 lab repeated ls ts1 f1 2 600\n1 lab repeated ts1 ls f4 1 200";
    assert_eq!(
        lines(&topology, text),
        [
            "ls → ts1  2 transmissions lost: 600 ms late",
            "ts1 → ls  1 transmission lost: 200 ms late"
        ]
    );
}

#[test]
fn faults_beliefs_and_steps_have_their_lines() {
    let topology = topology(Policy::Race);
    let text = "0 lab <-? faults ls ts1 +200ms 30%\n1 lab kill ts1\n2 lab crash ts2\n\
        3 lab power-off ts1\n4 lab freeze ts1\n5 lab thaw ts1\n6 ts1.2 boot\n\
        7 ls believes ts1 down\n8 ls ejects ts1 6070\n9 ls restores ts1\n\
        10 ls stuck www.both.com ts2 before ts1\n11 ls window w1 3050\n\
        12 ls window-closed w1 8 3\n13 ls spins\n14 lab missing 1200\n15 lab step 2\n\
        16 lab judged 2 0 failed\n17 lab flipped 2 repaired\n18 ts2 decided q1 negative table\n\
        19 lab lost ls ts1 f4 host_off\n20 ls <-? recv visitor-3 ask www.a.com\n\
        21 ls heard q1 ts1 silent\n22 ls decided q1 silent deadline says notfound\n\
        23 client heard q1 ls silent says notfound\n\
        24 client decided q1 silent only_answer from ls says notfound";
    assert_eq!(
        lines(&topology, text),
        [
            "ls → ts1  latency 40 ms, +200 ms, loss 30 %",
            "ts1  KILLED",
            "ts2  CRASHED: index out of range",
            "ts1  POWERED OFF",
            "ts1  FROZEN",
            "ts1  thawed: it goes on where it stood",
            "ts1  starts again, life 2: it remembers nothing",
            "ls  believes that ts1 is down",
            "ls  ejects ts1 after 2 failures in a row",
            "ls  takes ts1 back after 2 successes in a row",
            "ls  www.both.com moves from ts1 to ts2",
            "ls  window 1 opens, until 3.050 s",
            "ls  window 1 closes (its time is over): 3 of 8 names without an answer",
            "ls  SPINS instead of stopping",
            "log  1,200 events are missing here",
            "step 2  begins",
            "step 2  FAILED, expectation 1: ended silent after 5,003 ms",
            "step 2  as repaired",
            "ts2  has no such name and says nothing",
            "ls → ts1  a frame vanishes: the host has no power",
            "visitor-3 → ls  asks www.a.com",
            "ls  ts1 said nothing in time",
            "ls  gives up: its time is over",
            "client  is told by ls: host not found",
        ]
    );
}

#[test]
fn a_command_is_told_in_its_own_words() {
    let topology = topology(Policy::Race);
    let entries = parse("0 lab <-? command kill ts1", &topology.names);
    let Entry::Event(event) = &entries[0] else { panic!("an event") };
    let Fact::CommandGiven { command, .. } = &event.fact else { panic!("a command") };
    let words = grammar::words(command, &topology.names);
    let line = report::line(event, &topology.names);
    assert_eq!(line.as_deref(), Some(format!("you  {words}").as_str()));
}

const HOSTILE: &str = "\u{1b}[2J\u{1b}]52;c;AAAA\u{7}\u{9b}31m\u{202e}\u{200b}\r\0";

fn hostile_events() -> Vec<Event> {
    let topology = topology(Policy::Race);
    let mut events: Vec<Event> = parse(
        "0 ls <-? recv visitor-1 ask x\n1 lab crash ts1\n2 ls changed a b\n3 lab judged 1 0 failed",
        &topology.names,
    )
    .into_iter()
    .filter_map(|entry| match entry {
        Entry::Event(event) => Some(event),
        Entry::Gap(_) => None,
    })
    .collect();
    let text: Arc<str> = Arc::from(HOSTILE);
    for event in &mut events {
        match &mut event.fact {
            Fact::MessageReceived { message, .. } => *message = Arc::new(Message::ask(HOSTILE)),
            Fact::NodeCrashed { why, .. } => *why = text.clone(),
            Fact::Noted(Note::Changed { key, value }) => {
                *key = text.clone();
                *value = text.clone();
            }
            Fact::ExpectationJudged { seen, .. } => *seen = text.clone(),
            _ => {}
        }
    }
    events
}

#[test]
fn text_from_strangers_never_reaches_a_terminal_as_it_came() {
    let topology = topology(Policy::Race);
    let harmless = |text: &str| {
        text.chars()
            .all(|c| c == '\n' || !(c.is_control() || ('\u{200b}'..='\u{202e}').contains(&c)))
    };
    let mut file = Vec::new();
    for event in hostile_events() {
        let line = report::line(&event, &topology.names).expect("a line");
        assert!(harmless(&line), "{line:?}");
        events::write_event(&mut file, &event, &topology.names).expect("it is written");
    }
    let file = String::from_utf8(file).expect("text");
    assert!(file.is_ascii() && harmless(&file), "{file}");
    let names = faultlab::base::Names::new([HOSTILE, "b"]);
    let line = report::line(&hostile_events()[1], &names).expect("a line");
    assert!(harmless(&line), "{line:?}");
}

fn written(topology: &Topology, list: &[Event]) -> Vec<u8> {
    let mut file = Vec::new();
    events::write_header(&mut file, topology).expect("it is written");
    for event in list {
        events::write_event(&mut file, event, &topology.names).expect("it is written");
    }
    file
}

#[test]
fn events_read_back_as_they_were_written() {
    let topology = topology(Policy::Race);
    let mut list = traffic::run(5, 40);
    list.extend(hostile_events());
    let faults =
        "0 lab faults ls ts1 cut 0.1\n1 lab moved ls ts1 f1 never\n2 lab census ts1 3 frozen";
    list.extend(parse(faults, &topology.names).into_iter().filter_map(|entry| match entry {
        Entry::Event(event) => Some(event),
        Entry::Gap(_) => None,
    }));
    let file = written(&topology, &list);
    let (header, read) = events::read(file.as_slice()).expect("a header");
    assert_eq!(header, events::Header::new(&topology));
    assert_eq!(header.names(), topology.names);
    let read: Vec<Event> = read.map(|event| event.expect("an event")).collect();
    assert_eq!(read, list);
    let first = String::from_utf8(file).expect("text").lines().nth(1).map(str::to_owned);
    assert_eq!(
        first.as_deref(),
        Some(concat!(
            r#"{"t_ns":0,"n":1,"node":"client","incarnation":1,"cause":"boot","#,
            r#""text":"client  starts","fact":{"node_booted":{"node":0,"incarnation":1}}}"#,
        ))
    );
}

#[test]
fn a_damaged_recording_names_the_line_and_the_problem() {
    let topology = topology(Policy::Race);
    let good = written(&topology, &traffic::run(5, 2));
    let problem = |file: &[u8]| match events::read(file) {
        Err(error) => error.to_string(),
        Ok((_, mut read)) => read.find_map(Result::err).expect("an error").to_string(),
    };
    assert!(problem(b"").starts_with("line 1: the file is empty"), "{}", problem(b""));
    let no_header = problem(b"{}\n");
    assert!(no_header.starts_with("line 1: this is no header"), "{no_header}");
    let mut newer = good.clone();
    let place = newer.windows(10).position(|text| text == b"\"format\":1").expect("a format") + 9;
    newer[place] = b'9';
    assert!(problem(&newer).contains("has format 9"), "{}", problem(&newer));
    let cut = problem(&good[..good.len() - 5]);
    assert!(cut.contains("cut off"), "{cut}");
    let mut flipped = good.clone();
    let third =
        good.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).expect("lines").0;
    flipped[third + 1] = b'[';
    assert!(problem(&flipped).starts_with("line 3: this is no event"), "{}", problem(&flipped));
    let long = [good, vec![b'x'; 2 << 20]].concat();
    assert!(problem(&long).contains("longer than 1 MiB"), "{}", problem(&long));
    let stranger =
        r#"{"t_ns":0,"n":1,"node":"\u001b[2J","incarnation":1,"cause":"boot","fact":"x"}"#;
    let header = written(&topology, &[]);
    let stranger = problem(&[header, format!("{stranger}\n").into_bytes()].concat());
    assert!(!stranger.contains('\u{1b}') && stranger.starts_with("line 2"), "{stranger}");
}

#[test]
fn the_report_counts_what_the_world_saw() {
    let topology = topology(Policy::Race);
    let list = traffic::run(21, 300);
    let (mut world, mut tally) = (World::new(topology.clone()), Tally::default());
    for event in &list {
        tally.observe(event);
        world.apply(event);
    }
    let options = BTreeMap::from([("for_ms".to_owned(), serde_json::json!(10_000))]);
    let report = Report::new(&world, &tally, Exit::Passed, options, |_| "words".into());
    assert_eq!((report.asked, report.gaps, report.seed, report.exit_code), (300, 0, 7, 0));
    let ended: u64 = report.ended.iter().filter(|(word, _)| *word != "late").map(|(_, n)| n).sum();
    assert_eq!(ended + report.open, report.asked);
    assert_eq!(report.latency_ms.count, report.ended["answered"]);
    let of_clients: u64 = report.clients.iter().map(|client| client.latency_ms.count).sum();
    assert_eq!(of_clients, report.latency_ms.count);
    let latency = report.latency_ms;
    // The world measures the same by itself: no figure is cut off where the histogram had no room yet.
    let longest = world.races.iter().filter(|race| {
        race.verdict
            .as_ref()
            .is_some_and(|verdict| verdict.outcome == faultlab::message::Outcome::Answered)
    });
    let longest = longest.filter_map(|race| race.took()).max().expect("some were answered");
    let longest = longest.as_secs_f64() * 1e3;
    assert!((latency.max - longest).abs() <= longest / 500.0, "{latency:?} {longest}");
    assert!(0.0 < latency.p50 && latency.p50 <= latency.p95 && latency.p95 <= latency.p99);
    assert!(latency.p99 <= latency.max && latency.max < 500.0, "{latency:?}");
    assert_eq!(report.late, report.servers.iter().map(|server| server.too_late).sum::<u64>());
    assert_eq!(report.balancers[0].policy, "race");
    assert!(report.extra_upstream_load > 0.5, "{}", report.extra_upstream_load);
    let json = report.to_json().expect("JSON");
    assert!(json.is_ascii() && json.ends_with("}\n"));
    assert_eq!(serde_json::from_str::<Report>(&json).expect("a report"), report);
}

#[test]
fn the_keys_of_the_report_are_documented() {
    let topology = topology(Policy::Race);
    let mut world = fold(&topology, &[]);
    // With questions there are policies, eras, and all that stands in them.
    for event in traffic::run(21, 30) {
        world.apply(&event);
    }
    let report =
        Report::new(&world, &Tally::default(), Exit::Unknown, BTreeMap::new(), |_| "words".into());
    let documented = include_str!("../docs/report.md");
    let value = serde_json::to_value(&report).expect("JSON");
    let mut undocumented = Vec::new();
    keys(&value, &mut |key| {
        if !documented.contains(&format!("`{key}`")) {
            undocumented.push(key.to_owned());
        }
    });
    for key in ["step", "text", "judgement", "seen"] {
        assert!(documented.contains(&format!("`{key}`")), "{key}");
    }
    keys(&of_a_store(), &mut |key| {
        // Whatever stands inside is documented with the key it stands in.
        if !documented.contains(&format!("`{key}`")) {
            undocumented.push(key.to_owned());
        }
    });
    undocumented.sort();
    undocumented.dedup();
    assert!(undocumented.is_empty(), "{undocumented:?}");
}

/// The report of a lab with replicas, two of them: a leader that is killed, and what dies with it.
fn of_a_store() -> serde_json::Value {
    let lab = r#"
        title = "store"
        seed = 3
        [defaults.link]
        latency = "5ms"
        [nodes.writer]
        role = "client"
        asks = ["r1", "r2"]
        operations = ["put colour {n}"]
        [nodes.r1]
        role = "replica"
        peers = ["r2"]
        lag = "300ms"
        [nodes.r2]
        role = "replica"
        peers = ["r1"]
        lag = "300ms"
    "#;
    let loaded = faultlab::topology::load_text("store.toml", lab, &faultlab::topology::Bundled);
    let topology = std::sync::Arc::new(loaded.expect("a topology").topology);
    let mut sim = faultlab::sim::Sim::new(&topology, 3);
    let give = |sim: &mut faultlab::sim::Sim, words: &str| {
        let command = faultlab::command::grammar::command(words, &topology.names).expect(words);
        sim.give(command).expect(words);
    };
    sim.run_until(faultlab::base::LabTime::from_millis(500));
    give(&mut sim, "load writer 50/s");
    sim.run_until(faultlab::base::LabTime::from_millis(2500));
    give(&mut sim, "kill r1");
    sim.run_until(faultlab::base::LabTime::from_millis(12_500));
    give(&mut sim, "load writer off");
    give(&mut sim, "revive r1");
    sim.run_until(faultlab::base::LabTime::from_millis(20_000));
    let mut world = faultlab::world::World::new(topology.clone());
    let mut tally = Tally::default();
    for event in sim.log().read(0, usize::MAX).events() {
        world.apply(event);
        tally.observe(event);
    }
    let report = Report::new(&world, &tally, Exit::Unknown, BTreeMap::new(), |_| "words".into());
    let text = report.to_json().expect("JSON");
    assert_eq!(serde_json::from_str::<Report>(&text).expect("a report"), report);
    let latency = report.op_latency_ms.expect("there are replicas");
    assert!((10.0..100.0).contains(&latency.p50) && latency.max > 1000.0, "{latency:?}");
    let store = report.store.expect("there are replicas");
    // What the leader had acknowledged and not yet sent died with it: 50 a second for 300 ms.
    assert!((8..=25).contains(&store.predicted_lost), "{store:?}");
    assert!((store.predicted_by_rate - 15.0).abs() < 3.0, "{store:?}");
    assert_eq!(store.discarded, store.predicted_lost, "{store:?}");
    assert_eq!(store.lost_acked, store.predicted_lost, "{store:?}");
    assert_eq!((store.leaders_max, store.elections), (1, 1), "{store:?}");
    assert_eq!(store.failovers.len(), 1);
    assert!(store.failovers[0].served_ms.is_some_and(|ms| ms > 1000.0), "{store:?}");
    assert_eq!(store.store_verdict, "invalid");
    serde_json::from_str(&text).expect("JSON")
}

fn keys(value: &serde_json::Value, found: &mut impl FnMut(&str)) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                found(key);
                keys(value, found);
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}
