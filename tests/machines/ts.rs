//! The TS: table, misses, service time, workers and queue, lies, dialects, stop.

use crate::harness::*;
use faultlab::event::Ending;
use faultlab::machine::{Effect, Told};
use faultlab::message::{HostName, Message, Note, Said};
use faultlab::topology::{Dialect, OnMiss, Policy, Service, Setting, Topology, TsConfig};

fn lab(change: impl FnOnce(&mut TsConfig)) -> Topology {
    let mut topology = topology(ls_config(Policy::Race));
    change(ts_of(&mut topology, TS1));
    topology
}

fn ts(change: impl FnOnce(&mut TsConfig)) -> (Solo, faultlab::base::ConnId) {
    let mut ts = Solo::new(lab(change), TS1);
    let ls = ts.accept(faultlab::base::Peer::Node(LS));
    (ts, ls)
}

#[test]
fn it_answers_in_the_tables_spelling_and_passes_over_what_it_has_not() {
    let (mut ts, ls) = ts(|_| {});
    ts.ask(ls, "a");
    ts.ask(ls, "x");
    assert_eq!(
        ts.lines(),
        [
            "took 1 a",
            "decided 1 answered Table",
            "send ls A 1.1.1.1 A",
            "took 2 x",
            "decided 2 negative Table",
        ]
    );
    ts.set(Setting::OnMiss(OnMiss::Negative));
    ts.ask(ls, "x");
    assert_eq!(ts.only(&["send"]), ["send ls x NEGATIVE"]);
    assert!(ts.timers.is_empty());
}

#[test]
fn a_silent_miss_says_nothing_and_the_note_says_that_too() {
    let (mut ts, ls) = ts(|_| {});
    ts.ask(ls, "x");
    let said: Vec<_> = ts
        .done
        .iter()
        .filter_map(|effect| match effect {
            Effect::Note(Note::Decided { said, .. }) => Some(said.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(said, [None]);
}

#[test]
fn each_dialect_has_its_own_words() {
    for (dialect, hit, miss) in [
        (Dialect::First2021, "send ls A 1.1.1.1 A", None),
        (Dialect::First2023, "send ls A 1.1.1.1 A IN", None),
        (Dialect::Sticky2021, "send ls - 1.1.1.1", Some("send ls - NEGATIVE")),
    ] {
        let mut topology = lab(|_| {});
        topology.dialect = dialect;
        let mut ts = Solo::new(topology, TS1);
        let ls = ts.accept(faultlab::base::Peer::Node(LS));
        ts.ask(ls, "a");
        ts.ask(ls, "a");
        ts.ask(ls, "x");
        let expected: Vec<&str> = [hit, hit].into_iter().chain(miss).collect();
        assert_eq!(ts.only(&["send"]), expected);
        ts.hear(ls, Message::Ask { name: HostName::new("a"), id: Some(5), dns: None });
        assert!(
            ts.only(&["send"])[0].starts_with("send ls @5 A 1.1.1.1"),
            "an id always has its name"
        );
    }
}

#[test]
fn answers_take_their_time_and_may_overtake_each_other_where_they_bear_names() {
    let slow = Service::SlowShare { usual: ms(5), slow: ms(500), share: 0.5 };
    let order = |dialect| {
        let mut topology = lab(|ts| {
            ts.responds = slow;
            ts.records = records(&[
                ("n0", "0"),
                ("n1", "1"),
                ("n2", "2"),
                ("n3", "3"),
                ("n4", "4"),
                ("n5", "5"),
            ]);
        });
        topology.dialect = dialect;
        let mut ts = Solo::new(topology, TS1);
        let ls = ts.accept(faultlab::base::Peer::Node(LS));
        for name in ["n0", "n1", "n2", "n3", "n4", "n5"] {
            ts.ask(ls, name);
        }
        ts.at(1000);
        let sent = ts.only(&["send"]);
        assert_eq!(sent.len(), 6);
        sent.iter().map(|line| line.split(' ').nth(3).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let named = order(Dialect::First2021);
    assert_ne!(named, ["0", "1", "2", "3", "4", "5"], "the seed has slow ones before quick ones");
    assert_eq!(order(Dialect::Sticky2021), ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn the_time_a_question_takes_depends_on_its_number_alone() {
    let times = |gap: u64| {
        let (mut ts, ls) =
            ts(|ts| ts.responds = Service::Shaped(ms(50), faultlab::message::Shape::Exponential));
        let mut took = Vec::new();
        for n in 0..5 {
            ts.at(n * gap);
            ts.ask(ls, "a");
            let due = *ts.timers.values().max().unwrap();
            took.push(due.since(ts.now));
            ts.at((n + 1) * gap);
        }
        took
    };
    assert_eq!(times(1000), times(5000));
}

#[test]
fn workers_take_from_a_queue_and_a_full_one_says_so() {
    let (mut ts, ls) = ts(|ts| {
        ts.responds = Service::Constant(ms(10));
        ts.workers = Some(1);
        ts.queue = 1;
    });
    for _ in 0..3 {
        ts.ask(ls, "a");
    }
    assert_eq!(
        ts.only(&["send", "decided", "Overflowed"]),
        [
            "decided 3 failed QueueFull",
            "send ls a FAILED the queue is full",
            "Overflowed { refused: 1 }",
        ]
    );
    ts.at(19);
    assert_eq!(ts.only(&["decided"]), ["decided 1 answered Table"]);
    ts.at(20);
    assert_eq!(ts.only(&["decided"]), ["decided 2 answered Table"]);
    for _ in 0..2 {
        ts.ask(ls, "a");
    }
    ts.ask(ls, "a");
    ts.set(Setting::Workers(None));
    ts.lines();
    ts.at(30);
    assert_eq!(ts.only(&["decided"]).len(), 2, "more workers take what waits");
}

#[test]
fn a_liar_tells_one_lie_for_one_name_and_stops_when_told() {
    let (mut ts, ls) = ts(|_| {});
    ts.set(Setting::Lie(true));
    ts.ask(ls, "a");
    ts.ask(ls, "A");
    let lines = ts.only(&["send", "decided"]);
    assert_eq!(lines[0], "decided 1 answered Lie");
    assert_eq!(lines[1], lines[3], "the same lie twice");
    assert!(lines[1].starts_with("send ls A 198.1"), "{}", lines[1]);
    let lie = lines[1]["send ls A ".len()..].trim_end_matches(" A").to_owned();
    ts.set(Setting::Lie(false));
    ts.ask(ls, "a");
    assert_eq!(ts.only(&["send"]), ["send ls A 1.1.1.1 A"]);
    let (mut ts, ls) = self::ts(|ts| {
        ts.records = records(&[("a", &lie)]);
        ts.lie = true;
    });
    ts.ask(ls, "a");
    assert_ne!(ts.only(&["send"]), [format!("send ls a {lie} A")], "a lie that is true is none");
}

#[test]
fn a_dead_askers_questions_free_their_worker() {
    let (mut ts, ls) = ts(|ts| {
        ts.responds = Service::Constant(ms(10));
        ts.workers = Some(1);
    });
    let other = ts.visitor();
    ts.ask(ls, "a");
    ts.ask(ls, "a");
    ts.ask(other, "a");
    ts.lines();
    ts.end(ls, Ending::Reset);
    assert_eq!(ts.lines(), ["decided 1 cancelled AskerGone", "decided 2 cancelled AskerGone"]);
    ts.at(10);
    assert_eq!(ts.only(&["send"]), ["send visitor-1 A 1.1.1.1 A"]);
}

#[test]
fn half_a_close_is_answered_and_then_closed() {
    let (mut ts, ls) = ts(|ts| ts.responds = Service::Constant(ms(10)));
    ts.ask(ls, "a");
    ts.end(ls, Ending::EndOfFile);
    ts.lines();
    ts.at(10);
    assert_eq!(ts.only(&["send", "close"]), ["send ls A 1.1.1.1 A", "close ls"]);
    let idle = ts.visitor();
    ts.end(idle, Ending::EndOfFile);
    assert_eq!(ts.lines(), ["close visitor-1"]);
}

#[test]
fn stop_cancels_what_is_at_hand() {
    let (mut ts, ls) = ts(|ts| ts.responds = Service::Constant(ms(10)));
    ts.ask(ls, "a");
    ts.lines();
    ts.tell(Told::Stop);
    assert_eq!(
        ts.lines(),
        [
            "stopping 1",
            "decided 1 cancelled Stopping",
            "send ls a FAILED stopping",
            "close ls",
            "exit",
        ]
    );
    ts.at(1000);
    assert_eq!(ts.lines(), Vec::<String>::new());
}

#[test]
fn glued_names_are_one_unknown_name() {
    let (mut ts, ls) = ts(|ts| ts.on_miss = OnMiss::Negative);
    ts.hear(ls, Message::Text("aa".into()));
    assert_eq!(ts.only(&["took", "send"]), ["took 1 aa", "send ls aa NEGATIVE"]);
    ts.hear(ls, Message::End);
    ts.hear(ls, says("a", Said::Negative));
    assert_eq!(ts.lines(), Vec::<String>::new(), "what is no question is passed over");
}
