//! Identical DNS questions in flight: one race for all who ask the same at once, and each has its own answer.

use crate::harness::*;
use faultlab::base::{ConnId, Peer, VisitorId};
use faultlab::event::Ending;
use faultlab::machine::{Effect, Told};
use faultlab::message::{
    Data, Flaw, Flaws, HostName, Message, Query, Rcode, RecordType, Response, Rr, Said,
};
use faultlab::topology::{LsConfig, Policy, Setting};
use std::sync::Arc;

fn dns(name: &str, id: u64, query: Query) -> Message {
    Message::Ask { name: HostName::new(name), id: Some(id), dns: Some(query) }
}

/// The usual question of somebody who speaks DNS.
fn ask(ls: &mut Solo, conn: ConnId, name: &str, id: u64) {
    ls.hear(conn, dns(name, id, Query::new(RecordType::A)));
}

fn askers(ls: &mut Solo) -> [ConnId; 3] {
    [1, 2, 3].map(|number| ls.accept(Peer::Visitor(VisitorId(number))))
}

fn racing() -> Solo {
    Solo::ls(ls_config(Policy::Race))
}

#[test]
fn who_asks_what_is_asked_already_joins_that_race_and_is_told_in_its_own_spelling() {
    let mut ls = racing();
    let [one, two, three] = askers(&mut ls);
    ask(&mut ls, one, "www.a", 7);
    ls.at(100);
    ask(&mut ls, two, "WWW.a", 8);
    ask(&mut ls, three, "www.A", 9);
    assert_eq!(
        ls.lines(),
        [
            "took 1 www.a",
            "chose 1 ts1,ts2 race",
            "send ts1 www.a?",
            "send ts2 www.a?",
            "took 2 WWW.a",
            "joined 2 to 1",
            "took 3 www.A",
            "joined 3 to 1",
        ]
    );
    ls.from(TS2, found("www.a", "2.2.2.2"));
    assert_eq!(
        ls.lines(),
        [
            "heard 1 ts2 answered",
            "decided 1 answered ts2 FirstAnswer",
            "send visitor-1 @7 www.a 2.2.2.2 A",
            "decided 2 answered ts2 Joined",
            "send visitor-2 @8 WWW.a 2.2.2.2 A",
            "decided 3 answered ts2 Joined",
            "send visitor-3 @9 www.A 2.2.2.2 A",
        ]
    );
    assert!(ls.timers.is_empty(), "{:?}", ls.timers);
    // The race is over: the next question begins one of its own.
    ask(&mut ls, two, "www.a", 10);
    assert_eq!(ls.only(&["chose", "joined"]), ["chose 4 ts1,ts2 race"]);
}

#[test]
fn records_that_bear_the_name_bear_it_as_each_asker_spelled_it() {
    let mut ls = racing();
    let [one, two, _] = askers(&mut ls);
    ask(&mut ls, one, "www.a", 7);
    ask(&mut ls, two, "WWW.A", 8);
    ls.done.clear();
    let rr = |name: &str| Rr {
        name: HostName::new(name),
        ttl: 60,
        data: Data::of("2.2.2.2".parse().expect("an address")),
    };
    let answers = Arc::from([rr("www.a"), rr("Other.a")]);
    let response = Response { answers, ..Response::new(Query::new(RecordType::A), Rcode::NoError) };
    let said = response.said();
    let name = Some(HostName::new("www.a"));
    ls.from(TS1, Message::Reply { name, id: None, said, dns: Some(Arc::new(response)) });
    let spelled = ls.done.iter().filter_map(|effect| match effect {
        Effect::Send { message: Message::Reply { dns: Some(response), .. }, .. } => {
            let names = response.answers.iter().map(|rr| rr.name.as_str().to_owned());
            Some(names.collect::<Vec<_>>())
        }
        _ => None,
    });
    assert_eq!(spelled.collect::<Vec<_>>(), [["www.a", "Other.a"], ["WWW.A", "Other.a"]]);
}

#[test]
fn only_the_same_name_type_and_way_are_the_same_question_and_only_over_dns() {
    let mut ls = racing();
    let [one, two, three] = askers(&mut ls);
    ask(&mut ls, one, "a", 1);
    ask(&mut ls, two, "b", 2);
    ls.hear(two, dns("a", 3, Query::new(RecordType::AAAA)));
    // It has come round: whoever made it wait for itself would never hear of it.
    ls.hear(two, dns("a", 4, Query { hops: 2, ..Query::new(RecordType::A) }));
    ls.hear(three, Message::ask("a"));
    ls.hear(three, Message::ask("a"));
    assert_eq!(ls.only(&["joined"]), Vec::<String>::new());
    ls.hear(three, dns("a", 5, Query { hops: 2, ..Query::new(RecordType::A) }));
    assert_eq!(ls.only(&["joined"]), ["joined 7 to 4"]);
    let mut ls = Solo::ls(LsConfig { merge: false, ..ls_config(Policy::Race) });
    let [one, two, _] = askers(&mut ls);
    ask(&mut ls, one, "a", 1);
    ask(&mut ls, two, "a", 2);
    assert_eq!(ls.only(&["joined", "chose"]), ["chose 1 ts1,ts2 race", "chose 2 ts1,ts2 race"]);
}

#[test]
fn a_hundred_who_ask_a_dead_name_at_once_cost_one_question_for_each_server() {
    for policy in [Policy::Race, Policy::Failover, Policy::RoundRobin, Policy::Hedge] {
        let mut ls = Solo::ls(ls_config(policy));
        for number in 1..=100 {
            let conn = ls.accept(Peer::Visitor(VisitorId(number)));
            ask(&mut ls, conn, "dead.a", number.into());
        }
        ls.at(10_000);
        let lines = ls.lines();
        let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
        assert_eq!((count("send ts1"), count("send ts2")), (1, 1), "{policy:?}");
        assert_eq!((count("decided"), count("send visitor")), (100, 100), "{policy:?}");
        assert!(ls.timers.is_empty(), "{policy:?}: {:?}", ls.timers);
    }
}

#[test]
fn a_race_goes_on_for_those_who_joined_it_when_its_asker_leaves() {
    let mut ls = racing();
    let [one, two, three] = askers(&mut ls);
    ask(&mut ls, one, "a", 1);
    ask(&mut ls, two, "a", 2);
    ask(&mut ls, three, "a", 3);
    ls.lines();
    ls.end(one, Ending::Reset);
    assert_eq!(ls.lines(), ["goes on 1 for 2"]);
    ls.end(three, Ending::Reset);
    assert_eq!(ls.lines(), ["decided 3 cancelled AskerGone"]);
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(
        ls.lines(),
        [
            "heard 1 ts1 answered",
            "decided 1 answered ts1 FirstAnswer",
            "decided 2 answered ts1 Joined",
            "send visitor-2 @2 a 1.1.1.1 A",
        ]
    );
}

#[test]
fn a_race_that_nobody_waits_for_any_more_is_given_up() {
    let mut ls = racing();
    let [one, two, three] = askers(&mut ls);
    for (conn, id) in [(one, 1), (two, 2), (one, 3)] {
        ask(&mut ls, conn, "a", id);
    }
    ls.lines();
    // Its own second question does not keep the race alive, another's does.
    ls.end(one, Ending::Reset);
    assert_eq!(ls.lines(), ["decided 3 cancelled AskerGone", "goes on 1 for 1"]);
    ls.end(two, Ending::Reset);
    assert_eq!(ls.lines(), ["decided 2 cancelled AskerGone", "decided 1 cancelled AskerGone"]);
    assert!(ls.timers.is_empty(), "{:?}", ls.timers);
    ask(&mut ls, three, "a", 4);
    assert_eq!(ls.only(&["chose", "joined"]), ["chose 4 ts1,ts2 race"]);
}

#[test]
fn a_change_of_the_rules_begins_new_races_and_who_waits_goes_on_waiting() {
    let mut ls = racing();
    let [one, two, three] = askers(&mut ls);
    ask(&mut ls, one, "a", 1);
    ask(&mut ls, two, "a", 2);
    ls.set(Setting::Policy(Policy::Failover));
    ls.lines();
    ask(&mut ls, three, "a", 3);
    ask(&mut ls, one, "a", 4);
    assert_eq!(ls.only(&["chose", "joined"]), ["chose 3 ts1,ts2 failover", "joined 4 to 3"]);
    // Nobody new joins, and who has joined stays.
    ls.set(Setting::Merge(false));
    ask(&mut ls, two, "a", 5);
    assert_eq!(ls.only(&["chose", "joined"]), ["chose 5 ts1,ts2 failover"]);
    ls.at(20_000);
    let mut decided = ls.only(&["decided"]);
    decided.sort();
    let words: Vec<&str> = decided.iter().map(|line| &line[..17]).collect();
    let should = ["decided 1 silent ", "decided 2 silent ", "decided 3 silent "];
    assert_eq!(words, [&should[..], &["decided 4 silent ", "decided 5 silent "]].concat());
}

#[test]
fn who_waits_for_another_s_race_is_told_when_the_ls_stops() {
    let mut ls = racing();
    let [one, two, _] = askers(&mut ls);
    ask(&mut ls, one, "a", 1);
    ask(&mut ls, two, "a", 2);
    ls.lines();
    ls.tell(Told::Stop);
    assert_eq!(
        ls.only(&["stopping", "decided", "send visitor", "exit"]),
        [
            "stopping 2",
            "decided 1 cancelled Stopping",
            "send visitor-1 @1 a FAILED stopping",
            "decided 2 cancelled Stopping",
            "send visitor-2 @2 a FAILED stopping",
            "exit",
        ]
    );
}

#[test]
fn the_timer_of_a_socket_ends_no_race_of_another() {
    let mut ls = racing();
    let [one, two, _] = askers(&mut ls);
    ask(&mut ls, one, "a", 1);
    ask(&mut ls, two, "a", 2);
    ls.at(1000);
    ls.set(Setting::Flaws(flaws(&[Flaw::SocketTimer])));
    // From now on each is asked on its own.
    ask(&mut ls, two, "a", 3);
    assert_eq!(ls.only(&["joined", "chose"]).last().expect("it chose"), "chose 3 ts1,ts2 race");
    ls.at(4000);
    ls.set(Setting::Flaws(Flaws::NONE));
    ls.at(20_000);
    let mut decided = ls.only(&["decided"]);
    decided.sort();
    assert_eq!(
        decided,
        ["decided 1 silent Deadline", "decided 2 silent Joined", "decided 3 silent Deadline"]
    );
}

#[test]
fn answers_of_lines_come_in_order_though_a_race_over_dns_is_joined() {
    let mut ls = racing();
    let [one, two, _] = askers(&mut ls);
    ls.ask(one, "a");
    ask(&mut ls, two, "a", 2);
    ask(&mut ls, one, "a", 3);
    ls.lines();
    ls.from(TS1, found("a", "1.1.1.1"));
    let answers = ls.only(&["send visitor"]);
    assert_eq!(answers.len(), 1, "{answers:?}");
    ls.from(TS1, says("a", Said::Negative));
    ls.from(TS2, found("a", "2.2.2.2"));
    ls.from(TS2, found("a", "2.2.2.2"));
    assert_eq!(
        ls.only(&["send visitor"]),
        ["send visitor-2 @2 a 2.2.2.2 A", "send visitor-1 @3 a 2.2.2.2 A"]
    );
}
