//! C9 to C14: votes, lies, and the clocks that a returning replica compares.

use crate::labs::{PATIENT, linked, voted};
use crate::stage::{Stage, ms};
use faultlab::check::Comparison;
use faultlab::message::{ClockVerdict, OpOutcome, OpWhy};
use faultlab::world::{AlarmKind, World};

const REFUSE: &str = "no_majority = \"refuse\"\n";

/// Three that hold a value, with these lying.
fn with_liars(settings: &str, liars: &[&str], flaw: &str) -> Stage {
    let mut stage = Stage::new(&voted(3, settings, REFUSE), 9);
    stage.run(ms(200));
    assert_eq!(stage.operate("alice", "put k v"), OpOutcome::Ok);
    stage.run(ms(500));
    for liar in liars {
        assert!(stage.give(&format!("set {liar} flaws {flaw}")));
        assert!(stage.give(&format!("lie {liar} on")));
    }
    stage
}

/// C9: one liar of three is outvoted every time.
#[test]
fn c9_a_liar_is_outvoted_two_hundred_times() {
    let mut stage = with_liars("", &["r2"], "none");
    for _ in 0..200 {
        assert_eq!(stage.operate("bob", "get k"), OpOutcome::Ok);
    }
    stage.run(ms(500));
    let figures = stage.figures();
    assert_eq!((figures.wrong, figures.outvoted), (0, 200), "{stage}");
    assert_eq!(stage.replica("r2").outvoted, 200);
    assert!(
        alarms(&stage).iter().any(|kind| matches!(kind, AlarmKind::Outvoted(_))),
        "it is flagged"
    );
}

fn alarms(stage: &Stage) -> Vec<AlarmKind> {
    let mut world = World::new(stage.sim.topology().clone());
    stage.events().iter().for_each(|event| world.apply(event));
    world.truth.alarms.iter().map(|alarm| alarm.kind.clone()).collect()
}

/// C10: two who agree on a lie are believed, and only the truth line knows; two who lie differently, and one liar with
/// one dead, are no majority, and nobody is told anything wrong.
#[test]
fn c10_two_who_agree_are_believed_and_two_who_do_not_are_no_majority() {
    let mut agreed = with_liars("", &["r1", "r3"], "same-lie");
    assert_eq!(agreed.operate("bob", "get k"), OpOutcome::Ok, "the client cannot know");
    assert_eq!(agreed.figures().wrong, 1, "{agreed}");
    assert!(alarms(&agreed).iter().any(|kind| matches!(kind, AlarmKind::WrongRead(..))));
    let differ = with_liars("", &["r1", "r3"], "none");
    let mut dead = with_liars("", &["r3"], "none");
    dead.give("kill r1");
    dead.run(ms(100));
    for mut stage in [differ, dead] {
        for _ in 0..20 {
            assert_eq!(stage.operate("bob", "get k"), OpOutcome::Failed, "{stage}");
        }
        assert_eq!(stage.figures().wrong, 0, "{stage}");
        let whys = stage.group().ops().filter_map(|op| op.ended.as_ref()).map(|ended| ended.why);
        assert_eq!(whys.filter(|why| *why == OpWhy::NoMajority).count(), 20);
    }
}

/// C11: two clients write one key at once and nothing orders them: the replicas differ, and the rate grows with the
/// skew of the links. (One client alone never makes them differ.)
#[test]
fn c11_without_an_order_two_writers_make_the_replicas_differ() {
    let rate = |skew: u64, both: bool| {
        let text = linked(
            3,
            "scheme = \"active\"",
            PATIENT,
            PATIENT,
            "latency = \"5ms\"\njitter = \"2ms\"",
        );
        let differ = |seed: &u64| {
            let mut stage = Stage::new(&text, *seed);
            stage.give(&format!("delay alice->r3 {skew}ms"));
            stage.give(&format!("delay bob->r1 {skew}ms"));
            stage.run(ms(300));
            stage.begin("alice", "put k a");
            if both {
                stage.begin("bob", "put k b");
            }
            stage.run(ms(1_500));
            stage.figures().diverged > 0
        };
        (0..100).filter(differ).count()
    };
    let rates = [0, 30, 60].map(|skew| rate(skew, true));
    println!("C11: {rates:?} of 100 diverged at a skew of 0, 30, 60 ms");
    assert!(rates[0] >= 1 && rates[1] >= 90 && rates[2] >= 90, "{rates:?}");
    assert_eq!(rate(60, false), 0);
}

/// r3 is dead while alice writes so much; then it is alone while bob writes so much; then all are there again.
fn two_histories(clock: &str, alice: usize, bob: usize) -> Stage {
    let settings = format!("clock = \"{clock}\"\nheartbeat = \"50ms\"\nsuspect_after = \"250ms\"");
    let mut stage = Stage::new(&voted(3, &settings, ""), 12);
    stage.run(ms(200));
    stage.give("kill r3");
    for at in 0..alice {
        assert_eq!(stage.operate("alice", &format!("put k alice-{at}")), OpOutcome::Ok);
    }
    // Nobody brings r3 what it missed any more.
    stage.run(ms(5_000));
    for words in ["kill r1", "kill r2", "revive r3"] {
        assert!(stage.give(words));
    }
    stage.run(ms(6_000));
    for at in 0..bob {
        assert_eq!(stage.operate("bob", &format!("put k bob-{at}")), OpOutcome::Ok);
    }
    stage.run(ms(5_000));
    for words in ["revive r1", "revive r2"] {
        assert!(stage.give(words));
    }
    stage.run(ms(8_000));
    stage
}

fn compared(stage: &Stage) -> Vec<Comparison> {
    stage.replica("r3").compared.values().copied().collect()
}

/// C12: equal counts, different contents: the clock that counts says that they are in sync and nothing is shipped; the
/// digests say that they are not.
#[test]
fn c12_equal_counts_look_in_sync_and_are_not() {
    let stage = two_histories("count", 3, 3);
    assert!(stage.figures().diverged > 0, "{stage}");
    assert!(stage.group().replicas.iter().all(|replica| replica.transfer.is_none()), "{stage}");
    let seen = compared(&stage);
    assert!(!seen.is_empty());
    for one in seen {
        assert_eq!((one.verdict, one.own.at), (ClockVerdict::InSync, one.other.at), "{stage}");
        assert_ne!(one.own.digest, one.other.digest, "{stage}");
    }
    assert!(alarms(&stage).iter().any(|kind| matches!(kind, AlarmKind::Diverged(_))), "{stage}");
    let stage = two_histories("digest", 3, 3);
    assert!(compared(&stage).iter().all(|one| one.verdict == ClockVerdict::Concurrent), "{stage}");
}

/// C13: unequal counts: the shorter side takes the longer log over, and what it had acknowledged is lost and counted.
#[test]
fn c13_the_longer_side_erases_what_the_shorter_acknowledged() {
    let stage = two_histories("count", 4, 2);
    let figures = stage.figures();
    assert_eq!((figures.lost, figures.discarded, figures.diverged), (2, 2, 0), "{stage}");
    assert!(stage.is_in_step(), "{stage}");
    assert!(stage.replica("r3").transfer.is_some(), "{stage}");
}

/// C14: the same with version vectors: both are told that they are concurrent, and nothing is overwritten.
#[test]
fn c14_version_vectors_report_the_conflict() {
    let stage = two_histories("vector", 4, 2);
    let figures = stage.figures();
    assert_eq!((figures.lost, figures.discarded), (0, 0), "{stage}");
    assert!(figures.diverged > 0, "{stage}");
    let seen = compared(&stage);
    assert!(
        !seen.is_empty() && seen.iter().all(|it| it.verdict == ClockVerdict::Concurrent),
        "{stage}"
    );
}
