//! The replica of the scheme primary-backup: what it serves and when, its disk, its clients, and the deaths of others.

use crate::backup_lab::*;
use crate::harness::*;
use crate::store_lab::{ALL, R1, R2, R3, get, post, put};
use faultlab::base::{NodeId, Peer, Token, VisitorId};
use faultlab::event::Ending;
use faultlab::machine::Input;
use faultlab::message::{Flaw, Image, Message, ReplicaMessage as Say};
use faultlab::topology::{Propagation, ReplicaConfig, Setting};

pub fn sync(config: &mut ReplicaConfig) {
    config.propagation = Propagation::Sync;
}

pub fn blocking(config: &mut ReplicaConfig) {
    config.propagation = Propagation::SyncDeadlock;
}

/// r1, leading, with two backups that have what it has.
pub fn leader(change: impl FnOnce(&mut ReplicaConfig)) -> (Solo, faultlab::base::ConnId) {
    let mut solo = first(R1, change);
    tells(&mut solo, R2, have(0, &[]));
    tells(&mut solo, R3, have(0, &[]));
    let alice = solo.client();
    solo.done.clear();
    (solo, alice)
}

pub fn put_number(solo: &mut Solo, conn: faultlab::base::ConnId, number: u64) {
    solo.hear(conn, operate("alice.1", number, put("k", "v")));
}

/// What r1's log is when alice has put so many.
pub fn log(count: u64) -> Vec<faultlab::message::Entry> {
    let entry = |position| faultlab::message::Entry {
        position,
        term: 0,
        id: crate::store_lab::id("alice.1", position),
        operation: put("k", "v"),
    };
    (1..=count).map(entry).collect()
}

#[test]
fn an_asynchronous_write_is_acknowledged_from_the_own_disk_and_sent_when_it_has_lagged() {
    let (mut solo, alice) = leader(|config| config.lag = ms(300));
    put_number(&mut solo, alice, 1);
    assert_eq!(did(&mut solo), ["accepted 1 alice.1#1", "persist 1 after 0 +1"]);
    solo.at(100);
    persisted(&mut solo, 1);
    assert_eq!(did(&mut solo), ["durable 1", "acked alice.1#1 at 1", "send alice alice.1#1 ok"]);
    solo.at(399);
    assert_eq!(did(&mut solo).len(), 0);
    solo.at(400);
    assert_eq!(did(&mut solo), ["r2 <- change t0 1", "r3 <- change t0 1"]);
    // Without a lag it goes at once.
    let (mut solo, alice) = leader(|_| ());
    put_number(&mut solo, alice, 1);
    persisted(&mut solo, 1);
    assert_eq!(did(&mut solo).last().unwrap(), "r3 <- change t0 1");
}

#[test]
fn what_lags_goes_out_in_order_and_a_leader_says_how_far_it_has_sent() {
    let (mut solo, alice) = leader(|config| config.lag = ms(300));
    for number in [1, 2] {
        put_number(&mut solo, alice, number);
        persisted(&mut solo, number);
    }
    solo.set(Setting::Lag(ms(0)));
    put_number(&mut solo, alice, 3);
    persisted(&mut solo, 3);
    did(&mut solo);
    tells(&mut solo, R2, Say::Beat { number: 1, term: 0, have: at(&[]) });
    assert_eq!(did_only(&mut solo, &["r2 <-"]), ["r2 <- alive, leading t0 at 0"]);
    solo.at(300);
    assert_eq!(
        did_only(&mut solo, &["r2 <-"]),
        ["r2 <- change t0 1", "r2 <- change t0 2", "r2 <- change t0 3"],
        "a shorter lag does not overtake a longer one"
    );
}

#[test]
fn a_synchronous_write_waits_for_every_backup_that_is_not_taken_for_dead() {
    let (mut solo, alice) = leader(sync);
    put_number(&mut solo, alice, 1);
    assert_eq!(
        did(&mut solo),
        ["accepted 1 alice.1#1", "persist 1 after 0 +1", "r2 <- change t0 1", "r3 <- change t0 1"]
    );
    tells(&mut solo, R2, have(0, &log(1)));
    tells(&mut solo, R3, have(0, &log(1)));
    assert_eq!(did_only(&mut solo, &["acked"]).len(), 0, "its own disk has not got it");
    persisted(&mut solo, 1);
    assert_eq!(did_only(&mut solo, &["acked"]), ["acked alice.1#1 at 1"]);

    put_number(&mut solo, alice, 2);
    persisted(&mut solo, 2);
    tells(&mut solo, R2, have(0, &log(2)));
    // As far, but with other contents: that is no confirmation.
    tells(&mut solo, R3, have(0, &entries(0, "xy")));
    assert_eq!(did_only(&mut solo, &["acked"]).len(), 0);
    solo.end(solo.conn(R3), Ending::Reset);
    assert_eq!(
        did_only(&mut solo, &["acked", "believed"]),
        ["believed r3 Down", "acked alice.1#2 at 2"]
    );
    // One that is heard again is waited for again; its silence ends that, too.
    solo.at(500);
    let r3 = solo.accept(Peer::Node(R3));
    solo.hear(r3, Message::Replica(Say::Beat { number: 1, term: 0, have: at(&log(2)) }));
    put_number(&mut solo, alice, 3);
    persisted(&mut solo, 3);
    tells(&mut solo, R2, have(0, &log(3)));
    assert_eq!(did_only(&mut solo, &["acked"]).len(), 0);
    solo.at(3500);
    tells(&mut solo, R2, have(0, &log(3)));
    solo.at(5000);
    assert_eq!(did_only(&mut solo, &["acked"]), ["acked alice.1#3 at 3"]);
}

#[test]
fn a_change_of_the_propagation_lets_go_what_waited() {
    let (mut solo, alice) = leader(sync);
    put_number(&mut solo, alice, 1);
    persisted(&mut solo, 1);
    did(&mut solo);
    solo.set(Setting::Propagation(Propagation::Async));
    assert_eq!(did_only(&mut solo, &["acked"]), ["acked alice.1#1 at 1"]);

    let (mut solo, alice) = leader(|config| config.lag = ms(900));
    put_number(&mut solo, alice, 1);
    persisted(&mut solo, 1);
    did(&mut solo);
    solo.set(Setting::Propagation(Propagation::Sync));
    assert_eq!(did_only(&mut solo, &["change"]).len(), 2, "it does not lag any longer");
}

#[test]
fn a_retry_is_recognised_wherever_the_first_has_got_to() {
    let (mut solo, alice) = leader(|_| ());
    put_number(&mut solo, alice, 1);
    put_number(&mut solo, alice, 1);
    persisted(&mut solo, 1);
    put_number(&mut solo, alice, 1);
    assert_eq!(
        did_only(&mut solo, &["accepted", "recognised", "send alice"]),
        [
            "accepted 1 alice.1#1",
            "recognised alice.1#1",
            "send alice alice.1#1 ok",
            "send alice alice.1#1 ok",
            "recognised alice.1#1",
            "send alice alice.1#1 ok"
        ]
    );
    // By the one that takes over, too.
    let mut solo = first(R2, |_| ());
    tells(&mut solo, R1, leads(0, &[]));
    let entry = log(1)[0].clone();
    tells(&mut solo, R1, Say::Change { term: 0, entry });
    persisted(&mut solo, 1);
    solo.at(6000);
    solo.at(7000);
    let alice = solo.client();
    did(&mut solo);
    put_number(&mut solo, alice, 1);
    assert_eq!(
        did(&mut solo),
        ["recognised alice.1#1", "acked alice.1#1 at 1", "send alice alice.1#1 ok"]
    );
}

#[test]
fn a_backup_answers_reads_and_names_the_leader_to_who_would_write() {
    let mut solo = first(R2, |_| ());
    tells(&mut solo, R1, leads(0, &[]));
    tells(&mut solo, R1, Say::Change { term: 0, entry: log(1)[0].clone() });
    persisted(&mut solo, 1);
    let alice = solo.client();
    did(&mut solo);
    solo.hear(alice, operate("alice.1", 7, get("k")));
    assert_eq!(did(&mut solo), ["served alice.1#7 v", "send alice alice.1#7 v"]);
    put_number(&mut solo, alice, 2);
    assert_eq!(did(&mut solo), ["send alice alice.1#2 not the leader, r1 is"]);
    solo.at(4000);
    did(&mut solo);
    put_number(&mut solo, alice, 2);
    assert_eq!(did(&mut solo), ["send alice alice.1#2 not the leader, and knows of none"]);
}

#[test]
fn who_has_not_been_brought_up_to_date_serves_no_reads_unless_it_serves_early() {
    for (flaws, expected) in [
        (flaws(&[]), "send alice alice.1#1 failed: not up to date yet"),
        (flaws(&[Flaw::ServesEarly]), "send alice alice.1#1 no such key"),
    ] {
        let mut solo = life(R2, 2, Image::default(), |config| config.flaws = flaws);
        let alice = solo.client();
        did(&mut solo);
        solo.hear(alice, operate("alice.1", 1, get("k")));
        assert_eq!(did_only(&mut solo, &["send alice"]), [expected]);
    }
}

#[test]
fn persons_get_ids_of_their_own_and_answers_in_their_order() {
    let (mut solo, alice) = leader(|_| ());
    let nc = solo.accept(Peer::Visitor(VisitorId(3)));
    for operation in [put("k", "v"), get("k"), post("hall", "hello")] {
        solo.hear(nc, Message::Operate { id: None, operation });
    }
    put_number(&mut solo, alice, 1);
    assert_eq!(
        did_only(&mut solo, &["accepted", "send", "served"]),
        ["accepted 1 r1.visitor-3#1", "accepted 2 r1.visitor-3#3", "accepted 3 alice.1#1"]
    );
    persisted(&mut solo, 1);
    persisted(&mut solo, 2);
    assert_eq!(
        did_only(&mut solo, &["send"]),
        ["send visitor-3 ok", "send visitor-3 v", "send visitor-3 ok", "send alice alice.1#1 ok"]
    );
    // What is no operation is answered in words, and disturbs nobody.
    solo.input(Input::Malformed {
        conn: nc,
        peer: Peer::Visitor(VisitorId(3)),
        why: "no message".into(),
    });
    solo.hear(nc, Message::ask("www.example.org"));
    assert_eq!(
        did(&mut solo),
        [
            "send visitor-3 failed: no message",
            "send visitor-3 failed: that is no operation on the store"
        ]
    );
    // After its last word it gets its last answer, and the connection closes.
    solo.hear(nc, Message::Operate { id: None, operation: put("k", "w") });
    solo.end(nc, Ending::EndOfFile);
    persisted(&mut solo, 3);
    assert_eq!(solo.only(&["send visitor", "close"]), ["send visitor-3 ok", "close visitor-3"]);
}

#[test]
fn texts_have_a_limit() {
    let (mut solo, alice) = leader(|_| ());
    let long = "x".repeat(4097);
    solo.hear(alice, operate("alice.1", 1, put("k", &long)));
    solo.hear(alice, operate("alice.1", 2, put("k", &long[..4096])));
    assert_eq!(
        did_only(&mut solo, &["not done", "accepted"]),
        ["not done alice.1#1: a text has more than 4096 bytes", "accepted 1 alice.1#2"]
    );
}

#[test]
fn what_the_disk_refuses_is_taken_back_if_nobody_was_sent_it() {
    let full = |solo: &mut Solo, token| {
        solo.input(Input::Unpersisted { token: Token(token), why: "disk full".into() });
    };
    let (mut solo, alice) = leader(|_| ());
    put_number(&mut solo, alice, 1);
    put_number(&mut solo, alice, 2);
    did(&mut solo);
    full(&mut solo, 1);
    assert_eq!(
        did(&mut solo),
        [
            "not done alice.1#1: disk full",
            "not done alice.1#2: disk full",
            "send alice alice.1#1 failed: disk full",
            "send alice alice.1#2 failed: disk full"
        ]
    );
    put_number(&mut solo, alice, 3);
    persisted(&mut solo, 2);
    assert_eq!(did_only(&mut solo, &["acked"]), ["acked alice.1#3 at 1"]);

    // What was sent may stand or fall: nothing is said of it, and nothing new is taken until it is on the disk.
    let (mut solo, alice) = leader(sync);
    put_number(&mut solo, alice, 1);
    did(&mut solo);
    full(&mut solo, 1);
    put_number(&mut solo, alice, 2);
    assert_eq!(
        did(&mut solo),
        ["not done alice.1#2: disk full", "send alice alice.1#2 failed: disk full"]
    );
    tells(&mut solo, R2, have(0, &log(1)));
    tells(&mut solo, R3, have(0, &log(1)));
    solo.at(1000);
    assert_eq!(did_only(&mut solo, &["persist", "acked"]), ["persist 2 after 0 +1"]);
    persisted(&mut solo, 2);
    assert_eq!(did_only(&mut solo, &["acked"]), ["acked alice.1#1 at 1"]);
}

/// A stage in the life of a replica, and how it comes there.
type Stage = (&'static str, fn() -> Solo);

/// A way to lose another, and how it is met.
type Loss = (&'static str, fn(&mut Solo, NodeId));

/// Every way in which another replica or a client can be lost, in every stage, and the replica goes on.
#[test]
fn the_death_of_another_disturbs_nobody_in_any_stage() {
    let stages: [Stage; 5] = [
        ("leads", || first(R1, sync)),
        ("follows", || first(R2, |_| ())),
        ("asks", || life(R2, 2, Image::default(), |_| ())),
        ("stands", || {
            let mut solo = first(R3, |_| ());
            solo.at(4000);
            solo
        }),
        ("waits", || {
            let mut solo = first(R2, blocking);
            solo.at(1000);
            solo
        }),
    ];
    let losses: [Loss; 5] = [
        ("reset", |solo, peer| solo.end(solo.conn(peer), Ending::Reset)),
        ("end of file", |solo, peer| solo.end(solo.conn(peer), Ending::EndOfFile)),
        ("reset and refusal", |solo, peer| {
            solo.end(solo.conn(peer), Ending::Reset);
            solo.at(solo.now.0 / 1_000_000 + 1500);
            solo.refuse(peer);
        }),
        ("reset of the other's connection", |solo, peer| {
            let conn = solo.accept(Peer::Node(peer));
            solo.end(conn, Ending::Reset);
        }),
        ("garbage", |solo, peer| {
            let (conn, peer) = (solo.conn(peer), Peer::Node(peer));
            solo.input(Input::Malformed { conn, peer, why: "no message".into() });
        }),
    ];
    for (stage, make) in stages {
        for (loss, lose) in losses {
            let peers: Vec<NodeId> =
                ALL.into_iter().filter(|peer| make().opened.contains_key(peer)).collect();
            for peer in peers {
                // Who stands still goes on only when whoever it waits for is gone for good.
                let is_gone = peer == R1 && ["reset", "end of file"].contains(&loss);
                if stage == "waits" && !is_gone {
                    continue;
                }
                let mut solo = make();
                let alice = solo.client();
                solo.hear(alice, operate("alice.1", 1, put("k", "v")));
                lose(&mut solo, peer);
                solo.end(alice, Ending::Reset);
                let later = solo.now.0 / 1_000_000 + 30_000;
                solo.at(later);
                let bob = solo.client();
                solo.hear(bob, operate("bob.1", 1, put("k", "v")));
                persisted(&mut solo, 1);
                let said = did_only(&mut solo, &["accepted", "bob.1#1 not the leader"]);
                assert!(!said.is_empty(), "{stage}, {loss} of {peer}");
            }
        }
    }
}
