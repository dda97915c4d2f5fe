//! Wrong clocks: how they are set, who sets them right, and what undo and restore make of them.

use super::bench::{Bench, SPARE, TS1};
use super::*;

const SECOND: i64 = 1_000_000_000;

fn at(seconds: u64) -> LabTime {
    LabTime::from_millis(seconds * 1000)
}

/// How many seconds the clock of TS1 is ahead, and how fast it runs.
fn shows(bench: &Bench) -> (f64, String) {
    let clock = bench.clocks.get(&TS1).copied().unwrap_or_default();
    assert_eq!(clock, bench.control.own_clock(TS1), "the host and the rules agree");
    (clock.ahead_at(bench.now) as f64 / SECOND as f64, clock.rate.to_string())
}

#[test]
fn skew_is_a_step_and_drift_goes_on_from_there() {
    let mut bench = Bench::new();
    bench.now = at(10);
    bench.must("skew ts1 +5s");
    assert_eq!(shows(&bench), (5.0, "1".into()));
    assert_eq!(bench.give("skew ts1 +5s"), Ok(0), "it is so already");
    bench.must("drift ts1 1.5");
    assert_eq!(bench.give("drift ts1 1.5"), Ok(0), "it is so already");
    bench.now = at(14);
    assert_eq!(shows(&bench), (7.0, "1.5".into()));
    bench.must("skew ts1 -1s");
    assert_eq!(shows(&bench), (-1.0, "1.5".into()));
    bench.must("drift ts1 off");
    bench.now = at(99);
    assert_eq!(shows(&bench), (-1.0, "1".into()), "a clock at the right rate is not right");
    bench.must("skew ts1 off");
    assert_eq!(shows(&bench), (0.0, "1".into()));
}

#[test]
fn undo_leaves_the_clock_that_there_would_be_without_the_command() {
    let mut bench = Bench::new();
    bench.must("drift ts1 1.5");
    bench.now = at(10);
    bench.must("skew ts1 +60s");
    bench.now = at(20);
    assert_eq!(shows(&bench), (65.0, "1.5".into()));
    bench.must("undo");
    assert_eq!(shows(&bench), (10.0, "1.5".into()));
    bench.must("redo");
    assert_eq!(shows(&bench), (65.0, "1.5".into()));
    bench.must("undo");
    bench.must("undo");
    assert_eq!(shows(&bench), (0.0, "1".into()));
    assert_eq!(bench.undone, ["skew ts1 +60s", "skew ts1 +60s", "skew ts1 +60s", "drift ts1 1.5"]);
}

#[test]
fn a_clock_is_the_hosts_and_a_new_life_finds_it_as_it_was() {
    let mut bench = Bench::new();
    bench.must("skew ts1 +5s");
    bench.must("kill ts1");
    bench.must("drift ts1 2");
    bench.now = at(1);
    assert_eq!(shows(&bench), (6.0, "2".into()), "it runs on without a process");
    let acts = bench.control.apply(bench.now, &Command::Revive(TS1)).expect("it is dead");
    let set = acts.iter().position(|act| matches!(act, Act::SetOwnClock(TS1, _)));
    let boot = acts.iter().position(|act| matches!(act, Act::Boot(TS1)));
    assert!(set < boot && set.is_some(), "the new life begins with a right clock: {acts:?}");
    bench.carry_out(acts);
    assert_eq!(shows(&bench), (0.0, "1".into()));
    bench.must("skew spare +1s");
    bench.must("skew ts1 -1s");
    bench.must("reset");
    assert!(bench.clocks.values().all(OwnClock::is_right));
    assert!(!bench.life.contains_key(&SPARE), "a right clock starts nobody");
    bench.must("undo");
    assert_eq!(shows(&bench), (-1.0, "1".into()));
}

#[test]
fn restore_makes_it_as_wrong_as_it_was_when_the_step_began() {
    let mut bench = Bench::new();
    bench.must("drift ts1 1.5");
    bench.now = at(10);
    bench.see(Owner::Lab, Fact::StepBegan { step: 1 });
    bench.must("skew ts1 off");
    bench.must("drift ts1 0.5");
    bench.now = at(60);
    bench.must("restore");
    assert_eq!(shows(&bench), (5.0, "1.5".into()), "five seconds, as after ten of the lab");
    bench.now = at(62);
    assert_eq!(shows(&bench), (6.0, "1.5".into()));
    bench.must("restore");
    assert_eq!(shows(&bench), (5.0, "1.5".into()));
}

#[test]
fn what_no_clock_can_be_is_refused() {
    let mut bench = Bench::new();
    for line in ["skew outside +5s", "drift outside 2"] {
        assert_eq!(
            bench.refused(line),
            "outside runs outside this lab, at 127.0.0.1:5300, and reads the clock of the machine \
             that it runs on: only nodes of this lab have one that can be set",
        );
    }
    for command in [Command::Skew(TS1, i64::MIN), Command::Drift(TS1, crate::base::ClockRate(1))] {
        assert!(bench.control.apply(bench.now, &command).is_err(), "{command:?}");
    }
}
