//! Each confessed mistake: exactly that mistake, and gone when it is switched off.

use crate::harness::*;
use faultlab::event::Ending;
use faultlab::machine::Told;
use faultlab::message::{Flaw, Flaws, Said};
use faultlab::topology::{Dialect, LsConfig, Policy, Setting};

fn with(flaw: Flaw, policy: Policy) -> LsConfig {
    LsConfig { flaws: flaws(&[flaw]), ..ls_config(policy) }
}

#[test]
fn glued_names_go_out_in_one_write_on_connections_without_line_ends() {
    let mut ls = Solo::new(topology(with(Flaw::GluedNames, Policy::Race)), LS);
    assert_eq!(ls.lines(), ["open ts1 unframed", "open ts2 unframed"]);
    ls.connect(TS1);
    ls.connect(TS2);
    let client = ls.client();
    ls.ask(client, "www.a.com");
    ls.at(5);
    ls.ask(client, "www.b.com");
    assert_eq!(ls.only(&["send"]), Vec::<String>::new());
    ls.at(20);
    assert_eq!(
        ls.only(&["send"]),
        ["send ts1 \"www.a.comwww.b.com\"", "send ts2 \"www.a.comwww.b.com\"",]
    );
    ls.ask(client, "www.c.com");
    ls.at(40);
    assert_eq!(
        ls.only(&["send"]),
        ["send ts1 www.c.com?", "send ts2 www.c.com?"],
        "one alone is itself"
    );
    ls.set(Setting::Flaws(Flaws::NONE));
    assert_eq!(
        ls.only(&["close", "open", "heard", "decided"]),
        [
            "close ts1",
            "open ts1",
            "close ts2",
            "open ts2",
            "heard 1 ts1 reset",
            "heard 2 ts1 reset",
            "heard 3 ts1 reset",
            "heard 1 ts2 reset",
            "decided 1 failed AllFailed",
            "heard 2 ts2 reset",
            "decided 2 failed AllFailed",
            "heard 3 ts2 reset",
            "decided 3 failed AllFailed",
        ]
    );
    ls.connect(TS1);
    ls.ask(client, "www.a.com");
    ls.ask(client, "www.b.com");
    assert_eq!(ls.only(&["send ts1"]), ["send ts1 www.a.com?", "send ts1 www.b.com?"]);
}

#[test]
fn by_arrival_the_late_answer_of_one_question_is_given_to_the_next() {
    for on in [true, false] {
        let mut config = LsConfig { upstreams: vec![TS1], ..ls_config(Policy::Race) };
        config.flaws = Flaws::NONE.with(Flaw::AnswersByArrival, on);
        let mut ls = Solo::ls(config);
        let client = ls.client();
        ls.ask(client, "a");
        ls.at(5000);
        ls.lines();
        ls.from(TS1, found("a", "1.1.1.1"));
        assert_eq!(ls.only(&["late"]).len(), usize::from(!on), "unread, or late");
        ls.ask(client, "b");
        ls.from(TS1, found("b", "2.2.2.2"));
        let expected = if on {
            ["decided 2 answered ts1 Arrival", "send client a 1.1.1.1 A"]
        } else {
            ["decided 2 answered ts1 OnlyAnswer", "send client b 2.2.2.2 A"]
        };
        assert_eq!(ls.only(&["decided", "send client"]), expected);
        ls.ask(client, "c");
        ls.from(TS1, found("c", "3.3.3.3"));
        let answer = if on { "send client b 2.2.2.2 A" } else { "send client c 3.3.3.3 A" };
        assert_eq!(ls.only(&["send client"]), [answer], "it stays out by one");
    }
}

#[test]
fn by_arrival_swaps_the_answers_of_two_clients() {
    let mut ls =
        Solo::ls(LsConfig { upstreams: vec![TS1], ..with(Flaw::AnswersByArrival, Policy::Race) });
    let one = ls.client();
    let two = ls.accept(faultlab::base::Peer::Node(CLIENT2));
    ls.ask(one, "a");
    ls.ask(two, "b");
    ls.from(TS1, found("b", "2.2.2.2"));
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.only(&["send client"]), ["send client b 2.2.2.2 A", "send client2 a 1.1.1.1 A"]);
}

#[test]
fn what_lies_unread_is_dropped_when_answers_are_matched_again() {
    let mut ls =
        Solo::ls(LsConfig { upstreams: vec![TS1], ..with(Flaw::AnswersByArrival, Policy::Race) });
    let client = ls.client();
    ls.from(TS1, found("x", "9.9.9.9"));
    ls.lines();
    ls.set(Setting::Flaws(Flaws::NONE));
    assert_eq!(ls.only(&["unmatched"]), ["unmatched ts1 x"]);
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.only(&["send client"]), ["send client a 1.1.1.1 A"]);
}

#[test]
fn the_timer_of_the_socket_outlives_the_answer_and_cuts_short_the_next_question() {
    let mut ls = Solo::ls(with(Flaw::SocketTimer, Policy::Race));
    let client = ls.client();
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.lines();
    ls.at(5000);
    assert_eq!(ls.lines(), ["send client a NOT FOUND"], "an error for a question long answered");
    ls.ask(client, "b");
    ls.from(TS2, found("b", "2.2.2.2"));
    ls.at(9900);
    ls.ask(client, "a");
    ls.lines();
    ls.at(10_000);
    assert_eq!(
        ls.only(&["decided", "send"]),
        ["decided 3 silent SocketTimer", "send client a NOT FOUND"]
    );
    ls.ask(client, "c");
    ls.set(Setting::Flaws(Flaws::NONE));
    ls.lines();
    ls.at(15_000);
    assert_eq!(ls.only(&["decided"]), ["decided 4 silent Deadline"], "a timer of its own");
}

#[test]
fn the_timer_of_the_socket_is_the_only_one() {
    let mut ls = Solo::ls(with(Flaw::SocketTimer, Policy::Race));
    let client = ls.client();
    ls.ask(client, "x");
    ls.at(60_000);
    assert_eq!(
        ls.only(&["decided", "send client"]),
        ["decided 1 silent SocketTimer", "send client x NOT FOUND",]
    );
}

#[test]
fn without_the_flaw_an_idle_client_hears_nothing() {
    let mut ls = Solo::ls(ls_config(Policy::Race));
    let client = ls.client();
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.lines();
    ls.at(60_000);
    assert_eq!(ls.lines(), Vec::<String>::new());
}

#[test]
fn serial_timeouts_read_the_second_only_when_the_first_has_had_its_time() {
    let mut ls = Solo::ls(with(Flaw::SerialTimeouts, Policy::Race));
    let client = ls.client();
    ls.ask(client, "b");
    ls.at(30);
    ls.from(TS2, found("b", "2.2.2.2"));
    ls.at(4999);
    assert_eq!(ls.only(&["heard", "decided"]), Vec::<String>::new());
    ls.at(5000);
    assert_eq!(
        ls.only(&["heard", "decided"]),
        ["heard 1 ts1 silent", "heard 1 ts2 answered", "decided 1 answered ts2 FirstAnswer",]
    );
    ls.ask(client, "x");
    ls.at(14_999);
    assert_eq!(ls.only(&["decided"]), Vec::<String>::new());
    ls.at(15_000);
    assert_eq!(ls.only(&["decided"]), ["decided 2 silent Deadline"], "twice five seconds");
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.only(&["decided"]), ["decided 3 answered ts1 FirstAnswer"]);
}

#[test]
fn the_end_of_a_connection_wins_the_race() {
    let mut ls = Solo::ls(with(Flaw::EofIsAnswer, Policy::Race));
    let client = ls.client();
    ls.ask(client, "b");
    ls.lines();
    ls.end(ls.conn(TS1), Ending::Reset);
    assert_eq!(
        ls.only(&["heard", "decided", "send"]),
        ["heard 1 ts1 reset", "decided 1 reset ts1 EndOfFile", "send client b NOT FOUND",]
    );
    ls.from(TS2, found("b", "2.2.2.2"));
    assert_eq!(ls.lines(), ["late 1 ts2"]);
    ls.ask(client, "b");
    assert_eq!(
        ls.only(&["decided"]),
        ["decided 2 reset ts1 EndOfFile"],
        "and every race until it is back"
    );
    ls.at(1000);
    ls.connect(TS1);
    ls.ask(client, "b");
    ls.from(TS2, found("b", "2.2.2.2"));
    assert_eq!(ls.only(&["decided"]), ["decided 3 answered ts2 FirstAnswer"]);
}

#[test]
fn without_failover_the_dead_are_asked_and_waited_for() {
    for policy in [Policy::Failover, Policy::Sticky, Policy::RoundRobin] {
        let mut config = with(Flaw::NoFailover, policy);
        config.health = Some(faultlab::topology::Health::USUAL);
        let mut ls = Solo::ls(config);
        let client = ls.client();
        ls.ask(client, "a");
        ls.lines();
        ls.end(ls.conn(TS1), Ending::Reset);
        ls.at(1000);
        ls.refuse(TS1);
        ls.at(4999);
        assert_eq!(ls.only(&["heard", "decided", "send", "ejected"]), Vec::<String>::new());
        ls.at(5000);
        assert_eq!(
            ls.only(&["heard", "decided"]),
            ["heard 1 ts1 silent", "decided 1 silent Deadline"]
        );
        ls.set(Setting::Flaws(Flaws::NONE));
        ls.ask(client, "a");
        assert_eq!(ls.only(&["send"]), ["send ts2 a?"], "{policy:?}");
    }
}

#[test]
fn the_full_window_is_waited_out() {
    let mut ls = Solo::ls(with(Flaw::FullWindow, Policy::Batch));
    let client = ls.client();
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.at(2999);
    assert_eq!(ls.only(&["decided"]), Vec::<String>::new());
    ls.at(3000);
    assert_eq!(
        ls.only(&["closed", "decided"]),
        ["closed 1 asked 1 missing 0 early false", "decided 1 answered ts1 WindowClosed",]
    );
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.lines();
    ls.set(Setting::Flaws(Flaws::NONE));
    assert_eq!(ls.only(&["decided"]), ["decided 2 answered ts1 AllIn"], "it ends at once");
}

#[test]
fn what_cannot_stop_spins_and_goes_on_serving_until_the_flaw_is_gone() {
    let mut ls = Solo::ls(with(Flaw::CannotStop, Policy::Race));
    let client = ls.client();
    ls.tell(Told::Stop);
    ls.tell(Told::Stop);
    assert_eq!(ls.lines(), ["Spinning"]);
    ls.at(10_000);
    assert_eq!(ls.timers.len(), 1, "it goes round and round");
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.only(&["send client", "exit"]), ["send client a 1.1.1.1 A"]);
    ls.set(Setting::Flaws(Flaws::NONE));
    ls.at(10_100);
    assert_eq!(ls.only(&["stopping", "exit"]), ["stopping 0", "exit"]);
}

#[test]
#[should_panic(expected = "the handler of a timeout was never tried")]
fn a_timeout_that_was_never_tried_crashes() {
    let mut ls = Solo::ls(with(Flaw::TimeoutCrashes, Policy::Race));
    let client = ls.client();
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.at(20_000);
    assert_eq!(ls.only(&["decided"]).len(), 1, "answers in time do no harm");
    ls.ask(client, "x");
    ls.at(25_000);
}

#[test]
fn one_at_a_time_a_server_is_asked_only_after_its_last_answer() {
    let mut ls = Solo::ls(with(Flaw::OneAtATime, Policy::RoundRobin));
    let client = ls.client();
    for name in ["a", "b", "c", "d", "e"] {
        ls.ask(client, name);
    }
    assert_eq!(ls.only(&["send"]), ["send ts1 a?", "send ts2 b?"]);
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.only(&["send"]), ["send client a 1.1.1.1 A", "send ts1 c?"]);
    ls.set(Setting::Flaws(Flaws::NONE));
    assert_eq!(ls.only(&["send"]), ["send ts1 e?", "send ts2 d?"], "all at once again");
}

#[test]
fn a_given_up_question_makes_room_too() {
    let mut ls = Solo::ls(LsConfig { failover: false, ..with(Flaw::OneAtATime, Policy::Sticky) });
    let client = ls.client();
    ls.ask(client, "a");
    ls.at(10);
    ls.ask(client, "a");
    ls.lines();
    ls.at(5000);
    assert_eq!(ls.only(&["decided", "send ts1"]), ["decided 1 silent Deadline", "send ts1 a?"]);
}

#[test]
fn by_arrival_hurts_most_where_answers_bear_no_name() {
    for on in [true, false] {
        let mut lab = topology(LsConfig {
            upstreams: vec![TS1],
            flaws: Flaws::NONE.with(Flaw::AnswersByArrival, on),
            ..ls_config(Policy::Sticky)
        });
        lab.dialect = Dialect::Sticky2021;
        let mut ls = Solo::ls_in(lab);
        let client = ls.client();
        ls.ask(client, "a");
        ls.at(5000);
        ls.ask(client, "b");
        ls.lines();
        ls.from(TS1, bare("1.1.1.1"));
        ls.from(TS1, bare("2.2.2.2"));
        let answer = if on { "send client - 1.1.1.1" } else { "send client - 2.2.2.2" };
        assert_eq!(ls.only(&["send client"]), [answer]);
    }
}

#[test]
fn a_miss_that_is_told_is_no_flaw() {
    let mut ls = Solo::ls(ls_config(Policy::Race));
    let client = ls.client();
    ls.ask(client, "x");
    ls.at(5000);
    ls.lines();
    // The servers were told to say so meanwhile: their answers are for the question that waits now.
    ls.ask(client, "x");
    ls.from(TS1, says("x", Said::Negative));
    ls.from(TS2, says("x", Said::Negative));
    assert_eq!(ls.only(&["decided"]), ["decided 2 negative AllNegative"]);
}
