//! The auditors beside real replicas on virtual time, under random faults: what they say of logs is what the replicas'
//! own digests say, at every event of hundreds of runs; and the figures agree with what the faults must lead to.

#[path = "primary_backup/chaos.rs"]
mod chaos;
#[path = "primary_backup/judge.rs"]
mod judge;
#[path = "primary_backup/labs.rs"]
mod labs;

use chaos::{Harm, Run, run, tell};
use faultlab::check::{Audit, Figures, Safety};
use faultlab::event::Event;
use faultlab::message::{Flaw, Flaws};
use faultlab::topology::{HeartbeatMode, Propagation};
use labs::{Choice, SYNC};
use std::time::Duration;

const ASYNC: Choice =
    Choice { propagation: Propagation::Async, lag: Duration::from_millis(100), ..SYNC };

/// What the parts of the figures must add up to, and what nobody alive may be unsure of.
fn must_hold(audit: &Audit, event: &Event, run: &Run) {
    for group in audit.groups() {
        for replica in &group.replicas {
            let sure = replica.sure || !replica.life.is_alive();
            assert!(sure, "{:?} is unsure after {event:?}\n{}", replica.id, tell("", run));
        }
        let figures = &group.figures;
        let parts = figures.on_all + figures.at_risk + figures.lost;
        assert_eq!(parts, figures.acked, "{event:?}\n{}", tell("", run));
    }
}

fn audited(choice: Choice, harm: Harm, seed: u64) -> (Audit, Run) {
    let run = run(choice, harm, seed, None);
    let mut audit = Audit::new(run.sim.topology().clone());
    for event in run.sim.log().read(0, usize::MAX).events() {
        audit.apply(event);
        must_hold(&audit, event, &run);
    }
    // Counted one by one, from the operations themselves.
    for group in audit.groups() {
        for safety in [Safety::OnAll, Safety::AtRisk, Safety::Lost] {
            let count = group.ops().filter(|op| op.safety == safety).count() as u64;
            let figures = &group.figures;
            let told = match safety {
                Safety::OnAll => figures.on_all,
                Safety::AtRisk => figures.at_risk,
                _ => figures.lost,
            };
            assert_eq!(count, told, "{safety:?}\n{}", tell("", &run));
        }
        assert_eq!(group.lost.len() as u64, group.figures.lost);
    }
    (audit, run)
}

fn all(choice: Choice, harm: Harm, seeds: u64) -> Vec<Figures> {
    let figures = |seed| {
        let (audit, run) = audited(choice, harm, seed);
        let figures = audit.figures();
        let healed = [
            ("leaders", figures.leaders, 1),
            ("diverged", figures.diverged, 0),
            ("at risk", figures.at_risk, 0),
            ("dup", figures.dup, 0),
            ("stale", figures.stale, 0),
            ("wrong", figures.wrong, 0),
        ];
        for (what, is, should) in healed {
            assert_eq!(is, should, "{what}\n{}", tell("", &run));
        }
        assert!(audit.groups().all(|group| group.split.is_none() && group.cycles.is_empty()));
        figures
    };
    (0..seeds).map(figures).collect()
}

#[test]
fn what_is_said_of_logs_is_what_digests_say_with_confirmation() {
    let all = all(SYNC, Harm::Crashes, 60);
    assert!(all.iter().all(|figures| figures.same_term == 0));
    assert!(all.iter().any(|figures| figures.elections > 0));
    // In two of three runs there is always one more to go on with.
    let kept = all.iter().enumerate().filter(|(seed, _)| seed % 3 > 0);
    assert!(kept.clone().all(|(_, figures)| figures.lost == 0), "{kept:?}");
}

#[test]
fn what_is_said_of_logs_is_what_digests_say_under_anything() {
    for mode in [HeartbeatMode::Pull, HeartbeatMode::Push] {
        let all = all(Choice { mode, ..ASYNC }, Harm::Anything, 40);
        assert!(all.iter().all(|figures| figures.same_term == 0));
        assert!(all.iter().any(|figures| figures.lost > 0), "some leader died with something");
        assert!(all.iter().any(|figures| figures.discarded > 0));
        assert!(all.iter().any(|figures| figures.splits > 0));
    }
}

#[test]
fn without_terms_split_brains_last_and_are_seen() {
    let all = all(Choice { terms: false, ..ASYNC }, Harm::Anything, 40);
    assert!(all.iter().any(|figures| figures.splits > 0 && figures.discarded > 0));
}

#[test]
fn a_retry_under_a_new_name_is_seen_to_be_done_twice() {
    let client_flaws = Flaws::NONE.with(Flaw::FreshIds, true);
    let twice = (0..20).any(|seed| {
        audited(Choice { client_flaws, ..SYNC }, Harm::Anything, seed).0.figures().dup > 0
    });
    assert!(twice);
}
