//! The replica of the scheme active: what it serves and when, how it comes back, and what each clock makes it do.

use crate::harness::*;
use crate::store_lab::*;
use faultlab::base::{ConnId, Incarnation, NodeId, Peer, Token, VisitorId};
use faultlab::event::Ending;
use faultlab::machine::{Effect, Input, Told};
use faultlab::message::{
    CatchUp, Entry, Flaw, Image, Message, Operation, Position, ReplicaMessage, StoreSaid,
};
use faultlab::topology::{ClockKind, ReplicaConfig, Scheme, Setting};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// One after the other, by these clients.
fn log(clients: &[&str]) -> Vec<Entry> {
    let mut counts = std::collections::BTreeMap::<&str, u64>::new();
    let entry = |(position, client): (u64, &&'static str)| {
        let number = counts.entry(client).or_default();
        *number += 1;
        let operation = put(&format!("k{client}"), &format!("{client}{number}"));
        Entry { position, term: 0, id: id(client, *number), operation }
    };
    let clients: Vec<&'static str> = clients
        .iter()
        .map(|client| ["a", "b", "c"].into_iter().find(|one| one == client).unwrap())
        .collect();
    (1..).zip(&clients).map(entry).collect()
}

fn image(entries: Vec<Entry>) -> Image {
    Image { entries, term: 0 }
}

/// r1 in its first life, with connections to the others.
fn first_life(change: impl FnOnce(&mut ReplicaConfig)) -> Solo {
    let mut solo = life(1, image(Vec::new()), change);
    solo.connect(R2);
    solo.connect(R3);
    solo.done.clear();
    solo
}

fn life(number: u32, image: Image, change: impl FnOnce(&mut ReplicaConfig)) -> Solo {
    let mut topology = store_topology(Scheme::Active);
    change(replica_in(&mut topology, R1));
    Solo::born(topology, R1, Incarnation(number), image)
}

fn asks(solo: &mut Solo, conn: ConnId, client: &str, number: u64, operation: Operation) {
    solo.hear(conn, Message::Operate { id: Some(id(client, number)), operation });
}

fn persisted(solo: &mut Solo, token: u64) {
    let (token, took) = (Token(token), Duration::from_millis(1));
    solo.input(Input::Persisted { token, bytes: 100, took });
}

/// The clock of a replica that has this log and saw its last request at this time.
fn clock(entries: &[Entry], time_ms: u64) -> Message {
    let mut digest = faultlab::message::Digest::default();
    let mut vector = std::collections::BTreeMap::<Arc<str>, u64>::new();
    for entry in entries {
        digest = digest.with(entry);
        *vector.entry(entry.id.client.clone()).or_default() += 1;
    }
    let have = Position { at: entries.len() as u64, digest };
    Message::Replica(ReplicaMessage::Clock { have, time_ms, vector })
}

fn state(keep: u64, entries: &[Entry], more: bool) -> Message {
    let entries = Arc::from(entries);
    Message::Replica(ReplicaMessage::State { term: 0, keep, entries, more })
}

/// What it says to the other replicas, by its first word.
fn said_to(solo: &Solo, words: &str) -> usize {
    let fits = |effect: &&Effect| {
        matches!(effect, Effect::Send { message: Message::Replica(message), .. }
            if format!("{message:?}").starts_with(words))
    };
    solo.done.iter().filter(fits).count()
}

const COURSE: [&str; 7] =
    ["compared", "asked", "caught", "discarded", "send alice", "persist", "not done"];

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

/// The clock of the other, and what r1 with the log a, b makes of it.
#[test]
fn each_clock_brings_another_return() {
    let same = log(&["a", "b"]);
    let crossed = log(&["b", "a"]);
    let longer = log(&["a", "b", "a"]);
    let other = log(&["c", "c", "c"]);
    let empty = log(&[]);
    for (kind, theirs, time_ms, verdict) in [
        (ClockKind::Count, &same, 9, "2:2 InSync"),
        (ClockKind::Count, &crossed, 9, "2:2 InSync"),
        (ClockKind::Count, &longer, 9, "2:3 Behind"),
        (ClockKind::Count, &other, 9, "2:3 Behind"),
        (ClockKind::Count, &empty, 9, "2:0 Ahead"),
        // It was started at 500 ms and has seen nothing since; the other started a moment later, and has nothing.
        (ClockKind::Time, &longer, 400, "2:3 Ahead"),
        (ClockKind::Time, &empty, 501, "2:0 Behind"),
        (ClockKind::Digest, &crossed, 9, "2:2 Concurrent"),
        (ClockKind::Digest, &longer, 9, "2:3 Behind"),
        (ClockKind::Vector, &longer, 9, "2:3 Behind"),
        (ClockKind::Vector, &other, 9, "2:3 Concurrent"),
        (ClockKind::Vector, &crossed, 9, "2:2 Concurrent"),
        (ClockKind::Vector, &empty, 9, "2:0 Ahead"),
    ] {
        let mut topology = store_topology(Scheme::Active);
        replica_in(&mut topology, R1).clock = kind;
        let mut solo = Solo::born(topology, R1, Incarnation(2), image(log(&["a", "b"])));
        let what = format!("{kind:?} {verdict}");
        if kind == ClockKind::Time {
            // Its start is the start of the lab here; a request makes it 500.
            solo.refuse(R2);
            solo.refuse(R3);
            solo.at(500);
            let alice = solo.accept(Peer::Node(ALICE));
            asks(&mut solo, alice, "alice.1", 1, get("k"));
            solo.at(1_001);
        }
        solo.connect(R2);
        did(&mut solo);
        solo.from(R2, clock(theirs, time_ms));
        if kind == ClockKind::Time {
            solo.at(2_100);
        } else {
            solo.refuse(R3);
        }
        let mut expected = vec![format!("compared r2 {verdict}")];
        expected.extend(verdict.ends_with("Behind").then(|| "asked r2 for State".to_owned()));
        assert_eq!(did_only(&mut solo, &["compared", "asked"]), expected, "{what}");
    }
}

#[test]
fn one_that_returns_serves_when_it_has_compared_with_whoever_is_there() {
    let mut solo = life(2, image(log(&["a"])), |_| ());
    let alice = solo.accept(Peer::Node(ALICE));
    let fails = |solo: &mut Solo, number| {
        asks(solo, alice, "alice.1", number, get("ka"));
        asks(solo, alice, "alice.1", number + 1, put("k", "v"));
        did_only(solo, &["send alice"]).iter().all(|line| line.contains("failed: not ready"))
    };
    assert!(fails(&mut solo, 1));
    solo.connect(R2);
    assert_eq!(said_to(&solo, "AskClock"), 1);
    solo.from(R2, clock(&log(&["a", "b"]), 0));
    assert!(fails(&mut solo, 3), "r3 has neither said anything nor been found missing");
    solo.refuse(R3);
    assert_eq!(did_only(&mut solo, &COURSE), ["compared r2 1:2 Behind", "asked r2 for State"]);
    assert!(fails(&mut solo, 5), "it is being brought up to date");
    solo.from(R2, state(0, &log(&["a", "b"]), false));
    assert_eq!(
        did_only(&mut solo, &COURSE),
        ["caught up State r2 +2 at 2", "persist 1 after 0 +2"]
    );
    asks(&mut solo, alice, "alice.1", 7, get("kb"));
    assert_eq!(did_only(&mut solo, &["send alice"]), ["send alice alice.1#7 b1"]);
}

#[test]
fn one_that_is_alone_serves_at_once_and_one_among_the_silent_after_its_patience() {
    let mut solo = life(2, image(log(&["a"])), |_| ());
    solo.refuse(R2);
    solo.refuse(R3);
    let alice = solo.accept(Peer::Node(ALICE));
    asks(&mut solo, alice, "alice.1", 1, get("ka"));
    assert_eq!(did_only(&mut solo, &["send alice"]), ["send alice alice.1#1 a1"]);

    let mut solo = life(2, image(log(&["a"])), |_| ());
    let alice = solo.accept(Peer::Node(ALICE));
    solo.at(3_999);
    asks(&mut solo, alice, "alice.1", 1, get("ka"));
    solo.at(4_000);
    asks(&mut solo, alice, "alice.1", 2, get("ka"));
    assert_eq!(
        did_only(&mut solo, &["send alice"]),
        [
            "send alice alice.1#1 failed: not ready: it has not compared with the others yet",
            "send alice alice.1#2 a1"
        ]
    );
}

#[test]
fn serving_early_means_serving_what_is_gone_a_moment_later() {
    let early = |config: &mut ReplicaConfig| config.flaws = flaws(&[Flaw::ServesEarly]);
    let mut solo = life(2, image(log(&["a"])), early);
    let alice = solo.accept(Peer::Node(ALICE));
    asks(&mut solo, alice, "alice.1", 1, put("k", "v"));
    persisted(&mut solo, 1);
    assert_eq!(did_only(&mut solo, &["send alice"]), ["send alice alice.1#1 ok"]);
    solo.refuse(R3);
    solo.connect(R2);
    solo.from(R2, clock(&log(&["a", "b", "b"]), 0));
    solo.from(R2, state(0, &log(&["a", "b", "b"]), false));
    assert_eq!(did_only(&mut solo, &["discarded"]), ["discarded alice.1#1 for r2"]);
}

#[test]
fn at_the_start_of_the_lab_nobody_compares_and_one_started_later_does() {
    let mut solo = first_life(|_| ());
    assert_eq!((said_to(&solo, "AskClock"), did(&mut solo).len()), (0, 0));
    let mut late = Solo::new(store_topology(Scheme::Active), R4);
    for replica in ALL {
        late.connect(replica);
    }
    assert_eq!(said_to(&late, "AskClock"), 3);
}

#[test]
fn a_peer_that_is_heard_again_is_compared_with() {
    // Its connection was lost, and stands again.
    let mut solo = first_life(|_| ());
    resets(&mut solo, R2);
    solo.at(1_000);
    did(&mut solo);
    solo.connect(R2);
    assert_eq!(said_to(&solo, "AskClock"), 1);
    // It was silent for too long, and says something.
    let mut solo = first_life(|_| ());
    let alive = |at| {
        let have = Position { at, ..Position::default() };
        Message::Replica(ReplicaMessage::Alive { number: 1, term: 0, have, leads: false })
    };
    solo.at(3_000);
    solo.from(R3, alive(0));
    solo.at(4_000);
    assert_eq!(
        did_only(&mut solo, &["suspected", "believed r"]),
        ["suspected r2", "believed r2 Suspect"]
    );
    solo.from(R2, alive(3));
    assert_eq!(said_to(&solo, "AskClock"), 1);
    assert_eq!(
        did_only(&mut solo, &["cleared", "believed", "knows"]),
        ["believed r2 Up", "cleared r2", "knows r2 3"]
    );
    // It serves on meanwhile: it has nothing to be ashamed of yet.
    let alice = solo.accept(Peer::Node(ALICE));
    asks(&mut solo, alice, "alice.1", 1, get("k"));
    assert_eq!(did_only(&mut solo, &["send alice"]), ["send alice alice.1#1 no such key"]);
}

#[test]
fn what_is_on_its_way_from_a_client_is_not_missing() {
    let behind = |arrives: bool| {
        let mut solo = first_life(|_| ());
        let alice = solo.accept(Peer::Node(ALICE));
        resets(&mut solo, R2);
        solo.at(1_000);
        solo.connect(R2);
        solo.from(R2, clock(&log(&["a"]), 0));
        if arrives {
            asks(&mut solo, alice, "a", 1, put("ka", "a1"));
        }
        asks(&mut solo, alice, "a", 9, get("ka"));
        solo.at(2_000);
        did_only(&mut solo, &["compared", "asked", "send alice"])
    };
    assert_eq!(
        behind(true),
        ["compared r2 0:1 Behind", "send alice a#9 a1", "compared r2 1:1 InSync"]
    );
    assert_eq!(
        behind(false),
        ["compared r2 0:1 Behind", "send alice a#9 no such key", "asked r2 for State"]
    );
}

#[test]
fn a_second_look_is_not_forgotten_over_a_third_replica() {
    let mut solo = first_life(|_| ());
    resets(&mut solo, R2);
    resets(&mut solo, R3);
    solo.at(1_000);
    solo.connect(R2);
    solo.from(R2, clock(&log(&["a"]), 0));
    did(&mut solo);
    solo.at(1_500);
    solo.connect(R3);
    assert_eq!(said_to(&solo, "AskClock"), 2);
    solo.from(R3, clock(&log(&[]), 0));
    solo.from(R2, clock(&log(&["a"]), 0));
    solo.at(2_500);
    assert_eq!(did_only(&mut solo, &["asked"]), ["asked r2 for State"]);
}

#[test]
fn the_longer_side_erases_what_the_shorter_had_acknowledged() {
    let mut solo = life(2, image(log(&["a", "b"])), |_| ());
    solo.refuse(R3);
    solo.connect(R2);
    solo.from(R2, clock(&log(&["a", "c", "c"]), 0));
    // In parts: nothing happens before all are there.
    let theirs = log(&["a", "c", "c"]);
    solo.from(R2, state(0, &theirs[..2], true));
    assert_eq!(did_only(&mut solo, &["discarded", "caught"]).len(), 0);
    solo.from(R2, state(0, &theirs[2..], false));
    assert_eq!(
        did_only(&mut solo, &["discarded", "caught"]),
        ["discarded b#1 for r2", "caught up State r2 +3 at 3"]
    );
}

#[test]
fn with_vectors_nothing_is_overwritten_even_where_counts_deceive() {
    let vector = |config: &mut ReplicaConfig| config.clock = ClockKind::Vector;
    let mut solo = life(2, image(log(&["a", "a"])), vector);
    solo.refuse(R3);
    solo.connect(R2);
    // Three of the same client, but not the two that are here.
    let mut theirs = log(&["a", "a", "a"]);
    for (entry, number) in theirs.iter_mut().zip(7..) {
        entry.id.number = number;
    }
    solo.from(R2, clock(&theirs, 0));
    solo.from(R2, state(0, &theirs, false));
    assert_eq!(
        did_only(&mut solo, &COURSE),
        ["compared r2 2:3 Behind", "asked r2 for State", "compared r2 2:3 Concurrent"]
    );
    let alice = solo.accept(Peer::Node(ALICE));
    asks(&mut solo, alice, "alice.1", 1, get("ka"));
    assert_eq!(did_only(&mut solo, &["send alice"]), ["send alice alice.1#1 a2"]);
}

#[test]
fn it_ships_everything_or_what_is_missing_if_the_logs_begin_alike() {
    let mine = log(&["a", "b", "c"]);
    let mut solo = life(2, image(mine.clone()), |_| ());
    let r2 = solo.accept(Peer::Node(R2));
    let have = |entries: &[Entry]| match clock(entries, 0) {
        Message::Replica(ReplicaMessage::Clock { have, .. }) => have,
        _ => unreachable!(),
    };
    for (theirs, whole, expected) in [
        (log(&["a"]), true, (0, 3)),
        (log(&["a"]), false, (1, 2)),
        (log(&["b"]), false, (0, 3)),
        (mine.clone(), false, (3, 0)),
        (log(&["a", "b", "c", "c"]), false, (0, 3)),
    ] {
        did(&mut solo);
        let catch_up = ReplicaMessage::CatchUp { term: 0, have: have(&theirs), whole };
        solo.hear(r2, Message::Replica(catch_up));
        let shipped = solo.done.iter().find_map(|effect| match effect {
            Effect::Send {
                message: Message::Replica(ReplicaMessage::State { keep, entries, .. }),
                ..
            } => Some((*keep, entries.len())),
            _ => None,
        });
        assert_eq!(shipped, Some(expected));
    }
}

#[test]
fn the_missing_part_of_the_log_is_put_behind_ones_own() {
    let by_log = |config: &mut ReplicaConfig| config.catch_up = CatchUp::Log;
    let mut solo = life(2, image(log(&["a"])), by_log);
    solo.refuse(R3);
    solo.connect(R2);
    let theirs = log(&["a", "b", "c"]);
    solo.from(R2, clock(&theirs, 0));
    solo.from(R2, state(1, &theirs[1..], false));
    assert_eq!(
        did_only(&mut solo, &COURSE),
        [
            "compared r2 1:3 Behind",
            "asked r2 for Log",
            "caught up Log r2 +2 at 3",
            "persist 1 after 1 +2"
        ]
    );
}

#[test]
fn one_that_dies_while_it_ships_is_replaced_by_another_that_is_ahead() {
    let mut solo = life(2, image(log(&["a"])), |_| ());
    solo.connect(R2);
    solo.connect(R3);
    solo.from(R2, clock(&log(&["a", "b", "c"]), 0));
    solo.from(R3, clock(&log(&["a", "b"]), 0));
    assert!(did(&mut solo).contains(&"asked r2 for State".to_owned()));
    resets(&mut solo, R2);
    assert_eq!(said_to(&solo, "AskClock"), 1, "r3 is asked again");
    solo.from(R3, clock(&log(&["a", "b"]), 0));
    assert_eq!(did_only(&mut solo, &["asked"]), ["asked r3 for State"]);
    // What the first still says does not count any more.
    solo.from(R2, state(0, &log(&["c", "c", "c"]), false));
    assert!(did_only(&mut solo, &["caught"]).is_empty());
    solo.from(R3, state(0, &log(&["a", "b"]), false));
    assert_eq!(did_only(&mut solo, &["caught"]), ["caught up State r3 +2 at 2"]);
}

#[test]
fn a_write_that_waits_for_the_disk_when_the_log_is_replaced_is_not_lost_sight_of() {
    let mut solo = first_life(|_| ());
    let alice = solo.accept(Peer::Node(ALICE));
    asks(&mut solo, alice, "a", 1, put("ka", "a1"));
    asks(&mut solo, alice, "b", 1, put("kb", "b1"));
    resets(&mut solo, R2);
    solo.at(1_000);
    solo.connect(R2);
    solo.from(R2, clock(&log(&["c", "c", "a"]), 0));
    solo.at(2_000);
    solo.from(R2, state(0, &log(&["c", "c", "a"]), false));
    assert_eq!(
        did_only(&mut solo, &["discarded", "not done", "send alice"]),
        [
            "discarded b#1 for r2",
            "not done b#1: another replica's log took its place",
            "send alice b#1 failed: another replica's log took its place"
        ]
    );
    persisted(&mut solo, 1);
    assert!(did_only(&mut solo, &["acked"]).is_empty(), "that was written before the log changed");
    persisted(&mut solo, 2);
    assert_eq!(did_only(&mut solo, &["acked"]), ["acked a#1 at 3"]);
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
