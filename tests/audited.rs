//! The auditors beside real replicas on virtual time, under random faults: what they say of logs is what the replicas'
//! own digests say, at every event of hundreds of runs; and the figures agree with what the faults must lead to.

#[path = "primary_backup/chaos.rs"]
mod chaos;
#[path = "primary_backup/judge.rs"]
mod judge;
#[path = "primary_backup/labs.rs"]
mod labs;

use chaos::{Harm, Run, run, tell};
use faultlab::base::LabTime;
use faultlab::check::{Audit, Figures, Safety};
use faultlab::command::Command;
use faultlab::event::Event;
use faultlab::message::{Flaw, Flaws};
use faultlab::sim::Sim;
use faultlab::topology::{HeartbeatMode, Propagation};
use faultlab::world::{AlarmKind, History, World};
use labs::{Choice, HEARTBEAT, R1, R2, SUSPECT_AFTER, SYNC};
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
    let all = all(SYNC, Harm::Crashes, 24);
    assert!(all.iter().all(|figures| figures.same_term == 0));
    assert!(all.iter().any(|figures| figures.elections > 0));
    // In two of three runs there is always one more to go on with.
    let kept = all.iter().enumerate().filter(|(seed, _)| seed % 3 > 0);
    assert!(kept.clone().all(|(_, figures)| figures.lost == 0), "{kept:?}");
}

#[test]
fn what_is_said_of_logs_is_what_digests_say_under_anything() {
    for mode in [HeartbeatMode::Pull, HeartbeatMode::Push] {
        let all = all(Choice { mode, ..ASYNC }, Harm::Anything, 16);
        assert!(all.iter().all(|figures| figures.same_term == 0));
        assert!(all.iter().any(|figures| figures.lost > 0), "some leader died with something");
        assert!(all.iter().any(|figures| figures.discarded > 0));
        assert!(all.iter().any(|figures| figures.splits > 0));
    }
}

#[test]
fn what_is_said_of_logs_is_what_digests_say_with_wrong_clocks() {
    for harm in [Harm::Clocks, Harm::AnythingAndClocks] {
        let all = all(Choice { mode: HeartbeatMode::Push, ..ASYNC }, harm, 8);
        assert!(all.iter().all(|figures| figures.same_term == 0));
        let suspected = all.iter().map(|figures| figures.false_suspicions).sum::<u64>();
        assert!(suspected > 8, "the living were suspected {suspected} times");
    }
}

#[test]
fn without_terms_split_brains_last_and_are_seen() {
    let all = all(Choice { terms: false, ..ASYNC }, Harm::Anything, 16);
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

/// The same fold inside the world, with its heartbeats and alarms: any earlier moment is folded again from a
/// checkpoint as it was.
#[test]
fn worlds_from_checkpoints_are_the_worlds_that_were() {
    let run = run(ASYNC, Harm::Anything, 3, None);
    let tail = run.sim.log().read(0, usize::MAX);
    let mut world = World::new(run.sim.topology().clone());
    let mut history = History::every(run.sim.topology().clone(), 2048);
    let mut kept = Vec::new();
    for event in tail.events() {
        world.apply(event);
        history.observe(&world);
        if world.position.is_multiple_of(3001) {
            kept.push(world.clone());
        }
    }
    assert!(history.len() > 2 && kept.len() > 2, "{} {}", history.len(), kept.len());
    for then in kept {
        assert!(history.at(run.sim.log(), then.position) == then, "at {}", then.position);
    }
}

#[test]
fn a_dead_leader_is_an_alarm_until_another_leads_and_heartbeats_are_seen_on_their_links() {
    let mut sim = Sim::new(&labs::lab(ASYNC), 1);
    let mut world = World::new(sim.topology().clone());
    let mut read = 0;
    let mut go_on = |sim: &mut Sim, world: &mut World, until: u64| {
        sim.run_until(LabTime::from_millis(until));
        let tail = sim.log().read(read, usize::MAX);
        tail.events().for_each(|event| world.apply(event));
        read = tail.next;
    };
    let stands = |world: &World, kind: &AlarmKind| {
        world.truth.alarms.iter().find(|alarm| alarm.kind == *kind).map(|alarm| alarm.since)
    };
    go_on(&mut sim, &mut world, 3000);
    assert!(world.truth.alarms.is_empty(), "{:?}", world.truth.alarms);
    let countdown = world.countdown(R2, LabTime::from_millis(3000)).expect("r2 follows r1");
    assert_eq!((countdown.about, countdown.suspect_after), (R1, SUSPECT_AFTER));
    assert!(countdown.silence <= 2 * HEARTBEAT, "{countdown:?}");
    assert!(world.countdown(R1, world.now).is_none(), "who leads waits for nobody");
    let row = &world.beats[&(R2, R1)];
    assert!(row.sent >= 25 && row.arrived + 1 >= row.sent, "{row:?}");
    assert!(row.beats.iter().rev().skip(1).all(|beat| beat.arrived.is_some()));
    let gap = row.gap().expect("two have arrived");
    assert!(gap > HEARTBEAT / 2 && gap < 2 * HEARTBEAT, "{gap:?}");
    sim.give(Command::Kill(R1)).expect("it runs");
    go_on(&mut sim, &mut world, 3200);
    assert_eq!(stands(&world, &AlarmKind::NoLeader(0)), Some(LabTime::from_millis(3000)));
    assert!(stands(&world, &AlarmKind::Lost(0)).is_some(), "the lag of a tenth of a second");
    let countdown = world.countdown(R2, LabTime::from_millis(3300)).expect("it does not know yet");
    assert!(countdown.silence >= Duration::from_millis(290), "{countdown:?}");
    go_on(&mut sim, &mut world, 6000);
    assert_eq!(stands(&world, &AlarmKind::NoLeader(0)), None);
    let group = world.audit.group(0).expect("a group");
    assert_eq!(group.leaders().map(|replica| replica.id).collect::<Vec<_>>(), [R2]);
    assert!(group.failovers.back().is_some_and(|failover| failover.served.is_some()));
}
