//! The replica of the scheme active: what it serves and when, and what it makes of the others' signs of life.

use crate::active_lab::*;
use crate::harness::*;
use crate::store_lab::*;
use faultlab::base::{NodeId, Peer, Token, VisitorId};
use faultlab::event::Ending;
use faultlab::machine::{Input, Told};
use faultlab::message::{Flaw, Message, Position, ReplicaMessage, StoreSaid};
use faultlab::topology::{ReplicaConfig, Scheme, Setting};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn a_write_is_acknowledged_when_it_is_on_the_disk_and_not_before() {
    let mut solo = first_life(|_| ());
    let alice = solo.accept(Peer::Node(ALICE));
    asks(&mut solo, alice, "alice.1", 1, put("k", "v"));
    assert_eq!(did(&mut solo), ["accepted 1 alice.1#1", "persist 1 after 0 +1"]);
    // What comes meanwhile goes with the next write, in one piece.
    asks(&mut solo, alice, "alice.1", 2, put("k", "w"));
    asks(&mut solo, alice, "alice.1", 3, put("k", "x"));
    did(&mut solo);
    persisted(&mut solo, 1);
    assert_eq!(
        did(&mut solo),
        ["durable 1", "acked alice.1#1 at 1", "send alice alice.1#1 ok", "persist 2 after 1 +2"]
    );
    persisted(&mut solo, 2);
    assert_eq!(
        did_only(&mut solo, &["send"]),
        ["send alice alice.1#2 ok", "send alice alice.1#3 ok"]
    );
    asks(&mut solo, alice, "alice.1", 4, get("k"));
    assert_eq!(did(&mut solo), ["served alice.1#4 x", "send alice alice.1#4 x"]);
}

#[test]
fn a_retry_is_recognised_and_acknowledged_like_the_first() {
    let mut solo = first_life(|_| ());
    let alice = solo.accept(Peer::Node(ALICE));
    let post = || post("hall", "hello");
    asks(&mut solo, alice, "alice.1", 1, post());
    asks(&mut solo, alice, "alice.1", 1, post());
    assert_eq!(
        did_only(&mut solo, &["accepted", "recognised", "send"]),
        ["accepted 1 alice.1#1", "recognised alice.1#1"]
    );
    persisted(&mut solo, 1);
    assert_eq!(did_only(&mut solo, &["send"]).len(), 2);
    asks(&mut solo, alice, "alice.1", 1, post());
    assert_eq!(did_only(&mut solo, &["send", "accepted"]), ["send alice alice.1#1 ok"]);
    // In another life, too: the log is what it remembers by.
    let mut solo = life(2, image(log(&["a"])), |_| ());
    solo.refuse(R2);
    solo.refuse(R3);
    let alice = solo.accept(Peer::Node(ALICE));
    asks(&mut solo, alice, "a", 1, post());
    assert_eq!(did_only(&mut solo, &["accepted", "recognised"]), ["recognised a#1"]);
}

#[test]
fn what_the_disk_refuses_is_taken_back_and_the_next_write_is_tried_anew() {
    let mut solo = first_life(|_| ());
    let alice = solo.accept(Peer::Node(ALICE));
    asks(&mut solo, alice, "alice.1", 1, put("k", "1"));
    persisted(&mut solo, 1);
    for number in [2, 3] {
        asks(&mut solo, alice, "alice.1", number, put("k", "2"));
    }
    did(&mut solo);
    solo.input(Input::Unpersisted { token: Token(2), why: "full".into() });
    assert_eq!(
        did(&mut solo),
        [
            "not done alice.1#2: the disk: full",
            "send alice alice.1#2 failed: the disk: full",
            "not done alice.1#3: the disk: full",
            "send alice alice.1#3 failed: the disk: full"
        ]
    );
    asks(&mut solo, alice, "alice.1", 4, get("k"));
    asks(&mut solo, alice, "alice.1", 2, put("k", "4"));
    assert_eq!(
        did_only(&mut solo, &["send", "accepted", "persist"]),
        ["send alice alice.1#4 1", "accepted 2 alice.1#2", "persist 3 after 1 +1"]
    );
    persisted(&mut solo, 3);
    assert_eq!(did_only(&mut solo, &["send"]), ["send alice alice.1#2 ok"]);
}

#[test]
fn a_person_needs_no_identity_and_is_answered_in_turn() {
    let mut solo = first_life(|_| ());
    let visitor = solo.accept(Peer::Visitor(VisitorId(3)));
    for operation in [put("k", "v"), get("k")] {
        solo.hear(visitor, Message::Operate { id: None, operation });
    }
    solo.hear(visitor, Message::Text("hello".into()));
    assert_eq!(did_only(&mut solo, &["accepted", "send"]), ["accepted 1 r1.visitor-3#1"]);
    persisted(&mut solo, 1);
    let sent = did_only(&mut solo, &["send"]);
    assert_eq!(sent[..2], ["send visitor-3 ok", "send visitor-3 v"]);
    assert!(sent[2].starts_with("send visitor-3 failed: not understood"), "{}", sent[2]);
}

#[test]
fn texts_have_bounds_and_nobody_fills_three_memories() {
    let mut solo = first_life(|_| ());
    let alice = solo.accept(Peer::Node(ALICE));
    let long = "x".repeat(4097);
    for (number, operation) in
        (1..).zip([put("k", &long), put(&long, "v"), post("r", &long), get(&long)])
    {
        asks(&mut solo, alice, "alice.1", number, operation);
    }
    let sent = did_only(&mut solo, &["send", "accepted"]);
    assert!(sent.len() == 4 && sent.iter().all(|line| line.contains("more than 4096 bytes")));
    asks(&mut solo, alice, "alice.1", 5, put("k", &long[..4096]));
    assert_eq!(did_only(&mut solo, &["accepted"]).len(), 1);
}

#[test]
fn a_lie_is_wrong_ones_own_and_told_to_readers_only() {
    let lie = |node: NodeId, agreed: bool| {
        let mut topology = store_topology(Scheme::Active);
        replica_in(&mut topology, node).lie = true;
        replica_in(&mut topology, node).flaws =
            if agreed { flaws(&[Flaw::SameLie]) } else { flaws(&[]) };
        let mut solo = Solo::new(topology, node);
        let alice = solo.accept(Peer::Node(ALICE));
        asks(&mut solo, alice, "alice.1", 1, put("k", "v"));
        persisted(&mut solo, 1);
        assert_eq!(did_only(&mut solo, &["send alice"]), ["send alice alice.1#1 ok"]);
        asks(&mut solo, alice, "alice.1", 2, get("k"));
        did_only(&mut solo, &["send alice"])
    };
    let own: std::collections::BTreeSet<_> = ALL.map(|node| lie(node, false)).into();
    assert!(own.len() == 3 && own.iter().all(|sent| sent[0] != "send alice alice.1#2 v"));
    let same: std::collections::BTreeSet<_> = ALL.map(|node| lie(node, true)).into();
    assert!(same.len() == 1 && same.first().unwrap()[0] != "send alice alice.1#2 v");
}

#[test]
fn another_replicas_crash_disturbs_nobody_unless_nobody_catches_it() {
    let mut solo = first_life(|_| ());
    let from_r3 = solo.accept(Peer::Node(R3));
    resets(&mut solo, R2);
    solo.end(from_r3, Ending::Reset);
    assert_eq!(did_only(&mut solo, &["believed"]), ["believed r2 Down"]);
    let spreads = |config: &mut ReplicaConfig| config.flaws = flaws(&[Flaw::CrashSpreads]);
    for theirs in [false, true] {
        let mut solo = first_life(spreads);
        let from_r3 = solo.accept(Peer::Node(R3));
        let died = catch_unwind(AssertUnwindSafe(|| {
            if theirs { solo.end(from_r3, Ending::Reset) } else { resets(&mut solo, R2) }
        }));
        assert!(died.is_err());
    }
}

#[test]
fn a_heartbeat_goes_to_each_and_is_answered_where_it_came() {
    let mut solo = first_life(|_| ());
    solo.at(2_500);
    assert_eq!(said_to(&solo, "Beat"), 4);
    did(&mut solo);
    let r3 = solo.accept(Peer::Node(R3));
    let have = Position::default();
    solo.hear(r3, Message::Replica(ReplicaMessage::Beat { number: 5, term: 0, have }));
    assert_eq!(said_to(&solo, "Alive { number: 5"), 1);
    solo.set(Setting::Heartbeat(ms(100)));
    did(&mut solo);
    solo.at(3_000);
    assert_eq!(said_to(&solo, "Beat"), 10);
}

#[test]
fn a_fourth_is_made_known_and_another_forgotten_while_it_runs() {
    let mut solo = first_life(|_| ());
    solo.set(Setting::Peers(vec![R3, R4]));
    assert_eq!(
        solo.lines().into_iter().filter(|line| line.contains(" r")).collect::<Vec<_>>(),
        ["close r2", "open r4"]
    );
    solo.connect(R4);
    solo.at(4_500);
    assert_eq!(did_only(&mut solo, &["suspected"]), ["suspected r3", "suspected r4"]);
}

#[test]
fn stop_waits_for_the_disk_and_takes_nothing_new() {
    let mut solo = first_life(|_| ());
    let alice = solo.accept(Peer::Node(ALICE));
    asks(&mut solo, alice, "alice.1", 1, put("k", "v"));
    solo.tell(Told::Stop);
    asks(&mut solo, alice, "alice.1", 2, put("k", "w"));
    assert_eq!(
        did_only(&mut solo, &["stopping", "send", "exit"]),
        ["stopping 1", "send alice alice.1#2 failed: stopping"]
    );
    persisted(&mut solo, 1);
    assert_eq!(did_only(&mut solo, &["send", "exit"]), ["send alice alice.1#1 ok", "exit"]);
    assert!(did(&mut solo).is_empty());
    let said = StoreSaid::Done;
    solo.hear(alice, Message::Operated { id: None, said });
    assert!(did(&mut solo).is_empty(), "it is over");
}
