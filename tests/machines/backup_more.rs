//! Primary-backup by its rules, the harder half: crashes that spread, waits, a fourth replica, catching up, lies.

use crate::backup::{blocking, leader, log, put_number, sync};
use crate::backup_lab::*;
use crate::harness::*;
use crate::store_lab::{ALICE, R1, R2, R3, R4, get};
use faultlab::base::Peer;
use faultlab::event::Ending;
use faultlab::machine::Told;
use faultlab::message::{CatchUp, Flaw, Message, ReplicaMessage as Say};
use faultlab::topology::{Propagation, ReplicaConfig, Setting};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn with_the_flaw_one_crash_pulls_another_down() {
    let spreads = |config: &mut ReplicaConfig| config.flaws = flaws(&[Flaw::CrashSpreads]);
    for (ending, dies) in [(Ending::Reset, true), (Ending::EndOfFile, false)] {
        let mut solo = first(R1, spreads);
        let conn = solo.conn(R2);
        let ended = catch_unwind(AssertUnwindSafe(|| solo.end(conn, ending)));
        assert_eq!(ended.is_err(), dies, "{ending:?}");
    }
    // A client's crash does not count.
    let mut solo = first(R1, spreads);
    let alice = solo.accept(Peer::Node(ALICE));
    solo.end(alice, Ending::Reset);
}

#[test]
fn a_blocking_leader_hears_nothing_but_the_confirmation() {
    let (mut solo, alice) = leader(blocking);
    put_number(&mut solo, alice, 1);
    assert_eq!(
        did_only(&mut solo, &["waits"]),
        ["waits for r2 Confirmation", "waits for r3 Confirmation"]
    );
    persisted(&mut solo, 1);
    put_number(&mut solo, alice, 2);
    tells(&mut solo, R2, Say::Beat { number: 1, term: 0, have: at(&[]) });
    solo.at(60_000);
    assert_eq!(did_only(&mut solo, &["<-", "accepted", "acked", "believed", "wait"]).len(), 0);
    tells(&mut solo, R3, have(0, &log(1)));
    tells(&mut solo, R2, have(0, &log(1)));
    assert_eq!(
        did_only(&mut solo, &["wait", "acked", "accepted", "alive"]),
        [
            "wait for r3 is over",
            "wait for r2 is over",
            "acked alice.1#1 at 1",
            "accepted 2 alice.1#2",
            "waits for r2 Confirmation",
            "waits for r3 Confirmation"
        ],
        "what came meanwhile is heard in its order, until it has to wait again"
    );
    solo.set(Setting::Propagation(Propagation::Async));
    persisted(&mut solo, 2);
    assert_eq!(
        did_only(&mut solo, &["wait", "acked", "alive"]),
        [
            "wait for r2 is over",
            "wait for r3 is over",
            "r2 <- alive, leading t0 at 2",
            "acked alice.1#2 at 2"
        ]
    );
}

#[test]
fn a_blocking_backup_waits_for_the_reply_and_takes_writes() {
    let mut solo = first(R2, blocking);
    let alice = solo.client();
    solo.at(1000);
    solo.at(60_000);
    assert_eq!(
        did_only(&mut solo, &["suspected"]).len(),
        0,
        "it stands still, and so does its clock"
    );
    tells(&mut solo, R1, Say::Change { term: 0, entry: log(1)[0].clone() });
    assert_eq!(did(&mut solo).len(), 0);
    tells(&mut solo, R1, alive(0, &[]));
    assert_eq!(
        did_only(&mut solo, &["wait", "accepted"]),
        ["wait for r1 is over", "accepted 1 alice.1#1"]
    );
    put_number(&mut solo, alice, 2);
    assert_eq!(
        did_only(&mut solo, &["<-", "accepted", "waits"]),
        [
            "accepted 2 alice.1#2",
            "r1 <- change t0 2",
            "r3 <- change t0 2",
            "waits for r1 Confirmation"
        ]
    );
    solo.end(solo.conn(R1), Ending::Reset);
    assert_eq!(did_only(&mut solo, &["wait"]), ["wait for r1 is over"]);
}

#[test]
fn a_fourth_is_answered_where_it_asks_and_served_when_it_is_known() {
    let (mut solo, alice) = leader(|_| ());
    let r4 = solo.accept(Peer::Node(R4));
    solo.hear(r4, Message::Replica(Say::Beat { number: 1, term: 0, have: at(&[]) }));
    assert_eq!(did_only(&mut solo, &["r4 <-"]), ["r4 <- alive, leading t0 at 0"]);
    put_number(&mut solo, alice, 1);
    persisted(&mut solo, 1);
    assert_eq!(did_only(&mut solo, &["r4 <-"]).len(), 0, "nobody told it of the fourth");
    solo.set(Setting::Peers(vec![R2, R3, R4]));
    solo.connect(R4);
    put_number(&mut solo, alice, 2);
    persisted(&mut solo, 2);
    assert_eq!(did_only(&mut solo, &["r4 <-"]), ["r4 <- leads t0 at 1", "r4 <- change t0 2"]);
    solo.set(Setting::Peers(vec![R2, R3]));
    assert_eq!(solo.only(&["close"]), ["close r4"]);
}

#[test]
fn it_ends_in_good_order() {
    let (mut solo, alice) = leader(|config| config.lag = ms(900));
    put_number(&mut solo, alice, 1);
    did(&mut solo);
    solo.tell(Told::Stop);
    put_number(&mut solo, alice, 2);
    persisted(&mut solo, 1);
    assert_eq!(
        did(&mut solo),
        [
            "stopping 1",
            "not done alice.1#2: stopping",
            "send alice alice.1#2 failed: stopping",
            "durable 1",
            "acked alice.1#1 at 1",
            "send alice alice.1#1 ok",
            "r2 <- change t0 1",
            "r3 <- change t0 1",
            "exit"
        ],
        "what lags is sent, what is on its way to the disk is acknowledged"
    );
    // Nobody is waited for without end.
    let (mut solo, alice) = leader(sync);
    put_number(&mut solo, alice, 1);
    persisted(&mut solo, 1);
    solo.tell(Told::Stop);
    solo.at(4000);
    assert_eq!(did(&mut solo).last().unwrap(), "exit");
}

/// What r2 with the log a, b makes of what its leader says it has sent.
#[test]
fn a_backup_is_brought_to_where_its_leader_is() {
    let (same, longer, shorter, other) =
        (entries(0, "ab"), entries(0, "abc"), entries(0, "a"), entries(0, "xyz"));
    let course = ["asked", "discarded", "caught", "r1 <- catch", "persist"];
    for (how, theirs, asked, then) in [
        (CatchUp::State, &same, vec![], vec![]),
        (
            CatchUp::State,
            &longer,
            vec!["r1 <- catch up whole from 2", "asked r1 for State"],
            vec!["caught up State r1 +3 at 3", "persist 1 after 2 +1"],
        ),
        (
            CatchUp::Log,
            &longer,
            vec!["r1 <- catch up rest from 2", "asked r1 for Log"],
            vec!["caught up Log r1 +1 at 3", "persist 1 after 2 +1"],
        ),
        (CatchUp::Log, &shorter, vec!["discarded b#2 for r1", "persist 1 after 1 +0"], vec![]),
        (
            CatchUp::Log,
            &other,
            vec!["r1 <- catch up rest from 2", "asked r1 for Log"],
            vec!["discarded a#1,b#2 for r1", "caught up Log r1 +3 at 3", "persist 1 after 0 +3"],
        ),
    ] {
        let mut solo = life(R2, 2, disk(0, entries(0, "ab")), |config| config.catch_up = how);
        tells(&mut solo, R1, alive(0, theirs));
        assert_eq!(did_only(&mut solo, &course), asked);
        // The leader's answer to what was asked.
        let keep = match (how, asked.first()) {
            (CatchUp::Log, Some(_)) if theirs.starts_with(&entries(0, "ab")) => 2,
            _ => 0,
        };
        if !then.is_empty() {
            tells(&mut solo, R1, state(0, keep, &theirs[keep as usize..]));
            assert_eq!(did_only(&mut solo, &course), then);
        }
    }
}

#[test]
fn a_gap_is_noticed_and_a_state_in_parts_is_taken_whole() {
    let mut solo = first(R2, |_| ());
    tells(&mut solo, R1, leads(0, &[]));
    did(&mut solo);
    let log = log(4);
    tells(&mut solo, R1, Say::Change { term: 0, entry: log[1].clone() });
    assert_eq!(did(&mut solo), ["r1 <- catch up whole from 0", "asked r1 for State"]);
    let part = |entries: &[faultlab::message::Entry], more| Say::State {
        term: 0,
        keep: 0,
        entries: entries.into(),
        more,
    };
    tells(&mut solo, R1, part(&log[..2], true));
    assert_eq!(did(&mut solo).len(), 0, "half of it is nothing");
    tells(&mut solo, R1, part(&log[2..], false));
    assert_eq!(did_only(&mut solo, &["caught"]), ["caught up State r1 +4 at 4"]);
    // A state that nobody asked for is none.
    tells(&mut solo, R1, part(&[], false));
    assert_eq!(did(&mut solo).len(), 0);
}

#[test]
fn the_leader_ships_what_it_has_sent_whole_or_the_rest() {
    let (mut solo, alice) = leader(|config| config.lag = ms(900));
    for number in [1, 2, 3] {
        put_number(&mut solo, alice, number);
        persisted(&mut solo, number);
        solo.at(450 * number);
    }
    did(&mut solo);
    let ask = |solo: &mut Solo, log: &[faultlab::message::Entry], whole| {
        tells(solo, R2, Say::CatchUp { term: 0, have: at(log), whole });
        did_only(solo, &["r2 <- state"])
    };
    assert_eq!(ask(&mut solo, &log(1), false), ["r2 <- state 1+1"], "the third still lags");
    assert_eq!(ask(&mut solo, &log(1), true), ["r2 <- state 0+2"]);
    assert_eq!(ask(&mut solo, &entries(0, "x"), false), ["r2 <- state 0+2"], "no common end");
}

#[test]
fn a_liar_lies_in_reads_and_in_nothing_else() {
    let (mut solo, alice) = leader(|config| config.lie = true);
    put_number(&mut solo, alice, 1);
    persisted(&mut solo, 1);
    did(&mut solo);
    solo.hear(alice, operate("alice.1", 2, get("k")));
    let lie = did_only(&mut solo, &["send alice"]);
    assert!(lie[0].contains("lie-"), "{lie:?}");
    solo.set(Setting::Lie(false));
    solo.hear(alice, operate("alice.1", 3, get("k")));
    assert_eq!(did_only(&mut solo, &["send alice"]), ["send alice alice.1#3 v"]);
}
