//! The batch window: gathered, told at its end, each client its own.

use crate::harness::*;
use faultlab::message::Said;
use faultlab::topology::{LsConfig, Policy};

#[test]
fn a_batch_is_told_when_its_last_answer_is_in() {
    let mut ls = Solo::ls(ls_config(Policy::Batch));
    let client = ls.client();
    ls.ask(client, "a");
    ls.ask(client, "b");
    assert_eq!(ls.only(&["window", "took"]), ["took 1 a", "window 1 till 3.000", "took 2 b"]);
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.from(TS1, says("b", Said::Negative));
    assert_eq!(ls.only(&["decided", "closed", "send client"]), Vec::<String>::new());
    ls.from(TS2, says("b", Said::Negative));
    assert_eq!(
        ls.only(&["decided", "closed", "send client"]),
        [
            "closed 1 asked 2 missing 1 early true",
            "decided 1 answered ts1 AllIn",
            "send client a 1.1.1.1 A",
            "decided 2 negative AllNegative",
            "send client b NEGATIVE",
        ]
    );
    assert!(ls.timers.is_empty());
}

#[test]
fn a_silent_name_keeps_the_window_open_to_its_end() {
    let mut ls = Solo::ls(ls_config(Policy::Batch));
    let one = ls.client();
    let two = ls.accept(faultlab::base::Peer::Node(CLIENT2));
    ls.ask(one, "a");
    ls.at(100);
    ls.ask(two, "a");
    ls.ask(two, "x");
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.lines();
    ls.at(3000);
    assert_eq!(
        ls.only(&["decided", "closed", "send", "heard"]),
        [
            "closed 1 asked 3 missing 1 early false",
            "decided 1 answered ts1 WindowClosed",
            "send client a 1.1.1.1 A",
            "decided 2 answered ts1 WindowClosed",
            "send client2 a 1.1.1.1 A",
            "heard 3 ts1 silent",
            "heard 3 ts2 silent",
            "decided 3 silent WindowClosed",
            "send client2 x NOT FOUND",
        ]
    );
    ls.ask(one, "b");
    assert_eq!(ls.only(&["window"]), ["window 2 till 6.000"]);
}

#[test]
fn without_an_early_end_the_window_is_waited_out() {
    let mut ls = Solo::ls(LsConfig { early_end: false, ..ls_config(Policy::Batch) });
    let client = ls.client();
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.at(2999);
    assert_eq!(ls.only(&["decided"]), Vec::<String>::new());
    ls.at(3000);
    assert_eq!(ls.only(&["decided"]), ["decided 1 answered ts1 WindowClosed"]);
}
