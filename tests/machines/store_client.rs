//! The client of a store in which one leads: whom it asks, how often, and what it makes of the answers.

use crate::harness::*;
use crate::store_lab::*;
use faultlab::machine::{Effect, Told};
use faultlab::message::{Flaw, RecordType, StoreSaid};
use faultlab::topology::{ReadFrom, Scheme, Setting};
use std::collections::BTreeSet;

const PB: Scheme = Scheme::PrimaryBackup;

fn not_leader(leader: Option<&str>) -> StoreSaid {
    StoreSaid::NotLeader(leader.map(Into::into))
}

#[test]
fn a_write_goes_to_the_first_and_its_answer_is_the_verdict() {
    let mut solo = client(PB, |_| ());
    operate(&mut solo, put("k", "v"));
    assert_eq!(
        did(&mut solo),
        ["requested 1 put k v", "attempted 1 #1 r1 as alice.1#1", "send r1 alice.1#1 put k v"]
    );
    answers(&mut solo, R1, 1, StoreSaid::Done);
    assert_eq!(did(&mut solo), ["voted 1 r1 ok", "concluded 1 ok ok [r1] Answer", "follows r1"]);
    answers(&mut solo, R1, 1, StoreSaid::Done);
    solo.at(5_000);
    assert!(did(&mut solo).is_empty(), "a verdict is given once");
    assert!(solo.timers.is_empty());
}

#[test]
fn whoever_is_named_is_asked_next_with_the_same_identity_and_first_from_then_on() {
    let mut solo = client(PB, |_| ());
    operate(&mut solo, put("k", "v"));
    answers(&mut solo, R1, 1, not_leader(Some("r3")));
    assert_eq!(
        did_only(&mut solo, &["attempted", "follows"]),
        ["attempted 1 #1 r1 as alice.1#1", "follows r3", "attempted 1 #2 r3 as alice.1#1"]
    );
    answers(&mut solo, R3, 1, StoreSaid::Done);
    operate(&mut solo, put("k", "w"));
    assert_eq!(did_only(&mut solo, &["attempted"]), ["attempted 2 #1 r3 as alice.1#2"]);
    answers(&mut solo, R3, 2, not_leader(Some("nobody-of-this-name")));
    assert_eq!(did_only(&mut solo, &["attempted"]), ["attempted 2 #2 r1 as alice.1#2"]);
}

#[test]
fn silence_refusal_and_reset_lead_to_the_next_and_after_all_to_a_pause() {
    let mut solo = client(PB, |_| ());
    operate(&mut solo, put("k", "v"));
    solo.at(399);
    assert_eq!(did_only(&mut solo, &["attempted"]).len(), 1);
    solo.at(400);
    assert_eq!(
        did_only(&mut solo, &["attempted", "believed"]),
        ["believed r1 Suspect", "attempted 1 #2 r2 as alice.1#1"]
    );
    resets(&mut solo, R2);
    assert_eq!(
        did_only(&mut solo, &["attempted", "believed"]),
        ["believed r2 Down", "attempted 1 #3 r3 as alice.1#1"]
    );
    answers(&mut solo, R3, 1, not_leader(None));
    assert!(did_only(&mut solo, &["attempted", "concluded"]).is_empty(), "it pauses");
    solo.at(530);
    assert_eq!(did_only(&mut solo, &["attempted"]), ["attempted 1 #4 r1 as alice.1#1"]);
    // An answer to the first asking counts as well as one to the last.
    answers(&mut solo, R1, 1, StoreSaid::Done);
    assert_eq!(did_only(&mut solo, &["concluded"]), ["concluded 1 ok ok [r1] Answer"]);
}

#[test]
fn a_late_answer_of_one_that_was_given_up_is_taken() {
    let mut solo = client(PB, |_| ());
    operate(&mut solo, put("k", "v"));
    solo.at(500);
    did(&mut solo);
    answers(&mut solo, R1, 1, not_leader(Some("r3")));
    assert!(did_only(&mut solo, &["attempted", "concluded"]).is_empty(), "r2 is waited for now");
    answers(&mut solo, R1, 1, StoreSaid::Done);
    assert_eq!(did_only(&mut solo, &["concluded"]), ["concluded 1 ok ok [r1] Answer"]);
    answers(&mut solo, R2, 1, StoreSaid::Done);
    assert!(did_only(&mut solo, &["concluded"]).is_empty());
}

#[test]
fn what_was_sent_and_never_answered_is_unknown_and_what_was_not_done_has_failed() {
    // Sent to somebody who says nothing.
    let mut solo = client(PB, |_| ());
    operate(&mut solo, put("k", "v"));
    solo.at(1_999);
    assert!(did_only(&mut solo, &["concluded"]).is_empty());
    solo.at(2_000);
    assert_eq!(did_only(&mut solo, &["concluded"]), ["concluded 1 unknown - [] Deadline"]);

    // Sent, and everybody has said that he did not do it.
    let mut solo = client(PB, |_| ());
    operate(&mut solo, put("k", "v"));
    for _ in 0..100 {
        for replica in ALL {
            answers(&mut solo, replica, 1, not_leader(None));
        }
        solo.at(solo.now.0 / 1_000_000 + 20);
    }
    assert_eq!(did_only(&mut solo, &["concluded"]), ["concluded 1 failed - [] Deadline"]);

    // Never sent: the connections hang.
    let mut solo = Solo::new(store_topology(PB), ALICE);
    operate(&mut solo, put("k", "v"));
    solo.at(2_000);
    assert_eq!(
        did_only(&mut solo, &["concluded", "attempted"]),
        ["concluded 1 failed - [] NobodyLeft"]
    );

    // Never sent: nobody is there, which is known at once.
    let mut solo = Solo::new(store_topology(PB), ALICE);
    for replica in ALL {
        solo.refuse(replica);
    }
    did(&mut solo);
    operate(&mut solo, put("k", "v"));
    assert_eq!(did_only(&mut solo, &["concluded"]), ["concluded 1 failed - [] NobodyLeft"]);
}

#[test]
fn one_who_cannot_is_believed_when_nobody_else_can_and_nothing_is_in_doubt() {
    let full = || StoreSaid::Failed("the disk: full".into());
    let mut solo = client(PB, |_| ());
    operate(&mut solo, put("k", "v"));
    answers(&mut solo, R1, 1, full());
    answers(&mut solo, R2, 1, not_leader(Some("r1")));
    assert!(did_only(&mut solo, &["concluded"]).is_empty());
    answers(&mut solo, R3, 1, not_leader(Some("r1")));
    let verdict = ["concluded 1 failed failed: the disk: full [r1] Answer"];
    assert_eq!(did_only(&mut solo, &["concluded"]), verdict);

    // r1 may have done it before it died: then the others' word is not enough.
    operate(&mut solo, put("k", "w"));
    resets(&mut solo, R1);
    answers(&mut solo, R2, 2, full());
    answers(&mut solo, R3, 2, not_leader(Some("r1")));
    solo.refuse(R1);
    assert!(did_only(&mut solo, &["concluded"]).is_empty());
    solo.at(2_100);
    assert_eq!(did_only(&mut solo, &["concluded"]), ["concluded 2 unknown - [] Deadline"]);
}

#[test]
fn one_proof_of_leadership_wakes_whoever_pauses() {
    let mut solo = client(PB, |_| ());
    operate(&mut solo, put("k", "1"));
    operate(&mut solo, put("k", "2"));
    for replica in ALL {
        answers(&mut solo, replica, 1, not_leader(None));
    }
    answers(&mut solo, R1, 2, not_leader(None));
    did(&mut solo);
    answers(&mut solo, R2, 2, StoreSaid::Done);
    assert_eq!(
        did_only(&mut solo, &["concluded", "follows", "attempted"]),
        ["concluded 2 ok ok [r2] Answer", "follows r2", "attempted 1 #4 r2 as alice.1#1"]
    );
}

#[test]
fn with_fresh_ids_each_attempt_is_another_operation() {
    let mut solo = client(PB, |config| config.flaws = flaws(&[Flaw::FreshIds]));
    operate(&mut solo, put("k", "v"));
    solo.at(500);
    assert_eq!(
        did_only(&mut solo, &["attempted"]),
        ["attempted 1 #1 r1 as alice.1#1", "attempted 1 #2 r2 as alice.1#2"]
    );
    answers(&mut solo, R1, 1, StoreSaid::Done);
    assert_eq!(did_only(&mut solo, &["concluded"]), ["concluded 1 ok ok [r1] Answer"]);
}

#[test]
fn a_read_goes_to_the_leader_to_any_in_turn_or_to_all() {
    let mut solo = client(PB, |config| config.reads = ReadFrom::Any);
    for _ in 0..4 {
        operate(&mut solo, get("k"));
    }
    let asked: Vec<String> = did_only(&mut solo, &["attempted"]);
    let whom: Vec<&str> = asked.iter().map(|line| &line[15..17]).collect();
    assert_eq!(whom, ["r1", "r2", "r3", "r1"]);
    answers(&mut solo, R2, 2, value("v"));
    assert_eq!(
        did(&mut solo),
        ["voted 2 r2 v", "concluded 2 ok v [r2] Answer"],
        "a read proves nothing of who leads"
    );

    solo.set(Setting::Reads(ReadFrom::Majority));
    operate(&mut solo, get("k"));
    answers(&mut solo, R1, 5, value("old"));
    answers(&mut solo, R2, 5, value("new"));
    answers(&mut solo, R3, 5, value("new"));
    assert_eq!(
        did_only(&mut solo, &["attempted", "concluded", "outvoted"]),
        [
            "attempted 5 #1 r1,r2,r3 as alice.1#5",
            "concluded 5 ok new [r2,r3] Majority",
            "outvoted 5 r1 old"
        ]
    );

    solo.set(Setting::Reads(ReadFrom::All));
    operate(&mut solo, get("k"));
    answers(&mut solo, R1, 6, value("v"));
    answers(&mut solo, R2, 6, value("v"));
    assert!(did_only(&mut solo, &["concluded"]).is_empty(), "r3 is there, and has not answered");
    resets(&mut solo, R3);
    assert_eq!(did_only(&mut solo, &["concluded"]), ["concluded 6 ok v [r1,r2] Majority"]);
}

#[test]
fn a_lost_connection_is_tried_again_each_client_at_its_own_time_or_all_at_once() {
    let reconnects = |seed: u64, storm: bool| {
        let mut topology = store_topology(PB);
        topology.seed = seed;
        client_in(&mut topology).flaws =
            if storm { flaws(&[Flaw::ReconnectStorm]) } else { flaws(&[]) };
        let mut solo = Solo::new(topology, ALICE);
        solo.connect(R1);
        solo.at(300);
        resets(&mut solo, R1);
        let before = solo.conn(R1);
        (300..3_000).find(|millis| {
            solo.at(*millis);
            solo.conn(R1) != before
        })
    };
    let own: BTreeSet<_> = (0..20).map(|seed| reconnects(seed, false).unwrap()).collect();
    assert!(own.len() > 15 && own.iter().all(|at| (1_050..=1_550).contains(at)), "{own:?}");
    let storm: BTreeSet<_> = (0..20).map(|seed| reconnects(seed, true)).collect();
    assert_eq!(storm.into_iter().collect::<Vec<_>>(), [Some(1_000)]);
}

#[test]
fn it_goes_through_its_list_in_turn_and_puts_the_number_in() {
    let mut solo = client(PB, |_| ());
    solo.tell(Told::Ask { name: None, kind: RecordType::A, times: 3 });
    assert_eq!(
        did_only(&mut solo, &["requested"]),
        ["requested 1 post hall line 1", "requested 2 get k", "requested 3 post hall line 3"]
    );
    solo.tell(Told::Load { per_kilosecond: 100_000 });
    solo.at(1_000);
    let count = did_only(&mut solo, &["requested"]).len();
    assert!((70..130).contains(&count), "{count}");
}

#[test]
fn stop_gives_everything_its_verdict_and_ends() {
    let mut solo = client(PB, |_| ());
    operate(&mut solo, put("k", "1"));
    operate(&mut solo, put("k", "2"));
    answers(&mut solo, R1, 2, not_leader(None));
    answers(&mut solo, R2, 2, not_leader(None));
    resets(&mut solo, R3);
    did(&mut solo);
    solo.tell(Told::Stop);
    assert_eq!(
        did(&mut solo),
        [
            "stopping 2",
            "concluded 1 unknown - [] Stopping",
            "concluded 2 unknown - [] Stopping",
            "exit"
        ]
    );
    assert!(solo.timers.is_empty(), "{:?}", solo.timers);
}

#[test]
fn too_many_at_once_are_refused_by_the_client_itself() {
    let mut solo = client(PB, |_| ());
    for _ in 0..2 {
        solo.tell(Told::Operate { operation: put("k", "v"), times: 6_000 });
    }
    let requested = |effect: &&Effect| matches!(effect, Effect::Send { .. });
    assert_eq!(solo.done.iter().filter(requested).count(), 10_000);
    assert!(did(&mut solo).contains(&"Overflowed { refused: 2000 }".to_owned()));
    answers(&mut solo, R1, 1, StoreSaid::Done);
    did(&mut solo);
    operate(&mut solo, put("k", "v"));
    assert_eq!(did_only(&mut solo, &["requested"]), ["requested 10001 put k v"]);
}

#[test]
fn whoever_is_struck_off_is_not_waited_for_and_a_newcomer_is_asked() {
    let mut solo = client(PB, |_| ());
    operate(&mut solo, put("k", "v"));
    solo.set(Setting::Upstreams(vec![R2, R4]));
    assert_eq!(
        did_only(&mut solo, &["attempted"]),
        ["attempted 1 #1 r1 as alice.1#1", "attempted 1 #2 r2 as alice.1#1"]
    );
    answers(&mut solo, R2, 1, not_leader(Some("r4")));
    solo.connect(R4);
    assert_eq!(did_only(&mut solo, &["attempted"]), ["attempted 1 #3 r4 as alice.1#1"]);
}
