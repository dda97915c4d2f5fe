//! The words: one line an event, the sentence that says why, the report, and events as JSON.

#[path = "fold/lab.rs"]
mod lab;
#[path = "fold/traffic.rs"]
mod traffic;

use faultlab::base::{LabTime, NodeId, Peer, QuestionNo, VisitorId};
use faultlab::command::grammar;
use faultlab::event::{Event, Fact, Life};
use faultlab::message::{HostName, Message, Note, Outcome, Said, Why};
use faultlab::report::{self, Exit, Report, Tally, events};
use faultlab::topology::{Policy, Topology};
use faultlab::world::{Hindrance, Lane, LaneEnd, Race, RaceNo, Verdict, World};
use lab::{Entry, fold, parse, topology};
use std::collections::BTreeMap;
use std::sync::Arc;

const CLIENT: NodeId = NodeId(0);
const LS: NodeId = NodeId(2);
const TS1: NodeId = NodeId(3);
const TS2: NodeId = NodeId(4);

const WHYS: [Why; 15] = [
    Why::FirstAnswer,
    Why::OnlyAnswer,
    Why::AllNegative,
    Why::AllFailed,
    Why::Deadline,
    Why::WindowClosed,
    Why::AllIn,
    Why::EndOfFile,
    Why::Arrival,
    Why::SocketTimer,
    Why::Table,
    Why::Lie,
    Why::Stopping,
    Why::AskerGone,
    Why::NobodyLeft,
];

fn at(millis: u64) -> LabTime {
    LabTime::from_millis(millis)
}

fn found(address: &str) -> Said {
    Said::Found { address: Arc::from(address), flags: Arc::from("A") }
}

fn lane(upstream: NodeId, sent: Option<u64>, end: LaneEnd, ended: Option<u64>) -> Lane {
    Lane { sent: sent.map(at), end, ended: ended.map(at), ..Lane::new(upstream) }
}

/// A race that the LS took at 50 ms and decided at `decided`, and that the client heard of 40 ms later.
fn race(policy: &str, why: Why, outcome: Outcome, from: Option<NodeId>, decided: u64) -> Race {
    let said = match outcome {
        Outcome::Answered => found("192.0.2.1"),
        Outcome::Negative => Said::Negative,
        _ => Said::NotFound,
    };
    let mut race =
        Race::new(RaceNo(1), HostName::new("www.google.com"), Peer::Node(CLIENT), at(10));
    race.question = Some(QuestionNo(1));
    race.ls = Some(LS);
    race.more.to = Some(LS);
    race.taken = Some(at(50));
    race.ls_deadline = Some(at(5050));
    race.policy = Some(Arc::from(policy));
    let of_ls = Verdict { at: at(decided), outcome, said: Some(said), from, why };
    let mine = Verdict { at: at(decided + 40), from: Some(LS), said: None, ..of_ls.clone() };
    race.ls_verdict = Some(of_ls);
    race.verdict = Some(Verdict { why: Why::OnlyAnswer, ..mine });
    race.contradicted = outcome != Outcome::Answered && outcome != Outcome::Cancelled;
    race
}

fn with(mut race: Race, lanes: Vec<Lane>) -> Race {
    race.lanes = lanes;
    race
}

fn why(race: &Race) -> String {
    report::why(&World::new(topology(Policy::Race)), race)
}

#[test]
fn a_race_says_who_answered_first_and_what_became_of_the_others() {
    use LaneEnd::{Ended, NotSent, Won};
    let won = |policy| race(policy, Why::FirstAnswer, Outcome::Answered, Some(TS1), 121);
    let first = || lane(TS1, Some(50), Won, Some(121));
    let table = [
        (
            with(won("race"), vec![first(), lane(TS2, Some(50), Ended(Outcome::Late), Some(204))]),
            "ts1 answered first, after 71 ms; ts2 answered 83 ms later and was ignored.",
        ),
        (
            with(won("race"), vec![first(), lane(TS2, Some(50), LaneEnd::Waiting, None)]),
            "ts1 answered first, after 71 ms; ts2 has not answered yet.",
        ),
        (
            with(won("race"), vec![lane(TS2, Some(50), Ended(Outcome::Reset), Some(60)), first()]),
            "ts1 answered first, after 71 ms; ts2 died with the question.",
        ),
        (
            with(won("race"), vec![first(), lane(TS2, None, NotSent, None)]),
            "ts1 answered, after 71 ms; ts2 was not sent the question.",
        ),
        (
            with(won("sticky"), vec![first()]),
            "www.google.com sticks to ts1, which answered after 71 ms.",
        ),
        (
            with(won("round-robin"), vec![first(), lane(TS2, None, NotSent, None)]),
            "It was ts1's turn, and it answered after 71 ms.",
        ),
        (
            with(won("failover"), vec![first(), lane(TS2, None, NotSent, None)]),
            "ts1 is asked first, and it answered after 71 ms.",
        ),
    ];
    for (race, sentence) in table {
        assert_eq!(why(&race), sentence);
    }
}

#[test]
fn asking_the_next_says_why_the_first_was_given_up() {
    use LaneEnd::{Ended, Won};
    let won = |policy| race(policy, Why::FirstAnswer, Outcome::Answered, Some(TS2), 1121);
    let second = |sent| lane(TS2, Some(sent), Won, Some(1121));
    let table = [
        (
            with(
                won("failover"),
                vec![lane(TS1, Some(50), Ended(Outcome::Silent), Some(1050)), second(1050)],
            ),
            "ts1 said nothing for 1,000 ms, so the LS asked ts2, which answered after 71 ms.",
        ),
        (
            with(
                won("sticky"),
                vec![lane(TS1, None, Ended(Outcome::Refused), Some(50)), second(1050)],
            ),
            "ts1 refused the connection, so the LS asked ts2, which answered after 71 ms.",
        ),
        (
            with(
                won("round-robin"),
                vec![lane(TS1, Some(50), Ended(Outcome::Reset), Some(60)), second(1050)],
            ),
            "ts1 died with the question, so the LS asked ts2, which answered after 71 ms.",
        ),
    ];
    for (race, sentence) in table {
        assert_eq!(why(&race), sentence);
    }
}

#[test]
fn without_an_answer_the_truth_is_told_beside_what_was_heard() {
    use LaneEnd::{Ended, NotSent};
    let silent = || {
        vec![
            lane(TS1, Some(50), Ended(Outcome::Silent), Some(5050)),
            lane(TS2, Some(50), Ended(Outcome::Silent), Some(5050)),
        ]
    };
    let hindered = |mut race: Race, hindrance| {
        race.more.hindered = vec![(TS1, hindrance)];
        race
    };
    let deadline = || race("race", Why::Deadline, Outcome::Silent, None, 5050);
    let both = "Neither ts1 nor ts2 said anything for 5,000 ms, so the LS gave up.";
    let off = hindered(with(deadline(), silent()), Hindrance::Life(Life::PoweredOff));
    assert_eq!(why(&off), format!("{both} ts1 has the name but is powered off."));
    let cut = hindered(with(deadline(), silent()), Hindrance::Cut);
    assert_eq!(why(&cut), format!("{both} ts1 has the name but is cut off."));
    let mut nobody = with(deadline(), silent());
    nobody.name = HostName::new("www.none.com");
    nobody.contradicted = false;
    nobody.more.kept_silent = vec![TS1, TS2];
    let told = format!("{both} Nobody has the name, and a server without an entry says nothing.");
    assert_eq!(why(&nobody), told);
    let table = [
        (
            with(
                race("race", Why::AllNegative, Outcome::Negative, None, 130),
                vec![
                    lane(TS1, Some(50), Ended(Outcome::Negative), Some(130)),
                    lane(TS2, Some(50), Ended(Outcome::Negative), Some(120)),
                ],
            ),
            "Both ts1 and ts2 said that there is no such name. ts1 has the name.",
        ),
        (
            with(
                race("race", Why::FirstAnswer, Outcome::Negative, Some(TS2), 130),
                vec![
                    lane(TS1, Some(50), LaneEnd::Waiting, None),
                    lane(TS2, Some(50), Ended(Outcome::Negative), Some(130)),
                ],
            ),
            "ts2 was the first to speak and said that there is no such name; the LS took that \
             as final. ts1 has the name but had not got the question yet.",
        ),
        (
            with(
                race("failover", Why::AllFailed, Outcome::Failed, None, 60),
                vec![
                    lane(TS1, None, Ended(Outcome::Refused), Some(50)),
                    lane(TS2, Some(50), Ended(Outcome::Reset), Some(60)),
                ],
            ),
            "ts1 refused the connection and ts2 died with the question, and nobody else was left \
             to ask. ts1 has the name but refused the connection.",
        ),
        (
            with(
                race("batch", Why::WindowClosed, Outcome::Negative, None, 3050),
                vec![lane(TS1, None, NotSent, None)],
            ),
            "No answer was in after 3,000 ms, when the window closed, and the LS called that \
             “no such name”. ts1 has the name but was not sent the question.",
        ),
        (
            race("race", Why::EndOfFile, Outcome::Failed, Some(TS1), 60),
            "The connection to ts1 ended, and the LS took that for an answer: the crash won the \
             race. ts1 has the name.",
        ),
        (
            race("race", Why::SocketTimer, Outcome::Silent, None, 60),
            "The timer of the connection fired, which an earlier question had started, so this \
             one ended silent before its time. ts1 has the name.",
        ),
        (
            race("sticky", Why::NobodyLeft, Outcome::Failed, None, 50),
            "The LS had nobody to ask: every server was ejected or down, so the question ended \
             failed. ts1 has the name.",
        ),
        (
            race("race", Why::Stopping, Outcome::Cancelled, None, 60),
            "The LS was stopping and gave the question up.",
        ),
        (
            race("race", Why::AskerGone, Outcome::Cancelled, None, 60),
            "client went away, so the LS dropped the question.",
        ),
    ];
    for (race, sentence) in table {
        assert_eq!(why(&race), sentence);
    }
}

#[test]
fn a_batch_says_how_long_an_answer_lay_there() {
    let batch = |why, decided| {
        with(
            race("batch", why, Outcome::Answered, Some(TS1), decided),
            vec![lane(TS1, Some(50), LaneEnd::Won, Some(130))],
        )
    };
    assert_eq!(
        why(&batch(Why::WindowClosed, 3050)),
        "ts1 answered after 80 ms; the LS passed it on 2,920 ms later, when the window closed."
    );
    assert_eq!(
        why(&batch(Why::AllIn, 130)),
        "ts1 answered after 80 ms; the LS passed it on when the last answer of the batch was in, \
         so the window closed early."
    );
}

#[test]
fn every_way_a_race_can_end_has_its_sentence() {
    let ends = [LaneEnd::Waiting, LaneEnd::NotSent, LaneEnd::Won]
        .into_iter()
        .chain(Outcome::ALL.map(LaneEnd::Ended));
    let ends: Vec<LaneEnd> = ends.collect();
    let hostile = "www.\u{1b}[2Jgoogle\u{202e}.com";
    let mut told = 0;
    for why_ in WHYS {
        for outcome in Outcome::ALL {
            for policy in Policy::ALL.map(Policy::word) {
                for (end, from) in ends.iter().flat_map(|end| [(*end, Some(TS1)), (*end, None)]) {
                    let mut race = race(policy, why_, outcome, from, 130);
                    race.name = HostName::new(hostile);
                    race.lanes = vec![
                        lane(TS1, Some(50), end, Some(130)),
                        lane(TS2, None, LaneEnd::NotSent, None),
                    ];
                    for visitor in [false, true] {
                        if visitor {
                            race.asker = Peer::Visitor(VisitorId(1));
                        }
                        let sentence = why(&race);
                        assert!(sentence.ends_with('.'), "{why_:?} {outcome} {policy}: {sentence}");
                        assert!(!sentence.contains(['\u{1b}', '\u{202e}']), "{sentence}");
                        assert!(!sentence.contains("  ") && !sentence.contains(".."), "{sentence}");
                        told += 1;
                    }
                }
            }
        }
    }
    assert_eq!(told, 15 * 8 * 5 * 11 * 2 * 2);
}

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
fn faults_beliefs_and_steps_have_their_lines() {
    let topology = topology(Policy::Race);
    let text = "0 lab <-? faults ls ts1 +200ms 30%\n1 lab kill ts1\n2 lab crash ts2\n\
        3 lab power-off ts1\n4 lab freeze ts1\n5 lab thaw ts1\n6 ts1.2 boot\n\
        7 ls believes ts1 down\n8 ls ejects ts1 6070\n9 ls restores ts1\n\
        10 ls stuck www.both.com ts2 before ts1\n11 ls window w1 3050\n\
        12 ls window-closed w1 8 3\n13 ls spins\n14 lab missing 1200\n15 lab step 2\n\
        16 lab judged 2 0 failed\n17 lab flipped 2 repaired\n18 ts2 decided q1 negative table\n\
        19 lab lost ls ts1 f4 host_off\n20 ls <-? recv visitor-3 ask www.a.com\n\
        21 ls heard q1 ts1 silent\n22 ls decided q1 silent deadline says notfound";
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
            "step 2  expectation 1 FAILED: ended silent after 5,003 ms",
            "step 2  as repaired",
            "ts2  has no such name and says nothing",
            "ls → ts1  a frame vanishes: the host has no power",
            "visitor-3 → ls  asks www.a.com",
            "ls  ts1 said nothing in time",
            "ls  gives up: nobody said anything in time",
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
        Some(
            r#"{"t_ns":0,"n":1,"node":"client","incarnation":1,"cause":"boot","text":"client  starts","fact":{"node_booted":{"node":0,"incarnation":1}}}"#
        )
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
    let world = fold(&topology, &[]);
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
    undocumented.sort();
    undocumented.dedup();
    assert!(undocumented.is_empty(), "{undocumented:?}");
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
