//! The client of a store in which nobody leads: votes, liars, the dead, and what is done where no two agree.

use crate::harness::*;
use crate::store_lab::*;
use faultlab::message::{Flaw, StoreSaid};
use faultlab::topology::{NoMajority, Scheme, Setting};

const ACTIVE: Scheme = Scheme::Active;
const VERDICTS: [&str; 3] = ["voted", "concluded", "outvoted"];

#[test]
fn two_of_three_decide_and_the_third_is_outvoted_early_or_late() {
    let mut solo = client(ACTIVE, |_| ());
    operate(&mut solo, get("k"));
    assert_eq!(did(&mut solo)[..2], ["requested 1 get k", "attempted 1 #1 r1,r2,r3 as alice.1#1"]);
    for (replica, said) in [(R2, "lie"), (R1, "v"), (R3, "v")] {
        answers(&mut solo, replica, 1, value(said));
    }
    let early = [
        "voted 1 r2 lie",
        "voted 1 r1 v",
        "voted 1 r3 v",
        "concluded 1 ok v [r1,r3] Majority",
        "outvoted 1 r2 lie",
    ];
    assert_eq!(did_only(&mut solo, &VERDICTS), early);

    operate(&mut solo, get("k"));
    for (replica, said) in [(R1, "v"), (R3, "v"), (R2, "lie"), (R2, "lie")] {
        answers(&mut solo, replica, 2, value(said));
    }
    let late = [
        "voted 2 r1 v",
        "voted 2 r3 v",
        "concluded 2 ok v [r1,r3] Majority",
        "voted 2 r2 lie",
        "outvoted 2 r2 lie",
    ];
    assert_eq!(did_only(&mut solo, &VERDICTS), late);
    assert!(solo.timers.is_empty());
}

/// What each of three replicas does, and what comes of it: with `first`, with `refuse`.
#[test]
fn where_no_two_agree_the_first_answer_is_taken_or_none() {
    #[derive(Clone, Copy)]
    enum Does {
        Says(&'static str),
        Resets,
        Nothing,
        NotReady,
    }
    use Does::{NotReady, Nothing, Resets, Says};
    for (does, first, refuse) in [
        ([Says("a"), Says("b"), Says("c")], "ok a [r1] First", "failed - [] NoMajority"),
        ([Says("a"), Says("b"), Says("b")], "ok b [r2,r3] Majority", "ok b [r2,r3] Majority"),
        ([Resets, Says("b"), Says("c")], "ok b [r2] First", "failed - [] NoMajority"),
        ([Resets, Says("b"), Says("b")], "ok b [r2,r3] Majority", "ok b [r2,r3] Majority"),
        ([Nothing, Says("b"), Says("c")], "ok b [r2] First", "failed - [] NoMajority"),
        ([NotReady, Says("b"), Resets], "ok b [r2] First", "failed - [] NoMajority"),
        ([Resets, NotReady, Says("c")], "ok c [r3] First", "failed - [] NoMajority"),
        ([Nothing, Nothing, Nothing], "unknown - [] Deadline", "unknown - [] Deadline"),
        ([Resets, Resets, Resets], "unknown - [] Deadline", "unknown - [] Deadline"),
    ] {
        for (then, expected) in [(NoMajority::First, first), (NoMajority::Refuse, refuse)] {
            let mut solo = client(ACTIVE, |config| config.no_majority = then);
            operate(&mut solo, get("k"));
            for (replica, does) in ALL.into_iter().zip(does) {
                match does {
                    Says(said) => answers(&mut solo, replica, 1, value(said)),
                    Resets => resets(&mut solo, replica),
                    NotReady => {
                        answers(&mut solo, replica, 1, StoreSaid::Failed("not ready".into()));
                    }
                    Nothing => {}
                }
            }
            solo.at(10_000);
            let verdict = did_only(&mut solo, &["concluded"]);
            assert_eq!(verdict, [format!("concluded 1 {expected}")]);
        }
    }
}

#[test]
fn a_write_that_only_some_did_is_unknown_and_one_that_nobody_did_has_failed() {
    let full = || StoreSaid::Failed("the disk: full".into());
    let mut solo = client(ACTIVE, |config| config.no_majority = NoMajority::Refuse);
    operate(&mut solo, put("k", "v"));
    answers(&mut solo, R1, 1, full());
    answers(&mut solo, R2, 1, full());
    answers(&mut solo, R3, 1, StoreSaid::Done);
    assert_eq!(did_only(&mut solo, &["concluded"]), ["concluded 1 unknown - [] NoMajority"]);
    operate(&mut solo, put("k", "w"));
    for replica in ALL {
        answers(&mut solo, replica, 2, full());
    }
    let failed = ["concluded 2 failed failed: the disk: full [r1] Answer"];
    assert_eq!(did_only(&mut solo, &["concluded"]), failed);
    // Nobody is there at all.
    let mut solo = Solo::new(store_topology(ACTIVE), ALICE);
    operate(&mut solo, put("k", "v"));
    for replica in ALL {
        solo.refuse(replica);
    }
    assert_eq!(did_only(&mut solo, &["concluded"]), ["concluded 1 failed - [] NobodyLeft"]);
}

#[test]
fn the_third_gets_a_write_too_unless_two_are_enough() {
    let third = |stops: bool| {
        let on = if stops { flaws(&[Flaw::StopAtTwo]) } else { flaws(&[]) };
        let mut solo = client(ACTIVE, |config| config.flaws = on);
        resets(&mut solo, R3);
        operate(&mut solo, put("k", "v"));
        answers(&mut solo, R1, 1, StoreSaid::Done);
        answers(&mut solo, R2, 1, StoreSaid::Done);
        did(&mut solo);
        solo.at(1_500);
        solo.connect(R3);
        let mut seen = did_only(&mut solo, &["attempted", "concluded"]);
        // Not ready yet: it is asked once more a while later.
        answers(&mut solo, R3, 1, StoreSaid::Failed("not ready".into()));
        solo.at(1_950);
        seen.extend(did_only(&mut solo, &["attempted", "concluded"]));
        answers(&mut solo, R3, 1, StoreSaid::Done);
        solo.at(9_000);
        seen.extend(did_only(&mut solo, &["attempted", "concluded"]));
        seen
    };
    assert_eq!(third(false), ["attempted 1 #1 r3 as alice.1#1", "attempted 1 #2 r3 as alice.1#1"]);
    assert!(third(true).is_empty());
}

#[test]
fn a_silent_third_is_asked_again_with_the_same_identity_until_the_time_is_over() {
    let mut solo = client(ACTIVE, |_| ());
    operate(&mut solo, put("k", "v"));
    answers(&mut solo, R1, 1, StoreSaid::Done);
    answers(&mut solo, R2, 1, StoreSaid::Done);
    did(&mut solo);
    solo.at(5_000);
    let again: Vec<String> =
        (2..=5).map(|attempt| format!("attempted 1 #{attempt} r3 as alice.1#1")).collect();
    assert_eq!(did_only(&mut solo, &["attempted", "concluded"]), again);
    assert!(solo.timers.is_empty());
}

#[test]
fn more_than_half_of_four_is_three() {
    let mut solo = client(ACTIVE, |_| ());
    solo.set(Setting::Upstreams(vec![R1, R2, R3, R4]));
    solo.connect(R4);
    did(&mut solo);
    operate(&mut solo, get("k"));
    answers(&mut solo, R1, 1, value("v"));
    answers(&mut solo, R2, 1, value("v"));
    assert!(did_only(&mut solo, &["concluded"]).is_empty());
    answers(&mut solo, R4, 1, value("v"));
    assert_eq!(did_only(&mut solo, &["concluded"]), ["concluded 1 ok v [r1,r2,r4] Majority"]);
}

#[test]
fn an_answer_to_somebody_else_or_to_nothing_is_no_vote() {
    let mut solo = client(ACTIVE, |_| ());
    operate(&mut solo, get("k"));
    did(&mut solo);
    answers(&mut solo, R1, 99, value("v"));
    let said = || value("v");
    for id in [Some(id("bob.1", 1)), Some(id("alice.2", 1)), None] {
        let message = faultlab::message::Message::Operated { id, said: said() };
        solo.from(R1, message);
    }
    assert!(did(&mut solo).is_empty());
}
