//! Beats, waits and flips.

mod expectations;
mod stage;

use super::*;
use stage::{Stage, TS1, booted, commands, step, topology};

#[test]
fn a_lecture_goes_from_beat_to_beat() {
    let steps = vec![step(&["pause", "wait 2s", "resume"], &[]), step(&["reset"], &[])];
    let mut stage = Stage::new(steps);
    assert!(stage.script.is_settled() && !stage.script.is_over());
    stage.next();
    assert_eq!(stage.facts, [Fact::StepBegan { step: 1 }]);
    assert!(stage.given.is_empty());
    stage.next();
    assert_eq!(stage.facts.last(), Some(&Fact::StepRan { step: 1 }));
    assert_eq!(stage.given, ["pause"]);
    assert_eq!(stage.script.next_due(), Some(LabTime::from_millis(2000)));
    assert!(!stage.script.is_settled());
    stage.to(1999);
    assert_eq!(stage.given, ["pause"]);
    stage.to(2000);
    assert_eq!(stage.given, ["pause", "resume"]);
    assert!(stage.script.is_settled());
    stage.next();
    assert_eq!(stage.facts.last(), Some(&Fact::StepEnded { step: 1 }));
    for _ in 0..3 {
        assert!(!stage.script.is_over());
        stage.next();
    }
    assert_eq!(stage.given, ["pause", "resume", "reset"]);
    assert!(stage.script.is_over());
    let facts = stage.facts.len();
    stage.next();
    assert_eq!(stage.facts.len(), facts);
    assert!(Script::new(topology(Vec::new())).is_over());
}

#[test]
fn whoever_goes_on_early_leaves_the_lab_as_the_next_step_relies_on() {
    let first =
        step(&["pause", "wait 20s", "resume", "wait 1s", "reset"], &["node ts1 is up within 60s"]);
    let mut stage = Stage::new(vec![first, step(&[], &[])]);
    for _ in 0..3 {
        stage.next();
    }
    stage.to(1000);
    assert_eq!(stage.given, ["pause"]);
    stage.next();
    assert_eq!(stage.given, ["pause", "resume", "reset"]);
    assert_eq!(stage.facts.last(), Some(&Fact::StepBegan { step: 2 }));
    stage.lab(booted(TS1));
    stage.to(90_000);
    assert_eq!(stage.verdict(), None, "an expectation of a step that is past was judged");
}

#[test]
fn a_step_whose_commands_are_the_repair_begins_as_repaired() {
    let (silent, negative) = ("set ts1 on_miss silent", "set ts1 on_miss negative");
    let mut repair = step(&["reset", negative, "pause"], &[]);
    repair.confessed = commands(&[silent]);
    repair.repaired = commands(&[negative]);
    assert_eq!(repair.leaves_repaired(), Some(true));
    let mut both = repair.clone();
    both.commands = commands(&[negative, silent]);
    assert_eq!(both.leaves_repaired(), Some(false), "the later counts");
    both.commands = commands(&["reset"]);
    assert_eq!(both.leaves_repaired(), None);
    let mut stage = Stage::new(vec![repair]);
    let flip = |stage: &mut Stage| {
        let orders = stage.script.flip(stage.now).expect("the step has something to flip");
        stage.follow(orders);
        stage.facts.last().cloned()
    };
    stage.next();
    assert_eq!(flip(&mut stage), Some(Fact::Flipped { step: 1, repaired: false }));
    // The run sets the repair again, and the next flip starts from there.
    stage.next();
    assert_eq!(flip(&mut stage), Some(Fact::Flipped { step: 1, repaired: false }));
}

#[test]
fn a_flip_gives_the_other_commands_and_each_step_begins_as_confessed() {
    let mut flips = step(&[], &[]);
    flips.confessed = commands(&["set ts1 on_miss silent"]);
    flips.repaired = commands(&["set ts1 on_miss negative"]);
    let mut stage = Stage::new(vec![flips.clone(), flips, step(&[], &[])]);
    assert_eq!(
        stage.script.flip(stage.now),
        Err("no step has begun: `next` begins the first".into())
    );
    let flip = |stage: &mut Stage| {
        let orders = stage.script.flip(stage.now).expect("the step has something to flip");
        stage.follow(orders);
    };
    stage.next();
    flip(&mut stage);
    assert_eq!(stage.facts.last(), Some(&Fact::Flipped { step: 1, repaired: true }));
    flip(&mut stage);
    flip(&mut stage);
    let (silent, negative) = ("set ts1 on_miss silent", "set ts1 on_miss negative");
    assert_eq!(stage.given, [negative, silent, negative]);
    for _ in 0..3 {
        stage.next();
    }
    flip(&mut stage);
    assert_eq!(stage.facts.last(), Some(&Fact::Flipped { step: 2, repaired: true }));
    for _ in 0..3 {
        stage.next();
    }
    assert_eq!(stage.script.flip(stage.now), Err("step 3 has nothing to flip".into()));
}
