//! Stopped and continued: by Ctrl-Z, by the shell, by a machine that sleeps. The lab's clock waits.

use super::harness::{Setup, Terminal};
use super::lecture::{lab_time, open, quit};
use rustix::process::Signal;
use std::time::Duration;

/// What may pass on the lab's clock around a stop: far less than the stop itself.
const SLACK: f64 = 1.5;
const STOP: Duration = Duration::from_secs(3);

fn real_pace(terminal: &Terminal) -> f64 {
    terminal.keys("0");
    terminal.until_gone("AUTO PACE");
    terminal.until("lab time", lab_time)
}

/// Lab time when the clock has gone on by a little.
fn clock_goes_on(terminal: &Terminal, before: f64) -> f64 {
    terminal.until("the clock going on", |seen| lab_time(seen).filter(|now| *now > before + 0.3))
}

#[test]
fn control_z_gives_the_terminal_back_and_takes_it_again() {
    let terminal = open("tour");
    let before = real_pace(&terminal);
    terminal.keys("\x1a");
    terminal.until_stopped();
    terminal.until_restored();
    assert!(terminal.has_usual_modes(), "the modes are the shell's");
    terminal.stays_quiet(STOP);
    terminal.signal(Signal::CONT);
    let after = clock_goes_on(&terminal, before);
    assert!(after - before < SLACK, "{before} s before the stop, {after} s after it");
    assert!(terminal.seen().screen().alternate_screen() && !terminal.has_usual_modes());
    terminal.until_shows("up 4/4");
    terminal.keys("f");
    terminal.until_shows("answered 1");
    told_once(&terminal);
    quit(&terminal);
    terminal.ends_restored(0);
}

/// The log says that the clock stood still, once and for how long.
fn told_once(terminal: &Terminal) {
    terminal.keys("c/slept\r");
    let line = terminal.until("the event of the clock", |seen| {
        seen.text().lines().find(|line| line.contains("stood still")).map(str::to_owned)
    });
    println!("{}", line.trim());
    let gap = line.split_once("slept for ").expect("it says how long").1.replace(',', "");
    let gap_ms: u64 = gap.split_once(" ms").and_then(|it| it.0.parse().ok()).expect("a span");
    assert!((3000..10_000).contains(&gap_ms), "{line}");
    assert_eq!(terminal.seen().text().matches("stood still").count(), 1, "told once");
}

#[test]
fn the_picker_stops_and_goes_on_as_well() {
    let terminal = Setup::faultlab(&[]).start();
    terminal.until_shows("Enter opens");
    terminal.keys("j");
    terminal.until_shows("▸ campus");
    terminal.keys("\x1a");
    terminal.until_stopped();
    terminal.until_restored();
    terminal.signal(Signal::CONT);
    terminal.until_shows("▸ campus");
    terminal.keys("k");
    terminal.until_shows("▸ tour");
    terminal.keys("q");
    terminal.ends_restored(0);
}

/// As a shell's `kill -TSTP` does it.
#[test]
fn a_stop_signal_is_the_same_as_control_z() {
    let terminal = open("tour");
    terminal.signal(Signal::TSTP);
    terminal.until_stopped();
    terminal.until_restored();
    assert!(terminal.has_usual_modes(), "the modes are the shell's");
    terminal.signal(Signal::CONT);
    terminal.until_shows("up 4/4");
    quit(&terminal);
    terminal.ends_restored(0);
}

/// The whole process stands still without a word, as on a laptop whose lid is closed.
#[test]
fn a_machine_that_sleeps_is_told_once_and_the_clock_waits() {
    let terminal = open("tour");
    terminal.keys("c");
    terminal.until_shows("answered 1");
    let before = real_pace(&terminal);
    terminal.signal(Signal::STOP);
    terminal.until_stopped();
    terminal.until_no_more_comes();
    terminal.stays_quiet(STOP);
    terminal.signal(Signal::CONT);
    let after = clock_goes_on(&terminal, before);
    assert!(after - before < SLACK, "{before} s before the stop, {after} s after it");
    told_once(&terminal);
    quit(&terminal);
    terminal.ends_restored(0);
}
