//! Groups of replicas of the scheme primary-backup on virtual time under random faults: hundreds of runs, each from one
//! seed, judged by what must always hold; and each rule with something broken that it catches.
//! `FAULTLAB_SEED=17 cargo test --test primary_backup sync_keeps` repeats one run and shows it.

#[path = "primary_backup/chaos.rs"]
mod chaos;
#[path = "primary_backup/judge.rs"]
mod judge;
#[path = "primary_backup/labs.rs"]
mod labs;

use chaos::{Harm, Run, run, tell};
use faultlab::event::Fact;
use faultlab::message::{CatchUp, Flaw, Flaws};
use faultlab::topology::{HeartbeatMode, Propagation};
use judge::Rule;
use labs::{Choice, SYNC};

fn show(run: &Run) {
    for event in run.sim.log().read(0, usize::MAX).events() {
        if !matches!(event.fact, Fact::TimerFired { .. }) {
            println!("{} {:?} {:?}", event.time, event.id.owner, event.fact);
        }
    }
}

/// Runs these seeds, or the one that the environment names, and stops at the first that breaks a rule. Gives what was
/// done, acknowledged writes that were lost, elections, and discarded entries in all.
fn torment(test: &str, choice: Choice, harm: Harm, seeds: u64) -> [u64; 4] {
    if let Ok(text) = std::env::var("FAULTLAB_SEED") {
        let run = run(choice, harm, text.parse().expect("FAULTLAB_SEED is a number"), None);
        show(&run);
        assert!(run.problems().is_empty(), "{}", tell(test, &run));
    }
    let mut sums = [0; 4];
    for seed in 0..seeds {
        let run = run(choice, harm, seed, None);
        assert!(run.problems().is_empty(), "{}", tell(test, &run));
        let judge = &run.judge;
        for (sum, more) in
            sums.iter_mut().zip([judge.done, judge.lost, judge.elections, judge.discarded])
        {
            *sum += more;
        }
    }
    assert!(sums[0] > seeds * 100, "only {} writes: too little happened to say anything", sums[0]);
    println!("{test}: {sums:?}");
    sums
}

/// Whether something of this kind is caught by this rule within these many seeds.
fn is_caught(choice: Choice, harm: Harm, rule: Rule, seeds: u64) -> bool {
    (0..seeds).any(|seed| {
        run(choice, harm, seed, None).problems().iter().any(|(broken, _)| *broken == rule)
    })
}

#[test]
fn sync_keeps_what_it_acknowledged_while_a_copy_lives() {
    torment("sync_keeps", SYNC, Harm::Crashes, 150);
}

#[test]
fn sync_keeps_with_pushed_heartbeats_and_whole_states() {
    let choice = Choice { mode: HeartbeatMode::Push, catch_up: CatchUp::State, ..SYNC };
    torment("sync_keeps_with_pushed", choice, Harm::Crashes, 100);
}
