//! The LS without flaws: race, batch, failover, round-robin, sticky; visitors; settings; stop.

use crate::harness::*;
use faultlab::event::Ending;
use faultlab::machine::Told;
use faultlab::message::{Message, Said};
use faultlab::topology::{Accept, Dialect, LsConfig, Policy, Setting};

#[test]
fn the_first_address_wins_in_the_servers_words_and_the_loser_is_late() {
    let mut ls = Solo::ls(ls_config(Policy::Race));
    let client = ls.client();
    ls.ask(client, "A.b");
    assert_eq!(
        ls.lines(),
        ["took 1 A.b", "chose 1 ts1,ts2 race", "send ts1 A.b?", "send ts2 A.b?"]
    );
    ls.from(TS2, found("a.B", "2.2.2.2"));
    assert_eq!(
        ls.lines(),
        ["heard 1 ts2 answered", "decided 1 answered ts2 FirstAnswer", "send client a.B 2.2.2.2 A",]
    );
    ls.from(TS1, found("a.b", "1.1.1.1"));
    assert_eq!(ls.lines(), ["late 1 ts1"]);
    ls.from(TS1, found("a.b", "1.1.1.1"));
    assert_eq!(ls.lines(), ["unmatched ts1 a.b"]);
    assert!(ls.timers.is_empty(), "{:?}", ls.timers);
}

#[test]
fn a_fast_no_settles_a_race_only_where_servers_know_the_same_names() {
    for (accept, expected) in [
        (Accept::FirstFinal, "decided 1 negative ts1 FirstAnswer"),
        (Accept::FirstPositive, "decided 1 answered ts2 FirstAnswer"),
    ] {
        let mut ls = Solo::ls(LsConfig { accept, ..ls_config(Policy::Race) });
        let client = ls.client();
        ls.ask(client, "a");
        ls.from(TS1, says("a", Said::Negative));
        ls.from(TS2, found("a", "2.2.2.2"));
        assert_eq!(ls.only(&["decided"]), [expected]);
    }
}

#[test]
fn silence_is_told_at_the_deadline_and_a_late_answer_reaches_no_other_question() {
    let mut ls = Solo::ls(ls_config(Policy::Race));
    let client = ls.client();
    ls.ask(client, "a");
    ls.at(4999);
    assert_eq!(ls.only(&["decided"]), Vec::<String>::new());
    ls.at(5000);
    assert_eq!(
        ls.only(&["heard", "decided", "send"]),
        [
            "heard 1 ts1 silent",
            "heard 1 ts2 silent",
            "decided 1 silent Deadline",
            "send client a NOT FOUND",
        ]
    );
    ls.ask(client, "b");
    ls.lines();
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.from(TS2, found("b", "2.2.2.2"));
    assert_eq!(
        ls.only(&["late", "decided", "send"]),
        ["late 1 ts1", "decided 2 answered ts2 FirstAnswer", "send client b 2.2.2.2 A",]
    );
}

#[test]
fn a_killed_server_is_passed_over_at_once_and_opened_again() {
    let mut ls = Solo::ls(ls_config(Policy::Failover));
    let client = ls.client();
    ls.ask(client, "a");
    assert_eq!(ls.only(&["chose", "send"]), ["chose 1 ts1,ts2 failover", "send ts1 a?"]);
    ls.at(3);
    ls.end(ls.conn(TS1), Ending::Reset);
    assert_eq!(ls.lines(), ["believed ts1 Down", "heard 1 ts1 reset", "send ts2 a?"]);
    ls.from(TS2, found("a", "2.2.2.2"));
    assert_eq!(ls.only(&["decided"]), ["decided 1 answered ts2 FirstAnswer"]);
    ls.ask(client, "b");
    assert_eq!(ls.only(&["chose", "send", "open"]), ["chose 2 ts2,ts1 failover", "send ts2 b?"]);
    ls.at(1003);
    assert_eq!(ls.only(&["open"]), ["open ts1"]);
    ls.connect(TS1);
    assert_eq!(ls.only(&["believed"]), ["believed ts1 Up"]);
}

#[test]
fn an_end_of_file_is_down_and_closed_never_an_answer() {
    let mut ls = Solo::ls(ls_config(Policy::Race));
    let client = ls.client();
    ls.ask(client, "a");
    ls.lines();
    ls.end(ls.conn(TS1), Ending::EndOfFile);
    assert_eq!(ls.lines(), ["close ts1", "believed ts1 Down", "heard 1 ts1 reset"]);
    ls.from(TS2, found("a", "2.2.2.2"));
    assert_eq!(ls.only(&["decided"]), ["decided 1 answered ts2 FirstAnswer"]);
}

#[test]
fn a_slow_server_may_still_answer_after_the_next_was_asked() {
    let mut ls = Solo::ls(ls_config(Policy::Failover));
    let client = ls.client();
    ls.ask(client, "a");
    ls.at(1000);
    assert_eq!(
        ls.only(&["send", "believed"]),
        ["send ts1 a?", "believed ts1 Suspect", "send ts2 a?"]
    );
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(
        ls.only(&["decided", "believed"]),
        ["believed ts1 Up", "decided 1 answered ts1 FirstAnswer",]
    );
    ls.from(TS2, found("a", "2.2.2.2"));
    assert_eq!(ls.lines(), ["late 1 ts2"]);
}

#[test]
fn two_clients_with_one_name_and_with_overlapping_names_each_get_their_own() {
    for ids in [false, true] {
        let mut ls = Solo::ls(LsConfig { ids, ..ls_config(Policy::Race) });
        let one = ls.client();
        let two = ls.accept(faultlab::base::Peer::Node(CLIENT2));
        ls.ask(one, "a");
        ls.ask(two, "a");
        ls.ask(two, "b");
        ls.ask(one, "b");
        ls.lines();
        let reply = |id: u64, name: &str, address: &str| match found(name, address) {
            Message::Reply { name, said, .. } => {
                Message::Reply { name, id: ids.then_some(id), said, dns: None }
            }
            other => other,
        };
        ls.from(TS2, reply(3, "b", "2.2.2.2"));
        ls.from(TS1, reply(1, "a", "1.1.1.1"));
        ls.from(TS1, reply(2, "a", "1.1.1.1"));
        ls.from(TS2, reply(4, "b", "2.2.2.2"));
        assert_eq!(
            ls.only(&["decided", "send"]),
            [
                "decided 3 answered ts2 FirstAnswer",
                "send client2 b 2.2.2.2 A",
                "decided 1 answered ts1 FirstAnswer",
                "send client a 1.1.1.1 A",
                "decided 2 answered ts1 FirstAnswer",
                "send client2 a 1.1.1.1 A",
                "decided 4 answered ts2 FirstAnswer",
                "send client b 2.2.2.2 A",
            ]
        );
    }
}

#[test]
fn a_client_with_ids_gets_its_own_id_back() {
    let mut ls = Solo::ls(LsConfig { ids: true, ..ls_config(Policy::Race) });
    let client = ls.client();
    ls.hear(
        client,
        Message::Ask { name: faultlab::message::HostName::new("a"), id: Some(77), dns: None },
    );
    assert_eq!(ls.only(&["send"]), ["send ts1 @1 a?", "send ts2 @1 a?"]);
    ls.at(5000);
    assert_eq!(ls.only(&["send"]), ["send client @77 a NOT FOUND"]);
}

#[test]
fn a_visitor_is_told_in_the_words_of_the_course() {
    let mut ls = Solo::ls(LsConfig { accept: Accept::FirstFinal, ..ls_config(Policy::Race) });
    let visitor = ls.visitor();
    ls.ask(visitor, "a");
    ls.from(TS1, says("a", Said::Negative));
    assert_eq!(
        ls.only(&["decided", "send visitor"]),
        ["decided 1 negative ts1 FirstAnswer", "send visitor-1 a NOT FOUND",]
    );
}

#[test]
fn a_visitor_that_half_closes_gets_its_answers_and_then_the_close() {
    let mut ls = Solo::ls(ls_config(Policy::Race));
    let visitor = ls.visitor();
    ls.ask(visitor, "a");
    ls.ask(visitor, "b");
    ls.end(visitor, Ending::EndOfFile);
    ls.lines();
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.only(&["send visitor", "close"]), ["send visitor-1 a 1.1.1.1 A"]);
    ls.from(TS2, found("b", "2.2.2.2"));
    assert_eq!(
        ls.only(&["send visitor", "close"]),
        ["send visitor-1 b 2.2.2.2 A", "close visitor-1"]
    );
}

#[test]
fn an_asker_that_dies_cancels_its_questions() {
    let mut ls = Solo::ls(ls_config(Policy::Race));
    let client = ls.client();
    ls.ask(client, "a");
    ls.lines();
    ls.end(client, Ending::Reset);
    assert_eq!(ls.lines(), ["decided 1 cancelled AskerGone"]);
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.lines(), ["late 1 ts1"]);
    assert!(ls.timers.is_empty());
}

#[test]
fn round_robin_takes_turns_and_fails_over_only_if_told_to() {
    for (failover, after) in [(true, "send ts2 c?"), (false, "send client c FAILED ts1 reset")] {
        let mut ls = Solo::ls(LsConfig { failover, ..ls_config(Policy::RoundRobin) });
        let client = ls.client();
        for name in ["a", "b", "c"] {
            ls.ask(client, name);
        }
        assert_eq!(ls.only(&["send"]), ["send ts1 a?", "send ts2 b?", "send ts1 c?"]);
        ls.from(TS1, found("a", "1.1.1.1"));
        ls.lines();
        ls.end(ls.conn(TS1), Ending::Reset);
        assert_eq!(ls.only(&["send"]), [after]);
    }
}

#[test]
fn a_name_keeps_its_server_until_another_has_answered_in_its_stead() {
    let mut ls = Solo::ls(ls_config(Policy::Sticky));
    let client = ls.client();
    for name in ["a", "b", "A"] {
        ls.ask(client, name);
    }
    assert_eq!(
        ls.only(&["stuck", "send"]),
        ["stuck a ts1", "send ts1 a?", "stuck b ts2", "send ts2 b?", "send ts1 A?",]
    );
    ls.end(ls.conn(TS1), Ending::Reset);
    assert_eq!(ls.only(&["send"]), ["send ts2 a?", "send ts2 A?"]);
    ls.from(TS2, found("a", "2.2.2.2"));
    assert_eq!(
        ls.only(&["decided", "stuck"]),
        ["decided 1 answered ts2 FirstAnswer", "stuck a ts2 from ts1"]
    );
    ls.at(1000);
    ls.connect(TS1);
    ls.lines();
    ls.ask(client, "a");
    assert_eq!(ls.only(&["chose"]), ["chose 4 ts2,ts1 sticky"]);
}

#[test]
fn a_name_does_not_leave_a_server_that_is_only_slow() {
    let mut ls = Solo::ls(ls_config(Policy::Sticky));
    let client = ls.client();
    ls.ask(client, "a");
    ls.at(1000);
    ls.from(TS2, found("a", "2.2.2.2"));
    assert_eq!(
        ls.only(&["stuck", "decided"]),
        ["stuck a ts1", "decided 1 answered ts2 FirstAnswer"]
    );
    ls.ask(client, "a");
    assert_eq!(ls.only(&["chose"]), ["chose 2 ts1,ts2 sticky"]);
}

#[test]
fn where_answers_bear_no_name_a_lost_one_costs_the_connection_and_never_a_wrong_answer() {
    let mut topology = topology(LsConfig { upstreams: vec![TS1], ..ls_config(Policy::Race) });
    topology.dialect = Dialect::Sticky2021;
    let mut ls = Solo::ls_in(topology);
    let client = ls.client();
    ls.ask(client, "lost");
    ls.at(5000);
    ls.ask(client, "b");
    ls.lines();
    ls.from(TS1, bare("2.2.2.2"));
    assert_eq!(ls.only(&["late", "decided"]), ["late 1 ts1"], "by count it is the lost one's");
    ls.at(10_000);
    assert_eq!(ls.only(&["close", "open"]), ["close ts1", "open ts1"]);
    ls.connect(TS1);
    ls.ask(client, "c");
    ls.from(TS1, bare("3.3.3.3"));
    assert_eq!(ls.only(&["send client"]), ["send client - 3.3.3.3"]);
}

#[test]
fn without_failover_the_names_of_a_dead_server_keep_failing() {
    let mut ls = Solo::ls(LsConfig { failover: false, ..ls_config(Policy::Sticky) });
    let client = ls.client();
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.end(ls.conn(TS1), Ending::Reset);
    ls.lines();
    for no in 2..5 {
        ls.ask(client, "a");
        ls.refuse(TS1);
        assert_eq!(ls.only(&["decided"]), [format!("decided {no} failed AllFailed")]);
        ls.at(no * 150);
    }
}

#[test]
fn a_dead_server_is_not_tried_more_than_ten_times_a_second() {
    let mut ls = Solo::ls(ls_config(Policy::Race));
    let client = ls.client();
    ls.end(ls.conn(TS1), Ending::Reset);
    ls.lines();
    let mut opens = 0;
    for at in 0..1000 {
        ls.at(at);
        ls.ask(client, "a");
        let opened = ls.only(&["open ts1"]).len();
        if opened > 0 {
            ls.refuse(TS1);
        }
        opens += opened;
    }
    assert!((9..=11).contains(&opens), "{opens}");
}

#[test]
fn answers_without_names_go_out_in_the_order_of_asking() {
    let mut topology = topology(ls_config(Policy::RoundRobin));
    topology.dialect = Dialect::Sticky2021;
    let mut ls = Solo::ls_in(topology);
    let client = ls.client();
    ls.ask(client, "a");
    ls.ask(client, "b");
    ls.lines();
    ls.from(TS2, bare("2.2.2.2"));
    assert_eq!(ls.only(&["decided", "send"]), ["decided 2 answered ts2 OnlyAnswer"]);
    ls.from(TS1, bare("1.1.1.1,1.1.1.2"));
    assert_eq!(
        ls.only(&["decided", "send"]),
        [
            "decided 1 answered ts1 OnlyAnswer",
            "send client - 1.1.1.1,1.1.1.2",
            "send client - 2.2.2.2",
        ]
    );
}

#[test]
fn settings_change_while_it_runs() {
    let mut ls = Solo::ls(ls_config(Policy::Race));
    let client = ls.client();
    ls.ask(client, "a");
    ls.set(Setting::Policy(Policy::Failover));
    ls.ask(client, "b");
    assert_eq!(
        ls.only(&["chose", "Changed"]),
        [
            "chose 1 ts1,ts2 race",
            "Changed { key: \"key\", value: \"value\" }",
            "chose 2 ts1,ts2 failover",
        ]
    );
    ls.set(Setting::Upstreams(vec![TS2, TS3]));
    assert_eq!(
        ls.only(&["close", "open", "heard", "send"]),
        ["open ts3", "close ts1", "heard 1 ts1 reset", "heard 2 ts1 reset", "send ts2 b?",]
    );
    ls.set(Setting::Timeout(ms(100)));
    ls.ask(client, "c");
    ls.at(100);
    assert_eq!(ls.only(&["decided"]), ["decided 3 silent Deadline"]);
}

#[test]
fn stop_cancels_what_is_in_flight_tells_who_asked_and_ends() {
    let mut ls = Solo::ls(ls_config(Policy::Race));
    let client = ls.client();
    let visitor = ls.visitor();
    ls.ask(client, "a");
    ls.ask(visitor, "b");
    ls.lines();
    ls.tell(Told::Stop);
    assert_eq!(
        ls.lines(),
        [
            "stopping 2",
            "decided 1 cancelled Stopping",
            "send client a FAILED stopping",
            "decided 2 cancelled Stopping",
            "send visitor-1 b NOT FOUND",
            "close client",
            "close visitor-1",
            "close ts1",
            "close ts2",
            "exit",
        ]
    );
    ls.ask(client, "c");
    ls.at(10_000);
    assert_eq!(ls.lines(), Vec::<String>::new());
}

#[test]
fn a_server_outside_gets_a_pause_between_questions_no_ids_and_no_line_ends() {
    let mut topology =
        topology(LsConfig { ids: true, upstreams: vec![TS1], ..ls_config(Policy::Race) });
    topology.nodes[TS1.index()].at = Some("127.0.0.1:5300".parse().unwrap());
    let mut ls = Solo::new(topology, LS);
    assert_eq!(ls.lines(), ["open ts1 unframed"]);
    ls.at(60_000);
    assert_eq!(
        ls.only(&["close", "open"]),
        Vec::<String>::new(),
        "a connect is never given up half-way"
    );
    ls.connect(TS1);
    let client = ls.client();
    for name in ["a", "b", "c"] {
        ls.ask(client, name);
    }
    assert_eq!(ls.only(&["send ts1"]), ["send ts1 a?"]);
    ls.at(60_029);
    assert_eq!(ls.only(&["send ts1"]), Vec::<String>::new());
    ls.at(60_030);
    assert_eq!(ls.only(&["send ts1"]), ["send ts1 b?"]);
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.only(&["send ts1"]), Vec::<String>::new(), "b is still unanswered");
    ls.from(TS1, found("b", "1.1.1.1"));
    assert_eq!(ls.only(&["send ts1"]), ["send ts1 c?"]);
}

#[test]
fn a_server_outside_gets_its_pause_even_if_another_was_quicker_with_the_answer() {
    let mut topology = topology(ls_config(Policy::Race));
    topology.nodes[TS2.index()].at = Some("127.0.0.1:5300".parse().unwrap());
    let mut ls = Solo::new(topology, LS);
    ls.connect(TS1);
    ls.connect(TS2);
    let client = ls.client();
    for name in ["a", "b"] {
        ls.ask(client, name);
    }
    assert_eq!(ls.only(&["send ts2"]), ["send ts2 a?"]);
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.only(&["send ts2"]), Vec::<String>::new(), "nobody knows whether it has read a");
    ls.at(30);
    assert_eq!(ls.only(&["send ts2"]), ["send ts2 b?"]);
}

#[test]
fn a_connect_that_hangs_is_begun_anew_and_the_question_waits_on() {
    let mut ls = Solo::new(topology(ls_config(Policy::Race)), LS);
    ls.connect(TS2);
    let client = ls.client();
    ls.ask(client, "a");
    ls.lines();
    ls.at(3000);
    assert_eq!(ls.lines(), ["close ts1", "open ts1"]);
    ls.connect(TS1);
    assert_eq!(ls.only(&["send"]), ["send ts1 a?"]);
}
