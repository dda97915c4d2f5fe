//! Whole labs on virtual time under random faults: thousands of runs, each from one seed, judged by
//! what must always hold. `FAULTLAB_SEED=17 cargo test --test simulation first_answer` repeats one
//! run and shows it.

#[path = "simulation/chaos.rs"]
mod chaos;
#[path = "simulation/judge.rs"]
mod judge;
#[path = "simulation/labs.rs"]
mod labs;
#[path = "simulation/twins.rs"]
mod twins;

use chaos::{Lab, run, tell};
use faultlab::base::{EventId, LabTime, NodeId, Owner};
use faultlab::command::grammar;
use faultlab::event::{Cause, Event, Fact, Judgement};
use faultlab::sim::Sim;
use faultlab::topology::{Step, Topology};
use judge::{Judge, Rule};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use twins::Mistake;

const FIRST_ANSWER: Lab =
    Lab { test: "first_answer", topology: || labs::first_answer(0.0), deniers: 2, clocks: false };
const BATCH: Lab = Lab { test: "batch", topology: labs::batch, deniers: 2, clocks: false };
const STICKY: Lab = Lab { test: "sticky", topology: labs::sticky, deniers: 1, clocks: false };
const FAILOVER: Lab = Lab { test: "failover", topology: labs::failover, deniers: 1, clocks: false };

/// Threads that share the seeds: runs do not touch each other.
const THREADS: usize = 4;

fn events(run: &chaos::Run) -> Vec<Event> {
    run.sim.log().read(0, usize::MAX).events().cloned().collect()
}

/// Runs these seeds, or the one that the environment names, and stops at the first that breaks a
/// rule.
fn torment(lab: &Lab, seeds: u64) {
    if let Ok(text) = std::env::var("FAULTLAB_SEED") {
        let seed = text.parse().expect("FAULTLAB_SEED is a number");
        let run = run(lab, seed, None);
        for event in events(&run) {
            println!("{} {:?} {:?}", event.time, event.id.owner, event.fact);
        }
        assert!(run.problems.is_empty(), "{}", tell(lab, &run));
        return;
    }
    let (next, answered) = (AtomicU64::new(0), AtomicU64::new(0));
    let worst: Mutex<Option<(u64, String)>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let run = run(lab, seed, None);
                    answered.fetch_add(run.answered, Ordering::Relaxed);
                    if !run.problems.is_empty() {
                        next.store(seeds, Ordering::Relaxed);
                        let mut worst = worst.lock().expect("no thread panics with it");
                        if worst.as_ref().is_none_or(|(before, _)| seed < *before) {
                            *worst = Some((seed, tell(lab, &run)));
                        }
                        return;
                    }
                }
            });
        }
    });
    if let Some((_, text)) = worst.into_inner().expect("no thread panicked") {
        panic!("{text}");
    }
    let answered = answered.into_inner();
    assert!(answered > seeds * 16, "only {answered} answers: too little happened to say anything");
}

#[test]
fn first_answer() {
    torment(&FIRST_ANSWER, 1000);
}

#[test]
fn batch() {
    torment(&BATCH, 150);
}

#[test]
fn sticky() {
    torment(&STICKY, 150);
}

#[test]
fn failover() {
    torment(&FAILOVER, 150);
}

#[test]
fn wrong_clocks() {
    for (lab, seeds) in [(FIRST_ANSWER, 400), (BATCH, 100), (STICKY, 100), (FAILOVER, 100)] {
        torment(&Lab { test: "wrong_clocks", clocks: true, ..lab }, seeds);
    }
}

#[test]
fn the_same_seed_makes_the_same_log_byte_for_byte() {
    let wrong = Lab { clocks: true, ..FIRST_ANSWER };
    for lab in [&FIRST_ANSWER, &BATCH, &STICKY, &FAILOVER, &wrong] {
        let bytes =
            |seed| serde_json::to_string(&events(&run(lab, seed, None))).expect("plain data");
        for seed in [3, 4] {
            let first = bytes(seed);
            assert!(first.len() > 10_000, "{}: something happened", lab.test);
            assert!(first == bytes(seed), "{}: seed {seed} made two different logs", lab.test);
        }
        assert!(bytes(3) != bytes(4), "{}: the seed matters", lab.test);
    }
}

#[test]
fn every_mistake_is_caught_by_the_rule_against_it() {
    for (mistake, rule) in Mistake::ALL {
        let caught = (0..60).any(|seed| {
            let run = run(&FIRST_ANSWER, seed, Some(twins::maker(mistake)));
            run.problems.iter().any(|(broken, _)| *broken == rule)
        });
        assert!(caught, "{mistake:?} was not caught by {rule:?}");
    }
}

/// The rules that an account breaks, judged anew.
fn broken(topology: &Arc<Topology>, events: &[Event]) -> Vec<Rule> {
    let mut judge = Judge::new(topology, 2);
    for event in events {
        judge.observe(event);
    }
    judge.finish(LabTime::from_millis(1_000_000));
    judge.problems.iter().map(|(rule, _)| *rule).collect()
}

#[test]
fn a_doctored_account_is_caught() {
    let run = (0..50)
        .map(|seed| run(&FIRST_ANSWER, seed, None))
        .find(|run| events(run).iter().any(|event| matches!(event.fact, Fact::NodeKilled { .. })))
        .expect("somebody is killed in fifty runs");
    let (topology, good) = (run.sim.topology().clone(), events(&run));
    assert_eq!(broken(&topology, &good), []);

    let death = good
        .iter()
        .position(|event| matches!(event.fact, Fact::NodeKilled { .. }))
        .expect("it was chosen for that");
    let Fact::NodeKilled { node } = good[death].fact else { unreachable!("just matched") };
    let last = good[..death]
        .iter()
        .rfind(|event| matches!(event.id.owner, Owner::Node(of, _) if of == node))
        .expect("it lived");

    // The dead goes on.
    let mut ghost = good.clone();
    let id = EventId { number: last.id.number + 1, ..last.id };
    ghost.insert(death + 1, Event { id, time: good[death].time, ..last.clone() });
    assert!(broken(&topology, &ghost).contains(&Rule::NoGhost));

    // A message is never heard of again; another arrives twice.
    let arrival = good
        .iter()
        .position(|event| matches!(event.fact, Fact::MessageReceived { .. }))
        .expect("something was said");
    let mut vanished = good.clone();
    vanished.remove(arrival);
    assert!(broken(&topology, &vanished).contains(&Rule::NothingVanishes));
    let mut twice = good.clone();
    twice.insert(arrival, good[arrival].clone());
    assert!(broken(&topology, &twice).contains(&Rule::NothingVanishes));

    // An event is missing; another comes before its cause.
    let mut hole = good.clone();
    hole.remove(death - 1);
    assert!(broken(&topology, &hole).contains(&Rule::CausesFirst));
    let mut early = good.clone();
    let owner = Owner::Node(NodeId(2), faultlab::base::Incarnation(1));
    early[2].cause = Cause::Event(EventId { owner, number: 1_000_000 });
    assert!(broken(&topology, &early).contains(&Rule::CausesFirst));
}

/// A topology with these steps: what is done, and what is then expected.
fn lecture(steps: &[(&[&str], &[&str])]) -> Topology {
    let mut topology = labs::first_answer(0.0);
    let names = topology.names.clone();
    let step = |(done, expected): &(&[&str], &[&str])| Step {
        say: "See what happens.".into(),
        ask: None,
        reveal: None,
        commands: done
            .iter()
            .map(|line| grammar::command(line, &names).expect("a command"))
            .collect(),
        expect: expected
            .iter()
            .map(|line| grammar::expectation(line, &names).expect("an expectation"))
            .collect(),
        confessed: Vec::new(),
        repaired: Vec::new(),
        remembered: None,
    };
    topology.steps = steps.iter().map(step).collect();
    topology
}

#[test]
fn a_lecture_plays_itself() {
    let topology = lecture(&[
        (&["query alice www.host-0.org"], &["query alice www.host-0.org ends answered"]),
        (
            &["power-off ts1", "wait 1s", "query alice www.host-0.org"],
            &["query alice www.host-0.org ends silent within 7s", "node ts1 is powered-off"],
        ),
        (
            &[
                "reset",
                "wait 6s",
                "query bob www.host-2.org",
                "wait 5s",
                "query bob www.host-2.org",
            ],
            &["query bob www.host-2.org ends answered within 20s"],
        ),
    ]);
    let mut sim = Sim::new(&topology, 7);
    let played = sim.run_script(LabTime::from_millis(60_000));
    assert!(played.passed(), "{played:#?}");
    assert_eq!(played.verdicts.len(), 4);
    assert!(sim.now() < LabTime::from_millis(30_000), "a lecture ends when all is said");
}

#[test]
fn a_lecture_that_expects_the_wrong_thing_or_has_no_time_fails() {
    let wrong = lecture(&[(
        &["query alice www.host-0.org"],
        &["query alice www.host-0.org ends silent within 2s"],
    )]);
    let played = Sim::new(&wrong, 7).run_script(LabTime::from_millis(60_000));
    assert!(played.over && !played.passed(), "{played:#?}");
    assert_eq!(played.verdicts[0].judgement, Judgement::Failed);

    let slow = lecture(&[(&["wait 30s"], &[])]);
    let played = Sim::new(&slow, 7).run_script(LabTime::from_millis(9_000));
    assert!(!played.over && !played.passed(), "{played:#?}");

    let refused = lecture(&[(&["query ls www.host-0.org"], &[])]);
    let played = Sim::new(&refused, 7).run_script(LabTime::from_millis(60_000));
    assert_eq!((played.refused.len(), played.passed()), (1, false), "{played:#?}");
}
