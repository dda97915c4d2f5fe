//! Groups of replicas of the scheme primary-backup on virtual time under random faults: hundreds of runs, each from one
//! seed, judged by what must always hold; and each rule with something broken that it catches.
//! `FAULTLAB_SEED=17 cargo test --test primary_backup sync_keeps` repeats one run and shows it.

#[path = "primary_backup/chaos.rs"]
mod chaos;
#[path = "primary_backup/deadlock.rs"]
mod deadlock;
#[path = "primary_backup/judge.rs"]
mod judge;
#[path = "primary_backup/labs.rs"]
mod labs;
#[path = "primary_backup/twins.rs"]
mod twins;

use chaos::{Harm, Run, run, run_promised, tell};
use faultlab::event::Fact;
use faultlab::message::{CatchUp, Flaw, Flaws};
use faultlab::topology::{HeartbeatMode, Propagation};
use judge::Rule;
use labs::{Choice, SYNC};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use twins::Mistake;

/// Threads that share the seeds: runs do not touch each other.
const THREADS: usize = 4;

/// A mistake that shows itself more rarely than in one of so many runs is not planted.
const SEEDS_TO_CATCH: u64 = 40;

fn show(run: &Run) {
    for event in run.sim.log().read(0, usize::MAX).events() {
        if !matches!(event.fact, Fact::TimerFired { .. }) {
            println!("{} {:?} {:?}", event.time, event.id.owner, event.fact);
        }
    }
}

/// Without terms two leaders acknowledge in the same one, which is none: that is no surprise there.
fn is_as_it_should(choice: Choice, run: &Run) -> bool {
    let expected = |rule| !choice.terms && rule == Rule::OneLeaderATerm;
    run.problems().iter().all(|(rule, _)| expected(*rule))
}

/// Runs these seeds, or the one that the environment names, and stops at the first that breaks a rule. Gives what was
/// done, acknowledged writes that were lost, elections, discarded entries and suspicions in all.
fn torment(test: &str, choice: Choice, harm: Harm, seeds: u64) -> [u64; 5] {
    if let Ok(text) = std::env::var("FAULTLAB_SEED") {
        let run = run(choice, harm, text.parse().expect("FAULTLAB_SEED is a number"), None);
        show(&run);
        assert!(is_as_it_should(choice, &run), "{}", tell(test, &run));
    }
    let next = AtomicU64::new(0);
    let worst: Mutex<Option<(u64, String)>> = Mutex::new(None);
    let sums = Mutex::new([0; 5]);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let run = run(choice, harm, seed, None);
                    let judge = &run.judge;
                    let more = [
                        judge.done,
                        judge.lost,
                        judge.elections,
                        judge.discarded,
                        judge.suspicions,
                    ];
                    for (sum, more) in sums.lock().expect("no panic").iter_mut().zip(more) {
                        *sum += more;
                    }
                    let mut worst = worst.lock().expect("no panic");
                    if !is_as_it_should(choice, &run)
                        && worst.as_ref().is_none_or(|(before, _)| seed < *before)
                    {
                        next.store(seeds, Ordering::Relaxed);
                        *worst = Some((seed, tell(test, &run)));
                    }
                }
            });
        }
    });
    if let Some((_, text)) = worst.into_inner().expect("no panic") {
        panic!("{text}");
    }
    let sums = sums.into_inner().expect("no panic");
    assert!(sums[0] > seeds * 100, "only {} writes: too little happened to say anything", sums[0]);
    println!("{test}: {sums:?}");
    sums
}

/// Asserts that something of this kind is caught by this rule within a few seeds. It is judged as `sync` is, and the
/// machines may be broken twins.
fn must_be_caught(what: &str, choice: Choice, harm: Harm, rule: Rule, twin: Option<Mistake>) {
    let caught = (0..SEEDS_TO_CATCH).any(|seed| {
        let run = run_promised(choice, harm, seed, twin.map(twins::maker), true);
        run.problems().iter().any(|(broken, _)| *broken == rule)
    });
    assert!(caught, "{what} was not caught by {rule:?}");
}

fn flaws(flaw: Flaw) -> Flaws {
    Flaws::NONE.with(flaw, true)
}

#[test]
fn sync_keeps_what_it_acknowledged_while_a_copy_lives() {
    torment("sync_keeps_what", SYNC, Harm::Crashes, 45);
}

#[test]
fn sync_keeps_it_with_pushed_heartbeats_and_whole_states() {
    let choice = Choice { mode: HeartbeatMode::Push, catch_up: CatchUp::State, ..SYNC };
    torment("sync_keeps_it", choice, Harm::Crashes, 30);
}

#[test]
fn with_terms_each_leads_in_its_own_and_after_a_heal_all_are_the_same() {
    for (mode, propagation) in
        [(HeartbeatMode::Pull, Propagation::Sync), (HeartbeatMode::Push, Propagation::Async)]
    {
        let lag = Duration::from_millis(40);
        let choice = Choice { propagation, mode, lag, ..SYNC };
        torment("with_terms", choice, Harm::Anything, 25);
    }
}

#[test]
fn without_terms_all_are_the_same_after_a_heal_too() {
    for mode in [HeartbeatMode::Pull, HeartbeatMode::Push] {
        let choice = Choice { mode, terms: false, propagation: Propagation::Async, ..SYNC };
        let [_, lost, _, discarded, _] = torment("without_terms", choice, Harm::Anything, 25);
        assert!(lost > 0 && discarded > lost, "two leaders must have written apart");
    }
}

#[test]
fn with_terms_wrong_clocks_make_no_two_leaders_of_one_term() {
    for (mode, propagation) in
        [(HeartbeatMode::Pull, Propagation::Sync), (HeartbeatMode::Push, Propagation::Async)]
    {
        let lag = Duration::from_millis(40);
        let choice = Choice { propagation, mode, lag, ..SYNC };
        for harm in [Harm::Clocks, Harm::AnythingAndClocks] {
            let [_, lost, _, _, suspicions] = torment("with_terms_wrong_clocks", choice, harm, 25);
            let is_sure = propagation == Propagation::Sync && harm == Harm::Clocks;
            assert!(lost == 0 || !is_sure, "clocks alone undo nothing that was confirmed: {lost}");
            assert!(suspicions > 25, "the living must be taken for dead: {suspicions}");
        }
    }
}

#[test]
fn what_is_set_wrongly_is_caught() {
    let lag = Duration::from_millis(100);
    let asynchronous = Choice { propagation: Propagation::Async, lag, ..SYNC };
    let early = Choice { flaws: flaws(Flaw::ServesEarly), ..SYNC };
    let spreads = Choice { flaws: flaws(Flaw::CrashSpreads), ..SYNC };
    let fresh = Choice { client_flaws: flaws(Flaw::FreshIds), ..SYNC };
    let termless = Choice { terms: false, ..SYNC };
    for (what, choice, harm, rule) in [
        ("async", asynchronous, Harm::Crashes, Rule::EverybodyHasIt),
        ("serves-early", early, Harm::Crashes, Rule::NothingAckedIsThrownAway),
        ("crash-spreads", spreads, Harm::Crashes, Rule::NoPanic),
        ("fresh-ids", fresh, Harm::Crashes, Rule::AppliedOnce),
        ("no terms", termless, Harm::Anything, Rule::OneLeaderATerm),
    ] {
        must_be_caught(what, choice, harm, rule, None);
    }
}

#[test]
fn every_mistake_is_caught_by_the_rule_against_it() {
    for (mistake, rule) in Mistake::ALL {
        must_be_caught(&format!("{mistake:?}"), SYNC, Harm::Crashes, rule, Some(mistake));
    }
}
