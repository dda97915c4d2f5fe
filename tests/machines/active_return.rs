//! The replica of the scheme active on its way back: with whom it compares, what each clock makes it do, and what is
//! thrown away.

use crate::active_lab::*;
use crate::harness::*;
use crate::store_lab::*;
use faultlab::base::{Incarnation, Peer};
use faultlab::machine::Effect;
use faultlab::message::{CatchUp, Entry, Flaw, Message, Position, ReplicaMessage};
use faultlab::topology::{ClockKind, ReplicaConfig, Scheme};

const COURSE: [&str; 7] =
    ["compared", "asked", "caught", "discarded", "send alice", "persist", "not done"];

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
    assert_eq!(did_only(&mut solo, &["send alice"]).len(), 0, "its disk has not got it yet");
    persisted(&mut solo, 1);
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
            persisted(&mut solo, 1);
        }
        asks(&mut solo, alice, "a", 9, get("ka"));
        solo.at(2_000);
        did_only(&mut solo, &["compared", "asked", "send alice"])
    };
    assert_eq!(
        behind(true),
        [
            "compared r2 0:1 Behind",
            "send alice a#1 ok",
            "send alice a#9 a1",
            "compared r2 1:1 InSync"
        ]
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
